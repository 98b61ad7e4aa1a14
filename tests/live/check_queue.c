/*
 * check_queue.c - tests of model/queue.c, enqueue.lua and schedule.lua: all
 * that is in Redis before and afterwards.
 */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */
#define THEN "2026-11-21T12:00:00.000000Z"

static struct crq_clock_manual clock_at;
static crq_conn *conn;
static crq_queue *queue;

static crq_queue *new_queue(crq_conn *on, const char *name)
{
    crq_queue *q = NULL;
    crq_error err;

    crq_clock_manual_init(&clock_at, NOON);
    crq_conn_set_clock(on, &clock_at.clock);
    unit_ok(crq_queue_new(on, name, &q, &err), &err);
    return q;
}

static void set_up(void)
{
    conn = live_conn();
    queue = new_queue(conn, "q");
}

static void tear_down(void)
{
    crq_queue_free(queue);
    crq_conn_free(conn);
}

/* The state without the bytes of `data`, which depend on zlib's version. */
static char *state(void)
{
    struct crq_buf out = CRQ_BUF_INIT;
    char *dump = live_dump(conn, LIVE_MASK_IDS), *text;
    crq_error err;

    for (char *line = strtok(dump, "\n"); line != NULL;
            line = strtok(NULL, "\n"))
        crq_buf_printf(&out, "%s\n",
                strncmp(line, "  data ", 7) == 0 ? "  data *" : line);
    crq_text_free(dump);
    unit_ok(crq_buf_steal(&out, &text, NULL, &err), &err);
    return text;
}

static void expect(const char *want)
{
    char *got = state();

    ck_assert_str_eq(got, want);
    crq_text_free(got);
}

/* ---- one job ---- */

#define HASH(created, description)                                             \
    "  created_at " created "\n  data *\n  description " description "\n"      \
    "  ended_at \"\"\n"
#define REST                                                                   \
    "  failure_callback_name \"\"\n  group_id \"\"\n  last_heartbeat \"\"\n"   \
    "  origin q\n"
#define CALLBACKS "  stopped_callback_name \"\"\n  success_callback_name \"\"\n"
#define QUEUED                                                                 \
    HASH(THEN, "f()")                                                          \
    "  enqueued_at " THEN "\n" REST                                            \
    "  started_at \"\"\n  status queued\n" CALLBACKS "  timeout 180\n"
#define SCHEDULED                                                              \
    HASH(THEN, "f()")                                                          \
    REST "  started_at \"\"\n  status scheduled\n" CALLBACKS "  timeout 180\n"
#define QUEUES "rq:queues set\n  rq:queue:q\n"

struct row {
    const char *seed;
    int64_t when_us; /* 0: now */
    int64_t ttl_s;   /* 0: unset */
    bool at_front, unique;
    int rc;
    const char *want; /* NULL: the state stays what it was */
};

