# The REST interface and the metrics: a library of their own, which tests use
# without the server.
noinst_LTLIBRARIES += libcrq-api.la
libcrq_api_la_SOURCES = \
	src/web/api.c \
	src/web/api.h \
	src/web/api_answer.c \
	src/web/api_apply.c \
	src/web/api_call.c \
	src/web/api_call.h \
	src/web/api_enqueue.c \
	src/web/api_idempotency.c \
	src/web/api_idempotency.h \
	src/web/api_impl.h \
	src/web/api_jobs.c \
	src/web/api_list.c \
	src/web/api_openapi.c \
	src/web/api_query.c \
	src/web/api_queues.c \
	src/web/api_read.c \
	src/web/api_read.h \
	src/web/api_schedules.c \
	src/web/api_stats.c \
	src/web/api_workers.c \
	src/web/heads.c \
	src/web/heads.h \
	src/web/many.h \
	src/web/metrics.c \
	src/web/metrics.h \
	src/web/metrics_facts.c \
	src/web/metrics_impl.h
libcrq_api_la_LIBADD = libcrq-core.la

nodist_libcrq_api_la_SOURCES = src/web/openapi.c
CLEANFILES += src/web/openapi.c
EXTRA_DIST += build-aux/embed-text src/web/openapi.json

src/web/openapi.c: build-aux/embed-text src/web/openapi.json
	$(AM_V_GEN)$(MKDIR_P) src/web
	$(AM_V_at)$(SHELL) $(top_srcdir)/build-aux/embed-text api_openapi \
		web/api.h $(top_srcdir)/src/web/openapi.json >$@.tmp && \
		mv $@.tmp $@
