/*
 * ws.c - see ws.h.
 *
 *     OPEN ──ws_close()──▶ CLOSING ──both have said goodbye──▶ OVER
 *      └──────────── the link breaks, no pong, too slow ────────▲
 *
 * OVER is told from a timer, never from inside of a call: who sends to many
 * sockets must not find one freed under its hands.
 *
 * Who broke the protocol hears why: what he goes on to send is thrown away
 * until he has hung up, for a socket that is closed with unread bytes in it
 * takes back what was sent last.
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
#define READS_MAX  16
#define READ_BYTES 4096 /* of one, which is wslay's, too */
#define PING_S     5.
#define PINGS_LOST 3
#define GOODBYE_S  5.
/* What a message costs beside its bytes, in the queue and in fragments. */
#define MESSAGE_BYTES 128
#define FRAGMENTS_MAX 4096

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
    bool deaf;         /* CLOSING, and what comes is thrown away */
    struct ws_budget *budget;
    size_t counted; /* of that */
    int fragments;  /* of the message that is on its way */
    char *extra;    /* came in behind the request, not read yet */
    size_t extra_len, extra_at;
    int reads; /* of this turn */
    ev_io readable, writable;
    ev_timer ping, goodbye, over;
    int unanswered;   /* pings */
    int64_t asked_us; /* when the last ping was sent; 0: it was answered */
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
    ws->budget->queued -= ws->counted;
    ws->counted = 0;
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

/* What waits for the client, and costs memory: pongs, too. */
static size_t backlog(const struct ws *ws)
{
    return wslay_event_get_queued_msg_length(ws->wslay) +
            wslay_event_get_queued_msg_count(ws->wslay) * MESSAGE_BYTES;
}

static void count(struct ws *ws, size_t now)
{
    ws->budget->queued = ws->budget->queued - ws->counted + now;
    ws->counted = now;
}

/* Whether so many bytes more are too many. When all sockets together have too
 * much, it is those that keep theirs. */
static bool is_too_slow(const struct ws *ws, size_t more)
{
    size_t queued = backlog(ws);

    return queued + more > WS_QUEUE_MAX ||
            (queued > 0 && ws->budget->queued + more > WS_BUDGET_MAX);
}

/* Send what can be sent now, and see what is to be watched for. */
static void flush(struct ws *ws)
{
    bool more;

    if (ws->state == OVER)
        return;
    if (wslay_event_send(ws->wslay) != 0) {
        finish(ws);
        return;
    }
    count(ws, backlog(ws));
    more = wslay_event_want_write(ws->wslay);
    if (!more && !ws->deaf && !wslay_event_want_read(ws->wslay))
        finish(ws);
    else if (more)
        ev_io_start(ws->loop, &ws->writable);
    else
        ev_io_stop(ws->loop, &ws->writable);
    if (!more && ws->deaf)
        (void)shutdown(ws->fd, SHUT_WR);
}

static bool queue(struct ws *ws, uint8_t opcode, const void *bytes, size_t len)
{
    const struct wslay_event_msg message = { opcode, bytes, len };

    if (ws->state == OVER)
        return false;
    if (is_too_slow(ws, len + MESSAGE_BYTES)) {
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
    else if (ws->state == OPEN) {
        ws->asked_us = now_us;
        (void)queue(ws, WSLAY_PING, &now_us, sizeof(now_us));
    }
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
    /* A client can send any time it likes, and as often: only the answer to our
     * last ping says how far away it is. */
    if (ws->asked_us == 0 || sent_us != ws->asked_us)
        return;
    ws->asked_us = 0;
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

/* A message in crumbs costs many times its bytes. */
static void on_fragment(wslay_event_context_ptr wslay,
        const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
    struct ws *ws = arg;

    (void)wslay;
    if (frame->opcode == WSLAY_CONTINUATION_FRAME)
        ws->fragments++;
    else if (!wslay_is_ctrl_frame(frame->opcode))
        ws->fragments = 0;
}

/* Until the client has hung up, or the time for goodbyes is over. */
static void throw_away(struct ws *ws)
{
    char bytes[READ_BYTES];
    ssize_t n = 1;

    for (int i = 0; i < READS_MAX && n > 0; i++)
        n = recv(ws->fd, bytes, sizeof(bytes), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        finish(ws);
}

static void become_deaf(struct ws *ws)
{
    ws->deaf = true;
    if (ws->state == OPEN) {
        ws->state = CLOSING;
        ev_timer_start(ws->loop, &ws->goodbye);
    }
    flush(ws); /* wslay has queued the goodbye */
}

static void receive(struct ws *ws)
{
    int rc;

    if (ws->deaf) {
        throw_away(ws);
        return;
    }
    ws->reads = 0;
    rc = wslay_event_recv(ws->wslay);
    if (ws->state != OVER && is_too_slow(ws, 0))
        ws->slow = true; /* so many pings */
    if (ws->broken || ws->slow) {
        finish(ws);
    } else if (rc != 0 ||
            (!wslay_event_want_read(ws->wslay) &&
                    !wslay_event_get_close_received(ws->wslay))) {
        become_deaf(ws); /* frames that are none */
    } else if (ws->fragments > FRAGMENTS_MAX) {
        ws_close(ws, WS_TOO_BIG, "too many fragments");
        become_deaf(ws);
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

struct ws *ws_new(struct ev_loop *loop, struct ws_budget *budget,
        struct http_upgrade *upgrade, int fd, const void *extra,
        size_t extra_len, const struct ws_handlers *handlers, void *arg)
{
    static const struct wslay_event_callbacks callbacks = { on_recv, on_send,
        NULL, on_fragment, NULL, NULL, on_frame };
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
    ws->budget = budget;
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
