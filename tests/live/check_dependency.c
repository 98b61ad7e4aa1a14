/*
 * check_dependency.c - tests of jobs that wait for others and of groups:
 * enqueue_after.lua, settle.lua, promote.lua, promote_rest.lua, schedule.lua.
 */
#include "run_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/dependency.h"
#include "model/janitor.h"
#include "redis/scripts.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */
#define THEN "2026-11-21T12:00:00"     /* as steps_expect() shows it */

static struct crq_clock_manual clock_at;
static crq_conn *conn;
static crq_queue *queue;

static void set_up(void)
{
    crq_error err;

    conn = live_conn();
    crq_clock_manual_init(&clock_at, NOON);
    crq_conn_set_clock(conn, &clock_at.clock);
    unit_ok(crq_queue_new(conn, "q", &queue, &err), &err);
}

static void tear_down(void)
{
    crq_queue_free(queue);
    crq_conn_free(conn);
}

static int64_t ask(const char *command, const char *key)
{
    crq_reply *reply;
    crq_error err;
    int64_t n;

    unit_ok(crq_conn_run(conn, &reply, &err, command, key, NULL), &err);
    n = crq_reply_int(reply, -1);
    crq_reply_free(reply);
    return n;
}

/* ---- one job ---- */

/* A new job x, its data masked. `ids` and `flags` are what depends_on adds. */
#define X_HASH(when, flags, ids, front, group, status)                         \
    flags "  created_at " THEN "\n  data D\n" ids "  description f()\n"        \
          "  ended_at \"\"\n" front when "  failure_callback_name \"\"\n"      \
          "  group_id " group "\n  last_heartbeat \"\"\n  origin q\n"          \
          "  started_at \"\"\n  status " status "\n"                           \
          "  stopped_callback_name \"\"\n  success_callback_name \"\"\n"       \
          "  timeout 180\n"
#define AT_ONCE  "  enqueued_at " THEN "\n"
#define ON_A     "  dependency_id a\n  dependency_ids \"[\\\"a\\\"]\"\n"
#define ON_AB    "  dependency_id a\n  dependency_ids \"[\\\"a\\\", \\\"b\\\"]\"\n"
#define QUEUES   "rq:queues set\n  rq:queue:q\n"
#define NOBODY   "  worker_name \"\"\n"
#define DEFERRED "rq:deferred:q zset\n  1795262400 x\n"

