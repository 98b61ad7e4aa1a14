/* routes.h - requests that become jobs, as app.json says. */
#ifndef CRQ_WEB_ROUTES_H
#define CRQ_WEB_ROUTES_H

#include "web/gateway.h"

/** CRQ_EINVAL: two applications have routes for the same requests. */
int routes_check(const struct gateway *g, crq_error *err) CRQ_MUST_CHECK;

/** The route of a request, or NULL. Of several the one with the fewest
 *  variables at the begin of its path: /pet/new before /pet/{name}. */
const struct crq_app_route *routes_find(const struct gateway *g,
        const struct http_request *request);

/** Whether it has no variables. */
bool routes_is_plain(const struct crq_app_route *route);

/** Make the job, and answer when it has ended. */
void routes_answer(struct gateway *g, const struct crq_app_route *route,
        struct http_request *request);

/** Answer that there is nothing: 404, or 405 when other methods have a
 *  route. */
void routes_refuse(const struct gateway *g, struct http_request *request);

#endif
