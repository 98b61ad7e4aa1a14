/* check_periodic.c - tests of sched/periodic.c and its scripts. */
#include "run_steps.h"

#include <string.h>

#include "codec/json.h"
#include "model/serializer.h"
#include "redis/scripts.h"
#include "sched/entry.h"
#include "sched/periodic.h"

static const struct crq_scheduler_id me = { "me", "host", 7, AT_US, NULL, 0 };

/* ---- deciding ---- */

static int meta_of(const char *json, crq_serializer serializer,
        struct crq_buf *out, crq_error *err)
{
    crq_value *meta = NULL;
    int rc = crq_value_from_json(json, strlen(json), &meta, err);

    if (rc == 0)
        rc = crq_serialize(serializer, meta, out, err);
    crq_value_free(meta);
    return rc;
}

/* Due at 100 s, looked at some seconds later. */
static const struct {
    const char *meta;
    double now, next;  /* next 0: that was all */
    const char *after; /* NULL: meta stays */
    int rc;
} decisions[] = {
    { "", 100, 0, NULL, 0 },
    { "{}", 100, 0, NULL, 0 },
    { "{\"x\":1}", 100, 0, NULL, 0 },
    { "{\"interval\":10}", 100, 110, NULL, 0 },
    { "{\"interval\":10}", 109.9, 110, NULL, 0 },
    { "{\"interval\":10}", 135, 140, NULL, 0 },
    { "{\"interval\":10.9}", 100, 110, NULL, 0 },
    { "{\"interval\":null,\"cron_string\":null}", 100, 0, NULL, 0 },
    { "{\"interval\":0,\"cron_string\":\"* * * * *\"}", 100, 120, NULL, 0 },
    { "{\"cron_string\":\"* * * * *\"}", 1000, 1020, NULL, 0 },
    { "{\"cron_string\":\"0 0 1 1 * 1980\"}", 100, 315532800, NULL, 0 },
    { "{\"cron_string\":\"0 0 1 1 * 1970\"}", 100, 0, NULL, 0 },
    { "{\"interval\":10,\"repeat\":3,\"x\":[1]}", 100, 110,
            "{\"interval\":10,\"repeat\":2,\"x\":[1]}", 0 },
    { "{\"repeat\":1,\"interval\":10}", 100, 0,
            "{\"repeat\":0,\"interval\":10}", 0 },
    { "{\"interval\":10,\"repeat\":0}", 100, 0, NULL, 0 },
    { "{\"interval\":10,\"repeat\":null}", 100, 110, NULL, 0 },
    { "{\"repeat\":2}", 100, 0, "{\"repeat\":1}", 0 },
    { "{\"interval\":\"ten\"}", 100, 0, NULL, CRQ_ECODEC },
    { "{\"interval\":-1}", 100, 0, NULL, CRQ_ECODEC },
    { "{\"interval\":99999999999999999999}", 100, 0, NULL, CRQ_ECODEC },
    { "{\"interval\":1e300}", 100, 0, NULL, CRQ_ECODEC },
    { "{\"cron_string\":5}", 100, 0, NULL, CRQ_ECODEC },
    { "{\"cron_string\":\"x\"}", 100, 0, NULL, CRQ_EINVAL },
    { "{\"repeat\":\"x\"}", 100, 0, NULL, CRQ_ECODEC },
    { "[1]", 100, 0, NULL, CRQ_ECODEC },
};

