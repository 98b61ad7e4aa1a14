/*
 * janitor.h - maintenance: what workers that died and time that passed leave
 * in Redis. Every 600 s a worker does it for each of its queues, under RQ's
 * own lock, so that RQ's workers and crq's don't do it at once.
 *
 * Functions ..._words() and ..._read() work as those of run.h. In the order
 * of RQ: the lock, crq_clean for a queue, crq_clean_workers, crq_stray of
 * lease.h, the lock given back; then crq_clean_group for every group.
 * crq_janitor_run() does all of that at once.
 */
#ifndef CRQ_MODEL_JANITOR_H
#define CRQ_MODEL_JANITOR_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"

#define CRQ_CLEANING_LOCK_S 899 /* rq/queue.py, acquire_maintenance_lock() */

/** The lock of a queue's maintenance: crq_script_lock, crq_script_unlock. The
 *  reply is 1, or 0: another's. `owner`: a text that no other process says. */
size_t crq_cleaning_lock_words(const char *queue, const char *owner,
        struct crq_args *out);
size_t crq_cleaning_unlock_words(const char *queue, const char *owner,
        struct crq_args *out);

/**
 * Clean a queue's registries: crq_script_clean. Finished and failed jobs whose
 * time has passed leave their registries. A run that nobody has renewed until
 * its deadline is abandoned: its job is retried, or fails. Runs in a crq
 * worker's list are left to crq_take_over_words(), unless that worker lives and
 * knows nothing of them any more. At most `limit` entries of
 * each registry, fewer than 5000.
 *
 * stem  who asks, and calls the callbacks of what it adopts, as in struct
 *       crq_take_over; NULL: nobody, and all is settled at once.
 */
int crq_clean_words(const char *queue, const char *stem, int64_t limit,
        int64_t now_us, struct crq_args *out, size_t *out_nkeys,
        crq_error *err) CRQ_MUST_CHECK;

struct crq_cleaned {
    int64_t expired; /* entries of finished and failed jobs */
    int64_t failed;  /* abandoned, for good */
    int64_t retried; /* abandoned, with retries left */
    int64_t removed; /* entries whose job is gone, or runs no more */
    int64_t left;    /* runs that another one is responsible for */
    bool more;       /* the limit was reached */
    size_t adopted;  /* runs of the asking stem now: crq_adopted_run() */
    int64_t back;    /* abandoned, and put back to the front */
};
int crq_clean_read(const crq_reply *reply, struct crq_cleaned *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Take workers without a record out of rq:workers and rq:workers:<queue>:
 *  crq_script_clean_workers. cursor: "0" at the beginning. */
size_t crq_clean_workers_words(const char *queue, const char *cursor,
        struct crq_args *out);
/** Worker i of its reply that is RQ before 2.0, which takes "<id>:<execution>"
 *  for a job; false: there are no more. Both borrowed. */
bool crq_clean_old_worker(const crq_reply *reply, size_t i,
        const char **out_name, const char **out_version);
/** Which of `count` queues have half-taken jobs, or workers that
 *  crq_clean_workers_words() has to do with: crq_script_glance. Its reply is 1
 *  or 0 for each. */
size_t crq_glance_words(const char *const *queues, size_t count,
        struct crq_args *out);
int crq_glance_read(const crq_reply *reply, size_t count, bool *out_needed,
        crq_error *err) CRQ_MUST_CHECK;
/** Take ids without a job out of a group: crq_script_clean_group. */
size_t crq_clean_group_words(const char *group, const char *cursor,
        struct crq_args *out);
/** The replies of both. out_cursor: borrowed, "0" at the end. */
int crq_clean_scan_read(const crq_reply *reply, const char **out_cursor,
        int64_t *out_removed, crq_error *err) CRQ_MUST_CHECK;

/** What crq_janitor_run() found and did, of all queues together. */
struct crq_swept {
    int64_t queues, locked; /* locked: others are at it, so left alone */
    struct crq_cleaned cleaned;
    struct crq_taken {
        int64_t stems, back, failed, retried, left;
    } taken; /* runs of dead crq workers */
    int64_t strays_back, strays_removed, strays_left; /* :intermediate */
    int64_t workers;                                  /* without a record */
    int64_t group_ids;
};

/** All of maintenance, for all queues. Blocks as long as it takes. */
int crq_janitor_run(crq_conn *conn, struct crq_swept *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
