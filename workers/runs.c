/*
 * runs.c - a run, from its end to the reply of its finish.
 *
 * What ends in one turn of the loop is finished by one call. The child is free
 * for its next job at once; the finish is on its way meanwhile, and stays so
 * until Redis has answered.
 */
#include "workers/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "redis/scripts.h"
#include "workers/callbacks.h"
#include "workers/webhooks.h"

/* Bytes of a batch after which the next one begins: a script call of bounded
 * length. */
#define BATCH_BYTES ((size_t)256 << 10)
#define BATCH_RUNS  64

void run_free(struct run *run)
{
    if (run == NULL)
        return;
    joblog_free(run);
    crq_free(run->cause);
    crq_free(run->func);
    crq_free(run->data);
    crq_free(run->meta);
    callbacks_free(run->callbacks);
    webhooks_free(run->webhooks);
    crq_free(run);
}

/* ---- lists and batches ---- */

void runs_list_init(struct runs *list)
{
    *list = (struct runs){ NULL, &list->first, 0 };
}

void runs_push(struct runs *list, struct run *run)
{
    run->next = NULL;
    *list->last = run;
    list->last = &run->next;
    list->count++;
}

struct run *runs_pop(struct runs *list)
{
    struct run *run = list->first;

    if (run == NULL)
        return NULL;
    list->first = run->next;
    if (list->first == NULL)
        list->last = &list->first;
    list->count--;
    return run;
}

void runs_clear(struct runs *list)
{
    for (struct run *run = runs_pop(list); run != NULL; run = runs_pop(list))
        run_free(run);
}

bool batch_send(struct worker *w, struct runs *runs,
        const struct crq_script *script, size_t nkeys, struct crq_args *words,
        crq_async_reply *reply)
{
    struct batch *batch = crq_calloc(1, sizeof(*batch));

    if (batch == NULL)
        return false;
    if (crq_async_script(w->link, script, nkeys, words, reply, batch) < 0) {
        crq_free(batch);
        return false;
    }
    batch->worker = w;
    runs_list_init(&batch->runs);
    for (struct run *run = runs_pop(runs); run != NULL; run = runs_pop(runs))
        runs_push(&batch->runs, run);
    batch->next = w->batches;
    batch->at = &w->batches;
    if (batch->next != NULL)
        batch->next->at = &batch->next;
    w->batches = batch;
    w->finishing += batch->runs.count;
    return true;
}

void batch_end(struct batch *batch)
{
    struct worker *w = batch->worker;

    w->finishing -= batch->runs.count;
    *batch->at = batch->next;
    if (batch->next != NULL)
        batch->next->at = batch->at;
    runs_clear(&batch->runs);
    crq_free(batch);
    if (w->options->burst)
        dequeue_kick(w);
    worker_look_at_end(w);
}

/* ---- finishing ---- */

static void count(struct worker *w, const struct run *run,
        enum crq_finished state)
{
    struct slot *slot = &w->slots[run->slot];

    if (run->adopted) /* it was another worker's */
        return;
    switch (state) {
    case CRQ_FINISHED_OK: slot->good++; break;
    case CRQ_FINISHED_FAILED:
    case CRQ_FINISHED_STOPPED:
    case CRQ_FINISHED_QUEUED:
    case CRQ_FINISHED_SCHEDULED: slot->bad++; break;
    default: return;
    }
    slot->busy_s += (double)(run->ended_us - run->started_us) / 1e6;
    heartbeat_changed(w, run->slot);
}

static void log_finished(struct worker *w, const struct run *run,
        enum crq_finished state, const char *text)
{
    static const char *const words[] = {
        [CRQ_FINISHED_LOST] = "had lost its lease: nothing was written",
        [CRQ_FINISHED_OK] = "finished",
        [CRQ_FINISHED_FAILED] = "failed",
        [CRQ_FINISHED_STOPPED] = "was stopped",
        [CRQ_FINISHED_QUEUED] = "failed and is queued again",
        [CRQ_FINISHED_SCHEDULED] = "failed and is scheduled again",
        [CRQ_FINISHED_CANCELED] = "ended, canceled while it ran",
        [CRQ_FINISHED_REFUSED] = "cannot be finished",
    };
    enum crq_log_level level =
            state == CRQ_FINISHED_OK ? CRQ_LOG_INFO : CRQ_LOG_WARN;

    crq_log_write(w->log, level, "%s: job %s %s after %.3f s%s%s", run->queue,
            run->id, words[state],
            (double)(run->ended_us - run->started_us) / 1e6,
            text != NULL ? ": " : "", text != NULL ? text : "");
}

/* What runs owe to Redis is not given up because Redis refuses it now: it may
 * be read-only, full or busy. Unless nobody waits any more. */
bool run_try_again(struct worker *w, enum trouble which, const crq_error *err)
{
    if (w->phase == KILLING || w->phase == LEAVING)
        return false;
    worker_trouble(w, which, err->text);
    crq_async_again(w->link);
    return true;
}

static void on_finished(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct batch *batch = arg;
    struct worker *w = batch->worker;
    crq_error why;
    size_t i = 0;

    if (err != NULL && run_try_again(w, TROUBLE_FINISH, err))
        return;
    if (err == NULL && crq_finish_read(reply, batch->runs.count, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_write(w->log,
                w->phase == LEAVING ? CRQ_LOG_DEBUG : CRQ_LOG_ERROR,
                "finish of %zu jobs: %s", batch->runs.count, err->text);
    else
        worker_recovered(w, TROUBLE_FINISH);
    for (struct run *run = batch->runs.first; err == NULL && run != NULL;
            run = run->next) {
        const char *text = NULL;
        enum crq_finished state = crq_finish_state(reply, i++, &text);

        count(w, run, state);
        stats_ended(w, run, state);
        log_finished(w, run, state, text);
        webhooks_send(w, run, state);
    }
    if (err == NULL && crq_finish_promotes(reply, batch->runs.count))
        promote_go_on(w);
    batch_end(batch);
}

static void send_ended(struct worker *w)
{
    /* Without memory the next turn tries again. */
    if (w->ended.count > 0)
        (void)batch_send(w, &w->ended, &crq_script_finish, w->finish_nkeys,
                &w->finish_words, on_finished);
}

static void on_end_of_turn(struct ev_loop *loop, ev_prepare *prepare,
        int revents)
{
    (void)loop;
    (void)revents;
    send_ended(prepare->data);
    waiting_send(prepare->data);
}

static int add_finish(struct worker *w, const struct crq_finish *how,
        crq_error *err)
{
    if (w->ended.count == 0)
        w->finish_nkeys = crq_finish_start(&w->finish_words,
                w->options->results_ttl_s, how->ended_us);
    return crq_finish_add(&w->finish_words, how, err);
}

/* What the job is told instead of an end that is too large to be written. */
static int add_too_large(struct worker *w, struct crq_finish *how,
        crq_error *err)
{
    static const char text[] =
            "ValueError: what the task returned, or its error text, is larger "
            "than can be kept";

    *how = (struct crq_finish){ .run = how->run,
        .stem = how->stem,
        .worker = how->worker,
        .ending = CRQ_ENDING_FAILURE,
        .ended_us = how->ended_us,
        .error = text,
        .error_len = strlen(text) };
    return add_finish(w, how, err);
}

void run_finish(struct worker *w, struct run *run, const struct crq_runref *ref,
        struct crq_finish *how)
{
    crq_error err;
    int rc;

    joblog_flush(w, run);
    run->ended_us = worker_now(w);
    how->run = ref != NULL
            ? *ref
            : (struct crq_runref){ run->queue, run->id, run->execution };
    how->stem = w->lease;
    how->worker = w->slots[run->slot].name;
    how->ended_us = run->ended_us;
    rc = add_finish(w, how, &err);
    if (rc < 0)
        rc = add_too_large(w, how, &err);
    if (rc < 0) {
        /* Its lease runs out; then it is failed as abandoned. */
        crq_log_error(w->log, "job %s: its end cannot be written: %s", run->id,
                err.text);
        run_free(run);
        return;
    }
    webhooks_keep(w, run, how);
    stats_note_error(run, how);
    runs_push(&w->ended, run);
    heartbeat_changed(w, run->slot);
    if (w->ended.count == BATCH_RUNS ||
            w->finish_words.bytes.len >= BATCH_BYTES)
        send_ended(w);
}

void run_fail(struct worker *w, struct run *run, const struct crq_runref *ref,
        const char *text)
{
    struct crq_finish how = {
        .ending = CRQ_ENDING_FAILURE, .error = text, .error_len = strlen(text)
    };

    run_finish(w, run, ref, &how);
}

struct run *run_take_out(struct worker *w, size_t index)
{
    struct run *run = w->slots[index].run;

    w->slots[index].run = NULL;
    pace_took(&w->pace, worker_now(w) - run->started_us);
    return run;
}

/* ---- how a run ends ---- */

void on_outcome(void *arg, size_t index, struct crq_outcome *outcome)
{
    static const enum crq_ending endings[] = {
        [CRQ_OUTCOME_RETURNED] = CRQ_ENDING_SUCCESS,
        [CRQ_OUTCOME_FAILED] = CRQ_ENDING_FAILURE,
        [CRQ_OUTCOME_RETRY] = CRQ_ENDING_RETRY,
    };
    struct crq_finish how = { .ending = endings[outcome->kind],
        .value = outcome->value,
        .value_len = outcome->value_len,
        .error = outcome->error,
        .error_len = outcome->error != NULL ? strlen(outcome->error) : 0,
        .retry_max = outcome->retry_max,
        .retry_intervals_s = outcome->retry_intervals_s,
        .retry_intervals = outcome->retry_intervals };
    struct worker *w = arg;

    if (callbacks_on_outcome(w, index, outcome))
        return;
    run_finish(w, run_take_out(w, index), NULL, &how);
}

void run_describe_death(const char *kind, const char *name,
        const struct run *run, int64_t timeout_s, const struct crq_death *death,
        struct crq_buf *text)
{
    bool timeout = death->end == CRQ_END_TIMEOUT;

    /* What died comes first in RQ; what took too long, last. */
    if (!timeout && death->has_status)
        crq_horse_died_text(death->wait_status, text);
    else if (!timeout)
        crq_buf_puts(text, "Work-horse terminated unexpectedly; ");
    crq_buf_printf(text, "%s%s %s, job %s, queue %s\n", timeout ? "" : "\n",
            kind, name != NULL ? name : "?", run->id, run->queue);
    crq_death_text(death, text);
    if (timeout)
        crq_buf_printf(text,
                "\nrq.timeouts.JobTimeoutException: " CRQ_TIMEOUT_MESSAGE,
                (long long)timeout_s);
}

static void fail_dead(struct worker *w, struct run *run,
        const struct crq_death *death)
{
    struct crq_buf text = CRQ_BUF_INIT;

    run_describe_death("Task", run->func, run, run->timeout_s, death, &text);
    /* Half an error text could say something else than the whole one. */
    run_fail(w, run, NULL,
            crq_buf_check(&text, NULL) == 0
                    ? crq_buf_text(&text)
                    : "Work-horse terminated unexpectedly; no memory for the "
                      "evidence");
    crq_buf_fini(&text);
}

void on_died(void *arg, size_t index, const struct crq_death *death)
{
    struct worker *w = arg;
    struct run *run;

    if (callbacks_on_died(w, index, death))
        return;
    run = run_take_out(w, index);
    heartbeat_changed(w, index);
    if (death->end == CRQ_END_LEASE_LOST) {
        crq_log_warn(w->log, "%s: job %s had lost its lease: its run is ended",
                run->queue, run->id);
        run_free(run);
        worker_look_at_end(w);
    } else if (death->end == CRQ_END_STOPPED) {
        struct crq_finish how = { .ending = CRQ_ENDING_STOPPED,
            .error = CRQ_STOPPED_TEXT,
            .error_len = strlen(CRQ_STOPPED_TEXT) };

        run_finish(w, run, NULL, &how);
    } else if ((!death->began && death->end != CRQ_END_TIMEOUT) ||
            (run->resumable &&
                    (death->end == CRQ_END_SHUTDOWN ||
                            death->end == CRQ_END_SERVER))) {
        /* No task code ran, or it may simply run again. */
        run_hand_back(w, run, !death->began);
    } else {
        fail_dead(w, run, death);
    }
}

void on_log(void *arg, size_t index, const char *line, size_t len)
{
    struct worker *w = arg;
    struct run *run = w->slots[index].run;

    if (run == NULL)
        return;
    crq_log_info(w->log, "job %s: %.*s", run->id, len > 1000 ? 1000 : (int)len,
            line);
    joblog_add(w, run, line, len);
}

/* ---- all of it ---- */

void runs_init(struct worker *w)
{
    crq_args_init(&w->finish_words);
    runs_list_init(&w->ended);
    ev_prepare_init(&w->end_of_turn, on_end_of_turn);
    /* Before the links send what the turn has gathered. */
    ev_set_priority(&w->end_of_turn, EV_MAXPRI);
    w->end_of_turn.data = w;
    ev_prepare_start(w->loop, &w->end_of_turn);
}

void runs_fini(struct worker *w)
{
    ev_prepare_stop(w->loop, &w->end_of_turn);
    runs_clear(&w->ended);
    while (w->batches != NULL) { /* the link goes without an answer */
        struct batch *batch = w->batches;

        w->batches = batch->next;
        runs_clear(&batch->runs);
        crq_free(batch);
    }
    for (size_t i = 0; i < w->slot_count; i++)
        run_free(w->slots[i].run);
    crq_args_fini(&w->finish_words);
}
