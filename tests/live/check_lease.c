/* check_lease.c - tests of model/lease.c and its scripts. */
#include "run_steps.h"

#include <string.h>

#include "base/buf.h"
#include "codec/zip.h"
#include "redis/scripts.h"

/* The stem "s" is dead: a run of its. */
#define RUN(id, x, order, mark, more)                                          \
    "HSET rq:job:" id " created_at c data D origin q1 status started timeout " \
    "180 worker_name s.1 last_heartbeat h started_at s " more "\n"             \
    "HSET rq:execution:" id ":" x " id " x " created_at 1799999990.5 "         \
    "last_heartbeat 1799999990.5 crq " mark "\n"                               \
    "ZADD rq:executions:" id " 1800000140 " x "\n"                             \
    "ZADD rq:wip:q1 1800000080 " id ":" x "\n"                                 \
    "HSET crq:runs:s " x " " order ":" mark ":1:" id ":q1\n"                   \
    "ZADD crq:alive 5 s\n"
/* What test_an_abandoned_run_says_whose_worker_died reads. */
#define ABANDONED                                                              \
    "GJUdTrsKwkAQ7P2K6dKonAEf2FkoKNiIld3F3cTDYxd2LxH/3phhunledWBC"             \
    "UZxiykwXbW7cJS/2nYN6/iuHJgqpTOLRTG2OWFCHersIq8VqfQ+7fQgjl2HC"             \
    "Y3Yujo/amw2VV3hFR5cGFojCUyfQFjm1jFYNGzg/VcjHWqHR0ih9p4yx8Of/"             \
    "7sWwXipH5uiMXkrKSOMIcaSchJc/VmlCDg=="
#define EXPIRED "ZADD rq:wip:q1 1800000000 a:" X1 "\n"

/* ------------------------------------------------------------------ alive */

static const struct {
    const char *seed;
    int64_t runs;
    const char *dead; /* with a blank behind each */
    bool next;        /* another one lives, and may die */
    const char *changes;
} signs[] = {
    { "", 0, "", false, "" },
    { "HSET crq:runs:s " X1 " 1:1:a:q1\n", 1, "", false,
            "+crq:alive zset\n  alive s\n" },
    { "ZADD crq:alive 5 s 6 t 7 u 9999999999 v\nHSET crq:runs:s x y z y\n", 2,
            "t u ", true, "crq:alive zset\n  -5 s\n  +alive s\n" },
    { "ZADD crq:alive 5 s 6 t\n", 0, "t ", false, "crq:alive zset\n  -5 s\n" },
};

