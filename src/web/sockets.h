/*
 * sockets.h - WebSockets of applications, as app.json says.
 *
 * A job says who the client is; then it hears the streams and channels of its
 * socket, and what it sends becomes jobs. Of one identity at one address the
 * newest socket counts, whichever gateway it is at.
 */
#ifndef CRQ_WEB_SOCKETS_H
#define CRQ_WEB_SOCKETS_H

#include <crq.h>

#include "web/http.h"

struct gateway;
struct sockets;

int sockets_new(struct gateway *g, struct sockets **out,
        crq_error *err) CRQ_MUST_CHECK;
/** Forget all sockets: before the server and the jobs end. */
void sockets_drop(struct sockets *sockets);
/** After the server has ended. */
void sockets_free(struct sockets *sockets);

/** Answer a request for an address that is a socket's. False: it is none. */
bool sockets_answer(struct sockets *sockets, struct http_request *request);

struct sockets_stats {
    int64_t open;    /* now */
    int64_t in, out; /* messages */
    int64_t slow;    /* clients that were dropped */
};

void sockets_stats(const struct sockets *sockets, struct sockets_stats *out);

/** Say goodbye to all. */
void sockets_close(struct sockets *sockets);

#endif
