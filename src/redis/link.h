/*
 * link.h - one socket to Redis: opening it, bytes in, bytes out.
 *
 * The socket never blocks: who has to wait calls crq_link_wait(). A write to a
 * broken link fails with an error, it never raises SIGPIPE.
 */
#ifndef CRQ_REDIS_LINK_H
#define CRQ_REDIS_LINK_H

#include <sys/types.h>

#include <crq.h>

#include "redis/url.h"

struct crq_tls; /* tls.h */

struct crq_link {
    int fd;              /* -1: closed */
    struct crq_tls *tls; /* NULL: plain */
};

#define CRQ_LINK_CLOSED                                                        \
    {                                                                          \
        -1, NULL                                                               \
    }

/**
 * Connect: to each address of the host in turn until one takes it. The time
 * left is shared between them, so that a silent one leaves some to the rest.
 *
 * deadline_us  on crq_clock_system's mono_us().
 *
 * CRQ_ECONNECT with a line that names the address, the reason and what to look
 * at; CRQ_ENOMEM.
 */
int crq_link_open(struct crq_link *link, const struct crq_url *url,
        const char *address, int64_t deadline_us,
        crq_error *err) CRQ_MUST_CHECK;
void crq_link_close(struct crq_link *link);

/** What every TCP socket to Redis gets: no delay, and keepalive that finds a
 *  dead server in two minutes. */
void crq_link_tune(int fd);

/** Bytes moved; 0: not now; -1: the link is broken, errno says why (0: the
 *  other side closed it). */
ssize_t crq_link_write(struct crq_link *link, const void *bytes, size_t len);
ssize_t crq_link_read(struct crq_link *link, void *bytes, size_t len);

/** Wait for POLLIN and/or POLLOUT. What is ready, or 0 at the deadline. */
int crq_link_wait(const struct crq_link *link, short events,
        int64_t deadline_us);

/** Whether an idle link has been closed, or says what nobody asked for. */
bool crq_link_is_stale(const struct crq_link *link);

#endif
