/* cmd_list.c - crq list: jobs, one line each. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/filter.h"
#include "cli/show.h"
#include "cli/term.h"
#include "model/filter.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "model/registry.h"
#include "model/status.h"
#include "redis/conn.h"

#define BATCH       500   /* jobs fetched at a time */
#define SKIP        10000 /* ids read at a time where no job is looked at */
#define LIMIT       50
#define BIT(status) (1 << CRQ_STATUS_##status)

struct options {
    struct cli *cli;
    crq_filter filter;
    bool all_queues, ids_only, newest;
    int64_t limit, offset; /* limit: CRQ_UNSET: not given */
};

enum { OPT_IDS = 0x100, OPT_NEWEST };

static const struct argp_option option_table[] = {
    { "queue", 'q', "NAME", 0, "The queue (default: default)", 1 },
    { "all-queues", 'a', NULL, 0, "All queues, as is the default of --group",
            1 },
    FILTER_OPTIONS(FILTER_OLDER_THAN, 1),
    { "limit", 'n', "N", 0,
            "At most N jobs (default: 50, with --ids all; 0: all)", 2 },
    { "offset", 'o', "N", 0, "Leave out the first N", 2 },
    { "newest", OPT_NEWEST, NULL, 0,
            "The newest first, of each queue and status", 2 },
    { "ids", OPT_IDS, NULL, 0, "Only the ids, for other programs", 2 },
    { 0 },
};

static void check(struct options *o, const struct argp_state *state)
{
    if (o->all_queues && o->filter.queue != NULL)
        argp_error(state, "--queue and --all-queues exclude each other");
    /* A group is a set: it has no order. */
    if (o->newest && o->filter.group != NULL)
        argp_error(state, "--newest and --group exclude each other");
    if (o->filter.queue == NULL && o->filter.group == NULL && !o->all_queues)
        o->filter.queue = "default";
    /* Of a group they are all shown. */
    if (o->filter.statuses == 0 && o->filter.group == NULL)
        o->filter.statuses = BIT(QUEUED);
    if (o->limit == CRQ_UNSET)
        o->limit = o->ids_only ? 0 : LIMIT;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'a': o->all_queues = true; return 0;
    case 'n': o->limit = cli_number(state, "limit", arg, 0); return 0;
    case 'o': o->offset = cli_number(state, "offset", arg, 0); return 0;
    case OPT_IDS: o->ids_only = true; return 0;
    case OPT_NEWEST: o->newest = true; return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one word too many; name a queue with -q",
                arg);
        return 0;
    case ARGP_KEY_END: check(o, state); return 0;
    default: return filter_parse(key, arg, state, &o->filter);
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

/* ---- one line each ---- */

/* Among others they have no room for it. */
static bool shows_due(const struct options *o)
{
    return o->filter.statuses == BIT(SCHEDULED);
}

/* An id of RQ's has 36 columns, a status 9, an age 8, a time 19, and two
 * blanks are behind each. */
static int columns_before_call(const struct options *o)
{
    return 36 + 2 + 9 + 2 + (shows_due(o) ? 19 : 8) + 2;
}

static void print_heading(const struct options *o)
{
    term_text(TERM_BOLD, "JOB", 0, 36 + 2);
    term_text(TERM_BOLD, "STATUS", 0, 9);
    if (shows_due(o))
        term_printf(TERM_BOLD, "  %-19s  CALL\n", "DUE");
    else
        term_printf(TERM_BOLD, "  %8s  CALL\n", "AGE");
}

/* Seconds are enough, and align. `width` is that of the number. */
static void print_age(int64_t age_us, int width)
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
    printf("%*lld%c", width, (long long)(s / units[i].unit_s), units[i].unit);
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
    if (shows_due(o) && due_us == CRQ_UNSET)
        printf("%-19s", "-");
    else if (shows_due(o))
        term_time(due_us);
    else if (due_us != CRQ_UNSET) {
        printf("in");
        print_age(due_us - now_us, 5);
    } else if (age_us == CRQ_UNSET)
        printf("%8s", "-");
    else
        print_age(age_us, 7);
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

/* ---- walking ---- */

/* Where a list stands. An entry is an id with its score. */
struct walk {
    const struct options *o;
    int64_t skip, left; /* entries or jobs still to be left out, to be shown */
    int64_t now_us;
    bool first; /* nothing was printed yet */
    crq_error *err;
};

static bool is_done(const struct walk *w)
{
    /* Nobody reads on: don't fetch on. */
    return w->left == 0 || ferror(stdout);
}

static int64_t due_of(crq_status status, double score)
{
    return status == CRQ_STATUS_SCHEDULED && score > -1e12 && score < 1e12
            ? (int64_t)(score * 1e6 + (score < 0 ? -0.5 : 0.5))
            : CRQ_UNSET;
}

