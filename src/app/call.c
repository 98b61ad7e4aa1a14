/*
 * call.c - a job to be, and where its arguments come from.
 *
 * A text that begins with '$' names a source:
 *
 *     $SOURCE[.KEY][:TYPE][?]     "$event.code", "$event.count:int?"
 *
 * and "$$..." is a text that begins with one '$'. All else is a constant.
 */
#include <string.h>

#include "app/read.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/value.h"

/* The rows are in the order of enum crq_app_from. */
static const struct source {
    const char *name;
    bool whole; /* may be named without a key */
} sources[] = {
    [CRQ_APP_CONSTANT] = { "", false },
    [CRQ_APP_OPTION] = { "option", false },
    [CRQ_APP_EVENT] = { "event", true },
    [CRQ_APP_PATH] = { "path", false },
    [CRQ_APP_QUERY] = { "query", false },
    [CRQ_APP_HEADER] = { "header", false },
    [CRQ_APP_TOKEN] = { "token", true },
    [CRQ_APP_BODY] = { "body", true },
    [CRQ_APP_MESSAGE] = { "message", true },
    [CRQ_APP_SOCKET] = { "socket", false },
};

#define SOURCES (sizeof(sources) / sizeof(sources[0]))

static const char *const types[] = { [CRQ_APP_AS_IT_IS] = "",
    [CRQ_APP_STR] = "str",
    [CRQ_APP_INT] = "int",
    [CRQ_APP_FLOAT] = "float",
    [CRQ_APP_BOOL] = "bool" };

#define TYPES (sizeof(types) / sizeof(types[0]))

/* --------------------------------------------------------------- reading */

static void list_sources(struct crq_app_reader *r, const char *text)
{
    struct crq_buf list = CRQ_BUF_INIT;

    for (size_t i = 1; i < SOURCES; i++)
        if ((r->sources >> i & 1) != 0)
            crq_buf_printf(&list, "%s$%s%s", list.len > 0 ? ", " : "",
                    sources[i].name, sources[i].whole ? "" : ".NAME");
    crq_app_wrong(r,
            "'%.60s' is no source here; known are %s, and $$ for a text that "
            "begins with $",
            text, crq_buf_text(&list));
    crq_buf_fini(&list);
}

/* The source whose name is what stands before '.', else 0. */
static enum crq_app_from find_source(const struct crq_app_reader *r,
        const char *text, size_t len)
{
    for (size_t i = 1; i < SOURCES; i++)
        if ((r->sources >> i & 1) != 0 && strlen(sources[i].name) == len &&
                strncmp(sources[i].name, text, len) == 0)
            return (enum crq_app_from)i;
    return CRQ_APP_CONSTANT;
}

static bool read_type(const char *text, size_t len, struct crq_app_arg *arg)
{
    for (size_t i = 1; i < TYPES; i++)
        if (strlen(types[i]) == len && strncmp(types[i], text, len) == 0) {
            arg->type = (enum crq_app_type)i;
            return true;
        }
    return false;
}

static void take_option(struct crq_app_reader *r, struct crq_app_arg *arg)
{
    const crq_value *options = r->app->options; /* NULL: there are none */
    const crq_value *value =
            options != NULL ? crq_value_get(options, arg->key) : NULL;

    if (value == NULL && !arg->optional)
        crq_app_wrong(r, "there is no option '%.60s'", arg->key);
    else if (value != NULL)
        arg->constant = crq_value_ref(value);
}

/* What a gateway knows of a socket, and with which prefix. */
static const char *const socket_keys[] = { "id", "identity", "arrived_ms",
    "round_trips_ms", "sent_ms." };

static void check_socket_key(struct crq_app_reader *r, const char *key)
{
    for (size_t i = 0; i < sizeof(socket_keys) / sizeof(socket_keys[0]); i++) {
        const char *known = socket_keys[i];
        size_t len = strlen(known);

        if (known[len - 1] == '.'
                        ? strncmp(key, known, len) == 0 && key[len] != '\0'
                        : strcmp(key, known) == 0)
            return;
    }
    crq_app_wrong(r,
            "there is no $socket.%.60s; known are id, identity, arrived_ms, "
            "round_trips_ms and sent_ms.TYPE",
            key);
}

