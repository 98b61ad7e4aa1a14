/*
 * guard.h - the state of the process that a run may change, kept and put back.
 * What is covered is listed at the top of perform.h.
 */
#ifndef CRQ_TASK_GUARD_H
#define CRQ_TASK_GUARD_H

#include <locale.h>
#include <signal.h>
#include <sys/types.h>

#define CRQ_GUARD_SIGNALS 8

struct crq_guard {
    locale_t locale;
    mode_t umask;
    int cwd; /* -1: it could not be opened */
    sigset_t mask;
    struct sigaction actions[CRQ_GUARD_SIGNALS];
    char names[2][512]; /* "NAME=value": the environment points here */
};

/** Keep what is there, and set what a run has: the "C" locale, and the
 *  environment's RQ_WORKER_ID and RQ_JOB_ID. */
void crq_guard_begin(struct crq_guard *guard, const char *worker,
        const char *job_id);
void crq_guard_end(struct crq_guard *guard);

#endif
