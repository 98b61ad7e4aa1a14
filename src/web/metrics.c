/*
 * metrics.c - see metrics.h.
 *
 * First everything is asked, then written: when Redis fails half way, no half
 * of it is shown. A new number is a row of `metrics` and a line where it is
 * written.
 */
#include "web/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "web/metrics_impl.h"

/* ---------------------------------------------------------------- the names */

enum metric {
    UP,
    PING,
    JOBS,
    OLDEST,
    DUE,
    ENDED,
    RETRIED,
    ABANDONED,
    WAIT,
    RUN,
    SUSPENDED,
    WORKERS,
    WORKER_JOBS,
    WORKER_TIME,
    SCHEDULES,
    SCHEDULES_LATE,
    LEADER,
    QUARANTINED,
    LATE,
    WEB_START,
    WEB_CONNECTIONS,
    WEB_SOCKETS,
    WEB_WAITING,
    WEB_REQUESTS,
    WEB_MESSAGES,
    WEB_SLOW,
    WEB_ERRORS
};

static const struct {
    const char *name, *type, *help;
} metrics[] = {
    [UP] = { "crq_redis_up", "gauge", "Whether Redis answers" },
    [PING] = { "crq_redis_ping_seconds", "gauge",
            "Time from a PING to its reply, as the gateway sees it" },
    [JOBS] = { "crq_jobs", "gauge",
            "Jobs by queue and state; failed ones with those stopped" },
    [OLDEST] = { "crq_queue_oldest_seconds", "gauge",
            "How long the first job of the queue has waited; 0: none waits" },
    [DUE] = { "crq_scheduled_overdue_seconds", "gauge",
            "How late the first scheduled job of the queue is; 0: none is" },
    [ENDED] = { "crq_jobs_ended_total", "counter",
            "Runs by crq's workers that were a job's last one, by its status" },
    [RETRIED] = { "crq_jobs_retried_total", "counter",
            "Runs by crq's workers after which the job was to run again" },
    [ABANDONED] = { "crq_jobs_abandoned_total", "counter",
            "Runs whose worker died; they count as failed or retried, too" },
    [WAIT] = { "crq_job_wait_seconds", "histogram",
            "Time from a job's being queued until its run began" },
    [RUN] = { "crq_job_run_seconds", "histogram",
            "Time from the beginning of a run until its end" },
    [SUSPENDED] = { "crq_suspended", "gauge", "Whether workers take no jobs" },
    [WORKERS] = { "crq_workers", "gauge", "Workers by state" },
    [WORKER_JOBS] = { "crq_worker_jobs_total", "counter",
            "Runs of a worker by their end" },
    [WORKER_TIME] = { "crq_worker_busy_seconds_total", "counter",
            "Time that a worker has spent in runs" },
    [SCHEDULES] = { "crq_schedules", "gauge", "Named schedules" },
    [SCHEDULES_LATE] = { "crq_schedules_overdue_seconds", "gauge",
            "How late the next named schedule is; 0: none is" },
    [LEADER] = { "crq_scheduler_leader", "gauge",
            "Whether a scheduler of crq leads" },
    [QUARANTINED] = { "crq_scheduler_quarantined", "gauge",
            "Entries that no scheduler can read and that were set aside" },
    [LATE] = { "crq_scheduler_late_seconds", "histogram",
            "How late the scheduler enqueued what was due" },
    [WEB_START] = { "crq_web_start_time_seconds", "gauge",
            "When the gateway was started" },
    [WEB_CONNECTIONS] = { "crq_web_connections", "gauge",
            "Open connections of HTTP" },
    [WEB_SOCKETS] = { "crq_web_sockets", "gauge", "Open WebSockets" },
    [WEB_WAITING] = { "crq_web_waiting_requests", "gauge",
            "Requests that wait for a job" },
    [WEB_REQUESTS] = { "crq_web_requests_total", "counter",
            "Requests by the class of their answer" },
    [WEB_MESSAGES] = { "crq_web_messages_total", "counter",
            "Messages of WebSockets by direction" },
    [WEB_SLOW] = { "crq_web_slow_clients_total", "counter",
            "Clients that were dropped because they did not read" },
    [WEB_ERRORS] = { "crq_web_redis_errors_total", "counter",
            "Failures of Redis that the gateway has met" },
};

