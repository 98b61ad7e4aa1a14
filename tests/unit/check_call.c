/* check_call.c - tests of model/call.c. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/zip.h"
#include "model/call.h"
#include "model/keys.h"
#include "model/serializer.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

static crq_value *json(const char *text)
{
    crq_value *v;
    crq_error err;

    unit_ok(crq_value_from_json(text, strlen(text), &v, &err), &err);
    return v;
}

/* ---- ids ---- */

static const struct {
    const char *id;
    bool valid;
} ids[] = {
    { "a", true },
    { "6f2a1f00-9c07-4f2c-8b43-0e2f0c5d3a11", true },
    { "Az09-_", true },
    { "", false },
    { "a b", false },
    { "a:b", false },
    { "a.b", false },
    { "caf\xc3\xa9", false },
    { "a\n", false },
};

START_TEST(test_an_id_has_letters_digits_dashes_and_underscores)
{
    ck_assert_int_eq(crq_job_id_valid(ids[_i].id), ids[_i].valid);
}
END_TEST

START_TEST(test_an_id_has_a_longest_length)
{
    char id[CRQ_NAME_MAX + 2];

    memset(id, 'x', sizeof(id));
    id[CRQ_NAME_MAX + 1] = '\0';
    ck_assert(!crq_job_id_valid(id));
    id[CRQ_NAME_MAX] = '\0';
    ck_assert(crq_job_id_valid(id));
}
END_TEST

/* ---- checking ---- */

/* What a call "f" is given besides, and what is said about it. */
static const struct {
    const char *args, *kwargs, *meta; /* JSON, or NULL */
    const char *job_id, *description;
    bool unique;
    int serializer;
    const char *says; /* NULL: nothing */
} checks[] = {
    { .says = NULL },
    { .args = "[1]", .kwargs = "{\"a\": 1}", .meta = "{\"b\": 2}" },
    { .args = "7", .says = "args is a int; it must be a list or a tuple" },
    { .args = "{}", .says = "args is a dict; it must be a list or a tuple" },
    { .kwargs = "[]", .says = "kwargs is a list; it must be a dict" },
    { .meta = "null", .says = "meta is a NoneType; it must be a dict" },
    { .serializer = CRQ_JSON },
    { .serializer = CRQ_MSGPACK },
    { .serializer = 3, .says = "3 is not a serializer" },
    { .serializer = -1, .says = "-1 is not a serializer" },
    { .job_id = "a b",
            .says = "'a b' is not a job id: letters, digits, - and _ only" },
    { .job_id = "",
            .says = "'' is not a job id: letters, digits, - and _ only" },
    { .unique = true,
            .says = "unique needs a job_id: it is what must not exist yet" },
    { .unique = true, .job_id = "a" },
    { .description = "caf\xc3\xa9" },
    { .description = "x\xff", .says = "description: byte 1 is not UTF-8" },
    { .description = "\xed\xa0\x80",
            .says = "description: byte 0 is not UTF-8" },
};

START_TEST(test_a_wrong_call_is_refused_with_the_reason)
{
    crq_call call = CRQ_CALL_INIT;
    crq_value *args = NULL, *kwargs = NULL, *meta = NULL;
    crq_error err = { 0, "" };
    int rc;

    call.func = "f";
    if (checks[_i].args != NULL)
        call.args = args = json(checks[_i].args);
    if (checks[_i].kwargs != NULL)
        call.kwargs = kwargs = json(checks[_i].kwargs);
    if (checks[_i].meta != NULL)
        call.meta = meta = json(checks[_i].meta);
    call.job_id = checks[_i].job_id;
    call.description = checks[_i].description;
    call.unique = checks[_i].unique;
    call.serializer = (crq_serializer)checks[_i].serializer;
    rc = crq_call_check(&call, &err);
    ck_assert_str_eq(err.text, checks[_i].says != NULL ? checks[_i].says : "");
    ck_assert_int_eq(rc, checks[_i].says != NULL ? CRQ_EINVAL : 0);
    crq_value_free(args);
    crq_value_free(kwargs);
    crq_value_free(meta);
}
END_TEST

#define MOST (INT64_C(1) << 40)