static int print_one(struct walk *w, const char *id, crq_job *job,
        int64_t due_us)
{
    const struct options *o = w->o;

    if (o->cli->json) {
        crq_value *v = NULL;
        int rc;

        printf(w->first ? "[" : ",");
        w->first = false;
        if (!o->ids_only)
            return print_json(job, due_us, w->err);
        v = crq_shown_text(id);
        rc = v != NULL ? show_json(v, w->err) : crq_fail_nomem(w->err);
        crq_value_free(v);
        return rc;
    }
    if (o->ids_only) {
        /* Whole, and such that a terminal stays what it is. */
        if (term_is_tty())
            term_text(TERM_PLAIN, id, 0, 0);
        else
            fputs(id, stdout);
        putchar('\n');
    } else {
        /* On a terminal only: other programs count lines. */
        if (w->first && term_is_tty())
            print_heading(o);
        print_row(o, id, job, due_us, w->now_us);
    }
    w->first = false;
    return 0;
}

/* 1: it is one to be shown. A queue shows what is in it, whatever status that
 * says it has; only failed and stopped jobs share a registry. */
static int is_asked_for(struct walk *w, const crq_job *job, bool by_list)
{
    crq_filter filter = w->o->filter;
    int bit, other = BIT(FAILED) | BIT(STOPPED);

    if (job == NULL)
        return by_list && !filter_looks_closer(&filter) &&
                filter.statuses != BIT(STOPPED) && !w->o->cli->json;
    bit = 1 << crq_job_status(job);
    if (by_list) {
        if ((bit & other) != 0 && (filter.statuses & other) != 0 &&
                (filter.statuses & bit) == 0)
            return 0;
        filter.statuses = 0;
        filter.queue = NULL;
    }
    return crq_filter_match(&filter, job, w->now_us, w->err);
}

/* At most BATCH ids. page: where they come from, at `from`, for their scores;
 * NULL for those of a group. */
static int list_jobs(struct walk *w, char *const *ids, size_t count,
        const crq_page *page, size_t from, crq_status status)
{
    crq_job *jobs[BATCH];
    int rc = crq_jobs_fetch(w->o->cli->conn, ids, count, jobs, w->err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; rc >= 0 && i < count && !is_done(w); i++) {
        rc = is_asked_for(w, jobs[i], page != NULL);
        if (rc <= 0)
            continue;
        rc = 0;
        if (w->skip > 0)
            w->skip--;
        else {
            w->left--;
            rc = print_one(w, ids[i], jobs[i],
                    page != NULL
                            ? due_of(status, crq_page_score(page, from + i))
                            : CRQ_UNSET);
        }
    }
    for (size_t i = 0; i < count; i++)
        crq_job_free(jobs[i]);
    return rc < 0 ? rc : 0;
}

/* No job has to be looked at to know whether it is one to be shown. */
static bool is_plain(const struct options *o)
{
    int shared = o->filter.statuses & (BIT(FAILED) | BIT(STOPPED));

    return !filter_looks_closer(&o->filter) &&
            (shared == 0 || shared == (BIT(FAILED) | BIT(STOPPED)));
}

static int list_page(struct walk *w, const crq_page *page, crq_status status)
{
    bool plain = is_plain(w->o);
    size_t count = crq_page_count(page), at = 0;
    int rc = 0;

    if (plain) {
        at = w->skip < (int64_t)count ? (size_t)w->skip : count;
        w->skip -= (int64_t)at;
    }
    while (rc == 0 && at < count && !is_done(w)) {
        char *ids[BATCH];
        size_t n = 0;

        for (; n < BATCH && at + n < count; n++) {
            if (plain && (int64_t)n == w->left)
                break;
            ids[n] = (char *)(uintptr_t)crq_page_id(page, at + n);
        }
        if (plain && w->o->ids_only) {
            for (size_t i = 0; rc == 0 && i < n; i++, w->left--)
                rc = print_one(w, ids[i], NULL, CRQ_UNSET);
        } else
            rc = list_jobs(w, ids, n, page, at, status);
        at += n;
    }
    return rc;
}

/* The registry of one status, page by page: memory does not grow with it. */
static int list_status(struct walk *w, const char *queue, crq_status status)
{
    char *cursor = NULL;
    bool more = true;
    int rc = 0;

    while (rc == 0 && more && !is_done(w)) {
        size_t size = is_plain(w->o) && (w->skip > BATCH || w->o->ids_only)
                ? SKIP
                : BATCH;
        crq_page *page = NULL;

        rc = crq_registry_page(w->o->cli->conn, queue, status,
                w->o->newest ? CRQ_NEWEST_FIRST : CRQ_OLDEST_FIRST, cursor,
                size, &page, w->err);
        if (rc < 0)
            break;
        rc = list_page(w, page, status);
        more = crq_page_cursor(page) != NULL;
        crq_free(cursor);
        cursor = more ? crq_strdup(crq_page_cursor(page)) : NULL;
        if (rc == 0 && more && cursor == NULL)
            rc = crq_fail_nomem(w->err);
        crq_page_free(page);
    }
    crq_free(cursor);
    return rc;
}

