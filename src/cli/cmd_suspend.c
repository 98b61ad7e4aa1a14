/* cmd_suspend.c - crq suspend: no worker takes a job, for a while. */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/show.h"

struct options {
    struct cli *cli;
    int64_t seconds; /* CRQ_UNSET: until resumed */
};

static const struct argp_option option_table[] = {
    { "duration", 'd', "SECONDS", 0,
            "For so long: seconds, or 10m, 2h; else until 'crq resume'", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'd':
        o->seconds = cli_seconds(state, "duration", arg);
        if (o->seconds < 1)
            argp_error(state, "--duration %s: a second or more", arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int print_json(const struct options *o, crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put(v, "suspended", crq_value_new_bool(true), &rc);
    crq_dict_put_number(v, "duration", o->seconds, &rc);
    rc = rc < 0 ? crq_fail_nomem(err) : show_json(v, err);
    crq_value_free(v);
    return rc;
}

int cmd_suspend(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "",
        "Let no worker take a job. Runs that are under way go on.", children,
        NULL, NULL };
    struct options o = { cli, CRQ_UNSET };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_suspend(cli->conn, o.seconds, &err);
    if (rc == 0 && cli->json)
        rc = print_json(&o, &err);
    else if (rc == 0 && o.seconds != CRQ_UNSET)
        printf("Workers are suspended for %lld seconds.\n",
                (long long)o.seconds);
    else if (rc == 0)
        printf("Workers are suspended until 'crq resume'.\n");
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