static const struct {
    size_t at; /* in crq_call */
    int64_t value;
    const char *says; /* NULL: nothing */
} numbers[] = {
    { offsetof(crq_call, timeout_s), 1, NULL },
    { offsetof(crq_call, timeout_s), -1, NULL },
    { offsetof(crq_call, timeout_s), MOST, NULL },
    { offsetof(crq_call, timeout_s), 0,
            "timeout is 0; it must be seconds from 1 on, or -1 for no limit" },
    { offsetof(crq_call, timeout_s), -2,
            "timeout is -2; it must be seconds from 1 on, or -1 for no limit" },
    { offsetof(crq_call, result_ttl_s), 0, NULL },
    { offsetof(crq_call, result_ttl_s), -1, NULL },
    { offsetof(crq_call, result_ttl_s), -2,
            "result_ttl is -2; it must be seconds, 0 for not kept, or -1 for "
            "ever" },
    { offsetof(crq_call, failure_ttl_s), 0, NULL },
    { offsetof(crq_call, failure_ttl_s), -1, NULL },
    { offsetof(crq_call, failure_ttl_s), -2,
            "failure_ttl is -2; it must be seconds, 0 for not kept, or -1 for "
            "ever" },
    { offsetof(crq_call, ttl_s), 1, NULL },
    { offsetof(crq_call, ttl_s), MOST, NULL },
    { offsetof(crq_call, ttl_s), MOST + 1,
            "ttl is 1099511627777; it must be seconds from 1 on" },
    { offsetof(crq_call, ttl_s), INT64_MAX,
            "ttl is 9223372036854775807; it must be seconds from 1 on" },
    { offsetof(crq_call, ttl_s), 0, "ttl is 0; it must be seconds from 1 on" },
    { offsetof(crq_call, ttl_s), -1,
            "ttl is -1; it must be seconds from 1 on" },
    { offsetof(crq_call, retry_max), 1, NULL },
    { offsetof(crq_call, retry_max), 0,
            "retry_max is 0; it must be at least 1" },
    { offsetof(crq_call, retry_max), -1,
            "retry_max is -1; it must be at least 1" },
};

START_TEST(test_a_number_out_of_its_range_is_refused)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err = { 0, "" };
    int rc;

    call.func = "f";
    *(int64_t *)(void *)((char *)&call + numbers[_i].at) = numbers[_i].value;
    rc = crq_call_check(&call, &err);
    ck_assert_str_eq(err.text,
            numbers[_i].says != NULL ? numbers[_i].says : "");
    ck_assert_int_eq(rc, numbers[_i].says != NULL ? CRQ_EINVAL : 0);
}
END_TEST

static const int64_t fine[] = { 0, 5 }, negative[] = { 3, -1 },
                     huge[] = { MOST + 1 };

static const struct {
    int64_t max;
    const int64_t *list;
    size_t count;
    const char *says;
} retries[] = {
    { 2, fine, 2, NULL },
    { 2, negative, 2, "retry interval 2 is -1; it must be seconds, 0 or more" },
    { 2, huge, 1,
            "retry interval 1 is 1099511627777; it must be seconds, 0 or "
            "more" },
    { 2, NULL, 2, "2 retry intervals are announced, but there are none" },
    { CRQ_UNSET, fine, 1,
            "retry intervals without retry_max: say how many retries" },
};

START_TEST(test_wrong_retry_intervals_are_refused)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err = { 0, "" };

    call.func = "f";
    call.retry_max = retries[_i].max;
    call.retry_intervals_s = retries[_i].list;
    call.retry_intervals = retries[_i].count;
    ck_assert_int_eq(crq_call_check(&call, &err),
            retries[_i].says != NULL ? CRQ_EINVAL : 0);
    ck_assert_str_eq(err.text,
            retries[_i].says != NULL ? retries[_i].says : "");
}
END_TEST

static const struct {
    int64_t times;
    const int64_t *list;
    size_t count;
    const char *says;
} repeats[] = {
    { 1, NULL, 0, NULL },
    { 2, fine, 2, NULL },
    { 0, NULL, 0, "repeat_times is 0; it must be at least 1" },
    { 2, negative, 2,
            "repeat interval 2 is -1; it must be seconds, 0 or more" },
    { 2, NULL, 2, "2 repeat intervals are announced, but there are none" },
    { CRQ_UNSET, fine, 1,
            "repeat intervals without repeat_times: say how many repeats" },
};

START_TEST(test_a_wrong_repeat_is_refused)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err = { 0, "" };

    call.func = "f";
    call.repeat_times = repeats[_i].times;
    call.repeat_intervals_s = repeats[_i].list;
    call.repeat_intervals = repeats[_i].count;
    ck_assert_int_eq(crq_call_check(&call, &err),
            repeats[_i].says != NULL ? CRQ_EINVAL : 0);
    ck_assert_str_eq(err.text,
            repeats[_i].says != NULL ? repeats[_i].says : "");
}
END_TEST

static const struct {
    const char *ids[2];
    size_t count;
    const char *job_id;
    bool unique;
    const char *says;
} dependencies[] = {
    { { "a", "of old: RQ" }, 1, NULL, false, NULL },
    { { "a", "b c\xc3\xa9" }, 2, "x", false, NULL },
    { { "a", "" }, 2, NULL, false, "depends_on 2: '' is not a job id" },
    { { "a", NULL }, 2, NULL, false, "depends_on 2: '' is not a job id" },
    { { "a:b" }, 1, NULL, false, "depends_on 1: 'a:b' is not a job id" },
    { { "\xff" }, 1, NULL, false, "depends_on 1: '?' is not a job id" },
    { { "b", "a" }, 2, "a", false,
            "depends_on 2: the job would wait for itself" },
    { { "b" }, 1, "a", true, "unique is not for jobs with dependencies" },
};

