/* check_webhook.c - tests of model/webhook.c. */
#include "unit.h"

#include <string.h>

#include "model/webhook.h"

#define HOOK(more)                                                             \
    "{\"url\": \"http://h/\", \"job_status\": \"failed\"" more "}"
#define AGENT "User-Agent: crq/" PACKAGE_VERSION "\n"
#define PLAIN "Connection: close\nAccept-Encoding: identity\n"

static const struct {
    const char *json;
    int rc;
    size_t count;
    bool failed, post;
    int64_t timeout_s;
    const char *headers, *problem; /* of the last; NULL: none */
} lists[] = {
    { "[]", 0, 0, false, false, 0, NULL, NULL },
    { "[" HOOK("") "]", 0, 1, true, false, 10, PLAIN AGENT, NULL },
    { "[" HOOK("") ", " HOOK("") "]", 0, 2, true, false, 10, PLAIN AGENT,
            NULL },
    { "[{\"url\": \"HTTPS://h\", \"job_status\": \"finished\", \"method\": "
      "\"POST\", \"headers\": null, \"timeout\": 3, \"new\": 1}]",
            0, 1, false, true, 3,
            PLAIN AGENT "Content-Type: application/json\n", NULL },
    { "[" HOOK(", \"headers\": {}, \"timeout\": true") "]", 0, 1, true, false,
            1, PLAIN AGENT, NULL },
    { "[" HOOK(", \"timeout\": 99999999999999999999") "]", 0, 1, true, false,
            INT32_MAX, PLAIN AGENT, NULL },
    { "[" HOOK(", \"headers\": {\"x-MY-k3y\": \"a\", \"N\": 7, \"B\": true, "
               "\"E\": \"\", \"L\": \"\\u00fc\"}") "]",
            0, 1, true, false, 10,
            PLAIN AGENT "X-My-K3Y: a\nN: 7\nB: True\nE: \nL: \xfc\n", NULL },
    { "[" HOOK(", \"headers\": {\"user-agent\": \"me\", \"Accept-encoding\": "
               "\"gzip\", \"a\": \"1\", \"A\": \"2\"}") "]",
            0, 1, true, false, 10,
            "Connection: close\nUser-Agent: me\nAccept-Encoding: gzip\nA: 2\n",
            NULL },
    { "[" HOOK(", \"method\": \"POST\", \"headers\": {\"CONTENT-TYPE\": \"x\", "
               "\"Content-Length\": \"5\", \"Transfer-Encoding\": \"chunked\", "
               "\"connection\": \"keep-alive\"}") "]",
            0, 1, true, true, 10, PLAIN AGENT "Content-Type: x\n", NULL },
    /* What could begin another header, or another request. */
    { "[" HOOK(", \"headers\": {\"a\": \"b\\r\\nc: d\"}") "]", 0, 1, true,
            false, 10, PLAIN AGENT, "the header 'a' cannot be sent" },
    { "[" HOOK(", \"headers\": {\"a\\nb\": \"c\"}") "]", 0, 1, true, false, 10,
            PLAIN AGENT, "the header 'a\nb' cannot be sent" },
    { "[" HOOK(", \"headers\": {\"\": \"c\"}") "]", 0, 1, true, false, 10,
            PLAIN AGENT, "the header '' cannot be sent" },
    { "[" HOOK(", \"headers\": {\"a\": \"b\\u0000\"}") "]", 0, 1, true, false,
            10, PLAIN AGENT, "the header 'a' cannot be sent" },
    { "[" HOOK(", \"headers\": {\"a\": \"\\u2603\"}") "]", 0, 1, true, false,
            10, PLAIN AGENT, "the header 'a' cannot be sent" },
    { "[" HOOK(", \"headers\": {\"a\": null, \"b\": [1]}") "]", 0, 1, true,
            false, 10, PLAIN AGENT, "the header 'a' cannot be sent" },
    { "", CRQ_ECODEC, 0, false, false, 0, NULL, NULL },
    { "null", CRQ_ECODEC, 0, false, false, 0, NULL, NULL },
    { "{}", CRQ_ECODEC, 0, false, false, 0, NULL, NULL },
    { "[1]", CRQ_ECODEC, 0, false, false, 0, NULL, NULL },
    { "[{}]", CRQ_ECODEC, 0, false, false, 0, NULL, NULL },
    { "[" HOOK("") ", " HOOK(", \"method\": \"PUT\"") "]", CRQ_ECODEC, 0, false,
            false, 0, NULL, NULL },
    { "[" HOOK(", \"method\": null") "]", CRQ_ECODEC, 0, false, false, 0, NULL,
            NULL },
    { "[" HOOK(", \"headers\": [1]") "]", CRQ_ECODEC, 0, false, false, 0, NULL,
            NULL },
    { "[" HOOK(", \"timeout\": 0") "]", CRQ_ECODEC, 0, false, false, 0, NULL,
            NULL },
    { "[" HOOK(", \"timeout\": -1") "]", CRQ_ECODEC, 0, false, false, 0, NULL,
            NULL },
    { "[" HOOK(", \"timeout\": 1.5") "]", CRQ_ECODEC, 0, false, false, 0, NULL,
            NULL },
    { "[" HOOK(", \"timeout\": null") "]", CRQ_ECODEC, 0, false, false, 0, NULL,
            NULL },
    { "[{\"url\": \"http://\", \"job_status\": \"failed\"}]", CRQ_ECODEC, 0,
            false, false, 0, NULL, NULL },
    { "[{\"url\": \"http://?x\", \"job_status\": \"failed\"}]", CRQ_ECODEC, 0,
            false, false, 0, NULL, NULL },
    { "[{\"url\": \"gopher://h\", \"job_status\": \"failed\"}]", CRQ_ECODEC, 0,
            false, false, 0, NULL, NULL },
    { "[{\"url\": \"http://h\\u0000\", \"job_status\": \"failed\"}]",
            CRQ_ECODEC, 0, false, false, 0, NULL, NULL },
    { "[{\"url\": \"http://h\", \"job_status\": \"stopped\"}]", CRQ_ECODEC, 0,
            false, false, 0, NULL, NULL },
};

