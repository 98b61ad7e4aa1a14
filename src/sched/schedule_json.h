/* schedule_json.h - a schedule as a JSON object, for programs. */
#ifndef CRQ_SCHED_SCHEDULE_JSON_H
#define CRQ_SCHED_SCHEDULE_JSON_H

#include <crq.h>

/** {id, queue, func, every, cron, next, ...}: a new dict. CRQ_ENOMEM. */
int crq_schedule_to_value(const crq_schedule *schedule, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
