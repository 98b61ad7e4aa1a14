/* check_script.c - tests of redis/script.c. */
#include "live.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "redis/script.h"

/* Adds ARGV[1] to a set; returns it. Run twice, it leaves what it left. */
static const char add_text[] = "redis.call('SADD', KEYS[1], ARGV[1])\n"
                               "return ARGV[1]\n";

/* A script with the SHA-1 that Redis gives it, and not loaded. */
static struct crq_script prepare(crq_conn *conn, const char *text)
{
    static char sha1[41];
    crq_reply *reply;
    crq_error err;

    unit_ok(crq_conn_run(conn, &reply, &err, "SCRIPT", "LOAD", text, NULL),
            &err);
    memcpy(sha1, crq_reply_text(reply, NULL), sizeof(sha1));
    crq_reply_free(reply);
    live_seed(conn, "SCRIPT FLUSH");
    return (struct crq_script){ "test", text, sha1 };
}

static int call(crq_conn *conn, const struct crq_script *script,
        crq_reply **out, crq_error *err, const char *key, const char *arg)
{
    struct crq_args args;
    int rc;

    crq_args_init(&args);
    crq_args_list(&args, key, arg, NULL);
    rc = crq_script_call(conn, script, 1, &args, out, err);
    crq_args_fini(&args);
    return rc;
}

START_TEST(test_a_script_that_redis_does_not_know_is_loaded_and_run)
{
    crq_conn *conn = live_conn();
    struct crq_script script = prepare(conn, add_text);
    crq_reply *reply;
    crq_error err;

    unit_ok(call(conn, &script, &reply, &err, "s", "one"), &err);
    ck_assert_str_eq(crq_reply_text(reply, NULL), "one");
    crq_reply_free(reply);
    live_seed(conn, "SCRIPT FLUSH");
    unit_ok(call(conn, &script, NULL, &err, "s", "two"), &err);
    unit_ok(call(conn, &script, NULL, &err, "s", "three"), &err);
    live_expect(conn, "s set\n  one\n  three\n  two\n");
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *text;
    int code;
    const char *says; /* somewhere in the error */
} refusals[] = {
    { "return redis.error_reply('CRQ the job is started')", CRQ_ESTATE,
            "the job is started" },
    { "error({err = 'CRQ the job is started'})", CRQ_ESTATE,
            "the job is started" },
    { "return redis.call('LPUSH', KEYS[1], 'x')", CRQ_EREDIS,
            "holds another type of value in this key: WRONGTYPE Operation "
            "against a key holding the wrong kind of value" },
    { "return redis.error_reply('MINE says no')", CRQ_EREDIS,
            "refused: MINE says no" },
    { "local x\nreturn x.y", CRQ_EREDIS, "attempt to index local 'x'" },
    { "return redis.call('ACL', 'SETUSER')", CRQ_EREDIS, "refused: ERR " },
    { "syntax error", CRQ_EREDIS, "script 'test': Redis at " },
};

START_TEST(test_what_a_script_refuses_is_told_by_its_code)
{
    crq_conn *conn = live_conn();
    struct crq_script script = { "test", refusals[_i].text,
        "0123456789012345678901234567890123456789" };
    crq_reply *reply = NULL;
    crq_error err;

    if (strcmp(refusals[_i].text, "syntax error") != 0)
        script = prepare(conn, refusals[_i].text);
    live_seed(conn, "SET k v");
    ck_assert_int_eq(call(conn, &script, &reply, &err, "k", "x"),
            refusals[_i].code);
    ck_assert_ptr_null(reply);
    ck_assert_msg(strstr(err.text, refusals[_i].says) != NULL, "%s", err.text);
    if (refusals[_i].code == CRQ_ESTATE)
        ck_assert_str_eq(err.text, refusals[_i].says);
    /* The link is as good as before. */
    live_expect(conn, "k string\n  v\n");
    crq_conn_free(conn);
}
END_TEST

/* What becomes of one call when the link breaks behind the script. */
static const struct {
    struct live_relay relay;
    int code;
    const char *says;
    const char *state;
} breaks[] = {
    { { .word = "EVALSHA", .cut = 0x2 }, 0, "", "s set\n  a\n  b\n" },
    { { .word = "EVALSHA", .cut = 0x2, .pass = 3 }, 0, "",
            "s set\n  a\n  b\n" },
    { { .word = "EVALSHA", .cut = 0x6 }, CRQ_ELOST, "closed the connection",
            "s set\n  a\n  b\n" },
    { { .word = "EVALSHA", .cut = 0x2, .last = true }, CRQ_ELOST,
            "the connection broke, and when tried again: cannot connect to "
            "Redis at ",
            "s set\n  a\n  b\n" },
    { { .word = "EVALSHA", .cut = 0x2, .flush = 0x4 }, 0, "",
            "s set\n  a\n  b\n" },
    { { .word = "EVALSHA", .flush = 0xe }, 0, "", "s set\n  a\n  b\n" },
};

