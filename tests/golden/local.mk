# What other implementations wrote, and the scripts that made them do it.
EXTRA_DIST += \
	tests/golden/cron.tsv \
	tests/golden/make_cron.py \
	tests/golden/make_msgpack.py \
	tests/golden/make_params.py \
	tests/golden/make_pickles.py \
	tests/golden/msgpack.tsv \
	tests/golden/params.tsv \
	tests/golden/pickle/pickles.tsv \
	tests/golden/pickle/sums.tsv \
	tests/golden/unprintable.py \
	tests/golden/values.py \
	tests/golden/values.tsv
