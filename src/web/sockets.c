/*
 * sockets.c - the life of sockets that were opened (sockets_open.c).
 *
 * A socket that is opened is announced to all gateways, itself included. Redis
 * gives all of them the same order: whoever has announced itself before, with
 * the same address and identity, gives way.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/keys.h"
#include "web/sockets_impl.h"

/* -------------------------------------------------------- who has which key */

/* FNV-1a. Whoever chooses keys that fall together makes his own wait. */
static struct socket **bucket_of(struct sockets *sockets, const char *key)
{
    uint32_t n = 2166136261u;

    for (; *key != '\0'; key++)
        n = (n ^ (unsigned char)*key) * 16777619u;
    return &sockets->keys[n % SOCKET_BUCKETS];
}

static void put_in(struct socket *s)
{
    struct socket **bucket = bucket_of(s->sockets, s->key);

    s->same = *bucket;
    *bucket = s;
}

static void take_out(struct socket *s)
{
    struct socket **at = bucket_of(s->sockets, s->key);

    while (*at != NULL && *at != s)
        at = &(*at)->same;
    if (*at == s)
        *at = s->same;
}

/* ------------------------------------------------------------------ the end */

void socket_free(struct socket *s)
{
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    if (s->key != NULL)
        take_out(s);
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

/* A socket was opened, here or elsewhere. */
static void give_way(struct sockets *sockets, const char *id, const char *key)
{
    for (struct socket *s = *bucket_of(sockets, key); s != NULL; s = s->same) {
        if (s->ws == NULL || strcmp(s->key, key) != 0)
            continue;
        if (strcmp(s->id, id) == 0) {
            s->announced = true;
        } else if (s->announced) {
            s->taken_over = true;
            ws_close(s->ws, WS_TAKEN_OVER, "opened elsewhere");
        }
    }
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
    if (crq_value_type(id) == CRQ_STR && crq_value_type(key) == CRQ_STR)
        give_way(sockets, crq_value_text(id), crq_value_text(key));
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

void socket_on_open(void *arg, struct http_upgrade *upgrade, int fd,
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
    if (s->key != NULL) {
        put_in(s);
        announce(s);
    }
    say_hello(s);
    if (!listen_to_all(s))
        ws_close(s->ws, WS_INTERNAL, "out of memory");
    if (s->sockets->closing)
        ws_close(s->ws, WS_GOING_AWAY, "the gateway stops");
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
