/*
 * dequeue.c - taking jobs, and waiting for them.
 *
 * One claim is on its way at a time, for as many jobs as children are free and
 * as many more as will begin in a few milliseconds (pace.c). When the queues
 * had nothing, a link for each queue waits in BLMOVE q q LEFT LEFT: it moves
 * nothing and answers at once when a job is there. Then the claim runs. While
 * all wait there is nothing to be claimed.
 */
#include "workers/worker.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "redis/scripts.h"

#define WAIT_S      30  /* of one BLMOVE, or more: */
#define WAIT_EACH_S 12  /* one of all of them ends as often */
#define LOOK_IDS    100 /* ids that a claim looks at beyond those it takes */
#define SUSPENDED_S 1.
#define CLAIM_MOST  16 /* jobs, so that the script takes less than 1 ms */
#define LATE_US     INT64_C(5000000)

/* A claim on its way. Its runs are made before, so that memory which is short
 * when the jobs come costs none of them. */
struct claim {
    struct worker *worker;
    int64_t sent_us; /* mono */
    size_t count;
    struct run *runs[CLAIM_MOST];
    struct crq_claim_slot places[CLAIM_MOST];
};

static void claim_free(struct claim *claim)
{
    for (size_t i = 0; i < claim->count; i++)
        run_free(claim->runs[i]);
    crq_free(claim);
}

static struct claim *claim_new(struct worker *w, size_t count)
{
    struct claim *claim = crq_calloc(1, sizeof(*claim));

    if (claim == NULL)
        return NULL;
    claim->worker = w;
    claim->sent_us = crq_clock_mono_us(w->clock);
    for (; claim->count < count; claim->count++) {
        struct run *run = crq_calloc(1, sizeof(*run));

        if (run == NULL) {
            claim_free(claim);
            return NULL;
        }
        run->claimed_us = claim->sent_us;
        crq_execution_id(run->execution);
        claim->runs[claim->count] = run;
    }
    return claim;
}

/* All that --max-jobs allows have ended. */
static bool had_enough(const struct worker *w)
{
    return w->phase == WORKING && w->options->max_jobs > 0 &&
            w->started >= w->options->max_jobs &&
            crq_pool_running(w->pool) == 0;
}

/* Runs that are here and have not got to a child. */
static size_t held(const struct worker *w)
{
    return w->waiting.count + w->starting.count + w->back.count;
}

/* How many jobs may wait for the children that there are: nobody knows when one
 * that is being replaced comes back. */
static size_t ahead_of(const struct worker *w, size_t free)
{
    int64_t youngest_us = free > 0 ? 0 : INT64_MAX;
    size_t children = free;

    for (size_t i = 0; i < w->slot_count; i++) {
        int64_t us;

        if (!crq_pool_is_running(w->pool, i) || w->slots[i].run == NULL)
            continue;
        us = worker_now(w) - w->slots[i].run->started_us;
        if (us < youngest_us)
            youngest_us = us;
        children++;
    }
    if (children == 0)
        return 0;
    return pace_ahead(&w->pace, children, youngest_us > 0 ? youngest_us : 0);
}

/* Every queue was empty, and Redis tells when one is not. */
static bool is_waiting(const struct worker *w)
{
    for (size_t i = 0; i < w->options->queue_count; i++)
        if (!w->waiters[i].waiting)
            return false;
    return true;
}

/* How many jobs may be claimed now: for every free child, and some ahead when
 * half of those have begun. */
static size_t wanted(const struct worker *w)
{
    size_t places = 0, ahead, count;

    if (w->phase != WORKING || !w->ready || w->claiming != NULL ||
            !crq_async_is_up(w->link) || (is_waiting(w) && !w->suspended))
        return 0;
    for (size_t i = 0; i < w->slot_count; i++)
        places += slot_is_free(w, i);
    ahead = ahead_of(w, places);
    if (w->waiting.count > places + ahead / 2 ||
            w->waiting.count >= places + ahead)
        return 0;
    count = places + ahead - w->waiting.count;
    if (w->options->max_jobs > 0) {
        int64_t left = w->options->max_jobs - w->started -
                (int64_t)(w->waiting.count + w->starting.count);

        if ((int64_t)count > left)
            count = left > 0 ? (size_t)left : 0;
    }
    /* A claim looks at the next queue only when one has no more. */
    if (w->options->strategy != STRATEGY_DEFAULT)
        return count > 0 ? 1 : 0;
    return count < CLAIM_MOST ? count : CLAIM_MOST;
}

