/*
 * worker.c - a worker's life: birth, signals, stop.
 *
 *     WORKING --> DRAINING --> LEAVING    SIGTERM, SIGINT, shutdown,
 *                   |            |        the end of a burst
 *                   +> KILLING --+        a second signal, --drain-timeout
 *
 * Draining waits for running jobs; killing ends them, and each leaves its
 * reason in Redis. Leaving waits until all that is owed to Redis is answered,
 * takes the records back and closes the pool. A Redis that is away keeps a
 * draining worker, so that no end of a run is lost; a killing or leaving one
 * gives it ten seconds.
 */
#include "workers/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "workers/callbacks.h"
#include "workers/scheduler.h"
#include "workers/webhooks.h"

int64_t worker_now(const struct worker *w)
{
    return crq_clock_wall_us(w->clock);
}

/* ---- the end ---- */

static bool owes_something(struct worker *w)
{
    for (size_t i = 0; i < w->slot_count; i++)
        if (w->slots[i].run != NULL)
            return true;
    if (w->phase == KILLING && !crq_async_is_up(w->link))
        return false; /* who knows when it comes back */
    return w->claiming != NULL || w->ended.count > 0 || w->finishing > 0 ||
            w->waiting.count + w->starting.count + w->back.count > 0 ||
            courier_owes(w) || janitor_is_busy(w) || scheduler_owes(w);
}

/* How long the answers of Redis are waited for when all else has ended: one
 * that does not come back must not keep the process. */
#define GIVE_UP_S 10.

static void start_patience(struct worker *w)
{
    ev_timer_stop(w->loop, &w->drain);
    ev_timer_set(&w->drain, GIVE_UP_S, 0.);
    ev_timer_start(w->loop, &w->drain);
}

void worker_look_at_end(struct worker *w)
{
    if (w->phase == WORKING || owes_something(w))
        return;
    if (w->phase != LEAVING) {
        if (w->ended.count + w->finishing > 0) {
            crq_log_error(w->log,
                    "Redis is away: the ends of %zu runs are not written",
                    w->ended.count + w->finishing);
            w->failed = true;
        }
        w->phase = LEAVING;
        start_patience(w);
        heartbeat_leave(w);
    }
    if (heartbeat_has_left(w))
        crq_pool_close(w->pool, true);
}

/* Runs whose ends could not be written lose their leases; then they are
 * failed as abandoned. Children die with the pool. */
static void give_up(struct worker *w)
{
    crq_log_error(w->log, "leaving with %zu ends of runs not written",
            w->ended.count + w->finishing);
    w->failed = true;
    ev_break(w->loop, EVBREAK_ALL);
}

static void on_drained(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;

    (void)loop;
    (void)revents;
    if (w->phase != DRAINING) {
        give_up(w);
        return;
    }
    crq_log_warn(w->log, "running jobs did not end in time: they are ended");
    worker_stop(w, true);
}

void worker_stop(struct worker *w, bool cold)
{
    if (w->phase == WORKING) {
        size_t running = crq_pool_running(w->pool);

        crq_log_info(w->log, "stopping: %zu %s running", running,
                running == 1 ? "job is" : "jobs are");
        w->phase = DRAINING;
        waiting_hand_back(w);
        callbacks_stop(w);
        notify_stopping(&w->notify);
        for (size_t i = 0; i < w->slot_count; i++) {
            if (w->slots[i].run != NULL) {
                w->slots[i].asked_us = worker_now(w);
                heartbeat_changed(w, i);
            }
            crq_pool_stop_soon(w->pool, i);
        }
        if (w->options->drain_timeout_ms >= 0) {
            ev_timer_set(&w->drain, (double)w->options->drain_timeout_ms / 1e3,
                    0.);
            ev_timer_start(w->loop, &w->drain);
        }
    }
    if (cold && w->phase == DRAINING) {
        w->phase = KILLING;
        start_patience(w);
        for (size_t i = 0; i < w->slot_count; i++)
            crq_pool_end(w->pool, i, CRQ_END_SHUTDOWN, true);
    }
    worker_look_at_end(w);
}

/* What is tried again and again. */
static const char *const troubles[] = {
    [TROUBLE_CLAIM] = "no jobs can be claimed",
    [TROUBLE_BEGIN] = "the begin of runs cannot be written",
    [TROUBLE_HAND_BACK] = "jobs cannot be handed back",
    [TROUBLE_FINISH] = "the ends of runs cannot be written",
};

void worker_trouble(struct worker *w, enum trouble which, const char *why)
{
    bool said = (w->troubles & 1U << which) != 0;

    w->troubles |= 1U << which;
    crq_log_write(w->log, said ? CRQ_LOG_DEBUG : CRQ_LOG_ERROR,
            "%s: %s; it is tried again", troubles[which], why);
}

