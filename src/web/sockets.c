/*
 * sockets.c - the life of sockets.
 *
 *     request ─▶ the time ─▶ the job that authorises ─▶ upgrade ─▶ open ─▶ left
 *
 * The time is asked for first: streams are heard from then on (or from the
 * entry that the client names), so that nothing is missed between what the job
 * saw and what the socket hears.
 *
 * A socket that is opened is announced to all gateways, itself included. Redis
 * gives all of them the same order: whoever has announced itself before, with
 * the same address and identity, gives way.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/keys.h"
#include "web/problem.h"
#include "web/sockets_impl.h"

#define AUTHORISE_S 10

/* ------------------------------------------------------------------ the end */

/* All but the struct's own memory is given back in any state. */
static void socket_free(struct socket *s)
{
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    for (size_t i = 0; i < s->listener_count; i++)
        feeds_leave(s->listeners[i]);
    for (size_t i = 0; i < s->name_count; i++)
        crq_free(s->names[i]);
    crq_free(s->names);
    crq_free(s->listeners);
    binding_fini(&s->binding);
    crq_value_free(s->hello);
    crq_free(s->key);
    crq_free(s->identity);
    crq_free(s);
}

/* Who was taken over has not left: the newer socket is there. */
static void make_leave_job(struct socket *s)
{
    crq_value *args = NULL, *kwargs = NULL;
    crq_error err;
    int rc;

    if (s->def->leave.task == NULL || s->taken_over)
        return;
    rc = binding_bind(&s->binding, &s->def->leave, &args, &kwargs, &err);
    if (rc == 0)
        rc = jobs_call(s->sockets->g->jobs, &s->def->leave, args, kwargs, 0,
                NULL, NULL, NULL, &err);
    if (rc < 0)
        crq_log_warn(s->sockets->g->log, "%s was left: %s", s->def->path.text,
                err.text);
    crq_value_free(args);
    crq_value_free(kwargs);
}

static void on_closed(void *arg, bool slow)
{
    struct socket *s = arg;

    s->sockets->stats.slow += slow;
    if (slow)
        crq_log_info(s->sockets->g->log, "%s: a client is too slow",
                s->def->path.text);
    s->ws = NULL;
    socket_forget_asked(s);
    make_leave_job(s);
    socket_free(s);
}

/* ---------------------------------------------------------------- messages */

void socket_send(struct socket *s, const char *json, size_t len,
        const char *type)
{
    if (s->ws == NULL)
        return;
    for (size_t i = 0; type != NULL && i < s->sent_count; i++)
        if (strcmp(s->sent[i].type, type) == 0)
            s->sent[i].at_ms = crq_clock_wall_us(&crq_clock_system) / 1000;
    s->sockets->stats.out++;
    ws_send(s->ws, json, len);
}

static void on_heard(void *arg, const char *json, size_t len, const char *type)
{
    socket_send(arg, json, len, type);
}

static void on_stream_broken(void *arg)
{
    struct socket *s = arg;

    if (s->ws != NULL)
        ws_close(s->ws, WS_NO_STREAM, "its stream can't be read");
}

static const struct feed_ears ears = { on_heard, on_stream_broken };

static void on_message(void *arg, const char *text, size_t len)
{
    struct socket *s = arg;

    s->sockets->stats.in++;
    socket_take(s, text, len);
}

static void say_hello(struct socket *s)
{
    for (size_t i = 0; i < crq_value_count(s->hello); i++) {
        const crq_value *v = crq_value_item(s->hello, i), *type = NULL;
        struct crq_buf text = CRQ_BUF_INIT;

        if (crq_value_type(v) == CRQ_DICT)
            type = crq_value_get(v, "type");
        if (crq_json_encode(v, CRQ_JSON_SHOW, &text, NULL) == 0)
            socket_send(s, crq_buf_text(&text), text.len,
                    crq_value_type(type) == CRQ_STR ? crq_value_text(type)
                                                    : NULL);
        crq_buf_fini(&text);
    }
    crq_value_free(s->hello);
    s->hello = NULL;
}

/* ------------------------------------------------------------- taking over */