static const struct row rows[] = {
    { .want = "rq:job:a hash\n" QUEUED "  worker_name \"\"\n"
              "rq:queue:q list\n  a\n" QUEUES },
    { .seed = "RPUSH rq:queue:q x y",
            .want = "rq:job:a hash\n" QUEUED "  worker_name \"\"\n"
                    "rq:queue:q list\n  x\n  y\n  a\n" QUEUES },
    { .seed = "RPUSH rq:queue:q x y",
            .at_front = true,
            .want = "rq:job:a hash\n" QUEUED "  worker_name \"\"\n"
                    "rq:queue:q list\n  a\n  x\n  y\n" QUEUES },
    /* A TTL is for the sets of dependencies, too. */
    { .seed = "SADD rq:job:a:dependents d\nSADD rq:job::a:dependencies e",
            .ttl_s = 90,
            .want = "rq:job::a:dependencies set ttl=90\n  e\n"
                    "rq:job:a hash ttl=90\n" QUEUED
                    "  ttl 90\n  worker_name \"\"\n"
                    "rq:job:a:dependents set ttl=90\n  d\n"
                    "rq:queue:q list\n  a\n" QUEUES },
    /* Over an old job: other fields, TTL and registries stay as they are. */
    { .seed = "HSET rq:job:a created_at old data old status finished new "
              "field ended_at " THEN " result r\n"
              "EXPIRE rq:job:a 50\nZADD rq:finished:q 7 a\n"
              "XADD rq:results:a 1-1 type 1",
            .want = "rq:finished:q zset\n  7 a\n"
                    "rq:job:a hash ttl=50\n" HASH(THEN,
                            "f()") "  enqueued_at " THEN "\n"
                                   "  failure_callback_name \"\"\n  group_id \"\"\n"
                                   "  last_heartbeat \"\"\n  new field\n  origin q\n"
                                   "  result r\n  started_at \"\"\n  status queued\n" CALLBACKS
                                   "  timeout 180\n  worker_name \"\"\n"
                                   "rq:queue:q list\n  a\n" QUEUES
                                   "rq:results:a stream\n  * type 1\n" },
    { .unique = true,
            .want = "rq:job:a hash\n" QUEUED "  worker_name \"\"\n"
                    "rq:queue:q list\n  a\n" QUEUES },
    { .seed = "HSET rq:job:a status finished",
            .unique = true,
            .rc = CRQ_EEXIST },
    { .seed = "HSET rq:job:a created_at " THEN " data other",
            .unique = true,
            .rc = CRQ_EEXIST },
    { .when_us = NOON + 1500000,
            .want = "rq:job:a hash\n" SCHEDULED "  worker_name \"\"\n" QUEUES
                    "rq:scheduled:q zset\n  1795262401.5 a\n" },
    { .when_us = -1500000,
            .want = "rq:job:a hash\n" SCHEDULED "  worker_name \"\"\n" QUEUES
                    "rq:scheduled:q zset\n  -1.5 a\n" },
    { .seed = "ZADD rq:scheduled:q 5 a 6 b",
            .when_us = NOON,
            .at_front = true,
            .ttl_s = 60,
            .want = "rq:job:a hash ttl=60\n" HASH(THEN,
                    "f()") "  enqueue_at_front 1\n" REST
                           "  started_at \"\"\n  status scheduled\n" CALLBACKS
                           "  timeout 180\n  ttl 60\n  worker_name \"\"\n" QUEUES
                           "rq:scheduled:q zset\n  6 b\n  1795262400 a\n" },
    { .seed = "HSET rq:job:a status deferred",
            .when_us = NOON,
            .unique = true,
            .rc = CRQ_EEXIST },
    { .when_us = INT64_MIN, .rc = CRQ_EINVAL },
    { .when_us = INT64_MAX, .rc = CRQ_EINVAL },
    { .when_us = INT64_C(253402300800) * 1000000, .rc = CRQ_EINVAL },
    /* A key of another type: nothing is half-written. */
    { .seed = "SET rq:queues x", .rc = CRQ_EREDIS },
    { .seed = "SET rq:queues x\nRPUSH rq:queue:q a b a", .rc = CRQ_EREDIS },
    { .seed = "SET rq:queues x\nRPUSH rq:queue:q a b a",
            .at_front = true,
            .rc = CRQ_EREDIS },
    { .seed = "SET rq:queue:q x", .rc = CRQ_EREDIS },
    { .seed = "SET rq:job:a x", .rc = CRQ_EREDIS },
    { .seed = "SADD rq:job:a x", .unique = true, .rc = CRQ_EREDIS },
    { .seed = "SET rq:queues x", .when_us = NOON, .rc = CRQ_EREDIS },
    { .seed = "SET rq:job:a x", .when_us = NOON, .rc = CRQ_EREDIS },
    { .seed = "SET rq:scheduled:q x", .when_us = NOON, .rc = CRQ_EREDIS },
};

static int enqueue(const struct row *row, crq_job **out, crq_error *err)
{
    crq_call call = CRQ_CALL_INIT;

    call.func = "f";
    call.job_id = "a";
    call.at_front = row->at_front;
    call.unique = row->unique;
    if (row->ttl_s != 0)
        call.ttl_s = row->ttl_s;
    return row->when_us == 0
            ? crq_queue_enqueue(queue, &call, out, err)
            : crq_queue_enqueue_at(queue, row->when_us, &call, out, err);
}

START_TEST(test_a_call_is_written_as_rq_writes_it_or_not_at_all)
{
    const struct row *row = &rows[_i];
    crq_job *job = NULL;
    crq_error err = { 0, "" };
    char *before;

    if (row->seed != NULL)
        live_seed(conn, row->seed);
    before = state();
    ck_assert_msg(enqueue(row, &job, &err) == row->rc, "%s", err.text);
    expect(row->want != NULL ? row->want : before);
    crq_text_free(before);
    ck_assert_int_eq(job != NULL, row->rc == 0);
    if (job == NULL)
        return;
    ck_assert_str_eq(crq_job_id(job), "a");
    ck_assert_str_eq(crq_job_func(job), "f");
    ck_assert_str_eq(crq_job_origin(job), "q");
    ck_assert_int_eq(crq_job_created_us(job), NOON);
    ck_assert_str_eq(crq_job_status_text(job),
            row->when_us == 0 ? "queued" : "scheduled");
    ck_assert_ptr_null(crq_job_problem(job));
    crq_job_free(job);
}
END_TEST

