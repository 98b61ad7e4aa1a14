/*
 * async.c - a connection to Redis on the event loop that stays up.
 *
 * Not hiredis's asynchronous context: its old versions lose contexts inside
 * their connect callback, write with write(), which raises SIGPIPE, and do
 * not say whether a command went out. Replies are parsed by hiredis's reader,
 * as on synchronous connections.
 *
 *     DOWN ──timer──▶ CONNECTING ──▶ GREETING ──▶ UP
 *       ▲                 │             │          │
 *       └─────────────────┴─────────────┴──────────┘  crq_async broke
 *
 * Callbacks run from the loop: with the reply, or from on_work() when there is
 * none. What a turn sends is gathered and goes out at its end.
 */
#include "exec/async.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "redis/link.h"
#include "redis/refusal.h"
#include "redis/url.h"

#define PAUSE_LEAST_S 0.05
#define PAUSE_MOST_S  2.0
#define READ_BYTES    65536
#define AGAIN_S       1.0

enum state { DOWN, CONNECTING, GREETING, UP };

/* One call that has no callback yet. */
struct call {
    struct call *next;
    crq_async_reply *reply;
    void *arg;
    const struct crq_script *script; /* NULL: a command */
    size_t nkeys;
    struct crq_args args; /* of a script: to be sent again */
    bool loading;         /* sent as EVAL, because of NOSCRIPT */
    int64_t block_ms;
    crq_error failure; /* set when it is in `failed` */
};

struct queue {
    struct call *first, **last;
    size_t count;
};

struct crq_async {
    struct ev_loop *loop;
    struct crq_async_options options;
    char *name;
    int timeout_ms;
    struct crq_url url;
    struct crq_buf address;

    enum state state;
    int fd;
    struct addrinfo *addresses, *at; /* while connecting over TCP */
    struct redisReader *reader;
    struct crq_buf out;
    size_t sent;
    int greetings; /* replies to the greeting that are due */

    struct queue sent_calls; /* in the order of their replies */
    struct queue waiting;    /* scripts, while the link is down */
    struct queue failed;     /* callbacks that are due */
    struct queue refused;    /* scripts that are to be sent again */
    bool inside;             /* a callback is running */
    bool again;              /* it asked for that */
    double pause_s;

    ev_io readable, writable;
    ev_timer retry, silence, work, again_timer;
    ev_prepare end_of_turn;
};

/* ---- queues ---- */

static void queue_init(struct queue *queue)
{
    *queue = (struct queue){ NULL, &queue->first, 0 };
}

static void push(struct queue *queue, struct call *call)
{
    call->next = NULL;
    *queue->last = call;
    queue->last = &call->next;
    queue->count++;
}

static struct call *pop(struct queue *queue)
{
    struct call *call = queue->first;

    if (call == NULL)
        return NULL;
    queue->first = call->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    return call;
}

static void free_call(struct call *call)
{
    crq_args_fini(&call->args);
    crq_free(call);
}

static void free_queue(struct queue *queue)
{
    for (struct call *call = pop(queue); call != NULL; call = pop(queue))
        free_call(call);
}

/* A callback is due: not now, but as soon as the loop has its turn. */
static void fail_call(struct crq_async *a, struct call *call, int code,
        const char *text)
{
    crq_fail(&call->failure, code, "%s", text);
    push(&a->failed, call);
    if (!ev_is_active(&a->work)) {
        ev_timer_set(&a->work, 0., 0.);
        ev_timer_start(a->loop, &a->work);
    }
}

static void answer(struct crq_async *a, struct call *call,
        const crq_reply *reply, const crq_error *err)
{
    a->inside = true;
    a->again = false;
    if (call->reply != NULL)
        call->reply(call->arg, reply, err);
    a->inside = false;
    if (!a->again) {
        free_call(call);
        return;
    }
    a->again = false;
    call->loading = false;
    push(&a->refused, call);
    if (!ev_is_active(&a->again_timer)) {
        ev_timer_set(&a->again_timer, AGAIN_S, 0.);
        ev_timer_start(a->loop, &a->again_timer);
    }
}

