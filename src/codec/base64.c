/* base64.c - base64 as RFC 4648 has it, and nothing looser. */
#include "base/error.h"
#include "codec/zip.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";

int crq_base64_encode(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err)
{
    const uint8_t *in = bytes;
    char *to;

    if (len > CRQ_BUF_MAX)
        return crq_fail(err, CRQ_ELIMIT, "%zu bytes to encode", len);
    to = crq_buf_room(out, (len + 2) / 3 * 4);
    if (to == NULL)
        return crq_buf_check(out, err);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)in[i] << 16;

        three |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
        three |= i + 2 < len ? in[i + 2] : 0;
        *to++ = alphabet[three >> 18];
        *to++ = alphabet[three >> 12 & 63];
        *to++ = i + 1 < len ? alphabet[three >> 6 & 63] : '=';
        *to++ = i + 2 < len ? alphabet[three & 63] : '=';
    }
    *to = '\0';
    out->len += (len + 2) / 3 * 4;
    return 0;
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The bytes of `len` characters without their padding; the place of the
 * first wrong one, or `len`. */
static size_t decode(const char *text, size_t len, char *to, size_t *out_n)
{
    uint32_t bits = 0;
    size_t n = 0, i;
    int d;

    for (i = 0; i < len; i++) {
        d = digit(text[i]);
        if (d < 0)
            return i;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 != 0)
            to[n++] = (char)(bits >> (6 - i % 4 * 2));
    }
    *out_n = n;
    /* What is left of the last character must be 0: one text per value. */
    if ((len % 4 == 2 && (bits & 15) != 0) || (len % 4 == 3 && (bits & 3) != 0))
        return len - 1;
    return len;
}

int crq_base64_decode(const char *text, size_t len, struct crq_buf *out,
        crq_error *err)
{
    size_t end = len, n = 0, at;
    char *to;

    if (len % 4 != 0)
        return crq_fail(err, CRQ_ECODEC,
                "offset %zu: base64 comes in groups of four characters", len);
    while (end > 0 && len - end < 2 && text[end - 1] == '=')
        end--;
    to = crq_buf_room(out, len / 4 * 3);
    if (to == NULL)
        return crq_buf_check(out, err);
    at = decode(text, end, to, &n);
    if (at < end) {
        *to = '\0';
        return crq_fail(err, CRQ_ECODEC,
                "offset %zu: the byte 0x%02x is not base64 here", at,
                (unsigned)(unsigned char)text[at]);
    }
    to[n] = '\0';
    out->len += n;
    return 0;
}
