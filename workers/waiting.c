/*
 * waiting.c - a run from the claim to its child, or back to its queue.
 *
 * Claimed runs wait in one list for whatever child is free first, so none waits
 * behind a long job while another child has nothing to do. In Redis they are
 * marked as waiting: anybody may put them back when this worker dies.
 *
 * At the end of a turn each free child gets the first of the list. The mark
 * that its run has begun is with the kernel before the frame is written: a
 * worker that is killed between the two leaves a run that is marked and has
 * not begun. From outside that looks like one whose task was called a moment
 * before, so it is treated like that one (RQ's deadline), because the other
 * mistake would run a task twice. The two writes are microseconds apart.
 *
 * A run that waits too long, or cannot begin, goes back to the front of its
 * queue: when the measured time of jobs was wrong, Redis is away, the worker
 * is suspended or stops.
 */
#include "workers/worker.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/call.h"
#include "redis/scripts.h"
#include "workers/callbacks.h"
#include "workers/webhooks.h"

/* Of one script call. */
#define BATCH_RUNS 64
/* A claim is a sign of life for six seconds. After that others may have taken
 * the run over, so one that is about that old does not begin any more. */
#define BEGIN_WITHIN_US INT64_C(4000000)

static int64_t mono_us(const struct worker *w)
{
    return crq_clock_mono_us(w->clock);
}

static struct crq_runref ref_of(const struct run *run)
{
    return (struct crq_runref){ run->queue, run->id, run->execution };
}

bool slot_is_free(const struct worker *w, size_t i)
{
    /* The pool is asked, too: an idle child can die or be replaced. */
    return w->slots[i].idle && w->slots[i].registered &&
            crq_pool_is_idle(w->pool, i);
}

/* ---- coming in ---- */

static bool names_fit(const struct crq_claimed_job *job)
{
    return strlen(job->run.id) <= CRQ_NAME_MAX &&
            strlen(job->run.queue) <= CRQ_NAME_MAX;
}

/* RQ before 2.8 took ids of any length. */
static void refuse(struct worker *w, struct run *run,
        const struct crq_claimed_job *job)
{
    struct crq_runref ref = { job->run.queue, job->run.id, run->execution };

    strncpy(run->id, job->run.id, CRQ_NAME_MAX);
    strncpy(run->queue, job->run.queue, CRQ_NAME_MAX);
    run->started_us = worker_now(w);
    run_fail(w, run, &ref,
            "ValueError: the job's id, or its queue's name, is longer than a "
            "worker takes");
}

static bool take_bytes(const struct crq_claimed_job *job, const char *field,
        char **out, size_t *out_len)
{
    const char *bytes = crq_claimed_field(job, field, out_len);

    *out = bytes != NULL ? crq_memdup(bytes, *out_len) : NULL;
    return bytes == NULL || *out != NULL;
}

static int64_t enqueued_us(const struct crq_claimed_job *job)
{
    size_t len;
    const char *text = crq_claimed_field(job, "enqueued_at", &len);
    int64_t us;

    return text != NULL && crq_timetext_get(text, len, &us, NULL) == 0 ? us : 0;
}

void waiting_add(struct worker *w, struct run *run,
        const struct crq_claimed_job *job)
{
    if (!names_fit(job)) {
        refuse(w, run, job);
        return;
    }
    strcpy(run->id, job->run.id);
    strcpy(run->queue, job->run.queue);
    run->came_us = mono_us(w);
    run->enqueued_us = enqueued_us(job);
    run->timeout_s =
            crq_claimed_number(job, CRQ_FIELD_TIMEOUT, CRQ_DEFAULT_TIMEOUT_S);
    run->retries_left = crq_claimed_number(job, CRQ_FIELD_RETRIES_LEFT, 0);
    if (!take_bytes(job, "data", &run->data, &run->data_len) ||
            !take_bytes(job, "meta", &run->meta, &run->meta_len) ||
            callbacks_new(job, &run->callbacks) < 0 ||
            webhooks_new(w, job, &run->webhooks) < 0) {
        crq_log_error(w->log, "job %s: no memory for it now", run->id);
        run_hand_back(w, run, true);
    } else if (w->phase != WORKING) { /* claimed before the stop */
        run_hand_back(w, run, true);
    } else {
        runs_push(&w->waiting, run);
    }
}

