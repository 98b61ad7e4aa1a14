/*
 * number.c - ints of any size.
 *
 * What fits an int64_t is one. A larger int is kept as two's complement bytes,
 * least significant first, as pickle has it, and becomes decimal text only
 * when somebody prints it.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/value_impl.h"

#define CHUNK        1000000000u /* decimal digits are moved nine at a time */
#define CHUNK_DIGITS 9
/* 32-bit words that hold CRQ_INT_DIGITS_MAX digits. */
#define WORDS ((size_t)CRQ_INT_DIGITS_MAX * 3322 / 1000 / 32 + 2)

bool crq_value_int_fits(const crq_value *v)
{
    assert(v != NULL && v->type == CRQ_INT);
    return !v->big;
}

int64_t crq_value_int(const crq_value *v)
{
    assert(crq_value_int_fits(v));
    return v->u.i;
}

const uint8_t *crq_value_int_bytes(const crq_value *v, size_t *out_len)
{
    assert(!crq_value_int_fits(v));
    *out_len = v->u.data.len;
    return (const uint8_t *)v->u.data.bytes;
}

/* Drop bytes on top that only repeat the sign. */
static size_t minimal(const uint8_t *le, size_t len)
{
    while (len > 1 &&
            ((le[len - 1] == 0x00 && le[len - 2] < 0x80) ||
                    (le[len - 1] == 0xff && le[len - 2] >= 0x80)))
        len--;
    return len;
}

crq_value *crq_value_new_int_bytes(const uint8_t *le, size_t len)
{
    crq_value *v;

    len = minimal(le, len);
    if (len <= 8) {
        uint64_t n = len > 0 && le[len - 1] >= 0x80 ? UINT64_MAX : 0;

        for (size_t i = len; i > 0; i--)
            n = n << 8 | le[i - 1];
        return crq_value_new_int((int64_t)n);
    }
    v = crq_value_alloc(CRQ_INT);
    if (v == NULL)
        return NULL;
    v->u.data.bytes = crq_memdup(le, len);
    v->u.data.len = len;
    v->big = true;
    if (v->u.data.bytes == NULL) {
        crq_free(v);
        return NULL;
    }
    return v;
}

/* ---- text to number ---- */

/* words = words * by + plus, over as many words as are in use. */
static void multiply_add(uint32_t *words, size_t *used, uint32_t by,
        uint32_t plus)
{
    uint64_t carry = plus;

    for (size_t i = 0; i < *used; i++) {
        carry += (uint64_t)words[i] * by;
        words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0)
        words[(*used)++] = (uint32_t)carry;
}

static crq_value *from_magnitude(const uint32_t *words, size_t used,
        bool negative)
{
    uint8_t le[(WORDS + 1) * 4 + 1] = { 0 };
    unsigned carry = 1;

    for (size_t i = 0; i < used * 4; i++)
        le[i] = (uint8_t)(words[i / 4] >> (i % 4 * 8));
    for (size_t i = 0; negative && i < sizeof(le); i++) {
        carry += (uint8_t)~le[i];
        le[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return crq_value_new_int_bytes(le, sizeof(le));
}

int crq_value_new_int_text(const char *text, size_t len, crq_value **out,
        crq_error *err)
{
    uint32_t words[WORDS + 1];
    size_t used = 0, at = 0;
    bool negative = len > 0 && text[0] == '-';
    crq_value *v;

    if (len > 0 && (text[0] == '-' || text[0] == '+'))
        at = 1;
    if (at == len)
        return crq_fail(err, CRQ_EINVAL, "an int needs digits");
    for (size_t i = at; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return crq_fail(err, CRQ_EINVAL, "'%.*s' is not an int",
                    len > 40 ? 40 : (int)len, text);
    if (len - at > CRQ_INT_DIGITS_MAX)
        return crq_fail(err, CRQ_ELIMIT,
                "an int of %zu digits; %d are the limit, as in Python",
                len - at, CRQ_INT_DIGITS_MAX);
    while (at < len) {
        uint32_t by = 1, plus = 0;

        for (int i = 0; i < CHUNK_DIGITS && at < len; i++, at++) {
            by *= 10;
            plus = plus * 10 + (uint32_t)(text[at] - '0');
        }
        multiply_add(words, &used, by, plus);
    }
    v = from_magnitude(words, used, negative);
    if (v == NULL)
        return crq_fail_nomem(err);
    *out = v;
    return 0;
}

/* ---- number to text ---- */

static size_t to_magnitude(const crq_value *v, uint32_t *words, bool *negative)
{
    const uint8_t *le = (const uint8_t *)v->u.data.bytes;
    size_t len = v->u.data.len, used = (len + 3) / 4;
    unsigned carry = 1;

    memset(words, 0, used * sizeof(*words));
    *negative = le[len - 1] >= 0x80;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = le[i];

        if (*negative) {
            carry += (uint8_t)~byte;
            byte = (uint8_t)carry;
            carry >>= 8;
        }
        words[i / 4] |= (uint32_t)byte << (i % 4 * 8);
    }
    while (used > 0 && words[used - 1] == 0)
        used--;
    return used;
}

/* words /= CHUNK; returns the remainder. */
static uint32_t divide(uint32_t *words, size_t *used)
{
    uint64_t rest = 0;

    for (size_t i = *used; i > 0; i--) {
        rest = rest << 32 | words[i - 1];
        words[i - 1] = (uint32_t)(rest / CHUNK);
        rest %= CHUNK;
    }
    while (*used > 0 && words[*used - 1] == 0)
        (*used)--;
    return (uint32_t)rest;
}

int crq_value_int_text(const crq_value *v, struct crq_buf *buf, crq_error *err)
{
    uint32_t words[WORDS + 1];
    char text[(WORDS + 1) * 10 + CHUNK_DIGITS + 1];
    char *at = text + sizeof(text);
    bool negative;
    size_t used, len;

    if (crq_value_int_fits(v)) {
        crq_buf_puti(buf, v->u.i);
        return crq_buf_check(buf, err);
    }
    if (v->u.data.len > WORDS * 4)
        return crq_fail(err, CRQ_ELIMIT,
                "an int of more than %d digits, Python's limit for text",
                CRQ_INT_DIGITS_MAX);
    used = to_magnitude(v, words, &negative);
    while (used > 0) {
        uint32_t chunk = divide(words, &used);

        for (int i = 0; i < CHUNK_DIGITS && (used > 0 || chunk > 0); i++) {
            *--at = (char)('0' + chunk % 10);
            chunk /= 10;
        }
    }
    len = (size_t)(text + sizeof(text) - at);
    if (len > CRQ_INT_DIGITS_MAX)
        return crq_fail(err, CRQ_ELIMIT,
                "an int of %zu digits; %d are the limit, as in Python", len,
                CRQ_INT_DIGITS_MAX);
    if (negative)
        crq_buf_putc(buf, '-');
    crq_buf_put(buf, at, len);
    return crq_buf_check(buf, err);
}