START_TEST(test_every_option_is_written)
{
    static const int64_t intervals[] = { 10, 20 };
    crq_call call = CRQ_CALL_INIT;
    crq_value *dict = crq_value_new_dict(), *list = crq_value_new_list();
    crq_error err;

    ck_assert_int_eq(crq_value_set(dict, "k", crq_value_new_int(1)), 0);
    ck_assert_int_eq(crq_value_add(list, crq_value_new_text("x")), 0);
    call.func = "mod.f";
    call.args = list;
    call.kwargs = call.meta = dict;
    call.serializer = CRQ_JSON;
    call.job_id = "a";
    call.timeout_s = -1;
    call.result_ttl_s = 0;
    call.failure_ttl_s = 7;
    call.ttl_s = 60;
    call.retry_max = 3;
    call.retry_intervals_s = intervals;
    call.retry_intervals = 2;
    call.retry_at_front = true;
    unit_ok(crq_queue_enqueue(queue, &call, NULL, &err), &err);
    expect("rq:job:a hash ttl=60\n" HASH(THEN,
            "\"mod.f('x', k=1)\"") "  enqueue_at_front_on_retry 1\n"
                                   "  enqueued_at " THEN
                                   "\n  failure_callback_name \"\"\n"
                                   "  failure_ttl 7\n  group_id \"\"\n  last_heartbeat \"\"\n"
                                   "  meta \"{\\\"k\\\": 1}\"\n  origin q\n  result_ttl 0\n"
                                   "  retries_left 3\n  retry_intervals \"[10, 20]\"\n"
                                   "  started_at \"\"\n  status queued\n" CALLBACKS
                                   "  timeout -1\n  ttl 60\n  worker_name \"\"\n"
                                   "rq:queue:q list\n  a\n" QUEUES);
    crq_value_free(dict);
    crq_value_free(list);
}
END_TEST

/* For who has no connection of this kind. */
START_TEST(test_the_words_of_a_call_make_the_same_job)
{
    static const struct row row = { .ttl_s = 60 };
    crq_call call = CRQ_CALL_INIT;
    struct crq_args words;
    char id[CRQ_NAME_MAX + 1];
    crq_reply *reply = NULL;
    char *alike;
    crq_error err;

    unit_ok(enqueue(&row, NULL, &err), &err);
    alike = state();
    live_seed(conn, "FLUSHALL");
    call.func = "f";
    call.job_id = "a";
    call.ttl_s = 60;
    crq_args_init(&words);
    unit_ok(crq_queue_enqueue_words("q", &call, NOON, NULL, id, &words, &err),
            &err);
    ck_assert_str_eq(id, "a");
    unit_ok(crq_script_call(conn, &crq_script_enqueue, CRQ_ENQUEUE_KEYS, &words,
                    NULL, &err),
            &err);
    expect(alike);
    crq_args_clear(&words);
    unit_ok(crq_queue_enqueue_words("q", &call, NOON + 1, "ch", id, &words,
                    &err),
            &err);
    unit_ok(crq_script_call(conn, &crq_script_enqueue, CRQ_ENQUEUE_KEYS, &words,
                    NULL, &err),
            &err);
    unit_ok(crq_conn_run(conn, &reply, &err, "HGET", "rq:job:a", "crq_reply",
                    NULL),
            &err);
    ck_assert_str_eq(crq_reply_text(reply, NULL), "ch");
    crq_reply_free(reply);
    crq_args_fini(&words);
    crq_text_free(alike);
}
END_TEST

static const struct {
    struct row call;
    const char *between;
} repeats[] = {
    { { .ttl_s = 60 }, "" },
    { { .unique = true }, "" },
    { { .at_front = true }, "LPOP rq:queue:q\nHSET rq:job:a status started" },
    { { .unique = true },
            "LPOP rq:queue:q\nHSET rq:job:a status finished "
            "ended_at " THEN "\nZADD rq:finished:q 9 a" },
    { { .when_us = NOON + 1 }, "" },
    { { .when_us = NOON, .unique = true },
            "ZREM rq:scheduled:q a\nRPUSH rq:queue:q a\n"
            "HSET rq:job:a status queued" },
    /* A Python worker ran it: it has packed the data anew. */
    { { .want = NULL },
            "LPOP rq:queue:q\nZADD rq:finished:q 7 a\n"
            "HSET rq:job:a data repacked status finished started_at " THEN },
    { { .unique = true },
            "LPOP rq:queue:q\nZADD rq:finished:q 7 a\n"
            "HSET rq:job:a data repacked status finished started_at " THEN },
    /* A Python scheduler found it due. */
    { { .when_us = NOON },
            "ZREM rq:scheduled:q a\nRPUSH rq:queue:q a\n"
            "HSET rq:job:a data repacked status queued" },
};

/* The reply was lost, and the call comes once more with the same words. */
START_TEST(test_a_repeated_call_changes_nothing)
{
    crq_error err;
    char *between;

    unit_ok(enqueue(&repeats[_i].call, NULL, &err), &err);
    live_seed(conn, repeats[_i].between);
    between = state();
    unit_ok(enqueue(&repeats[_i].call, NULL, &err), &err);
    expect(between);
    crq_text_free(between);
}
END_TEST

