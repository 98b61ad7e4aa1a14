/*
 * api_call.c - see api_call.h.
 *
 * The tables are the format: a new key is a row here, a field of its struct
 * and a property of openapi.json.
 */
#include "web/api_call.h"

#include <string.h>

#include "base/mem.h"
#include "codec/timetext.h"
#include "model/serializer.h"
#include "web/api_read.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SECONDS_MAX 100 /* intervals of retries and repeats */
#define IDS_MAX     1000
#define HOOKS_MAX   16
#define TEXT_MAX    4096

/* ------------------------------------------------------------ single values */

static void read_long_text(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    char **out = to;
    size_t len = 0;

    if (crq_value_type(v) == CRQ_STR)
        crq_value_data(v, &len);
    if (len == 0 || len > TEXT_MAX || strlen(crq_value_text(v)) != len)
        crq_app_unexpected(r, v, "a text of 1 to 4096 bytes");
    else
        *out = crq_app_copy(r, crq_value_text(v));
}

/* As a tuple: what Python's calls have, so RQ's jobs. */
static void read_args(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const crq_value **out = to;
    crq_value *args;
    int rc = 0;

    if (crq_value_type(v) != CRQ_LIST) {
        crq_app_unexpected(r, v, "a list");
        return;
    }
    args = crq_value_new_tuple();
    for (size_t i = 0; args != NULL && rc == 0 && i < crq_value_count(v); i++)
        rc = crq_value_add(args, crq_value_ref(crq_value_item(v, i)));
    r->nomem = r->nomem || args == NULL || rc < 0;
    *out = args;
}

static void read_object(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const crq_value **out = to;

    if (crq_value_type(v) == CRQ_DICT)
        *out = crq_value_ref(v);
    else
        crq_app_unexpected(r, v, "an object");
}

static void read_time(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to;

    if (crq_value_type(v) != CRQ_STR ||
            crq_timetext_iso(crq_value_text(v), out, NULL) < 0)
        crq_app_unexpected(r, v, "a time, as \"2027-01-31T09:00:00+01:00\"");
}

/* Seconds from 0 on: 0 is the one that crq_app_seconds() does not take. */
static void read_wait(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to;

    if (crq_value_type(v) == CRQ_INT && crq_value_int_fits(v) &&
            crq_value_int(v) == 0)
        *out = 0;
    else
        crq_app_seconds(r, v, out);
}

static int64_t *read_intervals(struct crq_app_reader *r, const crq_value *v,
        size_t *out_count)
{
    if (!api_is_short(r, v, SECONDS_MAX))
        return NULL;
    return crq_app_list(r, v, sizeof(int64_t), out_count, read_wait);
}

static void read_serializer(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    crq_serializer *out = to;

    if (crq_value_type(v) != CRQ_STR ||
            crq_serializer_parse(crq_value_text(v), out, NULL) < 0)
        crq_app_unexpected(r, v, "\"pickle\", \"json\" or \"msgpack\"");
}

/* -------------------------------------------------------------- parts of calls
 */

static void read_retry_intervals(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    crq_call *call = to;

    call->retry_intervals_s = read_intervals(r, v, &call->retry_intervals);
}

static void read_retry(struct crq_app_reader *r, const crq_value *v, void *to)
{
    static const struct crq_app_key keys[] = {
        { "max", crq_app_count, offsetof(crq_call, retry_max), true },
        { "intervals", read_retry_intervals, 0, false },
        { "at_front", crq_app_bool, offsetof(crq_call, retry_at_front), false },
    };

    crq_app_object(r, v, keys, COUNT(keys), to);
}

static void read_repeat_intervals(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    crq_call *call = to;

    call->repeat_intervals_s = read_intervals(r, v, &call->repeat_intervals);
}

static void read_repeat(struct crq_app_reader *r, const crq_value *v, void *to)
{
    static const struct crq_app_key keys[] = {
        { "times", crq_app_count, offsetof(crq_call, repeat_times), true },
        { "intervals", read_repeat_intervals, 0, false },
    };

    crq_app_object(r, v, keys, COUNT(keys), to);
}

static void read_depends_on(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    crq_call *call = to;

    if (api_is_short(r, v, IDS_MAX))
        call->depends_on = crq_app_list(r, v, sizeof(char *),
                &call->dependencies, crq_app_name);
}