/* Lines of INFO that are metrics as they are. */
static const struct {
    const char *field, *name, *type, *help;
} infos[] = {
    { "used_memory", "crq_redis_memory_bytes", "gauge",
            "Memory that Redis uses" },
    { "maxmemory", "crq_redis_memory_limit_bytes", "gauge",
            "Memory that Redis may use; 0: no limit" },
    { "connected_clients", "crq_redis_clients", "gauge",
            "Clients of Redis, of whatever kind" },
    { "blocked_clients", "crq_redis_blocked_clients", "gauge",
            "Clients of Redis that wait for something" },
    { "instantaneous_ops_per_sec", "crq_redis_commands_per_second", "gauge",
            "Commands a second, as Redis sees it" },
    { "total_commands_processed", "crq_redis_commands_total", "counter",
            "Commands that Redis has run" },
    { "total_error_replies", "crq_redis_error_replies_total", "counter",
            "Errors that Redis has answered" },
    { "evicted_keys", "crq_redis_evicted_keys_total", "counter",
            "Keys that Redis has thrown away for want of memory" },
    { "rejected_connections", "crq_redis_rejected_connections_total", "counter",
            "Connections that were one too many for Redis" },
    { "uptime_in_seconds", "crq_redis_uptime_seconds", "gauge",
            "Since Redis was started" },
};

#define INFOS (sizeof(infos) / sizeof(infos[0]))

/* ------------------------------------------------------------------ writing */

static void put_head(struct crq_buf *out, enum metric m)
{
    crq_buf_printf(out, "# HELP %s %s.\n# TYPE %s %s\n", metrics[m].name,
            metrics[m].help, metrics[m].name, metrics[m].type);
}

/* A label, unless its value is NULL: three characters are escaped. */
static void put_label(struct crq_buf *out, const char *name, const char *value,
        const char *before)
{
    if (value == NULL)
        return;
    crq_buf_printf(out, "%s%s=\"", before, name);
    for (; *value != '\0'; value++)
        if (*value == '\n')
            crq_buf_puts(out, "\\n");
        else if (*value == '\\' || *value == '"')
            crq_buf_printf(out, "\\%c", *value);
        else
            crq_buf_putc(out, *value);
    crq_buf_putc(out, '"');
}

/* NAME{label="value"} N */
static void put_value(struct crq_buf *out, enum metric m, const char *label,
        const char *value, const char *label2, const char *value2, double n)
{
    crq_buf_puts(out, metrics[m].name);
    put_label(out, label, value, "{");
    put_label(out, label2, value2, ",");
    crq_buf_printf(out, "%s %.15g\n", value != NULL ? "}" : "", n);
}

static void put_one(struct crq_buf *out, enum metric m, double n)
{
    put_head(out, m);
    put_value(out, m, NULL, NULL, NULL, NULL, n);
}

/* How late what was due then is now. */
static double late(const struct metrics_facts *f, double due_s)
{
    double s = (double)f->now_us / 1e6 - due_s;

    return s > 0 ? s : 0; /* NAN is not */
}

static void put_queues(struct crq_buf *out, const struct metrics_facts *f)
{
    static const struct {
        const char *state;
        size_t offset;
    } states[] = {
        { "queued", offsetof(struct crq_counts, queued) },
        { "started", offsetof(struct crq_counts, started) },
        { "finished", offsetof(struct crq_counts, finished) },
        { "failed", offsetof(struct crq_counts, failed) },
        { "deferred", offsetof(struct crq_counts, deferred) },
        { "scheduled", offsetof(struct crq_counts, scheduled) },
        { "canceled", offsetof(struct crq_counts, canceled) },
    };
    int64_t n;

    put_head(out, JOBS);
    for (size_t q = 0; q < f->queues; q++)
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
            memcpy(&n, (const char *)&f->counts[q] + states[i].offset,
                    sizeof(n));
            put_value(out, JOBS, "queue", f->names[q], "state", states[i].state,
                    (double)n);
        }
    put_head(out, OLDEST);
    for (size_t q = 0; q < f->queues; q++) {
        int64_t oldest_us = crq_stats_oldest_us(crq_stats_at(f->stats, q));

        put_value(out, OLDEST, "queue", f->names[q], NULL, NULL,
                oldest_us != CRQ_UNSET ? late(f, (double)oldest_us / 1e6) : 0);
    }
    put_head(out, DUE);
    for (size_t q = 0; q < f->queues; q++)
        put_value(out, DUE, "queue", f->names[q], NULL, NULL,
                late(f, f->due_s[q]));
}