static void on_work(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;
    size_t due = a->failed.count; /* not those that the callbacks add */

    (void)loop;
    (void)revents;
    while (due-- > 0) {
        struct call *call = pop(&a->failed);

        answer(a, call, NULL, &call->failure);
    }
    if (a->failed.count > 0) {
        ev_timer_set(&a->work, 0., 0.);
        ev_timer_start(a->loop, &a->work);
    }
}

/* ---- the link breaks ---- */

static void close_socket(struct crq_async *a)
{
    ev_io_stop(a->loop, &a->readable);
    ev_io_stop(a->loop, &a->writable);
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

/* Scripts go back to the head of those that wait, in their order; commands
 * have failed. */
static void return_calls(struct crq_async *a, const char *why)
{
    struct queue scripts;
    struct call *call;

    queue_init(&scripts);
    while ((call = pop(&a->sent_calls)) != NULL) {
        if (call->script == NULL)
            fail_call(a, call, CRQ_ELOST, why);
        else {
            call->loading = false;
            push(&scripts, call);
        }
    }
    while ((call = pop(&a->waiting)) != NULL)
        push(&scripts, call);
    while ((call = pop(&scripts)) != NULL)
        push(&a->waiting, call);
}

static double jitter(double s)
{
    uint32_t r;

    crq_random(&r, sizeof(r));
    return s * (0.5 + (double)r / UINT32_MAX);
}

static void broke(struct crq_async *a, int code, const char *format, ...)
        CRQ_PRINTF(3, 4);

static void broke(struct crq_async *a, int code, const char *format, ...)
{
    crq_error err;
    char text[sizeof(err.text)];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    crq_fail(&err, code, "Redis at %s: %s", crq_buf_text(&a->address), text);

    close_socket(a);
    ev_timer_stop(a->loop, &a->silence);
    if (a->addresses != NULL)
        freeaddrinfo(a->addresses);
    a->addresses = a->at = NULL;
    if (a->reader != NULL)
        redisReaderFree(a->reader);
    a->reader = NULL;
    crq_buf_clear(&a->out);
    a->sent = 0;
    a->greetings = 0;
    /* A link that had been up is tried again soon, one that never comes up
     * ever more rarely. */
    a->pause_s = a->state == UP             ? PAUSE_LEAST_S
            : a->pause_s * 2 < PAUSE_MOST_S ? a->pause_s * 2
                                            : PAUSE_MOST_S;
    a->state = DOWN;
    return_calls(a, err.text);
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
        ssize_t n = send(a->fd, a->out.data + a->sent, a->out.len - a->sent,
                MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            ev_io_start(a->loop, &a->writable);
            return;
        }
        if (n < 0)
            return; /* reading tells, from the loop */
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

/* Watch for silence while an answer is due that Redis may not hold back. */
static void watch_silence(struct crq_async *a)
{
    const struct call *first = a->sent_calls.first;
    double wait_s = a->timeout_ms / 1e3;

    if (a->state == UP && first == NULL) {
        ev_timer_stop(a->loop, &a->silence);
        return;
    }
    if (first != NULL && first->block_ms != 0) {
        if (first->block_ms < 0) {
            ev_timer_stop(a->loop, &a->silence);
            return;
        }
        wait_s += (double)first->block_ms / 1e3;
    }
    a->silence.repeat = wait_s;
    ev_timer_again(a->loop, &a->silence);
}

static int put_words(struct crq_async *a, const struct crq_args *head,
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

static int put_script(struct crq_async *a, struct call *call)
{
    struct crq_args head;
    int rc;

    crq_args_init(&head);
    crq_args_puts(&head, call->loading ? "EVAL" : "EVALSHA");
    crq_args_puts(&head,
            call->loading ? call->script->text : call->script->sha1);
    crq_args_puti(&head, (int64_t)call->nkeys);
    rc = crq_args_check(&head, NULL);
    if (rc == 0)
        rc = put_words(a, &head, &call->args);
    crq_args_fini(&head);
    return rc;
}

static void send_waiting(struct crq_async *a)
{
    struct call *call;

    while ((call = pop(&a->waiting)) != NULL) {
        if (put_script(a, call) < 0)
            fail_call(a, call, CRQ_ENOMEM, "out of memory");
        else
            push(&a->sent_calls, call);
    }
    watch_silence(a);
}

void crq_async_again(struct crq_async *a)
{
    assert(a->inside);
    a->again = true;
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;
    struct call *call;

    (void)loop;
    (void)revents;
    while ((call = pop(&a->refused)) != NULL)
        push(&a->waiting, call);
    if (a->state == UP)
        send_waiting(a);
}

int crq_async_send(struct crq_async *a, const struct crq_args *args,
        int64_t block_ms, crq_async_reply *reply, void *arg)
{
    struct call *call;

    if (crq_args_check(args, NULL) < 0)
        return CRQ_ENOMEM;
    call = crq_calloc(1, sizeof(*call));
    if (call == NULL)
        return CRQ_ENOMEM;
    crq_args_init(&call->args);
    call->reply = reply;
    call->arg = arg;
    call->block_ms = block_ms;
    if (a->state != UP) {
        fail_call(a, call, CRQ_ECONNECT, "not connected to Redis");
        return 0;
    }
    if (put_words(a, NULL, args) < 0) {
        free_call(call);
        return CRQ_ENOMEM;
    }
    if (a->options.on_push != NULL) {
        free_call(call); /* its answer comes as a push */
        return 0;
    }
    push(&a->sent_calls, call);
    if (a->sent_calls.count == 1)
        watch_silence(a);
    return 0;
}

int crq_async_script(struct crq_async *a, const struct crq_script *script,
        size_t nkeys, struct crq_args *args, crq_async_reply *reply, void *arg)
{
    struct call *call;

    if (crq_args_check(args, NULL) < 0)
        return CRQ_ENOMEM;
    call = crq_calloc(1, sizeof(*call));
    if (call == NULL)
        return CRQ_ENOMEM;
    call->reply = reply;
    call->arg = arg;
    call->script = script;
    call->nkeys = nkeys;
    call->args = *args;
    crq_args_init(args);
    if (a->state != UP) {
        push(&a->waiting, call);
        return 0;
    }
    if (put_script(a, call) < 0) {
        *args = call->args;
        crq_free(call);
        return CRQ_ENOMEM;
    }
    push(&a->sent_calls, call);
    if (a->sent_calls.count == 1)
        watch_silence(a);
    return 0;
}

/* ---- replies ---- */

/* A script that Redis did not know was not run: send all of it. It runs behind
 * what was sent meanwhile. */
static bool load_script(struct crq_async *a, struct call *call,
        const crq_reply *reply)
{
    size_t len;
    const char *text = crq_reply_text(reply, &len);

    if (call->script == NULL || call->loading || len < 8 ||
            strncmp(text, "NOSCRIPT", 8) != 0)
        return false;
    call->loading = true;
    if (put_script(a, call) < 0)
        return false;
    push(&a->sent_calls, call);
    return true;
}

static void take_reply(struct crq_async *a, const crq_reply *reply)
{
    crq_error err;
    struct call *call;
    size_t len;
    const char *text;

    if (a->options.on_push != NULL) {
        a->inside = true;
        a->options.on_push(a->options.arg, reply);
        a->inside = false;
        return;
    }
    call = pop(&a->sent_calls);
    if (call == NULL) {
        broke(a, CRQ_ELOST, "it said what nobody asked for");
        return;
    }
    if (crq_reply_kind(reply) != CRQ_REPLY_ERROR)
        answer(a, call, reply, NULL);
    else if (!load_script(a, call, reply)) {
        text = crq_reply_text(reply, &len);
        crq_refusal(crq_buf_text(&a->address), text, len, &err);
        answer(a, call, NULL, &err);
    }
    if (a->state == UP)
        watch_silence(a);
}

/* Replies to AUTH, SELECT and CLIENT SETNAME. */
static void take_greeting(struct crq_async *a, const crq_reply *reply)
{
    crq_error err;
    size_t len;
    const char *text = crq_reply_text(reply, &len);
    /* The last but one, before SELECT. The name is for people who look at
     * CLIENT LIST: Redis takes no spaces and no UTF-8 in it, or none at all. */
    bool naming = a->name != NULL && a->greetings == 2;

    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR && !naming) {
        crq_refusal(crq_buf_text(&a->address), text, len, &err);
        broke(a, err.code, "%s", err.text);
        return;
    }
    if (--a->greetings > 0)
        return;
    a->state = UP;
    a->pause_s = PAUSE_LEAST_S / 2;
    send_waiting(a);
    if (a->options.on_up != NULL) {
        a->inside = true;
        a->options.on_up(a->options.arg);
        a->inside = false;
    }
}

/* Whatever replies are whole. The link can break in a callback. */
static void take_replies(struct crq_async *a)
{
    void *raw = NULL;

    while (a->fd >= 0) {
        if (redisReaderGetReply(a->reader, &raw) != REDIS_OK) {
            broke(a, CRQ_ELOST, "what it says is not its protocol");
            return;
        }
        if (raw == NULL)
            return;
        if (a->state == GREETING)
            take_greeting(a, raw);
        else
            take_reply(a, raw);
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
    n = recv(a->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        char text[100];

        broke(a, CRQ_ELOST, "%s",
                n == 0 ? "it closed the connection"
                       : strerror_r(errno, text, sizeof(text)));
        return;
    }
    if (redisReaderFeed(a->reader, bytes, (size_t)n) != REDIS_OK) {
        broke(a, CRQ_ENOMEM, "out of memory");
        return;
    }
    watch_silence(a);
    take_replies(a);
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;

    (void)loop;
    (void)revents;
    broke(a, a->state == UP ? CRQ_ELOST : CRQ_ECONNECT, "no answer for %d ms",
            a->timeout_ms);
}

/* ---- connecting ---- */

static void greet(struct crq_async *a)
{
    struct crq_args args;
    int rc = 0;

    a->reader = redisReaderCreate();
    a->state = GREETING;
    a->greetings = 0;
    crq_args_init(&args);
    if (a->url.password != NULL) {
        crq_args_puts(&args, "AUTH");
        if (a->url.user != NULL)
            crq_args_puts(&args, a->url.user);
        crq_args_puts(&args, a->url.password);
        rc = put_words(a, NULL, &args);
        a->greetings++;
        crq_args_clear(&args);
    }
    if (rc == 0 && a->name != NULL) {
        crq_args_list(&args, "CLIENT", "SETNAME", a->name, NULL);
        rc = put_words(a, NULL, &args);
        a->greetings++;
        crq_args_clear(&args);
    }
    /* Always: it shows at once that this is Redis, and lets us in. */
    crq_args_puts(&args, "SELECT");
    crq_args_puti(&args, a->url.db);
    if (rc == 0)
        rc = put_words(a, NULL, &args);
    a->greetings++;
    crq_args_fini(&args);
    if (rc < 0 || a->reader == NULL)
        broke(a, CRQ_ENOMEM, "out of memory");
}

/* Begin to connect; an errno when it fails at once. */
static int begin_socket(struct crq_async *a, const struct sockaddr *to,
        socklen_t len)
{
    close_socket(a);
    a->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
            0);
    if (a->fd < 0)
        return errno;
    if (connect(a->fd, to, len) < 0 && errno != EINPROGRESS && errno != EINTR)
        return errno;
    if (to->sa_family != AF_UNIX)
        crq_link_tune(a->fd);
    a->state = CONNECTING;
    ev_io_set(&a->readable, a->fd, EV_READ);
    ev_io_set(&a->writable, a->fd, EV_WRITE);
    ev_io_start(a->loop, &a->writable);
    watch_silence(a);
    return 0;
}

/* Try the addresses that are left; `number` is why the last one failed. */
static void connect_next(struct crq_async *a, int number)
{
    char text[100];

    while (a->at != NULL) {
        const struct addrinfo *to = a->at;

        a->at = a->at->ai_next;
        number = begin_socket(a, to->ai_addr, to->ai_addrlen);
        if (number == 0)
            return;
    }
    broke(a, CRQ_ECONNECT, "%s", strerror_r(number, text, sizeof(text)));
}

static void connect_unix(struct crq_async *a)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int number;

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", a->url.path);
    number = begin_socket(a, (const struct sockaddr *)&to, sizeof(to));
    if (number != 0)
        connect_next(a, number); /* there is no other: it fails */
}

/* The look-up blocks: for names that the resolver does not have at hand. */
static void connect_tcp(struct crq_async *a)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    char port[8];
    int rc;

    snprintf(port, sizeof(port), "%d", a->url.port);
    rc = getaddrinfo(a->url.host, port, &hints, &a->addresses);
    if (rc != 0) {
        a->addresses = NULL;
        broke(a, CRQ_ECONNECT, "%s", gai_strerror(rc));
        return;
    }
    a->at = a->addresses;
    connect_next(a, 0);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;

    (void)loop;
    (void)revents;
    if (a->url.path != NULL)
        connect_unix(a);
    else
        connect_tcp(a);
}

