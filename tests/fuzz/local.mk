# One program per decoder: fuzz.h says what a target is. A new one adds its
# name to the list, two lines at the end, and its folder of inputs.
FUZZ_TARGETS = \
	tests/fuzz/fuzz_api \
	tests/fuzz/fuzz_app \
	tests/fuzz/fuzz_cron \
	tests/fuzz/fuzz_cronfile \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_inflate \
	tests/fuzz/fuzz_job \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_literal \
	tests/fuzz/fuzz_msgpack \
	tests/fuzz/fuzz_pickle \
	tests/fuzz/fuzz_url \
	tests/fuzz/fuzz_web \
	tests/fuzz/fuzz_ws

check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/corpus

if FUZZERS
FUZZ_LIBS = libcrq-core.la
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_LIBS = tests/fuzz/libreplay.la libcrq-core.la
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += $(FUZZ_TARGETS)
check_LTLIBRARIES += tests/fuzz/libreplay.la
endif

tests_fuzz_libreplay_la_SOURCES = tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_libreplay_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCORPUS='"$(abs_top_srcdir)/tests/fuzz/corpus"'

tests_fuzz_fuzz_api_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_api.c
tests_fuzz_fuzz_api_LDADD = $(FUZZ_LIBS) libcrq-api.la
tests_fuzz_fuzz_api_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_app_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_app.c
tests_fuzz_fuzz_app_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_app_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_cron_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_cron.c
tests_fuzz_fuzz_cron_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_cron_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_cronfile_SOURCES = tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_cronfile.c
tests_fuzz_fuzz_cronfile_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_cronfile_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_frame.c
tests_fuzz_fuzz_frame_LDADD = $(FUZZ_LIBS) libcrq-exec.la
tests_fuzz_fuzz_frame_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_inflate_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_inflate.c
tests_fuzz_fuzz_inflate_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_inflate_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_job_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_job.c
tests_fuzz_fuzz_job_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_job_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_json.c
tests_fuzz_fuzz_json_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_literal_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_literal.c
tests_fuzz_fuzz_literal_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_literal_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_msgpack_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_msgpack.c
tests_fuzz_fuzz_msgpack_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_msgpack_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_pickle_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_pickle.c
tests_fuzz_fuzz_pickle_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_pickle_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_url_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_url.c
tests_fuzz_fuzz_url_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_url_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_web_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_web.c
tests_fuzz_fuzz_web_LDADD = $(FUZZ_LIBS) libcrq-web.la
tests_fuzz_fuzz_web_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ws_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_ws.c
tests_fuzz_fuzz_ws_LDADD = $(FUZZ_LIBS) libcrq-web.la
tests_fuzz_fuzz_ws_LDFLAGS = $(FUZZ_LINK)