START_TEST(test_a_list_is_read_as_rq_reads_it)
{
    struct crq_hooks hooks = { NULL, 0 };
    const struct crq_hook *last;
    crq_error err;

    ck_assert_int_eq(crq_hooks_decode(lists[_i].json, strlen(lists[_i].json),
                             &hooks, &err),
            lists[_i].rc);
    ck_assert_uint_eq(hooks.count, lists[_i].count);
    if (hooks.count > 0) {
        last = &hooks.items[hooks.count - 1];
        ck_assert_int_eq(last->failed, lists[_i].failed);
        ck_assert_int_eq(last->post, lists[_i].post);
        ck_assert_int_eq(last->timeout_s, lists[_i].timeout_s);
        ck_assert_str_eq(last->headers, lists[_i].headers);
        ck_assert_pstr_eq(last->problem, lists[_i].problem);
    }
    crq_hooks_fini(&hooks);
}
END_TEST

static void put_many(struct crq_buf *buf, int count)
{
    while (count-- > 0)
        crq_buf_putc(buf, 'x');
}

START_TEST(test_what_is_too_long_is_not_sent)
{
    struct crq_buf json = CRQ_BUF_INIT;
    struct crq_hooks hooks;
    crq_error err;

    crq_buf_puts(&json, "[{\"job_status\": \"failed\", \"url\": \"http://h/");
    put_many(&json, 9000);
    crq_buf_puts(&json,
            "\"}, {\"job_status\": \"failed\", \"url\": \"http://h/\", "
            "\"headers\": {\"a\": \"");
    put_many(&json, 20000);
    crq_buf_puts(&json, "\"}}]");
    unit_ok(crq_hooks_decode(json.data, json.len, &hooks, &err), &err);
    ck_assert_str_eq(hooks.items[0].problem, "its URL is too long");
    ck_assert_str_eq(hooks.items[1].problem, "its headers are too long");
    crq_hooks_fini(&hooks);
    crq_buf_fini(&json);
}
END_TEST

