/* check_async.c - exec/async.c against a Redis that comes and goes. */
#include "live.h"

#include <dlfcn.h>
#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/async.h"
#include "redis/script.h"

/* What a test waits for and what it has seen. */
struct seen {
    struct ev_loop *loop;
    struct crq_async *async;
    int ups, downs, replies, refused, lost, unconnected, pushes;
    int until_ups, until_downs, until_replies, until_pushes; /* stop there */
    int again; /* how many refusals are answered by asking again */
    crq_error down;
    char text[64];
};

static bool enough(const struct seen *s)
{
    return s->ups >= s->until_ups && s->downs >= s->until_downs &&
            s->replies >= s->until_replies && s->pushes >= s->until_pushes;
}

static void look(struct seen *s)
{
    if (enough(s))
        ev_break(s->loop, EVBREAK_ALL);
}

static void on_up(void *arg)
{
    struct seen *s = arg;

    s->ups++;
    look(s);
}

static void on_down(void *arg, const crq_error *err)
{
    struct seen *s = arg;

    s->downs++;
    s->down = *err;
    look(s);
}

static void on_push(void *arg, const crq_reply *reply)
{
    struct seen *s = arg;
    const char *text = crq_reply_text(crq_reply_item(reply, 2), NULL);

    s->pushes++;
    if (text != NULL)
        snprintf(s->text, sizeof(s->text), "%s", text);
    look(s);
}

static void on_reply(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct seen *s = arg;
    const char *text = crq_reply_text(reply, NULL);

    ck_assert((reply == NULL) == (err != NULL));
    s->replies++;
    if (err != NULL) {
        s->lost += err->code == CRQ_ELOST;
        s->unconnected += err->code == CRQ_ECONNECT;
        s->refused += err->code == CRQ_EREDIS;
        if (s->again > 0) {
            s->again--;
            crq_async_again(s->async);
        }
    } else
        snprintf(s->text, sizeof(s->text), "%s", text != NULL ? text : "");
    look(s);
}

static int seen_so_far(const struct seen *s)
{
    return s->ups + s->downs + s->replies + s->pushes;
}

struct late {
    ev_timer timer;
    const struct seen *seen;
    int before;
};

static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct late *late = w->data;

    (void)revents;
    if (seen_so_far(late->seen) == late->before)
        ev_break(loop, EVBREAK_ALL);
    late->before = seen_so_far(late->seen);
}

/* Run the loop until enough was seen; ten seconds of nothing are a failure. */
static void wait_for(struct seen *s)
{
    struct late late = { .seen = s, .before = seen_so_far(s) };

    ev_timer_init(&late.timer, on_late, 10., 10.);
    late.timer.data = &late;
    ev_timer_start(s->loop, &late.timer);
    if (!enough(s))
        ev_run(s->loop, 0);
    ev_timer_stop(s->loop, &late.timer);
    ck_assert_msg(enough(s), "%d ups, %d downs (%s), %d replies, %d pushes",
            s->ups, s->downs, s->down.text, s->replies, s->pushes);
}

static void begin(struct seen *s, const char *url, bool push, int timeout_ms)
{
    struct crq_async_options options = { .url = url,
        .name = "the-name",
        .timeout_ms = timeout_ms,
        .on_up = on_up,
        .on_down = on_down,
        .on_push = push ? on_push : NULL,
        .arg = s };
    crq_error err;

    memset(s, 0, sizeof(*s));
    s->loop = ev_loop_new(EVFLAG_AUTO);
    unit_ok(crq_async_new(s->loop, &options, &s->async, &err), &err);
}

static void end(struct seen *s)
{
    crq_async_free(s->async);
    ev_loop_destroy(s->loop);
}

static void up(struct seen *s)
{
    s->until_ups = s->ups + 1;
    wait_for(s);
}

static void command(struct seen *s, int64_t block_ms, const char *a,
        const char *b, const char *c)
{
    struct crq_args args;

    crq_args_init(&args);
    crq_args_list(&args, a, b, c, NULL);
    ck_assert_int_eq(crq_async_send(s->async, &args, block_ms, on_reply, s), 0);
    crq_args_fini(&args);
}

