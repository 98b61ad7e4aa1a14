/* utf8.c - UTF-8 as Python's str needs it: lone surrogates can occur. */
#include "base/utf8.h"

#include <string.h>

/* The length of the sequence at `text`, or 0 when it is malformed. */
static size_t sequence(const unsigned char *t, size_t len)
{
    if (t[0] < 0x80)
        return 1;
    if (t[0] < 0xc2 || t[0] > 0xf4)
        return 0;
    if (len < 2 || (t[1] & 0xc0) != 0x80)
        return 0;
    if (t[0] < 0xe0)
        return 2;
    /* No overlong forms, nothing above U+10FFFF. */
    if ((t[0] == 0xe0 && t[1] < 0xa0) || (t[0] == 0xf0 && t[1] < 0x90) ||
            (t[0] == 0xf4 && t[1] > 0x8f))
        return 0;
    if (len < 3 || (t[2] & 0xc0) != 0x80)
        return 0;
    if (t[0] < 0xf0)
        return 3;
    return len >= 4 && (t[3] & 0xc0) == 0x80 ? 4 : 0;
}

bool crq_utf8_valid(const char *text, size_t len, size_t *out_offset)
{
    const unsigned char *t = (const unsigned char *)text;
    size_t at = 0, n;

    while (at < len) {
        if (t[at] < 0x80) {
            at++;
            continue;
        }
        n = sequence(t + at, len - at);
        if (n == 0) {
            *out_offset = at;
            return false;
        }
        at += n;
    }
    return true;
}

bool crq_utf8_strict(const char *text, size_t len)
{
    const unsigned char *t = (const unsigned char *)text;
    size_t bad;

    for (size_t i = 0; i + 1 < len; i++)
        if (t[i] == 0xed && t[i + 1] >= 0xa0)
            return false;
    return crq_utf8_valid(text, len, &bad);
}

uint32_t crq_utf8_next(const char *text, size_t len, size_t *out_size)
{
    const unsigned char *t = (const unsigned char *)text;
    size_t n = sequence(t, len);

    *out_size = n > 0 ? n : 1;
    switch (n) {
    case 1: return t[0];
    case 2: return (uint32_t)(t[0] & 0x1f) << 6 | (t[1] & 0x3f);
    case 3:
        return (uint32_t)(t[0] & 0x0f) << 12 | (uint32_t)(t[1] & 0x3f) << 6 |
                (t[2] & 0x3f);
    case 4:
        return (uint32_t)(t[0] & 0x07) << 18 | (uint32_t)(t[1] & 0x3f) << 12 |
                (uint32_t)(t[2] & 0x3f) << 6 | (t[3] & 0x3f);
    default: return 0xfffd;
    }
}

size_t crq_utf8_put(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}