START_TEST(test_the_same_call_later_is_another_one)
{
    const struct row row = { .want = NULL };
    crq_error err;
    int64_t count;

    unit_ok(enqueue(&row, NULL, &err), &err);
    clock_at.now_us++;
    unit_ok(enqueue(&row, NULL, &err), &err);
    unit_ok(crq_queue_count(queue, &count, &err), &err);
    ck_assert_int_eq(count, 2);
}
END_TEST

static const char *const names[] = { "high prio", "a:b", "%s*[?]\\", "\"'",
    "caf\xc3\xa9", "intermediate" };

START_TEST(test_a_queue_may_have_any_printable_name)
{
    crq_queue *odd = new_queue(conn, names[_i]);
    crq_call call = CRQ_CALL_INIT;
    crq_reply *reply;
    crq_error err;
    char key[100];
    int64_t count;

    call.func = "f";
    unit_ok(crq_queue_enqueue(odd, &call, NULL, &err), &err);
    unit_ok(crq_queue_count(odd, &count, &err), &err);
    ck_assert_int_eq(count, 1);
    snprintf(key, sizeof(key), "rq:queue:%s", names[_i]);
    unit_ok(crq_conn_run(conn, &reply, &err, "SISMEMBER", "rq:queues", key,
                    NULL),
            &err);
    ck_assert_int_eq(crq_reply_int(reply, -1), 1);
    crq_reply_free(reply);
    crq_queue_free(odd);
}
END_TEST

static const struct {
    const char *name, *says;
} no_names[] = {
    { "", "the name of the queue is empty" },
    { "a\xff", "byte 1 of the queue's name is not UTF-8" },
    { "a\xed\xa0\x80", "byte 1 of the queue's name is not UTF-8" },
    { "a\nb", "the queue's name 'a?b' has a control character" },
};

START_TEST(test_a_name_that_no_queue_can_have_is_refused)
{
    crq_queue *none = NULL;
    crq_error err;

    ck_assert_int_eq(crq_queue_new(conn, no_names[_i].name, &none, &err),
            CRQ_EINVAL);
    ck_assert_str_eq(err.text, no_names[_i].says);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(test_a_delay_is_added_to_the_clock)
{
    crq_call call = CRQ_CALL_INIT;
    crq_error err;

    call.func = "f";
    call.job_id = "a";
    unit_ok(crq_queue_enqueue_in(queue, 250000, &call, NULL, &err), &err);
    expect("rq:job:a hash\n" SCHEDULED "  worker_name \"\"\n" QUEUES
           "rq:scheduled:q zset\n  1795262400.25 a\n");
    ck_assert_int_eq(crq_queue_enqueue_in(queue, INT64_MAX, &call, NULL, &err),
            CRQ_EINVAL);
    ck_assert_int_eq(crq_queue_enqueue_in(queue, INT64_MIN, &call, NULL, &err),
            CRQ_EINVAL);
}
END_TEST

/* ---- trouble ---- */

static int64_t used_memory(crq_conn *on)
{
    crq_reply *reply;
    crq_error err;
    int64_t used;

    unit_ok(crq_conn_run(on, &reply, &err, "INFO", "memory", NULL), &err);
    used = strtoll(strstr(crq_reply_text(reply, NULL), "used_memory:") + 12,
            NULL, 10);
    crq_reply_free(reply);
    return used;
}

static void set_maxmemory(crq_conn *on, int64_t bytes)
{
    char line[60];

    snprintf(line, sizeof(line), "CONFIG SET maxmemory %lld", (long long)bytes);
    live_seed(on, line);
}

START_TEST(test_a_full_redis_refuses_a_job_or_takes_all_of_it)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *on = live_conn_to("%s", server->url);
    crq_queue *q = new_queue(on, "q");
    crq_call call = CRQ_CALL_INIT;
    size_t len = 4 << 20;
    char *noise = malloc(len);
    crq_value *args = crq_value_new_list();
    crq_error err;
    int64_t count;

    call.func = "f";
    unit_ok(crq_queue_enqueue(q, &call, NULL, &err), &err);
    live_seed(on, "FLUSHALL");
    set_maxmemory(on, 1);
    ck_assert_int_eq(crq_queue_enqueue(q, &call, NULL, &err), CRQ_EREDIS);
    ck_assert_msg(strstr(err.text, "maxmemory") != NULL, "%s", err.text);
    set_maxmemory(on, 0);
    live_expect(on, "");

    /* With as little as the call itself needs, HSET is what fills it, and SADD
     * and RPUSH come behind. */
    srandom(1);
    for (size_t i = 0; i < len; i++)
        noise[i] = (char)random();
    ck_assert_int_eq(crq_value_add(args, crq_value_new_bytes(noise, len)), 0);
    call.args = args;
    for (int64_t more = (int64_t)len / 4;; more += (int64_t)len / 4) {
        ck_assert_int_le(more, (int64_t)len * 4);
        set_maxmemory(on, used_memory(on) + more);
        if (crq_queue_enqueue(q, &call, NULL, &err) == 0)
            break;
        ck_assert_int_eq(err.code, CRQ_EREDIS);
        set_maxmemory(on, 0);
        live_expect(on, "");
    }
    unit_ok(crq_queue_count(q, &count, &err), &err);
    ck_assert_int_eq(count, 1);
    free(noise);
    crq_value_free(args);
    crq_queue_free(q);
    crq_conn_free(on);
}
END_TEST