static const struct row {
    const char *seed;
    const char *on[2];
    size_t count;
    bool allow, at_front, scheduled;
    int64_t ttl_s; /* 0: unset */
    const char *group;
    crq_status status;
    const char *want; /* beside what was there, in the order of keys */
} rows[] = {
    /* What does not exist is not waited for, and nothing is registered. */
    { .on = { "a" },
            .count = 1,
            .status = CRQ_STATUS_QUEUED,
            .want = "+rq:job:x hash\n" X_HASH(AT_ONCE, "", ON_A, "", "\"\"",
                    "queued") NOBODY "+rq:queue:q list\n  x\n"
                                     "+" QUEUES },
    { .seed = "HSET rq:job:a status finished data D\n"
              "HSET rq:job:b status started\n", /* no data: no job */
            .on = { "a", "b" },
            .count = 2,
            .status = CRQ_STATUS_QUEUED,
            .want = "+rq:job:x hash\n" X_HASH(AT_ONCE, "", ON_AB, "", "\"\"",
                    "queued") NOBODY "+rq:queue:q list\n  x\n"
                                     "+" QUEUES },
    { .seed = "HSET rq:job:a status finished data D\nRPUSH rq:queue:q z\n",
            .on = { "a" },
            .count = 1,
            .at_front = true,
            .status = CRQ_STATUS_QUEUED,
            .want = "+rq:job:x hash\n" X_HASH(AT_ONCE,
                    "  allow_dependency_failures 0\n", ON_A,
                    "  enqueue_at_front 1\n", "\"\"", "queued") NOBODY
            "rq:queue:q list\n  x z\n"
            "+" QUEUES },
    /* One that is not done: all are registered, done and missing ones too. */
    { .seed = "HSET rq:job:a status queued data D\n",
            .on = { "a", "b" },
            .count = 2,
            .status = CRQ_STATUS_DEFERRED,
            .want = "+" DEFERRED "+rq:job::x:dependencies set\n  a\n  b\n"
                    "+rq:job:a:dependents set\n  x\n"
                    "+rq:job:b:dependents set\n  x\n"
                    "+rq:job:x hash\n" X_HASH("", "", ON_AB, "", "\"\"",
                            "deferred") NOBODY "+" QUEUES },
    { .seed = "HSET rq:job:a data D\n", /* without a status: created */
            .on = { "a" },
            .count = 1,
            .ttl_s = 60,
            .status = CRQ_STATUS_DEFERRED,
            .want = "+" DEFERRED "+rq:job::x:dependencies set ttl=60\n  a\n"
                    "+rq:job:a:dependents set\n  x\n"
                    "+rq:job:x hash ttl=60\n" X_HASH("", "", ON_A, "", "\"\"",
                            "deferred") "  ttl 60\n" NOBODY "+" QUEUES },
    /* As in RQ: it waits for ever. */
    { .seed = "HSET rq:job:a status failed data D\n",
            .on = { "a" },
            .count = 1,
            .status = CRQ_STATUS_DEFERRED,
            .want = "+" DEFERRED "+rq:job::x:dependencies set\n  a\n"
                    "+rq:job:a:dependents set\n  x\n"
                    "+rq:job:x hash\n" X_HASH("", "", ON_A, "", "\"\"",
                            "deferred") NOBODY "+" QUEUES },
    /* Unlike RQ, which looks at it only when it fails later on. */
    { .seed = "HSET rq:job:a status failed data D\n",
            .on = { "a" },
            .count = 1,
            .allow = true,
            .status = CRQ_STATUS_QUEUED,
            .want = "+rq:job:x hash\n" X_HASH(AT_ONCE,
                    "  allow_dependency_failures 1\n", ON_A,
                    "  enqueue_at_front 0\n", "\"\"", "queued") NOBODY
            "+rq:queue:q list\n  x\n"
            "+" QUEUES },
    { .seed = "HSET rq:job:a status stopped data D\n",
            .on = { "a" },
            .count = 1,
            .allow = true,
            .at_front = true,
            .status = CRQ_STATUS_DEFERRED,
            .want = "+" DEFERRED "+rq:job::x:dependencies set\n  a\n"
                    "+rq:job:a:dependents set\n  x\n"
                    "+rq:job:x hash\n" X_HASH("",
                            "  allow_dependency_failures 1\n", ON_A,
                            "  enqueue_at_front 1\n", "\"\"", "deferred") NOBODY
            "+" QUEUES },
    /* ---- groups */
    { .group = "g",
            .status = CRQ_STATUS_QUEUED,
            .want = "+rq:group:g set\n  x\n"
                    "+rq:groups set\n  g\n"
                    "+rq:job:x hash\n" X_HASH(AT_ONCE, "", "", "", "g",
                            "queued") NOBODY "+rq:queue:q list\n  x\n"
                                             "+" QUEUES },
    { .seed = "HSET rq:job:a status started data D\n",
            .on = { "a" },
            .count = 1,
            .group = "g",
            .status = CRQ_STATUS_DEFERRED,
            .want = "+" DEFERRED "+rq:group:g set\n  x\n"
                    "+rq:groups set\n  g\n"
                    "+rq:job::x:dependencies set\n  a\n"
                    "+rq:job:a:dependents set\n  x\n"
                    "+rq:job:x hash\n" X_HASH("", "", ON_A, "", "g", "deferred")
                            NOBODY "+" QUEUES },
    /* ---- scheduled: dependencies are stored, and not looked at */
    { .seed = "HSET rq:job:a status started data D\n",
            .on = { "a" },
            .count = 1,
            .scheduled = true,
            .group = "g",
            .status = CRQ_STATUS_SCHEDULED,
            .want = "+rq:group:g set\n  x\n"
                    "+rq:groups set\n  g\n"
                    "+rq:job:x hash\n" X_HASH("", "", ON_A, "", "g",
                            "scheduled") NOBODY
            "+" QUEUES "+rq:scheduled:q zset\n  1795262401 x\n" },
    { .on = { "a" },
            .count = 1,
            .scheduled = true,
            .status = CRQ_STATUS_SCHEDULED,
            .want = "+rq:job:x hash\n" X_HASH("", "", ON_A, "", "\"\"",
                    "scheduled") NOBODY
            "+" QUEUES "+rq:scheduled:q zset\n  1795262401 x\n" },
};

static int enqueue(const struct row *row, crq_job **out, crq_error *err)
{
    crq_call call = CRQ_CALL_INIT;

    call.func = "f";
    call.job_id = "x";
    call.depends_on = row->on;
    call.dependencies = row->count;
    call.allow_dependency_failures = row->allow;
    call.at_front = row->at_front;
    call.group_id = row->group;
    if (row->ttl_s != 0)
        call.ttl_s = row->ttl_s;
    if (row->scheduled)
        return crq_queue_enqueue_in(queue, 1000000, &call, out, err);
    return crq_queue_enqueue(queue, &call, out, err);
}

