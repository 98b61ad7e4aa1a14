/* queue_rig.h - a queue to put jobs on, for the tests of model/queue.c. */
#ifndef LIVE_QUEUE_RIG_H
#define LIVE_QUEUE_RIG_H

#include "live.h"

#include "base/clock.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */
#define THEN "2026-11-21T12:00:00.000000Z"

/* What happens to the first and the second try: bits of the relay's masks. */
enum { FIRST = 1, SECOND = 2 };

/* Of the test that runs; it may put others in their place. */
extern struct crq_clock_manual clock_at; /* begins at NOON */
extern crq_conn *conn;
extern crq_queue *queue; /* q, on conn */

/** Another queue, whose connection gets the clock. */
crq_queue *new_queue(crq_conn *on, const char *name);

/** As live_run(), with all that before each test. */
int queue_run(const char *name, TCase *tc);

#endif
