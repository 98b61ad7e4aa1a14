pkglib_LTLIBRARIES += demo.la
demo_la_SOURCES  = workers/demo/demo.c
# The public header only.
demo_la_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/src/include
demo_la_LDFLAGS  = $(AM_LDFLAGS) -module -avoid-version \
	-export-symbols-regex '^crq_module$$'
demo_la_LIBADD   = libcrq.la
