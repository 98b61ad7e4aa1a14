# One program per module: tests/unit/check_<module>.c, which needs no more than
# its name in this list.
UNIT_TESTS = \
	tests/unit/check_address \
	tests/unit/check_api_call \
	tests/unit/check_api_frame \
	tests/unit/check_app \
	tests/unit/check_args \
	tests/unit/check_buf \
	tests/unit/check_call \
	tests/unit/check_call_check \
	tests/unit/check_call_peek \
	tests/unit/check_callback \
	tests/unit/check_clock \
	tests/unit/check_cron \
	tests/unit/check_cronfile \
	tests/unit/check_death \
	tests/unit/check_error \
	tests/unit/check_failures \
	tests/unit/check_fields \
	tests/unit/check_frame \
	tests/unit/check_guard \
	tests/unit/check_html \
	tests/unit/check_job_json \
	tests/unit/check_json \
	tests/unit/check_keys \
	tests/unit/check_literal \
	tests/unit/check_log \
	tests/unit/check_mem \
	tests/unit/check_module \
	tests/unit/check_msgpack \
	tests/unit/check_number \
	tests/unit/check_pace \
	tests/unit/check_page \
	tests/unit/check_params \
	tests/unit/check_perform \
	tests/unit/check_pickle \
	tests/unit/check_pickle_golden \
	tests/unit/check_pickle_limits \
	tests/unit/check_pickle_refused \
	tests/unit/check_plan \
	tests/unit/check_random \
	tests/unit/check_rate \
	tests/unit/check_refusal \
	tests/unit/check_repr \
	tests/unit/check_result \
	tests/unit/check_serializer \
	tests/unit/check_session \
	tests/unit/check_slot \
	tests/unit/check_stats \
	tests/unit/check_status \
	tests/unit/check_task \
	tests/unit/check_temporal \
	tests/unit/check_timetext \
	tests/unit/check_url \
	tests/unit/check_utf8 \
	tests/unit/check_value \
	tests/unit/check_web \
	tests/unit/check_webhook \
	tests/unit/check_zip \
	tests/unit/check_zip_short

# The default of every program that says nothing else.
LDADD = tests/unit/libunit.la libcrq-core.la $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
check_LTLIBRARIES += tests/unit/libunit.la
endif

tests_unit_libunit_la_SOURCES = \
	tests/unit/golden.c \
	tests/unit/golden.h \
	tests/unit/pickles.c \
	tests/unit/pickles.h \
	tests/unit/reply.c \
	tests/unit/reply.h \
	tests/unit/tasks.c \
	tests/unit/tasks.h \
	tests/unit/unit.c \
	tests/unit/unit.h
tests_unit_libunit_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

tests_unit_check_pickle_golden_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DGOLDEN='"$(abs_top_srcdir)/tests/golden"'

tests_unit_check_cron_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DGOLDEN='"$(abs_top_srcdir)/tests/golden"'

# Modules to be loaded by check_module. An -rpath makes libtool build a shared
# object of what is not installed. They use crq.h only.
TEST_MODULES = \
	tests/unit/modules/double.la \
	tests/unit/modules/good.la \
	tests/unit/modules/nosymbol.la \
	tests/unit/modules/otherlib.la \
	tests/unit/modules/shop.la \
	tests/unit/modules/unresolved.la \
	tests/unit/modules/wrongabi.la
TEST_MODULE_FLAGS = $(AM_LDFLAGS) -module -avoid-version -rpath /nowhere

if HAVE_CHECK
check_LTLIBRARIES += $(TEST_MODULES)
endif

