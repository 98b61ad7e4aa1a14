/* cmd_stop.c - crq stop: jobs that run. */
#include "cli/apply.h"

int cmd_stop(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = { { &apply_argp, 0, NULL, 0 },
        { 0 } };
    static const struct argp argp = { NULL, NULL,
        "ID...\n--all [-q QUEUE] [FILTER...]",
        "Have running jobs stopped by their workers. It only asks: "
        "'crq result --wait' tells when it is done.",
        children, NULL, NULL };
    struct apply apply =
            APPLY_INIT(cli, "stop", "told to stop", CRQ_OPERATION_STOP);

    argp_parse(&argp, argc, argv, 0, NULL, &apply);
    return apply_run(&apply);
}