START_TEST(test_a_call_whose_outcome_is_unknown_is_made_once_more)
{
    crq_conn *direct = live_conn(), *conn;
    struct crq_script script = prepare(direct, add_text);
    struct live_server *relay = live_start_relay(&breaks[_i].relay);
    crq_error err;

    conn = live_conn_to("%s", relay->url);
    unit_ok(crq_conn_run(direct, NULL, &err, "SCRIPT", "LOAD", add_text, NULL),
            &err);
    unit_ok(call(conn, &script, NULL, &err, "s", "a"), &err);
    err = (crq_error){ 0, "" };
    ck_assert_int_eq(call(conn, &script, NULL, &err, "s", "b"),
            breaks[_i].code);
    ck_assert_msg(strstr(err.text, breaks[_i].says) != NULL, "%s", err.text);
    live_expect(direct, breaks[_i].state);
    if (!breaks[_i].relay.last)
        unit_ok(call(conn, &script, NULL, &err, "s", "b"), &err);
    crq_conn_free(conn);
    crq_conn_free(direct);
}
END_TEST

START_TEST(test_a_server_that_hangs_is_asked_twice_and_then_given_up)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    crq_conn *conn;
    struct crq_script script;
    crq_error err;

    options.timeout_ms = options.connect_timeout_ms = 50;
    unit_ok(crq_conn_open(server->url, &options, &conn, &err), &err);
    script = prepare(conn, add_text);
    unit_ok(call(conn, &script, NULL, &err, "s", "a"), &err);
    live_freeze(server);
    /* The second try doesn't get through the handshake. */
    ck_assert_int_eq(call(conn, &script, NULL, &err, "s", "b"), CRQ_ELOST);
    ck_assert_msg(strstr(err.text, "no answer within 50 ms") != NULL, "%s",
            err.text);
    live_thaw(server);
    unit_ok(call(conn, &script, NULL, &err, "s", "c"), &err);
    live_expect(conn, "s set\n  a\n  b\n  c\n");
    crq_conn_free(conn);
}
END_TEST

/* ------------------------------------------------------------------ pipes */

struct seen {
    size_t count, failed;
    int stop_at, code;
    crq_error first; /* failure */
};

static int on_reply(void *arg, size_t nth, const crq_reply *reply,
        const crq_error *err)
{
    struct seen *seen = arg;

    ck_assert_uint_eq(nth, seen->count);
    seen->count++;
    if (reply == NULL) {
        ck_assert_int_lt(err->code, 0);
        if (seen->failed++ == 0)
            seen->first = *err;
    } else {
        char want[32];

        ck_assert_ptr_null(err);
        snprintf(want, sizeof(want), "m%zu", nth);
        ck_assert_str_eq(crq_reply_text(reply, NULL), want);
    }
    return seen->stop_at == (int)nth ? seen->code : 0;
}

/* `count` calls that add m0, m1 ... to the set s, each with a word of
 * `padding` bytes. */
static int run_pipe(crq_conn *conn, const struct crq_script *script,
        size_t count, size_t padding, struct seen *seen, crq_error *err)
{
    static char zeros[4096];
    struct crq_script_pipe pipe;
    int rc;

    crq_script_pipe_init(&pipe, conn, script, 1);
    for (size_t i = 0; i < count; i++) {
        struct crq_args *args = crq_script_pipe_add(&pipe);
        char member[32];

        if (args == NULL) {
            crq_script_pipe_fini(&pipe);
            return crq_fail_nomem(err);
        }
        snprintf(member, sizeof(member), "m%zu", i);
        crq_args_list(args, "s", member, NULL);
        crq_args_put(args, zeros, padding);
    }
    rc = crq_script_pipe_run(&pipe, on_reply, seen, err);
    ck_assert_uint_eq(pipe.count, 0);
    crq_script_pipe_fini(&pipe);
    return rc;
}

static void expect_members(crq_conn *conn, int64_t count)
{
    crq_reply *reply;
    crq_error err;

    unit_ok(crq_conn_run(conn, &reply, &err, "SCARD", "s", NULL), &err);
    ck_assert_int_eq(crq_reply_int(reply, -1), count);
    crq_reply_free(reply);
}

static const struct {
    struct live_relay relay;
    size_t count, padding;
    int code;
    size_t failed;
    int64_t members;
} pipes[] = {
    { { .word = "EVALSHA" }, 0, 0, 0, 0, 0 },
    { { .word = "EVALSHA" }, 1, 0, 0, 0, 1 },
    { { .word = "EVALSHA" }, 5000, 100, 0, 0, 5000 },
    /* The script vanishes in the middle, again while it is repeated. */
    { { .word = "EVALSHA", .flush = 0x8 }, 5000, 100, 0, 0, 5000 },
    { { .word = "EVALSHA", .flush = 0x100008 }, 5000, 100, 0, 0, 5000 },
    /* The link breaks, behind some replies, in the middle of one. */
    { { .word = "EVALSHA", .cut = 0x8 }, 5000, 100, 0, 0, 5000 },
    { { .word = "EVALSHA", .cut = 0x8, .pass = 1001 }, 5000, 100, 0, 0, 5000 },
    { { .word = "EVALSHA", .cut = 0x1 }, 3, 0, 0, 0, 3 },
    { { .word = "EVALSHA", .cut = 0x1, .pass = 8 }, 3, 0, 0, 0, 3 },
    { { .word = "EVALSHA", .cut = 0x8, .flush = 0x10 }, 5000, 100, 0, 0, 5000 },
    { { .word = "EVALSHA", .cut = 0x1, .pass = 8, .last = true }, 3, 0,
            CRQ_ELOST, 2, 3 },
    { { .word = "EVALSHA", .cut = 0x3 }, 3, 0, CRQ_ELOST, 3, 3 },
};

