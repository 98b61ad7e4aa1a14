/* cmd_info.c - crq info: queues and workers at a glance. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/schedulers.h"
#include "cli/show.h"
#include "cli/term.h"
#include "model/keys.h"
#include "model/queue.h"
#include "model/registry.h"
#include "model/stats_json.h"
#include "model/worker.h"
#include "redis/conn.h"

struct options {
    struct cli *cli;
    bool raw, by_queue, only_queues, only_workers;
    int64_t interval_us;
    char **queues; /* NULL: all */
    size_t queues_count;
};

static const struct argp_option option_table[] = {
    { "raw", 'r', NULL, 0, "Plain lines, as 'rq info --raw' prints them", 1 },
    { "by-queue", 'R', NULL, 0, "The workers of each queue", 1 },
    { "only-queues", 'Q', NULL, 0, "Leave out the workers", 1 },
    { "only-workers", 'W', NULL, 0, "Leave out the queues", 1 },
    { "interval", 'i', "TIME", 0, "Show it again and again", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'r': o->raw = true; return 0;
    case 'R': o->by_queue = true; return 0;
    case 'Q': o->only_queues = true; return 0;
    case 'W': o->only_workers = true; return 0;
    case 'i':
        o->interval_us = cli_duration_us(state, "interval", arg);
        if (o->interval_us < 10000)
            argp_error(state, "--interval %s: at least 0.01", arg);
        return 0;
    case ARGP_KEY_ARGS:
        o->queues = state->argv + state->next;
        o->queues_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        if (o->only_queues && o->only_workers)
            argp_error(state,
                    "--only-queues and --only-workers exclude each "
                    "other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what there is ---- */

struct info {
    char **names;
    struct crq_counts *counts;
    crq_stats *stats; /* of each queue, then of all */
    size_t queues;
    struct crq_worker *workers;
    size_t workers_count;
    struct schedulers schedulers;
    bool suspended;
    int64_t suspended_s; /* for how much longer; -1: no limit */
    int64_t now_us;
};

static void info_fini(struct info *info)
{
    if (info->stats != NULL)
        crq_stats_free(info->stats, info->queues + 1);
    crq_names_free(info->names, info->queues);
    crq_free(info->counts);
    crq_workers_free(info->workers, info->workers_count);
    schedulers_fini(&info->schedulers);
}

static int copy_names(const struct options *o, struct info *info,
        crq_error *err)
{
    info->names = crq_calloc(o->queues_count + 1, sizeof(*info->names));
    if (info->names == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < o->queues_count; i++) {
        int rc = crq_queue_name_check(o->queues[i], err);

        if (rc < 0)
            return rc;
        info->names[i] = crq_strdup(o->queues[i]);
        if (info->names[i] == NULL)
            return crq_fail_nomem(err);
        info->queues++;
    }
    return 0;
}

static bool serves(const struct crq_worker *worker, const char *queue)
{
    size_t len = strlen(queue);

    for (const char *at = worker->queues; *at != '\0'; at += *at == ',') {
        size_t n = strcspn(at, ",");

        if (n == len && strncmp(at, queue, n) == 0)
            return true;
        at += n;
    }
    return false;
}

/* Of the workers, those that serve a queue that was asked for. */
static void keep_servants(const struct options *o, struct info *info)
{
    size_t kept = 0;

    for (size_t w = 0; w < info->workers_count; w++) {
        struct crq_worker *worker = &info->workers[w];
        bool asked_for = false;

        for (size_t q = 0; q < o->queues_count && !asked_for; q++)
            asked_for = serves(worker, o->queues[q]);
        if (asked_for) {
            struct crq_worker swap = info->workers[kept];

            info->workers[kept++] = *worker;
            *worker = swap;
        }
    }
    for (size_t w = kept; w < info->workers_count; w++)
        crq_worker_fini(&info->workers[w]);
    info->workers_count = kept;
}

/* A name in the set that can be no queue's stands for all, and has none. */
static int fetch_stats(crq_conn *conn, struct info *info, crq_error *err)
{
    const char **rows = crq_calloc(info->queues + 1, sizeof(*rows));
    int rc;

    if (rows == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < info->queues; i++)
        if (crq_queue_name_check(info->names[i], NULL) == 0)
            rows[i] = info->names[i];
    rc = crq_stats_fetch(conn, rows, info->queues + 1, CRQ_STATS_WINDOW,
            &info->stats, err);
    crq_free(rows);
    return rc;
}

static int fetch(const struct options *o, struct info *info, crq_error *err)
{
    crq_conn *conn = o->cli->conn;
    int rc;

    info->now_us = crq_clock_wall_us(crq_conn_clock(conn));
    rc = o->queues_count > 0
            ? copy_names(o, info, err)
            : crq_queue_names(conn, &info->names, &info->queues, err);
    if (rc < 0)
        return rc;
    info->counts = crq_calloc(info->queues + 1, sizeof(*info->counts));
    if (info->counts == NULL)
        return crq_fail_nomem(err);
    rc = crq_registry_counts(conn, info->names, info->queues, info->counts,
            err);
    if (rc == 0)
        rc = fetch_stats(conn, info, err);
    if (rc == 0)
        rc = crq_workers_fetch(conn, &info->workers, &info->workers_count, err);
    if (rc == 0)
        rc = crq_is_suspended(conn, &info->suspended, &info->suspended_s, err);
    if (rc == 0)
        rc = schedulers_fetch(conn, info->names, info->queues,
                &info->schedulers, err);
    if (rc == 0 && o->queues_count > 0)
        keep_servants(o, info);
    return rc;
}

/* ---- for programs ---- */

static void put_queue(crq_value *list, const struct info *info, size_t i,
        int *rc)
{
    crq_value *q = NULL, *stats = NULL;

    if (*rc == 0)
        *rc = crq_counts_to_value(info->names[i], &info->counts[i], &q, NULL);
    if (*rc == 0 && crq_stats_queue(crq_stats_at(info->stats, i)) != NULL)
        *rc = crq_stats_to_value(crq_stats_at(info->stats, i), CRQ_STATS_WINDOW,
                0, &stats, NULL);
    if (stats != NULL)
        crq_dict_put(q, "stats", stats, rc);
    if (*rc == 0)
        *rc = crq_value_add(list, q);
    else
        crq_value_free(q);
}

static void put_worker(crq_value *list, const struct crq_worker *worker,
        int *rc)
{
    crq_value *w = NULL;

    if (*rc == 0)
        *rc = crq_worker_to_value(worker, &w, NULL);
    if (*rc == 0)
        *rc = crq_value_add(list, w);
}

static int print_json(const struct options *o, const struct info *info,
        crq_error *err)
{
    crq_value *all = crq_value_new_dict();
    crq_value *queues = crq_value_new_list(), *workers = crq_value_new_list();
    int rc = all != NULL && queues != NULL && workers != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; i < info->queues; i++)
        put_queue(queues, info, i, &rc);
    for (size_t i = 0; i < info->workers_count; i++)
        put_worker(workers, &info->workers[i], &rc);
    if (rc == 0 && !o->only_workers)
        crq_dict_put(all, "queues", crq_value_ref(queues), &rc);
    if (rc == 0 && !o->only_queues)
        crq_dict_put(all, "workers", crq_value_ref(workers), &rc);
    if (rc == 0)
        crq_dict_put(all, "suspended", crq_value_new_bool(info->suspended),
                &rc);
    crq_dict_put(all, "schedulers", schedulers_value(&info->schedulers), &rc);
    crq_dict_put_number(all, "schedules", info->schedulers.schedules, &rc);
    crq_dict_put_number(all, "periodic", info->schedulers.periodic, &rc);
    rc = rc < 0 ? crq_fail_nomem(err) : show_json(all, err);
    crq_value_free(queues);
    crq_value_free(workers);
    crq_value_free(all);
    return rc;
}

/* ---- RQ's lines ---- */

/* "a,b" as "a, b". */
static void print_queues_of(const char *queues)
{
    for (; *queues != '\0'; queues++) {
        putchar(*queues);
        if (*queues == ',')
            putchar(' ');
    }
}

/* "queue: worker (state), worker (state)", one below the other. */
static void print_by_queue(const struct info *info)
{
    size_t width = 0;

    for (size_t i = 0; i < info->queues; i++)
        if (term_columns(info->names[i]) > width)
            width = term_columns(info->names[i]);
    for (size_t i = 0; i < info->queues; i++) {
        const char *name = info->names[i], *between = "";

        term_text(TERM_PLAIN, name, 0, 0);
        printf(":%*s", (int)(width - term_columns(name)) + 1, "");
        for (size_t n = 0; n < info->workers_count; n++) {
            const struct crq_worker *w = &info->workers[n];

            if (!serves(w, name))
                continue;
            printf("%s", between);
            term_text(TERM_PLAIN, w->name, 0, 0);
            printf(" (%s)", w->state[0] != '\0' ? w->state : "?");
            between = ", ";
        }
        puts(between[0] == '\0' ? "–" : "");
    }
}

static void print_raw(const struct options *o, const struct info *info)
{
    for (size_t i = 0; i < info->queues && !o->only_workers; i++)
        printf("queue %s %lld, %lld executing, %lld finished, %lld failed\n",
                info->names[i], (long long)info->counts[i].queued,
                (long long)info->counts[i].started,
                (long long)info->counts[i].finished,
                (long long)info->counts[i].failed);
    if (o->by_queue && !o->only_queues)
        print_by_queue(info);
    for (size_t i = 0;
            i < info->workers_count && !o->only_queues && !o->by_queue; i++) {
        const struct crq_worker *w = &info->workers[i];

        printf("worker %s (%s %s %s) %s ", w->name, w->hostname, w->ip_address,
                w->pid, w->state[0] != '\0' ? w->state : "?");
        print_queues_of(w->queues);
        printf(". jobs: %lld finished, %lld failed\n",
                (long long)w->successful_job_count,
                (long long)w->failed_job_count);
    }
}

/* ---- for people ---- */

/* Columns behind the names: the counts, and of a worker its queues and host,
 * of which there may be any number. */
#define QUEUE_REST  62
#define WORKER_REST 60

/* The width of a column of names: they are cut where the `rest` of the line
 * would not fit on the terminal, and in a pipe never. */
static size_t widest(const struct info *info, bool workers, size_t least,
        size_t rest)
{
    size_t width = least, room = (size_t)term_width();

    for (size_t i = 0; i < (workers ? info->workers_count : info->queues);
            i++) {
        size_t n =
                term_columns(workers ? info->workers[i].name : info->names[i]);

        width = n > width ? n : width;
    }
    if (!term_is_tty())
        return width;
    room = room > rest + 12 ? room - rest : 12;
    return width < room ? width : room;
}

/* A bar for the jobs that wait, in eighths of a column: for the eye, so on a
 * terminal only. */
static void print_bar(int64_t n, int64_t most, int columns)
{
    static const char *const eighths[] = { "", "\u258f", "\u258e", "\u258d",
        "\u258c", "\u258b", "\u258a", "\u2589" };
    int64_t length;

    if (most <= 0 || columns <= 0 || !term_is_tty())
        return;
    length = (int64_t)((double)n / (double)most * columns * 8);
    length = length == 0 && n > 0 ? 1 : length;
    if (length > 0)
        printf("  ");
    for (; length >= 8; length -= 8)
        term_printf(TERM_GREEN, "\u2588");
    if (length > 0)
        term_printf(TERM_GREEN, "%s", eighths[length]);
}

static void print_count(enum term_style style, int64_t n, int width)
{
    term_printf(n > 0 ? style : TERM_DIM, "%*lld", width, (long long)n);
}

static void print_queues(const struct info *info)
{
    size_t width = widest(info, false, 5, QUEUE_REST);
    int bar = term_width() - (int)width - QUEUE_REST - 2;
    int64_t most = 0;

    for (size_t i = 0; i < info->queues; i++)
        most = info->counts[i].queued > most ? info->counts[i].queued : most;
    term_text(TERM_BOLD, "QUEUE", 0, width);
    term_printf(TERM_BOLD, "  %7s %7s %8s %7s %8s %9s %8s\n", "QUEUED",
            "STARTED", "FINISHED", "FAILED", "DEFERRED", "SCHEDULED",
            "CANCELED");
    for (size_t i = 0; i < info->queues; i++) {
        const struct crq_counts *c = &info->counts[i];

        term_text(TERM_PLAIN, info->names[i], width, width);
        printf("  ");
        print_count(TERM_BLUE, c->queued, 7);
        printf(" ");
        print_count(TERM_YELLOW, c->started, 7);
        printf(" ");
        print_count(TERM_GREEN, c->finished, 8);
        printf(" ");
        print_count(TERM_RED, c->failed, 7);
        printf(" ");
        print_count(TERM_CYAN, c->deferred, 8);
        printf(" ");
        print_count(TERM_CYAN, c->scheduled, 9);
        printf(" ");
        print_count(TERM_YELLOW, c->canceled, 8);
        print_bar(c->queued, most, bar < 30 ? bar : 30);
        putchar('\n');
    }
}

static enum term_style state_style(const char *state)
{
    static const struct {
        const char *state;
        enum term_style style;
    } styles[] = { { "busy", TERM_RED }, { "idle", TERM_GREEN },
        { "suspended", TERM_YELLOW } };

    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
        if (strcmp(styles[i].state, state) == 0)
            return styles[i].style;
    return TERM_PLAIN;
}

/* Queues, host and process in `room` columns (0: in as many as they take). */
static void print_place(const struct crq_worker *w, size_t room)
{
    size_t columns = term_columns(w->queues);
    struct crq_buf place = CRQ_BUF_INIT;

    term_text(TERM_PLAIN, w->queues, room, 0);
    crq_buf_printf(&place, "%s:%s", w->hostname, w->pid);
    if (room == 0 || columns + 3 < room) {
        printf("  ");
        term_text(TERM_DIM, crq_buf_text(&place),
                room > 0 ? room - columns - 2 : 0, 0);
    }
    crq_buf_fini(&place);
}

/* On a terminal the job that runs has a line of its own, as its id is half a
 * line. In a pipe each worker has one line. */
static void print_current_job(const struct crq_worker *w)
{
    if (w->current_job[0] == '\0')
        return;
    term_printf(TERM_DIM, term_is_tty() ? "\n  running " : "  running ");
    term_text(TERM_PLAIN, w->current_job,
            term_is_tty() ? (size_t)term_width() - 10 : 0, 0);
}

static void print_workers(const struct info *info)
{
    size_t width = widest(info, true, 6, WORKER_REST);
    size_t before = width + 2 + 9 + 1 + 8 + 1 + 8 + 2, room = 0;

    if (term_is_tty())
        room = (size_t)term_width() > before + 8 ? (size_t)term_width() - before
                                                 : 8;
    term_text(TERM_BOLD, "WORKER", 0, width);
    term_printf(TERM_BOLD, "  %-9s %8s %8s  ", "STATE", "FINISHED", "FAILED");
    term_text(TERM_BOLD, "QUEUES, HOST, PROCESS", room, 0);
    putchar('\n');
    for (size_t i = 0; i < info->workers_count; i++) {
        const struct crq_worker *w = &info->workers[i];

        term_text(TERM_PLAIN, w->name, width, width);
        printf("  ");
        term_text(state_style(w->state), w->state, 9, 9);
        printf(" ");
        print_count(TERM_GREEN, w->successful_job_count, 8);
        printf(" ");
        print_count(TERM_RED, w->failed_job_count, 8);
        printf("  ");
        print_place(w, room);
        print_current_job(w);
        putchar('\n');
    }
}

/* Of the last minutes, when anything has run; by RQ's workers nothing has. */
static void print_rates(const crq_stats *all)
{
    static const struct {
        const char *what;
        crq_timing timing;
    } timings[] = { { "waited", CRQ_TIMING_WAIT }, { "ran", CRQ_TIMING_RUN } };

    if (crq_stats_timed(all, CRQ_TIMING_RUN, 0, CRQ_STATS_WINDOW) == 0)
        return;
    term_printf(TERM_DIM, "%.1f runs/s; of the last %d minutes 95%% ",
            crq_stats_rate(all, CRQ_STAT_COUNT), CRQ_STATS_WINDOW);
    for (size_t i = 0; i < 2; i++) {
        int64_t us = crq_stats_percentile_us(all, timings[i].timing, 0,
                CRQ_STATS_WINDOW, 0.95);

        term_printf(TERM_DIM, "%s%s at most ", i > 0 ? ", " : "",
                timings[i].what);
        term_duration(us == CRQ_UNSET ? 0 : us);
    }
    putchar('\n');
}

static void print_summary(const struct options *o, const struct info *info)
{
    int64_t waiting = 0;

    for (size_t i = 0; i < info->queues; i++)
        waiting += info->counts[i].queued;
    if (!o->only_workers)
        term_printf(TERM_DIM, "%zu queue%s, %lld job%s waiting", info->queues,
                info->queues == 1 ? "" : "s", (long long)waiting,
                waiting == 1 ? "" : "s");
    if (!o->only_queues)
        term_printf(TERM_DIM, "%s%zu worker%s", o->only_workers ? "" : ", ",
                info->workers_count, info->workers_count == 1 ? "" : "s");
    if (info->schedulers.schedules > 0)
        term_printf(TERM_DIM, ", %lld schedule%s",
                (long long)info->schedulers.schedules,
                info->schedulers.schedules == 1 ? "" : "s");
    if (info->schedulers.periodic > 0)
        term_printf(TERM_DIM, ", %lld of rq-scheduler",
                (long long)info->schedulers.periodic);
    putchar('\n');
    if (!o->only_workers && o->queues_count == 0)
        print_rates(crq_stats_at(info->stats, info->queues));
    schedulers_print(&info->schedulers);
    if (info->suspended) {
        term_printf(TERM_YELLOW, "Workers are suspended");
        if (info->suspended_s >= 0) {
            printf(" for ");
            term_duration(info->suspended_s * 1000000);
        }
        printf(": they take no new jobs.\n");
    }
}

static void print_info(const struct options *o, const struct info *info)
{
    bool queues = !o->only_workers && info->queues > 0;
    bool workers = !o->only_queues &&
            (o->by_queue ? info->queues : info->workers_count) > 0;

    if (queues)
        print_queues(info);
    if (queues && workers)
        putchar('\n');
    if (workers && o->by_queue)
        print_by_queue(info);
    else if (workers)
        print_workers(info);
    if (queues || workers)
        putchar('\n');
    print_summary(o, info);
}

static int show_once(const struct options *o, crq_error *err)
{
    struct info info = { 0 };
    int rc = fetch(o, &info, err);

    if (rc == 0) {
        if (o->interval_us > 0 && term_is_tty())
            fputs("\033[H\033[2J", stdout);
        if (o->cli->json)
            rc = print_json(o, &info, err);
        else if (o->raw)
            print_raw(o, &info);
        else
            print_info(o, &info);
        fflush(stdout);
    }
    info_fini(&info);
    return rc;
}

int cmd_info(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "[QUEUE...]",
        "Show queues and workers: all, or the queues named.", children, NULL,
        NULL };
    struct options o = { .cli = cli };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    do {
        rc = show_once(&o, &err);
        if (rc == 0 && o.interval_us > 0) {
            struct timespec pause = { o.interval_us / 1000000,
                (long)(o.interval_us % 1000000) * 1000 };

            nanosleep(&pause, NULL);
        }
    } while (rc == 0 && o.interval_us > 0 && !ferror(stdout));
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
