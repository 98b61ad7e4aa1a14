/*
 * async.c - a connection to Redis on the event loop that stays up: the link.
 *
 * Not hiredis's asynchronous context: its old versions lose contexts inside
 * their connect callback, write with write(), which raises SIGPIPE, and do
 * not say whether a command went out. Replies are parsed by hiredis's reader,
 * as on synchronous connections.
 *
 *     DOWN ─timer─▶ RESOLVING ─▶ CONNECTING ─▶ SECURING ─▶ GREETING ─▶ UP
 *      ▲                │            │            │           │        │
 *      └────────────────┴────────────┴────────────┴───────────┴────────┘
 *                                                        crq_async_broke
 *
 * RESOLVING is left out when the address is known: see resolve.h; SECURING
 * without TLS. Callbacks run from the loop: with the reply, or from on_work()
 * when there is none. What a turn sends is gathered and goes out at its end.
 *
 * Not here: how a link is made (async_connect.c), calls and what becomes of
 * them (async_calls.c).
 */
#include "exec/async_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"

#define PAUSE_MOST_S 2.0
#define READ_BYTES   65536

/* ---- the link breaks ---- */

static double jitter(double s)
{
    uint32_t r;

    crq_random(&r, sizeof(r));
    return s * (0.5 + (double)r / UINT32_MAX);
}

void crq_async_broke(struct crq_async *a, int code, const char *format, ...)
{
    crq_error err;
    char text[sizeof(err.text)];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    crq_fail(&err, code, "Redis at %s: %s", crq_buf_text(&a->address), text);

    crq_async_close(a);
    ev_timer_stop(a->loop, &a->silence);
    crq_lookup_cancel(&a->lookup);
    if (a->reader != NULL)
        redisReaderFree(a->reader);
    a->reader = NULL;
    crq_buf_clear(&a->out);
    a->sent = 0;
    a->greetings = 0;
    /* A link that had been up is tried again soon, one that never comes up
     * ever more rarely. */
    a->pause_s = a->state == CRQ_ASYNC_UP   ? CRQ_ASYNC_PAUSE_S
            : a->pause_s * 2 < PAUSE_MOST_S ? a->pause_s * 2
                                            : PAUSE_MOST_S;
    a->state = CRQ_ASYNC_DOWN;
    crq_async_calls_return(a, err.text);
    ev_timer_set(&a->retry, jitter(a->pause_s), 0.);
    ev_timer_start(a->loop, &a->retry);
    if (a->options.on_down != NULL) {
        a->inside = true;
        a->options.on_down(a->options.arg, &err);
        a->inside = false;
    }
}

/* ---- sending ---- */

static void flush(struct crq_async *a)
{
    while (a->sent < a->out.len) {
        ssize_t n = crq_link_write(&a->socket, a->out.data + a->sent,
                a->out.len - a->sent);

        if (n == 0) {
            ev_io_start(a->loop, &a->writable);
            return;
        }
        if (n < 0) { /* reading tells, from the loop */
            ev_io_stop(a->loop, &a->writable);
            ev_feed_event(a->loop, &a->readable, EV_READ);
            return;
        }
        a->sent += (size_t)n;
    }
    crq_buf_clear(&a->out);
    a->sent = 0;
    ev_io_stop(a->loop, &a->writable);
}

/* The end of the loop's turn: all that it has gathered goes out at once. */
static void on_end_of_turn(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct crq_async *a = w->data;

    (void)loop;
    (void)revents;
    if (a->out.len > a->sent && !ev_is_active(&a->writable))
        flush(a);
}

bool crq_async_flush(struct crq_async *a)
{
    if (a->state != CRQ_ASYNC_UP)
        return false;
    if (a->out.len > a->sent && !ev_is_active(&a->writable))
        flush(a);
    return a->out.len == a->sent;
}

/* Watch for silence while an answer is due that Redis may not hold back. */
void crq_async_watch(struct crq_async *a)
{
    double wait_s = a->timeout_ms / 1e3;
    int64_t block_ms = 0;

    if ((a->state == CRQ_ASYNC_UP && !crq_async_calls_due(a, &block_ms)) ||
            block_ms < 0) {
        ev_timer_stop(a->loop, &a->silence);
        return;
    }
    wait_s += (double)block_ms / 1e3;
    a->silence.repeat = wait_s;
    ev_timer_again(a->loop, &a->silence);
}

int crq_async_put(struct crq_async *a, const struct crq_args *head,
        const struct crq_args *args)
{
    size_t before = a->out.len;

    /* The end of a turn sends all that it has gathered. */
    if (crq_args_encode(head, args, &a->out) < 0) {
        crq_buf_cut(&a->out, before);
        a->out.rc = 0;
        return CRQ_ENOMEM;
    }
    return 0;
}

/* ---- replies ---- */