static void announce(struct socket *s)
{
    struct crq_buf text = CRQ_BUF_INIT;

    crq_buf_printf(&text, "{\"socket\":\"%s\",\"key\":", s->id);
    crq_json_put_string(&text, s->key, strlen(s->key));
    crq_buf_puts(&text, "}");
    if (text.rc == 0)
        feeds_publish(s->sockets->g->feeds, crq_key_pattern(CRQ_KEY_SOCKETS),
                crq_buf_text(&text));
    crq_buf_fini(&text);
}

static void on_announced(void *arg, const char *json, size_t len,
        const char *type)
{
    struct sockets *sockets = arg;
    const crq_value *id, *key;
    crq_value *v = NULL;

    (void)type;
    if (crq_json_decode(json, len, NULL, &v, NULL) < 0 ||
            crq_value_type(v) != CRQ_DICT) {
        crq_value_free(v);
        return;
    }
    id = crq_value_get(v, "socket");
    key = crq_value_get(v, "key");
    for (struct socket *s = sockets->first; s != NULL &&
            crq_value_type(id) == CRQ_STR && crq_value_type(key) == CRQ_STR;
            s = s->next) {
        if (s->key == NULL || s->ws == NULL ||
                strcmp(s->key, crq_value_text(key)) != 0)
            continue;
        if (strcmp(s->id, crq_value_text(id)) == 0) {
            s->announced = true;
        } else if (s->announced) {
            s->taken_over = true;
            ws_close(s->ws, WS_TAKEN_OVER, "opened elsewhere");
        }
    }
    crq_value_free(v);
}

/* ----------------------------------------------------------------- opening */

static const struct ws_handlers handlers = { on_message, on_closed };

static bool listen_to_all(struct socket *s)
{
    struct feeds *feeds = s->sockets->g->feeds;

    for (; s->listener_count < s->name_count; s->listener_count++) {
        size_t i = s->listener_count;
        struct listener *l = i < s->def->stream_count
                ? feeds_read(feeds, s->names[i], s->after, s->now, &ears, s)
                : feeds_subscribe(feeds, s->names[i], &ears, s);

        if (l == NULL)
            return false;
        s->listeners[i] = l;
    }
    return true;
}

static void on_open(void *arg, struct http_upgrade *upgrade, int fd,
        const void *extra, size_t extra_len)
{
    struct socket *s = arg;

    s->request = s->binding.request = NULL;
    if (s->sockets->ended) {
        if (upgrade != NULL)
            http_upgrade_close(upgrade);
        socket_free(s);
        return;
    }
    if (upgrade != NULL)
        s->ws = ws_new(s->sockets->g->loop, &s->sockets->budget, upgrade, fd,
                extra, extra_len, &handlers, s);
    if (s->ws == NULL) { /* it has come, as far as the application knows */
        make_leave_job(s);
        socket_free(s);
        return;
    }
    if (s->key != NULL)
        announce(s);
    say_hello(s);
    if (!listen_to_all(s))
        ws_close(s->ws, WS_INTERNAL, "out of memory");
    if (s->sockets->closing)
        ws_close(s->ws, WS_GOING_AWAY, "the gateway stops");
}

/* The keys of what is to be heard, while there is a request to ask. */
static int find_names(struct socket *s, crq_error *err)
{
    const struct crq_app_socket *def = s->def;
    size_t streams = def->stream_count, all = streams + def->channel_count;

    s->names = crq_calloc(all + 1, sizeof(char *));
    s->listeners = crq_calloc(all + 1, sizeof(struct listener *));
    if (s->names == NULL || s->listeners == NULL)
        return crq_fail_nomem(err);
    for (; s->name_count < all; s->name_count++) {
        size_t i = s->name_count, len;
        struct crq_buf key = CRQ_BUF_INIT;
        int rc = binding_expand(&s->binding,
                i < streams ? def->streams[i] : def->channels[i - streams],
                s->identity, &key);

        if (rc == 0)
            rc = crq_buf_steal(&key, &s->names[i], &len, err);
        crq_buf_fini(&key);
        if (rc < 0)
            return crq_fail_nomem(err);
    }
    return 0;
}

/* What is left of the request when it is over. */
static int keep(struct socket *s, crq_error *err)
{
    int rc = binding_keep(&s->binding, &s->def->leave);

    for (size_t i = 0; rc == 0 && i < s->def->message_count; i++)
        rc = binding_keep(&s->binding, &s->def->messages[i].call);
    return rc == 0 ? 0 : crq_fail_nomem(err);
}