START_TEST(test_wrong_dependencies_are_refused)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err = { 0, "" };

    call.func = "f";
    call.job_id = dependencies[_i].job_id;
    call.unique = dependencies[_i].unique;
    call.depends_on = dependencies[_i].ids;
    call.dependencies = dependencies[_i].count;
    ck_assert_int_eq(crq_call_check(&call, &err),
            dependencies[_i].says != NULL ? CRQ_EINVAL : 0);
    ck_assert_str_eq(err.text,
            dependencies[_i].says != NULL ? dependencies[_i].says : "");
}
END_TEST

static const struct {
    crq_callback callback;
    const char *says;
} callbacks[] = {
    { { "mod.f", 0 }, NULL },
    { { "mod.f", 1 }, NULL },
    { { "mod.f", -1 }, NULL },
    { { NULL, 7 }, NULL },
    { { "", 0 }, ": the name is empty" },
    { { "f\xff", 0 }, ": byte 1 is not UTF-8" },
    { { "f", -2 },
            " is -2; it must be seconds from 1 on, -1 for no limit, or 0 for "
            "60" },
};

START_TEST(test_a_wrong_callback_is_refused)
{
    static const char *const names[] = { "on_success", "on_failure",
        "on_stopped" };

    for (size_t i = 0; i < 3; i++) {
        crq_call call = CRQ_CALL_INIT;
        crq_callback *const places[] = { &call.on_success, &call.on_failure,
            &call.on_stopped };
        crq_error err = { 0, "" };
        char says[200] = "";

        call.func = "f";
        *places[i] = callbacks[_i].callback;
        if (callbacks[_i].says != NULL)
            snprintf(says, sizeof(says), "%s%s%s",
                    callbacks[_i].says[0] == ' ' ? "the timeout of " : "",
                    names[i], callbacks[_i].says);
        ck_assert_int_eq(crq_call_check(&call, &err),
                callbacks[_i].says != NULL ? CRQ_EINVAL : 0);
        ck_assert_str_eq(err.text, says);
    }
}
END_TEST

#define URL "http://h/x"

static const struct {
    crq_webhook webhook;
    const char *headers; /* JSON */
    const char *says;
} webhooks[] = {
    { { URL, "finished", NULL, NULL, 0 }, NULL, NULL },
    { { "HTTPS://h:1?q", "failed", "POST", NULL, 1 }, "{\"a\": \"b\"}", NULL },
    { { NULL, "failed", NULL, NULL, 0 }, NULL,
            "url must be an http:// or https:// URL, not ''" },
    { { "ftp://h/", "failed", NULL, NULL, 0 }, NULL,
            "url must be an http:// or https:// URL, not 'ftp://h/'" },
    { { "http:///x", "failed", NULL, NULL, 0 }, NULL,
            "url must be an http:// or https:// URL, not 'http:///x'" },
    { { "http://h/a b", "failed", NULL, NULL, 0 }, NULL,
            "url must be an http:// or https:// URL, not 'http://h/a b'" },
    { { URL, "stopped", NULL, NULL, 0 }, NULL,
            "job_status must be 'finished' or 'failed', not 'stopped'" },
    { { URL, NULL, NULL, NULL, 0 }, NULL,
            "job_status must be 'finished' or 'failed', not ''" },
    { { URL, "failed", "PUT", NULL, 0 }, NULL,
            "method must be 'GET' or 'POST', not 'PUT'" },
    { { URL, "failed", NULL, NULL, -1 }, NULL,
            "timeout is -1; it must be seconds from 1 on, or 0 for 10" },
    { { URL, "failed", NULL, NULL, 0 }, "[]",
            "headers is a list; it must be a dict" },
    { { URL, "failed", NULL, NULL, 0 }, "{\"a\": 1}",
            "names and values of headers must be str" },
};

START_TEST(test_a_wrong_webhook_is_refused)
{
    crq_webhook list[2] = { { URL, "failed", NULL, NULL, 0 },
        webhooks[_i].webhook };
    crq_value *headers =
            webhooks[_i].headers != NULL ? json(webhooks[_i].headers) : NULL;
    crq_call call = CRQ_CALL_INIT;
    crq_error err = { 0, "" };
    char says[200] = "";

    list[1].headers = headers;
    call.func = "f";
    call.webhooks = list;
    call.webhooks_count = 2;
    if (webhooks[_i].says != NULL)
        snprintf(says, sizeof(says), "webhook 2: %s", webhooks[_i].says);
    ck_assert_int_eq(crq_call_check(&call, &err),
            webhooks[_i].says != NULL ? CRQ_EINVAL : 0);
    ck_assert_str_eq(err.text, says);
    crq_value_free(headers);
}
END_TEST

