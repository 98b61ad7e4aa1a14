/* check_schedule.c - tests of sched/schedule.c, and of the steps and scripts
 * that make the jobs of schedules. */
#include "run_steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "redis/scripts.h"
#include "sched/schedule.h"
#include "sched/steps.h"

static const struct crq_scheduler_id me = { "me", "host", 7, AT_US - 9000000,
    NULL, 0 };

static crq_conn *conn_at(struct crq_clock_manual *clock, int64_t now_us)
{
    crq_conn *conn = live_conn();

    crq_clock_manual_init(clock, now_us);
    crq_conn_set_clock(conn, &clock->clock);
    return conn;
}

/* ---- registering ---- */

static crq_schedule_options every(const char *id, double seconds)
{
    crq_schedule_options o = CRQ_SCHEDULE_INIT;

    o.id = id;
    o.queue = "q1";
    o.every_us = (int64_t)(seconds * 1e6);
    return o;
}

static crq_call call_of(const char *func)
{
    crq_call call = CRQ_CALL_INIT;

    call.func = func;
    call.serializer = CRQ_JSON;
    return call;
}

static int64_t put(crq_conn *conn, const crq_schedule_options *o,
        const crq_call *call)
{
    crq_error err;
    int64_t next_us;

    unit_ok(crq_schedule_put(conn, o, call, &next_us, &err), &err);
    return next_us;
}

#define JOB                                                                    \
    "  job.data *\n  job.description f()\n  job.origin q1\n"                   \
    "  job.timeout 180\n"

/* Compare but for the bytes of data, which depend on zlib. */
static void expect(crq_conn *conn, const char *want)
{
    char *got = live_dump(conn, LIVE_MASK_IDS), *rest = got, *line;
    struct crq_buf text = CRQ_BUF_INIT;

    while ((line = strsep(&rest, "\n")) != NULL)
        crq_buf_printf(&text, "%s%s",
                strncmp(line, "  job.data ", 11) == 0 ? "  job.data *" : line,
                rest != NULL ? "\n" : "");
    ck_assert_str_eq(crq_buf_text(&text), want);
    crq_buf_fini(&text);
    crq_text_free(got);
}

START_TEST(test_a_schedule_is_a_hash_and_a_place_in_line)
{
    struct crq_clock_manual clock;
    crq_conn *conn = conn_at(&clock, AT_US);
    crq_schedule_options o = every("s", 0.5);
    crq_call call = call_of("f");

    o.repeat = 3;
    o.source = "app.json";
    o.catchup = CRQ_CATCHUP_ALL;
    o.catchup_max = 5;
    o.allow_overlap = true;
    call.at_front = true;
    ck_assert_int_eq(put(conn, &o, &call), AT_US + 500000);
    expect(conn,
            "crq:schedule:s hash\n  at_front 1\n  catchup all:5\n"
            "  created_at 1800000000.000000\n  every 0.500000\n  func f\n" JOB
            "  left 3\n  next 1800000000.500000\n  overlap allow\n"
            "  queue q1\n  repeat 3\n  source app.json\n"
            "crq:schedules zset\n  1800000000.5 s\n");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_cron_schedule_keeps_its_zone)
{
    struct crq_clock_manual clock;
    crq_conn *conn = conn_at(&clock, AT_US);
    crq_schedule_options o = CRQ_SCHEDULE_INIT;
    crq_call call = call_of("f");

    o.id = "s";
    o.cron = "0 9 * * *";
    o.tz = "Europe/Berlin";
    o.start_us = AT_US + INT64_C(90000000000);
    /* 2027-01-16 08:00Z is at the start, 09:00 in Berlin, an hour later. */
    ck_assert_int_eq(put(conn, &o, &call), (AT_S + 2 * 86400) * 1000000);
    expect(conn,
            "crq:schedule:s hash\n  catchup skip\n"
            "  created_at 1800000000.000000\n  cron \"0 9 * * *\"\n  func f\n"
            "  job.data *\n  job.description f()\n  job.origin default\n"
            "  job.timeout 180\n  next 1800172800.000000\n  overlap skip\n"
            "  queue default\n  start 1800090000.000000\n"
            "  tz Europe/Berlin\ncrq:schedules zset\n  1800172800 s\n");
    crq_conn_free(conn);
}
END_TEST

/* What is changed when it is registered again 3 s later, and what that does:
 * its next slot, the runs left, and whether it knows its last run. */