static void check_header(struct crq_app_reader *r, const char *key)
{
    for (; *key != '\0'; key++)
        if (*key >= 'A' && *key <= 'Z') {
            crq_app_wrong(r, "names of headers are written in lower case here");
            return;
        }
}

/* What is behind the point, when the source tells beforehand what it has. */
static void check_key(struct crq_app_reader *r, struct crq_app_arg *arg)
{
    switch (arg->from) {
    case CRQ_APP_OPTION: take_option(r, arg); return;
    case CRQ_APP_PATH:
        if (r->pattern != NULL && r->pattern->text != NULL &&
                crq_app_pattern_find(r->pattern, arg->key) < 0)
            crq_app_wrong(r, "the path has no {%.60s}", arg->key);
        return;
    case CRQ_APP_HEADER: check_header(r, arg->key); return;
    case CRQ_APP_SOCKET: check_socket_key(r, arg->key); return;
    default: return;
    }
}

/* `text` stands behind the '$'. */
static void read_source(struct crq_app_reader *r, const char *text,
        struct crq_app_arg *arg)
{
    size_t len = strlen(text), name = strcspn(text, ".:?"), end;
    const char *colon;

    if (len > 0 && text[len - 1] == '?') {
        arg->optional = true;
        len--;
    }
    end = len;
    colon = memchr(text, ':', len);
    if (colon != NULL) {
        end = (size_t)(colon - text);
        if (!read_type(colon + 1, len - end - 1, arg)) {
            crq_app_wrong(r,
                    "':%.*s' is no type; known are str, int, float "
                    "and bool",
                    (int)(len - end - 1), colon + 1);
            return;
        }
    }
    arg->from = find_source(r, text, name < end ? name : end);
    if (arg->from == CRQ_APP_CONSTANT) {
        list_sources(r, text - 1);
    } else if (name + 1 < end && text[name] == '.') {
        arg->key = crq_memdup(text + name + 1, end - name - 1);
        if (arg->key == NULL)
            r->nomem = true;
        else
            check_key(r, arg);
    } else if (name < end || !sources[arg->from].whole) {
        crq_app_wrong(r, "'$%.60s' needs a name, as $%s.NAME", text,
                sources[arg->from].name);
    }
}

static void read_arg(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app_arg *arg = to;
    const char *text = crq_value_type(v) == CRQ_STR ? crq_value_text(v) : "";

    if (text[0] == '$' && text[1] != '$') {
        read_source(r, text + 1, arg);
        return;
    }
    arg->constant =
            text[0] == '$' ? crq_value_new_text(text + 1) : crq_value_ref(v);
    if (arg->constant == NULL)
        r->nomem = true;
}

static void read_named(struct crq_app_reader *r, const crq_value *v,
        struct crq_app_call *call)
{
    size_t count = crq_value_count(v);

    call->args = count > 0 ? crq_calloc(count, sizeof(*call->args)) : NULL;
    if (call->args == NULL) {
        r->nomem = r->nomem || count > 0;
        return;
    }
    call->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = crq_value_text(crq_value_key(v, i));
        size_t mark = crq_app_enter_key(r, name);

        call->args[i].name = crq_app_copy(r, name);
        read_arg(r, crq_value_item(v, i), &call->args[i]);
        crq_app_back(r, mark);
    }
}

static void read_args(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app_call *call = to;

    if (crq_value_type(v) == CRQ_LIST)
        call->args =
                crq_app_list(r, v, sizeof(*call->args), &call->count, read_arg);
    else if (crq_value_type(v) == CRQ_DICT)
        read_named(r, v, call);
    else
        crq_app_unexpected(r, v,
                "an object of arguments by name, or a list of them in order");
}

/* ------------------------------------------------------------------- calls */

