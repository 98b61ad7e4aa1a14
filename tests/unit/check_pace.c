/* check_pace.c - tests of workers/pace.c: how many jobs are claimed ahead. */
#include "workers/pace.h"

#include "unit.h"

static const struct {
    int64_t took_us[4]; /* 0: none */
    size_t children;
    int64_t youngest_us;
    size_t ahead;
} paces[] = {
    { { 0 }, 4, 0, 0 },          /* nothing is known */
    { { 1 }, 2, 0, PACE_MOST },  /* however short */
    { { -7 }, 2, 0, PACE_MOST }, /* the clock was set back */
    { { 1000 }, 1, 0, 4 },
    { { 1000 }, 2, 0, 8 },
    { { 4000 }, 1, 0, 1 },
    { { 4001 }, 1, 0, 0 },
    { { 8000 }, 2, 0, 1 },
    { { 60000000 }, 64, 0, 0 },
    /* All children have been busy for longer than jobs took. */
    { { 100 }, 2, 8000, 1 },
    { { 100 }, 2, 8001, 0 },
    /* A long one counts at once, short ones little by little. */
    { { 100, 1000000 }, 2, 0, 0 },
    { { 1000000, 100 }, 2, 0, 0 },
    { { 8000, 800 }, 8, 0, 4 },
};

START_TEST(test_as_many_wait_as_will_begin_soon)
{
    struct pace pace = { 0 };

    for (size_t i = 0; i < 4 && paces[_i].took_us[i] != 0; i++)
        pace_took(&pace, paces[_i].took_us[i]);
    ck_assert_uint_eq(pace_ahead(&pace, paces[_i].children,
                              paces[_i].youngest_us),
            paces[_i].ahead);
}
END_TEST

START_TEST(test_short_jobs_are_trusted_again_in_the_end)
{
    struct pace pace = { 0 };
    int jobs = 0;

    pace_took(&pace, 1000000);
    for (; pace_ahead(&pace, 2, 0) < PACE_MOST; jobs++)
        pace_took(&pace, 100);
    ck_assert_int_gt(jobs, 30);
    ck_assert_int_lt(jobs, 100);
}
END_TEST

START_TEST(test_waiting_in_vain_is_a_long_job)
{
    struct pace pace = { 0 };

    pace_took(&pace, 100);
    pace_takes(&pace, PACE_WAIT_US);
    ck_assert_uint_eq(pace_ahead(&pace, 2, 0), 0);
    pace_takes(&pace, 5);
    ck_assert_int_eq(pace.job_us, PACE_WAIT_US);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pace");

    unit_add_rows(tc, test_as_many_wait_as_will_begin_soon, paces);
    tcase_add_test(tc, test_short_jobs_are_trusted_again_in_the_end);
    tcase_add_test(tc, test_waiting_in_vain_is_a_long_job);
    return unit_run("pace", tc);
}
