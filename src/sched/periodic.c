/* periodic.c - see periodic.h. */
#include "sched/periodic.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "codec/timetext.h"
#include "model/run_impl.h"
#include "model/serializer.h"
#include "sched/plan.h"
#include "sched/steps_impl.h"

/* ---- deciding ---- */

/* What Python's int() makes of a number in meta; None and nothing are unset. */
static int read_number(const crq_value *meta, const char *name, int64_t *out,
        crq_error *err)
{
    const crq_value *v = crq_value_get(meta, name);

    *out = CRQ_UNSET;
    if (crq_value_type(v) == CRQ_NONE)
        return 0;
    if (crq_value_type(v) == CRQ_BOOL)
        *out = crq_value_bool(v);
    else if (crq_value_type(v) == CRQ_INT && crq_value_int_fits(v))
        *out = crq_value_int(v);
    else if (crq_value_type(v) == CRQ_FLOAT && fabs(crq_value_float(v)) < 1e12)
        *out = (int64_t)crq_value_float(v);
    if (*out == CRQ_UNSET || *out > INT64_C(1000000000000))
        return crq_fail(err, CRQ_ECODEC, "meta['%s'] is no number", name);
    return 0;
}

static int read_rule(const crq_value *meta, struct crq_plan_rule *rule,
        crq_error *err)
{
    const crq_value *cron = crq_value_get(meta, "cron_string");
    int64_t interval_s;
    int rc = read_number(meta, "interval", &interval_s, err);

    *rule = (struct crq_plan_rule){
        .start_us = CRQ_UNSET, .catchup = CRQ_CATCHUP_ONCE, .left = CRQ_UNSET
    };
    if (rc < 0)
        return rc;
    if (interval_s != CRQ_UNSET && interval_s != 0) {
        rule->every_us = interval_s * 1000000;
        if (interval_s < 0)
            return crq_fail(err, CRQ_ECODEC, "meta['interval'] is below 0");
        return 1;
    }
    if (crq_value_type(cron) == CRQ_NONE)
        return 0;
    if (crq_value_type(cron) != CRQ_STR)
        return crq_fail(err, CRQ_ECODEC, "meta['cron_string'] is no str");
    if (crq_value_text(cron)[0] == '\0')
        return 0;
    rc = crq_cron_parse(crq_value_text(cron), CRQ_CRON_CRONTAB, &rule->cron,
            err);
    return rc < 0 ? rc : 1;
}

/* Count a run; *ends: it was the last. */
static int count_run(crq_value *meta, crq_serializer serializer, bool *ends,
        struct crq_buf *out, crq_error *err)
{
    int64_t left;
    int rc = read_number(meta, "repeat", &left, err);

    *ends = left == 0 || left == 1;
    if (rc < 0 || left == CRQ_UNSET || left == 0)
        return rc;
    if (crq_value_set(meta, "repeat", crq_value_new_int(left - 1)) < 0)
        return crq_fail_nomem(err);
    return crq_serialize(serializer, meta, out, err);
}

int crq_periodic_decide(const void *bytes, size_t len, int64_t due_us,
        int64_t now_us, struct crq_periodic_plan *out, crq_error *err)
{
    crq_serializer serializer = CRQ_PICKLE;
    struct crq_plan_rule rule;
    struct crq_plan plan;
    crq_value *meta = NULL;
    bool ends;
    int rc, periodic = 0;

    out->next_us = CRQ_UNSET;
    crq_buf_init(&out->meta, CRQ_BUF_MAX);
    if (len == 0)
        return 0;
    rc = crq_deserialize(bytes, len, &meta, &serializer, err);
    if (rc == 0 && crq_value_type(meta) != CRQ_DICT)
        rc = crq_fail(err, CRQ_ECODEC, "meta is a %s, not a dict",
                crq_type_name(crq_value_type(meta)));
    if (rc == 0)
        rc = periodic = read_rule(meta, &rule, err);
    if (rc >= 0)
        rc = count_run(meta, serializer, &ends, &out->meta, err);
    if (rc == 0 && periodic && !ends) {
        rc = crq_plan_due(&rule, due_us, now_us, NULL, &plan, err);
        if (rc == 0)
            out->next_us = plan.next_us;
    }
    crq_value_free(meta);
    return rc;
}

