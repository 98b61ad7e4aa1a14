/* msgpack_write.c - values to msgpack, as Python's msgpack.packb(v). */
#include <string.h>

#include "base/error.h"
#include "codec/msgpack.h"

struct writer {
    struct crq_buf *out;
    crq_error *err;
};

static int write_value(struct writer *w, const crq_value *v);

/* A head and so many bytes of a number, the most significant first. */
static void put(struct writer *w, unsigned head, uint64_t n, int width)
{
    crq_buf_putc(w->out, (char)head);
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
        crq_buf_putc(w->out, (char)(n >> shift));
}

/* Heads of what has a length, for lengths up to `most`. */
static const struct form {
    uint64_t most;
    unsigned head;
    int width; /* of the length; 0: in the head */
} text_forms[] = { { 31, 0xa0, 0 }, { 0xff, 0xd9, 1 }, { 0xffff, 0xda, 2 },
    { UINT32_MAX, 0xdb, 4 }, { 0 } },
  bytes_forms[] = { { 0xff, 0xc4, 1 }, { 0xffff, 0xc5, 2 },
      { UINT32_MAX, 0xc6, 4 }, { 0 } },
  array_forms[] = { { 15, 0x90, 0 }, { 0xffff, 0xdc, 2 },
      { UINT32_MAX, 0xdd, 4 }, { 0 } },
  map_forms[] = { { 15, 0x80, 0 }, { 0xffff, 0xde, 2 }, { UINT32_MAX, 0xdf, 4 },
      { 0 } },
  int_forms[] = { { 0x7f, 0x00, 0 }, { 0xff, 0xcc, 1 }, { 0xffff, 0xcd, 2 },
      { UINT32_MAX, 0xce, 4 }, { UINT64_MAX, 0xcf, 8 }, { 0 } };

static int put_form(struct writer *w, const struct form *form, uint64_t n)
{
    while (form->most != 0 && n > form->most)
        form++;
    if (form->most == 0)
        return crq_fail(w->err, CRQ_ELIMIT,
                "msgpack has no form for a length of %llu",
                (unsigned long long)n);
    put(w, form->head + (form->width == 0 ? (unsigned)n : 0), n, form->width);
    return 0;
}

static void put_negative(struct writer *w, int64_t n)
{
    if (n >= -32)
        put(w, (unsigned)(n + 0x100), 0, 0);
    else if (n >= INT8_MIN)
        put(w, 0xd0, (uint64_t)n, 1);
    else if (n >= INT16_MIN)
        put(w, 0xd1, (uint64_t)n, 2);
    else if (n >= INT32_MIN)
        put(w, 0xd2, (uint64_t)n, 4);
    else
        put(w, 0xd3, (uint64_t)n, 8);
}

static int write_int(struct writer *w, const crq_value *v)
{
    const uint8_t *le;
    uint64_t n = 0;
    size_t len;

    if (crq_value_int_fits(v)) {
        int64_t small = crq_value_int(v);

        if (small >= 0)
            return put_form(w, int_forms, (uint64_t)small);
        put_negative(w, small);
        return 0;
    }
    /* Up to 64 bits without a sign: a ninth byte of 0 is the sign. */
    le = crq_value_int_bytes(v, &len);
    if (len != 9 || le[8] != 0)
        return crq_fail(w->err, CRQ_EUNSUPPORTED,
                "msgpack has no form for an int beyond 64 bits");
    for (size_t i = 8; i > 0; i--)
        n = n << 8 | le[i - 1];
    return put_form(w, int_forms, n);
}

static int write_float(struct writer *w, const crq_value *v)
{
    double d = crq_value_float(v);
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    put(w, 0xcb, bits, 8);
    return 0;
}

static int write_text(struct writer *w, const crq_value *v)
{
    size_t len;
    const char *text = crq_value_data(v, &len);
    int rc;

    if (crq_msgpack_surrogate(text, len) < len)
        return crq_fail(w->err, CRQ_EUNSUPPORTED,
                "msgpack has no form for a str with a lone surrogate");
    rc = put_form(w, text_forms, len);
    crq_buf_put(w->out, text, len);
    return rc;
}

static int write_bytes(struct writer *w, const crq_value *v)
{
    size_t len;
    const char *bytes = crq_value_data(v, &len);
    int rc = put_form(w, bytes_forms, len);

    crq_buf_put(w->out, bytes, len);
    return rc;
}

static int write_array(struct writer *w, const crq_value *v)
{
    size_t count = crq_value_count(v);
    int rc = put_form(w, array_forms, count);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = write_value(w, crq_value_item(v, i));
    return rc;
}

static int write_map(struct writer *w, const crq_value *v)
{
    size_t count = crq_value_count(v);
    int rc = put_form(w, map_forms, count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = write_value(w, crq_value_key(v, i));
        if (rc == 0)
            rc = write_value(w, crq_value_item(v, i));
    }
    return rc;
}

static int write_none(struct writer *w, const crq_value *v)
{
    (void)v;
    crq_buf_putc(w->out, (char)0xc0);
    return 0;
}

static int write_bool(struct writer *w, const crq_value *v)
{
    crq_buf_putc(w->out, (char)(crq_value_bool(v) ? 0xc3 : 0xc2));
    return 0;
}

static int (*const writers[])(struct writer *, const crq_value *) = {
    [CRQ_NONE] = write_none,
    [CRQ_BOOL] = write_bool,
    [CRQ_INT] = write_int,
    [CRQ_FLOAT] = write_float,
    [CRQ_STR] = write_text,
    [CRQ_BYTES] = write_bytes,
    [CRQ_BYTEARRAY] = write_bytes,
    [CRQ_LIST] = write_array,
    [CRQ_TUPLE] = write_array,
    [CRQ_DICT] = write_map,
};

static int write_value(struct writer *w, const crq_value *v)
{
    crq_type type = crq_value_type(v);

    if ((size_t)type >= sizeof(writers) / sizeof(writers[0]))
        return crq_fail(w->err, CRQ_EUNSUPPORTED,
                "msgpack has no form for a %s", crq_type_name(type));
    return writers[type](w, v);
}

int crq_msgpack_encode(const crq_value *v, struct crq_buf *out, crq_error *err)
{
    struct writer w = { out, err };
    int rc = crq_value_check(v, CRQ_MSGPACK_DEPTH, err);

    if (rc == 0)
        rc = write_value(&w, v);
    return rc < 0 ? rc : crq_buf_check(out, err);
}
