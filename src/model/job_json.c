/* job_json.c - jobs, results, workers and queues as JSON objects. */
#include "model/job_json.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"
#include "codec/timetext.h"
#include "model/job.h"
#include "model/result.h"
#include "model/serializer.h"

/* ---- building dicts ---- */

void crq_dict_put(crq_value *dict, const char *key, crq_value *v, int *rc)
{
    if (*rc < 0)
        crq_value_free(v);
    else
        *rc = crq_value_set(dict, key, v);
}

crq_value *crq_shown_text(const char *text)
{
    struct crq_buf shown = CRQ_BUF_INIT;
    size_t len = strlen(text), bad;
    crq_value *v = NULL;

    if (crq_utf8_valid(text, len, &bad))
        return crq_value_new_text(text);
    do {
        crq_buf_put(&shown, text, bad);
        crq_buf_printf(&shown, "\\x%02x", (unsigned char)text[bad]);
        text += bad + 1;
        len -= bad + 1;
    } while (!crq_utf8_valid(text, len, &bad));
    if (crq_buf_put(&shown, text, len) == 0)
        v = crq_value_new_text(crq_buf_text(&shown));
    crq_buf_fini(&shown);
    return v;
}

void crq_dict_put_text(crq_value *dict, const char *key, const char *text,
        int *rc)
{
    crq_dict_put(dict, key,
            text != NULL ? crq_shown_text(text) : crq_value_new_none(), rc);
}

void crq_dict_put_number(crq_value *dict, const char *key, int64_t n, int *rc)
{
    crq_dict_put(dict, key,
            n != CRQ_UNSET ? crq_value_new_int(n) : crq_value_new_none(), rc);
}

void crq_dict_put_time(crq_value *dict, const char *key, int64_t us, int *rc)
{
    char text[CRQ_TIMETEXT_LEN + 1];

    if (us != CRQ_UNSET)
        crq_timetext_put(text, us);
    crq_dict_put_text(dict, key, us != CRQ_UNSET ? text : NULL, rc);
}

static void put_borrowed(crq_value *dict, const char *key, const crq_value *v,
        int *rc)
{
    crq_dict_put(dict, key, v != NULL ? crq_value_ref(v) : crq_value_new_none(),
            rc);
}

/* A field that holds JSON: only when it is there. */
static void put_json_field(crq_value *dict, const char *key, const crq_job *job,
        enum crq_field field, int *rc)
{
    crq_value *v = crq_job_json(job, field);

    if (v != NULL)
        crq_dict_put(dict, key, v, rc);
}

static int finish(crq_value *dict, int rc, crq_value **out, crq_error *err)
{
    if (dict == NULL || rc < 0) {
        crq_value_free(dict);
        return crq_fail(err, CRQ_ENOMEM, "out of memory");
    }
    *out = dict;
    return 0;
}

/* ---- jobs and results ---- */

