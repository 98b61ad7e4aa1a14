/*
 * steps.h - the words and replies of a scheduler's steps in Redis.
 *
 * Each step is a script, src/redis/lua/sched_NAME.lua, where it is said what it
 * does. Those that write check that the caller still leads: a scheduler that
 * was stopped for a while does no harm when it goes on. Every ..._words()
 * empties `out`, fills it and returns the number of keys.
 */
#ifndef CRQ_SCHED_STEPS_H
#define CRQ_SCHED_STEPS_H

#include <crq.h>

#include "model/keys.h"
#include "redis/args.h"
#include "redis/reply.h"
#include "sched/plan.h"

#define CRQ_LEADER_MS         5000 /* how long a silent leader is believed */
#define CRQ_RQ_LOCK_S         61   /* RQ's: its interval + 60 */
#define CRQ_PERIODIC_LOCK_S   70   /* rq-scheduler's: its interval + 10 */
#define CRQ_SCHEDULED_AT_ONCE 500  /* jobs of RQ's in one step */

/** Who schedules. The token is its name: no two processes have the same. */
struct crq_scheduler_id {
    char name[CRQ_NAME_MAX + 1];
    const char *hostname;
    int64_t pid, birth_us;
    const char *const *queues; /* none: all that there are */
    size_t queue_count;
};

/* ------------------------------------------- leading: crq_script_sched_beat */

struct crq_beat {
    bool leads;
    /* When the first is due; CRQ_UNSET: nothing is. */
    int64_t schedules_us, rq_us, periodic_us;
    bool periodic; /* rq-scheduler's lock is held */
    const crq_reply *queues;
    size_t queue_count;   /* whose lock is held */
    const char *triggers; /* their version, "": there never were any */
};

size_t crq_beat_words(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out);
int crq_beat_read(const crq_reply *reply, struct crq_beat *out,
        crq_error *err) CRQ_MUST_CHECK;
/** Queue i < beat->queue_count, or NULL when it has no usable name. */
const char *crq_beat_queue(const struct crq_beat *beat, size_t i);

/** Give back what is held: crq_script_sched_release. */
size_t crq_release_words(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out);

/* --------------------------------------- RQ's jobs: crq_script_sched_rq */

struct crq_rq_due {
    bool leads;
    int64_t moved, dropped, aside;
    bool more;
    const char *reason; /* why the last was set aside, or a queue left; "" */
};

size_t crq_rq_due_start(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out);
void crq_rq_due_add(struct crq_args *out, const char *queue);
int crq_rq_due_read(const crq_reply *reply, struct crq_rq_due *out,
        crq_error *err) CRQ_MUST_CHECK;

/* ------------------------------- schedules: crq_script_sched_due, ..._tick */

/* Jobs, and schedules, in one step: Redis does nothing else meanwhile. */
#define CRQ_TICK_AT_ONCE 50

/** Those that are due but the first `offset`, up to `limit`. */
size_t crq_due_words(int64_t now_us, int64_t offset, int64_t limit,
        struct crq_args *out);
/** Schedule i of the reply: its id, and its rule. CRQ_ECODEC, with *out_id set
 *  (NULL: it is no text): it can't be read. The rule borrows from the reply. */
int crq_due_schedule(const crq_reply *reply, size_t i, const char **out_id,
        struct crq_plan_rule *out, int64_t *out_next_us,
        crq_error *err) CRQ_MUST_CHECK;

/** A step of several schedules: start, then add each. */
size_t crq_tick_start(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out);
void crq_tick_add(struct crq_args *out, const char *id, int64_t next_us,
        const struct crq_plan *plan);

enum crq_ticked {
    CRQ_TICK_DONE,
    CRQ_TICK_CHANGED, /* it is not as it was: somebody else did it */
    CRQ_TICK_FOLLOWS, /* the caller leads no more */
    CRQ_TICK_REFUSED  /* it can't be done: `reason` */
};
/** What the first item of an answer says. */
int crq_ticked_read(const crq_reply *reply, const char *script,
        enum crq_ticked *out, crq_error *err) CRQ_MUST_CHECK;

struct crq_tick {
    enum crq_ticked became;
    int64_t made, there, busy;
    const char *reason;
};
/** The answer about the schedule that was added as the i-th. CRQ_EREDIS: the
 *  step broke off in it, and went on with the next. */
int crq_tick_read(const crq_reply *reply, size_t i, struct crq_tick *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Set an entry of a zset aside: crq_script_sched_aside. */
size_t crq_aside_words(const struct crq_scheduler_id *who, enum crq_key zset,
        const char *member, size_t len, const char *why, struct crq_args *out);

#endif