tests_unit_modules_double_la_SOURCES = tests/unit/modules/double.c
tests_unit_modules_double_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_unit_modules_double_la_LDFLAGS = $(TEST_MODULE_FLAGS)
tests_unit_modules_double_la_LIBADD = libcrq.la
tests_unit_modules_good_la_SOURCES = tests/unit/modules/good.c
tests_unit_modules_good_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_unit_modules_good_la_LDFLAGS = $(TEST_MODULE_FLAGS)
tests_unit_modules_good_la_LIBADD = libcrq.la
tests_unit_modules_nosymbol_la_SOURCES = tests/unit/modules/nosymbol.c
tests_unit_modules_nosymbol_la_LDFLAGS = $(TEST_MODULE_FLAGS)
tests_unit_modules_otherlib_la_SOURCES = tests/unit/modules/otherlib.c
tests_unit_modules_otherlib_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_unit_modules_otherlib_la_LDFLAGS = $(TEST_MODULE_FLAGS)
# The example of libcrq(3), as a reader would copy it from the page.
nodist_tests_unit_modules_shop_la_SOURCES = tests/unit/modules/shop.c
tests_unit_modules_shop_la_SOURCES =
tests_unit_modules_shop_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_unit_modules_shop_la_LDFLAGS = $(TEST_MODULE_FLAGS)
tests_unit_modules_shop_la_LIBADD = libcrq.la
tests/unit/modules/shop.c: man/libcrq.3
	$(AM_V_at)$(MKDIR_P) tests/unit/modules
	$(AM_V_GEN)$(SED) -e '/begin shop\.c/,/end shop\.c/!d' -e '/^\./d' \
		-e 's/\\e/\\/g' $(srcdir)/man/libcrq.3 >$@
CLEANFILES += tests/unit/modules/shop.c
tests_unit_modules_unresolved_la_SOURCES = tests/unit/modules/unresolved.c
tests_unit_modules_unresolved_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_unit_modules_unresolved_la_LDFLAGS = $(TEST_MODULE_FLAGS)
tests_unit_modules_unresolved_la_LIBADD = libcrq.la
tests_unit_modules_wrongabi_la_SOURCES = tests/unit/modules/wrongabi.c
tests_unit_modules_wrongabi_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_unit_modules_wrongabi_la_LDFLAGS = $(TEST_MODULE_FLAGS)
tests_unit_modules_wrongabi_la_LIBADD = libcrq.la

tests_unit_check_module_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DMODULES='"$(abs_top_builddir)/tests/unit/modules/.libs"' \
	-DDEMO='"$(abs_top_builddir)/.libs"'
tests_unit_check_perform_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DDEMO='"$(abs_top_builddir)/.libs"'

TEST_EXTENSIONS = .sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
TESTS += tests/unit/check_embed_lua.sh
dist_check_SCRIPTS += tests/unit/check_embed_lua.sh

tests_unit_check_address_SOURCES = tests/unit/check_address.c \
	courier/address.c courier/address.h
tests_unit_check_address_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_check_pace_SOURCES = \
	tests/unit/check_pace.c \
	workers/pace.c \
	workers/pace.h

tests_unit_check_api_call_LDADD = tests/unit/libunit.la libcrq-api.la \
	$(CHECK_LIBS)

# What is in libcrq-exec.la.
tests_unit_check_death_LDADD = $(tests_unit_check_frame_LDADD)
tests_unit_check_frame_LDADD = tests/unit/libunit.la libcrq-exec.la \
	$(CHECK_LIBS)
tests_unit_check_slot_LDADD = $(tests_unit_check_frame_LDADD)

# What is in libcrq-web.la.
tests_unit_check_api_frame_LDADD = $(tests_unit_check_web_LDADD)
tests_unit_check_guard_LDADD = $(tests_unit_check_web_LDADD)
tests_unit_check_html_LDADD = $(tests_unit_check_web_LDADD)
tests_unit_check_page_LDADD = $(tests_unit_check_web_LDADD)
tests_unit_check_rate_LDADD = $(tests_unit_check_web_LDADD)
tests_unit_check_session_LDADD = $(tests_unit_check_web_LDADD)
tests_unit_check_web_LDADD = tests/unit/libunit.la libcrq-web.la $(CHECK_LIBS)
