/*
 * perform.c - one job, from the bytes of its data to an outcome.
 *
 * Its callbacks: callback.c. How failures read: failure.c.
 */
#include "task/perform.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/value.h"
#include "model/serializer.h"
#include "task/guard.h"
#include "task/perform_impl.h"

/* What RQ stores instead: rq/defaults.py. */
#define UNSERIALIZABLE "Unserializable return value"

void crq_outcome_fini(struct crq_outcome *outcome)
{
    crq_free(outcome->value);
    crq_free(outcome->error);
    crq_free(outcome->error_class);
    crq_free(outcome->error_message);
    crq_free(outcome->retry_intervals_s);
    memset(outcome, 0, sizeof(*outcome));
}

/* ------------------------------------------------------- what can't be run */

static int fail_data(struct crq_performance *p, const crq_error *why)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc;

    crq_buf_printf(&buf, "%s. The job's data was kept as it is%s", why->text,
            why->code == CRQ_EUNSUPPORTED
                    ? ": a worker of Python's RQ can run it when it is "
                      "requeued there"
                    : "");
    rc = crq_buf_check(&buf, NULL);
    if (rc == 0)
        rc = crq_perform_fail(p, "rq.exceptions.DeserializationError",
                crq_buf_text(&buf));
    crq_buf_fini(&buf);
    return rc;
}

/* ---------------------------------------------------------------- outcomes */

static int give_value(struct crq_performance *p, const crq_value *v)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    crq_value *instead = NULL;
    crq_error err;
    int rc;

    if (crq_value_type(v) == CRQ_NONE)
        return 0;
    rc = crq_serialize(p->out->serializer, v, &buf, &err);
    if (rc < 0 && rc != CRQ_ENOMEM) {
        crq_buf_clear(&buf);
        instead = crq_value_new_text(UNSERIALIZABLE);
        rc = instead == NULL
                ? CRQ_ENOMEM
                : crq_serialize(p->out->serializer, instead, &buf, &err);
        crq_value_free(instead);
    }
    if (rc == 0)
        rc = crq_buf_steal(&buf, &p->out->value, &p->out->value_len, NULL);
    crq_buf_fini(&buf);
    return rc;
}

/* rq.job.Retry as it would be after Retry(max, intervals). */
static int make_retry(const crq_task *task, crq_value **out)
{
    crq_value *state = crq_value_new_dict(), *list = crq_value_new_list();
    int rc = state != NULL && list != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < task->retry.intervals; i++)
        rc = crq_value_add(list, crq_value_new_int(task->retry.intervals_s[i]));
    if (rc == 0)
        rc = crq_value_set(state, "max", crq_value_new_int(task->retry.max));
    if (rc == 0) {
        rc = crq_value_set(state, "intervals", list);
        list = NULL;
    }
    if (rc == 0)
        rc = crq_value_set(state, "enqueue_at_front",
                crq_value_new_bool(false));
    crq_value_free(list);
    if (rc < 0) {
        crq_value_free(state);
        return rc;
    }
    *out = crq_value_new_retry(state);
    return *out != NULL ? 0 : CRQ_ENOMEM;
}

static int give_retry(struct crq_performance *p, crq_task *task)
{
    struct crq_outcome *out = p->out;
    crq_value *retry;
    int rc = 0;

    out->kind = CRQ_OUTCOME_RETRY;
    out->retry_max = task->retry.max;
    out->retry_intervals_s = task->retry.intervals_s;
    out->retry_intervals = task->retry.intervals;
    if (out->serializer == CRQ_PICKLE) {
        rc = make_retry(task, &retry);
        if (rc == 0) {
            rc = give_value(p, retry);
            crq_value_free(retry);
        }
    }
    task->retry.intervals_s = NULL; /* it is the outcome's now */
    return rc;
}

static int fail_returned(struct crq_performance *p, int rc, const char *advice)
{
    char text[300];

    if (rc < 0)
        snprintf(text, sizeof(text), "%s() returned %d (%s) %s",
                p->task.def->name, rc, crq_error_name(rc), advice);
    else
        snprintf(text, sizeof(text), "%s() returned %d, %s", p->task.def->name,
                rc, advice);
    return crq_perform_fail(p, "crq.TaskError", text);
}

/* What the function's return value, the task and err say together. What a
 * callback returns is for nobody. */