START_TEST(test_a_job_waits_for_those_that_are_not_done_as_in_rq)
{
    const struct row *row = &rows[_i];
    crq_job *job = NULL;
    crq_error err;

    live_seed(conn, row->seed != NULL ? row->seed : "");
    steps_mark(conn);
    unit_ok(enqueue(row, &job, &err), &err);
    live_seed(conn, "HSET rq:job:x data D");
    steps_expect(conn, row->want);
    ck_assert_int_eq(crq_job_status(job), row->status);
    ck_assert_str_eq(crq_job_status_text(job), crq_status_name(row->status));
    ck_assert(row->status == CRQ_STATUS_QUEUED
                    ? crq_job_enqueued_us(job) == NOON
                    : crq_job_enqueued_us(job) == CRQ_UNSET);
    ck_assert_ptr_null(crq_job_problem(job));
    crq_job_free(job);

    /* The reply was lost, and the call comes once more. */
    unit_ok(enqueue(row, &job, &err), &err);
    ck_assert_int_eq(crq_job_status(job), row->status);
    crq_job_free(job);
    steps_expect(conn, row->want);
}
END_TEST

static const struct {
    const char *seed;
    bool scheduled;
} foreign[] = {
    { "SET rq:queues x", false },
    { "SET rq:queue:q x", false },
    { "SET rq:job:x x", false },
    { "SET rq:job:a x", false },
    { "SET rq:job:a:dependents x", false },
    { "SET rq:job::x:dependencies x", false },
    { "SET rq:deferred:q x", false },
    { "SET rq:groups x", false },
    { "SET rq:group:g x", false },
    { "SET rq:groups x", true },
    { "SET rq:group:g x", true },
};

START_TEST(test_a_key_of_another_type_leaves_nothing_half_written)
{
    struct row row = { .on = { "b", "a" },
        .count = 2,
        .group = "g",
        .scheduled = foreign[_i].scheduled };
    crq_error err;

    live_seed(conn, "HSET rq:job:b status queued data D");
    live_seed(conn, foreign[_i].seed);
    steps_mark(conn);
    ck_assert_int_eq(enqueue(&row, NULL, &err), CRQ_EREDIS);
    steps_expect(conn, "");
}
END_TEST

static int enqueue_again(void *arg, crq_error *err)
{
    crq_job *job = NULL;
    int rc = enqueue(arg, &job, err);

    ck_assert_int_eq(job != NULL, rc == 0);
    crq_job_free(job);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    struct row row = { .on = { "a" }, .count = 1, .group = "g" };

    live_seed(conn, "HSET rq:job:a status queued data D");
    unit_fail_each_allocation(enqueue_again, &row);
}
END_TEST

/* ---- many jobs ---- */

/* Calls "ID[=ON[,ON]]", given in this order. */
struct work {
    const char *const *calls;
    size_t count, given;
    const char *group;
    char id[20], ids[2][20];
    const char *on[2];
    struct crq_buf told;
};

static int give(void *arg, crq_call *call, crq_error *err)
{
    struct work *work = arg;
    const char *text, *on;

    (void)err;
    if (work->given == work->count)
        return 0;
    text = work->calls[work->given++];
    snprintf(work->id, sizeof(work->id), "%.*s", (int)strcspn(text, "="), text);
    call->func = "f";
    call->job_id = work->id;
    call->group_id = work->group;
    call->depends_on = work->on;
    for (on = strchr(text, '='); on != NULL; on = strchr(on + 1, ',')) {
        snprintf(work->ids[call->dependencies], sizeof(work->ids[0]), "%.*s",
                (int)strcspn(on + 1, ","), on + 1);
        work->on[call->dependencies] = work->ids[call->dependencies];
        call->dependencies++;
    }
    return 1;
}

static int told(void *arg, size_t nth, const char *job_id, int rc,
        const crq_error *err)
{
    struct work *work = arg;

    (void)err;
    crq_buf_printf(&work->told, "%zu:%s ", nth, rc == 0 ? job_id : "?");
    return 0;
}

/* The order in which RQ enqueues them: those that depend on others last. */
static const struct {
    const char *calls[6];
    size_t count;
    const char *told, *queue, *deferred; /* ids; NULL: none */
} many[] = {
    { { "a", "b", "c" }, 3, "0:a 1:b 2:c ", "a b c", NULL },
    { { "a=b", "b", "c=a" }, 3, "1:b 0:a 2:c ", "b", "a c" },
    { { "a=gone", "b", "c=done,gone" }, 3, "1:b 0:a 2:c ", "b a c", NULL },
    { { "a=c", "b", "c=done" }, 3, "1:b 0:a 2:c ", "b c", "a" },
    { { "a=c", "b=failed", "c=gone", "d", "e=d", "bad id" }, 6,
            "3:d 5:? 0:a 1:b 2:c 4:e ", "d c", "a b e" },
};