/* ---- going back ---- */

void run_hand_back(struct worker *w, struct run *run, bool unbegun)
{
    crq_log_info(w->log, "%s: job %s goes back to its queue", run->queue,
            run->id);
    joblog_flush(w, run);
    run->unbegun = unbegun;
    runs_push(&w->back, run);
}

static void starting_back(struct worker *w)
{
    struct run *run;

    while ((run = runs_pop(&w->starting)) != NULL) {
        w->slots[run->slot].idle = true;
        run_hand_back(w, run, true);
    }
}

void waiting_hand_back(struct worker *w)
{
    struct run *run;

    starting_back(w);
    while ((run = runs_pop(&w->waiting)) != NULL)
        run_hand_back(w, run, true);
}

/* What is refused stays among this worker's runs: whoever takes them over puts
 * it back, once its keys are what they should be. */
static void tell_handed_back(const struct batch *batch, const crq_reply *reply)
{
    size_t i = 0;

    worker_recovered(batch->worker, TROUBLE_HAND_BACK);
    for (const struct run *run = batch->runs.first; run != NULL;
            run = run->next, i++)
        if (crq_runs_state(reply, i) == CRQ_RUN_REFUSED)
            crq_log_error(batch->worker->log,
                    "job %s cannot go back to its queue: %s", run->id,
                    crq_runs_why(reply, i));
}

static void on_handed_back(void *arg, const crq_reply *reply,
        const crq_error *err)
{
    struct batch *batch = arg;
    struct worker *w = batch->worker;

    if (err != NULL && run_try_again(w, TROUBLE_HAND_BACK, err))
        return;
    if (err != NULL || crq_runs_read(reply, batch->runs.count, NULL) < 0)
        crq_log_error(w->log, "hand back: %s",
                err != NULL ? err->text : "unexpected reply");
    else
        tell_handed_back(batch, reply);
    batch_end(batch);
    /* While they waited nothing was claimed for a child that is free now. */
    dequeue_kick(w);
}

/* Whatever of it finds no memory is tried again in the next turn. */
static void send_back(struct worker *w)
{
    struct crq_args words;
    size_t nkeys;

    if (w->back.count == 0)
        return;
    crq_args_init(&words);
    nkeys = crq_hand_back_start(&words);
    for (const struct run *run = w->back.first; run != NULL; run = run->next) {
        struct crq_runref ref = ref_of(run);

        (run->unbegun ? crq_hand_back_add_unbegun : crq_hand_back_add)(&words,
                w->lease, &ref);
    }
    (void)batch_send(w, &w->back, &crq_script_hand_back, nkeys, &words,
            on_handed_back);
    crq_args_fini(&words);
}

bool waiting_stop(struct worker *w, const char *id)
{
    struct crq_finish how = { .ending = CRQ_ENDING_STOPPED,
        .error = CRQ_STOPPED_TEXT,
        .error_len = strlen(CRQ_STOPPED_TEXT) };
    struct runs others;
    struct run *run, *found = NULL;

    runs_list_init(&others);
    while ((run = runs_pop(&w->waiting)) != NULL) {
        if (found == NULL && strcmp(run->id, id) == 0)
            found = run;
        else
            runs_push(&others, run);
    }
    while ((run = runs_pop(&others)) != NULL)
        runs_push(&w->waiting, run);
    if (found == NULL)
        return false;
    found->started_us = worker_now(w);
    if (!callbacks_stop_waiting(w, found))
        run_finish(w, found, NULL, &how);
    return true;
}