/* A user who may not write hashes: which other jobs are there, and how the call
 * is placed. */
static const struct {
    const char *seed;
    bool at_front, scheduled;
    const char *depends_on, *group;
} forbidden[] = {
    { "", false, false, NULL, NULL },
    { "RPUSH rq:queue:q z\nSADD rq:queues rq:queue:q", false, false, NULL,
            NULL },
    { "RPUSH rq:queue:q z\nSADD rq:queues rq:queue:q", true, false, NULL,
            NULL },
    { "RPUSH rq:queue:q z", true, false, NULL, NULL },
    { "", false, true, NULL, NULL },
    { "HSET rq:job:b data D", false, false, "b", "g" },
};

START_TEST(test_a_user_who_may_not_write_a_job_leaves_no_id_either)
{
    struct live_server *server = live_start(false, NULL);
    const char *on_b[] = { forbidden[_i].depends_on };
    crq_conn *root = live_conn_to("%s", server->url);
    crq_conn *user = live_conn_to("%s", server->url);
    crq_queue *q = new_queue(user, "q");
    crq_call call = CRQ_CALL_INIT;
    crq_error err;
    char *before;
    int rc;

    call.func = "f";
    call.ttl_s = 60;
    call.at_front = forbidden[_i].at_front;
    call.depends_on = on_b;
    call.dependencies = on_b[0] != NULL;
    call.group_id = forbidden[_i].group;
    live_seed(root, forbidden[_i].seed);
    before = live_dump(root, LIVE_MASK_IDS);
    live_seed(root, "ACL SETUSER default -hset");
    if (forbidden[_i].scheduled)
        rc = crq_queue_enqueue_in(q, 1, &call, NULL, &err);
    else
        rc = crq_queue_enqueue(q, &call, NULL, &err);
    ck_assert_msg(rc == CRQ_EAUTH, "%s", err.text);
    ck_assert_msg(strstr(err.text, "does not allow this user to do that"), "%s",
            err.text);
    live_expect(root, before);

    live_seed(root, "ACL SETUSER default +hset");
    unit_ok(crq_queue_enqueue(q, &call, NULL, &err), &err);
    crq_queue_free(q);
    crq_conn_free(user);
    crq_conn_free(root);
    crq_text_free(before);
}
END_TEST

/* What happens to the first and the second try: bits of the relay's masks. */
enum { FIRST = 1, SECOND = 2 };

static const struct {
    unsigned drop, cut; /* before and after the script has run */
    bool scheduled, unique;
    int rc;
    int64_t count;
} cuts[] = {
    { 0, FIRST, false, false, 0, 1 },
    { FIRST, 0, false, false, 0, 1 },
    { 0, FIRST, false, true, 0, 1 },
    { FIRST, 0, false, true, 0, 1 },
    { 0, FIRST, true, false, 0, 1 },
    { FIRST, 0, true, true, 0, 1 },
    { 0, FIRST | SECOND, false, false, CRQ_ELOST, 1 },
    { FIRST, SECOND, false, true, CRQ_ELOST, 1 },
    { FIRST | SECOND, 0, false, false, CRQ_ELOST, 0 },
};

