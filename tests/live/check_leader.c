/* check_leader.c - tests of sched/steps.c: who leads, and what the leader does
 * with RQ's jobs and with what it can't read. */
#include "run_steps.h"

#include <string.h>

#include "base/buf.h"
#include "redis/scripts.h"
#include "sched/steps.h"

static const struct crq_scheduler_id me = { "me", "host", 7, AT_US - 9000000,
    NULL, 0 };

#define LEAD "SET crq:scheduler:leader me\n"

/* ---- RQ's jobs ---- */

#define HOLD LEAD "SET rq:scheduler-lock:q1 crq:me\n"
#define DUE(id, more)                                                          \
    "ZADD rq:scheduled:q1 1800000000 " id "\n"                                 \
    "HSET rq:job:" id " data D status scheduled timeout 60 " more "\n"
#define ENQUEUED(id)                                                           \
    "rq:job:" id " hash\n  -status scheduled\n  +enqueued_at @2\n"             \
    "  +origin q1\n  +status queued\n"

static const struct {
    const char *seed;
    bool leads;
    int64_t moved, dropped, aside;
    const char *changes;
} dues[] = {
    { HOLD DUE("a", ""), true, 1, 0, 0,
            ENQUEUED("a") "+rq:queue:q1 list\n  a\n+rq:queues set\n"
                          "  rq:queue:q1\n-rq:scheduled:q1\n" },
    /* At the front, each for its reason; and one that only looks so. */
    { HOLD DUE("a", "enqueue_at_front 1") "RPUSH rq:queue:q1 x\n", true, 1, 0,
            0,
            ENQUEUED("a") "rq:queue:q1 list\n  a x\n+rq:queues set\n"
                          "  rq:queue:q1\n-rq:scheduled:q1\n" },
    { HOLD DUE("a",
              "enqueue_at_front_on_retry 1 ended_at t") "RPUSH rq:queue:q1 x\n",
            true, 1, 0, 0,
            ENQUEUED("a") "rq:queue:q1 list\n  a x\n+rq:queues set\n"
                          "  rq:queue:q1\n-rq:scheduled:q1\n" },
    { HOLD DUE("a",
              "enqueue_at_front_on_retry 1 ended_at \"\"") "RPUSH rq:queue:q1 x\n",
            true, 1, 0, 0,
            ENQUEUED("a") "rq:queue:q1 list\n  x a\n+rq:queues set\n"
                          "  rq:queue:q1\n-rq:scheduled:q1\n" },
    /* A fraction of a second before; just now; no job. */
    { HOLD "ZADD rq:scheduled:q1 1800000002.000001 a -1 b\n"
           "HSET rq:job:a data D\n",
            true, 0, 0, 0, "" },
    { HOLD "ZADD rq:scheduled:q1 1800000002 a\n", true, 0, 1, 0,
            "-rq:scheduled:q1\n" },
    { HOLD "ZADD rq:scheduled:q1 5 a\nHSET rq:job:a x y\n", true, 0, 1, 0,
            "-rq:scheduled:q1\n" },
    /* What is no job is set aside, and the next one comes. */
    { HOLD DUE("b", "") "ZADD rq:scheduled:q1 1 a\nSET rq:job:a x\n", true, 1,
            0, 1,
            "+crq:scheduler:quarantine hash\n"
            "  \"rq:scheduled:q1 a\" \"rq:job:a is a string\"\n" ENQUEUED(
                    "b") "+rq:queue:q1 list\n  b\n+rq:queues set\n"
                         "  rq:queue:q1\n-rq:scheduled:q1\n" },
    /* Not ours to do. */
    { LEAD DUE("a", ""), true, 0, 0, 0, "" },
    { LEAD "SET rq:scheduler-lock:q1 other\n" DUE("a", ""), true, 0, 0, 0, "" },
    { "SET rq:scheduler-lock:q1 crq:me\n" DUE("a", ""), false, 0, 0, 0, "" },
    { HOLD "SET rq:queue:q1 x\n" DUE("a", ""), true, 0, 0, 0, "" },
    { HOLD "SET rq:scheduled:q1 x\n", true, 0, 0, 0, "" },
};

