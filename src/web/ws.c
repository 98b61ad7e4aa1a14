/*
 * ws.c - see ws.h.
 *
 *     OPEN ──ws_close()──▶ CLOSING ──both have said goodbye──▶ OVER
 *      └──────────── the link breaks, no pong, too slow ────────▲
 *
 * OVER is told from a timer, never from inside of a call: who sends to many
 * sockets must not find one freed under its hands.
 */
#include "web/ws.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <wslay/wslay.h>

#include "base/clock.h"
#include "base/mem.h"

/* Reads of one turn of the loop: the others want to be heard, too. */
#define READS_MAX    16
#define PING_S       5.
#define PINGS_LOST   3
#define GOODBYE_S    5.
#define MESSAGES_MAX 5000

enum state { OPEN, CLOSING, OVER };

struct ws {
    struct ev_loop *loop;
    struct http_upgrade *upgrade;
    const struct ws_handlers *handlers;
    void *arg;
    wslay_event_context_ptr wslay;
    int fd;
    enum state state;
    bool slow, broken; /* the client does not read; the link is no more */
    char *extra;       /* came in behind the request, not read yet */
    size_t extra_len, extra_at;
    int reads; /* of this turn */
    ev_io readable, writable;
    ev_timer ping, goodbye, over;
    int unanswered; /* pings */
    int64_t trips_us[WS_ROUND_TRIPS];
    size_t trips;
};

bool ws_accept_key(const char *key, char out[29])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char sum[SHA_DIGEST_LENGTH];
    char text[80];

    /* base64 of 16 bytes */
    if (key == NULL || strlen(key) != 24 || strspn(key, digits) != 22 ||
            strcmp(key + 22, "==") != 0)
        return false;
    (void)snprintf(text, sizeof(text), "%s%s", key, magic);
    SHA1((const unsigned char *)text, strlen(text), sum);
    EVP_EncodeBlock((unsigned char *)out, sum, sizeof(sum));
    return true;
}

/* --------------------------------------------------------------------- end */

static void finish(struct ws *ws)
{
    if (ws->state == OVER)
        return;
    ws->state = OVER;
    ev_io_stop(ws->loop, &ws->readable);
    ev_io_stop(ws->loop, &ws->writable);
    ev_timer_stop(ws->loop, &ws->ping);
    ev_timer_stop(ws->loop, &ws->goodbye);
    ev_timer_start(ws->loop, &ws->over);
}

static void on_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct ws *ws = timer->data;

    (void)loop;
    (void)revents;
    ws->handlers->on_closed(ws->arg, ws->slow);
    ws_free(ws);
}

void ws_free(struct ws *ws)
{
    finish(ws);
    ev_timer_stop(ws->loop, &ws->over);
    http_upgrade_close(ws->upgrade);
    wslay_event_context_free(ws->wslay);
    crq_free(ws->extra);
    crq_free(ws);
}

static void on_goodbye(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    finish(timer->data);
}

/* ----------------------------------------------------------------- sending */

/* Send what can be sent now, and see what is to be watched for. */
static void flush(struct ws *ws)
{
    if (ws->state == OVER)
        return;
    if (wslay_event_send(ws->wslay) != 0) {
        finish(ws);
        return;
    }
    if (!wslay_event_want_read(ws->wslay) &&
            !wslay_event_want_write(ws->wslay)) {
        finish(ws);
        return;
    }
    if (wslay_event_want_write(ws->wslay))
        ev_io_start(ws->loop, &ws->writable);
    else
        ev_io_stop(ws->loop, &ws->writable);
}

static bool queue(struct ws *ws, uint8_t opcode, const void *bytes, size_t len)
{
    const struct wslay_event_msg message = { opcode, bytes, len };

    if (ws->state == OVER)
        return false;
    if (wslay_event_get_queued_msg_length(ws->wslay) + len > WS_QUEUE_MAX ||
            wslay_event_get_queued_msg_count(ws->wslay) > MESSAGES_MAX) {
        ws->slow = true;
        finish(ws);
        return false;
    }
    if (wslay_event_queue_msg(ws->wslay, &message) == WSLAY_ERR_NOMEM) {
        finish(ws);
        return false;
    }
    flush(ws);
    return true;
}

void ws_send(struct ws *ws, const char *text, size_t len)
{
    if (ws->state == OPEN)
        (void)queue(ws, WSLAY_TEXT_FRAME, text, len);
}

void ws_close(struct ws *ws, enum ws_code code, const char *reason)
{
    if (ws->state != OPEN)
        return;
    ws->state = CLOSING;
    ev_timer_start(ws->loop, &ws->goodbye);
    if (wslay_event_queue_close(ws->wslay, (uint16_t)code,
                (const uint8_t *)reason, strlen(reason)) != 0)
        finish(ws);
    else
        flush(ws);
}

