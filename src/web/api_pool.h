/*
 * api_pool.h - processes that answer requests to the REST interface.
 *
 * api_handle() waits for Redis, which the gateway's loop must not. So it runs
 * in a few helper processes, each with a connection of its own and one request
 * at a time. What comes while all have one waits in a queue with an end.
 *
 * What takes time (api_takes_time()) waits in a queue of its own, and one
 * helper leaves it to the others: a look is never behind a bulk operation.
 */
#ifndef CRQ_WEB_API_POOL_H
#define CRQ_WEB_API_POOL_H

#include <crq.h>

#include "base/log.h"
#include "web/api_frame.h"

struct ev_loop;
struct api_pool;

enum api_end {
    API_ANSWERED,
    API_BUSY, /* no helper had time for it: nothing was done */
    API_DIED, /* its helper did: it may have been done */
    API_HUNG  /* no answer in time, its helper was killed: the same */
};

/** Told once, from the loop, never before api_pool_ask() has returned.
 *  `answer` is borrowed, and NULL unless `end` is API_ANSWERED. */
typedef void api_done(void *arg, enum api_end end,
        const struct api_answer *answer);

/**
 * Start the helpers: forks. `loop` is the default one, and outlives it; `url`
 * is borrowed, and so is what `api`, the helpers' own, names; its connection is
 * theirs to make. CRQ_EIO, CRQ_ENOMEM.
 */
int api_pool_new(struct ev_loop *loop, const char *url, struct api api,
        const struct crq_log *log, struct api_pool **out,
        crq_error *err) CRQ_MUST_CHECK;
/** Who waits is not told. */
void api_pool_free(struct api_pool *pool);

/**
 * Ask one question; it is copied.
 *
 * CRQ_ELIMIT: too many wait; `done` is not called. CRQ_ENOMEM: the same.
 */
int api_pool_ask(struct api_pool *pool, const struct api_question *question,
        api_done *done, void *arg) CRQ_MUST_CHECK;

#endif
