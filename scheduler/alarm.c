/* alarm.c - see alarm.h. */
#include "scheduler/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

static void on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
    struct alarm *a = w->data;
    uint64_t times;

    (void)loop;
    (void)revents;
    /* Nothing to read: it was set anew since the kernel told of it. */
    if (read(w->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
        a->on_ring(a->arg);
}

int alarm_init(struct alarm *a, struct ev_loop *loop,
        void (*on_ring)(void *arg), void *arg)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    *a = (struct alarm){ .loop = loop, .on_ring = on_ring, .arg = arg };
    ev_io_init(&a->ready, on_ready, fd, EV_READ);
    a->ready.data = a;
    if (fd >= 0)
        ev_io_start(loop, &a->ready);
    return fd;
}

void alarm_fini(struct alarm *a)
{
    ev_io_stop(a->loop, &a->ready);
    if (a->ready.fd >= 0)
        close(a->ready.fd);
}

/* In 0 microseconds: never. */
static void arm(const struct alarm *a, int64_t in_us)
{
    const struct itimerspec when = {
        .it_value.tv_sec = in_us / 1000000,
        .it_value.tv_nsec = in_us % 1000000 * 1000,
    };

    (void)timerfd_settime(a->ready.fd, 0, &when, NULL);
}

void alarm_set(struct alarm *a, int64_t in_us)
{
    arm(a, in_us > 0 ? in_us : 1);
}

void alarm_stop(struct alarm *a)
{
    arm(a, 0);
}
