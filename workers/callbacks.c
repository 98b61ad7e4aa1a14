/*
 * callbacks.c - calling on_failure and on_stopped when the child is gone.
 *
 *     on_died ──▶ RECALLING ──▶ READY ──▶ CALLED ──▶ the run is finished
 *                     │           └─ KILLING ───────▶
 *                     └─ no fence ──────────────────▶
 *
 * The run's data and meta went to the child, which may have changed the meta:
 * one script says what they are now, and whether the run still holds its job.
 * Then the slot's next child is waited for. Whatever goes wrong on the way, the
 * run ends as it would have ended, and its text says what was not called.
 */
#include "workers/callbacks.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/callback.h"
#include "model/lease.h"
#include "redis/scripts.h"

#define TIMEOUT_CLASS "rq.timeouts.JobTimeoutException"
#define EVENTS        (CRQ_EVENT_STOPPED + 1)

enum call_state {
    NOTHING_OWED,
    RECALLING, /* the script is on its way */
    READY,     /* for the slot's next child */
    CALLED
};

struct callbacks {
    struct {
        char *name; /* NULL: none */
        int64_t timeout_s;
    } of[EVENTS];
    /* The call that is owed. */
    enum call_state state;
    crq_event event;
    enum crq_ending ending;
    struct crq_buf error; /* the text that the run ends with */
    const char *error_class;
    char message[100];
    char *data, *meta;
    size_t data_len, meta_len;
};

/* ---- the names ---- */

void callbacks_free(struct callbacks *callbacks)
{
    if (callbacks == NULL)
        return;
    for (size_t event = 0; event < EVENTS; event++)
        crq_free(callbacks->of[event].name);
    crq_buf_fini(&callbacks->error);
    crq_free(callbacks->data);
    crq_free(callbacks->meta);
    crq_free(callbacks);
}

int callbacks_new(const struct crq_claimed_job *job, struct callbacks **out)
{
    struct callbacks *callbacks = NULL;

    for (crq_event event = CRQ_EVENT_SUCCESS; event < EVENTS; event++) {
        int64_t timeout_s = 0;
        const char *name = crq_callback_name(job, event, &timeout_s);

        if (name == NULL)
            continue;
        if (callbacks == NULL)
            callbacks = crq_calloc(1, sizeof(*callbacks));
        if (callbacks == NULL)
            return CRQ_ENOMEM;
        callbacks->of[event].timeout_s = timeout_s;
        callbacks->of[event].name = crq_strdup(name);
        if (callbacks->of[event].name == NULL) {
            callbacks_free(callbacks);
            return CRQ_ENOMEM;
        }
    }
    if (callbacks != NULL)
        crq_buf_init(&callbacks->error, CRQ_BUF_MAX);
    *out = callbacks;
    return 0;
}

static struct crq_run_callback callback_of(const struct callbacks *callbacks,
        crq_event event)
{
    return (struct crq_run_callback){ callbacks->of[event].name,
        callbacks->of[event].timeout_s };
}

void callbacks_tell(const struct callbacks *callbacks, struct crq_run *run)
{
    if (callbacks == NULL)
        return;
    run->on_success = callback_of(callbacks, CRQ_EVENT_SUCCESS);
    run->on_failure = callback_of(callbacks, CRQ_EVENT_FAILURE);
}

/* ---- the end of it ---- */

/* The run ends as it was to end. */
static void end_as_owed(struct worker *w, struct run *run,
        const struct crq_runref *ref)
{
    struct callbacks *callbacks = run->callbacks;
    struct crq_finish how = { .ending = callbacks->ending };

    if (crq_buf_check(&callbacks->error, NULL) < 0) {
        crq_buf_clear(&callbacks->error);
        crq_buf_puts(&callbacks->error, "MemoryError: no memory for the error");
    }
    how.error = crq_buf_text(&callbacks->error);
    how.error_len = callbacks->error.len;
    run_finish(w, run, ref, &how);
}

static void settle(struct worker *w, size_t index)
{
    end_as_owed(w, run_take_out(w, index), NULL);
}

