/*
 * call_check.c - everything about a call that is wrong whatever is in Redis.
 *
 * What RQ's classes refuse is refused here, with the field named: Retry,
 * Repeat, Dependency, Callback, Webhook; and what they take and later trip
 * over.
 */
#include "model/call.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "codec/value.h"
#include "model/keys.h"

/* Redis adds a TTL to the time in milliseconds and refuses more. */
#define MOST_S (INT64_C(1) << 40)

bool crq_job_id_valid(const char *id)
{
    size_t len = strspn(id,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            "0123456789-_");

    return len > 0 && len <= CRQ_NAME_MAX && id[len] == '\0';
}

/* The sizes that crq_call has had, with what came last in each. */
static const size_t sizes[] = {
    offsetof(crq_call, depends_on), /* unique */
    sizeof(crq_call),               /* allow_dependency_failures */
};

int crq_call_read(const crq_call *call, crq_call *out, crq_error *err)
{
    static const crq_call empty = CRQ_CALL_INIT;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (call->size == sizes[i]) {
            *out = empty;
            memcpy(out, call, call->size);
            out->size = sizeof(*out);
            return 0;
        }
    return crq_fail(err, CRQ_EINVAL,
            "the call was not made with CRQ_CALL_INIT, or with one that is "
            "newer than this library");
}

static int check_text(const char *text, const char *what, crq_error *err)
{
    size_t bad;

    if (text != NULL && !crq_text_valid(text, strlen(text), &bad))
        return crq_fail(err, CRQ_EINVAL, "%s: byte %zu is not UTF-8", what,
                bad);
    return 0;
}

static int check_kwargs(const crq_value *kwargs, crq_error *err)
{
    if (kwargs == NULL)
        return 0;
    if (crq_value_type(kwargs) != CRQ_DICT)
        return crq_fail(err, CRQ_EINVAL, "kwargs is a %s; it must be a dict",
                crq_type_name(crq_value_type(kwargs)));
    for (size_t i = 0; i < crq_value_count(kwargs); i++)
        if (crq_value_type(crq_value_key(kwargs, i)) != CRQ_STR)
            return crq_fail(err, CRQ_EINVAL,
                    "key %zu of kwargs is a %s; names of arguments are str", i,
                    crq_type_name(crq_value_type(crq_value_key(kwargs, i))));
    return 0;
}

static int check_values(const crq_call *call, crq_error *err)
{
    crq_type args = crq_value_type(call->args);

    if (call->args != NULL && args != CRQ_LIST && args != CRQ_TUPLE)
        return crq_fail(err, CRQ_EINVAL,
                "args is a %s; it must be a list or a tuple",
                crq_type_name(args));
    if (call->meta != NULL && crq_value_type(call->meta) != CRQ_DICT)
        return crq_fail(err, CRQ_EINVAL, "meta is a %s; it must be a dict",
                crq_type_name(crq_value_type(call->meta)));
    return check_kwargs(call->kwargs, err);
}

/* The whole numbers of a call, the least each may be, and what else it may. */
static int check_numbers(const crq_call *call, crq_error *err)
{
    static const char callback_rule[] =
            "seconds from 1 on, -1 for no limit, or 0 for 60";
    const struct {
        const char *name, *rule;
        int64_t value, least, but_not;
    } rows[] = {
        { "timeout", "seconds from 1 on, or -1 for no limit", call->timeout_s,
                -1, 0 },
        { "result_ttl", "seconds, 0 for not kept, or -1 for ever",
                call->result_ttl_s, -1, INT64_MAX },
        { "failure_ttl", "seconds, 0 for not kept, or -1 for ever",
                call->failure_ttl_s, -1, INT64_MAX },
        { "ttl", "seconds from 1 on", call->ttl_s, 1, INT64_MAX },
        { "retry_max", "at least 1", call->retry_max, 1, INT64_MAX },
        { "repeat_times", "at least 1", call->repeat_times, 1, INT64_MAX },
        { "the timeout of on_success", callback_rule,
                call->on_success.timeout_s, -1, INT64_MAX },
        { "the timeout of on_failure", callback_rule,
                call->on_failure.timeout_s, -1, INT64_MAX },
        { "the timeout of on_stopped", callback_rule,
                call->on_stopped.timeout_s, -1, INT64_MAX },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value == CRQ_UNSET)
            continue;
        if (rows[i].value < rows[i].least || rows[i].value > MOST_S ||
                rows[i].value == rows[i].but_not)
            return crq_fail(err, CRQ_EINVAL, "%s is %lld; it must be %s",
                    rows[i].name, (long long)rows[i].value, rows[i].rule);
    }
    return 0;
}

