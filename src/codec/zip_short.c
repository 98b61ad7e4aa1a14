/*
 * zip_short.c - deflate for what most jobs are: a hundred bytes or so.
 *
 * For such a text zlib spends most of its time on Huffman codes that it then
 * drops for the fixed ones, because to describe better ones would cost more
 * than they save. Here there are only the fixed codes and one candidate for a
 * repeated text, which takes a tenth of the time and gives about the same
 * size. RFC 1950 is the frame, RFC 1951 section 3.2.6 the codes.
 */
#include "codec/zip_short.h"

#include <string.h>
#include <zlib.h>

#define MATCH_LEAST 3
#define MATCH_MOST  10 /* longer ones would need extra bits */

struct bits {
    uint8_t *at;
    uint64_t held; /* not yet written, the oldest lowest */
    unsigned count;
};

/* At most 32 bits. */
static void put(struct bits *bits, uint32_t value, unsigned count)
{
    bits->held |= (uint64_t)value << bits->count;
    bits->count += count;
    if (bits->count < 32)
        return;
    for (int i = 0; i < 4; i++) /* compilers make one store of it */
        bits->at[i] = (uint8_t)(bits->held >> 8 * i);
    bits->at += 4;
    bits->held >>= 32;
    bits->count -= 32;
}

/* What is still held, in whole bytes. */
static void put_rest(struct bits *bits)
{
    unsigned count = bits->count;

    for (; count > 0; count = count > 8 ? count - 8 : 0) {
        *bits->at++ = (uint8_t)bits->held;
        bits->held >>= 8;
    }
}

/* Huffman codes, and only they, begin with their highest bit. */
static uint32_t turn(uint32_t code, unsigned count)
{
    static const uint8_t nibbles[16] = { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13,
        3, 11, 7, 15 };
    uint32_t all = (uint32_t)nibbles[code & 15] << 4 | nibbles[code >> 4];

    return all >> (8 - count);
}

static void put_literal(struct bits *bits, uint8_t byte)
{
    if (byte < 144)
        put(bits, turn(0x30u + byte, 8), 8);
    else /* 0x190 + byte - 144, of 9 bits: a 1, then the byte */
        put(bits, turn(byte, 8) << 1 | 1, 9);
}

/* Distances come in pairs of codes: each pair has one extra bit more, and so
 * twice the range, but the first two pairs, which have none. */
static void put_match(struct bits *bits, size_t len, size_t distance)
{
    uint32_t back = (uint32_t)distance - 1, code = back, extra = 0;

    put(bits, turn((uint32_t)(len - MATCH_LEAST) + 1, 7), 7);
    while (back >> extra >= 4) {
        extra++;
        code = 2 * extra + (back >> extra);
    }
    put(bits, turn(code, 5), 5);
    put(bits, back & ((1u << extra) - 1), extra);
}

static size_t match_len(const uint8_t *a, const uint8_t *b, size_t left)
{
    size_t len = 0, most = left < MATCH_MOST ? left : MATCH_MOST;

    while (len < most && a[len] == b[len])
        len++;
    return len;
}

static size_t hash(const uint8_t *three)
{
    return (three[0] * 33u + three[1] * 7u + three[2]) & 127;
}

static void put_block(struct bits *bits, const uint8_t *bytes, size_t len)
{
    uint8_t seen[128] = { 0 }; /* where such a hash was last, plus 1 */
    size_t at = 0;

    put(bits, 1, 1); /* the last block */
    put(bits, 1, 2); /* fixed codes */
    while (len - at >= MATCH_LEAST) {
        uint8_t *slot = &seen[hash(bytes + at)];
        size_t from = *slot, same = 0, end;

        if (from > 0)
            same = match_len(bytes + from - 1, bytes + at, len - at);
        *slot = (uint8_t)(at + 1);
        if (same < MATCH_LEAST) {
            put_literal(bits, bytes[at++]);
            continue;
        }
        put_match(bits, same, at - (from - 1));
        for (end = at++ + same; at < end; at++)
            if (len - at >= MATCH_LEAST)
                seen[hash(bytes + at)] = (uint8_t)(at + 1);
    }
    while (at < len)
        put_literal(bits, bytes[at++]);
    put(bits, 0, 7); /* the end */
    put_rest(bits);
}

size_t crq_zip_short(const uint8_t *bytes, size_t len, uint8_t *out)
{
    struct bits bits = { out, 0, 0 };
    uLong sum = adler32(adler32(0, NULL, 0), bytes, (uInt)len);

    put(&bits, 0x78, 8); /* deflate, a window of 32 KB */
    put(&bits, 0x9c, 8); /* default level; makes 0x789c a multiple of 31 */
    put_block(&bits, bytes, len);
    for (int shift = 24; shift >= 0; shift -= 8)
        *bits.at++ = (uint8_t)(sum >> shift);
    return (size_t)(bits.at - out);
}
