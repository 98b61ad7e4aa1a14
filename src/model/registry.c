/*
 * registry.c - listing and counting jobs by queue and status.
 *
 * Only reads: counting in RQ cleans registries up on the way, which can fail
 * jobs. Here that is the business of workers' maintenance.
 *
 * Source: RQ 2.10, rq/registry.py.
 */
#include "model/registry.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/job.h"
#include "model/names.h"
#include "model/status.h"
#include "redis/conn.h"

int crq_queue_names(crq_conn *conn, char ***out, size_t *out_count,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    char **names;
    size_t count = 0;
    int rc;

    crq_key(key, CRQ_KEY_QUEUES, NULL);
    rc = crq_conn_run(conn, &reply, err, "SMEMBERS", key, NULL);
    if (rc < 0)
        return rc;
    names = crq_calloc(crq_reply_count(reply) + 1, sizeof(*names));
    if (names == NULL)
        rc = crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(reply); i++) {
        const char *member = crq_text_of(crq_reply_item(reply, i));
        const char *name = member != NULL ? crq_key_queue_name(member) : NULL;

        /* What is no queue's key is passed over. */
        if (name == NULL || strlen(name) > CRQ_NAME_MAX)
            continue;
        names[count] = crq_strdup(name);
        if (names[count] == NULL)
            rc = crq_fail_nomem(err);
        else
            count++;
    }
    crq_reply_free(reply);
    if (rc < 0) {
        crq_names_free(names, count);
        return rc;
    }
    crq_names_sort(names, count);
    *out = names;
    *out_count = count;
    return 0;
}

/* ---- counts ---- */

/* What is counted, and whether a score from 0 to now means "gone": started
 * runs without a heartbeat, finished and failed jobs past their TTL. */
static const struct {
    enum crq_key key;
    bool expires;
    size_t at; /* in struct crq_counts */
} counted[] = {
    { CRQ_KEY_STARTED, true, offsetof(struct crq_counts, started) },
    { CRQ_KEY_FINISHED, true, offsetof(struct crq_counts, finished) },
    { CRQ_KEY_FAILED, true, offsetof(struct crq_counts, failed) },
    { CRQ_KEY_DEFERRED, false, offsetof(struct crq_counts, deferred) },
    { CRQ_KEY_SCHEDULED, false, offsetof(struct crq_counts, scheduled) },
    { CRQ_KEY_CANCELED, false, offsetof(struct crq_counts, canceled) },
};

#define COUNTED (sizeof(counted) / sizeof(counted[0]))

/* Append a command to the pipeline, and count it in *due. */
static int append(crq_conn *conn, size_t *due, crq_error *err,
        const char *command, const char *key, const char *from, const char *to)
{
    struct crq_args args;
    int rc;

    crq_args_init(&args);
    crq_args_list(&args, command, key, from, to, NULL);
    rc = crq_conn_append(conn, &args, err);
    crq_args_fini(&args);
    *due += rc == 0;
    return rc;
}

/* A pipeline that could not be completed: take the replies it owes, for the
 * next command must not meet them. */
static void drain(crq_conn *conn, size_t due)
{
    for (int rc = 0; rc == 0 && due > 0; due--) {
        crq_reply *reply = NULL;

        rc = crq_conn_next(conn, &reply, NULL);
        crq_reply_free(reply);
    }
}

static int append_counts(crq_conn *conn, size_t *due, const char *queue,
        const char *now, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    int rc;

    crq_key(key, CRQ_KEY_QUEUE, queue);
    rc = append(conn, due, err, "LLEN", key, NULL, NULL);
    for (size_t i = 0; rc == 0 && i < COUNTED; i++) {
        crq_key(key, counted[i].key, queue);
        rc = append(conn, due, err, "ZCARD", key, NULL, NULL);
        if (rc == 0 && counted[i].expires)
            rc = append(conn, due, err, "ZCOUNT", key, "0", now);
    }
    return rc;
}

