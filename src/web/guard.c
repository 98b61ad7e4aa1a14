/*
 * guard.c - see guard.h.
 *
 * A table of fixed size: an address has one of WAYS places, which a sum with a
 * random key chooses, so that nobody can tell whose place he takes. A place
 * holds a debt that grows by a pause with each mistake and shrinks as time goes
 * by: kept is the moment at which it is paid.
 */
#include "web/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/sha.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"

#define SETS  1024
#define WAYS  4
#define KNOWN 4 /* tokens that were right from one address */

#define PAUSE_US (GUARD_PAUSE_S * INT64_C(1000000))
#define LIMIT_US (GUARD_MISTAKES * PAUSE_US)

struct place {
    unsigned char sum[16]; /* of the address */
    int64_t paid_us;       /* 0: nobody's */
    char known[KNOWN][TOKEN_NAME_LEN + 1];
    unsigned newest; /* of these */
};

struct guard {
    const struct tokens *tokens;
    unsigned char key[16];
    struct place places[SETS][WAYS];
};

int guard_new(const struct tokens *tokens, struct guard **out, crq_error *err)
{
    struct guard *guard = crq_calloc(1, sizeof(*guard));

    if (guard == NULL)
        return crq_fail_nomem(err);
    guard->tokens = tokens;
    crq_random(guard->key, sizeof(guard->key));
    *out = guard;
    return 0;
}

void guard_free(struct guard *guard)
{
    crq_free(guard);
}

/* ---------------------------------------------------------------- addresses */

/* What is one client: who has an IPv6 address has 2^64 of them. */
static size_t network_of(const char *peer, unsigned char out[64])
{
    size_t len = strlen(peer);
    struct in6_addr six;

    if (inet_pton(AF_INET6, peer, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)) {
        memcpy(out, &six, 8);
        return 8;
    }
    len = len < 64 ? len : 64;
    memcpy(out, peer, len);
    return len;
}

struct address {
    unsigned char sum[SHA256_DIGEST_LENGTH];
};

static void address_of(const struct guard *guard, const char *peer,
        struct address *out)
{
    unsigned char text[sizeof(guard->key) + 64];
    size_t len;

    memcpy(text, guard->key, sizeof(guard->key));
    len = network_of(peer, text + sizeof(guard->key));
    SHA256(text, sizeof(guard->key) + len, out->sum);
}

/* Its place, or the one that it may have: of those of its set the one with the
 * smallest debt. */
static struct place *find_place(struct guard *guard, const struct address *a,
        bool *out_known)
{
    size_t n = (size_t)a->sum[30] << 8 | a->sum[31];
    struct place *set = guard->places[n % SETS], *best = set;

    for (size_t i = 0; i < WAYS; i++) {
        *out_known = set[i].paid_us != 0 &&
                memcmp(set[i].sum, a->sum, sizeof(set[i].sum)) == 0;
        if (*out_known)
            return &set[i];
        if (set[i].paid_us < best->paid_us)
            best = &set[i];
    }
    return best;
}

static struct place *take_place(struct guard *guard, const struct address *a,
        int64_t now_us)
{
    bool known;
    struct place *place = find_place(guard, a, &known);

    if (!known) {
        memset(place, 0, sizeof(*place));
        memcpy(place->sum, a->sum, sizeof(place->sum));
    }
    if (place->paid_us < now_us)
        place->paid_us = now_us;
    return place;
}

/* ----------------------------------------------------------------- verdicts */

static bool was_right(const struct place *place, const char *name)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(place->known[i], name) == 0)
            return true;
    return false;
}

/* How long this address is refused; 0: it is not. */
static int64_t debt_us(const struct place *place, int64_t now_us)
{
    int64_t us = place->paid_us - now_us - (LIMIT_US - PAUSE_US);

    return us > 0 ? us : 0;
}

enum guard_verdict guard_check(struct guard *guard, const char *peer,
        const char *token, int64_t now_us, enum token_role *out_role,
        char out_name[TOKEN_NAME_LEN + 1], int *out_retry_s)
{
    char name[TOKEN_NAME_LEN + 1] = "";
    enum token_role role = TOKEN_READ;
    struct address address;
    struct place *place;
    bool known, right;

    out_name[0] = '\0';
    *out_role = guard->tokens == NULL ? TOKEN_OPERATE : TOKEN_READ;
    if (guard->tokens == NULL || token == NULL)
        return guard->tokens == NULL ? GUARD_KNOWN : GUARD_UNKNOWN;
    address_of(guard, peer, &address);
    place = find_place(guard, &address, &known);
    right = tokens_find(guard->tokens, token, &role, name);
    if (known && debt_us(place, now_us) > 0 &&
            !(right && was_right(place, name))) {
        *out_retry_s = (int)(debt_us(place, now_us) / 1000000) + 1;
        return GUARD_LATER;
    }
    place = take_place(guard, &address, now_us);
    if (!right) {
        place->paid_us += PAUSE_US;
        return GUARD_UNKNOWN;
    }
    if (!was_right(place, name))
        memcpy(place->known[place->newest++ % KNOWN], name, sizeof(name));
    memcpy(out_name, name, sizeof(name));
    *out_role = role;
    return GUARD_KNOWN;
}
