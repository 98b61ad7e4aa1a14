/*
 * task.c - a run as its task function sees it: arguments and what comes of it.
 *
 * Getters never fail: they remember the first mistake and give something
 * harmless, so that a task reads all its arguments and asks once whether they
 * were right. A task that never asks has failed all the same (perform.c).
 */
#include "task/task_impl.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/float.h"
#include "codec/value.h"

/* A message may be long, but not so long that it hurts who shows it. */
#define MESSAGE_MAX ((size_t)64 << 10)
#define CLASS_MAX   200

void crq_task_init(struct crq_task *task, const struct crq_run *run,
        const struct crq_run_hooks *hooks)
{
    memset(task, 0, sizeof(*task));
    task->run = run;
    task->hooks = hooks;
    task->error_class = task->error_message = task->error = "";
}

void crq_task_set_def(struct crq_task *task, const crq_task_def *def,
        int64_t timeout_s)
{
    int64_t now_us = crq_clock_mono_us(&crq_clock_system);
    bool limited = timeout_s > 0 && timeout_s < INT32_MAX;

    task->def = def;
    task->params = crq_modules_params_of(def);
    task->deadline_us = limited ? now_us + timeout_s * 1000000 : INT64_MAX;
}

void crq_task_end_call(struct crq_task *task)
{
    crq_bound_fini(&task->bound);
    if (task->event == CRQ_EVENT_NONE)
        task->given = task->result;
    else
        crq_value_free(task->result);
    task->result = NULL;
    crq_free(task->retry.intervals_s);
    memset(&task->retry, 0, sizeof(task->retry));
    crq_failure_fini(&task->failure);
    crq_failure_fini(&task->mistake);
    task->mistaken = false;
}

void crq_task_fini(struct crq_task *task)
{
    crq_task_end_call(task);
    crq_value_free(task->given);
    task->given = NULL;
    crq_value_free(task->meta);
    task->meta = NULL;
}

/* --------------------------------------------------------------- failures */

void crq_failure_fini(struct crq_failure *failure)
{
    crq_free(failure->class_name);
    crq_free(failure->message);
    *failure = (struct crq_failure){ NULL, NULL };
}

CRQ_PRINTF(3, 0)
static int set_failure(struct crq_failure *failure, const char *class_name,
        const char *format, va_list ap)
{
    struct crq_buf text;
    size_t len;
    int rc;

    crq_failure_fini(failure);
    crq_buf_init(&text, MESSAGE_MAX);
    if (crq_buf_vprintf(&text, format, ap) == CRQ_ELIMIT) {
        crq_buf_clear(&text);
        crq_buf_printf(&text, "(a message of more than %zu bytes)",
                MESSAGE_MAX);
    } else if (text.len == 0) {
        crq_buf_puts(&text, "");
    }
    failure->class_name = crq_strdup(class_name);
    rc = crq_buf_steal(&text, &failure->message, &len, NULL);
    crq_buf_fini(&text);
    if (rc == 0 && failure->class_name != NULL)
        return 0;
    crq_failure_fini(failure);
    return CRQ_ENOMEM;
}

int crq_failure_set(struct crq_failure *failure, const char *class_name,
        const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = set_failure(failure, class_name, format, ap);
    va_end(ap);
    return rc;
}

/* "ValueError", "shop.errors.NoStock": what a traceback can end with. */
static bool is_class_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789_.";
    size_t len = strnlen(name, CLASS_MAX + 1);

    return len > 0 && len <= CLASS_MAX && strspn(name, allowed) == len;
}

int crq_task_fail(crq_task *task, crq_error *err, const char *class_name,
        const char *format, ...)
{
    va_list ap;
    int rc;

    if (class_name == NULL || !is_class_name(class_name))
        class_name = "crq.TaskError";
    va_start(ap, format);
    rc = set_failure(&task->failure, class_name, format, ap);
    va_end(ap);
    if (rc < 0)
        return crq_fail_nomem(err);
    return crq_fail(err, CRQ_ETASK, "%s: %s", class_name,
            task->failure.message);
}

/* -------------------------------------------------------------- arguments */

/* Remember a mistake, unless there is one. Without memory for it the run ends
 * in CRQ_ENOMEM at crq_task_args_end(). */
CRQ_PRINTF(3, 4)
static void mistake(crq_task *task, const char *class_name, const char *format,
        ...)
{
    va_list ap;

    if (task->mistaken)
        return;
    task->mistaken = true;
    va_start(ap, format);
    (void)set_failure(&task->mistake, class_name, format, ap);
    va_end(ap);
}

/* The argument of that name, or NULL when it was left out. */
static const crq_value *argument(crq_task *task, const char *name)
{
    int i = crq_params_find(task->params, name);

    if (i >= 0)
        return task->bound.values[i];
    mistake(task, "crq.TaskError",
            "%s() reads '%s', which is none of its parameters", task->def->name,
            name);
    return NULL;
}