static int next_number(crq_conn *conn, int64_t *out, crq_error *err)
{
    crq_reply *reply = NULL;
    int rc = crq_conn_next(conn, &reply, err);

    if (rc == 0 && crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        rc = crq_conn_reply_error(reply, err);
    else if (rc == 0)
        *out = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    return rc;
}

static int read_counts(crq_conn *conn, struct crq_counts *out, crq_error *err)
{
    int rc = next_number(conn, &out->queued, err);

    for (size_t i = 0; i < COUNTED; i++) {
        int64_t all = 0, gone = 0;
        int rc2 = next_number(conn, &all, rc == 0 ? err : NULL);

        rc = rc < 0 ? rc : rc2;
        if (counted[i].expires) {
            rc2 = next_number(conn, &gone, rc == 0 ? err : NULL);
            rc = rc < 0 ? rc : rc2;
        }
        *(int64_t *)(void *)((char *)out + counted[i].at) = all - gone;
    }
    return rc;
}

int crq_registry_counts(crq_conn *conn, char *const *queues, size_t count,
        struct crq_counts *out, crq_error *err)
{
    char now[32];
    size_t due = 0;
    int rc = 0, rc2;

    snprintf(now, sizeof(now), "%lld",
            (long long)(crq_clock_wall_us(crq_conn_clock(conn)) / 1000000));
    for (size_t i = 0; i < count; i++) {
        rc = append_counts(conn, &due, queues[i], now, err);
        if (rc < 0) {
            drain(conn, due);
            return rc;
        }
    }
    /* Every reply is taken, also behind one that failed. */
    for (size_t i = 0; i < count; i++) {
        memset(&out[i], 0, sizeof(out[i]));
        rc2 = read_counts(conn, &out[i], rc == 0 ? err : NULL);
        rc = rc < 0 ? rc : rc2;
    }
    return rc;
}

/* ---- ids ---- */

static int copy_ids(const crq_reply *reply, char ***out, size_t *out_count,
        crq_error *err)
{
    size_t n = crq_reply_count(reply), count = 0;
    char **ids = crq_calloc(n + 1, sizeof(*ids));

    if (ids == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *member = crq_text_of(crq_reply_item(reply, i));
        char id[CRQ_NAME_MAX + 1];

        if (member == NULL || crq_job_id_cut(member, id, NULL) < 0)
            continue;
        ids[count] = crq_strdup(id);
        if (ids[count++] == NULL) {
            crq_names_free(ids, count);
            return crq_fail_nomem(err);
        }
    }
    *out = ids;
    *out_count = count;
    return 0;
}

int crq_registry_ids(crq_conn *conn, const char *queue, crq_status status,
        int64_t offset, int64_t limit, char ***out, size_t *out_count,
        int64_t *out_total, crq_error *err)
{
    enum crq_key which = crq_status_key(status);
    bool list = which == CRQ_KEY_QUEUE;
    char key[CRQ_KEY_MAX], from[24], to[24];
    crq_reply *reply = NULL;
    int64_t total = 0;
    int rc;

    if (which == CRQ_KEY_COUNT)
        return crq_fail(err, CRQ_EINVAL,
                "there is no list of jobs that are '%s'",
                status == CRQ_STATUS_OTHER ? "?" : crq_status_name(status));
    if (strlen(queue) > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_EINVAL,
                "the name of the queue has %zu bytes; %d are the limit",
                strlen(queue), CRQ_NAME_MAX);
    if (limit <= 0 || offset < 0 || offset > INT64_MAX - limit)
        return crq_fail(err, CRQ_EINVAL, "offset or limit is out of range");
    crq_key(key, which, queue);
    snprintf(from, sizeof(from), "%lld", (long long)offset);
    snprintf(to, sizeof(to), "%lld", (long long)(offset + limit - 1));
    rc = crq_conn_run(conn, &reply, err, list ? "LLEN" : "ZCARD", key, NULL);
    if (rc < 0)
        return rc;
    total = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    reply = NULL;
    rc = crq_conn_run(conn, &reply, err, list ? "LRANGE" : "ZRANGE", key, from,
            to, NULL);
    if (rc == 0)
        rc = copy_ids(reply, out, out_count, err);
    crq_reply_free(reply);
    if (rc == 0 && out_total != NULL)
        *out_total = total;
    return rc;
}

/* ---- many jobs ---- */

/* The job in a reply, or NULL for what is none. Other errors than WRONGTYPE
 * say nothing about the job. */
static int read_job(crq_conn *conn, const char *id, const crq_reply *reply,
        crq_job **out, crq_error *err)
{
    int rc;

    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        return strncmp(crq_reply_text(reply, NULL), "WRONGTYPE", 9) == 0
                ? 0
                : crq_conn_reply_error(reply, err);
    rc = crq_job_from_reply(conn, id, reply, out, err);
    return rc == CRQ_ENOTFOUND || rc == CRQ_ECODEC ? 0 : rc;
}

int crq_jobs_fetch(crq_conn *conn, char *const *ids, size_t count,
        crq_job **out, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    size_t due = 0;
    int rc = 0;

    memset(out, 0, count * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        crq_key(key, CRQ_KEY_JOB, ids[i]);
        rc = append(conn, &due, err, "HGETALL", key, NULL, NULL);
        if (rc < 0) {
            drain(conn, due);
            return rc;
        }
    }
    for (size_t i = 0; i < count; i++) {
        crq_reply *reply = NULL;
        crq_error *why = rc == 0 ? err : NULL;
        int rc2 = crq_conn_next(conn, &reply, why);

        if (rc2 == 0)
            rc2 = read_job(conn, ids[i], reply, &out[i], why);
        crq_reply_free(reply);
        rc = rc < 0 ? rc : rc2;
    }
    if (rc < 0)
        for (size_t i = 0; i < count; i++) {
            crq_job_free(out[i]);
            out[i] = NULL;
        }
    return rc;
}