void worker_recovered(struct worker *w, enum trouble which)
{
    if ((w->troubles & 1U << which) == 0)
        return;
    w->troubles &= ~(1U << which);
    crq_log_info(w->log, "over: %s", troubles[which]);
}

void worker_fail(struct worker *w, const char *format, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    crq_log_error(w->log, "%s", text);
    w->failed = true;
    worker_stop(w, false);
}

/* Whoever starts workers tells them to stop, and so does the terminal that all
 * of them share: two signals at once are one, as in RQ. */
#define ONE_STOP_US INT64_C(1000000)

void worker_asked_to_stop(struct worker *w, bool again)
{
    int64_t now_us = crq_clock_mono_us(w->clock);

    again = again && w->asked_us != 0;
    if (again && now_us - w->asked_us < ONE_STOP_US) {
        crq_log_info(w->log,
                "asked to stop twice within a second: once is meant");
        return;
    }
    if (w->asked_us == 0)
        w->asked_us = now_us;
    worker_stop(w, again);
}

static void on_signal(struct ev_loop *loop, ev_signal *sig, int revents)
{
    (void)loop;
    (void)revents;
    worker_asked_to_stop(sig->data, true);
}

static void on_sighup(struct ev_loop *loop, ev_signal *sig, int revents)
{
    struct worker *w = sig->data;
    crq_error err;

    (void)loop;
    (void)revents;
    crq_log_info(w->log, "loading the modules again");
    if (crq_pool_reload(w->pool, NULL, 0, &err) < 0)
        crq_log_error(w->log, "reload: %s", err.text);
    else
        notify_reloading(&w->notify);
}

void worker_look_ready(struct worker *w)
{
    for (size_t i = 0; i < w->slot_count; i++)
        if (!w->slots[i].registered)
            return;
    if (w->ready && w->phase == WORKING)
        notify_ready(&w->notify);
}

/* ---- the pool ---- */

/* Who starts a burst waits for its end, and would for Redis; a service goes
 * on trying. */
static void say_away(struct worker *w)
{
    if (w->options->burst && !w->met)
        worker_fail(w, "%s", w->why_away.text);
    else
        crq_log_warn(w->log, "%s", w->why_away.text);
}

static void on_ready(void *arg, const struct crq_pool_task *tasks, size_t count)
{
    struct worker *w = arg;

    for (size_t i = 0; i < count; i++)
        crq_log_debug(w->log, "task %s(%s)", tasks[i].name,
                tasks[i].params != NULL ? tasks[i].params : "");
    crq_log_info(w->log, "%zu tasks, %zu children, queues:%s%s%s", count,
            w->slot_count, w->options->queue_count > 1 ? " " : " ",
            w->options->queues[0], w->options->queue_count > 1 ? " ..." : "");
    w->ready = true;
    if (w->away) /* not said before, in case that the modules were refused */
        say_away(w);
    worker_look_ready(w);
    dequeue_kick(w);
}

static void on_refused(void *arg, const char *why)
{
    struct worker *w = arg;

    if (!w->ready) {
        worker_fail(w, "%s", why);
        return;
    }
    crq_log_error(w->log, "the old modules stay: %s", why);
    worker_look_ready(w);
}

static void on_idle(void *arg, size_t slot)
{
    struct worker *w = arg;

    if (callbacks_on_idle(w, slot))
        return;
    w->slots[slot].idle = true;
    dequeue_kick(w);
    worker_look_at_end(w);
}

static void on_server_died(void *arg, pid_t pid, int wait_status)
{
    struct worker *w = arg;

    crq_log_error(w->log, "the fork server (%ld) died, wait status %d",
            (long)pid, wait_status);
}

static void on_closed(void *arg)
{
    struct worker *w = arg;

    ev_break(w->loop, EVBREAK_ALL);
}

static const struct crq_pool_events pool_events = { on_ready, on_refused,
    on_idle, on_log, on_outcome, on_died, on_server_died, on_closed };

/* ---- the link ---- */

static void on_up(void *arg)
{
    struct worker *w = arg;

    w->away = false;
    w->met = true;
    crq_log_info(w->log, "connected to Redis at %s",
            crq_async_address(w->link));
    heartbeat_register(w);
    heartbeat_now(w);
    janitor_up(w);
    dequeue_kick(w);
}

static void on_down(void *arg, const crq_error *err)
{
    struct worker *w = arg;

    w->why_away = *err;
    /* Once for an outage; on_up() says when it is over. */
    if (w->ready && !w->away)
        say_away(w);
    else if (w->ready)
        crq_log_debug(w->log, "%s", err->text);
    w->away = true;
    /* Nobody knows for how long; others may be able to take them. */
    waiting_hand_back(w);
    worker_look_at_end(w);
}

/* ---- birth ---- */

