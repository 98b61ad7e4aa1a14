/* check_registry.c - tests of model/registry.c and model/worker.c. */
#include "live.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/registry.h"
#include "model/worker.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

static struct crq_clock_manual clock_at;
static crq_conn *conn;

static void set_up(void)
{
    conn = live_conn();
    crq_clock_manual_init(&clock_at, NOON);
    crq_conn_set_clock(conn, &clock_at.clock);
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

static void expect_texts(char **texts, size_t count, const char *want)
{
    struct crq_buf got = CRQ_BUF_INIT;

    for (size_t i = 0; i < count; i++)
        crq_buf_printf(&got, "%s%s", i > 0 ? " " : "", texts[i]);
    ck_assert_str_eq(crq_buf_text(&got), want);
    crq_buf_fini(&got);
    crq_names_free(texts, count);
}

/* ---- queues ---- */

START_TEST(test_queues_are_sorted_and_what_is_none_passed_over)
{
    char **names;
    size_t count;
    crq_error err;

    unit_ok(crq_queue_names(conn, &names, &count, &err), &err);
    expect_texts(names, count, "");
    live_seed(conn,
            "SADD rq:queues rq:queue:low rq:queue:a:b rq:queue:high "
            "rq:queue: nonsense \"rq:queue:\\xff\" "
            "\"rq:queue:a\\x00b\"");
    unit_ok(crq_queue_names(conn, &names, &count, &err), &err);
    expect_texts(names, count, "a:b high low");
}
END_TEST

static const struct {
    const char *seed;
    struct crq_counts want;
} counted[] = {
    { "", { .queued = 0 } },
    { "RPUSH rq:queue:q a b a", { .queued = 3 } },
    /* A score from 0 to now is past; -1 means for ever. */
    { "ZADD rq:finished:q 0 a 1795262400 b 1795262401 c inf d -1 e",
            { .finished = 3 } },
    { "ZADD rq:failed:q -1 a 1795262399 b 1795262401 c", { .failed = 2 } },
    { "ZADD rq:wip:q 1795262400 a:1 1795262460 b:2", { .started = 1 } },
    { "ZADD rq:deferred:q 1 a 2 b", { .deferred = 2 } },
    { "ZADD rq:scheduled:q 1 a 9999999999 b", { .scheduled = 2 } },
    { "ZADD rq:canceled:q 1 a", { .canceled = 1 } },
};

START_TEST(test_jobs_are_counted_as_rq_does_after_cleaning)
{
    char q[] = "q", other[] = "other", *queues[] = { other, q };
    struct crq_counts got[2], nothing = { .queued = 0 };
    crq_error err;

    live_seed(conn, counted[_i].seed);
    memset(got, 0xff, sizeof(got));
    unit_ok(crq_registry_counts(conn, queues, 2, got, &err), &err);
    ck_assert_mem_eq(&got[0], &nothing, sizeof(nothing));
    ck_assert_mem_eq(&got[1], &counted[_i].want, sizeof(got[1]));
}
END_TEST

START_TEST(test_a_failed_count_leaves_the_connection_usable)
{
    char q[] = "q", other[] = "other", *queues[] = { q, other };
    struct crq_counts got[2];
    crq_error err;

    live_seed(conn, "SET rq:queue:q x\nSET rq:failed:q x");
    ck_assert_int_eq(crq_registry_counts(conn, queues, 2, got, &err),
            CRQ_EREDIS);
    live_seed(conn, "DEL rq:queue:q rq:failed:q\nRPUSH rq:queue:other a");
    unit_ok(crq_registry_counts(conn, queues, 2, got, &err), &err);
    ck_assert_int_eq(got[1].queued, 1);
}
END_TEST

/* ---- ids ---- */

static const struct {
    crq_status status;
    int64_t offset, limit;
    const char *want;
    int64_t total;
} pages[] = {
    { CRQ_STATUS_QUEUED, 0, 10, "c b a c", 4 },
    { CRQ_STATUS_QUEUED, 1, 2, "b a", 4 },
    { CRQ_STATUS_QUEUED, 3, 2, "c", 4 },
    { CRQ_STATUS_QUEUED, 4, 2, "", 4 },
    { CRQ_STATUS_STARTED, 0, 10, "s1 s2", 2 },
    { CRQ_STATUS_FAILED, 0, 1, "f1", 2 },
    { CRQ_STATUS_STOPPED, 1, 1, "f2", 2 },
    { CRQ_STATUS_FINISHED, 0, 1, "", 0 },
    { CRQ_STATUS_SCHEDULED, 0, INT64_MAX, "z", 1 },
    { CRQ_STATUS_DEFERRED, 0, 5, "d", 1 },
    { CRQ_STATUS_CANCELED, 0, 5, "k", 1 },
};

START_TEST(test_ids_come_in_pages_in_the_order_of_their_list)
{
    char **ids;
    size_t count;
    int64_t total = -1;
    crq_error err;

    live_seed(conn,
            "RPUSH rq:queue:q c b a c\n"
            "ZADD rq:wip:q 1 s1:0123 2 s2\n"
            "ZADD rq:failed:q 1 f1 2 f2\n"
            "ZADD rq:scheduled:q 1 z\nZADD rq:deferred:q 1 d\n"
            "ZADD rq:canceled:q 1 k");
    unit_ok(crq_registry_ids(conn, "q", pages[_i].status, pages[_i].offset,
                    pages[_i].limit, &ids, &count, &total, &err),
            &err);
    expect_texts(ids, count, pages[_i].want);
    ck_assert_int_eq(total, pages[_i].total);
}
END_TEST

static const struct {
    crq_status status;
    int64_t offset, limit;
    const char *says;
} no_pages[] = {
    { CRQ_STATUS_CREATED, 0, 1, "there is no list of jobs that are 'created'" },
    { CRQ_STATUS_OTHER, 0, 1, "there is no list of jobs that are '?'" },
    { CRQ_STATUS_QUEUED, -1, 1, "offset or limit is out of range" },
    { CRQ_STATUS_QUEUED, 0, 0, "offset or limit is out of range" },
    { CRQ_STATUS_QUEUED, 1, INT64_MAX, "offset or limit is out of range" },
};

START_TEST(test_a_page_that_cannot_be_is_refused)
{
    char **ids, name[CRQ_NAME_MAX + 2];
    size_t count;
    crq_error err;

    ck_assert_int_eq(crq_registry_ids(conn, "q", no_pages[_i].status,
                             no_pages[_i].offset, no_pages[_i].limit, &ids,
                             &count, NULL, &err),
            CRQ_EINVAL);
    ck_assert_str_eq(err.text, no_pages[_i].says);
    memset(name, 'x', sizeof(name));
    name[CRQ_NAME_MAX + 1] = '\0';
    ck_assert_int_eq(crq_registry_ids(conn, name, CRQ_STATUS_QUEUED, 0, 1, &ids,
                             &count, NULL, &err),
            CRQ_EINVAL);
}
END_TEST

START_TEST(test_what_can_be_no_id_is_passed_over)
{
    char **ids;
    size_t count;
    crq_error err;

    live_seed(conn, "RPUSH rq:queue:q a '' :x \"\\xff\" \"b\\x00c\" 'old id'");
    unit_ok(crq_registry_ids(conn, "q", CRQ_STATUS_QUEUED, 0, 10, &ids, &count,
                    NULL, &err),
            &err);
    ck_assert_uint_eq(count, 2);
    expect_texts(ids, count, "a old id");
}
END_TEST

/* ---- many jobs ---- */

START_TEST(test_missing_jobs_leave_a_gap)
{
    char a[] = "a", b[] = "b", c[] = "c", d[] = "d", e[] = "e";
    char *ids[] = { a, b, c, d, e };
    crq_job *jobs[5];
    crq_error err;

    live_seed(conn,
            "HSET rq:job:a data x status queued\n"
            "HSET rq:job:c status queued\nSET rq:job:d x\n"
            "HSET rq:job:e data x status failed ttl junk");
    unit_ok(crq_jobs_fetch(conn, ids, 5, jobs, &err), &err);
    ck_assert_str_eq(crq_job_id(jobs[0]), "a");
    ck_assert_ptr_null(jobs[1]);
    ck_assert_ptr_null(jobs[2]);
    ck_assert_ptr_null(jobs[3]);
    ck_assert_int_eq(crq_job_status(jobs[4]), CRQ_STATUS_FAILED);
    crq_job_free(jobs[0]);
    crq_job_free(jobs[4]);
}
END_TEST

START_TEST(test_a_redis_that_shows_no_jobs_is_not_one_without_jobs)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *on = live_conn_to("%s", server->url);
    char a[] = "a", *ids[] = { a };
    struct crq_worker *workers;
    size_t count;
    crq_job *job;
    crq_error err;

    live_seed(on,
            "HSET rq:job:a data x\nSADD rq:workers rq:worker:w\n"
            "ACL SETUSER default -hgetall");
    ck_assert_int_eq(crq_jobs_fetch(on, ids, 1, &job, &err), CRQ_EAUTH);
    ck_assert_ptr_null(job);
    ck_assert_int_eq(crq_workers_fetch(on, &workers, &count, &err), CRQ_EAUTH);
    live_seed(on, "PING");
    crq_conn_free(on);
}
END_TEST

