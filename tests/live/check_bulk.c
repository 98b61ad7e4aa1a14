/* check_bulk.c - tests of model/bulk.c and model/group.c. */
#include "live.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

static struct crq_clock_manual clock_at;
static crq_conn *conn;

static void set_up(void)
{
    conn = live_conn();
    crq_clock_manual_init(&clock_at, NOON);
    crq_conn_set_clock(conn, &clock_at.clock);
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

/* Jobs of all kinds. Their functions are m.f and m.g. */
#define F "[\"m.f\",null,[],{}]"
#define G "[\"m.g\",null,[],{}]"
/* "Traceback ...\nValueError: no", and what RQ says of a job that was stopped,
 * as results have them: base64(zlib(text)). */
#define VALUE_ERROR                                                            \
    "eJwFwTEKgDAMBdC9p/h0UiiCa3c9gbjHEKEYU0nr4O19b3NiOYgvDHdtHS4s1sGkCqXWxxyA" \
    "tagg9un5YoIWE8wJxXCGnfSVxb16htXwAwCpGRk="
#define STOPPED                                                                \
    "eJzzyk9SKC7JLyhITVFIqlQoLU4t0lEozy/K1s3ILypOVShJLcrNzEssSU3RAwBbIQ/t"

#define JOBS                                                                   \
    "SADD rq:queues rq:queue:q rq:queue:r\n"                                   \
    "RPUSH rq:queue:q q1 q2 none q3\nRPUSH rq:queue:r r1\n"                    \
    "HSET rq:job:q1 origin q status queued data '" F "' "                      \
    "enqueued_at 2026-11-21T11:00:00.000000Z\n"                                \
    "HSET rq:job:q2 origin q status queued data '" G "' "                      \
    "enqueued_at 2026-11-21T11:59:00.000000Z group_id g\n"                     \
    "HSET rq:job:q3 origin q status queued data '" F "' group_id g\n"          \
    "HSET rq:job:r1 origin r status queued data '" G "' "                      \
    "created_at 2026-11-20T12:00:00.000000Z\n"                                 \
    "ZADD rq:failed:q 1900000001 f1 1900000002 s1 inf f2\n"                    \
    "HSET rq:job:f1 origin q status failed data '" F "' "                      \
    "ended_at 2026-11-21T11:59:59.000000Z\n"                                   \
    "HSET rq:job:s1 origin q status stopped data '" G "'\n"                    \
    "HSET rq:job:f2 origin q status failed data broken\n"                      \
    "ZADD rq:scheduled:r 5 h1\n"                                               \
    "HSET rq:job:h1 origin r status scheduled data '" F "'\n"                  \
    "ZADD rq:finished:q -1 z1\n"                                               \
    "HSET rq:job:z1 origin q status finished data '" F "'\n"                   \
    "SADD rq:groups g\nSADD rq:group:g q2 q3 late\n"                           \
    "XADD rq:results:f1 1-1 type 2 exc_string none\n"                          \
    "XADD rq:results:f1 2-1 type 2 exc_string " VALUE_ERROR "\n"               \
    "XADD rq:results:s1 1-1 type 2 exc_string " STOPPED "\n"                   \
    "SET rq:results:f2 nothing\n"

/* The ids that were told of, and how it went when it didn't go well. */
static int note(void *arg, crq_job *job, int rc, const crq_error *why)
{
    struct crq_buf *text = arg;

    ck_assert(rc == 0 || why->code == rc);
    crq_buf_printf(text, "%s%s%s", text->len > 0 ? " " : "", crq_job_id(job),
            rc == 0                    ? ""
                    : rc == CRQ_ESTATE ? ":state"
                    : rc == CRQ_EREDIS ? ":redis"
                                       : ":gone");
    return 0;
}

#define MIN  INT64_C(60000000)
#define S(x) (1 << CRQ_STATUS_##x)

static const struct {
    crq_filter filter;
    crq_operation operation;
    const char *want;
    int64_t gone;
} filters[] = {
    { CRQ_FILTER_INIT, CRQ_OPERATION_NONE, "q1 q2 q3 z1 f1 s1 f2 r1 h1", 1 },
    { { .queue = "r" }, CRQ_OPERATION_NONE, "r1 h1", 0 },
    { { .queue = "nobody" }, CRQ_OPERATION_NONE, "", 0 },
    { { .statuses = S(STOPPED) }, CRQ_OPERATION_NONE, "s1", 0 },
    { { .statuses = S(FAILED) }, CRQ_OPERATION_NONE, "f1 f2", 0 },
    { { .statuses = S(FAILED) | S(QUEUED), .queue = "q" }, CRQ_OPERATION_NONE,
            "q1 q2 q3 f1 f2", 1 },
    { { .func = "m.f" }, CRQ_OPERATION_NONE, "q1 q3 z1 f1 h1", 1 },
    { { .func = "*g" }, CRQ_OPERATION_NONE, "q2 s1 r1", 1 },
    { { .func = "*.*" }, CRQ_OPERATION_NONE, "q1 q2 q3 z1 f1 s1 r1 h1", 1 },
    { { .func = "m." }, CRQ_OPERATION_NONE, "", 1 },
    { { .func = "m.f*x" }, CRQ_OPERATION_NONE, "", 1 },
    /* What has no time is not known to be old. */
    { { .older_than_us = 2 * MIN }, CRQ_OPERATION_NONE, "q1 r1", 1 },
    { { .older_than_us = 0 }, CRQ_OPERATION_NONE, "q1 q2 f1 r1", 1 },
    { { .group = "g" }, CRQ_OPERATION_NONE, "q2 q3", 1 },
    { { .group = "g", .func = "m.f" }, CRQ_OPERATION_NONE, "q3", 1 },
    { { .group = "g", .queue = "r" }, CRQ_OPERATION_NONE, "", 1 },
    /* What an operation is for. */
    { CRQ_FILTER_INIT, CRQ_OPERATION_REQUEUE, "f1 s1 f2", 0 },
    { CRQ_FILTER_INIT, CRQ_OPERATION_CANCEL, "q1 q2 q3 r1 h1", 1 },
    { CRQ_FILTER_INIT, CRQ_OPERATION_STOP, "", 0 },
    { CRQ_FILTER_INIT, CRQ_OPERATION_MOVE, "q1 q2 q3", 1 },
    /* The newest result says what a job failed with. */
    { { .error = "ValueError" }, CRQ_OPERATION_NONE, "f1", 1 },
    { { .error = "ValueError" }, CRQ_OPERATION_REQUEUE, "f1", 0 },
    { { .error = "*" }, CRQ_OPERATION_REQUEUE, "f1 s1 f2", 0 },
    { { .error = "rq.*" }, CRQ_OPERATION_REQUEUE, "s1", 0 },
    { { .error = "Value" }, CRQ_OPERATION_REQUEUE, "", 0 },
    { { .error = "" }, CRQ_OPERATION_REQUEUE, "f2", 0 },
    { { .error = "ValueError", .func = "m.g" }, CRQ_OPERATION_REQUEUE, "", 0 },
    { { .error = "ValueError", .group = "g" }, CRQ_OPERATION_NONE, "", 1 },
};

START_TEST(test_a_filter_lets_these_pass_and_a_dry_run_changes_nothing)
{
    crq_filter filter = filters[_i].filter;
    crq_bulk bulk = CRQ_BULK_INIT;
    struct crq_buf text = CRQ_BUF_INIT;
    char *before, *after;
    crq_tally tally;
    crq_error err;

    filter.size = sizeof(filter);
    if (filter.older_than_us == 0 && _i != 12)
        filter.older_than_us = CRQ_UNSET;
    bulk.operation = filters[_i].operation;
    bulk.to_queue = "r";
    bulk.dry_run = true;
    bulk.each = note;
    bulk.arg = &text;
    live_seed(conn, JOBS);
    before = live_dump(conn, 0);
    unit_ok(crq_jobs_apply(conn, &filter, &bulk, &tally, &err), &err);
    ck_assert_str_eq(crq_buf_text(&text), filters[_i].want);
    ck_assert_int_eq(tally.gone, filters[_i].gone);
    ck_assert_int_eq(tally.done, tally.matched);
    ck_assert_int_ge(tally.total, tally.matched);
    after = live_dump(conn, 0);
    ck_assert_str_eq(after, before);
    crq_text_free(before);
    crq_text_free(after);
    crq_buf_fini(&text);
}
END_TEST

static crq_tally apply(crq_operation operation, unsigned flags,
        const char *func, const char *queue, const char *want)
{
    crq_filter filter = CRQ_FILTER_INIT;
    crq_bulk bulk = CRQ_BULK_INIT;
    struct crq_buf text = CRQ_BUF_INIT;
    crq_tally tally;
    crq_error err;

    filter.func = func;
    filter.queue = queue;
    bulk.operation = operation;
    bulk.flags = flags;
    bulk.to_queue = "r";
    bulk.each = note;
    bulk.arg = &text;
    unit_ok(crq_jobs_apply(conn, &filter, &bulk, &tally, &err), &err);
    if (want != NULL)
        ck_assert_str_eq(crq_buf_text(&text), want);
    crq_buf_fini(&text);
    return tally;
}

static void expect_list(const char *key, const char *want)
{
    struct crq_buf text = CRQ_BUF_INIT;
    crq_reply *reply;
    crq_error err;

    unit_ok(crq_conn_run(conn, &reply, &err, "LRANGE", key, "0", "-1", NULL),
            &err);
    for (size_t i = 0; i < crq_reply_count(reply); i++)
        crq_buf_printf(&text, "%s%s", i > 0 ? " " : "",
                crq_reply_text(crq_reply_item(reply, i), NULL));
    ck_assert_str_eq(crq_buf_text(&text), want);
    crq_reply_free(reply);
    crq_buf_fini(&text);
}

START_TEST(test_requeued_jobs_keep_their_order)
{
    live_seed(conn, JOBS);
    apply(CRQ_OPERATION_REQUEUE, _i == 0 ? 0 : CRQ_AT_FRONT, NULL, NULL, NULL);
    expect_list("rq:queue:q",
            _i == 0 ? "q1 q2 none q3 f1 s1 f2" : "f1 s1 f2 q1 q2 none q3");
}
END_TEST

START_TEST(test_moved_jobs_keep_their_order)
{
    live_seed(conn, JOBS);
    apply(CRQ_OPERATION_MOVE, _i == 0 ? 0 : CRQ_AT_FRONT, NULL, "q", NULL);
    expect_list("rq:queue:q", "none");
    expect_list("rq:queue:r", _i == 0 ? "r1 q1 q2 q3" : "q1 q2 q3 r1");
}
END_TEST

START_TEST(test_jobs_move_within_their_queue)
{
    live_seed(conn,
            JOBS "RPUSH rq:queue:r r2 r3\n"
                 "HSET rq:job:r2 origin r status queued data '" F "'\n"
                 "HSET rq:job:r3 origin r status queued data '" G "'\n");
    if (_i == 0) {
        apply(CRQ_OPERATION_MOVE, 0, "m.g", "r", "r1 r3");
        expect_list("rq:queue:r", "r2 r1 r3");
    } else {
        apply(CRQ_OPERATION_MOVE, CRQ_AT_FRONT, "m.f", "r", "h1 r2");
        expect_list("rq:queue:r", "r2 r1 r3");
    }
}
END_TEST

/* More than a page, and every third one stays. */
static void seed_many(int count)
{
    struct crq_buf lines = CRQ_BUF_INIT;

    crq_buf_puts(&lines, "SADD rq:queues rq:queue:q\n");
    for (int i = 0; i < count; i++)
        crq_buf_printf(&lines,
                "RPUSH rq:queue:q j%d\nHSET rq:job:j%d origin q status queued "
                "data '%s'\n",
                i, i, i % 3 == 0 ? F : G);
    live_seed(conn, lines.data);
    crq_buf_fini(&lines);
}

static int count_pages(void *arg, const crq_tally *tally)
{
    int *pages = arg;

    ck_assert_int_ge(tally->total, tally->seen);
    ++*pages;
    return 0;
}

START_TEST(test_a_long_queue_is_walked_over_once)
{
    crq_filter filter = CRQ_FILTER_INIT;
    crq_bulk bulk = CRQ_BULK_INIT;
    crq_tally tally;
    crq_error err;
    int pages = 0;

    seed_many(1000);
    filter.func = "m.g";
    bulk.operation = CRQ_OPERATION_DELETE;
    bulk.progress = count_pages;
    bulk.arg = &pages;
    unit_ok(crq_jobs_apply(conn, &filter, &bulk, &tally, &err), &err);
    ck_assert_int_eq(tally.total, 1000);
    ck_assert_int_eq(tally.seen, 1000);
    ck_assert_int_eq(tally.matched, 666);
    ck_assert_int_eq(tally.done, 666);
    ck_assert_int_eq(tally.refused, 0);
    ck_assert_int_eq(pages, 10);
}
END_TEST

START_TEST(test_a_job_that_is_refused_is_counted)
{
    crq_tally tally;

    live_seed(conn,
            JOBS "HSET rq:job:q1 status canceled\n"
                 "DEL rq:job:q2\n");
    tally = apply(CRQ_OPERATION_CANCEL, 0, NULL, "q", "q1:state q3");
    ck_assert_int_eq(tally.refused, 1);
    ck_assert_int_eq(tally.done, 1);
    ck_assert_int_eq(tally.gone, 2);
}
END_TEST

START_TEST(test_runs_whose_worker_is_gone_can_not_be_stopped)
{
    crq_tally tally;

    live_seed(conn,
            "SADD rq:queues rq:queue:q\nZADD rq:wip:q 9999999999 a:x\n"
            "HSET rq:job:a origin q status started data D worker_name "
            "w\n");
    tally = apply(CRQ_OPERATION_STOP, 0, NULL, NULL, "a:state");
    ck_assert_int_eq(tally.refused, 1);
}
END_TEST

static int stop_at_once(void *arg, crq_job *job, int rc, const crq_error *why)
{
    (void)arg;
    (void)job;
    (void)rc;
    (void)why;
    return CRQ_EIO;
}

START_TEST(test_a_callback_ends_the_walk)
{
    crq_filter filter = CRQ_FILTER_INIT;
    crq_bulk bulk = CRQ_BULK_INIT;
    crq_tally tally;
    crq_error err;

    live_seed(conn, JOBS);
    bulk.each = stop_at_once;
    ck_assert_int_eq(crq_jobs_apply(conn, &filter, &bulk, &tally, &err),
            CRQ_EIO);
    ck_assert_int_eq(tally.done, 1);
}
END_TEST

START_TEST(test_wrong_arguments_are_refused)
{
    crq_filter filter = CRQ_FILTER_INIT, none = { 0 };
    crq_bulk bulk = CRQ_BULK_INIT;
    crq_error err;

    ck_assert_int_eq(crq_jobs_apply(conn, &none, &bulk, NULL, &err),
            CRQ_EINVAL);
    bulk.operation = CRQ_OPERATION_MOVE;
    ck_assert_int_eq(crq_jobs_apply(conn, &filter, &bulk, NULL, &err),
            CRQ_EINVAL);
    bulk.to_queue = "";
    ck_assert_int_eq(crq_jobs_apply(conn, &filter, &bulk, NULL, &err),
            CRQ_EINVAL);
    bulk.operation = (crq_operation)99;
    ck_assert_int_eq(crq_jobs_apply(conn, &filter, &bulk, NULL, &err),
            CRQ_EINVAL);
    bulk.operation = CRQ_OPERATION_NONE;
    filter.older_than_us = -1;
    ck_assert_int_eq(crq_jobs_apply(conn, &filter, &bulk, NULL, &err),
            CRQ_EINVAL);
    filter.older_than_us = CRQ_UNSET;
    filter.queue = "";
    ck_assert_int_eq(crq_jobs_apply(conn, &filter, &bulk, NULL, &err),
            CRQ_EINVAL);
}
END_TEST

/* ----------------------------------------------------------------- groups */

START_TEST(test_a_group_is_listed_and_deleted_with_its_jobs)
{
    char **names;
    size_t count;
    int64_t gone;
    crq_error err;

    live_seed(conn,
            "SADD rq:groups g h\nSADD rq:group:g b a late\n"
            "HSET rq:job:a data D group_id g origin q status queued\n"
            "HSET rq:job:b data D group_id g origin q status failed\n"
            "RPUSH rq:queue:q a c\nZADD rq:failed:q 5 b\n");
    unit_ok(crq_group_names(conn, &names, &count, &err), &err);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(names[1], "h");
    crq_names_free(names, count);
    unit_ok(crq_group_ids(conn, "g", &names, &count, &err), &err);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(names[0], "a");
    crq_names_free(names, count);
    unit_ok(crq_group_delete(conn, "g", &gone, &err), &err);
    ck_assert_int_eq(gone, 2);
    live_expect(conn,
            "rq:groups set\n"
            "  h\n"
            "rq:queue:q list\n"
            "  c\n");
    ck_assert_int_eq(crq_group_delete(conn, "g", NULL, &err), CRQ_ENOTFOUND);
    ck_assert_int_eq(crq_group_ids(conn, "", &names, &count, &err),
            CRQ_ENOTFOUND);
    ck_assert_int_eq(crq_group_ids(conn, "g", &names, &count, &err),
            CRQ_ENOTFOUND);
}
END_TEST

static int move_all(void *arg, crq_error *err)
{
    crq_filter filter = CRQ_FILTER_INIT;
    crq_bulk bulk = CRQ_BULK_INIT;

    (void)arg;
    filter.queue = "r";
    filter.func = filter.error = "*";
    bulk.operation = CRQ_OPERATION_MOVE;
    bulk.to_queue = "r";
    return crq_jobs_apply(conn, &filter, &bulk, NULL, err);
}

START_TEST(test_memory_that_runs_out_is_told)
{
    live_seed(conn, JOBS);
    unit_fail_each_allocation(move_all, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("bulk");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc,
            test_a_filter_lets_these_pass_and_a_dry_run_changes_nothing,
            filters);
    tcase_add_loop_test(tc, test_requeued_jobs_keep_their_order, 0, 2);
    tcase_add_loop_test(tc, test_moved_jobs_keep_their_order, 0, 2);
    tcase_add_loop_test(tc, test_jobs_move_within_their_queue, 0, 2);
    tcase_add_test(tc, test_a_long_queue_is_walked_over_once);
    tcase_add_test(tc, test_a_job_that_is_refused_is_counted);
    tcase_add_test(tc, test_runs_whose_worker_is_gone_can_not_be_stopped);
    tcase_add_test(tc, test_a_callback_ends_the_walk);
    tcase_add_test(tc, test_wrong_arguments_are_refused);
    tcase_add_test(tc, test_a_group_is_listed_and_deleted_with_its_jobs);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return live_run("bulk", tc);
}
