/* check_api.c - tests of web/api.c and metrics.c: what stands in Redis behind
 * them, and what a lack of memory does. Answers: tests/interop/test_api.py. */
#include "live.h"

#include <stdlib.h>
#include <string.h>

#include "web/api.h"
#include "web/metrics.h"

#define NOW_US (INT64_C(1790000000) * 1000000)

struct work {
    crq_conn *conn;
    const char *method, *path[3], *body, *key;
    int status;
};

static int ask(const struct work *w, crq_error *err)
{
    struct api api = { w->conn, 0 };
    struct api_response out = API_RESPONSE_INIT;
    struct api_request req = { .method = w->method,
        .path = w->path,
        .body = w->body,
        .body_len = w->body != NULL ? strlen(w->body) : 0,
        .content_type = "application/json",
        .idempotency_key = w->key,
        .role = API_OPERATE };
    int rc;

    while (req.path_count < 3 && w->path[req.path_count] != NULL)
        req.path_count++;
    rc = api_handle(&api, &req, &out, err);
    if (rc == 0)
        ck_assert_msg(out.status == w->status, "%d: %s", out.status,
                crq_buf_text(&out.body));
    else
        ck_assert_int_eq(out.status, 0);
    api_response_fini(&out);
    return rc;
}

START_TEST(test_a_key_leaves_a_job_and_what_it_was_used_for)
{
    struct crq_clock_manual clock;
    struct work w = { live_conn(), "POST", { "jobs", NULL, NULL },
        "{\"func\": \"f\", \"serializer\": \"json\"}", "k", 201 };
    crq_error err;
    char *once, *twice;

    crq_clock_manual_init(&clock, NOW_US);
    crq_conn_set_clock(w.conn, &clock.clock);
    unit_ok(ask(&w, &err), &err);
    once = live_dump(w.conn, 0);
    ck_assert_ptr_nonnull(strstr(once, "crq:idempotency:"));
    ck_assert_ptr_nonnull(strstr(once, " written"));
    ck_assert_ptr_nonnull(strstr(once, "rq:job:idem-"));
    clock.now_us += 5000000;
    w.status = 200;
    unit_ok(ask(&w, &err), &err);
    twice = live_dump(w.conn, 0);
    ck_assert_str_eq(once, twice);
    free(once);
    free(twice);
    crq_conn_free(w.conn);
}
END_TEST

/* Each answers the same however often it is asked. */
static const struct work asks[] = {
    { NULL, "GET", { "queues", NULL, NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "queues", "q", NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "jobs", NULL, NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "jobs", "a", NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "jobs", "a", "result" }, NULL, NULL, 202 },
    { NULL, "GET", { "jobs", "nobody", NULL }, NULL, NULL, 404 },
    { NULL, "GET", { "workers", NULL, NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "schedules", NULL, NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "groups", "g", NULL }, NULL, NULL, 200 },
    { NULL, "GET", { "suspension", NULL, NULL }, NULL, NULL, 200 },
    { NULL, "PATCH", { "jobs", NULL, NULL }, NULL, NULL, 405 },
    { NULL, "POST", { "jobs", NULL, NULL }, "{\"func\": 1}", NULL, 422 },
    { NULL, "POST", { "jobs", NULL, NULL },
            "{\"func\": \"f\", \"job_id\": \"b\", \"queue\": \"other\"}", NULL,
            201 },
    { NULL, "POST", { "jobs", "bulk", NULL },
            "[{\"func\": \"f\", \"job_id\": \"b\", \"queue\": \"other\"},"
            " {\"func\": \"f\", \"job_id\": \"c\", \"queue\": \"third\"}]",
            NULL, 200 },
    { NULL, "POST", { "jobs", "apply", NULL },
            "{\"operation\": \"cancel\", \"queue\": \"q\", \"dry_run\": true}",
            NULL, 200 },
};

static int ask_again(void *arg, crq_error *err)
{
    return ask(arg, err);
}

static void seed(crq_conn *conn)
{
    live_seed(conn,
            "SADD rq:queues rq:queue:q\n"
            "RPUSH rq:queue:q a\n"
            "HSET rq:job:a created_at 2026-11-21T07:47:50.513712Z status "
            "queued origin q data x description f() group_id g enqueued_at "
            "2026-11-21T07:47:50.513712Z\n"
            "SADD rq:groups g\n"
            "SADD rq:group:g a\n"
            "SADD rq:workers rq:worker:w\n"
            "HSET rq:worker:w birth 2026-11-21T07:47:50.513712Z queues q "
            "state idle");
}

START_TEST(test_without_memory_there_is_no_answer)
{
    struct work w = asks[_i];

    w.conn = live_conn();
    seed(w.conn);
    unit_fail_each_allocation(ask_again, &w);
    crq_conn_free(w.conn);
}
END_TEST

static int measure(void *arg, crq_error *err)
{
    struct metrics_gateway gateway = { .connections = 1 };
    struct crq_buf out = CRQ_BUF_INIT;
    int rc = metrics_write(arg, &gateway, &out, err);

    if (rc == 0)
        ck_assert_ptr_nonnull(strstr(crq_buf_text(&out), "crq_redis_up 1\n"));
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_without_memory_there_are_no_metrics)
{
    crq_conn *conn = live_conn();

    seed(conn);
    unit_fail_each_allocation(measure, conn);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("api");

    tcase_add_test(tc, test_a_key_leaves_a_job_and_what_it_was_used_for);
    unit_add_rows(tc, test_without_memory_there_is_no_answer, asks);
    tcase_add_test(tc, test_without_memory_there_are_no_metrics);
    return live_run("api", tc);
}
