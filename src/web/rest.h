/* rest.h - /api/v1 and /metrics: who may ask, and waiting for jobs. */
#ifndef CRQ_WEB_REST_H
#define CRQ_WEB_REST_H

#include "web/dashboard.h"
#include "web/gateway.h"

/** Forks: before anything else of the gateway that has to do with the loop,
 *  but its signals. */
int rest_new(struct gateway *g, struct rest **out,
        crq_error *err) CRQ_MUST_CHECK;
/** Before the server ends, which answers those who wait. */
void rest_free(struct rest *rest);

/** Answer a request for one of these addresses. False: it is none. */
bool rest_answer(struct rest *rest, struct http_request *request);

/** Answer with a page of the dashboard, which a helper makes. */
void rest_page(struct rest *rest, struct http_request *request,
        const struct viewer *viewer);

#endif
