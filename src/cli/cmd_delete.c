/* cmd_delete.c - crq delete: jobs that are to be forgotten. */
#include "cli/apply.h"

static const struct argp_option option_table[] = {
    { "delete-dependents", 'd', NULL, 0, "And the jobs that wait for it", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *apply = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = apply; return 0;
    case 'd': apply->bulk.flags |= CRQ_DELETE_DEPENDENTS; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_delete(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = { { &apply_argp, 0, NULL, 0 },
        { 0 } };
    static const struct argp argp = { option_table, parse,
        "ID...\n--all [-q QUEUE] [FILTER...]",
        "Delete jobs, of whatever status. Their results stay for their own "
        "time.",
        children, NULL, NULL };
    struct apply apply =
            APPLY_INIT(cli, "delete", "deleted", CRQ_OPERATION_DELETE);

    argp_parse(&argp, argc, argv, 0, NULL, &apply);
    return apply_run(&apply);
}
