/*
 * operate.h - cancel, requeue, delete, move: the words and replies of the
 * scripts that do something to jobs from outside.
 *
 * Functions work as those of run.h. One call takes many ids; each job is
 * judged by what it is in Redis at that moment.
 */
#ifndef CRQ_MODEL_OPERATE_H
#define CRQ_MODEL_OPERATE_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"
#include "redis/script.h"

/** The script of an operation; NULL for those that have none: NONE, STOP. */
const struct crq_script *crq_operate_script(crq_operation operation);

/** `queue`: of a move, else NULL. The number of keys. */
size_t crq_operate_start(struct crq_args *out, unsigned flags,
        const char *queue, int64_t now_us);
void crq_operate_add(struct crq_args *out, const char *id);

int crq_operate_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * What became of job i: 0, CRQ_ENOTFOUND, CRQ_ESTATE or CRQ_EREDIS, with *err
 * filled. Neither fails the other jobs of the call.
 */
int crq_operate_state(const crq_reply *reply, size_t i, const char *id,
        crq_error *err) CRQ_MUST_CHECK;

#endif
