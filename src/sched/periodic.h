/*
 * periodic.h - entries of rq-scheduler, by its rules.
 *
 * Source: rq-scheduler 0.14, rq_scheduler/scheduler.py. An entry is a job and
 * a place in a zset; what it repeats stands in the job's meta: `interval`
 * (seconds) or `cron_string`, and `repeat`, the runs left. Of meta only
 * `repeat` is changed, by reading and writing all of it.
 *
 * One thing is done otherwise: an interval counts from the slot and not from
 * when it was run, so it does not drift; missed slots are passed over by both.
 */
#ifndef CRQ_SCHED_PERIODIC_H
#define CRQ_SCHED_PERIODIC_H

#include <crq.h>

#include "base/buf.h"
#include "sched/steps.h"

/** What is to be done with an entry that is due. */
struct crq_periodic_plan {
    int64_t next_us;     /* CRQ_UNSET: this was the last time */
    struct crq_buf meta; /* the new one; empty: it stays */
};

/**
 * Decide, from the job's meta (len 0: none). The zone is the machine's.
 * out->meta is initialized in every case, and freed by the caller.
 * CRQ_ECODEC, CRQ_EUNSUPPORTED: it can't be read, or written again; CRQ_ENOMEM.
 */
int crq_periodic_decide(const void *meta, size_t len, int64_t due_us,
        int64_t now_us, struct crq_periodic_plan *out,
        crq_error *err) CRQ_MUST_CHECK;

/* crq_script_sched_periodic_due; entry i of its reply. */
struct crq_periodic_entry {
    const char *id, *score, *meta; /* borrowed from the reply */
    size_t id_len, meta_len;
    int64_t due_us;
};
size_t crq_periodic_due_words(int64_t now_us, int64_t offset, int64_t limit,
        struct crq_args *out);
/** CRQ_ECODEC: that is no entry. */
int crq_periodic_entry(const crq_reply *reply, size_t i,
        struct crq_periodic_entry *out, crq_error *err) CRQ_MUST_CHECK;

/* crq_script_sched_periodic: enqueue them, and move them on. Start, then add
 * each, up to so many and so many bytes: Redis does nothing else meanwhile. */
#define CRQ_PERIODIC_AT_ONCE 50
#define CRQ_PERIODIC_BYTES   (256 * 1024)
size_t crq_periodic_start(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out);
void crq_periodic_add(struct crq_args *out,
        const struct crq_periodic_entry *entry,
        const struct crq_periodic_plan *plan);

enum crq_periodic_became {
    CRQ_PERIODIC_ENQUEUED,
    CRQ_PERIODIC_DEFERRED,
    CRQ_PERIODIC_DROPPED, /* there is no job */
    CRQ_PERIODIC_CHANGED, /* it is not as it was */
    CRQ_PERIODIC_FOLLOWS, /* the caller leads no more, or lost the lock */
    CRQ_PERIODIC_REFUSED  /* the reason is in *out_why */
};
/** The answer about the entry that was added as the i-th. CRQ_EREDIS: the step
 *  broke off in it, and went on with the next. */
int crq_periodic_read(const crq_reply *reply, size_t i,
        enum crq_periodic_became *out, const char **out_why,
        crq_error *err) CRQ_MUST_CHECK;

/* crq_script_sched_report: why it is passed over. The reply is 1 for news. */
size_t crq_periodic_report_words(const struct crq_scheduler_id *who,
        const struct crq_periodic_entry *entry, const char *why,
        struct crq_args *out);

#endif