/* Whatever replies are whole. The link can break in a callback. */
static void take_replies(struct crq_async *a)
{
    void *raw = NULL;

    while (a->socket.fd >= 0) {
        if (redisReaderGetReply(a->reader, &raw) != REDIS_OK) {
            crq_async_broke(a, CRQ_ELOST, "what it says is not its protocol");
            return;
        }
        if (raw == NULL)
            return;
        if (a->state == CRQ_ASYNC_GREETING)
            crq_async_greeted(a, raw);
        else
            crq_async_calls_reply(a, raw);
        crq_reply_free(raw);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct crq_async *a = w->data;
    char bytes[READ_BYTES];
    ssize_t n;

    (void)loop;
    (void)revents;
    if (a->state == CRQ_ASYNC_SECURING) {
        crq_async_secure(a);
        return;
    }
    n = crq_link_read(&a->socket, bytes, sizeof(bytes));
    if (n == 0)
        return;
    if (n < 0) {
        char text[100];

        crq_async_broke(a, CRQ_ELOST, "%s",
                errno == 0 ? "it closed the connection"
                           : strerror_r(errno, text, sizeof(text)));
        return;
    }
    if (redisReaderFeed(a->reader, bytes, (size_t)n) != REDIS_OK) {
        crq_async_broke(a, CRQ_ENOMEM, "out of memory");
        return;
    }
    crq_async_watch(a);
    take_replies(a);
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;

    (void)loop;
    (void)revents;
    crq_async_broke(a, a->state == CRQ_ASYNC_UP ? CRQ_ELOST : CRQ_ECONNECT,
            a->state == CRQ_ASYNC_RESOLVING ? "its name is not found in %d ms"
                    : a->state == CRQ_ASYNC_SECURING
                    ? "no answer to TLS for %d ms (is it the TLS port?)"
                    : "no answer for %d ms",
            a->timeout_ms);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;

    (void)loop;
    (void)revents;
    crq_async_connect(a);
}

/* Connected, or not; later: there is room to send. */
static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct crq_async *a = w->data;

    (void)loop;
    (void)revents;
    if (a->state == CRQ_ASYNC_CONNECTING)
        crq_async_connected(a);
    else if (a->state == CRQ_ASYNC_SECURING)
        crq_async_secure(a);
    else
        flush(a);
}

/* ---- making ---- */

int crq_async_new(struct ev_loop *loop, const struct crq_async_options *options,
        struct crq_async **out, crq_error *err)
{
    struct crq_async *a = crq_calloc(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return crq_fail_nomem(err);
    a->loop = loop;
    a->options = *options;
    a->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : 10000;
    a->pause_s = CRQ_ASYNC_PAUSE_S / 2;
    crq_buf_init(&a->address, CRQ_BUF_MAX);
    crq_buf_init(&a->out, CRQ_BUF_MAX);
    crq_async_calls_init(a);
    crq_async_connect_init(a);
    ev_io_init(&a->readable, on_readable, -1, EV_READ);
    ev_io_init(&a->writable, on_writable, -1, EV_WRITE);
    ev_timer_init(&a->retry, on_retry, 0., 0.);
    ev_init(&a->silence, on_silence);
    a->readable.data = a->writable.data = a;
    a->retry.data = a->silence.data = a;
    ev_prepare_init(&a->end_of_turn, on_end_of_turn);
    a->end_of_turn.data = a;

    rc = crq_url_parse(options->url != NULL ? options->url
                                            : "redis://localhost:6379/0",
            &a->url, err);
    if (rc < 0) {
        crq_free(a);
        return rc;
    }
    if (options->name != NULL)
        a->name = crq_strdup(options->name);
    crq_url_describe(&a->url, &a->address);
    if ((options->name != NULL && a->name == NULL) || a->address.rc < 0)
        rc = crq_fail_nomem(err);
    if (rc < 0) {
        crq_async_free(a);
        return rc;
    }
    ev_timer_start(loop, &a->retry); /* at once, from the loop */
    ev_prepare_start(loop, &a->end_of_turn);
    *out = a;
    return 0;
}

void crq_async_free(struct crq_async *a)
{
    if (a == NULL)
        return;
    assert(!a->inside);
    crq_async_close(a);
    ev_timer_stop(a->loop, &a->retry);
    ev_timer_stop(a->loop, &a->silence);
    ev_prepare_stop(a->loop, &a->end_of_turn);
    crq_async_calls_fini(a);
    crq_lookup_cancel(&a->lookup);
    if (a->reader != NULL)
        redisReaderFree(a->reader);
    crq_buf_fini(&a->out);
    crq_buf_fini(&a->address);
    crq_url_fini(&a->url);
    crq_free(a->name);
    crq_free(a);
}

bool crq_async_is_up(const struct crq_async *a)
{
    return a->state == CRQ_ASYNC_UP;
}

const char *crq_async_address(const struct crq_async *a)
{
    return crq_buf_text(&a->address);
}
