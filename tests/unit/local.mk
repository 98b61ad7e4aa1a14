# One program per module: tests/unit/check_<module>.c, which needs no more than
# its name in this list.
UNIT_TESTS = \
	tests/unit/check_args \
	tests/unit/check_buf \
	tests/unit/check_call \
	tests/unit/check_clock \
	tests/unit/check_error \
	tests/unit/check_fields \
	tests/unit/check_json \
	tests/unit/check_keys \
	tests/unit/check_literal \
	tests/unit/check_log \
	tests/unit/check_mem \
	tests/unit/check_number \
	tests/unit/check_params \
	tests/unit/check_pickle \
	tests/unit/check_pickle_golden \
	tests/unit/check_random \
	tests/unit/check_refusal \
	tests/unit/check_repr \
	tests/unit/check_result \
	tests/unit/check_serializer \
	tests/unit/check_status \
	tests/unit/check_temporal \
	tests/unit/check_timetext \
	tests/unit/check_url \
	tests/unit/check_utf8 \
	tests/unit/check_value \
	tests/unit/check_zip \
	tests/unit/check_zip_short

# The default of every program that says nothing else.
LDADD = tests/unit/libunit.la libcrq-core.la $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
check_LTLIBRARIES += tests/unit/libunit.la
endif

tests_unit_libunit_la_SOURCES = tests/unit/golden.c tests/unit/golden.h \
	tests/unit/unit.c tests/unit/unit.h
tests_unit_libunit_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

tests_unit_check_pickle_golden_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DGOLDEN='"$(abs_top_srcdir)/tests/golden"'
