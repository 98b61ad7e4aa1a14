/* cmd_shutdown.c - crq shutdown and crq kill-horse: commands to workers. They
 * differ in one function only. */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "model/job_json.h"

struct options {
    struct cli *cli;
    int (*send)(crq_conn *conn, const char *name, crq_error *err);
    const char *done;
    bool all;
    char **names; /* of argv */
    size_t count;
};

static const struct argp_option option_table[] = {
    { "all", 'a', NULL, 0, "All workers", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'a': o->all = true; return 0;
    case ARGP_KEY_ARGS:
        o->names = state->argv + state->next;
        o->count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        if (o->all == (o->count > 0))
            argp_error(state,
                    "name workers, or say --all; "
                    "'crq workers' lists them");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

struct told {
    crq_value *names;
    bool failed;
};

static int tell(const struct options *o, const char *name, struct told *told,
        crq_error *err)
{
    int rc = o->send(o->cli->conn, name, err);

    if (rc == CRQ_ENOTFOUND) {
        fprintf(stderr, "crq: %s\n", err->text);
        told->failed = true;
        return 0;
    }
    if (rc == 0 && o->cli->json) {
        rc = crq_value_add(told->names, crq_shown_text(name));
        return rc < 0 ? crq_fail_nomem(err) : 0;
    }
    if (rc == 0)
        printf("%s  %s\n", name, o->done);
    return rc;
}

static int tell_all(const struct options *o, struct told *told, crq_error *err)
{
    crq_worker *workers = NULL;
    size_t count = 0;
    int rc = crq_workers_fetch(o->cli->conn, &workers, &count, err);

    if (rc == 0 && count == 0 && !o->cli->json)
        printf("Nothing to do\n");
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = tell(o, crq_worker_name(crq_workers_at(workers, i)), told, err);
    crq_workers_free(workers, count);
    return rc;
}

static int tell_named(const struct options *o, struct told *told,
        crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < o->count; i++)
        rc = tell(o, o->names[i], told, err);
    return rc;
}

static int run(struct options *o)
{
    struct told told = { NULL, false };
    crq_error err;
    int rc = cli_connect(o->cli);

    if (rc != 0)
        return rc;
    told.names = crq_value_new_list();
    if (told.names == NULL)
        rc = crq_fail_nomem(&err);
    else
        rc = o->all ? tell_all(o, &told, &err) : tell_named(o, &told, &err);
    if (rc == 0 && o->cli->json)
        rc = show_json(told.names, &err);
    crq_value_free(told.names);
    if (rc < 0)
        return cli_error(&err);
    return told.failed ? CLI_FAILED : CLI_DONE;
}

static const struct argp_child children[] = { { &cli_common_argp, 0, NULL, 0 },
    { 0 } };

int cmd_shutdown(struct cli *cli, int argc, char **argv)
{
    static const struct argp argp = { option_table, parse, "WORKER...\n--all",
        "Have workers end when the jobs they run have.", children, NULL, NULL };
    struct options o = {
        .cli = cli, .send = crq_worker_shutdown, .done = "told to shut down"
    };

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    return run(&o);
}

int cmd_kill_horse(struct cli *cli, int argc, char **argv)
{
    static const struct argp argp = { option_table, parse, "WORKER...\n--all",
        "Have workers kill the job they run, which then has failed.", children,
        NULL, NULL };
    struct options o = { .cli = cli,
        .send = crq_worker_kill_horse,
        .done = "told to kill its job" };

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    return run(&o);
}
