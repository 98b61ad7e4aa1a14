/* steps.c - between the scheduler's decisions and its scripts. */
#include "sched/steps.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/timetext.h"
#include "model/fields.h"
#include "model/run_impl.h"
#include "sched/schedule.h"
#include "sched/steps_impl.h"

void crq_steps_put_key(struct crq_args *out, enum crq_key key, const char *part)
{
    char text[CRQ_KEY_MAX];

    crq_args_put(out, text, crq_key(text, key, part));
}

void crq_steps_put_pattern(struct crq_args *out, enum crq_key key)
{
    crq_args_puts(out, crq_key_pattern(key));
}

void crq_steps_put_value(struct crq_args *out,
        const struct crq_scheduler_id *who)
{
    char value[CRQ_NAME_MAX + 8];

    snprintf(value, sizeof(value), "crq:%s", who->name);
    crq_args_puts(out, value);
}

void crq_steps_put_unix(struct crq_args *out, int64_t us)
{
    char text[CRQ_UNIX_LEN];

    crq_unix_text(text, us);
    crq_args_puts(out, text);
}

void crq_steps_put_unix_or_empty(struct crq_args *out, int64_t us)
{
    if (us == CRQ_UNSET)
        crq_args_puts(out, "");
    else
        crq_steps_put_unix(out, us);
}

static void put_queues(struct crq_args *out, const struct crq_scheduler_id *who)
{
    for (size_t i = 0; i < who->queue_count; i++)
        crq_args_puts(out, who->queues[i]);
}

static const char *text_or_empty(const crq_reply *reply)
{
    const char *text = crq_reply_text(reply, NULL);

    return text != NULL ? text : "";
}

int crq_steps_broke_off(const crq_reply *answer, size_t reason, crq_error *err)
{
    if (crq_reply_int(crq_reply_item(answer, 0), 0) != -3)
        return 0;
    return crq_fail(err, CRQ_EREDIS, "%s",
            text_or_empty(crq_reply_item(answer, reason)));
}

/* ---- leading ---- */

size_t crq_beat_words(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    crq_steps_put_pattern(out, CRQ_KEY_QUEUES);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULES);
    crq_steps_put_pattern(out, CRQ_KEY_PERIODIC);
    crq_steps_put_pattern(out, CRQ_KEY_PERIODIC_LOCK);
    crq_steps_put_key(out, CRQ_KEY_SCHEDULER, who->name);
    crq_steps_put_key(out, CRQ_KEY_PERIODIC_PROCESS, who->name);
    crq_steps_put_pattern(out, CRQ_KEY_CRON_SCHEDULERS);
    crq_steps_put_key(out, CRQ_KEY_CRON_SCHEDULER, who->name);
    crq_steps_put_pattern(out, CRQ_KEY_TRIGGERS);
    crq_steps_put_pattern(out, CRQ_KEY_WANTED);

    crq_args_puts(out, who->name);
    crq_args_puti(out, CRQ_LEADER_MS);
    crq_steps_put_value(out, who);
    crq_args_puti(out, CRQ_RQ_LOCK_S);
    crq_args_puti(out, CRQ_PERIODIC_LOCK_S);
    crq_steps_put_pattern(out, CRQ_KEY_QUEUE);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULER_LOCK);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULED);
    crq_args_list(out, who->name, who->hostname, NULL);
    crq_args_puti(out, who->pid);
    crq_run_put_stamp(out, who->birth_us);
    crq_run_put_stamp(out, now_us);
    crq_steps_put_unix(out, now_us);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULE);
    put_queues(out, who);
    return 11;
}

/* What is out of all bounds, as "inf" is, is not due. */
static int64_t read_score(const crq_reply *reply)
{
    const char *text = crq_reply_text(reply, NULL);
    int64_t us;

    if (text == NULL || crq_timetext_score(text, &us) < 0)
        return CRQ_UNSET;
    return us;
}

