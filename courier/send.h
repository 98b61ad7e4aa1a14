/*
 * send.h - HTTP requests on libev, by libcurl.
 *
 * http and https only, no redirects followed, no proxy, the answer's body
 * dropped and not read beyond a cap. Names are looked up by a thread of
 * libcurl's, which is why this is a process of its own.
 */
#ifndef COURIER_SEND_H
#define COURIER_SEND_H

#include <crq.h>
#include <ev.h>

struct sender;

struct request {
    int64_t number;      /* the caller's */
    const char *url;     /* all borrowed for the call only */
    const char *headers; /* "Name: value" lines, each ending in '\n' */
    const char *body;    /* NULL: GET, else POST */
    size_t body_len;
    int64_t timeout_s;
};

/** problem: "" when it was sent and answered with a status below 400. */
typedef void sender_done(void *arg, int64_t number, const char *problem);

/** allow_private: also to addresses that are not public. NULL: libcurl or
 *  memory is missing. */
struct sender *sender_new(struct ev_loop *loop, bool allow_private,
        sender_done *done, void *arg);

/** How many are on their way. */
size_t sender_running(const struct sender *sender);

/** Begin one; done() comes later, from the loop. False: it cannot be. */
bool sender_send(struct sender *sender, const struct request *request);

#endif
