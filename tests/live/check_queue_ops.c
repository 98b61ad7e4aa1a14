/* check_queue_ops.c - tests of model/queue_ops.c, suspend.c, command.c. */
#include "live.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

static crq_conn *conn;
static crq_queue *queue;

static void set_up(void)
{
    crq_error err;

    conn = live_conn();
    unit_ok(crq_queue_new(conn, "q", &queue, &err), &err);
}

static void tear_down(void)
{
    crq_queue_free(queue);
    crq_conn_free(conn);
}

/* ------------------------------------------------------ empty and delete */

#define TWO                                                                    \
    "RPUSH rq:queue:q a b\nSADD rq:queues rq:queue:q rq:queue:r\n"             \
    "HSET rq:job:a data D\nHSET rq:job:c data D\nSADD rq:job:a:dependents c\n" \
    "SADD rq:job::a:dependencies d\nZADD rq:failed:q 5 f\n"                    \
    "XADD crq:log:a 1-0 text T\n"
#define REST                                                                   \
    "rq:failed:q zset\n"                                                       \
    "  5 f\n"

START_TEST(test_emptying_deletes_what_waits)
{
    int64_t count;
    crq_error err;

    live_seed(conn, TWO);
    unit_ok(crq_queue_empty(queue, &count, &err), &err);
    ck_assert_int_eq(count, 2);
    live_expect(conn,
            REST "rq:job:c hash\n"
                 "  data D\n"
                 "rq:queues set\n"
                 "  rq:queue:q\n"
                 "  rq:queue:r\n");
    unit_ok(crq_queue_empty(queue, &count, &err), &err);
    ck_assert_int_eq(count, 0);
}
END_TEST

START_TEST(test_a_deleted_queue_is_forgotten_with_its_jobs)
{
    crq_error err;

    live_seed(conn, TWO);
    unit_ok(crq_queue_delete(queue, true, &err), &err);
    live_expect(conn,
            REST "rq:job:c hash\n"
                 "  data D\n"
                 "rq:queues set\n"
                 "  rq:queue:r\n");
    unit_ok(crq_queue_delete(queue, true, &err), &err);
}
END_TEST

START_TEST(test_a_deleted_queue_may_leave_its_jobs)
{
    crq_error err;

    live_seed(conn,
            "RPUSH rq:queue:q a b\nSADD rq:queues rq:queue:q\n"
            "HSET rq:job:a data D\n");
    unit_ok(crq_queue_delete(queue, false, &err), &err);
    live_expect(conn,
            "rq:job:a hash\n"
            "  data D\n");
}
END_TEST

START_TEST(test_a_long_queue_is_emptied_in_steps)
{
    struct crq_buf ids = CRQ_BUF_INIT;
    int64_t count;
    crq_error err;

    crq_buf_puts(&ids, "RPUSH rq:queue:q");
    for (int i = 0; i < 2500; i++)
        crq_buf_printf(&ids, " id%d", i);
    live_seed(conn, ids.data);
    unit_ok(crq_queue_empty(queue, &count, &err), &err);
    ck_assert_int_eq(count, 2500);
    live_expect(conn, "");
    crq_buf_fini(&ids);
}
END_TEST

static const char *const foreign[] = { "SET rq:queue:q 5", "SET rq:queues 5" };

START_TEST(test_keys_of_foreign_types_are_refused)
{
    int64_t count = 7;
    crq_error err;
    char *before, *after;

    live_seed(conn, foreign[_i]);
    before = live_dump(conn, 0);
    ck_assert_int_eq(crq_queue_delete(queue, _i == 1, &err), CRQ_EREDIS);
    if (_i == 0) {
        ck_assert_int_eq(crq_queue_empty(queue, &count, &err), CRQ_EREDIS);
        ck_assert_int_eq(count, 0);
        ck_assert_int_eq(crq_queue_compact(queue, &count, &err), CRQ_EREDIS);
    }
    after = live_dump(conn, 0);
    ck_assert_str_eq(after, before);
    crq_text_free(before);
    crq_text_free(after);
}
END_TEST

