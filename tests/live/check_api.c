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
    struct api api = { .conn = w->conn };
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

#define DIGEST "f6dc1034b093dd79d1b96f328cb1e489ff00868c"

/* All there is behind a request with a key. `ttl` is that of the key. */
#define WHOLE(ttl)                                                             \
    "crq:idempotency:" DIGEST " string" ttl "\n"                               \
    "  \"89d78f402bb26b5ed0741e58136045a59016c1c8 written\"\n"                 \
    "rq:job:idem-" DIGEST " hash\n"                                            \
    "  created_at 2026-09-21T14:13:20.000000Z\n"                               \
    "  data \"x\\x9c\\x8bVJS\\xd2Q\\xc8+\\xcd\\xc9\\xd1Q\\x88\\x8e\\xd5Q\\xa8" \
    "\\xae\\x8d\\x05\\x005\\xbb\\x05\\xb2\"\n"                                 \
    "  description f()\n"                                                      \
    "  ended_at \"\"\n"                                                        \
    "  enqueued_at 2026-09-21T14:13:20.000000Z\n"                              \
    "  failure_callback_name \"\"\n"                                           \
    "  group_id \"\"\n"                                                        \
    "  last_heartbeat \"\"\n"                                                  \
    "  origin default\n"                                                       \
    "  started_at \"\"\n"                                                      \
    "  status queued\n"                                                        \
    "  stopped_callback_name \"\"\n"                                           \
    "  success_callback_name \"\"\n"                                           \
    "  timeout 180\n"                                                          \
    "  worker_name \"\"\n"                                                     \
    "rq:queue:default list\n"                                                  \
    "  idem-" DIGEST "\n"                                                      \
    "rq:queues set\n"                                                          \
    "  rq:queue:default\n"

/* The digests are `printf '\0k' | sha256sum` and that of the body. */
START_TEST(test_a_key_leaves_a_job_and_what_it_was_used_for)
{
    struct crq_clock_manual clock;
    struct work w = { live_conn(), "POST", { "jobs", NULL, NULL },
        "{\"func\": \"f\", \"serializer\": \"json\"}", "k", 201 };
    crq_error err;

    crq_clock_manual_init(&clock, NOW_US);
    crq_conn_set_clock(w.conn, &clock.clock);
    unit_ok(ask(&w, &err), &err);
    live_expect(w.conn, WHOLE(" ttl=86400"));
    /* Once more, later: nothing has changed. Who wrote the key again would
     * give it a time to live. */
    live_seed(w.conn, "PERSIST crq:idempotency:" DIGEST);
    clock.now_us += 5000000;
    w.status = 200;
    unit_ok(ask(&w, &err), &err);
    live_expect(w.conn, WHOLE(""));
    w.body = "{\"func\": \"g\"}";
    w.status = 422;
    unit_ok(ask(&w, &err), &err);
    live_expect(w.conn, WHOLE(""));
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
