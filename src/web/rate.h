/*
 * rate.h - how much one address may ask for.
 *
 * So many requests and messages a second, on average over RATE_OVER_S of them:
 * a page that is opened may ask for all of its files at once.
 */
#ifndef CRQ_WEB_RATE_H
#define CRQ_WEB_RATE_H

#include <crq.h>

#define RATE_MAX    1000000
#define RATE_OVER_S 10

struct rate;

/** per_second: 1 to RATE_MAX. CRQ_ENOMEM. */
int rate_new(unsigned per_second, struct rate **out,
        crq_error *err) CRQ_MUST_CHECK;
void rate_free(struct rate *rate);

/** Count one from this address. 0: it may; else after how many seconds it may
 *  come again, and it was not counted. NULL bounds nobody. */
int rate_wait_s(struct rate *rate, const char *peer, int64_t now_us);

#endif
