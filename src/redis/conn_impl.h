/* conn_impl.h - what conn.c gives to script.c and nobody else. */
#ifndef CRQ_REDIS_CONN_IMPL_H
#define CRQ_REDIS_CONN_IMPL_H

#include "redis/conn.h"

/** As crq_conn_command() for the words of `head` (may be NULL) and `args`; an
 *  error reply comes back as a reply. */
int crq_conn_call(crq_conn *conn, const struct crq_args *head,
        const struct crq_args *args, int64_t wait_ms, crq_reply **out,
        crq_error *err) CRQ_MUST_CHECK;

/** As crq_conn_append() for the words of `head` and `args`. */
int crq_conn_append_words(crq_conn *conn, const struct crq_args *head,
        const struct crq_args *args, crq_error *err) CRQ_MUST_CHECK;

/** As crq_conn_reply_error(), with the server's address in the text. */
int crq_conn_refusal(const crq_conn *conn, const crq_reply *reply,
        crq_error *err);

/** Give a reply to who asked: `reply` is taken over, and `out` may be NULL. An
 *  error reply becomes the failure that crq_conn_refusal() says. */
int crq_conn_settle(const crq_conn *conn, crq_reply *reply, crq_reply **out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