/* Put what went wrong with a callback behind the error so far. A job that was
 * stopped ends so whatever its callback did: that is no exception below
 * another one. */
static void add_error(struct callbacks *callbacks, const char *next)
{
    struct crq_buf both;

    if (callbacks->event == CRQ_EVENT_STOPPED) {
        crq_buf_printf(&callbacks->error, "\n\non_stopped:\n%s", next);
        return;
    }
    crq_buf_init(&both, CRQ_BUF_MAX);
    crq_failure_put_next(&both, crq_buf_text(&callbacks->error), next);
    crq_buf_fini(&callbacks->error);
    callbacks->error = both;
}

static void settle_uncalled(struct worker *w, size_t index, const char *why)
{
    struct run *run = w->slots[index].run;
    struct callbacks *callbacks = run->callbacks;
    char text[700];

    snprintf(text, sizeof(text), "crq.TaskError: %.200s was not called: %.400s",
            callbacks->of[callbacks->event].name != NULL
                    ? callbacks->of[callbacks->event].name
                    : "on_failure",
            why);
    crq_log_warn(w->log, "job %s: %s", run->id, text);
    add_error(callbacks, text);
    settle(w, index);
    /* Its child waits for work again; else on_idle() is still to come. */
    if (crq_pool_is_idle(w->pool, index)) {
        w->slots[index].idle = true;
        dequeue_kick(w);
    }
}

/* ---- calling ---- */

static void call(struct worker *w, size_t index)
{
    struct run *run = w->slots[index].run;
    struct callbacks *callbacks = run->callbacks;
    struct crq_callback_call how = { .event = callbacks->event,
        .callback = callback_of(callbacks, callbacks->event),
        .error_class = callbacks->error_class,
        .error_message = callbacks->message,
        .error = callbacks->event == CRQ_EVENT_FAILURE
                ? crq_buf_text(&callbacks->error)
                : "" };
    struct crq_pool_run what = { .call_back = &how,
        .run = { .job_id = run->id,
                .execution_id = run->execution,
                .queue = run->queue,
                .worker = w->slots[index].name,
                .data = callbacks->data,
                .data_len = callbacks->data_len,
                .meta = callbacks->meta_len > 0 ? callbacks->meta : NULL,
                .meta_len = callbacks->meta_len,
                .timeout_s = callbacks->of[callbacks->event].timeout_s,
                .serializer = options_serializer(w->options) } };
    crq_error err;

    if (w->phase != WORKING && w->phase != DRAINING) {
        settle_uncalled(w, index, "the worker was told to end at once");
        return;
    }
    if (crq_pool_run(w->pool, index, &what, &err) < 0) {
        settle_uncalled(w, index, err.text);
        return;
    }
    callbacks->state = CALLED;
    crq_log_debug(w->log, "job %s: calling %s", run->id, how.callback.name);
}

static void owe(struct worker *w, size_t index, crq_event event,
        enum crq_ending ending);

/* A run that has no slot gets one whose child is free. */
static void place_adopted(struct worker *w, size_t index)
{
    struct run *run = w->adopted;

    w->adopted = run->next;
    run->next = NULL;
    run->slot = index;
    w->slots[index].run = run;
    w->slots[index].idle = false;
    heartbeat_changed(w, index);
    owe(w, index, run->callbacks->event, run->callbacks->ending);
}

bool callbacks_on_idle(struct worker *w, size_t index)
{
    const struct run *run = w->slots[index].run;

    if (run == NULL && w->adopted != NULL && w->phase == WORKING) {
        place_adopted(w, index);
        return true;
    }
    if (run == NULL || run->callbacks == NULL ||
            run->callbacks->state == NOTHING_OWED)
        return false;
    if (run->callbacks->state == READY)
        call(w, index);
    return true;
}

/* A recall on its way: the slot has the same run when it answers, unless all
 * of it is coming to an end. */
struct recall {
    struct worker *worker;
    size_t slot;
};