static void expect_ids(const char *command, const char *key, const char *want)
{
    crq_reply *reply;
    crq_error err;
    struct crq_buf got = CRQ_BUF_INIT;

    unit_ok(crq_conn_run(conn, &reply, &err, command, key, "0", "-1", NULL),
            &err);
    for (size_t i = 0; i < crq_reply_count(reply); i++)
        crq_buf_printf(&got, "%s%s", i == 0 ? "" : " ",
                crq_reply_text(crq_reply_item(reply, i), NULL));
    ck_assert_str_eq(crq_buf_text(&got), want != NULL ? want : "");
    crq_buf_fini(&got);
    crq_reply_free(reply);
}

START_TEST(test_many_jobs_may_depend_on_each_other_in_any_order)
{
    struct work work = { .calls = many[_i].calls,
        .count = many[_i].count,
        .group = "g",
        .told = CRQ_BUF_INIT };
    crq_error err;
    size_t written;

    live_seed(conn,
            "HSET rq:job:done status finished data D\n"
            "HSET rq:job:failed status failed data D");
    unit_ok(crq_queue_enqueue_many(queue, give, told, &work, &written, &err),
            &err);
    ck_assert_str_eq(crq_buf_text(&work.told), many[_i].told);
    ck_assert_uint_eq(written,
            many[_i].count - (strchr(many[_i].told, '?') != NULL));
    expect_ids("LRANGE", "rq:queue:q", many[_i].queue);
    expect_ids("ZRANGE", "rq:deferred:q", many[_i].deferred);
    ck_assert_int_eq(ask("SCARD", "rq:group:g"), (int64_t)written);
    crq_buf_fini(&work.told);
}
END_TEST

static int enqueue_many(void *arg, crq_error *err)
{
    struct work work = {
        .calls = many[4].calls, .count = many[4].count - 1, .told = CRQ_BUF_INIT
    };

    (void)arg;
    return crq_queue_enqueue_many(queue, give, NULL, &work, NULL, err);
}

START_TEST(test_every_failing_allocation_among_many_is_reported)
{
    unit_fail_each_allocation(enqueue_many, NULL);
}
END_TEST

static int give_a_fan(void *arg, crq_call *call, crq_error *err)
{
    static const char *const parent[] = { "a" };
    struct work *work = arg;

    (void)err;
    if (work->given == work->count)
        return 0;
    snprintf(work->id, sizeof(work->id), "d%05zu", work->given++);
    call->func = "f";
    call->job_id = work->id;
    call->depends_on = parent;
    call->dependencies = 1;
    return 1;
}

/* ---- the end of a parent with many dependents ---- */

#define RUN(more)                                                                  \
    "HSET rq:job:a created_at c data D origin q1 status started timeout 180 " more \
    "\n"                                                                           \
    "HSET rq:execution:a:" X1 " id " X1 "\n"                                       \
    "ZADD rq:executions:a 1800000140 " X1 "\n"                                     \
    "ZADD rq:wip:q1 1800000080 a:" X1 "\n"

static int64_t promote_rest(void)
{
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;
    int64_t left;

    crq_args_init(&args);
    nkeys = crq_promote_rest_words(&args, AT_US);
    reply = steps_call(conn, &crq_script_promote_rest, nkeys, &args);
    unit_ok(crq_promote_rest_read(reply, &left, &err), &err);
    crq_reply_free(reply);
    return left;
}

static bool finish(enum crq_ending ending)
{
    struct crq_finish how = steps_finish_of("a", ending);
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;
    bool promotes;

    crq_args_init(&args);
    nkeys = crq_finish_start(&args, 500, AT_US + 3000000);
    unit_ok(crq_finish_add(&args, &how, &err), &err);
    reply = steps_call(conn, &crq_script_finish, nkeys, &args);
    unit_ok(crq_finish_read(reply, 1, &err), &err);
    ck_assert_int_eq(crq_finish_state(reply, 0, NULL),
            ending == CRQ_ENDING_SUCCESS ? CRQ_FINISHED_OK
                                         : CRQ_FINISHED_FAILED);
    promotes = crq_finish_promotes(reply, 1);
    crq_reply_free(reply);
    return promotes;
}

static void make_fan(size_t count)
{
    struct work work = { .count = count };
    crq_error err;
    size_t written;

    unit_ok(crq_queue_enqueue_many(queue, give_a_fan, NULL, &work, &written,
                    &err),
            &err);
    ck_assert_uint_eq(written, count);
    ck_assert_int_eq(ask("ZCARD", "rq:deferred:q"), (int64_t)count);
}

