/*
 * async.h - one connection to Redis on the event loop.
 *
 * It keeps itself open: after a break it comes back with growing pauses and
 * jitter, logs in, selects the database, and calls on_up(), where the owner
 * takes up its duty again (registrations, subscriptions, blocking waits).
 *
 * Every call ends in exactly one callback, from the loop, never from inside
 * a function of this file but crq_async_abandon():
 *   reply set, err NULL    Redis answered; the reply is borrowed
 *   reply NULL, err set    it refused (CRQ_EREDIS, CRQ_EAUTH, CRQ_ESTATE), or
 *                          the link broke: CRQ_ELOST for what was sent,
 *                          CRQ_ECONNECT for what wasn't
 *
 * Commands are not repeated. Scripts are, because every script of crq is safe
 * to repeat: one that was sent when the link broke is sent again, before all
 * else, when it is back, until Redis has answered it. So a job's end is
 * written however long Redis is away.
 *
 * A server that takes commands and says nothing for timeout_ms is given up
 * like a broken link, unless a blocking command waits (see `block_ms`).
 */
#ifndef CRQ_EXEC_ASYNC_H
#define CRQ_EXEC_ASYNC_H

#include <crq.h>

#include "base/clock.h"
#include "redis/args.h"
#include "redis/reply.h"
#include "redis/script.h"

struct ev_loop;
struct crq_async;

typedef void crq_async_reply(void *arg, const crq_reply *reply,
        const crq_error *err);

struct crq_async_options {
    const char *url;  /* as crq_conn_open(); copied */
    const char *name; /* CLIENT SETNAME, or NULL; copied */
    int timeout_ms;   /* 0: 10000 */
    /* The link is usable / it broke or could not be opened: `err` says why.
     * on_down() comes once for each try that failed. */
    void (*on_up)(void *arg);
    void (*on_down)(void *arg, const crq_error *err);
    /* Set on a link for pub/sub: every reply comes here. */
    void (*on_push)(void *arg, const crq_reply *reply);
    void *arg;
};

/** Make one and begin to connect. CRQ_EINVAL (the URL), CRQ_ENOMEM. `loop`
 *  must outlive it. */
int crq_async_new(struct ev_loop *loop, const struct crq_async_options *options,
        struct crq_async **out, crq_error *err) CRQ_MUST_CHECK;

/** Close it. What is pending gets no callback. Not from a callback. */
void crq_async_free(struct crq_async *async);

/** Before the end: every pending call, waiting scripts too, gets its callback
 *  now, with CRQ_ELOST, and is forgotten. Not from a callback. */
void crq_async_abandon(struct crq_async *async);

bool crq_async_is_up(const struct crq_async *async);
/** Calls that have no answer yet. */
size_t crq_async_pending(const struct crq_async *async);
/** Where it connects to, for messages. */
const char *crq_async_address(const struct crq_async *async);

/**
 * Send a command. block_ms: how long Redis may hold its answer back; 0 for
 * commands that do not block, -1: for ever. While the link is down the
 * callback says CRQ_ECONNECT. `reply` may be NULL: nobody cares.
 * Only CRQ_ENOMEM is returned; there is no callback then.
 */
int crq_async_send(struct crq_async *async, const struct crq_args *args,
        int64_t block_ms, crq_async_reply *reply, void *arg) CRQ_MUST_CHECK;

/**
 * Run a script; `args` is taken over and left empty. NOSCRIPT loads it. It
 * waits for a link that is down. Only CRQ_ENOMEM is returned.
 */
int crq_async_script(struct crq_async *async, const struct crq_script *script,
        size_t nkeys, struct crq_args *args, crq_async_reply *reply,
        void *arg) CRQ_MUST_CHECK;

/**
 * Send what this turn has gathered now, not at its end. True when the kernel
 * has all of it; else the rest follows by itself.
 */
bool crq_async_flush(struct crq_async *async);

/**
 * In the callback of a script that Redis refused: send it once more in a
 * second, behind what is sent until then. Its callback comes again. For what
 * must be written some time, when Redis is read-only, say, or full, or busy.
 */
void crq_async_again(struct crq_async *async);

#endif
