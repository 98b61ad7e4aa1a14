/* check_random.c - tests of base/random.c. */
#include "unit.h"

#include <string.h>

#include "base/random.h"

START_TEST(test_two_draws_differ)
{
    unsigned char a[32] = { 0 }, b[32] = { 0 };

    crq_random(a, sizeof(a));
    crq_random(b, sizeof(b));
    crq_random(a, 0);
    ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
}
END_TEST

START_TEST(test_a_large_draw_is_filled_to_its_end)
{
    static unsigned char bytes[1 << 20];
    int zeros = 0;

    crq_random(bytes, sizeof(bytes));
    for (size_t i = sizeof(bytes) - 1024; i < sizeof(bytes); i++)
        zeros += bytes[i] == 0;
    ck_assert_int_lt(zeros, 100);
}
END_TEST

START_TEST(test_a_uuid4_has_its_form)
{
    char id[CRQ_UUID_LEN + 1], last[CRQ_UUID_LEN + 1] = "";

    for (int n = 0; n < 200; n++) {
        crq_uuid4(id);
        ck_assert_uint_eq(strlen(id), CRQ_UUID_LEN);
        for (int i = 0; i < CRQ_UUID_LEN; i++) {
            bool dash = i == 8 || i == 13 || i == 18 || i == 23;

            ck_assert_ptr_nonnull(strchr(dash ? "-" : "0123456789abcdef",
                    id[i]));
        }
        ck_assert_int_eq(id[14], '4');
        ck_assert_ptr_nonnull(strchr("89ab", id[19]));
        ck_assert_str_ne(id, last);
        strcpy(last, id);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("random");

    tcase_add_test(tc, test_two_draws_differ);
    tcase_add_test(tc, test_a_large_draw_is_filled_to_its_end);
    tcase_add_test(tc, test_a_uuid4_has_its_form);
    return unit_run("random", tc);
}
