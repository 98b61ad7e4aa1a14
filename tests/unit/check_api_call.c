/* check_api_call.c - tests of web/api_call.c, api_read.c and cursors. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "model/job_json.h"
#include "web/api_call.h"
#include "web/api_impl.h"

static const char full[] =
        "{\"func\": \"shop.pay\", \"queue\": \"high\", \"args\": [1, \"a\"],"
        " \"kwargs\": {\"k\": null}, \"description\": \"pays\","
        " \"meta\": {\"m\": 1}, \"serializer\": \"json\", \"timeout\": \"1m\","
        " \"result_ttl\": -1, \"failure_ttl\": 0, \"ttl\": \"1h\","
        " \"retry\": {\"max\": 3, \"intervals\": [0, \"1m\"],"
        " \"at_front\": true}, \"at_front\": true, \"job_id\": \"a-1\","
        " \"unique\": true, \"depends_on\": [\"b\", \"c\"],"
        " \"allow_dependency_failures\": true,"
        " \"on_success\": {\"name\": \"shop.good\", \"timeout\": 5},"
        " \"on_failure\": {\"name\": \"shop.bad\"},"
        " \"on_stopped\": {\"name\": \"shop.off\"},"
        " \"repeat\": {\"times\": 2, \"intervals\": [7]}, \"group\": \"g\","
        " \"webhooks\": [{\"url\": \"http://x/\", \"job_status\": \"failed\","
        " \"method\": \"POST\", \"headers\": {\"a\": \"b\"},"
        " \"timeout\": 9}], \"in\": 0.5}";

static void check_options(const crq_call *c)
{
    ck_assert_int_eq(c->timeout_s, 60);
    ck_assert_int_eq(c->result_ttl_s, -1);
    ck_assert_int_eq(c->failure_ttl_s, 0);
    ck_assert_int_eq(c->ttl_s, 3600);
    ck_assert_int_eq(c->retry_max, 3);
    ck_assert_uint_eq(c->retry_intervals, 2);
    ck_assert_int_eq(c->retry_intervals_s[0], 0);
    ck_assert_int_eq(c->retry_intervals_s[1], 60);
    ck_assert(c->retry_at_front && c->at_front && c->unique);
    ck_assert(c->allow_dependency_failures);
    ck_assert_uint_eq(c->dependencies, 2);
    ck_assert_str_eq(c->depends_on[1], "c");
    ck_assert_int_eq(c->repeat_times, 2);
    ck_assert_uint_eq(c->repeat_intervals, 1);
    ck_assert_int_eq(c->repeat_intervals_s[0], 7);
}

static void check_callbacks(const crq_call *c)
{
    ck_assert_str_eq(c->on_success.name, "shop.good");
    ck_assert_int_eq(c->on_success.timeout_s, 5);
    ck_assert_str_eq(c->on_failure.name, "shop.bad");
    ck_assert_int_eq(c->on_failure.timeout_s, 0);
    ck_assert_str_eq(c->on_stopped.name, "shop.off");
    ck_assert_uint_eq(c->webhooks_count, 1);
    ck_assert_str_eq(c->webhooks[0].url, "http://x/");
    ck_assert_str_eq(c->webhooks[0].job_status, "failed");
    ck_assert_str_eq(c->webhooks[0].method, "POST");
    ck_assert_str_eq(crq_value_text(crq_value_get(c->webhooks[0].headers, "a")),
            "b");
    ck_assert_int_eq(c->webhooks[0].timeout_s, 9);
}

START_TEST(test_every_key_of_a_call_is_read)
{
    struct api_call call;
    const crq_call *c = &call.call;
    crq_value *errors = NULL;
    crq_error err;
    int rc = api_read_call(full, strlen(full), &call, &errors, &err);

    unit_ok(rc, &err);
    ck_assert_str_eq(c->func, "shop.pay");
    ck_assert_str_eq(call.queue, "high");
    ck_assert_int_eq(crq_value_type(c->args), CRQ_TUPLE);
    ck_assert_uint_eq(crq_value_count(c->args), 2);
    ck_assert_uint_eq(crq_value_count(c->kwargs), 1);
    ck_assert_uint_eq(crq_value_count(c->meta), 1);
    ck_assert_str_eq(c->description, "pays");
    ck_assert_str_eq(c->job_id, "a-1");
    ck_assert_str_eq(c->group_id, "g");
    ck_assert_int_eq(c->serializer, CRQ_JSON);
    ck_assert_int_eq(call.in_us, 500000);
    ck_assert_int_eq(call.at_us, CRQ_UNSET);
    check_options(c);
    check_callbacks(c);
    api_call_fini(&call);
}
END_TEST

START_TEST(test_what_a_call_leaves_out_is_unset)
{
    static const char body[] = "{\"func\": \"f\"}";
    struct api_call call;
    crq_call unset = CRQ_CALL_INIT;
    crq_value *errors = NULL;
    crq_error err;
    int rc = api_read_call(body, strlen(body), &call, &errors, &err);

    unit_ok(rc, &err);
    unset.func = call.call.func;
    ck_assert(memcmp(&unset, &call.call, sizeof(unset)) == 0);
    ck_assert_ptr_null(call.queue);
    ck_assert_int_eq(call.at_us, CRQ_UNSET);
    ck_assert_int_eq(call.in_us, CRQ_UNSET);
    api_call_fini(&call);
}
END_TEST

START_TEST(test_a_body_may_hold_nul_and_end_anywhere)
{
    struct api_call call;
    crq_value *errors = NULL;
    crq_error err;

    /* No byte behind the length is read: the sanitizer sees to it. */
    for (size_t len = 0; len < strlen(full); len++) {
        char *cut = strndup(full, len);
        int rc = api_read_call(cut, len, &call, &errors, &err);

        ck_assert_int_eq(rc, CRQ_ECODEC);
        api_call_fini(&call);
        free(cut);
    }
    ck_assert_int_eq(api_read_call("{}\0", 3, &call, &errors, &err),
            CRQ_ECODEC);
    api_call_fini(&call);
}
END_TEST

