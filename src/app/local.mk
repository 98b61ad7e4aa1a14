libcrq_core_la_SOURCES += \
	src/app/app.c \
	src/app/app.h \
	src/app/call.c \
	src/app/pattern.c \
	src/app/read.c \
	src/app/read.h \
	src/app/web.c
	src/app/declare.c \
	src/app/declare.h \
	src/app/read.c \
	src/app/read.h \
	src/app/trigger.c \
	src/app/trigger.h
