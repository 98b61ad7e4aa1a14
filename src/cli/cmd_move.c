/* cmd_move.c - crq move: waiting jobs to another queue. */
#include "cli/apply.h"

static const struct argp_option option_table[] = {
    { "to", 't', "QUEUE", 0, "Where to; may be the queue they are in", 1 },
    APPLY_AT_FRONT_OPTION,
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *apply = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = apply; return 0;
    case 't': apply->bulk.to_queue = arg; return 0;
    case 'f': apply->bulk.flags |= CRQ_AT_FRONT; return 0;
    case ARGP_KEY_END:
        if (apply->bulk.to_queue == NULL)
            argp_error(state, "say where to, with --to");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_move(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = { { &apply_argp, 0, NULL, 0 },
        { 0 } };
    static const struct argp argp = { option_table, parse,
        "--to QUEUE ID...\n--to QUEUE --all [-q QUEUE] [FILTER...]",
        "Move jobs that are queued, deferred or scheduled to another queue, "
        "or to an end of their own.",
        children, NULL, NULL };
    struct apply apply = APPLY_INIT(cli, "move", "moved", CRQ_OPERATION_MOVE);

    argp_parse(&argp, argc, argv, 0, NULL, &apply);
    return apply_run(&apply);
}