static const struct {
    const char *name, *says;
} groups[] = {
    { "a group: any", NULL },
    { "", "group_id has 0 bytes; it must be 1 to 400" },
    { "a\nb", "group_id 'a?b' has a control character" },
    { "\xff", "group_id: byte 0 is not UTF-8" },
};

START_TEST(test_a_wrong_group_is_refused)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err = { 0, "" };

    call.func = "f";
    call.group_id = groups[_i].name;
    ck_assert_int_eq(crq_call_check(&call, &err),
            groups[_i].says != NULL ? CRQ_EINVAL : 0);
    ck_assert_str_eq(err.text, groups[_i].says != NULL ? groups[_i].says : "");
}
END_TEST

/* crq_call as it was when `unique` came last, with something behind it. */
START_TEST(test_a_shorter_call_of_an_older_header_is_read)
{
    crq_call old = CRQ_CALL_INIT, now;
    crq_error err;

    memset((char *)&old + offsetof(crq_call, depends_on), 0x55,
            sizeof(old) - offsetof(crq_call, depends_on));
    old.size = offsetof(crq_call, depends_on);
    old.func = "f";
    old.job_id = "a";
    old.unique = true;
    unit_ok(crq_call_read(&old, &now, &err), &err);
    ck_assert_uint_eq(now.size, sizeof(now));
    ck_assert_str_eq(now.job_id, "a");
    ck_assert(now.unique);
    ck_assert_ptr_null(now.depends_on);
    ck_assert_uint_eq(now.dependencies, 0);
    ck_assert_int_eq(now.repeat_times, CRQ_UNSET);
    ck_assert(!now.allow_dependency_failures);
    unit_ok(crq_call_check(&now, &err), &err);
}
END_TEST

