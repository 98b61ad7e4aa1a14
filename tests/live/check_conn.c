/* check_conn.c - tests of redis/conn.c and of what it stands on. */
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void contains(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* With short timeouts, for servers that don't answer. */
static int open_url(const char *url, crq_conn **out, crq_error *err)
{
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;

    options.connect_timeout_ms = 200;
    options.timeout_ms = 100;
    return crq_conn_open(url, &options, out, err);
}

static int64_t ask_int(crq_conn *conn, const char *verb, const char *key)
{
    crq_reply *reply;
    crq_error err;
    int64_t n;

    unit_ok(crq_conn_run(conn, &reply, &err, verb, key, NULL), &err);
    n = crq_reply_int(reply, -1);
    crq_reply_free(reply);
    return n;
}

static void append(crq_conn *conn, const char *verb, const char *arg)
{
    struct crq_args args;
    crq_error err;

    crq_args_init(&args);
    crq_args_list(&args, verb, arg, NULL);
    unit_ok(crq_conn_append(conn, &args, &err), &err);
    crq_args_fini(&args);
}

/* --------------------------------------------------------------- opening */

START_TEST(test_commands_of_all_kinds_are_answered)
{
    crq_conn *conn = live_conn();
    crq_reply *reply;
    crq_error err;
    size_t len;

    unit_ok(crq_conn_run(conn, &reply, &err, "SET", "k", "-7", NULL), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_TEXT);
    ck_assert_str_eq(crq_reply_text(reply, &len), "OK");
    ck_assert_uint_eq(len, 2);
    ck_assert_int_eq(crq_reply_int(reply, 5), 5);
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
    ck_assert_int_eq(crq_reply_int(crq_reply_item(reply, 0), 5), -7);
    ck_assert_int_eq(crq_reply_int(crq_reply_item(reply, 1), 5), 1);
    ck_assert_ptr_null(crq_reply_item(reply, 3));
    crq_reply_free(reply);
    ck_assert_int_eq(crq_reply_kind(NULL), CRQ_REPLY_NIL);
    crq_reply_free(NULL);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_database_and_name_are_set_on_every_link)
{
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    crq_conn *conn, *other = live_conn();
    crq_reply *reply;
    crq_error err;
    char url[200];

    options.name = "tester";
    snprintf(url, sizeof(url), "%s?db=3", live_main()->url);
    unit_ok(crq_conn_open(url, &options, &conn, &err), &err);
    for (int i = 0; i < 2; i++) {
        live_seed(conn, "SET k v");
        unit_ok(crq_conn_run(conn, &reply, &err, "CLIENT", "GETNAME", NULL),
                &err);
        ck_assert_str_eq(crq_reply_text(reply, NULL), "tester");
        crq_reply_free(reply);
        live_expect(conn, "k string\n  v\n");
        live_expect(other, "");
        /* The second round is on a new link. */
        live_seed(other, "CLIENT KILL TYPE normal SKIPME yes");
    }
    options.name = "no blanks";
    crq_conn_free(conn);
    ck_assert_int_eq(crq_conn_open(url, &options, &conn, &err), CRQ_EREDIS);
    contains(err.text, "CLIENT SETNAME: Redis at unix:");
    crq_conn_free(other);
}
END_TEST

static const struct {
    const char *user; /* of the URL */
    int code;
    const char *says;
} logins[] = {
    { ":secret@", 0, "" },
    { "default:secret@", 0, "" },
    { "joe:pw%40@", 0, "" },
    { "free@", 0, "" },
    { "narrow:pw@", 0, "" },
    { "", CRQ_EAUTH, "SELECT: Redis at 127.0.0.1:%d/0 wants a password: " },
    { ":wrong@", CRQ_EAUTH,
            "AUTH: Redis at 127.0.0.1:%d/0 does not take this user and "
            "password: WRONGPASS " },
    { "joe@", CRQ_EAUTH, "AUTH: Redis at 127.0.0.1:%d/0 does not take" },
    { "joe:secret@", CRQ_EAUTH, "AUTH: Redis at 127.0.0.1:%d/0 does not take" },
};

START_TEST(test_users_log_in_with_what_the_url_says)
{
    struct live_server *server =
            live_start(true, "--requirepass", "secret", NULL);
    crq_conn *admin = live_conn_to("unix://:secret@%s", server->socket);
    crq_conn *conn = NULL;
    crq_error err = { 0, "" };
    char url[100], says[200];

    live_seed(admin,
            "ACL SETUSER joe on >pw@ ~* +@all\n"
            "ACL SETUSER free on nopass ~* +@all\n"
            "ACL SETUSER narrow on >pw ~* -@all +get\n");
    snprintf(url, sizeof(url), "redis://%s127.0.0.1:%d", logins[_i].user,
            server->port);
    ck_assert_int_eq(crq_conn_open(url, NULL, &conn, &err), logins[_i].code);
    /* The only varying part of these texts is the port. */
    snprintf(says, sizeof(says), "%.*s%d%s", (int)strcspn(logins[_i].says, "%"),
            logins[_i].says, server->port,
            strchr(logins[_i].says, '%') != NULL
                    ? strchr(logins[_i].says, '%') + 2
                    : "");
    if (logins[_i].code < 0)
        contains(err.text, says);
    else
        unit_ok(crq_conn_run(conn, NULL, &err, "GET", "k", NULL), &err);
    crq_conn_free(conn);
    crq_conn_free(admin);
}
END_TEST

START_TEST(test_a_password_nobody_asked_for_is_refused_as_one)
{
    crq_conn *conn;
    crq_error err;
    char url[200];

    snprintf(url, sizeof(url), "unix://:pw@%s", live_main()->socket);
    ck_assert_int_eq(open_url(url, &conn, &err), CRQ_EAUTH);
    contains(err.text, "AUTH: Redis at unix:");
}
END_TEST

START_TEST(test_a_server_without_auth_does_not_make_us_show_the_password)
{
    struct live_server *server =
            live_start(false, "--rename-command", "AUTH", "", NULL);
    crq_conn *conn = NULL;
    crq_error err;
    char url[200];

    snprintf(url, sizeof(url), "unix://joe:hunter2@%s", server->socket);
    ck_assert_int_eq(open_url(url, &conn, &err), CRQ_EAUTH);
    contains(err.text, "refused: ERR unknown command 'AUTH'");
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_ptr_null(strstr(err.text, "joe"));
}
END_TEST

START_TEST(test_a_server_with_too_many_clients_says_so)
{
    struct live_server *server = live_start(false, "--maxclients", "1", NULL);
    crq_conn *first = live_conn_to("%s", server->url), *conn = NULL;
    crq_error err;
    char url[200];

    /* It closes the link at once, maybe before AUTH could be written. */
    for (int i = 0; i < 20; i++) {
        snprintf(url, sizeof(url), "unix://:pw@%s", server->socket);
        ck_assert_int_eq(open_url(url, &conn, &err), CRQ_EREDIS);
        contains(err.text, "has no room for more clients: ERR max number");
    }
    crq_conn_free(first);
}
END_TEST

START_TEST(test_a_database_that_is_not_there_is_refused)
{
    crq_conn *conn;
    crq_error err;
    char url[200];

    snprintf(url, sizeof(url), "%s?db=16", live_main()->url);
    ck_assert_int_eq(open_url(url, &conn, &err), CRQ_EREDIS);
    contains(err.text, "has no such database: ERR DB index is out of range");
}
END_TEST

static const struct {
    const char *url;
    int code;
    const char *says;
} unreachable[] = {
    { "http://h", CRQ_EINVAL, "the scheme 'http' in 'http://h'" },
    { "redis://127.0.0.1:1", CRQ_ECONNECT,
            "cannot connect to Redis at 127.0.0.1:1/0: connection refused (is "
            "redis-server running?)" },
    { "redis://[::1]:1/2", CRQ_ECONNECT,
            "cannot connect to Redis at [::1]:1/2: " },
    { "redis://a..b", CRQ_ECONNECT,
            "cannot connect to Redis at a..b:6379/0: the host 'a..b' is not "
            "known (" },
    { "unix:///nowhere/sock", CRQ_ECONNECT,
            "cannot connect to Redis at unix:/nowhere/sock: there is no such "
            "socket (is redis-server running?)" },
    { "rediss://127.0.0.1:1", CRQ_ECONNECT,
            "cannot connect to Redis at 127.0.0.1:1/0: connection refused" },
};

START_TEST(test_what_cannot_be_reached_is_named_with_the_reason)
{
    crq_conn *conn = NULL;
    crq_error err;

    ck_assert_int_eq(open_url(unreachable[_i].url, &conn, &err),
            unreachable[_i].code);
    ck_assert_ptr_null(conn);
    contains(err.text, unreachable[_i].says);
}
END_TEST

START_TEST(test_a_socket_of_somebody_else_is_told_as_such)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn;
    crq_error err;

    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    else
        ck_assert_int_eq(chmod(server->socket, 0), 0);
    ck_assert_int_eq(open_url(server->url, &conn, &err), CRQ_ECONNECT);
    contains(err.text, "permission denied (may this user open the socket?)");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(test_every_address_of_a_host_is_tried)
{
    /* localhost is ::1 and 127.0.0.1; the server has the second only. */
    struct live_server *server = live_start(true, NULL);
    crq_conn *conn = live_conn_to("redis://localhost:%d/1", server->port);
    char address[40];

    snprintf(address, sizeof(address), "localhost:%d/1", server->port);
    ck_assert_str_eq(crq_conn_address(conn), address);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_wrong_options_are_refused)
{
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    crq_conn *conn;
    crq_error err;

    options.timeout_ms = -1;
    ck_assert_int_eq(crq_conn_open(live_main()->url, &options, &conn, &err),
            CRQ_EINVAL);
    /* A program of the time when there was only `size`: the rest isn't read. */
    options.size = sizeof(options.size);
    unit_ok(crq_conn_open(live_main()->url, &options, &conn, &err), &err);
    crq_conn_free(conn);
}
END_TEST

/* Servers that aren't Redis: what they answer to the first bytes. */
static const struct {
    const char *answer; /* NULL: nothing; "": closes the connection */
    const char *says;
} strangers[] = {
    { "HTTP/1.1 400 Bad Request\r\n\r\n", "is not its protocol: " },
    { "", "closed the connection" },
    { NULL, "cannot connect to Redis at unix:" },
};

START_TEST(test_a_server_that_is_no_redis_is_found_out_at_once)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    crq_conn *conn;
    crq_error err;
    pid_t child;
    char url[150];

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/other", live_main()->folder);
    unlink(at.sun_path);
    snprintf(url, sizeof(url), "unix://%s", at.sun_path);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&at, sizeof(at)),
            0);
    ck_assert_int_eq(listen(listener, 1), 0);
    child = fork();
    if (child == 0) {
        int fd = accept(listener, NULL, NULL);
        char bytes[100];

        (void)!read(fd, bytes, sizeof(bytes));
        if (strangers[_i].answer == NULL)
            pause();
        (void)!write(fd, strangers[_i].answer, strlen(strangers[_i].answer));
        _exit(0);
    }
    ck_assert_int_eq(open_url(url, &conn, &err), CRQ_ECONNECT);
    contains(err.text, strangers[_i].says);
    if (strangers[_i].answer == NULL)
        contains(err.text, "no answer within 200 ms");
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(listener);
}
END_TEST

