/*
 * address.c - addresses that are not of the public internet.
 *
 * Source: IANA's registries of special-purpose addresses, for IPv4 and IPv6.
 * An URL comes out of a job, so whoever may enqueue would else have this
 * machine ask what only it can reach.
 */
#include "courier/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const struct {
    uint8_t net[4];
    int bits;
} closed4[] = {
    { { 0 }, 8 },             /* this network */
    { { 10 }, 8 },            /* private */
    { { 100, 64 }, 10 },      /* shared, of providers */
    { { 127 }, 8 },           /* loopback */
    { { 169, 254 }, 16 },     /* link-local: metadata of clouds, too */
    { { 172, 16 }, 12 },      /* private */
    { { 192, 0, 0 }, 24 },    /* protocols */
    { { 192, 0, 2 }, 24 },    /* documentation */
    { { 192, 88, 99 }, 24 },  /* 6to4 relays, given up */
    { { 192, 168 }, 16 },     /* private */
    { { 198, 18 }, 15 },      /* benchmarks */
    { { 198, 51, 100 }, 24 }, /* documentation */
    { { 203, 0, 113 }, 24 },  /* documentation */
    { { 224 }, 4 },           /* multicast */
    { { 240 }, 4 },           /* reserved, broadcast */
};

/* embeds: where an IPv4 address stands in it that is what counts; -1: none,
 * and it is closed. */
static const struct {
    uint8_t net[16];
    int bits, embeds;
} special6[] = {
    { { [10] = 0xff, 0xff }, 96, 12 },         /* IPv4-mapped */
    { { 0, 0x64, 0xff, 0x9b }, 96, 12 },       /* NAT64 */
    { { 0x20, 0x02 }, 16, 2 },                 /* 6to4 */
    { { 0 }, 96, -1 },                         /* ::, ::1, compatible */
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, -1 }, /* local NAT64 */
    { { 0x01 }, 64, -1 },                      /* discard */
    { { 0x20, 0x01, 0, 0 }, 23, -1 },          /* protocols, Teredo */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, -1 },    /* documentation */
};

static bool is_in(const uint8_t *address, const uint8_t *net, int bits)
{
    int bytes = bits / 8, rest = bits % 8;

    if (memcmp(address, net, (size_t)bytes) != 0)
        return false;
    return rest == 0 || (address[bytes] ^ net[bytes]) >> (8 - rest) == 0;
}

static bool is_public4(const uint8_t *address)
{
    for (size_t i = 0; i < sizeof(closed4) / sizeof(closed4[0]); i++)
        if (is_in(address, closed4[i].net, closed4[i].bits))
            return false;
    return true;
}

static bool is_public6(const uint8_t *address)
{
    for (size_t i = 0; i < sizeof(special6) / sizeof(special6[0]); i++) {
        if (!is_in(address, special6[i].net, special6[i].bits))
            continue;
        return special6[i].embeds >= 0 &&
                is_public4(address + special6[i].embeds);
    }
    return (address[0] & 0xe0) == 0x20; /* 2000::/3 is all that is given out */
}

bool address_is_public(const struct sockaddr *address)
{
    const void *at = address;

    switch (address->sa_family) {
    case AF_INET:
        return is_public4(
                (const uint8_t *)&((const struct sockaddr_in *)at)->sin_addr);
    case AF_INET6:
        return is_public6(((const struct sockaddr_in6 *)at)->sin6_addr.s6_addr);
    default: return false;
    }
}
