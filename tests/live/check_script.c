/* check_script.c - tests of redis/script.c. */
#include "live.h"

#include <string.h>

#include "redis/script.h"

/* The scripts of these tests; SHA-1 comes from Redis. */
static const char add_text[] =
        "redis.call('SADD', KEYS[1], ARGV[1])\n"
        "return {ARGV[1], redis.call('SCARD', KEYS[1])}\n";

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
    ck_assert_uint_eq(crq_reply_count(reply), 2);
    ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, 0), NULL), "one");
    ck_assert_int_eq(crq_reply_int(crq_reply_item(reply, 1), -1), 1);
    crq_reply_free(reply);
    live_seed(conn, "SCRIPT FLUSH");
    unit_ok(call(conn, &script, NULL, &err, "s", "two"), &err);
    unit_ok(call(conn, &script, NULL, &err, "s", "three"), &err);
    live_expect(conn, "s set\n  one\n  three\n  two\n");
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("script");

    tcase_add_test(
            tc, test_a_script_that_redis_does_not_know_is_loaded_and_run);
    return live_run("script", tc);
}
