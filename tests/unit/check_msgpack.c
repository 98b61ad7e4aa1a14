/* check_msgpack.c - tests of codec/msgpack_read.c and msgpack_write.c. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/literal.h"
#include "codec/msgpack.h"
#include "golden.h"

static void put_hex(struct crq_buf *out, const struct crq_buf *bytes)
{
    for (size_t i = 0; i < bytes->len; i++)
        crq_buf_printf(out, "%02x", (unsigned)(unsigned char)bytes->data[i]);
}

static void from_hex(const crq_value *hex, struct crq_buf *out)
{
    size_t len;
    const char *text = crq_value_data(hex, &len);

    for (size_t i = 0; i + 1 < len; i += 2) {
        unsigned byte;

        ck_assert_int_eq(sscanf(text + i, "%2x", &byte), 1);
        crq_buf_putc(out, (char)byte);
    }
}

/* ---- as Python ---- */

static void check_pack(const struct golden *row)
{
    struct crq_buf bytes = CRQ_BUF_INIT, hex = CRQ_BUF_INIT;
    size_t len, want_len;
    const char *text = crq_value_data(row->in, &len);
    crq_value *v;
    crq_error err;
    int rc;

    crq_value_data(row->want, &want_len);
    unit_ok(crq_literal_decode(text, len, NULL, &v, &err), &err);
    rc = crq_msgpack_encode(v, &bytes, &err);
    ck_assert_msg(rc == (want_len > 0 ? 0 : CRQ_EUNSUPPORTED), "%s: %d", text,
            rc);
    if (rc == 0) {
        put_hex(&hex, &bytes);
        golden_check(row, crq_buf_text(&hex), hex.len);
    }
    crq_value_free(v);
    crq_buf_fini(&bytes);
    crq_buf_fini(&hex);
}

START_TEST(test_a_value_is_packed_as_python_packs_it)
{
    golden_each_of("msgpack.tsv", "pack", check_pack);
}
END_TEST

static void check_unpack(const struct golden *row)
{
    struct crq_buf bytes = CRQ_BUF_INIT;
    crq_value *v;
    crq_error err;
    char *repr;
    size_t len;

    from_hex(row->in, &bytes);
    unit_ok(crq_msgpack_decode(bytes.data, bytes.len, NULL, &v, &err), &err);
    unit_ok(crq_value_repr(v, &repr, &len, &err), &err);
    golden_check(row, repr, len);
    crq_text_free(repr);
    crq_value_free(v);
    crq_buf_fini(&bytes);
}

START_TEST(test_bytes_are_unpacked_as_python_unpacks_them)
{
    golden_each_of("msgpack.tsv", "unpack", check_unpack);
}
END_TEST

START_TEST(test_a_bytearray_is_packed_like_bytes)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = crq_value_new_bytearray("ab", 2);
    crq_error err;

    unit_ok(crq_msgpack_encode(v, &out, &err), &err);
    ck_assert_uint_eq(out.len, 4);
    ck_assert_mem_eq(out.data,
            "\xc4\x02"
            "ab",
            4);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

/* ---- refused ---- */

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t len;
    int code;
    const char *says;
} wrong[] = {
    { BYTES(""), CRQ_ECODEC, "offset 0: the msgpack ends too soon" },
    { BYTES("\xc1"), CRQ_ECODEC, "offset 0: no msgpack begins with 0xc1" },
    { BYTES("\x01\x02"), CRQ_ECODEC,
            "offset 1: bytes behind the end of the msgpack" },
    { BYTES("\xcd\x01"), CRQ_ECODEC, "offset 2: the msgpack ends too soon" },
    { BYTES("\xd9"), CRQ_ECODEC, "offset 1: the msgpack ends too soon" },
    { BYTES("\xd9\x05"
            "abc"),
            CRQ_ECODEC, "offset 5: the msgpack ends too soon" },
    { BYTES("\xdb\xff\xff\xff\xff"
            "a"),
            CRQ_ECODEC, "offset 6: the msgpack ends too soon" },
    { BYTES("\xc6\xff\xff\xff\xff"), CRQ_ECODEC,
            "offset 5: the msgpack ends too soon" },
    /* Five bytes that promise gigabytes. */
    { BYTES("\xdd\xff\xff\xff\xff"), CRQ_ECODEC,
            "offset 5: more items are promised than bytes are left" },
    { BYTES("\xdf\xff\xff\xff\xff"), CRQ_ECODEC,
            "offset 5: more items are promised than bytes are left" },
    { BYTES("\xdf\x80\x00\x00\x00\x01"), CRQ_ECODEC,
            "offset 5: more items are promised than bytes are left" },
    { BYTES("\x82\x01\x02\x03"), CRQ_ECODEC,
            "offset 1: more items are promised than bytes are left" },
    { BYTES("\x92\x01\xa1"), CRQ_ECODEC,
            "offset 3: the msgpack ends too soon" },
    { BYTES("\xa2\xc3\x28"), CRQ_ECODEC, "offset 1: not UTF-8" },
    { BYTES("\xa4x\xed\xa0\x80"), CRQ_ECODEC,
            "offset 2: a surrogate in a string" },
    { BYTES("\x81\x90\x01"), CRQ_ECODEC,
            "offset 1: Python cannot hash this key of a map" },
    { BYTES("\x91\xd7\xff\0\0\0\0\0\0\0\0"), CRQ_EUNSUPPORTED,
            "offset 1: an extension type, which only its makers can read" },
    { BYTES("\xc7\x00\x05"), CRQ_EUNSUPPORTED,
            "offset 0: an extension type, which only its makers can read" },
};

