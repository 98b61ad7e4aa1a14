/* cmd_cancel.c - crq cancel: jobs that shall not run. */
#include "cli/apply.h"

enum { PROMOTE = 256, LEAVE };

static const struct argp_option option_table[] = {
    { "enqueue-dependents", PROMOTE, NULL, 0,
            "For jobs that wait for it, it counts as finished", 1 },
    { "remove-from-dependencies", LEAVE, NULL, 0,
            "Take it out of the lists of those it waits for", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *apply = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = apply; return 0;
    case PROMOTE: apply->bulk.flags |= CRQ_CANCEL_ENQUEUE_DEPENDENTS; return 0;
    case LEAVE:
        apply->bulk.flags |= CRQ_CANCEL_REMOVE_FROM_DEPENDENCIES;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_cancel(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = { { &apply_argp, 0, NULL, 0 },
        { 0 } };
    static const struct argp argp = { option_table, parse,
        "ID...\n--all [-q QUEUE] [FILTER...]",
        "Cancel jobs. With --all those that are queued, started, deferred or "
        "scheduled, unless --status says else. A run that is under way goes "
        "on: 'crq stop' ends it.",
        children, NULL, NULL };
    struct apply apply =
            APPLY_INIT(cli, "cancel", "canceled", CRQ_OPERATION_CANCEL);

    argp_parse(&argp, argc, argv, 0, NULL, &apply);
    return apply_run(&apply);
}
