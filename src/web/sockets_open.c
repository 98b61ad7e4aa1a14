/*
 * sockets_open.c - from a request to a socket:
 *
 *     request ─▶ the time ─▶ the job that authorises ─▶ upgrade
 *
 * The time is asked for first: streams are heard from then on (or from the
 * entry that the client names), so that nothing is missed between what the job
 * saw and what the socket hears.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/http_target.h"
#include "web/problem.h"
#include "web/sockets_impl.h"

#define AUTHORISE_S 10

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

/* Who is to have one socket here: the address and the identity. The address
 * without its escapes, for "/%61" is "/a"; each part with its length, for it
 * may hold anything. */
static int make_key(struct socket *s, crq_error *err)
{
    struct crq_buf key = CRQ_BUF_INIT;
    size_t count, len;
    const char *const *segments = http_segments(s->request, &count);
    int rc;

    for (size_t i = 0; i < count; i++)
        crq_buf_printf(&key, "%zu:%s/", strlen(segments[i]), segments[i]);
    crq_buf_puts(&key, s->identity);
    rc = crq_buf_steal(&key, &s->key, &len, err);
    crq_buf_fini(&key);
    return rc;
}

/* {"identity": "...", "hello": [...]} */
static int take_identity(struct socket *s, const crq_value *v, crq_error *err)
{
    const crq_value *identity = NULL, *hello = NULL;
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
    if (s->identity[0] != '\0')
        rc = make_key(s, err);
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
    http_answer_upgrade(s->request, "websocket", fields, socket_on_open, s);
}

static void on_authorised(void *arg, const struct job_outcome *outcome)
{
    struct socket *s = arg;
    struct http_request *request = s->request;

    s->authorising = NULL;
    switch (outcome->end) {
    case JOB_DONE: open_socket(s, outcome->value); return;
    case JOB_FAILED:
        problem_answer(request, problem_of_failure(outcome->text, outcome->id),
                NULL);
        break;
    case JOB_GONE:
        problem_answer(request, problem_new(410, "%s", outcome->text), NULL);
        break;
    case JOB_LATE:
        problem_answer(request, problem_new(504, "the job has not ended yet"),
                NULL);
        break;
    default: problem_unavailable(request); break;
    }
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
    if (rc == CRQ_EINVAL)
        problem_answer(s->request, problem_new(400, "%s", err.text), NULL);
    else
        problem_unavailable(s->request);
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

/* False: it is no opening handshake of RFC 6455, and was answered. */
static bool check_handshake(struct gateway *g, struct http_request *request)
{
    static const struct http_field fields[] = { { "Upgrade", "websocket" },
        { "Sec-WebSocket-Version", "13" }, { NULL, NULL } };
    const char *version = http_header(request, "Sec-WebSocket-Version");
    char accept[29];

    if (strcmp(http_method(request), "GET") != 0 ||
            !http_has_word(http_header(request, "Upgrade"), "websocket") ||
            !http_has_word(http_header(request, "Connection"), "upgrade") ||
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
        problem_unavailable(request);
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
    (void)snprintf(s->peer, sizeof(s->peer), "%s", http_peer(request));
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
