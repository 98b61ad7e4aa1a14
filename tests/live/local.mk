# Tests with a private redis-server: see live.h. A new one adds its name to the
# list and its _SOURCES.
LIVE_TESTS = \
	tests/live/check_api \
	tests/live/check_async \
	tests/live/check_bulk \
	tests/live/check_claim \
	tests/live/check_conn \
	tests/live/check_dependency \
	tests/live/check_doctor \
	tests/live/check_finish \
	tests/live/check_finish_after \
	tests/live/check_finish_trouble \
	tests/live/check_foreign \
	tests/live/check_janitor \
	tests/live/check_job \
	tests/live/check_joblog \
	tests/live/check_leader \
	tests/live/check_lease \
	tests/live/check_live \
	tests/live/check_operate \
	tests/live/check_page \
	tests/live/check_periodic \
	tests/live/check_queue \
	tests/live/check_queue_many \
	tests/live/check_queue_ops \
	tests/live/check_queue_trouble \
	tests/live/check_recall \
	tests/live/check_record \
	tests/live/check_registry \
	tests/live/check_run \
	tests/live/check_schedule \
	tests/live/check_schedule_many \
	tests/live/check_script \
	tests/live/check_stats \
	tests/live/check_story \
	tests/live/check_task_redis \
	tests/live/check_tls \
	tests/live/check_trigger \
	tests/live/check_trigger_put

LIVE_LIBS = tests/live/liblive.la $(LDADD)

if HAVE_CHECK
check_PROGRAMS += $(LIVE_TESTS)
TESTS += $(LIVE_TESTS)
check_LTLIBRARIES += tests/live/liblive.la
endif

tests_live_liblive_la_SOURCES = \
	tests/live/finish_rows.c \
	tests/live/finish_rows.h \
	tests/live/live.c \
	tests/live/live.h \
	tests/live/relay.c \
	tests/live/relay.h \
	tests/live/run_seed.h \
	tests/live/run_steps.c \
	tests/live/run_steps.h \
	tests/live/state.c
tests_live_liblive_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-I$(top_srcdir)/tests/unit

tests_live_check_api_SOURCES = tests/live/check_api.c
tests_live_check_api_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_api_LDADD = tests/live/liblive.la libcrq-api.la $(LDADD)
tests_live_check_conn_SOURCES = tests/live/check_conn.c
tests_live_check_conn_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_conn_LDADD = $(LIVE_LIBS)
tests_live_check_dependency_SOURCES = tests/live/check_dependency.c
tests_live_check_dependency_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_dependency_LDADD = $(LIVE_LIBS)
tests_live_check_job_SOURCES = tests/live/check_job.c
tests_live_check_job_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_job_LDADD = $(LIVE_LIBS)
tests_live_check_joblog_SOURCES = tests/live/check_joblog.c
tests_live_check_joblog_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_joblog_LDADD = $(LIVE_LIBS)
tests_live_check_live_SOURCES = tests/live/check_live.c
tests_live_check_live_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_live_LDADD = $(LIVE_LIBS)
tests_live_check_queue_SOURCES = tests/live/check_queue.c \
	tests/live/queue_rig.c tests/live/queue_rig.h
tests_live_check_queue_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_queue_LDADD = $(LIVE_LIBS)
tests_live_check_queue_many_SOURCES = tests/live/check_queue_many.c \
	tests/live/queue_rig.c tests/live/queue_rig.h
tests_live_check_queue_many_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_queue_many_LDADD = $(LIVE_LIBS)
tests_live_check_queue_trouble_SOURCES = tests/live/check_queue_trouble.c \
	tests/live/queue_rig.c tests/live/queue_rig.h
