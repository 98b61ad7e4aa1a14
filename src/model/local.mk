libcrq_core_la_SOURCES += \
	src/model/call.c \
	src/model/call.h \
	src/model/fields.c \
	src/model/fields.h \
	src/model/job.c \
	src/model/job.h \
	src/model/keys.c \
	src/model/keys.h \
	src/model/lease.h \
	src/model/queue.c \
	src/model/queue.h \
	src/model/record.h \
	src/model/registry.c \
	src/model/registry.h \
	src/model/result.c \
	src/model/result.h \
	src/model/run.h \
	src/model/serializer.c \
	src/model/serializer.h \
	src/model/status.c \
	src/model/status.h \
	src/model/wait.c \
	src/model/worker.c \
	src/model/worker.h
