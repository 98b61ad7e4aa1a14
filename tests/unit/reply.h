/*
 * reply.h - replies of Redis made by hand, for tests without a server.
 */
#ifndef REPLY_H
#define REPLY_H

#include "base/buf.h"
#include "redis/reply.h"

/* Put parts of a reply as Redis writes them (RESP). An array's items follow
 * its head. */
void reply_put_array(struct crq_buf *resp, size_t count);
void reply_put_text(struct crq_buf *resp, const void *bytes, size_t len);

/** The reply that was put, and the buffer emptied. Fails the test when the
 *  bytes are none. */
crq_reply *reply_take(struct crq_buf *resp);

/** An array of texts, up to NULL: names and values of a hash, say. */
crq_reply *reply_texts(const char *first, ...) __attribute__((sentinel));

#endif
