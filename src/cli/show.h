/*
 * show.h - a job as every verb shows it: one object for programs, a result
 * for the shell.
 */
#ifndef CRQ_CLI_SHOW_H
#define CRQ_CLI_SHOW_H

#include <crq.h>

#include "cli/cli.h"

/** The job as a dict: {id, status, queue, func, args, kwargs, result, error,
 *  ...}. `result` may be NULL. */
int show_job_value(crq_job *job, const crq_result *result, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** A result as a dict: {type, return_value, exc_string, ...}. */
int show_result_value(const crq_result *result, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Line i as a dict: {id, execution_id, time, text}. */
int show_line_value(const crq_lines *lines, size_t i, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;
/** Print line i: time and text. */
void show_line(const crq_lines *lines, size_t i);

/** A worker as a dict: {name, state, queues, ...}. */
int show_worker_value(const crq_worker *worker, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Print a value as one line of JSON. */
int show_json(const crq_value *v, crq_error *err) CRQ_MUST_CHECK;

/**
 * Print how a job ended and say so by the exit code: what it returned (a str
 * as it is, anything else as Python prints it), or the error text; the job
 * with --json.
 */
int show_outcome(const struct cli *cli, crq_job *job, const crq_result *result);

/** dict[key] = text, or None for NULL. Both calls note a failure in *rc and do
 *  nothing after one. */
void show_put_text(crq_value *dict, const char *key, const char *text, int *rc);
void show_put_time(crq_value *dict, const char *key, int64_t us, int *rc);
void show_put_number(crq_value *dict, const char *key, int64_t n, int *rc);
/** Takes the value over. */
void show_put(crq_value *dict, const char *key, crq_value *v, int *rc);

#endif
