/* check_finish_trouble.c - tests of model/finish.c and finish.lua: what is
 * refused, who hears of it, and memory that runs out. */
#include "finish_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "redis/scripts.h"

/* A key of a foreign type: this run is refused whole, another one ends. */
static const struct {
    const char *seed;
    enum crq_ending ending;
} foreign[] = {
    { "SET rq:results:a x", CRQ_ENDING_SUCCESS },
    { "SET rq:finished:q1 x", CRQ_ENDING_SUCCESS },
    { "SET rq:failed:q1 x", CRQ_ENDING_FAILURE },
    { "SET rq:queue:q1 x", CRQ_ENDING_FAILURE },
    { "SET rq:scheduled:q1 x", CRQ_ENDING_RETRY },
    { "SET rq:queues x", CRQ_ENDING_RETRY },
    { "SET rq:job:a:dependents x", CRQ_ENDING_SUCCESS },
    { "SET rq:job::a:dependencies x", CRQ_ENDING_SUCCESS },
    { "SET rq:group:g x", CRQ_ENDING_SUCCESS },
    { "DEL rq:executions:a\nSET rq:executions:a x", CRQ_ENDING_SUCCESS },
    { "DEL rq:execution:a:" X1 "\nSET rq:execution:a:" X1 " x",
            CRQ_ENDING_SUCCESS },
};

START_TEST(test_a_run_that_redis_refuses_to_end_is_left_whole)
{
    struct crq_finish finish = steps_finish_of("a", foreign[_i].ending);
    crq_conn *conn = live_conn();

    live_seed(conn, RUN("group_id g"));
    live_seed(conn, foreign[_i].seed);
    steps_mark(conn);
    ck_assert_int_eq(steps_finish(conn, &finish), CRQ_FINISHED_REFUSED);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_one_refused_run_does_not_hold_up_the_others)
{
    struct crq_finish a = steps_finish_of("a", CRQ_ENDING_SUCCESS), b = a;
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_reply *reply;
    const char *why;
    crq_error err;
    size_t nkeys;

    b.run.id = "b";
    b.run.execution = X2;
    live_seed(conn,
            RUN("") //
            "SET rq:results:a x\nHSET rq:job:b data D origin q1\n"
            "ZADD rq:wip:q1 1 b:" X2 "\n");
    crq_args_init(&args);
    nkeys = crq_finish_start(&args, 500, AT_US);
    unit_ok(crq_finish_add(&args, &a, &err), &err);
    unit_ok(crq_finish_add(&args, &b, &err), &err);
    reply = steps_call(conn, &crq_script_finish, nkeys, &args);
    ck_assert_int_eq(crq_finish_state(reply, 0, &why), CRQ_FINISHED_REFUSED);
    ck_assert_ptr_nonnull(strstr(why, "rq:results:a is a string"));
    ck_assert_int_eq(crq_finish_state(reply, 1, NULL), CRQ_FINISHED_OK);
    ck_assert_int_eq(crq_finish_read(reply, 3, &err), CRQ_ECODEC);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

/* What is published to the channel in crq_reply. */
static const struct {
    const char *fields;
    enum crq_ending ending;
    const char *says; /* NULL: nothing, it is not over */
} outcomes[] = {
    { "crq_reply ch", CRQ_ENDING_SUCCESS,
            "{\"id\":\"a\",\"status\":\"finished\",\"return_value\":\"dg==\"}" },
    { "crq_reply ch", CRQ_ENDING_FAILURE,
            "{\"id\":\"a\",\"status\":\"failed\","
            "\"exc_string\":\"eJwrz6gEAAKxAVk=\"}" },
    { "crq_reply ch", CRQ_ENDING_STOPPED,
            "{\"id\":\"a\",\"status\":\"stopped\","
            "\"exc_string\":\"eJwrz6gEAAKxAVk=\"}" },
    { "crq_reply ch status canceled", CRQ_ENDING_SUCCESS,
            "{\"id\":\"a\",\"status\":\"canceled\","
            "\"return_value\":\"dg==\"}" },
    { "crq_reply ch result_ttl 0", CRQ_ENDING_SUCCESS,
            "{\"id\":\"a\",\"status\":\"finished\",\"return_value\":\"dg==\"}" },
    { "crq_reply ch retries_left 1", CRQ_ENDING_FAILURE, NULL },
    { "crq_reply ch", CRQ_ENDING_RETRY, NULL },
    { "", CRQ_ENDING_SUCCESS, NULL },
};

/* Both are JSON objects of texts: equal but for the order of their members. */
static void expect_members(const char *got, const char *want)
{
    char *copy = strdup(want), *rest;

    ck_assert_uint_eq(strlen(got), strlen(want));
    for (char *part = strtok_r(copy, "{,}", &rest); part != NULL;
            part = strtok_r(NULL, "{,}", &rest))
        ck_assert_msg(strstr(got, part) != NULL, "%s is not in %s", part, got);
    free(copy);
}

/* The connection counts replies. Two that never come make room for what is
 * pushed later. */
static void subscribe(crq_conn *conn)
{
    static const char *const commands[][3] = {
        { "CLIENT", "REPLY", "SKIP" },
        { "ECHO", "x", NULL },
        { "SUBSCRIBE", "ch", NULL },
    };
    struct crq_args args;
    crq_reply *reply;
    crq_error err;

    for (size_t i = 0; i < 3; i++) {
        crq_args_init(&args);
        crq_args_list(&args, commands[i][0], commands[i][1], commands[i][2],
                NULL);
        unit_ok(crq_conn_append(conn, &args, &err), &err);
        crq_args_fini(&args);
    }
    unit_ok(crq_conn_next(conn, &reply, &err), &err);
    crq_reply_free(reply);
}

START_TEST(test_the_outcome_is_published_to_who_waits)
{
    struct crq_finish finish = steps_finish_of("a", outcomes[_i].ending);
    crq_conn *conn = live_conn(), *listener = live_conn();
    crq_reply *reply;
    crq_error err;
    char seed[200];

    finish.value = "v";
    finish.value_len = 1;
    finish.retry_max = 3;
    live_seed(conn, RUN(""));
    snprintf(seed, sizeof(seed), "HSET rq:job:a x y %s", outcomes[_i].fields);
    live_seed(conn, seed);
    subscribe(listener);
    steps_finish(conn, &finish);
    live_seed(conn, "PUBLISH ch over");
    unit_ok(crq_conn_next(listener, &reply, &err), &err);
    if (outcomes[_i].says == NULL)
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, 2), NULL),
                "over");
    else
        expect_members(crq_reply_text(crq_reply_item(reply, 2), NULL),
                outcomes[_i].says);
    crq_reply_free(reply);
    crq_conn_free(listener);
    crq_conn_free(conn);
}
END_TEST

