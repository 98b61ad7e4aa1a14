/* check_call_check.c - tests of model/call_check.c. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "model/call.h"
#include "model/keys.h"

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
        call.args = args = unit_json(checks[_i].args);
    if (checks[_i].kwargs != NULL)
        call.kwargs = kwargs = unit_json(checks[_i].kwargs);
    if (checks[_i].meta != NULL)
        call.meta = meta = unit_json(checks[_i].meta);
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
    crq_value *headers = webhooks[_i].headers != NULL
            ? unit_json(webhooks[_i].headers)
            : NULL;
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
    crq_value *kwargs = unit_json("{\"a\": 1}");
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

int main(void)
{
    TCase *tc = tcase_create("call_check");

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
    tcase_add_test(tc, test_a_call_needs_its_size_and_a_function);
    tcase_add_test(tc, test_names_of_arguments_are_str);
    return unit_run("call_check", tc);
}
