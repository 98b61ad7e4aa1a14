/* check_janitor.c - tests of model/janitor.c and its scripts. */
#include "run_steps.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/janitor.h"
#include "model/lease.h"
#include "redis/scripts.h"

/* A run of a Python worker whose deadline has passed. */
#define RUN(id, x, more)                                                       \
    "HSET rq:job:" id " created_at c data D origin q1 status started timeout " \
    "180 worker_name w started_at s " more "\n"                                \
    "HSET rq:execution:" id ":" x " id " x " created_at 1799999900\n"          \
    "ZADD rq:executions:" id " 1800000060 " x "\n"                             \
    "ZADD rq:wip:q1 1800000000 " id ":" x "\n"
/* One that a crq worker lists, alive if `sign` is to come. */
#define LISTED(mark, sign, more)                                               \
    "HSET rq:job:a created_at c data D origin q1 status started timeout 180 "  \
    "worker_name w started_at s " more "\n"                                    \
    "ZADD rq:executions:a 1800000060 " X1 "\n"                                 \
    "ZADD rq:wip:q1 1800000000 a:" X1 "\n"                                     \
    "ZADD crq:alive " sign " s\n"                                              \
    "HSET crq:runs:s " X1 " 1:" mark ":1:a:q1\n"
/* RQ's sentence; test_operations.py reads it. */
#define PACKED                                                                 \
    "eJzzzS9LTVEoyVdwS8zMSU3xyk8KSk3PLC4pqtRRSClNBck4JiXmpeTnpaYA"             \
    "JV2LivKLdBQSSxSMDIzMdQ0MdQ1NQwwsrAwMgEjPAAyiAMoTGes="

static struct crq_cleaned clean(crq_conn *conn, int64_t limit)
{
    struct crq_cleaned cleaned;
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    crq_args_init(&args);
    unit_ok(crq_clean_words("q1", NULL, limit, AT_US, &args, &nkeys, &err),
            &err);
    reply = steps_call(conn, &crq_script_clean, nkeys, &args);
    unit_ok(crq_clean_read(reply, &cleaned, &err), &err);
    crq_reply_free(reply);
    return cleaned;
}

