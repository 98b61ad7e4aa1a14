/*
 * pace.h - how many jobs may be claimed ahead.
 *
 * Claiming ahead hides the round trips to Redis behind running jobs. Its price
 * is that a job waits here while a child of somebody else may be free. So only
 * so many are claimed as will begin within a few milliseconds, judged by how
 * long jobs have taken lately.
 */
#ifndef CRQ_WORKERS_PACE_H
#define CRQ_WORKERS_PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_AHEAD_US INT64_C(4000)  /* what is claimed shall begin in this */
#define PACE_WAIT_US  INT64_C(10000) /* after this it goes back */
#define PACE_MOST     ((size_t)32)   /* that wait, however short they are */

/** Starts as all zeros: nothing is known, so nothing is claimed ahead. */
struct pace {
    int64_t job_us; /* 0: not known */
};

/** A job took so long. A long one counts at once, short ones little by little:
 *  to hold a job back is worse than to claim it a round trip later. */
void pace_took(struct pace *pace, int64_t us);

/** A job has been running for so long, or others have waited so long in vain:
 *  jobs take at least this. */
void pace_takes(struct pace *pace, int64_t at_least_us);

/** How many jobs may wait for `children` children. `youngest_us`: for how long
 *  the one that began last has been running, all being busy; else 0. */
size_t pace_ahead(const struct pace *pace, size_t children,
        int64_t youngest_us);

#endif