/* Connected, or not; later: there is room to send. */
static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct crq_async *a = w->data;
    int number = 0;
    socklen_t size = sizeof(number);

    (void)loop;
    (void)revents;
    if (a->state != CONNECTING) {
        flush(a);
        return;
    }
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
        number = errno;
    if (number != 0) {
        connect_next(a, number);
        return;
    }
    if (a->addresses != NULL)
        freeaddrinfo(a->addresses);
    a->addresses = a->at = NULL;
    ev_io_start(a->loop, &a->readable);
    greet(a);
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
    a->fd = -1;
    a->pause_s = PAUSE_LEAST_S / 2;
    crq_buf_init(&a->address, CRQ_BUF_MAX);
    crq_buf_init(&a->out, CRQ_BUF_MAX);
    queue_init(&a->sent_calls);
    queue_init(&a->waiting);
    queue_init(&a->failed);
    queue_init(&a->refused);
    ev_io_init(&a->readable, on_readable, -1, EV_READ);
    ev_io_init(&a->writable, on_writable, -1, EV_WRITE);
    ev_timer_init(&a->retry, on_retry, 0., 0.);
    ev_timer_init(&a->work, on_work, 0., 0.);
    ev_timer_init(&a->again_timer, on_again, 0., 0.);
    ev_init(&a->silence, on_silence);
    a->readable.data = a->writable.data = a;
    a->retry.data = a->work.data = a->silence.data = a;
    a->again_timer.data = a;
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
    else if (a->url.tls)
        rc = crq_fail(err, CRQ_EUNSUPPORTED,
                "rediss:// is not for workers yet: use redis:// through a "
                "TLS tunnel");
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
    close_socket(a);
    ev_timer_stop(a->loop, &a->retry);
    ev_timer_stop(a->loop, &a->silence);
    ev_timer_stop(a->loop, &a->work);
    ev_timer_stop(a->loop, &a->again_timer);
    ev_prepare_stop(a->loop, &a->end_of_turn);
    free_queue(&a->sent_calls);
    free_queue(&a->waiting);
    free_queue(&a->failed);
    free_queue(&a->refused);
    if (a->addresses != NULL)
        freeaddrinfo(a->addresses);
    if (a->reader != NULL)
        redisReaderFree(a->reader);
    crq_buf_fini(&a->out);
    crq_buf_fini(&a->address);
    crq_url_fini(&a->url);
    crq_free(a->name);
    crq_free(a);
}

void crq_async_abandon(struct crq_async *a)
{
    struct queue *const queues[] = { &a->sent_calls, &a->waiting, &a->failed };
    struct queue due;
    struct call *call;
    crq_error err;

    assert(!a->inside);
    crq_fail(&err, CRQ_ELOST, "Redis at %s: the connection is given up",
            crq_buf_text(&a->address));
    queue_init(&due);
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
        while ((call = pop(queues[i])) != NULL)
            push(&due, call);
    while ((call = pop(&due)) != NULL)
        answer(a, call, NULL, &err);
}

bool crq_async_is_up(const struct crq_async *a)
{
    return a->state == UP;
}

size_t crq_async_pending(const struct crq_async *a)
{
    return a->sent_calls.count + a->waiting.count + a->failed.count +
            a->refused.count;
}

const char *crq_async_address(const struct crq_async *a)
{
    return crq_buf_text(&a->address);
}
