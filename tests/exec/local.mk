# Tests with real processes and without Redis: see rig.h. The modules are found
# where libtool puts them.
EXEC_TESTS = \
	tests/exec/check_pool \
	tests/exec/check_resolve

if HAVE_CHECK
check_PROGRAMS += $(EXEC_TESTS)
TESTS += $(EXEC_TESTS)
check_LTLIBRARIES += tests/exec/rig_hang.la tests/exec/rig_tasks.la
endif

# -rpath: without a place to be installed in, libtool makes no shared object.
tests_exec_rig_tasks_la_SOURCES = tests/exec/rig_tasks.c
tests_exec_rig_tasks_la_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/src/include
tests_exec_rig_tasks_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version \
	-rpath /nowhere -export-symbols-regex '^crq_module$$'
tests_exec_rig_tasks_la_LIBADD = libcrq.la

tests_exec_rig_hang_la_SOURCES = tests/exec/rig_hang.c
tests_exec_rig_hang_la_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/src/include
tests_exec_rig_hang_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version \
	-rpath /nowhere -export-symbols-regex '^crq_module$$'
tests_exec_rig_hang_la_LIBADD = libcrq.la

tests_exec_check_pool_SOURCES = tests/exec/check_pool.c tests/exec/rig.c \
	tests/exec/rig.h
tests_exec_check_pool_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-I$(top_srcdir)/tests/unit \
	-DDEMO='"$(abs_top_builddir)/.libs/demo.so"' \
	-DHANG='"$(abs_top_builddir)/tests/exec/.libs/rig_hang.so"' \
	-DRIG='"$(abs_top_builddir)/tests/exec/.libs/rig_tasks.so"'
tests_exec_check_pool_LDADD = tests/unit/libunit.la libcrq-exec.la \
	$(CHECK_LIBS)
tests_exec_check_resolve_SOURCES = tests/exec/check_resolve.c
tests_exec_check_resolve_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-I$(top_srcdir)/tests/unit
tests_exec_check_resolve_LDADD = tests/unit/libunit.la libcrq-exec.la \
	$(CHECK_LIBS)
