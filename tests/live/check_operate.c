/* check_operate.c - tests of model/operate.c and its scripts. */
#include "run_steps.h"

#include <stdio.h>
#include <string.h>

#include "model/operate.h"
#include "redis/scripts.h"

/* A job of q1 that is a dependent of p and that d and e wait for. */
#define JOB(status, more)                                                      \
    "HSET rq:job:a created_at c data D origin q1 timeout 180 status " status   \
    " " more "\n"
#define RELATIVES                                                              \
    "SADD rq:job::a:dependencies p\n"                                          \
    "SADD rq:job:p:dependents a b\n"                                           \
    "SADD rq:job:a:dependents d e gone\n"                                      \
    "HSET rq:job:d data D origin q2 status deferred created_at 2\n"            \
    "HSET rq:job:e data D origin q1 status deferred created_at 1 timeout 7\n"  \
    "SADD rq:job::d:dependencies a\n"                                          \
    "SADD rq:job::e:dependencies a p\n"                                        \
    "ZADD rq:deferred:q2 1 d\n"                                                \
    "ZADD rq:deferred:q1 1 e 2 a\n"
#define RUN                                                                    \
    "ZADD rq:wip:q1 1800000090 a:" X1 " 1800000090 b:" X2 "\n"                 \
    "HSET rq:execution:a:" X1 " id " X1 " crq begun\n"                         \
    "ZADD rq:executions:a 1800000150 " X1 "\n"                                 \
    "HSET crq:runs:s " X1 " 1:begun:1:a:q1\n"
#define QUEUE "RPUSH rq:queue:q1 x a y a\n"
#define FAILED                                                                 \
    JOB("failed", "started_at s ended_at e retries_left 0")                    \
    "ZADD rq:failed:q1 5 a 6 b\nEXPIRE rq:job:a 60\n"

static int operate(crq_conn *conn, crq_operation operation, unsigned flags,
        const char *queue, crq_error *err)
{
    struct crq_args args;
    crq_reply *reply;
    size_t nkeys;
    int rc;

    crq_args_init(&args);
    nkeys = crq_operate_start(&args, flags, queue, AT_US);
    crq_operate_add(&args, "a");
    reply = steps_call(conn, crq_operate_script(operation), nkeys, &args);
    unit_ok(crq_operate_read(reply, 1, err), err);
    rc = crq_operate_state(reply, 0, "a", err);
    crq_reply_free(reply);
    return rc;
}

#define CANCEL  CRQ_OPERATION_CANCEL
#define REQUEUE CRQ_OPERATION_REQUEUE
#define DELETE  CRQ_OPERATION_DELETE
#define MOVE    CRQ_OPERATION_MOVE
#define PROMOTE CRQ_CANCEL_ENQUEUE_DEPENDENTS
#define LEAVE   CRQ_CANCEL_REMOVE_FROM_DEPENDENCIES

/* `why` is what the text of a refusal has; `again` is the code of the same
 * call repeated. */
