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

/* How many entries are decided in a turn of the loop. */
#define AT_ONCE 500

/* A script about one entry, and what it takes to report it. */
struct about {
    struct scheduler *scheduler;
    char *id, *score, *why;
    size_t id_len;
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

static void refused(struct about *about, const char *why)
{
    struct crq_periodic_entry entry = {
        .id = about->id, .id_len = about->id_len, .score = about->score
    };

    report(about->scheduler, &entry, why != NULL ? why : "");
}

static void on_enqueued(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct scheduler *s = about->scheduler;
    enum crq_periodic_became became = CRQ_PERIODIC_CHANGED;
    const char *why = NULL;
    crq_error failure;

    if (err == NULL && crq_periodic_read(reply, &became, &why, &failure) < 0)
        err = &failure;
    if (err != NULL)
        crq_log_warn(s->log, "rq-scheduler's '%s': %s", about->id, err->text);
    if (became == CRQ_PERIODIC_REFUSED)
        refused(about, why);
    else if (became != CRQ_PERIODIC_CHANGED && became != CRQ_PERIODIC_FOLLOWS) {
        s->rounds[PERIODIC].progress = true;
        crq_log_debug(s->log, "rq-scheduler's '%s' %s", about->id,
                became == CRQ_PERIODIC_ENQUEUED           ? "enqueued"
                        : became == CRQ_PERIODIC_DEFERRED ? "deferred"
                                                          : "dropped");
    }
    about_free(about);
    round_answered(s, PERIODIC);
}

static void decide(struct scheduler *s, const crq_reply *reply, size_t i,
        int64_t now_us)
{
    struct crq_periodic_entry entry;
    struct crq_periodic_plan plan;
    struct about *about;
    struct crq_args words;
    crq_error err;
    size_t nkeys;
    int rc = crq_periodic_entry(reply, i, &entry, &err);

    if (rc < 0) {
        if (entry.id != NULL && entry.score != NULL)
            report(s, &entry, err.text);
        return;
    }
    rc = crq_periodic_decide(entry.meta, entry.meta_len, entry.due_us, now_us,
            &plan, &err);
    about = rc == 0 ? about_new(s, &entry, "") : NULL;
    if (about != NULL) {
        crq_args_init(&words);
        nkeys = crq_periodic_words(&s->id, &entry, &plan, now_us, &words);
        if (!round_send(s, PERIODIC, &crq_script_sched_periodic, nkeys, &words,
                    on_enqueued, about))
            about_free(about);
        crq_args_fini(&words);
    } else if (rc < 0 && rc != CRQ_ENOMEM)
        report(s, &entry, err.text);
    crq_buf_fini(&plan.meta);
}

static void on_due(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    int64_t now_us = scheduler_now(s);

    if (err != NULL)
        crq_log_warn(s->log, "rq-scheduler's entries: %s", err->text);
    for (size_t i = 0; err == NULL && i < crq_reply_count(reply); i++)
        decide(s, reply, i, now_us);
    round_answered(s, PERIODIC);
}

void periodic_begin(struct scheduler *s)
{
    struct crq_args words;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_periodic_due_words(scheduler_now(s), AT_ONCE, &words);
    (void)round_send(s, PERIODIC, &crq_script_sched_periodic_due, nkeys, &words,
            on_due, s);
    crq_args_fini(&words);
}
