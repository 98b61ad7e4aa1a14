/* check_buf.c - tests of base/buf.c. */
#include "unit.h"

#include <string.h>

#include "base/buf.h"

START_TEST(test_what_is_put_stands_in_order_and_ends_in_nul)
{
    struct crq_buf buf = CRQ_BUF_INIT;

    ck_assert_str_eq(crq_buf_text(&buf), "");
    crq_buf_puts(&buf, "ab");
    crq_buf_putc(&buf, 'c');
    crq_buf_printf(&buf, "%d", 42);
    crq_buf_put(&buf, "\0x", 2);
    ck_assert_int_eq(buf.rc, 0);
    ck_assert_uint_eq(buf.len, 7);
    ck_assert_int_eq(memcmp(buf.data, "abc42\0x", 8), 0);
    crq_buf_fini(&buf);
}
END_TEST

static const struct {
    int64_t n;
    const char *text;
} ints[] = {
    { 0, "0" },
    { 7, "7" },
    { 10, "10" },
    { -1, "-1" },
    { 1234567890, "1234567890" },
    { INT64_MAX, "9223372036854775807" },
    { INT64_MIN, "-9223372036854775808" },
};

START_TEST(test_a_number_is_written_in_decimal)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    char text[CRQ_INT_LEN + 1];

    ck_assert_uint_eq(crq_int_put(text, ints[_i].n), strlen(ints[_i].text));
    ck_assert_str_eq(text, ints[_i].text);
    crq_buf_puts(&buf, "n=");
    ck_assert_int_eq(crq_buf_puti(&buf, ints[_i].n), 0);
    ck_assert_str_eq(crq_buf_text(&buf) + 2, ints[_i].text);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_a_long_printf_is_whole)
{
    struct crq_buf buf = CRQ_BUF_INIT;

    crq_buf_printf(&buf, "%0500d", 7);
    ck_assert_uint_eq(buf.len, 500);
    ck_assert_int_eq(buf.data[499], '7');
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_a_put_beyond_the_cap_fails_and_stays_failed)
{
    struct crq_buf buf;
    crq_error err;
    char *text = NULL;

    crq_buf_init(&buf, 4);
    ck_assert_int_eq(crq_buf_puts(&buf, "1234"), 0);
    ck_assert_int_eq(crq_buf_putc(&buf, '5'), CRQ_ELIMIT);
    ck_assert_int_eq(crq_buf_puts(&buf, ""), CRQ_ELIMIT);
    ck_assert_str_eq(crq_buf_text(&buf), "1234");
    ck_assert_int_eq(crq_buf_steal(&buf, &text, NULL, &err), CRQ_ELIMIT);
    ck_assert_ptr_null(text);
    ck_assert_str_eq(err.text, "more than 4 bytes");
    crq_buf_clear(&buf);
    ck_assert_int_eq(crq_buf_puts(&buf, "again"), CRQ_ELIMIT);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_steal_hands_the_bytes_over)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    crq_error err;
    char *text;
    size_t len;

    unit_ok(crq_buf_steal(&buf, &text, &len, &err), &err);
    ck_assert_str_eq(text, "");
    crq_text_free(text);
    crq_buf_puts(&buf, "mine");
    unit_ok(crq_buf_steal(&buf, &text, &len, &err), &err);
    ck_assert_str_eq(text, "mine");
    ck_assert_uint_eq(len, 4);
    ck_assert_uint_eq(buf.len, 0);
    crq_text_free(text);
}
END_TEST

static int fill(void *arg, crq_error *err)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc;

    (void)arg;
    for (int i = 0; i < 1000; i++)
        crq_buf_printf(&buf, "%d %0200d", i, i);
    rc = crq_buf_check(&buf, err);
    crq_buf_fini(&buf);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(fill, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("buf");

    tcase_add_test(tc, test_what_is_put_stands_in_order_and_ends_in_nul);
    unit_add_rows(tc, test_a_number_is_written_in_decimal, ints);
    tcase_add_test(tc, test_a_long_printf_is_whole);
    tcase_add_test(tc, test_a_put_beyond_the_cap_fails_and_stays_failed);
    tcase_add_test(tc, test_steal_hands_the_bytes_over);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("buf", tc);
}