/* The slots that the jobs will most likely run in. */
static void fill(struct claim *claim)
{
    struct worker *w = claim->worker;
    size_t slot = 0;

    for (size_t i = 0; i < claim->count; i++) {
        while (slot < w->slot_count && !slot_is_free(w, slot))
            slot++;
        claim->runs[i]->slot =
                slot < w->slot_count ? slot++ : i % w->slot_count;
        claim->places[i] = (struct crq_claim_slot){ claim->runs[i]->execution,
            w->slots[claim->runs[i]->slot].name };
    }
}

/* ---- waiting ---- */

void dequeue_look_soon(struct worker *w)
{
    if (ev_is_active(&w->look_again))
        return;
    ev_timer_set(&w->look_again, SUSPENDED_S, 0.);
    ev_timer_start(w->loop, &w->look_again);
}

static void on_waited(void *arg, const crq_reply *reply, const crq_error *err);

static void wait_at(struct waiter *waiter)
{
    size_t each_s = WAIT_EACH_S * waiter->worker->options->queue_count;
    int64_t seconds = each_s > WAIT_S ? (int64_t)each_s : WAIT_S;
    struct crq_args args;

    if (waiter->waiting || !crq_async_is_up(waiter->link))
        return;
    crq_args_init(&args);
    crq_args_list(&args, "BLMOVE", waiter->key, waiter->key, "LEFT", "LEFT",
            NULL);
    crq_args_puti(&args, seconds);
    waiter->waiting = crq_async_send(waiter->link, &args, seconds * 1000,
                              on_waited, waiter) == 0;
    crq_args_fini(&args);
    if (!waiter->waiting)
        dequeue_look_soon(waiter->worker);
}

static void on_waited(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct waiter *waiter = arg;

    waiter->waiting = false;
    /* A job: look. Nothing in all that time: wait on. When the link broke, its
     * on_up() brings us back. When Redis refuses (it is full, or the user may
     * not) it would do so again at once: then looking now and then is all there
     * is. */
    if (err == NULL && crq_reply_kind(reply) == CRQ_REPLY_NIL)
        wait_at(waiter);
    else if (err == NULL)
        dequeue_kick(waiter->worker);
    else if (err->code != CRQ_ELOST && err->code != CRQ_ECONNECT)
        dequeue_look_soon(waiter->worker);
}

static void on_wait_up(void *arg)
{
    struct waiter *waiter = arg;

    dequeue_kick(waiter->worker);
}

static void on_look_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    dequeue_kick(timer->data);
}

/* Nothing to do: wait, or look again soon where waiting cannot help. */
static void wait_for_work(struct worker *w)
{
    if (w->options->burst && held(w) == 0 && w->finishing == 0 &&
            w->ended.count == 0 && crq_pool_running(w->pool) == 0 &&
            !janitor_is_busy(w) && w->adopted == NULL) {
        worker_stop(w, false);
        return;
    }
    if (w->options->burst)
        return; /* the end of a run, or of maintenance, brings us back */
    if (w->suspended) {
        dequeue_look_soon(w);
        return;
    }
    for (size_t i = 0; i < w->options->queue_count; i++) {
        if (w->waiters[i].passed_over)
            dequeue_look_soon(w); /* it would answer at once, for ever */
        else
            wait_at(&w->waiters[i]);
    }
}

/* ---- claiming ---- */

/* A queue that cannot be served is said once, and once when it can be. */
static void tell_passed_over(struct worker *w,
        const struct crq_claimed *claimed, bool saw_all)
{
    for (size_t i = 0; i < w->options->queue_count; i++) {
        struct waiter *waiter = &w->waiters[i];
        const char *found = NULL, *why = "";

        for (size_t n = 0; n < claimed->passed_over_count && found == NULL;
                n++) {
            found = crq_claim_passed_over(claimed, n, &why);
            if (strcmp(found, w->options->queues[i]) != 0)
                found = NULL;
        }
        if (found != NULL && !waiter->passed_over)
            crq_log_error(w->log, "queue %s cannot be served: %s", found, why);
        else if (found == NULL && waiter->passed_over && saw_all)
            crq_log_info(w->log, "queue %s can be served again",
                    w->options->queues[i]);
        waiter->passed_over =
                found != NULL || (waiter->passed_over && !saw_all);
    }
}

