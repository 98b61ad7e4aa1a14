/*
 * requests.c - a number of clients that each send a request, wait for its
 * answer, and send the next one.
 *
 *     requests PORT PATH CLIENTS SECONDS
 *
 * With SECONDS 0 each sends one request. PATH "PING" asks a Redis at that port:
 * what a round trip costs here. Prints one line of JSON: how long answers took,
 * how many had which status, how many of 503 said when to come again, how many
 * connections broke, and how many clients have no answer when all is over: a
 * client that was asked for waits up to PATIENCE_S more.
 */
#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define PATIENCE_S 60.
#define AGAIN_S    0.05 /* after a connection broke */

struct client {
    ev_io io;
    ev_timer again;
    int fd; /* -1: not connected */
    bool asked, done;
    int64_t since_us;
    char in[8192];
    size_t len;
};

static struct {
    struct ev_loop *loop;
    int port;
    char request[1024];
    bool ping;
    double seconds;
    int64_t end_us;
    struct client *clients;
    size_t count, left;
    struct load_times times;
    size_t statuses[600], retry_after, broken;
} load;

static void on_io(struct ev_loop *loop, ev_io *io, int revents);

static void finish(struct client *c)
{
    if (c->done)
        return;
    c->done = true;
    ev_io_stop(load.loop, &c->io);
    ev_timer_stop(load.loop, &c->again);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    if (--load.left == 0)
        ev_break(load.loop, EVBREAK_ALL);
}

static void watch(struct client *c, int events)
{
    ev_io_stop(load.loop, &c->io);
    ev_io_set(&c->io, c->fd, events);
    ev_io_start(load.loop, &c->io);
}

static void begin(struct client *c)
{
    if (load.seconds > 0 && load_now_us() >= load.end_us) {
        finish(c);
        return;
    }
    if (c->fd < 0)
        c->fd = load_connect(load.port);
    if (c->fd < 0) {
        load.broken++;
        ev_timer_set(&c->again, AGAIN_S, 0.);
        ev_timer_start(load.loop, &c->again);
        return;
    }
    c->asked = false;
    c->len = 0;
    c->since_us = load_now_us();
    watch(c, EV_WRITE);
}

static void break_off(struct client *c)
{
    load.broken++;
    ev_io_stop(load.loop, &c->io);
    close(c->fd);
    c->fd = -1;
    ev_timer_set(&c->again, AGAIN_S, 0.);
    ev_timer_start(load.loop, &c->again);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    begin(timer->data);
}

/* The value of a header, or NULL. */
static const char *field(const char *head, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = strstr(head, "\r\n"); at != NULL;
            at = strstr(at, "\r\n")) {
        at += 2;
        if (strncasecmp(at, name, len) == 0 && at[len] == ':')
            return at + len + 1;
    }
    return NULL;
}

/* The status of an answer that is there as a whole; 0: it is not. */
static int whole_answer(struct client *c)
{
    const char *end, *length;
    size_t head;
    int status;

    c->in[c->len] = '\0';
    if (load.ping)
        return strstr(c->in, "\r\n") != NULL ? 200 : 0;
    end = strstr(c->in, "\r\n\r\n");
    if (end == NULL)
        return 0;
    head = (size_t)(end + 4 - c->in);
    length = field(c->in, "Content-Length");
    if (length == NULL || c->len < head + strtoul(length, NULL, 10))
        return 0;
    status = (int)strtol(c->in + strlen("HTTP/1.1 "), NULL, 10);
    load.retry_after += status == 503 && field(c->in, "Retry-After") != NULL;
    return status;
}

static void take(struct client *c)
{
    int status = whole_answer(c);

    if (status == 0)
        return;
    load_add(&load.times, load_now_us() - c->since_us);
    if (status > 0 && status < 600)
        load.statuses[status]++;
    if (load.seconds > 0)
        begin(c);
    else
        finish(c);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct client *c = io->data;
    ssize_t n;

    (void)loop;
    if (revents & EV_WRITE) {
        n = send(c->fd, load.request, strlen(load.request), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n != (ssize_t)strlen(load.request)) {
            break_off(c);
            return;
        }
        watch(c, EV_READ);
        return;
    }
    n = recv(c->fd, c->in + c->len, sizeof(c->in) - 1 - c->len, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        break_off(c);
        return;
    }
    c->len += (size_t)n;
    take(c);
}

static void on_impatient(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void print(void)
{
    const char *comma = "";

    printf("{");
    load_print("answers", &load.times);
    printf(", \"statuses\": {");
    for (size_t i = 0; i < 600; i++)
        if (load.statuses[i] > 0) {
            printf("%s\"%zu\": %zu", comma, i, load.statuses[i]);
            comma = ", ";
        }
    printf("}, \"retry_after\": %zu, \"broken\": %zu, \"unanswered\": %zu}\n",
            load.retry_after, load.broken, load.left);
}

int main(int argc, char **argv)
{
    ev_timer patience;

    if (argc != 5)
        load_die("usage: requests PORT PATH CLIENTS SECONDS");
    load.port = (int)strtol(argv[1], NULL, 10);
    load.ping = strcmp(argv[2], "PING") == 0;
    load.count = load.left = (size_t)strtoul(argv[3], NULL, 10);
    load.seconds = strtod(argv[4], NULL);
    if (load.ping)
        (void)snprintf(load.request, sizeof(load.request), "PING\r\n");
    else
        (void)snprintf(load.request, sizeof(load.request),
                "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", argv[2],
                load.port);
    load_raise_limit();
    load.loop = ev_default_loop(0);
    load.end_us = load_now_us() + (int64_t)(load.seconds * 1e6);
    load.clients = calloc(load.count + 1, sizeof(*load.clients));
    if (load.clients == NULL)
        load_die("out of memory");
    for (size_t i = 0; i < load.count; i++) {
        struct client *c = &load.clients[i];

        c->fd = -1;
        ev_init(&c->io, on_io);
        ev_init(&c->again, on_again);
        c->io.data = c->again.data = c;
        begin(c);
    }
    ev_timer_init(&patience, on_impatient, load.seconds + PATIENCE_S, 0.);
    ev_timer_start(load.loop, &patience);
    ev_run(load.loop, 0);
    print();
    free(load.clients);
    free(load.times.us);
    return 0;
}
