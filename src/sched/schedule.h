/*
 * schedule.h - the inside of a schedule: its hash in Redis and what it means.
 * The functions are public: crq.h.
 *
 * crq:schedule:<id> holds `queue`, `every` (seconds) or `cron` and `tz`,
 * `start`, `catchup` ("skip", "once", "all:5"), `overlap` ("skip", "allow"),
 * `repeat`, `source`, `func`, `at_front`, `created_at`; then what changes:
 * `next`, `last` (slots), `last_job`, `lateness`, `left`; and under "job." the
 * fields that each job gets. Instants are unix seconds with six digits behind
 * the point: what scripts compare, they compare as text.
 */
#ifndef CRQ_SCHED_SCHEDULE_H
#define CRQ_SCHED_SCHEDULE_H

#include <crq.h>

#include "model/fields.h"
#include "redis/args.h"
#include "redis/reply.h"
#include "sched/plan.h"

#define CRQ_SCHEDULE_ID_MAX 360 /* "-<milliseconds>" makes it a job's id */
#define CRQ_UNIX_LEN        32

/* The shortest interval: ids of jobs have milliseconds. */
#define CRQ_SCHEDULE_LEAST_US INT64_C(1000)
#define CRQ_FUTURE_US         (INT64_C(253402300800) * 1000000 - 1) /* 9999 */

/** Seconds with six digits of fraction, for instants and durations. */
void crq_unix_text(char out[CRQ_UNIX_LEN], int64_t us);

/**
 * The words of crq_script_sched_put, which registers a schedule: what
 * crq_schedule_put() sends. The number of keys, or its errors about options
 * and call.
 */
int crq_schedule_words(const crq_schedule_options *options,
        const crq_call *call, int64_t now_us, struct crq_args *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Put names and values of a job's fields, but created_at; each name behind
 *  `prefix`. */
void crq_schedule_put_fields(struct crq_args *out, const char *prefix,
        const struct crq_fields *fields);

/** The fields that a rule is made of, in the order of crq_rule_decode(). */
enum crq_rule_field {
    CRQ_RULE_EVERY,
    CRQ_RULE_CRON,
    CRQ_RULE_TZ,
    CRQ_RULE_START,
    CRQ_RULE_CATCHUP,
    CRQ_RULE_LEFT,
    CRQ_RULE_NEXT,
    CRQ_RULE_FIELDS
};
extern const char *const crq_rule_names[CRQ_RULE_FIELDS];

/**
 * A rule from the values of those fields, NULL for those that are not there.
 * The zone is borrowed from them, and not looked up. CRQ_ECODEC says what is
 * wrong.
 */
int crq_rule_decode(const char *const values[CRQ_RULE_FIELDS],
        struct crq_plan_rule *out, int64_t *out_next_us,
        crq_error *err) CRQ_MUST_CHECK;

#endif
