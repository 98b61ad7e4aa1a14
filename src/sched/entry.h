/*
 * entry.h - making, listing and cancelling entries of rq-scheduler, as its
 * Scheduler.schedule(), cron(), get_jobs() and cancel() do. What becomes of
 * them is in periodic.h. These are for crq's command line.
 */
#ifndef CRQ_SCHED_ENTRY_H
#define CRQ_SCHED_ENTRY_H

#include <crq.h>

/**
 * Make an entry, or replace the one of its id: a job that is run again and
 * again under one id, whose meta says when.
 *
 * options  id, queue, start_us and repeat; every_us in whole seconds, or cron
 *          by crontab's rules in the machine's zone. The rest must not be set.
 * call     without job_id, meta, unique and what it depends on.
 *
 * CRQ_EINVAL: what is wrong, or has no form there; and the errors of
 * crq_queue_enqueue_at().
 */
int crq_entry_put(crq_conn *conn, const crq_schedule_options *options,
        const crq_call *call, int64_t *out_next_us,
        crq_error *err) CRQ_MUST_CHECK;

/** It runs no more; its job stays, as in rq-scheduler. CRQ_ENOTFOUND. */
int crq_entry_cancel(crq_conn *conn, const char *id,
        crq_error *err) CRQ_MUST_CHECK;

/** What one entry is; texts are borrowed for the call. */
struct crq_entry {
    const char *id, *queue, *func, *description; /* NULL: can't be read */
    int64_t next_us, every_us, left;             /* 0, CRQ_UNSET: none */
    const char *cron;                            /* NULL: none */
    const char *problem;                         /* NULL: none */
};

/** Tell of all entries, the next one due first. What `each` returns below 0
 *  stops, and is returned. It must not use the connection. */
int crq_entry_each(crq_conn *conn,
        int (*each)(void *arg, const struct crq_entry *entry), void *arg,
        crq_error *err) CRQ_MUST_CHECK;

#endif