static void read_wait(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to, s = -1;

    /* 0, at once, is the one that crq_app_seconds() does not take. */
    if (crq_value_type(v) == CRQ_INT && crq_value_int_fits(v) &&
            crq_value_int(v) == 0)
        s = 0;
    else
        crq_app_seconds(r, v, &s);
    *out = s;
}

static void read_retry_intervals(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app_call *call = to;

    call->retry_intervals_s = crq_app_list(r, v, sizeof(int64_t),
            &call->retry_intervals, read_wait);
}

static void read_retry(struct crq_app_reader *r, const crq_value *v, void *to)
{
    static const struct crq_app_key keys[] = {
        { "max", crq_app_count, offsetof(struct crq_app_call, retry_max),
                true },
        { "intervals", read_retry_intervals, 0, false },
    };

    crq_app_object(r, v, keys, sizeof(keys) / sizeof(keys[0]), to);
}

static void read_queue(struct crq_app_reader *r, const crq_value *v, void *to)
{
    char **out = to;

    crq_app_text(r, v, to);
    for (size_t i = 0; *out != NULL && i < r->app->queue_count; i++)
        if (r->app->queues[i] != NULL && /* or it was a mistake itself */
                strcmp(r->app->queues[i], *out) == 0)
            return;
    if (*out != NULL)
        crq_app_wrong(r, "'%s' is not among the application's queues", *out);
}

void crq_app_read_call(struct crq_app_reader *r, const crq_value *v, void *to)
{
#define AT(field) offsetof(struct crq_app_call, field)
    static const struct crq_app_key keys[] = {
        { "task", crq_app_func, AT(task), true },
        { "queue", read_queue, AT(queue), false },
        { "args", read_args, 0, false },
        { "description", crq_app_text, AT(description), false },
        { "timeout", crq_app_limit, AT(timeout_s), false },
        { "result_ttl", crq_app_ttl, AT(result_ttl_s), false },
        { "failure_ttl", crq_app_ttl, AT(failure_ttl_s), false },
        { "ttl", crq_app_seconds, AT(ttl_s), false },
        { "retry", read_retry, 0, false },
        { "at_front", crq_app_bool, AT(at_front), false },
    };
#undef AT
    struct crq_app_call *call = to;

    call->timeout_s = call->result_ttl_s = CRQ_UNSET;
    call->failure_ttl_s = call->ttl_s = call->retry_max = CRQ_UNSET;
    crq_app_object(r, v, keys, sizeof(keys) / sizeof(keys[0]), call);
    if (call->queue == NULL && r->app->queue_count > 0 &&
            r->app->queues[0] != NULL)
        call->queue = crq_app_copy(r, r->app->queues[0]);
}

void crq_app_call_fini(struct crq_app_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        crq_free(call->args[i].name);
        crq_free(call->args[i].key);
        crq_value_free(call->args[i].constant);
    }
    crq_free(call->args);
    crq_free(call->task);
    crq_free(call->queue);
    crq_free(call->description);
    crq_free(call->retry_intervals_s);
}

/* ----------------------------------------------------------------- binding */

/* "argument 'code', $event.code" or "argument 2, $event". */
static void describe(const struct crq_app_call *call, size_t i,
        struct crq_buf *out)
{
    const struct crq_app_arg *arg = &call->args[i];

    if (arg->name != NULL)
        crq_buf_printf(out, "argument '%s', ", arg->name);
    else
        crq_buf_printf(out, "argument %zu, ", i + 1);
    crq_buf_printf(out, "$%s%s%s", sources[arg->from].name,
            arg->key != NULL ? "." : "", arg->key != NULL ? arg->key : "");
}