static bool keep(struct callbacks *callbacks, const struct crq_recalled *now)
{
    char **name = &callbacks->of[CRQ_EVENT_FAILURE].name;

    if (*name == NULL && callbacks->event == CRQ_EVENT_FAILURE) {
        *name = crq_strdup(now->on_failure); /* an adopted run's */
        callbacks->of[CRQ_EVENT_FAILURE].timeout_s = now->failure_timeout_s;
        if (*name == NULL)
            return false;
    }
    callbacks->data = crq_memdup(now->data, now->data_len);
    callbacks->data_len = now->data_len;
    callbacks->meta = crq_memdup(now->meta, now->meta_len);
    callbacks->meta_len = now->meta_len;
    return callbacks->data != NULL && callbacks->meta != NULL;
}

static void on_recalled(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct recall *recall = arg;
    struct worker *w = recall->worker;
    size_t index = recall->slot;
    struct callbacks *callbacks = w->slots[index].run->callbacks;
    struct crq_recalled now;
    crq_error why;

    crq_free(recall);
    if (err != NULL && err->code == CRQ_ELOST)
        return; /* nobody waits for the answer any more */
    if (err == NULL && crq_recall_read(reply, &now, &why) < 0)
        err = &why;
    callbacks->state = READY;
    if (err != NULL)
        settle_uncalled(w, index, err->text);
    else if (!now.held)
        settle_uncalled(w, index, "the run holds its job no more");
    else if (!keep(callbacks, &now))
        settle_uncalled(w, index, "out of memory");
    else if (crq_pool_is_idle(w->pool, index))
        call(w, index);
}

static bool send_recall(struct worker *w, size_t index)
{
    const struct run *run = w->slots[index].run;
    struct crq_runref ref = { run->queue, run->id, run->execution };
    struct recall *recall = crq_calloc(1, sizeof(*recall));
    struct crq_args words;
    size_t nkeys;
    int rc;

    if (recall == NULL)
        return false;
    *recall = (struct recall){ w, index };
    crq_args_init(&words);
    nkeys = crq_recall_words(&ref, &words);
    rc = crq_async_script(w->link, &crq_script_recall, nkeys, &words,
            on_recalled, recall);
    crq_args_fini(&words);
    if (rc < 0)
        crq_free(recall);
    return rc == 0;
}

/* The job ends so, after this callback. */
static void owe(struct worker *w, size_t index, crq_event event,
        enum crq_ending ending)
{
    struct callbacks *callbacks = w->slots[index].run->callbacks;

    callbacks->event = event;
    callbacks->ending = ending;
    callbacks->state = RECALLING;
    if (!send_recall(w, index)) {
        callbacks->state = READY;
        settle_uncalled(w, index, "out of memory");
    }
}

/* ---- what happens to a slot ---- */

bool callbacks_on_outcome(struct worker *w, size_t index,
        const struct crq_outcome *outcome)
{
    struct run *run = w->slots[index].run;
    struct callbacks *callbacks = run->callbacks;

    if (callbacks == NULL || callbacks->state != CALLED)
        return false;
    if (outcome->kind == CRQ_OUTCOME_FAILED) {
        crq_log_warn(w->log, "job %s: %s failed: %s: %s", run->id,
                callbacks->of[callbacks->event].name, outcome->error_class,
                outcome->error_message);
        add_error(callbacks, outcome->error);
    }
    settle(w, index);
    return true;
}

/* How a child died in a callback, as runs.c has it for tasks. */
static void describe(const struct callbacks *callbacks, crq_event event,
        const struct run *run, const struct crq_death *death,
        struct crq_buf *text)
{
    run_describe_death("Callback", callbacks->of[event].name, run,
            callbacks->of[event].timeout_s, death, text);
}

/* It died before its task had ended: only a timeout is a failure as others. */
static bool died_in_task(struct worker *w, size_t index,
        const struct crq_death *death)
{
    struct run *run = w->slots[index].run;
    struct callbacks *callbacks = run->callbacks;

    if (death->end != CRQ_END_TIMEOUT ||
            callbacks->of[CRQ_EVENT_FAILURE].name == NULL)
        return false;
    run_describe_death("Task", run->func, run, run->timeout_s, death,
            &callbacks->error);
    callbacks->error_class = TIMEOUT_CLASS;
    snprintf(callbacks->message, sizeof(callbacks->message),
            CRQ_TIMEOUT_MESSAGE, (long long)run->timeout_s);
    owe(w, index, CRQ_EVENT_FAILURE, CRQ_ENDING_FAILURE);
    return true;
}

