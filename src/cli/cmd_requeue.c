/* cmd_requeue.c - crq requeue: failed jobs once more. */
#include "cli/apply.h"

static const struct argp_option option_table[] = { APPLY_AT_FRONT_OPTION,
    { 0 } };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *apply = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = apply; return 0;
    case 'f': apply->bulk.flags |= CRQ_AT_FRONT; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_requeue(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = { { &apply_argp, 0, NULL, 0 },
        { 0 } };
    static const struct argp argp = { option_table, parse,
        "ID...\n--all [-q QUEUE] [FILTER...]",
        "Put failed and stopped jobs on their queues again.", children, NULL,
        NULL };
    struct apply apply =
            APPLY_INIT(cli, "requeue", "requeued", CRQ_OPERATION_REQUEUE);

    argp_parse(&argp, argc, argv, 0, NULL, &apply);
    return apply_run(&apply);
}