START_TEST(test_a_repeated_mistake_has_an_end)
{
    struct crq_buf body = CRQ_BUF_INIT;
    struct api_calls calls;
    crq_value *errors = NULL;
    crq_error err;
    int rc;

    crq_buf_puts(&body, "[0");
    for (int i = 1; i < 9000; i++)
        crq_buf_puts(&body, ",0");
    crq_buf_putc(&body, ']');
    rc = api_read_calls(body.data, body.len, false, &calls, &errors, &err);
    ck_assert_int_eq(rc, CRQ_EINVAL);
    ck_assert_uint_eq(crq_value_count(errors), 50);
    crq_value_free(errors);
    api_calls_fini(&calls);
    crq_buf_fini(&body);
}
END_TEST

/* ----------------------------------------------------------------- cursors */

START_TEST(test_a_cursor_gives_back_what_it_was_made_of)
{
    static const struct {
        const char *first, *second;
    } rows[] = { { "q", "" }, { "", "" }, { "a", "1800000000:9:x" },
        { "x", "a\nb" }, { "q\xc3\xbc", "~~~>>>" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *cursor, *first, *second;
        crq_error err;

        unit_ok(api_cursor_put(rows[i].first, rows[i].second, &cursor, &err),
                &err);
        ck_assert_uint_eq(strspn(cursor,
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR"
                                  "STUVWXYZ0123456789-_"),
                strlen(cursor));
        unit_ok(api_cursor_get(cursor, &first, &second, &err), &err);
        ck_assert_str_eq(first, rows[i].first);
        ck_assert_str_eq(second, rows[i].second);
        crq_text_free(cursor);
        crq_text_free(first);
        crq_text_free(second);
    }
}
END_TEST

START_TEST(test_what_is_no_cursor_is_refused)
{
    static const char *const rows[] = { "", "x", "=", "a b", "cQ", "\xff" };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *first = NULL, *second = NULL;
        crq_error err;

        ck_assert_int_eq(api_cursor_get(rows[i], &first, &second, &err),
                CRQ_EINVAL);
        ck_assert_ptr_null(first);
    }
}
END_TEST

