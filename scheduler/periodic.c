/*
 * periodic.c - rq-scheduler's entries, while its lock is held.
 *
 * As with schedules: read, decide, write, and the last does nothing when the
 * entry is no longer as it was read. One that can't be read stays where it is
 * and is reported once.
 */
#include "scheduler/scheduler.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/scripts.h"
#include "sched/periodic.h"

/* How many entries are on a page, read and decided at once; they are written in
 * steps of CRQ_PERIODIC_AT_ONCE. */
#define AT_ONCE 500

/* An entry, to be reported. */
struct about {
    struct scheduler *scheduler;
    char *id, *score, *why;
    size_t id_len;
};

/* A step about some entries. */
struct batch {
    struct scheduler *scheduler;
    struct crq_args words;
    size_t nkeys, count;
    struct about *entries[CRQ_PERIODIC_AT_ONCE];
};

static void about_free(struct about *about)
{
    if (about == NULL)
        return;
    crq_free(about->id);
    crq_free(about->score);
    crq_free(about->why);
    crq_free(about);
}

static struct about *about_new(struct scheduler *s,
        const struct crq_periodic_entry *entry, const char *why)
{
    struct about *about = crq_calloc(1, sizeof(*about));

    if (about == NULL)
        return NULL;
    about->scheduler = s;
    about->id = crq_memdup(entry->id, entry->id_len);
    about->id_len = entry->id_len;
    about->score = crq_strdup(entry->score);
    about->why = crq_strdup(why);
    if (about->id == NULL || about->score == NULL || about->why == NULL) {
        about_free(about);
        return NULL;
    }
    return about;
}

static void on_reported(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct scheduler *s = about->scheduler;

    if (err != NULL)
        crq_log_warn(s->log, "rq-scheduler's '%s': %s", about->id, err->text);
    else if (crq_reply_int(reply, 0) == 1)
        crq_log_error(s->log, "rq-scheduler's '%s' is passed over: %s",
                about->id, about->why);
    about_free(about);
    round_answered(s, PERIODIC);
}

static void report(struct scheduler *s, const struct crq_periodic_entry *entry,
        const char *why)
{
    struct about *about = about_new(s, entry, why);
    struct crq_args words;
    size_t nkeys;

    if (about == NULL)
        return;
    crq_args_init(&words);
    nkeys = crq_periodic_report_words(&s->id, entry, why, &words);
    if (!round_send(s, PERIODIC, &crq_script_sched_report, nkeys, &words,
                on_reported, about))
        about_free(about);
    crq_args_fini(&words);
}

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        about_free(batch->entries[i]);
    crq_args_fini(&batch->words);
    crq_free(batch);
}

static void enqueued(struct scheduler *s, const struct about *about,
        enum crq_periodic_became became, const char *why)
{
    const struct crq_periodic_entry entry = {
        .id = about->id, .id_len = about->id_len, .score = about->score
    };
    static const char *const says[] = {
        [CRQ_PERIODIC_ENQUEUED] = "enqueued",
        [CRQ_PERIODIC_DEFERRED] = "deferred",
        [CRQ_PERIODIC_DROPPED] = "dropped",
    };

    switch (became) {
    case CRQ_PERIODIC_ENQUEUED:
    case CRQ_PERIODIC_DEFERRED:
    case CRQ_PERIODIC_DROPPED:
        s->rounds[PERIODIC].progress = true;
        crq_log_debug(s->log, "rq-scheduler's '%s' %s", about->id,
                says[became]);
        break;
    case CRQ_PERIODIC_CHANGED:
    case CRQ_PERIODIC_FOLLOWS: break;
    case CRQ_PERIODIC_REFUSED: report(s, &entry, why != NULL ? why : ""); break;
    }
}

/* What a step failed in is tried again with the next beat. It may be all of
 * them, when Redis is full: that is one line. */
