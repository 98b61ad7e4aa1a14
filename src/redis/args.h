/*
 * args.h - the words of one Redis command, with their lengths.
 *
 * Every word is copied. Failure is sticky as in base/buf.h: it shows when the
 * command is sent.
 */
#ifndef CRQ_REDIS_ARGS_H
#define CRQ_REDIS_ARGS_H

#include <crq.h>

#include "base/buf.h"

struct crq_args {
    struct crq_buf bytes; /* the words, one behind the other */
    size_t *ends;         /* where each word ends in bytes */
    size_t count, cap;
};

void crq_args_init(struct crq_args *args);
void crq_args_fini(struct crq_args *args);
/** Empty, keeping the memory for the next command. */
void crq_args_clear(struct crq_args *args);

/** Forget what was put since there were so many words of so many bytes, and
 *  that it failed. */
void crq_args_cut(struct crq_args *args, size_t count, size_t bytes);

/** Make room for so many words and bytes more, to grow once and not often.
 *  Only a saving: a failure shows when it is needed. */
void crq_args_reserve(struct crq_args *args, size_t words, size_t bytes);

void crq_args_put(struct crq_args *args, const void *bytes, size_t len);
void crq_args_puts(struct crq_args *args, const char *text);
void crq_args_puti(struct crq_args *args, int64_t n);
/** All texts up to NULL: crq_args_list(args, "HGET", key, "status", NULL). */
void crq_args_list(struct crq_args *args, ...) __attribute__((sentinel));

/** 0, or the failure of an earlier put. */
int crq_args_check(const struct crq_args *args, crq_error *err) CRQ_MUST_CHECK;

/** Word i < args->count, borrowed until the next put. */
const char *crq_args_word(const struct crq_args *args, size_t i,
        size_t *out_len);

/**
 * Append the command as Redis reads it (RESP): the words of `head`, which may
 * be NULL, then those of `args`. All of it or, when memory is out or the
 * buffer full, nothing; returns out->rc.
 */
int crq_args_encode(const struct crq_args *head, const struct crq_args *args,
        struct crq_buf *out);

#endif
