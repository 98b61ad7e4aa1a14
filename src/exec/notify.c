/* notify.c - datagrams to systemd. */
#include "exec/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void say(const struct notify *n, const char *text)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = strlen(n->to);

    if (n->fd < 0)
        return;
    memcpy(to.sun_path, n->to, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    /* Nobody who listens is no reason to stop working. */
    (void)!sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
            (const struct sockaddr *)&to,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static void on_feed(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    say(timer->data, "WATCHDOG=1");
}

/* How often to feed: at half of what systemd allows. 0: it does not ask. */
static double feed_every_s(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;
    unsigned long long us;

    if (usec == NULL || *usec < '0' || *usec > '9' ||
            (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    us = strtoull(usec, &end, 10);
    return *end == '\0' ? (double)us / 2e6 : 0;
}

static void open_socket(struct notify *n, const char *path)
{
    if (path == NULL || (path[0] != '/' && path[0] != '@') || path[1] == '\0' ||
            strlen(path) >= sizeof(n->to))
        return;
    strcpy(n->to, path);
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void notify_init(struct notify *n, struct ev_loop *loop)
{
    double every_s = feed_every_s();

    *n = (struct notify){ .loop = loop, .fd = -1 };
    open_socket(n, getenv("NOTIFY_SOCKET"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    ev_timer_init(&n->feed, on_feed, every_s, every_s);
    n->feed.data = n;
    if (n->fd >= 0 && every_s > 0)
        ev_timer_start(loop, &n->feed);
}

void notify_fini(struct notify *n)
{
    ev_timer_stop(n->loop, &n->feed);
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_ready(struct notify *n)
{
    if (n->ready)
        return;
    n->ready = true;
    say(n, "READY=1");
}

void notify_reloading(struct notify *n)
{
    struct timespec now;
    char text[80];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
            (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    say(n, text);
    n->ready = false; /* to be said again */
}

void notify_stopping(struct notify *n)
{
    say(n, "STOPPING=1");
}

void notify_status(struct notify *n, const char *text)
{
    char line[256];

    snprintf(line, sizeof(line), "STATUS=%s", text);
    say(n, line);
}
