/* literal_number.c - the numbers of Python's source. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/float.h"
#include "codec/literal_impl.h"
#include "codec/value.h"

static int made(const struct literal *l, crq_value *v, crq_value **out)
{
    if (v == NULL)
        return crq_fail_nomem(l->err);
    *out = v;
    return 0;
}

/* The value of a digit in bases up to 16, or 16. */
static unsigned digit(int c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (unsigned)((c | 0x20) - 'a' + 10);
    return 16;
}

/* Gather digits with single underscores between them; how many there were. */
static size_t take_digits(struct literal *l, unsigned base)
{
    size_t n = 0;

    for (;;) {
        size_t at = l->at;

        if (n > 0 && at < l->len && l->text[at] == '_')
            at++;
        if (at >= l->len || digit((unsigned char)l->text[at]) >= base)
            return n;
        crq_buf_putc(&l->string, l->text[at]);
        l->at = at + 1;
        n++;
    }
}

/* ---- bases that are powers of two ---- */

static const struct {
    char letter; /* in lower case */
    unsigned bits;
} bases[] = { { 'x', 4 }, { 'o', 3 }, { 'b', 1 } };

static unsigned bits_of(int letter)
{
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
        if ((letter | 0x20) == bases[i].letter)
            return bases[i].bits;
    return 0;
}

static int read_based(struct literal *l, unsigned bits, crq_value **out)
{
    size_t count, len, at = 0;
    unsigned have = 0, held = 0;
    uint8_t *le;
    int rc;

    l->at += 2;
    if (crq_literal_peek(l) == '_')
        l->at++;
    count = take_digits(l, 1u << bits);
    if (count == 0)
        return crq_literal_fail(l, l->at, "a digit of that base is missing");
    rc = crq_buf_check(&l->string, l->err);
    if (rc < 0)
        return rc;
    len = (count * bits + 7) / 8 + 1; /* the last byte is the sign */
    le = crq_calloc(len, 1);
    if (le == NULL)
        return crq_fail_nomem(l->err);
    for (size_t i = count; i > 0; i--) {
        have |= digit((unsigned char)l->string.data[i - 1]) << held;
        held += bits;
        if (held >= 8) {
            le[at++] = (uint8_t)have;
            have >>= 8;
            held -= 8;
        }
    }
    le[at] = (uint8_t)have;
    rc = made(l, crq_value_new_int_bytes(le, len), out);
    crq_free(le);
    return rc;
}

/* ---- decimal ---- */

static int read_float(struct literal *l, crq_value **out)
{
    double d;
    int rc = crq_buf_check(&l->string, l->err);

    if (rc < 0)
        return rc;
    if (crq_float_get(l->string.data, l->string.len, &d) < 0)
        return crq_fail_nomem(l->err);
    return made(l, crq_value_new_float(d), out);
}

static int read_int(struct literal *l, size_t start, crq_value **out)
{
    const char *digits = crq_buf_text(&l->string);
    int rc = crq_buf_check(&l->string, l->err);

    if (rc < 0)
        return rc;
    if (digits[0] == '0' && strspn(digits, "0") < l->string.len)
        return crq_literal_fail(l, start, "an int may not begin with 0");
    if (digits[0] == '0') /* any number of them */
        return made(l, crq_value_new_int(0), out);
    rc = crq_value_new_int_text(digits, l->string.len, out, l->err);
    return rc < 0 ? crq_fail_in(l->err, rc, "offset %zu", start) : 0;
}

/* An exponent is one only if digits follow. */
static bool take_exponent(struct literal *l)
{
    size_t at = l->at, len = l->string.len;
    int c = crq_literal_peek(l);

    if (c != 'e' && c != 'E')
        return false;
    crq_buf_putc(&l->string, 'e');
    l->at++;
    c = crq_literal_peek(l);
    if (c == '-' || c == '+') {
        crq_buf_putc(&l->string, (char)c);
        l->at++;
    }
    if (take_digits(l, 10) > 0)
        return true;
    l->at = at;
    crq_buf_cut(&l->string, len);
    return false;
}

int crq_literal_number(struct literal *l, crq_value **out)
{
    size_t start = l->at;
    bool whole = true;
    int c = l->at + 1 < l->len ? (unsigned char)l->text[l->at + 1] : 0;

    crq_buf_clear(&l->string);
    if (l->text[l->at] == '0' && bits_of(c) > 0)
        return read_based(l, bits_of(c), out);
    take_digits(l, 10);
    if (crq_literal_peek(l) == '.') {
        whole = false;
        crq_buf_putc(&l->string, '.');
        l->at++;
        take_digits(l, 10);
    }
    if (take_exponent(l))
        whole = false;
    c = crq_literal_peek(l);
    if (c == 'j' || c == 'J')
        return crq_literal_fail(l, start, "complex numbers are not supported");
    return whole ? read_int(l, start, out) : read_float(l, out);
}

static crq_value *negative_of_large(const crq_value *v)
{
    size_t len;
    const uint8_t *le = crq_value_int_bytes(v, &len);
    uint8_t *negated = crq_calloc(len, 1);
    unsigned carry = 1;
    crq_value *made_of_it;

    if (negated == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        carry += (uint8_t)~le[i];
        negated[i] = (uint8_t)carry;
        carry >>= 8;
    }
    made_of_it = crq_value_new_int_bytes(negated, len);
    crq_free(negated);
    return made_of_it;
}

int crq_literal_negate(const struct literal *l, crq_value **v)
{
    crq_value *negative;

    if (crq_value_type(*v) == CRQ_FLOAT)
        negative = crq_value_new_float(-crq_value_float(*v));
    else if (crq_value_int_fits(*v))
        negative = crq_value_new_int(-crq_value_int(*v));
    else
        negative = negative_of_large(*v);
    if (negative == NULL)
        return crq_fail_nomem(l->err);
    crq_value_free(*v);
    *v = negative;
    return 0;
}
