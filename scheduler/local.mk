bin_PROGRAMS += crq-scheduler
crq_scheduler_SOURCES = \
	scheduler/main.c \
	scheduler/options.c \
	scheduler/options.h \
	scheduler/periodic.c \
	scheduler/rq.c \
	scheduler/scheduler.c \
	scheduler/scheduler.h \
	scheduler/schedules.c
crq_scheduler_LDADD = libcrq-exec.la
