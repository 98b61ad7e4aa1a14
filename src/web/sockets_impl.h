/* sockets_impl.h - what sockets.c (their life), sockets_open.c (how it begins)
 * and sockets_messages.c (what comes in) share. */
#ifndef CRQ_WEB_SOCKETS_IMPL_H
#define CRQ_WEB_SOCKETS_IMPL_H

#include "base/random.h"
#include "web/binding.h"
#include "web/gateway.h"
#include "web/sockets.h"
#include "web/ws.h"

/* Types whose sending time is remembered for $socket.sent_ms.TYPE. */
#define SENT_MAX       16
#define SOCKET_BUCKETS 4096

/* Messages of one socket whose jobs have not ended. */
#define ASKED_MAX 16

struct sent {
    const char *type; /* in app.json */
    int64_t at_ms;    /* 0: never yet */
};

struct socket {
    struct sockets *sockets;
    struct socket *next, **link; /* of all */
    struct socket *same;         /* of its bucket, while it has a key */
    const struct crq_app_socket *def;
    struct http_request *request; /* until the upgrade */
    struct asking *asking;        /* for the time */
    struct waiter *authorising;
    struct ws *ws; /* NULL: not yet, or it was never opened */
    struct binding binding;
    char id[CRQ_UUID_LEN + 1];
    char peer[64];  /* its address */
    char *key;      /* address and identity; NULL: it has none */
    char *identity; /* NULL until it is authorised */
    /* Streams are heard from behind this entry on; it is not behind `now`. */
    struct entry_id after, now;
    crq_value *hello;
    bool announced;  /* all gateways know of it */
    bool taken_over; /* a newer one has its place */
    char **names;    /* of streams, then of channels */
    struct listener **listeners;
    size_t name_count, listener_count;
    struct asked *asked;
    size_t asked_count;
    int64_t arrived_ms; /* the message that is looked at */
    struct sent sent[SENT_MAX];
    size_t sent_count;
};

struct sockets {
    struct gateway *g;
    struct socket *first;
    struct socket *keys[SOCKET_BUCKETS];
    struct listener *ears;
    bool closing; /* none is to stay */
    bool ended;   /* nor to be heard of */
    struct sockets_stats stats;
    struct ws_budget budget;
};

/* sockets_messages.c */

/** What the client sends. */
void socket_take(struct socket *s, const char *text, size_t len);
/** Nobody waits for the answers any more. */
void socket_forget_asked(struct socket *s);
/** What $socket.KEY is: see struct binding. */
int socket_look_up(void *arg, const char *key, crq_value **out);
/** Find the types whose sending is asked for. */
void socket_find_sent(struct socket *s);

/* sockets.c */

/** The connection has left HTTP, or nothing came of that. */
void socket_on_open(void *arg, struct http_upgrade *upgrade, int fd,
        const void *extra, size_t extra_len);
/** In any state, but for what is on its way: that is forgotten before. */
void socket_free(struct socket *s);
/** Send JSON; `type` may be NULL. */
void socket_send(struct socket *s, const char *json, size_t len,
        const char *type);

#endif
