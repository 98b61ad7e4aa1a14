/*
 * webhook.h - the webhooks that a job carries, and what is sent for them.
 *
 * Source: RQ 2.10, rq/webhook.py. The request is the one that Python's urllib
 * makes for RQ, but for its User-Agent. No I/O here.
 */
#ifndef CRQ_MODEL_WEBHOOK_H
#define CRQ_MODEL_WEBHOOK_H

#include <crq.h>

#include "base/buf.h"

#define CRQ_HOOKS_MAX 100 /* of one job; more void the list */

/** One request to be made. */
struct crq_hook {
    char *url;
    bool failed; /* when the job has failed, else when it is finished */
    bool post;
    int64_t timeout_s;
    char *headers; /* "Name: value" lines, each ending in '\n' */
    char *problem; /* why it can't be sent; NULL: it can */
};

struct crq_hooks {
    struct crq_hook *items;
    size_t count;
};

/**
 * Read the field `webhooks` of a job. As in RQ, one bad entry voids the list:
 * CRQ_ECODEC, and CRQ_ENOMEM. A header that cannot be sent is the `problem` of
 * its entry only. Freed with crq_hooks_fini(), also when it was zeroed only.
 */
int crq_hooks_decode(const char *json, size_t len, struct crq_hooks *out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_hooks_fini(struct crq_hooks *hooks);

/** What a request says of its job. */
struct crq_hook_job {
    const char *id, *func;
    int64_t enqueued_us, ended_us; /* CRQ_UNSET: null */
    const char *error;             /* NULL: it is finished */
};

/** Append the body of a POST. CRQ_EUNSUPPORTED: texts that are no UTF-8. */
int crq_hook_body(const struct crq_hook_job *job, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Append scheme and host of a URL, for logs: what else is in it may be
 *  secret. Returns out->rc. */
int crq_hook_put_site(const char *url, struct crq_buf *out);

#endif
