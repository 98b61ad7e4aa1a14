/*
 * metrics.h - numbers for Prometheus: what is in Redis, and the gateway's own.
 *
 * Only what is cheap: lengths of lists and sets, heads of lists, records of
 * workers, what workers have counted, INFO. No scan, so a million jobs take no
 * longer than one.
 */
#ifndef CRQ_WEB_METRICS_H
#define CRQ_WEB_METRICS_H

#include <crq.h>

#include "base/buf.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The gateway's own, counted by itself since it was started. */
struct metrics_gateway {
    int64_t connections;       /* now */
    int64_t sockets;           /* WebSockets, now */
    int64_t waiting;           /* requests that wait for a job, now */
    int64_t requests_total[6]; /* by the first digit of the status; 0: broken
                                * off */
    int64_t messages_in_total, messages_out_total; /* of WebSockets */
    int64_t slow_clients_total;                    /* dropped */
    int64_t redis_errors_total;
    double start_s; /* unix time */
};

/**
 * Append all metrics to `out`, in the text format. Without Redis those of the
 * gateway are there all the same, and crq_redis_up is 0: that is no failure.
 * Blocks up to the connection's timeout.
 *
 * gateway  may be NULL: none of its own.
 * err      why crq_redis_up is 0, for the log; its code is 0 when all is well.
 *
 * CRQ_ENOMEM, CRQ_ELIMIT: `out` is of no use.
 */
int metrics_write(crq_conn *conn, const struct metrics_gateway *gateway,
        struct crq_buf *out, crq_error *err) CRQ_MUST_CHECK;

#endif