START_TEST(test_bytes_that_are_no_msgpack_are_refused)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_msgpack_decode(wrong[_i].bytes, wrong[_i].len, NULL,
                             &v, &err),
            wrong[_i].code);
    ck_assert_str_eq(err.text, wrong[_i].says);
    ck_assert_ptr_null(v);
}
END_TEST

static const struct {
    struct crq_limits limits;
    int depth, code;
} limits[] = {
    { { 0 }, CRQ_MSGPACK_DEPTH, 0 },
    { { 0 }, CRQ_MSGPACK_DEPTH + 1, CRQ_ELIMIT },
    { { .max_depth = 3 }, 3, 0 },
    { { .max_depth = 3 }, 4, CRQ_ELIMIT },
    { { .max_items = 4 }, 4, 0 },
    { { .max_items = 4 }, 5, CRQ_ELIMIT },
    { { .max_bytes = 4 }, 4, 0 },
    { { .max_bytes = 4 }, 5, CRQ_ELIMIT },
};

START_TEST(test_limits_are_kept)
{
    char bytes[64];
    crq_value *v = NULL;
    crq_error err;

    memset(bytes, 0x91, sizeof(bytes)); /* [[[ ... [] */
    bytes[limits[_i].depth - 1] = (char)0x90;
    ck_assert_int_eq(crq_msgpack_decode(bytes, (size_t)limits[_i].depth,
                             &limits[_i].limits, &v, &err),
            limits[_i].code);
    crq_value_free(v);
}
END_TEST

START_TEST(test_what_could_not_be_read_is_not_written)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = crq_value_new_list();
    crq_error err;

    for (int i = 1; i < CRQ_MSGPACK_DEPTH; i++) {
        crq_value *outer = crq_value_new_list();

        ck_assert_int_eq(crq_value_add(outer, v), 0);
        v = outer;
    }
    unit_ok(crq_msgpack_encode(v, &out, &err), &err);
    crq_value_free(v);
    unit_ok(crq_msgpack_decode(out.data, out.len, NULL, &v, &err), &err);
    ck_assert_int_eq(crq_value_add(v, crq_value_ref(v)), 0);
    ck_assert_int_eq(crq_msgpack_encode(v, &out, &err), CRQ_EUNSUPPORTED);
    crq_value_clear(v);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

/* ---- memory ---- */

static int there_and_back(void *arg, crq_error *err)
{
    static const char text[] = "{'a': [1, 18446744073709551615, b'x', 1.5]}";
    struct crq_buf bytes = CRQ_BUF_INIT;
    crq_value *v = NULL, *again = NULL;
    int rc = crq_literal_decode(text, strlen(text), NULL, &v, err);

    (void)arg;
    if (rc == 0)
        rc = crq_msgpack_encode(v, &bytes, err);
    if (rc == 0)
        rc = crq_msgpack_decode(bytes.data, bytes.len, NULL, &again, err);
    if (rc == 0)
        ck_assert(crq_value_equal(v, again));
    crq_value_free(again);
    crq_value_free(v);
    crq_buf_fini(&bytes);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(there_and_back, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("msgpack");

    tcase_add_test(tc, test_a_value_is_packed_as_python_packs_it);
    tcase_add_test(tc, test_bytes_are_unpacked_as_python_unpacks_them);
    tcase_add_test(tc, test_a_bytearray_is_packed_like_bytes);
    unit_add_rows(tc, test_bytes_that_are_no_msgpack_are_refused, wrong);
    unit_add_rows(tc, test_limits_are_kept, limits);
    tcase_add_test(tc, test_what_could_not_be_read_is_not_written);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("msgpack", tc);
}
