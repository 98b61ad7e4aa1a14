/* webhooks.c - the webhooks of a run: see webhooks.h. */
#include "workers/webhooks.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/webhook.h"

struct webhooks {
    struct crq_hooks hooks;
    int64_t enqueued_us; /* CRQ_UNSET: not told */
    char *error;         /* NULL: none, or no memory for it */
};

void webhooks_free(struct webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    crq_hooks_fini(&webhooks->hooks);
    crq_free(webhooks->error);
    crq_free(webhooks);
}

int webhooks_new(struct worker *w, const struct crq_claimed_job *job,
        struct webhooks **out)
{
    size_t len = 0, when_len = 0;
    const char *json =
            crq_claimed_field(job, crq_field_name(CRQ_FIELD_WEBHOOKS), &len);
    const char *when = crq_claimed_field(job,
            crq_field_name(CRQ_FIELD_ENQUEUED_AT), &when_len);
    struct webhooks *webhooks;
    crq_error err;
    int rc;

    *out = NULL;
    if (json == NULL || len == 0)
        return 0;
    webhooks = crq_calloc(1, sizeof(*webhooks));
    if (webhooks == NULL)
        return CRQ_ENOMEM;
    rc = crq_hooks_decode(json, len, &webhooks->hooks, &err);
    if (rc < 0) {
        crq_free(webhooks);
        if (rc == CRQ_ENOMEM)
            return rc;
        crq_log_warn(w->log, "job %s: its webhooks can't be read: %s",
                job->run.id, err.text);
        return 0;
    }
    if (when == NULL ||
            crq_timetext_get(when, when_len, &webhooks->enqueued_us, NULL) < 0)
        webhooks->enqueued_us = CRQ_UNSET;
    *out = webhooks;
    return 0;
}

void webhooks_keep(struct worker *w, struct run *run,
        const struct crq_finish *how)
{
    struct webhooks *webhooks = run->webhooks;

    if (webhooks == NULL || how->error == NULL)
        return;
    crq_free(webhooks->error);
    webhooks->error = crq_memdup(how->error, how->error_len);
    if (webhooks->error == NULL)
        crq_log_warn(w->log, "job %s: no memory for what its webhooks say",
                run->id);
}

static void send_one(struct worker *w, const struct run *run,
        const struct crq_hook *hook)
{
    const struct webhooks *webhooks = run->webhooks;
    struct crq_hook_job job = { .id = run->id,
        .func = run->func,
        .enqueued_us = webhooks->enqueued_us,
        .ended_us = run->ended_us,
        .error = !hook->failed            ? NULL
                : webhooks->error != NULL ? webhooks->error
                                          : "" };
    struct crq_buf body = CRQ_BUF_INIT, site = CRQ_BUF_INIT;
    crq_error err = { 0, "" };
    int rc = 0;

    crq_hook_put_site(hook->url, &site);
    if (hook->problem != NULL)
        rc = crq_fail(&err, CRQ_EINVAL, "%s", hook->problem);
    else if (hook->post && run->func == NULL)
        rc = crq_fail(&err, CRQ_ECODEC, "the job's data can't be read");
    else if (hook->post)
        rc = crq_hook_body(&job, &body, &err);
    if (rc == 0) {
        struct errand errand = { run->id, crq_buf_text(&site), hook->url,
            hook->headers, hook->post ? crq_buf_text(&body) : NULL, body.len,
            hook->timeout_s };

        courier_send(w, &errand);
    } else {
        crq_log_warn(w->log, "job %s: webhook to %s: %s", run->id,
                crq_buf_text(&site), err.text);
    }
    crq_buf_fini(&body);
    crq_buf_fini(&site);
}

void webhooks_send(struct worker *w, const struct run *run,
        enum crq_finished state)
{
    const struct webhooks *webhooks = run->webhooks;

    if (webhooks == NULL ||
            (state != CRQ_FINISHED_OK && state != CRQ_FINISHED_FAILED))
        return;
    for (size_t i = 0; i < webhooks->hooks.count; i++)
        if (webhooks->hooks.items[i].failed == (state == CRQ_FINISHED_FAILED))
            send_one(w, run, &webhooks->hooks.items[i]);
}