static struct crq_rq_due rq_due(crq_conn *conn)
{
    struct crq_rq_due got;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_rq_due_start(&me, AT_US + 2000000, &words);
    crq_rq_due_add(&words, "q1");
    crq_rq_due_add(&words, "q2");
    reply = steps_call(conn, &crq_script_sched_rq, nkeys, &words);
    unit_ok(crq_rq_due_read(reply, &got, &err), &err);
    got.reason = NULL;
    crq_reply_free(reply);
    return got;
}

START_TEST(test_due_jobs_of_rq_are_enqueued)
{
    crq_conn *conn = live_conn();
    struct crq_rq_due got;

    live_seed(conn, dues[_i].seed);
    steps_mark(conn);
    got = rq_due(conn);
    ck_assert_int_eq(got.leads, dues[_i].leads);
    ck_assert_int_eq(got.moved, dues[_i].moved);
    ck_assert_int_eq(got.dropped, dues[_i].dropped);
    ck_assert_int_eq(got.aside, dues[_i].aside);
    ck_assert(!got.more);
    steps_expect(conn, dues[_i].changes);
    steps_mark(conn);
    rq_due(conn);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_step_takes_so_many_jobs_of_all_queues)
{
    crq_conn *conn = live_conn();
    struct crq_rq_due got;

    live_seed(conn,
            HOLD "SET rq:scheduler-lock:q2 crq:me\n"
                 "EVAL \"for i = 1, 350 do for _, key in ipairs(KEYS) do "
                 "redis.call('ZADD', key, i, 'x' .. i) end end\" 2 "
                 "rq:scheduled:q1 rq:scheduled:q2\n");
    got = rq_due(conn);
    ck_assert_int_eq(got.dropped, CRQ_SCHEDULED_AT_ONCE);
    ck_assert(got.more);
    got = rq_due(conn);
    ck_assert_int_eq(got.dropped, 700 - CRQ_SCHEDULED_AT_ONCE);
    ck_assert(!got.more);
    crq_conn_free(conn);
}
END_TEST

/* ---- leading ---- */

#define LED "crq:scheduler:leader string ttl=5\n  me\n"
#define SHOWN                                                                  \
    "rq:scheduler:me hash ttl=61\n  created_at 2027-01-15T07:59:51.000000Z\n"  \
    "  hostname host\n  last_heartbeat 2027-01-15T08:00:00.000000Z\n"          \
    "  name me\n  pid 7\n"

#define WAITS "crq:scheduler:wanted zset ttl=10\n  * \"\"\n"

/* Compare but for the order of names in JSON, which is Lua's, and until when
 * queues are wanted, which is in Redis's own time. */
static void expect(crq_conn *conn, const char *want)
{
    char *got = live_dump(conn, LIVE_MASK_IDS), *rest = got, *line;
    struct crq_buf text = CRQ_BUF_INIT;
    bool wanted = false;

    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != ' ')
            wanted = strncmp(line, "crq:scheduler:wanted ", 21) == 0;
        else if (wanted) {
            crq_buf_printf(&text, "  *%s\n", strrchr(line, ' '));
            continue;
        }
        crq_buf_printf(&text, "%s%s",
                strncmp(line, "  cron_jobs ", 12) == 0 ? "  cron_jobs *" : line,
                rest != NULL ? "\n" : "");
    }
    ck_assert_str_eq(crq_buf_text(&text), want);
    crq_buf_fini(&text);
    crq_text_free(got);
}