static const struct {
    double every;
    int64_t start_s, repeat; /* 0: none */
    double next;
    const char *left, *last;
} again[] = {
    { 10, 0, 0, 10, NULL, "1" },
    { 10, 0, 5, 10, "5", "1" },
    { 20, 0, 0, 23, NULL, NULL },
    { 10, 1, 0, 11, NULL, NULL },
};

START_TEST(test_registering_again_keeps_the_phase_when_the_times_are_the_same)
{
    struct crq_clock_manual clock;
    crq_conn *conn = conn_at(&clock, AT_US);
    crq_schedule_options o = every("s", 10);
    crq_call call = call_of("f");
    crq_reply *reply;
    crq_error err;

    put(conn, &o, &call);
    live_seed(conn,
            "HSET crq:schedule:s last 1 last_job s-1 lateness 0 "
            "old field");
    clock.now_us += 3000000;
    o.every_us = (int64_t)(again[_i].every * 1e6);
    if (again[_i].start_s > 0)
        o.start_us = AT_US + again[_i].start_s * 1000000;
    if (again[_i].repeat > 0)
        o.repeat = again[_i].repeat;
    ck_assert_int_eq(put(conn, &o, &call),
            AT_US + (int64_t)(again[_i].next * 1e6));
    unit_ok(crq_conn_run(conn, &reply, &err, "HMGET", "crq:schedule:s", "left",
                    "last", "old", NULL),
            &err);
    ck_assert_pstr_eq(crq_reply_text(crq_reply_item(reply, 0), NULL),
            again[_i].left);
    ck_assert_pstr_eq(crq_reply_text(crq_reply_item(reply, 1), NULL),
            again[_i].last);
    ck_assert_int_eq(crq_reply_kind(crq_reply_item(reply, 2)), CRQ_REPLY_NIL);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_runs_that_are_used_up_stay_so_when_registered_again)
{
    struct crq_clock_manual clock;
    crq_conn *conn = conn_at(&clock, AT_US);
    crq_schedule_options o = every("s", 10);
    crq_call call = call_of("f");
    crq_schedule *s;
    crq_error err;

    o.repeat = 5;
    put(conn, &o, &call);
    live_seed(conn, "HSET crq:schedule:s left 2");
    put(conn, &o, &call);
    unit_ok(crq_schedule_fetch(conn, "s", &s, &err), &err);
    ck_assert_int_eq(crq_schedule_left(s), 2);
    crq_schedule_free(s);
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *id, *cron, *tz;
    int64_t every_us, start_us, repeat, catchup_max;
    bool job_id, unique;
    const char *says;
} wrong[] = {
    { "", NULL, NULL, 1000000, CRQ_UNSET, CRQ_UNSET, 0, 0, 0,
            "'' is not an id of a schedule" },
    { "a:b", NULL, NULL, 1000000, CRQ_UNSET, CRQ_UNSET, 0, 0, 0,
            "is not an id of a schedule" },
    { "s", NULL, NULL, 0, CRQ_UNSET, CRQ_UNSET, 0, 0, 0, "neither is given" },
    { "s", "* * * * *", NULL, 1000000, CRQ_UNSET, CRQ_UNSET, 0, 0, 0,
            "both are given" },
    { "s", NULL, NULL, 999, CRQ_UNSET, CRQ_UNSET, 0, 0, 0, "1000 or more" },
    { "s", NULL, "UTC", 1000000, CRQ_UNSET, CRQ_UNSET, 0, 0, 0,
            "tz goes with cron" },
    { "s", NULL, NULL, 1000000, -1, CRQ_UNSET, 0, 0, 0, "the start is not" },
    { "s", NULL, NULL, 1000000, CRQ_UNSET, 0, 0, 0, 0, "repeat is 0" },
    { "s", NULL, NULL, 1000000, CRQ_UNSET, CRQ_UNSET, 101, 0, 0,
            "catchup_max up to 100" },
    { "s", "* * 30 2 *", NULL, 0, CRQ_UNSET, CRQ_UNSET, 0, 0, 0,
            "is impossible" },
    { "s", "* * * * *", "Mars/Base", 0, CRQ_UNSET, CRQ_UNSET, 0, 0, 0,
            "there is no time zone 'Mars/Base'" },
    { "s", NULL, NULL, 1000000, CRQ_UNSET, CRQ_UNSET, 0, 1, 0, "no job_id" },
};

