/* cmd_log.c - crq log: the lines that a job's runs have logged. */
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/term.h"

/* How long one look waits for lines before the job is looked at. */
#define LOOK_MS 1000

struct options {
    struct cli *cli;
    const char *id;
    bool follow;
};

static const struct argp_option option_table[] = {
    { "follow", 'f', NULL, 0, "Print lines as they come, until the job ends",
            1 },
    { 0 },
};

/* What has been printed so far. */
struct output {
    const struct options *options;
    char after[64];    /* id of the last line; "": none */
    char last_run[80]; /* that logged it */
    crq_value *all;    /* with --json and without --follow: a list */
};

static bool has_ended(const crq_job *job)
{
    switch (crq_job_status(job)) {
    case CRQ_STATUS_FINISHED:
    case CRQ_STATUS_FAILED:
    case CRQ_STATUS_STOPPED:
    case CRQ_STATUS_CANCELED: return true;
    default: return false;
    }
}

/* ---- one line ---- */

static int json_line(struct output *out, const crq_lines *lines, size_t i,
        crq_error *err)
{
    crq_value *v = NULL;
    int rc = crq_line_to_value(lines, i, &v, err);

    if (rc == 0 && out->all != NULL)
        rc = crq_value_add(out->all, crq_value_ref(v)) < 0 ? crq_fail_nomem(err)
                                                           : 0;
    else if (rc == 0)
        rc = show_json(v, err);
    crq_value_free(v);
    return rc;
}

static void text_line(struct output *out, const crq_lines *lines, size_t i)
{
    const char *run = crq_lines_execution_id(lines, i);

    run = run != NULL ? run : "";
    if (term_is_tty() && out->after[0] != '\0' &&
            strncmp(run, out->last_run, sizeof(out->last_run) - 1) != 0)
        putchar('\n');
    snprintf(out->last_run, sizeof(out->last_run), "%s", run);
    show_line(lines, i);
}

static int print(struct output *out, const crq_lines *lines, crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < crq_lines_count(lines); i++) {
        if (out->options->cli->json)
            rc = json_line(out, lines, i, err);
        else
            text_line(out, lines, i);
        snprintf(out->after, sizeof(out->after), "%s", crq_lines_id(lines, i));
    }
    if (out->options->follow)
        fflush(stdout);
    return rc;
}

/* ---- all of them ---- */

/* One that is gone has ended, too. */
static int look_at_job(crq_job *job, bool *out_ended, crq_error *err)
{
    int rc = crq_job_refresh(job, err);

    *out_ended = rc == CRQ_ENOTFOUND || (rc == 0 && has_ended(job));
    return rc == CRQ_ENOTFOUND ? 0 : rc;
}

static int print_all(struct output *out, crq_job *job, crq_error *err)
{
    bool wait = out->options->follow && !has_ended(job);
    size_t count;
    int rc;

    do {
        crq_lines *lines = NULL;
        bool ended = false;

        rc = crq_job_log(job, out->after[0] != '\0' ? out->after : NULL,
                wait ? LOOK_MS : 0, &lines, err);
        count = rc == 0 ? crq_lines_count(lines) : 0;
        if (rc == 0)
            rc = print(out, lines, err);
        crq_lines_free(lines);
        /* All lines of a run are there before its job has ended: so one more
         * look, which doesn't wait, gets the last ones. */
        if (rc == 0 && wait && count == 0) {
            rc = look_at_job(job, &ended, err);
            wait = !ended;
            count = 1;
        }
    } while (rc == 0 && count > 0 && !ferror(stdout));
    if (rc == 0 && out->all != NULL)
        rc = show_json(out->all, err);
    return rc;
}

/* ---- the verb ---- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'f': o->follow = true; return 0;
    default: return cli_one_job(key, arg, state, &o->id);
    }
}

int cmd_log(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "JOB",
        "Print the lines that a job's runs have logged, oldest first.\v"
        "C tasks log with crq_task_log(); what they or Python's functions "
        "print is not kept.",
        children, NULL, NULL };
    struct options o = { cli, NULL, false };
    struct output out = { .options = &o };
    crq_job *job = NULL;
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_job_fetch(cli->conn, o.id, &job, &err);
    if (rc == 0 && cli->json && !o.follow) {
        out.all = crq_value_new_list();
        rc = out.all == NULL ? crq_fail_nomem(&err) : 0;
    }
    if (rc == 0)
        rc = print_all(&out, job, &err);
    crq_value_free(out.all);
    crq_job_free(job);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
