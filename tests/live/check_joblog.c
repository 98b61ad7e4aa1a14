/* check_joblog.c - tests of model/joblog.c and its script. */
#include "run_steps.h"

#include <stdio.h>
#include <string.h>

#include "model/joblog.h"
#include "model/queue.h"
#include "redis/scripts.h"

/* A job that runs, as claim and begin leave it; `data` makes it fetchable. */
#define RUN                                                                    \
    "HSET rq:job:a created_at c data '[\"f\", null, [], {}]' origin q1 "       \
    "status started timeout 180\n"                                             \
    "HSET rq:execution:a:" X1 " id " X1 " created_at 1 last_heartbeat 1 crq "  \
    "begun\n"                                                                  \
    "ZADD rq:executions:a 1800000140 " X1 "\n"                                 \
    "ZADD rq:wip:q1 1800000080 a:" X1 "\n"                                     \
    "HSET crq:runs:s " X1 " 1:begun:1:a:q1\nZADD crq:alive 5 s\n"

#define LINE(x, number, time, sum, text)                                       \
    "  * execution_id " x " number " number " time 180000000" time " sum " sum \
    " text " text "\n"

static crq_conn *conn;

static void set_up(void)
{
    conn = live_conn();
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

/* Lines of the run `execution` of job a, the first one with this number, at
 * AT + number seconds; the texts have blanks behind them. */
static int64_t keep(const char *execution, int first, const char *texts,
        int64_t most_bytes, int64_t most_lines)
{
    struct crq_runref run = { "q1", "a", execution };
    struct crq_args words, lines;
    crq_reply *reply;
    crq_error err;
    const char *why;
    int64_t state;
    size_t nkeys;

    crq_args_init(&words);
    crq_args_init(&lines);
    for (; *texts != '\0'; first++) {
        size_t len = strcspn(texts, " ");

        crq_joblog_line(&lines, first, AT_US + first * 1000000, texts, len);
        texts += len + 1;
    }
    nkeys = crq_joblog_start(&words, most_bytes, most_lines);
    crq_joblog_add(&words, &run, &lines);
    reply = steps_call(conn, &crq_script_joblog, nkeys, &words);
    unit_ok(crq_joblog_read(reply, 1, &err), &err);
    state = crq_joblog_state(reply, 0, &why);
    if (state == -2)
        ck_assert_ptr_nonnull(strstr(why, "WRONGTYPE"));
    crq_reply_free(reply);
    crq_args_fini(&lines);
    return state;
}

/* ---- writing ---- */

#define BEFORE                                                                 \
    "XADD crq:log:a 1-0 execution_id " X2                                      \
    " number 7 time 1800000000.000000 sum 40 text old\n"

static const struct {
    const char *seed, *execution;
    int first;
    const char *texts;
    int64_t bytes, lines, kept;
    const char *changes;
} keeps[] = {
    { RUN, X1, 1, "one two ", 99, 9, 2,
            "+crq:log:a stream ttl=86400\n" LINE("X1", "1", "1.000000", "4",
                    "one") LINE("X1", "2", "2.000000", "8", "two") },
    /* It is behind lines of another run, and of its own. */
    { RUN BEFORE, X1, 1, "x ", 99, 9, 1,
            "crq:log:a stream ttl=86400\n  +" //
            "* execution_id X1 number 1 time 1800000001.000000 sum 42 text "
            "x\n" },
    /* Written by an earlier run of the call: none again, some again. */
    { RUN "XADD crq:log:a 1-0 execution_id " X1 " number 2 time 1 sum 8 text "
          "b\n",
            X1, 1, "a b ", 99, 9, 0, "" },
    { RUN "XADD crq:log:a 1-0 execution_id " X1 " number 2 time 1 sum 8 text "
          "b\n",
            X1, 2, "b c ", 99, 9, 1,
            "crq:log:a stream ttl=86400\n  +" //
            "* execution_id X1 number 3 time 1800000003.000000 sum 10 text "
            "c\n" },
    /* Too much in all: the oldest go. */
    { RUN BEFORE, X1, 1, "one two three ", 99, 2, 3,
            "crq:log:a stream ttl=86400\n"
            "  -* execution_id X2 number 7 time 1800000000.000000 sum 40 text "
            "old\n"
            "  +* execution_id X1 number 2 time 1800000002.000000 sum 48 text "
            "two\n"
            "  +* execution_id X1 number 3 time 1800000003.000000 sum 54 text "
            "three\n" },
    { RUN BEFORE, X1, 1, "one two three ", 10, 9, 3,
            "crq:log:a stream ttl=86400\n"
            "  -* execution_id X2 number 7 time 1800000000.000000 sum 40 text "
            "old\n"
            "  +* execution_id X1 number 2 time 1800000002.000000 sum 48 text "
            "two\n"
            "  +* execution_id X1 number 3 time 1800000003.000000 sum 54 text "
            "three\n" },
    /* What somebody else has put there is in the way of nothing. */
    { RUN "XADD crq:log:a 1-0 sum x number y id z\n", X1, 1, "one ", 99, 9, 1,
            "crq:log:a stream ttl=86400\n  +* execution_id X1 number 1 time "
            "1800000001.000000 sum 4 text one\n" },
    /* Canceled while it ran: RQ leaves the execution. */
    { RUN "ZREM rq:wip:q1 a:" X1 "\nHSET rq:job:a status canceled\n", X1, 1,
            "one ", 99, 9, 1,
            "+crq:log:a stream ttl=86400\n" LINE("X1", "1", "1.000000", "4",
                    "one") },
    /* No fence, no line. */
    { RUN, X2, 1, "one ", 99, 9, -1, "" },
    { RUN "DEL rq:job:a\n", X1, 1, "one ", 99, 9, -1, "" },
    { "SET crq:log:a x\n" RUN, X1, 1, "one ", 99, 9, -2, "" },
    { RUN "DEL rq:executions:a\nSET rq:executions:a x\n", X1, 1, "one ", 99, 9,
            -2, "" },
};

START_TEST(test_lines_of_a_run_are_kept_once)
{
    live_seed(conn, keeps[_i].seed);
    steps_mark(conn);
    ck_assert_int_eq(keep(keeps[_i].execution, keeps[_i].first, keeps[_i].texts,
                             keeps[_i].bytes, keeps[_i].lines),
            keeps[_i].kept);
    steps_expect(conn, keeps[_i].changes);
    /* Again, as when its reply was lost. */
    ck_assert_int_eq(keep(keeps[_i].execution, keeps[_i].first, keeps[_i].texts,
                             keeps[_i].bytes, keeps[_i].lines),
            keeps[_i].kept > 0 ? 0 : keeps[_i].kept);
    steps_expect(conn, keeps[_i].changes);
}
END_TEST

START_TEST(test_many_lines_stay_below_the_limit_of_bytes)
{
    char text[40];
    crq_lines *lines;
    crq_job *job;
    crq_error err;
    size_t bytes = 0;

    live_seed(conn, RUN);
    for (int i = 1; i <= 300; i++) {
        snprintf(text, sizeof(text), "%0*d ", 1 + i % 30, i);
        ck_assert_int_eq(keep(X1, i, text, 2000, 1000), 1);
    }
    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    unit_ok(crq_job_log(job, NULL, 0, &lines, &err), &err);
    for (size_t i = 0; i < crq_lines_count(lines); i++)
        bytes += strlen(crq_lines_text(lines, i)) + 1;
    ck_assert_uint_le(bytes, 2000);
    ck_assert_uint_gt(bytes, 2000 - 40);
    crq_lines_free(lines);
    crq_job_free(job);
}
END_TEST

START_TEST(test_one_job_of_a_foreign_type_does_not_hold_up_the_others)
{
    struct crq_runref runs[] = { { "q1", "b", X1 }, { "q1", "a", X1 } };
    struct crq_args words, lines;
    crq_reply *reply;
    crq_error err;
    const char *why;
    size_t nkeys;

    live_seed(conn, RUN "SET crq:log:b x\n");
    crq_args_init(&words);
    crq_args_init(&lines);
    nkeys = crq_joblog_start(&words, 99, 9);
    crq_joblog_line(&lines, 1, AT_US, "x", 1);
    crq_joblog_add(&words, &runs[0], &lines);
    crq_joblog_add(&words, &runs[1], &lines);
    reply = steps_call(conn, &crq_script_joblog, nkeys, &words);
    unit_ok(crq_joblog_read(reply, 2, &err), &err);
    ck_assert_int_eq(crq_joblog_state(reply, 0, &why), -2);
    ck_assert_int_eq(crq_joblog_state(reply, 1, &why), 1);
    crq_reply_free(reply);
    crq_args_fini(&lines);
}
END_TEST

static const struct {
    const char *text, *want;
    size_t len;
} texts[] = {
    { "", "", 0 },
    { "na\xc3\xafve \xe2\x98\x83", "na\xc3\xafve \xe2\x98\x83", 10 },
    { "caf\xe9", "caf?", 4 },
    { "\xff\xfe\xc3", "???", 3 },
    { "a\0b", "a?b", 3 },
    { "\xe2\x98", "??", 2 },
};

START_TEST(test_a_line_is_text_whatever_was_logged)
{
    struct crq_args lines;
    size_t len;
    const char *word;

    crq_args_init(&lines);
    crq_joblog_line(&lines, 1, AT_US, texts[_i].text, texts[_i].len);
    word = crq_args_word(&lines, 2, &len);
    ck_assert_uint_eq(len, texts[_i].len);
    ck_assert_mem_eq(word, texts[_i].want, len);
    crq_args_fini(&lines);
}
END_TEST

/* ---- how long they live ---- */

#define LOGGED RUN "XADD crq:log:a 1-0 text t\nEXPIRE crq:log:a 100\n"

static const struct {
    const char *more;
    enum crq_ending ending;
    int64_t ttl; /* afterwards; -2: gone */
} ages[] = {
    { "", CRQ_ENDING_SUCCESS, 500 },
    { "HSET rq:job:a result_ttl 60", CRQ_ENDING_SUCCESS, 60 },
    { "HSET rq:job:a result_ttl 0", CRQ_ENDING_SUCCESS, -2 },
    { "HSET rq:job:a result_ttl -1", CRQ_ENDING_SUCCESS, 31536000 },
    { "HSET rq:job:a repeats_left 1", CRQ_ENDING_SUCCESS, 31536000 },
    { "", CRQ_ENDING_FAILURE, 31536000 },
    { "HSET rq:job:a failure_ttl 60", CRQ_ENDING_FAILURE, 60 },
    { "HSET rq:job:a failure_ttl 0", CRQ_ENDING_FAILURE, -2 },
    { "HSET rq:job:a retries_left 1 ttl 70", CRQ_ENDING_FAILURE, 70 },
    { "HSET rq:job:a retries_left 1", CRQ_ENDING_FAILURE, 31536000 },
    { "HSET rq:job:a failure_ttl 60", CRQ_ENDING_STOPPED, 60 },
    { "HSET rq:job:a status canceled", CRQ_ENDING_SUCCESS, 31536000 },
    { "DEL rq:job:a", CRQ_ENDING_SUCCESS, 100 },
};

static int64_t log_ttl(void)
{
    crq_reply *reply;
    crq_error err;
    int64_t ttl;

    unit_ok(crq_conn_run(conn, &reply, &err, "PTTL", "crq:log:a", NULL), &err);
    ttl = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    return ttl > 0 ? (ttl + 999) / 1000 : ttl;
}

START_TEST(test_the_log_lives_as_long_as_its_job)
{
    struct crq_finish finish = steps_finish_of("a", ages[_i].ending);

    live_seed(conn, LOGGED);
    live_seed(conn, ages[_i].more);
    (void)steps_finish(conn, &finish);
    ck_assert_int_eq(log_ttl(), ages[_i].ttl);
}
END_TEST

START_TEST(test_a_heartbeat_and_a_hand_back_keep_the_log)
{
    struct crq_runref run = { "q1", "a", X1 };
    struct crq_args words;
    size_t nkeys;

    live_seed(conn, LOGGED);
    ck_assert_int_eq(steps_heartbeat(conn, "a", X1, 90, AT_US), CRQ_RUN_KEPT);
    ck_assert_int_eq(log_ttl(), 86400);
    crq_args_init(&words);
    nkeys = crq_hand_back_start(&words);
    crq_hand_back_add_unbegun(&words, "s", &run);
    crq_reply_free(steps_call(conn, &crq_script_hand_back, nkeys, &words));
    ck_assert_int_eq(log_ttl(), 31536000);
}
END_TEST

static const struct {
    const char *more;
    int64_t ttl;
} taken[] = {
    { "HSET rq:job:a failure_ttl 60", 60 },
    { "HSET rq:job:a retries_left 1", 31536000 },
    { "HSET crq:runs:s " X1 " 1:waiting:1:a:q1", 31536000 },
};

START_TEST(test_who_takes_a_run_over_takes_care_of_its_log)
{
    struct crq_take_over what = { .dead = "s", .limit = 10, .now_us = AT_US };
    struct crq_args words;
    crq_error err;
    size_t nkeys;

    live_seed(conn, LOGGED "ZADD rq:wip:q1 1800000000 a:" X1 "\n");
    live_seed(conn, taken[_i].more);
    crq_args_init(&words);
    unit_ok(crq_take_over_words(&what, &words, &nkeys, &err), &err);
    crq_reply_free(steps_call(conn, &crq_script_take_over, nkeys, &words));
    ck_assert_int_eq(log_ttl(), taken[_i].ttl);
}
END_TEST

/* ---- reading ---- */

static crq_job *fetch(void)
{
    crq_job *job;
    crq_error err;

    unit_ok(crq_job_fetch(conn, "a", &job, &err), &err);
    return job;
}

START_TEST(test_lines_are_read_in_their_order_from_any_on)
{
    crq_job *job;
    crq_lines *lines;
    crq_error err;

    live_seed(conn, RUN BEFORE);
    ck_assert_int_eq(keep(X1, 1, "one two ", 99, 9), 2);
    job = fetch();
    unit_ok(crq_job_log(job, NULL, 0, &lines, &err), &err);
    ck_assert_uint_eq(crq_lines_count(lines), 3);
    ck_assert_str_eq(crq_lines_id(lines, 0), "1-0");
    ck_assert_str_eq(crq_lines_text(lines, 0), "old");
    ck_assert_str_eq(crq_lines_execution_id(lines, 0), X2);
    ck_assert_str_eq(crq_lines_execution_id(lines, 1), X1);
    ck_assert_int_eq(crq_lines_time_us(lines, 2), AT_US + 2000000);
    crq_lines_free(lines);

    unit_ok(crq_job_log(job, "1-0", 0, &lines, &err), &err);
    ck_assert_uint_eq(crq_lines_count(lines), 2);
    ck_assert_str_eq(crq_lines_text(lines, 0), "one");
    crq_lines_free(lines);

    unit_ok(crq_job_log_tail(job, 2, &lines, &err), &err);
    ck_assert_uint_eq(crq_lines_count(lines), 2);
    ck_assert_str_eq(crq_lines_text(lines, 0), "one");
    ck_assert_str_eq(crq_lines_text(lines, 1), "two");
    crq_lines_free(lines);
    crq_job_free(job);
}
END_TEST

START_TEST(test_no_line_is_no_error_and_may_be_waited_for)
{
    crq_job *job;
    crq_lines *lines;
    crq_error err;

    live_seed(conn, RUN);
    job = fetch();
    for (int64_t wait_ms = 0; wait_ms < 2; wait_ms++) {
        unit_ok(crq_job_log(job, NULL, wait_ms, &lines, &err), &err);
        ck_assert_uint_eq(crq_lines_count(lines), 0);
        crq_lines_free(lines);
    }
    unit_ok(crq_job_log_tail(job, 10, &lines, &err), &err);
    ck_assert_uint_eq(crq_lines_count(lines), 0);
    crq_lines_free(lines);
    crq_job_free(job);
}
END_TEST

START_TEST(test_a_line_that_is_not_ours_is_shown_as_far_as_it_goes)
{
    crq_job *job;
    crq_lines *lines;
    crq_error err;

    live_seed(conn,
            RUN "XADD crq:log:a 1-0 x y\n"
                "XADD crq:log:a 2-0 text 1 text \"\\xff\" time nan\n");
    job = fetch();
    unit_ok(crq_job_log(job, NULL, 0, &lines, &err), &err);
    ck_assert_uint_eq(crq_lines_count(lines), 2);
    ck_assert_str_eq(crq_lines_text(lines, 0), "");
    ck_assert_ptr_null(crq_lines_execution_id(lines, 0));
    ck_assert_int_eq(crq_lines_time_us(lines, 0), CRQ_UNSET);
    ck_assert_str_eq(crq_lines_text(lines, 1), "?");
    ck_assert_int_eq(crq_lines_time_us(lines, 1), CRQ_UNSET);
    crq_lines_free(lines);
    crq_job_free(job);
}
END_TEST

static const char *const no_ids[] = { "", "1", "1-", "-1", "$", "1-1x", "x-1",
    "11111111111111111111111111-1111111111111111111111111111" };

START_TEST(test_what_is_no_lines_id_is_refused)
{
    crq_lines *lines = NULL;
    crq_job *job;

    live_seed(conn, RUN);
    job = fetch();
    ck_assert_int_eq(crq_job_log(job, no_ids[_i], 0, &lines, NULL), CRQ_EINVAL);
    ck_assert_ptr_null(lines);
    crq_job_free(job);
}
END_TEST

START_TEST(test_a_log_of_a_foreign_type_is_an_error)
{
    crq_lines *lines = NULL;
    crq_job *job;

    live_seed(conn, RUN "SET crq:log:a x\n");
    job = fetch();
    ck_assert_int_eq(crq_job_log(job, NULL, 0, &lines, NULL), CRQ_EREDIS);
    ck_assert_int_eq(crq_job_log_tail(job, 1, &lines, NULL), CRQ_EREDIS);
    ck_assert_ptr_null(lines);
    crq_job_free(job);
}
END_TEST

/* ---- memory ---- */

static int read_all(void *arg, crq_error *err)
{
    crq_lines *lines = NULL, *tail = NULL;
    int rc = crq_job_log(arg, NULL, 0, &lines, err);

    if (rc == 0)
        rc = crq_job_log_tail(arg, 5, &tail, err);
    crq_lines_free(lines);
    crq_lines_free(tail);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_job *job;

    live_seed(conn, RUN BEFORE);
    job = fetch();
    unit_fail_each_allocation(read_all, job);
    crq_job_free(job);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("joblog");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc, test_lines_of_a_run_are_kept_once, keeps);
    tcase_add_test(tc, test_many_lines_stay_below_the_limit_of_bytes);
    tcase_add_test(tc,
            test_one_job_of_a_foreign_type_does_not_hold_up_the_others);
    unit_add_rows(tc, test_a_line_is_text_whatever_was_logged, texts);
    unit_add_rows(tc, test_the_log_lives_as_long_as_its_job, ages);
    tcase_add_test(tc, test_a_heartbeat_and_a_hand_back_keep_the_log);
    unit_add_rows(tc, test_who_takes_a_run_over_takes_care_of_its_log, taken);
    tcase_add_test(tc, test_lines_are_read_in_their_order_from_any_on);
    tcase_add_test(tc, test_no_line_is_no_error_and_may_be_waited_for);
    tcase_add_test(tc, test_a_line_that_is_not_ours_is_shown_as_far_as_it_goes);
    unit_add_rows(tc, test_what_is_no_lines_id_is_refused, no_ids);
    tcase_add_test(tc, test_a_log_of_a_foreign_type_is_an_error);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return live_run("joblog", tc);
}
