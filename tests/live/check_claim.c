/* check_claim.c - tests of model/run.c's claims and claim.lua. */
#include "run_seed.h"

#include <string.h>

#include "redis/scripts.h"

static const struct {
    const char *seed;
    size_t slots;
    int64_t look;
    const char *says, *changes;
} claims[] = {
    { "", 1, 9, "", "" },
    { JOB("a", "") "RPUSH rq:queue:q1 a b\n", 1, 1, "0:a@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "rq:queue:q1 list\n"
            "  b\n"
            "+rq:wip:q1 zset\n"
            "  1800000090 a:X1\n" },
    /* Several wait, in order, over queues; dates are of the begin. */
    { JOB("a", "") JOB("b", "timeout -1") JOB("c", "origin q2 timeout 5")
                    JOB("d", "") "RPUSH rq:queue:q1 a b\nRPUSH rq:queue:q2 c "
                                 "d\n",
            3, 9, "0:a@q1 1:b@q1 2:c@q2",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "  X2 1800000000000001:waiting:1:b:q1\n"
            "  X3 1800000000000002:waiting:1:c:q2\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:execution:b:X2 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X2\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:execution:c:X3 hash ttl=65\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X3\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "+rq:executions:b zset ttl=150\n"
            "  1800000150 X2\n"
            "+rq:executions:c zset ttl=125\n"
            "  1800000125 X3\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "rq:job:b hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.2\n"
            "rq:job:c hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.3\n"
            "-rq:queue:q1\n"
            "rq:queue:q2 list\n"
            "  d\n"
            "+rq:wip:q1 zset\n"
            "  1800000090 a:X1\n"
            "  1800000090 b:X2\n"
            "+rq:wip:q2 zset\n"
            "  1800000065 c:X3\n" },
    /* A ttl counts only while a job waits. */
    { JOB("a", "") "EXPIRE rq:job:a 1000\nEXPIRE rq:job:a:dependents 9\nRPUSH "
                   "rq:queue:q1 a\n",
            1, 9, "0:a@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  crq_expires alive\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "-rq:queue:q1\n"
            "+rq:wip:q1 zset\n"
            "  1800000090 a:X1\n" },
    { JOB("a", "") "RPUSH rq:queue:q1 a\nSET rq:suspended 1\n", 1, 9,
            "suspended", "" },
    /* What is dropped: no hash, no data, an empty one, no hash but a key. */
    { JOB("a", "") "HSET rq:job:x status queued\nHSET rq:job:y data \"\"\nSET "
                   "rq:job:z 1\nRPUSH rq:queue:q1 w x y z a\n",
            2, 9, "missing=4 0:a@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "-rq:queue:q1\n"
            "+rq:wip:q1 zset\n"
            "  1800000090 a:X1\n" },
    { JOB("a", "status canceled") "RPUSH rq:queue:q1 a\n", 1, 9, "canceled=1",
            "-rq:queue:q1\n" },
    { RUN("a", X3, "begun") "RPUSH rq:queue:q1 a\n", 1, 9, "running=1",
            "-rq:queue:q1\n" },
    { JOB("a", "") "RPUSH rq:queue:q1 a a\n", 2, 9, "running=1 0:a@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "-rq:queue:q1\n"
            "+rq:wip:q1 zset\n"
            "  1800000090 a:X1\n" },
    /* Whatever its status; what is left of dead runs goes. */
    { JOB("a", "status finished ended_at e started_at s worker_name w") //
            "RPUSH rq:queue:q1 a\n"
            "ZADD rq:executions:a 1 " X2 " 2 " X3 "\n"
            "HSET rq:execution:a:" X2 " id x\n"
            "ZADD rq:wip:q1 1700000000 a:" X2 "\n",
            1, 9, "0:a@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "-rq:execution:a:X2\n"
            "rq:executions:a zset ttl=150\n"
            "  -1 X2\n"
            "  -2 X3\n"
            "  +1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status finished\n"
            "  -worker_name w\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "-rq:queue:q1\n"
            "rq:wip:q1 zset\n"
            "  -1700000000 a:X2\n"
            "  +1800000090 a:X1\n" },
    { JOB("a", "") "RPUSH rq:queue:q1 a\nRPUSH rq:queue:q1:intermediate b a c "
                   "a\n",
            1, 9, "0:a@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "-rq:queue:q1\n"
            "rq:queue:q1:intermediate list\n"
            "  b c a\n"
            "+rq:wip:q1 zset\n"
            "  1800000090 a:X1\n" },
    /* Bounded: one id of three, four are looked at, none is a job. */
    { JOB("a", "") "RPUSH rq:queue:q1 v w x y z a\n", 2, 4, "more missing=4",
            "rq:queue:q1 list\n"
            "  z a\n" },
    /* Without an origin it is the queue's; with another one it is that's. */
    { JOB("a", "origin \"\"") JOB("b", "origin other") "RPUSH rq:queue:q2 a "
                                                       "b\n",
            2, 9, "0:a@q2 1:b@other",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q2\n"
            "  X2 1800000000000001:waiting:1:b:other\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:execution:b:X2 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X2\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "+rq:executions:b zset ttl=150\n"
            "  1800000150 X2\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "rq:job:b hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.2\n"
            "-rq:queue:q2\n"
            "+rq:wip:other zset\n"
            "  1800000090 b:X2\n"
            "+rq:wip:q2 zset\n"
            "  1800000090 a:X1\n" },
    /* Timeouts that are none count as no limit. */
    { JOB("a", "timeout 1h") JOB("b", "timeout 0x5") JOB("c", "timeout 29") //
            "RPUSH rq:queue:q1 a b c\n",
            3, 9, "0:a@q1 1:b@q1 2:c@q1",
            "+crq:alive zset\n"
            "  alive s\n"
            "+crq:runs:s hash\n"
            "  X1 1800000000000000:waiting:1:a:q1\n"
            "  X2 1800000000000001:waiting:1:b:q1\n"
            "  X3 1800000000000002:waiting:1:c:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:execution:b:X2 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X2\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:execution:c:X3 hash ttl=89\n"
            "  created_at 1800000000.000000\n"
            "  crq waiting\n"
            "  id X3\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "+rq:executions:b zset ttl=150\n"
            "  1800000150 X2\n"
            "+rq:executions:c zset ttl=149\n"
            "  1800000149 X3\n"
            "rq:job:a hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.1\n"
            "rq:job:b hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.2\n"
            "rq:job:c hash\n"
            "  -last_heartbeat \"\"\n"
            "  -status queued\n"
            "  -worker_name \"\"\n"
            "  +last_heartbeat @0\n"
            "  +status started\n"
            "  +worker_name s.3\n"
            "-rq:queue:q1\n"
            "+rq:wip:q1 zset\n"
            "  1800000089 c:X3\n"
            "  1800000090 a:X1\n"
            "  1800000090 b:X2\n" },
};