static const struct {
    struct crq_hook_job job;
    const char *body;
} bodies[] = {
    { { "j", "a.b", INT64_C(1800000000123456), INT64_C(1800000001000000),
              NULL },
            "{\"job_id\": \"j\", \"func_name\": \"a.b\", \"status\": "
            "\"finished\", \"enqueued_at\": "
            "\"2027-01-15T08:00:00.123456+00:00\", \"ended_at\": "
            "\"2027-01-15T08:00:01+00:00\"}" },
    { { "j", "a.b", CRQ_UNSET, CRQ_UNSET, "" },
            "{\"job_id\": \"j\", \"func_name\": \"a.b\", \"status\": "
            "\"failed\", \"enqueued_at\": null, \"ended_at\": null, "
            "\"exc_info\": \"\"}" },
    { { "j", "\xc3\xbc", CRQ_UNSET, CRQ_UNSET, "a\n\"\xe2\x98\x83" },
            "{\"job_id\": \"j\", \"func_name\": \"\\u00fc\", \"status\": "
            "\"failed\", \"enqueued_at\": null, \"ended_at\": null, "
            "\"exc_info\": \"a\\n\\\"\\u2603\"}" },
};

START_TEST(test_the_body_is_that_of_python)
{
    struct crq_buf body = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_hook_body(&bodies[_i].job, &body, &err), &err);
    ck_assert_str_eq(crq_buf_text(&body), bodies[_i].body);
    crq_buf_fini(&body);
}
END_TEST

START_TEST(test_a_text_that_python_has_not_is_refused)
{
    struct crq_hook_job job = { "j", "a\xff", 0, 0, NULL };
    struct crq_buf body = CRQ_BUF_INIT;
    crq_error err;

    ck_assert_int_eq(crq_hook_body(&job, &body, &err), CRQ_EUNSUPPORTED);
    crq_buf_fini(&body);
}
END_TEST

static const struct {
    const char *url, *site;
} sites[] = {
    { "http://h", "http://h" },
    { "https://h:80/secret?token=x", "https://h:80" },
    { "http://me:secret@h/@x", "http://h" },
    { "http://a@b@h?x", "http://h" },
    { "HTTP://h#x", "HTTP://h" },
    { "nothing", "?" },
};

START_TEST(test_a_log_line_tells_the_site_and_no_secret)
{
    struct crq_buf site = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_hook_put_site(sites[_i].url, &site), 0);
    ck_assert_str_eq(crq_buf_text(&site), sites[_i].site);
    crq_buf_fini(&site);
}
END_TEST

/* ---- memory ---- */

static int decode(void *arg, crq_error *err)
{
    const char *json = arg;
    struct crq_hooks hooks;
    int rc = crq_hooks_decode(json, strlen(json), &hooks, err);

    if (rc == 0)
        crq_hooks_fini(&hooks);
    return rc;
}

static int make_body(void *arg, crq_error *err)
{
    struct crq_buf body = CRQ_BUF_INIT;
    int rc = crq_hook_body(arg, &body, err);

    crq_buf_fini(&body);
    return rc;
}

START_TEST(test_memory_may_run_out_anywhere)
{
    char json[] = "[" HOOK(", \"headers\": {\"a\": \"b\", \"c\": null}") ", " //
            HOOK("") "]";
    struct crq_hook_job job = bodies[2].job;

    unit_fail_each_allocation(decode, json);
    unit_fail_each_allocation(make_body, &job);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("webhook");

    unit_add_rows(tc, test_a_list_is_read_as_rq_reads_it, lists);
    tcase_add_test(tc, test_what_is_too_long_is_not_sent);
    unit_add_rows(tc, test_the_body_is_that_of_python, bodies);
    tcase_add_test(tc, test_a_text_that_python_has_not_is_refused);
    unit_add_rows(tc, test_a_log_line_tells_the_site_and_no_secret, sites);
    tcase_add_test(tc, test_memory_may_run_out_anywhere);
    return unit_run("webhook", tc);
}
