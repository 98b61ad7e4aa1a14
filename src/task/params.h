/*
 * params.h - what a task function takes, and giving it that.
 *
 * The text is Python's: "name, meals=1, *args, **kwargs". What stands behind
 * "=" is for readers: it may hold commas within brackets or quotes, and is not
 * read any further. Binding follows CPython's rules, order of errors and
 * sentences, so that users see what they know.
 *
 * Not taken: parameters behind *args, a bare "*" or "/", annotations.
 */
#ifndef CRQ_TASK_PARAMS_H
#define CRQ_TASK_PARAMS_H

#include <crq.h>

#include "base/buf.h"

struct crq_params {
    char *text;   /* the names, each with '\0' behind it */
    char **names; /* into `text`, `count` of them */
    size_t count;
    size_t required;     /* the first so many have no default */
    char *args, *kwargs; /* the names behind * and **, or NULL */
};

/** CRQ_EINVAL: the text says what is wrong, and at which offset. CRQ_ENOMEM.
 *  NULL: no parameters. */
int crq_params_parse(const char *text, struct crq_params *out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_params_fini(struct crq_params *params);

/** The number of a parameter, or -1. */
int crq_params_find(const struct crq_params *params, const char *name);

/** Arguments by parameter. Zero it before, free with crq_bound_fini(). */
struct crq_bound {
    const crq_value **values; /* one for each name, borrowed; NULL: left out */
    crq_value *rest, *keywords; /* a list and a dict */
};

/**
 * Bind arguments as a call in Python does.
 *
 * func    for the sentences: "demo.add".
 * args    list or tuple; kwargs a dict. What is bound is borrowed from them.
 * why     when the arguments do not fit: the sentence of Python's TypeError.
 *
 * Returns 0, CRQ_ETASK when they do not fit, CRQ_ENOMEM, CRQ_ELIMIT.
 */
int crq_params_bind(const struct crq_params *params, const char *func,
        const crq_value *args, const crq_value *kwargs, struct crq_bound *out,
        struct crq_buf *why) CRQ_MUST_CHECK;
void crq_bound_fini(struct crq_bound *bound);

#endif