/* ------------------------------------------------------------------ memory */

static int read_full(void *arg, crq_error *err)
{
    struct api_call call;
    crq_value *errors = NULL;
    int rc = api_read_call(full, strlen(full), &call, &errors, err);

    (void)arg;
    api_call_fini(&call);
    return rc;
}

static int read_mistakes(void *arg, crq_error *err)
{
    static const char body[] = "[{\"func\": 1, \"x\": [2]}, {}, 3]";
    struct api_calls calls;
    crq_value *errors = NULL;
    int rc = api_read_calls(body, strlen(body), false, &calls, &errors, err);

    (void)arg;
    api_calls_fini(&calls);
    crq_value_free(errors);
    return rc == CRQ_EINVAL ? 0 : rc;
}

static int read_lines(void *arg, crq_error *err)
{
    static const char body[] = "{\"func\": \"f\"}\n\n{\"func\": \"g\"}\n";
    struct api_calls calls;
    crq_value *errors = NULL;
    int rc = api_read_calls(body, strlen(body), true, &calls, &errors, err);

    (void)arg;
    ck_assert(rc < 0 || calls.count == 2);
    api_calls_fini(&calls);
    return rc;
}

static int read_schedule(void *arg, crq_error *err)
{
    static const char body[] = "{\"func\": \"f\", \"cron\": \"@daily\","
                               " \"tz\": \"UTC\", \"catchup\": \"all:7\"}";
    struct api_schedule s;
    crq_value *errors = NULL;
    int rc = api_read_schedule(body, strlen(body), &s, &errors, err);

    (void)arg;
    ck_assert(rc < 0 || s.options.catchup_max == 7);
    api_schedule_fini(&s);
    return rc;
}

static int read_apply(void *arg, crq_error *err)
{
    static const char body[] =
            "{\"operation\": \"move\", \"to_queue\": \"b\","
            " \"status\": [\"queued\", \"deferred\"], \"older_than\": \"1h\","
            " \"func\": \"f\", \"group\": \"g\", \"error\": \"E\","
            " \"at_front\": true}";
    struct api_apply a;
    crq_value *errors = NULL;
    int rc = api_read_apply(body, strlen(body), &a, &errors, err);

    (void)arg;
    ck_assert(rc < 0 ||
            a.filter.statuses ==
                    (1 << CRQ_STATUS_QUEUED | 1 << CRQ_STATUS_DEFERRED));
    ck_assert(rc < 0 || a.bulk.flags == CRQ_AT_FRONT);
    api_apply_fini(&a);
    return rc;
}

static int use_cursor(void *arg, crq_error *err)
{
    char *cursor = NULL, *first = NULL, *second = NULL;
    int rc = api_cursor_put("q", "1:a", &cursor, err);

    (void)arg;
    if (rc == 0)
        rc = api_cursor_get(cursor, &first, &second, err);
    crq_text_free(cursor);
    crq_text_free(first);
    crq_text_free(second);
    return rc;
}

static int (*const works[])(void *, crq_error *) = { read_full, read_mistakes,
    read_lines, read_schedule, read_apply, use_cursor };

START_TEST(test_without_memory_nothing_is_half_read)
{
    unit_fail_each_allocation(works[_i], NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("api_call");

    tcase_add_test(tc, test_every_key_of_a_call_is_read);
    tcase_add_test(tc, test_what_a_call_leaves_out_is_unset);
    tcase_add_test(tc, test_a_body_may_hold_nul_and_end_anywhere);
    tcase_add_test(tc, test_a_repeated_mistake_has_an_end);
    tcase_add_test(tc, test_a_cursor_gives_back_what_it_was_made_of);
    tcase_add_test(tc, test_what_is_no_cursor_is_refused);
    unit_add_rows(tc, test_without_memory_nothing_is_half_read, works);
    return unit_run("api_call", tc);
}
