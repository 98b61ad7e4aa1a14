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
#include "sched/schedule.h"

/* How many schedules are on a page, read and decided at once; they are written
 * in steps of CRQ_TICK_AT_ONCE. */
#define AT_ONCE 500

/* A step about some schedules. */
struct batch {
    struct scheduler *scheduler;
    struct crq_args words;
    size_t nkeys, count, jobs;
    char ids[CRQ_TICK_AT_ONCE][CRQ_SCHEDULE_ID_MAX + 1];
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

static void batch_free(struct batch *batch)
{
    crq_args_fini(&batch->words);
    crq_free(batch);
}

static void ticked(struct scheduler *s, const char *id,
        const struct crq_tick *tick)
{
    switch (tick->became) {
    case CRQ_TICK_DONE:
        s->rounds[SCHEDULES].progress = true;
        crq_log_debug(s->log, "schedule '%s': %lld jobs", id,
                (long long)tick->made);
        if (tick->busy > 0)
            crq_log_info(s->log,
                    "schedule '%s': %lld runs left out, the last one has not "
                    "ended",
                    id, (long long)tick->busy);
        break;
    case CRQ_TICK_CHANGED: break;
    case CRQ_TICK_FOLLOWS: scheduler_follow(s); break;
    case CRQ_TICK_REFUSED: set_aside(s, id, strlen(id), tick->reason); break;
    }
}

/* What a step failed in is tried again with the next beat. It may be all of
 * them, when Redis is full: that is one line. */
static void on_ticked(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct batch *batch = arg;
    struct scheduler *s = batch->scheduler;
    const char *first = NULL;
    size_t failed = 0;
    crq_error why;

    for (size_t i = 0; i < batch->count; i++) {
        struct crq_tick tick;
        crq_error now;

        if (err == NULL && crq_tick_read(reply, i, &tick, &now) == 0) {
            ticked(s, batch->ids[i], &tick);
        } else if (failed++ == 0) {
            first = batch->ids[i];
            why = err != NULL ? *err : now;
        }
    }
    if (failed > 1)
        crq_log_warn(s->log, "schedule '%s' (and %zu more): %s", first,
                failed - 1, why.text);
    else if (failed == 1)
        crq_log_warn(s->log, "schedule '%s': %s", first, why.text);
    batch_free(batch);
    round_answered(s, SCHEDULES);
}

static struct batch *batch_new(struct scheduler *s, int64_t now_us)
{
    struct batch *batch = crq_calloc(1, sizeof(*batch));

    if (batch == NULL)
        return NULL;
    batch->scheduler = s;
    crq_args_init(&batch->words);
    batch->nkeys = crq_tick_start(&s->id, now_us, &batch->words);
    return batch;
}

/* Takes it over. Without memory its schedules wait for the next beat. */
static void batch_send(struct batch *batch)
{
    if (batch != NULL &&
            !round_send(batch->scheduler, SCHEDULES, &crq_script_sched_tick,
                    batch->nkeys, &batch->words, on_ticked, batch))
        batch_free(batch);
}

/* What all schedules of a page have. */
struct page {
    int64_t now_us;
    struct batch *batch; /* that is being filled; may be NULL */
    struct crq_zone_stay zone;
};

/* One with many slots has a step of its own. */
static void tick(struct scheduler *s, struct page *page, const char *id,
        int64_t next_us, const struct crq_plan *plan)
{
    struct batch **batch = &page->batch;
    size_t jobs = plan->count > 0 ? plan->count : 1;

    if (*batch != NULL && (*batch)->jobs + jobs > CRQ_TICK_AT_ONCE) {
        batch_send(*batch);
        *batch = NULL;
    }
    if (*batch == NULL)
        *batch = batch_new(s, page->now_us);
    if (*batch == NULL)
        return;
    strcpy((*batch)->ids[(*batch)->count++], id);
    (*batch)->jobs += jobs;
    crq_tick_add(&(*batch)->words, id, next_us, plan);
}

static void decide(struct scheduler *s, const crq_reply *reply, size_t i,
        struct page *page)
{
    struct crq_plan_rule rule;
    struct crq_plan plan;
    crq_error err;
    const char *id;
    int64_t next_us;
    int rc = crq_due_schedule(reply, i, &id, &rule, &next_us, &err);

    if (rc == 0)
        rc = crq_plan_due(&rule, next_us, page->now_us, &page->zone, &plan,
                &err);
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
    round_was_due(s, SCHEDULES, next_us);
    tick(s, page, id, next_us, &plan);
}

static void on_due(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct page page = { scheduler_now(s), NULL, CRQ_ZONE_STAY_INIT };

    if (err != NULL)
        crq_log_warn(s->log, "schedules: %s", err->text);
    for (size_t i = 0; err == NULL && i < crq_reply_count(reply); i++)
        decide(s, reply, i, &page);
    crq_zone_stay_end(&page.zone);
    batch_send(page.batch);
    s->rounds[SCHEDULES].more = crq_reply_count(reply) == AT_ONCE;
    round_answered(s, SCHEDULES);
}

/* All pages are asked for before any is answered, and so before what is on them
 * is done and others take its place. */
void schedules_begin(struct scheduler *s)
{
    struct crq_args words;

    crq_args_init(&words);
    for (int page = 0; page < s->rounds[SCHEDULES].pages; page++) {
        size_t nkeys = crq_due_words(scheduler_now(s), page * AT_ONCE, AT_ONCE,
                &words);

        (void)round_send(s, SCHEDULES, &crq_script_sched_due, nkeys, &words,
                on_due, s);
    }
    crq_args_fini(&words);
}
