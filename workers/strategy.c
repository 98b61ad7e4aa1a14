/*
 * strategy.c - the order in which queues are looked at, and leaving when there
 * is nothing to do for long.
 *
 * Source: RQ 2.10, BaseWorker.reorder_queues() and work().
 */
#include "workers/worker.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"

#define IDLE_TICK_S 0.2

static const char *const names[] = {
    [STRATEGY_DEFAULT] = "default",
    [STRATEGY_ROUND_ROBIN] = "round_robin",
    [STRATEGY_RANDOM] = "random",
};

bool strategy_parse(const char *name, enum strategy *out)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum strategy)i;
            return true;
        }
    return false;
}

static void shuffle(const char **list, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        uint32_t number = 0;
        const char *last = list[i - 1];
        size_t other;

        crq_random(&number, sizeof(number));
        other = number % i;
        list[i - 1] = list[other];
        list[other] = last;
    }
}

const char *const *strategy_order(struct worker *w)
{
    if (w->options->strategy == STRATEGY_RANDOM)
        shuffle(w->order, w->options->queue_count);
    return w->order;
}

void strategy_took(struct worker *w, const char *queue)
{
    size_t count = w->options->queue_count, at = 0;
    const char *next[MAX_QUEUES];

    if (w->options->strategy != STRATEGY_ROUND_ROBIN)
        return;
    while (at < count && strcmp(w->order[at], queue) != 0)
        at++;
    if (at == count) /* the job says that it is of another one */
        return;
    for (size_t i = 0; i < count; i++)
        next[i] = w->order[(at + 1 + i) % count];
    memcpy(w->order, next, count * sizeof(*next));
}

/* ---- nothing to do ---- */

static bool is_busy(const struct worker *w)
{
    for (size_t i = 0; i < w->slot_count; i++)
        if (w->slots[i].run != NULL)
            return true;
    return !w->ready || w->claiming != NULL || w->waiting.count > 0 ||
            w->finishing > 0 || w->adopted != NULL;
}

static void on_idle_tick(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;
    int64_t now_us = crq_clock_mono_us(w->clock);

    (void)loop;
    (void)revents;
    if (is_busy(w) || w->started != w->started_before) {
        w->started_before = w->started;
        w->busy_us = now_us;
    }
    if (w->phase != WORKING ||
            now_us - w->busy_us < w->options->max_idle_s * 1000000)
        return;
    crq_log_info(w->log, "nothing to do for %lld seconds",
            (long long)w->options->max_idle_s);
    ev_timer_stop(w->loop, &w->idle);
    worker_stop(w, false);
}

void strategy_init(struct worker *w)
{
    for (size_t i = 0; i < w->options->queue_count; i++)
        w->order[i] = w->options->queues[i];
    w->busy_us = crq_clock_mono_us(w->clock);
    ev_timer_init(&w->idle, on_idle_tick, IDLE_TICK_S, IDLE_TICK_S);
    w->idle.data = w;
    if (w->options->max_idle_s > 0)
        ev_timer_start(w->loop, &w->idle);
}

void strategy_fini(struct worker *w)
{
    ev_timer_stop(w->loop, &w->idle);
}
