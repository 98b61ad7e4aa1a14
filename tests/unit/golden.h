/*
 * golden.h - rows of input and output that Python wrote.
 *
 * tests/golden/values.py makes tests/golden/values.tsv and says what each
 * kind of row holds.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <crq.h>

struct golden {
    const crq_value *in, *want; /* two str */
};

/** Call `check` with every row of a kind; fails when there is none. */
void golden_each(const char *kind, void (*check)(const struct golden *row));
/** The same with another file of such rows in tests/golden. */
void golden_each_of(const char *file_name, const char *kind,
        void (*check)(const struct golden *row));

/** Fail unless the bytes are the row's output. */
void golden_check(const struct golden *row, const char *got, size_t len);

#endif