/* A server, spoken to as it is or through TLS. */
static struct live_server *start(int tls, char url[64])
{
    struct live_server *server =
            tls ? live_start_tls("IP:127.0.0.1") : live_start(1, NULL);

    snprintf(url, 64, "%s://127.0.0.1:%d/0", tls ? "rediss" : "redis",
            server->port);
    if (tls)
        setenv("SSL_CERT_FILE", server->cert, 1);
    return server;
}

static const struct crq_script append = { "append",
    "return redis.call('APPEND', KEYS[1], ARGV[1])",
    "0ea60e5fd0ddc2b9ea1d2b60f6c6e1a4b9e5d7c1" }; /* no such SHA: NOSCRIPT */

static void call(struct seen *s, const struct crq_script *which,
        const char *key, const char *word)
{
    struct crq_args args;

    crq_args_init(&args);
    crq_args_list(&args, key, word, NULL);
    ck_assert_int_eq(crq_async_script(s->async, which, 1, &args, on_reply, s),
            0);
    ck_assert_uint_eq(args.count, 0);
    crq_args_fini(&args);
}

static void script(struct seen *s, const char *key, const char *word)
{
    call(s, &append, key, word);
}

START_TEST(test_replies_come_in_order_and_errors_as_errors)
{
    char url[64];
    struct seen s;

    start(_i, url);
    begin(&s, url, false, 0);
    up(&s);
    command(&s, 0, "SET", "k", "v");
    command(&s, 0, "LPUSH", "k", "x");
    command(&s, 0, "GET", "k", NULL);
    ck_assert_uint_eq(crq_async_pending(s.async), 3);
    s.until_replies = 3;
    wait_for(&s);
    ck_assert_int_eq(s.refused, 1);
    ck_assert_str_eq(s.text, "v");
    command(&s, 0, "CLIENT", "GETNAME", NULL);
    s.until_replies = 4;
    wait_for(&s);
    ck_assert_str_eq(s.text, "the-name");
    end(&s);
}
END_TEST

START_TEST(test_an_unknown_script_is_loaded)
{
    struct seen s;

    begin(&s, live_main()->url, false, 0);
    script(&s, "k", "a"); /* before the link is up: it waits */
    up(&s);
    script(&s, "k", "b");
    s.until_replies = 2;
    wait_for(&s);
    command(&s, 0, "GET", "k", NULL);
    s.until_replies = 3;
    wait_for(&s);
    ck_assert_str_eq(s.text, "ab");
    end(&s);
}
END_TEST

START_TEST(test_scripts_run_in_order_though_redis_knows_only_the_last)
{
    static const struct crq_script known = { "known",
        "return redis.call('APPEND',KEYS[1],ARGV[1])",
        "568b742089ff97bd6aa7d9bc32e3caa722abcf11" };
    crq_conn *conn = live_conn();
    struct seen s;

    live_seed(conn,
            "SCRIPT LOAD \"return "
            "redis.call('APPEND',KEYS[1],ARGV[1])\"");
    begin(&s, live_main()->url, false, 0);
    up(&s);
    script(&s, "k", "a");
    call(&s, &known, "k", "b");
    s.until_replies = 2;
    wait_for(&s);
    command(&s, 0, "GET", "k", NULL);
    s.until_replies = 3;
    wait_for(&s);
    ck_assert_str_eq(s.text, "ab");
    end(&s);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_script_that_is_refused_can_be_sent_again)
{
    struct seen s;

    begin(&s, live_main()->url, false, 0);
    up(&s);
    command(&s, 0, "LPUSH", "k", "x");
    script(&s, "k", "a");
    s.again = 1;
    s.until_replies = 2;
    wait_for(&s);
    ck_assert_int_eq(s.refused, 1);
    ck_assert_uint_eq(crq_async_pending(s.async), 1);
    command(&s, 0, "DEL", "k", NULL);
    s.until_replies = 4;
    wait_for(&s);
    ck_assert_uint_eq(crq_async_pending(s.async), 0);
    command(&s, 0, "GET", "k", NULL);
    s.until_replies = 5;
    wait_for(&s);
    ck_assert_str_eq(s.text, "a");
    command(&s, 0, "DEL", "k", NULL);
    command(&s, 0, "LPUSH", "k", "x");
    script(&s, "k", "b"); /* what still waits is let go with the link */
    s.again = 1;
    s.until_replies = 8;
    wait_for(&s);
    end(&s);
}
END_TEST

