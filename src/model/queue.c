/*
 * queue.c - putting a call on a queue, now, later or when others are done.
 *
 * Source: RQ 2.10, rq/queue.py. Where RQ sends a transaction, crq runs one
 * script (enqueue.lua, enqueue_after.lua, schedule.lua), which is safe to
 * repeat: a job that this very call has written is recognised by its
 * created_at and description. Many calls: queue_many.c.
 */
#include "model/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "model/call.h"
#include "model/fields.h"
#include "model/job.h"
#include "model/keys.h"
#include "model/queue_impl.h"
#include "model/status.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

int crq_queue_name_check(const char *name, crq_error *err)
{
    size_t len = strlen(name), bad;

    if (len == 0)
        return crq_fail(err, CRQ_EINVAL, "the name of the queue is empty");
    if (len > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_EINVAL,
                "the name of the queue has %zu bytes; %d are the limit", len,
                CRQ_NAME_MAX);
    if (!crq_text_valid(name, len, &bad))
        return crq_fail(err, CRQ_EINVAL,
                "byte %zu of the queue's name is not UTF-8", bad);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return crq_fail(err, CRQ_EINVAL,
                    "the queue's name '%s' has a control character", name);
    return 0;
}

int crq_queue_new(crq_conn *conn, const char *name, crq_queue **out,
        crq_error *err)
{
    int rc = crq_queue_name_check(name, err);
    crq_queue *queue;

    if (rc < 0)
        return rc;
    queue = crq_calloc(1, sizeof(*queue));
    if (queue == NULL)
        return crq_fail_nomem(err);
    queue->conn = conn;
    queue->name = crq_strdup(name);
    if (queue->name == NULL) {
        crq_free(queue);
        return crq_fail_nomem(err);
    }
    *out = queue;
    return 0;
}

void crq_queue_free(crq_queue *queue)
{
    if (queue == NULL)
        return;
    crq_free(queue->name);
    crq_free(queue);
}

const char *crq_queue_name(const crq_queue *queue)
{
    return queue->name;
}

/* ---- one job ---- */

/* The instants that RQ's readers can turn into a datetime: from 0001-01-01
 * to the end of 9999-12-31. */
#define FIRST_US (INT64_C(-62135596800) * 1000000)
#define LAST_US  (INT64_C(253402300800) * 1000000 - 1)

const struct crq_placing crq_placing_now = { &crq_script_enqueue,
    CRQ_ENQUEUE_KEYS, CRQ_STATUS_QUEUED, CRQ_UNSET, false };

/* The script that knows what this call asks for. */
static void choose(const crq_call *call, struct crq_placing *placing)
{
    if (placing->status == CRQ_STATUS_SCHEDULED) {
        /* Dependencies are stored, and not looked at: as in RQ. */
        placing->script = &crq_script_schedule;
        placing->nkeys = call->group_id != NULL ? 6 : 4;
    } else if (call->dependencies > 0 || call->group_id != NULL) {
        placing->script = &crq_script_enqueue_after;
        placing->nkeys = 7;
    }
}

static int set_placing(const struct crq_placing *placing, const crq_call *call,
        int64_t now_us, struct crq_fields *fields, crq_error *err)
{
    int rc = crq_fields_set_text(fields, CRQ_FIELD_STATUS,
            crq_status_name(placing->status), err);

    if (rc < 0)
        return rc;
    if (placing->status == CRQ_STATUS_QUEUED)
        return crq_fields_set_time(fields, CRQ_FIELD_ENQUEUED_AT, now_us, err);
    /* What was asked for now is done when the job becomes due. */
    return call->at_front
            ? crq_fields_set_number(fields, CRQ_FIELD_ENQUEUE_AT_FRONT, 1, err)
            : 0;
}

/* Unix seconds with as many digits as a score keeps. */
static void put_score(struct crq_args *args, int64_t when_us)
{
    char text[40];
    int len =
            snprintf(text, sizeof(text), "%s%lld.%06d", when_us < 0 ? "-" : "",
                    (long long)((when_us < 0 ? -when_us : when_us) / 1000000),
                    (int)((when_us < 0 ? -when_us : when_us) % 1000000));

    crq_args_put(args, text, (size_t)len);
}

static void put_key(struct crq_args *args, enum crq_key which, const char *name)
{
    char key[CRQ_KEY_MAX];
    size_t len = crq_key(key, which, name);

    crq_args_put(args, key, len);
}

