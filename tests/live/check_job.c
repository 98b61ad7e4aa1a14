/* check_job.c - tests of model/job.c, the rest of result.c, and wait.c. */
#include "live.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/job.h"
#include "model/result.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

/* A job as RQ writes it: f(1, a=2) by JSON, not packed. */
#define JOB                                                                    \
    "HSET rq:job:a created_at 2026-11-21T12:00:00.000000Z data "               \
    "'[\"f\", null, [1], {\"a\": 2}]' origin q description 'f(1, a=2)' "       \
    "timeout 180 started_at '' ended_at '' worker_name '' "

static crq_conn *conn;

static void set_up(void)
{
    conn = live_conn();
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

static crq_job *fetch(const char *id)
{
    crq_job *job = NULL;
    crq_error err;

    unit_ok(crq_job_fetch(conn, id, &job, &err), &err);
    return job;
}

/* ---- fetching ---- */

START_TEST(test_a_job_shows_what_its_hash_holds)
{
    crq_job *job;
    size_t len;

    live_seed(conn,
            JOB "status started enqueued_at "
                "2026-11-21T12:00:01Z started_at 2026-11-21T12:00:02.5Z"
                " result_ttl 1 failure_ttl 2 ttl 3 retries_left 4 "
                "worker_name w group_id g meta '{\"m\": 1}' "
                "retry_intervals '[1, 2]' new 'field'");
    job = fetch("a");
    ck_assert_str_eq(crq_job_id(job), "a");
    ck_assert_int_eq(crq_job_status(job), CRQ_STATUS_STARTED);
    ck_assert_str_eq(crq_job_status_text(job), "started");
    ck_assert_str_eq(crq_job_origin(job), "q");
    ck_assert_str_eq(crq_job_description(job), "f(1, a=2)");
    ck_assert_str_eq(crq_job_worker_name(job), "w");
    ck_assert_str_eq(crq_job_group_id(job), "g");
    ck_assert_int_eq(crq_job_created_us(job), NOON);
    ck_assert_int_eq(crq_job_enqueued_us(job), NOON + 1000000);
    ck_assert_int_eq(crq_job_started_us(job), NOON + 2500000);
    ck_assert_int_eq(crq_job_ended_us(job), CRQ_UNSET);
    ck_assert_int_eq(crq_job_timeout_s(job), 180);
    ck_assert_int_eq(crq_job_result_ttl_s(job), 1);
    ck_assert_int_eq(crq_job_failure_ttl_s(job), 2);
    ck_assert_int_eq(crq_job_ttl_s(job), 3);
    ck_assert_int_eq(crq_job_retries_left(job), 4);
    ck_assert_str_eq(crq_job_func(job), "f");
    ck_assert_uint_eq(crq_value_count(crq_job_args(job)), 1);
    ck_assert_ptr_nonnull(crq_value_get(crq_job_kwargs(job), "a"));
    ck_assert_ptr_nonnull(crq_value_get(crq_job_meta(job), "m"));
    ck_assert_int_eq(crq_job_serializer(job), CRQ_JSON);
    ck_assert_str_eq(crq_job_field(job, "new", &len), "field");
    ck_assert_uint_eq(len, 5);
    ck_assert_ptr_null(crq_job_field(job, "old", NULL));
    ck_assert_ptr_null(crq_job_problem(job));
    crq_job_free(job);
}
END_TEST

static const struct {
    const char *fields, *func, *status, *problem; /* its begin */
} damaged[] = {
    { "data '[\"f\", null, [], {}]'", "f", "created", NULL },
    { "data '[\"f\", null, [], {}]' status rate_limited", "f", "rate_limited",
            NULL },
    { "data junk status queued", NULL, "queued", "data: " },
    { "data '[\"f\", {}, [], {}]' status queued", NULL, "queued",
            "data: it calls a method of a dict object" },
    { "data '[\"f\", null, [], {}]' meta '[1]'", "f", "created",
            "meta: it is a list, not a dict" },
    { "data '[\"f\", null, [], {}]' meta junk", "f", "created", "meta: " },
    { "data '[\"f\", null, [], {}]' ttl soon", "f", "created",
            "field 'ttl': 'soon' is not a whole number" },
    { "data junk ttl soon", NULL, "created", "field 'ttl': " },
};

START_TEST(test_a_damaged_job_is_a_job_still)
{
    const char *problem;
    char line[200];
    crq_job *job;

    snprintf(line, sizeof(line), "HSET rq:job:a %s", damaged[_i].fields);
    live_seed(conn, line);
    job = fetch("a");
    ck_assert_str_eq(crq_job_status_text(job), damaged[_i].status);
    if (damaged[_i].func != NULL)
        ck_assert_str_eq(crq_job_func(job), damaged[_i].func);
    else
        ck_assert_ptr_null(crq_job_func(job));
    ck_assert_int_eq(crq_job_args(job) != NULL, damaged[_i].func != NULL);
    problem = crq_job_problem(job);
    ck_assert_int_eq(problem != NULL, damaged[_i].problem != NULL);
    if (problem != NULL)
        ck_assert_msg(strncmp(problem, damaged[_i].problem,
                              strlen(damaged[_i].problem)) == 0,
                "%s", problem);
    crq_job_free(job);
}
END_TEST

static const struct {
    const char *seed, *id;
    int rc;
    const char *says;
} none[] = {
    { "", "a", CRQ_ENOTFOUND, "there is no job 'a'" },
    { "", "", CRQ_ENOTFOUND, "there is no job ''" },
    { "", ":x", CRQ_ENOTFOUND, "there is no job ':x'" },
    { "HSET rq:job:a status queued", "a", CRQ_ENOTFOUND,
            "there is no job 'a'" },
    { "HSET rq:job:a status queued data ''", "a", CRQ_ENOTFOUND,
            "there is no job 'a'" },
    { "SET rq:job:a x", "a", CRQ_EREDIS, NULL },
};

START_TEST(test_what_is_no_job_is_not_found)
{
    crq_job *job = NULL;
    crq_error err;

    live_seed(conn, none[_i].seed);
    ck_assert_int_eq(crq_job_fetch(conn, none[_i].id, &job, &err), none[_i].rc);
    if (none[_i].says != NULL)
        ck_assert_str_eq(err.text, none[_i].says);
    ck_assert_ptr_null(job);
}
END_TEST

START_TEST(test_the_id_of_an_execution_means_its_job)
{
    crq_job *job;

    live_seed(conn, JOB "status started\nHSET 'rq:job:old id' data x");
    job = fetch("a:0123456789abcdef");
    ck_assert_str_eq(crq_job_id(job), "a");
    crq_job_free(job);
    job = fetch("old id"); /* RQ before 2.8 took such ids */
    ck_assert_str_eq(crq_job_id(job), "old id");
    crq_job_free(job);
}
END_TEST

START_TEST(test_refresh_reads_all_anew_or_changes_nothing)
{
    crq_job *job;
    crq_error err;

    live_seed(conn, JOB "status queued meta '{\"m\": 1}' ttl x");
    job = fetch("a");
    ck_assert_ptr_nonnull(crq_job_problem(job));
    live_seed(conn, JOB "status started ttl 5\nHDEL rq:job:a meta");
    unit_ok(crq_job_refresh(job, &err), &err);
    ck_assert_int_eq(crq_job_status(job), CRQ_STATUS_STARTED);
    ck_assert_ptr_null(crq_job_meta(job));
    ck_assert_ptr_null(crq_job_problem(job));
    ck_assert_str_eq(crq_job_func(job), "f");
    live_seed(conn, "DEL rq:job:a");
    ck_assert_int_eq(crq_job_refresh(job, &err), CRQ_ENOTFOUND);
    live_seed(conn, "SET rq:job:a x");
    ck_assert_int_eq(crq_job_refresh(job, &err), CRQ_EREDIS);
    ck_assert_int_eq(crq_job_status(job), CRQ_STATUS_STARTED);
    ck_assert_str_eq(crq_job_func(job), "f");
    ck_assert_int_eq(crq_job_ttl_s(job), 5);
    crq_job_free(job);
}
END_TEST

static const struct {
    const char *seed;
    int64_t position; /* -1: CRQ_ENOTFOUND */
} positions[] = {
    { "RPUSH rq:queue:q a b c", 0 },
    { "RPUSH rq:queue:q b c a a", 2 },
    { "RPUSH rq:queue:q b c", -1 },
    { "RPUSH rq:queue:other a", -1 },
    { "HSET rq:job:a origin other\nRPUSH rq:queue:other b a", 1 },
    { "HSET rq:job:a origin ''\nRPUSH rq:queue:q a", -1 },
};

START_TEST(test_a_position_is_the_place_in_its_queue)
{
    int64_t got = -1;
    crq_job *job;
    crq_error err;

    live_seed(conn, JOB "status queued");
    live_seed(conn, positions[_i].seed);
    job = fetch("a");
    ck_assert_int_eq(crq_job_position(job, &got, &err),
            positions[_i].position < 0 ? CRQ_ENOTFOUND : 0);
    ck_assert_int_eq(got, positions[_i].position);
    crq_job_free(job);
}
END_TEST

/* ---- results ---- */

#define OK_42 "type 1 return_value gAVLKi4="

START_TEST(test_results_come_newest_first)
{
    crq_result **results, *latest;
    crq_job *job;
    crq_error err;
    size_t count;

    live_seed(conn,
            JOB "status finished\n"
                "XADD rq:results:a 1-0 type 2\n"
                "XADD rq:results:a 2-0 type 9\n"
                "XADD rq:results:a 3-0 " OK_42);
    job = fetch("a");
    unit_ok(crq_job_results(job, &results, &count, &err), &err);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(crq_result_id(results[0]), "3-0");
    ck_assert_str_eq(crq_result_id(results[1]), "1-0");
    crq_results_free(results, count);
    unit_ok(crq_job_latest_result(job, &latest, &err), &err);
    ck_assert_str_eq(crq_result_id(latest), "3-0");
    ck_assert_int_eq(crq_value_int(crq_result_return_value(latest)), 42);
    crq_result_free(latest);
    crq_job_free(job);
}
END_TEST

/* RQ before 1.12 left the result in the job's hash. */
static const struct {
    const char *fields;
    int type; /* 0: no result */
    const char *exc;
    bool value, problem;
} legacy[] = {
    { "status finished result 42", CRQ_RESULT_SUCCESSFUL, NULL, true, false },
    { "status finished result junk", CRQ_RESULT_SUCCESSFUL, NULL, false, true },
    { "status finished", 0, NULL, false, false },
    { "status queued result 42", 0, NULL, false, false },
    { "status failed exc_info Traceback", CRQ_RESULT_FAILED, "Traceback", false,
            false },
    { "status failed exc_info \"\\x78\\x9c\\x0b\\x29\\x4a\\x4c\\x4e\\x4d\\x4a\\x"
      "4c\\xce\\x06\\x00\\x11\\x5b\\x03\\x81\"",
            CRQ_RESULT_FAILED, "Traceback", false, false },
    { "status stopped exc_info Stopped", CRQ_RESULT_FAILED, "Stopped", false,
            false },
    { "status failed exc_info \"\\xff\"", CRQ_RESULT_FAILED, NULL, false,
            true },
    { "status failed exc_info ''", 0, NULL, false, false },
    { "status failed result 42", 0, NULL, false, false },
};

START_TEST(test_results_in_the_hash_are_found)
{
    crq_result *result = NULL, **results;
    char line[400];
    crq_job *job;
    crq_error err;
    size_t count;

    snprintf(line, sizeof(line),
            JOB "started_at 2026-11-21T12:00:00Z ended_at 2026-11-21T12:00:01Z "
                "%s",
            legacy[_i].fields);
    live_seed(conn, line);
    job = fetch("a");
    unit_ok(crq_job_results(job, &results, &count, &err), &err);
    ck_assert_uint_eq(count, legacy[_i].type != 0);
    crq_results_free(results, count);
    ck_assert_int_eq(crq_job_latest_result(job, &result, &err),
            legacy[_i].type == 0 ? CRQ_ENOTFOUND : 0);
    if (legacy[_i].type != 0) {
        ck_assert_str_eq(crq_result_id(result), "");
        ck_assert_int_eq(crq_result_type_of(result), legacy[_i].type);
        ck_assert_int_eq(crq_result_created_us(result), NOON + 1000000);
        ck_assert_int_eq(crq_result_started_us(result), NOON);
        if (legacy[_i].exc != NULL)
            ck_assert_str_eq(crq_result_exc_string(result), legacy[_i].exc);
        else
            ck_assert_ptr_null(crq_result_exc_string(result));
        ck_assert_int_eq(crq_result_return_value(result) != NULL,
                legacy[_i].value);
        ck_assert_int_eq(crq_result_problem(result) != NULL,
                legacy[_i].problem);
    }
    crq_result_free(result);
    crq_job_free(job);
}
END_TEST

START_TEST(test_a_result_in_the_stream_wins_over_the_hash)
{
    crq_result *result;
    crq_job *job;
    crq_error err;

    live_seed(conn,
            JOB "status finished result 7\n"
                "XADD rq:results:a 1-0 " OK_42);
    job = fetch("a");
    unit_ok(crq_job_latest_result(job, &result, &err), &err);
    ck_assert_int_eq(crq_value_int(crq_result_return_value(result)), 42);
    crq_result_free(result);
    crq_job_free(job);
}
END_TEST

/* ---- waiting ---- */

/* What is there, and what a wait without patience says. */
static const struct {
    const char *seed, *after;
    int rc;
    const char *id, *says;
} ends[] = {
    { JOB "status finished\nXADD rq:results:a 1-0 type 2\n"
          "XADD rq:results:a 2-0 " OK_42,
            NULL, 0, "2-0", NULL },
    { JOB "status finished\nXADD rq:results:a 1-0 type 2", "", 0, "1-0", NULL },
    { JOB "status queued\nXADD rq:results:a 1-0 type 2", NULL, 0, "1-0", NULL },
    /* It ended before, and runs again. */
    { JOB "status started\nXADD rq:results:a 1-0 type 2", "1-0", CRQ_ETIMEOUT,
            NULL, "job 'a' is still started after 0 s" },
    { JOB "status failed\nXADD rq:results:a 1-0 type 2", "1-0", CRQ_ETIMEOUT,
            NULL, "job 'a' is still failed after 0 s" },
    { JOB "status finished\nXADD rq:results:a 1-0 type 2\n"
          "XADD rq:results:a 2-0 " OK_42,
            "1-0", 0, "2-0", NULL },
    /* The return of a Retry is not the end, one too many is. */
    { JOB "status scheduled\nXADD rq:results:a 1-0 type 4", NULL, CRQ_ETIMEOUT,
            NULL, "job 'a' is still scheduled after 0 s" },
    { JOB "status failed\nXADD rq:results:a 1-0 type 4\n"
          "XADD rq:results:a 2-0 type 5",
            NULL, 0, "2-0", NULL },
    { JOB "status queued", NULL, CRQ_ETIMEOUT, NULL,
            "job 'a' is still queued after 0 s" },
    { JOB "status rate_limited", NULL, CRQ_ETIMEOUT, NULL,
            "job 'a' is still rate_limited after 0 s" },
    { JOB "status canceled", NULL, CRQ_ESTATE, NULL,
            "job 'a' is canceled: there will be no result" },
    { JOB "status canceled\nXADD rq:results:a 1-0 " OK_42, NULL, 0, "1-0",
            NULL },
    { "DEL rq:job:a", NULL, CRQ_ENOTFOUND, NULL,
            "job 'a' is gone and left no result: it was deleted, expired, or "
            "ended with result_ttl 0" },
    /* RQ's delete leaves the results. */
    { "XADD rq:results:a 1-0 " OK_42, NULL, 0, "1-0", NULL },
    { JOB "status finished result 42", NULL, 0, "", NULL },
    { JOB "status stopped exc_info Stopped", NULL, 0, "", NULL },
    { JOB "status finished", NULL, CRQ_ENOTFOUND, NULL,
            "job 'a' has ended, but its result is gone" },
    { JOB "status failed", NULL, CRQ_ENOTFOUND, NULL,
            "job 'a' has ended, but its result is gone" },
    { JOB "status finished\nXADD rq:results:a 1-0 type 9", NULL, CRQ_ECODEC,
            NULL, "result 1-0 is of no type that RQ writes" },
    { JOB "status queued", "soon", CRQ_EREDIS, NULL, NULL },
    { JOB "status queued", "1234567890123456789012345678901234567890123456789",
            CRQ_EINVAL, NULL, NULL },
};

START_TEST(test_a_wait_ends_where_the_job_does)
{
    crq_result *result = NULL;
    crq_job *job;
    crq_error err = { 0, "" };

    live_seed(conn, JOB "status queued");
    job = fetch("a");
    live_seed(conn, "DEL rq:job:a");
    live_seed(conn, ends[_i].seed);
    ck_assert_msg(crq_job_wait(job, ends[_i].after, 0, &result, &err) ==
                    ends[_i].rc,
            "%s", err.text);
    if (ends[_i].says != NULL)
        ck_assert_str_eq(err.text, ends[_i].says);
    ck_assert_int_eq(result != NULL, ends[_i].rc == 0);
    if (result != NULL)
        ck_assert_str_eq(crq_result_id(result), ends[_i].id);
    crq_result_free(result);
    crq_job_free(job);
}
END_TEST

/* What another process does once the wait blocks in Redis, and the outcome. */
static const struct {
    const char *then;
    int rc;
} laters[] = {
    { "HSET rq:job:a status finished\nXADD rq:results:a 5-0 " OK_42, 0 },
    { "XADD rq:results:a 4-0 type 4\nXADD rq:results:a 5-0 " OK_42, 0 },
    { "HSET rq:job:a status canceled", CRQ_ESTATE },
    { "DEL rq:job:a", CRQ_ENOTFOUND },
    { "HSET rq:job:a status finished result 42", 0 },
};

static void act_when_blocked(const char *lines)
{
    crq_conn *other = live_conn();
    crq_reply *reply = NULL;
    bool blocked = false;

    while (!blocked) {
        crq_reply_free(reply);
        if (crq_conn_run(other, &reply, NULL, "INFO", "clients", NULL) < 0)
            _exit(1);
        blocked = strstr(crq_reply_text(reply, NULL), "blocked_clients:1") !=
                NULL;
    }
    crq_reply_free(reply);
    live_seed(other, lines);
    crq_conn_free(other);
    _exit(0);
}

START_TEST(test_a_wait_sees_what_happens_meanwhile)
{
    crq_result *result = NULL;
    crq_job *job;
    crq_error err = { 0, "" };
    pid_t pid;

    live_seed(conn, JOB "status queued");
    job = fetch("a");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        act_when_blocked(laters[_i].then);
    }
    ck_assert_msg(crq_job_wait(job, NULL, 30000, &result, &err) ==
                    laters[_i].rc,
            "%s", err.text);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    if (result != NULL)
        ck_assert_int_eq(crq_value_type(crq_result_return_value(result)),
                CRQ_INT);
    crq_result_free(result);
    crq_job_free(job);
}
END_TEST