static const struct {
    size_t count;
    int64_t calls; /* of promote_rest, at most */
    bool deleted;  /* the parent, at its end */
} fans[] = {
    { 1, 0, false },
    { 100, 0, false },
    { 101, 2, false },
    { 250, 3, true },
    { 10000, 100, false },
};

START_TEST(test_a_fan_of_dependents_is_promoted_in_pieces)
{
    int64_t calls = 0, left = -1, before;
    bool promotes;

    live_seed(conn, RUN(""));
    if (fans[_i].deleted)
        live_seed(conn, "HSET rq:job:a result_ttl 0");
    make_fan(fans[_i].count);
    promotes = finish(CRQ_ENDING_SUCCESS);
    ck_assert(promotes == (fans[_i].calls > 0));
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), promotes);
    ck_assert_int_eq(ask("EXISTS", "rq:job:a"), !fans[_i].deleted);
    for (; promotes && left != 0; calls++) {
        before = ask("LLEN", "rq:queue:q");
        left = promote_rest();
        /* No call does more than its piece. */
        ck_assert_int_le(ask("LLEN", "rq:queue:q") - before, 100);
    }
    ck_assert_int_le(calls, fans[_i].calls);
    ck_assert_int_eq(ask("LLEN", "rq:queue:q"), (int64_t)fans[_i].count);
    ck_assert_int_eq(ask("EXISTS", "rq:deferred:q"), 0);
    ck_assert_int_eq(ask("EXISTS", "rq:job:a:dependents"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting:a"), 0);
    ck_assert_int_eq(promote_rest(), 0);
}
END_TEST

/* Whoever was to go on has died: nobody is forgotten, though the parent runs
 * and ends once more meanwhile, and those who may not run stay registered. */
START_TEST(test_dependents_left_half_way_are_found_by_the_next_call)
{
    live_seed(conn, RUN("failure_ttl 60"));
    make_fan(250);
    live_seed(conn,
            "HSET rq:job:d00007 allow_dependency_failures 1\n"
            "HSET rq:job:d00008 status canceled");
    ck_assert(finish(CRQ_ENDING_FAILURE));
    ck_assert_int_eq(promote_rest(), 150);
    ck_assert_int_eq(ask("SCARD", "rq:job:a:dependents") +
                    ask("LLEN", "rq:queue:q"),
            100);
    ck_assert_int_eq(ask("TTL", "rq:job:a:dependents"), 60);

    live_seed(conn, RUN(""));
    ck_assert(finish(CRQ_ENDING_SUCCESS));
    while (promote_rest() > 0)
        ;
    ck_assert_int_eq(ask("LLEN", "rq:queue:q"), 249);
    expect_ids("ZRANGE", "rq:deferred:q", "d00008");
    ck_assert_int_eq(ask("SCARD", "rq:job:a:dependents"), 1);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), 0);
}
END_TEST

#define WAITER(id, more)                                                       \
    "HSET rq:job:" id " created_at c data D origin q timeout 9 status "        \
    "deferred " more "\nZADD rq:deferred:q 5 " id "\n"                         \
    "SADD rq:job::" id ":dependencies a\n"
#define FAILED_AGAIN(since)                                                    \
    "+crq:promoting_failed:a set\n" since                                      \
    "-rq:execution:a:X1\n-rq:executions:a\n"                                   \
    "+rq:failed:q1 zset\n  1800000063 a\n"                                     \
    "rq:job:a hash ttl=60\n  -status started\n  +ended_at @2\n"                \
    "  +last_heartbeat @2\n  +status failed\n"                                 \
    "-rq:job:a:dependents\n"                                                   \
    "+rq:results:a stream ttl=60\n"                                            \
    "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk= execution_id X1 "  \
    "execution_ended_at 1800000002.000000\n"                                   \
    "-rq:wip:q1\n"
#define PROMOTED(id)                                                           \
    "rq:job:" id " hash\n  -status deferred\n  +enqueued_at @0\n"              \
    "  +status queued\n"

/* A success is good for those who waited then, though the parent runs again
 * and fails before they had their turn. What it fails for are those who came
 * since: y may run all the same, z waits on. */