/* Numbers that most jobs don't have: shown only when they are there. */
static const enum crq_field rare_numbers[] = {
    CRQ_FIELD_RETRIES_LEFT,
    CRQ_FIELD_NUMBER_OF_RETRIES,
    CRQ_FIELD_REPEATS_LEFT,
    CRQ_FIELD_ENQUEUE_AT_FRONT,
    CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY,
    CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES,
    CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT,
    CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT,
    CRQ_FIELD_STOPPED_CALLBACK_TIMEOUT,
};
static const enum crq_field rare_texts[] = {
    CRQ_FIELD_GROUP_ID,
    CRQ_FIELD_SUCCESS_CALLBACK_NAME,
    CRQ_FIELD_FAILURE_CALLBACK_NAME,
    CRQ_FIELD_STOPPED_CALLBACK_NAME,
};
static const enum crq_field rare_json[] = {
    CRQ_FIELD_RETRY_INTERVALS,
    CRQ_FIELD_REPEAT_INTERVALS,
    CRQ_FIELD_DEPENDENCY_IDS,
    CRQ_FIELD_WEBHOOKS,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_rare(crq_value *dict, const crq_job *job, int *rc)
{
    for (size_t i = 0; i < COUNT(rare_numbers); i++)
        if (crq_job_number(job, rare_numbers[i]) != CRQ_UNSET)
            crq_dict_put_number(dict, crq_field_name(rare_numbers[i]),
                    crq_job_number(job, rare_numbers[i]), rc);
    for (size_t i = 0; i < COUNT(rare_texts); i++) {
        const char *text = job->fields.known[rare_texts[i]].bytes;

        if (text != NULL)
            crq_dict_put_text(dict, crq_field_name(rare_texts[i]), text, rc);
    }
    for (size_t i = 0; i < COUNT(rare_json); i++)
        put_json_field(dict, crq_field_name(rare_json[i]), job, rare_json[i],
                rc);
}

int crq_job_to_value(crq_job *job, const crq_result *result, crq_value **out,
        crq_error *err)
{
    crq_value *dict = crq_value_new_dict();
    const char *problem = crq_job_problem(job);
    int rc = dict != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(dict, "id", crq_job_id(job), &rc);
    crq_dict_put_text(dict, "status", crq_job_status_text(job), &rc);
    crq_dict_put_text(dict, "queue", crq_job_origin(job), &rc);
    crq_dict_put_text(dict, "func", crq_job_func(job), &rc);
    put_borrowed(dict, "args", crq_job_args(job), &rc);
    put_borrowed(dict, "kwargs", crq_job_kwargs(job), &rc);
    put_borrowed(dict, "result",
            result != NULL ? crq_result_return_value(result) : NULL, &rc);
    crq_dict_put_text(dict, "error",
            result != NULL ? crq_result_exc_string(result) : NULL, &rc);
    crq_dict_put_text(dict, "description", crq_job_description(job), &rc);
    put_borrowed(dict, "meta", crq_job_meta(job), &rc);
    crq_dict_put_time(dict, "created_at", crq_job_created_us(job), &rc);
    crq_dict_put_time(dict, "enqueued_at", crq_job_enqueued_us(job), &rc);
    crq_dict_put_time(dict, "started_at", crq_job_started_us(job), &rc);
    crq_dict_put_time(dict, "ended_at", crq_job_ended_us(job), &rc);
    crq_dict_put_text(dict, "worker_name", crq_job_worker_name(job), &rc);
    crq_dict_put_number(dict, "timeout", crq_job_timeout_s(job), &rc);
    crq_dict_put_number(dict, "result_ttl", crq_job_result_ttl_s(job), &rc);
    crq_dict_put_number(dict, "failure_ttl", crq_job_failure_ttl_s(job), &rc);
    crq_dict_put_number(dict, "ttl", crq_job_ttl_s(job), &rc);
    if (rc == 0)
        put_rare(dict, job, &rc);
    crq_dict_put_text(dict, "serializer",
            crq_job_func(job) != NULL
                    ? crq_serializer_name(crq_job_serializer(job))
                    : NULL,
            &rc);
    if (problem != NULL)
        crq_dict_put_text(dict, "problem", problem, &rc);
    return finish(dict, rc, out, err);
}

int crq_result_to_value(const crq_result *result, crq_value **out,
        crq_error *err)
{
    crq_value *dict = crq_value_new_dict();
    int rc = dict != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(dict, "id", crq_result_id(result), &rc);
    crq_dict_put_text(dict, "type",
            crq_result_type_name(crq_result_type_of(result)), &rc);
    put_borrowed(dict, "return_value", crq_result_return_value(result), &rc);
    crq_dict_put_text(dict, "exc_string", crq_result_exc_string(result), &rc);
    crq_dict_put_time(dict, "created_at", crq_result_created_us(result), &rc);
    crq_dict_put_text(dict, "worker_name", crq_result_worker_name(result), &rc);
    crq_dict_put_text(dict, "execution_id", crq_result_execution_id(result),
            &rc);
    crq_dict_put_time(dict, "execution_started_at",
            crq_result_started_us(result), &rc);
    crq_dict_put_time(dict, "execution_ended_at", crq_result_ended_us(result),
            &rc);
    if (crq_result_problem(result) != NULL)
        crq_dict_put_text(dict, "problem", crq_result_problem(result), &rc);
    return finish(dict, rc, out, err);
}

int crq_line_to_value(const crq_lines *lines, size_t i, crq_value **out,
        crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    int rc = v == NULL ? CRQ_ENOMEM : 0;

    crq_dict_put_text(v, "id", crq_lines_id(lines, i), &rc);
    crq_dict_put_text(v, "execution_id", crq_lines_execution_id(lines, i), &rc);
    crq_dict_put_time(v, "time", crq_lines_time_us(lines, i), &rc);
    crq_dict_put_text(v, "text", crq_lines_text(lines, i), &rc);
    return finish(v, rc, out, err);
}

/* ---- workers ---- */

int crq_worker_to_value(const crq_worker *worker, crq_value **out,
        crq_error *err)
{
    crq_value *w = crq_value_new_dict();
    const char *job = crq_worker_current_job(worker);
    int rc = w != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(w, "name", crq_worker_name(worker), &rc);
    crq_dict_put_text(w, "state", crq_worker_state(worker), &rc);
    crq_dict_put_text(w, "queues", crq_worker_queues(worker), &rc);
    crq_dict_put_text(w, "hostname", crq_worker_hostname(worker), &rc);
    crq_dict_put_text(w, "ip_address", crq_worker_ip_address(worker), &rc);
    crq_dict_put_text(w, "pid", crq_worker_pid(worker), &rc);
    crq_dict_put_text(w, "version", crq_worker_version(worker), &rc);
    crq_dict_put_text(w, "current_job", job[0] != '\0' ? job : NULL, &rc);
    crq_dict_put_time(w, "birth", crq_worker_birth_us(worker), &rc);
    crq_dict_put_time(w, "last_heartbeat", crq_worker_last_heartbeat_us(worker),
            &rc);
    crq_dict_put_number(w, "successful_job_count",
            crq_worker_successful_job_count(worker), &rc);
    crq_dict_put_number(w, "failed_job_count",
            crq_worker_failed_job_count(worker), &rc);
    crq_dict_put(w, "total_working_time",
            crq_value_new_float(crq_worker_total_working_time_s(worker)), &rc);
    return finish(w, rc, out, err);
}

/* ---- queues ---- */

int crq_counts_to_value(const char *queue, const struct crq_counts *counts,
        crq_value **out, crq_error *err)
{
    crq_value *q = crq_value_new_dict();
    int rc = q != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(q, "name", queue, &rc);
    crq_dict_put_number(q, "queued", counts->queued, &rc);
    crq_dict_put_number(q, "started", counts->started, &rc);
    crq_dict_put_number(q, "finished", counts->finished, &rc);
    crq_dict_put_number(q, "failed", counts->failed, &rc);
    crq_dict_put_number(q, "deferred", counts->deferred, &rc);
    crq_dict_put_number(q, "scheduled", counts->scheduled, &rc);
    crq_dict_put_number(q, "canceled", counts->canceled, &rc);
    return finish(q, rc, out, err);
}
