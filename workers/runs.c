/*
 * runs.c - a run, from the claim to the reply of its finish.
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
#include "model/call.h"
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
    crq_free(run->func);
    callbacks_free(run->callbacks);
    webhooks_free(run->webhooks);
    crq_free(run);
}

/* ---- finishing ---- */

/* A batch that was sent, waiting for its reply. */
struct batch {
    struct worker *worker;
    struct run *runs;
    size_t count;
    struct batch *next;
};

static void free_runs(struct run *run)
{
    while (run != NULL) {
        struct run *next = run->next;

        run_free(run);
        run = next;
    }
}

static void batch_free(struct batch *batch)
{
    struct batch **at = &batch->worker->batches;

    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
    free_runs(batch->runs);
    crq_free(batch);
}

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
static bool try_again(struct worker *w, const char *what, const crq_error *err)
{
    if (w->phase == KILLING || w->phase == LEAVING)
        return false;
    crq_log_error(w->log, "%s: %s; it is tried again", what, err->text);
    crq_async_again(w->link);
    return true;
}

static void on_finished(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct batch *batch = arg;
    struct worker *w = batch->worker;
    crq_error why;
    size_t i = 0;

    if (err != NULL && try_again(w, "finish", err))
        return;
    if (err == NULL && crq_finish_read(reply, batch->count, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_write(w->log,
                w->phase == LEAVING ? CRQ_LOG_DEBUG : CRQ_LOG_ERROR,
                "finish of %zu jobs: %s", batch->count, err->text);
    for (struct run *run = batch->runs; err == NULL && run != NULL;
            run = run->next) {
        const char *text = NULL;
        enum crq_finished state = crq_finish_state(reply, i++, &text);

        count(w, run, state);
        log_finished(w, run, state, text);
        webhooks_send(w, run, state);
    }
    if (err == NULL && crq_finish_promotes(reply, batch->count))
        promote_go_on(w);
    w->finishing -= batch->count;
    batch_free(batch);
    if (w->options->burst)
        dequeue_kick(w);
    worker_look_at_end(w);
}

static void send_batch(struct worker *w)
{
    struct batch *batch;

    if (w->ended_count == 0)
        return;
    batch = crq_calloc(1, sizeof(*batch));
    if (batch == NULL)
        return; /* the next turn tries again */
    *batch = (struct batch){ w, w->ended, w->ended_count, NULL };
    if (crq_async_script(w->link, &crq_script_finish, w->finish_nkeys,
                &w->finish_words, on_finished, batch) < 0) {
        crq_free(batch);
        return;
    }
    batch->next = w->batches;
    w->batches = batch;
    w->finishing += w->ended_count;
    w->ended = NULL;
    w->ended_last = &w->ended;
    w->ended_count = 0;
}

static void on_end_of_turn(struct ev_loop *loop, ev_prepare *prepare,
        int revents)
{
    (void)loop;
    (void)revents;
    send_batch(prepare->data);
}

void run_finish(struct worker *w, struct run *run, const struct crq_runref *ref,
        struct crq_finish *how)
{
    crq_error err;

    joblog_flush(w, run);
    run->ended_us = worker_now(w);
    how->run = ref != NULL
            ? *ref
            : (struct crq_runref){ run->queue, run->id, run->execution };
    how->stem = w->lease;
    how->worker = w->slots[run->slot].name;
    how->ended_us = run->ended_us;
    if (w->ended_count == 0)
        w->finish_nkeys = crq_finish_start(&w->finish_words,
                w->options->results_ttl_s, run->ended_us);
    if (crq_finish_add(&w->finish_words, how, &err) < 0) {
        /* Its lease runs out; then it is failed as abandoned. */
        crq_log_error(w->log, "job %s: its end cannot be written: %s", run->id,
                err.text);
        run_free(run);
        return;
    }
    webhooks_keep(w, run, how);
    *w->ended_last = run;
    w->ended_last = &run->next;
    w->ended_count++;
    heartbeat_changed(w, run->slot);
    if (w->ended_count == BATCH_RUNS ||
            w->finish_words.bytes.len >= BATCH_BYTES)
        send_batch(w);
}

/* Take the run out of its slot and write down how it ended. */
static void finish(struct worker *w, size_t index, struct crq_finish *how)
{
    struct run *run = w->slots[index].run;

    w->slots[index].run = NULL;
    run_finish(w, run, NULL, how);
}

static void finish_failed(struct worker *w, size_t index, const char *text,
        size_t len)
{
    struct crq_finish how = {
        .ending = CRQ_ENDING_FAILURE, .error = text, .error_len = len
    };

    finish(w, index, &how);
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

    if (callbacks_on_outcome(arg, index, outcome))
        return;
    finish(arg, index, &how);
}

void run_describe_death(const char *kind, const char *name,
        const struct run *run, int64_t timeout_s, const struct crq_death *death,
        struct crq_buf *text)
{
    crq_buf_printf(text, "%s %s, job %s, queue %s\n", kind,
            name != NULL ? name : "?", run->id, run->queue);
    if (death->end == CRQ_END_TIMEOUT) {
        crq_death_text(death, text);
        crq_buf_printf(text,
                "\nrq.timeouts.JobTimeoutException: " CRQ_TIMEOUT_MESSAGE,
                (long long)timeout_s);
        return;
    }
    if (death->has_status)
        crq_horse_died_text(death->wait_status, text);
    else
        crq_buf_puts(text, "Work-horse terminated unexpectedly; ");
    crq_death_text(death, text);
}

static void on_handed_back(void *arg, const crq_reply *reply,
        const crq_error *err)
{
    struct worker *w = arg;

    if (err != NULL && try_again(w, "hand back", err))
        return;
    if (err != NULL || crq_runs_read(reply, 1, NULL) < 0)
        crq_log_error(w->log, "hand back: %s",
                err != NULL ? err->text : "unexpected reply");
    w->finishing--;
    worker_look_at_end(w);
}

/* Back to its queue. `began`: its task says that it may simply be run again. */
static void hand_back(struct worker *w, size_t index, bool began)
{
    struct run *run = w->slots[index].run;
    struct crq_runref ref = { run->queue, run->id, run->execution };
    struct crq_args words;
    size_t nkeys;

    joblog_flush(w, run);
    w->slots[index].run = NULL;
    crq_args_init(&words);
    nkeys = crq_hand_back_start(&words);
    (began ? crq_hand_back_add : crq_hand_back_add_unbegun)(&words, w->lease,
            &ref);
    if (crq_async_script(w->link, &crq_script_hand_back, nkeys, &words,
                on_handed_back, w) == 0)
        w->finishing++;
    crq_args_fini(&words);
    crq_log_info(w->log, "%s: job %s goes back to its queue", run->queue,
            run->id);
    run_free(run);
    heartbeat_changed(w, index);
}

void on_died(void *arg, size_t index, const struct crq_death *death)
{
    struct worker *w = arg;
    struct run *run = w->slots[index].run;
    struct crq_buf text = CRQ_BUF_INIT;

    if (callbacks_on_died(w, index, death))
        return;
    if (death->end == CRQ_END_LEASE_LOST) {
        crq_log_warn(w->log, "%s: job %s had lost its lease: its run is ended",
                run->queue, run->id);
        w->slots[index].run = NULL;
        run_free(run);
        heartbeat_changed(w, index);
        worker_look_at_end(w);
        return;
    }
    if (death->end == CRQ_END_STOPPED) {
        struct crq_finish how = { .ending = CRQ_ENDING_STOPPED,
            .error = CRQ_STOPPED_TEXT,
            .error_len = strlen(CRQ_STOPPED_TEXT) };

        finish(w, index, &how);
        return;
    }
    /* No task code ran, or it may simply run again: back to the queue. */
    if ((!death->began && death->end != CRQ_END_TIMEOUT) ||
            (run->resumable &&
                    (death->end == CRQ_END_SHUTDOWN ||
                            death->end == CRQ_END_SERVER))) {
        hand_back(w, index, death->began);
        return;
    }
    run_describe_death("Task", run->func, run, run->timeout_s, death, &text);
    finish_failed(w, index, crq_buf_text(&text), text.len);
    crq_buf_fini(&text);
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

/* ---- how a run begins ---- */

static void on_marked(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct worker *w = arg;

    (void)reply;
    if (err != NULL)
        crq_log_warn(w->log, "begin: %s", err->text);
}

/* The claim has marked the run as begun; that it may simply be run again is
 * known only now. */
static void mark_resumable(struct worker *w, const struct run *run)
{
    struct crq_runref ref = { run->queue, run->id, run->execution };
    struct crq_args words;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_begin_start(&words, w->options->monitoring_interval_s,
            run->started_us);
    crq_begin_add(&words, w->lease, &ref, CRQ_MARK_BEGUN_RESUMABLE);
    (void)!crq_async_script(w->link, &crq_script_begin, nkeys, &words,
            on_marked, w);
    crq_args_fini(&words);
}

static struct run *run_new(struct worker *w, size_t index,
        const struct crq_claimed_job *job)
{
    struct run *run;

    if (strlen(job->run.id) > CRQ_NAME_MAX ||
            strlen(job->run.queue) > CRQ_NAME_MAX ||
            strlen(job->run.execution) > CRQ_EXECUTION_ID_LEN)
        return NULL;
    run = crq_calloc(1, sizeof(*run));
    if (run == NULL)
        return NULL;
    strcpy(run->id, job->run.id);
    strcpy(run->queue, job->run.queue);
    strcpy(run->execution, job->run.execution);
    run->slot = index;
    run->started_us = worker_now(w);
    return run;
}

/* What the task says of itself, when it is known. */
static void apply_task(struct worker *w, struct run *run, const char *data,
        size_t data_len, struct crq_pool_run *what)
{
    const struct crq_pool_task *task = NULL;
    struct crq_buf name = CRQ_BUF_INIT;

    if (crq_payload_func_peek(data, data_len, &name, NULL) == 0 &&
            crq_buf_steal(&name, &run->func, NULL, NULL) == 0)
        task = crq_pool_find(w->pool, run->func);
    crq_buf_fini(&name);
    if (task == NULL)
        return; /* the child says what is wrong with it */
    what->memory_mib = task->memory_mib;
    what->cpu_s = task->cpu_s;
    run->resumable = task->resumable;
}

void run_start(struct worker *w, size_t index,
        const struct crq_claimed_job *job)
{
    struct slot *slot = &w->slots[index];
    struct crq_pool_run what = { 0 };
    struct run *run = run_new(w, index, job);
    const char *data, *meta;
    size_t data_len = 0, meta_len = 0;
    crq_error err = { 0, "out of memory" };

    if (run == NULL) {
        /* Not handed back here: when the lease ends others take it over. */
        crq_log_error(w->log, "job %s: cannot be run: %s", job->run.id,
                err.text);
        return;
    }
    data = crq_claimed_field(job, "data", &data_len);
    meta = crq_claimed_field(job, "meta", &meta_len);
    run->timeout_s =
            crq_claimed_number(job, CRQ_FIELD_TIMEOUT, CRQ_DEFAULT_TIMEOUT_S);
    apply_task(w, run, data, data_len, &what);
    what.run = (struct crq_run){ .job_id = run->id,
        .execution_id = run->execution,
        .queue = run->queue,
        .worker = slot->name,
        .data = data,
        .data_len = data_len,
        .meta = meta_len > 0 ? meta : NULL,
        .meta_len = meta_len,
        .timeout_s = run->timeout_s,
        .retries_left = crq_claimed_number(job, CRQ_FIELD_RETRIES_LEFT, 0) };
    slot->run = run;
    if (callbacks_new(job, &run->callbacks) < 0 ||
            webhooks_new(w, job, &run->webhooks) < 0) {
        hand_back(w, index, false);
        return;
    }
    callbacks_tell(run->callbacks, &what.run);
    if (w->phase != WORKING) { /* claimed before the stop */
        hand_back(w, index, false);
        return;
    }
    slot->idle = false;
    if (w->phase != WORKING || !crq_pool_is_idle(w->pool, index)) {
        /* Since the claim went out the worker was told to stop, or the child
         * has died or left. No task code has run. */
        hand_back(w, index, false);
        return;
    }
    w->started++;
    crq_log_info(w->log, "%s: %s (%s)", run->queue,
            run->func != NULL ? run->func : "?", run->id);
    if (crq_pool_run(w->pool, index, &what, &err) < 0) {
        slot->idle = true;
        finish_failed(w, index, err.text, strlen(err.text));
        return;
    }
    if (run->resumable)
        mark_resumable(w, run);
    heartbeat_changed(w, index);
}

void runs_init(struct worker *w)
{
    crq_args_init(&w->finish_words);
    w->ended_last = &w->ended;
    ev_prepare_init(&w->send_ended, on_end_of_turn);
    /* Before the links send what the turn has gathered. */
    ev_set_priority(&w->send_ended, EV_MAXPRI);
    w->send_ended.data = w;
    ev_prepare_start(w->loop, &w->send_ended);
}

void runs_fini(struct worker *w)
{
    ev_prepare_stop(w->loop, &w->send_ended);
    free_runs(w->ended);
    while (w->batches != NULL) /* the link goes without an answer */
        batch_free(w->batches);
    for (size_t i = 0; i < w->slot_count; i++)
        run_free(w->slots[i].run);
    crq_args_fini(&w->finish_words);
}
