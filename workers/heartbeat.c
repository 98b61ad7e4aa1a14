/*
 * heartbeat.c - showing that the worker lives, and caring for those that died.
 *
 *     every 30 s (--job-monitoring-interval)  leases of runs, records
 *     every 2 s    sign of life, while there are runs
 *     when the next one may be dead, 6 s at most
 *                  dead stems are found and their runs taken over
 *     100 ms after a change   what observers see of a slot
 */
#include "workers/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <signal.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/lease.h"
#include "model/record.h"
#include "redis/scripts.h"
#include "workers/callbacks.h"

#define OBSERVE_S     0.1
#define TAKE_LIMIT    100
#define LOOK_MARGIN_S 0.05
/* Of a run's lease beyond its heartbeat interval, and of records: as in RQ. */
#define MARGIN_S 60

/* A call about one slot. */
struct about {
    struct worker *worker;
    size_t slot;
    bool again; /* the record of that name was tried to be replaced */
};

/* A call that shows slots, in the order of its reply. */
struct shown {
    struct worker *worker;
    size_t count;
    size_t slots[];
};

/* ---- records ---- */

static struct crq_record record_of(const struct worker *w, size_t i)
{
    return (struct crq_record){ .name = w->slots[i].name,
        .birth_us = w->birth_us,
        .queues = w->options->queues,
        .queues_count = w->options->queue_count,
        .pid = (int64_t)getpid(),
        .hostname = w->hostname,
        .ip_address = "unknown",
        .version = crq_version(),
        .python_version = "" };
}

/* Of an idle record. It is renewed with every heartbeat. */
static int64_t record_ttl_s(const struct worker *w)
{
    int64_t interval_s = w->options->monitoring_interval_s;
    int64_t ttl_s = w->options->worker_ttl_s;

    return (ttl_s > interval_s ? ttl_s : interval_s) + MARGIN_S;
}

static void be_born(struct worker *w, size_t slot, const char *replaces);
static void die(struct worker *w, size_t slot);

static bool process_is_gone(const struct worker *w, const struct crq_born *born)
{
    char *end;
    long pid = strtol(born->pid, &end, 10);

    return strcmp(born->hostname, w->hostname) == 0 && pid > 0 &&
            *end == '\0' &&
            (pid == (long)getpid() ||
                    (kill((pid_t)pid, 0) < 0 && errno == ESRCH));
}

static void on_born(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct worker *w = about->worker;
    size_t slot = about->slot;
    bool again = about->again;
    struct crq_born born = { 0 };
    crq_error why;

    crq_free(about);
    w->births--;
    if (err == NULL && crq_birth_read(reply, &born, &why) < 0)
        err = &why;
    if (err != NULL) {
        crq_log_error(w->log, "birth of %s: %s", w->slots[slot].name,
                err->text);
        worker_look_at_end(w);
        return;
    }
    if (!born.refused) {
        w->slots[slot].registered = true;
        if (w->phase == LEAVING) { /* it was on its way when the others died */
            die(w, slot);
            return;
        }
        heartbeat_changed(w, slot);
        worker_look_ready(w);
        dequeue_kick(w);
        return;
    }
    if (w->phase == LEAVING) {
        worker_look_at_end(w);
        return;
    }
    /* Once: somebody else may do the same, and a record that does not say when
     * it was born cannot be replaced at all. */
    if (!again && born.birth[0] != '\0' && process_is_gone(w, &born)) {
        be_born(w, slot, born.birth);
        return;
    }
    worker_fail(w,
            "There exists an active worker named '%s' already (host %s, "
            "process %s): choose another --name",
            w->slots[slot].name, born.hostname, born.pid);
}

static void be_born(struct worker *w, size_t slot, const char *replaces)
{
    struct about *about = crq_calloc(1, sizeof(*about));
    struct crq_record record = record_of(w, slot);
    struct crq_args words;
    size_t nkeys;

    if (about == NULL)
        return;
    *about = (struct about){ w, slot, replaces != NULL };
    crq_args_init(&words);
    nkeys = crq_birth_words(&record, record_ttl_s(w), replaces, worker_now(w),
            &words);
    if (crq_async_script(w->link, &crq_script_worker_birth, nkeys, &words,
                on_born, about) == 0)
        w->births++;
    else
        crq_free(about);
    crq_args_fini(&words);
}