static int check_intervals(const crq_call *call, crq_error *err)
{
    const struct {
        const char *name, *runs_name;
        int64_t runs;
        const int64_t *list;
        size_t count;
    } rows[] = {
        { "retry", "retry_max: say how many retries", call->retry_max,
                call->retry_intervals_s, call->retry_intervals },
        { "repeat", "repeat_times: say how many repeats", call->repeat_times,
                call->repeat_intervals_s, call->repeat_intervals },
    };

    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        if (rows[r].count > 0 && rows[r].list == NULL)
            return crq_fail(err, CRQ_EINVAL,
                    "%zu %s intervals are announced, but there are none",
                    rows[r].count, rows[r].name);
        for (size_t i = 0; i < rows[r].count; i++)
            if (rows[r].list[i] < 0 || rows[r].list[i] > MOST_S)
                return crq_fail(err, CRQ_EINVAL,
                        "%s interval %zu is %lld; it must be seconds, 0 or "
                        "more",
                        rows[r].name, i + 1, (long long)rows[r].list[i]);
        if (rows[r].runs == CRQ_UNSET && rows[r].count > 0)
            return crq_fail(err, CRQ_EINVAL, "%s intervals without %s",
                    rows[r].name, rows[r].runs_name);
    }
    return 0;
}

/* ---- what is around a run ---- */

/* An id that a job may have: before RQ 2.8 of any characters, but no ':'. */
static bool can_be_id(const char *id)
{
    size_t len, bad;

    if (id == NULL)
        return false;
    len = strlen(id);
    return len > 0 && len <= CRQ_NAME_MAX && strchr(id, ':') == NULL &&
            crq_text_valid(id, len, &bad);
}

static int check_dependencies(const crq_call *call, crq_error *err)
{
    if (call->dependencies == 0)
        return 0;
    if (call->depends_on == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "%zu dependencies are announced, but there are none",
                call->dependencies);
    for (size_t i = 0; i < call->dependencies; i++) {
        const char *id = call->depends_on[i];

        if (!can_be_id(id))
            return crq_fail(err, CRQ_EINVAL,
                    "depends_on %zu: '%.80s' is not a job id", i + 1,
                    id != NULL ? id : "");
        if (call->job_id != NULL && strcmp(id, call->job_id) == 0)
            return crq_fail(err, CRQ_EINVAL,
                    "depends_on %zu: the job would wait for itself", i + 1);
    }
    if (call->unique)
        return crq_fail(err, CRQ_EINVAL,
                "unique is not for jobs with dependencies");
    return 0;
}

static int check_callbacks(const crq_call *call, crq_error *err)
{
    const struct {
        const char *what;
        const crq_callback *callback;
    } rows[] = {
        { "on_success", &call->on_success },
        { "on_failure", &call->on_failure },
        { "on_stopped", &call->on_stopped },
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = rows[i].callback->name;

        if (name != NULL && name[0] == '\0')
            return crq_fail(err, CRQ_EINVAL, "%s: the name is empty",
                    rows[i].what);
        rc = check_text(name, rows[i].what, err);
    }
    return rc;
}

