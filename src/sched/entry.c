/* entry.c - see entry.h. */
#include "sched/entry.h"

#include <string.h>

#include "base/error.h"
#include "codec/timetext.h"
#include "model/call.h"
#include "model/fields.h"
#include "model/keys.h"
#include "model/queue.h"
#include "model/status.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"
#include "sched/cron.h"
#include "sched/plan.h"
#include "sched/schedule.h"
#include "sched/steps_impl.h"

#define SECOND_US INT64_C(1000000)

/* ---- making ---- */

static int check(const crq_schedule_options *o, const crq_call *call,
        crq_error *err)
{
    int rc = crq_call_check(call, err);

    if (rc < 0)
        return rc;
    if (o->id == NULL || !crq_job_id_valid(o->id))
        return crq_fail(err, CRQ_EINVAL, "'%.80s' is not an id of a job",
                o->id != NULL ? o->id : "");
    if ((o->every_us != 0) == (o->cron != NULL))
        return crq_fail(err, CRQ_EINVAL, "either an interval or cron");
    if (o->cron == NULL && (o->every_us < SECOND_US || o->every_us % SECOND_US))
        return crq_fail(err, CRQ_EINVAL,
                "rq-scheduler's intervals are whole seconds, from 1 on");
    if (o->tz != NULL)
        return crq_fail(err, CRQ_EINVAL,
                "rq-scheduler goes by the machine's time zone: no tz");
    if (o->catchup != CRQ_CATCHUP_SKIP || o->allow_overlap || o->source != NULL)
        return crq_fail(err, CRQ_EINVAL,
                "rq-scheduler knows no catchup, overlap or source");
    if (o->repeat != CRQ_UNSET && (o->repeat < 1 || o->repeat > INT32_MAX))
        return crq_fail(err, CRQ_EINVAL, "repeat is %lld; it must be 1 to %d",
                (long long)o->repeat, INT32_MAX);
    if (o->start_us != CRQ_UNSET &&
            (o->start_us < 0 || o->start_us > CRQ_FUTURE_US))
        return crq_fail(err, CRQ_EINVAL,
                "the start is not in the years 1970 to 9999");
    return o->queue != NULL ? crq_queue_name_check(o->queue, err) : 0;
}

static int first_time(const crq_schedule_options *o, int64_t now_us,
        int64_t *out_us, crq_error *err)
{
    struct crq_plan_rule rule = {
        .every_us = o->every_us, .start_us = o->start_us, .left = CRQ_UNSET
    };
    int rc = 0;

    if (o->cron != NULL)
        rc = crq_cron_parse(o->cron, CRQ_CRON_CRONTAB, &rule.cron, err);
    if (rc == 0)
        rc = crq_plan_first(&rule, now_us, out_us, err);
    if (rc == CRQ_ENOTFOUND)
        rc = crq_fail(err, CRQ_EINVAL, "cron '%.80s' names no time to come",
                o->cron);
    return rc;
}

/* Python's dict, in the order that Python has it. */
static int make_meta(const crq_schedule_options *o, crq_value **out,
        crq_error *err)
{
    crq_value *meta = crq_value_new_dict();
    int rc = meta != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0 && o->cron != NULL) {
        rc = crq_value_set(meta, "cron_string", crq_value_new_text(o->cron));
        if (rc == 0)
            rc = crq_value_set(meta, "use_local_timezone",
                    crq_value_new_bool(false));
    } else if (rc == 0)
        rc = crq_value_set(meta, "interval",
                crq_value_new_int(o->every_us / SECOND_US));
    if (rc == 0 && o->repeat != CRQ_UNSET)
        rc = crq_value_set(meta, "repeat", crq_value_new_int(o->repeat));
    if (rc < 0) {
        crq_value_free(meta);
        return crq_fail_nomem(err);
    }
    *out = meta;
    return 0;
}

/* The words of schedule.lua, with the place where rq-scheduler keeps its
 * entries instead of the queue's. */
static int put_words(const crq_schedule_options *o, const crq_call *call,
        const char *queue, int64_t now_us, int64_t next_us,
        struct crq_args *args, crq_error *err)
{
    bool expires = call->ttl_s != CRQ_UNSET;
    struct crq_fields fields;
    int rc;

    crq_steps_put_pattern(args, CRQ_KEY_QUEUES);
    crq_steps_put_key(args, CRQ_KEY_QUEUE, queue);
    crq_steps_put_key(args, CRQ_KEY_JOB, o->id);
    crq_steps_put_pattern(args, CRQ_KEY_PERIODIC);
    crq_args_puts(args, o->id);
    crq_steps_put_unix(args, next_us);
    if (expires)
        crq_args_puti(args, call->ttl_s);
    else
        crq_args_puts(args, "");
    crq_args_puts(args, "0");
    crq_fields_init(&fields);
    rc = crq_call_to_fields(call, queue, now_us, &fields, err);
    if (rc == 0)
        rc = crq_fields_set_text(&fields, CRQ_FIELD_STATUS,
                crq_status_name(CRQ_STATUS_SCHEDULED), err);
    if (rc == 0 && call->at_front)
        rc = crq_fields_set_number(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT, 1, err);
    if (rc == 0)
        crq_fields_encode(&fields, args);
    if (expires) {
        crq_steps_put_key(args, CRQ_KEY_JOB_DEPENDENTS, o->id);
        crq_steps_put_key(args, CRQ_KEY_JOB_DEPENDENCIES, o->id);
    }
    crq_fields_fini(&fields);
    return rc;
}

