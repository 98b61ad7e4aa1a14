bin_PROGRAMS += crq
crq_SOURCES = \
	src/cli/apply.c \
	src/cli/apply.h \
	src/cli/around.c \
	src/cli/around.h \
	src/cli/cli.h \
	src/cli/cmd_app.c \
	src/cli/cmd_bench.c \
	src/cli/cmd_cancel.c \
	src/cli/cmd_delete.c \
	src/cli/cmd_doctor.c \
	src/cli/cmd_empty.c \
	src/cli/cmd_enqueue.c \
	src/cli/cmd_info.c \
	src/cli/cmd_list.c \
	src/cli/cmd_log.c \
	src/cli/cmd_move.c \
	src/cli/cmd_position.c \
	src/cli/cmd_requeue.c \
	src/cli/cmd_result.c \
	src/cli/cmd_resume.c \
	src/cli/cmd_schedule.c \
	src/cli/cmd_schedules.c \
	src/cli/cmd_show.c \
	src/cli/cmd_shutdown.c \
	src/cli/cmd_stop.c \
	src/cli/cmd_suspend.c \
	src/cli/cmd_top.c \
	src/cli/cmd_up.c \
	src/cli/cmd_worker.c \
	src/cli/cmd_workers.c \
	src/cli/common.c \
	src/cli/doctor.h \
	src/cli/doctor_aside.c \
	src/cli/doctor_jobs.c \
	src/cli/doctor_queues.c \
	src/cli/doctor_server.c \
	src/cli/filter.c \
	src/cli/filter.h \
	src/cli/main.c \
	src/cli/process.c \
	src/cli/process.h \
	src/cli/schedulers.c \
	src/cli/schedulers.h \
	src/cli/screen.c \
	src/cli/screen.h \
	src/cli/show.c \
	src/cli/show.h \
	src/cli/story.c \
	src/cli/story.h \
	src/cli/story_impl.h \
	src/cli/story_runs.c \
	src/cli/term.c \
	src/cli/term.h \
	src/cli/top.h \
	src/cli/top_draw.c \
	src/cli/top_sample.c \
	src/cli/triggers.c \
	src/cli/triggers.h \
	src/cli/up.h \
	src/cli/up_apps.c \
	src/cli/up_redis.c
crq_LDADD = libcrq-core.la

# Where applications are installed and looked for.
AM_CPPFLAGS += -DCRQ_APP_DIR='"$(pkgdatadir)/apps"'