/* ---- workers ---- */

START_TEST(test_workers_are_read_as_they_describe_themselves)
{
    struct crq_worker *w;
    size_t count;
    crq_error err;

    live_seed(conn,
            "SADD rq:workers rq:worker:w rq:worker:b rq:worker:a rq:worker:dead "
            "nonsense rq:worker: rq:worker:string \"rq:worker:\\xff\"\n"
            "SET rq:worker:string x\n"
            "HSET rq:worker:w birth 2026-11-21T12:00:00.000000Z "
            "last_heartbeat 2026-11-21T12:00:05Z queues q,r pid 7 "
            "hostname host ip_address 1.2.3.4 version 2.10.0 state busy "
            "current_job a successful_job_count 3 failed_job_count 4 "
            "total_working_time 5.25\n"
            "HSET rq:worker:b birth junk state \"\\xff\" queues \"a\\x00b\" "
            "successful_job_count many total_working_time nan\n"
            "HSET rq:worker:a total_working_time 1e300");
    unit_ok(crq_workers_fetch(conn, &w, &count, &err), &err);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(w[0].name, "a");
    ck_assert_double_eq(w[0].total_working_time_s, 0);
    ck_assert_str_eq(w[1].name, "b");
    ck_assert_int_eq(w[1].birth_us, CRQ_UNSET);
    ck_assert_int_eq(w[1].last_heartbeat_us, CRQ_UNSET);
    ck_assert_str_eq(w[1].state, "");
    ck_assert_str_eq(w[1].queues, "");
    ck_assert_str_eq(w[1].hostname, "");
    ck_assert_int_eq(w[1].successful_job_count, 0);
    ck_assert(w[1].total_working_time_s <= 0);
    ck_assert_str_eq(w[2].name, "w");
    ck_assert_int_eq(w[2].birth_us, NOON);
    ck_assert_int_eq(w[2].last_heartbeat_us, NOON + 5000000);
    ck_assert_str_eq(w[2].state, "busy");
    ck_assert_str_eq(w[2].queues, "q,r");
    ck_assert_str_eq(w[2].hostname, "host");
    ck_assert_str_eq(w[2].ip_address, "1.2.3.4");
    ck_assert_str_eq(w[2].pid, "7");
    ck_assert_str_eq(w[2].current_job, "a");
    ck_assert_str_eq(w[2].version, "2.10.0");
    ck_assert_int_eq(w[2].successful_job_count, 3);
    ck_assert_int_eq(w[2].failed_job_count, 4);
    ck_assert_double_eq(w[2].total_working_time_s, 5.25);
    crq_workers_free(w, count);
}
END_TEST

