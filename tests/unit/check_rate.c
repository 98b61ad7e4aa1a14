/* check_rate.c - web/rate.c: how much one address may ask for. */
#include "unit.h"
#include "web/rate.h"

#define S     INT64_C(1000000)
#define BEGIN (1000 * S)
#define PEER  "1.2.3.4"

static struct rate *rate;

static void setup(void)
{
    crq_error err;

    unit_ok(rate_new(5, &rate, &err), &err);
}

static void teardown(void)
{
    rate_free(rate);
}

static void use_up(const char *peer, int64_t now_us)
{
    for (int i = 0; i < 5 * RATE_OVER_S; i++)
        ck_assert_int_eq(rate_wait_s(rate, peer, now_us), 0);
}

START_TEST(test_what_comes_at_once_is_taken_up_to_the_limit)
{
    use_up(PEER, BEGIN);
    ck_assert_int_eq(rate_wait_s(rate, PEER, BEGIN), 1);
}
END_TEST

START_TEST(test_what_was_refused_is_not_counted)
{
    use_up(PEER, BEGIN);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(rate_wait_s(rate, PEER, BEGIN), 1);
    ck_assert_int_eq(rate_wait_s(rate, PEER, BEGIN + S / 5), 0);
}
END_TEST

START_TEST(test_in_the_long_run_it_is_so_many_a_second)
{
    int taken = 0;

    use_up(PEER, BEGIN);
    for (int64_t us = 0; us < 20 * S; us += S / 100)
        taken += rate_wait_s(rate, PEER, BEGIN + us) == 0;
    ck_assert_int_ge(taken, 99);
    ck_assert_int_le(taken, 100);
}
END_TEST

START_TEST(test_who_was_away_has_no_more_than_the_limit)
{
    use_up(PEER, BEGIN);
    use_up(PEER, BEGIN + 1000 * S);
    ck_assert_int_eq(rate_wait_s(rate, PEER, BEGIN + 1000 * S), 1);
}
END_TEST

START_TEST(test_one_address_does_not_use_up_what_is_anothers)
{
    use_up(PEER, BEGIN);
    use_up("1.2.3.5", BEGIN);
    use_up("2001:db8::1", BEGIN);
    ck_assert_int_eq(rate_wait_s(rate, "2001:db8::2", BEGIN), 1);
}
END_TEST

START_TEST(test_without_a_limit_all_may)
{
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(rate_wait_s(NULL, PEER, BEGIN), 0);
}
END_TEST

static int make(void *arg, crq_error *err)
{
    struct rate *made;
    int rc = rate_new(1, &made, err);

    (void)arg;
    if (rc == 0)
        rate_free(made);
    return rc;
}

START_TEST(test_no_memory_is_told)
{
    unit_fail_each_allocation(make, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("rate");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_what_comes_at_once_is_taken_up_to_the_limit);
    tcase_add_test(tc, test_what_was_refused_is_not_counted);
    tcase_add_test(tc, test_in_the_long_run_it_is_so_many_a_second);
    tcase_add_test(tc, test_who_was_away_has_no_more_than_the_limit);
    tcase_add_test(tc, test_one_address_does_not_use_up_what_is_anothers);
    tcase_add_test(tc, test_without_a_limit_all_may);
    tcase_add_test(tc, test_no_memory_is_told);
    return unit_run("rate", tc);
}
