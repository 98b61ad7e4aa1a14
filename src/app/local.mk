libcrq_core_la_SOURCES += \
	src/app/app.c \
	src/app/app.h \
	src/app/call.c \
	src/app/cronfile.c \
	src/app/cronfile.h \
	src/app/declare.c \
	src/app/declare.h \
	src/app/funcargs.c \
	src/app/funcargs.h \
	src/app/pattern.c \
	src/app/read.c \
	src/app/read.h \
	src/app/trigger.c \
	src/app/trigger.h \
	src/app/trigger_put.c \
	src/app/trigger_read.c \
	src/app/web.c