/* The same for a getter that has nothing else to give. */
static const crq_value *required(crq_task *task, const char *name)
{
    const crq_value *v = argument(task, name);

    if (v == NULL)
        mistake(task, "crq.TaskError",
                "%s() has no value for '%s', which may be left out: read it "
                "with an _or() getter",
                task->def->name, name);
    return v;
}

static void wrong_type(crq_task *task, const char *name, const char *wanted,
        const crq_value *v)
{
    mistake(task, "TypeError", "%s() argument '%s' must be %s, not %s",
            task->def->name, name, wanted, crq_type_name(crq_value_type(v)));
}

static const char *as_str(crq_task *task, const char *name, const crq_value *v)
{
    const char *text;
    size_t len;

    if (crq_value_type(v) != CRQ_STR) {
        wrong_type(task, name, "str", v);
        return "";
    }
    text = crq_value_data(v, &len);
    if (strlen(text) == len)
        return text;
    mistake(task, "ValueError", "%s() argument '%s': embedded null character",
            task->def->name, name);
    return "";
}

static int64_t as_int(crq_task *task, const char *name, const crq_value *v)
{
    if (crq_value_type(v) != CRQ_INT) {
        wrong_type(task, name, "int", v);
        return 0;
    }
    if (crq_value_int_fits(v))
        return crq_value_int(v);
    mistake(task, "OverflowError", "%s() argument '%s' does not fit in 64 bits",
            task->def->name, name);
    return 0;
}

/* An int of any size as the nearest double, as float(int). */
static double int_as_float(crq_task *task, const char *name, const crq_value *v)
{
    struct crq_buf text = CRQ_BUF_INIT;
    double d = 0;
    int rc;

    if (crq_value_int_fits(v))
        return (double)crq_value_int(v);
    rc = crq_value_int_text(v, &text, NULL);
    if (rc == 0)
        rc = crq_float_get(crq_buf_text(&text), text.len, &d);
    crq_buf_fini(&text);
    if (rc == CRQ_ENOMEM)
        task->mistaken = true;
    if (rc == 0 && isfinite(d))
        return d;
    mistake(task, "OverflowError",
            "%s() argument '%s': int too large to convert to float",
            task->def->name, name);
    return 0;
}

static double as_float(crq_task *task, const char *name, const crq_value *v)
{
    if (crq_value_type(v) == CRQ_INT)
        return int_as_float(task, name, v);
    if (crq_value_type(v) == CRQ_FLOAT)
        return crq_value_float(v);
    wrong_type(task, name, "float", v);
    return 0;
}

static bool as_bool(crq_task *task, const char *name, const crq_value *v)
{
    if (crq_value_type(v) == CRQ_BOOL)
        return crq_value_bool(v);
    wrong_type(task, name, "bool", v);
    return false;
}

const char *crq_task_str(crq_task *task, const char *name)
{
    const crq_value *v = required(task, name);

    return v != NULL ? as_str(task, name, v) : "";
}

const char *crq_task_str_or(crq_task *task, const char *name,
        const char *otherwise)
{
    const crq_value *v = argument(task, name);

    return v != NULL ? as_str(task, name, v) : otherwise;
}

int64_t crq_task_int(crq_task *task, const char *name)
{
    const crq_value *v = required(task, name);

    return v != NULL ? as_int(task, name, v) : 0;
}

int64_t crq_task_int_or(crq_task *task, const char *name, int64_t otherwise)
{
    const crq_value *v = argument(task, name);

    return v != NULL ? as_int(task, name, v) : otherwise;
}

double crq_task_float(crq_task *task, const char *name)
{
    const crq_value *v = required(task, name);

    return v != NULL ? as_float(task, name, v) : 0;
}

double crq_task_float_or(crq_task *task, const char *name, double otherwise)
{
    const crq_value *v = argument(task, name);

    return v != NULL ? as_float(task, name, v) : otherwise;
}

bool crq_task_bool(crq_task *task, const char *name)
{
    const crq_value *v = required(task, name);

    return v != NULL && as_bool(task, name, v);
}

bool crq_task_bool_or(crq_task *task, const char *name, bool otherwise)
{
    const crq_value *v = argument(task, name);

    return v != NULL ? as_bool(task, name, v) : otherwise;
}

const crq_value *crq_task_value(crq_task *task, const char *name)
{
    return argument(task, name);
}

const crq_value *crq_task_rest(crq_task *task)
{
    return task->bound.rest;
}

const crq_value *crq_task_keywords(crq_task *task)
{
    return task->bound.keywords;
}

