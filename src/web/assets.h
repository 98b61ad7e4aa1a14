/*
 * assets.h - the dashboard's style and script, within the program.
 *
 * All of them are below one address that holds the sum of their contents, so
 * that each may be kept for ever: other contents have another address.
 */
#ifndef CRQ_WEB_ASSETS_H
#define CRQ_WEB_ASSETS_H

#include <stddef.h>

struct asset {
    const char *name;
    const char *text;
    size_t len;
};

/** Ends with a NULL name. */
extern const struct asset assets[];
/** 16 hex digits of the sum: what stands in their address. */
extern const char assets_sum[];

#endif
