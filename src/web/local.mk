# The gateway: all but its main(), so that tests link it too.
noinst_LTLIBRARIES += libcrq-web.la
libcrq_web_la_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS)
libcrq_web_la_LIBADD = libcrq-page.la libcrq-exec.la $(MICROHTTPD_LIBS) $(WSLAY_LIBS)
libcrq_web_la_SOURCES = \
	src/web/api_frame.c \
	src/web/api_frame.h \
	src/web/api_helper.c \
	src/web/api_helper.h \
	src/web/api_pool.c \
	src/web/api_pool.h \
	src/web/binding.c \
	src/web/binding.h \
	src/web/dashboard.c \
	src/web/dashboard.h \
	src/web/debts.c \
	src/web/debts.h \
	src/web/entry.c \
	src/web/entry.h \
	src/web/feeds.c \
	src/web/feeds.h \
	src/web/feeds_channels.c \
	src/web/feeds_impl.h \
	src/web/feeds_streams.c \
	src/web/files.c \
	src/web/files.h \
	src/web/form.c \
	src/web/form.h \
	src/web/gateway.c \
	src/web/gateway.h \
	src/web/guard.c \
	src/web/guard.h \
	src/web/http.c \
	src/web/http.h \
	src/web/http_answer.c \
	src/web/http_impl.h \
	src/web/http_listen.c \
	src/web/http_request.c \
	src/web/http_slow.c \
	src/web/http_target.c \
	src/web/http_target.h \
	src/web/jobs.c \
	src/web/jobs.h \
	src/web/jobs_find.c \
	src/web/jobs_impl.h \
	src/web/kit.c \
	src/web/kit.h \
	src/web/options.c \
	src/web/options.h \
	src/web/origin.c \
	src/web/origin.h \
	src/web/problem.c \
	src/web/problem.h \
	src/web/rate.c \
	src/web/rate.h \
	src/web/rest.c \
	src/web/rest.h \
	src/web/routes.c \
	src/web/routes.h \
	src/web/session.c \
	src/web/session.h \
	src/web/sockets.c \
	src/web/sockets.h \
	src/web/sockets_impl.h \
	src/web/sockets_messages.c \
	src/web/sockets_open.c \
	src/web/tokens.c \
	src/web/tokens.h \
	src/web/ws.c \
	src/web/ws.h

bin_PROGRAMS += crq-web
crq_web_SOURCES = src/web/main.c
crq_web_LDADD = libcrq-web.la

# What pages are given, as C.
nodist_libcrq_web_la_SOURCES = \
	src/web/kit_live_js.c \
	src/web/kit_page_css.c
CLEANFILES += $(nodist_libcrq_web_la_SOURCES)
EXTRA_DIST += \
	src/web/kit/live.js \
	src/web/kit/page.css

src/web/kit_live_js.c: build-aux/embed-text src/web/kit/live.js
	$(AM_V_GEN)$(MKDIR_P) src/web
	$(AM_V_at)$(SHELL) $(top_srcdir)/build-aux/embed-text kit_live_js \
		web/kit.h $(top_srcdir)/src/web/kit/live.js >$@.tmp && \
		mv $@.tmp $@

src/web/kit_page_css.c: build-aux/embed-text src/web/kit/page.css
	$(AM_V_GEN)$(MKDIR_P) src/web
	$(AM_V_at)$(SHELL) $(top_srcdir)/build-aux/embed-text kit_page_css \
		web/kit.h $(top_srcdir)/src/web/kit/page.css >$@.tmp && \
		mv $@.tmp $@