START_TEST(test_wrong_schedules_are_refused_and_nothing_is_written)
{
    crq_conn *conn = live_conn();
    crq_schedule_options o = CRQ_SCHEDULE_INIT;
    crq_call call = call_of("f");
    crq_error err;

    o.id = wrong[_i].id;
    o.cron = wrong[_i].cron;
    o.tz = wrong[_i].tz;
    o.every_us = wrong[_i].every_us;
    o.start_us = wrong[_i].start_us;
    o.repeat = wrong[_i].repeat;
    o.catchup_max = wrong[_i].catchup_max;
    call.job_id = wrong[_i].job_id ? "j" : NULL;
    ck_assert_int_eq(crq_schedule_put(conn, &o, &call, NULL, &err), CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, wrong[_i].says) != NULL, "%s", err.text);
    live_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_keys_of_foreign_types_are_left_alone)
{
    static const char *const seeds[] = { "SET crq:schedules x",
        "SET crq:schedule:s x" };
    crq_conn *conn = live_conn();
    crq_schedule_options o = every("s", 1);
    crq_call call = call_of("f");
    char *before;
    crq_error err;

    live_seed(conn, seeds[_i]);
    before = live_dump(conn, 0);
    ck_assert_int_eq(crq_schedule_put(conn, &o, &call, NULL, &err), CRQ_EREDIS);
    live_expect(conn, before);
    crq_text_free(before);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_removed_schedule_leaves_nothing)
{
    crq_conn *conn = live_conn();
    crq_schedule_options o = every("s", 1);
    crq_call call = call_of("f");
    crq_error err;

    put(conn, &o, &call);
    unit_ok(crq_schedule_remove(conn, "s", &err), &err);
    live_expect(conn, "");
    ck_assert_int_eq(crq_schedule_remove(conn, "s", &err), CRQ_ENOTFOUND);
    ck_assert_int_eq(crq_schedule_remove(conn, "a b", &err), CRQ_EINVAL);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_schedules_are_listed_with_their_next_slots)
{
    struct crq_clock_manual clock;
    crq_conn *conn = conn_at(&clock, AT_US);
    crq_schedule_options o = every("slow", 60);
    crq_call call = call_of("shop.pay");
    crq_schedule **list;
    crq_error err;
    int64_t times[5];
    size_t count, slots;

    o.repeat = 3;
    put(conn, &o, &call);
    o = (crq_schedule_options)CRQ_SCHEDULE_INIT;
    o.id = "daily";
    o.cron = "30 8 * * *";
    put(conn, &o, &call);
    live_seed(conn,
            "ZADD crq:schedules 1 gone 2 broken\n"
            "HSET crq:schedule:broken every soon");
    unit_ok(crq_schedule_list(conn, &list, &count, &err), &err);
    ck_assert_uint_eq(count, 3); /* "gone" is gone */

    ck_assert_str_eq(crq_schedule_id(list[0]), "broken");
    ck_assert_ptr_nonnull(crq_schedule_problem(list[0]));
    ck_assert_int_eq(crq_schedule_times(list[0], times, 5, &slots, &err),
            CRQ_ECODEC);

    ck_assert_str_eq(crq_schedule_id(list[1]), "slow");
    ck_assert_str_eq(crq_schedule_func(list[1]), "shop.pay");
    ck_assert_int_eq(crq_schedule_every_us(list[1]), 60000000);
    ck_assert_int_eq(crq_schedule_last_us(list[1]), CRQ_UNSET);
    unit_ok(crq_schedule_times(list[1], times, 5, &slots, &err), &err);
    ck_assert_uint_eq(slots, 3);
    ck_assert_int_eq(times[2], AT_US + 180 * INT64_C(1000000));

    ck_assert_str_eq(crq_schedule_tz(list[2]), "UTC");
    unit_ok(crq_schedule_times(list[2], times, 2, &slots, &err), &err);
    ck_assert_int_eq(times[0], AT_US + 1800 * INT64_C(1000000));
    ck_assert_int_eq(times[1], times[0] + 86400 * INT64_C(1000000));
    crq_schedules_free(list, count);
    crq_conn_free(conn);
}
END_TEST

static int put_and_list(void *arg, crq_error *err)
{
    crq_schedule_options o = every("s", 1);
    crq_call call = call_of("f");
    crq_schedule **list;
    size_t count;
    int rc;

    o.cron = NULL;
    rc = crq_schedule_put(arg, &o, &call, NULL, err);
    if (rc == 0)
        rc = crq_schedule_list(arg, &list, &count, err);
    if (rc == 0)
        crq_schedules_free(list, count);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_conn *conn = live_conn();

    unit_fail_each_allocation(put_and_list, conn);
    crq_conn_free(conn);
}
END_TEST