/* A text of an event or a request as a value of the type; NULL: it is none. */
static int convert(const crq_value *from, enum crq_app_type type,
        crq_value **out)
{
    static const crq_type wanted[] = { [CRQ_APP_STR] = CRQ_STR,
        [CRQ_APP_INT] = CRQ_INT,
        [CRQ_APP_FLOAT] = CRQ_FLOAT,
        [CRQ_APP_BOOL] = CRQ_BOOL };
    crq_value *v = NULL;
    crq_error ignored;
    size_t len;
    const char *text;
    int rc;

    *out = NULL;
    if (type == CRQ_APP_AS_IT_IS || crq_value_type(from) == wanted[type]) {
        *out = crq_value_ref(from);
        return 0;
    }
    if (type == CRQ_APP_FLOAT && crq_value_type(from) == CRQ_INT &&
            crq_value_int_fits(from)) {
        *out = crq_value_new_float((double)crq_value_int(from));
        return *out != NULL ? 0 : CRQ_ENOMEM;
    }
    if (crq_value_type(from) != CRQ_STR || type == CRQ_APP_STR)
        return 0;
    text = crq_value_data(from, &len);
    rc = crq_json_decode(text, len, NULL, &v, &ignored);
    if (rc == 0 && crq_value_type(v) != CRQ_STR)
        rc = convert(v, type, out);
    crq_value_free(v);
    return rc == CRQ_ENOMEM ? rc : 0;
}

static int bind_one(const struct crq_app_call *call, size_t i,
        crq_app_lookup *lookup, void *data, crq_value **out, crq_error *err)
{
    const struct crq_app_arg *arg = &call->args[i];
    struct crq_buf where = CRQ_BUF_INIT;
    crq_value *found = NULL;
    int rc = 0;

    *out = NULL;
    if (arg->constant != NULL)
        found = crq_value_ref(arg->constant);
    else if (arg->from != CRQ_APP_OPTION)
        rc = lookup(data, arg->from, arg->key, &found);
    if (rc == 0 && found != NULL)
        rc = convert(found, arg->type, out);
    if (rc < 0) {
        rc = crq_fail_nomem(err);
    } else if (*out == NULL && (found != NULL || !arg->optional)) {
        describe(call, i, &where);
        rc = found == NULL
                ? crq_fail(err, CRQ_EINVAL, "%s, is missing",
                          crq_buf_text(&where))
                : crq_fail(err, CRQ_EINVAL, "%s, is not of the type %s",
                          crq_buf_text(&where), types[arg->type]);
    }
    crq_buf_fini(&where);
    crq_value_free(found);
    return rc;
}

int crq_app_call_bind(const struct crq_app_call *call, crq_app_lookup *lookup,
        void *arg, crq_value **out_args, crq_value **out_kwargs, crq_error *err)
{
    crq_value *args = crq_value_new_list(), *kwargs = crq_value_new_dict();
    int rc = args != NULL && kwargs != NULL ? 0 : crq_fail_nomem(err);

    for (size_t i = 0; rc == 0 && i < call->count; i++) {
        const char *name = call->args[i].name;
        crq_value *v;

        rc = bind_one(call, i, lookup, arg, &v, err);
        if (rc < 0)
            break;
        /* What is left out in the middle of a list is None. */
        if (v == NULL && name != NULL)
            continue;
        if (v == NULL)
            v = crq_value_new_none();
        rc = name != NULL ? crq_value_set(kwargs, name, v)
                          : crq_value_add(args, v);
        if (rc < 0)
            rc = crq_fail(err, rc, "%s", crq_error_summary(rc));
    }
    if (rc < 0) {
        crq_value_free(args);
        crq_value_free(kwargs);
        return rc;
    }
    *out_args = args;
    *out_kwargs = kwargs;
    return 0;
}

void crq_app_call_fill(const struct crq_app_call *call, const crq_value *args,
        const crq_value *kwargs, crq_call *out)
{
    *out = (crq_call)CRQ_CALL_INIT;
    out->func = call->task;
    out->args = args;
    out->kwargs = kwargs;
    out->description = call->description;
    out->timeout_s = call->timeout_s;
    out->result_ttl_s = call->result_ttl_s;
    out->failure_ttl_s = call->failure_ttl_s;
    out->ttl_s = call->ttl_s;
    out->retry_max = call->retry_max;
    out->retry_intervals_s = call->retry_intervals_s;
    out->retry_intervals = call->retry_intervals;
    out->at_front = call->at_front;
}
