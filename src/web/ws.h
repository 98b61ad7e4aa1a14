/*
 * ws.h - one WebSocket, RFC 6455, on the event loop.
 *
 * Hides wslay. Text messages only, whole, of a bounded size. What is sent is
 * queued up to a limit, and so is what all sockets together have queued: a
 * client that does not read is closed, and costs the others nothing. Pings
 * measure round trips and find out who is gone.
 */
#ifndef CRQ_WEB_WS_H
#define CRQ_WEB_WS_H

#include <crq.h>

#include "web/http.h"

struct ev_loop;
struct ws;

#define WS_MESSAGE_MAX ((size_t)64 << 10)
#define WS_QUEUE_MAX   ((size_t)1 << 20)
#define WS_ROUND_TRIPS 5

/* Codes of the end: those of RFC 6455, and ours. */
enum ws_code {
    WS_NORMAL = 1000,
    WS_GOING_AWAY = 1001,
    WS_UNSUPPORTED = 1003,
    WS_TOO_BIG = 1009,
    WS_INTERNAL = 1011,
    WS_TAKEN_OVER = 4001,
    WS_NO_STREAM = 4002
};

struct ws_handlers {
    /* The text is borrowed; it is UTF-8. */
    void (*on_message)(void *arg, const char *text, size_t len);
    /* It is over, and freed when this returns. Always called, once, from the
     * loop. `slow`: the client did not read. */
    void (*on_closed)(void *arg, bool slow);
};

/* What is queued at the sockets that share it. Begins as zero. */
struct ws_budget {
    size_t queued;
};

#define WS_BUDGET_MAX ((size_t)256 << 20)

/** Sec-WebSocket-Accept for a Sec-WebSocket-Key; false: it is no key. */
bool ws_accept_key(const char *key, char out[29]);

/** `upgrade` is taken over, also when NULL is returned: no memory. `budget`
 *  outlives it. */
struct ws *ws_new(struct ev_loop *loop, struct ws_budget *budget,
        struct http_upgrade *upgrade, int fd, const void *extra,
        size_t extra_len, const struct ws_handlers *handlers, void *arg);

/** Close it at once; on_closed is not called. Not from its own callbacks. */
void ws_free(struct ws *ws);

/** Queue a text message. */
void ws_send(struct ws *ws, const char *text, size_t len);
/** Say goodbye; what is queued goes out first. */
void ws_close(struct ws *ws, enum ws_code code, const char *reason);

/** The last round trips, newest first; returns how many there are. */
size_t ws_round_trips(const struct ws *ws, int64_t out_us[WS_ROUND_TRIPS]);

#endif
