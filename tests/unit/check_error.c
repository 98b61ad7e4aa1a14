/* check_error.c - tests of base/error.c. */
#include "unit.h"

#include <string.h>

#include "base/error.h"

START_TEST(test_every_code_has_a_name_and_a_summary)
{
    for (int code = CRQ_ETASK; code <= CRQ_OK; code++) {
        ck_assert_str_ne(crq_error_name(code), "CRQ_E?");
        ck_assert_str_ne(crq_error_summary(code), "unknown error");
    }
    ck_assert_str_eq(crq_error_name(CRQ_ETASK - 1), "CRQ_E?");
    ck_assert_str_eq(crq_error_name(1), "CRQ_E?");
}
END_TEST

START_TEST(test_fail_fills_the_error_and_returns_the_code)
{
    crq_error err;

    ck_assert_int_eq(crq_fail(&err, CRQ_EINVAL, "no %s", "way"), CRQ_EINVAL);
    ck_assert_int_eq(err.code, CRQ_EINVAL);
    ck_assert_str_eq(err.text, "no way");
    ck_assert_int_eq(crq_fail(NULL, CRQ_EIO, "x"), CRQ_EIO);
}
END_TEST

START_TEST(test_the_text_is_one_printable_line)
{
    crq_error err;

    crq_fail(&err, CRQ_EINVAL, "a\nb\x1b[31m%s", "\x7f");
    ck_assert_str_eq(err.text, "a?b?[31m?");
    /* C1 controls, and quotes that were cut inside a character. */
    crq_fail(&err, CRQ_EINVAL, "'%.3s' %s", "\xc3\xa9\xc3\xa9", "\xc2\x9b.");
    ck_assert_str_eq(err.text, "'\xc3\xa9?' ?\?.");
}
END_TEST

START_TEST(test_a_long_text_is_cut_between_characters)
{
    char long_text[2000] = "";
    crq_error err;

    for (int i = 0; i < 600; i++)
        strcat(long_text, "\xe2\x82\xac");
    crq_fail(&err, CRQ_EINVAL, "%s", long_text);
    ck_assert_uint_eq(strlen(err.text) % 3, 0);
    ck_assert_uint_gt(strlen(err.text), sizeof(err.text) - 8);
}
END_TEST

START_TEST(test_context_goes_in_front)
{
    crq_error err;

    crq_fail(&err, CRQ_ECODEC, "offset 3: bad");
    ck_assert_int_eq(crq_fail_in(&err, CRQ_ECODEC, "job %d", 7), CRQ_ECODEC);
    ck_assert_str_eq(err.text, "job 7: offset 3: bad");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("error");

    tcase_add_test(tc, test_every_code_has_a_name_and_a_summary);
    tcase_add_test(tc, test_fail_fills_the_error_and_returns_the_code);
    tcase_add_test(tc, test_the_text_is_one_printable_line);
    tcase_add_test(tc, test_a_long_text_is_cut_between_characters);
    tcase_add_test(tc, test_context_goes_in_front);
    return unit_run("error", tc);
}