/* -------------------------------------------------------------- compact */

START_TEST(test_compacting_takes_out_ids_without_a_job)
{
    int64_t count;
    crq_error err;

    live_seed(conn,
            "RPUSH rq:queue:q gone a b gone a more\n"
            "HSET rq:job:a data D\nHSET rq:job:b data D\n");
    unit_ok(crq_queue_compact(queue, &count, &err), &err);
    ck_assert_int_eq(count, 3);
    for (int round = 0; round < 2; round++) {
        live_expect(conn,
                "rq:job:a hash\n"
                "  data D\n"
                "rq:job:b hash\n"
                "  data D\n"
                "rq:queue:q list\n"
                "  a\n"
                "  b\n"
                "  a\n");
        unit_ok(crq_queue_compact(queue, &count, &err), &err);
        ck_assert_int_eq(count, 0);
    }
}
END_TEST

START_TEST(test_a_long_queue_is_compacted_in_steps)
{
    struct crq_buf ids = CRQ_BUF_INIT;
    int64_t count;
    crq_error err;

    live_seed(conn, "HSET rq:job:a data D\nHSET rq:job:z data D\n");
    crq_buf_puts(&ids, "RPUSH rq:queue:q a");
    for (int i = 0; i < 2500; i++)
        crq_buf_printf(&ids, " %s", i % 500 == 3 ? "a" : "gone");
    crq_buf_puts(&ids, " z");
    live_seed(conn, ids.data);
    unit_ok(crq_queue_compact(queue, &count, &err), &err);
    ck_assert_int_eq(count, 2495);
    unit_ok(crq_queue_count(queue, &count, &err), &err);
    ck_assert_int_eq(count, 7);
    crq_buf_fini(&ids);
}
END_TEST

/* ---------------------------------------------------- suspend and resume */

START_TEST(test_workers_are_suspended_for_a_while_or_until_resumed)
{
    int64_t left = 7;
    bool is = true;
    crq_error err;

    unit_ok(crq_is_suspended(conn, &is, &left, &err), &err);
    ck_assert(!is && left == 7);
    ck_assert_int_eq(crq_suspend(conn, 0, &err), CRQ_EINVAL);
    unit_ok(crq_suspend(conn, 60, &err), &err);
    live_expect(conn, "rq:suspended string ttl=60\n  1\n");
    unit_ok(crq_is_suspended(conn, &is, &left, &err), &err);
    ck_assert(is && left == 60);
    unit_ok(crq_suspend(conn, CRQ_UNSET, &err), &err);
    live_expect(conn, "rq:suspended string\n  1\n");
    unit_ok(crq_is_suspended(conn, &is, &left, &err), &err);
    ck_assert(is && left == -1);
    live_seed(conn, "PEXPIRE rq:suspended 9000000000000000000");
    unit_ok(crq_is_suspended(conn, &is, &left, &err), &err);
    ck_assert(is && left == INT64_C(1000000000000));
    unit_ok(crq_resume(conn, &err), &err);
    unit_ok(crq_resume(conn, &err), &err);
    live_expect(conn, "");
}
END_TEST

/* -------------------------------------------------------------- commands */

/* A socket of its own: messages come unasked. */
static int subscribe(const char *channel)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char bytes[200];

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", live_main()->socket);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    ck_assert_int_gt(dprintf(fd, "SUBSCRIBE %s\r\n", channel), 0);
    ck_assert_int_gt(read(fd, bytes, sizeof(bytes)), 0);
    return fd;
}

