/* stream.h - a link with its buffers: commands in, replies out. */
#ifndef CRQ_REDIS_STREAM_H
#define CRQ_REDIS_STREAM_H

#include <crq.h>

#include "base/buf.h"
#include "redis/args.h"
#include "redis/link.h"
#include "redis/reply.h"

struct redisReader;

struct crq_stream {
    const char *address; /* for error texts, borrowed */
    struct crq_link link;
    struct redisReader *reader;
    struct crq_buf out; /* commands; the first `sent` bytes are gone */
    size_t sent;
    struct crq_buf in; /* replies; the reader has the first `fed` bytes */
    size_t fed;
    crq_error failure; /* why the link broke; code 0: it didn't */
};

void crq_stream_init(struct crq_stream *stream, const char *address);
void crq_stream_fini(struct crq_stream *stream);

/** Connect, as crq_link_open(). Forgets the failure of the link before. */
int crq_stream_open(struct crq_stream *stream, const struct crq_url *url,
        int64_t deadline_us, crq_error *err) CRQ_MUST_CHECK;
/** Close, and drop all that is buffered. The failure can still be read. */
void crq_stream_close(struct crq_stream *stream);

/** Whether the idle link is open and has no bytes that nobody asked for, which
 *  would pass for the next reply. */
bool crq_stream_is_good(const struct crq_stream *stream);

/** Add a command, to be sent by what comes next. On a link that broke it goes
 *  nowhere. CRQ_ENOMEM: it was not added. */
int crq_stream_put(struct crq_stream *stream, const struct crq_args *head,
        const struct crq_args *args, crq_error *err) CRQ_MUST_CHECK;

/** Send while a lot is waiting. Failures show in crq_stream_next(). */
void crq_stream_drain(struct crq_stream *stream, int64_t wait_ms);

/**
 * Send what is waiting and take the next reply. When the link breaks, replies
 * that had come are still given; then it is stream->failure: CRQ_ELOST,
 * CRQ_ETIMEOUT after wait_ms of silence, or CRQ_ENOMEM.
 */
int crq_stream_next(struct crq_stream *stream, int64_t wait_ms,
        crq_reply **out) CRQ_MUST_CHECK;

#endif
