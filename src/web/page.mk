# The dashboard's pages: made by the helper processes, without a server.
noinst_LTLIBRARIES += libcrq-page.la
libcrq_page_la_SOURCES = \
	src/web/assets.h \
	src/web/html.c \
	src/web/html.h \
	src/web/page.c \
	src/web/page.h \
	src/web/page_api.c \
	src/web/page_chart.c \
	src/web/page_failures.c \
	src/web/page_groups.c \
	src/web/page_impl.h \
	src/web/page_job.c \
	src/web/page_jobs.c \
	src/web/page_login.c \
	src/web/page_overview.c \
	src/web/page_parts.c \
	src/web/page_queue.c \
	src/web/page_schedules.c \
	src/web/page_stats.c \
	src/web/page_stats.h \
	src/web/page_story.c \
	src/web/page_story.h \
	src/web/page_workers.c
libcrq_page_la_LIBADD = libcrq-api.la

# Style and script, within the program: see web/assets.h.
nodist_libcrq_page_la_SOURCES = src/web/assets.c
CLEANFILES += src/web/assets.c
WWW_FILES = \
	$(top_srcdir)/src/web/www/act.js \
	$(top_srcdir)/src/web/www/chart.js \
	$(top_srcdir)/src/web/www/icon.svg \
	$(top_srcdir)/src/web/www/live.js \
	$(top_srcdir)/src/web/www/log.js \
	$(top_srcdir)/src/web/www/main.js \
	$(top_srcdir)/src/web/www/morph.js \
	$(top_srcdir)/src/web/www/style.css
EXTRA_DIST += build-aux/embed-assets $(WWW_FILES)

src/web/assets.c: build-aux/embed-assets $(WWW_FILES)
	$(AM_V_GEN)$(MKDIR_P) src/web
	$(AM_V_at)$(SHELL) $(top_srcdir)/build-aux/embed-assets \
		$(WWW_FILES) >$@.tmp && mv $@.tmp $@
