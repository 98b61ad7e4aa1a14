/* webhook.c - webhooks as a job's hash has them: see webhook.h. */
#include "model/webhook.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/timetext.h"
#include "codec/value.h"

#define URL_MAX           8000
#define HEADERS_MAX       16000
#define DEFAULT_TIMEOUT_S 10 /* rq/webhook.py */

void crq_hooks_fini(struct crq_hooks *hooks)
{
    for (size_t i = 0; i < hooks->count; i++) {
        crq_free(hooks->items[i].url);
        crq_free(hooks->items[i].headers);
        crq_free(hooks->items[i].problem);
    }
    crq_free(hooks->items);
    memset(hooks, 0, sizeof(*hooks));
}

/* ---- headers ---- */

/* Those that say how the request is cut are made here, and by nobody else. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = { "Connection", "Content-Length",
        "Transfer-Encoding" };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

static bool is_token(const char *name, size_t len)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) &&
                (name[i] == '\0' || strchr(others, name[i]) == NULL))
            return false;
    return len > 0;
}

/* As str.title(), which urllib has all names go through. */
static void put_name(struct crq_buf *out, const char *name, size_t len)
{
    bool inside = false;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        crq_buf_putc(out, (char)(inside ? tolower(c) : toupper(c)));
        inside = isalpha(c) != 0;
    }
    crq_buf_puts(out, ": ");
}

/* In Latin-1, as http.client writes it. False for what has no form there, or
 * could end the line. */
static bool put_latin1(struct crq_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
        if (c >= 0x80) {
            if ((c != 0xc2 && c != 0xc3) || i + 1 == len)
                return false;
            c = (unsigned char)(c << 6 | ((unsigned char)text[++i] & 0x3f));
        }
        crq_buf_putc(out, (char)c);
    }
    return true;
}

static bool put_value(struct crq_buf *out, const crq_value *v)
{
    const char *text;
    size_t len;

    switch (crq_value_type(v)) {
    case CRQ_STR: text = crq_value_data(v, &len); break;
    case CRQ_INT: crq_value_int_text(v, out, NULL); return true;
    case CRQ_BOOL:
        crq_buf_puts(out, crq_value_bool(v) ? "True" : "False");
        return true;
    default: return false;
    }
    return put_latin1(out, text, len);
}

/* Whether a later key of the dict is the same header: that one counts. */
static bool comes_again(const crq_value *headers, size_t at, const char *name,
        size_t len)
{
    for (size_t i = at + 1; i < crq_value_count(headers); i++) {
        size_t other_len;
        const char *other =
                crq_value_data(crq_value_key(headers, i), &other_len);

        if (other_len == len && strncasecmp(other, name, len) == 0)
            return true;
    }
    return false;
}

static int refuse_header(struct crq_hook *hook, const char *name, size_t len)
{
    char text[120];

    snprintf(text, sizeof(text), "the header '%.*s' cannot be sent",
            len > 60 ? 60 : (int)len, name);
    if (hook->problem == NULL)
        hook->problem = crq_strdup(text);
    return hook->problem == NULL ? CRQ_ENOMEM : 0;
}

static int put_given(struct crq_hook *hook, const crq_value *headers, size_t i,
        struct crq_buf *out)
{
    size_t len, before = out->len;
    const char *name = crq_value_data(crq_value_key(headers, i), &len);

    if (!is_token(name, len))
        return refuse_header(hook, name, len);
    if (is_ours(name) || comes_again(headers, i, name, len))
        return 0;
    put_name(out, name, len);
    if (!put_value(out, crq_value_item(headers, i))) {
        crq_buf_cut(out, before);
        return refuse_header(hook, name, len);
    }
    return crq_buf_putc(out, '\n');
}

static bool is_given(const crq_value *headers, const char *name)
{
    for (size_t i = 0; headers != NULL && i < crq_value_count(headers); i++) {
        size_t len;
        const char *is = crq_value_data(crq_value_key(headers, i), &len);

        if (len == strlen(name) && strncasecmp(is, name, len) == 0)
            return true;
    }
    return false;
}

