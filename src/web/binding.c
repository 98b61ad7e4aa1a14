/* binding.c - see binding.h. */
#include "web/binding.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

#define REQUEST_SOURCES                                                        \
    (1U << CRQ_APP_PATH | 1U << CRQ_APP_QUERY | 1U << CRQ_APP_HEADER |         \
            1U << CRQ_APP_TOKEN)

const char *binding_token(const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *field = http_header(request, "Authorization");

    if (field == NULL)
        return http_query(request, "token");
    if (strncasecmp(field, scheme, strlen(scheme)) != 0)
        return NULL;
    field += strlen(scheme);
    return field + strspn(field, " ");
}

static const char *path_part(const struct binding *b, const char *name)
{
    size_t count;
    const char *const *segments = http_segments(b->request, &count);
    int i = crq_app_pattern_find(b->path, name);

    return i >= 0 && (size_t)i < count ? segments[i] : NULL;
}

static const char *request_text(const struct binding *b, enum crq_app_from from,
        const char *key)
{
    switch (from) {
    case CRQ_APP_PATH: return path_part(b, key);
    case CRQ_APP_QUERY: return http_query(b->request, key);
    case CRQ_APP_HEADER: return http_header(b->request, key);
    default: return binding_token(b->request);
    }
}

/* The name of what is kept: its source and its key. */
static void kept_name(struct crq_buf *out, enum crq_app_from from,
        const char *key)
{
    crq_buf_printf(out, "%d.%s", (int)from, key != NULL ? key : "");
}

static int find_kept(const struct binding *b, enum crq_app_from from,
        const char *key, crq_value **out)
{
    struct crq_buf name = CRQ_BUF_INIT;
    const crq_value *v = NULL;

    kept_name(&name, from, key);
    if (name.rc == 0 && b->kept != NULL)
        v = crq_value_get(b->kept, crq_buf_text(&name));
    *out = v != NULL ? crq_value_ref(v) : NULL;
    crq_buf_fini(&name);
    return name.rc;
}

static int from_request(const struct binding *b, enum crq_app_from from,
        const char *key, crq_value **out)
{
    const char *text;
    crq_error why = { 0 };
    int rc;

    if (b->request == NULL)
        return find_kept(b, from, key, out);
    text = request_text(b, from, key);
    if (text == NULL)
        return 0;
    rc = crq_value_new_str(text, strlen(text), out, &why);
    return rc == CRQ_ENOMEM ? rc : 0; /* what is no UTF-8 is not there */
}

static void from_json(const crq_value *json, const char *key, crq_value **out)
{
    const crq_value *v = json;

    if (key != NULL)
        v = crq_value_type(json) == CRQ_DICT ? crq_value_get(json, key) : NULL;
    if (v != NULL)
        *out = crq_value_ref(v);
}

static int look_up(void *arg, enum crq_app_from from, const char *key,
        crq_value **out)
{
    struct binding *b = arg;

    *out = NULL;
    switch (from) {
    case CRQ_APP_PATH:
    case CRQ_APP_QUERY:
    case CRQ_APP_HEADER:
    case CRQ_APP_TOKEN: return from_request(b, from, key, out);
    case CRQ_APP_BODY: from_json(b->body, key, out); return 0;
    case CRQ_APP_MESSAGE: from_json(b->message, key, out); return 0;
    case CRQ_APP_SOCKET:
        return b->socket != NULL ? b->socket(b->arg, key, out) : 0;
    default: return 0;
    }
}

int binding_bind(struct binding *b, const struct crq_app_call *call,
        crq_value **out_args, crq_value **out_kwargs, crq_error *err)
{
    return crq_app_call_bind(call, look_up, b, out_args, out_kwargs, err);
}

bool binding_wants(const struct crq_app_call *call, enum crq_app_from from)
{
    for (size_t i = 0; i < call->count; i++)
        if (call->args[i].constant == NULL && call->args[i].from == from)
            return true;
    return false;
}

int binding_keep(struct binding *b, const struct crq_app_call *call)
{
    int rc = 0;

    if (b->kept == NULL)
        b->kept = crq_value_new_dict();
    if (b->kept == NULL)
        return CRQ_ENOMEM;
    for (size_t i = 0; rc == 0 && i < call->count; i++) {
        const struct crq_app_arg *arg = &call->args[i];
        struct crq_buf name = CRQ_BUF_INIT;
        crq_value *v = NULL;

        if (arg->constant != NULL || (REQUEST_SOURCES >> arg->from & 1) == 0)
            continue;
        kept_name(&name, arg->from, arg->key);
        rc = name.rc == 0 ? from_request(b, arg->from, arg->key, &v) : name.rc;
        if (rc == 0 && v != NULL)
            rc = crq_value_set(b->kept, crq_buf_text(&name), v);
        crq_buf_fini(&name);
    }
    return rc;
}

void binding_fini(struct binding *b)
{
    crq_value_free(b->kept);
    b->kept = NULL;
}

int binding_expand(const struct binding *b, const char *text,
        const char *identity, struct crq_buf *out)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "{"), len;
        char name[200];
        const char *value;

        crq_buf_put(out, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        len = strcspn(text, "}");
        (void)snprintf(name, sizeof(name), "%.*s", (int)len - 1, text + 1);
        value = strcmp(name, "identity") == 0 ? identity : path_part(b, name);
        crq_buf_puts(out, value != NULL ? value : "");
        text += len + (text[len] == '}');
    }
    return out->rc;
}