static void decide(int row, crq_serializer serializer)
{
    struct crq_buf meta = CRQ_BUF_INIT, want = CRQ_BUF_INIT;
    struct crq_periodic_plan plan;
    crq_error err;

    if (decisions[row].meta[0] != '\0')
        unit_ok(meta_of(decisions[row].meta, serializer, &meta, &err), &err);
    if (decisions[row].after != NULL)
        unit_ok(meta_of(decisions[row].after, serializer, &want, &err), &err);
    ck_assert_int_eq(crq_periodic_decide(meta.data, meta.len, 100000000,
                             (int64_t)(decisions[row].now * 1e6), &plan, &err),
            decisions[row].rc);
    if (decisions[row].rc == 0) {
        ck_assert_int_eq(plan.next_us,
                decisions[row].next > 0 ? (int64_t)(decisions[row].next * 1e6)
                                        : CRQ_UNSET);
        ck_assert_uint_eq(plan.meta.len, want.len);
        ck_assert_mem_eq(crq_buf_text(&plan.meta), crq_buf_text(&want),
                want.len);
    }
    crq_buf_fini(&plan.meta);
    crq_buf_fini(&meta);
    crq_buf_fini(&want);
}

START_TEST(test_an_entry_is_decided_by_rq_scheduler_s_rules)
{
    decide(_i, CRQ_PICKLE);
    decide(_i, CRQ_JSON);
}
END_TEST

static int decide_all(void *arg, crq_error *err)
{
    struct crq_buf *meta = arg;
    struct crq_periodic_plan plan;
    int rc = crq_periodic_decide(meta->data, meta->len, 100, 200, &plan, err);

    crq_buf_fini(&plan.meta);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    struct crq_buf meta = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(meta_of("{\"interval\":10,\"repeat\":3,\"x\":[1]}", CRQ_PICKLE,
                    &meta, &err),
            &err);
    unit_fail_each_allocation(decide_all, &meta);
    crq_buf_fini(&meta);
}
END_TEST

/* ---- enqueueing ---- */

#define HOLD "SET crq:scheduler:leader me\nSET rq:scheduler_lock crq:me\n"
#define ENTRY                                                                  \
    "ZADD rq:scheduler:scheduled_jobs 1800000000 a 1900000000 z\n"             \
    "HSET rq:job:a data D status scheduled origin q1 meta M\n"
#define ENQUEUED                                                               \
    "rq:job:a hash\n  -meta M\n  -status scheduled\n  +enqueued_at @2\n"       \
    "  +meta N\n  +status queued\n  +timeout 180\n"
#define ON(ids) "+rq:queue:q1 list\n  " ids "\n+rq:queues set\n  rq:queue:q1\n"
#define AGAIN                                                                  \
    "rq:scheduler:scheduled_jobs zset\n  -1800000000 a\n  +1800000060 a\n"

