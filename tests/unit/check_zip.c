/* check_zip.c - tests of codec/zip.c and codec/base64.c. */
#include "unit.h"

#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "codec/zip.h"

/* Text that compresses about as a pickled job does. */
static char *make_text(size_t len)
{
    char *text = crq_malloc(len + 1);
    uint32_t x = 1;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = i % 8 < 4 ? "arg="[i % 4] : (char)(x >> 27);
    }
    text[len] = '\0';
    return text;
}

static const size_t sizes[] = { 0, 1, 2, 60, 63, 64, 65, 127, 128, 129, 249,
    250, 251, 300, 511, 512, 513, 1000, 4095, 4096, 16384, 32768, 40000,
    300000 };

START_TEST(test_what_is_deflated_inflates_again_and_is_not_longer)
{
    size_t len = sizes[_i];
    char *text = make_text(len);
    struct crq_buf zip = CRQ_BUF_INIT, back = CRQ_BUF_INIT;
    uLongf best = compressBound((uLong)len);
    char *usual = crq_malloc(best);
    crq_error err;

    ck_assert_int_eq(compress((Bytef *)usual, &best, (const Bytef *)text,
                             (uLong)len),
            Z_OK);
    crq_buf_puts(&zip, "x");
    unit_ok(crq_zip_deflate(text, len, &zip, &err), &err);
    ck_assert_int_eq(zip.data[0], 'x');
    ck_assert_uint_le(zip.len - 1, best + best / 50 + 6);
    crq_buf_puts(&back, "y");
    unit_ok(crq_zip_inflate(zip.data + 1, zip.len - 1, &back, &err), &err);
    ck_assert_uint_eq(back.len, len + 1);
    ck_assert_int_eq(memcmp(back.data + 1, text, len), 0);
    ck_assert_int_eq(back.data[back.len], '\0');
    crq_free(text);
    crq_free(usual);
    crq_buf_fini(&zip);
    crq_buf_fini(&back);
}
END_TEST

START_TEST(test_the_cap_is_exact)
{
    char *text = make_text(5000);
    struct crq_buf zip = CRQ_BUF_INIT, back;
    crq_error err;

    unit_ok(crq_zip_deflate(text, 5000, &zip, &err), &err);
    crq_buf_init(&back, 5000);
    unit_ok(crq_zip_inflate(zip.data, zip.len, &back, &err), &err);
    ck_assert_uint_eq(back.len, 5000);
    crq_buf_fini(&back);
    crq_buf_init(&back, 4999);
    ck_assert_int_eq(crq_zip_inflate(zip.data, zip.len, &back, &err),
            CRQ_ELIMIT);
    ck_assert_str_eq(err.text, "the zlib data holds more than 4999 bytes");
    ck_assert_uint_eq(back.len, 0);
    crq_buf_fini(&back);
    crq_buf_fini(&zip);
    crq_free(text);
}
END_TEST

START_TEST(test_a_bomb_costs_no_more_than_its_cap)
{
    size_t len = (size_t)8 << 20;
    char *zeros = crq_calloc(1, len);
    struct crq_buf zip = CRQ_BUF_INIT, back;
    crq_error err;

    unit_ok(crq_zip_deflate(zeros, len, &zip, &err), &err);
    crq_buf_init(&back, 100000);
    ck_assert_int_eq(crq_zip_inflate(zip.data, zip.len, &back, &err),
            CRQ_ELIMIT);
    ck_assert_uint_le(back.cap, 100001);
    crq_buf_fini(&back);
    crq_buf_fini(&zip);
    crq_free(zeros);
}
END_TEST

/* zlib.compress(b'hello'), changed in each way that matters. */
#define HELLO "\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"

static const struct {
    const char *bytes;
    size_t len;
    const char *want;
} wrong[] = {
    { "", 0, "the zlib data is cut short after 0 bytes" },
    { HELLO, 12, "the zlib data is cut short after 12 bytes" },
    { HELLO, 5, "the zlib data is cut short after 5 bytes" },
    { HELLO "x", 14, "1 bytes behind the zlib data" },
    { HELLO HELLO, 26, "13 bytes behind the zlib data" },
    { "hello", 5, "not zlib data: incorrect header check" },
    { "\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x16", 13,
            "not zlib data: incorrect data check" },
    { "\x78\x9c\xff", 3, "not zlib data: invalid block type" },
    /* zlib.compressobj(zdict=b'hello') */
    { "\x78\xbb\x06\x2c\x02\x15\xcb\x40\x90\x00\x06\x2c\x02\x15", 14,
            "zlib data with a preset dictionary" },
};