void heartbeat_register(struct worker *w)
{
    for (size_t i = 0; i < w->slot_count; i++)
        if (!w->slots[i].registered && w->births < w->slot_count)
            be_born(w, i, NULL);
        else
            heartbeat_changed(w, i);
}

static void on_dead(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct worker *w = arg;

    (void)reply;
    (void)err; /* it expires by itself */
    w->deaths--;
    worker_look_at_end(w);
}

static void die(struct worker *w, size_t slot)
{
    struct crq_record record = record_of(w, slot);
    struct crq_args words;
    size_t nkeys;

    w->slots[slot].registered = false;
    crq_args_init(&words);
    nkeys = crq_death_words(&record, worker_now(w), &words);
    if (crq_async_script(w->link, &crq_script_worker_death, nkeys, &words,
                on_dead, w) == 0)
        w->deaths++;
    crq_args_fini(&words);
}

bool heartbeat_has_left(const struct worker *w)
{
    /* A birth that waits for the link is never sent. */
    return w->deaths == 0 && (w->births == 0 || !crq_async_is_up(w->link)) &&
            crq_flush_is_over(&w->stats);
}

/* ---- what observers see ---- */

static void on_updated(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct shown *shown = arg;
    struct worker *w = shown->worker;
    crq_error why;

    if (err == NULL && crq_update_read(reply, shown->count, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_warn(w->log, "records: %s", err->text);
    for (size_t i = 0; err == NULL && i < shown->count; i++) {
        struct slot *slot = &w->slots[shown->slots[i]];

        if (slot->registered && !crq_update_kept(reply, i) &&
                w->phase != LEAVING) {
            slot->registered = false;
            be_born(w, shown->slots[i], NULL);
        }
    }
    crq_free(shown);
}

static int64_t lease_s(const struct worker *w, const struct run *run)
{
    int64_t interval_s = w->options->monitoring_interval_s;
    int64_t left_s = interval_s;

    if (run->timeout_s > 0)
        left_s = run->timeout_s - (worker_now(w) - run->started_us) / 1000000;
    if (left_s < 0)
        left_s = 0;
    return (left_s < interval_s ? left_s : interval_s) + MARGIN_S;
}

static struct crq_record_update update_of(const struct worker *w, size_t i)
{
    const struct slot *slot = &w->slots[i];
    const struct run *run = slot->run;

    return (struct crq_record_update){ .name = slot->name,
        .birth_us = w->birth_us,
        .state = run != NULL   ? "busy"
                : w->suspended ? "suspended"
                               : "idle",
        .current_job = run != NULL ? run->id : NULL,
        .current_job_working_time_s = run != NULL
                ? (double)(worker_now(w) - run->started_us) / 1e6
                : 0,
        .successful_job_count = slot->good,
        .failed_job_count = slot->bad,
        .total_working_time_s = slot->busy_s,
        .shutdown_requested_us =
                slot->asked_us != 0 ? slot->asked_us : CRQ_UNSET,
        .ttl_s = run != NULL ? lease_s(w, run) : record_ttl_s(w) };
}

/* Show the slots that have changed, or all of them, which renews them. What
 * cannot be sent now is shown by the next heartbeat at the latest. */
static void show(struct worker *w, bool all)
{
    struct shown *shown;
    struct crq_args words;
    size_t nkeys;

    if (!crq_async_is_up(w->link))
        return;
    shown = crq_calloc(1,
            sizeof(*shown) + w->slot_count * sizeof(shown->slots[0]));
    if (shown == NULL)
        return;
    shown->worker = w;
    crq_args_init(&words);
    nkeys = crq_update_start(&words, worker_now(w));
    for (size_t i = 0; i < w->slot_count; i++) {
        struct crq_record_update update;

        if (!w->slots[i].registered || !(all || w->slots[i].changed))
            continue;
        update = update_of(w, i);
        crq_update_add(&words, &update);
        w->slots[i].changed = false;
        shown->slots[shown->count++] = i;
    }
    if (shown->count == 0 ||
            crq_async_script(w->link, &crq_script_worker_update, nkeys, &words,
                    on_updated, shown) < 0)
        crq_free(shown);
    crq_args_fini(&words);
}

static void on_observe(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;

    (void)loop;
    (void)revents;
    show(w, false);
    crq_flush_now(&w->stats);
}

void heartbeat_changed(struct worker *w, size_t slot)
{
    w->slots[slot].changed = true;
    heartbeat_soon(w);
}

void heartbeat_soon(struct worker *w)
{
    if (ev_is_active(&w->observe))
        return;
    ev_timer_set(&w->observe, OBSERVE_S, 0.);
    ev_timer_start(w->loop, &w->observe);
}

void heartbeat_leave(struct worker *w)
{
    show(w, false); /* its last tenth of a second */
    crq_flush_now(&w->stats);
    for (size_t i = 0; i < w->slot_count; i++)
        if (w->slots[i].registered && crq_async_is_up(w->link))
            die(w, i);
}

/* ---- leases ---- */

/* The runs of a call, by slot and execution: a slot may run another job when
 * the reply comes. */
struct beat {
    struct worker *worker;
    size_t count;
    size_t *slots;
    char (*executions)[CRQ_EXECUTION_ID_LEN + 1];
};

static void beat_free(struct beat *beat)
{
    crq_free(beat->slots);
    crq_free(beat->executions);
    crq_free(beat);
}

static void on_beaten(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct beat *beat = arg;
    struct worker *w = beat->worker;
    crq_error why;

    if (err == NULL && crq_runs_read(reply, beat->count, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_warn(w->log, "heartbeat: %s", err->text);
    for (size_t i = 0; err == NULL && i < beat->count; i++) {
        const struct run *run = w->slots[beat->slots[i]].run;

        if (crq_runs_state(reply, i) == CRQ_RUN_REFUSED)
            crq_log_warn(w->log, "heartbeat: %s", crq_runs_why(reply, i));
        if (crq_runs_state(reply, i) == CRQ_RUN_LOST && run != NULL &&
                strcmp(run->execution, beat->executions[i]) == 0)
            crq_pool_end(w->pool, beat->slots[i], CRQ_END_LEASE_LOST, true);
    }
    beat_free(beat);
}

/* A run that waits for a slot is in none: then no execution matches, and what
 * has become of it shows when its callback is to be called. */
static void add_beat(struct beat *beat, struct crq_args *words,
        const struct run *run, size_t slot)
{
    struct crq_runref ref = { run->queue, run->id, run->execution };

    crq_heartbeat_add(words, beat->worker->lease, &ref,
            lease_s(beat->worker, run));
    beat->slots[beat->count] = slot;
    strcpy(beat->executions[beat->count++], run->execution);
}

static void on_beat(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;
    struct beat *beat = crq_calloc(1, sizeof(*beat));
    struct crq_args words;
    size_t nkeys, most = w->slot_count;

    (void)loop;
    (void)revents;
    show(w, true);
    if (beat == NULL)
        return;
    beat->worker = w;
    for (const struct run *run = w->adopted; run != NULL; run = run->next)
        most++;
    beat->slots = crq_calloc(most, sizeof(*beat->slots));
    beat->executions = crq_calloc(most, sizeof(*beat->executions));
    if (beat->slots == NULL || beat->executions == NULL ||
            !crq_async_is_up(w->link)) {
        beat_free(beat);
        return;
    }
    crq_args_init(&words);
    nkeys = crq_heartbeat_start(&words, worker_now(w));
    for (size_t i = 0; i < w->slot_count; i++)
        if (w->slots[i].run != NULL)
            add_beat(beat, &words, w->slots[i].run, i);
    for (const struct run *run = w->adopted; run != NULL; run = run->next)
        add_beat(beat, &words, run, 0);
    if (beat->count == 0 ||
            crq_async_script(w->link, &crq_script_heartbeat, nkeys, &words,
                    on_beaten, beat) < 0)
        beat_free(beat);
    crq_args_fini(&words);
}

/* ---- dead workers' runs ---- */

static void on_taken(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct worker *w = arg;
    struct crq_taken_over taken = { 0 };
    crq_error why;

    if (err == NULL && crq_take_over_read(reply, &taken, &why) < 0)
        err = &why;
    if (err != NULL) {
        crq_log_warn(w->log, "take-over: %s", err->text);
        return;
    }
    for (size_t i = 0; i < taken.adopted; i++) {
        struct crq_runref run;

        if (crq_adopted_run(reply, i, &run, NULL) == 0)
            callbacks_adopt(w, &run);
    }
    stats_abandoned(w, NULL, taken.failed, taken.retried);
    if (taken.adopted > 0)
        heartbeat_runs_came(w);
    if (taken.back + taken.failed + taken.retried > 0) {
        crq_log_warn(w->log,
                "runs of a dead worker: %lld back in their queues, %lld "
                "failed, %lld retried, %lld still have time",
                (long long)taken.back, (long long)taken.failed,
                (long long)taken.retried, (long long)taken.left);
        dequeue_kick(w);
        if (taken.failed > 0)
            promote_go_on(w);
    }
}

static void take_over(struct worker *w, const char *dead)
{
    struct crq_take_over what = { dead, w->lease, TAKE_LIMIT, worker_now(w) };
    struct crq_args words;
    crq_error err;
    size_t nkeys;

    crq_args_init(&words);
    if (crq_take_over_words(&what, &words, &nkeys, &err) < 0)
        crq_log_warn(w->log, "take-over: %s", err.text);
    else
        (void)!crq_async_script(w->link, &crq_script_take_over, nkeys, &words,
                on_taken, w);
    crq_args_fini(&words);
}

/* It holds no runs, so it owes no sign of life, and until then nobody can be
 * dead. Several look at the same moment: that is when the dead one is found,
 * and no harm. */
static void look_later(struct worker *w, int64_t next_ms)
{
    double after_s = (double)next_ms / 1e3 + LOOK_MARGIN_S;

    if (next_ms < 0 || after_s > CRQ_ALIVE_S)
        after_s = CRQ_ALIVE_S;
    if (after_s > CRQ_ALIVE_EVERY_S)
        w->alive.repeat = after_s;
    ev_timer_again(w->loop, &w->alive);
    w->alive.repeat = CRQ_ALIVE_EVERY_S;
}

static void on_alive_reply(void *arg, const crq_reply *reply,
        const crq_error *err)
{
    struct worker *w = arg;
    int64_t runs;
    size_t dead = 0;

    if (err != NULL || crq_alive_read(reply, &runs, &dead, NULL) < 0)
        return;
    if (runs == 0 && dead == 0)
        look_later(w, crq_alive_next_ms(reply));
    else if (dead == CRQ_ALIVE_TELLS) /* there may be more */
        ev_feed_event(w->loop, &w->alive, EV_TIMER);
    for (size_t i = 0; i < dead && w->phase == WORKING; i++)
        take_over(w, crq_alive_dead(reply, i));
}

/* Redis may refuse a birth for a while: it loads, or takes no writes. */
static void be_born_after_all(struct worker *w)
{
    for (size_t i = 0;
            i < w->slot_count && w->phase == WORKING && w->births == 0; i++)
        if (!w->slots[i].registered) {
            heartbeat_register(w);
            return;
        }
}

static void on_alive(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;
    struct crq_args words;
    size_t nkeys;

    (void)loop;
    (void)revents;
    if (!crq_async_is_up(w->link))
        return;
    be_born_after_all(w);
    crq_flush_now(&w->stats);
    crq_args_init(&words);
    if (!w->hears_suspend)
        suspension_ask(w);
    nkeys = crq_alive_words(w->lease, &words);
    (void)!crq_async_script(w->link, &crq_script_alive, nkeys, &words,
            on_alive_reply, w);
    crq_args_fini(&words);
}

/* ---- all of it ---- */

void heartbeat_runs_came(struct worker *w)
{
    if (ev_timer_remaining(w->loop, &w->alive) > CRQ_ALIVE_EVERY_S)
        ev_timer_again(w->loop, &w->alive);
}

void heartbeat_now(struct worker *w)
{
    ev_feed_event(w->loop, &w->beat, EV_TIMER);
    ev_feed_event(w->loop, &w->alive, EV_TIMER);
    promote_go_on(w);
}

static void start_timer(struct worker *w, ev_timer *timer,
        void (*on)(struct ev_loop *, ev_timer *, int), double every_s)
{
    ev_timer_init(timer, on, every_s, every_s);
    timer->data = w;
    if (every_s > 0)
        ev_timer_start(w->loop, timer);
}

void heartbeat_init(struct worker *w)
{
    start_timer(w, &w->beat, on_beat,
            (double)w->options->monitoring_interval_s);
    start_timer(w, &w->alive, on_alive, CRQ_ALIVE_EVERY_S);
    start_timer(w, &w->observe, on_observe, 0.);
}

void heartbeat_fini(struct worker *w)
{
    ev_timer_stop(w->loop, &w->beat);
    ev_timer_stop(w->loop, &w->alive);
    ev_timer_stop(w->loop, &w->observe);
}