static const struct {
    const char *seed;
    bool ends;
    enum crq_periodic_became became;
    const char *changes;
} rows[] = {
    { HOLD ENTRY, false, CRQ_PERIODIC_ENQUEUED, ENQUEUED ON("a") AGAIN },
    { HOLD ENTRY, true, CRQ_PERIODIC_ENQUEUED,
            ENQUEUED ON("a") "rq:scheduler:scheduled_jobs zset\n"
                             "  -1800000000 a\n" },
    { HOLD ENTRY "HSET rq:job:a enqueue_at_front 1\nRPUSH rq:queue:q1 x\n",
            false, CRQ_PERIODIC_ENQUEUED,
            ENQUEUED "rq:queue:q1 list\n  a x\n+rq:queues set\n"
                     "  rq:queue:q1\n" AGAIN },
    /* Dependencies: finished or gone; one that is not. */
    { HOLD ENTRY "HSET rq:job:a dependency_ids [\\\"b\\\",\\\"c\\\"]\n"
                 "HSET rq:job:b status finished data D\n",
            false, CRQ_PERIODIC_ENQUEUED, ENQUEUED ON("a") AGAIN },
    { HOLD ENTRY "HSET rq:job:a dependency_id b allow_dependency_failures 1\n"
                 "HSET rq:job:b status failed data D\n",
            false, CRQ_PERIODIC_ENQUEUED, ENQUEUED ON("a") AGAIN },
    { HOLD ENTRY "HSET rq:job:a dependency_id b\n"
                 "HSET rq:job:b status failed data D\n",
            false, CRQ_PERIODIC_DEFERRED,
            "+rq:deferred:q1 zset\n  1800000002 a\n"
            "+rq:job::a:dependencies set\n  b\n"
            "rq:job:a hash\n  -meta M\n  -status scheduled\n"
            "  +meta N\n  +status deferred\n"
            "+rq:job:b:dependents set\n  a\n"
            "+rq:queues set\n  rq:queue:q1\n" AGAIN },
    { HOLD ENTRY "HSET rq:job:a dependency_ids '[\"b\",\"c\"]' ttl 9\n"
                 "HSET rq:job:b status started data D\n",
            false, CRQ_PERIODIC_DEFERRED,
            "+rq:deferred:q1 zset\n  1800000002 a\n"
            "+rq:job::a:dependencies set ttl=9\n  b\n  c\n"
            "rq:job:a hash ttl=9\n  -meta M\n  -status scheduled\n"
            "  +meta N\n  +status deferred\n"
            "+rq:job:b:dependents set\n  a\n+rq:job:c:dependents set\n  a\n"
            "+rq:queues set\n  rq:queue:q1\n" AGAIN },
    /* Nothing to be done, or not by us. */
    { HOLD "ZADD rq:scheduler:scheduled_jobs 1800000000 a 9 z\n", false,
            CRQ_PERIODIC_DROPPED,
            "rq:scheduler:scheduled_jobs zset\n  -1800000000 a\n" },
    { HOLD ENTRY "ZADD rq:scheduler:scheduled_jobs 1800000001 a\n", false,
            CRQ_PERIODIC_CHANGED, "" },
    { HOLD ENTRY "HSET rq:job:a meta other\n", false, CRQ_PERIODIC_CHANGED,
            "" },
    { HOLD, false, CRQ_PERIODIC_CHANGED, "" },
    { HOLD ENTRY "SET crq:scheduler:leader other\n", false,
            CRQ_PERIODIC_FOLLOWS, "" },
    { HOLD ENTRY "SET rq:scheduler_lock 17.5\n", false, CRQ_PERIODIC_FOLLOWS,
            "" },
    { HOLD ENTRY "DEL rq:scheduler_lock\n", false, CRQ_PERIODIC_FOLLOWS, "" },
    { HOLD ENTRY "DEL rq:job:a\nSET rq:job:a x\n", false, CRQ_PERIODIC_REFUSED,
            "" },
    { HOLD ENTRY "HSET rq:job:a origin \"\"\n", false, CRQ_PERIODIC_REFUSED,
            "" },
    { HOLD ENTRY "SET rq:queue:q1 x\n", false, CRQ_PERIODIC_REFUSED, "" },
    { HOLD ENTRY "HSET rq:job:a dependency_id b\nSET rq:job:b x\n", false,
            CRQ_PERIODIC_REFUSED, "" },
    /* One key that would have to be two things. */
    { HOLD ENTRY "HSET rq:job:a dependency_ids '[\"b:dependents\",\"b\"]'\n"
                 "HSET rq:job:b:dependents data D status started\n",
            false, CRQ_PERIODIC_REFUSED, "" },
};

static enum crq_periodic_became run(crq_conn *conn, bool ends)
{
    struct crq_periodic_entry entry = { .id = "a",
        .score = "1800000000",
        .meta = "M",
        .id_len = 1,
        .meta_len = 1 };
    struct crq_periodic_plan plan = { .next_us = ends ? CRQ_UNSET
                                                      : AT_US + 60000000 };
    enum crq_periodic_became became;
    struct crq_args words;
    crq_reply *reply;
    const char *why;
    crq_error err;
    size_t nkeys;