static void on_enqueued(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct batch *batch = arg;
    struct scheduler *s = batch->scheduler;
    const char *first = NULL;
    size_t failed = 0;
    crq_error why;

    for (size_t i = 0; i < batch->count; i++) {
        enum crq_periodic_became became;
        const char *reason;
        crq_error now;

        if (err == NULL &&
                crq_periodic_read(reply, i, &became, &reason, &now) == 0) {
            enqueued(s, batch->entries[i], became, reason);
        } else if (failed++ == 0) {
            first = batch->entries[i]->id;
            why = err != NULL ? *err : now;
        }
    }
    if (failed > 1)
        crq_log_warn(s->log, "rq-scheduler's '%s' (and %zu more): %s", first,
                failed - 1, why.text);
    else if (failed == 1)
        crq_log_warn(s->log, "rq-scheduler's '%s': %s", first, why.text);
    batch_free(batch);
    round_answered(s, PERIODIC);
}

static struct batch *batch_new(struct scheduler *s, int64_t now_us)
{
    struct batch *batch = crq_calloc(1, sizeof(*batch));

    if (batch == NULL)
        return NULL;
    batch->scheduler = s;
    crq_args_init(&batch->words);
    batch->nkeys = crq_periodic_start(&s->id, now_us, &batch->words);
    return batch;
}

/* Takes it over. Without memory its entries wait for the next beat. */
static void batch_send(struct batch *batch)
{
    if (batch != NULL &&
            !round_send(batch->scheduler, PERIODIC, &crq_script_sched_periodic,
                    batch->nkeys, &batch->words, on_enqueued, batch))
        batch_free(batch);
}

static bool is_full(const struct batch *batch)
{
    return batch->count == CRQ_PERIODIC_AT_ONCE ||
            batch->words.bytes.len > CRQ_PERIODIC_BYTES;
}

static void enqueue(struct scheduler *s, struct batch **batch,
        const struct crq_periodic_entry *entry,
        const struct crq_periodic_plan *plan, int64_t now_us)
{
    struct about *about = about_new(s, entry, "");

    if (about == NULL)
        return;
    if (*batch != NULL && is_full(*batch)) {
        batch_send(*batch);
        *batch = NULL;
    }
    if (*batch == NULL)
        *batch = batch_new(s, now_us);
    if (*batch == NULL) {
        about_free(about);
        return;
    }
    (*batch)->entries[(*batch)->count++] = about;
    crq_periodic_add(&(*batch)->words, entry, plan);
}

static void decide(struct scheduler *s, const crq_reply *reply, size_t i,
        int64_t now_us, struct batch **batch)
{
    struct crq_periodic_entry entry;
    struct crq_periodic_plan plan;
    crq_error err;
    int rc = crq_periodic_entry(reply, i, &entry, &err);

    if (rc < 0) {
        if (entry.id != NULL && entry.score != NULL)
            report(s, &entry, err.text);
        return;
    }
    round_was_due(s, PERIODIC, entry.due_us);
    rc = crq_periodic_decide(entry.meta, entry.meta_len, entry.due_us, now_us,
            &plan, &err);
    if (rc == 0)
        enqueue(s, batch, &entry, &plan, now_us);
    else if (rc != CRQ_ENOMEM)
        report(s, &entry, err.text);
    crq_buf_fini(&plan.meta);
}

static void on_due(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    int64_t now_us = scheduler_now(s);
    struct batch *batch = NULL;

    if (err != NULL)
        crq_log_warn(s->log, "rq-scheduler's entries: %s", err->text);
    for (size_t i = 0; err == NULL && i < crq_reply_count(reply); i++)
        decide(s, reply, i, now_us, &batch);
    batch_send(batch);
    s->rounds[PERIODIC].more = crq_reply_count(reply) == AT_ONCE;
    round_answered(s, PERIODIC);
}

/* All pages are asked for before any is answered, and so before what is on them
 * is done and others take its place. */
void periodic_begin(struct scheduler *s)
{
    struct crq_args words;

    crq_args_init(&words);
    for (int page = 0; page < s->rounds[PERIODIC].pages; page++) {
        size_t nkeys = crq_periodic_due_words(scheduler_now(s), page * AT_ONCE,
                AT_ONCE, &words);

        (void)round_send(s, PERIODIC, &crq_script_sched_periodic_due, nkeys,
                &words, on_due, s);
    }
    crq_args_fini(&words);
}
