/* queue.h - the inside of a queue. The functions are public: crq.h. */
#ifndef CRQ_MODEL_QUEUE_H
#define CRQ_MODEL_QUEUE_H

#include <crq.h>

#include "model/keys.h"
#include "redis/args.h"

/* The job's field with the channel that finish.lua tells of its end. */
#define CRQ_REPLY_FIELD "crq_reply"

struct crq_queue {
    crq_conn *conn; /* borrowed */
    char *name;
};

/** CRQ_EINVAL unless the text can be a queue's name: UTF-8, not empty, at
 *  most CRQ_NAME_MAX bytes, no control characters. */
int crq_queue_name_check(const char *name, crq_error *err) CRQ_MUST_CHECK;

/**
 * What crq_queue_enqueue() sends, for who has a connection of another kind: the
 * words of crq_script_enqueue, of which the first CRQ_ENQUEUE_KEYS are keys.
 * Its reply is 0 when the id of a call that is `unique` is taken, else above.
 *
 * reply_to  the channel to tell of the job's end, or NULL
 * out_id    the job's id
 *
 * Errors as of crq_queue_enqueue(), as far as Redis is not asked for them.
 */
#define CRQ_ENQUEUE_KEYS 3
int crq_queue_enqueue_words(const char *queue, const crq_call *call,
        int64_t now_us, const char *reply_to, char out_id[CRQ_NAME_MAX + 1],
        struct crq_args *out, crq_error *err) CRQ_MUST_CHECK;

#endif
