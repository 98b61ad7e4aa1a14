/* jobs_impl.h - what jobs.c (making jobs, ends that are told) and jobs_find.c
 * (ends that are found) share. */
#ifndef CRQ_WEB_JOBS_IMPL_H
#define CRQ_WEB_JOBS_IMPL_H

#include <ev.h>

#include "base/random.h"
#include "exec/async.h"
#include "model/keys.h"
#include "web/jobs.h"

#define BUCKETS 4096

/* A crq worker has mostly answered by then. */
#define PATIENCE_US INT64_C(50000)
#define LOOK_S      1.

struct waiter {
    struct jobs *jobs;
    struct waiter *chain;        /* of its bucket */
    struct waiter *next, **link; /* of all, the longest unseen first */
    char id[CRQ_UUID_LEN + 1];
    char after[48]; /* the last entry of its results that did not end it */
    int64_t since_us;
    unsigned replies; /* of Redis, that are due */
    bool waits;       /* for more than being created */
    bool unreadable;  /* its results: it is looked at only */
    bool ended;
    ev_timer late;
    job_done *done;
    void *arg;
};

struct jobs {
    struct ev_loop *loop;
    const struct crq_log *log;
    struct crq_async *link, *ears, *results;
    char channel[CRQ_KEY_MAX];
    struct waiter *buckets[BUCKETS];
    struct waiter *first, **last;
    size_t count;
    bool reading; /* an XREAD is on its way */
    size_t asked; /* its keys */
    ev_timer look, read;
    void (*changed)(void *arg, bool up);
    void *arg;
};

/* jobs.c */

/** Who waits for this job, or NULL. */
struct waiter *waiter_find(struct jobs *jobs, const char *id);
/** To the end of the list: it was looked at. */
void waiter_requeue(struct waiter *w);
/** Tell how it ended; it is freed when no reply names it. */
void waiter_tell(struct waiter *w, enum job_end end, const crq_value *value,
        const char *text);
void waiter_tell_result(struct waiter *w, const crq_result *result);
/** Freed when it has ended and no reply names it. */
void waiter_release(struct waiter *w);

/* jobs_find.c */

void jobs_find_init(struct jobs *jobs);
void jobs_find_fini(struct jobs *jobs);
/** Somebody waits: begin to look, unless that is done already. */
void jobs_find_start(struct jobs *jobs, bool results);

#endif