/* -------------------------------------------------------------- breakage */

START_TEST(test_a_server_that_restarted_is_connected_again)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn = live_conn_to("%s?db=3", server->url);
    crq_error err;

    live_kill(server);
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "PING", NULL),
            CRQ_ECONNECT);
    contains(err.text, "is redis-server running?");
    live_restart(server);
    live_seed(conn, "SET k v");
    live_expect(conn, "k string\n  v\n");
    live_kill(server);
    live_restart(server);
    live_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* What somebody else does while a command waits in Redis. */
enum deed { KILL_SERVER, KILL_CLIENT };

static pid_t when_blocked(const struct live_server *server, enum deed deed)
{
    crq_conn *conn;
    int64_t blocked = 0;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child > 0)
        return child;
    conn = live_conn_to("%s", server->url);
    while (blocked == 0) {
        crq_reply *reply = NULL;
        const char *found;

        if (crq_conn_run(conn, &reply, NULL, "INFO", "clients", NULL) < 0)
            _exit(1);
        found = strstr(crq_reply_text(reply, NULL), "blocked_clients:");
        blocked = atoi(found + strlen("blocked_clients:"));
        crq_reply_free(reply);
    }
    if (deed == KILL_SERVER)
        kill(server->pid, SIGKILL);
    else
        live_seed(conn, "CLIENT KILL TYPE normal SKIPME yes");
    _exit(0);
}

