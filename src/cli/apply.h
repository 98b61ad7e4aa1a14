/*
 * apply.h - what the verbs share that do something to jobs: named by their
 * ids, or all that filters describe.
 */
#ifndef CRQ_CLI_APPLY_H
#define CRQ_CLI_APPLY_H

#include <crq.h>

#include "cli/cli.h"

struct apply {
    struct cli *cli;
    const char *name; /* of the verb, for messages and JSON */
    const char *done; /* what its jobs are then: "canceled" */
    crq_filter filter;
    crq_bulk bulk;
    bool all;
    char **ids; /* of argv */
    size_t ids_count;
};

/* clang-format off */
#define APPLY_INIT(cli_, name_, done_, operation_) \
    { .cli = (cli_), .name = (name_), .done = (done_), \
      .filter = CRQ_FILTER_INIT, \
      .bulk = { .size = sizeof(crq_bulk), .operation = (operation_) } }
/* clang-format on */

/** -q, --all, the filters, --dry-run, -u, --json, and ids. A verb puts it among
 *  its children and sets state->child_inputs[0] to the struct apply. */
extern const struct argp apply_argp;

/** --at-front, for the verbs that have it: handled by the verb's parser. */
#define APPLY_AT_FRONT_OPTION                                                  \
    {                                                                          \
        "at-front", 'f', NULL, 0, "To the front of the queue, in order", 1     \
    }

/** Do it, and say what was done. Returns the exit code. */
int apply_run(struct apply *apply);

#endif