/* ---- ticks ---- */

#define LEAD "SET crq:scheduler:leader me\n"
#define SCHEDULE                                                               \
    "ZADD crq:schedules 1800000000 s\n"                                        \
    "HSET crq:schedule:s queue q1 every 10.000000 catchup skip overlap allow " \
    "next 1800000000.000000 job.data D job.description f() job.timeout 180 "   \
    "job.origin q1\n"
#define MADE(id)                                                               \
    "+rq:job:" id " hash\n  created_at @2\n  data D\n  description f()\n"      \
    "  ended_at \"\"\n  enqueued_at @2\n  failure_callback_name \"\"\n"        \
    "  group_id \"\"\n  last_heartbeat \"\"\n  origin q1\n"                    \
    "  started_at \"\"\n  status queued\n  stopped_callback_name \"\"\n"       \
    "  success_callback_name \"\"\n  timeout 180\n  worker_name \"\"\n"
#define QUEUE(ids)                                                             \
    "+rq:queue:q1 list\n  " ids "\n+rq:queues set\n  rq:queue:q1\n"
#define MOVED                                                                  \
    "crq:schedule:s hash\n  -next 1800000000.000000\n"                         \
    "  +last 1800000000.000000\n  +last_job s-1800000000000\n"                 \
    "  +lateness 2.000000\n  +next 1800000010.000000\n"                        \
    "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n"

