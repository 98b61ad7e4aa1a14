/*
 * fuzz.h - what every fuzz target shares.
 *
 * A target is tests/fuzz/fuzz_<name>.c with the one function below, and a
 * folder of small inputs, tests/fuzz/corpus/<name>. With clang and
 * --enable-fuzzers it is linked with libFuzzer:
 *
 *     tests/fuzz/fuzz_pickle -max_total_time=60 FOLDER tests/fuzz/corpus/pickle
 *
 * In other builds replay.c runs the inputs and some changed copies of them, as
 * part of "make check".
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include <crq.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop where a promise is broken, so that the fuzzer keeps the input. */
#define fuzz_check(promise)                                                    \
    do {                                                                       \
        if (!(promise)) {                                                      \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,       \
                    #promise);                                                 \
            abort();                                                           \
        }                                                                      \
    } while (0)

#define fuzz_ok(rc, err)                                                       \
    do {                                                                       \
        int fuzz_rc_ = (rc);                                                   \
        if (fuzz_rc_ != 0) {                                                   \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__,             \
                    crq_error_name(fuzz_rc_), (err)->text);                    \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif
