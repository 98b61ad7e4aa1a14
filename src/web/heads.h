/* heads.h - how long the first job of each queue has waited. */
#ifndef CRQ_WEB_HEADS_H
#define CRQ_WEB_HEADS_H

#include <crq.h>

/** When the first job of each queue was enqueued; CRQ_UNSET where there is
 *  none, or it does not say. Two round trips for any number of queues. */
int heads_fetch(crq_conn *conn, char *const *queues, size_t count,
        int64_t *out_us, crq_error *err) CRQ_MUST_CHECK;

#endif