START_TEST(test_a_claim_starts_jobs_and_repeated_changes_nothing)
{
    crq_conn *conn = live_conn();

    live_seed(conn, claims[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        char *says =
                steps_claim(conn, claims[_i].slots, claims[_i].look, AT_US);

        /* What was dropped the first time is not there any more. */
        if (round == 0)
            ck_assert_str_eq(says, claims[_i].says);
        else if (strchr(claims[_i].says, '@') != NULL)
            ck_assert_ptr_nonnull(strstr(claims[_i].says, says));
        crq_text_free(says);
        if (round == 0 || strstr(claims[_i].says, "more") == NULL)
            steps_expect(conn, claims[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_large_jobs_are_claimed_one_by_one)
{
    crq_conn *conn = live_conn();
    char *says;

    live_seed(conn,
            JOB("a", "") JOB("b", "") JOB("c", "") //
            "EVAL \"for _, id in ipairs(KEYS) do redis.call('HSET', id, "
            "'data', string.rep('x', 300000)) end\" 2 rq:job:a rq:job:b\n"
            "RPUSH rq:queue:q1 a b c\n");
    says = steps_claim(conn, 3, 9, AT_US);
    ck_assert_str_eq(says, "more 0:a@q1");
    crq_text_free(says);
    crq_conn_free(conn);
}
END_TEST

/* A key of a foreign type: its queue is served up to there, and q2 as well. */
static const struct {
    const char *seed, *says, *queue, *key, *left; /* in q1 */
} foreign[] = {
    { "SET rq:queue:q1 x", "0:c@q2", "q1", "rq:queue:q1", NULL },
    { "SET rq:queue:q2 x", "0:b@q1 1:a@q1", "q2", "rq:queue:q2", "" },
    { "SET rq:wip:q1 x", "0:c@q2", "q1", "rq:wip:q1", "b a" },
    { "SET rq:queue:q1:intermediate x", "0:c@q2", "q1",
            "rq:queue:q1:intermediate", "b a" },
    { "SET rq:executions:a x", "0:b@q1 1:c@q2", "q1", "", "a" },
    /* It could be taken, but never go back. */
    { "SET rq:queue:bad x\nHSET rq:job:a origin bad", "0:b@q1 1:c@q2", "q1",
            "rq:queue:bad", "a" },
};

START_TEST(test_a_queue_that_cannot_be_served_does_not_hold_up_others)
{
    static const char *const queues[] = { "q1", "q2" };
    const struct crq_claim_slot slots[] = { { X1, "w" }, { X2, "w" },
        { X3, "w" } };
    struct crq_claim claim = { "s", queues, 2, slots, 3, 9, 30, AT_US };
    struct crq_buf says = CRQ_BUF_INIT, left = CRQ_BUF_INIT;
    crq_conn *conn = live_conn();
    struct crq_claimed claimed;
    struct crq_args args;
    crq_reply *reply;
    const char *why;
    crq_error err;
    size_t nkeys;

    live_seed(conn, JOB("b", "") JOB("a", "") JOB("c", "origin q2"));
    live_seed(conn, foreign[_i].seed);
    if (strcmp(foreign[_i].key, "rq:queue:q1") != 0)
        live_seed(conn, "RPUSH rq:queue:q1 b a");
    if (strcmp(foreign[_i].key, "rq:queue:q2") != 0)
        live_seed(conn, "RPUSH rq:queue:q2 c");
    crq_args_init(&args);
    nkeys = crq_claim_words(&claim, &args);
    reply = steps_call(conn, &crq_script_claim, nkeys, &args);
    unit_ok(crq_claim_read(reply, &claimed, &err), &err);
    for (size_t i = 0; i < claimed.count; i++) {
        struct crq_claimed_job job;

        unit_ok(crq_claim_job(&claimed, i, &job, &err), &err);
        crq_buf_printf(&says, "%s%zu:%s@%s", i > 0 ? " " : "", job.slot,
                job.run.id, job.run.queue);
    }
    ck_assert_str_eq(crq_buf_text(&says), foreign[_i].says);
    ck_assert_uint_eq(claimed.passed_over_count, 1);
    ck_assert_str_eq(crq_claim_passed_over(&claimed, 0, &why),
            foreign[_i].queue);
    ck_assert_msg(strstr(why, "WRONGTYPE") != NULL &&
                    strstr(why, foreign[_i].key) != NULL,
            "%s", why);
    ck_assert_str_eq(crq_claim_passed_over(&claimed, 1, &why), "");
    crq_reply_free(reply);
    if (foreign[_i].left != NULL) {
        unit_ok(crq_conn_run(conn, &reply, &err, "LRANGE", "rq:queue:q1", "0",
                        "-1", NULL),
                &err);
        for (size_t i = 0; i < crq_reply_count(reply); i++)
            crq_buf_printf(&left, "%s%s", i > 0 ? " " : "",
                    crq_reply_text(crq_reply_item(reply, i), NULL));
        ck_assert_str_eq(crq_buf_text(&left), foreign[_i].left);
        crq_reply_free(reply);
    }
    crq_buf_fini(&says);
    crq_buf_fini(&left);
    crq_conn_free(conn);
}
END_TEST

/* What every claim writes to: it is refused and has written nothing. */
static const char *const refusing[] = {
    "SET crq:runs:s x",
    "SET crq:alive x",
};

START_TEST(test_a_claim_that_redis_refuses_takes_nothing)
{
    static const char *const queues[] = { "q1" };
    const struct crq_claim_slot slot = { X1, "w" };
    struct crq_claim claim = { "s", queues, 1, &slot, 1, 9, 30, AT_US };
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_error err;
    size_t nkeys;

    live_seed(conn, JOB("a", "") "RPUSH rq:queue:q1 a");
    live_seed(conn, refusing[_i]);
    steps_mark(conn);
    crq_args_init(&args);
    nkeys = crq_claim_words(&claim, &args);
    ck_assert_int_eq(crq_script_call(conn, &crq_script_claim, nkeys, &args,
                             NULL, &err),
            CRQ_EREDIS);
    crq_args_fini(&args);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_claimed_job_tells_its_fields)
{
    static const char *const queues[] = { "q1" };
    const struct crq_claim_slot slot = { X1, "w" };
    struct crq_claim claim = { "s", queues, 1, &slot, 1, 9, 30, AT_US };
    struct crq_claimed_job job;
    struct crq_claimed claimed;
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys, len;

    live_seed(conn,
            JOB("a", "timeout 7 data \"x\\x00y\" crq_reply ch") //
            "RPUSH rq:queue:q1 a\n");
    crq_args_init(&args);
    nkeys = crq_claim_words(&claim, &args);
    reply = steps_call(conn, &crq_script_claim, nkeys, &args);
    unit_ok(crq_claim_read(reply, &claimed, &err), &err);
    unit_ok(crq_claim_job(&claimed, 0, &job, &err), &err);
    ck_assert_str_eq(job.run.execution, X1);
    ck_assert_mem_eq(crq_claimed_field(&job, "data", &len), "x\0y", 4);
    ck_assert_uint_eq(len, 3);
    ck_assert_str_eq(crq_claimed_field(&job, "crq_reply", NULL), "ch");
    ck_assert_ptr_null(crq_claimed_field(&job, "nothing", NULL));
    ck_assert_int_eq(crq_claimed_number(&job, CRQ_FIELD_TIMEOUT, 1), 7);
    ck_assert_int_eq(crq_claimed_number(&job, CRQ_FIELD_ORIGIN, 1), 1);
    ck_assert_int_eq(crq_claimed_number(&job, CRQ_FIELD_RESULT_TTL, 2), 2);
    ck_assert_int_eq(crq_claim_job(&claimed, 1, &job, &err), CRQ_ECODEC);
    ck_assert_int_eq(crq_claim_read(NULL, &claimed, &err), CRQ_ECODEC);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_an_execution_id_is_32_hex_digits)
{
    char one[CRQ_EXECUTION_ID_LEN + 1], two[CRQ_EXECUTION_ID_LEN + 1];

    crq_execution_id(one);
    crq_execution_id(two);
    ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strlen(one), 32);
    ck_assert_str_ne(one, two);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("claim");

    unit_add_rows(tc, test_a_claim_starts_jobs_and_repeated_changes_nothing,
            claims);
    unit_add_rows(tc,
            test_a_queue_that_cannot_be_served_does_not_hold_up_others,
            foreign);
    unit_add_rows(tc, test_a_claim_that_redis_refuses_takes_nothing, refusing);
    tcase_add_test(tc, test_large_jobs_are_claimed_one_by_one);
    tcase_add_test(tc, test_a_claimed_job_tells_its_fields);
    tcase_add_test(tc, test_an_execution_id_is_32_hex_digits);
    return live_run("claim", tc);
}
