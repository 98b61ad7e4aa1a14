/*
 * webhooks.h - telling the world how jobs ended, without waiting for it.
 *
 * What a job carries is kept with its run; when its final state is stored, the
 * requests go to crq-courier, a process of its own, which is started when there
 * is a first one. Nothing here changes a job.
 */
#ifndef CRQ_WORKERS_WEBHOOKS_H
#define CRQ_WORKERS_WEBHOOKS_H

#include "workers/worker.h"

/** What of a claimed job is kept for its webhooks; NULL for one without. A list
 *  that can't be read is logged and counts as none. CRQ_ENOMEM. */
int webhooks_new(struct worker *w, const struct crq_claimed_job *job,
        struct webhooks **out) CRQ_MUST_CHECK;
void webhooks_free(struct webhooks *webhooks);
/** The run ends so: keep what a webhook will say of it. */
void webhooks_keep(struct worker *w, struct run *run,
        const struct crq_finish *how);
/** The end is stored. */
void webhooks_send(struct worker *w, const struct run *run,
        enum crq_finished state);

/* courier.c */

/** A request; the texts are borrowed. `job_id` and `site` are for the log. */
struct errand {
    const char *job_id, *site, *url, *headers;
    const char *body; /* NULL: GET */
    size_t body_len;
    int64_t timeout_s;
};
void courier_init(struct worker *w);
void courier_fini(struct worker *w);
/** Have it sent; what comes of it is logged. */
void courier_send(struct worker *w, const struct errand *errand);
/** Whether the worker's end has to wait for requests on their way: for some
 *  seconds it has, then they are given up. */
bool courier_owes(struct worker *w);
/** Whether a child process is the courier. */
bool courier_is(const struct worker *w, pid_t pid);

#endif