int crq_beat_read(const crq_reply *reply, struct crq_beat *out, crq_error *err)
{
    int rc = crq_run_check(reply, 7, "sched_beat", err);

    if (rc < 0)
        return rc;
    out->leads = crq_reply_int(crq_reply_item(reply, 0), 0) == 1;
    out->schedules_us = read_score(crq_reply_item(reply, 1));
    out->rq_us = read_score(crq_reply_item(reply, 2));
    out->periodic_us = read_score(crq_reply_item(reply, 3));
    out->periodic = crq_reply_int(crq_reply_item(reply, 4), 0) == 1;
    out->queues = crq_reply_item(reply, 5);
    out->queue_count = crq_reply_count(out->queues);
    out->triggers = text_or_empty(crq_reply_item(reply, 6));
    return 0;
}

const char *crq_beat_queue(const struct crq_beat *beat, size_t i)
{
    const char *name = crq_text_of(crq_reply_item(beat->queues, i));

    return name != NULL && strlen(name) <= CRQ_NAME_MAX ? name : NULL;
}

size_t crq_release_words(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    crq_steps_put_pattern(out, CRQ_KEY_QUEUES);
    crq_steps_put_pattern(out, CRQ_KEY_PERIODIC_LOCK);
    crq_steps_put_key(out, CRQ_KEY_SCHEDULER, who->name);
    crq_steps_put_key(out, CRQ_KEY_PERIODIC_PROCESS, who->name);
    crq_steps_put_pattern(out, CRQ_KEY_CRON_SCHEDULERS);
    crq_steps_put_key(out, CRQ_KEY_CRON_SCHEDULER, who->name);

    crq_args_puts(out, who->name);
    crq_steps_put_value(out, who);
    crq_steps_put_pattern(out, CRQ_KEY_QUEUE);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULER_LOCK);
    crq_steps_put_unix(out, now_us);
    crq_args_puts(out, who->name);
    put_queues(out, who);
    return 7;
}

/* ---- RQ's jobs ---- */

size_t crq_steps_start(const struct crq_scheduler_id *who, enum crq_key third,
        struct crq_args *out)
{
    return crq_steps_start_at(who, crq_key_pattern(third), out);
}

size_t crq_steps_start_at(const struct crq_scheduler_id *who, const char *third,
        struct crq_args *out)
{
    size_t nkeys = crq_run_start(out, third);

    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    crq_args_puts(out, who->name);
    return nkeys;
}

size_t crq_rq_due_start(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out)
{
    size_t nkeys = crq_steps_start(who, CRQ_KEY_QUARANTINE, out);

    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULER_LOCK);
    crq_steps_put_value(out, who);
    crq_steps_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    crq_args_puti(out, CRQ_SCHEDULED_AT_ONCE);
    return nkeys;
}

void crq_rq_due_add(struct crq_args *out, const char *queue)
{
    crq_args_puts(out, queue);
}

int crq_rq_due_read(const crq_reply *reply, struct crq_rq_due *out,
        crq_error *err)
{
    int rc = crq_run_check(reply, 6, "sched_rq", err);

    if (rc < 0)
        return rc;
    out->leads = crq_reply_int(crq_reply_item(reply, 0), -1) == 1;
    out->moved = crq_reply_int(crq_reply_item(reply, 1), 0);
    out->dropped = crq_reply_int(crq_reply_item(reply, 2), 0);
    out->aside = crq_reply_int(crq_reply_item(reply, 3), 0);
    out->more = crq_reply_int(crq_reply_item(reply, 4), 0) == 1;
    out->reason = text_or_empty(crq_reply_item(reply, 5));
    return 0;
}

/* ---- schedules ---- */

size_t crq_due_words(int64_t now_us, int64_t offset, int64_t limit,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULES);
    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULE);
    crq_steps_put_unix(out, now_us);
    crq_args_puti(out, offset);
    crq_args_puti(out, limit);
    for (int f = 0; f < CRQ_RULE_FIELDS; f++)
        crq_args_puts(out, crq_rule_names[f]);
    return 1;
}

