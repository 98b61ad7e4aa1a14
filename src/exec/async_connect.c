/*
 * async_connect.c - a connection on the event loop is made: look-up, socket,
 * login. Each step that fails ends in crq_async_broke().
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <hiredis/hiredis.h>

#include "base/error.h"
#include "exec/async_impl.h"
#include "redis/link.h"
#include "redis/refusal.h"
#include "redis/tls.h"

/* ---- addresses and sockets ---- */

void crq_async_close(struct crq_async *a)
{
    ev_io_stop(a->loop, &a->readable);
    ev_io_stop(a->loop, &a->writable);
    crq_link_close(&a->socket);
}

/* Begin to connect; an errno when it fails at once. */
static int begin_socket(struct crq_async *a, const struct sockaddr *to,
        socklen_t len)
{
    crq_async_close(a);
    a->socket.fd = socket(to->sa_family,
            SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->socket.fd < 0)
        return errno;
    if (connect(a->socket.fd, to, len) < 0 && errno != EINPROGRESS &&
            errno != EINTR)
        return errno;
    if (to->sa_family != AF_UNIX)
        crq_link_tune(a->socket.fd);
    a->state = CRQ_ASYNC_CONNECTING;
    ev_io_set(&a->readable, a->socket.fd, EV_READ);
    ev_io_set(&a->writable, a->socket.fd, EV_WRITE);
    ev_io_start(a->loop, &a->writable);
    crq_async_watch(a);
    return 0;
}

/* Try the addresses that are left; `number` is why the last one failed. */
static void connect_next(struct crq_async *a, int number)
{
    char text[100];

    while (a->next_address < a->addresses.count) {
        size_t i = a->next_address++;

        number = begin_socket(a,
                (const struct sockaddr *)&a->addresses.list[i].to,
                a->addresses.list[i].len);
        if (number == 0)
            return;
    }
    crq_async_broke(a, CRQ_ECONNECT, "%s",
            strerror_r(number, text, sizeof(text)));
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

static void on_found(void *arg, const struct crq_addresses *addresses)
{
    struct crq_async *a = arg;

    if (addresses->failure != 0) {
        crq_async_broke(a, CRQ_ECONNECT, "%s",
                gai_strerror(addresses->failure));
        return;
    }
    a->addresses = *addresses;
    a->next_address = 0;
    connect_next(a, 0);
}

static void connect_tcp(struct crq_async *a)
{
    struct crq_addresses known;
    crq_error err;

    if (crq_resolve_known(a->url.host, a->url.port, &known)) {
        on_found(a, &known);
        return;
    }
    if (crq_lookup_start(&a->lookup, a->url.host, a->url.port, &err) < 0) {
        crq_async_broke(a, CRQ_ECONNECT, "%s", err.text);
        return;
    }
    a->state = CRQ_ASYNC_RESOLVING;
    crq_async_watch(a);
}

void crq_async_connect(struct crq_async *a)
{
    if (a->url.path != NULL)
        connect_unix(a);
    else
        connect_tcp(a);
}

void crq_async_connect_init(struct crq_async *a)
{
    a->socket = (struct crq_link)CRQ_LINK_CLOSED;
    crq_lookup_init(&a->lookup, a->loop, on_found, a);
}

/* ---- login ---- */

static void greet(struct crq_async *a)
{
    struct crq_args args;
    int rc = 0;

    a->reader = redisReaderCreate();
    a->state = CRQ_ASYNC_GREETING;
    a->greetings = 0;
    crq_args_init(&args);
    if (a->url.password != NULL) {
        crq_args_puts(&args, "AUTH");
        if (a->url.user != NULL)
            crq_args_puts(&args, a->url.user);
        crq_args_puts(&args, a->url.password);
        rc = crq_async_put(a, NULL, &args);
        a->greetings++;
        crq_args_clear(&args);
    }
    if (rc == 0 && a->name != NULL) {
        crq_args_list(&args, "CLIENT", "SETNAME", a->name, NULL);
        rc = crq_async_put(a, NULL, &args);
        a->greetings++;
        crq_args_clear(&args);
    }
    /* Always: it shows at once that this is Redis, and lets us in. */
    crq_args_puts(&args, "SELECT");
    crq_args_puti(&args, a->url.db);
    if (rc == 0)
        rc = crq_async_put(a, NULL, &args);
    a->greetings++;
    crq_args_fini(&args);
    if (rc < 0 || a->reader == NULL)
        crq_async_broke(a, CRQ_ENOMEM, "out of memory");
}

/* ---- TLS ---- */

/* Nothing stands between us and Redis, or TLS does. */
static void secured(struct crq_async *a)
{
    ev_io_stop(a->loop, &a->writable);
    ev_io_start(a->loop, &a->readable);
    greet(a);
}

static void begin_tls(struct crq_async *a)
{
    crq_error err;

    if (crq_tls_new(a->url.host, &a->socket.tls, &err) < 0) {
        crq_async_broke(a, CRQ_ECONNECT, "%s", err.text);
        return;
    }
    a->state = CRQ_ASYNC_SECURING;
    crq_async_secure(a);
}

void crq_async_secure(struct crq_async *a)
{
    short events = 0;
    crq_error err;
    int rc = crq_tls_handshake(a->socket.tls, a->socket.fd, &events, &err);

    if (rc < 0) {
        crq_async_broke(a, CRQ_ECONNECT, "%s", err.text);
        return;
    }
    if (rc > 0) {
        secured(a);
        return;
    }
    ev_io_stop(a->loop, events == POLLIN ? &a->writable : &a->readable);
    ev_io_start(a->loop, events == POLLIN ? &a->readable : &a->writable);
}

/* ---- connected ---- */

void crq_async_connected(struct crq_async *a)
{
    int number = 0;
    socklen_t size = sizeof(number);

    if (getsockopt(a->socket.fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
        number = errno;
    if (number != 0) {
        connect_next(a, number);
        return;
    }
    a->addresses.count = 0;
    if (a->url.tls)
        begin_tls(a);
    else
        secured(a);
}

/* Replies to AUTH, SELECT and CLIENT SETNAME. */
void crq_async_greeted(struct crq_async *a, const crq_reply *reply)
{
    crq_error err;
    size_t len;
    const char *text = crq_reply_text(reply, &len);
    /* The last but one, before SELECT. The name is for people who look at
     * CLIENT LIST: Redis takes no spaces and no UTF-8 in it, or none at all. */
    bool naming = a->name != NULL && a->greetings == 2;

    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR && !naming) {
        crq_refusal(crq_buf_text(&a->address), text, len, &err);
        crq_async_broke(a, err.code, "%s", err.text);
        return;
    }
    if (--a->greetings > 0)
        return;
    a->state = CRQ_ASYNC_UP;
    a->pause_s = CRQ_ASYNC_PAUSE_S / 2;
    crq_async_calls_send(a);
    if (a->options.on_up != NULL) {
        a->inside = true;
        a->options.on_up(a->options.arg);
        a->inside = false;
    }
}
