/*
 * dequeue.c - taking jobs, and waiting for them.
 *
 * One claim is on its way at a time, for as many jobs as children are free.
 * When the queues had nothing, a link for each queue waits in BLMOVE q q LEFT
 * LEFT: it moves nothing and answers at once when a job is there. Then the
 * claim runs.
 */
#include "workers/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/scripts.h"

#define WAIT_S      30  /* of one BLMOVE */
#define LOOK_IDS    100 /* ids that a claim looks at beyond those it takes */
#define SUSPENDED_S 1.
#define LATE_US     5000000

/* A claim on its way: which slots wait for it. */
struct claim {
    struct worker *worker;
    int64_t sent_us;
    size_t count;
    size_t *slots;
    char (*executions)[CRQ_EXECUTION_ID_LEN + 1];
    struct crq_claim_slot *places;
};

static void claim_free(struct claim *claim)
{
    crq_free(claim->slots);
    crq_free(claim->executions);
    crq_free(claim->places);
    crq_free(claim);
}

static struct claim *claim_new(struct worker *w, size_t count)
{
    struct claim *claim = crq_calloc(1, sizeof(*claim));

    if (claim == NULL)
        return NULL;
    claim->worker = w;
    claim->slots = crq_calloc(count, sizeof(*claim->slots));
    claim->executions = crq_calloc(count, sizeof(*claim->executions));
    claim->places = crq_calloc(count, sizeof(*claim->places));
    if (claim->slots == NULL || claim->executions == NULL ||
            claim->places == NULL) {
        claim_free(claim);
        return NULL;
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

/* The pool is asked, too: an idle child can die or be replaced. */
static bool is_free(const struct worker *w, size_t i)
{
    return w->slots[i].idle && w->slots[i].registered &&
            crq_pool_is_idle(w->pool, i);
}

bool slot_is_free(const struct worker *w, size_t i)
{
    return is_free(w, i) && !w->slots[i].reserved;
}

/* How many jobs may be taken now. */
static size_t wanted(const struct worker *w)
{
    size_t free_slots = 0;

    if (w->phase != WORKING || !w->ready || w->claiming != NULL ||
            !crq_async_is_up(w->link))
        return 0;
    for (size_t i = 0; i < w->slot_count; i++)
        free_slots += is_free(w, i);
    if (w->options->max_jobs > 0 &&
            (int64_t)free_slots > w->options->max_jobs - w->started)
        free_slots = (size_t)(w->options->max_jobs - w->started);
    return free_slots;
}

static void fill(struct claim *claim, size_t count)
{
    struct worker *w = claim->worker;

    for (size_t i = 0; i < w->slot_count && claim->count < count; i++) {
        size_t n = claim->count;

        if (!is_free(w, i))
            continue;
        crq_execution_id(claim->executions[n]);
        claim->slots[n] = i;
        claim->places[n] = (struct crq_claim_slot){ claim->executions[n],
            w->slots[i].name, CRQ_MARK_BEGUN };
        claim->count++;
    }
}

/* ---- waiting ---- */

static void look_soon(struct worker *w)
{
    ev_timer_set(&w->look_again, SUSPENDED_S, 0.);
    ev_timer_start(w->loop, &w->look_again);
}

static void on_waited(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct waiter *waiter = arg;

    (void)reply;
    waiter->waiting = false;
    /* A job, or the end of the time: look. When the link broke, its on_up()
     * brings us back. When Redis refuses (it is full, or the user may not) it
     * would do so again at once: then looking now and then is all there is. */
    if (err == NULL)
        dequeue_kick(waiter->worker);
    else if (err->code != CRQ_ELOST && err->code != CRQ_ECONNECT)
        look_soon(waiter->worker);
}

static void wait_at(struct waiter *waiter)
{
    struct crq_args args;
    char seconds[8];

    if (waiter->waiting || !crq_async_is_up(waiter->link))
        return;
    snprintf(seconds, sizeof(seconds), "%d", WAIT_S);
    crq_args_init(&args);
    crq_args_list(&args, "BLMOVE", waiter->key, waiter->key, "LEFT", "LEFT",
            seconds, NULL);
    waiter->waiting = crq_async_send(waiter->link, &args, WAIT_S * 1000,
                              on_waited, waiter) == 0;
    crq_args_fini(&args);
    if (!waiter->waiting)
        look_soon(waiter->worker);
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
    if (w->options->burst && w->finishing == 0 && w->ended_count == 0 &&
            crq_pool_running(w->pool) == 0) {
        worker_stop(w, false);
        return;
    }
    if (w->options->burst)
        return; /* the end of a run brings us back */
    if (w->suspended) {
        look_soon(w);
        return;
    }
    for (size_t i = 0; i < w->options->queue_count; i++)
        wait_at(&w->waiters[i]);
}

/* ---- claiming ---- */

static void set_suspended(struct worker *w, bool suspended)
{
    if (w->suspended == suspended)
        return;
    w->suspended = suspended;
    crq_log_info(w->log,
            suspended ? "suspended: no new jobs are taken" : "resumed");
    for (size_t i = 0; i < w->slot_count; i++)
        heartbeat_changed(w, i);
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
        if (crq_claim_job(claimed, i, &job, &err) < 0 ||
                job.slot >= claim->count) {
            crq_log_error(w->log, "claim: %s", err.text);
            continue;
        }
        run_start(w, claim->slots[job.slot], &job);
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
    for (size_t i = 0; i < claim->count; i++)
        w->slots[claim->slots[i]].reserved = false;
    if (err == NULL && crq_claim_read(reply, &claimed, &why) < 0)
        err = &why;
    if (err != NULL) {
        crq_log_error(w->log, "claim: %s", err->text);
        look_soon(w);
        claim_free(claim);
        return;
    }
    set_suspended(w, claimed.suspended);
    take_claimed(claim, &claimed);
    /* A lease counts from when the claim was made, not from when the link was
     * back to send it. */
    if (claimed.count > 0 && worker_now(w) - claim->sent_us > LATE_US)
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
        .queues = w->options->queues,
        .queues_count = w->options->queue_count,
        .look = (int64_t)count + LOOK_IDS,
        .interval_s = w->options->monitoring_interval_s,
        .now_us = worker_now(w) };
    struct crq_args words;
    size_t nkeys;

    if (claim == NULL) {
        crq_log_error(w->log, "claim: out of memory");
        look_soon(w);
        return;
    }
    claim->sent_us = what.now_us;
    fill(claim, count);
    what.slots = claim->places;
    what.slots_count = claim->count;
    crq_args_init(&words);
    nkeys = crq_claim_words(&what, &words);
    if (crq_async_script(w->link, &crq_script_claim, nkeys, &words, on_claimed,
                claim) < 0) {
        crq_log_error(w->log, "claim: out of memory");
        claim_free(claim);
        look_soon(w);
    } else {
        w->claiming = claim;
        w->claim_again = false;
        for (size_t i = 0; i < claim->count; i++)
            w->slots[claim->slots[i]].reserved = true;
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
