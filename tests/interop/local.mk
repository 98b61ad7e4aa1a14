# Python's RQ on the other side; run by ./check interop.
EXTRA_DIST += \
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
	tests/interop/test_readme.py
