# lib.sh - what the steps of ./check share. Sourced by each of them, with
# SRC, CHECK_DIR, STEP and JOBS from ./check in the environment.
# shellcheck shell=bash
set -euo pipefail
: "${SRC:?run this through ./check}" "${CHECK_DIR:?}" "${STEP:?}" "${JOBS:?}"
cd "$SRC"
# Four times Check's patience: steps run side by side, and with sanitizers.
export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-4}

# counts PASSED FAILED SKIPPED: what this step adds to the sum.
counts() {
    echo "$1 $2 $3" >"$CHECK_DIR/logs/$STEP.counts"
}

# End the step: there is nothing to test here, for the reason given.
skip() {
    echo "skipped: $*"
    counts 0 0 1
    exit 0
}

# The first of the named programs that is installed; status 1 when none is.
program() {
    local name
    for name in "$@"; do
        if command -v "$name" >/dev/null; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# configured FOLDER CONFIGURE_ARGUMENT...: configure crq in .check/FOLDER and go
# there. The folder is kept, and begun anew when the arguments or configure
# changed: make knows nothing of changed compiler flags.
configured() {
    local folder=$CHECK_DIR/$1 made_of
    shift
    made_of="$* $(cksum <"$SRC/configure")"
    if [ "$(cat "$folder/made-of" 2>/dev/null)" != "$made_of" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        (cd "$folder" && "$SRC/configure" --quiet "$@")
        echo "$made_of" >"$folder/made-of"
    fi
    cd "$folder"
}

# build FOLDER CONFIGURE_ARGUMENT...: the same, and build all programs there.
build() {
    configured "$@"
    make -j"$JOBS" all
}

# run_tests TARGET [VARIABLE=VALUE...]: make it and count what automake saw.
run_tests() {
    local status=0
    rm -f test-suite.log
    make -j"$JOBS" "$@" || status=$?
    [ -e test-suite.log ] || return "$status"
    counts_of_suite test-suite.log
    [ "$status" = 0 ] || cat test-suite.log
    return "$status"
}

# Automake sums up at the top of test-suite.log: "# PASS:  12".
counts_of_suite() {
    local sums
    sums=$(awk '
        /^# (PASS|XFAIL):/        { p += $3 }
        /^# (FAIL|XPASS|ERROR):/  { f += $3 }
        /^# SKIP:/                { s += $3 }
        /^\.\. contents/          { exit }
        END                       { print p + 0, f + 0, s + 0 }' "$1")
    # shellcheck disable=SC2086 # three words
    counts $sums
}
