/*
 * show.h - what every verb shows alike: one object for programs, a result for
 * the shell. The objects are made in model/job_json.h.
 */
#ifndef CRQ_CLI_SHOW_H
#define CRQ_CLI_SHOW_H

#include <crq.h>

#include "cli/cli.h"
#include "model/job_json.h"

/** Print line i: time and text. */
void show_line(const crq_lines *lines, size_t i);

/** Print a value as one line of JSON. */
int show_json(const crq_value *v, crq_error *err) CRQ_MUST_CHECK;

/**
 * Print how a job ended and say so by the exit code: what it returned (a str
 * as it is, anything else as Python prints it), or the error text; the job
 * with --json.
 */
int show_outcome(const struct cli *cli, crq_job *job, const crq_result *result);

#endif