START_TEST(test_a_link_that_breaks_under_a_command_leaves_it_unknown)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn = live_conn_to("%s", server->url);
    enum deed deed = (enum deed)_i;
    pid_t child = when_blocked(server, deed);
    struct crq_args args;
    crq_reply *reply = NULL;
    crq_error err;

    crq_args_init(&args);
    crq_args_list(&args, "BLPOP", "list", "0", NULL);
    ck_assert_int_eq(crq_conn_command_wait(conn, &args, 30000, &reply, &err),
            CRQ_ELOST);
    ck_assert_ptr_null(reply);
    contains(err.text, "the connection");
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    if (deed == KILL_SERVER) {
        live_kill(server);
        live_restart(server);
    }
    ck_assert_int_eq(ask_int(conn, "INCR", "n"), 1);
    crq_args_fini(&args);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_server_that_hangs_is_a_timeout)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn;
    crq_error err;

    unit_ok(open_url(server->url, &conn, &err), &err);
    live_freeze(server);
    ck_assert_int_eq(crq_conn_run(conn, NULL, &err, "INCR", "n", NULL),
            CRQ_ETIMEOUT);
    contains(err.text, "no reply from Redis at unix:");
    contains(err.text, " within 100 ms");
    live_thaw(server);
    /* The late reply goes nowhere; the command itself was done. */
    ck_assert_int_eq(ask_int(conn, "INCR", "n"), 2);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_blocking_command_waits_longer_than_the_timeout)
{
    crq_conn *conn;
    struct crq_args args;
    crq_reply *reply;
    crq_error err;

    unit_ok(open_url(live_main()->url, &conn, &err), &err);
    crq_args_init(&args);
    crq_args_list(&args, "BLPOP", "list", "0.3", NULL);
    unit_ok(crq_conn_command_wait(conn, &args, 5000, &reply, &err), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_NIL);
    crq_reply_free(reply);
    crq_args_fini(&args);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_an_idle_link_that_was_closed_costs_no_command)
{
    crq_conn *conn = live_conn(), *other = live_conn();

    for (int i = 1; i <= 3; i++) {
        live_seed(other, "CLIENT KILL TYPE normal SKIPME yes");
        ck_assert_int_eq(ask_int(conn, "INCR", "n"), i);
    }
    crq_conn_free(conn);
    crq_conn_free(other);
}
END_TEST

