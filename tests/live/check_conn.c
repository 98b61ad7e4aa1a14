/* check_conn.c - tests of redis/conn.c and of what it stands on. */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redis/script.h"

static int try_open(const char *url, crq_error *err)
{
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    crq_conn *conn = NULL;
    int rc;

    options.connect_timeout_ms = 1000;
    rc = crq_conn_open(url, &options, &conn, err);
    crq_conn_free(conn);
    return rc;
}

START_TEST(test_commands_of_all_kinds_are_answered)
{
    crq_conn *conn = live_conn();
    crq_reply *reply;
    crq_error err;
    size_t len;

    unit_ok(crq_conn_run(conn, &reply, &err, "SET", "k", "v", NULL), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_TEXT);
    ck_assert_str_eq(crq_reply_text(reply, &len), "OK");
    ck_assert_uint_eq(len, 2);
    crq_reply_free(reply);
    unit_ok(crq_conn_run(conn, &reply, &err, "GET", "nothing", NULL), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_NIL);
    ck_assert_ptr_null(crq_reply_text(reply, NULL));
    crq_reply_free(reply);
    unit_ok(crq_conn_run(conn, &reply, &err, "INCR", "n", NULL), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_INT);
    ck_assert_int_eq(crq_reply_int(reply, -1), 1);
    crq_reply_free(reply);
    unit_ok(crq_conn_run(conn, &reply, &err, "MGET", "k", "n", "x", NULL),
            &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_ARRAY);
    ck_assert_uint_eq(crq_reply_count(reply), 3);
    ck_assert_int_eq(crq_reply_int(crq_reply_item(reply, 1), -1), 1);
    ck_assert_int_eq(crq_reply_int(crq_reply_item(reply, 0), -1), -1);
    ck_assert_ptr_null(crq_reply_item(reply, 3));
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_server_that_restarted_is_connected_again)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn = live_conn_to("%s?db=3", server->url);
    crq_error err;

    live_kill(server);
    ck_assert_int_eq(
            crq_conn_run(conn, NULL, &err, "PING", NULL), CRQ_ECONNECT);
    ck_assert_msg(strstr(err.text, "is redis-server running?") != NULL, "%s",
            err.text);
    live_restart(server);
    live_seed(conn, "SET k v");
    live_expect(conn, "k string\n  v\n");
    live_kill(server);
    live_restart(server);
    live_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_wrong_url_is_refused)
{
    crq_error err;

    ck_assert_int_eq(try_open("http://h", &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "the scheme 'http' in 'http://h' is not one of "
                               "redis://, rediss:// and unix://");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("conn");

    tcase_add_test(tc, test_commands_of_all_kinds_are_answered);
    tcase_add_test(tc, test_a_server_that_restarted_is_connected_again);
    tcase_add_test(tc, test_a_wrong_url_is_refused);
    return live_run("conn", tc);
}