START_TEST(test_a_broken_link_makes_neither_none_nor_two)
{
    struct live_relay breaks = {
        .word = "EVALSHA", .drop = cuts[_i].drop, .cut = cuts[_i].cut
    };
    struct live_server *relay = live_start_relay(&breaks);
    crq_conn *through = live_conn_to("%s", relay->url);
    crq_queue *q = new_queue(through, "q");
    crq_call call = CRQ_CALL_INIT;
    crq_reply *reply;
    crq_error err = { 0, "" };
    int rc;

    /* Redis knows the scripts, so that the one call is all there is. */
    call.func = "f";
    unit_ok(crq_queue_enqueue(queue, &call, NULL, &err), &err);
    unit_ok(crq_queue_enqueue_in(queue, 1, &call, NULL, &err), &err);
    live_seed(conn, "FLUSHALL");

    call.job_id = "a";
    call.unique = cuts[_i].unique;
    if (cuts[_i].scheduled)
        rc = crq_queue_enqueue_in(q, 1, &call, NULL, &err);
    else
        rc = crq_queue_enqueue(q, &call, NULL, &err);
    ck_assert_msg(rc == cuts[_i].rc, "%s", err.text);
    if (cuts[_i].scheduled)
        rc = crq_conn_run(conn, &reply, &err, "ZCARD", "rq:scheduled:q", NULL);
    else
        rc = crq_conn_run(conn, &reply, &err, "LLEN", "rq:queue:q", NULL);
    unit_ok(rc, &err);
    ck_assert_int_eq(crq_reply_int(reply, -1), cuts[_i].count);
    crq_reply_free(reply);
    crq_queue_free(q);
    crq_conn_free(through);
}
END_TEST

/* Whatever failed, it was told, and a job is there whole or not at all. */
static int enqueue_once(void *arg, crq_error *err)
{
    crq_job *job = NULL;
    int rc = enqueue(arg, &job, err);

    ck_assert_int_eq(job != NULL, rc == 0);
    crq_job_free(job);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    struct row now = { .ttl_s = 5 }, later = { .when_us = NOON };

    unit_fail_each_allocation(enqueue_once, &now);
    live_seed(conn, "FLUSHALL");
    unit_fail_each_allocation(enqueue_once, &later);
}
END_TEST

/* ---- many jobs ---- */

struct work {
    /* What is given. */
    size_t count;     /* calls in all */
    size_t wrong;     /* the nth call has no function (from 1; 0: none) */
    size_t taken;     /* the nth call has a unique id that is taken */
    size_t source_at; /* the source fails with CRQ_EIO before the nth */
    bool silent;      /* ... without a text */
    size_t size;      /* bytes of the argument */
    size_t kill_at;   /* all links are cut when the nth is told */
    size_t flush_at;  /* the scripts are dropped when the nth is asked for */
    int (*told)(struct work *work, size_t nth, int rc);

    /* What happened. */
    size_t given, done, failed, most; /* given and not told */
    crq_conn *other;
    crq_value *args;
    char id[24];
    crq_error last;
};

static int give(void *arg, crq_call *call, crq_error *err)
{
    struct work *work = arg;

    if (work->source_at == work->given + 1)
        return work->silent ? CRQ_EIO : crq_fail(err, CRQ_EIO, "no more lines");
    if (work->given == work->count)
        return 0;
    work->given++;
    if (work->flush_at == work->given)
        live_seed(work->other, "SCRIPT FLUSH");
    if (work->given - work->done > work->most)
        work->most = work->given - work->done;
    call->func = work->wrong == work->given ? NULL : "f";
    if (work->taken == work->given) {
        call->unique = true;
        call->job_id = "taken";
    } else {
        snprintf(work->id, sizeof(work->id), "job-%06zu", work->given);
        call->job_id = work->id;
    }
    call->args = work->args;
    return 1;
}

static int on_done(void *arg, size_t nth, const char *job_id, int rc,
        const crq_error *err)
{
    struct work *work = arg;

    ck_assert_uint_eq(nth, work->done);
    ck_assert_int_eq(job_id != NULL, rc == 0);
    work->done++;
    if (rc < 0) {
        work->failed++;
        work->last = *err;
        ck_assert_int_eq(err->code, rc);
    }
    if (work->kill_at == work->done)
        live_seed(work->other, "CLIENT KILL TYPE normal SKIPME yes");
    return work->told != NULL ? work->told(work, nth, rc) : 0;
}

static int enqueue_many(struct work *work, bool tell, size_t *written,
        crq_error *err)
{
    int rc;

    *err = (crq_error){ 0, "" };
    work->other = live_conn();
    if (work->size > 0) {
        char *bytes = calloc(1, work->size);

        srandom(2);
        for (size_t i = 0; i < work->size; i++)
            bytes[i] = (char)random();
        work->args = crq_value_new_list();
        ck_assert_int_eq(crq_value_add(work->args,
                                 crq_value_new_bytes(bytes, work->size)),
                0);
        free(bytes);
    }
    rc = crq_queue_enqueue_many(queue, give, tell ? on_done : NULL, work,
            written, err);
    crq_value_free(work->args);
    crq_conn_free(work->other);
    return rc;
}

/* The ids in the queue are those of calls 1..count, in their order and each
 * once, without number `but` (0: none). */