int crq_due_schedule(const crq_reply *reply, size_t i, const char **out_id,
        struct crq_plan_rule *out, int64_t *out_next_us, crq_error *err)
{
    const crq_reply *item = crq_reply_item(reply, i);
    const crq_reply *fields = crq_reply_item(item, 1);
    const char *values[CRQ_RULE_FIELDS];
    char next[CRQ_UNIX_LEN];
    int rc;

    *out_id = crq_text_of(crq_reply_item(item, 0));
    if (*out_id == NULL || strlen(*out_id) > CRQ_SCHEDULE_ID_MAX) {
        *out_id = NULL;
        return crq_fail(err, CRQ_ECODEC, "that is not the id of a schedule");
    }
    if (crq_reply_count(fields) == 0)
        return crq_fail(err, CRQ_ECODEC, "its hash is gone");
    for (size_t f = 0; f < CRQ_RULE_FIELDS; f++)
        values[f] = crq_text_of(crq_reply_item(fields, f));
    rc = crq_rule_decode(values, out, out_next_us, err);
    if (rc < 0)
        return rc;
    /* The step compares texts: what is due by another would be so for ever. */
    crq_unix_text(next, *out_next_us);
    if (strcmp(values[CRQ_RULE_NEXT], next) != 0)
        return crq_fail(err, CRQ_ECODEC,
                "next '%.40s' is not a time as crq writes it, '%s'",
                values[CRQ_RULE_NEXT], next);
    return 0;
}

size_t crq_tick_start(const struct crq_scheduler_id *who, int64_t now_us,
        struct crq_args *out)
{
    size_t nkeys = crq_steps_start(who, CRQ_KEY_SCHEDULES, out);

    crq_steps_put_pattern(out, CRQ_KEY_SCHEDULE);
    crq_steps_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    return nkeys;
}

void crq_tick_add(struct crq_args *out, const char *id, int64_t next_us,
        const struct crq_plan *plan)
{
    crq_args_puts(out, id);
    crq_steps_put_unix(out, next_us);
    crq_steps_put_unix_or_empty(out, plan->next_us);
    crq_args_puti(out, (int64_t)plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        crq_steps_put_unix(out, plan->slots_us[i]);
        crq_args_puti(out, plan->slots_us[i] / 1000);
    }
}

int crq_ticked_read(const crq_reply *reply, const char *script,
        enum crq_ticked *out, crq_error *err)
{
    static const enum crq_ticked became[] = { CRQ_TICK_REFUSED,
        CRQ_TICK_FOLLOWS, CRQ_TICK_CHANGED, CRQ_TICK_DONE };
    int64_t state = crq_reply_int(crq_reply_item(reply, 0), -9);

    if (state < -2 || state > 1)
        return crq_fail(err, CRQ_ECODEC, "%s answered %lld", script,
                (long long)state);
    *out = became[state + 2];
    return 0;
}

int crq_tick_read(const crq_reply *reply, size_t i, struct crq_tick *out,
        crq_error *err)
{
    const crq_reply *of = crq_reply_item(reply, i);
    int rc = crq_run_check(of, 5, "sched_tick", err);

    if (rc == 0)
        rc = crq_steps_broke_off(of, 4, err);
    if (rc == 0)
        rc = crq_ticked_read(of, "sched_tick", &out->became, err);
    if (rc < 0)
        return rc;
    out->made = crq_reply_int(crq_reply_item(of, 1), 0);
    out->there = crq_reply_int(crq_reply_item(of, 2), 0);
    out->busy = crq_reply_int(crq_reply_item(of, 3), 0);
    out->reason = text_or_empty(crq_reply_item(of, 4));
    return 0;
}

size_t crq_aside_words(const struct crq_scheduler_id *who, enum crq_key zset,
        const char *member, size_t len, const char *why, struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    crq_steps_put_pattern(out, zset);
    crq_steps_put_pattern(out, CRQ_KEY_QUARANTINE);
    crq_args_puts(out, who->name);
    crq_args_put(out, member, len);
    crq_args_puts(out, why);
    return 3;
}
