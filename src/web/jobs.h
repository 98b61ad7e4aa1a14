/*
 * jobs.h - jobs that are made for somebody who may wait for their end.
 *
 * Each carries the channel of this gateway, where crq's workers tell how it
 * ended. RQ's own workers don't: what they leave in rq:results:<id> is watched
 * for, too, and a job that has ended otherwise (canceled, deleted, expired) is
 * found when it is looked at, once in a while.
 */
#ifndef CRQ_WEB_JOBS_H
#define CRQ_WEB_JOBS_H

#include <crq.h>

#include "app/app.h"
#include "base/log.h"

struct ev_loop;
struct jobs;
struct waiter;

enum job_end {
    JOB_CREATED, /* nobody waits: it is in its queue */
    JOB_DONE,    /* `value` is what it returned */
    JOB_FAILED,  /* `text` is the text of its error, or NULL */
    JOB_GONE,    /* there will be no result: `text` says why */
    JOB_LATE,    /* it has not ended in time */
    JOB_REFUSED  /* Redis did not take it: `text` says why */
};

struct job_outcome {
    enum job_end end;
    const char *id;
    const crq_value *value; /* NULL: None */
    const char *text;
};

/** Told once, never before jobs_call() has returned. All is borrowed. */
typedef void job_done(void *arg, const struct job_outcome *outcome);

int jobs_new(struct ev_loop *loop, const char *url, const struct crq_log *log,
        struct jobs **out, crq_error *err) CRQ_MUST_CHECK;
/** Who waits is not told. */
void jobs_free(struct jobs *jobs);

/** Called whenever the connection to Redis comes or goes. */
void jobs_on_change(struct jobs *jobs, void (*changed)(void *arg, bool up),
        void *arg);
/** Whether a job could be made now. */
bool jobs_are_possible(const struct jobs *jobs);
size_t jobs_waiting(const struct jobs *jobs);

/**
 * Make a job of a call with these arguments (borrowed) and, with wait_us > 0,
 * wait for its end.
 *
 * out_waiter  to be passed to jobs_forget() by who no longer wants to know;
 *             valid until `done` is called. May be NULL.
 *
 * CRQ_ECONNECT: there is no Redis now. CRQ_EINVAL, CRQ_EUNSUPPORTED: the call.
 */
int jobs_call(struct jobs *jobs, const struct crq_app_call *call,
        const crq_value *args, const crq_value *kwargs, int64_t wait_us,
        job_done *done, void *arg, struct waiter **out_waiter,
        crq_error *err) CRQ_MUST_CHECK;

/** `done` will not be called. The job runs all the same. */
void jobs_forget(struct waiter *waiter);

#endif