int crq_task_args_end(crq_task *task, crq_error *err)
{
    if (!task->mistaken)
        return 0;
    if (task->mistake.class_name == NULL)
        return crq_fail_nomem(err);
    return crq_task_fail(task, err, task->mistake.class_name, "%s",
            task->mistake.message);
}

/* ---------------------------------------------------------------- the job */

const char *crq_task_job_id(const crq_task *task)
{
    return task->run->job_id;
}

const char *crq_task_queue(const crq_task *task)
{
    return task->run->queue;
}

const char *crq_task_worker(const crq_task *task)
{
    return task->run->worker;
}

int64_t crq_task_retries_left(const crq_task *task)
{
    return task->run->retries_left > 0 ? task->run->retries_left : 0;
}

crq_serializer crq_task_serializer(const crq_task *task)
{
    return task->serializer;
}

bool crq_task_should_stop(crq_task *task)
{
    const struct crq_run_hooks *hooks = task->hooks;

    if (crq_clock_mono_us(&crq_clock_system) >= task->deadline_us)
        return true;
    return hooks->should_stop != NULL && hooks->should_stop(hooks->arg);
}

/* ------------------------------------------------------------ what comes of it
 */

/* The last word counts: a result, or being run again. */
static void forget_result(crq_task *task)
{
    crq_value_free(task->result);
    task->result = NULL;
    crq_free(task->retry.intervals_s);
    memset(&task->retry, 0, sizeof(task->retry));
}

int crq_task_return(crq_task *task, crq_value *v)
{
    forget_result(task);
    task->result = v;
    return v != NULL ? 0 : CRQ_ENOMEM;
}

int crq_task_return_int(crq_task *task, int64_t n)
{
    return crq_task_return(task, crq_value_new_int(n));
}

int crq_task_return_float(crq_task *task, double d)
{
    return crq_task_return(task, crq_value_new_float(d));
}

int crq_task_return_bool(crq_task *task, bool b)
{
    return crq_task_return(task, crq_value_new_bool(b));
}

int crq_task_return_str(crq_task *task, const char *text)
{
    crq_value *v = NULL;
    int rc = crq_value_new_str(text, strlen(text), &v, NULL);

    if (rc == CRQ_ENOMEM)
        return rc;
    if (rc < 0)
        return crq_task_fail(task, NULL, "ValueError",
                "%s() returns a text that is not UTF-8", task->def->name);
    return crq_task_return(task, v);
}

/* RQ's own sentences: rq/job.py, Retry.__init__(). */
int crq_task_retry(crq_task *task, int64_t max, const int64_t *intervals_s,
        size_t intervals)
{
    int64_t *copy;

    if (max < 1)
        return crq_task_fail(task, NULL, "ValueError",
                "max: please enter a value greater than 0");
    for (size_t i = 0; i < intervals; i++)
        if (intervals_s[i] < 0)
            return crq_task_fail(task, NULL, "ValueError",
                    "interval: negative numbers are not allowed");
    copy = crq_calloc(intervals + 1, sizeof(*copy)); /* none is one of 0 */
    if (copy == NULL)
        return CRQ_ENOMEM;
    if (intervals > 0)
        memcpy(copy, intervals_s, intervals * sizeof(*copy));
    forget_result(task);
    task->retry.max = max;
    task->retry.intervals_s = copy;
    task->retry.intervals = intervals > 0 ? intervals : 1;
    return 0;
}

/* ------------------------------------------------------------------- log */

static void log_line(crq_task *task, const char *line, size_t len)
{
    static const char full[] = "(further lines of this run are not kept)";
    const struct crq_run_hooks *hooks = task->hooks;

    if (task->log_full)
        return;
    if (len + 1 > CRQ_RUN_LOG_MAX - sizeof(full) - task->logged) {
        task->log_full = true;
        line = full;
        len = sizeof(full) - 1;
    }
    task->logged += len + 1;
    hooks->log(hooks->arg, line, len);
}

void crq_task_log(crq_task *task, const char *format, ...)
{
    struct crq_buf text;
    const char *at, *end;
    va_list ap;

    if (task->hooks->log == NULL || task->log_full)
        return;
    crq_buf_init(&text, CRQ_RUN_LOG_MAX);
    va_start(ap, format);
    crq_buf_vprintf(&text, format, ap);
    va_end(ap);
    if (text.rc == CRQ_ELIMIT) /* one that is too long: no room for more */
        log_line(task, "", CRQ_RUN_LOG_MAX);
    at = crq_buf_text(&text);
    for (end = at; text.rc == 0; at = end + 1) {
        end = at + strcspn(at, "\n");
        log_line(task, at, (size_t)(end - at));
        if (*end == '\0' || end[1] == '\0')
            break;
    }
    crq_buf_fini(&text);
}
