/* callback.c - callbacks as a job's hash names them: see callback.h. */
#include "model/callback.h"

#include <string.h>

#include "model/fields.h"
#include "model/run_impl.h"

static const struct {
    enum crq_field name, timeout;
} fields[] = {
    [CRQ_EVENT_SUCCESS] = { CRQ_FIELD_SUCCESS_CALLBACK_NAME,
            CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT },
    [CRQ_EVENT_FAILURE] = { CRQ_FIELD_FAILURE_CALLBACK_NAME,
            CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT },
    [CRQ_EVENT_STOPPED] = { CRQ_FIELD_STOPPED_CALLBACK_NAME,
            CRQ_FIELD_STOPPED_CALLBACK_TIMEOUT },
};

const char *crq_callback_name(const struct crq_claimed_job *job,
        crq_event event, int64_t *out_timeout_s)
{
    size_t len = 0;
    const char *name =
            crq_claimed_field(job, crq_field_name(fields[event].name), &len);

    if (name == NULL || len == 0)
        return NULL;
    *out_timeout_s = crq_claimed_number(job, fields[event].timeout,
            CRQ_DEFAULT_CALLBACK_TIMEOUT_S);
    /* What is no text is the name of nothing, but not of what it begins with.
     */
    return strlen(name) == len ? name : "?";
}

size_t crq_recall_words(const struct crq_runref *run, struct crq_args *out)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_args_list(out, run->queue, run->id, run->execution, NULL);
    return nkeys;
}

int crq_recall_read(const crq_reply *reply, struct crq_recalled *out,
        crq_error *err)
{
    int rc = crq_run_check(reply, 1, "recall", err);
    bool held = crq_reply_int(crq_reply_item(reply, 0), 0) == 1;

    if (rc == 0 && held)
        rc = crq_run_check(reply, 5, "recall", err);
    if (rc < 0)
        return rc;
    memset(out, 0, sizeof(*out));
    out->held = held;
    out->on_failure = "";
    if (held) {
        const char *name = crq_reply_text(crq_reply_item(reply, 3), NULL);

        if (name != NULL)
            out->on_failure = name;
        out->failure_timeout_s = crq_reply_int(crq_reply_item(reply, 4),
                CRQ_DEFAULT_CALLBACK_TIMEOUT_S);
        out->data = crq_reply_text(crq_reply_item(reply, 1), &out->data_len);
        out->meta = crq_reply_text(crq_reply_item(reply, 2), &out->meta_len);
    }
    return 0;
}
