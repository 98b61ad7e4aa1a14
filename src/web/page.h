/*
 * page.h - the dashboard: what is in Redis as pages for people.
 *
 * A page is made where the REST interface is answered, by a helper process
 * that may wait for Redis, and is whole without any script. It shows lines and
 * links, no payloads in lists, and costs the same with a million jobs.
 *
 *     page.c        the table of pages, what goes wrong, the frame around all
 *     page_parts.c  times, numbers, links, buttons
 *     page_chart.c  series as pictures
 *     page_*.c      one page each
 *     www/          style and script, see assets.h
 */
#ifndef CRQ_WEB_PAGE_H
#define CRQ_WEB_PAGE_H

#include <crq.h>

#include "web/api.h"

/* Who looks at it; what he may do is in the request. */
struct page_viewer {
    const char *csrf; /* what his requests have to hold */
    bool signed_in;   /* so he can sign out */
};

/** Whether there is a page at this path, which is split at its slashes. */
bool page_is_known(const char *const *path, size_t count);

/**
 * Make one. The request's path is the whole one here. Blocks, and answers what
 * went wrong, as api_handle() does; CRQ_ENOMEM likewise.
 */
int page_handle(struct api *api, const struct api_request *request,
        const struct page_viewer *viewer, struct api_response *out,
        crq_error *err) CRQ_MUST_CHECK;

/* These need no Redis. Each appends a whole page; returns out->rc. */

/** Where one signs in. next: the path to go to then; why: what was wrong the
 *  last time, or NULL. */
int page_login(const char *next, const char *why, struct crq_buf *out);

/** One that says what went wrong. */
int page_notice(int status, const char *title, const char *text,
        struct crq_buf *out);

#endif
