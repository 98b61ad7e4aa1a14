/*
 * failure.c - what is wrong with a run, as a text.
 *
 * Whatever is wrong with a job is a failure of the job, told in a text of the
 * form of Python's tracebacks: people and dashboards that know RQ read it at
 * once, and the last line is "<class>: <message>".
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "task/perform_impl.h"

/* Where the name of a function and a message are cut in texts. */
#define NAME_SHOWN    200
#define MESSAGE_SHOWN SIZE_MAX

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
static void put_where(struct crq_buf *buf, const struct crq_performance *p)
{
    int64_t us = crq_clock_mono_us(&crq_clock_system) - p->begun_us;

    crq_buf_puts(buf, "  ");
    if (p->name != NULL) {
        crq_buf_puts(buf,
                p->task.event == CRQ_EVENT_NONE ? "Task " : "Callback ");
        put_text(buf, p->name, NAME_SHOWN);
    } else {
        crq_buf_puts(buf, "A task that can't be read");
    }
    if (p->task.def != NULL)
        crq_buf_printf(buf, " in module %s",
                crq_modules_module_of(p->task.def));
    crq_buf_puts(buf, ", worker ");
    put_text(buf, p->run->worker, NAME_SHOWN);
    crq_buf_puts(buf, ", job ");
    put_text(buf, p->run->job_id, NAME_SHOWN);
    crq_buf_printf(buf, ", after %lld.%03lld s\n", (long long)(us / 1000000),
            (long long)(us / 1000 % 1000));
}

int crq_perform_fail(struct crq_performance *p, const char *class_name,
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
int crq_perform_fail_code(struct crq_performance *p, int code, const char *text)
{
    char class_name[40];

    if (code == CRQ_ENOMEM)
        return crq_perform_fail(p, "MemoryError", text);
    if (code < CRQ_ETASK) /* a number of the task's own */
        return crq_perform_fail(p, "crq.TaskError", text);
    snprintf(class_name, sizeof(class_name), "crq.%s",
            crq_error_name(code) + strlen("CRQ_"));
    return crq_perform_fail(p, class_name, text);
}

int crq_perform_fail_unknown(struct crq_performance *p)
{
    size_t count = crq_modules_module_count(p->modules);
    bool task = p->task.event == CRQ_EVENT_NONE;
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc;

    crq_buf_printf(&buf, "there is no %s '", task ? "task" : "callback");
    put_text(&buf, p->name, NAME_SHOWN);
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
        rc = crq_perform_fail(p,
                task ? "crq.UnknownTask" : "crq.UnknownCallback",
                crq_buf_text(&buf));
    crq_buf_fini(&buf);
    return rc;
}

int crq_failure_put_next(struct crq_buf *buf, const char *failure,
        const char *next)
{
    size_t len = strlen(failure);

    crq_buf_put(buf, failure, len);
    if (len > 0 && failure[len - 1] != '\n')
        crq_buf_putc(buf, '\n');
    return crq_buf_printf(buf,
            "\nDuring handling of the above exception, another exception "
            "occurred:\n\n%s",
            next);
}