static void read_callback(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    static const struct crq_app_key keys[] = {
        { "name", crq_app_text, offsetof(crq_callback, name), true },
        { "timeout", crq_app_seconds, offsetof(crq_callback, timeout_s),
                false },
    };

    crq_app_object(r, v, keys, COUNT(keys), to);
}

static void read_webhook(struct crq_app_reader *r, const crq_value *v, void *to)
{
    static const struct crq_app_key keys[] = {
        { "url", read_long_text, offsetof(crq_webhook, url), true },
        { "job_status", crq_app_name, offsetof(crq_webhook, job_status), true },
        { "method", crq_app_name, offsetof(crq_webhook, method), false },
        { "headers", read_object, offsetof(crq_webhook, headers), false },
        { "timeout", crq_app_seconds, offsetof(crq_webhook, timeout_s), false },
    };

    crq_app_object(r, v, keys, COUNT(keys), to);
}

static void read_webhooks(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    crq_call *call = to;

    if (api_is_short(r, v, HOOKS_MAX))
        call->webhooks = crq_app_list(r, v, sizeof(*call->webhooks),
                &call->webhooks_count, read_webhook);
}

/* ------------------------------------------------------------------- calls */

#define AT(field)   offsetof(struct api_call, call.field)
#define HERE(field) offsetof(struct api_call, field)

/* What a schedule's call may say, too; `base` is a struct api_call. */
/* clang-format off */
#define CALL_KEYS \
    { "func", crq_app_text, AT(func), true }, \
    { "queue", crq_app_text, HERE(queue), false }, \
    { "args", read_args, AT(args), false }, \
    { "kwargs", read_object, AT(kwargs), false }, \
    { "description", read_long_text, AT(description), false }, \
    { "meta", read_object, AT(meta), false }, \
    { "serializer", read_serializer, AT(serializer), false }, \
    { "timeout", crq_app_limit, AT(timeout_s), false }, \
    { "result_ttl", crq_app_ttl, AT(result_ttl_s), false }, \
    { "failure_ttl", crq_app_ttl, AT(failure_ttl_s), false }, \
    { "ttl", crq_app_seconds, AT(ttl_s), false }, \
    { "retry", read_retry, HERE(call), false }, \
    { "at_front", crq_app_bool, AT(at_front), false }, \
    { "on_success", read_callback, AT(on_success), false }, \
    { "on_failure", read_callback, AT(on_failure), false }, \
    { "on_stopped", read_callback, AT(on_stopped), false }, \
    { "group", crq_app_text, AT(group_id), false }, \
    { "webhooks", read_webhooks, HERE(call), false }
/* clang-format on */

static void read_call(struct crq_app_reader *r, const crq_value *v, void *to)
{
    static const struct crq_app_key keys[] = {
        CALL_KEYS,
        { "repeat", read_repeat, HERE(call), false },
        { "job_id", crq_app_name, AT(job_id), false },
        { "unique", crq_app_bool, AT(unique), false },
        { "depends_on", read_depends_on, HERE(call), false },
        { "allow_dependency_failures", crq_app_bool,
                AT(allow_dependency_failures), false },
        { "at", read_time, HERE(at_us), false },
        { "in", crq_app_interval, HERE(in_us), false },
    };
    struct api_call *call = to;

    api_call_init(call);
    crq_app_object(r, v, keys, COUNT(keys), call);
    if (call->at_us != CRQ_UNSET && call->in_us != CRQ_UNSET)
        crq_app_wrong(r, "has both 'at' and 'in': take one");
    if (call->call.unique && call->call.job_id == NULL)
        crq_app_wrong(r, "'unique' needs 'job_id': it must not exist yet");
}

#undef AT
#undef HERE

void api_call_init(struct api_call *call)
{
    *call = (struct api_call){
        .call = CRQ_CALL_INIT, .at_us = CRQ_UNSET, .in_us = CRQ_UNSET
    };
}

/* A crq_call borrows what it points to; here it is ours. */
static void drop(const void *ours)
{
    crq_free((void *)(uintptr_t)ours);
}

static void drop_value(const crq_value *ours)
{
    crq_value_free((crq_value *)(uintptr_t)ours);
}