START_TEST(test_a_command_without_a_link_fails_from_the_loop)
{
    struct seen s;

    begin(&s, "unix:///nowhere/at.all", false, 0);
    command(&s, 0, "PING", NULL, NULL);
    ck_assert_int_eq(s.replies, 0);
    s.until_replies = 1;
    s.until_downs = 3; /* and it tries again and again */
    wait_for(&s);
    ck_assert_int_eq(s.unconnected, 1);
    ck_assert_int_eq(s.down.code, CRQ_ECONNECT);
    ck_assert_ptr_nonnull(strstr(s.down.text, "/nowhere/at.all"));
    end(&s);
}
END_TEST

START_TEST(test_a_killed_server_loses_commands_but_no_script)
{
    char url[64];
    struct live_server *server = start(_i, url);
    struct seen s;

    begin(&s, url, false, 0);
    up(&s);
    live_freeze(server); /* takes what we send, and answers nothing */
    command(&s, 0, "GET", "k", NULL);
    script(&s, "k", "x");
    ev_run(s.loop, EVRUN_NOWAIT);
    live_kill(server);
    s.until_downs = 1;
    s.until_replies = 1;
    wait_for(&s);
    ck_assert_int_eq(s.lost, 1);
    script(&s, "k", "y");
    live_restart(server);
    s.until_replies = 3;
    wait_for(&s);
    ck_assert_int_eq(s.lost, 1);
    command(&s, 0, "GET", "k", NULL);
    s.until_replies = 4;
    wait_for(&s);
    ck_assert_str_eq(s.text, "xy");
    end(&s);
}
END_TEST

START_TEST(test_a_silent_server_is_given_up)
{
    char url[64];
    struct live_server *server = start(_i, url);
    struct seen s;

    begin(&s, url, false, 200);
    up(&s);
    live_freeze(server);
    command(&s, 0, "GET", "k", NULL);
    s.until_downs = 1;
    s.until_replies = 1;
    wait_for(&s);
    ck_assert_int_eq(s.lost, 1);
    ck_assert_ptr_nonnull(strstr(s.down.text, "no answer"));
    live_thaw(server);
    up(&s);
    end(&s);
}
END_TEST

/* ---- names ---- */

/* A resolver for the tests; whoever asks it is a process of its own. */
int getaddrinfo(const char *node, const char *service,
        const struct addrinfo *hints, struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *,
            struct addrinfo **);

    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strncmp(node, "crq.", 4) != 0 || (hints->ai_flags & AI_NUMERICHOST))
        return real(node, service, hints, res);
    if (strcmp(node, "crq.gone") == 0)
        return EAI_NONAME;
    /* crq.slow is found when there is such a file; crq.hangs, never. */
    while (access(node, F_OK) < 0)
        usleep(1000);
    return real("127.0.0.1", service, hints, res);
}

static void begin_named(struct seen *s, const struct live_server *server,
        const char *name, int timeout_ms)
{
    char url[64];

    ck_assert_int_eq(chdir(server->folder), 0);
    snprintf(url, sizeof(url), "redis://%s:%d/0", name, server->port);
    begin(s, url, false, timeout_ms);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    int *left = w->data;

    (void)revents;
    if (--*left == 0)
        ev_break(loop, EVBREAK_ALL);
}

START_TEST(test_the_loop_goes_on_while_a_name_is_looked_up)
{
    struct live_server *server = live_start(1, NULL);
    struct seen s;
    int ticks = 20;
    ev_timer tick;
    FILE *file;

    begin_named(&s, server, "crq.slow", 0);
    ev_timer_init(&tick, on_tick, 0.005, 0.005);
    tick.data = &ticks;
    ev_timer_start(s.loop, &tick);
    ev_run(s.loop, 0);
    ck_assert_int_eq(ticks, 0);
    ck_assert_int_eq(s.ups + s.downs, 0);
    file = fopen("crq.slow", "w");
    fclose(file);
    up(&s);
    ev_timer_stop(s.loop, &tick);
    unlink("crq.slow");
    end(&s);
}
END_TEST