    crq_buf_init(&plan.meta, 100);
    crq_buf_puts(&plan.meta, "N");
    crq_args_init(&words);
    nkeys = crq_periodic_start(&me, AT_US + 2000000, &words);
    crq_periodic_add(&words, &entry, &plan);
    crq_buf_fini(&plan.meta);
    reply = steps_call(conn, &crq_script_sched_periodic, nkeys, &words);
    ck_assert_uint_eq(crq_reply_count(reply), 1);
    unit_ok(crq_periodic_read(reply, 0, &became, &why, &err), &err);
    ck_assert((why[0] != '\0') == (became == CRQ_PERIODIC_REFUSED));
    crq_reply_free(reply);
    return became;
}

START_TEST(test_an_entry_is_enqueued_and_moved_on_in_one_step)
{
    crq_conn *conn = live_conn();

    live_seed(conn, rows[_i].seed);
    steps_mark(conn);
    ck_assert_int_eq(run(conn, rows[_i].ends), rows[_i].became);
    steps_expect(conn, rows[_i].changes);
    steps_mark(conn);
    run(conn, rows[_i].ends);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* ---- what is passed over ---- */

/* As many as there are in a page, and more. */
#define MANY                                                                   \
    "EVAL \"for i = 1, 1500 do redis.call('ZADD', KEYS[1], i, 'x' .. i) "      \
    "redis.call('HSET', KEYS[2], KEYS[1] .. ' x' .. i, 'due ' .. i .. "        \
    "': why') end\" 2 rq:scheduler:scheduled_jobs crq:scheduler:quarantine\n"

static int64_t report(crq_conn *conn, const char *score)
{
    struct crq_periodic_entry entry = {
        .id = "a", .score = score, .id_len = 1
    };
    struct crq_args words;
    crq_reply *reply;
    int64_t news;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_periodic_report_words(&me, &entry, "why", &words);
    reply = steps_call(conn, &crq_script_sched_report, nkeys, &words);
    news = crq_reply_int(reply, -1);
    crq_reply_free(reply);
    return news;
}

static size_t count_due(crq_conn *conn, int64_t offset, const char *first)
{
    struct crq_periodic_entry entry;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    size_t nkeys, count;

    crq_args_init(&words);
    nkeys = crq_periodic_due_words(AT_US, offset, 2, &words);
    reply = steps_call(conn, &crq_script_sched_periodic_due, nkeys, &words);
    count = crq_reply_count(reply);
    if (count > 0) {
        unit_ok(crq_periodic_entry(reply, 0, &entry, &err), &err);
        ck_assert_str_eq(entry.id, first);
    }
    crq_reply_free(reply);
    return count;
}

START_TEST(test_what_was_reported_is_left_out_until_its_time_is_another)
{
    crq_conn *conn = live_conn();

    live_seed(conn,
            HOLD "ZADD rq:scheduler:scheduled_jobs 5 a 6 b 1900000000 "
                 "c");
    ck_assert_uint_eq(count_due(conn, 0, "a"), 2);
    ck_assert_int_eq(report(conn, "5"), 1);
    ck_assert_int_eq(report(conn, "5"), 0);
    ck_assert_int_eq(report(conn, "7"), 0); /* that is no more its score */
    ck_assert_uint_eq(count_due(conn, 0, "b"), 1);
    live_expect(conn,
            "crq:scheduler:leader string\n  me\n"
            "crq:scheduler:quarantine hash\n"
            "  \"rq:scheduler:scheduled_jobs a\" \"due 5: why\"\n"
            "rq:scheduler:scheduled_jobs zset\n  5 a\n  6 b\n"
            "  1900000000 c\nrq:scheduler_lock string\n  crq:me\n");
    live_seed(conn, "ZADD rq:scheduler:scheduled_jobs 5.5 a");
    ck_assert_uint_eq(count_due(conn, 0, "a"), 2);
    live_seed(conn, "SET crq:scheduler:leader other");
    ck_assert_int_eq(report(conn, "5.5"), 0);
    /* However many there are of them, the others come. */
    live_seed(conn,
            MANY "ZADD rq:scheduler:scheduled_jobs 1600 last\n"
                 "ZREM rq:scheduler:scheduled_jobs a b\n");
    ck_assert_uint_eq(count_due(conn, 0, "last"), 1);
    /* The rest of a page that others have the beginning of. */
    live_seed(conn, "ZADD rq:scheduler:scheduled_jobs 1601 b 1602 d");
    ck_assert_uint_eq(count_due(conn, 0, "last"), 2);
    ck_assert_uint_eq(count_due(conn, 1, "b"), 2);
    ck_assert_uint_eq(count_due(conn, 2, "d"), 1);
    ck_assert_uint_eq(count_due(conn, 3, NULL), 0);
    crq_conn_free(conn);
}
END_TEST

/* ---- entries made by crq ---- */

START_TEST(test_an_entry_is_a_job_and_a_place_among_entries)
{
    struct crq_clock_manual clock;
    crq_conn *conn = live_conn();
    crq_schedule_options o = CRQ_SCHEDULE_INIT;
    crq_call call = CRQ_CALL_INIT;
    crq_error err;
    int64_t next_us;

    crq_clock_manual_init(&clock, AT_US);
    crq_conn_set_clock(conn, &clock.clock);
    o.id = "s";
    o.queue = "q1";
    o.every_us = 90000000;
    call.func = "f";
    call.serializer = CRQ_JSON;
    unit_ok(crq_entry_put(conn, &o, &call, &next_us, &err), &err);
    ck_assert_int_eq(next_us, AT_US + 90000000);
    live_seed(conn, "HSET rq:job:s data *");
    live_expect(conn,
            "rq:job:s hash\n  created_at 2027-01-15T08:00:00.000000Z\n"
            "  data *\n  description f()\n  ended_at \"\"\n"
            "  failure_callback_name \"\"\n  group_id \"\"\n"
            "  last_heartbeat \"\"\n  meta \"{\\\"interval\\\": 90}\"\n"
            "  origin q1\n  result_ttl -1\n  started_at \"\"\n"
            "  status scheduled\n  stopped_callback_name \"\"\n"
            "  success_callback_name \"\"\n  timeout 180\n"
            "  worker_name \"\"\nrq:queues set\n  rq:queue:q1\n"
            "rq:scheduler:scheduled_jobs zset\n  1800000090 s\n");
    unit_ok(crq_entry_cancel(conn, "s", &err), &err);
    ck_assert_int_eq(crq_entry_cancel(conn, "s", &err), CRQ_ENOTFOUND);
    crq_conn_free(conn);
}
END_TEST

static int count_entry(void *arg, const struct crq_entry *entry)
{
    size_t *count = arg;

    ck_assert_str_eq(entry->id, "s");
    ++*count;
    return 0;
}

static int put(void *arg, crq_error *err)
{
    crq_schedule_options o = CRQ_SCHEDULE_INIT;
    crq_call call = CRQ_CALL_INIT;
    int64_t next_us;

    o.id = "s";
    o.cron = "0 9 * * *";
    call.func = "f";
    return crq_entry_put(arg, &o, &call, &next_us, err);
}

START_TEST(test_an_entry_is_made_once_though_memory_runs_out)
{
    crq_conn *conn = live_conn();

    size_t count = 0;
    crq_error err;

    unit_fail_each_allocation(put, conn);
    unit_ok(crq_entry_each(conn, count_entry, &count, &err), &err);
    ck_assert_uint_eq(count, 1);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("periodic");

    tcase_add_test(tc, test_an_entry_is_a_job_and_a_place_among_entries);
    tcase_add_test(tc, test_an_entry_is_made_once_though_memory_runs_out);

    unit_add_rows(tc, test_an_entry_is_decided_by_rq_scheduler_s_rules,
            decisions);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    unit_add_rows(tc, test_an_entry_is_enqueued_and_moved_on_in_one_step, rows);
    tcase_add_test(tc,
            test_what_was_reported_is_left_out_until_its_time_is_another);
    return live_run("periodic", tc);
}
