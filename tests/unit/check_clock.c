/* check_clock.c - tests of base/clock.c. */
#include "unit.h"

#include <time.h>

#include "base/clock.h"

START_TEST(test_a_manual_clock_stands_until_it_is_set)
{
    struct crq_clock_manual manual;

    crq_clock_manual_init(&manual, 42);
    ck_assert_int_eq(crq_clock_wall_us(&manual.clock), 42);
    ck_assert_int_eq(crq_clock_mono_us(&manual.clock), 42);
    manual.now_us = 43;
    ck_assert_int_eq(crq_clock_wall_us(&manual.clock), 43);
    ck_assert_int_eq(crq_clock_mono_us(&manual.clock), 43);
}
END_TEST

START_TEST(test_the_systems_wall_clock_is_microseconds_since_1970)
{
    time_t before = time(NULL);
    int64_t now_us = crq_clock_wall_us(&crq_clock_system);

    /* time() reads a coarser clock, up to a tick behind. */
    ck_assert_int_ge(now_us / 1000000, before);
    ck_assert_int_le(now_us / 1000000, time(NULL) + 1);
}
END_TEST

START_TEST(test_the_systems_monotonic_clock_never_goes_back)
{
    int64_t last = crq_clock_mono_us(&crq_clock_system), now;

    for (int i = 0; i < 1000; i++) {
        now = crq_clock_mono_us(&crq_clock_system);
        ck_assert_int_ge(now, last);
        last = now;
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("clock");

    tcase_add_test(tc, test_a_manual_clock_stands_until_it_is_set);
    tcase_add_test(tc, test_the_systems_wall_clock_is_microseconds_since_1970);
    tcase_add_test(tc, test_the_systems_monotonic_clock_never_goes_back);
    return unit_run("clock", tc);
}