static const struct {
    const char *name, *text;
} unfound[] = {
    { "crq.gone", "not known" },
    { "crq.hangs", "not found in 100 ms" },
};

START_TEST(test_a_name_without_an_address_is_tried_again)
{
    struct live_server *server = live_start(1, NULL);
    struct seen s;

    begin_named(&s, server, unfound[_i].name, 100);
    for (int downs = 1; downs <= 2; downs++) {
        s.until_downs = downs;
        wait_for(&s);
        ck_assert_msg(strstr(s.down.text, unfound[_i].text) != NULL, "%s",
                s.down.text);
        ck_assert_int_eq(s.down.code, CRQ_ECONNECT);
    }
    end(&s);
}
END_TEST

START_TEST(test_localhost_needs_no_look_up)
{
    struct live_server *server = live_start(1, NULL);
    struct seen s;

    begin_named(&s, server, "LocalHost", 0);
    up(&s);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0); /* only the servers */
    end(&s);
}
END_TEST

START_TEST(test_a_blocking_command_may_be_silent_for_its_time)
{
    char url[64];
    struct seen s;

    start(_i, url);
    begin(&s, url, false, 150);
    up(&s);
    command(&s, 600, "BLPOP", "nothing", "0.5");
    s.until_replies = 1;
    wait_for(&s);
    ck_assert_int_eq(s.lost + s.downs, 0);
    end(&s);
}
END_TEST

START_TEST(test_pushed_messages_arrive)
{
    char url[64];
    crq_conn *conn = live_conn_to("%s", start(_i, url)->url);
    struct seen s;

    begin(&s, url, true, 0);
    up(&s);
    command(&s, 0, "SUBSCRIBE", "news", NULL);
    s.until_pushes = 1;
    wait_for(&s);
    live_seed(conn, "PUBLISH news hello");
    s.until_pushes = 2;
    wait_for(&s);
    ck_assert_str_eq(s.text, "hello");
    end(&s);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_wrong_password_is_said_and_tried_again)
{
    struct live_server *server = live_start(1, "--requirepass", "secret", NULL);
    struct seen s;
    char url[64];

    snprintf(url, sizeof(url), "redis://:wrong@127.0.0.1:%d/0", server->port);
    begin(&s, url, false, 0);
    s.until_downs = 2;
    wait_for(&s);
    ck_assert_int_eq(s.down.code, CRQ_EAUTH);
    ck_assert_ptr_null(strstr(s.down.text, ":wrong@"));
    end(&s);
    snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%d/3", server->port);
    begin(&s, url, false, 0);
    up(&s);
    end(&s);
}
END_TEST

START_TEST(test_an_abandoned_link_answers_every_call_at_once)
{
    struct crq_args args;
    struct seen s;

    begin(&s, live_main()->url, false, 0);
    crq_args_init(&args);
    crq_args_list(&args, "key", "x", NULL);
    ck_assert_int_eq(crq_async_script(s.async, &append, 1, &args, on_reply, &s),
            0);                         /* waits for the link */
    command(&s, 0, "PING", NULL, NULL); /* fails for want of it */
    crq_async_abandon(s.async);
    ck_assert_int_eq(s.lost, 2);
    up(&s);
    command(&s, 0, "PING", NULL, NULL); /* is on its way */
    crq_async_abandon(s.async);
    ck_assert_int_eq(s.lost, 3);
    ck_assert_uint_eq(crq_async_pending(s.async), 0);
    end(&s);
}
END_TEST

START_TEST(test_a_name_that_redis_refuses_does_not_keep_the_link_away)
{
    struct crq_async_options options = {
        .url = live_main()->url, .name = "two words", .on_up = on_up
    };
    struct seen s = { .loop = ev_loop_new(EVFLAG_AUTO), .until_ups = 1 };

    options.arg = &s;
    ck_assert_int_eq(crq_async_new(s.loop, &options, &s.async, NULL), 0);
    wait_for(&s);
    ck_assert_int_eq(s.ups, 1);
    end(&s);
}
END_TEST

/* ---- TLS ---- */