static void on_ping(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct ws *ws = timer->data;
    int64_t now_us = crq_clock_mono_us(&crq_clock_system);

    (void)loop;
    (void)revents;
    if (ws->unanswered++ >= PINGS_LOST)
        finish(ws);
    else if (ws->state == OPEN)
        (void)queue(ws, WSLAY_PING, &now_us, sizeof(now_us));
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *bytes,
        size_t len, int flags, void *arg)
{
    struct ws *ws = arg;
    ssize_t n;

    do
        n = send(ws->fd, bytes, len,
                MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        wslay_event_set_error(wslay,
                errno == EAGAIN ? WSLAY_ERR_WOULDBLOCK
                                : WSLAY_ERR_CALLBACK_FAILURE);
    return n;
}

/* --------------------------------------------------------------- receiving */

static ssize_t take_extra(struct ws *ws, uint8_t *to, size_t len)
{
    size_t left = ws->extra_len - ws->extra_at;

    len = len < left ? len : left;
    memcpy(to, ws->extra + ws->extra_at, len);
    ws->extra_at += len;
    return (ssize_t)len;
}

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *to, size_t len,
        int flags, void *arg)
{
    struct ws *ws = arg;
    ssize_t n = -1;

    (void)flags;
    if (ws->extra_at < ws->extra_len)
        return take_extra(ws, to, len);
    if (ws->reads++ == READS_MAX) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    do
        n = recv(ws->fd, to, len, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    ws->broken = n == 0 || errno != EAGAIN;
    wslay_event_set_error(wslay,
            ws->broken ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static void on_pong(struct ws *ws, const uint8_t *bytes, size_t len)
{
    int64_t sent_us, now_us = crq_clock_mono_us(&crq_clock_system);

    ws->unanswered = 0;
    if (len != sizeof(sent_us))
        return;
    memcpy(&sent_us, bytes, sizeof(sent_us));
    /* A client can send any time it likes; ours is not older than a ping may
     * be. */
    if (sent_us > now_us || now_us - sent_us > 60 * INT64_C(1000000))
        return;
    memmove(ws->trips_us + 1, ws->trips_us,
            sizeof(ws->trips_us) - sizeof(ws->trips_us[0]));
    ws->trips_us[0] = now_us - sent_us;
    if (ws->trips < WS_ROUND_TRIPS)
        ws->trips++;
}

static void on_frame(wslay_event_context_ptr wslay,
        const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
    struct ws *ws = arg;

    (void)wslay;
    if (message->opcode == WSLAY_PONG)
        on_pong(ws, message->msg, message->msg_length);
    else if (message->opcode == WSLAY_TEXT_FRAME && ws->state == OPEN)
        ws->handlers->on_message(ws->arg, (const char *)message->msg,
                message->msg_length);
    else if (message->opcode == WSLAY_BINARY_FRAME)
        ws_close(ws, WS_UNSUPPORTED, "text only");
}

static void receive(struct ws *ws)
{
    ws->reads = 0;
    if (wslay_event_recv(ws->wslay) != 0) {
        /* Frames that are none: wslay has queued a goodbye. */
        if (!ws->broken)
            (void)!wslay_event_send(ws->wslay);
        (void)shutdown(ws->fd, SHUT_WR);
        finish(ws);
    } else {
        flush(ws);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    receive(w->data);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    flush(w->data);
}

size_t ws_round_trips(const struct ws *ws, int64_t out_us[WS_ROUND_TRIPS])
{
    memcpy(out_us, ws->trips_us, sizeof(ws->trips_us));
    return ws->trips;
}

/* -------------------------------------------------------------------- birth */

static void watch(struct ws *ws)
{
    ev_io_init(&ws->readable, on_readable, ws->fd, EV_READ);
    ev_io_init(&ws->writable, on_writable, ws->fd, EV_WRITE);
    /* The first one soon: who asks for round trips need not wait for them. */
    ev_timer_init(&ws->ping, on_ping, 0., PING_S);
    ev_timer_init(&ws->goodbye, on_goodbye, GOODBYE_S, 0.);
    ev_timer_init(&ws->over, on_over, 0., 0.);
    ws->readable.data = ws->writable.data = ws->ping.data = ws;
    ws->goodbye.data = ws->over.data = ws;
    ev_io_start(ws->loop, &ws->readable);
    ev_timer_start(ws->loop, &ws->ping);
}

struct ws *ws_new(struct ev_loop *loop, struct http_upgrade *upgrade, int fd,
        const void *extra, size_t extra_len, const struct ws_handlers *handlers,
        void *arg)
{
    static const struct wslay_event_callbacks callbacks = { on_recv, on_send,
        NULL, NULL, NULL, NULL, on_frame };
    struct ws *ws = crq_calloc(1, sizeof(*ws));
    int on = 1;

    if (ws != NULL)
        ws->extra = crq_memdup(extra_len > 0 ? extra : "", extra_len);
    if (ws == NULL || ws->extra == NULL ||
            wslay_event_context_server_init(&ws->wslay, &callbacks, ws) != 0) {
        http_upgrade_close(upgrade);
        if (ws != NULL)
            crq_free(ws->extra);
        crq_free(ws);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(ws->wslay, WS_MESSAGE_MAX);
    ws->loop = loop;
    ws->upgrade = upgrade;
    ws->fd = fd;
    ws->extra_len = extra_len;
    ws->handlers = handlers;
    ws->arg = arg;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(ws);
    if (extra_len > 0)
        ev_feed_event(loop, &ws->readable, EV_READ);
    return ws;
}