int crq_entry_put(crq_conn *conn, const crq_schedule_options *o,
        const crq_call *call, int64_t *out_next_us, crq_error *err)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(conn)), next_us;
    crq_value *meta = NULL;
    crq_reply *reply = NULL;
    crq_call with = *call;
    struct crq_args args;
    int rc = check(o, call, err);

    crq_args_init(&args);
    if (rc == 0)
        rc = first_time(o, now_us, &next_us, err);
    if (rc == 0)
        rc = make_meta(o, &meta, err);
    with.meta = meta;
    if (with.result_ttl_s == CRQ_UNSET)
        with.result_ttl_s = -1; /* or its job would be gone for the next run */
    if (rc == 0)
        rc = put_words(o, &with, o->queue != NULL ? o->queue : "default",
                now_us, next_us, &args, err);
    if (rc == 0)
        rc = crq_script_call(conn, &crq_script_schedule, 4, &args, &reply, err);
    if (rc == 0)
        *out_next_us = next_us;
    crq_reply_free(reply);
    crq_args_fini(&args);
    crq_value_free(meta);
    return rc;
}

/* ---- cancelling ---- */

int crq_entry_cancel(crq_conn *conn, const char *id, crq_error *err)
{
    crq_reply *reply = NULL;
    int rc = crq_conn_run(conn, &reply, err, "ZREM",
            crq_key_pattern(CRQ_KEY_PERIODIC), id, NULL);

    if (rc == 0 && crq_reply_int(reply, 0) == 0)
        rc = crq_fail(err, CRQ_ENOTFOUND, "there is no schedule '%.80s'", id);
    crq_reply_free(reply);
    return rc;
}

/* ---- listing ---- */

static int64_t number_in(const crq_value *meta, const char *name)
{
    const crq_value *v = meta != NULL ? crq_value_get(meta, name) : NULL;

    return v != NULL && crq_value_type(v) == CRQ_INT && crq_value_int_fits(v)
            ? crq_value_int(v)
            : CRQ_UNSET;
}

static void describe(crq_job *job, struct crq_entry *entry)
{
    const crq_value *meta = crq_job_meta(job);
    const crq_value *cron;
    int64_t every_s;

    if (meta != NULL && crq_value_type(meta) != CRQ_DICT)
        meta = NULL;
    cron = meta != NULL ? crq_value_get(meta, "cron_string") : NULL;
    every_s = number_in(meta, "interval");
    entry->queue = crq_job_origin(job);
    entry->func = crq_job_func(job);
    entry->description = crq_job_description(job);
    entry->left = number_in(meta, "repeat");
    if (every_s > 0 && every_s < INT64_C(1000000000000))
        entry->every_us = every_s * SECOND_US;
    else if (cron != NULL && crq_value_type(cron) == CRQ_STR)
        entry->cron = crq_value_text(cron);
    entry->problem = crq_job_problem(job);
}

static int tell(crq_conn *conn, const char *id, const char *score,
        int (*each)(void *arg, const struct crq_entry *entry), void *arg,
        crq_error *err)
{
    struct crq_entry entry = { .id = id, .left = CRQ_UNSET };
    crq_job *job = NULL;
    crq_error why;
    int rc = crq_job_fetch(conn, id, &job, &why);

    if (score == NULL || crq_timetext_duration(score, &entry.next_us, NULL) < 0)
        entry.next_us = CRQ_UNSET;
    if (rc == 0)
        describe(job, &entry);
    else if (rc == CRQ_ENOTFOUND || rc == CRQ_ECODEC || rc == CRQ_EREDIS)
        entry.problem = why.text;
    else
        return crq_fail(err, rc, "%s", why.text);
    rc = each(arg, &entry);
    crq_job_free(job);
    return rc < 0 ? crq_fail(err, rc, "%s", crq_error_summary(rc)) : 0;
}

int crq_entry_each(crq_conn *conn,
        int (*each)(void *arg, const struct crq_entry *entry), void *arg,
        crq_error *err)
{
    crq_reply *flat = NULL;
    int rc = crq_conn_run(conn, &flat, err, "ZRANGE",
            crq_key_pattern(CRQ_KEY_PERIODIC), "0", "-1", "WITHSCORES", NULL);

    for (size_t i = 0; rc == 0 && i + 1 < crq_reply_count(flat); i += 2) {
        const char *id = crq_text_of(crq_reply_item(flat, i));

        if (id != NULL && strlen(id) <= CRQ_NAME_MAX)
            rc = tell(conn, id,
                    crq_reply_text(crq_reply_item(flat, i + 1), NULL), each,
                    arg, err);
    }
    crq_reply_free(flat);
    return rc;
}
