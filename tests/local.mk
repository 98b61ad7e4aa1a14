include tests/apps/local.mk
include tests/bench/local.mk
include tests/browser/local.mk
include tests/check.d/local.mk
include tests/exec/local.mk
include tests/fuzz/local.mk
include tests/golden/local.mk
include tests/interop/local.mk
include tests/live/local.mk
include tests/unit/local.mk
include tests/web/local.mk

# What needs no Redis and nothing else: make check-unit. Builds no more than it
# runs.
check-unit: $(BUILT_SOURCES)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(UNIT_TESTS)' \
		check_PROGRAMS='$(UNIT_TESTS)' dist_check_SCRIPTS= \
		check_LTLIBRARIES='demo.la tests/unit/libunit.la $(TEST_MODULES)'
# What needs a Redis, and nothing else.
check-live:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(LIVE_TESTS)'
.PHONY: check-live check-unit