START_TEST(test_a_call_needs_its_size_and_a_function)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err;

    ck_assert_int_eq(crq_call_check(&call, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func is missing: name a function");
    call.func = "";
    ck_assert_int_eq(crq_call_check(&call, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func is missing: name a function");
    call.func = "f\xc3";
    ck_assert_int_eq(crq_call_check(&call, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func: byte 1 is not UTF-8");
    call.func = "f";
    call.size--;
    ck_assert_int_eq(crq_call_check(&call, &err), CRQ_EINVAL);
    ck_assert_int_eq(crq_call_read(&call, &call, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text,
            "the call was not made with CRQ_CALL_INIT, or with one that is "
            "newer than this library");
}
END_TEST

START_TEST(test_names_of_arguments_are_str)
{
    crq_call call = CRQ_CALL_INIT;
    crq_value *kwargs = json("{\"a\": 1}");
    crq_error err;

    ck_assert_int_eq(crq_value_put(kwargs, crq_value_new_int(1),
                             crq_value_new_none()),
            0);
    call.func = "f";
    call.kwargs = kwargs;
    ck_assert_int_eq(crq_call_check(&call, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text,
            "key 1 of kwargs is a int; names of arguments are str");
    crq_value_free(kwargs);
}
END_TEST

/* ---- writing ---- */

static void expect_field(const struct crq_fields *fields, enum crq_field field,
        const char *want)
{
    const char *got = fields->known[field].bytes;

    if (want == NULL)
        ck_assert_msg(got == NULL, "%s is '%s'", crq_field_name(field), got);
    else
        ck_assert_str_eq(got, want);
}

static void inflate(const struct crq_fields *fields, struct crq_buf *plain)
{
    crq_error err;

    crq_buf_init(plain, 1 << 20);
    unit_ok(crq_zip_inflate(fields->known[CRQ_FIELD_DATA].bytes,
                    fields->known[CRQ_FIELD_DATA].len, plain, &err),
            &err);
}

#define BYTES(text) text, sizeof(text) - 1

/* pickle.dumps((func, None, args, kwargs), 5), json.dumps([...]) */
static const struct {
    const char *func, *args, *kwargs;
    crq_serializer serializer;
    const char *want;
    size_t len;
} datas[] = {
    { "f", NULL, NULL, CRQ_PICKLE,
            BYTES("\x80\x05\x95\x0c\0\0\0\0\0\0\0(\x8c\x01"
                  "f\x94N)}\x94t\x94"
                  ".") },
    { "mod.f", "[1, \"x\"]", "{\"a\": 2}", CRQ_PICKLE,
            BYTES("\x80\x05\x95 \0\0\0\0\0\0\0(\x8c\x05mod.f\x94N]\x94(K\x01"
                  "\x8c\x01x\x94"
                  "e}\x94\x8c\x01"
                  "a\x94K\x02st\x94.") },
    { "f", "[null, true, -1, 1.5, [], [2]]", "{}", CRQ_PICKLE,
            BYTES("\x80\x05\x95&\0\0\0\0\0\0\0(\x8c\x01"
                  "f\x94N]\x94(N\x88J"
                  "\xff\xff\xff\xffG?\xf8\0\0\0\0\0\0]\x94]\x94K\x02"
                  "ae}"
                  "\x94t\x94.") },
    { "f", NULL, NULL, CRQ_MSGPACK,
            BYTES("\x94\xa1"
                  "f\xc0\x90\x80") },
    { "f", NULL, NULL, CRQ_JSON, BYTES("[\"f\", null, [], {}]") },
    { "mod.f", "[1, \"\\u00e9\"]", "{\"a\": 2.50}", CRQ_JSON,
            BYTES("[\"mod.f\", null, [1, \"\\u00e9\"], {\"a\": 2.5}]") },
};

START_TEST(test_data_is_what_python_writes)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    struct crq_buf plain;
    crq_value *args = datas[_i].args != NULL ? json(datas[_i].args) : NULL;
    crq_value *kwargs =
            datas[_i].kwargs != NULL ? json(datas[_i].kwargs) : NULL;
    crq_error err;

    call.func = datas[_i].func;
    call.args = args;
    call.kwargs = kwargs;
    call.serializer = datas[_i].serializer;
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    inflate(&fields, &plain);
    ck_assert_uint_eq(plain.len, datas[_i].len);
    ck_assert_mem_eq(plain.data, datas[_i].want, plain.len);
    crq_buf_fini(&plain);
    crq_fields_fini(&fields);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

static int all_options(void *arg, crq_error *err)
{
    static const char *const parents[] = { "a", "b\xc3\xa9" };
    static const int64_t intervals[] = { 5, 10 };
    crq_webhook list[] = { { "http://h/", "finished", NULL, NULL, 0 },
        { "https://h/", "failed", "POST", NULL, 3 } };
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields *fields = arg;
    int rc;

    call.func = "f";
    call.depends_on = parents;
    call.dependencies = 2;
    call.allow_dependency_failures = true;
    call.on_success = (crq_callback){ "m.ok", 0 };
    call.on_failure = (crq_callback){ "m.bad", 7 };
    call.on_stopped = (crq_callback){ "m.stop", 0 };
    call.repeat_times = 3;
    call.repeat_intervals_s = intervals;
    call.repeat_intervals = 2;
    call.retry_max = 1;
    call.group_id = "g";
    call.webhooks = list;
    call.webhooks_count = 2;
    call.serializer = CRQ_MSGPACK;
    list[1].headers = crq_value_new_dict();
    if (list[1].headers == NULL)
        return crq_fail(err, CRQ_ENOMEM, "out of memory");
    crq_fields_init(fields);
    rc = crq_call_to_fields(&call, "q", NOON, fields, err);
    if (rc < 0)
        crq_fields_fini(fields);
    crq_value_free((crq_value *)(uintptr_t)list[1].headers);
    return rc;
}

START_TEST(test_every_option_has_the_fields_that_rq_writes)
{
    struct crq_fields fields;
    crq_error err;

    unit_ok(all_options(&fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_DEPENDENCY_ID, "a");
    expect_field(&fields, CRQ_FIELD_DEPENDENCY_IDS, "[\"a\", \"b\\u00e9\"]");
    expect_field(&fields, CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES, "1");
    expect_field(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT, "0");
    expect_field(&fields, CRQ_FIELD_SUCCESS_CALLBACK_NAME, "m.ok");
    expect_field(&fields, CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT, "60");
    expect_field(&fields, CRQ_FIELD_FAILURE_CALLBACK_NAME, "m.bad");
    expect_field(&fields, CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT, "7");
    expect_field(&fields, CRQ_FIELD_STOPPED_CALLBACK_NAME, "m.stop");
    expect_field(&fields, CRQ_FIELD_REPEATS_LEFT, "3");
    expect_field(&fields, CRQ_FIELD_REPEAT_INTERVALS, "[5, 10]");
    expect_field(&fields, CRQ_FIELD_RETRIES_LEFT, "1");
    expect_field(&fields, CRQ_FIELD_RETRY_INTERVALS, "[0]");
    expect_field(&fields, CRQ_FIELD_GROUP_ID, "g");
    expect_field(&fields, CRQ_FIELD_WEBHOOKS,
            "[{\"url\": \"http://h/\", \"job_status\": \"finished\", "
            "\"method\": \"GET\", \"headers\": null, \"timeout\": 10}, "
            "{\"url\": \"https://h/\", \"job_status\": \"failed\", "
            "\"method\": \"POST\", \"headers\": {}, \"timeout\": 3}]");
    crq_fields_fini(&fields);
}
END_TEST

static int all_options_and_back(void *arg, crq_error *err)
{
    struct crq_fields fields;
    int rc = all_options(&fields, err);

    (void)arg;
    if (rc == 0)
        crq_fields_fini(&fields);
    return rc;
}

START_TEST(test_every_failing_allocation_of_an_option_is_reported)
{
    unit_fail_each_allocation(all_options_and_back, NULL);
}
END_TEST

START_TEST(test_a_plain_call_sets_few_fields)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *meta = json("{}");
    crq_error err;

    call.func = "mod.f";
    call.meta = meta;
    call.description = "";
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        switch (f) {
        case CRQ_FIELD_CREATED_AT:
            expect_field(&fields, f, "2026-11-21T12:00:00.000000Z");
            break;
        case CRQ_FIELD_DATA: break;
        case CRQ_FIELD_ORIGIN: expect_field(&fields, f, "q"); break;
        case CRQ_FIELD_DESCRIPTION: expect_field(&fields, f, "mod.f()"); break;
        case CRQ_FIELD_TIMEOUT: expect_field(&fields, f, "180"); break;
        default: expect_field(&fields, (enum crq_field)f, NULL);
        }
    crq_fields_fini(&fields);
    crq_value_free(meta);
}
END_TEST

START_TEST(test_every_option_has_its_field)
{
    static const int64_t intervals[] = { 10, 0, 30 };
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *meta = json("{\"k\": 1}");
    crq_error err;

    call.func = "f";
    call.description = "caf\xc3\xa9";
    call.serializer = CRQ_JSON;
    call.meta = meta;
    call.timeout_s = -1;
    call.result_ttl_s = 0;
    call.failure_ttl_s = -1;
    call.ttl_s = 60;
    call.retry_max = 5;
    call.retry_intervals_s = intervals;
    call.retry_intervals = 3;
    call.retry_at_front = true;
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_DESCRIPTION, "caf\xc3\xa9");
    expect_field(&fields, CRQ_FIELD_META, "{\"k\": 1}");
    expect_field(&fields, CRQ_FIELD_TIMEOUT, "-1");
    expect_field(&fields, CRQ_FIELD_RESULT_TTL, "0");
    expect_field(&fields, CRQ_FIELD_FAILURE_TTL, "-1");
    expect_field(&fields, CRQ_FIELD_TTL, "60");
    expect_field(&fields, CRQ_FIELD_RETRIES_LEFT, "5");
    expect_field(&fields, CRQ_FIELD_RETRY_INTERVALS, "[10, 0, 30]");
    expect_field(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY, "1");
    expect_field(&fields, CRQ_FIELD_STATUS, NULL);
    crq_fields_fini(&fields);
    call.retry_intervals = 0;
    call.retry_at_front = false;
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_RETRY_INTERVALS, "[0]");
    expect_field(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY, NULL);
    crq_fields_fini(&fields);
    crq_value_free(meta);
}
END_TEST

/* 75 characters of "'aaa...", the quote included, and then the dots. */
START_TEST(test_arguments_are_cut_in_the_description)
{
    char text[78], want[200];
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *args = crq_value_new_list();
    crq_error err;

    /* Two quotes and _i characters: 75 and not one more. */
    memset(text, 'a', sizeof(text));
    text[_i] = '\0';
    ck_assert_int_eq(crq_value_add(args, crq_value_new_text(text)), 0);
    call.func = "f";
    call.args = args;
    if (_i <= 73)
        snprintf(want, sizeof(want), "f('%s')", text);
    else
        snprintf(want, sizeof(want), "f('%.74s...)", text);
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_DESCRIPTION, want);
    crq_fields_fini(&fields);
    crq_value_free(args);
}
END_TEST

static const struct {
    const char *kwargs, *description;
    int rc;
} odd_names[] = {
    { "{\"caf\\u00e9\": 1, \"a\": \"\\ud800\"}", NULL, 0 },
    { "{\"\\ud800\": 1}", NULL, CRQ_EINVAL },
    { "{\"a\\u0000\": 1}", NULL, CRQ_EINVAL },
    { "{\"\\ud800\": 1}", "given", 0 },
};

START_TEST(test_a_description_that_rq_cannot_read_is_not_written)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *kwargs = json(odd_names[_i].kwargs);
    crq_error err;

    call.func = "f";
    call.kwargs = kwargs;
    call.description = odd_names[_i].description;
    crq_fields_init(&fields);
    ck_assert_int_eq(crq_call_to_fields(&call, "q", NOON, &fields, &err),
            odd_names[_i].rc);
    if (odd_names[_i].rc < 0)
        ck_assert_str_eq(err.text,
                "a name in kwargs has a surrogate or NUL: "
                "give a description");
    crq_fields_fini(&fields);
    crq_value_free(kwargs);
}
END_TEST

START_TEST(test_a_value_without_a_json_form_is_refused)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *args = crq_value_new_list();
    crq_error err;

    ck_assert_int_eq(crq_value_add(args, crq_value_new_bytes("x", 1)), 0);
    call.func = "f";
    call.args = args;
    call.serializer = CRQ_JSON;
    crq_fields_init(&fields);
    ck_assert_int_eq(crq_call_to_fields(&call, "q", NOON, &fields, &err),
            CRQ_EUNSUPPORTED);
    crq_fields_fini(&fields);
    crq_value_free(args);
}
END_TEST

/* ---- reading ---- */

static const struct {
    const char *bytes;
    size_t len;
    int rc;
    const char *says; /* the begin */
} payloads[] = {
    { BYTES("[\"f\", null, [1], {\"a\": 2}]"), 0, NULL },
    { BYTES("(S'f'\nN(I1\nt(S'a'\nI2\ndt."), 0, NULL },
    { BYTES("7"), CRQ_ECODEC,
            "the data is a int, not (function, instance, args, kwargs)" },
    { BYTES("[\"f\", null, []]"), CRQ_ECODEC, "the data is a list, not" },
    { BYTES("[\"f\", null, [], {}, 1]"), CRQ_ECODEC, "the data is a list" },
    { BYTES("{}"), CRQ_ECODEC, "the data is a dict, not" },
    { BYTES("[7, null, [], {}]"), CRQ_ECODEC,
            "the data is (int, None, list, dict), not (str, None, list, dict)" },
    { BYTES("[\"f\", null, {}, {}]"), CRQ_ECODEC,
            "the data is (str, None, dict, dict), not" },
    { BYTES("[\"f\", null, [], []]"), CRQ_ECODEC,
            "the data is (str, None, list, list), not" },
    { BYTES("[null, null, [], {}]"), CRQ_ECODEC,
            "the data is (NoneType, None, list, dict), not" },
    { BYTES("[\"f\", \"self\", [], {}]"), CRQ_EUNSUPPORTED,
            "it calls a method of a str object, which only Python can do" },
    { BYTES("[\"f\\u0000g\", null, [], {}]"), CRQ_ECODEC,
            "the function's name is not text at byte 1" },
    { BYTES("[\"\\udc80\", null, [], {}]"), CRQ_ECODEC,
            "the function's name is not text at byte 0" },
    { BYTES("\x80\x05"
            "cos\nsystem\n)R."),
            CRQ_EUNSUPPORTED, "" },
    { BYTES("(S'f'\nccollections\nCounter\n)R)}t."), CRQ_EUNSUPPORTED, "" },
    { BYTES(""), CRQ_ECODEC, "" },
    { BYTES("junk"), CRQ_ECODEC, "" },
    /* It begins as zlib does: the zlib is what is damaged. */
    { BYTES("x\x9c\x03\x00\x00\x00\x00\x02"), CRQ_ECODEC, "" },
};

static int decode_payload(const void *bytes, size_t len, crq_error *err)
{
    struct crq_payload p = { .func = "untouched" };
    int rc = crq_payload_decode(bytes, len, &p, err);

    if (rc < 0) {
        ck_assert_str_eq(p.func, "untouched");
        return rc;
    }
    ck_assert_str_eq(p.func, "f");
    ck_assert_int_eq(crq_value_int(crq_value_item(p.args, 0)), 1);
    ck_assert_int_eq(crq_value_int(crq_value_get(p.kwargs, "a")), 2);
    crq_payload_fini(&p);
    ck_assert_ptr_null(p.func);
    return rc;
}

START_TEST(test_data_is_read_packed_or_not)
{
    struct crq_buf packed = CRQ_BUF_INIT;
    crq_error err = { 0, "" };

    ck_assert_int_eq(decode_payload(payloads[_i].bytes, payloads[_i].len, &err),
            payloads[_i].rc);
    if (payloads[_i].says != NULL)
        ck_assert_msg(strncmp(err.text, payloads[_i].says,
                              strlen(payloads[_i].says)) == 0,
                "%s", err.text);
    unit_ok(crq_zip_deflate(payloads[_i].bytes, payloads[_i].len, &packed,
                    &err),
            &err);
    ck_assert_int_eq(decode_payload(packed.data, packed.len, &err),
            payloads[_i].rc);
    crq_buf_fini(&packed);
}
END_TEST

START_TEST(test_damaged_zlib_is_called_so)
{
    struct crq_buf packed = CRQ_BUF_INIT, plain = CRQ_BUF_INIT;
    crq_error err, zlibs;

    unit_ok(crq_zip_deflate(BYTES("[\"f\", null, [], {}]"), &packed, &err),
            &err);
    packed.data[packed.len - 1] ^= 1;
    ck_assert_int_eq(decode_payload(packed.data, packed.len, &err), CRQ_ECODEC);
    ck_assert_int_eq(crq_zip_inflate(packed.data, packed.len, &plain, &zlibs),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, zlibs.text);
    crq_buf_fini(&packed);
    crq_buf_fini(&plain);
}
END_TEST

START_TEST(test_a_bomb_is_refused)
{
    struct crq_buf bomb = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;
    crq_error err;
    char *room = crq_buf_room(&bomb, (size_t)65 << 20);

    memset(room, ' ', (size_t)65 << 20);
    bomb.len = (size_t)65 << 20;
    unit_ok(crq_zip_deflate(bomb.data, bomb.len, &packed, &err), &err);
    ck_assert_uint_lt(packed.len, 100000);
    ck_assert_int_eq(decode_payload(packed.data, packed.len, &err), CRQ_ELIMIT);
    crq_buf_fini(&bomb);
    crq_buf_fini(&packed);
    /* Five bytes that promise 4 GB. */
    ck_assert_int_eq(decode_payload(BYTES("\x80\x05"
                                          "B\xff\xff\xff\xff."),
                             &err),
            CRQ_ECODEC);
}
END_TEST

/* ---- memory ---- */

static int write_and_read(void *arg, crq_error *err)
{
    struct crq_fields fields;
    struct crq_payload payload;
    int rc;

    crq_fields_init(&fields);
    rc = crq_call_to_fields(arg, "q", NOON, &fields, err);
    if (rc == 0)
        rc = crq_payload_decode(fields.known[CRQ_FIELD_DATA].bytes,
                fields.known[CRQ_FIELD_DATA].len, &payload, err);
    if (rc == 0)
        crq_payload_fini(&payload);
    crq_fields_fini(&fields);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_call call = CRQ_CALL_INIT;
    crq_value *args = json("[1, [\"x\"]]"), *dict = json("{\"a\": {\"b\": 2}}");

    call.func = "f";
    call.args = args;
    call.kwargs = call.meta = dict;
    call.ttl_s = 5;
    call.retry_max = 2;
    call.retry_at_front = true;
    call.serializer = (crq_serializer)_i;
    unit_fail_each_allocation(write_and_read, &call);
    call.args = call.kwargs = NULL;
    unit_fail_each_allocation(write_and_read, &call);
    crq_value_free(args);
    crq_value_free(dict);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("call");

    unit_add_rows(tc, test_an_id_has_letters_digits_dashes_and_underscores,
            ids);
    tcase_add_test(tc, test_an_id_has_a_longest_length);
    unit_add_rows(tc, test_a_wrong_call_is_refused_with_the_reason, checks);
    unit_add_rows(tc, test_a_number_out_of_its_range_is_refused, numbers);
    unit_add_rows(tc, test_wrong_retry_intervals_are_refused, retries);
    unit_add_rows(tc, test_a_wrong_repeat_is_refused, repeats);
    unit_add_rows(tc, test_wrong_dependencies_are_refused, dependencies);
    unit_add_rows(tc, test_a_wrong_callback_is_refused, callbacks);
    unit_add_rows(tc, test_a_wrong_webhook_is_refused, webhooks);
    unit_add_rows(tc, test_a_wrong_group_is_refused, groups);
    tcase_add_test(tc, test_a_shorter_call_of_an_older_header_is_read);
    tcase_add_test(tc, test_every_option_has_the_fields_that_rq_writes);
    tcase_add_test(tc, test_every_failing_allocation_of_an_option_is_reported);
    tcase_add_test(tc, test_a_call_needs_its_size_and_a_function);
    tcase_add_test(tc, test_names_of_arguments_are_str);
    unit_add_rows(tc, test_data_is_what_python_writes, datas);
    tcase_add_test(tc, test_a_plain_call_sets_few_fields);
    tcase_add_test(tc, test_every_option_has_its_field);
    tcase_add_loop_test(tc, test_arguments_are_cut_in_the_description, 72, 77);
    unit_add_rows(tc, test_a_description_that_rq_cannot_read_is_not_written,
            odd_names);
    tcase_add_test(tc, test_a_value_without_a_json_form_is_refused);
    unit_add_rows(tc, test_data_is_read_packed_or_not, payloads);
    tcase_add_test(tc, test_damaged_zlib_is_called_so);
    tcase_add_test(tc, test_a_bomb_is_refused);
    tcase_add_loop_test(tc, test_every_failing_allocation_is_reported,
            CRQ_PICKLE, CRQ_JSON + 1);
    return unit_run("call", tc);
}
