/*
 * plan.h - what a schedule has due, and when it is due again: decisions only.
 *
 * A slot is an instant at which a schedule wants a run: next, next + every ...
 * or what a cron expression names. Slots do not move when a run is late, so a
 * schedule never drifts. A slot is missed when it is more than CRQ_PLAN_GRACE_S
 * old, or when another one has come behind it; what becomes of missed slots is
 * the schedule's choice (crq.h, catchup).
 */
#ifndef CRQ_SCHED_PLAN_H
#define CRQ_SCHED_PLAN_H

#include <crq.h>

#include "sched/cron.h"
#include "sched/zone.h"

/* How late the newest slot may be and is still run without any catching up:
 * longer than a change of leaders or a restart takes. */
#define CRQ_PLAN_GRACE_S 60
/* The most slots that are made up for. */
#define CRQ_PLAN_MAX 100

struct crq_plan_rule {
    int64_t every_us;     /* 0: by `cron` */
    struct crq_cron cron; /* parsed */
    const char *zone;     /* of `cron`; NULL: the machine's */
    int64_t start_us;     /* no slot before it; CRQ_UNSET: none given */
    crq_catchup catchup;
    int64_t catchup_max; /* of CRQ_CATCHUP_ALL: 1..CRQ_PLAN_MAX */
    int64_t left;        /* runs left; CRQ_UNSET: no limit */
};

struct crq_plan {
    int64_t slots_us[CRQ_PLAN_MAX]; /* to be run, the oldest first */
    size_t count;
    bool missed;     /* slots were passed over */
    int64_t next_us; /* CRQ_UNSET: there is none any more */
};

/**
 * The first slot of a schedule that is registered now: its start, or when that
 * is over the first one in phase with it; without a start an interval from
 * now on, or the next time of the expression.
 * CRQ_ENOTFOUND: there is none. CRQ_EINVAL: the zone. CRQ_ENOMEM.
 */
int crq_plan_first(const struct crq_plan_rule *rule, int64_t now_us,
        int64_t *out_us, crq_error *err) CRQ_MUST_CHECK;

/**
 * What to do now with a schedule whose next slot is `next_us`. Its cost does
 * not depend on how long nobody has looked. `stay` is for many in a row; NULL:
 * the zone is left again.
 * CRQ_EINVAL: the zone. CRQ_ENOMEM.
 */
int crq_plan_due(const struct crq_plan_rule *rule, int64_t next_us,
        int64_t now_us, struct crq_zone_stay *stay, struct crq_plan *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
