/* check_foreign.c - tests of keys that hold another type of value. */
#include <string.h>

#include "live.h"
#include "model/foreign.h"
#include "model/job.h"
#include "model/keys.h"

static crq_conn *conn;

static void set_up(void)
{
    conn = live_conn();
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

#define NAMES                                                                  \
    "SADD rq:queues rq:queue:q\nSADD rq:workers rq:worker:w\n"                 \
    "SADD rq:groups g\nZADD crq:schedules 1 s\nZADD crq:alive 1 stem\n"

static const struct {
    const char *seed, *key, *is, *want;
} rows[] = {
    { "SET rq:queues x", "rq:queues", "string", "set" },
    { "RPUSH crq:scheduler:leader x", "crq:scheduler:leader", "list",
            "string" },
    { "SET crq:scheduler:quarantine x", "crq:scheduler:quarantine", "string",
            "hash" },
    { NAMES "SET rq:queue:q x", "rq:queue:q", "string", "list" },
    { NAMES "SADD rq:wip:q x", "rq:wip:q", "set", "zset" },
    { NAMES "SET crq:stats:queue:q x", "crq:stats:queue:q", "string", "hash" },
    { "SET crq:stats:queue: x", "crq:stats:queue:", "string", "hash" },
    { NAMES "SET rq:worker:w x", "rq:worker:w", "string", "hash" },
    { NAMES "SET rq:group:g x", "rq:group:g", "string", "set" },
    { NAMES "SET crq:schedule:s x", "crq:schedule:s", "string", "hash" },
    { NAMES "SET crq:runs:stem x", "crq:runs:stem", "string", "hash" },
    { "SET rq:results:j x", "rq:results:j", "string", "stream" },
    { "SET rq:job::j:dependencies x", "rq:job::j:dependencies", "string",
            "set" },
};

START_TEST(test_a_key_of_another_type_is_found_and_nothing_is_changed)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    size_t count = 99;
    crq_error err;
    char *before;

    live_seed(conn, rows[_i].seed);
    before = live_dump(conn, 0);
    unit_ok(crq_foreign_find(conn, "j", found, &count, &err), &err);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(found[0].key, rows[_i].key);
    ck_assert_str_eq(found[0].is, rows[_i].is);
    ck_assert_str_eq(found[0].want, rows[_i].want);
    live_expect(conn, before);
    crq_text_free(before);
}
END_TEST

START_TEST(test_where_all_is_as_it_should_be_nothing_is_found)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    size_t count = 99;
    crq_error err;

    unit_ok(crq_foreign_find(conn, NULL, found, &count, &err), &err);
    ck_assert_uint_eq(count, 0);
    live_seed(conn,
            NAMES "RPUSH rq:queue:q a\nHSET rq:worker:w birth x\n"
                  "SET rq:job:not-asked-for x\n");
    unit_ok(crq_foreign_find(conn, "", found, &count, &err), &err);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_no_more_are_told_of_than_there_is_room_for)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    struct crq_buf seed = CRQ_BUF_INIT;
    size_t count = 99;
    crq_error err;

    for (int i = 0; i < CRQ_FOREIGN_MAX + 5; i++)
        crq_buf_printf(&seed, "SADD rq:groups g%d\nSET rq:group:g%d x\n", i, i);
    live_seed(conn, crq_buf_text(&seed));
    crq_buf_fini(&seed);
    unit_ok(crq_foreign_find(conn, NULL, found, &count, &err), &err);
    ck_assert_uint_eq(count, CRQ_FOREIGN_MAX);
}
END_TEST

START_TEST(test_who_looks_past_types_finds_nothing_there)
{
    crq_reply *reply = NULL;
    crq_job *job = NULL;
    crq_error err;

    live_seed(conn, "SET rq:job:a x\nSET s x");
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "SMEMBERS", "s", NULL),
            CRQ_EREDIS);
    ck_assert(!crq_conn_look_past_types(conn, true));
    unit_ok(crq_conn_run(conn, &reply, &err, "SMEMBERS", "s", NULL), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_NIL);
    ck_assert_ptr_null(crq_reply_text(reply, NULL));
    ck_assert_int_eq(crq_reply_int(reply, 7), 7);
    crq_reply_free(reply);
    ck_assert_uint_eq(crq_conn_passed_types(conn), 1);
    ck_assert_int_eq(crq_conn_run(conn, &reply, &err, "EVAL",
                             "return redis.call('LLEN', KEYS[1])", "1", "s",
                             NULL),
            0);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_NIL);
    crq_reply_free(reply);
    ck_assert_uint_eq(crq_conn_passed_types(conn), 2);
    ck_assert_int_eq(crq_job_fetch(conn, "a", &job, &err), CRQ_ENOTFOUND);
    ck_assert_str_eq(err.text,
            "no job 'a': its key holds another type of value");
    /* Whatever else Redis refuses stays refused. */
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "NONSENSE", NULL),
            CRQ_EREDIS);
    ck_assert(crq_conn_look_past_types(conn, false));
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "SMEMBERS", "s", NULL),
            CRQ_EREDIS);
}
END_TEST

static int find(void *arg, crq_error *err)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    size_t count;

    (void)arg;
    return crq_foreign_find(conn, "j", found, &count, err);
}

START_TEST(test_looking_without_memory_fails_and_leaks_nothing)
{
    live_seed(conn, NAMES "SET rq:queue:q x");
    unit_fail_each_allocation(find, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("foreign");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc,
            test_a_key_of_another_type_is_found_and_nothing_is_changed, rows);
    tcase_add_test(tc, test_where_all_is_as_it_should_be_nothing_is_found);
    tcase_add_test(tc, test_no_more_are_told_of_than_there_is_room_for);
    tcase_add_test(tc, test_who_looks_past_types_finds_nothing_there);
    tcase_add_test(tc, test_looking_without_memory_fails_and_leaks_nothing);
    return live_run("foreign", tc);
}