static void died_in_callback(struct worker *w, size_t index,
        const struct crq_death *death)
{
    struct run *run = w->slots[index].run;
    struct callbacks *callbacks = run->callbacks;
    bool timeout = death->end == CRQ_END_TIMEOUT;
    struct crq_buf text = CRQ_BUF_INIT;

    callbacks->event = death->during;
    callbacks->ending = CRQ_ENDING_FAILURE;
    describe(callbacks, death->during, run, death, &text);
    if (death->during == CRQ_EVENT_FAILURE) {
        crq_buf_puts(&callbacks->error, death->failure);
        add_error(callbacks, crq_buf_text(&text));
        settle(w, index);
    } else {
        crq_buf_puts(&callbacks->error, crq_buf_text(&text));
        callbacks->error_class = TIMEOUT_CLASS;
        snprintf(callbacks->message, sizeof(callbacks->message),
                CRQ_TIMEOUT_MESSAGE,
                (long long)callbacks->of[CRQ_EVENT_SUCCESS].timeout_s);
        if (timeout && callbacks->of[CRQ_EVENT_FAILURE].name != NULL)
            owe(w, index, CRQ_EVENT_FAILURE, CRQ_ENDING_FAILURE);
        else
            settle(w, index);
    }
    crq_buf_fini(&text);
}

/* What a stopped job ends with. */
static void say_stopped(struct callbacks *callbacks)
{
    crq_buf_clear(&callbacks->error);
    crq_buf_puts(&callbacks->error, CRQ_STOPPED_TEXT);
    callbacks->error_class = "";
    callbacks->message[0] = '\0';
}

/* It died in the call that was owed. */
static void died_in_call(struct worker *w, size_t index,
        const struct crq_death *death)
{
    struct run *run = w->slots[index].run;
    struct callbacks *callbacks = run->callbacks;
    struct crq_buf text = CRQ_BUF_INIT;

    describe(callbacks, callbacks->event, run, death, &text);
    crq_log_warn(w->log, "job %s: the child died in %s", run->id,
            callbacks->of[callbacks->event].name);
    add_error(callbacks, crq_buf_text(&text));
    crq_buf_fini(&text);
    settle(w, index);
}

static void stopped(struct worker *w, size_t index)
{
    say_stopped(w->slots[index].run->callbacks);
    owe(w, index, CRQ_EVENT_STOPPED, CRQ_ENDING_STOPPED);
}

bool callbacks_on_died(struct worker *w, size_t index,
        const struct crq_death *death)
{
    const struct run *run = w->slots[index].run;
    const struct callbacks *callbacks = run->callbacks;
    bool called = callbacks != NULL && callbacks->state == CALLED;

    if (callbacks == NULL || death->end == CRQ_END_LEASE_LOST)
        return false;
    if (death->end == CRQ_END_STOPPED &&
            !(called && callbacks->event == CRQ_EVENT_STOPPED)) {
        if (callbacks->of[CRQ_EVENT_STOPPED].name == NULL)
            return false;
        stopped(w, index);
    } else if (called) {
        died_in_call(w, index, death);
    } else if (death->during == CRQ_EVENT_NONE) {
        return died_in_task(w, index, death);
    } else if (run->resumable &&
            (death->end == CRQ_END_SHUTDOWN || death->end == CRQ_END_SERVER)) {
        return false; /* all of it runs again */
    } else {
        died_in_callback(w, index, death);
    }
    heartbeat_changed(w, index);
    return true;
}

bool callbacks_is_stopped(const struct run *run)
{
    const struct callbacks *callbacks = run->callbacks;

    return callbacks != NULL && callbacks->state != NOTHING_OWED &&
            callbacks->event == CRQ_EVENT_STOPPED;
}

