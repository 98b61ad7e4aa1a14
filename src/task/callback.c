/*
 * callback.c - what a job wants called when it has ended: on_success,
 * on_failure, on_stopped.
 *
 * In RQ's order (rq/worker/base.py, perform_job()): on_success before the job
 * is finished, its failure being the job's; then, for whatever failed,
 * on_failure. Each is a call of its own, with its own time and the process as
 * the task found it. They share the task's object, so that what the task has
 * set in meta is there.
 */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "task/perform_impl.h"

crq_event crq_task_event(const crq_task *task)
{
    return task->event;
}

const crq_value *crq_task_result(const crq_task *task)
{
    return task->event == CRQ_EVENT_SUCCESS ? task->given : NULL;
}

const char *crq_task_error_class(const crq_task *task)
{
    return task->error_class;
}

const char *crq_task_error_message(const crq_task *task)
{
    return task->error_message;
}

const char *crq_task_error_text(const crq_task *task)
{
    return task->error;
}

static bool is_wanted(const struct crq_run_callback *callback)
{
    return callback->name != NULL && callback->name[0] != '\0';
}

/* Find it and call it; the outcome is the callback's own. */
static int call(struct crq_performance *p, crq_event event,
        const struct crq_run_callback *callback)
{
    const crq_task_def *def = crq_modules_find(p->modules, callback->name);
    crq_value *args, *kwargs;
    int rc;

    crq_task_end_call(&p->task);
    p->task.event = event;
    p->task.def = NULL;
    p->name = callback->name;
    p->begun_us = crq_clock_mono_us(&crq_clock_system);
    if (def == NULL)
        return crq_perform_fail_unknown(p);
    crq_task_set_def(&p->task, def, callback->timeout_s);
    if (!def->callback)
        return crq_perform_fail(p, "crq.UnknownCallback",
                "it is a task: a callback is registered by CRQ_CALLBACK()");
    args = crq_value_new_list();
    kwargs = crq_value_new_dict();
    rc = args != NULL && kwargs != NULL ? crq_perform_call(p, args, kwargs)
                                        : CRQ_ENOMEM;
    crq_task_end_call(&p->task);
    crq_value_free(args);
    crq_value_free(kwargs);
    return rc;
}

/* The job has failed with what is there, and then with its on_failure. */
static int add_failure(struct crq_outcome *to, struct crq_outcome *next)
{
    struct crq_buf text = CRQ_BUF_INIT;
    char *both;
    int rc;

    crq_failure_put_next(&text, to->error, next->error);
    rc = crq_buf_steal(&text, &both, NULL, NULL);
    crq_buf_fini(&text);
    if (rc < 0)
        return rc;
    crq_free(next->error);
    next->error = both;
    return 0;
}

static int after(struct crq_performance *p, crq_event event,
        const struct crq_run_callback *callback)
{
    struct crq_outcome *out = p->out, own;
    int rc;

    memset(&own, 0, sizeof(own));
    own.serializer = out->serializer;
    if (p->hooks->on_callback != NULL)
        p->hooks->on_callback(p->hooks->arg, event,
                event == CRQ_EVENT_FAILURE ? out->error : "");
    p->out = &own;
    rc = call(p, event, callback);
    p->out = out;
    if (rc == 0 && own.kind == CRQ_OUTCOME_FAILED) {
        if (event == CRQ_EVENT_FAILURE)
            rc = add_failure(out, &own);
        if (rc == 0) {
            crq_outcome_fini(out);
            *out = own;
            return 0;
        }
    }
    crq_outcome_fini(&own);
    return rc;
}

int crq_perform_callbacks(struct crq_performance *p)
{
    const struct crq_run *run = p->run;
    struct crq_outcome *out = p->out;
    int rc = 0;

    if (out->kind == CRQ_OUTCOME_RETURNED && is_wanted(&run->on_success))
        rc = after(p, CRQ_EVENT_SUCCESS, &run->on_success);
    if (rc == 0 && out->kind == CRQ_OUTCOME_FAILED &&
            is_wanted(&run->on_failure)) {
        p->task.error_class = out->error_class;
        p->task.error_message = out->error_message;
        p->task.error = out->error;
        rc = after(p, CRQ_EVENT_FAILURE, &run->on_failure);
    }
    return rc;
}

int crq_call_back(const struct crq_modules *modules, const struct crq_run *run,
        const struct crq_callback_call *what, const struct crq_run_hooks *hooks,
        struct crq_outcome *out, crq_error *err)
{
    struct crq_performance p = {
        .modules = modules, .run = run, .hooks = hooks, .out = out
    };
    int rc;

    memset(out, 0, sizeof(*out));
    crq_task_init(&p.task, run, hooks);
    if (run->serializer != NULL)
        p.task.serializer = out->serializer = *run->serializer;
    else if (crq_payload_decode(run->data, run->data_len, &p.payload, NULL) ==
            0)
        p.task.serializer = out->serializer = p.payload.serializer;
    p.task.error_class = what->error_class;
    p.task.error_message = what->error_message;
    p.task.error = what->error;
    rc = call(&p, what->event, &what->callback);
    crq_task_fini(&p.task);
    crq_payload_fini(&p.payload);
    if (rc == 0)
        return 0;
    crq_outcome_fini(out);
    return crq_fail_nomem(err);
}
