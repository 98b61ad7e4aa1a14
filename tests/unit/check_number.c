/* check_number.c - tests of codec/number.c. */
#include "unit.h"

#include <string.h>

#include "base/buf.h"
#include "codec/value.h"
#include "golden.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; hex[0] != '\0'; hex += 2) {
        unsigned byte = 0;

        for (int i = 0; i < 2; i++)
            byte = byte * 16 +
                    (unsigned)(hex[i] <= '9' ? hex[i] - '0'
                                             : hex[i] - 'a' + 10);
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static void check_int(const struct golden *row)
{
    struct crq_buf out = CRQ_BUF_INIT;
    uint8_t le[4000];
    size_t len = from_hex(crq_value_text(row->in), le), text_len, big_len;
    const char *text = crq_value_data(row->want, &text_len);
    crq_value *a = crq_value_new_int_bytes(le, len), *b = NULL;
    crq_error err;

    unit_ok(crq_value_int_text(a, &out, &err), &err);
    golden_check(row, crq_buf_text(&out), out.len);
    unit_ok(crq_value_new_int_text(text, text_len, &b, &err), &err);
    ck_assert(crq_value_equal(a, b));
    ck_assert(crq_value_int_fits(a) == (len <= 8));
    if (len > 8) { /* Python gave as few bytes as hold the sign */
        const uint8_t *bytes = crq_value_int_bytes(b, &big_len);

        ck_assert_uint_eq(big_len, len);
        ck_assert_int_eq(memcmp(bytes, le, len), 0);
    }
    crq_value_free(a);
    crq_value_free(b);
    crq_buf_fini(&out);
}

START_TEST(test_bytes_and_digits_are_those_of_python)
{
    golden_each("int", check_int);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    int64_t want;
} short_ones[] = {
    { "", 0, 0 },
    { "\0", 1, 0 },
    { "\xff", 1, -1 },
    { "\x80", 1, -128 },
    { "\x80\0", 2, 128 },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, -1 },
    { "\1\0\0\0\0\0\0\0\0\0\0\0", 12, 1 },
    { "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, INT64_MAX },
    { "\0\0\0\0\0\0\0\x80", 8, INT64_MIN },
    { "\0\0\0\0\0\0\0\x80\xff", 9, INT64_MIN },
};

START_TEST(test_bytes_that_only_repeat_the_sign_do_not_count)
{
    crq_value *v =
            crq_value_new_int_bytes((const uint8_t *)short_ones[_i].bytes,
                    short_ones[_i].len);

    ck_assert(crq_value_int_fits(v));
    ck_assert_int_eq(crq_value_int(v), short_ones[_i].want);
    crq_value_free(v);
}
END_TEST

static const struct {
    const char *text;
    int64_t want;
} texts[] = {
    { "0", 0 },
    { "-0", 0 },
    { "+5", 5 },
    { "007", 7 },
    { "-9223372036854775808", INT64_MIN },
    { "9223372036854775807", INT64_MAX },
    { "000000000000000000000000000001", 1 },
};

START_TEST(test_texts_that_fit_are_small_ints)
{
    crq_value *v = NULL;
    crq_error err;

    unit_ok(crq_value_new_int_text(texts[_i].text, strlen(texts[_i].text), &v,
                    &err),
            &err);
    ck_assert(crq_value_int_fits(v));
    ck_assert_int_eq(crq_value_int(v), texts[_i].want);
    crq_value_free(v);
}
END_TEST

static const struct {
    const char *text, *want;
} wrong[] = {
    { "", "an int needs digits" },
    { "-", "an int needs digits" },
    { "1 ", "'1 ' is not an int" },
    { "--1", "'--1' is not an int" },
    { "0x1", "'0x1' is not an int" },
    { "1_0", "'1_0' is not an int" },
    { "1234567890123456789012345678901234567890123x",
            "'1234567890123456789012345678901234567890' is not an int" },
};

START_TEST(test_other_texts_are_no_ints)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_value_new_int_text(wrong[_i].text,
                             strlen(wrong[_i].text), &v, &err),
            CRQ_EINVAL);
    ck_assert_str_eq(err.text, wrong[_i].want);
    ck_assert_ptr_null(v);
}
END_TEST

START_TEST(test_texts_end_at_4300_digits)
{
    struct crq_buf out = CRQ_BUF_INIT;
    char text[4302];
    uint8_t le[2000];
    crq_value *v = NULL, *more;
    crq_error err;

    memset(text, '9', sizeof(text));
    text[0] = '-';
    unit_ok(crq_value_new_int_text(text, 4301, &v, &err), &err);
    unit_ok(crq_value_int_text(v, &out, &err), &err);
    ck_assert_uint_eq(out.len, 4301);
    ck_assert_int_eq(crq_value_new_int_text(text, 4302, &more, &err),
            CRQ_ELIMIT);
    ck_assert_int_eq(crq_value_new_int_text(text + 1, 4301, &more, &err),
            CRQ_ELIMIT);
    crq_value_free(v);
    /* 2^14296 has 4304 digits, but no more words than 4300 could need. */
    for (size_t len = 1788; len <= sizeof(le); len += 212) {
        memset(le, 0, sizeof(le));
        le[len - 1] = 1;
        v = crq_value_new_int_bytes(le, len);
        ck_assert_int_eq(crq_value_int_text(v, &out, &err), CRQ_ELIMIT);
        crq_value_free(v);
    }
    crq_buf_fini(&out);
}
END_TEST

static int build(void *arg, crq_error *err)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = NULL;
    int rc = crq_value_new_int_text("123456789012345678901", 21, &v, err);

    (void)arg;
    if (rc == 0)
        rc = crq_value_int_text(v, &out, err);
    crq_value_free(v);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(build, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("number");

    tcase_add_test(tc, test_bytes_and_digits_are_those_of_python);
    unit_add_rows(tc, test_bytes_that_only_repeat_the_sign_do_not_count,
            short_ones);
    unit_add_rows(tc, test_texts_that_fit_are_small_ints, texts);
    unit_add_rows(tc, test_other_texts_are_no_ints, wrong);
    tcase_add_test(tc, test_texts_end_at_4300_digits);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("number", tc);
}
