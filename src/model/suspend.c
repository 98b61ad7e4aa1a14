/*
 * suspend.c - all workers pause, and go on.
 *
 * Source: RQ 2.10, rq/suspension.py.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "model/keys.h"
#include "redis/conn.h"

/* Redis takes times of which the microseconds are no int64_t. */
#define LEFT_MAX_MS INT64_C(1000000000000000)

int crq_suspend(crq_conn *conn, int64_t seconds, crq_error *err)
{
    char key[CRQ_KEY_MAX], text[24];

    crq_key(key, CRQ_KEY_SUSPENDED, NULL);
    if (seconds == CRQ_UNSET)
        return crq_conn_run(conn, NULL, err, "SET", key, "1", NULL);
    if (seconds < 1)
        return crq_fail(err, CRQ_EINVAL,
                "the workers can be suspended for a second or more");
    /* One command where RQ sends two: never suspended for ever by half. */
    snprintf(text, sizeof(text), "%" PRId64, seconds);
    return crq_conn_run(conn, NULL, err, "SET", key, "1", "EX", text, NULL);
}

int crq_resume(crq_conn *conn, crq_error *err)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_SUSPENDED, NULL);
    return crq_conn_run(conn, NULL, err, "DEL", key, NULL);
}

int crq_is_suspended(crq_conn *conn, bool *out, int64_t *out_left_s,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int64_t ttl;
    int rc;

    crq_key(key, CRQ_KEY_SUSPENDED, NULL);
    rc = crq_conn_run(conn, &reply, err, "PTTL", key, NULL);
    if (rc < 0)
        return rc;
    /* -2: there is no such key, -1: it does not expire. */
    ttl = crq_reply_int(reply, -2);
    crq_reply_free(reply);
    *out = ttl != -2;
    ttl = ttl < LEFT_MAX_MS ? ttl : LEFT_MAX_MS;
    if (ttl != -2 && out_left_s != NULL)
        *out_left_s = ttl < 0 ? -1 : (ttl + 999) / 1000;
    return 0;
}