START_TEST(test_a_wait_shows_the_job_as_it_ended)
{
    crq_result *result;
    crq_job *job;
    crq_error err;

    live_seed(conn, JOB "status queued");
    job = fetch("a");
    live_seed(conn,
            "HSET rq:job:a status failed\nXADD rq:results:a 1-0 type 2");
    unit_ok(crq_job_wait(job, NULL, 0, &result, &err), &err);
    ck_assert_int_eq(crq_job_status(job), CRQ_STATUS_FAILED);
    crq_result_free(result);
    crq_job_free(job);
}
END_TEST

START_TEST(test_a_wait_ends_in_time)
{
    crq_result *result = NULL;
    crq_job *job;
    crq_error err;

    live_seed(conn, JOB "status queued");
    job = fetch("a");
    ck_assert_int_eq(crq_job_wait(job, NULL, 5, &result, &err), CRQ_ETIMEOUT);
    ck_assert_str_eq(err.text, "job 'a' is still queued after 5 ms");
    crq_job_free(job);
}
END_TEST

/* ---- memory ---- */

static int do_all(void *arg, crq_error *err)
{
    crq_result *result = NULL, **results;
    crq_job *job = NULL;
    size_t count;
    int rc = crq_job_fetch(conn, "a", &job, err);

    (void)arg;
    if (rc == 0)
        rc = crq_job_refresh(job, err);
    if (rc == 0)
        rc = crq_job_results(job, &results, &count, err);
    if (rc < 0)
        goto out;
    crq_results_free(results, count);
    rc = crq_job_wait(job, NULL, 0, &result, err);
out:
    crq_result_free(result);
    crq_job_free(job);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    live_seed(conn, JOB "status finished result 42 new field");
    unit_fail_each_allocation(do_all, NULL);
    live_seed(conn, "XADD rq:results:a 1-0 worker_name w " OK_42);
    unit_fail_each_allocation(do_all, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("job");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_a_job_shows_what_its_hash_holds);
    unit_add_rows(tc, test_a_damaged_job_is_a_job_still, damaged);
    unit_add_rows(tc, test_what_is_no_job_is_not_found, none);
    tcase_add_test(tc, test_the_id_of_an_execution_means_its_job);
    tcase_add_test(tc, test_refresh_reads_all_anew_or_changes_nothing);
    unit_add_rows(tc, test_a_position_is_the_place_in_its_queue, positions);
    tcase_add_test(tc, test_results_come_newest_first);
    unit_add_rows(tc, test_results_in_the_hash_are_found, legacy);
    tcase_add_test(tc, test_a_result_in_the_stream_wins_over_the_hash);
    unit_add_rows(tc, test_a_wait_ends_where_the_job_does, ends);
    unit_add_rows(tc, test_a_wait_sees_what_happens_meanwhile, laters);
    tcase_add_test(tc, test_a_wait_shows_the_job_as_it_ended);
    tcase_add_test(tc, test_a_wait_ends_in_time);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return live_run("job", tc);
}
