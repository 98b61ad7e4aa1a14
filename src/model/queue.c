/*
 * queue.c - putting calls on a queue, now, later, one or a million.
 *
 * Source: RQ 2.10, rq/queue.py. Where RQ sends a transaction, crq runs one
 * script (enqueue.lua, schedule.lua), which is safe to repeat: a job that this
 * very call has written is recognised by its created_at and
 * description.
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

/* How a job gets to where it waits. */
struct placing {
    const struct crq_script *script;
    size_t nkeys;
    crq_status status;
    int64_t when_us; /* scheduled: due */
};

static const struct placing now_placing = { &crq_script_enqueue, 3,
    CRQ_STATUS_QUEUED, CRQ_UNSET };

/* A call made ready. */
struct prepared {
    char id[CRQ_NAME_MAX + 1];
    struct crq_fields fields;
};

static int set_placing(const struct placing *placing, const crq_call *call,
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

static void put_words(const crq_queue *queue, const struct placing *placing,
        const crq_call *call, const char *id, const struct crq_fields *fields,
        struct crq_args *args)
{
    bool scheduled = placing->status == CRQ_STATUS_SCHEDULED;
    bool expires = call->ttl_s != CRQ_UNSET;

    crq_args_reserve(args, 16, 512); /* what most jobs have */
    put_key(args, CRQ_KEY_QUEUES, NULL);
    put_key(args, CRQ_KEY_QUEUE, queue->name);
    put_key(args, CRQ_KEY_JOB, id);
    if (scheduled)
        put_key(args, CRQ_KEY_SCHEDULED, queue->name);

    crq_args_puts(args, id);
    if (scheduled)
        put_score(args, placing->when_us);
    else
        crq_args_puts(args, call->at_front ? "LPUSH" : "RPUSH");
    if (expires)
        crq_args_puti(args, call->ttl_s);
    else
        crq_args_puts(args, "");
    crq_args_puts(args, call->unique ? "1" : "0");
    crq_fields_encode(fields, args);
    if (expires) {
        put_key(args, CRQ_KEY_JOB_DEPENDENTS, id);
        put_key(args, CRQ_KEY_JOB_DEPENDENCIES, id);
    }
}

/* Check the call and fill the fields, which the caller ends. */
static int prepare(crq_queue *queue, const struct placing *placing,
        const crq_call *call, struct prepared *job, crq_error *err)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(queue->conn));
    int rc = crq_call_check(call, err);

    if (rc < 0)
        return rc;
    if (call->job_id != NULL)
        strcpy(job->id, call->job_id); /* crq_job_id_valid() has its length */
    else
        crq_uuid4(job->id);
    rc = crq_call_to_fields(call, queue->name, now_us, &job->fields, err);
    if (rc == 0)
        rc = set_placing(placing, call, now_us, &job->fields, err);
    return rc;
}

/* What the scripts return, as a code. */
static int check_saved(const crq_reply *reply, const char *id, crq_error *err)
{
    int64_t saved = crq_reply_int(reply, -1);

    if (saved == 0)
        return crq_fail(err, CRQ_EEXIST, "there is a job '%s' already", id);
    if (saved != 1 && saved != 2)
        return crq_fail(err, CRQ_EREDIS, "unexpected reply to a script");
    return 0;
}

static int place(crq_queue *queue, const struct placing *placing,
        const crq_call *call, crq_job **out_job, crq_error *err)
{
    struct prepared ready;
    struct crq_args args;
    crq_reply *reply = NULL;
    crq_job *job = NULL;
    int rc;

    crq_fields_init(&ready.fields);
    crq_args_init(&args);
    rc = prepare(queue, placing, call, &ready, err);
    if (rc == 0) {
        put_words(queue, placing, call, ready.id, &ready.fields, &args);
        /* Made before it is written: afterwards nothing may fail. */
        if (out_job != NULL)
            rc = crq_job_from_fields(queue->conn, ready.id, &ready.fields, &job,
                    err);
    }
    if (rc == 0)
        rc = crq_script_call(queue->conn, placing->script, placing->nkeys,
                &args, &reply, err);
    if (rc == 0)
        rc = check_saved(reply, ready.id, err);
    if (rc == 0 && out_job != NULL)
        *out_job = job;
    else
        crq_job_free(job);
    crq_reply_free(reply);
    crq_args_fini(&args);
    crq_fields_fini(&ready.fields);
    return rc;
}

int crq_queue_enqueue(crq_queue *queue, const crq_call *call, crq_job **out_job,
        crq_error *err)
{
    return place(queue, &now_placing, call, out_job, err);
}

int crq_queue_enqueue_at(crq_queue *queue, int64_t when_us,
        const crq_call *call, crq_job **out_job, crq_error *err)
{
    struct placing placing = { &crq_script_schedule, 4, CRQ_STATUS_SCHEDULED,
        when_us };

    if (when_us < FIRST_US || when_us > LAST_US)
        return crq_fail(err, CRQ_EINVAL,
                "the time is %lld microseconds from 1970: that is not in the "
                "years 1 to 9999",
                (long long)when_us);
    return place(queue, &placing, call, out_job, err);
}

