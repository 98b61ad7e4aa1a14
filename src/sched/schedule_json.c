/* schedule_json.c - see schedule_json.h. */
#include "sched/schedule_json.h"

#include "base/error.h"
#include "model/job_json.h"

int crq_schedule_to_value(const crq_schedule *s, crq_value **out,
        crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    int64_t every_us = crq_schedule_every_us(s);
    int64_t late_us = crq_schedule_lateness_us(s);
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "id", crq_schedule_id(s), &rc);
    crq_dict_put_text(v, "queue", crq_schedule_queue(s), &rc);
    crq_dict_put_text(v, "func", crq_schedule_func(s), &rc);
    crq_dict_put_text(v, "description", crq_schedule_description(s), &rc);
    crq_dict_put(v, "every",
            every_us == CRQ_UNSET ? crq_value_new_none()
                                  : crq_value_new_float((double)every_us / 1e6),
            &rc);
    crq_dict_put_text(v, "cron", crq_schedule_cron(s), &rc);
    crq_dict_put_text(v, "tz", crq_schedule_tz(s), &rc);
    crq_dict_put_time(v, "next", crq_schedule_next_us(s), &rc);
    crq_dict_put_time(v, "last", crq_schedule_last_us(s), &rc);
    crq_dict_put_text(v, "last_job", crq_schedule_last_job(s), &rc);
    crq_dict_put(v, "lateness",
            late_us == CRQ_UNSET ? crq_value_new_none()
                                 : crq_value_new_float((double)late_us / 1e6),
            &rc);
    crq_dict_put_number(v, "left", crq_schedule_left(s), &rc);
    crq_dict_put_text(v, "source", crq_schedule_source(s), &rc);
    crq_dict_put_text(v, "problem", crq_schedule_problem(s), &rc);
    if (rc < 0) {
        crq_value_free(v);
        return crq_fail_nomem(err);
    }
    *out = v;
    return 0;
}
