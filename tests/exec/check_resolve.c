/* check_resolve.c - tests of exec/resolve.c. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/resolve.h"

/* "127.0.0.1:80 [::1]:80", in the order of the addresses. */
static void print(const struct crq_addresses *from, char *out, size_t size)
{
    FILE *f = fmemopen(out, size, "w");

    for (size_t i = 0; i < from->count; i++) {
        const struct sockaddr *to = (const struct sockaddr *)&from->list[i].to;
        char host[64], port[8];

        ck_assert_int_eq(getnameinfo(to, from->list[i].len, host, sizeof(host),
                                 port, sizeof(port),
                                 NI_NUMERICHOST | NI_NUMERICSERV),
                0);
        fprintf(f, to->sa_family == AF_INET6 ? "%s[%s]:%s" : "%s%s:%s",
                i > 0 ? " " : "", host, port);
    }
    fputc('\0', f);
    fclose(f);
}

static const struct {
    const char *host, *want; /* NULL: it has to be looked up */
} hosts[] = {
    { "127.0.0.1", "127.0.0.1:6379" },
    { "192.0.2.7", "192.0.2.7:6379" },
    { "::1", "[::1]:6379" },
    { "2001:db8::7", "[2001:db8::7]:6379" },
    { "localhost", "[::1]:6379 127.0.0.1:6379" },
    { "LOCALHOST", "[::1]:6379 127.0.0.1:6379" },
    { "localhost.example", NULL },
    { "redis", NULL },
    { "", NULL },
};

START_TEST(test_addresses_and_localhost_are_known)
{
    struct crq_addresses found;
    char text[200] = "";
    bool known = crq_resolve_known(hosts[_i].host, 6379, &found);

    ck_assert_int_eq(known, hosts[_i].want != NULL);
    if (!known)
        return;
    print(&found, text, sizeof(text));
    ck_assert_str_eq(text, hosts[_i].want);
}
END_TEST

struct seen {
    struct ev_loop *loop;
    int answers;
    struct crq_addresses found;
};

static void on_found(void *arg, const struct crq_addresses *addresses)
{
    struct seen *s = arg;

    s->answers++;
    s->found = *addresses;
    ev_break(s->loop, EVBREAK_ALL);
}

static void begin(struct seen *s, struct crq_lookup *lookup, const char *host)
{
    crq_error err;

    memset(s, 0, sizeof(*s));
    s->loop = ev_default_loop(EVFLAG_AUTO);
    crq_lookup_init(lookup, s->loop, on_found, s);
    unit_ok(crq_lookup_start(lookup, host, 80, &err), &err);
}

START_TEST(test_a_name_is_found_by_a_process)
{
    struct crq_lookup lookup;
    struct seen s;
    char text[200] = "";

    begin(&s, &lookup, "127.0.0.1");
    ck_assert_int_eq(s.answers, 0);
    ev_run(s.loop, 0);
    ck_assert_int_eq(s.answers, 1);
    ck_assert_int_eq(s.found.failure, 0);
    print(&s.found, text, sizeof(text));
    ck_assert_str_eq(text, "127.0.0.1:80");
    /* Once more with the same object. */
    ck_assert_int_eq(crq_lookup_start(&lookup, "127.0.0.1", 80, NULL), 0);
    ev_run(s.loop, 0);
    ck_assert_int_eq(s.answers, 2);
    crq_lookup_cancel(&lookup);
}
END_TEST

START_TEST(test_a_process_that_is_killed_has_found_nothing_for_now)
{
    struct crq_lookup lookup;
    struct seen s;

    begin(&s, &lookup, "127.0.0.1");
    kill(lookup.pid, SIGSTOP); /* it may have answered already: then that */
    kill(lookup.pid, SIGKILL);
    ev_run(s.loop, 0);
    ck_assert_int_eq(s.answers, 1);
    ck_assert(s.found.failure == EAI_AGAIN || s.found.count == 1);
}
END_TEST

START_TEST(test_a_canceled_look_up_leaves_no_process)
{
    struct crq_lookup lookup;
    struct seen s;
    pid_t pid;
    int status;

    begin(&s, &lookup, "127.0.0.1");
    pid = lookup.pid;
    crq_lookup_cancel(&lookup);
    crq_lookup_cancel(&lookup);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    ck_assert_int_eq(kill(pid, 0), -1);
    ev_run(s.loop, EVRUN_NOWAIT);
    ck_assert_int_eq(s.answers, 0);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("resolve");

    unit_add_rows(tc, test_addresses_and_localhost_are_known, hosts);
    tcase_add_test(tc, test_a_name_is_found_by_a_process);
    tcase_add_test(tc, test_a_process_that_is_killed_has_found_nothing_for_now);
    tcase_add_test(tc, test_a_canceled_look_up_leaves_no_process);
    return unit_run("resolve", tc);
}
