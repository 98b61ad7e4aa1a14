# The steps of ./check.
EXTRA_DIST += \
	tests/check.d/apps \
	tests/check.d/bench \
	tests/check.d/browser \
	tests/check.d/clang \
	tests/check.d/clang-asan \
	tests/check.d/coverage \
	tests/check.d/cppcheck \
	tests/check.d/cppcheck.supp \
	tests/check.d/cron \
	tests/check.d/distcheck \
	tests/check.d/format \
	tests/check.d/fuzz \
	tests/check.d/gateway \
	tests/check.d/gcc \
	tests/check.d/interop \
	tests/check.d/interop-old \
	tests/check.d/lateness \
	tests/check.d/layers \
	tests/check.d/lib.sh \
	tests/check.d/manpages \
	tests/check.d/pytest.sh \
	tests/check.d/random \
	tests/check.d/redis-new \
	tests/check.d/rooms \
	tests/check.d/shell \
	tests/check.d/smoke \
	tests/check.d/speed \
	tests/check.d/symbols \
	tests/check.d/valgrind \
	tests/layers
