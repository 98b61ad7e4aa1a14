/*
 * job_json.h - jobs and what belongs to them as JSON objects: what programs get
 * to see, from the command line and over HTTP alike.
 *
 * Each function makes a new dict that the caller owns; CRQ_ENOMEM is all that
 * can go wrong. Times are texts in RQ's form, what is not there is None.
 */
#ifndef CRQ_MODEL_JOB_JSON_H
#define CRQ_MODEL_JOB_JSON_H

#include <crq.h>

#include "model/registry.h"

/** {id, status, queue, func, args, kwargs, result, error, ...}. `result` may
 *  be NULL. */
int crq_job_to_value(crq_job *job, const crq_result *result, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** {id, type, return_value, exc_string, ...} */
int crq_result_to_value(const crq_result *result, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Line i: {id, execution_id, time, text} */
int crq_line_to_value(const crq_lines *lines, size_t i, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** {name, state, queues, ...} */
int crq_worker_to_value(const crq_worker *worker, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** {name, queued, started, ...} */
int crq_counts_to_value(const char *queue, const struct crq_counts *counts,
        crq_value **out, crq_error *err) CRQ_MUST_CHECK;

/**
 * A text from Redis, where anybody may have written what is no UTF-8: that
 * becomes \xff, as Python's "backslashreplace" has it, and nothing fails by
 * it. NULL: no memory.
 */
crq_value *crq_shown_text(const char *text);

/*
 * dict[key] = value, or None for NULL and CRQ_UNSET. Each notes a failure in
 * *rc and does nothing after one. `dict` may be NULL when *rc says so.
 */
void crq_dict_put_text(crq_value *dict, const char *key, const char *text,
        int *rc);
void crq_dict_put_time(crq_value *dict, const char *key, int64_t us, int *rc);
void crq_dict_put_number(crq_value *dict, const char *key, int64_t n, int *rc);
/** Takes the value over. */
void crq_dict_put(crq_value *dict, const char *key, crq_value *v, int *rc);

#endif
