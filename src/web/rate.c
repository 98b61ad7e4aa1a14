/* rate.c - see rate.h. */
#include "web/rate.h"

#include <assert.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/debts.h"

#define SECOND_US INT64_C(1000000)

struct rate {
    int64_t pause_us; /* between two, on average */
    struct debts *debts;
};

int rate_new(unsigned per_second, struct rate **out, crq_error *err)
{
    struct rate *rate = crq_calloc(1, sizeof(*rate));
    int rc;

    assert(per_second > 0 && per_second <= RATE_MAX);
    if (rate == NULL)
        return crq_fail_nomem(err);
    rate->pause_us = SECOND_US / per_second;
    rc = debts_new(sizeof(struct debt), &rate->debts, err);
    if (rc < 0) {
        crq_free(rate);
        return rc;
    }
    *out = rate;
    return 0;
}

void rate_free(struct rate *rate)
{
    if (rate == NULL)
        return;
    debts_free(rate->debts);
    crq_free(rate);
}

int rate_wait_s(struct rate *rate, const char *peer, int64_t now_us)
{
    struct debt *debt;
    int64_t over_us;

    if (rate == NULL)
        return 0;
    debt = debts_take(rate->debts, peer, now_us);
    over_us = debt->paid_us + rate->pause_us - now_us - RATE_OVER_S * SECOND_US;
    if (over_us > 0)
        return (int)((over_us + SECOND_US - 1) / SECOND_US);
    debt->paid_us += rate->pause_us;
    return 0;
}
