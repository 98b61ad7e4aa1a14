/*
 * msgpack_read.c - msgpack to values.
 *
 * A count is believed only as far as bytes are left: every item takes one at
 * least. So what is reserved is bounded by what came, whatever was promised.
 */
#include <string.h>

#include "base/error.h"
#include "codec/msgpack.h"

struct reader {
    const uint8_t *bytes;
    size_t len, at;
    size_t items, depth; /* how many may still be made, and be opened */
    crq_error *err;
};

static int read_value(struct reader *r, crq_value **out);

static int cut_short(struct reader *r)
{
    return crq_fail(r->err, CRQ_ECODEC, "offset %zu: the msgpack ends too soon",
            r->len);
}

static int made(struct reader *r, crq_value *v, crq_value **out)
{
    if (v == NULL)
        return crq_fail_nomem(r->err);
    *out = v;
    return 0;
}

/* So many bytes, the most significant first. */
static int read_uint(struct reader *r, size_t width, uint64_t *out)
{
    uint64_t n = 0;

    if (r->len - r->at < width)
        return cut_short(r);
    for (size_t i = 0; i < width; i++)
        n = n << 8 | r->bytes[r->at++];
    *out = n;
    return 0;
}

/* ---- scalars ---- */

static int read_unsigned(struct reader *r, size_t width, crq_value **out)
{
    uint8_t le[9] = { 0 };
    uint64_t n;
    int rc = read_uint(r, width, &n);

    if (rc < 0)
        return rc;
    if (n <= INT64_MAX)
        return made(r, crq_value_new_int((int64_t)n), out);
    for (size_t i = 0; i < 8; i++)
        le[i] = (uint8_t)(n >> (8 * i));
    return made(r, crq_value_new_int_bytes(le, sizeof(le)), out);
}

static int read_signed(struct reader *r, size_t width, crq_value **out)
{
    uint64_t n, sign = UINT64_C(1) << (8 * width - 1);
    int rc = read_uint(r, width, &n);

    if (rc < 0)
        return rc;
    /* Two's complement of `width` bytes, widened without a shift of a sign. */
    return made(r, crq_value_new_int((int64_t)((n ^ sign) - sign)), out);
}

static int read_float(struct reader *r, size_t width, crq_value **out)
{
    uint64_t bits;
    uint32_t short_bits;
    double d;
    float f;
    int rc = read_uint(r, width, &bits);

    if (rc < 0)
        return rc;
    if (width == 4) {
        short_bits = (uint32_t)bits;
        memcpy(&f, &short_bits, sizeof(f));
        d = (double)f;
    } else
        memcpy(&d, &bits, sizeof(d));
    return made(r, crq_value_new_float(d), out);
}

static int read_text(struct reader *r, uint64_t len, crq_value **out)
{
    const char *text = (const char *)r->bytes + r->at;
    size_t bad;

    if (len > r->len - r->at)
        return cut_short(r);
    if (!crq_utf8_valid(text, (size_t)len, &bad))
        return crq_fail(r->err, CRQ_ECODEC, "offset %zu: not UTF-8",
                r->at + bad);
    bad = crq_msgpack_surrogate(text, (size_t)len);
    if (bad < len)
        return crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: a surrogate in a string", r->at + bad);
    r->at += (size_t)len;
    return crq_value_new_str(text, (size_t)len, out, r->err);
}

static int read_bytes(struct reader *r, uint64_t len, crq_value **out)
{
    const uint8_t *bytes = r->bytes + r->at;

    if (len > r->len - r->at)
        return cut_short(r);
    r->at += (size_t)len;
    return made(r, crq_value_new_bytes(bytes, (size_t)len), out);
}

/* ---- containers ---- */

static int open_container(struct reader *r, uint64_t count, size_t each)
{
    if (count > (r->len - r->at) / each)
        return crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: more items are promised than bytes are left",
                r->at);
    if (r->depth == 0)
        return crq_fail(r->err, CRQ_ELIMIT, "offset %zu: nested too deep",
                r->at);
    r->depth--;
    return 0;
}

static int read_array(struct reader *r, uint64_t count, crq_value **out)
{
    crq_value *list, *item;
    int rc = open_container(r, count, 1);

    if (rc < 0)
        return rc;
    list = crq_value_new_list();
    if (list == NULL)
        return crq_fail_nomem(r->err);
    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        rc = read_value(r, &item);
        if (rc == 0 && crq_value_add(list, item) < 0)
            rc = crq_fail_nomem(r->err);
    }
    r->depth++;
    if (rc < 0) {
        crq_value_free(list);
        return rc;
    }
    *out = list;
    return 0;
}

static int read_pair(struct reader *r, crq_value *dict)
{
    crq_value *key = NULL, *val = NULL;
    size_t at = r->at;
    int rc = read_value(r, &key);

    if (rc == 0)
        rc = read_value(r, &val);
    if (rc < 0) {
        crq_value_free(key);
        return rc;
    }
    rc = crq_value_put(dict, key, val);
    if (rc == CRQ_EINVAL)
        return crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: Python cannot hash this key of a map", at);
    return rc < 0 ? crq_fail(r->err, rc, "%s", crq_error_summary(rc)) : 0;
}

