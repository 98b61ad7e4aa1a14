/*
 * sockets.c - a number of WebSockets that hear one channel, and what is
 * published there.
 *
 *     sockets PORT PATH SOCKETS MESSAGES BYTES PAUSE_MS [STOPPED]
 *
 * The number of the socket is put behind PATH. Whoever has started this reads
 * its output: at each line "publish N" he publishes JSON with "n" in it on the
 * channel, which every socket has to hear; then comes the next one. The first
 * STOPPED sockets stop reading when all are open. The last line is JSON: how
 * long messages took from that line on, and how many were not heard.
 *
 * "sockets floor SOCKETS MESSAGES BYTES" instead: one process writes to so many
 * TCP connections in turn, and another one reads them: what the kernel of this
 * machine takes for it.
 */
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "load.h"

#define PATIENCE_S 60.

struct reader {
    ev_io io;
    int fd, number;
    bool open, stopped, closed;
    size_t heard;
    unsigned char in[16384];
    size_t len;
};

static struct {
    struct ev_loop *loop;
    int port;
    const char *path;
    struct reader *readers;
    size_t count, stopped, open, closed;
    size_t messages, bytes, sent, heard; /* heard: of the current one */
    double pause_s;
    int64_t sent_us;
    struct load_times times;
    ev_timer next, patience;
    int ask, answer; /* pipes to who publishes */
    bool floor;
} load;

static void end(void)
{
    ev_break(load.loop, EVBREAK_ALL);
}

/* --------------------------------------------------------------- messages */

static size_t listening(void)
{
    return load.count - load.stopped;
}

/* Publish the next one: by a line to who has started us. */
static void on_next(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)timer;
    (void)revents;
    load.heard = 0;
    load.sent++;
    load.sent_us = load_now_us();
    if (load.floor) {
        char byte = 1;

        if (write(load.ask, &byte, 1) != 1)
            load_die("the writer is gone");
        return;
    }
    printf("publish %zu\n", load.sent);
    (void)fflush(stdout);
}

static void heard_one(struct reader *r)
{
    r->heard++;
    load_add(&load.times, load_now_us() - load.sent_us);
    if (++load.heard < listening())
        return;
    if (load.sent == load.messages) {
        end();
        return;
    }
    ev_timer_set(&load.next, load.pause_s, 0.);
    ev_timer_start(load.loop, &load.next);
}

/* --------------------------------------------------------------- receiving */

static void all_open(void)
{
    for (size_t i = 0; i < load.stopped; i++)
        ev_io_stop(load.loop, &load.readers[i].io);
    ev_timer_set(&load.next, 1., 0.); /* what was said to all has been heard */
    ev_timer_start(load.loop, &load.next);
}

/* One frame at the begin of what is there; false: not all of it is. */
static bool take_frame(struct reader *r)
{
    size_t head = 2, len;
    int opcode;

    if (r->len < 2)
        return false;
    len = r->in[1] & 0x7f;
    opcode = r->in[0] & 0x0f;
    if (len == 126) {
        if (r->len < 4)
            return false;
        len = (size_t)r->in[2] << 8 | r->in[3];
        head = 4;
    }
    if (len == 127 || head + len > sizeof(r->in))
        load_die("a frame is too large");
    if (r->len < head + len)
        return false;
    if (opcode == 9) { /* a pong, masked with nothing */
        unsigned char pong[200] = { 0x8a, (unsigned char)(0x80 | len) };

        memcpy(pong + 6, r->in + head, len);
        (void)!send(r->fd, pong, 6 + len, MSG_NOSIGNAL);
    } else if (opcode == 1 && memmem(r->in + head, len, "\"n\"", 3) != NULL) {
        heard_one(r);
    } else if (opcode == 1 && !r->open) {
        r->open = true; /* HELLO */
        if (++load.open == load.count)
            all_open();
    }
    r->len -= head + len;
    memmove(r->in, r->in + head + len, r->len);
    return true;
}

static bool take_head(struct reader *r)
{
    unsigned char *end_of_head = memmem(r->in, r->len, "\r\n\r\n", 4);
    size_t head;

    if (end_of_head == NULL)
        return false;
    if (memcmp(r->in, "HTTP/1.1 101", 12) != 0)
        load_die("no socket: %.12s", (char *)r->in);
    head = (size_t)(end_of_head + 4 - r->in);
    r->len -= head;
    memmove(r->in, r->in + head, r->len);
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct reader *r = io->data;
    ssize_t n = recv(r->fd, r->in + r->len, sizeof(r->in) - r->len, 0);

    (void)revents;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        ev_io_stop(loop, io);
        r->closed = true;
        load.closed++;
        if (load.open < load.count)
            load_die("socket %d was closed", r->number);
        return;
    }
    r->len += (size_t)n;
    if (load.floor) {
        for (; r->len >= load.bytes; r->len -= load.bytes)
            heard_one(r);
        return;
    }
    if (!r->open && r->heard == 0) {
        if (!take_head(r))
            return;
        r->heard = 1; /* the head, as it were */
    }
    while (take_frame(r))
        ;
}