static const struct {
    int wait_status;
    const char *text;
} deaths[] = {
    { 9, "Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); " },
    { 768, "Work-horse terminated unexpectedly; waitpid returned 768; " },
};

START_TEST(test_the_text_of_a_death_is_rqs)
{
    struct crq_buf text = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_horse_died_text(deaths[_i].wait_status, &text), 0);
    ck_assert_str_eq(crq_buf_text(&text), deaths[_i].text);
    crq_buf_fini(&text);
}
END_TEST

static int add_one(void *arg, crq_error *err)
{
    struct crq_finish finish = steps_finish_of("a", CRQ_ENDING_FAILURE);
    struct crq_args args;
    int rc;

    (void)arg;
    crq_args_init(&args);
    crq_finish_start(&args, 500, AT_US);
    rc = crq_finish_add(&args, &finish, err);
    if (rc == 0)
        rc = crq_args_check(&args, err);
    crq_args_fini(&args);
    return rc;
}

START_TEST(test_memory_that_runs_out_is_told)
{
    unit_fail_each_allocation(add_one, NULL);
}
END_TEST

/* The words of a call whose second run is added while memory runs out. */
START_TEST(test_an_end_that_cannot_be_added_leaves_the_others_whole)
{
    static char value[100000];
    struct crq_finish first = steps_finish_of("a", CRQ_ENDING_FAILURE);
    struct crq_finish second = steps_finish_of("b", CRQ_ENDING_SUCCESS);
    size_t count, len;
    int failures = 0, rc;
    struct crq_args args;
    crq_error err;

    crq_args_init(&args);
    crq_finish_start(&args, 500, AT_US);
    unit_ok(crq_finish_add(&args, &first, &err), &err);
    count = args.count;
    len = args.bytes.len;
    second.value = value;
    second.value_len = CRQ_BUF_MAX + 1;
    ck_assert_int_eq(crq_finish_add(&args, &second, &err), CRQ_ELIMIT);
    ck_assert_uint_eq(args.count, count);
    second.value_len = sizeof(value);
    do {
        crq_mem_fail_at(++failures);
        rc = crq_finish_add(&args, &second, &err);
        crq_mem_fail_at(0);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, CRQ_ENOMEM);
        ck_assert_uint_eq(args.count, count);
        ck_assert_uint_eq(args.bytes.len, len);
        unit_ok(crq_args_check(&args, &err), &err);
    } while (failures < 100);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_gt(failures, 2);
    ck_assert_uint_gt(args.count, count);
    crq_args_fini(&args);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("finish_trouble");

    unit_add_rows(tc, test_a_run_that_redis_refuses_to_end_is_left_whole,
            foreign);
    tcase_add_test(tc, test_one_refused_run_does_not_hold_up_the_others);
    unit_add_rows(tc, test_the_outcome_is_published_to_who_waits, outcomes);
    unit_add_rows(tc, test_the_text_of_a_death_is_rqs, deaths);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    tcase_add_test(tc,
            test_an_end_that_cannot_be_added_leaves_the_others_whole);
    return live_run("finish_trouble", tc);
}