START_TEST(test_a_sign_of_life_needs_runs_and_tells_of_the_dead)
{
    crq_conn *conn = live_conn();

    live_seed(conn, signs[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        struct crq_buf text = CRQ_BUF_INIT;
        struct crq_args args;
        crq_reply *reply;
        crq_error err;
        int64_t runs;
        size_t dead, nkeys;

        crq_args_init(&args);
        nkeys = crq_alive_words("s", &args);
        reply = steps_call(conn, &crq_script_alive, nkeys, &args);
        unit_ok(crq_alive_read(reply, &runs, &dead, &err), &err);
        ck_assert_int_eq(runs, signs[_i].runs);
        for (size_t i = 0; i < dead; i++)
            crq_buf_printf(&text, "%s ", crq_alive_dead(reply, i));
        ck_assert_str_eq(crq_buf_text(&text), signs[_i].dead);
        ck_assert_str_eq(crq_alive_dead(reply, dead), "");
        ck_assert_int_eq(crq_alive_next_ms(reply) >= 0, signs[_i].next);
        steps_expect(conn, signs[_i].changes);
        crq_buf_fini(&text);
        crq_reply_free(reply);
    }
    ck_assert_int_eq(crq_alive_read(NULL, NULL, NULL, NULL), CRQ_ECODEC);
    crq_conn_free(conn);
}
END_TEST

/* -------------------------------------------------------------- take over */

static struct crq_taken_over take_over(crq_conn *conn, int64_t limit)
{
    struct crq_take_over what = { "s", NULL, limit, AT_US };
    struct crq_taken_over taken;
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    crq_args_init(&args);
    unit_ok(crq_take_over_words(&what, &args, &nkeys, &err), &err);
    reply = steps_call(conn, &crq_script_take_over, nkeys, &args);
    unit_ok(crq_take_over_read(reply, &taken, &err), &err);
    crq_reply_free(reply);
    return taken;
}

static const struct {
    const char *seed;
    struct crq_taken_over taken;
    const char *changes;
} takes[] = {
    { "", { .back = 0 }, "" },
    { RUN("a", X1, "1", "waiting", "") "ZADD crq:alive 9999999999 s\n",
            { .alive = true }, "" },
    /* In the order of the claims, in front of what waits. */
    { RUN("b", X1, "2", "waiting", "") RUN("a", X2, "1", "begun-resumable", "")
                    RUN("c", X3, "10", "waiting", "") //
            "RPUSH rq:queue:q1 z\n",
            { .back = 3 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X2\n"
            "-rq:execution:b:X1\n"
            "-rq:execution:c:X3\n"
            "-rq:executions:a\n"
            "-rq:executions:b\n"
            "-rq:executions:c\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -started_at s\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +started_at \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "rq:job:b hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "rq:job:c hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  -worker_name s.1\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "rq:queue:q1 list\n"
            "  a b c z\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    /* Nobody looks at it again before its time. */
    { RUN("a", X1, "1", "begun", ""), { .left = 1 },
            "crq:alive zset\n"
            "  -5 s\n"
            "  +alive s\n" },
    { RUN("a", X1, "1", "begun", "retries_left 0") EXPIRED, { .failed = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536000 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name \"\" exc_string " ABANDONED "\n"
            "-rq:wip:q1\n" },
    { RUN("a", X1, "1", "begun", "failure_ttl 60") EXPIRED //
            "HSET rq:job:d data D origin q2 status deferred timeout 1 "
            "allow_dependency_failures 1\n"
            "SADD rq:job:a:dependents d\nSADD rq:job::d:dependencies a\n"
            "ZADD rq:deferred:q2 1 d\n",
            { .failed = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:deferred:q2\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1800000060 a\n"
            "rq:job:a hash ttl=60\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "-rq:job:a:dependents\n"
            "rq:job:d hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "+rq:queue:q2 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q2\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name \"\" exc_string " ABANDONED "\n"
            "-rq:wip:q1\n" },
    { RUN("a", X1, "1", "begun", "retries_left 2 retry_intervals [7,8]")
                    EXPIRED,
            { .retried = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -retries_left 2\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +retries_left 1\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:scheduled:q1 zset\n"
            "  1800000007 a\n"
            "-rq:wip:q1\n" },
    { RUN("a", X1, "1", "begun", "retries_left 1") EXPIRED, { .retried = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -retries_left 1\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +enqueued_at @0\n"
            "  +last_heartbeat @0\n"
            "  +retries_left 0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    /* Nobody was there to take it over before the execution had expired. */
    { RUN("a", X1, "1", "waiting", "") EXPIRED "DEL rq:execution:a:" X1
                                               " rq:executions:a\n",
            { .back = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
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
    /* Ended, deleted, or found abandoned by somebody of RQ. */
    { RUN("a", X1, "1", "begun", "") "DEL rq:wip:q1\n", { .gone = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n" },
    { RUN("a", X1, "1", "waiting", "") "DEL rq:job:a\n", { .gone = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    { "HSET crq:runs:s x nonsense\nZADD crq:alive 5 s\n", { .back = 0 },
            "-crq:alive\n"
            "-crq:runs:s\n" },
    /* One that Redis refuses does not hold up the others. */
    { RUN("a", X1, "1", "waiting", "") RUN("b", X2, "2", "waiting", "") //
            "DEL rq:executions:b\nSET rq:executions:b x\n",
            { .back = 1, .left = 1 },
            "crq:alive zset\n"
            "  -5 s\n"
            "  +alive s\n"
            "crq:runs:s hash\n"
            "  -X1 1:waiting:1:a:q1\n"
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
            "rq:wip:q1 zset\n"
            "  -1800000080 a:X1\n" },
};

START_TEST(test_a_dead_workers_runs_are_taken_over_once)
{
    crq_conn *conn = live_conn();
    struct crq_taken_over taken;

    live_seed(conn, takes[_i].seed);
    steps_mark(conn);
    taken = take_over(conn, 100);
    ck_assert_int_eq(taken.alive, takes[_i].taken.alive);
    ck_assert_int_eq(taken.back, takes[_i].taken.back);
    ck_assert_int_eq(taken.failed, takes[_i].taken.failed);
    ck_assert_int_eq(taken.retried, takes[_i].taken.retried);
    ck_assert_int_eq(taken.gone, takes[_i].taken.gone);
    ck_assert_int_eq(taken.left, takes[_i].taken.left);
    steps_expect(conn, takes[_i].changes);
    taken = take_over(conn, 100);
    ck_assert_int_eq(taken.back + taken.failed + taken.retried + taken.gone, 0);
    ck_assert(taken.alive == (takes[_i].taken.alive || takes[_i].taken.left));
    steps_expect(conn, takes[_i].changes);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_take_over_in_pieces_keeps_the_order)
{
    crq_conn *conn = live_conn();

    live_seed(conn,
            RUN("b", X1, "2", "waiting", "") RUN("a", X2, "1", "waiting", "")
                    RUN("c", X3, "10", "waiting", ""));
    ck_assert_int_eq(take_over(conn, 2).back, 2);
    ck_assert_int_eq(take_over(conn, 2).back, 1);
    live_seed(conn, "DEL rq:job:a rq:job:b rq:job:c rq:queues");
    live_expect(conn, "rq:queue:q1 list\n  a\n  b\n  c\n");
    crq_conn_free(conn);
}
END_TEST

/* From the claim to the end of the last run, by the scripts themselves. */
START_TEST(test_a_worker_is_alive_while_it_holds_runs)
{
    struct crq_finish finish = steps_finish_of("a", CRQ_ENDING_SUCCESS);
    crq_conn *conn = live_conn();

    live_seed(conn,
            "HSET rq:job:a data D origin q1\n"
            "HSET rq:job:b data D origin q1\n"
            "RPUSH rq:queue:q1 a b\n");
    crq_text_free(steps_claim(conn, 2, 9, AT_US));
    ck_assert(take_over(conn, 9).alive);
    ck_assert_int_eq(steps_finish(conn, &finish), CRQ_FINISHED_OK);
    ck_assert(take_over(conn, 9).alive);
    finish.run.id = "b";
    finish.run.execution = X2;
    ck_assert_int_eq(steps_finish(conn, &finish), CRQ_FINISHED_OK);
    live_seed(conn,
            "DEL rq:job:a rq:job:b rq:results:a rq:results:b "
            "rq:finished:q1");
    live_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_an_abandoned_run_says_whose_worker_died)
{
    struct crq_buf packed = CRQ_BUF_INIT, text = CRQ_BUF_INIT;
    crq_conn *conn = live_conn();
    const crq_reply *fields;
    const char *encoded;
    crq_reply *reply;
    crq_error err;
    size_t len;

    live_seed(conn, RUN("a", X1, "1", "begun", "") EXPIRED);
    ck_assert_int_eq(take_over(conn, 9).failed, 1);
    unit_ok(crq_conn_run(conn, &reply, &err, "XRANGE", "rq:results:a", "-", "+",
                    NULL),
            &err);
    fields = crq_reply_item(crq_reply_item(reply, 0), 1);
    encoded = crq_reply_text(crq_reply_item(fields, 5), &len);
    unit_ok(crq_base64_decode(encoded, len, &packed, &err), &err);
    unit_ok(crq_zip_inflate(packed.data, packed.len, &text, &err), &err);
    ck_assert_str_eq(crq_buf_text(&text),
            "Moved to FailedJobRegistry, due to AbandonedJobError, at "
            "2027-01-15T08:00:00.000000Z\n"
            "Its worker 's' has given no sign of life for 6 seconds, and "
            "nobody has renewed the run's lease until its deadline.");
    crq_buf_fini(&packed);
    crq_buf_fini(&text);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

/* ------------------------------------------------------------------ stray */

#define JOB(id, status)                                                        \
    "HSET rq:job:" id " data D origin q1 status " status "\n"                  \
    "RPUSH rq:queue:q1:intermediate " id "\n"
#define SEEN(id, when)                                                         \
    "SET rq:queue:q1:intermediate:first_seen:" id " " when "\n"

static const struct {
    const char *seed;
    int64_t back, removed, left;
    const char *changes;
} strays[] = {
    { "", 0, 0, 0, "" },
    { JOB("a", "queued"), 0, 0, 1,
            "+rq:queue:q1:intermediate:first_seen:a string ttl=86400\n"
            "  1800000000.000000\n" },
    { JOB("a", "queued") SEEN("a", "1799999940.0"), 0, 0, 1, "" },
    { JOB("a", "queued") JOB("b", "started") JOB("c", "queued")
                    SEEN("a", "1799999939.9") SEEN("b", "1799999939.9")
                            SEEN("c", "1799999999.9") "RPUSH rq:queue:q1 z\n",
            2, 0, 1,
            "rq:job:b hash\n"
            "  -status started\n"
            "  +status queued\n"
            "rq:queue:q1 list\n"
            "  a b z\n"
            "rq:queue:q1:intermediate list\n"
            "  c\n"
            "-rq:queue:q1:intermediate:first_seen:a\n"
            "-rq:queue:q1:intermediate:first_seen:b\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    /* Nobody's job, canceled, further by another way, in the queue again. */
    { "RPUSH rq:queue:q1:intermediate a\n", 0, 1, 0,
            "-rq:queue:q1:intermediate\n" },
    { JOB("a", "canceled"), 0, 1, 0, "-rq:queue:q1:intermediate\n" },
    { JOB("a", "failed") SEEN("a", "1"), 0, 1, 0,
            "-rq:queue:q1:intermediate\n"
            "-rq:queue:q1:intermediate:first_seen:a\n" },
    { JOB("a", "queued") SEEN("a", "1") "RPUSH rq:queue:q1 a\n", 0, 1, 0,
            "-rq:queue:q1:intermediate\n"
            "-rq:queue:q1:intermediate:first_seen:a\n" },
    /* It is just being started. */
    { JOB("a", "queued") SEEN("a", "1") "ZADD rq:wip:q1 5 a:" X1 "\n" //
                                        "ZADD rq:executions:a 5 " X1 "\n",
            0, 0, 0, "" },
    { JOB("a", "queued") SEEN("a", "1") "ZADD rq:wip:q1 5 a\n", 0, 0, 0, "" },
    /* Those with a key of a foreign type do not hold up the others. */
    { JOB("a", "queued") JOB("b", "queued") JOB("c", "queued") SEEN("b",
              "1") "SET rq:executions:a x\n"
                   "SADD rq:queue:q1:intermediate:first_seen:c x\n",
            1, 0, 2,
            "+rq:queue:q1 list\n"
            "  b\n"
            "rq:queue:q1:intermediate list\n"
            "  a c\n"
            "-rq:queue:q1:intermediate:first_seen:b\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
};

START_TEST(test_what_a_dead_python_worker_left_goes_back)
{
    crq_conn *conn = live_conn();

    live_seed(conn, strays[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        int64_t back, removed, left;
        struct crq_args args;
        crq_reply *reply;
        crq_error err;
        size_t nkeys;

        crq_args_init(&args);
        nkeys = crq_stray_words("q1", CRQ_STRAY_S, 10, AT_US, &args);
        reply = steps_call(conn, &crq_script_stray, nkeys, &args);
        unit_ok(crq_stray_read(reply, &back, &removed, &left, &err), &err);
        ck_assert_int_eq(back, round == 0 ? strays[_i].back : 0);
        ck_assert_int_eq(removed, round == 0 ? strays[_i].removed : 0);
        ck_assert_int_eq(left, strays[_i].left);
        steps_expect(conn, strays[_i].changes);
        crq_reply_free(reply);
    }
    crq_conn_free(conn);
}
END_TEST

/* A run whose job wants its on_failure called becomes the asking worker's; the
 * same call again says so again. */
START_TEST(test_a_run_with_a_callback_is_adopted)
{
    struct crq_take_over what = { "s", "me", 9, AT_US };
    struct crq_taken_over taken = { 0 };
    crq_conn *conn = live_conn();
    struct crq_args words, again;
    struct crq_runref run;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn,
            RUN("a", X1, "1", "begun", "failure_callback_name f.g") EXPIRED);
    steps_mark(conn);
    crq_args_init(&words);
    crq_args_init(&again);
    unit_ok(crq_take_over_words(&what, &words, &nkeys, &err), &err);
    for (size_t i = 0; i < words.count; i++) {
        size_t len;
        const char *word = crq_args_word(&words, i, &len);

        crq_args_put(&again, word, len);
    }
    for (int round = 0; round < 2; round++) {
        reply = steps_call(conn, &crq_script_take_over, nkeys,
                round == 0 ? &words : &again);
        unit_ok(crq_take_over_read(reply, &taken, &err), &err);
        ck_assert_uint_eq(taken.adopted, 1);
        ck_assert_int_eq(taken.failed + taken.left + taken.gone, 0);
        unit_ok(crq_adopted_run(reply, 0, &run, &err), &err);
        ck_assert_str_eq(run.id, "a");
        ck_assert_str_eq(run.queue, "q1");
        ck_assert_str_eq(run.execution, X1);
        ck_assert_int_eq(crq_adopted_run(reply, 1, &run, &err), CRQ_ECODEC);
        crq_reply_free(reply);
        reply = NULL;
    }
    unit_ok(crq_conn_run(conn, NULL, &err, "HDEL", "rq:execution:a:" X1,
                    "crq_adopted", NULL),
            &err);
    steps_expect(conn,
            "crq:alive zset\n"
            "  -5 s\n"
            "  +alive me\n"
            "+crq:runs:me hash\n"
            "  X1 1800000000000000:begun:1:a:q1\n"
            "-crq:runs:s\n"
            "rq:execution:a:X1 hash ttl=90\n"
            "  -last_heartbeat 1799999990.5\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=150\n"
            "  -1800000140 X1\n"
            "  +1800000150 X1\n"
            "rq:wip:q1 zset\n"
            "  -1800000000 a:X1\n"
            "  +1800000090 a:X1\n");
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("lease");

    unit_add_rows(tc, test_a_sign_of_life_needs_runs_and_tells_of_the_dead,
            signs);
    unit_add_rows(tc, test_a_dead_workers_runs_are_taken_over_once, takes);
    tcase_add_test(tc, test_a_take_over_in_pieces_keeps_the_order);
    tcase_add_test(tc, test_a_worker_is_alive_while_it_holds_runs);
    tcase_add_test(tc, test_an_abandoned_run_says_whose_worker_died);
    tcase_add_test(tc, test_a_run_with_a_callback_is_adopted);
    unit_add_rows(tc, test_what_a_dead_python_worker_left_goes_back, strays);
    return live_run("lease", tc);
}