static const struct {
    const char *seed;
    size_t slots; /* 10 s one from the other */
    bool last;    /* there are no more slots */
    enum crq_ticked became;
    int64_t made, there, busy;
    const char *changes;
} ticks[] = {
    { LEAD SCHEDULE, 1, false, CRQ_TICK_DONE, 1, 0, 0,
            MOVED MADE("s-1800000000000") QUEUE("s-1800000000000") },
    /* At the front, with a time to live. */
    { LEAD SCHEDULE "HSET crq:schedule:s at_front 1 job.ttl 9\n"
                    "RPUSH rq:queue:q1 a\n",
            1, false, CRQ_TICK_DONE, 1, 0, 0,
            MOVED
            "+rq:job:s-1800000000000 hash ttl=9\n  created_at @2\n  data D\n"
            "  description f()\n  ended_at \"\"\n  enqueued_at @2\n"
            "  failure_callback_name \"\"\n  group_id \"\"\n"
            "  last_heartbeat \"\"\n  origin q1\n  started_at \"\"\n"
            "  status queued\n  stopped_callback_name \"\"\n"
            "  success_callback_name \"\"\n  timeout 180\n  ttl 9\n"
            "  worker_name \"\"\nrq:queue:q1 list\n  s-1800000000000 a\n"
            "+rq:queues set\n  rq:queue:q1\n" },
    /* Nothing is to be run: it only moves on. */
    { LEAD SCHEDULE, 0, false, CRQ_TICK_DONE, 0, 0, 0,
            "crq:schedule:s hash\n  -next 1800000000.000000\n"
            "  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" },
    /* Another leader has made the job, but came no further. */
    { LEAD SCHEDULE "HSET rq:job:s-1800000000000 status started\n", 1, false,
            CRQ_TICK_DONE, 0, 1, 0,
            "crq:schedule:s hash\n  -next 1800000000.000000\n"
            "  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" },
    /* Runs that are left. */
    { LEAD SCHEDULE "HSET crq:schedule:s left 2\n", 1, false, CRQ_TICK_DONE, 1,
            0, 0,
            "crq:schedule:s hash\n  -left 2\n  -next 1800000000.000000\n"
            "  +last 1800000000.000000\n  +last_job s-1800000000000\n"
            "  +lateness 2.000000\n  +left 1\n  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" MADE(
                    "s-1800000000000") QUEUE("s-1800000000000") },
    { LEAD SCHEDULE "HSET crq:schedule:s left 1\n", 2, false, CRQ_TICK_DONE, 1,
            0, 0,
            "-crq:schedule:s\n-crq:schedules\n" MADE("s-1799999990000")
                    QUEUE("s-1799999990000") },
    { LEAD SCHEDULE, 1, true, CRQ_TICK_DONE, 1, 0, 0,
            "-crq:schedule:s\n-crq:schedules\n" MADE("s-1800000000000")
                    QUEUE("s-1800000000000") },
    /* What a file has declared stays, and is not due any more. */
    { LEAD SCHEDULE "HSET crq:schedule:s left 1 source a\n", 1, false,
            CRQ_TICK_DONE, 1, 0, 0,
            "crq:schedule:s hash\n  -left 1\n  +last 1800000000.000000\n"
            "  +last_job s-1800000000000\n  +lateness 2.000000\n  +left 0\n"
            "crq:schedules zset\n  -1800000000 s\n  +inf s\n" MADE(
                    "s-1800000000000") QUEUE("s-1800000000000") },
    { LEAD SCHEDULE "HSET crq:schedule:s left 0 source a\n", 1, false,
            CRQ_TICK_DONE, 0, 0, 0,
            "crq:schedules zset\n  -1800000000 s\n  +inf s\n" },
    /* The last job still runs; has ended; is gone. */
    { LEAD SCHEDULE "HSET crq:schedule:s overlap skip last_job j\n"
                    "HSET rq:job:j status started\n",
            1, false, CRQ_TICK_DONE, 0, 0, 1,
            "crq:schedule:s hash\n  -next 1800000000.000000\n"
            "  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" },
    { LEAD SCHEDULE "HSET crq:schedule:s overlap allow last_job j\n"
                    "HSET rq:job:j status started\n",
            1, false, CRQ_TICK_DONE, 1, 0, 0,
            "crq:schedule:s hash\n  -last_job j\n  -next 1800000000.000000\n"
            "  +last 1800000000.000000\n  +last_job s-1800000000000\n"
            "  +lateness 2.000000\n  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" MADE(
                    "s-1800000000000") QUEUE("s-1800000000000") },
    /* Slots that are made up for together do not keep each other out. */
    { LEAD SCHEDULE "HSET crq:schedule:s overlap skip last_job j\n"
                    "HSET rq:job:j status failed\n",
            2, false, CRQ_TICK_DONE, 2, 0, 0,
            "crq:schedule:s hash\n  -last_job j\n  -next 1800000000.000000\n"
            "  +last 1800000000.000000\n  +last_job s-1800000000000\n"
            "  +lateness 2.000000\n  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" MADE(
                    "s-1799999990000") MADE("s-1800000000000")
                    QUEUE("s-1799999990000 s-1800000000000") },
    { LEAD SCHEDULE "HSET crq:schedule:s overlap skip last_job j\n", 1, false,
            CRQ_TICK_DONE, 1, 0, 0,
            "crq:schedule:s hash\n  -last_job j\n  -next 1800000000.000000\n"
            "  +last 1800000000.000000\n  +last_job s-1800000000000\n"
            "  +lateness 2.000000\n  +next 1800000010.000000\n"
            "crq:schedules zset\n  -1800000000 s\n  +1800000010 s\n" MADE(
                    "s-1800000000000") QUEUE("s-1800000000000") },
    /* Not ours to do. */
    { SCHEDULE, 1, false, CRQ_TICK_FOLLOWS, 0, 0, 0, "" },
    { "SET crq:scheduler:leader other\n" SCHEDULE, 1, false, CRQ_TICK_FOLLOWS,
            0, 0, 0, "" },
    { LEAD, 1, false, CRQ_TICK_CHANGED, 0, 0, 0, "" },
    { LEAD SCHEDULE "HSET crq:schedule:s next 1800000010.000000\n", 1, false,
            CRQ_TICK_CHANGED, 0, 0, 0, "" },
    /* Keys that hold something else. */
    { LEAD SCHEDULE "SET rq:queue:q1 x\n", 1, false, CRQ_TICK_REFUSED, 0, 0, 0,
            "" },
    { LEAD SCHEDULE "SET rq:queues x\n", 1, false, CRQ_TICK_REFUSED, 0, 0, 0,
            "" },
    { LEAD SCHEDULE "SET rq:job:s-1800000000000 x\n", 1, false,
            CRQ_TICK_REFUSED, 0, 0, 0, "" },
    { LEAD SCHEDULE "HDEL crq:schedule:s job.data\n", 1, false,
            CRQ_TICK_REFUSED, 0, 0, 0, "" },
};