/* Python's urllib adds these where they are not given. */
static int put_headers(struct crq_hook *hook, const crq_value *headers,
        struct crq_buf *out)
{
    int rc = 0;

    crq_buf_puts(out, "Connection: close\n");
    if (!is_given(headers, "accept-encoding"))
        crq_buf_puts(out, "Accept-Encoding: identity\n");
    if (!is_given(headers, "user-agent"))
        crq_buf_printf(out, "User-Agent: crq/%s\n", crq_version());
    if (hook->post && !is_given(headers, "content-type"))
        crq_buf_puts(out, "Content-Type: application/json\n");
    for (size_t i = 0;
            rc == 0 && headers != NULL && i < crq_value_count(headers); i++)
        rc = put_given(hook, headers, i, out);
    return rc < 0 ? rc : out->rc;
}

static int make_headers(struct crq_hook *hook, const crq_value *headers)
{
    struct crq_buf text;
    int rc;

    crq_buf_init(&text, HEADERS_MAX);
    rc = put_headers(hook, headers, &text);
    if (rc == CRQ_ELIMIT) {
        crq_buf_clear(&text);
        crq_buf_puts(&text, "");
        if (hook->problem == NULL)
            hook->problem = crq_strdup("its headers are too long");
        rc = hook->problem == NULL ? CRQ_ENOMEM : 0;
    }
    if (rc == 0)
        rc = crq_buf_steal(&text, &hook->headers, NULL, NULL);
    crq_buf_fini(&text);
    return rc;
}

/* ---- entries ---- */

static bool is_str(const crq_value *v)
{
    size_t len;

    return crq_value_type(v) == CRQ_STR &&
            strlen(crq_value_data(v, &len)) == len;
}

/* A value that is one of two words; `otherwise` where there is none. */
static int choose(const crq_value *v, const char *yes, const char *no,
        bool *out)
{
    if (!is_str(v))
        return CRQ_ECODEC;
    *out = strcmp(crq_value_text(v), yes) == 0;
    return *out || strcmp(crq_value_text(v), no) == 0 ? 0 : CRQ_ECODEC;
}

/* Behind "http://" or "https://", where the host begins; NULL: neither. */
static const char *host_of(const char *url)
{
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7
            : strncasecmp(url, "https://", 8) == 0      ? 8
                                                        : 0;

    if (scheme == 0 || strchr("/?#", url[scheme]) != NULL) /* or the end */
        return NULL;
    return url + scheme;
}

static int take_timeout(const crq_value *v, int64_t *out_s)
{
    if (v == NULL)
        *out_s = DEFAULT_TIMEOUT_S;
    else if (crq_value_type(v) == CRQ_BOOL)
        *out_s = crq_value_bool(v);
    else if (crq_value_type(v) == CRQ_INT)
        *out_s = crq_value_int_fits(v) ? crq_value_int(v) : INT32_MAX;
    else
        return CRQ_ECODEC;
    return *out_s > 0 ? 0 : CRQ_ECODEC;
}

/* Webhook.from_dict() */
static int take(const crq_value *from, struct crq_hook *out)
{
    const crq_value *url, *method, *headers;

    if (crq_value_type(from) != CRQ_DICT)
        return CRQ_ECODEC;
    url = crq_value_get(from, "url");
    method = crq_value_get(from, "method");
    headers = crq_value_get(from, "headers");
    if (!is_str(url) || host_of(crq_value_text(url)) == NULL ||
            choose(crq_value_get(from, "job_status"), "failed", "finished",
                    &out->failed) < 0 ||
            (method != NULL && choose(method, "POST", "GET", &out->post) < 0) ||
            (crq_value_type(headers) != CRQ_NONE &&
                    crq_value_type(headers) != CRQ_DICT) ||
            take_timeout(crq_value_get(from, "timeout"), &out->timeout_s) < 0)
        return CRQ_ECODEC;
    out->url = crq_strdup(crq_value_text(url));
    if (out->url == NULL)
        return CRQ_ENOMEM;
    if (strlen(out->url) > URL_MAX) {
        out->problem = crq_strdup("its URL is too long");
        if (out->problem == NULL)
            return CRQ_ENOMEM;
    }
    return make_headers(out,
            crq_value_type(headers) == CRQ_DICT ? headers : NULL);
}

