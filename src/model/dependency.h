/*
 * dependency.h - jobs that wait for others, beyond what enqueue and finish do.
 *
 * Functions ..._words() and ..._read() as in run.h. The scripts are safe to
 * repeat.
 */
#ifndef CRQ_MODEL_DEPENDENCY_H
#define CRQ_MODEL_DEPENDENCY_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"

/**
 * Go on with the dependents of jobs that ended with more of them than one
 * script promotes: crq_script_promote_rest. Whoever ended such a job
 * (crq_finish_promotes()) calls it until nothing is left; every worker calls
 * it once in a while, for those who died on the way.
 */
size_t crq_promote_rest_words(struct crq_args *out, int64_t now_us);
/** *out_left: how many are left at least, 0: nothing is to be done. CRQ_ECODEC
 *  for a reply that isn't the script's. */
int crq_promote_rest_read(const crq_reply *reply, int64_t *out_left,
        crq_error *err) CRQ_MUST_CHECK;

/** The same over a connection, call by call until nothing is left; after very
 *  many calls the rest is left to a worker, as it is after a failure: who has
 *  done what else there was to do may ignore one. */
int crq_promote_rest(crq_conn *conn, crq_error *err);

/**
 * Look again at jobs that are deferred: crq_script_settle. Each whose
 * dependencies are met, as when the last one ends, is enqueued; one that does
 * not exist counts as met. At most a hundred ids a call.
 */
size_t crq_settle_start(struct crq_args *out, int64_t now_us);
void crq_settle_add(struct crq_args *out, const char *id);
int crq_settle_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;
/** Whether job i was enqueued. */
bool crq_settle_enqueued(const crq_reply *reply, size_t i);
/** Why nothing could be done about job i; NULL: it could. Borrowed. */
const char *crq_settle_why(const crq_reply *reply, size_t i);

#endif
