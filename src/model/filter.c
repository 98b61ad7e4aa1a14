/* filter.c - which jobs a filter describes. */
#include "model/filter.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/call.h"

bool crq_is_like(const char *text, const char *pattern)
{
    const char *star = NULL, *retry = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++retry;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* Of several times the first that is known. */
static int64_t since(const crq_job *job)
{
    int64_t times[] = { CRQ_UNSET, crq_job_enqueued_us(job),
        crq_job_created_us(job) };

    switch (crq_job_status(job)) {
    case CRQ_STATUS_STARTED: times[0] = crq_job_started_us(job); break;
    case CRQ_STATUS_FINISHED:
    case CRQ_STATUS_FAILED:
    case CRQ_STATUS_STOPPED: times[0] = crq_job_ended_us(job); break;
    case CRQ_STATUS_DEFERRED:
    case CRQ_STATUS_SCHEDULED: times[0] = crq_job_created_us(job); break;
    default: break;
    }
    for (size_t i = 0; i < 3; i++)
        if (times[i] != CRQ_UNSET)
            return times[i];
    return CRQ_UNSET;
}

/* What can't be read is of no known function. */
static int has_func(const char *pattern, const crq_job *job, crq_error *err)
{
    struct crq_buf func = CRQ_BUF_INIT;
    size_t len;
    const char *data = crq_job_field(job, "data", &len);
    int rc = crq_payload_func_peek(data, len, &func, NULL);

    if (rc == CRQ_ENOMEM)
        rc = crq_fail_nomem(err);
    else
        rc = rc == 0 && crq_is_like(crq_buf_text(&func), pattern);
    crq_buf_fini(&func);
    return rc;
}

static bool is(const char *text, const char *want)
{
    return want == NULL || (text != NULL && strcmp(text, want) == 0);
}

int crq_filter_check(const crq_filter *filter, crq_error *err)
{
    if (filter->size != sizeof(*filter))
        return crq_fail(err, CRQ_EINVAL, "start from CRQ_FILTER_INIT");
    if (filter->older_than_us != CRQ_UNSET && filter->older_than_us < 0)
        return crq_fail(err, CRQ_EINVAL, "older_than_us is below 0");
    return 0;
}

int crq_filter_match(const crq_filter *filter, const crq_job *job,
        int64_t now_us, crq_error *err)
{
    int64_t us;

    if (filter->statuses != 0 &&
            (filter->statuses & 1 << crq_job_status(job)) == 0)
        return 0;
    if (!is(crq_job_origin(job), filter->queue) ||
            !is(crq_job_group_id(job), filter->group))
        return 0;
    if (filter->older_than_us != CRQ_UNSET) {
        us = since(job);
        if (us == CRQ_UNSET || us > now_us - filter->older_than_us)
            return 0;
    }
    return filter->func == NULL ? 1 : has_func(filter->func, job, err);
}