/* The next message, as it stands in the channel. */
static void expect_message(int listener, const char *want)
{
    char bytes[300] = "", end[200];
    ssize_t n = read(listener, bytes, sizeof(bytes) - 1);

    ck_assert_int_gt(n, 0);
    snprintf(end, sizeof(end), "\r\n%s\r\n", want);
    ck_assert_ptr_nonnull(strstr(bytes, "message"));
    ck_assert_msg(strstr(bytes, end) != NULL, "%s", bytes);
}

static const struct {
    int (*send)(crq_conn *conn, const char *name, crq_error *err);
    const char *want;
} commands[] = {
    { crq_worker_shutdown, "{\"command\":\"shutdown\"}" },
    { crq_worker_kill_horse, "{\"command\":\"kill-horse\"}" },
};

START_TEST(test_a_command_reaches_the_worker_or_it_is_told)
{
    int listener = subscribe("rq:pubsub:w:1");
    crq_error err;

    unit_ok(commands[_i].send(conn, "w:1", &err), &err);
    expect_message(listener, commands[_i].want);
    ck_assert_int_eq(commands[_i].send(conn, "w:2", &err), CRQ_ENOTFOUND);
    ck_assert_int_eq(commands[_i].send(conn, "", &err), CRQ_ENOTFOUND);
    close(listener);
}
END_TEST

static const struct {
    const char *seed;
    int rc;
    const char *why;
} stops[] = {
    { "status started worker_name w", 0, "" },
    { "status canceled worker_name w", 0, "" },
    { "status started worker_name \"\"", CRQ_ESTATE,
            "not currently executing" },
    { "status canceled", CRQ_ESTATE, "not currently executing" },
    /* The name stays when a run has ended. */
    { "status finished worker_name w", CRQ_ESTATE, "it is finished" },
    { "status started worker_name other", CRQ_ESTATE, "does not listen" },
};

START_TEST(test_a_running_job_is_stopped_by_its_worker)
{
    int listener = subscribe("rq:pubsub:w");
    char seed[200];
    crq_job *job;
    crq_error err = { 0, "" };

    live_seed(conn, "HSET rq:job:a data D");
    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    snprintf(seed, sizeof(seed), "HSET rq:job:a data D %s", stops[_i].seed);
    live_seed(conn, seed);
    ck_assert_int_eq(crq_job_stop(job, &err), stops[_i].rc);
    ck_assert_msg(strstr(err.text, stops[_i].why) != NULL, "%s", err.text);
    if (stops[_i].rc == 0)
        expect_message(listener, "{\"command\":\"stop-job\",\"job_id\":\"a\"}");
    live_seed(conn, "DEL rq:job:a");
    ck_assert_int_eq(crq_job_stop(job, &err), CRQ_ENOTFOUND);
    crq_job_free(job);
    close(listener);
}
END_TEST

static int send_one(void *arg, crq_error *err)
{
    (void)arg;
    return crq_worker_shutdown(conn, "w", err);
}

START_TEST(test_memory_that_runs_out_is_told)
{
    int listener = subscribe("rq:pubsub:w");

    unit_fail_each_allocation(send_one, NULL);
    close(listener);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("queue_ops");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_emptying_deletes_what_waits);
    tcase_add_test(tc, test_a_deleted_queue_is_forgotten_with_its_jobs);
    tcase_add_test(tc, test_a_deleted_queue_may_leave_its_jobs);
    tcase_add_test(tc, test_a_long_queue_is_emptied_in_steps);
    unit_add_rows(tc, test_keys_of_foreign_types_are_refused, foreign);
    tcase_add_test(tc, test_compacting_takes_out_ids_without_a_job);
    tcase_add_test(tc, test_a_long_queue_is_compacted_in_steps);
    tcase_add_test(tc, test_workers_are_suspended_for_a_while_or_until_resumed);
    unit_add_rows(tc, test_a_command_reaches_the_worker_or_it_is_told,
            commands);
    unit_add_rows(tc, test_a_running_job_is_stopped_by_its_worker, stops);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return live_run("queue_ops", tc);
}