static const struct {
    const char *seed;
    struct crq_cleaned want;
    const char *changes;
} cases[] = {
    /* Scores from 0 to now are past, both included; those below 0 mean for
       ever. */
    { "ZADD rq:finished:q1 0 a 1800000000 b 1800000001 c inf d\n"
      "ZADD rq:failed:q1 -1 e 5 f 1800000001 g\n",
            { .expired = 3 },
            "rq:failed:q1 zset\n"
            "  -5 f\n"
            "rq:finished:q1 zset\n"
            "  -0 a\n"
            "  -1800000000 b\n" },
    { RUN("a", X1, ""), { .failed = 1 },
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536000 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "-rq:wip:q1\n" },
    /* It has a log of an earlier run, by crq. */
    { RUN("a", X1, "failure_ttl 60") "XADD crq:log:a 1-0 text T\n",
            { .failed = 1 },
            "crq:log:a stream ttl=60\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1800000060 a\n"
            "rq:job:a hash ttl=60\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "-rq:wip:q1\n" },
    /* Its deadline is to come. */
    { RUN("a", X1, "") "ZADD rq:wip:q1 1800000001 a:" X1 "\n", { .left = 0 },
            "" },
    { RUN("a", X1, "retries_left 2 retry_intervals [7,8]"), { .retried = 1 },
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
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
    { RUN("a", X1, "retries_left 1"), { .retried = 1 },
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
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
    { RUN("a", X1,
              "failure_ttl 60") "HSET rq:job:d data D origin q2 status deferred timeout 1 allow_dependency_failures 1\n"
                                "SADD rq:job:a:dependents d\nSADD rq:job::d:dependencies a\n"
                                "ZADD rq:deferred:q2 1 d\n",
            { .failed = 1 },
            "-rq:deferred:q2\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1800000060 a\n"
            "rq:job:a hash ttl=60\n"
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
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "-rq:wip:q1\n" },
    /* As RQ before 2.0 writes it. */
    { "HSET rq:job:a data D origin q1 status started\nZADD rq:wip:q1 5 a\n",
            { .failed = 1 },
            "+rq:failed:q1 zset\n"
            "  1831536000 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "-rq:wip:q1\n" },
    /* The job is gone. */
    { RUN("a", X1, "") "DEL rq:job:a\n", { .removed = 1 },
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    /* What became of it otherwise stays. */
    { RUN("a", X1, "") "HSET rq:job:a status canceled\n", { .removed = 1 },
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    /* Another run of it goes on. */
    { RUN("a", X1, "") "ZADD rq:executions:a 1800000150 " X2
                       "\nZADD rq:wip:q1 1800000090 a:" X2 "\n",
            { .removed = 1 },
            "-rq:execution:a:X1\n"
            "rq:executions:a zset\n"
            "  -1800000060 X1\n"
            "rq:wip:q1 zset\n"
            "  -1800000000 a:X1\n" },
    /* A crq worker's, alive or dead: who takes it over knows more. */
    { RUN("a", X1, "") "ZADD crq:alive 5 s\nHSET crq:runs:s " X1
                       " 1:begun:1:a:q1\n",
            { .left = 1 }, "" },
    { LISTED("begun", "5", ""), { .left = 1 }, "" },
    { LISTED("begun", "9e9", "") "HSET rq:execution:a:" X1 " id " X1
                                 " created_at 1 last_heartbeat 1\n",
            { .left = 1 }, "" },
    /* One that a living crq worker knows nothing of any more. */
    { LISTED("begun", "9e9", ""), { .failed = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536000 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "-rq:wip:q1\n" },
    { LISTED("waiting", "9e9", ""), { .back = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -status started\n"
            "  -worker_name w\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { LISTED("begun", "9e9", "") "HSET rq:job:a status finished\n",
            { .removed = 1 },
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    /* A crq worker's that nobody lists any more. */
    { RUN("a", X1, "") "HSET rq:execution:a:" X1
                       " crq begun\nZADD crq:alive 5 t\n",
            { .failed = 1 },
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536000 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "-rq:wip:q1\n" },
    /* One of a foreign type does not hold up the others. */
    { RUN("a", X1, "") RUN("b", X2, "") "SET rq:results:a 5\n",
            { .failed = 1, .left = 1 },
            "-rq:execution:b:X2\n"
            "-rq:executions:b\n"
            "+rq:failed:q1 zset\n"
            "  1831536000 b\n"
            "rq:job:b hash ttl=31536000\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:b stream\n"
            "  * type 2 worker_name \"\" exc_string " PACKED "\n"
            "rq:wip:q1 zset\n"
            "  -1800000000 b:X2\n" },
};

START_TEST(test_a_queue_is_cleaned_once)
{
    crq_conn *conn = live_conn();

    live_seed(conn, cases[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        struct crq_cleaned got = clean(conn, 10), want = cases[_i].want;

        if (round == 1)
            want = (struct crq_cleaned){ .left = want.left };
        ck_assert_int_eq(got.expired, want.expired);
        ck_assert_int_eq(got.failed, want.failed);
        ck_assert_int_eq(got.retried, want.retried);
        ck_assert_int_eq(got.removed, want.removed);
        ck_assert_int_eq(got.left, want.left);
        ck_assert_int_eq(got.back, want.back);
        ck_assert_int_eq(got.more, want.more);
        steps_expect(conn, cases[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

/* A call, sent twice as when its first reply got lost. */
START_TEST(test_a_run_whose_job_wants_a_call_is_adopted)
{
    crq_conn *conn = live_conn();
    struct crq_args words, again;
    struct crq_cleaned cleaned;
    struct crq_runref run;
    crq_error err;
    size_t nkeys;

    live_seed(conn, RUN("a", X1, "failure_callback_name f.g"));
    steps_mark(conn);
    crq_args_init(&words);
    crq_args_init(&again);
    unit_ok(crq_clean_words("q1", "me", 9, AT_US, &words, &nkeys, &err), &err);
    for (size_t i = 0; i < words.count; i++) {
        size_t len;
        const char *word = crq_args_word(&words, i, &len);

        crq_args_put(&again, word, len);
    }
    for (int round = 0; round < 2; round++) {
        crq_reply *reply = steps_call(conn, &crq_script_clean, nkeys,
                round == 0 ? &words : &again);

        unit_ok(crq_clean_read(reply, &cleaned, &err), &err);
        ck_assert_uint_eq(cleaned.adopted, 1);
        ck_assert_int_eq(cleaned.failed + cleaned.removed + cleaned.left, 0);
        unit_ok(crq_adopted_run(reply, 0, &run, &err), &err);
        ck_assert_str_eq(run.id, "a");
        ck_assert_str_eq(run.queue, "q1");
        ck_assert_str_eq(run.execution, X1);
        crq_reply_free(reply);
    }
    unit_ok(crq_conn_run(conn, NULL, &err, "HDEL", "rq:execution:a:" X1,
                    "crq_adopted", NULL),
            &err);
    steps_expect(conn,
            "+crq:alive zset\n"
            "  alive me\n"
            "+crq:runs:me hash\n"
            "  X1 1800000000000000:begun:1:a:q1\n"
            "rq:execution:a:X1 hash ttl=90\n"
            "  +crq begun\n"
            "  +last_heartbeat 1800000000.000000\n"
            "rq:executions:a zset ttl=150\n"
            "  -1800000060 X1\n"
            "  +1800000150 X1\n"
            "rq:wip:q1 zset\n"
            "  -1800000000 a:X1\n"
            "  +1800000090 a:X1\n");
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *fields, *version;
} workers[] = {
    { "version 1.16.2 python_version 3.11", "1.16.2" },
    { "version 0.13.0", "0.13.0" },
    { "version 2.0.0 python_version 3.11", NULL },
    { "version 10.0.0 python_version 3.11", NULL },
    { "version 0.1.0 python_version \"\"", NULL }, /* crq's own */
    { "birth b", NULL },
};

START_TEST(test_workers_that_are_too_old_are_told)
{
    crq_conn *conn = live_conn();
    struct crq_args args;
    struct crq_buf line = CRQ_BUF_INIT;
    const char *name, *version, *cursor;
    crq_reply *reply;
    crq_error err;
    int64_t removed;
    size_t nkeys;

    crq_buf_printf(&line,
            "SADD rq:workers rq:worker:w\nSADD rq:workers:q rq:worker:w\n"
            "HSET rq:worker:w %s\n",
            workers[_i].fields);
    live_seed(conn, line.data);
    crq_buf_fini(&line);
    steps_mark(conn);
    crq_args_init(&args);
    nkeys = crq_clean_workers_words("q", "0", &args);
    reply = steps_call(conn, &crq_script_clean_workers, nkeys, &args);
    unit_ok(crq_clean_scan_read(reply, &cursor, &removed, &err), &err);
    ck_assert_int_eq(removed, 0);
    ck_assert_int_eq(crq_clean_old_worker(reply, 0, &name, &version),
            workers[_i].version != NULL);
    if (workers[_i].version != NULL) {
        ck_assert_str_eq(name, "w");
        ck_assert_str_eq(version, workers[_i].version);
        ck_assert(!crq_clean_old_worker(reply, 1, &name, &version));
    }
    crq_reply_free(reply);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *seed;
    bool needed;
} glances[] = {
    { "", false },
    { "RPUSH rq:queue:q a\nHSET rq:job:a status queued", false },
    { "RPUSH rq:queue:q:intermediate a", true },
    { "SADD rq:workers:q rq:worker:w\n"
      "HSET rq:worker:w birth b version 2.10.0 python_version 3.11",
            false },
    { "SADD rq:workers:q rq:worker:w\n"
      "HSET rq:worker:w birth b version 0.1.0 python_version \"\"",
            false },
    { "SADD rq:workers:q rq:worker:w\n"
      "HSET rq:worker:w birth b version 1.16.2 python_version 3.11",
            true },
    { "SADD rq:workers:q rq:worker:w", true },
    { "SET rq:queue:q:intermediate text", true },
    { "SET rq:workers:q text", true },
    { "SADD rq:workers:q rq:worker:w\nSET rq:worker:w text", true },
};

START_TEST(test_a_glance_tells_which_queues_need_maintenance)
{
    static const char *const queues[] = { "p", "q", "r" };
    crq_conn *conn = live_conn();
    bool needed[3] = { true, false, true };
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn, glances[_i].seed);
    steps_mark(conn);
    crq_args_init(&args);
    nkeys = crq_glance_words(queues, 3, &args);
    reply = steps_call(conn, &crq_script_glance, nkeys, &args);
    unit_ok(crq_glance_read(reply, 3, needed, &err), &err);
    crq_reply_free(reply);
    ck_assert(!needed[0]);
    ck_assert_int_eq(needed[1], glances[_i].needed);
    ck_assert(!needed[2]);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_the_work_of_a_call_is_bounded)
{
    crq_conn *conn = live_conn();
    struct crq_cleaned got;

    live_seed(conn,
            "ZADD rq:finished:q1 1 a 2 b 3 c\n"
            "ZADD rq:wip:q1 1 a:" X1 " 2 b:" X1 " 3 c:" X1 "\n");
    got = clean(conn, 2);
    ck_assert(got.more && got.expired == 2 && got.removed == 2);
    got = clean(conn, 2);
    ck_assert(!got.more && got.expired == 1 && got.removed == 1);
    live_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_the_lock_is_rqs_and_only_its_owner_gives_it_back)
{
    static const struct {
        const char *owner;
        bool lock;
        int64_t want;
    } steps[] = {
        { "a", true, 1 },
        { "a", true, 1 }, /* the reply got lost */
        { "b", true, 0 },
        { "b", false, 0 },
        { "a", false, 1 },
        { "a", false, 0 },
        { "b", true, 1 },
    };
    crq_conn *conn = live_conn();

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct crq_args args;
        crq_reply *reply;
        size_t nkeys;

        crq_args_init(&args);
        nkeys = steps[i].lock
                ? crq_cleaning_lock_words("q", steps[i].owner, &args)
                : crq_cleaning_unlock_words("q", steps[i].owner, &args);
        reply = steps_call(conn,
                steps[i].lock ? &crq_script_lock : &crq_script_unlock, nkeys,
                &args);
        ck_assert_int_eq(crq_reply_int(reply, -1), steps[i].want);
        crq_reply_free(reply);
    }
    live_expect(conn,
            "rq:clean_registries:q string ttl=899\n"
            "  b\n");
    crq_conn_free(conn);
}
END_TEST

/* ------------------------------------------------------------ everything */

#define FLEET                                                                  \
    "SADD rq:queues rq:queue:q1 rq:queue:q2\n"                                 \
    "SET rq:clean_registries:q2 1\n"                                           \
    "ZADD rq:finished:q1 5 a\nZADD rq:finished:q2 5 a\n"                       \
    "SADD rq:workers rq:worker:w rq:worker:dead\n"                             \
    "SADD rq:workers:q1 rq:worker:w rq:worker:dead\n"                          \
    "HSET rq:worker:w birth b\n"                                               \
    "RPUSH rq:queue:q1:intermediate gone\n"                                    \
    "SADD rq:groups g empty\nSADD rq:group:g x y\nHSET rq:job:x data D\n"

START_TEST(test_all_of_maintenance_at_once)
{
    crq_conn *conn = live_conn();
    struct crq_clock_manual clock_at;
    struct crq_swept swept;
    crq_error err;

    crq_clock_manual_init(&clock_at, AT_US);
    crq_conn_set_clock(conn, &clock_at.clock);
    /* A crq worker that died with a run that had not begun, and one whose
     * deadline is to come. */
    live_seed(conn,
            FLEET RUN("b", X1, "") RUN("c", X2, "") //
            "HSET crq:runs:s " X1 " 1:waiting:1:b:q1 " X2 " 2:begun:1:c:q1\n"
            "ZADD rq:wip:q1 1800000001 c:" X2 "\nZADD crq:alive 5 s\n");
    steps_mark(conn);
    unit_ok(crq_janitor_run(conn, &swept, &err), &err);
    ck_assert_int_eq(swept.queues, 2);
    ck_assert_int_eq(swept.locked, 1);
    ck_assert_int_eq(swept.cleaned.expired, 1);
    ck_assert_int_eq(swept.taken.stems, 1);
    ck_assert_int_eq(swept.taken.back, 1);
    ck_assert_int_eq(swept.taken.left, 1);
    ck_assert_int_eq(swept.strays_removed, 1);
    ck_assert_int_eq(swept.workers, 1);
    ck_assert_int_eq(swept.group_ids, 1);
    steps_expect(conn,
            "crq:alive zset\n"
            "  -5 s\n"
            "  +alive s\n"
            "crq:runs:s hash\n"
            "  -X1 1:waiting:1:b:q1\n"
            "-rq:execution:b:X1\n"
            "-rq:executions:b\n"
            "-rq:finished:q1\n"
            "rq:group:g set\n"
            "  -y\n"
            "rq:groups set\n"
            "  -empty\n"
            "rq:job:b hash\n"
            "  -status started\n"
            "  -worker_name w\n"
            "  +last_heartbeat \"\"\n"
            "  +status queued\n"
            "  +worker_name \"\"\n"
            "+rq:queue:q1 list\n"
            "  b\n"
            "-rq:queue:q1:intermediate\n"
            "rq:wip:q1 zset\n"
            "  -1800000000 b:X1\n"
            "rq:workers set\n"
            "  -rq:worker:dead\n"
            "rq:workers:q1 set\n"
            "  -rq:worker:dead\n");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_large_sets_are_cleaned_in_steps)
{
    crq_conn *conn = live_conn();
    struct crq_buf lines = CRQ_BUF_INIT;
    struct crq_swept swept;
    crq_error err;

    crq_buf_puts(&lines, "SADD rq:queues rq:queue:q1\nSADD rq:groups g\n");
    for (int i = 0; i < 1000; i++)
        crq_buf_printf(&lines,
                "SADD rq:workers:q1 rq:worker:%d\nSADD rq:group:g id%d\n", i,
                i);
    live_seed(conn, lines.data);
    unit_ok(crq_janitor_run(conn, &swept, &err), &err);
    ck_assert_int_eq(swept.workers, 1000);
    ck_assert_int_eq(swept.group_ids, 1000);
    live_expect(conn,
            "rq:queues set\n"
            "  rq:queue:q1\n");
    crq_buf_fini(&lines);
    crq_conn_free(conn);
}
END_TEST

static const char *const foreign[] = { "SET rq:wip:q1 5", "SET rq:workers:q1 5",
    "SET rq:group:g 5", "SET rq:queue:q1:intermediate 5", "SET rq:groups 5" };

START_TEST(test_a_key_of_a_foreign_type_is_told_and_the_lock_given_back)
{
    crq_conn *conn = live_conn();
    struct crq_swept swept;
    crq_error err;

    live_seed(conn, "SADD rq:queues rq:queue:q1\nSADD rq:groups g\n");
    if (_i == 4)
        live_seed(conn, "DEL rq:groups");
    live_seed(conn, foreign[_i]);
    steps_mark(conn);
    ck_assert_int_eq(crq_janitor_run(conn, &swept, &err), CRQ_EREDIS);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

static int run_janitor(void *arg, crq_error *err)
{
    struct crq_swept swept;

    return crq_janitor_run(arg, &swept, err);
}

START_TEST(test_memory_that_runs_out_is_told)
{
    crq_conn *conn = live_conn();

    live_seed(conn, FLEET);
    live_seed(conn, "DEL rq:clean_registries:q2");
    unit_fail_each_allocation(run_janitor, conn);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("janitor");

    tcase_set_timeout(tc, 60);
    unit_add_rows(tc, test_a_queue_is_cleaned_once, cases);
    tcase_add_test(tc, test_a_run_whose_job_wants_a_call_is_adopted);
    unit_add_rows(tc, test_workers_that_are_too_old_are_told, workers);
    unit_add_rows(tc, test_a_glance_tells_which_queues_need_maintenance,
            glances);
    tcase_add_test(tc, test_the_work_of_a_call_is_bounded);
    tcase_add_test(tc, test_the_lock_is_rqs_and_only_its_owner_gives_it_back);
    tcase_add_test(tc, test_all_of_maintenance_at_once);
    tcase_add_test(tc, test_large_sets_are_cleaned_in_steps);
    unit_add_rows(tc,
            test_a_key_of_a_foreign_type_is_told_and_the_lock_given_back,
            foreign);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return live_run("janitor", tc);
}
