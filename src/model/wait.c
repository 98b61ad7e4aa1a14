/*
 * wait.c - waiting for the end of a job.
 *
 * Results arrive in a stream, so the wait is XREAD BLOCK: no polling delay.
 * But a job can also end without one: canceled, deleted, expired, done with
 * result_ttl 0. So the block is cut into slices, and after each the job itself
 * is looked at.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/job.h"
#include "model/keys.h"
#include "model/result.h"
#include "redis/conn.h"

#define SLICE_MS 1000

struct wait {
    crq_job *job;
    char after[48];
    bool passed;    /* there are results that do not count */
    int64_t end_us; /* on the monotonic clock; INT64_MAX: never */
};

static int64_t left_ms(const struct wait *wait)
{
    int64_t now_us = crq_clock_mono_us(crq_conn_clock(wait->job->conn));

    if (wait->end_us == INT64_MAX)
        return INT64_MAX;
    return wait->end_us > now_us ? (wait->end_us - now_us + 999) / 1000 : 0;
}

/* The newest entry after wait->after, waiting up to block_ms for one; *out
 * stays NULL when there is none. */
static int newest_entry(struct wait *wait, int64_t block_ms, crq_result **out,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    struct crq_args args;
    crq_reply *reply = NULL;
    const crq_reply *entries;
    size_t count;
    int rc;

    crq_key(key, CRQ_KEY_RESULTS, wait->job->id);
    crq_args_init(&args);
    crq_args_list(&args, "XREAD", "BLOCK", NULL);
    crq_args_puti(&args, block_ms > 0 ? block_ms : 1); /* 0: for ever */
    crq_args_list(&args, "STREAMS", key, wait->after, NULL);
    rc = crq_conn_command_wait(wait->job->conn, &args, block_ms, &reply, err);
    crq_args_fini(&args);
    if (rc < 0)
        return rc;
    /* [[key, [entry, ...]]], or nil */
    entries = crq_reply_item(crq_reply_item(reply, 0), 1);
    count = crq_reply_count(entries);
    if (count > 0)
        rc = crq_result_of_job(wait->job, crq_reply_item(entries, count - 1),
                out, err);
    crq_reply_free(reply);
    return rc;
}

/* An entry that ends the job: the return of a Retry does not. */
static int final_entry(struct wait *wait, int64_t block_ms, crq_result **out,
        crq_error *err)
{
    crq_result *result = NULL;
    int rc = newest_entry(wait, block_ms, &result, err);

    if (rc < 0 || result == NULL)
        return rc;
    if (crq_result_type_of(result) != CRQ_RESULT_RETRIED) {
        *out = result;
        return 0;
    }
    strcpy(wait->after, crq_result_id(result));
    wait->passed = true;
    crq_result_free(result);
    return 0;
}

/* There will be no other result. One may have come since we looked, or may
 * outlive its job. */
static int last_look(struct wait *wait, const char *why, crq_result **out,
        crq_error *err)
{
    int rc = final_entry(wait, 0, out, err);

    if (rc == 0 && *out == NULL)
        rc = crq_fail(err, CRQ_ENOTFOUND, "job '%.80s' %s", wait->job->id, why);
    return rc;
}

/* What an old RQ left in the hash of a job that has no stream of results. */
static int hash_result(struct wait *wait, crq_result **out, crq_error *err)
{
    crq_result *result = NULL;
    int rc = crq_job_latest_result(wait->job, &result, err);

    if (rc == CRQ_ENOTFOUND)
        return 0;
    if (rc == 0 && crq_result_id(result)[0] == '\0')
        *out = result;
    else
        crq_result_free(result);
    return rc;
}

/* The job has ended. RQ stores that and the result in one transaction, so one
 * that isn't there is gone; unless the end is that of an earlier run. */
static int look_at_end(struct wait *wait, crq_result **out, crq_error *err)
{
    int rc = hash_result(wait, out, err);

    if (rc < 0 || *out != NULL || wait->passed)
        return rc;
    return last_look(wait, "has ended, but its result is gone", out, err);
}

static int look_at_job(struct wait *wait, crq_result **out, crq_error *err)
{
    crq_job *job = wait->job;
    int rc = crq_job_refresh(job, err);

    if (rc == CRQ_ENOTFOUND)
        return last_look(wait,
                "is gone and left no result: it was deleted, expired, or "
                "ended with result_ttl 0",
                out, err);
    if (rc < 0)
        return rc;
    switch (crq_job_status(job)) {
    case CRQ_STATUS_CANCELED:
        return crq_fail(err, CRQ_ESTATE,
                "job '%.80s' is canceled: there will be no result", job->id);
    case CRQ_STATUS_FINISHED:
    case CRQ_STATUS_FAILED:
    case CRQ_STATUS_STOPPED: return look_at_end(wait, out, err);
    default: return 0;
    }
}

static int init(struct wait *wait, crq_job *job, const char *after,
        int64_t timeout_ms, crq_error *err)
{
    int64_t now_us = crq_clock_mono_us(crq_conn_clock(job->conn));

    wait->passed = after != NULL && after[0] != '\0';
    after = wait->passed ? after : "0-0";
    if (strlen(after) >= sizeof(wait->after))
        return crq_fail(err, CRQ_EINVAL, "'%.60s' is no result's id", after);
    wait->job = job;
    strcpy(wait->after, after);
    wait->end_us = timeout_ms < 0 || timeout_ms > (INT64_MAX - now_us) / 1000
            ? INT64_MAX
            : now_us + timeout_ms * 1000;
    return 0;
}

static int timed_out(const crq_job *job, int64_t timeout_ms, crq_error *err)
{
    bool seconds = timeout_ms % 1000 == 0;

    return crq_fail(err, CRQ_ETIMEOUT, "job '%.80s' is still %s after %lld %s",
            job->id, crq_job_status_text(job),
            (long long)(seconds ? timeout_ms / 1000 : timeout_ms),
            seconds ? "s" : "ms");
}

int crq_job_wait(crq_job *job, const char *after, int64_t timeout_ms,
        crq_result **out, crq_error *err)
{
    struct wait wait;
    crq_result *result = NULL;
    int64_t block_ms = 0; /* the first look is short: it may have ended */
    int rc = init(&wait, job, after, timeout_ms, err);

    while (rc == 0 && result == NULL) {
        rc = final_entry(&wait, block_ms, &result, err);
        if (rc == 0 && result == NULL)
            rc = look_at_job(&wait, &result, err);
        if (rc < 0 || result != NULL)
            break;
        block_ms = left_ms(&wait);
        if (block_ms == 0)
            rc = timed_out(job, timeout_ms, err);
        block_ms = block_ms < SLICE_MS ? block_ms : SLICE_MS;
    }
    if (rc < 0)
        return rc;
    /* The job shows how it ended; one that is gone stays as it was, and a link
     * that broke now takes no result away. */
    if (crq_job_refresh(job, NULL) == CRQ_ENOMEM) {
        crq_result_free(result);
        return crq_fail_nomem(err);
    }
    *out = result;
    return 0;
}