START_TEST(test_anything_else_is_refused)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    crq_buf_puts(&out, "x");
    ck_assert_int_eq(crq_zip_inflate(wrong[_i].bytes, wrong[_i].len, &out,
                             &err),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, wrong[_i].want);
    ck_assert_str_eq(crq_buf_text(&out), "x");
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_what_python_compressed_is_read)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_zip_inflate(HELLO, 13, &out, &err), &err);
    ck_assert_str_eq(crq_buf_text(&out), "hello");
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_a_failed_buffer_stays_failed)
{
    struct crq_buf out;
    crq_error err;

    crq_buf_init(&out, 3);
    ck_assert_int_eq(crq_zip_deflate("hello", 5, &out, &err), CRQ_ELIMIT);
    ck_assert_int_eq(crq_zip_inflate(HELLO, 13, &out, &err), CRQ_ELIMIT);
    ck_assert_int_eq(crq_base64_encode("abc", 3, &out, &err), CRQ_ELIMIT);
    ck_assert_int_eq(crq_base64_decode("YWJj", 4, &out, &err), CRQ_ELIMIT);
    ck_assert_int_eq(crq_zip_deflate("", CRQ_BUF_MAX + 1, &out, &err),
            CRQ_ELIMIT);
    ck_assert_int_eq(crq_zip_inflate("", CRQ_BUF_MAX + 1, &out, &err),
            CRQ_ELIMIT);
    ck_assert_int_eq(crq_base64_encode("", CRQ_BUF_MAX + 1, &out, &err),
            CRQ_ELIMIT);
    crq_buf_fini(&out);
}
END_TEST

/* ---- base64 ---- */

static const struct {
    const char *bytes;
    size_t len;
    const char *text;
} pairs[] = {
    { "", 0, "" },
    { "f", 1, "Zg==" },
    { "fo", 2, "Zm8=" },
    { "foo", 3, "Zm9v" },
    { "foob", 4, "Zm9vYg==" },
    { "\xff\xef\xbe\0", 4, "/+++AA==" },
    { "\xfb\xff", 2, "+/8=" },
};

START_TEST(test_base64_goes_both_ways)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_base64_encode(pairs[_i].bytes, pairs[_i].len, &out, &err),
            &err);
    ck_assert_str_eq(crq_buf_text(&out), pairs[_i].text);
    crq_buf_clear(&out);
    unit_ok(crq_base64_decode(pairs[_i].text, strlen(pairs[_i].text), &out,
                    &err),
            &err);
    ck_assert_uint_eq(out.len, pairs[_i].len);
    ck_assert_int_eq(memcmp(crq_buf_text(&out), pairs[_i].bytes, out.len), 0);
    crq_buf_fini(&out);
}
END_TEST

static const struct {
    const char *text, *want;
} not_base64[] = {
    { "Z", "offset 1: base64 comes in groups of four characters" },
    { "Zm9v\n", "offset 5: base64 comes in groups of four characters" },
    { "Zm 9", "offset 2: the byte 0x20 is not base64 here" },
    { "Z===", "offset 1: the byte 0x3d is not base64 here" },
    { "====", "offset 0: the byte 0x3d is not base64 here" },
    { "Zg==Zg==", "offset 2: the byte 0x3d is not base64 here" },
    { "Zm9-", "offset 3: the byte 0x2d is not base64 here" },
    { "Zh==", "offset 1: the byte 0x68 is not base64 here" },
    { "Zm9=", "offset 2: the byte 0x39 is not base64 here" },
};

START_TEST(test_other_text_is_no_base64)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    crq_buf_puts(&out, "x");
    ck_assert_int_eq(crq_base64_decode(not_base64[_i].text,
                             strlen(not_base64[_i].text), &out, &err),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, not_base64[_i].want);
    ck_assert_str_eq(crq_buf_text(&out), "x");
    crq_buf_fini(&out);
}
END_TEST

static int all(void *arg, crq_error *err)
{
    struct crq_buf zip = CRQ_BUF_INIT, text = CRQ_BUF_INIT;
    struct crq_buf back = CRQ_BUF_INIT;
    int rc = crq_zip_deflate(arg, 5000, &zip, err);

    if (rc == 0)
        rc = crq_base64_encode(zip.data, zip.len, &text, err);
    crq_buf_clear(&zip);
    if (rc == 0)
        rc = crq_base64_decode(text.data, text.len, &zip, err);
    if (rc == 0)
        rc = crq_zip_inflate(zip.data, zip.len, &back, err);
    crq_buf_fini(&zip);
    crq_buf_fini(&text);
    crq_buf_fini(&back);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    char *text = make_text(5000);

    unit_fail_each_allocation(all, text);
    crq_free(text);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("zip");

    unit_add_rows(tc, test_what_is_deflated_inflates_again_and_is_not_longer,
            sizes);
    tcase_add_test(tc, test_the_cap_is_exact);
    tcase_add_test(tc, test_a_bomb_costs_no_more_than_its_cap);
    unit_add_rows(tc, test_anything_else_is_refused, wrong);
    tcase_add_test(tc, test_what_python_compressed_is_read);
    tcase_add_test(tc, test_a_failed_buffer_stays_failed);
    unit_add_rows(tc, test_base64_goes_both_ways, pairs);
    unit_add_rows(tc, test_other_text_is_no_base64, not_base64);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("zip", tc);
}
