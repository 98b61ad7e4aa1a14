/* check_tls.c - tests of redis/tls.c. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

#include "redis/tls.h"

START_TEST(test_a_trusted_server_is_spoken_to_through_tls)
{
    struct live_server *server = live_start_tls("DNS:localhost,IP:127.0.0.1");
    crq_conn *conn;
    crq_error err;

    setenv("SSL_CERT_FILE", server->cert, 1);
    conn = live_conn_to("rediss://%s:%d/2", _i == 0 ? "localhost" : "127.0.0.1",
            server->port);
    for (int i = 0; i < 100; i++)
        live_seed(conn, "INCR n");
    live_expect(conn, "n string\n  100\n");
    /* More than a socket takes, both ways. */
    for (int round = 0; round < 2; round++) {
        static char word[100000];
        struct crq_args args;

        memset(word, 'x', sizeof(word) - 1);
        crq_args_init(&args);
        crq_args_list(&args, "ECHO", word, NULL);
        for (int i = 0; i < 100; i++)
            unit_ok(crq_conn_append(conn, &args, &err), &err);
        for (int i = 0; i < 100; i++) {
            crq_reply *reply;

            unit_ok(crq_conn_next(conn, &reply, &err), &err);
            ck_assert_str_eq(crq_reply_text(reply, NULL), word);
            crq_reply_free(reply);
        }
        crq_args_fini(&args);
    }
    live_kill(server);
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "PING", NULL),
            CRQ_ECONNECT);
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *names; /* that the certificate is made out to */
    bool trusted;
    const char *host, *says;
} refused[] = {
    { "DNS:localhost", false, "localhost",
            "its certificate is refused: self-signed" },
    { "DNS:elsewhere", true, "localhost",
            "its certificate is refused: hostname mismatch" },
    { "DNS:localhost", true, "127.0.0.1",
            "its certificate is refused: IP address mismatch" },
};

START_TEST(test_a_certificate_that_proves_nothing_is_refused)
{
    struct live_server *server = live_start_tls(refused[_i].names);
    char url[100];
    crq_conn *conn;
    crq_error err;

    setenv("SSL_CERT_FILE", refused[_i].trusted ? server->cert : "/dev/null",
            1);
    snprintf(url, sizeof(url), "rediss://%s:%d", refused[_i].host,
            server->port);
    ck_assert_int_eq(crq_conn_open(url, NULL, &conn, &err), CRQ_ECONNECT);
    ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "%s", err.text);
}
END_TEST

START_TEST(test_a_server_without_tls_is_told_as_such)
{
    struct live_server *server = live_start(true, NULL);
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    crq_conn *conn;
    crq_error err;
    char url[100];

    options.connect_timeout_ms = 200;
    snprintf(url, sizeof(url), "rediss://127.0.0.1:%d", server->port);
    ck_assert_int_eq(crq_conn_open(url, &options, &conn, &err), CRQ_ECONNECT);
    ck_assert_msg(strstr(err.text, "(is it the TLS port?)") != NULL, "%s",
            err.text);
}
END_TEST

/* A process has 127 of them, for all of its libraries together. */
START_TEST(test_links_use_up_no_type_of_openssl)
{
    int before = BIO_get_new_index();

    for (int i = 0; i < 10; i++) {
        struct crq_tls *tls;
        crq_error err;

        unit_ok(crq_tls_new("localhost", &tls, &err), &err);
        crq_tls_free(tls);
    }
    ck_assert_int_eq(BIO_get_new_index(), before + 1);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("tls");

    tcase_add_loop_test(tc, test_a_trusted_server_is_spoken_to_through_tls, 0,
            2);
    unit_add_rows(tc, test_a_certificate_that_proves_nothing_is_refused,
            refused);
    tcase_add_test(tc, test_a_server_without_tls_is_told_as_such);
    tcase_add_test(tc, test_links_use_up_no_type_of_openssl);
    return live_run("tls", tc);
}