START_TEST(test_a_failure_behind_a_success_is_for_those_who_came_since)
{
    live_seed(conn,
            RUN("failure_ttl 60") WAITER("x", "")
                    WAITER("y", "allow_dependency_failures 1")
                            WAITER("z", "") "HSET crq:promoting a "
                                            "finished:q1\n"
                                            "SADD crq:promoting:a x\n"
                                            "SADD rq:job:a:dependents y z\n");
    steps_mark(conn);
    ck_assert(finish(CRQ_ENDING_FAILURE));
    steps_expect(conn, FAILED_AGAIN("  y\n  z\n"));

    steps_mark(conn);
    ck_assert_int_eq(promote_rest(), 2);
    steps_expect(conn,
            "crq:promoting hash\n  -a finished:q1\n  +a failed:q1\n"
            "crq:promoting:a set\n  -x\n  +y\n  +z\n"
            "-crq:promoting_failed:a\n"
            "rq:deferred:q zset\n  -5 x\n" PROMOTED(
                    "x") "+rq:queue:q list\n  x\n"
                         "+rq:queues set\n  rq:queue:q\n");
    steps_mark(conn);
    ck_assert_int_eq(promote_rest(), 0);
    steps_expect(conn,
            "-crq:promoting\n-crq:promoting:a\n"
            "rq:deferred:q zset\n  -5 y\n"
            "+rq:job:a:dependents set ttl=60\n  z\n" PROMOTED(
                    "y") "rq:queue:q list\n  x y\n");
}
END_TEST

