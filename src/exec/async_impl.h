/* async_impl.h - what the parts of a connection on the loop share: async.c, the
 * link, async_connect.c, how it is made, and async_calls.c, the calls. */
#ifndef CRQ_EXEC_ASYNC_IMPL_H
#define CRQ_EXEC_ASYNC_IMPL_H

#include <ev.h>

#include "base/buf.h"
#include "exec/async.h"
#include "exec/resolve.h"
#include "redis/link.h"
#include "redis/url.h"

enum crq_async_state {
    CRQ_ASYNC_DOWN,
    CRQ_ASYNC_RESOLVING,
    CRQ_ASYNC_CONNECTING,
    CRQ_ASYNC_SECURING, /* the handshake of TLS */
    CRQ_ASYNC_GREETING,
    CRQ_ASYNC_UP
};

struct crq_async_call;

struct crq_async_queue {
    struct crq_async_call *first, **last;
    size_t count;
};

/* Before the first try to connect again. */
#define CRQ_ASYNC_PAUSE_S 0.05

/* Scripts that one link can know: more than there are. */
#define CRQ_ASYNC_KNOWN 64

struct crq_async {
    struct ev_loop *loop;
    struct crq_async_options options;
    bool inside; /* a callback is running */

    /* async.c */
    char *name;
    int timeout_ms;
    struct crq_url url;
    struct crq_buf address;
    enum crq_async_state state;
    struct crq_link socket;
    struct crq_lookup lookup;
    struct crq_addresses addresses; /* while connecting over TCP */
    size_t next_address;
    struct redisReader *reader;
    struct crq_buf out;
    size_t sent;
    int greetings; /* replies to the greeting that are due */
    double pause_s;
    ev_io readable, writable;
    ev_timer retry, silence;
    ev_prepare end_of_turn;

    /* async_calls.c */
    struct crq_async_queue sent_calls; /* in the order of their replies */
    struct crq_async_queue waiting;    /* scripts, while the link is down */
    struct crq_async_queue failed;     /* callbacks that are due */
    struct crq_async_queue refused;    /* scripts that are to be sent again */
    bool again;                        /* the callback asked for that */
    const struct crq_script *known[CRQ_ASYNC_KNOWN]; /* by this link */
    size_t known_count;
    ev_timer work, again_timer;
};

/* async.c */

/** Append a command, for the end of the turn. CRQ_ENOMEM: nothing is. */
int crq_async_put(struct crq_async *a, const struct crq_args *head,
        const struct crq_args *args) CRQ_MUST_CHECK;
/** The first call that waits for its reply may be another one now. */
void crq_async_watch(struct crq_async *a);
/** The link is of no more use: close it, and try again after a pause. */
void crq_async_broke(struct crq_async *a, int code, const char *format, ...)
        CRQ_PRINTF(3, 4);

/* async_connect.c */

void crq_async_connect_init(struct crq_async *a);
/** Begin, in the state DOWN. */
void crq_async_connect(struct crq_async *a);
/** CONNECTING has come to an end. */
void crq_async_connected(struct crq_async *a);
/** SECURING: the socket is ready for the next step of the handshake. */
void crq_async_secure(struct crq_async *a);
/** A reply came in the state GREETING. */
void crq_async_greeted(struct crq_async *a, const crq_reply *reply);
/** Close the socket, if there is one. */
void crq_async_close(struct crq_async *a);

/* async_calls.c */

void crq_async_calls_init(struct crq_async *a);
void crq_async_calls_fini(struct crq_async *a);
/** The link is up: send what has waited for it. */
void crq_async_calls_send(struct crq_async *a);
/** It is not any more: commands have failed, scripts wait. */
void crq_async_calls_return(struct crq_async *a, const char *why);
/** A reply to the first call that was sent. */
void crq_async_calls_reply(struct crq_async *a, const crq_reply *reply);
/** How long Redis may hold back the reply that is due first, as block_ms of
 *  crq_async_send(). False: none is due. */
bool crq_async_calls_due(const struct crq_async *a, int64_t *out_block_ms);

#endif
