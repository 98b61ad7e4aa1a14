/*
 * lease.h - which crq workers live, and what becomes of dead ones' runs.
 *
 * A worker that holds runs lists them in crq:runs:<stem> and stands in
 * crq:alive with Redis's time + 6 s, renewed every 2 s. The claim enters both,
 * the end of the last run removes both, so an idle worker is in neither.
 *
 * A stem here is one process, not only its name: say "<name>.<birth>" or add
 * something random. A worker started again under the name of a dead one would
 * else keep alive, with its own signs of life, runs that nobody runs.
 *
 * Functions work as those of run.h.
 */
#ifndef CRQ_MODEL_LEASE_H
#define CRQ_MODEL_LEASE_H

#include <crq.h>

#include "base/buf.h"
#include "model/run.h"
#include "redis/args.h"
#include "redis/reply.h"
#include "redis/script.h"

#define CRQ_ALIVE_S       6 /* how long one sign of life counts */
#define CRQ_ALIVE_EVERY_S 2
/* Dead stems in one reply, the longest dead first. */
#define CRQ_ALIVE_TELLS 64
#define CRQ_STRAY_S     60 /* RQ's patience with :intermediate */

/**
 * Renew the stem's sign of life when it has runs, and tell of stems that are
 * dead (never the own one): crq_script_alive. Every CRQ_ALIVE_EVERY_S while it
 * has runs; else when the next one may be dead.
 */
size_t crq_alive_words(const char *stem, struct crq_args *out);
/** How many runs the stem has, and the dead stems: crq_alive_dead(). */
int crq_alive_read(const crq_reply *reply, int64_t *out_runs, size_t *out_dead,
        crq_error *err) CRQ_MUST_CHECK;
const char *crq_alive_dead(const crq_reply *reply, size_t i);
/** When the next of the others may be dead, unless it gives a sign of life;
 *  -1: there are none now, so that none is before CRQ_ALIVE_S have passed. */
int64_t crq_alive_next_ms(const crq_reply *reply);

/**
 * Take over the runs of a dead stem: crq_script_take_over.
 *
 * Runs that had not begun, and resumable ones, go back to the front of their
 * queues in the order they were claimed. Others wait for their deadline in
 * rq:wip; then they are retried, or failed with a text that says whose worker
 * died; meanwhile the stem counts as alive again for CRQ_ALIVE_S at a time, so
 * that nobody looks at it all the time. Nothing happens when the stem is alive
 * (again). Two workers may do this at once. At most `limit` runs per call.
 */
struct crq_take_over {
    const char *dead; /* stem */
    /* Who asks, and calls the callbacks of what it adopts; NULL: nobody, and
     * all is settled at once. */
    const char *stem;
    int64_t limit;
    int64_t now_us;
};
int crq_take_over_words(const struct crq_take_over *what, struct crq_args *out,
        size_t *out_nkeys, crq_error *err) CRQ_MUST_CHECK;

struct crq_taken_over {
    bool alive;      /* nothing was done */
    int64_t back;    /* put back to the front */
    int64_t failed;  /* abandoned, for good */
    int64_t retried; /* abandoned, with retries left */
    int64_t gone;    /* ended by others meanwhile: forgotten */
    int64_t left;    /* begun, their deadline has not passed */
    size_t adopted;  /* runs of the asking stem now: their jobs want on_failure
                      * called; then CRQ_ENDING_ABANDONED is their end */
};
int crq_take_over_read(const crq_reply *reply, struct crq_taken_over *out,
        crq_error *err) CRQ_MUST_CHECK;
/** Adopted run i of this reply, or of crq_clean's; borrowed. CRQ_ECODEC. */
int crq_adopted_run(const crq_reply *reply, size_t i, struct crq_runref *out,
        crq_error *err) CRQ_MUST_CHECK;

/** The error text of an abandoned run; `dead`: NULL when it is not known. */
int crq_abandoned_text(const char *dead, int64_t now_us, struct crq_buf *out);

/**
 * Put back what a dead Python worker left in rq:queue:<q>:intermediate:
 * crq_script_stray. An id that isn't in rq:wip is remembered at first sight
 * in RQ's own first_seen key, and goes to the front of its queue when it is
 * still there after_s later. One without a hash, or canceled, is removed.
 */
size_t crq_stray_words(const char *queue, int64_t after_s, int64_t limit,
        int64_t now_us, struct crq_args *out);
/** out_left: ids that are still waited for. CRQ_ECODEC. */
int crq_stray_read(const crq_reply *reply, int64_t *out_back,
        int64_t *out_removed, int64_t *out_left, crq_error *err) CRQ_MUST_CHECK;

#endif