/* {"identity": "...", "hello": [...]} */
static int take_identity(struct socket *s, const crq_value *v, crq_error *err)
{
    const crq_value *identity = NULL, *hello = NULL;
    struct crq_buf key = CRQ_BUF_INIT;
    size_t len;
    int rc = 0;

    if (crq_value_type(v) == CRQ_DICT) {
        identity = crq_value_get(v, "identity");
        hello = crq_value_get(v, "hello");
    }
    if (crq_value_type(hello) == CRQ_LIST)
        s->hello = crq_value_ref(hello);
    s->identity = crq_strdup(crq_value_type(identity) == CRQ_STR
                    ? crq_value_text(identity)
                    : "");
    if (s->identity == NULL)
        return crq_fail_nomem(err);
    if (s->identity[0] != '\0') {
        crq_buf_printf(&key, "%s\n%s", http_path(s->request), s->identity);
        rc = crq_buf_steal(&key, &s->key, &len, err);
        crq_buf_fini(&key);
    }
    return rc;
}

static void open_socket(struct socket *s, const crq_value *value)
{
    char accept[29];
    const struct http_field fields[] = { { "Sec-WebSocket-Accept", accept },
        { NULL, NULL } };
    crq_error err;
    int rc = take_identity(s, value, &err);

    if (rc == 0)
        rc = keep(s, &err);
    if (rc == 0)
        rc = find_names(s, &err);
    if (rc < 0) {
        problem_answer(s->request, problem_new(503, "%s", err.text), NULL);
        socket_free(s);
        return;
    }
    (void)ws_accept_key(http_header(s->request, "Sec-WebSocket-Key"), accept);
    http_answer_upgrade(s->request, "websocket", fields, on_open, s);
}

static void on_authorised(void *arg, const struct job_outcome *outcome)
{
    struct socket *s = arg;
    crq_value *problem;

    s->authorising = NULL;
    switch (outcome->end) {
    case JOB_DONE: open_socket(s, outcome->value); return;
    case JOB_FAILED:
        problem = problem_of_failure(outcome->text, outcome->id);
        break;
    case JOB_GONE: problem = problem_new(410, "%s", outcome->text); break;
    case JOB_LATE:
        problem = problem_new(504, "the job has not ended yet");
        break;
    default: problem = problem_new(503, "jobs can't be made now"); break;
    }
    problem_answer(s->request, problem, NULL);
    socket_free(s);
}

static int authorise(struct socket *s, crq_error *err)
{
    crq_value *args = NULL, *kwargs = NULL;
    int rc = binding_bind(&s->binding, &s->def->authorise, &args, &kwargs, err);

    if (rc == 0)
        rc = jobs_call(s->sockets->g->jobs, &s->def->authorise, args, kwargs,
                AUTHORISE_S * INT64_C(1000000), on_authorised, s,
                &s->authorising, err);
    crq_value_free(args);
    crq_value_free(kwargs);
    return rc;
}

static void on_time(void *arg, const struct entry_id *now)
{
    struct socket *s = arg;
    const char *last_id = http_query(s->request, "last_id");
    crq_error err;
    int rc = CRQ_ECONNECT;

    s->asking = NULL;
    if (now != NULL) {
        s->now = s->after = *now;
        /* One that is to come yet would keep the client deaf until then. */
        if (last_id != NULL &&
                (!entry_id_read(last_id, &s->after) ||
                        entry_id_is_behind(s->after, *now)))
            s->after = *now;
        rc = authorise(s, &err);
    }
    if (rc == 0)
        return;
    problem_answer(s->request,
            rc == CRQ_EINVAL ? problem_new(400, "%s", err.text)
                             : problem_new(503, "jobs can't be made now"),
            NULL);
    socket_free(s);
}

/* ----------------------------------------------------------------- requests */

static const struct crq_app_socket *find(const struct gateway *g,
        const struct http_request *request)
{
    size_t count;
    const char *const *segments = http_segments(request, &count);

    for (size_t a = 0; a < g->app_count; a++)
        for (size_t i = 0; i < g->apps[a]->socket_count; i++)
            if (crq_app_pattern_matches(&g->apps[a]->sockets[i].path, segments,
                        count))
                return &g->apps[a]->sockets[i];
    return NULL;
}

