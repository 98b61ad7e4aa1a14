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

# What needs no Redis and nothing else: make check-unit.
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UNIT_TESTS)'
.PHONY: check-unit
