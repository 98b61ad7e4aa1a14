/*
 * origin.h - whether a browser sends a request for a page that may.
 *
 * Pages of other sites can make a visitor's browser send requests here, also
 * to a gateway that only this machine reaches. Browsers say in Origin whose
 * page it is; and a name that an attacker pointed at our address shows in
 * Host.
 */
#ifndef CRQ_WEB_ORIGIN_H
#define CRQ_WEB_ORIGIN_H

#include <crq.h>

struct origin_rules {
    const char *const *allowed; /* "https://shop.example" */
    size_t count;
    bool loopback; /* serve loopback names and hosts of `allowed` only */
};

/** Whether the Host is one of ours. NULL: there was none. */
bool origin_host_is_ours(const struct origin_rules *rules, const char *host);

/** Whether a page of this origin may; NULL, no page, may. */
bool origin_is_allowed(const struct origin_rules *rules, const char *origin,
        const char *host);

/** What a browser that names no origin says of the page in Sec-Fetch-Site:
 *  whether it is ours, or no page. NULL: no browser, which may. */
bool origin_is_own_site(const char *site);

/** Whether an address to listen at, "host:port", is reached from this machine
 *  only. */
bool origin_is_loopback(const char *address);

#endif