int crq_queue_enqueue_in(crq_queue *queue, int64_t delay_us,
        const crq_call *call, crq_job **out_job, crq_error *err)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(queue->conn));

    if (delay_us > LAST_US - FIRST_US || delay_us < FIRST_US - LAST_US)
        return crq_fail(err, CRQ_EINVAL, "the delay is too long");
    return crq_queue_enqueue_at(queue, now_us + delay_us, call, out_job, err);
}

/* ---- many jobs ---- */

#define BATCH_JOBS  512
#define BATCH_BYTES ((size_t)1 << 20)

struct many {
    crq_queue *queue;
    struct crq_script_pipe pipe;
    size_t bytes;                  /* in the pipe */
    char (*ids)[CRQ_NAME_MAX + 1]; /* of the calls in the pipe */
    crq_call_done *done;
    void *arg;
    size_t written; /* jobs so far */
    size_t told;    /* calls that `done` knows of */
    crq_error *err;
    crq_error stopped; /* why on_saved() stopped the pipe */
};

/* Tell the outcome of a call, or stop at a failure nobody is told of. */
static int tell(struct many *many, const char *id, int rc, const crq_error *why)
{
    int told = rc;

    if (many->done != NULL)
        told = many->done(many->arg, many->told++, id, rc, why);
    if (told >= 0)
        return 0;
    return crq_fail(&many->stopped, told, "%s",
            told == rc ? why->text : crq_error_summary(told));
}

static int on_saved(void *arg, size_t nth, const crq_reply *reply,
        const crq_error *failure)
{
    struct many *many = arg;
    crq_error why = { 0, "" };
    int rc;

    if (reply == NULL) {
        why = *failure;
        rc = why.code;
    } else
        rc = check_saved(reply, many->ids[nth], &why);
    many->written += rc == 0;
    return tell(many, rc == 0 ? many->ids[nth] : NULL, rc, &why);
}

static int flush(struct many *many)
{
    int rc = 0;

    if (many->pipe.count > 0)
        rc = crq_script_pipe_run(&many->pipe, on_saved, many, many->err);
    /* The pipe would keep the memory of the largest call in each place. */
    crq_script_pipe_fini(&many->pipe);
    many->bytes = 0;
    return rc;
}

/* Put one call into the pipe. */
static int add(struct many *many, const crq_call *call)
{
    struct prepared job;
    struct crq_args *words;
    crq_error why = { 0, "" };
    int rc;

    crq_fields_init(&job.fields);
    rc = prepare(many->queue, &now_placing, call, &job, &why);
    if (rc < 0) {
        /* A wrong call is told of in its place: after those before it. */
        int flushed = flush(many);

        rc = flushed < 0 ? flushed : tell(many, NULL, rc, &why);
        goto out;
    }
    words = crq_script_pipe_add(&many->pipe);
    if (words == NULL) {
        rc = crq_fail_nomem(many->err);
        goto out;
    }
    put_words(many->queue, &now_placing, call, job.id, &job.fields, words);
    many->bytes += words->bytes.len;
    memcpy(many->ids[many->pipe.count - 1], job.id, sizeof(job.id));
    if (many->pipe.count == BATCH_JOBS || many->bytes >= BATCH_BYTES)
        rc = flush(many);
out:
    crq_fields_fini(&job.fields);
    return rc;
}

int crq_queue_enqueue_many(crq_queue *queue, crq_call_source *next,
        crq_call_done *done, void *arg, size_t *out_count, crq_error *err)
{
    struct many many = { .queue = queue, .done = done, .arg = arg, .err = err };
    crq_error why = { 0, "" };
    int rc, more = 1;

    many.ids = crq_calloc(BATCH_JOBS, sizeof(*many.ids));
    if (many.ids == NULL)
        return crq_fail_nomem(err);
    crq_script_pipe_init(&many.pipe, queue->conn, now_placing.script,
            now_placing.nkeys);
    for (rc = 0; rc == 0 && more > 0;) {
        crq_call call = CRQ_CALL_INIT;

        more = next(arg, &call, &why);
        if (more > 0)
            rc = add(&many, &call);
    }
    /* What was given before the source failed is written all the same. */
    if (rc == 0)
        rc = flush(&many);
    if (rc == 0 && more < 0)
        rc = crq_fail(err, more, "%s",
                why.code == more ? why.text : crq_error_summary(more));
    if (many.stopped.code < 0)
        rc = crq_fail(err, many.stopped.code, "%s", many.stopped.text);
    if (out_count != NULL)
        *out_count = many.written;
    crq_script_pipe_fini(&many.pipe);
    crq_free(many.ids);
    return rc;
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
