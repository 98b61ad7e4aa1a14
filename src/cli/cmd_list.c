/* cmd_list.c - crq list: the jobs of a queue, one line each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/term.h"
#include "model/keys.h"
#include "model/registry.h"
#include "model/status.h"
#include "redis/conn.h"

#define BATCH 500 /* jobs fetched at a time */

struct options {
    struct cli *cli;
    const char *queue;
    crq_status status;
    int64_t limit, offset;
};

static const struct argp_option option_table[] = {
    { "queue", 'q', "NAME", 0, "The queue (default: default)", 1 },
    { "status", 's', "STATUS", 0,
            "queued (default), started, finished, failed, stopped, deferred, "
            "scheduled or canceled",
            1 },
    { "limit", 'n', "N", 0, "At most N jobs (default: 50; 0: all)", 1 },
    { "offset", 'o', "N", 0, "Leave out the first N", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'q': o->queue = arg; return 0;
    case 's':
        o->status = crq_status_parse(arg);
        if (crq_status_key(o->status) == CRQ_KEY_COUNT)
            argp_error(state,
                    "--status %s: one of queued, started, finished, failed, "
                    "stopped, deferred, scheduled, canceled",
                    arg);
        return 0;
    case 'n': o->limit = cli_number(state, "limit", arg, 0); return 0;
    case 'o': o->offset = cli_number(state, "offset", arg, 0); return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one word too many; name a queue with -q",
                arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The moment that matters in each status: how long ago it was. */
static int64_t age_of(const crq_job *job, int64_t now_us)
{
    int64_t us;

    switch (crq_job_status(job)) {
    case CRQ_STATUS_STARTED: us = crq_job_started_us(job); break;
    case CRQ_STATUS_FINISHED:
    case CRQ_STATUS_FAILED:
    case CRQ_STATUS_STOPPED: us = crq_job_ended_us(job); break;
    case CRQ_STATUS_QUEUED: us = crq_job_enqueued_us(job); break;
    default: us = crq_job_created_us(job); break;
    }
    return us == CRQ_UNSET ? CRQ_UNSET : now_us - us;
}

/* ---- when a scheduled job is due ---- */

static int64_t read_score(const crq_reply *reply)
{
    const char *text = crq_reply_text(reply, NULL);
    char *end;
    double s = text != NULL ? strtod(text, &end) : 0;

    if (text == NULL || end == text || !(fabs(s) < 1e12))
        return CRQ_UNSET;
    return (int64_t)(s * 1e6 + (s < 0 ? -0.5 : 0.5));
}

/* The scores of scheduled jobs; CRQ_UNSET for those of another status, and of
 * those that have left meanwhile. */
static int fetch_due(const struct options *o, char **ids, size_t count,
        int64_t out_us[BATCH], crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    char key[CRQ_KEY_MAX];
    int rc;

    for (size_t i = 0; i < count; i++)
        out_us[i] = CRQ_UNSET;
    if (o->status != CRQ_STATUS_SCHEDULED || count == 0)
        return 0;
    crq_key(key, CRQ_KEY_SCHEDULED, o->queue);
    crq_args_init(&args);
    crq_args_list(&args, "ZMSCORE", key, NULL);
    for (size_t i = 0; i < count; i++)
        crq_args_puts(&args, ids[i]);
    rc = crq_conn_command(o->cli->conn, &args, &reply, err);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(reply); i++)
        out_us[i] = read_score(crq_reply_item(reply, i));
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

/* ---- one line each ---- */

/* An id of RQ's has 36 columns, a status 9, an age 8, a time 19, and two
 * blanks are behind each. */
static int columns_before_call(const struct options *o)
{
    return 36 + 2 + 9 + 2 + (o->status == CRQ_STATUS_SCHEDULED ? 19 : 8) + 2;
}

static void print_heading(const struct options *o)
{
    term_text(TERM_BOLD, "JOB", 0, 36 + 2);
    term_text(TERM_BOLD, "STATUS", 0, 9);
    if (o->status == CRQ_STATUS_SCHEDULED)
        term_printf(TERM_BOLD, "  %-19s  CALL\n", "DUE");
    else
        term_printf(TERM_BOLD, "  %8s  CALL\n", "AGE");
}

/* Seconds are enough, and align. */
static void print_age(int64_t age_us)
{
    static const struct {
        int64_t below_s, unit_s;
        char unit;
    } units[] = { { 60, 1, 's' }, { 3600, 60, 'm' }, { 86400, 3600, 'h' },
        { INT64_MAX, 86400, 'd' } };
    int64_t s = age_us < 0 ? 0 : age_us / 1000000;
    size_t i = 0;

    while (s >= units[i].below_s)
        i++;
    printf("%7lld%c", (long long)(s / units[i].unit_s), units[i].unit);
}

static void print_row(const struct options *o, const char *id,
        const crq_job *job, int64_t due_us, int64_t now_us)
{
    const char *call = job != NULL ? crq_job_description(job) : NULL;
    int width = term_is_tty() ? term_width() - columns_before_call(o) : 0;
    int64_t age_us;

    term_text(TERM_PLAIN, id, 0, 36);
    printf("  ");
    if (job == NULL) {
        term_printf(TERM_DIM, "(its job is gone)\n");
        return;
    }
    term_text(term_status_style(crq_job_status(job)), crq_job_status_text(job),
            0, 9);
    printf("  ");
    age_us = age_of(job, now_us);
    if (o->status == CRQ_STATUS_SCHEDULED && due_us == CRQ_UNSET)
        printf("%-19s", "-");
    else if (o->status == CRQ_STATUS_SCHEDULED)
        term_time(due_us);
    else if (age_us == CRQ_UNSET)
        printf("%8s", "-");
    else
        print_age(age_us);
    printf("  ");
    term_text(TERM_PLAIN, call != NULL ? call : "?",
            width > 10 ? (size_t)width : 0, 0);
    putchar('\n');
}

static int print_json(crq_job *job, int64_t due_us, crq_error *err)
{
    crq_value *v = NULL;
    int rc = crq_job_to_value(job, NULL, &v, err);

    if (rc == 0 && due_us != CRQ_UNSET) {
        crq_dict_put_time(v, "scheduled_for", due_us, &rc);
        if (rc < 0)
            (void)crq_fail_nomem(err);
    }
    if (rc == 0)
        rc = show_json(v, err);
    crq_value_free(v);
    return rc;
}

static int print_jobs(const struct options *o, char **ids, crq_job **jobs,
        const int64_t *due_us, size_t count, bool *first, crq_error *err)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(o->cli->conn));
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        /* Stopped jobs stand in the registry of failed ones. */
        if (jobs[i] != NULL && o->status == CRQ_STATUS_STOPPED &&
                crq_job_status(jobs[i]) != CRQ_STATUS_STOPPED)
            continue;
        if (!o->cli->json) {
            /* On a terminal only: other programs count lines. */
            if (*first && term_is_tty())
                print_heading(o);
            *first = false;
            print_row(o, ids[i], jobs[i], due_us[i], now_us);
            continue;
        }
        if (jobs[i] != NULL) {
            printf(*first ? "[" : ",");
            *first = false;
            rc = print_json(jobs[i], due_us[i], err);
        }
    }
    return rc;
}

