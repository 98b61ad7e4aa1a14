/* cmd_position.c - crq position: how many jobs are ahead of one. */
#include "cli/cli.h"
#include "cli/show.h"

struct options {
    struct cli *cli;
    const char *id;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    if (key != ARGP_KEY_INIT)
        return cli_one_job(key, arg, state, &o->id);
    state->child_inputs[0] = o->cli;
    return 0;
}

static int print(const struct options *o, const crq_job *job, int64_t position,
        crq_error *err)
{
    crq_value *v;
    int rc = 0;

    if (!o->cli->json) {
        printf("%lld\n", (long long)position);
        return 0;
    }
    v = crq_value_new_dict();
    rc = v != NULL ? 0 : CRQ_ENOMEM;
    crq_dict_put_text(v, "id", crq_job_id(job), &rc);
    crq_dict_put_text(v, "queue", crq_job_origin(job), &rc);
    crq_dict_put_number(v, "position", position, &rc);
    if (rc == 0)
        rc = show_json(v, err);
    crq_value_free(v);
    return rc;
}

int cmd_position(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { NULL, parse, "ID",
        "Print how many jobs are ahead of one in its queue: 0 for the next.",
        children, NULL, NULL };
    struct options o = { cli, NULL };
    crq_error err = { CRQ_ENOMEM, "out of memory" };
    crq_job *job = NULL;
    int64_t position = 0;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_job_fetch(cli->conn, o.id, &job, &err);
    if (rc == 0)
        rc = crq_job_position(job, &position, &err);
    if (rc == 0)
        rc = print(&o, job, position, &err);
    crq_job_free(job);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
