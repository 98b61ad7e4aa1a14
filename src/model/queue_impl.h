/* queue_impl.h - what queue.c gives to queue_many.c. */
#ifndef CRQ_MODEL_QUEUE_IMPL_H
#define CRQ_MODEL_QUEUE_IMPL_H

#include "model/fields.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/args.h"
#include "redis/script.h"

/** How a job gets to where it waits. */
struct crq_placing {
    const struct crq_script *script;
    size_t nkeys;
    crq_status status; /* as it is given to the script */
    int64_t when_us;   /* scheduled: due */
    bool hold;         /* deferred, whatever its dependencies are */
};

/** A call made ready. */
struct crq_prepared {
    char id[CRQ_NAME_MAX + 1];
    struct crq_fields fields;
    const crq_call *call; /* as crq_call_read() gives it */
    crq_call read;
};

/** The time, as the connection has it. */
int64_t crq_now_of(const crq_queue *queue);

/** Check the call, choose the script for it, fill the fields, which the caller
 *  ends in every case: `job->fields` must be initialised. */
int crq_prepare(const crq_queue *queue, int64_t now_us, const crq_call *call,
        struct crq_placing *placing, struct crq_prepared *job,
        crq_error *err) CRQ_MUST_CHECK;

/** The words of the script's call. */
void crq_placing_words(const crq_queue *queue,
        const struct crq_placing *placing, const struct crq_prepared *job,
        struct crq_args *args);

/** What the script returned, as a code. out_deferred may be NULL. */
int crq_placing_saved(const crq_reply *reply, const char *id,
        bool *out_deferred, crq_error *err) CRQ_MUST_CHECK;

/** enqueue.lua: the placing of most jobs. */
extern const struct crq_placing crq_placing_now;

#endif