/* One batch of the list; *done says how many ids it had. */
static int list_batch(const struct options *o, int64_t offset, int64_t limit,
        bool *first, size_t *done, int64_t *total, crq_error *err)
{
    crq_job *jobs[BATCH];
    int64_t due_us[BATCH];
    char **ids = NULL;
    size_t count = 0;
    int rc = crq_registry_ids(o->cli->conn, o->queue, o->status, offset, limit,
            &ids, &count, total, err);

    if (rc < 0)
        return rc;
    rc = fetch_due(o, ids, count, due_us, err);
    if (rc == 0)
        rc = crq_jobs_fetch(o->cli->conn, ids, count, jobs, err);
    if (rc == 0) {
        rc = print_jobs(o, ids, jobs, due_us, count, first, err);
        for (size_t i = 0; i < count; i++)
            crq_job_free(jobs[i]);
    }
    crq_names_free(ids, count);
    *done = count;
    return rc;
}

static int list_all(const struct options *o, crq_error *err)
{
    int64_t left = o->limit > 0 ? o->limit : INT64_MAX, total = 0, shown = 0;
    size_t done = 1;
    bool first = true;
    int rc = 0;

    /* Nobody reads on: don't fetch on. */
    while (rc == 0 && left > 0 && done > 0 && !ferror(stdout)) {
        rc = list_batch(o, o->offset + shown, left < BATCH ? left : BATCH,
                &first, &done, &total, err);
        shown += (int64_t)done;
        left -= (int64_t)done;
    }
    if (rc < 0)
        return rc;
    if (o->cli->json)
        printf(first ? "[]\n" : "]\n");
    else if (term_is_tty() && total == 0)
        term_printf(TERM_DIM, "no jobs are %s in queue '%s'\n",
                crq_status_name(o->status), o->queue);
    else if (term_is_tty() && total > o->offset + shown)
        term_printf(TERM_DIM, "%lld more; -n 0 shows all\n",
                (long long)(total - o->offset - shown));
    return 0;
}

int cmd_list(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "",
        "List the jobs of a queue: id, status, age (scheduled ones: when they "
        "are due), call.",
        children, NULL, NULL };
    struct options o = { cli, "default", CRQ_STATUS_QUEUED, 50, 0 };
    crq_queue *queue = NULL;
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_queue_new(cli->conn, o.queue, &queue, &err); /* checks its name */
    if (rc == 0)
        rc = list_all(&o, &err);
    crq_queue_free(queue);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
