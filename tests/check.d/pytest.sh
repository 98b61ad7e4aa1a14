# pytest.sh - run the interop tests. Sourced by the steps that do.
# shellcheck shell=bash

# Failures that a machine with much else to do may cause, and no more.
MAY_BE_LOAD=5

# run_pytest VENV [ARGUMENT...]: run them, or those of TESTS_FOLDER, and count.
# The program under test is that of the build $BUILD, else the one of the gcc
# step, with sanitizers. Many tests watch processes against the clock: where a
# few fail, these are run once more by themselves, and the log says so.
run_pytest() {
    local venv=$1 status=0 summary=$CHECK_DIR/logs/$STEP.summary p f s
    shift
    export CRQ_BIN=$CHECK_DIR/${BUILD:-gcc}/crq PYTHONDONTWRITEBYTECODE=1
    rm -rf "$CHECK_DIR/pytest-$STEP"
    pytest_once "$venv" "$@" | tee "$summary" || status=$?
    count_pytest "$summary"
    read -r p f s <"$CHECK_DIR/logs/$STEP.counts"
    if [ "$status" = 1 ] && [ "$f" -le "$MAY_BE_LOAD" ]; then
        echo "== once more, by themselves: the $f that failed"
        if pytest_once "$venv" --lf --lfnf=none "$@"; then
            counts $((p + f)) 0 "$s"
            status=0
        fi
    fi
    # 5: no test was selected.
    [ "$status" = 5 ] && return 0
    return "$status"
}

pytest_once() {
    local venv=$1
    shift
    (cd "$SRC/tests/${TESTS_FOLDER:-interop}" &&
        "$venv/bin/python" -m pytest -v -rs \
            -o cache_dir="$CHECK_DIR/pytest-$STEP" "$@")
}

# The last line of pytest: "=== 3 passed, 1 skipped in 0.12s ===".
count_pytest() {
    local sums
    sums=$(tail -n 1 "$1" | awk '
        { for (i = 2; i <= NF; i++) n[$i] += $(i - 1) }
        function of(word) { return n[word] + n[word ","] }
        END {
            print of("passed") + of("xfailed"),
                of("failed") + of("error") + of("errors") + of("xpassed"),
                of("skipped")
        }')
    # shellcheck disable=SC2086 # three words
    counts $sums
}
