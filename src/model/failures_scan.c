/*
 * failures_scan.c - causes of failures, of the jobs that are there.
 *
 * For what RQ's workers ran nobody has counted. So the newest failed jobs are
 * looked at, in steps that hold up Redis for less than a millisecond each, and
 * of each only the beginning of its call and the last error.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "codec/zip.h"
#include "model/call.h"
#include "model/failures_impl.h"
#include "model/fields.h"
#include "model/filter.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

#define LIMIT_MAX   1000
#define STEP        50
#define DATA_BYTES  2048
#define ERROR_BYTES 65536  /* packed */
#define TEXT_BYTES  262144 /* unpacked */

/* base64(zlib(text)), as results have it. What can't be read is no cause. */
static int read_error(struct crq_cause *cause, const char *packed, size_t len)
{
    struct crq_buf bytes = CRQ_BUF_INIT, text;
    int rc;

    crq_buf_init(&text, TEXT_BYTES);
    rc = crq_base64_decode(packed, len, &bytes, NULL);
    if (rc == 0)
        rc = crq_zip_inflate(bytes.data, bytes.len, &text, NULL);
    if (rc == 0)
        crq_cause_read(cause, crq_buf_text(&text), text.len);
    crq_buf_fini(&bytes);
    crq_buf_fini(&text);
    return rc == CRQ_ENOMEM ? rc : 0;
}

static int read_func(struct crq_cause *cause, const char *data, size_t len)
{
    struct crq_buf func = CRQ_BUF_INIT;
    int rc = crq_payload_func_peek(data, len, &func, NULL);

    if (rc == 0)
        crq_cause_text(cause->func, func.data, func.len);
    crq_buf_fini(&func);
    return rc == CRQ_ENOMEM ? rc : 0;
}

/* Only CRQ_ENOMEM. */
static int read_job(struct crq_cause *cause, const crq_reply *job,
        const char *queue)
{
    const char *id = crq_text_of(crq_reply_item(job, 0));
    const char *ended = crq_text_of(crq_reply_item(job, 2)), *bytes;
    size_t len;
    int rc = 0;

    memset(cause, 0, sizeof(*cause));
    cause->times = 1;
    strcpy(cause->queue, queue);
    if (id != NULL && strlen(id) <= CRQ_NAME_MAX)
        strcpy(cause->job, id);
    if (ended != NULL &&
            crq_timetext_get(ended, strlen(ended), &cause->last_us, NULL) < 0)
        cause->last_us = 0;
    bytes = crq_reply_text(crq_reply_item(job, 1), &len);
    if (bytes != NULL && len > 0)
        rc = read_func(cause, bytes, len);
    bytes = crq_reply_text(crq_reply_item(job, 3), &len);
    if (rc == 0 && bytes != NULL && len > 0)
        rc = read_error(cause, bytes, len);
    return rc;
}

static int look(crq_conn *conn, const char *queue, size_t from, size_t to,
        crq_reply **out, crq_error *err)
{
    struct crq_args args;
    char key[CRQ_KEY_MAX];
    int rc;

    crq_args_init(&args);
    crq_key(key, CRQ_KEY_FAILED, queue);
    crq_args_list(&args, key, crq_key_pattern(CRQ_KEY_JOB),
            crq_key_pattern(CRQ_KEY_RESULTS), NULL);
    crq_args_puti(&args, (int64_t)from);
    crq_args_puti(&args, (int64_t)to);
    crq_args_puti(&args, DATA_BYTES);
    crq_args_puti(&args, ERROR_BYTES);
    rc = crq_script_call(conn, &crq_script_failed, 1, &args, out, err);
    crq_args_fini(&args);
    return rc;
}

static int scan(crq_conn *conn, const char *queue, size_t limit,
        crq_failures *f, crq_error *err)
{
    struct crq_cause cause;
    size_t count = STEP;
    int rc = 0;

    for (size_t from = 0; rc == 0 && count == STEP && from < limit;
            from += STEP) {
        size_t to = from + STEP < limit ? from + STEP : limit;
        crq_reply *jobs = NULL;

        rc = look(conn, queue, from, to - 1, &jobs, err);
        count = crq_reply_count(jobs);
        for (size_t i = 0; rc == 0 && i < count; i++) {
            rc = read_job(&cause, crq_reply_item(jobs, i), queue);
            if (rc < 0 || crq_failures_add(f, &cause) == NULL)
                rc = crq_fail_nomem(err);
        }
        crq_reply_free(jobs);
    }
    return rc;
}

int crq_failures_scan(crq_conn *conn, const char *queue, size_t limit,
        crq_failures **out, crq_error *err)
{
    crq_failures *f;
    int rc = crq_queue_name_check(queue, err);

    if (rc < 0)
        return rc;
    if (limit < 1 || limit > LIMIT_MAX)
        return crq_fail(err, CRQ_EINVAL, "limit: 1 to %d", LIMIT_MAX);
    f = crq_calloc(1, sizeof(*f));
    if (f == NULL)
        return crq_fail_nomem(err);
    rc = scan(conn, queue, limit, f, err);
    if (rc < 0) {
        crq_failures_free(f);
        return rc;
    }
    crq_failures_sort(f);
    *out = f;
    return 0;
}

/* ---- which have failed with this ---- */

static int match(const crq_reply *found, const char *pattern, size_t count,
        bool *out, crq_error *err)
{
    struct crq_cause cause;

    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        const char *packed = crq_reply_text(crq_reply_item(found, i), &len);

        memset(&cause, 0, sizeof(cause));
        if (len > 0 && read_error(&cause, packed, len) < 0)
            return crq_fail_nomem(err);
        out[i] = crq_is_like(cause.name, pattern);
    }
    return 0;
}

int crq_failures_match(crq_conn *conn, const char *pattern, char *const *ids,
        size_t count, bool *out, crq_error *err)
{
    struct crq_args args;
    crq_reply *found = NULL;
    char key[CRQ_KEY_MAX];
    int rc = 0;

    for (size_t from = 0; rc == 0 && from < count; from += STEP) {
        size_t n = count - from < STEP ? count - from : STEP;

        crq_args_init(&args);
        for (size_t i = 0; i < n; i++) {
            crq_key(key, CRQ_KEY_RESULTS, ids[from + i]);
            crq_args_puts(&args, key);
        }
        crq_args_puti(&args, ERROR_BYTES);
        rc = crq_script_call(conn, &crq_script_errors, n, &args, &found, err);
        if (rc == 0)
            rc = match(found, pattern, n, out + from, err);
        crq_reply_free(found);
        found = NULL;
        crq_args_fini(&args);
    }
    return rc;
}
