/* steps_impl.h - words that several files of steps put. */
#ifndef CRQ_SCHED_STEPS_IMPL_H
#define CRQ_SCHED_STEPS_IMPL_H

#include "sched/steps.h"

void crq_steps_put_key(struct crq_args *out, enum crq_key key,
        const char *part);
void crq_steps_put_pattern(struct crq_args *out, enum crq_key key);
/** An instant as unix seconds with six digits of fraction. */
void crq_steps_put_unix(struct crq_args *out, int64_t us);
/** The same; nothing when it is CRQ_UNSET. */
void crq_steps_put_unix_or_empty(struct crq_args *out, int64_t us);
/** What the locks of this scheduler hold. */
void crq_steps_put_value(struct crq_args *out,
        const struct crq_scheduler_id *who);
/** Empty `out`, and put what scripts with run.lua and sched_leads.lua begin
 *  with; the number of keys. */
size_t crq_steps_start(const struct crq_scheduler_id *who, enum crq_key third,
        struct crq_args *out);
/** The same with any key. */
size_t crq_steps_start_at(const struct crq_scheduler_id *who, const char *third,
        struct crq_args *out);

/** CRQ_EREDIS when the answer about one of several says that its step broke
 *  off in it, with the reason that is item `reason`. */
int crq_steps_broke_off(const crq_reply *answer, size_t reason,
        crq_error *err) CRQ_MUST_CHECK;

#endif