/* ---- words and replies ---- */

size_t crq_periodic_due_words(int64_t now_us, int64_t offset, int64_t limit,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_PERIODIC);
    crq_steps_put_pattern(out, CRQ_KEY_QUARANTINE);
    crq_steps_put_pattern(out, CRQ_KEY_JOB);
    crq_steps_put_unix(out, now_us);
    crq_args_puti(out, offset);
    crq_args_puti(out, limit);
    return 2;
}

int crq_periodic_entry(const crq_reply *reply, size_t i,
        struct crq_periodic_entry *out, crq_error *err)
{
    const crq_reply *item = crq_reply_item(reply, i);

    out->id = crq_reply_text(crq_reply_item(item, 0), &out->id_len);
    out->score = crq_reply_text(crq_reply_item(item, 1), NULL);
    out->meta = crq_reply_text(crq_reply_item(item, 3), &out->meta_len);
    if (out->id == NULL || out->score == NULL || out->meta == NULL ||
            crq_timetext_score(out->score, &out->due_us) < 0)
        return crq_fail(err, CRQ_ECODEC, "that is no entry of rq-scheduler");
    return 0;
}

size_t crq_periodic_start(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out)
{
    size_t nkeys = crq_steps_start(who, CRQ_KEY_PERIODIC, out);

    crq_steps_put_pattern(out, CRQ_KEY_PERIODIC_LOCK);
    crq_steps_put_value(out, who);
    crq_steps_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    return nkeys;
}

void crq_periodic_add(struct crq_args *out,
        const struct crq_periodic_entry *entry,
        const struct crq_periodic_plan *plan)
{
    crq_args_put(out, entry->id, entry->id_len);
    crq_args_puts(out, entry->score);
    crq_steps_put_unix_or_empty(out, plan->next_us);
    crq_args_put(out, entry->meta, entry->meta_len);
    crq_args_put(out, crq_buf_text(&plan->meta), plan->meta.len);
}

int crq_periodic_read(const crq_reply *reply, size_t i,
        enum crq_periodic_became *out, const char **out_why, crq_error *err)
{
    static const enum crq_periodic_became became[] = { CRQ_PERIODIC_REFUSED,
        CRQ_PERIODIC_FOLLOWS, CRQ_PERIODIC_CHANGED, CRQ_PERIODIC_ENQUEUED,
        CRQ_PERIODIC_DEFERRED, CRQ_PERIODIC_DROPPED };
    const crq_reply *of = crq_reply_item(reply, i);
    int rc = crq_run_check(of, 2, "sched_periodic", err);
    int64_t state;

    if (rc == 0)
        rc = crq_steps_broke_off(of, 1, err);
    if (rc < 0)
        return rc;
    state = crq_reply_int(crq_reply_item(of, 0), -9);
    if (state < -2 || state > 3)
        return crq_fail(err, CRQ_ECODEC, "sched_periodic answered %lld",
                (long long)state);
    *out = became[state + 2];
    *out_why = crq_reply_text(crq_reply_item(of, 1), NULL);
    return 0;
}

size_t crq_periodic_report_words(const struct crq_scheduler_id *who,
        const struct crq_periodic_entry *entry, const char *why,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    crq_steps_put_pattern(out, CRQ_KEY_PERIODIC);
    crq_steps_put_pattern(out, CRQ_KEY_QUARANTINE);
    crq_args_puts(out, who->name);
    crq_args_put(out, entry->id, entry->id_len);
    crq_args_list(out, entry->score, why, NULL);
    return 3;
}
