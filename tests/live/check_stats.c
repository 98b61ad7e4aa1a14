/* check_stats.c - tests of statistics in Redis: added, and read. */
#include "run_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "model/stats_count.h"
#include "redis/scripts.h"

static crq_conn *conn;

/* The minute of Redis, early enough in it that a test ends in the same one. */
static int64_t minute(void)
{
    crq_error err;
    int64_t s;

    for (;;) {
        crq_reply *reply;

        unit_ok(crq_conn_run(conn, &reply, &err, "TIME", NULL), &err);
        s = crq_reply_int(crq_reply_item(reply, 0), 0);
        crq_reply_free(reply);
        if (s % 60 < 45)
            return s / 60;
        sleep(1);
    }
}

static void set_up(void)
{
    conn = live_conn();
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

static int64_t flush(const struct crq_tallies *tallies, int64_t nth)
{
    struct crq_args args;
    crq_reply *reply;
    int64_t added;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_tallies_words(tallies, "p", nth, &args);
    reply = steps_call(conn, &crq_script_stats, nkeys, &args);
    added = crq_reply_int(reply, -1);
    crq_reply_free(reply);
    return added;
}

/* Two runs of queue q, one of which failed. */
static void count(struct crq_tallies *t)
{
    struct crq_cause cause = { "f", "E", 1, AT_US, "why", "a", "q" };

    crq_tallies_init(t);
    crq_tallies_end(t, "q", CRQ_STAT_FINISHED, 1);
    crq_tallies_end(t, "q", CRQ_STAT_FAILED, 1);
    crq_tallies_time(t, "q", CRQ_TIMING_WAIT, 1500);
    crq_tallies_time(t, "q", CRQ_TIMING_RUN, 7000000000);
    crq_tallies_cause(t, &cause);
}

/* live_expect() with "MINUTE" for the minute. */
static void expect(int64_t now, const char *want)
{
    struct crq_buf text = CRQ_BUF_INIT;

    for (const char *at = strstr(want, "MINUTE"); at != NULL;
            at = strstr(want, "MINUTE")) {
        crq_buf_put(&text, want, (size_t)(at - want));
        crq_buf_puti(&text, now);
        want = at + strlen("MINUTE");
    }
    crq_buf_puts(&text, want);
    live_expect(conn, crq_buf_text(&text));
    crq_buf_fini(&text);
}

#define NUMBERS(failed, finished, run, wait, run_us, wait_us)                  \
    "  failed " failed "\n"                                                    \
    "  finished " finished "\n"                                                \
    "  run:inf " run "\n"                                                      \
    "  run:us " run_us "\n"                                                    \
    "  wait:2 " wait "\n"                                                      \
    "  wait:us " wait_us "\n"
#define ONCE  NUMBERS("1", "1", "1", "1", "7000000000", "1500")
#define TWICE NUMBERS("2", "2", "2", "2", "14000000000", "3000")
#define SAMPLE                                                                 \
    "  \"f\\nE\" "                                                             \
    "\"{\\\"job\\\":\\\"a\\\",\\\"queue\\\":\\\"q\\\","                        \
    "\\\"message\\\":\\\"why\\\"}\"\n"
#define STATE(numbers, causes, nth)                                            \
    "crq:failures zset ttl=2592000\n"                                          \
    "  1800000000 \"f\\nE\"\n"                                                 \
    "crq:failures:counts hash ttl=2592000\n"                                   \
    "  \"f\\nE\" " causes "\n"                                                 \
    "crq:failures:samples hash ttl=2592000\n" SAMPLE                           \
    "crq:stats:minute:MINUTE: hash ttl=7200\n" numbers                         \
    "crq:stats:minute:MINUTE:q hash ttl=7200\n" numbers                        \
    "crq:stats:queue: hash ttl=31536000\n" numbers                             \
    "crq:stats:queue:q hash ttl=31536000\n" numbers                            \
    "crq:stats:seen:p string ttl=3600\n"                                       \
    "  " nth "\n"

START_TEST(test_a_call_adds_to_what_is_there_and_repeated_adds_nothing)
{
    int64_t now = minute();
    struct crq_tallies t;

    count(&t);
    ck_assert_int_eq(flush(&t, 1), 1);
    expect(now, STATE(ONCE, "1", "1"));
    ck_assert_int_eq(flush(&t, 1), 0);
    expect(now, STATE(ONCE, "1", "1"));
    ck_assert_int_eq(flush(&t, 2), 1);
    expect(now, STATE(TWICE, "2", "2"));
    crq_tallies_fini(&t);
}
END_TEST

START_TEST(test_keys_of_other_types_are_left_alone)
{
    int64_t now = minute();
    struct crq_tallies t;

    live_seed(conn,
            "SET crq:stats:queue:q x\nLPUSH crq:stats:seen:p x\n"
            "SET crq:failures:counts x\n"
            "HSET crq:stats:queue: failed x finished 9223372036854775807");
    count(&t);
    ck_assert_int_eq(flush(&t, 1), 1);
    expect(now,
            "crq:failures:counts string\n"
            "  x\n"
            "crq:stats:minute:MINUTE: hash ttl=7200\n" ONCE
            "crq:stats:minute:MINUTE:q hash ttl=7200\n" ONCE
            "crq:stats:queue: hash ttl=31536000\n" ONCE
            "crq:stats:queue:q string\n"
            "  x\n"
            "crq:stats:seen:p list\n"
            "  x\n");
    crq_tallies_fini(&t);
}
END_TEST

START_TEST(test_a_redis_that_is_full_is_left_as_it_is)
{
    struct crq_tallies t;
    struct crq_args args;
    crq_error err;
    size_t nkeys;

    live_seed(conn, "SET a b\nCONFIG SET maxmemory 1");
    count(&t);
    crq_args_init(&args);
    nkeys = crq_tallies_words(&t, "p", 1, &args);
    ck_assert_int_eq(crq_script_call(conn, &crq_script_stats, nkeys, &args,
                             NULL, &err),
            CRQ_EREDIS);
    crq_args_fini(&args);
    live_seed(conn, "CONFIG SET maxmemory 0");
    live_expect(conn, "a string\n  b\n");
    crq_tallies_fini(&t);
}
END_TEST

/* Of a user of these rights the call is refused, and what others have counted
 * stays. With all rights it is counted once, however often it was refused. */
static const struct {
    const char *rights;
} narrow[] = {
    { "-hincrby" },
    { "-expire" },
    { "-hdel" },
    { "-zadd" },
    { "-@write" },
    { "resetkeys ~crq:stats:*" },
    { "resetkeys ~crq:failures* ~crq:stats:seen:*" },
    { "resetkeys ~crq:failures* ~crq:stats:seen:* ~crq:stats:queue:*" },
    { "resetkeys ~crq:failures ~crq:stats:*" },
};

START_TEST(test_what_a_user_may_not_add_stays_as_it_was)
{
    crq_conn *user;
    struct crq_buf seed = CRQ_BUF_INIT;
    int64_t now = minute();
    struct crq_tallies t;
    struct crq_args args;
    crq_error err;
    size_t nkeys;

    count(&t);
    ck_assert_int_eq(flush(&t, 1), 1);
    /* So that there is something to be forgotten. */
    live_seed(conn, "ZADD crq:failures 1 old");
    crq_buf_printf(&seed, "ACL SETUSER joe on >pw ~* +@all %s\n",
            narrow[_i].rights);
    live_seed(conn, crq_buf_text(&seed));
    crq_buf_fini(&seed);
    user = live_conn_to("unix://joe:pw@%s", live_main()->socket);
    crq_args_init(&args);
    for (int nth = 2; nth < 4; nth++) {
        nkeys = crq_tallies_words(&t, "p", nth, &args);
        ck_assert_int_eq(crq_script_call(user, &crq_script_stats, nkeys, &args,
                                 NULL, &err),
                CRQ_EAUTH);
        ck_assert_msg(strstr(err.text, "does not allow this user") != NULL,
                "%s", err.text);
    }
    crq_args_fini(&args);
    crq_conn_free(user);
    live_seed(conn, "ACL DELUSER joe");
    ck_assert_int_eq(flush(&t, 4), 1);
    expect(now, STATE(TWICE, "2", "4"));
    crq_tallies_fini(&t);
}
END_TEST

START_TEST(test_causes_are_forgotten_when_they_are_too_many_or_too_old)
{
    struct crq_tallies t;
    crq_failures *f;
    crq_error err;
    int64_t now_us = minute() * 60 * 1000000;

    for (int i = 0; i < 9; i++) {
        crq_tallies_init(&t);
        for (int n = 0; n < CRQ_TALLIES_CAUSES; n++) {
            struct crq_cause cause = { .times = 1 };

            snprintf(cause.func, sizeof(cause.func), "f%d", i * 100 + n);
            cause.last_us = now_us + i * 100 + n;
            crq_tallies_cause(&t, &cause);
        }
        flush(&t, i + 1);
        crq_tallies_fini(&t);
    }
    unit_ok(crq_failures_fetch(conn, CRQ_CAUSES_MAX, &f, &err), &err);
    ck_assert_uint_eq(crq_failures_count(f), CRQ_CAUSES_MAX);
    ck_assert_str_eq(crq_failure_func(f, 0), "f899"); /* the newest */
    ck_assert_str_eq(crq_failure_func(f, CRQ_CAUSES_MAX - 1), "f400");
    crq_failures_free(f);

    live_seed(conn,
            "FLUSHALL\nZADD crq:failures 1 \"old\\nE\"\n"
            "HSET crq:failures:counts \"old\\nE\" 5\n"
            "HSET crq:failures:samples \"old\\nE\" {}");
    count(&t);
    flush(&t, 1);
    crq_tallies_fini(&t);
    unit_ok(crq_failures_fetch(conn, 1, &f, &err), &err);
    ck_assert_uint_eq(crq_failures_count(f), 1);
    ck_assert_str_eq(crq_failure_func(f, 0), "f");
    ck_assert_str_eq(crq_failure_class(f, 0), "E");
    ck_assert_int_eq(crq_failure_times(f, 0), 1);
    ck_assert_int_eq(crq_failure_last_us(f, 0), AT_US);
    ck_assert_str_eq(crq_failure_job(f, 0), "a");
    ck_assert_str_eq(crq_failure_queue(f, 0), "q");
    ck_assert_str_eq(crq_failure_message(f, 0), "why");
    crq_failures_free(f);
}
END_TEST

/* ---- reading ---- */

static const char *const asked[] = { "q", NULL, "r" };

START_TEST(test_rates_and_times_are_read_of_each_queue_and_of_all)
{
    int64_t now = minute();
    struct crq_buf seed = CRQ_BUF_INIT;
    const crq_stats *q, *all, *r;
    crq_stats *stats;
    crq_error err;

    crq_buf_printf(&seed,
            "HSET crq:stats:queue:q finished 10 run:1 4\n"
            "HSET crq:stats:queue: finished 30 abandoned 2\n"
            "HSET crq:stats:minute:%lld:q finished 1 wait:10 2 wait:us 9\n"
            "HSET crq:stats:minute:%lld:q finished 5 failed 1 wait:1 2\n"
            "HSET crq:stats:minute:%lld:q finished 100\n"
            "RPUSH rq:queue:q a b\n"
            "HSET rq:job:a enqueued_at 2027-01-15T08:00:00.000000Z\n",
            (long long)now, (long long)now - 2, (long long)now - 60);
    live_seed(conn, crq_buf_text(&seed));
    crq_buf_fini(&seed);
    unit_ok(crq_stats_fetch(conn, asked, 3, CRQ_STATS_MINUTES, &stats, &err),
            &err);
    q = crq_stats_at(stats, 0);
    all = crq_stats_at(stats, 1);
    r = crq_stats_at(stats, 2);
    ck_assert_str_eq(crq_stats_queue(q), "q");
    ck_assert_ptr_null(crq_stats_queue(all));
    ck_assert_int_eq(crq_stats_now_us(r) / 60000000, now);
    ck_assert_int_eq(crq_stats_oldest_us(q), AT_US);
    ck_assert_int_eq(crq_stats_oldest_us(all), AT_US);
    ck_assert_int_eq(crq_stats_oldest_us(r), CRQ_UNSET);
    ck_assert_int_eq(crq_stats_total(q, CRQ_STAT_FINISHED), 10);
    ck_assert_int_eq(crq_stats_total(all, CRQ_STAT_ABANDONED), 2);
    ck_assert_int_eq(crq_stats_total(r, CRQ_STAT_FINISHED), 0);
    ck_assert_int_eq(crq_stats_total(q, CRQ_STAT_COUNT), 0);
    ck_assert_int_eq(crq_stats_minute(q, 0, CRQ_STAT_FINISHED), 1);
    ck_assert_int_eq(crq_stats_minute(q, 1, CRQ_STAT_FINISHED), 0);
    ck_assert_int_eq(crq_stats_minute(q, 2, CRQ_STAT_FINISHED), 5);
    ck_assert_int_eq(crq_stats_minute(q, 60, CRQ_STAT_FINISHED), 0);
    ck_assert_int_eq(crq_stats_minute(q, -1, CRQ_STAT_FINISHED), 0);
    ck_assert_double_eq(crq_stats_rate(q, CRQ_STAT_FINISHED), 1. / 60);
    ck_assert_int_eq(crq_stats_timed(q, CRQ_TIMING_WAIT, 0, 60), 4);
    ck_assert_int_eq(crq_stats_timed(q, CRQ_TIMING_WAIT, 1, 60), 2);
    ck_assert_int_eq(crq_stats_timed(q, CRQ_TIMING_RUN, 0, 0), 4);
    ck_assert_int_eq(crq_stats_bucket(q, CRQ_TIMING_WAIT, 0, 60, 3), 2);
    ck_assert_int_eq(crq_stats_bucket(q, CRQ_TIMING_WAIT, 0, 60, 99), 0);
    ck_assert_int_eq(crq_stats_sum_us(q, CRQ_TIMING_WAIT, 0, 60), 9);
    ck_assert_int_eq(crq_stats_percentile_us(q, CRQ_TIMING_WAIT, 0, 60, 1),
            10000);
    ck_assert_int_eq(crq_stats_percentile_us(q, CRQ_TIMING_RUN, 0, 60, 0.5),
            CRQ_UNSET);
    crq_stats_free(stats, 3);
}
END_TEST

START_TEST(test_whatever_stands_in_the_keys_can_be_read)
{
    int64_t now = minute();
    struct crq_buf seed = CRQ_BUF_INIT;
    crq_stats *stats;
    crq_failures *f;
    crq_error err;

    crq_buf_printf(&seed,
            "SET crq:stats:queue:q x\nLPUSH crq:stats:minute:%lld:q x\n"
            "HSET crq:stats:queue: finished x failed -1 wait:us 1e400\n"
            "SET rq:queue:q x\nRPUSH rq:queue:r gone\n"
            "ZADD crq:failures inf \"f\\nE\" -inf no-cause 5 \"\\xff\\n\\xff\"\n"
            "HSET crq:failures:counts \"f\\nE\" 3 no-cause 4\n"
            "HSET crq:failures:samples \"f\\nE\" "
            "'{\"job\":5,\"queue\":\"\\ud800\",\"message\":[]}' no-cause {\n",
            (long long)now);
    live_seed(conn, crq_buf_text(&seed));
    crq_buf_fini(&seed);
    unit_ok(crq_stats_fetch(conn, asked, 3, 2, &stats, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        const crq_stats *row = crq_stats_at(stats, i);

        ck_assert_int_eq(crq_stats_total(row, CRQ_STAT_FINISHED), 0);
        ck_assert_int_eq(crq_stats_oldest_us(row), CRQ_UNSET);
        ck_assert_double_eq(crq_stats_rate(row, CRQ_STAT_COUNT), 0);
    }
    crq_stats_free(stats, 3);
    unit_ok(crq_failures_fetch(conn, 10, &f, &err), &err);
    ck_assert_uint_eq(crq_failures_count(f), 1);
    ck_assert_str_eq(crq_failure_func(f, 0), "f");
    ck_assert_str_eq(crq_failure_job(f, 0), "");
    crq_failures_free(f);
    live_seed(conn, "DEL crq:failures\nSET crq:failures x");
    unit_ok(crq_failures_fetch(conn, 10, &f, &err), &err);
    ck_assert_uint_eq(crq_failures_count(f), 0);
    crq_failures_free(f);
}
END_TEST

static const struct {
    const char *queue;
    int minutes;
} wrong[] = { { "q", -1 }, { "q", 61 }, { "", 1 }, { "a\nb", 1 } };

START_TEST(test_what_cannot_be_asked_is_refused)
{
    crq_stats *stats;
    crq_failures *f;

    ck_assert_int_eq(crq_stats_fetch(conn, &wrong[_i].queue, 1,
                             wrong[_i].minutes, &stats, NULL),
            CRQ_EINVAL);
    ck_assert_int_eq(crq_failures_fetch(conn, 0, &f, NULL), CRQ_EINVAL);
    ck_assert_int_eq(crq_failures_fetch(conn, 501, &f, NULL), CRQ_EINVAL);
    ck_assert_int_eq(crq_failures_scan(conn, "", 1, &f, NULL), CRQ_EINVAL);
    ck_assert_int_eq(crq_failures_scan(conn, "q", 1001, &f, NULL), CRQ_EINVAL);
}
END_TEST

static void add_failed(const char *id, const char *data, const char *error)
{
    struct crq_buf seed = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_run_error_text(error, strlen(error), &packed, NULL),
            0);
    crq_buf_printf(&seed,
            "HSET rq:job:%s data '%s' ended_at 2027-01-15T08:00:00.000000Z\n"
            "XADD rq:results:%s * type 2 exc_string %s\n",
            id, data, id, crq_buf_text(&packed));
    live_seed(conn, crq_buf_text(&seed));
    crq_buf_fini(&seed);
    crq_buf_fini(&packed);
}

static int scan(void *arg, crq_error *err)
{
    crq_failures *f;
    int rc = crq_failures_scan(conn, "q", 1000, &f, err);

    (void)arg;
    if (rc == 0)
        crq_failures_free(f);
    return rc;
}

static int fetch(void *arg, crq_error *err)
{
    crq_stats *stats;
    int rc = crq_stats_fetch(conn, asked, 3, 2, &stats, err);

    (void)arg;
    if (rc == 0)
        crq_stats_free(stats, 3);
    return rc;
}

static int fetch_causes(void *arg, crq_error *err)
{
    crq_failures *f;
    int rc = crq_failures_fetch(conn, 10, &f, err);

    (void)arg;
    if (rc == 0)
        crq_failures_free(f);
    return rc;
}

#define CALL "[\"f.g\", null, [], {}]"

START_TEST(test_failed_jobs_of_others_are_grouped_as_they_are)
{
    crq_failures *f;
    crq_error err;

    add_failed("a", CALL,
            "Traceback (most recent call last):\n  x\nKeyError: 7");
    add_failed("b", CALL, "KeyError: 8");
    add_failed("c", CALL, "OSError");
    live_seed(conn,
            "ZADD rq:failed:q 1 a 3 b 2 c 4 gone 5 d 6 e\n"
            "SET rq:job:d x\nSET rq:results:d x\n"
            "HSET rq:job:e data \"\\xff\" ended_at never\n"
            "XADD rq:results:e * type 2 exc_string x");
    unit_fail_each_allocation(scan, NULL);
    unit_ok(crq_failures_scan(conn, "q", 1000, &f, &err), &err);
    ck_assert_uint_eq(crq_failures_count(f), 3);
    ck_assert_str_eq(crq_failure_func(f, 0), ""); /* gone, d and e */
    ck_assert_int_eq(crq_failure_times(f, 0), 3);
    ck_assert_str_eq(crq_failure_func(f, 1), "f.g");
    ck_assert_str_eq(crq_failure_class(f, 1), "KeyError");
    ck_assert_int_eq(crq_failure_times(f, 1), 2);
    ck_assert_int_eq(crq_failure_last_us(f, 1), AT_US);
    ck_assert_str_eq(crq_failure_queue(f, 1), "q");
    ck_assert_str_eq(crq_failure_class(f, 2), "OSError");
    crq_failures_free(f);
}
END_TEST

START_TEST(test_reading_without_memory_fails_and_leaks_nothing)
{
    struct crq_tallies t;

    live_seed(conn, "RPUSH rq:queue:q a\nHSET rq:job:a enqueued_at x");
    count(&t);
    flush(&t, 1);
    crq_tallies_fini(&t);
    unit_fail_each_allocation(fetch, NULL);
    unit_fail_each_allocation(fetch_causes, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("stats");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc,
            test_a_call_adds_to_what_is_there_and_repeated_adds_nothing);
    tcase_add_test(tc, test_keys_of_other_types_are_left_alone);
    tcase_add_test(tc, test_a_redis_that_is_full_is_left_as_it_is);
    unit_add_rows(tc, test_what_a_user_may_not_add_stays_as_it_was, narrow);
    tcase_add_test(tc,
            test_causes_are_forgotten_when_they_are_too_many_or_too_old);
    tcase_add_test(tc, test_rates_and_times_are_read_of_each_queue_and_of_all);
    tcase_add_test(tc, test_whatever_stands_in_the_keys_can_be_read);
    unit_add_rows(tc, test_what_cannot_be_asked_is_refused, wrong);
    tcase_add_test(tc, test_failed_jobs_of_others_are_grouped_as_they_are);
    tcase_add_test(tc, test_reading_without_memory_fails_and_leaks_nothing);
    return live_run("stats", tc);
}