static void put_keys(const crq_queue *queue, const struct crq_placing *placing,
        const struct crq_prepared *job, struct crq_args *args)
{
    bool after = placing->script == &crq_script_enqueue_after;
    const char *group = job->call->group_id;

    put_key(args, CRQ_KEY_QUEUES, NULL);
    put_key(args, CRQ_KEY_QUEUE, queue->name);
    put_key(args, CRQ_KEY_JOB, job->id);
    if (after) {
        put_key(args, CRQ_KEY_JOB_DEPENDENCIES, job->id);
        put_key(args, CRQ_KEY_DEFERRED, queue->name);
    } else if (placing->status == CRQ_STATUS_SCHEDULED)
        put_key(args, CRQ_KEY_SCHEDULED, queue->name);
    if (after || group != NULL) {
        put_key(args, CRQ_KEY_GROUPS, NULL);
        put_key(args, group != NULL ? CRQ_KEY_GROUP : CRQ_KEY_GROUPS, group);
    }
}

void crq_placing_words(const crq_queue *queue,
        const struct crq_placing *placing, const struct crq_prepared *job,
        struct crq_args *args)
{
    const crq_call *call = job->call;
    bool expires = call->ttl_s != CRQ_UNSET;

    crq_args_reserve(args, 16, 512); /* what most jobs have */
    put_keys(queue, placing, job, args);
    crq_args_puts(args, job->id);
    if (placing->status == CRQ_STATUS_SCHEDULED)
        put_score(args, placing->when_us);
    else if (placing->hold)
        crq_args_puts(args, "HOLD");
    else
        crq_args_puts(args, call->at_front ? "LPUSH" : "RPUSH");
    if (expires)
        crq_args_puti(args, call->ttl_s);
    else
        crq_args_puts(args, "");
    crq_args_puts(args, call->unique ? "1" : "0");
    crq_fields_encode(&job->fields, args);
    if (expires) {
        put_key(args, CRQ_KEY_JOB_DEPENDENTS, job->id);
        put_key(args, CRQ_KEY_JOB_DEPENDENCIES, job->id);
    }
    if (placing->script != &crq_script_enqueue_after)
        return;
    put_score(args, job->fields.known[CRQ_FIELD_CREATED_AT].number);
    crq_args_puts(args, crq_key_pattern(CRQ_KEY_JOB));
    crq_args_puts(args, crq_key_pattern(CRQ_KEY_JOB_DEPENDENTS));
}

int64_t crq_now_of(const crq_queue *queue)
{
    return crq_clock_wall_us(crq_conn_clock(queue->conn));
}

int crq_prepare(const crq_queue *queue, int64_t now_us, const crq_call *call,
        struct crq_placing *placing, struct crq_prepared *job, crq_error *err)
{
    int rc = crq_call_read(call, &job->read, err);

    if (rc == 0)
        rc = crq_call_check(&job->read, err);
    if (rc < 0)
        return rc;
    job->call = call = &job->read;
    choose(call, placing);
    if (call->job_id != NULL)
        strcpy(job->id, call->job_id); /* crq_job_id_valid() has its length */
    else
        crq_uuid4(job->id);
    rc = crq_call_to_fields(call, queue->name, now_us, &job->fields, err);
    if (rc == 0)
        rc = set_placing(placing, call, now_us, &job->fields, err);
    return rc;
}

int crq_placing_saved(const crq_reply *reply, const char *id,
        bool *out_deferred, crq_error *err)
{
    int64_t saved = crq_reply_int(reply, -1);

    if (saved == 0)
        return crq_fail(err, CRQ_EEXIST, "there is a job '%s' already", id);
    if (saved < 1 || saved > 3)
        return crq_fail(err, CRQ_EREDIS, "unexpected reply to a script");
    if (out_deferred != NULL)
        *out_deferred = saved == 3;
    return 0;
}

/* The job as the script has written it: it was made as one that is queued. */
static void set_deferred(crq_job *job, char **status)
{
    struct crq_fields *fields = &job->fields;

    crq_free(fields->known[CRQ_FIELD_STATUS].bytes);
    fields->known[CRQ_FIELD_STATUS].bytes = *status;
    fields->known[CRQ_FIELD_STATUS].len = strlen(*status);
    *status = NULL;
    crq_free(fields->known[CRQ_FIELD_ENQUEUED_AT].bytes);
    fields->known[CRQ_FIELD_ENQUEUED_AT].bytes = NULL;
    fields->known[CRQ_FIELD_ENQUEUED_AT].len = 0;
    fields->known[CRQ_FIELD_ENQUEUED_AT].number = CRQ_UNSET;
    job->status = CRQ_STATUS_DEFERRED;
}