static const struct {
    const char *names; /* that the certificate is made out to; NULL: no TLS */
    bool trusted;
    const char *says;
} unsafe[] = {
    { "IP:127.0.0.1", false, "its certificate is refused: self-signed" },
    { "DNS:elsewhere", true,
            "its certificate is refused: IP address mismatch" },
    { NULL, true, "no answer to TLS for 300 ms (is it the TLS port?)" },
};

START_TEST(test_what_is_not_safe_is_said_and_tried_again)
{
    struct live_server *server = unsafe[_i].names != NULL
            ? live_start_tls(unsafe[_i].names)
            : live_start(1, NULL);
    struct seen s;
    char url[64];

    setenv("SSL_CERT_FILE", unsafe[_i].trusted ? server->cert : "/dev/null", 1);
    snprintf(url, sizeof(url), "rediss://127.0.0.1:%d", server->port);
    begin(&s, url, false, 300);
    script(&s, "k", "x");
    s.until_downs = 2;
    wait_for(&s);
    ck_assert_int_eq(s.ups + s.replies, 0);
    ck_assert_int_eq(s.down.code, CRQ_ECONNECT);
    ck_assert_msg(strstr(s.down.text, unsafe[_i].says) != NULL, "%s",
            s.down.text);
    end(&s);
}
END_TEST

/* More than sockets take, in both directions, in one call. */
START_TEST(test_large_words_go_through_tls)
{
    static char word[3000000];
    char url[64];
    struct seen s;

    memset(word, 'x', sizeof(word) - 1);
    start(1, url);
    begin(&s, url, false, 0);
    up(&s);
    for (int i = 0; i < 5; i++) {
        command(&s, 0, "APPEND", "k", word);
        command(&s, 0, "GET", "k", NULL);
    }
    command(&s, 0, "STRLEN", "k", NULL);
    command(&s, 0, "ECHO", "done", NULL);
    s.until_replies = 12;
    wait_for(&s);
    ck_assert_str_eq(s.text, "done");
    end(&s);
}
END_TEST

START_TEST(test_very_many_commands_pass)
{
    char url[64];
    struct seen s;

    start(_i, url);
    begin(&s, url, false, 0);
    up(&s);
    for (int i = 0; i < 100000; i++)
        command(&s, 0, "INCR", "n", NULL);
    s.until_replies = 100000;
    wait_for(&s);
    command(&s, 0, "GET", "n", NULL);
    s.until_replies = 100001;
    wait_for(&s);
    ck_assert_str_eq(s.text, "100000");
    end(&s);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("async");

    tcase_add_loop_test(tc, test_replies_come_in_order_and_errors_as_errors, 0,
            2);
    tcase_add_test(tc, test_an_unknown_script_is_loaded);
    tcase_add_test(tc,
            test_scripts_run_in_order_though_redis_knows_only_the_last);
    tcase_add_test(tc, test_a_script_that_is_refused_can_be_sent_again);
    tcase_add_test(tc, test_a_command_without_a_link_fails_from_the_loop);
    tcase_add_loop_test(tc, test_a_killed_server_loses_commands_but_no_script,
            0, 2);
    tcase_add_loop_test(tc, test_a_silent_server_is_given_up, 0, 2);
    tcase_add_test(tc, test_the_loop_goes_on_while_a_name_is_looked_up);
    unit_add_rows(tc, test_a_name_without_an_address_is_tried_again, unfound);
    tcase_add_test(tc, test_localhost_needs_no_look_up);
    tcase_add_loop_test(tc, test_a_blocking_command_may_be_silent_for_its_time,
            0, 2);
    tcase_add_loop_test(tc, test_pushed_messages_arrive, 0, 2);
    tcase_add_test(tc, test_a_wrong_password_is_said_and_tried_again);
    tcase_add_test(tc, test_an_abandoned_link_answers_every_call_at_once);
    tcase_add_test(tc,
            test_a_name_that_redis_refuses_does_not_keep_the_link_away);
    tcase_add_loop_test(tc, test_very_many_commands_pass, 0, 2);
    unit_add_rows(tc, test_what_is_not_safe_is_said_and_tried_again, unsafe);
    tcase_add_test(tc, test_large_words_go_through_tls);
    return live_run("async", tc);
}
