/*
 * worker.c - reading the records of workers, RQ's and crq's.
 *
 * Source: RQ 2.10, rq/worker/base.py, BaseWorker.refresh(). A member of
 * rq:workers without a record is one that died without a word; it is passed
 * over here and taken out by maintenance.
 */
#include "model/worker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/fields.h"
#include "model/keys.h"
#include "redis/conn.h"

/* More is a number of nobody's, and its microseconds are no int64_t. */
#define WORKED_MAX_S 1e12

static const struct {
    const char *name;
    size_t at; /* of the char * in struct crq_worker */
} texts[] = {
    { "state", offsetof(struct crq_worker, state) },
    { "queues", offsetof(struct crq_worker, queues) },
    { "hostname", offsetof(struct crq_worker, hostname) },
    { "ip_address", offsetof(struct crq_worker, ip_address) },
    { "pid", offsetof(struct crq_worker, pid) },
    { "current_job", offsetof(struct crq_worker, current_job) },
    { "version", offsetof(struct crq_worker, version) },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static char **text_of(struct crq_worker *worker, size_t i)
{
    return (char **)(void *)((char *)worker + texts[i].at);
}

void crq_worker_fini(struct crq_worker *worker)
{
    crq_free(worker->name);
    for (size_t i = 0; i < TEXTS; i++)
        crq_free(*text_of(worker, i));
}

void crq_workers_free(struct crq_worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crq_worker_fini(&workers[i]);
    crq_free(workers);
}

/* A field's text; NULL where there is none, or bytes that are no text. */
static const char *find(const crq_reply *hash, const char *name)
{
    for (size_t i = 0; i + 1 < crq_reply_count(hash); i += 2) {
        const char *field = crq_text_of(crq_reply_item(hash, i));

        if (field != NULL && strcmp(field, name) == 0)
            return crq_text_of(crq_reply_item(hash, i + 1));
    }
    return NULL;
}

static int64_t time_of(const crq_reply *hash, const char *name)
{
    const char *text = find(hash, name);
    int64_t us = CRQ_UNSET;

    if (text == NULL || crq_timetext_get(text, strlen(text), &us, NULL) < 0)
        return CRQ_UNSET;
    return us;
}

static int64_t count_of(const crq_reply *hash, const char *name)
{
    const char *text = find(hash, name);

    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static int decode(const char *name, const crq_reply *hash,
        struct crq_worker *out, crq_error *err)
{
    struct crq_worker w = { 0 };
    const char *text;
    bool whole = true;

    w.name = crq_strdup(name);
    for (size_t i = 0; i < TEXTS; i++) {
        text = find(hash, texts[i].name);
        *text_of(&w, i) = crq_strdup(text != NULL ? text : "");
        whole = whole && *text_of(&w, i) != NULL;
    }
    if (w.name == NULL || !whole) {
        crq_worker_fini(&w);
        return crq_fail_nomem(err);
    }
    w.birth_us = time_of(hash, "birth");
    w.last_heartbeat_us = time_of(hash, "last_heartbeat");
    w.successful_job_count = count_of(hash, "successful_job_count");
    w.failed_job_count = count_of(hash, "failed_job_count");
    text = find(hash, "total_working_time");
    w.total_working_time_s = text != NULL ? strtod(text, NULL) : 0;
    if (!(fabs(w.total_working_time_s) <= WORKED_MAX_S))
        w.total_working_time_s = 0; /* nor is NaN any */
    /* crq's own records say no version of Python. */
    text = find(hash, "python_version");
    w.old_rq = (w.version[0] == '0' || w.version[0] == '1') &&
            w.version[1] == '.' && (text == NULL || text[0] != '\0');
    *out = w;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct crq_worker *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Ask for the records of all members of rq:workers that are workers' keys. */
static int append_all(crq_conn *conn, const crq_reply *members, size_t *due,
        crq_error *err)
{
    struct crq_args args;
    int rc = 0;

    crq_args_init(&args);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(members); i++) {
        const char *key = crq_text_of(crq_reply_item(members, i));

        if (key == NULL || crq_key_worker_name(key) == NULL)
            continue;
        crq_args_clear(&args);
        crq_args_list(&args, "HGETALL", key, NULL);
        rc = crq_conn_append(conn, &args, err);
        *due += rc == 0;
    }
    crq_args_fini(&args);
    return rc;
}

/* The record in a reply: 1, or 0 when there is none or it is no hash. */
static int read_record(const char *name, const crq_reply *hash,
        struct crq_worker *out, crq_error *err)
{
    int rc;

    if (crq_reply_kind(hash) == CRQ_REPLY_ERROR)
        return strncmp(crq_reply_text(hash, NULL), "WRONGTYPE", 9) == 0
                ? 0
                : crq_conn_reply_error(hash, err);
    if (crq_reply_count(hash) == 0)
        return 0;
    rc = decode(name, hash, out, err);
    return rc < 0 ? rc : 1;
}

/* Take `due` replies, also those behind a failure: the next command must not
 * meet them. */
static int read_all(crq_conn *conn, const crq_reply *members, size_t due,
        struct crq_worker *workers, size_t *count, crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; due > 0; i++) {
        const char *key = crq_text_of(crq_reply_item(members, i));
        crq_error *why = rc == 0 ? err : NULL;
        crq_reply *hash = NULL;
        int rc2;

        if (key == NULL || crq_key_worker_name(key) == NULL)
            continue;
        due--;
        rc2 = crq_conn_next(conn, &hash, why);
        if (rc2 == 0 && rc == 0)
            rc2 = read_record(crq_key_worker_name(key), hash, &workers[*count],
                    why);
        crq_reply_free(hash);
        if (rc2 < 0 && rc == 0)
            rc = rc2;
        else if (rc2 > 0)
            (*count)++;
    }
    return rc;
}

int crq_workers_fetch(crq_conn *conn, struct crq_worker **out,
        size_t *out_count, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *members = NULL;
    struct crq_worker *workers;
    size_t count = 0, due = 0;
    int rc, read;

    crq_key(key, CRQ_KEY_WORKERS, NULL);
    rc = crq_conn_run(conn, &members, err, "SMEMBERS", key, NULL);
    if (rc < 0)
        return rc;
    workers = crq_calloc(crq_reply_count(members) + 1, sizeof(*workers));
    if (workers == NULL) {
        crq_reply_free(members);
        return crq_fail_nomem(err);
    }
    rc = append_all(conn, members, &due, err);
    read = read_all(conn, members, due, workers, &count, rc == 0 ? err : NULL);
    crq_reply_free(members);
    rc = rc < 0 ? rc : read;
    if (rc < 0) {
        crq_workers_free(workers, count);
        return rc;
    }
    qsort(workers, count, sizeof(*workers), by_name);
    *out = workers;
    *out_count = count;
    return 0;
}

/* ---- looking ---- */

const crq_worker *crq_workers_at(const crq_worker *workers, size_t i)
{
    return &workers[i];
}

const char *crq_worker_name(const crq_worker *worker)
{
    return worker->name;
}

const char *crq_worker_state(const crq_worker *worker)
{
    return worker->state;
}

const char *crq_worker_queues(const crq_worker *worker)
{
    return worker->queues;
}

const char *crq_worker_hostname(const crq_worker *worker)
{
    return worker->hostname;
}

const char *crq_worker_ip_address(const crq_worker *worker)
{
    return worker->ip_address;
}

const char *crq_worker_pid(const crq_worker *worker)
{
    return worker->pid;
}

const char *crq_worker_current_job(const crq_worker *worker)
{
    return worker->current_job;
}

const char *crq_worker_version(const crq_worker *worker)
{
    return worker->version;
}

int64_t crq_worker_birth_us(const crq_worker *worker)
{
    return worker->birth_us;
}

int64_t crq_worker_last_heartbeat_us(const crq_worker *worker)
{
    return worker->last_heartbeat_us;
}

int64_t crq_worker_successful_job_count(const crq_worker *worker)
{
    return worker->successful_job_count;
}

int64_t crq_worker_failed_job_count(const crq_worker *worker)
{
    return worker->failed_job_count;
}

double crq_worker_total_working_time_s(const crq_worker *worker)
{
    return worker->total_working_time_s;
}
