/*
 * result.c - how the runs of a job ended, and waiting for the last one.
 *
 * Source: RQ 2.10, rq/results.py. An entry of the stream rq:results:<id> for
 * each run; jobs that RQ before 1.12 ran have their result in the job's hash.
 */
#include "model/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/value.h"
#include "codec/zip.h"
#include "model/job.h"
#include "model/keys.h"
#include "model/serializer.h"
#include "redis/conn.h"

struct crq_result {
    char id[48]; /* "<ms>-<n>" */
    crq_result_type type;
    int64_t created_us, started_us, ended_us;
    char *worker_name, *execution_id, *exc_string;
    crq_value *return_value;
    bool ambiguous; /* the value: it is JSON or msgpack */
    crq_error problem;
};

static const char *const type_names[] = {
    [CRQ_RESULT_SUCCESSFUL] = "successful",
    [CRQ_RESULT_FAILED] = "failed",
    [CRQ_RESULT_STOPPED] = "stopped",
    [CRQ_RESULT_RETRIED] = "retried",
    [CRQ_RESULT_MAX_RETRIES_EXCEEDED] = "max_retries_exceeded",
};

const char *crq_result_type_name(crq_result_type type)
{
    return type_names[type];
}

/* ---- reading an entry ---- */

static crq_result *new_result(crq_result_type type)
{
    crq_result *result = crq_calloc(1, sizeof(*result));

    if (result != NULL) {
        result->type = type;
        result->created_us = CRQ_UNSET;
        result->started_us = result->ended_us = CRQ_UNSET;
    }
    return result;
}

void crq_result_free(crq_result *result)
{
    if (result == NULL)
        return;
    crq_free(result->worker_name);
    crq_free(result->execution_id);
    crq_free(result->exc_string);
    crq_value_free(result->return_value);
    crq_free(result);
}

void crq_results_free(crq_result **results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crq_result_free(results[i]);
    crq_free(results);
}

static void note_problem(crq_result *result, const char *what,
        const crq_error *why)
{
    if (result->problem.code == 0)
        crq_fail(&result->problem, why->code, "%s: %s", what, why->text);
}

/* Errors of a field go into result->problem; only CRQ_ENOMEM comes back. */
static int unless_nomem(crq_result *result, const char *what, int rc,
        const crq_error *why, crq_error *err)
{
    if (rc == CRQ_ENOMEM)
        return crq_fail_nomem(err);
    if (rc < 0)
        note_problem(result, what, why);
    return 0;
}

/* A text of the entry, or NULL where it is absent, empty or no text. */
static int take_text(crq_result *result, const char *what, char **out,
        const char *bytes, size_t len, crq_error *err)
{
    crq_error why;
    size_t bad;
    char *copy;

    if (len == 0)
        return 0;
    if (!crq_text_valid(bytes, len, &bad)) {
        crq_fail(&why, CRQ_ECODEC, "byte %zu is not text", bad);
        note_problem(result, what, &why);
        return 0;
    }
    copy = crq_memdup(bytes, len);
    if (copy == NULL)
        return crq_fail_nomem(err);
    crq_free(*out);
    *out = copy;
    return 0;
}

int64_t crq_result_unix_us(const char *bytes)
{
    char *end;
    double s = strtod(bytes, &end);

    if (end == bytes || *end != '\0' || !isfinite(s) || fabs(s) > 1e12)
        return CRQ_UNSET;
    return (int64_t)llround(s * 1e6);
}

/* The text of an error. One with a NUL is shown whole, without it. */
static int take_error(crq_result *result, const char *what,
        struct crq_buf *text, crq_error *err)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] == '\0')
            text->data[i] = '?';
    return take_text(result, what, &result->exc_string, crq_buf_text(text),
            text->len, err);
}

/* base64(zlib(utf8)) */
static int take_exc(crq_result *result, const char *bytes, size_t len,
        crq_error *err)
{
    struct crq_buf packed = CRQ_BUF_INIT, plain;
    crq_error why;
    int rc;

    crq_buf_init(&plain, CRQ_MAX_BYTES);
    rc = crq_base64_decode(bytes, len, &packed, &why);
    if (rc == 0)
        rc = crq_zip_inflate(crq_buf_text(&packed), packed.len, &plain, &why);
    rc = unless_nomem(result, "exc_string", rc, &why, err);
    if (rc == 0)
        rc = take_error(result, "exc_string", &plain, err);
    crq_buf_fini(&packed);
    crq_buf_fini(&plain);
    return rc;
}

/* base64(serialized) */
static int take_return(crq_result *result, const char *bytes, size_t len,
        crq_error *err)
{
    struct crq_buf plain = CRQ_BUF_INIT;
    crq_value *v;
    crq_error why;
    int rc = crq_base64_decode(bytes, len, &plain, &why);

    if (rc == 0)
        rc = crq_deserialize(crq_buf_text(&plain), plain.len, &v, NULL, &why);
    if (rc == 0) {
        crq_value_free(result->return_value);
        result->return_value = v;
        result->ambiguous =
                crq_serializer_ambiguous(crq_buf_text(&plain), plain.len);
    }
    crq_buf_fini(&plain);
    return unless_nomem(result, "return_value", rc, &why, err);
}