static int take_all(const crq_value *list, struct crq_hooks *out)
{
    size_t count;
    int rc = 0;

    if (crq_value_type(list) != CRQ_LIST)
        return CRQ_ECODEC;
    count = crq_value_count(list);
    if (count > CRQ_HOOKS_MAX)
        return CRQ_ECODEC;
    out->items = crq_calloc(count + 1, sizeof(*out->items));
    if (out->items == NULL)
        return CRQ_ENOMEM;
    out->count = count;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take(crq_value_item(list, i), &out->items[i]);
    return rc;
}

int crq_hooks_decode(const char *json, size_t len, struct crq_hooks *out,
        crq_error *err)
{
    struct crq_hooks hooks = { NULL, 0 };
    crq_value *list = NULL;
    int rc = crq_json_decode(json, len, NULL, &list, err);

    if (rc < 0)
        return rc;
    rc = take_all(list, &hooks);
    crq_value_free(list);
    if (rc < 0) {
        crq_hooks_fini(&hooks);
        return rc == CRQ_ENOMEM
                ? crq_fail_nomem(err)
                : crq_fail(err, rc, "one is not as RQ writes it");
    }
    *out = hooks;
    return 0;
}

/* ---- what is sent ---- */

/* datetime.isoformat(), aware and in UTC. */
static crq_value *new_time(int64_t when_us)
{
    char text[CRQ_TIMETEXT_LEN + 10];
    size_t end = CRQ_TIMETEXT_LEN - 1;

    if (when_us == CRQ_UNSET)
        return crq_value_new_none();
    crq_timetext_put(text, when_us);
    if (when_us % 1000000 == 0)
        end -= strlen(".000000");
    strcpy(text + end, "+00:00");
    return crq_value_new_text(text);
}

/* Python's str can't hold what is not UTF-8 either. */
static crq_value *new_text(const char *text, crq_error *err)
{
    crq_value *v = NULL;

    return crq_value_new_str(text, strlen(text), &v, err) < 0 ? NULL : v;
}

int crq_hook_body(const struct crq_hook_job *job, struct crq_buf *out,
        crq_error *err)
{
    crq_value *body = crq_value_new_dict();
    const char *status = job->error != NULL ? "failed" : "finished";
    crq_error why = { CRQ_ENOMEM, "out of memory" };
    int rc = body == NULL ? CRQ_ENOMEM : 0;

    if (rc == 0)
        rc = crq_value_set(body, "job_id", new_text(job->id, &why));
    if (rc == 0)
        rc = crq_value_set(body, "func_name", new_text(job->func, &why));
    if (rc == 0)
        rc = crq_value_set(body, "status", crq_value_new_text(status));
    if (rc == 0)
        rc = crq_value_set(body, "enqueued_at", new_time(job->enqueued_us));
    if (rc == 0)
        rc = crq_value_set(body, "ended_at", new_time(job->ended_us));
    if (rc == 0 && job->error != NULL)
        rc = crq_value_set(body, "exc_info", new_text(job->error, &why));
    if (rc == 0)
        rc = crq_json_encode(body, CRQ_JSON_PYTHON, out, err);
    else
        rc = crq_fail(err,
                why.code == CRQ_ENOMEM ? CRQ_ENOMEM : CRQ_EUNSUPPORTED, "%s",
                why.text);
    crq_value_free(body);
    return rc;
}

int crq_hook_put_site(const char *url, struct crq_buf *out)
{
    const char *host = host_of(url), *at;
    size_t len;

    if (host == NULL)
        return crq_buf_puts(out, "?");
    len = strcspn(host, "/?#");
    at = memrchr(host, '@', len);
    crq_buf_put(out, url, (size_t)(host - url));
    if (at != NULL) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return crq_buf_put(out, host, len > 200 ? 200 : len);
}