static void expect_ids(size_t count, size_t but)
{
    crq_reply *reply;
    crq_error err;
    size_t at = 0;

    unit_ok(crq_conn_run(conn, &reply, &err, "LRANGE", "rq:queue:q", "0", "-1",
                    NULL),
            &err);
    for (size_t i = 1; i <= count; i++) {
        char id[24];

        if (i == but)
            continue;
        snprintf(id, sizeof(id), "job-%06zu", i);
        ck_assert_uint_lt(at, crq_reply_count(reply));
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, at++), NULL), id);
    }
    ck_assert_uint_eq(crq_reply_count(reply), at);
    crq_reply_free(reply);
    unit_ok(crq_conn_run(conn, &reply, &err, "KEYS", "rq:job:job-*", NULL),
            &err);
    ck_assert_uint_eq(crq_reply_count(reply), at);
    crq_reply_free(reply);
}

static const size_t counts[] = { 0, 1, 511, 512, 513, 1024, 20000 };

START_TEST(test_many_jobs_are_written_in_order_with_little_memory)
{
    struct work work = { .count = counts[_i] };
    size_t written = 77;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_eq(written, counts[_i]);
    ck_assert_uint_eq(work.done, counts[_i]);
    ck_assert_uint_eq(work.failed, 0);
    ck_assert_uint_le(work.most, 512);
    expect_ids(counts[_i], 0);
}
END_TEST

START_TEST(test_large_jobs_do_not_wait_for_many_others)
{
    struct work work = { .count = 40, .size = 300000 };
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_le(work.most, 4);
    expect_ids(40, 0);
}
END_TEST

START_TEST(test_a_failed_call_is_told_in_its_place)
{
    struct work wrong = { .count = 700, .wrong = 600 },
                taken = { .count = 700, .taken = 600 };
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&wrong, true, &written, &err), &err);
    ck_assert_uint_eq(written, 699);
    ck_assert_uint_eq(wrong.done, 700);
    ck_assert_uint_eq(wrong.failed, 1);
    ck_assert_str_eq(wrong.last.text, "func is missing: name a function");
    expect_ids(700, 600);
    live_seed(conn, "FLUSHALL\nHSET rq:job:taken status queued");
    unit_ok(enqueue_many(&taken, true, &written, &err), &err);
    ck_assert_uint_eq(written, 699);
    ck_assert_uint_eq(taken.failed, 1);
    ck_assert_int_eq(taken.last.code, CRQ_EEXIST);
    ck_assert_str_eq(taken.last.text, "there is a job 'taken' already");
    expect_ids(700, 600);
}
END_TEST

