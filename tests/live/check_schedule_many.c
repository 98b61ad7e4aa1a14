/* check_schedule_many.c - tests of sched_tick.lua and sched_periodic.lua with
 * many in one step: whatever is wrong with one, the others are done. */
#include "run_steps.h"

#include <string.h>

#include "redis/scripts.h"
#include "sched/periodic.h"
#include "sched/steps.h"

static const struct crq_scheduler_id me = { "me", "host", 7, AT_US, NULL, 0 };

#define LEAD "SET crq:scheduler:leader me\n"
#define MADE(id, queue)                                                        \
    "+rq:job:" id " hash\n  created_at @2\n  data D\n  ended_at \"\"\n"        \
    "  enqueued_at @2\n  failure_callback_name \"\"\n  group_id \"\"\n"        \
    "  last_heartbeat \"\"\n  origin " queue "\n  started_at \"\"\n"           \
    "  status queued\n  stopped_callback_name \"\"\n"                          \
    "  success_callback_name \"\"\n  timeout 180\n  worker_name \"\"\n"

/* ---- schedules ---- */

#define NEXT "1800000000.000000"
#define SCHEDULE(id, queue, next, more)                                        \
    "ZADD crq:schedules " next " " id "\nHSET crq:schedule:" id                \
    " queue " queue " next " next " overlap allow job.data D " more "\n"
#define SLOT "-1800000000000"

/* Schedules that one step is about, all with the slot that is now. */
static const struct {
    const char *id, *seed;
    enum crq_ticked became;
    int64_t made, there;
} schedules[] = {
    { "a", SCHEDULE("a", "q1", NEXT, ""), CRQ_TICK_DONE, 1, 0 },
    { "corrupt",
            SCHEDULE("corrupt", "q1", NEXT,
                    "") "HDEL crq:schedule:corrupt job.data\n",
            CRQ_TICK_REFUSED, 0, 0 },
    { "changed", SCHEDULE("changed", "q1", "1800000000.500000", ""),
            CRQ_TICK_CHANGED, 0, 0 },
    { "foreign", "ZADD crq:schedules 5 foreign\nSET crq:schedule:foreign x\n",
            CRQ_TICK_CHANGED, 0, 0 },
    { "queue", SCHEDULE("queue", "q2", NEXT, "") "SET rq:queue:q2 x\n",
            CRQ_TICK_REFUSED, 0, 0 },
    { "job", SCHEDULE("job", "q1", NEXT, "") "SET rq:job:job" SLOT " x\n",
            CRQ_TICK_REFUSED, 0, 0 },
    { "gone", "", CRQ_TICK_CHANGED, 0, 0 },
    /* Another leader has done it; has made its job, but came no further. */
    { "did",
            SCHEDULE("did", "q1", "1800000010.000000",
                    "last " NEXT) "HSET rq:job:did" SLOT " status started\n",
            CRQ_TICK_CHANGED, 0, 0 },
    { "began",
            SCHEDULE("began", "q1", NEXT, "") "HSET rq:job:began" SLOT
                                              " status started\n",
            CRQ_TICK_DONE, 0, 1 },
    { "last", SCHEDULE("last", "q1", NEXT, "left 1 job.x y at_front 1"),
            CRQ_TICK_DONE, 1, 0 },
    { "z", SCHEDULE("z", "q3", NEXT, ""), CRQ_TICK_DONE, 1, 0 },
};

#define COUNT  (sizeof(schedules) / sizeof(schedules[0]))
#define NTH(i) ((first + (i)) % COUNT) /* beginning with any of them */

static crq_reply *tick_all(crq_conn *conn, size_t first)
{
    struct crq_plan plan = {
        .slots_us = { AT_US }, .count = 1, .next_us = AT_US + 10000000
    };
    struct crq_args words;
    crq_reply *reply;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_tick_start(&me, AT_US + 2000000, &words);
    for (size_t i = 0; i < COUNT; i++)
        crq_tick_add(&words, schedules[NTH(i)].id, AT_US, &plan);
    reply = steps_call(conn, &crq_script_sched_tick, nkeys, &words);
    ck_assert_uint_eq(crq_reply_count(reply), COUNT);
    return reply;
}

