/*
 * api_idempotency.h - Idempotency-Key: a request that is sent again, because
 * its answer got lost, does not add a second job.
 *
 * The job's id is made of the key: "idem-" and the first 40 hex digits of the
 * SHA-256 of the caller's name, a NUL and the key. Jobs with such ids are
 * enqueued `unique`, which alone keeps out a second one while the first is
 * there. Beside it crq:idempotency:<those digits> says for a day which request
 * the key belongs to, and whether its job was written: so that another request
 * with the same key is refused, and a job that has come and gone is not
 * enqueued again.
 */
#ifndef CRQ_WEB_API_IDEMPOTENCY_H
#define CRQ_WEB_API_IDEMPOTENCY_H

#include <crq.h>

#include "web/api.h"

#define API_KEY_MAX       255 /* bytes of an Idempotency-Key */
#define API_DIGEST_LEN    40
#define API_DIGEST_JOB_ID (5 + API_DIGEST_LEN)

struct api_idempotency {
    char digest[API_DIGEST_LEN + 1]; /* of caller and key */
    char job_id[API_DIGEST_JOB_ID + 1];
    char request[API_DIGEST_LEN + 1]; /* of the body */
};

enum api_idempotent {
    API_FIRST,    /* nothing was written for this key, as far as is known */
    API_WRITTEN,  /* the job was written */
    API_DIFFERENT /* the key belongs to another request */
};

/** The ids of a request that has a key. CRQ_EINVAL: the key is empty, longer
 *  than API_KEY_MAX, or has other than printable ASCII characters. */
int api_idempotency_init(struct api_idempotency *idem,
        const struct api_request *req, crq_error *err) CRQ_MUST_CHECK;

/** Claim the key for this request, or find what it was used for. */
int api_idempotency_begin(crq_conn *conn, const struct api_idempotency *idem,
        enum api_idempotent *out, crq_error *err) CRQ_MUST_CHECK;

/** The job was written. */
int api_idempotency_end(crq_conn *conn, const struct api_idempotency *idem,
        crq_error *err) CRQ_MUST_CHECK;

#endif