void api_call_fini(struct api_call *call)
{
    const crq_call *c = &call->call;

    for (size_t i = 0; i < c->dependencies; i++)
        drop(c->depends_on[i]);
    for (size_t i = 0; i < c->webhooks_count; i++) {
        drop(c->webhooks[i].url);
        drop(c->webhooks[i].job_status);
        drop(c->webhooks[i].method);
        drop_value(c->webhooks[i].headers);
    }
    drop(c->depends_on);
    drop(c->webhooks);
    drop(c->retry_intervals_s);
    drop(c->repeat_intervals_s);
    drop(c->on_success.name);
    drop(c->on_failure.name);
    drop(c->on_stopped.name);
    drop(c->func);
    drop(c->job_id);
    drop(c->description);
    drop(c->group_id);
    drop_value(c->args);
    drop_value(c->kwargs);
    drop_value(c->meta);
    crq_free(call->queue);
}

int api_read_call(const char *body, size_t len, struct api_call *out,
        crq_value **out_errors, crq_error *err)
{
    api_call_init(out);
    return api_read_body(body, len, read_call, out, out_errors, err);
}

static void read_later_not(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct api_call *call = to;

    read_call(r, v, call);
    if (call->at_us != CRQ_UNSET || call->in_us != CRQ_UNSET)
        crq_app_wrong(r, "'at' and 'in' are for single calls");
}

static void read_calls(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct api_calls *calls = to;

    if (api_is_short(r, v, API_BULK_MAX))
        calls->items = crq_app_list(r, v, sizeof(*calls->items), &calls->count,
                read_later_not);
}

int api_read_calls(const char *body, size_t len, bool lines,
        struct api_calls *out, crq_value **out_errors, crq_error *err)
{
    *out = (struct api_calls){ NULL, 0 };
    return lines ? api_read_lines(body, len, API_BULK_MAX, read_calls, out,
                           out_errors, err)
                 : api_read_body(body, len, read_calls, out, out_errors, err);
}

void api_calls_fini(struct api_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        api_call_fini(&calls->items[i]);
    crq_free(calls->items);
}

/* --------------------------------------------------------------- schedules */

static void read_catchup(struct crq_app_reader *r, const crq_value *v, void *to)
{
    crq_schedule_options *s = to;

    crq_app_catchup(r, v, &s->catchup, &s->catchup_max);
}

static void read_schedule(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
#define AT(field)   offsetof(struct api_schedule, call.call.field)
#define HERE(field) offsetof(struct api_schedule, call.field)
#define WHEN(field) offsetof(struct api_schedule, options.field)
    static const struct crq_app_key keys[] = {
        CALL_KEYS,
        { "every", crq_app_interval, WHEN(every_us), false },
        { "cron", crq_app_text, offsetof(struct api_schedule, cron), false },
        { "tz", crq_app_text, offsetof(struct api_schedule, tz), false },
        { "start", read_time, WHEN(start_us), false },
        { "repeat", crq_app_count, WHEN(repeat), false },
        { "catchup", read_catchup, offsetof(struct api_schedule, options),
                false },
        { "overlap", crq_app_overlap, WHEN(allow_overlap), false },
    };
#undef AT
#undef HERE
#undef WHEN
    struct api_schedule *s = to;
    bool every =
            crq_value_type(v) == CRQ_DICT && crq_value_get(v, "every") != NULL;
    bool cron =
            crq_value_type(v) == CRQ_DICT && crq_value_get(v, "cron") != NULL;

    crq_app_object(r, v, keys, COUNT(keys), s);
    if (crq_value_type(v) == CRQ_DICT && every == cron)
        crq_app_wrong(r,
                every ? "has both 'every' and 'cron': take one"
                      : "'every' or 'cron' is missing");
    s->options.cron = s->cron;
    s->options.tz = s->tz;
    s->options.queue = s->call.queue;
}

int api_read_schedule(const char *body, size_t len, struct api_schedule *out,
        crq_value **out_errors, crq_error *err)
{
    *out = (struct api_schedule){ .options = CRQ_SCHEDULE_INIT };
    api_call_init(&out->call);
    return api_read_body(body, len, read_schedule, out, out_errors, err);
}

void api_schedule_fini(struct api_schedule *schedule)
{
    api_call_fini(&schedule->call);
    crq_free(schedule->tz);
    crq_free(schedule->cron);
}
