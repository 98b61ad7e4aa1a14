/* many.h - many commands in one round trip. */
#ifndef CRQ_REDIS_MANY_H
#define CRQ_REDIS_MANY_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"

/** Put the words of command i; none at all: there is no command i. */
typedef void crq_many_words(void *arg, size_t i, struct crq_args *args);
/** Take its reply, which may be an error of Redis's (a key of another type,
 *  mostly). Below 0 is a failure, with *err filled. */
typedef int crq_many_reply(void *arg, size_t i, const crq_reply *reply,
        crq_error *err);

/** Ask `count` commands. Whatever fails, the connection is left in order. The
 *  first failure counts; replies behind it are not given. */
int crq_many_ask(crq_conn *conn, size_t count, crq_many_words *words,
        crq_many_reply *take, void *arg, crq_error *err) CRQ_MUST_CHECK;

#endif