/* --------------------------------------------------------------- refusals */

static const struct {
    const char *before; /* settings; undone by the server's end */
    const char *command[4];
    int code;
    const char *says;
} refusals[] = {
    { "REPLICAOF 127.0.0.1 1", { "SET", "k", "v" }, CRQ_EREDIS,
            "is a read-only replica: READONLY " },
    { "REPLICAOF 127.0.0.1 1",
            { "EVAL", "return redis.call('SET','k','v')", "0" }, CRQ_EREDIS,
            "is a read-only replica: READONLY " },
    { "REPLICAOF 127.0.0.1 1\nCONFIG SET replica-serve-stale-data no",
            { "GET", "k" }, CRQ_EREDIS,
            "is a replica that has lost its master: MASTERDOWN " },
    { "CONFIG SET maxmemory 100kb maxmemory-policy noeviction",
            { "SET", "k", "v" }, CRQ_EREDIS,
            "is out of memory (maxmemory): OOM " },
    { "CONFIG SET maxmemory 100kb maxmemory-policy noeviction",
            { "EVAL", "return redis.call('SET','k','v')", "0" }, CRQ_EREDIS,
            "is out of memory (maxmemory): OOM " },
    { "SET k v", { "LPUSH", "k", "v" }, CRQ_EREDIS,
            "holds another type of value in this key: WRONGTYPE " },
    { "CONFIG SET min-replicas-to-write 1", { "SET", "k", "v" }, CRQ_EREDIS,
            "takes no writes, because replicas are gone: NOREPLICAS " },
    { "", { "NOSUCH" }, CRQ_EREDIS, "refused: ERR unknown command 'NOSUCH'" },
    { "ACL SETUSER default -set", { "SET", "k", "v" }, CRQ_EAUTH,
            "does not allow this user to do that: NOPERM " },
};

