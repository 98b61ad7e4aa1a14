include_HEADERS += src/include/crq.h
pkgconfig_DATA += src/crq.pc

# Everything of the library; programs and tests link this directly, because
# they use what the shared library keeps to itself.
noinst_LTLIBRARIES += libcrq-core.la
libcrq_core_la_SOURCES =
libcrq_core_la_LIBADD = $(CORE_LIBS)

lib_LTLIBRARIES += libcrq.la
libcrq_la_SOURCES =
libcrq_la_LIBADD = libcrq-core.la
libcrq_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/src/libcrq.map
libcrq_la_DEPENDENCIES = libcrq-core.la $(top_srcdir)/src/libcrq.map
EXTRA_DIST += src/libcrq.map src/crq.pc.in

include src/base/local.mk
include src/codec/local.mk
include src/redis/local.mk
include src/model/local.mk
include src/app/local.mk
include src/sched/local.mk
include src/task/local.mk
include src/exec/local.mk
include src/web/api.mk
include src/web/page.mk
include src/cli/local.mk
include src/web/local.mk
