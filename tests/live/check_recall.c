/* check_recall.c - tests of model/callback.c and recall.lua. */
#include "run_steps.h"

#include <stdio.h>
#include <string.h>

#include "model/callback.h"
#include "redis/scripts.h"

#define RUN                                                                    \
    "HSET rq:job:a status started data D meta M\n"                             \
    "HSET rq:execution:a:" X1 " id " X1 "\n"                                   \
    "ZADD rq:wip:q1 1800000080 a:" X1 "\n"

static const struct {
    const char *seed;
    bool held;
    const char *data, *meta;
} rows[] = {
    { RUN, true, "D", "M" },
    { RUN "HDEL rq:job:a meta\n", true, "D", "" },
    { RUN "HDEL rq:job:a data\n", true, "", "M" },
    { RUN "HSET rq:job:a status canceled\n", true, "D", "M" },
    { RUN "ZREM rq:wip:q1 a:" X1 "\n", false, "", "" },
    { RUN "ZADD rq:wip:q1 1800000080 a:" X2 "\nZREM rq:wip:q1 a:" X1 "\n",
            false, "", "" },
    { RUN "DEL rq:job:a\n", false, "", "" },
    { RUN "DEL rq:job:a\nSET rq:job:a x\n", false, "", "" },
    { "", false, "", "" },
};

START_TEST(test_a_run_is_recalled_while_it_holds_its_job)
{
    struct crq_runref run = { "q1", "a", X1 };
    crq_conn *conn = live_conn();
    struct crq_recalled now;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    live_seed(conn, rows[_i].seed);
    steps_mark(conn);
    crq_args_init(&words);
    nkeys = crq_recall_words(&run, &words);
    reply = steps_call(conn, &crq_script_recall, nkeys, &words);
    unit_ok(crq_recall_read(reply, &now, &err), &err);
    ck_assert_int_eq(now.held, rows[_i].held);
    ck_assert_uint_eq(now.data_len, strlen(rows[_i].data));
    ck_assert_mem_eq(now.held ? now.data : "", rows[_i].data, now.data_len);
    ck_assert_uint_eq(now.meta_len, strlen(rows[_i].meta));
    ck_assert_mem_eq(now.held ? now.meta : "", rows[_i].meta, now.meta_len);
    steps_expect(conn, "");
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

/* One run is asked for in a call, so no other is held up. */
START_TEST(test_a_registry_of_a_foreign_type_is_told_and_kept)
{
    struct crq_runref run = { "q1", "a", X1 };
    crq_conn *conn = live_conn();
    struct crq_args words;
    crq_reply *reply = NULL;
    crq_error err;
    size_t nkeys;

    live_seed(conn, RUN "SET rq:wip:q1 x\n");
    steps_mark(conn);
    crq_args_init(&words);
    nkeys = crq_recall_words(&run, &words);
    ck_assert_int_eq(crq_script_call(conn, &crq_script_recall, nkeys, &words,
                             &reply, &err),
            CRQ_EREDIS);
    ck_assert(strstr(err.text, "rq:wip:q1 is a string") != NULL);
    steps_expect(conn, "");
    crq_args_fini(&words);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_reply_that_is_another_one_is_refused)
{
    struct crq_recalled now;
    crq_error err;

    ck_assert_int_eq(crq_recall_read(NULL, &now, &err), CRQ_ECODEC);
    ck_assert_ptr_nonnull(strstr(err.text, "recall"));
}
END_TEST

/* ---- names ---- */

static const struct {
    const char *fields;
    crq_event event;
    const char *name; /* NULL: none */
    int64_t timeout_s;
} names[] = {
    { "success_callback_name a.b success_callback_timeout 5", CRQ_EVENT_SUCCESS,
            "a.b", 5 },
    { "success_callback_name a.b success_callback_timeout 5", CRQ_EVENT_FAILURE,
            NULL, 0 },
    { "failure_callback_name a.b", CRQ_EVENT_FAILURE, "a.b", 60 },
    { "failure_callback_name a.b failure_callback_timeout soon",
            CRQ_EVENT_FAILURE, "a.b", 60 },
    { "stopped_callback_name a.b stopped_callback_timeout -1",
            CRQ_EVENT_STOPPED, "a.b", -1 },
    { "stopped_callback_name \"\"", CRQ_EVENT_STOPPED, NULL, 0 },
    { "stopped_callback_name \"a.b\\x00c\"", CRQ_EVENT_STOPPED, "?", 60 },
};

START_TEST(test_a_job_names_its_callbacks)
{
    struct crq_claimed_job job = { 0 };
    crq_conn *conn = live_conn();
    char seed[300];
    crq_reply *hash;
    crq_error err;
    int64_t timeout_s = 0;
    const char *name;

    snprintf(seed, sizeof(seed), "HSET rq:job:a %s\n", names[_i].fields);
    live_seed(conn, seed);
    unit_ok(crq_conn_run(conn, &hash, &err, "HGETALL", "rq:job:a", NULL), &err);
    job.hash = hash;
    name = crq_callback_name(&job, names[_i].event, &timeout_s);
    if (names[_i].name == NULL)
        ck_assert_ptr_null(name);
    else
        ck_assert_str_eq(name, names[_i].name);
    ck_assert_int_eq(timeout_s, names[_i].timeout_s);
    crq_reply_free(hash);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("recall");

    unit_add_rows(tc, test_a_run_is_recalled_while_it_holds_its_job, rows);
    tcase_add_test(tc, test_a_registry_of_a_foreign_type_is_told_and_kept);
    tcase_add_test(tc, test_a_reply_that_is_another_one_is_refused);
    unit_add_rows(tc, test_a_job_names_its_callbacks, names);
    return live_run("recall", tc);
}
