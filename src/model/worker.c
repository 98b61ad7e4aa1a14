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
#include "codec/value.h"
#include "model/keys.h"
#include "redis/conn.h"

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

static const char *find(const crq_reply *hash, const char *name, size_t *len)
{
    for (size_t i = 0; i + 1 < crq_reply_count(hash); i += 2) {
        const char *field = crq_reply_text(crq_reply_item(hash, i), NULL);

        if (field != NULL && strcmp(field, name) == 0)
            return crq_reply_text(crq_reply_item(hash, i + 1), len);
    }
    return NULL;
}

static int64_t time_of(const crq_reply *hash, const char *name)
{
    size_t len;
    const char *text = find(hash, name, &len);
    int64_t us = CRQ_UNSET;

    if (text == NULL || crq_timetext_get(text, len, &us, NULL) < 0)
        return CRQ_UNSET;
    return us;
}

static int64_t count_of(const crq_reply *hash, const char *name)
{
    size_t len;
    const char *text = find(hash, name, &len);

    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static int decode(const char *name, const crq_reply *hash,
        struct crq_worker *out, crq_error *err)
{
    struct crq_worker w = { 0 };
    size_t len, bad;
    const char *text;
    bool whole = true;

    w.name = crq_strdup(name);
    for (size_t i = 0; i < TEXTS; i++) {
        text = find(hash, texts[i].name, &len);
        if (text == NULL || !crq_utf8_valid(text, len, &bad))
            text = "";
        *text_of(&w, i) = crq_strdup(text);
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
    text = find(hash, "total_working_time", &len);
    w.total_working_time_s = text != NULL ? strtod(text, NULL) : 0;
    if (!isfinite(w.total_working_time_s))
        w.total_working_time_s = 0;
    *out = w;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct crq_worker *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int fetch_one(crq_conn *conn, const char *key, struct crq_worker *out,
        crq_error *err)
{
    const char *name = crq_key_worker_name(key);
    crq_reply *hash = NULL;
    int rc;

    if (name == NULL)
        return CRQ_ENOTFOUND;
    rc = crq_conn_run(conn, &hash, err, "HGETALL", key, NULL);
    if (rc == 0)
        rc = crq_reply_count(hash) > 0 ? decode(name, hash, out, err)
                                       : CRQ_ENOTFOUND;
    crq_reply_free(hash);
    return rc;
}

int crq_workers_fetch(crq_conn *conn, struct crq_worker **out,
        size_t *out_count, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    struct crq_worker *workers;
    size_t count = 0;
    int rc;

    crq_key(key, CRQ_KEY_WORKERS, NULL);
    rc = crq_conn_run(conn, &reply, err, "SMEMBERS", key, NULL);
    if (rc < 0)
        return rc;
    workers = crq_calloc(crq_reply_count(reply) + 1, sizeof(*workers));
    if (workers == NULL)
        rc = crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(reply); i++) {
        const char *member = crq_reply_text(crq_reply_item(reply, i), NULL);

        rc = member != NULL ? fetch_one(conn, member, &workers[count], err)
                            : CRQ_ENOTFOUND;
        count += rc == 0;
        rc = rc == CRQ_ENOTFOUND ? 0 : rc;
    }
    crq_reply_free(reply);
    if (rc < 0) {
        crq_workers_free(workers, count);
        return rc;
    }
    qsort(workers, count, sizeof(*workers), by_name);
    *out = workers;
    *out_count = count;
    return 0;
}