/* As urlparse() finds a host. Nothing that could end a line of a request. */
static bool is_web_url(const char *url)
{
    const char *host = NULL;

    if (url == NULL)
        return false;
    if (strncasecmp(url, "http://", 7) == 0)
        host = url + 7;
    else if (strncasecmp(url, "https://", 8) == 0)
        host = url + 8;
    if (host == NULL || strcspn(host, "/?#") == 0)
        return false;
    for (const unsigned char *p = (const unsigned char *)url; *p != '\0'; p++)
        if (*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

static bool is_one_of(const char *text, const char *one, const char *other)
{
    return text != NULL && (strcmp(text, one) == 0 || strcmp(text, other) == 0);
}

static int check_headers(const crq_value *headers, size_t nth, crq_error *err)
{
    if (headers == NULL)
        return 0;
    if (crq_value_type(headers) != CRQ_DICT)
        return crq_fail(err, CRQ_EINVAL,
                "webhook %zu: headers is a %s; it must be a dict", nth,
                crq_type_name(crq_value_type(headers)));
    for (size_t i = 0; i < crq_value_count(headers); i++)
        if (crq_value_type(crq_value_key(headers, i)) != CRQ_STR ||
                crq_value_type(crq_value_item(headers, i)) != CRQ_STR)
            return crq_fail(err, CRQ_EINVAL,
                    "webhook %zu: names and values of headers must be str",
                    nth);
    return 0;
}

static int check_webhook(const crq_webhook *webhook, size_t nth, crq_error *err)
{
    int rc;

    if (!is_web_url(webhook->url))
        return crq_fail(err, CRQ_EINVAL,
                "webhook %zu: url must be an http:// or https:// URL, not "
                "'%.200s'",
                nth, webhook->url != NULL ? webhook->url : "");
    rc = check_text(webhook->url, "the url of a webhook", err);
    if (rc < 0)
        return rc;
    if (!is_one_of(webhook->job_status, "finished", "failed"))
        return crq_fail(err, CRQ_EINVAL,
                "webhook %zu: job_status must be 'finished' or 'failed', not "
                "'%.80s'",
                nth, webhook->job_status != NULL ? webhook->job_status : "");
    if (webhook->method != NULL && !is_one_of(webhook->method, "GET", "POST"))
        return crq_fail(err, CRQ_EINVAL,
                "webhook %zu: method must be 'GET' or 'POST', not '%.80s'", nth,
                webhook->method);
    if (webhook->timeout_s < 0 || webhook->timeout_s > MOST_S)
        return crq_fail(err, CRQ_EINVAL,
                "webhook %zu: timeout is %lld; it must be seconds from 1 on, "
                "or 0 for 10",
                nth, (long long)webhook->timeout_s);
    return check_headers(webhook->headers, nth, err);
}

static int check_webhooks(const crq_call *call, crq_error *err)
{
    int rc = 0;

    if (call->webhooks_count > 0 && call->webhooks == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "%zu webhooks are announced, but there are none",
                call->webhooks_count);
    for (size_t i = 0; rc == 0 && i < call->webhooks_count; i++)
        rc = check_webhook(&call->webhooks[i], i + 1, err);
    return rc;
}

/* It becomes part of a key, and a line of crq's output. */
static int check_group(const char *name, crq_error *err)
{
    size_t len;
    int rc = check_text(name, "group_id", err);

    if (rc < 0 || name == NULL)
        return rc;
    len = strlen(name);
    if (len == 0 || len > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_EINVAL,
                "group_id has %zu bytes; it must be 1 to %d", len,
                CRQ_NAME_MAX);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return crq_fail(err, CRQ_EINVAL,
                    "group_id '%s' has a control character", name);
    return 0;
}

/* ---- all of it ---- */

static int check_names(const crq_call *call, crq_error *err)
{
    int rc;

    if (call->func == NULL || call->func[0] == '\0')
        return crq_fail(err, CRQ_EINVAL, "func is missing: name a function");
    if (call->job_id != NULL && !crq_job_id_valid(call->job_id))
        return crq_fail(err, CRQ_EINVAL,
                "'%.80s' is not a job id: letters, digits, - and _ only",
                call->job_id);
    if (call->unique && call->job_id == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "unique needs a job_id: it is what must not exist yet");
    rc = check_text(call->func, "func", err);
    return rc < 0 ? rc : check_text(call->description, "description", err);
}

int crq_call_check(const crq_call *call, crq_error *err)
{
    static int (*const checks[])(const crq_call *, crq_error *) = {
        check_names,
        check_values,
        check_numbers,
        check_intervals,
        check_dependencies,
        check_callbacks,
        check_webhooks,
    };
    int rc = 0;

    if (call->size != sizeof(*call))
        return crq_fail(err, CRQ_EINVAL,
                "the call is not what crq_call_read() makes");
    if ((int)call->serializer < CRQ_PICKLE || call->serializer > CRQ_MSGPACK)
        return crq_fail(err, CRQ_EINVAL, "%d is not a serializer",
                (int)call->serializer);
    for (size_t i = 0; rc == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
        rc = checks[i](call, err);
    return rc < 0 ? rc : check_group(call->group_id, err);
}