static int give_outcome(struct crq_performance *p, int rc, const crq_error *err)
{
    crq_task *task = &p->task;

    if (rc == 0 && task->mistaken) /* it never asked for it */
        rc = task->mistake.class_name == NULL
                ? CRQ_ENOMEM
                : crq_task_fail(task, NULL, task->mistake.class_name, "%s",
                          task->mistake.message);
    if (rc == 0 && task->event != CRQ_EVENT_NONE)
        return 0;
    if (rc == 0)
        return task->retry.max > 0 ? give_retry(p, task)
                                   : give_value(p, task->result);
    if (rc > 0)
        return fail_returned(p, rc,
                "which is neither 0 nor the code of a failure");
    if (rc == CRQ_ETASK && task->failure.class_name != NULL)
        return crq_perform_fail(p, task->failure.class_name,
                task->failure.message);
    if (rc == CRQ_ENOMEM)
        return crq_perform_fail_code(p, rc, crq_error_summary(rc));
    if (err->code == 0 || err->text[0] == '\0')
        return fail_returned(p, rc, "without a word in its error");
    return crq_perform_fail_code(p, rc, err->text);
}

/* -------------------------------------------------------------------- run */

static int call(struct crq_performance *p)
{
    crq_error err = { 0, "" };
    struct crq_guard guard;
    int rc;

    crq_guard_begin(&guard, p->run->worker, p->run->job_id);
    p->begun_us = crq_clock_mono_us(&crq_clock_system);
    rc = p->task.def->run(&p->task, &err);
    crq_guard_end(&guard);
    /* A task may have filled it through pointers of its own. */
    err.text[sizeof(err.text) - 1] = '\0';
    return give_outcome(p, rc, &err);
}

int crq_perform_call(struct crq_performance *p, const crq_value *args,
        const crq_value *kwargs)
{
    struct crq_buf why = CRQ_BUF_INIT;
    crq_task *task = &p->task;
    int rc;

    rc = crq_params_bind(task->params, task->def->name, args, kwargs,
            &task->bound, &why);
    if (rc == 0)
        rc = call(p);
    else if (rc == CRQ_ETASK)
        rc = crq_perform_fail(p, "TypeError", crq_buf_text(&why));
    crq_buf_fini(&why);
    return rc;
}

/* The task that the data names; a name with a '\0' in it is none. */
static const crq_task_def *find_task(const struct crq_performance *p)
{
    size_t len;

    crq_value_data(crq_value_item(p->payload.tuple, 0), &len);
    if (strlen(p->name) != len)
        return NULL;
    return crq_modules_find(p->modules, p->name);
}

static int perform(struct crq_performance *p)
{
    const crq_task_def *def;
    crq_error why;
    int rc;

    rc = crq_payload_decode_as(p->run->serializer, p->run->data,
            p->run->data_len, &p->payload, &why);
    if (rc == CRQ_ENOMEM)
        return rc;
    if (rc < 0 && p->run->serializer != NULL)
        (void)crq_fail_in(&why, rc,
                "this worker reads all jobs as %s (--serializer)",
                crq_serializer_name(*p->run->serializer));
    if (rc < 0)
        return fail_data(p, &why);
    p->task.serializer = p->out->serializer = p->payload.serializer;
    p->name = p->payload.func;
    def = find_task(p);
    if (def == NULL)
        return crq_perform_fail_unknown(p);
    crq_task_set_def(&p->task, def, p->run->timeout_s);
    if (def->callback)
        return crq_perform_fail(p, "crq.UnknownTask",
                "it is a callback: no job can call it");
    return crq_perform_call(p, p->payload.args, p->payload.kwargs);
}

int crq_perform(const struct crq_modules *modules, const struct crq_run *run,
        const struct crq_run_hooks *hooks, struct crq_outcome *out,
        crq_error *err)
{
    struct crq_performance p = {
        .modules = modules, .run = run, .hooks = hooks, .out = out
    };
    int rc;

    memset(out, 0, sizeof(*out));
    p.begun_us = crq_clock_mono_us(&crq_clock_system);
    crq_task_init(&p.task, run, hooks);
    rc = perform(&p);
    if (rc == 0)
        rc = crq_perform_callbacks(&p);
    crq_task_fini(&p.task);
    crq_payload_fini(&p.payload);
    if (rc == 0)
        return 0;
    crq_outcome_fini(out);
    return crq_fail_nomem(err);
}
