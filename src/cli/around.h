/*
 * around.h - options for what happens around the runs of a job: retries,
 * repeats, dependencies, callbacks, webhooks, group.
 */
#ifndef CRQ_CLI_AROUND_H
#define CRQ_CLI_AROUND_H

#include <argp.h>
#include <crq.h>

/** What these options set. Only `call` is for others: it is filled, and
 *  borrows from this struct. */
struct cli_around {
    crq_call *call; /* set before parsing */
    int64_t *retry_intervals, *repeat_intervals;
    const char **depends_on;
    crq_webhook *webhooks;
    char **texts; /* parts of options */
    size_t texts_count;
};

/** A parser to be put among the children of a verb's: its input is the
 *  struct cli_around. */
extern const struct argp cli_around_argp;

void cli_around_fini(struct cli_around *around);

#endif
