/*
 * stats.c - statistics, read.
 *
 * In two pipelines: first what is known by name, with the time of Redis; then
 * the minutes, which that time tells, and when the first jobs were enqueued.
 * How they are written: stats_count.c.
 */
#include "model/stats.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/fields.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "redis/many.h"

#define MINUTE_US INT64_C(60000000)

struct crq_stats {
    char *queue;      /* NULL: all */
    char *first;      /* id of the job that is its next; NULL: none */
    int64_t now_us;   /* the same in all rows */
    int64_t first_us; /* when that was enqueued */
    struct crq_numbers ever;
    struct crq_numbers *minutes; /* 0 is the running one */
    int count;
};

void crq_stats_free(crq_stats *stats, size_t count)
{
    for (size_t i = 0; stats != NULL && i < count; i++) {
        crq_free(stats[i].queue);
        crq_free(stats[i].first);
        crq_free(stats[i].minutes);
    }
    crq_free(stats);
}

const crq_stats *crq_stats_at(const crq_stats *stats, size_t i)
{
    return &stats[i];
}

/* ---- asking ---- */

struct fetch {
    crq_stats *rows;
    size_t count;
    size_t minutes;
    int64_t now_us;
};

static const char *key_part(const crq_stats *row)
{
    return row->queue != NULL ? row->queue : "";
}

/* What is asked of every row, and at the end once the time. */
enum { FIRST_COUNTS, FIRST_HEAD, FIRST_ASKED };

static void ask_first(void *arg, size_t i, struct crq_args *args)
{
    const struct fetch *f = arg;
    const crq_stats *row = &f->rows[i / FIRST_ASKED];
    char key[CRQ_KEY_MAX];

    if (i == f->count * FIRST_ASKED) {
        crq_args_puts(args, "TIME");
    } else if (i % FIRST_ASKED == FIRST_COUNTS) {
        crq_key(key, CRQ_KEY_STATS, key_part(row));
        crq_args_list(args, "HGETALL", key, NULL);
    } else if (row->queue != NULL) {
        crq_key(key, CRQ_KEY_QUEUE, row->queue);
        crq_args_list(args, "LINDEX", key, "0", NULL);
    }
}

static int take_first(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    struct fetch *f = arg;
    crq_stats *row = &f->rows[i / FIRST_ASKED];
    const char *id;

    if (i == f->count * FIRST_ASKED) {
        int64_t s = crq_reply_int(crq_reply_item(reply, 0), -1);

        if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
            return crq_conn_reply_error(reply, err);
        if (s < 0 || s > INT64_MAX / 2000000)
            return crq_fail(err, CRQ_EREDIS, "Redis does not tell its time");
        f->now_us = s * 1000000 + crq_reply_int(crq_reply_item(reply, 1), 0);
        return 0;
    }
    if (i % FIRST_ASKED == FIRST_COUNTS) {
        crq_numbers_decode(&row->ever, reply);
        return 0;
    }
    id = crq_text_of(reply);
    if (id == NULL || strlen(id) > CRQ_NAME_MAX)
        return 0;
    row->first = crq_strdup(id);
    return row->first != NULL ? 0 : crq_fail_nomem(err);
}

/* Of every row its minutes, then when its first job was enqueued. */
static void ask_then(void *arg, size_t i, struct crq_args *args)
{
    const struct fetch *f = arg;
    const crq_stats *row = &f->rows[i / (f->minutes + 1)];
    size_t ago = i % (f->minutes + 1);
    char key[CRQ_KEY_MAX], minute[CRQ_INT_LEN + 1];

    if (ago < f->minutes) {
        crq_int_put(minute, f->now_us / MINUTE_US - (int64_t)ago);
        crq_key2(key, CRQ_KEY_STATS_MINUTE, minute, key_part(row));
        crq_args_list(args, "HGETALL", key, NULL);
    } else if (row->first != NULL) {
        crq_key(key, CRQ_KEY_JOB, row->first);
        crq_args_list(args, "HGET", key, "enqueued_at", NULL);
    }
}

static int take_then(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    struct fetch *f = arg;
    crq_stats *row = &f->rows[i / (f->minutes + 1)];
    size_t ago = i % (f->minutes + 1);
    const char *text;

    (void)err;
    if (ago < f->minutes) {
        crq_numbers_decode(&row->minutes[ago], reply);
        return 0;
    }
    text = crq_text_of(reply);
    if (text != NULL &&
            crq_timetext_get(text, strlen(text), &row->first_us, NULL) < 0)
        row->first_us = CRQ_UNSET;
    return 0;
}

/* ---- all of it ---- */

static int prepare(crq_stats *row, const char *queue, size_t minutes,
        crq_error *err)
{
    int rc = queue != NULL ? crq_queue_name_check(queue, err) : 0;

    if (rc < 0)
        return rc;
    row->first_us = CRQ_UNSET;
    row->count = (int)minutes;
    row->minutes = crq_calloc(minutes + 1, sizeof(*row->minutes));
    row->queue = queue != NULL ? crq_strdup(queue) : NULL;
    return row->minutes != NULL && (queue == NULL || row->queue != NULL)
            ? 0
            : crq_fail_nomem(err);
}

