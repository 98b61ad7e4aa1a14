/* guard.c - see guard.h. */
#include "web/guard.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/debts.h"

#define KNOWN 4 /* tokens that were right from one address */

#define PAUSE_US (GUARD_PAUSE_S * INT64_C(1000000))
#define LIMIT_US (GUARD_MISTAKES * PAUSE_US)

struct place {
    struct debt debt; /* its mistakes */
    char known[KNOWN][TOKEN_NAME_LEN + 1];
    unsigned newest; /* of these */
};

struct guard {
    const struct tokens *tokens;
    struct debts *debts;
};

int guard_new(const struct tokens *tokens, struct guard **out, crq_error *err)
{
    struct guard *guard = crq_calloc(1, sizeof(*guard));
    int rc;

    if (guard == NULL)
        return crq_fail_nomem(err);
    guard->tokens = tokens;
    rc = debts_new(sizeof(struct place), &guard->debts, err);
    if (rc < 0) {
        crq_free(guard);
        return rc;
    }
    *out = guard;
    return 0;
}

void guard_free(struct guard *guard)
{
    if (guard == NULL)
        return;
    debts_free(guard->debts);
    crq_free(guard);
}

static bool was_right(const struct place *place, const char *name)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(place->known[i], name) == 0)
            return true;
    return false;
}

/* How long this address is refused; 0: it is not. */
static int64_t refused_us(const struct place *place, int64_t now_us)
{
    int64_t us = place->debt.paid_us - now_us - (LIMIT_US - PAUSE_US);

    return us > 0 ? us : 0;
}

enum guard_verdict guard_check(struct guard *guard, const char *peer,
        const char *token, int64_t now_us, enum token_role *out_role,
        char out_name[TOKEN_NAME_LEN + 1], int *out_retry_s)
{
    char name[TOKEN_NAME_LEN + 1] = "";
    enum token_role role = TOKEN_READ;
    struct place *place;
    bool right;

    out_name[0] = '\0';
    *out_role = guard->tokens == NULL ? TOKEN_OPERATE : TOKEN_READ;
    if (guard->tokens == NULL || token == NULL)
        return guard->tokens == NULL ? GUARD_KNOWN : GUARD_UNKNOWN;
    place = debts_find(guard->debts, peer);
    right = tokens_find(guard->tokens, token, &role, name);
    if (place != NULL && refused_us(place, now_us) > 0 &&
            !(right && was_right(place, name))) {
        *out_retry_s = (int)(refused_us(place, now_us) / 1000000) + 1;
        return GUARD_LATER;
    }
    place = debts_take(guard->debts, peer, now_us);
    if (!right) {
        place->debt.paid_us += PAUSE_US;
        return GUARD_UNKNOWN;
    }
    if (!was_right(place, name))
        memcpy(place->known[place->newest++ % KNOWN], name, sizeof(name));
    memcpy(out_name, name, sizeof(name));
    *out_role = role;
    return GUARD_KNOWN;
}
