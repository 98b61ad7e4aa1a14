/* api_answer.c - answers: JSON, problems, fields. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "web/api_impl.h"

#define JSON_TYPE    "application/json"
#define PROBLEM_TYPE "application/problem+json"

int api_answer(struct api_ask *ask, int status, crq_value *v, int rc)
{
    struct api_response *out = ask->out;

    if (rc == 0)
        rc = crq_json_encode(v, CRQ_JSON_SHOW, &out->body, ask->err);
    if (rc == 0 && crq_buf_putc(&out->body, '\n') < 0)
        rc = crq_buf_check(&out->body, ask->err);
    crq_value_free(v);
    if (rc < 0)
        return rc;
    out->status = status;
    out->content_type = JSON_TYPE;
    return 0;
}

int api_answer_empty(struct api_ask *ask)
{
    ask->out->status = 204;
    return 0;
}

const char *api_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Content" },
        { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return status < 500 ? "Refused" : "Error";
}

int api_problem(struct api_ask *ask, int status, crq_value *errors,
        const char *format, ...)
{
    crq_value *v = crq_value_new_dict();
    char detail[sizeof(ask->err->text)];
    crq_error text;
    int rc = v != NULL ? 0 : CRQ_ENOMEM;
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(detail, sizeof(detail), format, ap);
    va_end(ap);
    crq_fail(&text, 0, "%s", detail); /* cut as text, no control characters */
    crq_dict_put_text(v, "type", "about:blank", &rc);
    crq_dict_put_text(v, "title", api_title(status), &rc);
    crq_dict_put_number(v, "status", status, &rc);
    crq_dict_put_text(v, "detail", text.text, &rc);
    if (errors != NULL)
        crq_dict_put(v, "errors", errors, &rc);
    rc = api_answer(ask, status, v, rc);
    if (rc == 0)
        ask->out->content_type = PROBLEM_TYPE;
    return rc;
}

int api_body_problem(struct api_ask *ask, int rc, crq_value *errors)
{
    int status = rc == CRQ_EINVAL ? 422
            : rc == CRQ_ECODEC    ? 400
            : rc == CRQ_ELIMIT    ? 413
                                  : 0;
    crq_error text = *ask->err;

    if (status == 0) {
        crq_value_free(errors);
        return rc;
    }
    return api_problem(ask, status, errors, "%s", text.text);
}

int api_field(struct api_ask *ask, const char *name, const char *value)
{
    struct api_response *out = ask->out;
    char *copy = crq_strdup(value);

    if (copy == NULL)
        return crq_fail_nomem(ask->err);
    out->fields[out->fields_count].name = name;
    out->fields[out->fields_count++].value = copy;
    return 0;
}

/* As in a URL; `also` stands for itself, too. */
static void put_escaped(struct crq_buf *out, const char *text, const char *also)
{
    for (const char *c = text; *c != '\0'; c++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789-_.~",
                    *c) != NULL ||
                strchr(also, *c) != NULL)
            crq_buf_putc(out, *c);
        else
            crq_buf_printf(out, "%%%02X", (unsigned char)*c);
}

#define FOREIGN_MOST 5

int api_foreign(struct api_ask *ask, const struct crq_foreign *found,
        size_t count)
{
    struct crq_buf text = CRQ_BUF_INIT;
    int rc;

    if (count == 0 || ask->out->fields_count == API_FIELDS_MAX)
        return 0;
    for (size_t i = 0; i < count && i < FOREIGN_MOST; i++) {
        crq_buf_puts(&text, i > 0 ? ", " : "");
        put_escaped(&text, found[i].key, ":");
        crq_buf_printf(&text, ";is=%s;want=%s", found[i].is, found[i].want);
    }
    rc = crq_buf_check(&text, ask->err);
    if (rc == 0)
        rc = api_field(ask, "Crq-Foreign-Keys", crq_buf_text(&text));
    crq_buf_fini(&text);
    return rc;
}

int api_location(struct api_ask *ask, const char *folder, const char *name)
{
    struct crq_buf text = CRQ_BUF_INIT;
    size_t len;
    int rc;

    crq_buf_printf(&text, "/api/v1/%s/", folder);
    put_escaped(&text, name, "");
    rc = crq_buf_steal(&text, &ask->out->location, &len, ask->err);
    crq_buf_fini(&text);
    return rc;
}

int api_answer_list(struct api_ask *ask, const char *key, size_t count,
        api_item *make, void *arg)
{
    crq_value *all = crq_value_new_dict(), *list = crq_value_new_list();
    int rc = all != NULL && list != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_value *one = NULL;

        rc = make(arg, i, &one, ask->err);
        if (rc == 0)
            rc = crq_value_add(list, one);
    }
    crq_dict_put(all, key, list, &rc);
    return api_answer(ask, 200, all, rc);
}
