libcrq_core_la_SOURCES += \
	src/task/callback.c \
	src/task/failure.c \
	src/task/guard.c \
	src/task/guard.h \
	src/task/module.c \
	src/task/module.h \
	src/task/params.c \
	src/task/params.h \
	src/task/perform.c \
	src/task/perform.h \
	src/task/perform_impl.h \
	src/task/task.c \
	src/task/task_impl.h \
	src/task/task_meta.c \
	src/task/task_redis.c \
	src/task/task_refuse.c

# Where modules are installed and looked for.
AM_CPPFLAGS += -DCRQ_MODULE_DIR='"$(pkglibdir)"'
