/*
 * check_queue.c - tests of model/queue.c, enqueue.lua and schedule.lua: all
 * that is in Redis before and afterwards. Trouble is in check_queue_trouble.c,
 * many jobs at once in check_queue_many.c.
 */
#include "queue_rig.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/queue.h"
#include "redis/scripts.h"

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

int main(void)
{
    TCase *tc = tcase_create("queue");

    unit_add_rows(tc, test_a_call_is_written_as_rq_writes_it_or_not_at_all,
            rows);
    tcase_add_test(tc, test_every_option_is_written);
    tcase_add_test(tc, test_the_words_of_a_call_make_the_same_job);
    unit_add_rows(tc, test_a_repeated_call_changes_nothing, repeats);
    tcase_add_test(tc, test_the_same_call_later_is_another_one);
    unit_add_rows(tc, test_a_queue_may_have_any_printable_name, names);
    unit_add_rows(tc, test_a_name_that_no_queue_can_have_is_refused, no_names);
    tcase_add_test(tc, test_a_delay_is_added_to_the_clock);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return queue_run("queue", tc);
}
