/*
 * task_refuse.c - refusing a request, in words for who made it.
 *
 * A refusal is a failure like others, whose message is the JSON that the
 * gateway answers with: RQ's tools show it, nothing else has to be stored.
 */
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/json.h"
#include "task/task_impl.h"

/* The members that a refusal has by itself. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = { "type", "status", "title", "detail" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int put_extra(const crq_value *extra, struct crq_buf *out)
{
    bool any = crq_value_type(extra) == CRQ_DICT;
    size_t count = any ? crq_value_count(extra) : 0;

    for (size_t i = 0; i < count; i++) {
        const crq_value *key = crq_value_key(extra, i);
        size_t len;

        if (crq_value_type(key) != CRQ_STR || is_reserved(crq_value_text(key)))
            continue;
        crq_buf_putc(out, ',');
        crq_json_put_string(out, crq_value_data(key, &len),
                strlen(crq_value_text(key)));
        crq_buf_putc(out, ':');
        if (crq_json_encode(crq_value_item(extra, i), CRQ_JSON_SHOW, out,
                    NULL) < 0)
            return CRQ_ENOMEM;
    }
    return out->rc;
}

int crq_task_refuse(crq_task *task, crq_error *err, int status,
        const crq_value *extra, const char *title, const char *format, ...)
{
    struct crq_buf text = CRQ_BUF_INIT, detail = CRQ_BUF_INIT;
    va_list ap;
    int rc = CRQ_ENOMEM;

    if (status < 400 || status > 499)
        return crq_task_fail(task, err, "ValueError",
                "a refusal's status is 400 to 499, not %d", status);
    if (crq_value_type(extra) != CRQ_DICT && crq_value_type(extra) != CRQ_NONE)
        return crq_task_fail(task, err, "TypeError",
                "what a refusal adds is a dict, not a %s",
                crq_type_name(crq_value_type(extra)));
    va_start(ap, format);
    crq_buf_vprintf(&detail, format, ap);
    va_end(ap);
    crq_buf_printf(&text, "{\"status\":%d,\"title\":", status);
    crq_json_put_string(&text, title, strlen(title));
    crq_buf_puts(&text, ",\"detail\":");
    crq_json_put_string(&text, crq_buf_text(&detail), detail.len);
    if (put_extra(extra, &text) == 0 && crq_buf_putc(&text, '}') == 0 &&
            detail.rc == 0)
        rc = crq_failure_set(&task->failure, CRQ_REFUSED, "%s",
                crq_buf_text(&text));
    rc = rc < 0 ? crq_fail_nomem(err)
                : crq_fail(err, CRQ_ETASK, "%s: %s", CRQ_REFUSED,
                          crq_buf_text(&text));
    crq_buf_fini(&detail);
    crq_buf_fini(&text);
    return rc;
}