static void take_claimed(struct claim *claim, const struct crq_claimed *claimed)
{
    struct worker *w = claim->worker;
    struct crq_claimed_job job;
    crq_error err;

    if (claimed->missing + claimed->canceled + claimed->running > 0)
        crq_log_info(w->log,
                "dropped from the queues: %lld ids without a job, %lld "
                "canceled, %lld that run already",
                (long long)claimed->missing, (long long)claimed->canceled,
                (long long)claimed->running);
    for (size_t i = 0; i < claimed->count; i++) {
        struct run *run;

        if (crq_claim_job(claimed, i, &job, &err) < 0) {
            crq_log_error(w->log, "claim: %s", err.text);
            continue;
        }
        run = job.slot < claim->count ? claim->runs[job.slot] : NULL;
        if (run == NULL) {
            crq_log_error(w->log, "claim: job %s has no place", job.run.id);
            continue;
        }
        claim->runs[job.slot] = NULL;
        strategy_took(w, job.run.queue);
        waiting_add(w, run, &job);
    }
}

static void on_claimed(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct claim *claim = arg;
    struct worker *w = claim->worker;
    struct crq_claimed claimed = { 0 };
    crq_error why;
    bool full;

    w->claiming = NULL;
    if (err == NULL && crq_claim_read(reply, &claimed, &why) < 0)
        err = &why;
    if (err != NULL) {
        worker_trouble(w, TROUBLE_CLAIM, err->text);
        dequeue_look_soon(w);
        claim_free(claim);
        worker_look_at_end(w);
        return;
    }
    worker_recovered(w, TROUBLE_CLAIM);
    suspension_set(w, claimed.suspended);
    if (claimed.suspended)
        waiting_hand_back(w);
    tell_passed_over(w, &claimed,
            claimed.count < claim->count && !claimed.suspended);
    take_claimed(claim, &claimed);
    if (claimed.count > 0)
        heartbeat_runs_came(w);
    /* A lease counts from when the claim was made, not from when the link was
     * back to send it. */
    if (claimed.count > 0 &&
            crq_clock_mono_us(w->clock) - claim->sent_us > LATE_US)
        heartbeat_now(w);
    full = claimed.count == claim->count || claimed.more || w->claim_again;
    claim_free(claim);
    if (w->suspended && w->options->burst)
        worker_stop(w, false);
    else if (full && !w->suspended)
        dequeue_kick(w);
    else
        wait_for_work(w);
    worker_look_at_end(w);
}

static void claim(struct worker *w, size_t count)
{
    struct claim *claim = claim_new(w, count);
    struct crq_claim what = { .stem = w->lease,
        .queues = strategy_order(w),
        .queues_count = w->options->queue_count,
        .look = (int64_t)count + LOOK_IDS,
        .interval_s = w->options->monitoring_interval_s,
        .now_us = worker_now(w) };
    struct crq_args words;
    size_t nkeys;

    if (claim == NULL) {
        worker_trouble(w, TROUBLE_CLAIM, "out of memory");
        dequeue_look_soon(w);
        return;
    }
    fill(claim);
    what.slots = claim->places;
    what.slots_count = claim->count;
    crq_args_init(&words);
    nkeys = crq_claim_words(&what, &words);
    if (crq_async_script(w->link, &crq_script_claim, nkeys, &words, on_claimed,
                claim) < 0) {
        worker_trouble(w, TROUBLE_CLAIM, "out of memory");
        claim_free(claim);
        dequeue_look_soon(w);
    } else {
        w->claiming = claim;
        w->claim_again = false;
    }
    crq_args_fini(&words);
}

void dequeue_kick(struct worker *w)
{
    size_t count = wanted(w);

    if (w->claiming != NULL) /* for those that are free now: after this one */
        w->claim_again = true;
    if (had_enough(w))
        worker_stop(w, false);
    if (count > 0) {
        ev_timer_stop(w->loop, &w->look_again);
        claim(w, count);
    }
}

int dequeue_init(struct worker *w, crq_error *err)
{
    ev_timer_init(&w->look_again, on_look_again, 0., 0.);
    w->look_again.data = w;
    for (size_t i = 0; i < w->options->queue_count; i++) {
        struct waiter *waiter = &w->waiters[i];
        struct crq_async_options options = {
            .url = w->options->url, .on_up = on_wait_up, .arg = waiter
        };
        int rc;

        waiter->worker = w;
        crq_key(waiter->key, CRQ_KEY_QUEUE, w->options->queues[i]);
        if (w->options->burst) /* it never waits */
            continue;
        rc = crq_async_new(w->loop, &options, &waiter->link, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void dequeue_fini(struct worker *w)
{
    ev_timer_stop(w->loop, &w->look_again);
    for (size_t i = 0; i < w->options->queue_count; i++)
        crq_async_free(w->waiters[i].link);
    if (w->claiming != NULL) /* the link goes without an answer */
        claim_free(w->claiming);
}
