/*
 * debts.h - what addresses owe: a table of fixed size.
 *
 * A debt grows by a pause with each thing that is to be bounded, and shrinks as
 * time goes by: kept is the moment at which it is paid. Of too many addresses
 * those with the smallest debts are forgotten.
 */
#ifndef CRQ_WEB_DEBTS_H
#define CRQ_WEB_DEBTS_H

#include <crq.h>

/* What a place begins with. */
struct debt {
    unsigned char sum[16]; /* of the address */
    int64_t paid_us;       /* on the monotonic clock; 0: it is nobody's place */
};

struct debts;

/** A table of places of so many bytes, of which the first are a struct debt.
 *  CRQ_ENOMEM. */
int debts_new(size_t place_size, struct debts **out,
        crq_error *err) CRQ_MUST_CHECK;
void debts_free(struct debts *debts);

/** The place of an address, as text, or NULL: it owes nothing. An IPv6 network
 *  of 64 bits is one address. Borrowed until the next debts_take(). */
void *debts_find(struct debts *debts, const char *peer);

/** Its place, which begins zeroed and is paid now if it was before. */
void *debts_take(struct debts *debts, const char *peer, int64_t now_us);

#endif
