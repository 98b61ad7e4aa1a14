/* top_sample.c - queues, workers and failures at one time. */
#include "cli/top.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

void top_sample_fini(struct top_sample *s)
{
    if (s->stats != NULL)
        crq_stats_free(s->stats, s->queues + 1);
    crq_names_free(s->names, s->queues);
    crq_free(s->counts);
    crq_free(s->rates);
    crq_free(s->jobs);
    crq_workers_free(s->workers, s->workers_count);
    crq_failures_free(s->failures);
    memset(s, 0, sizeof(*s));
}

/* Names that can be in the set but are no queue's are left out. */
static void drop_names(struct top_sample *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->queues; i++)
        if (crq_queue_name_check(s->names[i], NULL) == 0)
            s->names[kept++] = s->names[i];
        else
            crq_free(s->names[i]);
    s->queues = kept;
}

static int fetch_queues(crq_conn *conn, struct top_sample *s, crq_error *err)
{
    const char **rows;
    int rc = crq_queue_names(conn, &s->names, &s->queues, err);

    if (rc < 0)
        return rc;
    drop_names(s);
    rows = crq_calloc(s->queues + 1, sizeof(*rows));
    s->counts = crq_calloc(s->queues + 1, sizeof(*s->counts));
    s->rates = crq_calloc(s->queues + 1, sizeof(*s->rates));
    if (rows == NULL || s->counts == NULL || s->rates == NULL)
        rc = crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < s->queues; i++)
        rows[i] = s->names[i];
    if (rc == 0)
        rc = crq_registry_counts(conn, s->names, s->queues, s->counts, err);
    if (rc == 0)
        rc = crq_stats_fetch(conn, rows, s->queues + 1, TOP_WINDOW, &s->stats,
                err);
    crq_free(rows);
    return rc;
}

/* ---- what workers are at ---- */

static const char *job_of(const struct top_sample *s, size_t i)
{
    const char *id = crq_worker_current_job(crq_workers_at(s->workers, i));

    return id[0] != '\0' && strlen(id) <= CRQ_NAME_MAX ? id : NULL;
}

/* How many are looked up. */
static size_t put_jobs(const struct top_sample *s, struct crq_args *args)
{
    char key[CRQ_KEY_MAX];
    size_t count = 0;

    for (size_t i = 0; i < s->workers_count && count < TOP_LOOK; i++) {
        const char *id = job_of(s, i);

        if (id == NULL)
            continue;
        crq_key(key, CRQ_KEY_JOB, id);
        crq_args_puts(args, key);
        count++;
    }
    crq_args_puti(args, (int64_t)sizeof(s->jobs[0].text) - 1);
    return count;
}

static void take_job(struct top_job *job, const char *id,
        const crq_reply *reply)
{
    const char *text = crq_reply_text(crq_reply_item(reply, 0), NULL);
    const char *started = crq_text_of(crq_reply_item(reply, 1));
    size_t bad, len;

    snprintf(job->text, sizeof(job->text), "%s",
            text != NULL && text[0] != '\0' ? text : id);
    /* It may be cut within a character, and hold whatever bytes. */
    len = strlen(job->text);
    while (!crq_text_valid(job->text, len, &bad))
        job->text[bad] = '?';
    if (started == NULL ||
            crq_timetext_get(started, strlen(started), &job->started_us, NULL) <
                    0)
        job->started_us = CRQ_UNSET;
}

static int fetch_jobs(crq_conn *conn, struct top_sample *s, crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    size_t count, at = 0;
    int rc = 0;

    s->jobs = crq_calloc(s->workers_count + 1, sizeof(*s->jobs));
    if (s->jobs == NULL)
        return crq_fail_nomem(err);
    crq_args_init(&args);
    count = put_jobs(s, &args);
    if (count > 0)
        rc = crq_script_call(conn, &crq_script_describe, count, &args, &reply,
                err);
    for (size_t i = 0; rc == 0 && i < s->workers_count; i++)
        if (job_of(s, i) != NULL) /* beyond those looked up there is none */
            take_job(&s->jobs[i], job_of(s, i), crq_reply_item(reply, at++));
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

/* ---- rates ---- */

/* Of the last minute, as Redis has it. */
static void rate_of_minute(struct top_sample *s)
{
    for (size_t i = 0; i <= s->queues; i++) {
        const crq_stats *stats = crq_stats_at(s->stats, i);

        s->rates[i] = (struct top_rates){
            .finished = crq_stats_rate(stats, CRQ_STAT_FINISHED),
            .failed = crq_stats_rate(stats, CRQ_STAT_FAILED),
            .all = crq_stats_rate(stats, CRQ_STAT_COUNT),
        };
    }
}

static int64_t all_ends(const crq_stats *stats)
{
    int64_t sum = 0;

    for (int i = 0; i < CRQ_STAT_COUNT; i++)
        if (i != CRQ_STAT_ABANDONED) /* among failed and retried already */
            sum += crq_stats_total(stats, (crq_stat)i);
    return sum;
}

/* Who forgets the counts (FLUSHALL) makes no rate below 0. */
static double rate(int64_t now, int64_t before, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

static void rate_row(struct top_rates *out, const crq_stats *now,
        const crq_stats *before)
{
    double seconds =
            (double)(crq_stats_now_us(now) - crq_stats_now_us(before)) / 1e6;

    if (seconds <= 0)
        return;
    out->finished = rate(crq_stats_total(now, CRQ_STAT_FINISHED),
            crq_stats_total(before, CRQ_STAT_FINISHED), seconds);
    out->failed = rate(crq_stats_total(now, CRQ_STAT_FAILED),
            crq_stats_total(before, CRQ_STAT_FAILED), seconds);
    out->all = rate(all_ends(now), all_ends(before), seconds);
}

void top_rate(struct top_sample *s, const struct top_sample *since)
{
    rate_row(&s->rates[s->queues], crq_stats_at(s->stats, s->queues),
            crq_stats_at(since->stats, since->queues));
    /* Both are sorted by name. */
    for (size_t i = 0, j = 0; i < s->queues; i++) {
        while (j < since->queues && strcmp(since->names[j], s->names[i]) < 0)
            j++;
        if (j < since->queues && strcmp(since->names[j], s->names[i]) == 0)
            rate_row(&s->rates[i], crq_stats_at(s->stats, i),
                    crq_stats_at(since->stats, j));
    }
}

/* ---- all of it ---- */

int top_fetch(crq_conn *conn, struct top_sample *out, crq_error *err)
{
    struct top_sample s = { 0 };
    int rc = fetch_queues(conn, &s, err);

    if (rc == 0)
        rc = crq_workers_fetch(conn, &s.workers, &s.workers_count, err);
    if (rc == 0)
        rc = fetch_jobs(conn, &s, err);
    if (rc == 0)
        rc = crq_failures_fetch(conn, TOP_FAILURES, &s.failures, err);
    if (rc == 0)
        rc = crq_is_suspended(conn, &s.suspended, NULL, err);
    if (rc < 0) {
        top_sample_fini(&s);
        return rc;
    }
    s.now_us = crq_clock_wall_us(crq_conn_clock(conn));
    rate_of_minute(&s);
    *out = s;
    return 0;
}