/* In the order of a job's life. */
static const struct {
    crq_status status;
    int statuses; /* of the jobs in there */
} lists[] = {
    { CRQ_STATUS_QUEUED, BIT(QUEUED) },
    { CRQ_STATUS_DEFERRED, BIT(DEFERRED) },
    { CRQ_STATUS_SCHEDULED, BIT(SCHEDULED) },
    { CRQ_STATUS_STARTED, BIT(STARTED) },
    { CRQ_STATUS_FINISHED, BIT(FINISHED) },
    { CRQ_STATUS_FAILED, BIT(FAILED) | BIT(STOPPED) },
    { CRQ_STATUS_CANCELED, BIT(CANCELED) },
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static int list_queue(struct walk *w, const char *queue)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < LISTS; i++)
        if ((w->o->filter.statuses & lists[i].statuses) != 0)
            rc = list_status(w, queue, lists[i].status);
    return rc;
}

static int list_queues(struct walk *w)
{
    char **names = NULL;
    size_t count = 0;
    int rc = crq_queue_names(w->o->cli->conn, &names, &count, w->err);

    for (size_t i = 0; rc == 0 && i < count && !is_done(w); i++)
        rc = list_queue(w, names[i]);
    crq_names_free(names, count);
    return rc;
}

/* A group is a set: what its jobs are, only they know. */
static int list_group(struct walk *w)
{
    char **ids = NULL;
    size_t count = 0;
    int rc = crq_group_ids(w->o->cli->conn, w->o->filter.group, &ids, &count,
            w->err);

    for (size_t i = 0; rc == 0 && i < count && !is_done(w); i += BATCH)
        rc = list_jobs(w, ids + i, count - i < BATCH ? count - i : BATCH, NULL,
                0, CRQ_STATUS_OTHER);
    crq_names_free(ids, count);
    return rc;
}

/* ---- the verb ---- */

/* How many there are in all; only lists know without looking at each job. */
static int count_all(const struct options *o, int64_t *out, crq_error *err)
{
    int64_t sum = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < LISTS; i++) {
        int64_t n = 0;

        if ((o->filter.statuses & lists[i].statuses) == 0)
            continue;
        rc = crq_registry_count(o->cli->conn, o->filter.queue, lists[i].status,
                &n, err);
        sum += n;
    }
    *out = sum;
    return rc;
}

static int print_end(const struct walk *w)
{
    const struct options *o = w->o;
    int64_t all = 0;
    int rc = 0;

    if (o->cli->json) {
        printf(w->first ? "[]\n" : "]\n");
        return 0;
    }
    if (!term_is_tty() || (w->left > 0 && !w->first))
        return 0;
    if (w->first) {
        term_printf(TERM_DIM, "no such jobs");
        if (o->filter.queue != NULL) {
            term_printf(TERM_DIM, " in queue ");
            term_text(TERM_DIM, o->filter.queue, 0, 0);
        }
        putchar('\n');
    } else if (o->filter.queue != NULL && is_plain(o)) {
        rc = count_all(o, &all, w->err);
        all -= o->offset + o->limit;
        if (rc == 0 && all > 0)
            term_printf(TERM_DIM, "%lld more; -n 0 shows all\n",
                    (long long)all);
    } else
        term_printf(TERM_DIM, "there may be more; -n 0 shows all\n");
    return rc;
}

static int list_all(const struct options *o, crq_error *err)
{
    struct walk w = { .o = o,
        .skip = o->offset,
        .left = o->limit > 0 ? o->limit : INT64_MAX,
        .now_us = crq_clock_wall_us(crq_conn_clock(o->cli->conn)),
        .first = true,
        .err = err };
    int rc;

    if (o->filter.group != NULL)
        rc = list_group(&w);
    else
        rc = o->filter.queue != NULL ? list_queue(&w, o->filter.queue)
                                     : list_queues(&w);
    return rc < 0 ? rc : print_end(&w);
}

int cmd_list(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "",
        "List jobs: id, status, age (scheduled ones: when they are due), call. "
        "Without options those that wait in the queue 'default'.",
        children, NULL, NULL };
    struct options o = {
        .cli = cli, .filter = CRQ_FILTER_INIT, .limit = CRQ_UNSET
    };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = list_all(&o, &err);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
