/* refusal.h - what Redis's error replies mean. */
#ifndef CRQ_REDIS_REFUSAL_H
#define CRQ_REDIS_REFUSAL_H

#include <crq.h>

/**
 * Fill *err for an error reply: CRQ_EAUTH or CRQ_EREDIS, and CRQ_ESTATE for
 * what a script of ours returned as "CRQ <text>". Well-known errors get words
 * that say what is the matter, also when a script of ours ran into them, which
 * Redis 6 and 7 wrap in different ways. Returns the code.
 *
 * address  of the server, for the text; NULL: not known.
 */
int crq_refusal(const char *address, const char *text, size_t len,
        crq_error *err);

/** The error inside a script's error: its begin; *len becomes its length. */
const char *crq_refusal_core(const char *text, size_t *len);

#endif