/* ---- memory ---- */

static int do_all(void *arg, crq_error *err)
{
    char a[] = "a", b[] = "b", *queues[] = { a, b }, **names;
    struct crq_counts counts[2];
    struct crq_worker *workers;
    crq_job *jobs[2];
    size_t count;
    int rc;

    (void)arg;
    rc = crq_queue_names(conn, &names, &count, err);
    if (rc < 0)
        return rc;
    crq_names_free(names, count);
    rc = crq_registry_counts(conn, queues, 2, counts, err);
    if (rc < 0)
        return rc;
    rc = crq_registry_ids(conn, "a", CRQ_STATUS_QUEUED, 0, 5, &names, &count,
            NULL, err);
    if (rc < 0)
        return rc;
    crq_names_free(names, count);
    rc = crq_jobs_fetch(conn, queues, 2, jobs, err);
    if (rc < 0)
        return rc;
    crq_job_free(jobs[0]);
    crq_job_free(jobs[1]);
    rc = crq_workers_fetch(conn, &workers, &count, err);
    if (rc < 0)
        return rc;
    crq_workers_free(workers, count);
    return 0;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    live_seed(conn,
            "SADD rq:queues rq:queue:a rq:queue:b\n"
            "RPUSH rq:queue:a a b\nHSET rq:job:a data x new field\n"
            "HSET rq:job:b data x\n"
            "SADD rq:workers rq:worker:v rq:worker:w\n"
            "HSET rq:worker:v state idle\nHSET rq:worker:w pid 5");
    unit_fail_each_allocation(do_all, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("registry");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_queues_are_sorted_and_what_is_none_passed_over);
    unit_add_rows(tc, test_jobs_are_counted_as_rq_does_after_cleaning, counted);
    tcase_add_test(tc, test_a_failed_count_leaves_the_connection_usable);
    unit_add_rows(tc, test_ids_come_in_pages_in_the_order_of_their_list, pages);
    unit_add_rows(tc, test_a_page_that_cannot_be_is_refused, no_pages);
    tcase_add_test(tc, test_what_can_be_no_id_is_passed_over);
    tcase_add_test(tc, test_missing_jobs_leave_a_gap);
    tcase_add_test(tc, test_a_redis_that_shows_no_jobs_is_not_one_without_jobs);
    tcase_add_test(tc, test_workers_are_read_as_they_describe_themselves);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return live_run("registry", tc);
}
