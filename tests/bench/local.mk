# Built with the tests, so that they go on building; run by "make bench".
BENCHES = \
	tests/bench/bench_codec \
	tests/bench/bench_enqueue \
	tests/bench/bench_enqueue_many

check_PROGRAMS += $(BENCHES)
check_LTLIBRARIES += tests/bench/libbench.la
tests_bench_libbench_la_SOURCES = \
	tests/bench/bench.c \
	tests/bench/bench.h \
	tests/bench/job.c \
	tests/bench/job.h \
	tests/bench/link.c \
	tests/bench/link.h

BENCH_LIBS = tests/bench/libbench.la libcrq-core.la
tests_bench_bench_codec_LDADD = $(BENCH_LIBS)
tests_bench_bench_enqueue_LDADD = $(BENCH_LIBS)
tests_bench_bench_enqueue_many_LDADD = $(BENCH_LIBS) $(HIREDIS_LIBS)

# What crq-web is loaded with: test_load.py.
check_PROGRAMS += tests/bench/requests tests/bench/sockets
tests_bench_requests_SOURCES = \
	tests/bench/load.c \
	tests/bench/load.h \
	tests/bench/requests.c
tests_bench_requests_LDADD = $(EV_LIBS)
tests_bench_sockets_SOURCES = \
	tests/bench/load.c \
	tests/bench/load.h \
	tests/bench/sockets.c
tests_bench_sockets_LDADD = $(EV_LIBS)

EXTRA_DIST += tests/bench/lateness.py tests/bench/run

bench: $(BENCHES)
	$(srcdir)/tests/bench/run .
.PHONY: bench
