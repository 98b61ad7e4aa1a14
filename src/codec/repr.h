/*
 * repr.h - values as Python prints them, and a call as RQ describes it.
 */
#ifndef CRQ_CODEC_REPR_H
#define CRQ_CODEC_REPR_H

#include <crq.h>

#include "base/buf.h"

/**
 * Append repr(v) as Python 3.8+ prints it.
 *
 * CRQ_ELIMIT: out is full, v is nested too deep, or an int has more than 4300
 * digits (as in Python). CRQ_EUNSUPPORTED: v contains itself. CRQ_ENOMEM.
 * On failure nothing was appended.
 */
int crq_repr(const crq_value *v, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** The shortest decimal text that reads back as `d`, as repr(float). */
int crq_repr_float(double d, struct crq_buf *out);

#define CRQ_DESCRIPTION_CUT 75 /* characters of an argument, as in RQ */

/**
 * Append the call as RQ prints it in a job's description:
 * "f(1, 'x', a=2, b=None)".
 *
 * Each argument's repr is cut to `cut` characters and "..." behind it (0: no
 * cut). Keyword parts are sorted as texts. Source: rq/utils.py,
 * get_call_string(), and rq/job.py, Job.get_call_string().
 *
 * args    list or tuple, or NULL
 * kwargs  dict, or NULL; keys that are no str, with which Python could not
 *         make the call, appear as their repr
 *
 * Errors as crq_repr(); on failure nothing was appended.
 */
int crq_repr_call(const char *func, const crq_value *args,
        const crq_value *kwargs, size_t cut, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