static const struct {
    const char *seed;
    crq_operation operation;
    unsigned flags;
    int rc;
    const char *why;
    int again;
    const char *changes;
} cases[] = {
    /* Who waits goes out of its queue, once. */
    { JOB("queued", "") QUEUE, CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:job:a hash\n"
            "  -status queued\n"
            "  +status canceled\n"
            "rq:queue:q1 list\n"
            "  x y a\n" },
    { JOB("deferred", "") RELATIVES, CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:deferred:q1 zset\n"
            "  -2 a\n"
            "rq:job:a hash\n"
            "  -status deferred\n"
            "  +status canceled\n" },
    { JOB("deferred", "") RELATIVES, CANCEL, LEAVE, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:deferred:q1 zset\n"
            "  -2 a\n"
            "rq:job:a hash\n"
            "  -status deferred\n"
            "  +status canceled\n"
            "rq:job:p:dependents set\n"
            "  -a\n" },
    /* For those who wait this job counts as met; p is gone, which is met. */
    { JOB("deferred", "") RELATIVES, CANCEL, PROMOTE, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "-rq:deferred:q1\n"
            "-rq:deferred:q2\n"
            "rq:job:a hash\n"
            "  -status deferred\n"
            "  +status canceled\n"
            "rq:job:a:dependents set\n"
            "  -d\n"
            "  -e\n"
            "rq:job:d hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "  +timeout 180\n"
            "rq:job:e hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  e\n"
            "+rq:queue:q2 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "  rq:queue:q2\n" },
    /* p has not finished: e goes on waiting. */
    { JOB("deferred", "") RELATIVES "HSET rq:job:p status queued\n", CANCEL,
            PROMOTE, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:deferred:q1 zset\n"
            "  -2 a\n"
            "-rq:deferred:q2\n"
            "rq:job:a hash\n"
            "  -status deferred\n"
            "  +status canceled\n"
            "rq:job:a:dependents set\n"
            "  -d\n"
            "rq:job:d hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "  +timeout 180\n"
            "+rq:queue:q2 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n" },
    { JOB("scheduled", "") "ZADD rq:scheduled:q1 5 a 6 b\n", CANCEL, 0, 0, "",
            0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:job:a hash\n"
            "  -status scheduled\n"
            "  +status canceled\n"
            "rq:scheduled:q1 zset\n"
            "  -5 a\n" },
    /* A run goes on: only rq:wip forgets it. */
    { JOB("started", "worker_name s.1") RUN, CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:job:a hash\n"
            "  -status started\n"
            "  +status canceled\n"
            "rq:wip:q1 zset\n"
            "  -1800000090 a:X1\n" },
    /* As RQ before 2.0 writes it. */
    { JOB("started", "") "ZADD rq:wip:q1 1800000090 a\n", CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:job:a hash\n"
            "  -status started\n"
            "  +status canceled\n"
            "-rq:wip:q1\n" },
    /* TTLs stay. */
    { JOB("failed", "") "ZADD rq:failed:q1 5 a\nEXPIRE rq:job:a 60\n", CANCEL,
            0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "-rq:failed:q1\n"
            "rq:job:a hash ttl=60\n"
            "  -status failed\n"
            "  +status canceled\n" },
    { JOB("stopped", "") "ZADD rq:failed:q1 5 a\n", CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "-rq:failed:q1\n"
            "rq:job:a hash\n"
            "  -status stopped\n"
            "  +status canceled\n" },
    { JOB("finished", "") "ZADD rq:finished:q1 5 a\n", CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "-rq:finished:q1\n"
            "rq:job:a hash\n"
            "  -status finished\n"
            "  +status canceled\n" },
    { JOB("canceled", "") "ZADD rq:canceled:q1 5 a\n", CANCEL, 0, CRQ_ESTATE,
            "canceled already", CRQ_ESTATE, "" },
    { JOB("some_day", "") QUEUE, CANCEL, 0, 0, "", 0,
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n"
            "rq:job:a hash\n"
            "  -status some_day\n"
            "  +status canceled\n"
            "rq:queue:q1 list\n"
            "  x y a\n" },
    { "", CANCEL, 0, CRQ_ENOTFOUND, "no job", CRQ_ENOTFOUND, "" },
    /* A hash without data is no job. */
    { "HSET rq:job:a status queued\n", CANCEL, 0, CRQ_ENOTFOUND, "no job",
            CRQ_ENOTFOUND, "" },
    { "HSET rq:job:a data D status queued\n", CANCEL, 0, CRQ_ESTATE, "no queue",
            CRQ_ESTATE, "" },
    /* Keys of foreign types are met before anything is written. */
    { JOB("queued", "") QUEUE "SET rq:canceled:q1 5\n", CANCEL, 0, CRQ_EREDIS,
            "WRONGTYPE", CRQ_EREDIS, "" },
    { JOB("queued", "") "SET rq:queue:q1 5\n", CANCEL, 0, CRQ_EREDIS,
            "WRONGTYPE", CRQ_EREDIS, "" },
    { JOB("deferred", "") RELATIVES "SET rq:queue:q2 5\n", CANCEL, PROMOTE,
            CRQ_EREDIS, "WRONGTYPE", CRQ_EREDIS, "" },
    { JOB("deferred", "") RELATIVES
            "DEL rq:job:p:dependents\nSET rq:job:p:dependents 5\n",
            CANCEL, LEAVE, CRQ_EREDIS, "WRONGTYPE", CRQ_EREDIS, "" },
    { "SET rq:job:a 5\n", CANCEL, 0, CRQ_EREDIS, "WRONGTYPE", CRQ_EREDIS, "" },
    /* The EXPIRE of the failure stays until the start. */
    { FAILED QUEUE, REQUEUE, 0, 0, "", 0,
            "rq:failed:q1 zset\n"
            "  -5 a\n"
            "rq:job:a hash ttl=60\n"
            "  -ended_at e\n"
            "  -started_at s\n"
            "  -status failed\n"
            "  +ended_at \"\"\n"
            "  +enqueued_at @0\n"
            "  +started_at \"\"\n"
            "  +status queued\n"
            "rq:queue:q1 list\n"
            "  x a y a a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    { FAILED QUEUE, REQUEUE, CRQ_AT_FRONT, 0, "", 0,
            "rq:failed:q1 zset\n"
            "  -5 a\n"
            "rq:job:a hash ttl=60\n"
            "  -ended_at e\n"
            "  -started_at s\n"
            "  -status failed\n"
            "  +ended_at \"\"\n"
            "  +enqueued_at @0\n"
            "  +started_at \"\"\n"
            "  +status queued\n"
            "rq:queue:q1 list\n"
            "  a x a y a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    /* A ttl replaces it. */
    { JOB("stopped",
              "ttl 9 exc_info old") "ZADD rq:failed:q1 5 a\nHDEL rq:job:a timeout\n",
            REQUEUE, 0, 0, "", 0,
            "-rq:failed:q1\n"
            "rq:job:a hash ttl=9\n"
            "  -exc_info old\n"
            "  -status stopped\n"
            "  +ended_at \"\"\n"
            "  +enqueued_at @0\n"
            "  +exc_info \"\"\n"
            "  +started_at \"\"\n"
            "  +status queued\n"
            "  +timeout 180\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    /* Not by the status: by the registry. */
    { JOB("failed", ""), REQUEUE, 0, CRQ_ESTATE, "not among the failed",
            CRQ_ESTATE, "" },
    { JOB("finished", "") "ZADD rq:finished:q1 5 a\n", REQUEUE, 0, CRQ_ESTATE,
            "not among the failed", CRQ_ESTATE, "" },
    { "ZADD rq:failed:q1 5 a\n", REQUEUE, 0, CRQ_ENOTFOUND, "no job",
            CRQ_ENOTFOUND, "" },
    { FAILED "SET rq:queue:q1 5\n", REQUEUE, 0, CRQ_EREDIS, "WRONGTYPE",
            CRQ_EREDIS, "" },
    { FAILED "SET rq:queues 5\n", REQUEUE, 0, CRQ_EREDIS, "WRONGTYPE",
            CRQ_EREDIS, "" },
    { JOB("queued", "") QUEUE, DELETE, 0, 0, "", CRQ_ENOTFOUND,
            "-rq:job:a\n"
            "rq:queue:q1 list\n"
            "  x y a\n" },
    { JOB("queued", "") QUEUE, DELETE, CRQ_DELETE_KEEP_IN_QUEUE, 0, "",
            CRQ_ENOTFOUND, "-rq:job:a\n" },
    /* Ids of the deleted stay with those they waited for. */
    { JOB("deferred", "") RELATIVES, DELETE, 0, 0, "", CRQ_ENOTFOUND,
            "rq:deferred:q1 zset\n"
            "  -2 a\n"
            "-rq:job::a:dependencies\n"
            "-rq:job:a\n"
            "-rq:job:a:dependents\n" },
    { JOB("deferred", "") RELATIVES, DELETE, CRQ_DELETE_DEPENDENTS, 0, "",
            CRQ_ENOTFOUND,
            "-rq:deferred:q1\n"
            "-rq:deferred:q2\n"
            "-rq:job::a:dependencies\n"
            "-rq:job::d:dependencies\n"
            "-rq:job::e:dependencies\n"
            "-rq:job:a\n"
            "-rq:job:a:dependents\n"
            "-rq:job:d\n"
            "-rq:job:e\n" },
    /* Results stay, and the run goes on without a lease. */
    { JOB("started", "group_id g") RUN
            "XADD rq:results:a 1-1 type 1\nSADD rq:group:g a b\nSADD rq:groups g\n",
            DELETE, 0, 0, "", CRQ_ENOTFOUND,
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:group:g set\n"
            "  -a\n"
            "-rq:job:a\n"
            "rq:wip:q1 zset\n"
            "  -1800000090 a:X1\n" },
    { JOB("failed", "") "ZADD rq:failed:q1 5 a 6 b\n", DELETE, 0, 0, "",
            CRQ_ENOTFOUND,
            "rq:failed:q1 zset\n"
            "  -5 a\n"
            "-rq:job:a\n" },
    { JOB("canceled", "") "ZADD rq:canceled:q1 5 a\nZADD rq:finished:q1 5 a\n",
            DELETE, 0, 0, "", CRQ_ENOTFOUND,
            "-rq:canceled:q1\n"
            "-rq:finished:q1\n"
            "-rq:job:a\n" },
    { "", DELETE, 0, CRQ_ENOTFOUND, "no job", CRQ_ENOTFOUND, "" },
    { JOB("queued", "") QUEUE "SET rq:scheduled:q1 5\n", DELETE, 0, CRQ_EREDIS,
            "WRONGTYPE", CRQ_EREDIS, "" },
    { JOB("deferred", "") RELATIVES "SET rq:wip:q2 5\n", DELETE,
            CRQ_DELETE_DEPENDENTS, CRQ_EREDIS, "WRONGTYPE", CRQ_EREDIS, "" },
    { JOB("queued", "") QUEUE "RPUSH rq:queue:q2 z\n", MOVE, 0, 0, "", 0,
            "rq:job:a hash\n"
            "  -origin q1\n"
            "  +origin q2\n"
            "rq:queue:q1 list\n"
            "  x y a\n"
            "rq:queue:q2 list\n"
            "  z a\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n" },
    { JOB("queued", "") "RPUSH rq:queue:q1 a\nRPUSH rq:queue:q2 z\n", MOVE,
            CRQ_AT_FRONT, 0, "", 0,
            "rq:job:a hash\n"
            "  -origin q1\n"
            "  +origin q2\n"
            "-rq:queue:q1\n"
            "rq:queue:q2 list\n"
            "  a z\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n" },
    /* Within its queue. */
    { "HSET rq:job:a data D status queued origin q2\nRPUSH rq:queue:q2 y z a\n",
            MOVE, CRQ_AT_FRONT, 0, "", 0,
            "rq:queue:q2 list\n"
            "  a y z\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n" },
    { JOB("deferred", "") "ZADD rq:deferred:q1 5.5 a\n", MOVE, CRQ_AT_FRONT, 0,
            "", 0,
            "-rq:deferred:q1\n"
            "+rq:deferred:q2 zset\n"
            "  5.5 a\n"
            "rq:job:a hash\n"
            "  -origin q1\n"
            "  +enqueue_at_front 1\n"
            "  +origin q2\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n" },
    { JOB("scheduled", "") "ZADD rq:scheduled:q1 1800000100.25 a\n", MOVE, 0, 0,
            "", 0,
            "rq:job:a hash\n"
            "  -origin q1\n"
            "  +origin q2\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n"
            "-rq:scheduled:q1\n"
            "+rq:scheduled:q2 zset\n"
            "  1800000100.25 a\n" },
    /* It is on its way into a worker. */
    { JOB("queued", "") "RPUSH rq:queue:q1:intermediate a\n", MOVE, 0,
            CRQ_ESTATE, "just taken", CRQ_ESTATE, "" },
    { JOB("scheduled", ""), MOVE, 0, CRQ_ESTATE, "registry", CRQ_ESTATE, "" },
    { JOB("finished", ""), MOVE, 0, CRQ_ESTATE, "it is finished", CRQ_ESTATE,
            "" },
    { JOB("started", "") RUN, MOVE, 0, CRQ_ESTATE, "it is started", CRQ_ESTATE,
            "" },
    { "", MOVE, 0, CRQ_ENOTFOUND, "no job", CRQ_ENOTFOUND, "" },
    { JOB("queued", "") QUEUE "SET rq:queue:q2 5\n", MOVE, 0, CRQ_EREDIS,
            "WRONGTYPE", CRQ_EREDIS, "" },
};

START_TEST(test_an_operation_leaves_this_and_repeated_no_more)
{
    const char *queue = cases[_i].operation == MOVE ? "q2" : NULL;
    crq_conn *conn = live_conn();
    crq_error err = { 0, "" };
    int rc;

    live_seed(conn, cases[_i].seed);
    steps_mark(conn);
    rc = operate(conn, cases[_i].operation, cases[_i].flags, queue, &err);
    ck_assert_msg(rc == cases[_i].rc, "%d: %s", rc, err.text);
    ck_assert_msg(strstr(err.text, cases[_i].why) != NULL, "%s", err.text);
    steps_expect(conn, cases[_i].changes);
    rc = operate(conn, cases[_i].operation, cases[_i].flags, queue, &err);
    ck_assert_msg(rc == cases[_i].again, "again %d: %s", rc, err.text);
    steps_expect(conn, cases[_i].changes);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_one_job_of_a_call_does_not_hold_up_the_others)
{
    static const char *const ids[] = { "a", "foreign", "none", "b" };
    static const int want[] = { 0, CRQ_EREDIS, CRQ_ENOTFOUND, 0 };
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn,
            JOB("queued", "") QUEUE "HSET rq:job:b data D origin q2\n"
                                    "SET rq:job:foreign 5\n");
    crq_args_init(&args);
    nkeys = crq_operate_start(&args, 0, NULL, AT_US);
    for (size_t i = 0; i < 4; i++)
        crq_operate_add(&args, ids[i]);
    reply = steps_call(conn, &crq_script_delete, nkeys, &args);
    unit_ok(crq_operate_read(reply, 4, &err), &err);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(crq_operate_state(reply, i, ids[i], &err), want[i]);
    ck_assert_int_eq(crq_operate_read(reply, 5, &err), CRQ_ECODEC);
    ck_assert_int_eq(crq_operate_state(reply, 9, "x", &err), CRQ_EREDIS);
    crq_reply_free(reply);
    live_expect(conn,
            "rq:job:foreign string\n"
            "  5\n"
            "rq:queue:q1 list\n"
            "  x\n"
            "  y\n"
            "  a\n");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_full_redis_refuses_to_requeue_as_a_whole)
{
    struct live_server *server =
            live_start(false, "--maxmemory", "100mb", NULL);
    crq_conn *conn = live_conn_to("%s", server->url);
    crq_job *job;
    crq_error err;

    live_seed(conn,
            JOB("failed", "") "ZADD rq:failed:q1 5 a\nCONFIG SET maxmemory 1");
    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    steps_mark(conn);
    ck_assert_int_eq(crq_job_requeue(job, 0, &err), CRQ_EREDIS);
    ck_assert_ptr_nonnull(strstr(err.text, "out of memory"));
    steps_expect(conn, "");
    ck_assert_int_eq(crq_job_cancel(job, 0, &err), CRQ_EREDIS);
    steps_expect(conn, "");
    /* What makes room is let through. */
    unit_ok(crq_job_delete(job, 0, &err), &err);
    live_expect(conn, "");
    crq_job_free(job);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_jobs_are_operated_on_one_by_one)
{
    crq_conn *conn = live_conn();
    crq_job *job;
    crq_error err;
    char **ids;
    size_t count;

    live_seed(conn, JOB("deferred", "") RELATIVES);
    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    unit_ok(crq_job_dependents(job, &ids, &count, &err), &err);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(ids[0], "d");
    ck_assert_str_eq(ids[2], "gone");
    crq_names_free(ids, count);
    unit_ok(crq_job_dependencies(job, &ids, &count, &err), &err);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(ids[0], "p");
    crq_names_free(ids, count);

    ck_assert_int_eq(crq_job_move(job, "a\nb", 0, &err), CRQ_EINVAL);
    unit_ok(crq_job_move(job, "q2", 0, &err), &err);
    unit_ok(crq_job_cancel(job, 0, &err), &err);
    ck_assert_int_eq(crq_job_cancel(job, 0, &err), CRQ_ESTATE);
    ck_assert_int_eq(crq_job_requeue(job, 0, &err), CRQ_ESTATE);
    unit_ok(crq_job_refresh(job, &err), &err);
    ck_assert_int_eq(crq_job_status(job), CRQ_STATUS_CANCELED);
    ck_assert_str_eq(crq_job_origin(job), "q2");
    unit_ok(crq_job_delete(job, 0, &err), &err);
    unit_ok(crq_job_delete(job, 0, &err), &err);
    ck_assert_int_eq(crq_job_cancel(job, 0, NULL), CRQ_ENOTFOUND);
    crq_job_free(job);
    crq_conn_free(conn);
}
END_TEST

static int cancel_it(crq_job *job, crq_error *err)
{
    return crq_job_cancel(job, 0, err);
}

static int requeue_it(crq_job *job, crq_error *err)
{
    return crq_job_requeue(job, 0, err);
}

static int delete_it(crq_job *job, crq_error *err)
{
    return crq_job_delete(job, 0, err);
}

static int move_it(crq_job *job, crq_error *err)
{
    return crq_job_move(job, "q1", 0, err);
}

static const char *text_or(const crq_reply *reply)
{
    const char *text = crq_reply_text(reply, NULL);

    return text != NULL ? text : "";
}

static const struct {
    const char *seed;
    int (*act)(crq_job *job, crq_error *err);
    const char *want; /* of the job's status, then its queue */
} lost[] = {
    { JOB("queued", "") "RPUSH rq:queue:q1 a z\n", cancel_it, "canceled z" },
    { JOB("failed", "") "ZADD rq:failed:q1 5 a\nRPUSH rq:queue:q1 z\n",
            requeue_it, "queued za" },
    { JOB("queued", "") "RPUSH rq:queue:q1 a z\n", delete_it, " z" },
    { JOB("queued", "") "RPUSH rq:queue:q1 a z\n", move_it, "queued za" },
};

/* The job is done when the reply gets lost, so the script is run again. */
START_TEST(test_a_reply_that_got_lost_is_no_failure)
{
    struct live_relay cut = { .word = "EVALSHA", .cut = 1 };
    struct live_server *relay = live_start_relay(&cut);
    crq_conn *direct = live_conn(), *conn = live_conn_to("%s", relay->url);
    crq_reply *status, *first, *second;
    char got[40];
    crq_job *job;
    crq_error err;

    for (int op = CANCEL; op <= MOVE; op++)
        if (crq_operate_script((crq_operation)op) != NULL)
            unit_ok(crq_conn_run(direct, NULL, &err, "SCRIPT", "LOAD",
                            crq_operate_script((crq_operation)op)->text, NULL),
                    &err);
    live_seed(direct, lost[_i].seed);
    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    unit_ok(lost[_i].act(job, &err), &err);

    unit_ok(crq_conn_run(direct, &status, &err, "HGET", "rq:job:a", "status",
                    NULL),
            &err);
    unit_ok(crq_conn_run(direct, &first, &err, "LINDEX", "rq:queue:q1", "0",
                    NULL),
            &err);
    unit_ok(crq_conn_run(direct, &second, &err, "LINDEX", "rq:queue:q1", "1",
                    NULL),
            &err);
    snprintf(got, sizeof(got), "%s %s%s", text_or(status), text_or(first),
            text_or(second));
    ck_assert_str_eq(got, lost[_i].want);
    crq_reply_free(status);
    crq_reply_free(first);
    crq_reply_free(second);
    crq_job_free(job);
    crq_conn_free(conn);
    crq_conn_free(direct);
}
END_TEST

static int operate_on(void *arg, crq_error *err)
{
    crq_conn *conn = arg;
    crq_job *job = NULL;
    char **ids = NULL;
    size_t count = 0;
    int rc;

    rc = crq_job_fetch(conn, "a", &job, err);
    if (rc == 0)
        rc = crq_job_dependents(job, &ids, &count, err);
    crq_names_free(ids, count);
    if (rc == 0)
        rc = crq_job_move(job, "q1", 0, err);
    crq_job_free(job);
    return rc;
}

START_TEST(test_memory_that_runs_out_is_told)
{
    crq_conn *conn = live_conn();

    live_seed(conn, JOB("queued", "") QUEUE "SADD rq:job:a:dependents d\n");
    unit_fail_each_allocation(operate_on, conn);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("operate");

    tcase_set_timeout(tc, 60);
    unit_add_rows(tc, test_an_operation_leaves_this_and_repeated_no_more,
            cases);
    tcase_add_test(tc, test_one_job_of_a_call_does_not_hold_up_the_others);
    tcase_add_test(tc, test_a_full_redis_refuses_to_requeue_as_a_whole);
    tcase_add_test(tc, test_jobs_are_operated_on_one_by_one);
    unit_add_rows(tc, test_a_reply_that_got_lost_is_no_failure, lost);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return live_run("operate", tc);
}