/* And then it ends in success: that is good for all who are left. */
START_TEST(test_a_success_behind_a_failure_is_for_all_who_are_left)
{
    live_seed(conn,
            RUN("") WAITER("x", "") WAITER("y", "")
                    WAITER("z", "") "HSET crq:promoting a finished:q1\n"
                                    "SADD crq:promoting:a x\n"
                                    "SADD crq:promoting_failed:a y\n"
                                    "SADD rq:job:a:dependents z\n");
    steps_mark(conn);
    ck_assert(finish(CRQ_ENDING_SUCCESS));
    ck_assert_int_eq(promote_rest(), 0);
    ck_assert_int_eq(ask("LLEN", "rq:queue:q"), 3);
    ck_assert_int_eq(ask("EXISTS", "rq:deferred:q"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting_failed:a"), 0);
    ck_assert_int_eq(ask("EXISTS", "rq:job:a:dependents"), 0);
}
END_TEST

/* No worker is there: who cancels does it all. */
static void cancel_it(void)
{
    crq_job *job;
    crq_error err;

    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    unit_ok(crq_job_cancel(job, CRQ_CANCEL_ENQUEUE_DEPENDENTS, &err), &err);
    crq_job_free(job);
}

static void cancel_all(void)
{
    crq_filter filter = CRQ_FILTER_INIT;
    crq_bulk bulk = CRQ_BULK_INIT;
    crq_tally tally;
    crq_error err;

    filter.queue = "q1";
    bulk.operation = CRQ_OPERATION_CANCEL;
    bulk.flags = CRQ_CANCEL_ENQUEUE_DEPENDENTS;
    unit_ok(crq_jobs_apply(conn, &filter, &bulk, &tally, &err), &err);
    ck_assert_int_eq(tally.done, 1);
}

/* As maintenance finds the run of a dead worker of RQ's; its dependents are
 * for after a failure, too. */
static void sweep(void)
{
    struct crq_swept swept;
    crq_error err;

    for (int i = 0; i < 250; i++) {
        char line[80];

        snprintf(line, sizeof(line),
                "HSET rq:job:d%05d allow_dependency_failures 1", i);
        live_seed(conn, line);
    }
    live_seed(conn,
            "SADD rq:queues rq:queue:q1\n"
            "ZADD rq:wip:q1 5 a:" X1);
    unit_ok(crq_janitor_run(conn, &swept, &err), &err);
    ck_assert_int_eq(swept.cleaned.failed, 1);
}

static void (*const ends[])(void) = { cancel_it, cancel_all, sweep };

START_TEST(test_who_ends_a_job_from_outside_promotes_all_of_its_dependents)
{
    live_seed(conn, RUN(""));
    make_fan(250);
    ends[_i]();
    ck_assert_int_eq(ask("LLEN", "rq:queue:q"), 250);
    ck_assert_int_eq(ask("EXISTS", "rq:deferred:q"), 0);
    ck_assert_int_eq(ask("EXISTS", "rq:job:a:dependents"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting:a"), 0);
}
END_TEST

/* What was canceled is canceled, whatever becomes of the rest. */
START_TEST(test_dependents_that_cannot_be_promoted_now_do_not_fail_a_cancel)
{
    live_seed(conn, RUN(""));
    make_fan(250);
    live_seed(conn, "ACL SETUSER default -hrandfield");
    cancel_it();
    live_seed(conn, "ACL SETUSER default +hrandfield");
    ck_assert_int_eq(ask("SCARD", "crq:promoting:a"), 250);
    ck_assert_int_eq(promote_rest(), 150);
}
END_TEST

/* Its worker has died, and the run's lease is over. */
START_TEST(test_many_dependents_of_a_dead_workers_run_are_promoted_in_pieces)
{
    struct crq_take_over what = {
        .dead = "s", .limit = 10, .now_us = AT_US + 100000000
    };
    struct crq_taken_over taken = { 0 };
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn,
            RUN("") "ZADD crq:alive 5 s\n"
                    "HSET crq:runs:s " X1 " 1:begun:1:a:q1");
    make_fan(250);
    live_seed(conn,
            "HSET rq:job:d00007 allow_dependency_failures 1\n"
            "HSET rq:job:d00249 allow_dependency_failures 1");
    crq_args_init(&args);
    unit_ok(crq_take_over_words(&what, &args, &nkeys, &err), &err);
    reply = steps_call(conn, &crq_script_take_over, nkeys, &args);
    unit_ok(crq_take_over_read(reply, &taken, &err), &err);
    crq_reply_free(reply);
    ck_assert_int_eq(taken.failed, 1);
    ck_assert_int_eq(ask("EXISTS", "rq:queue:q"), 0);
    ck_assert_int_eq(ask("SCARD", "crq:promoting:a"), 250);

    for (int calls = 0; promote_rest() > 0; calls++)
        ck_assert_int_lt(calls, 3);
    ck_assert_int_eq(ask("LLEN", "rq:queue:q"), 2);
    ck_assert_int_eq(ask("ZCARD", "rq:deferred:q"), 248);
    ck_assert_int_eq(ask("SCARD", "rq:job:a:dependents"), 248);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting:a"), 0);
}
END_TEST

/* What stands in crq:promoting and was not written by these scripts. */
static const char *const odd[] = {
    "HSET crq:promoting a nonsense\nSADD crq:promoting:a x",
    "HSET crq:promoting a finished:q",
    "HSET crq:promoting a finished:q\nSET crq:promoting:a x",
    ("HSET crq:promoting a finished:q\nSADD crq:promoting:a x gone\n"
     "DEL rq:job:x\nSET rq:job:x text\nSET rq:job:a text"),
};

START_TEST(test_an_odd_entry_ends_and_promotes_nobody)
{
    int64_t left = 1;

    live_seed(conn, "HSET rq:job:x status deferred data D origin q");
    live_seed(conn, odd[_i]);
    for (int calls = 0; left > 0; calls++) {
        ck_assert_int_lt(calls, 3);
        left = promote_rest();
    }
    ck_assert_int_eq(ask("EXISTS", "rq:queue:q"), 0);
    ck_assert_int_eq(ask("EXISTS", "crq:promoting"), 0);
}
END_TEST

/* Its other parent has run again: in RQ it would run once more, too. */
START_TEST(test_a_dependent_that_was_promoted_is_not_promoted_again)
{
    static const char *const states[] = { "queued", "started", "finished",
        "failed", "stopped", "scheduled", "canceled" };

    live_seed(conn,
            RUN("") "HSET rq:job:x data D origin q created_at c\n"
                    "SADD rq:job:a:dependents x\nSADD rq:job::x:dependencies a");
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        char line[80];

        live_seed(conn, RUN(""));
        snprintf(line, sizeof(line), "HSET rq:job:x status %s", states[i]);
        live_seed(conn, line);
        ck_assert(!finish(CRQ_ENDING_SUCCESS));
        ck_assert_int_eq(ask("EXISTS", "rq:queue:q"), 0);
    }
    live_seed(conn, RUN("") "HSET rq:job:x status deferred");
    finish(CRQ_ENDING_SUCCESS);
    ck_assert_int_eq(ask("LLEN", "rq:queue:q"), 1);
}
END_TEST

/* ---- settle ---- */

#define WAITS(id, more)                                                        \
    "HSET rq:job:" id " created_at c data D origin q status deferred " more    \
    "\nZADD rq:deferred:q 1 " id "\n"

START_TEST(test_deferred_jobs_are_enqueued_when_nothing_holds_them)
{
    static const char *const ids[] = { "met", "gone", "waits", "failed",
        "allows", "queued", "none" };
    static const bool want[] = { true, true, false, false, true, false, false };
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn,
            "HSET rq:job:ok status finished\nHSET rq:job:bad status failed\n"
            "HSET rq:job:run status started\nHSET rq:job:queued status queued\n"
            "SADD rq:job::met:dependencies ok\n"
            "SADD rq:job::gone:dependencies nobody\n"
            "SADD rq:job::waits:dependencies ok run\n"
            "SADD rq:job::failed:dependencies bad\n"
            "SADD rq:job::allows:dependencies bad ok\n" WAITS("met",
                    "timeout 180") WAITS("gone", "enqueue_at_front 1") //
            WAITS("waits", "") WAITS("failed", "")
                    WAITS("allows", "allow_dependency_failures 1 ttl 50"));
    steps_mark(conn);
    for (int again = 0; again < 2; again++) {
        crq_args_init(&args);
        nkeys = crq_settle_start(&args, AT_US);
        for (size_t i = 0; i < 7; i++)
            crq_settle_add(&args, ids[i]);
        reply = steps_call(conn, &crq_script_settle, nkeys, &args);
        unit_ok(crq_settle_read(reply, 7, &err), &err);
        for (size_t i = 0; i < 7; i++)
            ck_assert_int_eq(crq_settle_enqueued(reply, i),
                    again == 0 && want[i]);
        crq_reply_free(reply);
        steps_expect(conn,
                "rq:deferred:q zset\n  -1 allows\n  -1 gone\n  -1 met\n"
                "rq:job::allows:dependencies set ttl=50\n"
                "rq:job:allows hash ttl=50\n  -status deferred\n"
                "  +enqueued_at @0\n  +status queued\n  +timeout 180\n"
                "rq:job:gone hash\n  -status deferred\n"
                "  +enqueued_at @0\n  +status queued\n  +timeout 180\n"
                "rq:job:met hash\n  -status deferred\n"
                "  +enqueued_at @0\n  +status queued\n"
                "+rq:queue:q list\n  gone met allows\n"
                "+rq:queues set\n  rq:queue:q\n");
    }
}
END_TEST

/* What is wrong with one is its own affair. */
START_TEST(test_jobs_that_cannot_be_settled_hold_up_no_others)
{
    static const char *const ids[] = { "hash", "queue", "waits", "parent",
        "met" };
    struct crq_args args;
    const char *why;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn,
            "SET rq:job:hash text\nSET rq:queue:odd text\n"
            "SET rq:job::waits:dependencies text\nSET rq:job:bad text\n"
            "SADD rq:job::parent:dependencies bad\n"
            "HSET rq:job:queue status deferred data D origin odd\n" //
            WAITS("waits", "") WAITS("parent", "") WAITS("met", "timeout 9"));
    steps_mark(conn);
    for (int again = 0; again < 2; again++) {
        crq_args_init(&args);
        nkeys = crq_settle_start(&args, AT_US);
        for (size_t i = 0; i < 5; i++)
            crq_settle_add(&args, ids[i]);
        reply = steps_call(conn, &crq_script_settle, nkeys, &args);
        unit_ok(crq_settle_read(reply, 5, &err), &err);
        for (size_t i = 0; i < 5; i++) {
            why = crq_settle_why(reply, i);
            ck_assert_int_eq(crq_settle_enqueued(reply, i),
                    i == 4 && again == 0);
            if (i == 0 || i == 4)
                ck_assert_ptr_null(why);
            else
                ck_assert(why != NULL && strstr(why, "WRONGTYPE") != NULL);
        }
        crq_reply_free(reply);
        steps_expect(conn,
                "rq:deferred:q zset\n  -1 met\n" PROMOTED(
                        "met") "+rq:queue:q list\n  met\n"
                               "+rq:queues set\n  rq:queue:q\n");
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("dependency");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc, test_a_job_waits_for_those_that_are_not_done_as_in_rq,
            rows);
    unit_add_rows(tc, test_a_key_of_another_type_leaves_nothing_half_written,
            foreign);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    unit_add_rows(tc, test_many_jobs_may_depend_on_each_other_in_any_order,
            many);
    tcase_add_test(tc, test_every_failing_allocation_among_many_is_reported);
    unit_add_rows(tc, test_a_fan_of_dependents_is_promoted_in_pieces, fans);
    tcase_add_test(tc,
            test_dependents_left_half_way_are_found_by_the_next_call);
    tcase_add_test(tc,
            test_a_failure_behind_a_success_is_for_those_who_came_since);
    tcase_add_test(tc, test_a_success_behind_a_failure_is_for_all_who_are_left);
    tcase_add_test(tc,
            test_many_dependents_of_a_dead_workers_run_are_promoted_in_pieces);
    unit_add_rows(tc,
            test_who_ends_a_job_from_outside_promotes_all_of_its_dependents,
            ends);
    tcase_add_test(tc,
            test_dependents_that_cannot_be_promoted_now_do_not_fail_a_cancel);
    unit_add_rows(tc, test_an_odd_entry_ends_and_promotes_nobody, odd);
    tcase_add_test(tc,
            test_a_dependent_that_was_promoted_is_not_promoted_again);
    tcase_add_test(tc, test_deferred_jobs_are_enqueued_when_nothing_holds_them);
    tcase_add_test(tc, test_jobs_that_cannot_be_settled_hold_up_no_others);
    return live_run("dependency", tc);
}