static int read_map(struct reader *r, uint64_t count, crq_value **out)
{
    crq_value *dict;
    int rc = open_container(r, count, 2);

    if (rc < 0)
        return rc;
    dict = crq_value_new_dict();
    if (dict == NULL)
        return crq_fail_nomem(r->err);
    for (uint64_t i = 0; rc == 0 && i < count; i++)
        rc = read_pair(r, dict);
    r->depth++;
    if (rc < 0) {
        crq_value_free(dict);
        return rc;
    }
    *out = dict;
    return 0;
}

/* ---- everything ---- */

static int read_none(struct reader *r, size_t width, crq_value **out)
{
    (void)width;
    return made(r, crq_value_new_none(), out);
}

static int read_bool(struct reader *r, size_t width, crq_value **out)
{
    return made(r, crq_value_new_bool(width == 1), out);
}

static int read_extension(struct reader *r, size_t width, crq_value **out)
{
    (void)width;
    (void)out;
    return crq_fail(r->err, CRQ_EUNSUPPORTED,
            "offset %zu: an extension type, which only its makers can read",
            r->at - 1);
}

/* The heads from 0xc0 to 0xdf: who reads what is behind them. A body has a
 * length of `width` bytes in front, a scalar is so many bytes. */
static const struct {
    int (*scalar)(struct reader *, size_t width, crq_value **);
    int (*body)(struct reader *, uint64_t len, crq_value **);
    size_t width;
} heads[32] = {
    [0x00] = { read_none, NULL, 0 },
    /* 0x01 is never used */
    [0x02] = { read_bool, NULL, 0 },
    [0x03] = { read_bool, NULL, 1 },
    [0x04] = { NULL, read_bytes, 1 },
    [0x05] = { NULL, read_bytes, 2 },
    [0x06] = { NULL, read_bytes, 4 },
    [0x07] = { read_extension, NULL, 0 },
    [0x08] = { read_extension, NULL, 0 },
    [0x09] = { read_extension, NULL, 0 },
    [0x0a] = { read_float, NULL, 4 },
    [0x0b] = { read_float, NULL, 8 },
    [0x0c] = { read_unsigned, NULL, 1 },
    [0x0d] = { read_unsigned, NULL, 2 },
    [0x0e] = { read_unsigned, NULL, 4 },
    [0x0f] = { read_unsigned, NULL, 8 },
    [0x10] = { read_signed, NULL, 1 },
    [0x11] = { read_signed, NULL, 2 },
    [0x12] = { read_signed, NULL, 4 },
    [0x13] = { read_signed, NULL, 8 },
    [0x14] = { read_extension, NULL, 0 },
    [0x15] = { read_extension, NULL, 0 },
    [0x16] = { read_extension, NULL, 0 },
    [0x17] = { read_extension, NULL, 0 },
    [0x18] = { read_extension, NULL, 0 },
    [0x19] = { NULL, read_text, 1 },
    [0x1a] = { NULL, read_text, 2 },
    [0x1b] = { NULL, read_text, 4 },
    [0x1c] = { NULL, read_array, 2 },
    [0x1d] = { NULL, read_array, 4 },
    [0x1e] = { NULL, read_map, 2 },
    [0x1f] = { NULL, read_map, 4 },
};

static int read_value(struct reader *r, crq_value **out)
{
    uint64_t len;
    uint8_t head;
    int rc;

    if (r->at == r->len)
        return cut_short(r);
    if (r->items == 0)
        return crq_fail(r->err, CRQ_ELIMIT, "offset %zu: too many values",
                r->at);
    r->items--;
    head = r->bytes[r->at++];
    if (head < 0x80)
        return made(r, crq_value_new_int(head), out);
    if (head >= 0xe0)
        return made(r, crq_value_new_int((int64_t)head - 0x100), out);
    if (head < 0x90)
        return read_map(r, head & 0x0f, out);
    if (head < 0xa0)
        return read_array(r, head & 0x0f, out);
    if (head < 0xc0)
        return read_text(r, head & 0x1f, out);
    if (heads[head - 0xc0].scalar != NULL)
        return heads[head - 0xc0].scalar(r, heads[head - 0xc0].width, out);
    if (heads[head - 0xc0].body == NULL)
        return crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: no msgpack begins with 0xc1", r->at - 1);
    rc = read_uint(r, heads[head - 0xc0].width, &len);
    return rc < 0 ? rc : heads[head - 0xc0].body(r, len, out);
}

int crq_msgpack_decode(const void *bytes, size_t len,
        const struct crq_limits *limits, crq_value **out, crq_error *err)
{
    struct crq_limits limit = crq_limits_resolve(limits);
    struct reader r = { bytes, len, 0, limit.max_items,
        limit.max_depth < CRQ_MSGPACK_DEPTH ? limit.max_depth
                                            : CRQ_MSGPACK_DEPTH,
        err };
    crq_value *v = NULL;
    int rc;

    if (len > limit.max_bytes)
        return crq_fail(err, CRQ_ELIMIT, "%zu bytes of msgpack; %zu are taken",
                len, limit.max_bytes);
    rc = read_value(&r, &v);
    if (rc < 0)
        return rc;
    if (r.at < len) {
        crq_value_free(v);
        return crq_fail(err, CRQ_ECODEC,
                "offset %zu: bytes behind the end of the msgpack", r.at);
    }
    *out = v;
    return 0;
}

size_t crq_msgpack_surrogate(const char *text, size_t len)
{
    const unsigned char *b = (const unsigned char *)text;

    for (size_t i = 0; i + 1 < len; i++)
        if (b[i] == 0xed && b[i + 1] >= 0xa0)
            return i;
    return len;
}