START_TEST(test_without_a_listener_the_first_failure_stops)
{
    struct work wrong = { .count = 9, .wrong = 3 },
                taken = { .count = 9, .taken = 3 };
    size_t written;
    crq_error err;

    ck_assert_int_eq(enqueue_many(&wrong, false, &written, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func is missing: name a function");
    ck_assert_uint_eq(written, 2);
    expect_ids(2, 0);
    live_seed(conn, "FLUSHALL\nHSET rq:job:taken status queued");
    ck_assert_int_eq(enqueue_many(&taken, false, &written, &err), CRQ_EEXIST);
    ck_assert_int_eq(err.code, CRQ_EEXIST);
    ck_assert_str_eq(err.text, "there is a job 'taken' already");
}
END_TEST

static int stop_at_failure(struct work *work, size_t nth, int rc)
{
    (void)work;
    (void)nth;
    return rc;
}

static int stop_at_5(struct work *work, size_t nth, int rc)
{
    (void)work;
    (void)rc;
    return nth == 4 ? CRQ_EIO : 0;
}

static int go_on(struct work *work, size_t nth, int rc)
{
    (void)work;
    (void)rc;
    return (int)nth + 1;
}

START_TEST(test_the_listener_can_stop_the_work)
{
    struct work wrong = { .count = 9, .wrong = 3, .told = stop_at_failure },
                fifth = { .count = 2000, .told = stop_at_5 },
                early = { .count = 9, .wrong = 5, .told = stop_at_5 };
    size_t written;
    crq_error err;

    ck_assert_int_eq(enqueue_many(&wrong, true, &written, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func is missing: name a function");
    ck_assert_uint_eq(wrong.done, 3);
    ck_assert_int_eq(enqueue_many(&fifth, true, &written, &err), CRQ_EIO);
    ck_assert_int_eq(err.code, CRQ_EIO);
    ck_assert_str_eq(err.text, crq_error_summary(CRQ_EIO));
    ck_assert_uint_eq(fifth.done, 5);
    ck_assert_uint_le(fifth.given, 512);
    ck_assert_int_eq(enqueue_many(&early, true, &written, &err), CRQ_EIO);
    ck_assert_str_eq(err.text, crq_error_summary(CRQ_EIO));
}
END_TEST

START_TEST(test_only_a_negative_answer_stops)
{
    struct work work = { .count = 9, .wrong = 3, .told = go_on };
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_eq(work.done, 9);
    expect_ids(9, 3);
}
END_TEST

START_TEST(test_what_was_given_before_the_source_failed_is_written)
{
    struct work said = { .count = 9, .source_at = 6 },
                silent = { .count = 9, .source_at = 6, .silent = true };
    size_t written;
    crq_error err;

    ck_assert_int_eq(enqueue_many(&said, true, &written, &err), CRQ_EIO);
    ck_assert_str_eq(err.text, "no more lines");
    ck_assert_uint_eq(written, 5);
    expect_ids(5, 0);
    live_seed(conn, "FLUSHALL");
    ck_assert_int_eq(enqueue_many(&silent, true, &written, &err), CRQ_EIO);
    ck_assert_int_eq(err.code, CRQ_EIO);
    ck_assert_str_eq(err.text, crq_error_summary(CRQ_EIO));
}
END_TEST

static const struct work troubles[] = {
    { .count = 3000, .kill_at = 1 },
    { .count = 3000, .kill_at = 700 },
    { .count = 3000, .kill_at = 1024 },
    { .count = 1500, .flush_at = 1 },
    { .count = 1500, .flush_at = 700 },
    { .count = 1500, .flush_at = 600, .kill_at = 100 },
};

START_TEST(test_trouble_in_the_middle_loses_and_doubles_nothing)
{
    struct work work = troubles[_i];
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_eq(written, work.count);
    ck_assert_uint_eq(work.done, work.count);
    ck_assert_uint_eq(work.failed, 0);
    expect_ids(work.count, 0);
}
END_TEST

static const struct {
    unsigned drop, cut;
    int rc;
} pipe_cuts[] = { { 0, FIRST, 0 }, { FIRST, 0, 0 },
    { SECOND, FIRST, CRQ_ELOST } };

START_TEST(test_a_pipe_that_breaks_is_repeated_once)
{
    struct live_relay breaks = {
        .word = "EVALSHA", .drop = pipe_cuts[_i].drop, .cut = pipe_cuts[_i].cut
    };
    struct live_server *relay = live_start_relay(&breaks);
    struct work work = { .count = 100 };
    size_t written;
    crq_error err;

    crq_queue_free(queue);
    crq_conn_free(conn);
    conn = live_conn_to("%s", relay->url);
    queue = new_queue(conn, "q");
    ck_assert_int_eq(enqueue_many(&work, true, &written, &err),
            pipe_cuts[_i].rc);
    ck_assert_uint_eq(work.done, 100);
    if (pipe_cuts[_i].rc == 0)
        expect_ids(100, 0);
}
END_TEST

static int enqueue_three(void *arg, crq_error *err)
{
    struct work work = { .count = 3 };
    size_t written;

    (void)arg;
    return crq_queue_enqueue_many(queue, give, NULL, &work, &written, err);
}

START_TEST(test_every_failing_allocation_of_many_is_reported)
{
    unit_fail_each_allocation(enqueue_three, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("queue");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc, test_a_call_is_written_as_rq_writes_it_or_not_at_all,
            rows);
    tcase_add_test(tc, test_every_option_is_written);
    tcase_add_test(tc, test_the_words_of_a_call_make_the_same_job);
    unit_add_rows(tc, test_a_repeated_call_changes_nothing, repeats);
    tcase_add_test(tc, test_the_same_call_later_is_another_one);
    unit_add_rows(tc, test_a_queue_may_have_any_printable_name, names);
    unit_add_rows(tc, test_a_name_that_no_queue_can_have_is_refused, no_names);
    tcase_add_test(tc, test_a_delay_is_added_to_the_clock);
    tcase_add_test(tc, test_a_full_redis_refuses_a_job_or_takes_all_of_it);
    unit_add_rows(tc, test_a_user_who_may_not_write_a_job_leaves_no_id_either,
            forbidden);
    unit_add_rows(tc, test_a_broken_link_makes_neither_none_nor_two, cuts);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    unit_add_rows(tc, test_many_jobs_are_written_in_order_with_little_memory,
            counts);
    tcase_add_test(tc, test_large_jobs_do_not_wait_for_many_others);
    tcase_add_test(tc, test_a_failed_call_is_told_in_its_place);
    tcase_add_test(tc, test_without_a_listener_the_first_failure_stops);
    tcase_add_test(tc, test_the_listener_can_stop_the_work);
    tcase_add_test(tc, test_only_a_negative_answer_stops);
    tcase_add_test(tc, test_what_was_given_before_the_source_failed_is_written);
    unit_add_rows(tc, test_trouble_in_the_middle_loses_and_doubles_nothing,
            troubles);
    unit_add_rows(tc, test_a_pipe_that_breaks_is_repeated_once, pipe_cuts);
    tcase_add_test(tc, test_every_failing_allocation_of_many_is_reported);
    return live_run("queue", tc);
}
