/*
 * schedules.c - crq's own schedules: read those that are due, decide, write.
 *
 * Deciding happens here, between two scripts: the second one does nothing when
 * the schedule is no longer as the first one saw it.
 */
#include "scheduler/scheduler.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/scripts.h"

/* How many schedules are decided in a turn of the loop. */
#define AT_ONCE 500

/* A script about one schedule. */
struct about {
    struct scheduler *scheduler;
    char id[CRQ_NAME_MAX + 1];
};

static void on_aside(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;

    if (err != NULL)
        crq_log_warn(s->log, "%s", err->text);
    else if (crq_reply_int(reply, 0) == 1)
        s->rounds[SCHEDULES].progress = true;
    round_answered(s, SCHEDULES);
}

/* One that cannot be read must not hold up the others. */
static void set_aside(struct scheduler *s, const char *id, size_t len,
        const char *why)
{
    struct crq_args words;
    size_t nkeys;

    crq_log_error(s->log, "schedule '%s' is set aside: %s", id, why);
    crq_args_init(&words);
    nkeys = crq_aside_words(&s->id, CRQ_KEY_SCHEDULES, id, len, why, &words);
    (void)round_send(s, SCHEDULES, &crq_script_sched_aside, nkeys, &words,
            on_aside, s);
    crq_args_fini(&words);
}

static void on_ticked(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct scheduler *s = about->scheduler;
    struct crq_tick tick = { .became = CRQ_TICK_CHANGED };
    crq_error why;

    if (err == NULL && crq_tick_read(reply, &tick, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_warn(s->log, "schedule '%s': %s", about->id, err->text);
    switch (tick.became) {
    case CRQ_TICK_DONE:
        s->rounds[SCHEDULES].progress = true;
        crq_log_debug(s->log, "schedule '%s': %lld jobs", about->id,
                (long long)tick.made);
        if (tick.busy > 0)
            crq_log_info(s->log,
                    "schedule '%s': %lld runs left out, the last one has not "
                    "ended",
                    about->id, (long long)tick.busy);
        break;
    case CRQ_TICK_CHANGED: break;
    case CRQ_TICK_FOLLOWS: scheduler_follow(s); break;
    case CRQ_TICK_REFUSED:
        set_aside(s, about->id, strlen(about->id), tick.reason);
        break;
    }
    crq_free(about);
    round_answered(s, SCHEDULES);
}

static void tick(struct scheduler *s, const char *id, int64_t next_us,
        const struct crq_plan *plan, int64_t now_us)
{
    struct about *about = crq_calloc(1, sizeof(*about));
    struct crq_args words;
    size_t nkeys;

    if (about == NULL)
        return;
    about->scheduler = s;
    strcpy(about->id, id);
    crq_args_init(&words);
    nkeys = crq_tick_words(&s->id, id, next_us, plan, now_us, &words);
    if (!round_send(s, SCHEDULES, &crq_script_sched_tick, nkeys, &words,
                on_ticked, about))
        crq_free(about);
    crq_args_fini(&words);
}

static void decide(struct scheduler *s, const crq_reply *reply, size_t i,
        int64_t now_us)
{
    struct crq_plan_rule rule;
    struct crq_plan plan;
    crq_error err;
    const char *id;
    int64_t next_us;
    int rc = crq_due_schedule(reply, i, &id, &rule, &next_us, &err);

    if (rc == 0)
        rc = crq_plan_due(&rule, next_us, now_us, &plan, &err);
    if (rc < 0 && rc != CRQ_ENOMEM) {
        const crq_reply *member = crq_reply_item(crq_reply_item(reply, i), 0);
        size_t len = 0;
        const char *bytes = crq_reply_text(member, &len);

        set_aside(s, bytes != NULL ? bytes : "", len, err.text);
        return;
    }
    if (rc < 0)
        return;
    if (plan.missed)
        crq_log_warn(s->log, "schedule '%s': slots were missed, %zu are run",
                id, plan.count);
    tick(s, id, next_us, &plan, now_us);
}

static void on_due(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    int64_t now_us = scheduler_now(s);

    if (err != NULL)
        crq_log_warn(s->log, "schedules: %s", err->text);
    for (size_t i = 0; err == NULL && i < crq_reply_count(reply); i++)
        decide(s, reply, i, now_us);
    round_answered(s, SCHEDULES);
}

void schedules_begin(struct scheduler *s)
{
    struct crq_args words;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_due_words(scheduler_now(s), AT_ONCE, &words);
    (void)round_send(s, SCHEDULES, &crq_script_sched_due, nkeys, &words, on_due,
            s);
    crq_args_fini(&words);
}