/* ---- what was counted ---- */

static void put_ends(struct crq_buf *out, const struct metrics_facts *f)
{
    static const struct {
        enum metric metric;
        crq_stat stat;
    } alone[] = { { RETRIED, CRQ_STAT_RETRIED },
        { ABANDONED, CRQ_STAT_ABANDONED } };
    static const crq_stat ends[] = { CRQ_STAT_FINISHED, CRQ_STAT_FAILED,
        CRQ_STAT_STOPPED, CRQ_STAT_CANCELED };

    put_head(out, ENDED);
    for (size_t q = 0; q < f->queues; q++)
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
            put_value(out, ENDED, "queue", f->names[q], "status",
                    crq_stat_name(ends[i]),
                    (double)crq_stats_total(crq_stats_at(f->stats, q),
                            ends[i]));
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        put_head(out, alone[i].metric);
        for (size_t q = 0; q < f->queues; q++)
            put_value(out, alone[i].metric, "queue", f->names[q], NULL, NULL,
                    (double)crq_stats_total(crq_stats_at(f->stats, q),
                            alone[i].stat));
    }
}

/* NAME_bucket{queue="q",le="0.001"} N, each with all below it, and the sum.
 * Without a queue no label but le. */
static void put_histogram(struct crq_buf *out, enum metric m, const char *queue,
        const crq_stats *stats, crq_timing timing)
{
    int64_t below = 0;

    for (size_t i = 0; i < CRQ_STATS_BUCKETS; i++) {
        int64_t bound_us = crq_stats_bound_us(i);

        below += crq_stats_bucket(stats, timing, 0, 0, i);
        crq_buf_printf(out, "%s_bucket", metrics[m].name);
        put_label(out, "queue", queue, "{");
        crq_buf_puts(out, queue != NULL ? ",le=\"" : "{le=\"");
        if (bound_us == INT64_MAX)
            crq_buf_puts(out, "+Inf");
        else
            crq_buf_printf(out, "%.15g", (double)bound_us / 1e6);
        crq_buf_printf(out, "\"} %" PRId64 "\n", below);
    }
    for (int sum = 1; sum >= 0; sum--) {
        crq_buf_printf(out, "%s_%s", metrics[m].name, sum ? "sum" : "count");
        put_label(out, "queue", queue, "{");
        crq_buf_printf(out, "%s %.15g\n", queue != NULL ? "}" : "",
                sum ? (double)crq_stats_sum_us(stats, timing, 0, 0) / 1e6
                    : (double)below);
    }
}

static void put_times(struct crq_buf *out, const struct metrics_facts *f)
{
    static const struct {
        enum metric metric;
        crq_timing timing;
    } times[] = { { WAIT, CRQ_TIMING_WAIT }, { RUN, CRQ_TIMING_RUN } };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        put_head(out, times[i].metric);
        for (size_t q = 0; q < f->queues; q++)
            put_histogram(out, times[i].metric, f->names[q],
                    crq_stats_at(f->stats, q), times[i].timing);
    }
}

static void put_late(struct crq_buf *out, const struct metrics_facts *f)
{
    put_head(out, LATE);
    put_histogram(out, LATE, NULL, crq_stats_at(f->stats, f->queues),
            CRQ_TIMING_LATE);
}

/* ---- workers ---- */

/* RQ's words for what a worker does; others count as one. */
static void put_states(struct crq_buf *out, const struct metrics_facts *f)
{
    static const char *const states[] = { "started", "suspended", "busy",
        "idle", "other" };
    size_t counts[5] = { 0 };

    for (size_t w = 0; w < f->workers_count; w++) {
        const char *state = crq_worker_state(crq_workers_at(f->workers, w));
        size_t i = 0;

        while (i < 4 && strcmp(states[i], state) != 0)
            i++;
        counts[i]++;
    }
    put_head(out, WORKERS);
    for (size_t i = 0; i < 5; i++)
        put_value(out, WORKERS, "state", states[i], NULL, NULL,
                (double)counts[i]);
}

