/* check_run.c - tests of model/run.c and its scripts, but for claims
 * (check_claim.c) and the end of runs (check_finish.c). */
#include "run_seed.h"

#include <stdio.h>
#include <string.h>

#include "redis/scripts.h"

#define NO_FENCE "ZREM rq:wip:q1 a:" X1 "\n"
#define NO_JOB   "DEL rq:job:a\n"

static const struct {
    const char *seed;
    char step; /* b: begin, r: begin as resumable, h: heartbeat of 61 s */
    enum crq_run_state state;
    const char *changes;
} steps[] = {
    { RUN("a", X1, "waiting"), 'b', CRQ_RUN_KEPT,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "  +X1 1799999990500000:begun:1:a:q1\n"
            "rq:execution:a:X1 hash ttl=90\n"
            "  -crq waiting\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +crq begun\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=150\n"
            "  -1800000140 X1\n"
            "  +1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "  +started_at @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000090 a:X1\n" },
    { RUN("a", X1, "waiting"), 'r', CRQ_RUN_KEPT,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "  +X1 1799999990500000:begun-resumable:1:a:q1\n"
            "rq:execution:a:X1 hash ttl=90\n"
            "  -crq waiting\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +crq begun-resumable\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=150\n"
            "  -1800000140 X1\n"
            "  +1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "  +started_at @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000090 a:X1\n" },
    { RUN("a", X1, "begun"), 'r', CRQ_RUN_KEPT,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:begun:1:a:q1\n"
            "  +X1 1799999990500000:begun-resumable:1:a:q1\n"
            "rq:execution:a:X1 hash ttl=90\n"
            "  -crq begun\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +crq begun-resumable\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=150\n"
            "  -1800000140 X1\n"
            "  +1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000090 a:X1\n" },
    { RUN("a", X1, "waiting") "HSET rq:job:a timeout 10\n", 'b', CRQ_RUN_KEPT,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "  +X1 1799999990500000:begun:1:a:q1\n"
            "rq:execution:a:X1 hash ttl=70\n"
            "  -crq waiting\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +crq begun\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=130\n"
            "  -1800000140 X1\n"
            "  +1800000130 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "  +started_at @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000070 a:X1\n" },
    /* The hash of the execution had expired: RQ needs a whole one. */
    { RUN("a", X1, "waiting") "DEL rq:execution:a:" X1 " rq:executions:a\n",
            'b', CRQ_RUN_KEPT,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "  +X1 1799999990500000:begun:1:a:q1\n"
            "+rq:execution:a:X1 hash ttl=90\n"
            "  created_at 1800000000.000000\n"
            "  crq begun\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=150\n"
            "  1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "  +started_at @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000090 a:X1\n" },
    { RUN("a", X1, "waiting") NO_FENCE, 'b', CRQ_RUN_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n" },
    { RUN("a", X1, "waiting") NO_JOB, 'b', CRQ_RUN_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    { RUN("a", X1, "waiting") RUN("b", X2, "waiting") NO_FENCE, 'b',
            CRQ_RUN_LOST,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n" },
    { RUN("a", X1, "begun"), 'h', CRQ_RUN_KEPT,
            "rq:execution:a:X1 hash ttl=61\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=121\n"
            "  -1800000140 X1\n"
            "  +1800000121 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000061 a:X1\n" },
    { RUN("a", X1, "begun") "DEL rq:execution:a:" X1 " rq:executions:a\n", 'h',
            CRQ_RUN_KEPT,
            "+rq:execution:a:X1 hash ttl=61\n"
            "  created_at 1800000000.000000\n"
            "  crq begun\n"
            "  id X1\n"
            "  last_heartbeat 1800000000.000000\n"
            "+rq:executions:a zset ttl=121\n"
            "  1800000121 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000061 a:X1\n" },
    { RUN("a", X1, "begun") NO_FENCE, 'h', CRQ_RUN_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n" },
    /* As a cancel leaves it: the run goes on. */
    { RUN("a", X1, "begun") NO_FENCE "HSET rq:job:a status canceled\n", 'h',
            CRQ_RUN_KEPT,
            "rq:execution:a:X1 hash ttl=61\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=121\n"
            "  -1800000140 X1\n"
            "  +1800000121 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n" },
    { RUN("a", X1, "begun") NO_FENCE "HSET rq:job:a status canceled\n"
                                     "DEL rq:executions:a\n",
            'h', CRQ_RUN_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n" },
    { RUN("a", X1, "begun") NO_JOB, 'h', CRQ_RUN_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
};

START_TEST(test_a_step_needs_its_fence_and_repeated_changes_nothing)
{
    crq_conn *conn = live_conn();

    live_seed(conn, steps[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        enum crq_run_state state;

        if (steps[_i].step == 'h')
            state = steps_heartbeat(conn, "a", X1, 61, AT_US);
        else
            state = steps_begin(conn, "a", X1,
                    steps[_i].step == 'b' ? CRQ_MARK_BEGUN
                                          : CRQ_MARK_BEGUN_RESUMABLE,
                    AT_US);
        ck_assert_int_eq(state, steps[_i].state);
        steps_expect(conn, steps[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *seed;
    enum crq_run_state states[2], again[2]; /* of a with X1, b with X2 */
    const char *changes;
} backs[] = {
    { RUN("a", X1, "waiting") RUN("b", X2, "begun-resumable") //
            "RPUSH rq:queue:q1 c\n",
            { CRQ_RUN_KEPT, CRQ_RUN_KEPT }, { CRQ_RUN_LOST, CRQ_RUN_LOST },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:execution:b:X2\n"
            "-rq:executions:a\n"
            "-rq:executions:b\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "rq:job:b hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +started_at \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "rq:queue:q1 list\n"
            "  a b c\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("a", X1, "begun") RUN("b", X2, "waiting"),
            { CRQ_RUN_BEGUN, CRQ_RUN_KEPT }, { CRQ_RUN_BEGUN, CRQ_RUN_LOST },
            "crq:runs:s hash\n"
            "  -X2 1799999990500000:waiting:1:b:q1\n"
            "-rq:execution:b:X2\n"
            "-rq:executions:b\n"
            "rq:job:b hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "+rq:queue:q1 list\n"
            "  b\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 b:X2\n" },
    { RUN("a", X1, "waiting") RUN("b", X2, "waiting") NO_FENCE,
            { CRQ_RUN_LOST, CRQ_RUN_KEPT }, { CRQ_RUN_LOST, CRQ_RUN_LOST },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:execution:b:X2\n"
            "-rq:executions:a\n"
            "-rq:executions:b\n"
            "rq:job:b hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "+rq:queue:q1 list\n"
            "  b\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("a", X1, "waiting") NO_JOB, { CRQ_RUN_LOST, CRQ_RUN_LOST },
            { CRQ_RUN_LOST, CRQ_RUN_LOST },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    /* Its time to wait was over long ago, but it had begun in time: it waits
     * anew. */
    { RUN("a", X1, "begun-resumable") "HSET rq:execution:a:" X1
                                      " crq_expires 5\nHSET rq:job:a ttl 7\n"
                                      "SADD rq:job:a:dependents d\n"
                                      "SADD rq:job::a:dependencies e\n",
            { CRQ_RUN_KEPT, CRQ_RUN_LOST }, { CRQ_RUN_LOST, CRQ_RUN_LOST },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job::a:dependencies set ttl=7\n"
            "rq:job:a hash ttl=7\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +started_at \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "rq:job:a:dependents set ttl=7\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    /* Its time to wait was over long ago. */
    { RUN("a", X1, "waiting") "HSET rq:execution:a:" X1 " crq_expires 5\n",
            { CRQ_RUN_KEPT, CRQ_RUN_LOST }, { CRQ_RUN_LOST, CRQ_RUN_LOST },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:job:a\n"
            "-rq:wip:q1\n" },
};

START_TEST(test_jobs_are_handed_back_to_the_front_in_their_order)
{
    crq_conn *conn = live_conn();

    live_seed(conn, backs[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        struct crq_runref a = { "q1", "a", X1 }, b = { "q1", "b", X2 };
        struct crq_args args;
        crq_reply *reply;
        size_t nkeys;

        crq_args_init(&args);
        nkeys = crq_hand_back_start(&args);
        crq_hand_back_add(&args, "s", &a);
        crq_hand_back_add(&args, "s", &b);
        reply = steps_call(conn, &crq_script_hand_back, nkeys, &args);
        for (size_t i = 0; i < 2; i++)
            ck_assert_int_eq(crq_runs_state(reply, i),
                    round == 0 ? backs[_i].states[i] : backs[_i].again[i]);
        crq_reply_free(reply);
        steps_expect(conn, backs[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

/* Of two runs in a call the second one has a key of a foreign type. */
static const struct {
    char step; /* b: begin, h: heartbeat, k: hand back */
    const char *seed, *changes;
} refused[] = {
    { 'b', "SET rq:wip:bad x\n",
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "  +X1 1799999990500000:begun:1:a:q1\n"
            "rq:execution:a:X1 hash ttl=90\n"
            "  -crq waiting\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +crq begun\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=150\n"
            "  -1800000140 X1\n"
            "  +1800000150 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "  +started_at @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000090 a:X1\n" },
    { 'h', "SET rq:wip:bad x\n",
            "rq:execution:a:X1 hash ttl=61\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=121\n"
            "  -1800000140 X1\n"
            "  +1800000121 X1\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  +last_heartbeat @0\n"
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n"
            "  +1800000061 a:X1\n" },
    { 'k', "ZADD rq:wip:bad 1800000080 b:" X2 "\nSET rq:queue:bad x\n",
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:waiting:1:a:q1\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
};

START_TEST(test_a_step_that_is_refused_for_one_run_is_done_for_the_others)
{
    struct crq_runref a = { "q1", "a", X1 }, b = { "bad", "b", X2 };
    const struct crq_script *script = &crq_script_begin;
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_reply *reply;
    size_t nkeys;

    live_seed(conn,
            RUN("a", X1, "waiting") JOB("b", "status started origin bad") //
            "HSET crq:runs:s " X2 " 1799999990500000:waiting:1:b:bad\n");
    live_seed(conn, refused[_i].seed);
    steps_mark(conn);
    crq_args_init(&args);
    if (refused[_i].step == 'b') {
        nkeys = crq_begin_start(&args, 30, AT_US);
        crq_begin_add(&args, "s", &b, "s.2", CRQ_MARK_BEGUN);
        crq_begin_add(&args, "s", &a, "s.1", CRQ_MARK_BEGUN);
    } else if (refused[_i].step == 'h') {
        script = &crq_script_heartbeat;
        nkeys = crq_heartbeat_start(&args, AT_US);
        crq_heartbeat_add(&args, "s", &b, 61);
        crq_heartbeat_add(&args, "s", &a, 61);
    } else {
        script = &crq_script_hand_back;
        nkeys = crq_hand_back_start(&args);
        crq_hand_back_add(&args, "s", &b);
        crq_hand_back_add(&args, "s", &a);
    }
    reply = steps_call(conn, script, nkeys, &args);
    ck_assert_int_eq(crq_runs_state(reply, 0), CRQ_RUN_REFUSED);
    ck_assert_msg(strstr(crq_runs_why(reply, 0), "WRONGTYPE") != NULL, "%s",
            crq_runs_why(reply, 0));
    ck_assert_int_eq(crq_runs_state(reply, 1), CRQ_RUN_KEPT);
    ck_assert_str_eq(crq_runs_why(reply, 1), "");
    crq_reply_free(reply);
    steps_expect(conn, refused[_i].changes);
    crq_conn_free(conn);
}
END_TEST

/* The tests' server has no limit of memory but here. */
START_TEST(test_runs_go_on_and_end_when_redis_is_full)
{
    struct crq_finish finish = steps_finish_of("a", CRQ_ENDING_SUCCESS);
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_error err;
    size_t nkeys;

    live_seed(conn, JOB("a", "") "RPUSH rq:queue:q1 a\n");
    crq_text_free(steps_claim(conn, 1, 9, AT_US));
    live_seed(conn, "CONFIG SET maxmemory 1");
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "SET", "k", "v", NULL),
            CRQ_EREDIS);
    ck_assert_int_eq(steps_begin(conn, "a", X1, CRQ_MARK_BEGUN, AT_US),
            CRQ_RUN_KEPT);
    ck_assert_int_eq(steps_heartbeat(conn, "a", X1, 90, AT_US), CRQ_RUN_KEPT);
    crq_args_init(&args);
    nkeys = crq_alive_words("s", &args);
    crq_reply_free(steps_call(conn, &crq_script_alive, nkeys, &args));
    ck_assert_int_eq(steps_finish(conn, &finish), CRQ_FINISHED_OK);
    live_seed(conn, "CONFIG SET maxmemory 0");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_job_handed_back_is_as_it_was)
{
    struct crq_runref run = { "q1", "a", X1 };
    crq_conn *conn = live_conn();
    struct crq_args args;
    size_t nkeys;

    live_seed(conn,
            JOB("a", "ttl 1000") //
            "EXPIRE rq:job:a 1000\nSADD rq:queues rq:queue:q1\n"
            "RPUSH rq:queue:q1 a b\n");
    steps_mark(conn);
    crq_text_free(steps_claim(conn, 1, 9, AT_US));
    crq_args_init(&args);
    nkeys = crq_hand_back_start(&args);
    crq_hand_back_add(&args, "s", &run);
    crq_reply_free(steps_call(conn, &crq_script_hand_back, nkeys, &args));
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* It is marked so for an idle child, which may die before it begins. */
START_TEST(test_a_run_marked_as_begun_goes_back_when_the_worker_knows_better)
{
    struct crq_runref run = { "q1", "a", X1 };
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_reply *reply;
    size_t nkeys;

    live_seed(conn,
            JOB("a", "") "SADD rq:queues rq:queue:q1\n"
                         "RPUSH rq:queue:q1 a b\n");
    steps_mark(conn);
    crq_text_free(steps_claim(conn, 1, 9, AT_US));
    ck_assert_int_eq(steps_begin(conn, "a", X1, CRQ_MARK_BEGUN, AT_US),
            CRQ_RUN_KEPT);
    for (int unbegun = 0; unbegun <= 1; unbegun++) {
        crq_args_init(&args);
        nkeys = crq_hand_back_start(&args);
        (unbegun ? crq_hand_back_add_unbegun : crq_hand_back_add)(&args, "s",
                &run);
        reply = steps_call(conn, &crq_script_hand_back, nkeys, &args);
        ck_assert_int_eq(crq_runs_state(reply, 0),
                unbegun ? CRQ_RUN_KEPT : CRQ_RUN_BEGUN);
        crq_reply_free(reply);
    }
    steps_expect(conn,
            "rq:job:a hash\n"
            "  +started_at \"\"\n");
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("run");

    unit_add_rows(tc, test_a_step_needs_its_fence_and_repeated_changes_nothing,
            steps);
    unit_add_rows(tc, test_jobs_are_handed_back_to_the_front_in_their_order,
            backs);
    unit_add_rows(tc,
            test_a_step_that_is_refused_for_one_run_is_done_for_the_others,
            refused);
    tcase_add_test(tc, test_runs_go_on_and_end_when_redis_is_full);
    tcase_add_test(tc, test_a_job_handed_back_is_as_it_was);
    tcase_add_test(tc,
            test_a_run_marked_as_begun_goes_back_when_the_worker_knows_better);
    return live_run("run", tc);
}