/* ---------------------------------------------------------------- opening */

static void on_connected(struct ev_loop *loop, ev_io *io, int revents)
{
    struct reader *r = io->data;
    char path[500], text[1000];
    int len;

    (void)revents;
    (void)snprintf(path, sizeof(path), "%.300s%d", load.path, r->number);
    len = snprintf(text, sizeof(text),
            "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            path, load.port);
    if (send(r->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        load_die("socket %d: %s", r->number, strerror(errno));
    ev_io_stop(loop, io);
    ev_io_init(io, on_readable, r->fd, EV_READ);
    ev_io_start(loop, io);
}

static void open_all(void)
{
    for (size_t i = 0; i < load.count; i++) {
        struct reader *r = &load.readers[i];

        r->number = (int)i;
        r->fd = load_connect(load.port);
        if (r->fd < 0)
            load_die("socket %zu: %s", i, strerror(errno));
        ev_io_init(&r->io, on_connected, r->fd, EV_WRITE);
        r->io.data = r;
        ev_io_start(load.loop, &r->io);
    }
}

/* ------------------------------------------------------------------ floor */

/* Connect so many pairs, and write to all of them whenever one is asked to. */
static void write_for_ever(int listener, int asked)
{
    int *fds = calloc(load.count, sizeof(*fds));
    char *bytes = calloc(1, load.bytes), byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fds == NULL || bytes == NULL)
        load_die("out of memory");
    for (size_t i = 0; i < load.count; i++)
        fds[i] = accept(listener, NULL, NULL);
    while (read(asked, &byte, 1) == 1)
        for (size_t i = 0; i < load.count; i++)
            if (send(fds[i], bytes, load.bytes, MSG_NOSIGNAL) < 0)
                _exit(1);
    _exit(0);
}

static void start_floor(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0), pair[2];

    if (bind(listener, (struct sockaddr *)&at, size) < 0 ||
            listen(listener, SOMAXCONN) < 0 ||
            getsockname(listener, (struct sockaddr *)&at, &size) < 0 ||
            pipe(pair) < 0)
        load_die("no socket: %s", strerror(errno));
    if (fork() == 0) {
        close(pair[1]);
        write_for_ever(listener, pair[0]);
    }
    close(pair[0]);
    load.ask = pair[1];
    for (size_t i = 0; i < load.count; i++) {
        struct reader *r = &load.readers[i];

        r->number = (int)i;
        r->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(r->fd, (struct sockaddr *)&at, size) < 0)
            load_die("socket %zu: %s", i, strerror(errno));
        ev_io_init(&r->io, on_readable, r->fd, EV_READ);
        r->io.data = r;
        ev_io_start(load.loop, &r->io);
    }
    load.open = load.count;
    all_open();
}

/* -------------------------------------------------------------------- main */

static void on_impatient(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)timer;
    (void)revents;
    end();
}

int main(int argc, char **argv)
{
    load.floor = argc == 5 && strcmp(argv[1], "floor") == 0;
    if (!load.floor && argc != 7 && argc != 8)
        load_die("usage: sockets PORT PATH SOCKETS MESSAGES BYTES PAUSE_MS "
                 "[STOPPED]\n"
                 "       sockets floor SOCKETS MESSAGES BYTES");
    argv += load.floor ? 2 : 1;
    if (!load.floor) {
        load.port = (int)strtol(*argv++, NULL, 10);
        load.path = *argv++;
    }
    load.count = (size_t)strtoul(argv[0], NULL, 10);
    load.messages = (size_t)strtoul(argv[1], NULL, 10);
    load.bytes = (size_t)strtoul(argv[2], NULL, 10);
    load.pause_s = load.floor ? 0.05 : strtod(argv[3], NULL) / 1e3;
    load.stopped = argc == 8 ? (size_t)strtoul(argv[4], NULL, 10) : 0;
    load_raise_limit();
    load.loop = ev_default_loop(0);
    load.readers = calloc(load.count, sizeof(*load.readers));
    if (load.readers == NULL)
        load_die("out of memory");
    ev_init(&load.next, on_next);
    ev_timer_init(&load.patience, on_impatient,
            PATIENCE_S + (double)load.messages * (load.pause_s + 0.5), 0.);
    ev_timer_start(load.loop, &load.patience);
    if (load.floor)
        start_floor();
    else
        open_all();
    ev_run(load.loop, 0);
    printf("{");
    load_print("messages", &load.times);
    printf(", \"missing\": %zu, \"closed\": %zu}\n",
            load.messages * listening() - load.times.count, load.closed);
    free(load.times.us);
    free(load.readers);
    return 0;
}