START_TEST(test_a_pipe_answers_every_call_in_order)
{
    crq_conn *direct = live_conn(), *conn;
    struct crq_script script = prepare(direct, add_text);
    struct live_server *relay = live_start_relay(&pipes[_i].relay);
    struct seen seen = { .stop_at = -1 };
    crq_error err = { 0, "" };

    unit_ok(crq_conn_run(direct, NULL, &err, "SCRIPT", "LOAD", add_text, NULL),
            &err);
    conn = live_conn_to("%s", relay->url);
    ck_assert_int_eq(run_pipe(conn, &script, pipes[_i].count, pipes[_i].padding,
                             &seen, &err),
            pipes[_i].code);
    ck_assert_uint_eq(seen.count, pipes[_i].count);
    ck_assert_uint_eq(seen.failed, pipes[_i].failed);
    if (seen.failed > 0)
        ck_assert_int_eq(seen.first.code, pipes[_i].code);
    expect_members(direct, pipes[_i].members);
    crq_conn_free(conn);
    crq_conn_free(direct);
}
END_TEST

START_TEST(test_a_pipe_of_a_script_that_is_not_loaded_loads_it)
{
    crq_conn *conn = live_conn();
    struct crq_script script = prepare(conn, add_text);
    struct seen seen = { .stop_at = -1 };
    crq_error err;

    unit_ok(run_pipe(conn, &script, 200, 0, &seen, &err), &err);
    ck_assert_uint_eq(seen.count, 200);
    ck_assert_uint_eq(seen.failed, 0);
    expect_members(conn, 200);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_on_reply_stops_a_pipe_and_the_link_stays_good)
{
    crq_conn *conn = live_conn();
    struct crq_script script = prepare(conn, add_text);
    struct seen seen = { .stop_at = 2, .code = CRQ_ENOTFOUND };
    crq_error err;

    ck_assert_int_eq(run_pipe(conn, &script, 200, 0, &seen, &err),
            CRQ_ENOTFOUND);
    ck_assert_int_eq(err.code, CRQ_ENOTFOUND);
    ck_assert_uint_eq(seen.count, 3);
    expect_members(conn, 200);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_pipe_passes_error_replies_to_their_calls)
{
    crq_conn *conn = live_conn();
    struct crq_script script = prepare(conn,
            "if ARGV[1] == 'm1' then return redis.error_reply('CRQ no') end\n"
            "return ARGV[1]\n");
    struct seen seen = { .stop_at = -1 };
    crq_error err;

    unit_ok(run_pipe(conn, &script, 3, 0, &seen, &err), &err);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_uint_eq(seen.failed, 1);
    ck_assert_int_eq(seen.first.code, CRQ_ESTATE);
    ck_assert_str_eq(seen.first.text, "no");
    crq_conn_free(conn);
}
END_TEST

static int all_once(void *arg, crq_error *err)
{
    struct crq_script *script = arg;
    crq_conn *conn = NULL;
    struct seen seen = { .stop_at = -1 };
    int rc = crq_conn_open(live_main()->url, NULL, &conn, err);

    if (rc == 0)
        rc = crq_conn_run(conn, NULL, err, "SCRIPT", "FLUSH", NULL);
    if (rc == 0)
        rc = call(conn, script, NULL, err, "s", "a");
    if (rc == 0)
        rc = run_pipe(conn, script, 20, 10, &seen, err);
    crq_conn_free(conn);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_conn *conn = live_conn();
    struct crq_script script = prepare(conn, add_text);

    crq_conn_free(conn);
    unit_fail_each_allocation(all_once, &script);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("script");

    tcase_add_test(tc,
            test_a_script_that_redis_does_not_know_is_loaded_and_run);
    unit_add_rows(tc, test_what_a_script_refuses_is_told_by_its_code, refusals);
    unit_add_rows(tc, test_a_call_whose_outcome_is_unknown_is_made_once_more,
            breaks);
    tcase_add_test(tc,
            test_a_server_that_hangs_is_asked_twice_and_then_given_up);
    unit_add_rows(tc, test_a_pipe_answers_every_call_in_order, pipes);
    tcase_add_test(tc, test_a_pipe_of_a_script_that_is_not_loaded_loads_it);
    tcase_add_test(tc, test_on_reply_stops_a_pipe_and_the_link_stays_good);
    tcase_add_test(tc, test_a_pipe_passes_error_replies_to_their_calls);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return live_run("script", tc);
}
