/*
 * perform.c - one job, from the bytes of its data to an outcome.
 *
 * Whatever is wrong with a job is a failure of the job, told in a text of the
 * form of Python's tracebacks: people and dashboards that know RQ read it at
 * once, and the last line is "<class>: <message>".
 */
#include "task/perform.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/value.h"
#include "model/call.h"
#include "model/serializer.h"
#include "task/guard.h"
#include "task/task_impl.h"

/* Where the name of a function and a message are cut in texts. */
#define NAME_SHOWN    200
#define MESSAGE_SHOWN SIZE_MAX

/* What RQ stores instead: rq/defaults.py. */
#define UNSERIALIZABLE "Unserializable return value"

/* Everything of one call of crq_perform(). */
struct performance {
    const struct crq_modules *modules;
    const struct crq_run *run;
    const struct crq_run_hooks *hooks;
    const crq_task_def *def; /* NULL: no such task */
    struct crq_payload payload;
    int64_t begun_us;
    struct crq_outcome *out;
};

void crq_outcome_fini(struct crq_outcome *outcome)
{
    crq_free(outcome->value);
    crq_free(outcome->error);
    crq_free(outcome->error_class);
    crq_free(outcome->error_message);
    crq_free(outcome->retry_intervals_s);
    memset(outcome, 0, sizeof(*outcome));
}

/* --------------------------------------------------------------- failures */

/* The size of the character at `text`, or 0 when Python's decoder would not
 * take it: surrogates, which our own strings may hold, are such. */
static size_t char_size(const char *text, size_t left)
{
    unsigned char c = (unsigned char)*text;
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, bad;

    if (size > left || !crq_utf8_valid(text, size, &bad))
        return 0;
    return c == 0xed && (unsigned char)text[1] >= 0xa0 ? 0 : size;
}

/* Put text so that Python can decode it, up to about `max` bytes of it. */
static void put_text(struct crq_buf *buf, const char *text, size_t max)
{
    size_t left = strlen(text), size;

    for (size_t stop = left > max ? left - max : 0; left > stop;) {
        size = char_size(text, left);
        if (size > 0)
            crq_buf_put(buf, text, size);
        else
            crq_buf_puts(buf, "\xef\xbf\xbd");
        do {
            text++;
            left--;
        } while (left > 0 && ((unsigned char)*text & 0xc0) == 0x80);
    }
    if (left > 0)
        crq_buf_puts(buf, "...");
}

static char *clean_copy(const char *text)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    char *copy = NULL;
    size_t len;

    put_text(&buf, text, MESSAGE_SHOWN);
    crq_buf_puts(&buf, "");
    if (crq_buf_steal(&buf, &copy, &len, NULL) < 0)
        copy = NULL;
    crq_buf_fini(&buf);
    return copy;
}

/* "  Task demo.add in module demo, worker w, job 1, after 0.003 s" */
static void put_where(struct crq_buf *buf, const struct performance *p)
{
    int64_t us = crq_clock_mono_us(&crq_clock_system) - p->begun_us;

    crq_buf_puts(buf, "  ");
    if (p->payload.func != NULL) {
        crq_buf_puts(buf, "Task ");
        put_text(buf, p->payload.func, NAME_SHOWN);
    } else {
        crq_buf_puts(buf, "A task that can't be read");
    }
    if (p->def != NULL)
        crq_buf_printf(buf, " in module %s", crq_modules_module_of(p->def));
    crq_buf_puts(buf, ", worker ");
    put_text(buf, p->run->worker, NAME_SHOWN);
    crq_buf_puts(buf, ", job ");
    put_text(buf, p->run->job_id, NAME_SHOWN);
    crq_buf_printf(buf, ", after %lld.%03lld s\n", (long long)(us / 1000000),
            (long long)(us / 1000 % 1000));
}

static int fail(struct performance *p, const char *class_name,
        const char *message)
{
    struct crq_outcome *out = p->out;
    struct crq_buf buf = CRQ_BUF_INIT;
    size_t len;
    int rc;

    out->kind = CRQ_OUTCOME_FAILED;
    out->error_class = crq_strdup(class_name);
    out->error_message = clean_copy(message);
    crq_buf_puts(&buf, "Traceback (most recent call last):\n");
    put_where(&buf, p);
    crq_buf_puts(&buf, class_name);
    if (*message != '\0') {
        crq_buf_puts(&buf, ": ");
        put_text(&buf, message, MESSAGE_SHOWN);
    }
    crq_buf_putc(&buf, '\n');
    rc = crq_buf_steal(&buf, &out->error, &len, NULL);
    crq_buf_fini(&buf);
    if (out->error_class == NULL || out->error_message == NULL)
        rc = CRQ_ENOMEM;
    return rc;
}

/* A library's code as a class: CRQ_EREDIS is "crq.EREDIS". */
static int fail_code(struct performance *p, int code, const char *text)
{
    char class_name[40];

    if (code == CRQ_ENOMEM)
        return fail(p, "MemoryError", text);
    if (code < CRQ_ETASK) /* a number of the task's own */
        return fail(p, "crq.TaskError", text);
    snprintf(class_name, sizeof(class_name), "crq.%s",
            crq_error_name(code) + strlen("CRQ_"));
    return fail(p, class_name, text);
}

/* ------------------------------------------------------- what can't be run */