START_TEST(test_a_refusal_says_what_is_the_matter_with_redis)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn = live_conn_to("%s", server->url);
    crq_reply *reply = NULL;
    crq_error err;

    live_seed(conn, refusals[_i].before);
    ck_assert_int_eq(crq_conn_run(conn, &reply, &err, refusals[_i].command[0],
                             refusals[_i].command[1], refusals[_i].command[2],
                             refusals[_i].command[3], NULL),
            refusals[_i].code);
    ck_assert_ptr_null(reply);
    contains(err.text, refusals[_i].says);
    contains(err.text, "Redis at unix:");
    unit_ok(crq_conn_run(conn, NULL, &err, "INFO", NULL), &err);
    crq_conn_free(conn);
}
END_TEST

/* -------------------------------------------------------------- pipelines */

START_TEST(test_a_pipeline_of_200000_commands_is_answered_in_order)
{
    enum { COUNT = 200000 };
    crq_conn *conn = live_conn();
    crq_error err;

    for (int i = 0; i < COUNT; i++)
        append(conn, "INCR", "n");
    for (int i = 1; i <= COUNT; i++) {
        crq_reply *reply;

        unit_ok(crq_conn_next(conn, &reply, &err), &err);
        ck_assert_int_eq(crq_reply_int(reply, -1), i);
        crq_reply_free(reply);
    }
    ck_assert_int_eq(ask_int(conn, "GET", "n"), COUNT);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_large_words_and_replies_go_both_ways_in_a_pipeline)
{
    enum { COUNT = 50, LEN = 300000 };
    crq_conn *conn = live_conn();
    char *bytes = calloc(1, LEN);
    struct crq_args args;
    crq_error err;

    crq_args_init(&args);
    for (int i = 0; i < COUNT; i++) {
        memset(bytes, i, LEN);
        crq_args_clear(&args);
        crq_args_puts(&args, "ECHO");
        crq_args_put(&args, bytes, LEN);
        unit_ok(crq_conn_append(conn, &args, &err), &err);
    }
    for (int i = 0; i < COUNT; i++) {
        crq_reply *reply;
        size_t len;

        memset(bytes, i, LEN);
        unit_ok(crq_conn_next(conn, &reply, &err), &err);
        ck_assert_mem_eq(crq_reply_text(reply, &len), bytes, LEN);
        ck_assert_uint_eq(len, LEN);
        crq_reply_free(reply);
    }
    crq_args_fini(&args);
    free(bytes);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_errors_in_a_pipeline_are_replies)
{
    crq_conn *conn = live_conn();
    crq_reply *reply;
    crq_error err;

    append(conn, "INCR", "n");
    append(conn, "NOSUCH", "n");
    append(conn, "INCR", "n");
    unit_ok(crq_conn_next(conn, &reply, &err), &err);
    crq_reply_free(reply);
    unit_ok(crq_conn_next(conn, &reply, &err), &err);
    ck_assert_int_eq(crq_reply_kind(reply), CRQ_REPLY_ERROR);
    ck_assert_int_eq(crq_conn_reply_error(reply, &err), CRQ_EREDIS);
    contains(err.text, "Redis refused: ERR unknown command");
    crq_reply_free(reply);
    unit_ok(crq_conn_next(conn, &reply, &err), &err);
    ck_assert_int_eq(crq_reply_int(reply, -1), 2);
    crq_reply_free(reply);
    ck_assert_int_eq(crq_conn_next(conn, &reply, &err), CRQ_ELOST);
    ck_assert_str_eq(err.text, "no reply is due");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_pipeline_that_broke_gives_what_had_come_and_starts_anew)
{
    crq_conn *conn = live_conn();
    crq_reply *reply;
    crq_error err;

    append(conn, "INCR", "n");
    append(conn, "INCR", "n");
    append(conn, "QUIT", NULL);
    append(conn, "INCR", "n");
    append(conn, "INCR", "n");
    for (int i = 0; i < 3; i++) {
        unit_ok(crq_conn_next(conn, &reply, &err), &err);
        crq_reply_free(reply);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(crq_conn_next(conn, &reply, &err), CRQ_ELOST);
        contains(err.text, "the connection");
    }
    ck_assert_int_eq(ask_int(conn, "INCR", "n"), 3);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_writing_to_a_broken_link_raises_no_signal)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *conn = live_conn_to("%s", server->url);
    char word[1000];
    crq_reply *reply;
    crq_error err;

    ck_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    memset(word, 'x', sizeof(word));
    word[sizeof(word) - 1] = '\0';
    append(conn, "ECHO", word);
    live_kill(server);
    for (int i = 0; i < 1000; i++)
        append(conn, "ECHO", word);
    ck_assert_int_eq(crq_conn_next(conn, &reply, &err), CRQ_ELOST);
    ck_assert_int_eq(crq_conn_next(conn, &reply, &err), CRQ_ELOST);
    live_restart(server);
    ck_assert_int_eq(ask_int(conn, "INCR", "n"), 1);
    crq_conn_free(conn);
}
END_TEST

