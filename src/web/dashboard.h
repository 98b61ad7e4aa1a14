/*
 * dashboard.h - pages for people: who may see them, signing in and out, and
 * the files that they are made with. The pages themselves: page.h.
 *
 * Applications come first: a path that one of them has as a file or as a route
 * without variables is not the dashboard's. So an application may take "/",
 * and the overview is at /queues, too.
 */
#ifndef CRQ_WEB_DASHBOARD_H
#define CRQ_WEB_DASHBOARD_H

#include "web/gateway.h"

/* What answers with pages have beside their type. Without a referrer browsers
 * name no origin with a form, and ours would be taken for another site's. */
#define DASHBOARD_FIELDS                                                       \
    { "Cache-Control", "no-store" },                                           \
    {                                                                          \
        "Referrer-Policy", "same-origin"                                       \
    }

/** Answer a request for one of the dashboard's paths. False: it is none. */
bool dashboard_answer(struct gateway *g, struct http_request *request);

/* How a request to the REST interface or for a page shows whose it is. */
enum viewer_kind {
    VIEWER_NONE,    /* it does not */
    VIEWER_ANYBODY, /* there are no tokens: whoever reaches us may */
    VIEWER_TOKEN,   /* by Authorization */
    VIEWER_SESSION, /* by its cookie */
    VIEWER_LATER    /* not now: its address has guessed too often */
};

struct viewer {
    enum viewer_kind kind;
    enum token_role role;
    char caller[TOKEN_NAME_LEN + 1];
    const char *csrf; /* of VIEWER_SESSION and VIEWER_ANYBODY */
    int retry_s;      /* of VIEWER_LATER */
};

/** Find out. A header Authorization counts, or else a cookie. */
void viewer_of(const struct gateway *g, const struct http_request *request,
        struct viewer *out);

/** Whether a request that changes something was sent by a page of ours, or by
 *  no page: what a browser sends by itself, its cookies, is not enough. Pages
 *  of --allow-origin may without that, where there are no tokens. */
bool viewer_sent_it(const struct gateway *g, const struct viewer *viewer,
        const struct http_request *request);

#endif
