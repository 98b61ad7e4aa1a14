include tests/golden/local.mk
include tests/unit/local.mk
include tests/live/local.mk

# What needs no Redis and nothing else: make check-unit.
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UNIT_TESTS)'
.PHONY: check-unit

EXTRA_DIST += \
	tests/check.d/bench \
	tests/check.d/clang \
	tests/check.d/clang-asan \
	tests/check.d/coverage \
	tests/check.d/cppcheck \
	tests/check.d/cppcheck.supp \
	tests/check.d/distcheck \
	tests/check.d/format \
	tests/check.d/fuzz \
	tests/check.d/gcc \
	tests/check.d/interop \
	tests/check.d/interop-old \
	tests/check.d/layers \
	tests/check.d/lib.sh \
	tests/check.d/manpages \
	tests/check.d/pytest.sh \
	tests/check.d/shell \
	tests/check.d/symbols \
	tests/check.d/valgrind \
	tests/interop/conftest.py \
	tests/interop/pytest.ini \
	tests/interop/requirements.txt \
	tests/interop/state.py \
	tests/interop/tasks.py \
	tests/interop/test_cli.py \
	tests/interop/test_enqueue.py \
	tests/interop/test_ground.py \
	tests/interop/test_manual.py \
	tests/interop/test_read.py \
	tests/layers
