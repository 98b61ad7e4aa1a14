# The gateway: all but its main(), so that tests link it too.
noinst_LTLIBRARIES += libcrq-web.la
libcrq_web_la_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS)
libcrq_web_la_LIBADD = libcrq-exec.la $(MICROHTTPD_LIBS) $(WSLAY_LIBS)
libcrq_web_la_SOURCES = \
	src/web/http.c \
	src/web/http.h \
	src/web/http_impl.h \
	src/web/http_request.c
