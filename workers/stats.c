/*
 * stats.c - counting how runs end, for those who look at statistics.
 *
 * It is counted here, in memory, and added to Redis with what observers see of
 * the slots, so no job costs a command more. One call is on its way at a time;
 * what Redis refuses stays here until it takes it. A worker that is killed
 * takes along what it has counted since its last call: a tenth of a second.
 */
#include "workers/worker.h"

#include <string.h>

#include "base/mem.h"

/* What became of a job, as it is counted; none of what is missing. */
static const struct {
    bool counts;
    crq_stat stat;
} ends[] = {
    [CRQ_FINISHED_OK] = { true, CRQ_STAT_FINISHED },
    [CRQ_FINISHED_FAILED] = { true, CRQ_STAT_FAILED },
    [CRQ_FINISHED_STOPPED] = { true, CRQ_STAT_STOPPED },
    [CRQ_FINISHED_QUEUED] = { true, CRQ_STAT_RETRIED },
    [CRQ_FINISHED_SCHEDULED] = { true, CRQ_STAT_RETRIED },
    [CRQ_FINISHED_CANCELED] = { true, CRQ_STAT_CANCELED },
    [CRQ_FINISHED_REFUSED] = { false, CRQ_STAT_FAILED },
};

void stats_note_error(struct run *run, const struct crq_finish *how)
{
    if (how->error == NULL || how->ending == CRQ_ENDING_STOPPED)
        return;
    if (run->cause == NULL)
        run->cause = crq_calloc(1, sizeof(*run->cause));
    if (run->cause == NULL)
        return;
    run->cause->times = 1;
    run->cause->last_us = run->ended_us;
    strcpy(run->cause->job, run->id);
    strcpy(run->cause->queue, run->queue);
    if (run->func != NULL)
        crq_cause_text(run->cause->func, run->func, strlen(run->func));
    crq_cause_read(run->cause, how->error, how->error_len);
}

void stats_ended(struct worker *w, const struct run *run,
        enum crq_finished state)
{
    struct crq_tallies *tallies = &w->stats.counting;

    if (!ends[state].counts)
        return;
    crq_tallies_end(tallies, run->queue, ends[state].stat, 1);
    if (run->adopted) /* when it was begun, a dead worker knew */
        crq_tallies_end(tallies, run->queue, CRQ_STAT_ABANDONED, 1);
    else
        crq_tallies_time(tallies, run->queue, CRQ_TIMING_RUN,
                run->ended_us - run->started_us);
    if (run->enqueued_us != 0)
        crq_tallies_time(tallies, run->queue, CRQ_TIMING_WAIT,
                run->started_us - run->enqueued_us);
    if (run->cause != NULL && state != CRQ_FINISHED_CANCELED)
        crq_tallies_cause(tallies, run->cause);
    heartbeat_soon(w);
}

void stats_abandoned(struct worker *w, const char *queue, int64_t failed,
        int64_t retried)
{
    struct crq_tallies *tallies = &w->stats.counting;

    if (failed + retried == 0)
        return;
    crq_tallies_end(tallies, queue, CRQ_STAT_FAILED, failed);
    crq_tallies_end(tallies, queue, CRQ_STAT_RETRIED, retried);
    crq_tallies_end(tallies, queue, CRQ_STAT_ABANDONED, failed + retried);
    heartbeat_soon(w);
}

static void on_added(void *arg, const crq_error *err)
{
    struct worker *w = arg;

    if (err != NULL && !w->stats_told)
        crq_log_write(w->log,
                w->phase == LEAVING ? CRQ_LOG_DEBUG : CRQ_LOG_WARN,
                "statistics: %s", err->text);
    w->stats_told = err != NULL;
    if (w->phase != LEAVING) {
        /* What was refused comes with the next sign of life: Redis may go on
         * refusing it for as long as this worker runs. */
        if (err == NULL && !crq_tallies_empty(&w->stats.counting))
            heartbeat_soon(w);
        return;
    }
    if (err == NULL) /* what was counted meanwhile */
        crq_flush_now(&w->stats);
    worker_look_at_end(w);
}

void stats_init(struct worker *w)
{
    w->stats.link = w->link;
    w->stats.process = w->lease;
    w->stats.on_done = on_added;
    w->stats.arg = w;
}
