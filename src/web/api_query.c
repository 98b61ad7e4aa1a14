/* api_query.c - what stands behind the '?', by tables; and cursors. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "codec/zip.h"
#include "model/fields.h"
#include "model/status.h"
#include "web/api_impl.h"

/* ------------------------------------------------------------------ queries */

static bool read_bool(const char *text, bool *out)
{
    static const struct {
        const char *text;
        bool value;
    } rows[] = { { "true", true }, { "1", true }, { "false", false },
        { "0", false } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].text, text) == 0) {
            *out = rows[i].value;
            return true;
        }
    return false;
}

static bool read_count(const char *text, int64_t most, int64_t *out)
{
    int64_t n = 0;

    for (; *text >= '0' && *text <= '9' && n <= most; text++)
        n = n * 10 + (*text - '0');
    if (*text != '\0' || n < 1 || n > most)
        return false;
    *out = n;
    return true;
}

static bool read_status(const char *text, crq_status *out)
{
    crq_status status = crq_status_parse(text);

    if (crq_status_key(status) == CRQ_KEY_COUNT)
        return false;
    *out = status;
    return true;
}

static bool read_order(const char *text, crq_order *out)
{
    bool newest = strcmp(text, "newest") == 0;

    if (!newest && strcmp(text, "oldest") != 0)
        return false;
    *out = newest ? CRQ_NEWEST_FIRST : CRQ_OLDEST_FIRST;
    return true;
}

static bool read_duration(const char *text, int64_t most, int64_t *out)
{
    int64_t us;

    if (crq_timetext_duration(text, &us, NULL) < 0 || us < 0 || us > most)
        return false;
    *out = us;
    return true;
}

static bool read_param(const struct api_param *param, const char *text,
        void *to)
{
    switch (param->kind) {
    case API_PARAM_TEXT:
        *(const char **)to = text;
        return text[0] != '\0' &&
                (param->most == 0 || strlen(text) <= (size_t)param->most);
    case API_PARAM_BOOL: return read_bool(text, to);
    case API_PARAM_COUNT: return read_count(text, param->most, to);
    case API_PARAM_DURATION:
        return read_duration(text, param->most > 0 ? param->most : INT64_MAX,
                to);
    case API_PARAM_STATUS: return read_status(text, to);
    case API_PARAM_ORDER: return read_order(text, to);
    }
    return false;
}

static int expected(struct api_ask *ask, const struct api_param *param,
        const char *text)
{
    static const char *const kinds[] = {
        [API_PARAM_TEXT] = "a text",
        [API_PARAM_BOOL] = "true or false",
        [API_PARAM_COUNT] = "a whole number",
        [API_PARAM_DURATION] = "a duration, as 30, 10m or 2h",
        [API_PARAM_STATUS] = ("queued, started, finished, failed, stopped, "
                              "deferred, scheduled or canceled"),
        [API_PARAM_ORDER] = "oldest or newest",
    };
    char most[40] = "";
    int64_t n = param->most;

    if (param->kind == API_PARAM_COUNT)
        (void)snprintf(most, sizeof(most), " from 1 to %lld", (long long)n);
    else if (param->kind == API_PARAM_DURATION && n > 0)
        (void)snprintf(most, sizeof(most), ", up to %lld seconds",
                (long long)n / 1000000);
    else if (param->kind == API_PARAM_TEXT && n > 0)
        (void)snprintf(most, sizeof(most), " of up to %lld bytes",
                (long long)n);
    return api_problem(ask, 400, NULL,
            "parameter %s: expected %s%s, found '%.40s'", param->name,
            kinds[param->kind], most, text);
}

int api_query(struct api_ask *ask, const struct api_param *params, size_t count,
        void *to)
{
    const struct api_request *req = ask->req;
    bool given[16] = { false };
    int rc = 0;

    for (size_t i = 0; i < req->query_count; i++) {
        const struct api_pair *pair = &req->query[i];
        size_t p = 0;

        while (p < count && strcmp(params[p].name, pair->name) != 0)
            p++;
        if (p == count)
            rc = api_problem(ask, 400, NULL, "there is no parameter '%.40s'",
                    pair->name);
        else if (given[p])
            rc = api_problem(ask, 400, NULL, "parameter %s is there twice",
                    pair->name);
        else if (!read_param(&params[p], pair->value,
                         (char *)to + params[p].offset))
            rc = expected(ask, &params[p], pair->value);
        else {
            given[p] = true;
            continue;
        }
        return rc < 0 ? rc : 1;
    }
    return 0;
}

/* ------------------------------------------------------------------ cursors */

/* The separator: no name of a queue holds one. */
#define BETWEEN '\n'

int api_cursor_put(const char *first, const char *second, char **out,
        crq_error *err)
{
    struct crq_buf plain = CRQ_BUF_INIT, text = CRQ_BUF_INIT;
    size_t len;
    int rc;

    crq_buf_puts(&plain, first);
    crq_buf_putc(&plain, BETWEEN);
    crq_buf_puts(&plain, second);
    rc = crq_buf_check(&plain, err);
    if (rc == 0)
        rc = crq_base64_encode(plain.data, plain.len, &text, err);
    for (size_t i = 0; rc == 0 && i < text.len; i++)
        if (text.data[i] == '+')
            text.data[i] = '-';
        else if (text.data[i] == '/')
            text.data[i] = '_';
        else if (text.data[i] == '=')
            crq_buf_cut(&text, i);
    if (rc == 0)
        rc = crq_buf_steal(&text, out, &len, err);
    crq_buf_fini(&plain);
    crq_buf_fini(&text);
    return rc;
}

static int split(const struct crq_buf *plain, char **out_first,
        char **out_second, crq_error *err)
{
    const char *at =
            plain->len > 0 ? memchr(plain->data, BETWEEN, plain->len) : NULL;
    size_t bad, len = at != NULL ? (size_t)(at - plain->data) : 0;
    char *first, *second;

    if (at == NULL || !crq_text_valid(plain->data, plain->len, &bad))
        return crq_fail(err, CRQ_EINVAL, "not a cursor");
    first = crq_memdup(plain->data, len);
    second = crq_memdup(at + 1, plain->len - len - 1);
    if (first == NULL || second == NULL) {
        crq_free(first);
        crq_free(second);
        return crq_fail_nomem(err);
    }
    *out_first = first;
    *out_second = second;
    return 0;
}

int api_cursor_get(const char *cursor, char **out_first, char **out_second,
        crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT, plain = CRQ_BUF_INIT;
    int rc;

    for (const char *c = cursor; *c != '\0'; c++)
        crq_buf_putc(&text, *c == '-' ? '+' : *c == '_' ? '/' : *c);
    while (text.len % 4 != 0 && text.rc == 0)
        crq_buf_putc(&text, '=');
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = crq_base64_decode(crq_buf_text(&text), text.len, &plain, err);
    if (rc == 0)
        rc = split(&plain, out_first, out_second, err);
    else if (rc != CRQ_ENOMEM)
        rc = crq_fail(err, CRQ_EINVAL, "not a cursor");
    crq_buf_fini(&text);
    crq_buf_fini(&plain);
    return rc;
}
