/* cmd_result.c - crq result: what a job returned, or why it failed. */
#include "cli/cli.h"
#include "cli/show.h"

struct options {
    struct cli *cli;
    const char *id;
    int64_t wait_ms; /* CRQ_UNSET: don't */
};

static const struct argp_option option_table[] = {
    { "wait", 'w', "TIME", 0,
            "Wait up to this long for the job's end; -1: without limit", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'w': o->wait_ms = cli_duration_us(state, "wait", arg) / 1000; return 0;
    default: return cli_one_job(key, arg, state, &o->id);
    }
}

/* There is no result: say what the job is doing instead. */
static int no_result(const struct options *o, crq_job *job)
{
    crq_value *v = NULL;
    crq_error err;
    int rc = 0;

    if (o->cli->json) {
        rc = crq_job_to_value(job, NULL, &v, &err);
        if (rc == 0)
            rc = show_json(v, &err);
        crq_value_free(v);
        if (rc < 0)
            return cli_error(&err);
    }
    fprintf(stderr, "crq: job '%s' is %s and has no result%s\n",
            crq_job_id(job), crq_job_status_text(job),
            crq_job_status(job) == CRQ_STATUS_FINISHED ||
                            crq_job_status(job) == CRQ_STATUS_CANCELED
                    ? ""
                    : " yet; --wait TIME waits for it");
    return CLI_FAILED;
}

int cmd_result(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "JOB",
        "Print what a job returned, or its error.\v"
        "A str is printed as it is, any other value as Python prints it. "
        "The exit status is 0 when the job succeeded, 1 when it failed or has "
        "no result.",
        children, NULL, NULL };
    struct options o = { cli, NULL, CRQ_UNSET };
    crq_job *job = NULL;
    crq_result *result = NULL;
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_job_fetch(cli->conn, o.id, &job, &err);
    if (rc == 0)
        rc = o.wait_ms != CRQ_UNSET
                ? crq_job_wait(job, NULL, o.wait_ms, &result, &err)
                : crq_job_latest_result(job, &result, &err);
    if (rc == CRQ_ENOTFOUND && job != NULL && o.wait_ms == CRQ_UNSET)
        rc = no_result(&o, job);
    else
        rc = rc < 0 ? cli_error(&err) : show_outcome(cli, job, result);
    crq_result_free(result);
    crq_job_free(job);
    return rc;
}
