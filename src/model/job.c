/*
 * job.c - a job as it is in Redis: fetched, and looked at.
 *
 * A hash that is damaged in places is still a job: what can be read is shown,
 * and the first thing that can't is named by crq_job_problem().
 *
 * Source: RQ 2.10, rq/job.py.
 */
#include "model/job.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/serializer.h"
#include "model/status.h"
#include "redis/conn.h"

int crq_job_id_cut(const char *text, char out[CRQ_NAME_MAX + 1], crq_error *err)
{
    size_t len = strcspn(text, ":");

    /* Before RQ 2.8 an id could hold any character but ':'. */
    if (len == 0 || len > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_ENOTFOUND, "there is no job '%.80s'", text);
    memcpy(out, text, len);
    out[len] = '\0';
    return 0;
}

/* ---- making ---- */

static void set_fields(crq_job *job, struct crq_fields *fields)
{
    const char *status;

    job->fields = *fields;
    crq_fields_init(fields);
    job->problem = job->fields.problem;
    status = job->fields.known[CRQ_FIELD_STATUS].bytes;
    /* RQ before 2.4.1 could leave it out; later ones read that so too. */
    job->status =
            status != NULL ? crq_status_parse(status) : CRQ_STATUS_CREATED;
}

static void drop_contents(crq_job *job)
{
    crq_fields_fini(&job->fields);
    crq_payload_fini(&job->payload);
    crq_value_free(job->meta);
    job->meta = NULL;
    job->payload_tried = job->meta_tried = false;
}

int crq_job_from_fields(crq_conn *conn, const char *id,
        struct crq_fields *fields, crq_job **out, crq_error *err)
{
    crq_job *job = crq_calloc(1, sizeof(*job));

    if (job == NULL)
        return crq_fail_nomem(err);
    job->conn = conn;
    memcpy(job->id, id, strlen(id) + 1);
    set_fields(job, fields);
    *out = job;
    return 0;
}

static int decode(const char *id, const crq_reply *reply,
        struct crq_fields *fields, crq_error *err)
{
    int rc = crq_fields_decode(fields, reply, err);

    if (rc < 0)
        return crq_fail_in(err, rc, "job '%.80s'", id);
    if (fields->known[CRQ_FIELD_DATA].bytes == NULL)
        return crq_fail(err, CRQ_ENOTFOUND, "there is no job '%.80s'", id);
    return 0;
}

int crq_job_from_reply(crq_conn *conn, const char *id, const crq_reply *reply,
        crq_job **out, crq_error *err)
{
    struct crq_fields fields;
    int rc;

    if (crq_reply_kind(reply) == CRQ_REPLY_NIL) /* which was looked past */
        return crq_fail(err, CRQ_ENOTFOUND,
                "no job '%.80s': its key holds another type of value", id);
    crq_fields_init(&fields);
    rc = decode(id, reply, &fields, err);
    if (rc == 0)
        rc = crq_job_from_fields(conn, id, &fields, out, err);
    crq_fields_fini(&fields);
    return rc;
}

void crq_job_free(crq_job *job)
{
    if (job == NULL)
        return;
    drop_contents(job);
    crq_free(job);
}

static int get_hash(crq_conn *conn, const char *id, crq_reply **out,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_JOB, id);
    return crq_conn_run(conn, out, err, "HGETALL", key, NULL);
}

int crq_job_fetch(crq_conn *conn, const char *id, crq_job **out, crq_error *err)
{
    char cut[CRQ_NAME_MAX + 1];
    crq_reply *reply = NULL;
    int rc = crq_job_id_cut(id, cut, err);

    if (rc == 0)
        rc = get_hash(conn, cut, &reply, err);
    if (rc == 0)
        rc = crq_job_from_reply(conn, cut, reply, out, err);
    crq_reply_free(reply);
    return rc;
}

int crq_job_refresh(crq_job *job, crq_error *err)
{
    struct crq_fields fields;
    crq_reply *reply = NULL;
    int rc = get_hash(job->conn, job->id, &reply, err);

    crq_fields_init(&fields);
    if (rc == 0)
        rc = decode(job->id, reply, &fields, err);
    if (rc == 0) {
        drop_contents(job);
        set_fields(job, &fields);
    }
    crq_fields_fini(&fields);
    crq_reply_free(reply);
    return rc;
}

/* ---- looking ---- */

int64_t crq_job_number(const crq_job *job, enum crq_field field)
{
    return job->fields.known[field].number;
}

static const char *text(const crq_job *job, enum crq_field field)
{
    return job->fields.known[field].bytes;
}

const char *crq_job_id(const crq_job *job)
{
    return job->id;
}