static int take_field(crq_result *result, const char *name, const char *bytes,
        size_t len, crq_error *err)
{
    if (strcmp(name, "type") == 0) {
        if (len == 1 && *bytes >= '0' + CRQ_RESULT_SUCCESSFUL &&
                *bytes <= '0' + CRQ_RESULT_MAX_RETRIES_EXCEEDED)
            result->type = (crq_result_type)(*bytes - '0');
        return 0;
    }
    if (strcmp(name, "worker_name") == 0)
        return take_text(result, name, &result->worker_name, bytes, len, err);
    if (strcmp(name, "execution_id") == 0)
        return take_text(result, name, &result->execution_id, bytes, len, err);
    if (strcmp(name, "exc_string") == 0)
        return len > 0 ? take_exc(result, bytes, len, err) : 0;
    if (strcmp(name, "return_value") == 0)
        return take_return(result, bytes, len, err);
    if (strcmp(name, "execution_started_at") == 0)
        result->started_us = crq_result_unix_us(bytes);
    if (strcmp(name, "execution_ended_at") == 0)
        result->ended_us = crq_result_unix_us(bytes);
    return 0;
}

int crq_result_from_entry(const crq_reply *entry, crq_result **out,
        crq_error *err)
{
    const char *id = crq_reply_text(crq_reply_item(entry, 0), NULL);
    const crq_reply *fields = crq_reply_item(entry, 1);
    crq_result *result;
    long long ms;
    int rc = 0;

    if (id == NULL || strlen(id) >= sizeof(result->id))
        return crq_fail(err, CRQ_ECODEC, "the reply is no stream entry");
    result = new_result((crq_result_type)0);
    if (result == NULL)
        return crq_fail_nomem(err);
    strcpy(result->id, id);
    ms = strtoll(id, NULL, 10); /* whoever adds an entry may choose its id */
    result->created_us =
            ms >= 0 && ms < INT64_MAX / 1000 ? ms * 1000 : CRQ_UNSET;
    for (size_t i = 0; rc == 0 && i + 1 < crq_reply_count(fields); i += 2) {
        size_t len;
        const char *name = crq_reply_text(crq_reply_item(fields, i), NULL);
        const char *bytes = crq_reply_text(crq_reply_item(fields, i + 1), &len);

        if (name != NULL && bytes != NULL)
            rc = take_field(result, name, bytes, len, err);
    }
    if (rc == 0 && (int)result->type == 0)
        rc = crq_fail(err, CRQ_ECODEC, "result %s is of no type that RQ writes",
                id);
    if (rc < 0) {
        crq_result_free(result);
        return rc;
    }
    *out = result;
    return 0;
}

/* A digit is itself in JSON, and its ASCII code in msgpack. */
static int settle_digit(crq_result *result, crq_job *job, crq_error *err)
{
    crq_value *v;

    if (!result->ambiguous || crq_job_func(job) == NULL ||
            crq_job_serializer(job) != CRQ_MSGPACK)
        return 0;
    v = crq_value_new_int('0' + crq_value_int(result->return_value));
    if (v == NULL)
        return crq_fail_nomem(err);
    crq_value_free(result->return_value);
    result->return_value = v;
    result->ambiguous = false;
    return 0;
}

int crq_result_of_job(crq_job *job, const crq_reply *entry, crq_result **out,
        crq_error *err)
{
    crq_result *result;
    int rc = crq_result_from_entry(entry, &result, err);

    if (rc < 0)
        return rc;
    rc = settle_digit(result, job, err);
    if (rc < 0) {
        crq_result_free(result);
        return rc;
    }
    *out = result;
    return 0;
}

/* ---- reading a message ---- */

static int take_message(crq_result *result, const crq_value *message,
        crq_error *err)
{
    static const char *const names[] = { "return_value", "exc_string" };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        const crq_value *v = crq_value_get(message, names[i]);
        size_t len;

        if (crq_value_type(v) != CRQ_STR)
            continue;
        rc = take_field(result, names[i], crq_value_data(v, &len),
                crq_value_data(v, &len) != NULL ? len : 0, err);
    }
    return rc;
}

int crq_result_from_message(const crq_value *message, crq_result **out,
        crq_error *err)
{
    static const struct {
        const char *status;
        crq_result_type type;
    } ends[] = { { "finished", CRQ_RESULT_SUCCESSFUL },
        { "failed", CRQ_RESULT_FAILED }, { "stopped", CRQ_RESULT_FAILED } };
    const crq_value *status = NULL;
    crq_result *result;
    size_t i = 0;
    int rc;

    if (crq_value_type(message) == CRQ_DICT)
        status = crq_value_get(message, "status");
    if (crq_value_type(status) != CRQ_STR)
        return crq_fail(err, CRQ_ECODEC, "the message is none of a job's end");
    while (i < 3 && strcmp(crq_value_text(status), ends[i].status) != 0)
        i++;
    if (i == 3)
        return crq_fail(err, CRQ_ENOTFOUND, "the job has ended as %.40s",
                crq_value_text(status));
    result = new_result(ends[i].type);
    if (result == NULL)
        return crq_fail_nomem(err);
    rc = take_message(result, message, err);
    if (rc < 0) {
        crq_result_free(result);
        return rc;
    }
    *out = result;
    return 0;
}

