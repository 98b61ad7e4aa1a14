/*
 * refuse.h - telling a client why not.
 *
 * A task that refuses fails with the class "crq.Refused", its message being
 * one JSON object: "status", as HTTP has it, "title", "detail", and whatever
 * else helps the client. The page shows it, and so does "crq result".
 */
#ifndef APPS_REFUSE_H
#define APPS_REFUSE_H

#include <stdarg.h>
#include <stdio.h>

#include <crq.h>

/**
 * Fail as refused. extra: a dict of further members, taken over; or NULL.
 * Return what this returns.
 */
static inline int crq_task_refuse(crq_task *task, crq_error *err, int status,
        crq_value *extra, const char *title, const char *format, ...)
        CRQ_PRINTF(6, 7);

static inline int crq_task_refuse(crq_task *task, crq_error *err, int status,
        crq_value *extra, const char *title, const char *format, ...)
{
    crq_value *why = extra != NULL ? extra : crq_value_new_dict();
    char detail[400], *text = NULL;
    va_list ap;
    int rc;

    va_start(ap, format);
    vsnprintf(detail, sizeof(detail), format, ap);
    va_end(ap);
    if (why == NULL)
        return CRQ_ENOMEM;
    rc = crq_value_set(why, "status", crq_value_new_int(status));
    if (rc == 0)
        rc = crq_value_set(why, "title", crq_value_new_text(title));
    if (rc == 0)
        rc = crq_value_set(why, "detail", crq_value_new_text(detail));
    if (rc == 0)
        rc = crq_value_json(why, &text, NULL, err);
    if (rc == 0)
        rc = crq_task_fail(task, err, "crq.Refused", "%s", text);
    crq_text_free(text);
    crq_value_free(why);
    return rc;
}

#endif