static int name_slots(struct worker *w, crq_error *err)
{
    const char *name = w->options->name;
    char unique[CRQ_UUID_LEN + 1];

    if (name != NULL && (name[0] == '\0' || strlen(name) > CRQ_NAME_MAX - 24))
        return crq_fail(err, CRQ_EINVAL, "--name: 1 to %d bytes",
                CRQ_NAME_MAX - 24);
    if (gethostname(w->hostname, sizeof(w->hostname)) < 0)
        snprintf(w->hostname, sizeof(w->hostname), "localhost");
    w->hostname[sizeof(w->hostname) - 1] = '\0';
    if (name != NULL)
        snprintf(w->stem, sizeof(w->stem), "%s", name);
    else
        snprintf(w->stem, sizeof(w->stem), "%s.%ld", w->hostname,
                (long)getpid());
    crq_uuid4(unique);
    snprintf(w->lease, sizeof(w->lease), "%.360s.%.8s", w->stem, unique);
    w->slots = crq_calloc(w->slot_count, sizeof(*w->slots));
    if (w->slots == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < w->slot_count; i++) {
        char number[24] = "";

        if (w->slot_count > 1)
            snprintf(number, sizeof(number), ".%zu", i + 1);
        snprintf(w->slots[i].name, sizeof(w->slots[i].name), "%.376s%s",
                w->stem, number);
    }
    return 0;
}

static bool keep_child(void *arg, pid_t pid)
{
    return courier_is(arg, pid) || scheduler_is(arg, pid);
}

static int start_pool(struct worker *w, crq_error *err)
{
    struct crq_pool_options options = { .slots = w->slot_count,
        .url = w->options->url,
        .modules = w->options->modules,
        .module_count = w->options->module_count,
        .kill_grace_ms = w->options->kill_grace_ms,
        .max_jobs_per_child = w->options->max_jobs_per_child,
        .max_child_memory_mib = w->options->max_child_memory_mib,
        .log = w->log,
        .keep_child = keep_child };

    return crq_pool_new(w->loop, &options, &pool_events, w, &w->pool, err);
}

static void watch_signal(struct worker *w, ev_signal *sig, int number,
        void (*on)(struct ev_loop *, ev_signal *, int))
{
    ev_signal_init(sig, on, number);
    sig->data = w;
    ev_signal_start(w->loop, sig);
}

static int begin(struct worker *w, crq_error *err)
{
    struct crq_async_options link = { .url = w->options->url,
        .name = w->stem,
        .on_up = on_up,
        .on_down = on_down,
        .arg = w };
    int rc = name_slots(w, err);

    notify_init(&w->notify, w->loop); /* before there are children */
    watch_signal(w, &w->sigint, SIGINT, on_signal);
    watch_signal(w, &w->sigterm, SIGTERM, on_signal);
    watch_signal(w, &w->sighup, SIGHUP, on_sighup);
    ev_timer_init(&w->drain, on_drained, 0., 0.);
    w->drain.data = w;
    strategy_init(w);
    heartbeat_init(w);
    waiting_init(w);
    runs_init(w);
    joblog_init(w);
    courier_init(w);
    scheduler_init(w);
    if (rc == 0)
        rc = janitor_init(w, err);
    if (rc == 0)
        rc = crq_async_new(w->loop, &link, &w->link, err);
    stats_init(w);
    if (rc == 0)
        rc = listener_init(w, err);
    if (rc == 0)
        rc = dequeue_init(w, err);
    return rc < 0 ? rc : start_pool(w, err);
}

static void end(struct worker *w)
{
    notify_fini(&w->notify);
    if (w->link != NULL)
        crq_async_abandon(w->link); /* the callbacks free what they hold */
    crq_pool_free(w->pool);
    waiting_fini(w);
    runs_fini(w);
    joblog_fini(w);
    callbacks_fini(w);
    courier_fini(w);
    scheduler_fini(w);
    heartbeat_fini(w);
    crq_flush_fini(&w->stats);
    janitor_fini(w);
    strategy_fini(w);
    dequeue_fini(w);
    listener_fini(w);
    crq_async_free(w->link);
    ev_timer_stop(w->loop, &w->drain);
    ev_signal_stop(w->loop, &w->sigint);
    ev_signal_stop(w->loop, &w->sigterm);
    ev_signal_stop(w->loop, &w->sighup);
    crq_free(w->slots);
}

int worker_run(const struct options *options, struct crq_log *log)
{
    struct worker w = { .options = options,
        .clock = &crq_clock_system,
        .log = log,
        .loop = ev_default_loop(EVFLAG_AUTO),
        .slot_count = (size_t)options->jobs,
        .phase = WORKING };
    crq_error err;
    int rc;

    if (options->burst)
        scheduler_burst(options, log);
    w.birth_us = crq_clock_wall_us(w.clock);
    rc = begin(&w, &err);
    if (rc == 0)
        ev_run(w.loop, 0);
    else
        crq_log_error(log, "%s", err.text);
    end(&w);
    return rc == CRQ_EINVAL ? 64 : rc < 0 || w.failed ? 1 : 0;
}
