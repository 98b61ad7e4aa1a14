libcrq_core_la_SOURCES += \
	src/sched/cron.c \
	src/sched/cron.h \
	src/sched/cron_parse.c \
	src/sched/entry.c \
	src/sched/entry.h \
	src/sched/periodic.c \
	src/sched/periodic.h \
	src/sched/plan.c \
	src/sched/plan.h \
	src/sched/schedule.c \
	src/sched/schedule.h \
	src/sched/schedule_json.c \
	src/sched/schedule_json.h \
	src/sched/schedule_read.c \
	src/sched/steps.c \
	src/sched/steps.h \
	src/sched/steps_impl.h \
	src/sched/zone.c \
	src/sched/zone.h
