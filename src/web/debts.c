/*
 * debts.c - see debts.h.
 *
 * An address has one of WAYS places, which a sum with a random key chooses, so
 * that nobody can tell whose place he takes.
 */
#include "web/debts.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/sha.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"

#define SETS 1024
#define WAYS 4

struct debts {
    unsigned char key[16];
    size_t place_size;
    unsigned char *places;
};

int debts_new(size_t place_size, struct debts **out, crq_error *err)
{
    struct debts *debts = crq_calloc(1, sizeof(*debts));

    if (debts == NULL)
        return crq_fail_nomem(err);
    debts->places = crq_calloc((size_t)SETS * WAYS, place_size);
    if (debts->places == NULL) {
        crq_free(debts);
        return crq_fail_nomem(err);
    }
    debts->place_size = place_size;
    crq_random(debts->key, sizeof(debts->key));
    *out = debts;
    return 0;
}

void debts_free(struct debts *debts)
{
    if (debts == NULL)
        return;
    crq_free(debts->places);
    crq_free(debts);
}

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

static void address_of(const struct debts *debts, const char *peer,
        struct address *out)
{
    unsigned char text[sizeof(debts->key) + 64];
    size_t len;

    memcpy(text, debts->key, sizeof(debts->key));
    len = network_of(peer, text + sizeof(debts->key));
    SHA256(text, sizeof(debts->key) + len, out->sum);
}

/* Its place, or the one that it may have: of those of its set the one with the
 * smallest debt. */
static struct debt *find(struct debts *debts, const struct address *a,
        bool *out_known)
{
    size_t set = ((size_t)a->sum[30] << 8 | a->sum[31]) % SETS;
    unsigned char *at = debts->places + set * WAYS * debts->place_size;
    struct debt *best = (struct debt *)(void *)at;

    for (size_t i = 0; i < WAYS; i++, at += debts->place_size) {
        struct debt *debt = (struct debt *)(void *)at;

        *out_known = debt->paid_us != 0 &&
                memcmp(debt->sum, a->sum, sizeof(debt->sum)) == 0;
        if (*out_known)
            return debt;
        if (debt->paid_us < best->paid_us)
            best = debt;
    }
    return best;
}

void *debts_find(struct debts *debts, const char *peer)
{
    struct address address;
    struct debt *debt;
    bool known;

    address_of(debts, peer, &address);
    debt = find(debts, &address, &known);
    return known ? debt : NULL;
}

void *debts_take(struct debts *debts, const char *peer, int64_t now_us)
{
    struct address address;
    struct debt *debt;
    bool known;

    address_of(debts, peer, &address);
    debt = find(debts, &address, &known);
    if (!known) {
        memset(debt, 0, debts->place_size);
        memcpy(debt->sum, address.sum, sizeof(debt->sum));
    }
    if (debt->paid_us < now_us)
        debt->paid_us = now_us;
    return debt;
}