static struct crq_tick tick(crq_conn *conn, size_t slots, bool last)
{
    struct crq_plan plan = { .count = slots,
        .next_us = last ? CRQ_UNSET : AT_US + 10000000 };
    struct crq_tick got;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    for (size_t i = 0; i < slots; i++)
        plan.slots_us[i] = AT_US - (int64_t)(slots - 1 - i) * 10000000;
    crq_args_init(&words);
    nkeys = crq_tick_start(&me, AT_US + 2000000, &words);
    crq_tick_add(&words, "s", AT_US, &plan);
    reply = steps_call(conn, &crq_script_sched_tick, nkeys, &words);
    ck_assert_uint_eq(crq_reply_count(reply), 1);
    unit_ok(crq_tick_read(reply, 0, &got, &err), &err);
    ck_assert((got.reason[0] != '\0') == (got.became == CRQ_TICK_REFUSED));
    got.reason = NULL;
    crq_reply_free(reply);
    return got;
}

START_TEST(test_a_tick_makes_the_jobs_of_its_slots)
{
    crq_conn *conn = live_conn();
    struct crq_tick got;

    live_seed(conn, ticks[_i].seed);
    steps_mark(conn);
    got = tick(conn, ticks[_i].slots, ticks[_i].last);
    ck_assert_int_eq(got.became, ticks[_i].became);
    ck_assert_int_eq(got.made, ticks[_i].made);
    ck_assert_int_eq(got.there, ticks[_i].there);
    ck_assert_int_eq(got.busy, ticks[_i].busy);
    steps_expect(conn, ticks[_i].changes);

    /* Once more, as after a lost reply: nothing. */
    steps_mark(conn);
    got = tick(conn, ticks[_i].slots, ticks[_i].last);
    ck_assert_int_eq(got.made, 0);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_due_schedules_are_told_with_their_rules)
{
    crq_conn *conn = live_conn();
    struct crq_plan_rule rule;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    const char *id;
    int64_t next_us;
    size_t nkeys;

    live_seed(conn,
            SCHEDULE
            "ZADD crq:schedules 1800000001 later 5 gone 6 broken 7 \"\\xff\"\n"
            "HSET crq:schedule:broken next 6 every 1 cron 1\n");
    crq_args_init(&words);
    nkeys = crq_due_words(AT_US, 0, 10, &words);
    reply = steps_call(conn, &crq_script_sched_due, nkeys, &words);
    ck_assert_uint_eq(crq_reply_count(reply), 4);
    ck_assert_int_eq(crq_due_schedule(reply, 0, &id, &rule, &next_us, &err),
            CRQ_ECODEC);
    ck_assert_str_eq(id, "gone");
    ck_assert_int_eq(crq_due_schedule(reply, 1, &id, &rule, &next_us, &err),
            CRQ_ECODEC);
    ck_assert_str_eq(id, "broken");
    ck_assert_int_eq(crq_due_schedule(reply, 2, &id, &rule, &next_us, &err),
            CRQ_ECODEC);
    ck_assert_ptr_null(id);
    unit_ok(crq_due_schedule(reply, 3, &id, &rule, &next_us, &err), &err);
    ck_assert_str_eq(id, "s");
    ck_assert_int_eq(next_us, AT_US);
    ck_assert_int_eq(rule.every_us, 10000000);
    crq_reply_free(reply);

    /* Behind the first three. */
    nkeys = crq_due_words(AT_US, 3, 10, &words);
    reply = steps_call(conn, &crq_script_sched_due, nkeys, &words);
    ck_assert_uint_eq(crq_reply_count(reply), 1);
    unit_ok(crq_due_schedule(reply, 0, &id, &rule, &next_us, &err), &err);
    ck_assert_str_eq(id, "s");
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST
int main(void)
{
    TCase *tc = tcase_create("schedule");

    tcase_add_test(tc, test_a_schedule_is_a_hash_and_a_place_in_line);
    tcase_add_test(tc, test_a_cron_schedule_keeps_its_zone);
    unit_add_rows(tc,
            test_registering_again_keeps_the_phase_when_the_times_are_the_same,
            again);
    tcase_add_test(tc,
            test_runs_that_are_used_up_stay_so_when_registered_again);
    unit_add_rows(tc, test_wrong_schedules_are_refused_and_nothing_is_written,
            wrong);
    tcase_add_loop_test(tc, test_keys_of_foreign_types_are_left_alone, 0, 2);
    tcase_add_test(tc, test_a_removed_schedule_leaves_nothing);
    tcase_add_test(tc, test_schedules_are_listed_with_their_next_slots);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    unit_add_rows(tc, test_a_tick_makes_the_jobs_of_its_slots, ticks);
    tcase_add_test(tc, test_due_schedules_are_told_with_their_rules);
    return live_run("schedule", tc);
}