/* Whether a list of words has this one, in any case. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (list != NULL && *list != '\0') {
        list += strspn(list, ", \t");
        if (strncasecmp(list, word, len) == 0 && strcspn(list, ", \t") == len)
            return true;
        list += strcspn(list, ", \t");
    }
    return false;
}

/* False: it is no opening handshake of RFC 6455, and was answered. */
static bool check_handshake(struct gateway *g, struct http_request *request)
{
    static const struct http_field fields[] = { { "Upgrade", "websocket" },
        { "Sec-WebSocket-Version", "13" }, { NULL, NULL } };
    const char *version = http_header(request, "Sec-WebSocket-Version");
    char accept[29];

    if (strcmp(http_method(request), "GET") != 0 ||
            !has_word(http_header(request, "Upgrade"), "websocket") ||
            !has_word(http_header(request, "Connection"), "upgrade") ||
            version == NULL || strcmp(version, "13") != 0)
        problem_answer(request,
                problem_new(426, "this address takes WebSockets only"), fields);
    else if (!ws_accept_key(http_header(request, "Sec-WebSocket-Key"), accept))
        problem_answer(request, problem_new(400, "Sec-WebSocket-Key is none"),
                NULL);
    else if (!origin_is_allowed(&g->rules, http_header(request, "Origin"),
                     http_header(request, "Host")))
        problem_answer(request,
                problem_new(403, "pages of this origin may not open sockets"),
                NULL);
    else
        return true;
    return false;
}

bool sockets_answer(struct sockets *sockets, struct http_request *request)
{
    const struct crq_app_socket *def = find(sockets->g, request);
    struct socket *s;

    if (def == NULL)
        return false;
    if (!check_handshake(sockets->g, request))
        return true;
    s = crq_calloc(1, sizeof(*s));
    if (s == NULL || !jobs_are_possible(sockets->g->jobs)) {
        crq_free(s);
        problem_answer(request, problem_new(503, "jobs can't be made now"),
                NULL);
        return true;
    }
    s->sockets = sockets;
    s->def = def;
    s->request = request;
    s->binding = (struct binding){ .request = request,
        .path = &def->path,
        .socket = socket_look_up,
        .arg = s };
    crq_uuid4(s->id);
    socket_find_sent(s);
    s->next = sockets->first;
    s->link = &sockets->first;
    if (s->next != NULL)
        s->next->link = &s->next;
    sockets->first = s;
    s->asking = feeds_now(sockets->g->feeds, on_time, s);
    if (s->asking == NULL)
        on_time(s, NULL);
    return true;
}

/* ---------------------------------------------------------------- the whole */

int sockets_new(struct gateway *g, struct sockets **out, crq_error *err)
{
    static const struct feed_ears announced = { on_announced, NULL };
    struct sockets *sockets = crq_calloc(1, sizeof(*sockets));

    if (sockets == NULL)
        return crq_fail_nomem(err);
    sockets->g = g;
    sockets->ears = feeds_subscribe(g->feeds, crq_key_pattern(CRQ_KEY_SOCKETS),
            &announced, sockets);
    if (sockets->ears == NULL) {
        crq_free(sockets);
        return crq_fail_nomem(err);
    }
    *out = sockets;
    return 0;
}

void sockets_stats(const struct sockets *sockets, struct sockets_stats *out)
{
    *out = sockets->stats;
    for (const struct socket *s = sockets->first; s != NULL; s = s->next)
        out->open += s->ws != NULL;
}

void sockets_close(struct sockets *sockets)
{
    sockets->closing = true;
    for (struct socket *s = sockets->first; s != NULL; s = s->next)
        if (s->ws != NULL)
            ws_close(s->ws, WS_GOING_AWAY, "the gateway stops");
}

void sockets_drop(struct sockets *sockets)
{
    struct socket *next;

    if (sockets == NULL)
        return;
    sockets->ended = true;
    for (struct socket *s = sockets->first; s != NULL; s = next) {
        next = s->next;
        if (s->ws != NULL)
            ws_free(s->ws);
        else if (s->asking != NULL)
            feeds_forget(s->asking);
        else if (s->authorising != NULL)
            jobs_forget(s->authorising);
        else
            continue; /* on_open() will come */
        socket_forget_asked(s);
        socket_free(s);
    }
}

void sockets_free(struct sockets *sockets)
{
    if (sockets == NULL)
        return;
    feeds_leave(sockets->ears);
    crq_free(sockets);
}
