bin_PROGRAMS += crq-scheduler
crq_scheduler_SOURCES = \
	scheduler/alarm.c \
	scheduler/alarm.h \
	scheduler/declare.c \
	scheduler/main.c \
	scheduler/options.c \
	scheduler/options.h \
	scheduler/periodic.c \
	scheduler/rq.c \
	scheduler/scheduler.c \
	scheduler/scheduler.h \
	scheduler/schedules.c \
	scheduler/triggers.c
crq_scheduler_LDADD = libcrq-exec.la