int crq_queue_enqueue_words(const char *name, const crq_call *call,
        int64_t now_us, const char *reply_to, char out_id[CRQ_NAME_MAX + 1],
        struct crq_args *out, crq_error *err)
{
    struct crq_queue queue = { NULL, (char *)(uintptr_t)name };
    struct crq_placing placing = crq_placing_now;
    struct crq_prepared job;
    int rc = crq_queue_name_check(name, err);

    crq_fields_init(&job.fields);
    if (rc == 0)
        rc = crq_prepare(&queue, now_us, call, &placing, &job, err);
    if (rc == 0 && placing.script != &crq_script_enqueue)
        rc = crq_fail(err, CRQ_EUNSUPPORTED,
                "no dependencies and no group can be given here");
    if (rc == 0 && reply_to != NULL)
        rc = crq_fields_add(&job.fields, CRQ_REPLY_FIELD, reply_to,
                strlen(reply_to), err);
    if (rc == 0) {
        crq_placing_words(&queue, &placing, &job, out);
        rc = crq_args_check(out, err);
    }
    if (rc == 0)
        strcpy(out_id, job.id);
    crq_fields_fini(&job.fields);
    return rc;
}

static int place(crq_queue *queue, struct crq_placing placing,
        const crq_call *call, crq_job **out_job, crq_error *err)
{
    struct crq_prepared ready;
    struct crq_args args;
    crq_reply *reply = NULL;
    crq_job *job = NULL;
    char *status = NULL;
    bool deferred = false;
    int rc;

    crq_fields_init(&ready.fields);
    crq_args_init(&args);
    rc = crq_prepare(queue, crq_now_of(queue), call, &placing, &ready, err);
    if (rc == 0) {
        crq_placing_words(queue, &placing, &ready, &args);
        /* Made before it is written: afterwards nothing may fail. */
        if (out_job != NULL)
            rc = crq_job_from_fields(queue->conn, ready.id, &ready.fields, &job,
                    err);
    }
    if (rc == 0 && job != NULL && placing.script == &crq_script_enqueue_after) {
        status = crq_strdup(crq_status_name(CRQ_STATUS_DEFERRED));
        rc = status != NULL ? 0 : crq_fail_nomem(err);
    }
    if (rc == 0)
        rc = crq_script_call(queue->conn, placing.script, placing.nkeys, &args,
                &reply, err);
    if (rc == 0)
        rc = crq_placing_saved(reply, ready.id, &deferred, err);
    if (rc == 0 && deferred && job != NULL)
        set_deferred(job, &status);
    if (rc == 0 && out_job != NULL)
        *out_job = job;
    else
        crq_job_free(job);
    crq_free(status);
    crq_reply_free(reply);
    crq_args_fini(&args);
    crq_fields_fini(&ready.fields);
    return rc;
}

int crq_queue_enqueue(crq_queue *queue, const crq_call *call, crq_job **out_job,
        crq_error *err)
{
    return place(queue, crq_placing_now, call, out_job, err);
}

int crq_queue_enqueue_at(crq_queue *queue, int64_t when_us,
        const crq_call *call, crq_job **out_job, crq_error *err)
{
    struct crq_placing placing = { &crq_script_schedule, 4,
        CRQ_STATUS_SCHEDULED, when_us, false };

    if (when_us < FIRST_US || when_us > LAST_US)
        return crq_fail(err, CRQ_EINVAL,
                "the time is %lld microseconds from 1970: that is not in the "
                "years 1 to 9999",
                (long long)when_us);
    return place(queue, placing, call, out_job, err);
}

int crq_queue_enqueue_in(crq_queue *queue, int64_t delay_us,
        const crq_call *call, crq_job **out_job, crq_error *err)
{
    int64_t now_us = crq_now_of(queue);

    if (delay_us > LAST_US - FIRST_US || delay_us < FIRST_US - LAST_US)
        return crq_fail(err, CRQ_EINVAL, "the delay is too long");
    return crq_queue_enqueue_at(queue, now_us + delay_us, call, out_job, err);
}

int crq_queue_count(crq_queue *queue, int64_t *out, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc;

    crq_key(key, CRQ_KEY_QUEUE, queue->name);
    rc = crq_conn_run(queue->conn, &reply, err, "LLEN", key, NULL);
    if (rc == 0)
        *out = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    return rc;
}