static const struct {
    const char *seed;
    bool leads;
    double schedules, rq, periodic; /* 0: nothing is due */
    bool holds_periodic;
    const char *queues; /* with a blank behind each */
    const char *want;
} beats[] = {
    { "", true, 0, 0, 0, false, "", LED },
    { "SET crq:scheduler:leader other", false, 0, 0, 0, false, "",
            "crq:scheduler:leader string\n  other\n" WAITS },
    { "SET crq:scheduler:leader me EX 1\nZADD crq:schedules 5.5 s 4000000000 t",
            true, 5.5, 0, 0, false, "",
            LED "crq:schedules zset\n  5.5 s\n  4000000000 t\n"
                "rq:cron_scheduler:me hash ttl=120\n  config_file \"\"\n"
                "  created_at 2027-01-15T07:59:51.000000Z\n  cron_jobs *\n"
                "  hostname host\n  name me\n  pid 7\n"
                "rq:cron_schedulers zset\n  1800000000 me\n" },
    { "SADD rq:queues rq:queue:b rq:queue:a\nZADD rq:scheduled:a 9 j\n"
      "ZADD rq:scheduled:b 7.25 k -1 l",
            true, 0, 7.25, 0, false, "a b ",
            LED "rq:queues set\n  rq:queue:a\n  rq:queue:b\n"
                "rq:scheduled:a zset\n  9 j\n"
                "rq:scheduled:b zset\n  -1 l\n  7.25 k\n"
                "rq:scheduler-lock:a string ttl=61\n  crq:me\n"
                "rq:scheduler-lock:b string ttl=61\n  crq:me\n" SHOWN
                "  queues a,b\n" },
    /* A score that Redis writes with an exponent; one between microseconds. */
    { "SADD rq:queues rq:queue:a\nZADD rq:scheduled:a 1e-05 j\n"
      "ZADD rq:scheduler:scheduled_jobs 1800000010.1234567 p",
            true, 0, 0.00001, 1800000010.123457, true, "a ",
            LED "rq:queues set\n  rq:queue:a\n"
                "rq:scheduled:a zset\n  1.0000000000000001e-05 j\n"
                "rq:scheduler-lock:a string ttl=61\n  crq:me\n" SHOWN
                "  queues a\n"
                "rq:scheduler:scheduled_jobs zset\n"
                "  1800000010.1234567 p\n"
                "rq:scheduler_instance:me hash ttl=70\n"
                "  birth 1800000000.000000\n"
                "rq:scheduler_lock string ttl=70\n  crq:me\n" },
    /* A scheduler of RQ has one queue; another leader of crq is dead. */
    { "SADD rq:queues rq:queue:a rq:queue:b\nZADD rq:scheduled:a 9 j\n"
      "SET rq:scheduler-lock:a 4711\nSET rq:scheduler-lock:b crq:dead EX 50",
            true, 0, 0, 0, false, "b ",
            LED "rq:queues set\n  rq:queue:a\n  rq:queue:b\n"
                "rq:scheduled:a zset\n  9 j\n"
                "rq:scheduler-lock:a string\n  4711\n"
                "rq:scheduler-lock:b string ttl=61\n  crq:me\n" SHOWN
                "  queues b\n" },
    /* RQ is shown the schedules that its classes can read. */
    { "ZADD crq:schedules 1800000010 s 1800000020 t 1800000030 bad\n"
      "HSET crq:schedule:s func f.g queue q every 0.500000 next "
      "1800000010.000000 last 951782400.250000 job.timeout 60\n"
      "HSET crq:schedule:t func f.h queue q cron '0 30 8 * * 1' next x\n"
      "HSET crq:schedule:bad func f.h queue q\n"
      "SET rq:cron_scheduler:other x",
            true, 1800000010, 0, 0, false, "",
            "crq:schedule:bad hash\n  func f.h\n  queue q\n"
            "crq:schedule:s hash\n  every 0.500000\n  func f.g\n"
            "  job.timeout 60\n  last 951782400.250000\n"
            "  next 1800000010.000000\n  queue q\n"
            "crq:schedule:t hash\n  cron \"0 30 8 * * 1\"\n  func f.h\n"
            "  next x\n  queue q\n"
            "crq:scheduler:leader string ttl=5\n  me\n"
            "crq:schedules zset\n  1800000010 s\n  1800000020 t\n"
            "  1800000030 bad\n"
            "rq:cron_scheduler:me hash ttl=120\n  config_file \"\"\n"
            "  created_at 2027-01-15T07:59:51.000000Z\n  cron_jobs *\n"
            "  hostname host\n  name me\n  pid 7\n"
            "rq:cron_scheduler:other string\n  x\n"
            "rq:cron_schedulers zset\n  1800000000 me\n" },
    /* rq-scheduler's entries. */
    { "ZADD rq:scheduler:scheduled_jobs 12 p", true, 0, 0, 12, true, "",
            LED "rq:scheduler:scheduled_jobs zset\n  12 p\n"
                "rq:scheduler_instance:me hash ttl=70\n"
                "  birth 1800000000.000000\n"
                "rq:scheduler_lock string ttl=70\n  crq:me\n" },
    { "ZADD rq:scheduler:scheduled_jobs 12 p\nSET rq:scheduler_lock 17.5", true,
            0, 0, 12, false, "",
            LED "rq:scheduler:scheduled_jobs zset\n  12 p\n"
                "rq:scheduler_lock string\n  17.5\n" },
    { "SET rq:scheduler_lock crq:me", true, 0, 0, 0, false, "", LED },
    /* Foreign types hold up nothing. */
    { "SET crq:schedules x\nSET rq:queues x\nSET rq:scheduler:scheduled_jobs x",
            true, 0, 0, 0, false, "",
            LED "crq:schedules string\n  x\nrq:queues string\n  x\n"
                "rq:scheduler:scheduled_jobs string\n  x\n" },
    { "LPUSH crq:scheduler:leader x", false, 0, 0, 0, false, "",
            "crq:scheduler:leader list\n  x\n" WAITS },
    { "SADD rq:queues rq:queue:a\nLPUSH rq:scheduler-lock:a x", true, 0, 0, 0,
            false, "",
            LED "rq:queues set\n  rq:queue:a\n"
                "rq:scheduler-lock:a list\n  x\n" },
};

