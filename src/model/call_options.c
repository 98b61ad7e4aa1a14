/*
 * call_options.c - the fields of what happens around the runs of a job: retry,
 * repeat, dependencies, callbacks, webhooks, group.
 *
 * Source: RQ 2.10, rq/job.py, Job.create(), Job.process_dependencies(),
 * Job.to_dict(); rq/repeat.py; rq/webhook.py.
 */
#include "model/call_impl.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"

/* Numbers as a JSON list. RQ's classes make one of 0 where there is none. */
static int set_intervals(enum crq_field field, const int64_t *list,
        size_t count, struct crq_fields *out, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    int rc;

    crq_buf_puts(&text, count > 0 ? "[" : "[0");
    for (size_t i = 0; i < count; i++)
        crq_buf_printf(&text, "%s%lld", i == 0 ? "" : ", ", (long long)list[i]);
    crq_buf_putc(&text, ']');
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = crq_fields_take(out, field, &text, err);
    crq_buf_fini(&text);
    return rc;
}

static int set_runs(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    const struct {
        int64_t runs;
        const int64_t *list;
        size_t count;
        enum crq_field left, intervals;
    } rows[] = {
        { call->retry_max, call->retry_intervals_s, call->retry_intervals,
                CRQ_FIELD_RETRIES_LEFT, CRQ_FIELD_RETRY_INTERVALS },
        { call->repeat_times, call->repeat_intervals_s, call->repeat_intervals,
                CRQ_FIELD_REPEATS_LEFT, CRQ_FIELD_REPEAT_INTERVALS },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc;

        if (rows[i].runs == CRQ_UNSET)
            continue;
        rc = crq_fields_set_number(out, rows[i].left, rows[i].runs, err);
        if (rc == 0)
            rc = set_intervals(rows[i].intervals, rows[i].list, rows[i].count,
                    out, err);
        if (rc < 0)
            return rc;
    }
    return call->retry_max != CRQ_UNSET && call->retry_at_front
            ? crq_fields_set_number(out, CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY, 1,
                      err)
            : 0;
}

/* A list of ids leaves both flags out, a Dependency sets both: what they say
 * when they are absent is what they say as 0. */
static int set_dependencies(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    bool flags = call->allow_dependency_failures || call->at_front;
    struct crq_buf text = CRQ_BUF_INIT;
    crq_value *list;
    int rc = 0;

    if (call->dependencies == 0)
        return 0;
    list = crq_value_new_list();
    if (list == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < call->dependencies; i++)
        if (crq_value_add(list, crq_value_new_text(call->depends_on[i])) < 0)
            rc = crq_fail_nomem(err);
    if (rc == 0)
        rc = crq_json_encode(list, CRQ_JSON_PYTHON, &text, err);
    if (rc == 0)
        rc = crq_fields_take(out, CRQ_FIELD_DEPENDENCY_IDS, &text, err);
    if (rc == 0)
        rc = crq_fields_set_text(out, CRQ_FIELD_DEPENDENCY_ID,
                call->depends_on[0], err);
    if (rc == 0 && flags)
        rc = crq_fields_set_number(out, CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES,
                call->allow_dependency_failures, err);
    if (rc == 0 && flags)
        rc = crq_fields_set_number(out, CRQ_FIELD_ENQUEUE_AT_FRONT,
                call->at_front, err);
    crq_buf_fini(&text);
    crq_value_free(list);
    return rc;
}

static int set_callbacks(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    const struct {
        const crq_callback *callback;
        enum crq_field name, timeout;
    } rows[] = {
        { &call->on_success, CRQ_FIELD_SUCCESS_CALLBACK_NAME,
                CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT },
        { &call->on_failure, CRQ_FIELD_FAILURE_CALLBACK_NAME,
                CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT },
        { &call->on_stopped, CRQ_FIELD_STOPPED_CALLBACK_NAME,
                CRQ_FIELD_STOPPED_CALLBACK_TIMEOUT },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const crq_callback *callback = rows[i].callback;
        int rc;

        if (callback->name == NULL)
            continue;
        rc = crq_fields_set_text(out, rows[i].name, callback->name, err);
        if (rc == 0)
            rc = crq_fields_set_number(out, rows[i].timeout,
                    callback->timeout_s != 0 ? callback->timeout_s
                                             : CRQ_DEFAULT_CALLBACK_TIMEOUT_S,
                    err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Webhook.to_dict(); its names in the order of Python's dataclass. */
static int make_webhook(const crq_webhook *webhook, crq_value **out)
{
    crq_value *dict = crq_value_new_dict();
    int rc = dict != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_value_set(dict, "url", crq_value_new_text(webhook->url));
    if (rc == 0)
        rc = crq_value_set(dict, "job_status",
                crq_value_new_text(webhook->job_status));
    if (rc == 0)
        rc = crq_value_set(dict, "method",
                crq_value_new_text(webhook->method != NULL ? webhook->method
                                                           : "GET"));
    if (rc == 0)
        rc = crq_value_set(dict, "headers",
                webhook->headers != NULL ? crq_value_ref(webhook->headers)
                                         : crq_value_new_none());
    if (rc == 0)
        rc = crq_value_set(dict, "timeout",
                crq_value_new_int(webhook->timeout_s != 0
                                ? webhook->timeout_s
                                : CRQ_DEFAULT_WEBHOOK_TIMEOUT_S));
    if (rc < 0) {
        crq_value_free(dict);
        return rc;
    }
    *out = dict;
    return 0;
}

static int set_webhooks(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    crq_value *list, *one = NULL;
    int rc = 0;

    if (call->webhooks_count == 0)
        return 0;
    list = crq_value_new_list();
    if (list == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i < call->webhooks_count; i++) {
        rc = make_webhook(&call->webhooks[i], &one);
        if (rc == 0)
            rc = crq_value_add(list, one);
        if (rc < 0)
            rc = crq_fail_nomem(err);
    }
    if (rc == 0)
        rc = crq_json_encode(list, CRQ_JSON_PYTHON, &text, err);
    if (rc == 0)
        rc = crq_fields_take(out, CRQ_FIELD_WEBHOOKS, &text, err);
    crq_buf_fini(&text);
    crq_value_free(list);
    return rc;
}

int crq_call_options_to_fields(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    int rc = set_runs(call, out, err);

    if (rc == 0)
        rc = set_dependencies(call, out, err);
    if (rc == 0)
        rc = set_callbacks(call, out, err);
    if (rc == 0)
        rc = set_webhooks(call, out, err);
    if (rc == 0 && call->group_id != NULL)
        rc = crq_fields_set_text(out, CRQ_FIELD_GROUP_ID, call->group_id, err);
    return rc;
}
