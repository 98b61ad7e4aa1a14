/*
 * guard.h - who may ask, and how often one may be wrong about it.
 *
 * An address that sends unknown tokens is refused for a while, right or wrong:
 * guessing is slow (an IPv6 network of 64 bits counts as one address). A token
 * that was right from that address before goes on being so: behind a proxy, all
 * have the same address.
 *
 * Addresses are forgotten when there are too many: the memory is bounded, and
 * those with the fewest mistakes go first.
 */
#ifndef CRQ_WEB_GUARD_H
#define CRQ_WEB_GUARD_H

#include <crq.h>

#include "web/tokens.h"

/* So many mistakes at once, and one more each so many seconds. */
#define GUARD_MISTAKES 10
#define GUARD_PAUSE_S  6

struct guard;

enum guard_verdict {
    GUARD_KNOWN,
    GUARD_UNKNOWN, /* one mistake more */
    GUARD_LATER    /* too many of them */
};

/** `tokens` is borrowed; NULL: there are none, and all are known. */
int guard_new(const struct tokens *tokens, struct guard **out,
        crq_error *err) CRQ_MUST_CHECK;
void guard_free(struct guard *guard);

/**
 * Judge a token that came from an address ("127.0.0.1", "::1"; any other text
 * is an address, too).
 *
 * token        NULL: none came, which is unknown, and no mistake.
 * now_us       on a monotonic clock.
 * out_role     the role, of a known one; else the least, TOKEN_READ.
 * out_name     what it is called in logs, of a known one; else "".
 * out_retry_s  after how long to come again, of GUARD_LATER.
 */
enum guard_verdict guard_check(struct guard *guard, const char *peer,
        const char *token, int64_t now_us, enum token_role *out_role,
        char out_name[TOKEN_NAME_LEN + 1], int *out_retry_s);

#endif