static int64_t due_us(double seconds)
{
    return seconds > 0 ? (int64_t)(seconds * 1e6 + 0.5) : CRQ_UNSET;
}

static void check_beat(crq_conn *conn, int row)
{
    struct crq_buf queues = CRQ_BUF_INIT;
    struct crq_beat got;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_beat_words(&me, AT_US, &words);
    reply = steps_call(conn, &crq_script_sched_beat, nkeys, &words);
    unit_ok(crq_beat_read(reply, &got, &err), &err);
    for (size_t i = 0; i < got.queue_count; i++)
        crq_buf_printf(&queues, "%s ", crq_beat_queue(&got, i));
    ck_assert_int_eq(got.leads, beats[row].leads);
    ck_assert_int_eq(got.schedules_us, due_us(beats[row].schedules));
    ck_assert_int_eq(got.rq_us, due_us(beats[row].rq));
    ck_assert_int_eq(got.periodic_us, due_us(beats[row].periodic));
    ck_assert_int_eq(got.periodic, beats[row].holds_periodic);
    ck_assert_str_eq(crq_buf_text(&queues), beats[row].queues);
    crq_buf_fini(&queues);
    crq_reply_free(reply);
}

START_TEST(test_a_beat_leads_holds_locks_and_says_what_is_next)
{
    crq_conn *conn = live_conn();

    live_seed(conn, beats[_i].seed);
    check_beat(conn, _i);
    expect(conn, beats[_i].want);
    check_beat(conn, _i);
    expect(conn, beats[_i].want);
    crq_conn_free(conn);
}
END_TEST

/* Which queues it looks after, for schedulers that lead and that wait. */
static const struct {
    const char *seed;
    const char *queues[2]; /* of the command line */
    const char *held;      /* by the leader; NULL: it waits ... */
    const char *wanted;    /* ... for these */
} wants[] = {
    { "", { "a", "b" }, "a b ", NULL },
    { "ZADD crq:scheduler:wanted 9e9 b 9e9 c 1 d", { "a", "b" }, "a b c ",
            "d b c " },
    { "ZADD crq:scheduler:wanted 9e9 \"\"", { "x", NULL }, "q1 x ", " " },
    { "ZADD crq:scheduler:wanted 1 \"\"", { "x", NULL }, "x ", " " },
    { "ZADD crq:scheduler:wanted 9e9 y", { NULL, NULL }, "q1 y ", "y " },
    { "SET crq:scheduler:wanted x", { "a", NULL }, "a ", NULL },
    { "SET crq:scheduler:leader other", { "a", "b" }, NULL, "a b " },
    { "SET crq:scheduler:leader other\nZADD crq:scheduler:wanted 1 c",
            { NULL, NULL }, NULL, "c  " },
    { "SET crq:scheduler:leader other\nSET crq:scheduler:wanted x",
            { "a", NULL }, NULL, NULL },
};