tests_live_check_queue_trouble_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_queue_trouble_LDADD = $(LIVE_LIBS)
tests_live_check_registry_SOURCES = tests/live/check_registry.c
tests_live_check_registry_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_registry_LDADD = $(LIVE_LIBS)
tests_live_check_schedule_SOURCES = tests/live/check_schedule.c
tests_live_check_schedule_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_schedule_LDADD = $(LIVE_LIBS)
tests_live_check_leader_SOURCES = tests/live/check_leader.c
tests_live_check_leader_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_leader_LDADD = $(LIVE_LIBS)
tests_live_check_schedule_many_SOURCES = tests/live/check_schedule_many.c
tests_live_check_schedule_many_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/tests/unit
tests_live_check_schedule_many_LDADD = $(LIVE_LIBS)
tests_live_check_trigger_SOURCES = tests/live/check_trigger.c
tests_live_check_trigger_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_trigger_LDADD = $(LIVE_LIBS)
tests_live_check_trigger_put_SOURCES = tests/live/check_trigger_put.c
tests_live_check_trigger_put_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_trigger_put_LDADD = $(LIVE_LIBS)
tests_live_check_periodic_SOURCES = tests/live/check_periodic.c
tests_live_check_periodic_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_periodic_LDADD = $(LIVE_LIBS)
tests_live_check_script_SOURCES = tests/live/check_script.c
tests_live_check_script_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_script_LDADD = $(LIVE_LIBS)

tests_live_check_story_SOURCES = tests/live/check_story.c
tests_live_check_story_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_story_LDADD = $(LIVE_LIBS)
tests_live_check_tls_SOURCES = tests/live/check_tls.c
tests_live_check_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_tls_LDADD = $(LIVE_LIBS)
tests_live_check_task_redis_SOURCES = tests/live/check_task_redis.c
tests_live_check_task_redis_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/tests/unit -DDEMO='"$(abs_top_builddir)/.libs"' \
	-DMODULES='"$(abs_top_builddir)/tests/unit/modules/.libs"'
tests_live_check_task_redis_LDADD = $(LIVE_LIBS)
tests_live_check_finish_SOURCES = tests/live/check_finish.c
tests_live_check_finish_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_finish_LDADD = $(LIVE_LIBS)
tests_live_check_finish_after_SOURCES = tests/live/check_finish_after.c
tests_live_check_finish_after_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_finish_after_LDADD = $(LIVE_LIBS)
tests_live_check_finish_trouble_SOURCES = tests/live/check_finish_trouble.c
tests_live_check_finish_trouble_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_finish_trouble_LDADD = $(LIVE_LIBS)
tests_live_check_lease_SOURCES = tests/live/check_lease.c
tests_live_check_lease_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_lease_LDADD = $(LIVE_LIBS)
tests_live_check_record_SOURCES = tests/live/check_record.c
tests_live_check_record_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_record_LDADD = $(LIVE_LIBS)
tests_live_check_recall_SOURCES = tests/live/check_recall.c
tests_live_check_recall_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_recall_LDADD = $(LIVE_LIBS)
tests_live_check_run_SOURCES = tests/live/check_run.c
tests_live_check_run_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_run_LDADD = $(LIVE_LIBS)
tests_live_check_claim_SOURCES = tests/live/check_claim.c
tests_live_check_claim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_claim_LDADD = $(LIVE_LIBS)
tests_live_check_async_SOURCES = tests/live/check_async.c
tests_live_check_async_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_async_LDADD = libcrq-exec.la $(LIVE_LIBS)
tests_live_check_operate_SOURCES = tests/live/check_operate.c
tests_live_check_operate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_operate_LDADD = $(LIVE_LIBS)
tests_live_check_queue_ops_SOURCES = tests/live/check_queue_ops.c
tests_live_check_queue_ops_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_queue_ops_LDADD = $(LIVE_LIBS)
tests_live_check_page_SOURCES = tests/live/check_page.c
tests_live_check_page_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_page_LDADD = $(LIVE_LIBS)
tests_live_check_foreign_SOURCES = tests/live/check_foreign.c
tests_live_check_foreign_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_foreign_LDADD = $(LIVE_LIBS)
tests_live_check_janitor_SOURCES = tests/live/check_janitor.c
tests_live_check_janitor_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_janitor_LDADD = $(LIVE_LIBS)
tests_live_check_bulk_SOURCES = tests/live/check_bulk.c
tests_live_check_bulk_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_bulk_LDADD = $(LIVE_LIBS)
tests_live_check_doctor_SOURCES = tests/live/check_doctor.c
tests_live_check_doctor_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_doctor_LDADD = $(LIVE_LIBS)
tests_live_check_stats_SOURCES = tests/live/check_stats.c
tests_live_check_stats_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_live_check_stats_LDADD = $(LIVE_LIBS)