static int fail_data(struct performance *p, const crq_error *why)
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
        rc = fail(p, "rq.exceptions.DeserializationError", crq_buf_text(&buf));
    crq_buf_fini(&buf);
    return rc;
}

static int fail_unknown(struct performance *p)
{
    size_t count = crq_modules_module_count(p->modules);
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc;

    crq_buf_puts(&buf, "there is no task '");
    put_text(&buf, p->payload.func, NAME_SHOWN);
    crq_buf_puts(&buf, "' here; ");
    crq_buf_puts(&buf,
            count == 0           ? "no module is loaded"
                    : count == 1 ? "the module loaded is "
                                 : "the modules loaded are ");
    for (size_t i = 0; i < count; i++)
        crq_buf_printf(&buf, "%s%s", i > 0 ? ", " : "",
                crq_modules_module_name(p->modules, i));
    crq_buf_puts(&buf,
            ". Start the worker with --load MODULE for the module "
            "that has it");
    rc = crq_buf_check(&buf, NULL);
    if (rc == 0)
        rc = fail(p, "crq.UnknownTask", crq_buf_text(&buf));
    crq_buf_fini(&buf);
    return rc;
}

/* ---------------------------------------------------------------- outcomes */

static int give_value(struct performance *p, const crq_value *v)
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

static int give_retry(struct performance *p, crq_task *task)
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

static int fail_returned(struct performance *p, int rc, const char *advice)
{
    char text[300];

    if (rc < 0)
        snprintf(text, sizeof(text), "%s() returned %d (%s) %s", p->def->name,
                rc, crq_error_name(rc), advice);
    else
        snprintf(text, sizeof(text), "%s() returned %d, %s", p->def->name, rc,
                advice);
    return fail(p, "crq.TaskError", text);
}

/* What the task function's return value, the task and err say together. */
static int give_outcome(struct performance *p, crq_task *task, int rc,
        const crq_error *err)
{
    if (rc == 0 && task->mistaken) /* it never asked for it */
        rc = task->mistake.class_name == NULL
                ? CRQ_ENOMEM
                : crq_task_fail(task, NULL, task->mistake.class_name, "%s",
                          task->mistake.message);
    if (rc == 0)
        return task->retry.max > 0 ? give_retry(p, task)
                                   : give_value(p, task->result);
    if (rc > 0)
        return fail_returned(p, rc,
                "which is neither 0 nor the code of a failure");
    if (rc == CRQ_ETASK && task->failure.class_name != NULL)
        return fail(p, task->failure.class_name, task->failure.message);
    if (rc == CRQ_ENOMEM)
        return fail_code(p, rc, crq_error_summary(rc));
    if (err->code == 0 || err->text[0] == '\0')
        return fail_returned(p, rc, "without a word in its error");
    return fail_code(p, rc, err->text);
}

/* -------------------------------------------------------------------- run */

static int call(struct performance *p, crq_task *task)
{
    crq_error err = { 0, "" };
    struct crq_guard guard;
    int rc;

    crq_guard_begin(&guard, p->run->worker, p->run->job_id);
    p->begun_us = crq_clock_mono_us(&crq_clock_system);
    rc = p->def->run(task, &err);
    crq_guard_end(&guard);
    /* A task may have filled it through pointers of its own. */
    err.text[sizeof(err.text) - 1] = '\0';
    return give_outcome(p, task, rc, &err);
}

static int bind_and_call(struct performance *p)
{
    struct crq_buf why = CRQ_BUF_INIT;
    crq_task task;
    int rc;

    crq_task_init(&task, p->run, p->hooks, p->def, p->payload.serializer);
    rc = crq_params_bind(task.params, p->def->name, p->payload.args,
            p->payload.kwargs, &task.bound, &why);
    if (rc == 0)
        rc = call(p, &task);
    else if (rc == CRQ_ETASK)
        rc = fail(p, "TypeError", crq_buf_text(&why));
    crq_task_fini(&task);
    crq_buf_fini(&why);
    return rc;
}

/* The task that the data names; a name with a '\0' in it is none. */
static const crq_task_def *find_task(const struct performance *p)
{
    size_t len;

    crq_value_data(crq_value_item(p->payload.tuple, 0), &len);
    if (strlen(p->payload.func) != len)
        return NULL;
    return crq_modules_find(p->modules, p->payload.func);
}

static int perform(struct performance *p)
{
    crq_error why;
    int rc;

    rc = crq_payload_decode(p->run->data, p->run->data_len, &p->payload, &why);
    if (rc == CRQ_ENOMEM)
        return rc;
    if (rc < 0)
        return fail_data(p, &why);
    p->out->serializer = p->payload.serializer;
    p->def = find_task(p);
    if (p->def == NULL)
        return fail_unknown(p);
    if (p->def->callback)
        return fail(p, "crq.UnknownTask",
                "it is a callback: no job can call it");
    return bind_and_call(p);
}

int crq_perform(const struct crq_modules *modules, const struct crq_run *run,
        const struct crq_run_hooks *hooks, struct crq_outcome *out,
        crq_error *err)
{
    struct performance p = {
        .modules = modules, .run = run, .hooks = hooks, .out = out
    };
    int rc;

    memset(out, 0, sizeof(*out));
    p.begun_us = crq_clock_mono_us(&crq_clock_system);
    rc = perform(&p);
    crq_payload_fini(&p.payload);
    if (rc == 0)
        return 0;
    crq_outcome_fini(out);
    return crq_fail_nomem(err);
}
