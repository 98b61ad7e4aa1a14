/*
 * registry.h - which jobs are where: the ids of a queue by status, and counts.
 * More of it is public: crq.h.
 */
#ifndef CRQ_MODEL_REGISTRY_H
#define CRQ_MODEL_REGISTRY_H

#include <crq.h>

#include "model/keys.h"

/** Numbers of jobs of one queue. Entries whose time has passed and that only
 *  wait for maintenance are not counted, as in RQ. */
struct crq_counts {
    int64_t queued, started, finished, failed, deferred, scheduled, canceled;
};

/** The counts of several queues in one round trip; `out` has one for each. */
int crq_registry_counts(crq_conn *conn, char *const *queues, size_t count,
        struct crq_counts *out, crq_error *err) CRQ_MUST_CHECK;

/**
 * Ids of a queue's jobs of one status, from `offset` on, at most `limit`, in
 * the order of the list or the score; job ids only (executions are cut off).
 * Stopped and failed jobs share a registry. out_total may be NULL.
 * CRQ_EINVAL for a status that has no list.
 */
int crq_registry_ids(crq_conn *conn, const char *queue, crq_status status,
        int64_t offset, int64_t limit, char ***out, size_t *out_count,
        int64_t *out_total, crq_error *err) CRQ_MUST_CHECK;

/** Fetch many jobs in one pipeline; out[i] is NULL where there is none.
 *  Freed one by one. `out` has room for `count`. */
int crq_jobs_fetch(crq_conn *conn, char *const *ids, size_t count,
        crq_job **out, crq_error *err) CRQ_MUST_CHECK;

#endif