/* ---- runs without a slot ---- */

/* Its callback is called by the next child that is free. */
static void await_slot(struct worker *w, struct run *run)
{
    struct run **last = &w->adopted;

    while (*last != NULL)
        last = &(*last)->next;
    *last = run;
    for (size_t i = 0; i < w->slot_count && w->adopted != NULL; i++)
        if (w->phase == WORKING && slot_is_free(w, i))
            place_adopted(w, i);
}

/* ---- runs of dead workers ---- */

static struct run *adopted_new(struct worker *w, const struct crq_runref *ref)
{
    struct run *run = crq_calloc(1, sizeof(*run));

    if (run == NULL)
        return NULL;
    run->callbacks = crq_calloc(1, sizeof(*run->callbacks));
    if (run->callbacks == NULL) {
        crq_free(run);
        return NULL;
    }
    strncpy(run->id, ref->id, CRQ_NAME_MAX);
    strncpy(run->queue, ref->queue, CRQ_NAME_MAX);
    strncpy(run->execution, ref->execution, CRQ_EXECUTION_ID_LEN);
    run->adopted = true;
    run->timeout_s = -1; /* its lease is renewed as long as this takes */
    run->started_us = worker_now(w);
    crq_buf_init(&run->callbacks->error, CRQ_BUF_MAX);
    crq_abandoned_text(NULL, run->started_us, &run->callbacks->error);
    run->callbacks->error_class = "rq.exceptions.AbandonedJobError";
    run->callbacks->event = CRQ_EVENT_FAILURE;
    run->callbacks->ending = CRQ_ENDING_ABANDONED;
    return run;
}

static bool names_fit(const struct crq_runref *ref)
{
    return strlen(ref->id) <= CRQ_NAME_MAX &&
            strlen(ref->queue) <= CRQ_NAME_MAX &&
            strlen(ref->execution) <= CRQ_EXECUTION_ID_LEN;
}

/* No callback can be called with names of such a length. Now it is in this
 * worker's list, where nobody else would end it. */
static void abandon(struct worker *w, struct run *run,
        const struct crq_runref *ref)
{
    add_error(run->callbacks,
            "crq.TaskError: on_failure was not called: the job's id, or its "
            "queue's name, is longer than a worker takes");
    end_as_owed(w, run, ref);
}

void callbacks_adopt(struct worker *w, const struct crq_runref *ref)
{
    struct run *run = adopted_new(w, ref);

    if (run == NULL) {
        /* It stays in this worker's list; who takes that over calls it. */
        crq_log_error(w->log, "job %.400s: no memory to call its on_failure",
                ref->id);
        return;
    }
    if (!names_fit(ref)) {
        abandon(w, run, ref);
        return;
    }
    await_slot(w, run);
}

/* ---- runs that are stopped before they begin ---- */

bool callbacks_stop_waiting(struct worker *w, struct run *run)
{
    struct callbacks *callbacks = run->callbacks;

    if (callbacks == NULL || callbacks->of[CRQ_EVENT_STOPPED].name == NULL)
        return false;
    say_stopped(callbacks);
    callbacks->event = CRQ_EVENT_STOPPED;
    callbacks->ending = CRQ_ENDING_STOPPED;
    await_slot(w, run);
    return true;
}

void callbacks_stop(struct worker *w)
{
    struct run *run, *adopted = w->adopted, **last = &w->adopted;

    w->adopted = NULL;
    while (adopted != NULL) {
        run = adopted;
        adopted = run->next;
        run->next = NULL;
        if (run->callbacks->ending == CRQ_ENDING_STOPPED) {
            add_error(run->callbacks,
                    "crq.TaskError: it was not called: the worker stops");
            end_as_owed(w, run, NULL);
        } else {
            *last = run;
            last = &run->next;
        }
    }
}

void callbacks_fini(struct worker *w)
{
    while (w->adopted != NULL) { /* whoever finds this stem dead has them */
        struct run *run = w->adopted;

        w->adopted = run->next;
        run_free(run);
    }
}
