# pytest.sh - run the interop tests. Sourced by the steps that do.
# shellcheck shell=bash

# run_pytest VENV [ARGUMENT...]: run them, or those of TESTS_FOLDER, and count.
# The program under test is that of the build $BUILD, else the one of the gcc
# step, with sanitizers. Files run side by side, each process of pytest with a
# Redis of its own: most tests wait more than they work.
run_pytest() {
    local venv=$1 status=0 summary at_once=$((JOBS < 7 ? JOBS + 1 : 8))
    shift
    export CRQ_BIN=$CHECK_DIR/${BUILD:-gcc}/crq PYTHONDONTWRITEBYTECODE=1
    summary=$CHECK_DIR/logs/$STEP.summary
    (cd "$SRC/tests/${TESTS_FOLDER:-interop}" &&
        "$venv/bin/python" -m pytest -v -rsfE -p no:cacheprovider \
            -n "$at_once" --dist loadfile "$@") | tee "$summary" || status=$?
    count_pytest "$summary"
    # 5: no test was selected.
    [ "$status" = 5 ] && return 0
    return "$status"
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