#define MOVED(id)                                                              \
    "crq:schedule:" id " hash\n  -next " NEXT "\n  +last " NEXT                \
    "\n  +last_job " id SLOT "\n  +lateness 2.000000\n"                        \
    "  +next 1800000010.000000\n"

START_TEST(test_a_step_ticks_each_schedule_by_itself)
{
    crq_conn *conn = live_conn();
    size_t first = (size_t)_i;
    struct crq_tick got;
    crq_reply *reply;
    crq_error err;

    live_seed(conn, LEAD "RPUSH rq:queue:q1 x");
    for (size_t i = 0; i < COUNT; i++)
        live_seed(conn, schedules[i].seed);
    steps_mark(conn);
    reply = tick_all(conn, first);
    for (size_t i = 0; i < COUNT; i++) {
        unit_ok(crq_tick_read(reply, i, &got, &err), &err);
        ck_assert_msg(got.became == schedules[NTH(i)].became, "%s",
                schedules[NTH(i)].id);
        ck_assert_int_eq(got.made, schedules[NTH(i)].made);
        ck_assert_int_eq(got.there, schedules[NTH(i)].there);
        ck_assert_int_eq(got.busy, 0);
        ck_assert((got.reason[0] != '\0') == (got.became == CRQ_TICK_REFUSED));
    }
    ck_assert_int_lt(crq_tick_read(reply, COUNT, &got, &err), 0);
    crq_reply_free(reply);
    steps_expect(conn,
            MOVED("a") "crq:schedule:began hash\n  -next " NEXT
                       "\n  +next 1800000010.000000\n-crq:schedule:last\n" MOVED(
                               "z") "crq:schedules zset\n  -1800000000 a\n  -1800000000 began\n"
                                    "  -1800000000 last\n  -1800000000 z\n  +1800000010 a\n"
                                    "  +1800000010 began\n  +1800000010 z\n" MADE(
                                            "a" SLOT, "q1") MADE("last" SLOT,
                                            "q1") "  x y\n" MADE("z" SLOT,
                                            "q3") "rq:queue:q1 list\n  last" SLOT
                                                  " x a" SLOT "\n"
                                                  "+rq:queue:q3 list\n  z" SLOT
                                                  "\n"
                                                  "+rq:queues set\n  rq:queue:q1\n  rq:queue:q3\n");

    /* Once more, as after a lost reply: nothing. */
    steps_mark(conn);
    crq_reply_free(tick_all(conn, first));
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_who_leads_no_more_ticks_none)
{
    crq_conn *conn = live_conn();
    size_t first = 0;
    struct crq_tick got;
    crq_reply *reply;
    crq_error err;

    for (size_t i = 0; i < COUNT; i++)
        live_seed(conn, schedules[i].seed);
    live_seed(conn, "SET crq:scheduler:leader other");
    steps_mark(conn);
    reply = tick_all(conn, first);
    for (size_t i = 0; i < COUNT; i++) {
        unit_ok(crq_tick_read(reply, i, &got, &err), &err);
        ck_assert_int_eq(got.became, CRQ_TICK_FOLLOWS);
    }
    crq_reply_free(reply);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* ---- rq-scheduler's entries ---- */

#define ENTRY(id, queue, more)                                                 \
    "ZADD rq:scheduler:scheduled_jobs 1800000000 " id "\nHSET rq:job:" id      \
    " data D status scheduled timeout 60 meta M origin " queue " " more "\n"

static const struct {
    const char *id, *seed;
    enum crq_periodic_became became;
} entries[] = {
    { "a", ENTRY("a", "q1", ""), CRQ_PERIODIC_ENQUEUED },
    { "nowhere", ENTRY("nowhere", "\"\"", ""), CRQ_PERIODIC_REFUSED },
    { "later",
            ENTRY("later", "q1",
                    "") "ZADD rq:scheduler:scheduled_jobs 1800000000.5 later\n",
            CRQ_PERIODIC_CHANGED },
    { "other", ENTRY("other", "q1", "") "HSET rq:job:other meta other\n",
            CRQ_PERIODIC_CHANGED },
    { "foreign",
            "ZADD rq:scheduler:scheduled_jobs 1800000000 foreign\nSET rq:job:foreign x\n",
            CRQ_PERIODIC_REFUSED },
    { "queue", ENTRY("queue", "q2", "") "SET rq:queue:q2 x\n",
            CRQ_PERIODIC_REFUSED },
    { "needs", ENTRY("needs", "q1", "dependency_id b") "SET rq:job:b x\n",
            CRQ_PERIODIC_REFUSED },
    { "waits",
            ENTRY("waits", "q1",
                    "dependency_id c") "HSET rq:job:c data D status started\n",
            CRQ_PERIODIC_DEFERRED },
    { "gone", "ZADD rq:scheduler:scheduled_jobs 1800000000 gone\n",
            CRQ_PERIODIC_DROPPED },
    /* Another leader did it. */
    { "did",
            ENTRY("did", "q1",
                    "enqueued_at t") "ZADD rq:scheduler:scheduled_jobs 1800000060 did\n",
            CRQ_PERIODIC_CHANGED },
    { "z", ENTRY("z", "q3", ""), CRQ_PERIODIC_ENQUEUED },
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static crq_reply *enqueue_all(crq_conn *conn, size_t first)
{
    struct crq_periodic_plan plan = { .next_us = AT_US + 60000000 };
    struct crq_args words;
    crq_reply *reply;
    size_t nkeys;

    crq_buf_init(&plan.meta, 100);
    crq_buf_puts(&plan.meta, "N");
    crq_args_init(&words);
    nkeys = crq_periodic_start(&me, AT_US + 2000000, &words);
    for (size_t i = 0; i < ENTRIES; i++) {
        const char *id = entries[(first + i) % ENTRIES].id;
        struct crq_periodic_entry entry = { .id = id,
            .score = "1800000000",
            .meta = "M",
            .id_len = strlen(id),
            .meta_len = 1 };

        crq_periodic_add(&words, &entry, &plan);
    }
    crq_buf_fini(&plan.meta);
    reply = steps_call(conn, &crq_script_sched_periodic, nkeys, &words);
    ck_assert_uint_eq(crq_reply_count(reply), ENTRIES);
    return reply;
}

#define ENQUEUED(id)                                                           \
    "rq:job:" id " hash\n  -meta M\n  -status scheduled\n  +enqueued_at @2\n"  \
    "  +meta N\n  +status queued\n"

START_TEST(test_a_step_enqueues_each_entry_by_itself)
{
    crq_conn *conn = live_conn();
    enum crq_periodic_became became;
    size_t first = (size_t)_i;
    crq_reply *reply;
    const char *why;
    crq_error err;

    live_seed(conn, LEAD "SET rq:scheduler_lock crq:me");
    for (size_t i = 0; i < ENTRIES; i++)
        live_seed(conn, entries[i].seed);
    steps_mark(conn);
    reply = enqueue_all(conn, first);
    for (size_t i = 0; i < ENTRIES; i++) {
        unit_ok(crq_periodic_read(reply, i, &became, &why, &err), &err);
        ck_assert_msg(became == entries[(first + i) % ENTRIES].became, "%s",
                entries[(first + i) % ENTRIES].id);
        ck_assert((why[0] != '\0') == (became == CRQ_PERIODIC_REFUSED));
    }
    ck_assert_int_lt(crq_periodic_read(reply, ENTRIES, &became, &why, &err), 0);
    crq_reply_free(reply);
    steps_expect(conn,
            "+rq:deferred:q1 zset\n  1800000002 waits\n"
            "+rq:job::waits:dependencies set\n  c\n" ENQUEUED(
                    "a") "+rq:job:c:dependents set\n  waits\n"
                         "rq:job:waits hash\n  -meta M\n  -status scheduled\n  +meta N\n"
                         "  +status deferred\n" ENQUEUED(
                                 "z") "+rq:queue:q1 list\n  a\n+rq:queue:q3 list\n  z\n"
                                      "+rq:queues set\n  rq:queue:q1\n  rq:queue:q3\n"
                                      "rq:scheduler:scheduled_jobs zset\n  -1800000000 a\n"
                                      "  -1800000000 gone\n  -1800000000 waits\n  -1800000000 z\n"
                                      "  +1800000060 a\n  +1800000060 waits\n  +1800000060 z\n");
    steps_mark(conn);
    crq_reply_free(enqueue_all(conn, first));
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* ---- trouble ---- */

START_TEST(test_a_full_redis_is_told_for_each_and_nothing_is_written)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn = live_conn_to("%s", server->url);
    enum crq_periodic_became became;
    struct crq_tick got;
    crq_reply *reply;
    const char *why;
    crq_error err;

    live_seed(conn,
            LEAD "SET rq:scheduler_lock crq:me\n" SCHEDULE("a", "q1", NEXT, "")
                    SCHEDULE("z", "q3", NEXT, "") ENTRY("a", "q1", "")
                            ENTRY("z", "q3", "") "CONFIG SET maxmemory 1");
    steps_mark(conn);
    reply = tick_all(conn, 0);
    ck_assert_int_eq(crq_tick_read(reply, 0, &got, &err), CRQ_EREDIS);
    ck_assert_msg(strstr(err.text, "OOM") != NULL, "%s", err.text);
    ck_assert_int_eq(crq_tick_read(reply, COUNT - 1, &got, &err), CRQ_EREDIS);
    crq_reply_free(reply);
    reply = enqueue_all(conn, 0);
    ck_assert_int_eq(crq_periodic_read(reply, 0, &became, &why, &err),
            CRQ_EREDIS);
    ck_assert_int_eq(crq_periodic_read(reply, ENTRIES - 1, &became, &why, &err),
            CRQ_EREDIS);
    crq_reply_free(reply);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* As many as Lua cannot hand on at once. */
START_TEST(test_a_schedule_with_too_many_fields_is_refused_and_the_next_is_done)
{
    crq_conn *conn = live_conn();
    struct crq_plan plan = {
        .slots_us = { AT_US }, .count = 1, .next_us = AT_US + 10000000
    };
    struct crq_args words;
    struct crq_tick got;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn,
            LEAD SCHEDULE("a", "q1", NEXT, "") SCHEDULE("z", "q3", NEXT,
                    "") "EVAL \"for i = 1, 9000 do redis.call('HSET', KEYS[1], "
                        "'job.' .. i, i) end\" 1 crq:schedule:a");
    crq_args_init(&words);
    nkeys = crq_tick_start(&me, AT_US, &words);
    crq_tick_add(&words, "a", AT_US, &plan);
    crq_tick_add(&words, "z", AT_US, &plan);
    reply = steps_call(conn, &crq_script_sched_tick, nkeys, &words);
    unit_ok(crq_tick_read(reply, 0, &got, &err), &err);
    ck_assert_int_eq(got.became, CRQ_TICK_REFUSED);
    ck_assert_str_eq(got.reason, "its jobs have too many fields");
    unit_ok(crq_tick_read(reply, 1, &got, &err), &err);
    ck_assert_int_eq(got.made, 1);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("schedule_many");

    unit_add_rows(tc, test_a_step_ticks_each_schedule_by_itself, schedules);
    tcase_add_test(tc, test_who_leads_no_more_ticks_none);
    unit_add_rows(tc, test_a_step_enqueues_each_entry_by_itself, entries);
    tcase_add_test(tc,
            test_a_full_redis_is_told_for_each_and_nothing_is_written);
    tcase_add_test(tc,
            test_a_schedule_with_too_many_fields_is_refused_and_the_next_is_done);
    return live_run("schedule_many", tc);
}