/* ---- fetching ---- */

/* The result fields of the job's own hash, as RQ before 1.12 left them. */
static int from_hash(crq_job *job, crq_result **out, crq_error *err)
{
    size_t value_len, exc_len;
    const char *value = crq_job_field(job, "result", &value_len);
    const char *exc = crq_job_field(job, "exc_info", &exc_len);
    bool failed = crq_job_status(job) == CRQ_STATUS_FAILED ||
            crq_job_status(job) == CRQ_STATUS_STOPPED;
    struct crq_buf plain;
    crq_result *result;
    crq_error why;
    int rc = 0;

    if (failed ? exc == NULL
               : value == NULL || crq_job_status(job) != CRQ_STATUS_FINISHED)
        return crq_fail(err, CRQ_ENOTFOUND, "job '%.80s' has no result",
                job->id);
    result = new_result(failed ? CRQ_RESULT_FAILED : CRQ_RESULT_SUCCESSFUL);
    if (result == NULL)
        return crq_fail_nomem(err);
    result->started_us = crq_job_started_us(job);
    result->created_us = result->ended_us = crq_job_ended_us(job);
    crq_buf_init(&plain, CRQ_MAX_BYTES);
    if (failed) {
        rc = crq_zip_inflate(exc, exc_len, &plain, &why);
        if (rc == CRQ_ECODEC) /* stored as it is */
            rc = crq_buf_put(&plain, exc, exc_len);
        if (rc == 0)
            rc = take_error(result, "exc_info", &plain, &why);
    } else
        rc = crq_deserialize(value, value_len, &result->return_value, NULL,
                &why);
    crq_buf_fini(&plain);
    rc = unless_nomem(result, failed ? "exc_info" : "result", rc, &why, err);
    if (rc < 0) {
        crq_result_free(result);
        return rc;
    }
    *out = result;
    return 0;
}

static int get_entries(crq_job *job, const char *count, crq_reply **out,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_RESULTS, job->id);
    return crq_conn_run(job->conn, out, err, "XREVRANGE", key, "+", "-",
            "COUNT", count, NULL);
}

int crq_job_latest_result(crq_job *job, crq_result **out, crq_error *err)
{
    crq_reply *reply = NULL;
    int rc = get_entries(job, "1", &reply, err);

    if (rc == 0 && crq_reply_count(reply) > 0)
        rc = crq_result_of_job(job, crq_reply_item(reply, 0), out, err);
    else if (rc == 0)
        rc = from_hash(job, out, err);
    crq_reply_free(reply);
    return rc;
}

int crq_job_results(crq_job *job, crq_result ***out, size_t *out_count,
        crq_error *err)
{
    crq_reply *reply = NULL;
    crq_result **results = NULL;
    size_t count = 0, n;
    /* RQ keeps about 10; a hostile stream must not fill our memory. */
    int rc = get_entries(job, "1000", &reply, err);

    if (rc < 0)
        return rc;
    n = crq_reply_count(reply);
    results = crq_calloc(n + 1, sizeof(*results));
    if (results == NULL)
        rc = crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = crq_result_of_job(job, crq_reply_item(reply, i), &results[count],
                err);
        if (rc == CRQ_ECODEC) /* not RQ's: passed over */
            rc = 0;
        else if (rc == 0)
            count++;
    }
    if (rc == 0 && n == 0) {
        rc = from_hash(job, &results[0], err);
        count += rc == 0;
        rc = rc == CRQ_ENOTFOUND ? 0 : rc;
    }
    crq_reply_free(reply);
    if (rc < 0) {
        crq_results_free(results, count);
        return rc;
    }
    *out = results;
    *out_count = count;
    return 0;
}

/* ---- looking ---- */

const char *crq_result_id(const crq_result *result)
{
    return result->id;
}

crq_result_type crq_result_type_of(const crq_result *result)
{
    return result->type;
}

int64_t crq_result_created_us(const crq_result *result)
{
    return result->created_us;
}

const char *crq_result_worker_name(const crq_result *result)
{
    return result->worker_name;
}

const char *crq_result_execution_id(const crq_result *result)
{
    return result->execution_id;
}

int64_t crq_result_started_us(const crq_result *result)
{
    return result->started_us;
}

int64_t crq_result_ended_us(const crq_result *result)
{
    return result->ended_us;
}

const char *crq_result_exc_string(const crq_result *result)
{
    return result->exc_string;
}

const crq_value *crq_result_return_value(const crq_result *result)
{
    return result->return_value;
}

const char *crq_result_problem(const crq_result *result)
{
    return result->problem.code < 0 ? result->problem.text : NULL;
}
