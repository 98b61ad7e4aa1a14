# One program per module: tests/unit/check_<module>.c. All take their flags
# from here; a new one adds its name to the list and its _SOURCES.
UNIT_TESTS = \
	tests/unit/check_buf \
	tests/unit/check_error \
	tests/unit/check_json \
	tests/unit/check_repr \
	tests/unit/check_timetext \
	tests/unit/check_zip

UNIT_LIBS = tests/unit/libunit.la libcrq-core.la $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
check_LTLIBRARIES += tests/unit/libunit.la
endif

tests_unit_libunit_la_SOURCES = tests/unit/golden.c tests/unit/golden.h \
	tests/unit/unit.c tests/unit/unit.h
tests_unit_libunit_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

tests_unit_check_buf_SOURCES = tests/unit/check_buf.c
tests_unit_check_buf_LDADD = $(UNIT_LIBS)
tests_unit_check_error_SOURCES = tests/unit/check_error.c
tests_unit_check_error_LDADD = $(UNIT_LIBS)
tests_unit_check_json_SOURCES = tests/unit/check_json.c
tests_unit_check_json_LDADD = $(UNIT_LIBS)
tests_unit_check_repr_SOURCES = tests/unit/check_repr.c
tests_unit_check_repr_LDADD = $(UNIT_LIBS)
tests_unit_check_timetext_SOURCES = tests/unit/check_timetext.c
tests_unit_check_timetext_LDADD = $(UNIT_LIBS)
tests_unit_check_zip_SOURCES = tests/unit/check_zip.c
tests_unit_check_zip_LDADD = $(UNIT_LIBS)

# What Python wrote, and the scripts that it was written by.
EXTRA_DIST += tests/golden/unprintable.py tests/golden/values.py \
	tests/golden/values.tsv
