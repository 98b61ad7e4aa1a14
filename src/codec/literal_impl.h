/* literal_impl.h - what the files of the literal reader share. */
#ifndef CRQ_CODEC_LITERAL_IMPL_H
#define CRQ_CODEC_LITERAL_IMPL_H

#include "base/buf.h"
#include "codec/literal.h"

struct literal {
    const char *text;
    size_t len, at;
    size_t items, depth;   /* how many may still be made, and be opened */
    size_t brackets;       /* that are open: line breaks are white space */
    struct crq_buf string; /* what a string or number is gathered in */
    crq_error *err;
};

/** The byte at `at`, or -1 at the end. */
int crq_literal_peek(const struct literal *l);

/** Step over white space, and over line breaks and comments in brackets. */
void crq_literal_skip(struct literal *l);

/** CRQ_ECODEC, "offset <at>: <reason>". */
int crq_literal_fail(const struct literal *l, size_t at, const char *reason);

/* literal_number.c: a number without its sign, and the other way round. */
int crq_literal_number(struct literal *l, crq_value **out);
int crq_literal_negate(const struct literal *l, crq_value **v);

/* literal_string.c: whether a string or bytes begins here, and reading it
 * with all that are adjacent. */
bool crq_literal_at_string(const struct literal *l);
int crq_literal_string(struct literal *l, crq_value **out);

#endif