static bool any_free(const struct worker *w)
{
    for (size_t i = 0; i < w->slot_count; i++)
        if (slot_is_free(w, i))
            return true;
    return false;
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;
    int64_t waited_us;

    (void)loop;
    (void)revents;
    if (w->waiting.first == NULL || any_free(w))
        return; /* or they begin at the end of this turn, at least one */
    waited_us = mono_us(w) - w->waiting.first->came_us;
    if (waited_us < PACE_WAIT_US) { /* that one came later */
        ev_timer_set(&w->patience, (double)(PACE_WAIT_US - waited_us) / 1e6,
                0.);
        ev_timer_start(w->loop, &w->patience);
        return;
    }
    /* Every child has been busy for as long: jobs are not as short as they
     * were. */
    pace_takes(&w->pace, waited_us);
    waiting_hand_back(w);
}

/* ---- beginning ---- */

/* The runs of a call, by slot and execution: a slot may run another job when
 * the reply comes. */
struct begin {
    struct worker *worker;
    size_t count;
    struct {
        size_t slot;
        char execution[CRQ_EXECUTION_ID_LEN + 1];
    } runs[BATCH_RUNS];
};

static void on_begun(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct begin *begin = arg;
    struct worker *w = begin->worker;
    crq_error why;

    if (err != NULL && run_try_again(w, TROUBLE_BEGIN, err))
        return;
    if (err == NULL && crq_runs_read(reply, begin->count, &why) < 0)
        err = &why;
    if (err != NULL) /* it leaves: what ends is of interest, not what began */
        crq_log_debug(w->log, "begin: %s", err->text);
    else
        worker_recovered(w, TROUBLE_BEGIN);
    for (size_t i = 0; err == NULL && i < begin->count; i++) {
        size_t slot = begin->runs[i].slot;
        const struct run *run = w->slots[slot].run;

        if (crq_runs_state(reply, i) == CRQ_RUN_REFUSED)
            crq_log_warn(w->log, "begin: %s", crq_runs_why(reply, i));
        if (crq_runs_state(reply, i) == CRQ_RUN_LOST && run != NULL &&
                strcmp(run->execution, begin->runs[i].execution) == 0)
            crq_pool_end(w->pool, slot, CRQ_END_LEASE_LOST, true);
    }
    crq_free(begin);
}

/* What the task says of itself, when it is known. */
static void look_up_task(struct worker *w, struct run *run)
{
    const struct crq_pool_task *task = NULL;
    struct crq_buf name = CRQ_BUF_INIT;

    if (crq_payload_func_peek(run->data, run->data_len, &name, NULL) == 0 &&
            crq_buf_steal(&name, &run->func, NULL, NULL) == 0)
        task = crq_pool_find(w->pool, run->func);
    crq_buf_fini(&name);
    if (task != NULL) /* else the child says what is wrong with it */
        run->resumable = task->resumable;
}

/* Give the first of the list to free children. */
static void assign(struct worker *w)
{
    for (size_t i = 0; i < w->slot_count && w->waiting.count > 0 &&
            w->starting.count < BATCH_RUNS;
            i++) {
        struct run *run;

        if (!slot_is_free(w, i))
            continue;
        run = runs_pop(&w->waiting);
        if (mono_us(w) - run->claimed_us > BEGIN_WITHIN_US) {
            run_hand_back(w, run, true);
            continue;
        }
        w->slots[i].idle = false;
        run->slot = i;
        look_up_task(w, run);
        runs_push(&w->starting, run);
    }
}

static bool send_begin(struct worker *w)
{
    struct begin *begin = crq_calloc(1, sizeof(*begin));
    struct crq_args words;
    size_t nkeys;
    int rc;

    if (begin == NULL)
        return false;
    begin->worker = w;
    crq_args_init(&words);
    nkeys = crq_begin_start(&words, w->options->monitoring_interval_s,
            worker_now(w));
    for (const struct run *run = w->starting.first; run != NULL;
            run = run->next) {
        struct crq_runref ref = ref_of(run);

        crq_begin_add(&words, w->lease, &ref, w->slots[run->slot].name,
                run->resumable ? CRQ_MARK_BEGUN_RESUMABLE : CRQ_MARK_BEGUN);
        begin->runs[begin->count].slot = run->slot;
        strcpy(begin->runs[begin->count++].execution, run->execution);
    }
    rc = crq_async_script(w->link, &crq_script_begin, nkeys, &words, on_begun,
            begin);
    crq_args_fini(&words);
    if (rc < 0)
        crq_free(begin);
    return rc == 0;
}