START_TEST(test_who_leads_looks_after_the_queues_of_those_who_wait)
{
    crq_conn *conn = live_conn();
    struct crq_scheduler_id who = me;
    struct crq_buf text = CRQ_BUF_INIT;
    struct crq_beat got;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn, "SADD rq:queues rq:queue:q1\n");
    live_seed(conn, wants[_i].seed);
    who.queues = wants[_i].queues;
    who.queue_count = (size_t)(wants[_i].queues[0] != NULL) +
            (wants[_i].queues[1] != NULL);
    crq_args_init(&words);
    nkeys = crq_beat_words(&who, AT_US, &words);
    reply = steps_call(conn, &crq_script_sched_beat, nkeys, &words);
    unit_ok(crq_beat_read(reply, &got, &err), &err);
    ck_assert_int_eq(got.leads, wants[_i].held != NULL);
    for (size_t i = 0; i < got.queue_count; i++)
        crq_buf_printf(&text, "%s ", crq_beat_queue(&got, i));
    ck_assert_str_eq(crq_buf_text(&text),
            wants[_i].held != NULL ? wants[_i].held : "");
    crq_reply_free(reply);
    if (wants[_i].wanted != NULL) {
        text.len = 0;
        unit_ok(crq_conn_run(conn, &reply, &err, "ZRANGE",
                        "crq:scheduler:wanted", "0", "-1", NULL),
                &err);
        for (size_t i = 0; i < crq_reply_count(reply); i++)
            crq_buf_printf(&text, "%s ",
                    crq_reply_text(crq_reply_item(reply, i), NULL));
        ck_assert_str_eq(crq_buf_text(&text), wants[_i].wanted);
        crq_reply_free(reply);
    }
    crq_buf_fini(&text);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_scheduler_that_ends_gives_back_what_is_its_own)
{
    crq_conn *conn = live_conn();
    struct crq_args words;
    size_t nkeys;

    live_seed(conn,
            HOLD
            "SADD rq:queues rq:queue:q1 rq:queue:q2 rq:queue:q3\n"
            "SET rq:scheduler-lock:q2 crq:other\nSET rq:scheduler-lock:q3 x\n"
            "SET rq:scheduler_lock crq:me\nHSET rq:scheduler:me name me\n"
            "HSET rq:scheduler_instance:me birth 1\n"
            "HSET rq:cron_scheduler:me name me\n"
            "ZADD rq:cron_schedulers 1 me 2 other");
    crq_args_init(&words);
    nkeys = crq_release_words(&me, AT_US, &words);
    crq_reply_free(steps_call(conn, &crq_script_sched_release, nkeys, &words));
    live_expect(conn,
            "rq:cron_schedulers zset\n  2 other\n"
            "rq:queues set\n  rq:queue:q1\n  rq:queue:q2\n  rq:queue:q3\n"
            "rq:scheduler-lock:q2 string\n  crq:other\n"
            "rq:scheduler-lock:q3 string\n  x\n"
            "rq:scheduler_instance:me hash ttl=60\n  birth 1\n"
            "  death 1800000000.000000\n");
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *seed;
    int64_t count;
    const char *want;
} asides[] = {
    { LEAD "ZADD crq:schedules 1 s 2 t", 1,
            "crq:scheduler:leader string\n  me\n"
            "crq:scheduler:quarantine hash\n  \"crq:schedules s\" why\n"
            "crq:schedules zset\n  2 t\n" },
    { LEAD "ZADD crq:schedules 2 t", 0,
            "crq:scheduler:leader string\n  me\ncrq:schedules zset\n  2 t\n" },
    { "ZADD crq:schedules 1 s", 0, "crq:schedules zset\n  1 s\n" },
};

START_TEST(test_what_cannot_be_read_is_set_aside_by_the_leader)
{
    crq_conn *conn = live_conn();
    struct crq_args words;
    crq_reply *reply;
    size_t nkeys;

    live_seed(conn, asides[_i].seed);
    crq_args_init(&words);
    nkeys = crq_aside_words(&me, CRQ_KEY_SCHEDULES, "s", 1, "why", &words);
    reply = steps_call(conn, &crq_script_sched_aside, nkeys, &words);
    ck_assert_int_eq(crq_reply_int(reply, -1), asides[_i].count);
    crq_reply_free(reply);
    live_expect(conn, asides[_i].want);
    crq_conn_free(conn);
}
END_TEST
int main(void)
{
    TCase *tc = tcase_create("leader");

    unit_add_rows(tc, test_due_jobs_of_rq_are_enqueued, dues);
    tcase_add_test(tc, test_a_step_takes_so_many_jobs_of_all_queues);
    unit_add_rows(tc, test_a_beat_leads_holds_locks_and_says_what_is_next,
            beats);
    unit_add_rows(tc, test_who_leads_looks_after_the_queues_of_those_who_wait,
            wants);
    tcase_add_test(tc, test_a_scheduler_that_ends_gives_back_what_is_its_own);
    unit_add_rows(tc, test_what_cannot_be_read_is_set_aside_by_the_leader,
            asides);
    return live_run("leader", tc);
}
