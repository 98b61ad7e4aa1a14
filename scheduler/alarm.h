/*
 * alarm.h - a timer of the loop that rings when it is time, to the fraction of
 * a millisecond. libev's own are rounded up to the next one: that is what epoll
 * counts in.
 */
#ifndef CRQ_SCHEDULER_ALARM_H
#define CRQ_SCHEDULER_ALARM_H

#include <ev.h>
#include <stdint.h>

struct alarm {
    struct ev_loop *loop;
    ev_io ready; /* of a timerfd */
    void (*on_ring)(void *arg);
    void *arg;
};

/** Below 0: the system has no timer left, and errno says why; to be ended in
 *  each case. */
int alarm_init(struct alarm *a, struct ev_loop *loop,
        void (*on_ring)(void *arg), void *arg);
void alarm_fini(struct alarm *a);

/** Ring once, in so many microseconds; what was set before is forgotten. */
void alarm_set(struct alarm *a, int64_t in_us);
void alarm_stop(struct alarm *a);

#endif