/* The row of all queues has the earliest of the others'. */
static void complete(struct fetch *f)
{
    int64_t earliest_us = CRQ_UNSET;

    for (size_t i = 0; i < f->count; i++) {
        int64_t us = f->rows[i].first_us;

        f->rows[i].now_us = f->now_us;
        if (us != CRQ_UNSET && (earliest_us == CRQ_UNSET || us < earliest_us))
            earliest_us = us;
    }
    for (size_t i = 0; i < f->count; i++)
        if (f->rows[i].queue == NULL)
            f->rows[i].first_us = earliest_us;
}

int crq_stats_fetch(crq_conn *conn, const char *const *queues, size_t count,
        int minutes, crq_stats **out, crq_error *err)
{
    struct fetch f = { .count = count, .minutes = (size_t)minutes };
    int rc = 0;

    if (minutes < 0 || minutes > CRQ_STATS_MINUTES)
        return crq_fail(err, CRQ_EINVAL, "minutes: 0 to %d", CRQ_STATS_MINUTES);
    f.rows = crq_calloc(count + 1, sizeof(*f.rows));
    if (f.rows == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = prepare(&f.rows[i], queues[i], f.minutes, err);
    if (rc == 0)
        rc = crq_many_ask(conn, count * FIRST_ASKED + 1, ask_first, take_first,
                &f, err);
    if (rc == 0)
        rc = crq_many_ask(conn, count * (f.minutes + 1), ask_then, take_then,
                &f, err);
    if (rc < 0) {
        crq_stats_free(f.rows, count);
        return rc;
    }
    complete(&f);
    *out = f.rows;
    return 0;
}

/* ---- what they hold ---- */

const char *crq_stats_queue(const crq_stats *stats)
{
    return stats->queue;
}

int64_t crq_stats_now_us(const crq_stats *stats)
{
    return stats->now_us;
}

int64_t crq_stats_oldest_us(const crq_stats *stats)
{
    return stats->first_us;
}

int64_t crq_stats_total(const crq_stats *stats, crq_stat stat)
{
    return crq_stat_name(stat) != NULL ? stats->ever.stats[stat] : 0;
}

int64_t crq_stats_minute(const crq_stats *stats, int ago, crq_stat stat)
{
    return crq_stat_name(stat) != NULL && ago >= 0 && ago < stats->count
            ? stats->minutes[ago].stats[stat]
            : 0;
}

/* An abandoned run is among the failed and retried ones already. */
static int64_t ended(const crq_stats *stats, int ago, crq_stat stat)
{
    int64_t sum = 0;

    if (stat != CRQ_STAT_COUNT)
        return crq_stats_minute(stats, ago, stat);
    for (int i = 0; i < CRQ_STAT_COUNT; i++)
        if (i != CRQ_STAT_ABANDONED)
            sum += crq_stats_minute(stats, ago, (crq_stat)i);
    return sum;
}

/* The running minute, and of the one before it the share that makes them a
 * minute together. */
double crq_stats_rate(const crq_stats *stats, crq_stat stat)
{
    double gone = (double)(stats->now_us % MINUTE_US) / (double)MINUTE_US;

    return ((double)ended(stats, 0, stat) +
                   (1 - gone) * (double)ended(stats, 1, stat)) /
            60;
}

/* Of a timing, so many minutes together, or what was counted since ever. */
static void gather(const crq_stats *stats, crq_timing timing, int ago,
        int minutes, struct crq_times *out)
{
    memset(out, 0, sizeof(*out));
    if ((unsigned)timing >= CRQ_TIMING_COUNT)
        return;
    if (minutes == 0)
        *out = stats->ever.times[timing];
    for (int i = ago; i >= 0 && i < stats->count && i - ago < minutes; i++)
        crq_times_merge(out, &stats->minutes[i].times[timing]);
}

int64_t crq_stats_timed(const crq_stats *stats, crq_timing timing, int ago,
        int minutes)
{
    struct crq_times times;

    gather(stats, timing, ago, minutes, &times);
    return crq_times_count(&times);
}

int64_t crq_stats_bucket(const crq_stats *stats, crq_timing timing, int ago,
        int minutes, size_t i)
{
    struct crq_times times;

    gather(stats, timing, ago, minutes, &times);
    return i < CRQ_STATS_BUCKETS ? times.buckets[i] : 0;
}

int64_t crq_stats_sum_us(const crq_stats *stats, crq_timing timing, int ago,
        int minutes)
{
    struct crq_times times;

    gather(stats, timing, ago, minutes, &times);
    return times.sum_us;
}

int64_t crq_stats_percentile_us(const crq_stats *stats, crq_timing timing,
        int ago, int minutes, double p)
{
    struct crq_times times;

    gather(stats, timing, ago, minutes, &times);
    return crq_times_percentile_us(&times, p);
}