crq_status crq_job_status(const crq_job *job)
{
    return job->status;
}

const char *crq_job_status_text(const crq_job *job)
{
    const char *status = text(job, CRQ_FIELD_STATUS);

    return status != NULL ? status : crq_status_name(CRQ_STATUS_CREATED);
}

const char *crq_job_origin(const crq_job *job)
{
    return text(job, CRQ_FIELD_ORIGIN);
}

const char *crq_job_description(const crq_job *job)
{
    return text(job, CRQ_FIELD_DESCRIPTION);
}

const char *crq_job_worker_name(const crq_job *job)
{
    return text(job, CRQ_FIELD_WORKER_NAME);
}

const char *crq_job_group_id(const crq_job *job)
{
    return text(job, CRQ_FIELD_GROUP_ID);
}

int64_t crq_job_created_us(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_CREATED_AT);
}

int64_t crq_job_enqueued_us(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_ENQUEUED_AT);
}

int64_t crq_job_started_us(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_STARTED_AT);
}

int64_t crq_job_ended_us(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_ENDED_AT);
}

int64_t crq_job_timeout_s(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_TIMEOUT);
}

int64_t crq_job_result_ttl_s(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_RESULT_TTL);
}

int64_t crq_job_failure_ttl_s(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_FAILURE_TTL);
}

int64_t crq_job_ttl_s(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_TTL);
}

int64_t crq_job_retries_left(const crq_job *job)
{
    return crq_job_number(job, CRQ_FIELD_RETRIES_LEFT);
}

const char *crq_job_field(const crq_job *job, const char *name, size_t *out_len)
{
    return crq_fields_find(&job->fields, name, out_len);
}

crq_value *crq_job_json(const crq_job *job, enum crq_field field)
{
    const char *bytes = text(job, field);
    crq_value *v = NULL;

    if (bytes != NULL &&
            crq_json_decode(bytes, job->fields.known[field].len, NULL, &v,
                    NULL) < 0)
        return NULL;
    return v;
}

/* ---- decoding ---- */

static void note_problem(crq_job *job, const char *what, const crq_error *why)
{
    if (job->problem.code == 0)
        crq_fail(&job->problem, why->code, "%s: %s", what, why->text);
}

static const struct crq_payload *payload(crq_job *job)
{
    crq_error why;

    if (!job->payload_tried) {
        job->payload_tried = true;
        if (crq_payload_decode(text(job, CRQ_FIELD_DATA),
                    job->fields.known[CRQ_FIELD_DATA].len, &job->payload,
                    &why) < 0)
            note_problem(job, "data", &why);
    }
    return &job->payload;
}

const char *crq_job_func(crq_job *job)
{
    return payload(job)->func;
}

const crq_value *crq_job_args(crq_job *job)
{
    return payload(job)->args;
}

const crq_value *crq_job_kwargs(crq_job *job)
{
    return payload(job)->kwargs;
}

crq_serializer crq_job_serializer(crq_job *job)
{
    return payload(job)->serializer;
}

const crq_value *crq_job_meta(crq_job *job)
{
    const char *bytes = text(job, CRQ_FIELD_META);
    crq_error why;

    if (job->meta_tried || bytes == NULL)
        return job->meta;
    job->meta_tried = true;
    if (crq_deserialize(bytes, job->fields.known[CRQ_FIELD_META].len,
                &job->meta, NULL, &why) < 0)
        note_problem(job, "meta", &why);
    else if (crq_value_type(job->meta) != CRQ_DICT) {
        crq_fail(&why, CRQ_ECODEC, "it is a %s, not a dict",
                crq_type_name(crq_value_type(job->meta)));
        note_problem(job, "meta", &why);
        crq_value_free(job->meta);
        job->meta = NULL;
    }
    return job->meta;
}

const char *crq_job_problem(crq_job *job)
{
    payload(job);
    crq_job_meta(job);
    return job->problem.code < 0 ? job->problem.text : NULL;
}

/* ---- asking ---- */

int crq_job_position(crq_job *job, int64_t *out, crq_error *err)
{
    const char *origin = crq_job_origin(job);
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc;

    if (origin == NULL || strlen(origin) > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_ENOTFOUND, "job '%.80s' has no queue",
                job->id);
    crq_key(key, CRQ_KEY_QUEUE, origin);
    rc = crq_conn_run(job->conn, &reply, err, "LPOS", key, job->id, NULL);
    if (rc < 0)
        return rc;
    if (crq_reply_kind(reply) != CRQ_REPLY_INT)
        rc = crq_fail(err, CRQ_ENOTFOUND,
                "job '%.80s' does not wait in queue '%.80s'", job->id, origin);
    else
        *out = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    return rc;
}
