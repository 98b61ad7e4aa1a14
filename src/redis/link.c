/*
 * link.c - sockets to Redis.
 *
 * Not hiredis's own: that tries the first address of a host only, waits
 * without a limit for the whole, and writes with write(), which raises SIGPIPE
 * on a broken link. A library must not end its program, nor change how the
 * program treats signals, so everything here is send(MSG_NOSIGNAL).
 */
#include "redis/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/tls.h"

/* What to look at, by errno; the others get the system's words alone. */
static const struct {
    int number;
    const char *says;
} remedies[] = {
    { ECONNREFUSED, "connection refused (is redis-server running?)" },
    { ENOENT, "there is no such socket (is redis-server running?)" },
    { EACCES, "permission denied (may this user open the socket?)" },
    { ETIMEDOUT, "no answer in time (are host and port right?)" },
    { EHOSTUNREACH, "no route to the host" },
    { ENETUNREACH, "the network is unreachable" },
};

static int fail_connect(const char *address, int number, crq_error *err)
{
    char text[128];

    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (remedies[i].number == number)
            return crq_fail(err, CRQ_ECONNECT,
                    "cannot connect to Redis at %s: %s", address,
                    remedies[i].says);
    return crq_fail(err, CRQ_ECONNECT, "cannot connect to Redis at %s: %s",
            address, strerror_r(number, text, sizeof(text)));
}

static int64_t now_us(void)
{
    return crq_clock_mono_us(&crq_clock_system);
}

int crq_link_wait(const struct crq_link *link, short events,
        int64_t deadline_us)
{
    for (;;) {
        struct pollfd p = { .fd = link->fd, .events = events };
        int64_t left_us = deadline_us - now_us();
        int64_t left_ms = left_us > 0 ? (left_us + 999) / 1000 : 0;
        int n = poll(&p, 1, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);

        if (n > 0)
            return p.revents & (POLLERR | POLLHUP | POLLNVAL)
                    ? p.revents | events
                    : p.revents;
        if (n == 0 && left_ms < INT32_MAX)
            return 0;
        if (n < 0 && errno != EINTR)
            return events; /* let the read or write that follows find out */
    }
}

static void close_socket(struct crq_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

/* A connected socket in link->fd, or the errno. */
static int try_address(struct crq_link *link, const struct sockaddr *to,
        socklen_t len, int64_t deadline_us)
{
    int number = 0;
    socklen_t size = sizeof(number);

    link->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
            0);
    if (link->fd < 0)
        return errno;
    /* A Unix socket whose queue is full says EAGAIN, not EINPROGRESS, and
     * poll() can't tell when there is room: so it is an error like others. */
    if (connect(link->fd, to, len) < 0) {
        number = errno;
        if (number == EINPROGRESS || number == EINTR) {
            if (crq_link_wait(link, POLLOUT, deadline_us) == 0)
                number = ETIMEDOUT;
            else if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &number,
                             &size) < 0)
                number = errno;
        }
    }
    if (number != 0)
        close_socket(link);
    return number;
}

void crq_link_tune(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, 60 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 15 },
        { IPPROTO_TCP, TCP_KEEPCNT, 4 },
    };

    /* Each is an improvement only: a system without one works too. */
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        (void)setsockopt(fd, options[i].level, options[i].name,
                &options[i].value, sizeof(int));
}

static int open_unix(struct crq_link *link, const struct crq_url *url,
        const char *address, int64_t deadline_us, crq_error *err)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int number;

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", url->path);
    number = try_address(link, (const struct sockaddr *)&to, sizeof(to),
            deadline_us);
    return number == 0 ? 0 : fail_connect(address, number, err);
}

static int open_tcp(struct crq_link *link, const struct crq_url *url,
        const char *address, int64_t deadline_us, crq_error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int number = 0, count = 0;
    char port[8];
    int rc;

    snprintf(port, sizeof(port), "%d", url->port);
    rc = getaddrinfo(url->host, port, &hints, &found);
    if (rc == EAI_MEMORY)
        return crq_fail_nomem(err);
    if (rc != 0)
        return crq_fail(err, CRQ_ECONNECT,
                "cannot connect to Redis at %s: the host '%s' is not known "
                "(%s)",
                address, url->host, gai_strerror(rc));
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next)
        count++;
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next, count--) {
        int64_t share_us = (deadline_us - now_us()) / count;

        number = try_address(link, at->ai_addr, at->ai_addrlen,
                now_us() + share_us);
        if (number == 0)
            break;
    }
    freeaddrinfo(found);
    if (number != 0)
        return fail_connect(address, number, err);
    crq_link_tune(link->fd);
    return 0;
}

static int shake_hands(struct crq_link *link, const char *address,
        int64_t deadline_us, crq_error *err)
{
    short events = 0;
    int rc;

    for (;;) {
        rc = crq_tls_handshake(link->tls, link->fd, &events, err);
        if (rc < 0)
            return crq_fail_in(err, rc, "cannot connect to Redis at %s",
                    address);
        if (rc > 0)
            return 0;
        if (crq_link_wait(link, events, deadline_us) == 0)
            return crq_fail(err, CRQ_ECONNECT,
                    "cannot connect to Redis at %s: no answer to TLS in time "
                    "(is it the TLS port?)",
                    address);
    }
}

int crq_link_open(struct crq_link *link, const struct crq_url *url,
        const char *address, int64_t deadline_us, crq_error *err)
{
    int rc;

    if (url->tls) {
        rc = crq_tls_new(url->host, &link->tls, err);
        if (rc < 0)
            return crq_fail_in(err, rc, "cannot connect to Redis at %s",
                    address);
    }
    rc = url->path != NULL ? open_unix(link, url, address, deadline_us, err)
                           : open_tcp(link, url, address, deadline_us, err);
    if (rc == 0 && url->tls)
        rc = shake_hands(link, address, deadline_us, err);
    if (rc < 0)
        crq_link_close(link);
    return rc;
}

void crq_link_close(struct crq_link *link)
{
    crq_tls_free(link->tls);
    link->tls = NULL;
    close_socket(link);
}

static ssize_t moved(ssize_t n)
{
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    return n;
}

ssize_t crq_link_write(struct crq_link *link, const void *bytes, size_t len)
{
    if (link->tls != NULL)
        return crq_tls_write(link->tls, bytes, len);
    return moved(send(link->fd, bytes, len, MSG_NOSIGNAL));
}

ssize_t crq_link_read(struct crq_link *link, void *bytes, size_t len)
{
    ssize_t n;

    if (link->tls != NULL)
        return crq_tls_read(link->tls, bytes, len);
    n = recv(link->fd, bytes, len, 0);
    if (n == 0) {
        errno = 0;
        return -1;
    }
    return moved(n);
}

bool crq_link_is_stale(const struct crq_link *link)
{
    char byte;

    if (link->tls != NULL)
        return !crq_tls_is_quiet(link->tls);
    return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
            (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}