/* Its begin is on its way: the frame goes to the child. */
static void start(struct worker *w, struct run *run)
{
    const struct crq_pool_task *task =
            run->func != NULL ? crq_pool_find(w->pool, run->func) : NULL;
    struct crq_pool_run what = {
        .run = { .job_id = run->id,
                .execution_id = run->execution,
                .queue = run->queue,
                .worker = w->slots[run->slot].name,
                .data = run->data,
                .data_len = run->data_len,
                .meta = run->meta_len > 0 ? run->meta : NULL,
                .meta_len = run->meta_len,
                .timeout_s = run->timeout_s,
                .retries_left = run->retries_left,
                .serializer = options_serializer(w->options) },
        .memory_mib = task != NULL ? task->memory_mib : 0,
        .cpu_s = task != NULL ? task->cpu_s : 0,
    };
    crq_error err;

    run->started_us = worker_now(w);
    /* The child has just died or left, or its successor is to make a call. */
    if (!crq_pool_is_idle(w->pool, run->slot) ||
            w->slots[run->slot].run != NULL) {
        run_hand_back(w, run, true);
        return;
    }
    callbacks_tell(run->callbacks, &what.run);
    w->started++;
    crq_log_info(w->log, "%s: %s (%s)", run->queue,
            run->func != NULL ? run->func : "?", run->id);
    heartbeat_changed(w, run->slot);
    if (crq_pool_run(w->pool, run->slot, &what, &err) < 0) {
        w->slots[run->slot].idle = true;
        run_fail(w, run, NULL, err.text);
        dequeue_kick(w); /* the child is free, and will not say so again */
        return;
    }
    w->slots[run->slot].run = run;
    crq_free(run->data);
    crq_free(run->meta);
    run->data = run->meta = NULL;
}

/* Of this turn, or of one whose begin the kernel has not taken yet. */
static void start_all(struct worker *w)
{
    struct run *run;

    if (w->starting.count == 0 && crq_async_is_up(w->link)) {
        assign(w);
        if (w->starting.count > 0 && !send_begin(w)) {
            crq_log_error(w->log, "begin: out of memory");
            starting_back(w);
        }
    }
    /* A frame must not overtake its mark. When the link is writable again
     * there is another turn. */
    if (w->starting.count > 0 && crq_async_flush(w->link))
        while ((run = runs_pop(&w->starting)) != NULL)
            start(w, run);
}

void waiting_send(struct worker *w)
{
    if (w->starting.count > 0 || w->waiting.count > 0)
        start_all(w);
    send_back(w);
    if (w->back.count > 0)
        dequeue_look_soon(w); /* no memory: there has to be another turn */
    if (w->waiting.count > 0 && !ev_is_active(&w->patience)) {
        ev_timer_set(&w->patience, (double)PACE_WAIT_US / 1e6, 0.);
        ev_timer_start(w->loop, &w->patience);
    }
}

void waiting_init(struct worker *w)
{
    runs_list_init(&w->waiting);
    runs_list_init(&w->starting);
    runs_list_init(&w->back);
    ev_timer_init(&w->patience, on_patience, 0., 0.);
    /* Behind what children have said in the same turn. */
    ev_set_priority(&w->patience, EV_MINPRI);
    w->patience.data = w;
}

void waiting_fini(struct worker *w)
{
    ev_timer_stop(w->loop, &w->patience);
    runs_clear(&w->waiting);
    runs_clear(&w->starting);
    runs_clear(&w->back);
}