static int all_once(void *arg, crq_error *err)
{
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    crq_conn *conn = NULL;
    crq_reply *reply;
    struct crq_args args;
    int rc;

    (void)arg;
    options.name = "name";
    crq_args_init(&args);
    rc = crq_conn_open(live_main()->url, &options, &conn, err);
    if (rc == 0)
        rc = crq_conn_run(conn, NULL, err, "SET", "k", "v", NULL);
    crq_args_list(&args, "GET", "k", NULL);
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = crq_conn_append(conn, &args, err);
    for (int i = 0; i < 20 && rc == 0; i++) {
        rc = crq_conn_next(conn, &reply, err);
        if (rc == 0)
            crq_reply_free(reply);
    }
    crq_args_fini(&args);
    crq_conn_free(conn);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(all_once, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("conn");

    tcase_add_test(tc, test_commands_of_all_kinds_are_answered);
    tcase_add_test(tc, test_database_and_name_are_set_on_every_link);
    unit_add_rows(tc, test_users_log_in_with_what_the_url_says, logins);
    tcase_add_test(tc, test_a_password_nobody_asked_for_is_refused_as_one);
    tcase_add_test(tc,
            test_a_server_without_auth_does_not_make_us_show_the_password);
    tcase_add_test(tc, test_a_server_with_too_many_clients_says_so);
    tcase_add_test(tc, test_a_database_that_is_not_there_is_refused);
    unit_add_rows(tc, test_what_cannot_be_reached_is_named_with_the_reason,
            unreachable);
    tcase_add_test(tc, test_a_socket_of_somebody_else_is_told_as_such);
    tcase_add_test(tc, test_every_address_of_a_host_is_tried);
    tcase_add_test(tc, test_wrong_options_are_refused);
    unit_add_rows(tc, test_a_server_that_is_no_redis_is_found_out_at_once,
            strangers);
    tcase_add_test(tc, test_a_server_that_restarted_is_connected_again);
    tcase_add_loop_test(tc,
            test_a_link_that_breaks_under_a_command_leaves_it_unknown,
            KILL_SERVER, KILL_CLIENT + 1);
    tcase_add_test(tc, test_a_server_that_hangs_is_a_timeout);
    tcase_add_test(tc, test_a_blocking_command_waits_longer_than_the_timeout);
    tcase_add_test(tc, test_an_idle_link_that_was_closed_costs_no_command);
    unit_add_rows(tc, test_a_refusal_says_what_is_the_matter_with_redis,
            refusals);
    tcase_add_test(tc, test_a_pipeline_of_200000_commands_is_answered_in_order);
    tcase_add_test(tc, test_large_words_and_replies_go_both_ways_in_a_pipeline);
    tcase_add_test(tc, test_errors_in_a_pipeline_are_replies);
    tcase_add_test(tc,
            test_a_pipeline_that_broke_gives_what_had_come_and_starts_anew);
    tcase_add_test(tc, test_writing_to_a_broken_link_raises_no_signal);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return live_run("conn", tc);
}
