/* check_mem.c - tests of base/mem.c. */
#include "unit.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

START_TEST(test_nothing_is_still_something)
{
    void *a = crq_malloc(0), *b = crq_calloc(0, 8), *c = crq_realloc(NULL, 0);

    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_nonnull(c);
    crq_free(a);
    crq_free(b);
    crq_free(c);
    crq_free(NULL);
}
END_TEST

START_TEST(test_copies_end_in_nul)
{
    char *a = crq_memdup("ab\0cd", 4), *b = crq_strdup("xyz");
    char *c = crq_memdup(NULL, 0);

    ck_assert_int_eq(memcmp(a, "ab\0c", 5), 0);
    ck_assert_str_eq(b, "xyz");
    ck_assert_str_eq(c, "");
    crq_free(a);
    crq_free(b);
    crq_free(c);
}
END_TEST

START_TEST(test_sizes_that_overflow_are_refused)
{
    ck_assert_ptr_null(crq_reallocarray(NULL, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(crq_memdup("", SIZE_MAX));
}
END_TEST

START_TEST(test_reallocarray_keeps_what_was_there)
{
    int *numbers = crq_reallocarray(NULL, 2, sizeof(*numbers));

    numbers[1] = 7;
    numbers = crq_reallocarray(numbers, 1000, sizeof(*numbers));
    ck_assert_int_eq(numbers[1], 7);
    crq_free(numbers);
    numbers = crq_reallocarray(NULL, 5, 0);
    ck_assert_ptr_nonnull(numbers);
    crq_free(numbers);
}
END_TEST

START_TEST(test_the_nth_allocation_and_all_later_ones_fail)
{
    void *a, *b;

    crq_mem_fail_at(2);
    a = crq_malloc(1);
    ck_assert(!crq_mem_failed());
    b = crq_malloc(1);
    ck_assert(crq_mem_failed());
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_null(b);
    ck_assert_ptr_null(crq_calloc(1, 1));
    ck_assert_ptr_null(crq_realloc(NULL, 1));
    ck_assert_ptr_null(crq_strdup(""));
    crq_mem_fail_at(0);
    b = crq_malloc(1);
    ck_assert_ptr_nonnull(b);
    ck_assert(!crq_mem_failed());
    crq_free(a);
    crq_free(b);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("mem");

    tcase_add_test(tc, test_nothing_is_still_something);
    tcase_add_test(tc, test_copies_end_in_nul);
    tcase_add_test(tc, test_sizes_that_overflow_are_refused);
    tcase_add_test(tc, test_reallocarray_keeps_what_was_there);
    tcase_add_test(tc, test_the_nth_allocation_and_all_later_ones_fail);
    return unit_run("mem", tc);
}