static void put_workers(struct crq_buf *out, const struct metrics_facts *f)
{
    put_states(out, f);
    put_head(out, WORKER_JOBS);
    for (size_t w = 0; w < f->workers_count; w++) {
        const crq_worker *one = crq_workers_at(f->workers, w);

        put_value(out, WORKER_JOBS, "worker", crq_worker_name(one), "result",
                "finished", (double)crq_worker_successful_job_count(one));
        put_value(out, WORKER_JOBS, "worker", crq_worker_name(one), "result",
                "failed", (double)crq_worker_failed_job_count(one));
    }
    put_head(out, WORKER_TIME);
    for (size_t w = 0; w < f->workers_count; w++) {
        const crq_worker *one = crq_workers_at(f->workers, w);

        put_value(out, WORKER_TIME, "worker", crq_worker_name(one), NULL, NULL,
                crq_worker_total_working_time_s(one));
    }
}

/* "field:value\r\n" of INFO; only numbers are taken. */
static void put_info(struct crq_buf *out, const char *info)
{
    for (size_t i = 0; i < INFOS; i++) {
        size_t len = strlen(infos[i].field), digits;
        const char *at = info;

        while (at != NULL &&
                (strncmp(at, infos[i].field, len) != 0 || at[len] != ':')) {
            at = strchr(at, '\n');
            at = at != NULL ? at + 1 : NULL;
        }
        digits = at != NULL ? strspn(at + len + 1, "0123456789") : 0;
        if (digits > 0)
            crq_buf_printf(out, "# HELP %s %s.\n# TYPE %s %s\n%s %.*s\n",
                    infos[i].name, infos[i].help, infos[i].name, infos[i].type,
                    infos[i].name, (int)digits, at + len + 1);
    }
}

static void put_facts(struct crq_buf *out, const struct metrics_facts *f)
{
    put_one(out, PING, f->ping_s);
    put_info(out, f->info);
    put_queues(out, f);
    put_ends(out, f);
    put_times(out, f);
    put_one(out, SUSPENDED, f->suspended);
    put_workers(out, f);
    put_one(out, SCHEDULES, (double)f->schedules);
    put_one(out, SCHEDULES_LATE, late(f, f->next_s));
    put_one(out, LEADER, (double)f->leader);
    put_one(out, QUARANTINED, (double)f->quarantined);
    put_late(out, f);
}

static void put_gateway(struct crq_buf *out, const struct metrics_gateway *g)
{
    static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx",
        "5xx" };

    put_one(out, WEB_START, g->start_s);
    put_one(out, WEB_CONNECTIONS, (double)g->connections);
    put_one(out, WEB_SOCKETS, (double)g->sockets);
    put_one(out, WEB_WAITING, (double)g->waiting);
    put_head(out, WEB_REQUESTS);
    for (size_t i = 0; i < 6; i++)
        put_value(out, WEB_REQUESTS, "class", classes[i], NULL, NULL,
                (double)g->requests_total[i]);
    put_head(out, WEB_MESSAGES);
    put_value(out, WEB_MESSAGES, "direction", "in", NULL, NULL,
            (double)g->messages_in_total);
    put_value(out, WEB_MESSAGES, "direction", "out", NULL, NULL,
            (double)g->messages_out_total);
    put_one(out, WEB_SLOW, (double)g->slow_clients_total);
    put_one(out, WEB_ERRORS, (double)g->redis_errors_total);
}

int metrics_write(crq_conn *conn, const struct metrics_gateway *gateway,
        struct crq_buf *out, crq_error *err)
{
    struct metrics_facts f = METRICS_FACTS_INIT;
    crq_error why = { 0, "" }, unused;
    int rc = metrics_facts_ask(conn, &f, &why);

    if (rc != CRQ_ENOMEM) {
        put_one(out, UP, rc == 0);
        if (rc == 0)
            put_facts(out, &f);
        if (gateway != NULL)
            put_gateway(out, gateway);
        rc = crq_buf_check(out, err != NULL ? err : &unused);
    } else
        rc = crq_fail_nomem(err);
    metrics_facts_fini(&f);
    if (rc == 0 && err != NULL)
        *err = why;
    return rc;
}
