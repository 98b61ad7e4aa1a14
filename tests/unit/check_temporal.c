/* check_temporal.c - tests of codec/temporal.c. */
#include "unit.h"

#include <string.h>

#include "codec/value.h"

#define NAIVE                                                                  \
    false, false,                                                              \
    {                                                                          \
        0, 0, NULL                                                             \
    }

static const struct {
    crq_datetime d;
    const char *refused; /* NULL: good */
} datetimes[] = {
    { { 1, 1, 1, 0, 0, 0, 0, NAIVE }, NULL },
    { { 9999, 12, 31, 23, 59, 59, 999999, NAIVE }, NULL },
    { { 2024, 2, 29, 0, 0, 0, 0, NAIVE }, NULL },
    { { 2000, 2, 29, 0, 0, 0, 0, NAIVE }, NULL },
    { { 1900, 2, 29, 0, 0, 0, 0, NAIVE }, "month 2 of 1900 has no day 29" },
    { { 2023, 2, 29, 0, 0, 0, 0, NAIVE }, "month 2 of 2023 has no day 29" },
    { { 2023, 4, 31, 0, 0, 0, 0, NAIVE }, "month 4 of 2023 has no day 31" },
    { { 2023, 4, 0, 0, 0, 0, 0, NAIVE }, "month 4 of 2023 has no day 0" },
    { { 0, 1, 1, 0, 0, 0, 0, NAIVE }, "year 0 is not in 1..9999" },
    { { 10000, 1, 1, 0, 0, 0, 0, NAIVE }, "year 10000 is not in 1..9999" },
    { { 2023, 0, 1, 0, 0, 0, 0, NAIVE }, "month 0 is not in 1..12" },
    { { 2023, 13, 1, 0, 0, 0, 0, NAIVE }, "month 13 is not in 1..12" },
    { { 2023, 1, 1, 24, 0, 0, 0, NAIVE }, "there is no time 24:0:0.0" },
    { { 2023, 1, 1, -1, 0, 0, 0, NAIVE }, "there is no time -1:0:0.0" },
    { { 2023, 1, 1, 0, 60, 0, 0, NAIVE }, "there is no time 0:60:0.0" },
    { { 2023, 1, 1, 0, 0, 60, 0, NAIVE }, "there is no time 0:0:60.0" },
    { { 2023, 1, 1, 0, 0, 0, 1000000, NAIVE },
            "there is no time 0:0:0.1000000" },
    { { 2023, 1, 1, 0, 0, 0, 0, true, true, { 86400, 0, NULL } },
            "a zone 86400 s from UTC; it must be less than a day" },
};

START_TEST(test_only_datetimes_of_the_calendar_are_made)
{
    crq_value *v = NULL;
    crq_error err = { 0, "" };
    int rc = crq_value_new_datetime(&datetimes[_i].d, &v, &err);

    if (datetimes[_i].refused == NULL) {
        unit_ok(rc, &err);
        ck_assert_int_eq(crq_value_type(v), CRQ_DATETIME);
        ck_assert_int_eq(crq_value_datetime(v)->year, datetimes[_i].d.year);
    } else {
        ck_assert_int_eq(rc, CRQ_EINVAL);
        ck_assert_str_eq(err.text, datetimes[_i].refused);
        ck_assert_ptr_null(v);
    }
    crq_value_free(v);
}
END_TEST

START_TEST(test_a_date_has_no_clock_and_a_time_no_date)
{
    crq_datetime d = { 2024, 2, 29, 1, 2, 3, 4, true, true,
        { 3600, 5, "CET" } };
    crq_value *v;
    const crq_datetime *got;
    crq_error err;

    unit_ok(crq_value_new_date(2024, 2, 29, &v, &err), &err);
    got = crq_value_datetime(v);
    ck_assert_int_eq(got->day, 29);
    ck_assert_int_eq(got->hour + got->microsecond, 0);
    ck_assert(!got->has_tz);
    crq_value_free(v);
    unit_ok(crq_value_new_time(&d, &v, &err), &err);
    got = crq_value_datetime(v);
    ck_assert_int_eq(got->year + got->month + got->day, 0);
    ck_assert_int_eq(got->microsecond, 4);
    ck_assert(got->fold);
    ck_assert_int_eq(got->tz.offset_us, 5);
    ck_assert_str_eq(got->tz.name, "CET");
    ck_assert_ptr_ne(got->tz.name, d.tz.name);
    crq_value_free(v);
    ck_assert_int_eq(crq_value_new_date(2023, 2, 29, &v, &err), CRQ_EINVAL);
    d.hour = 24;
    ck_assert_int_eq(crq_value_new_time(&d, &v, &err), CRQ_EINVAL);
}
END_TEST

START_TEST(test_a_naive_datetime_forgets_a_zone_that_was_not_meant)
{
    crq_datetime d = { 2024, 1, 1, 0, 0, 0, 0, false, false,
        { 99999999, 0, "x" } };
    crq_value *v;
    crq_error err;

    unit_ok(crq_value_new_datetime(&d, &v, &err), &err);
    ck_assert_int_eq(crq_value_datetime(v)->tz.offset_s, 0);
    ck_assert_ptr_null(crq_value_datetime(v)->tz.name);
    crq_value_free(v);
}
END_TEST

static const struct {
    crq_tz tz;
    bool good;
} zones[] = {
    { { 0, 0, NULL }, true },
    { { 86399, 999999, "x" }, true },
    { { -86400, 1, NULL }, true },
    { { -86400, 0, NULL }, false },
    { { 86400, 0, NULL }, false },
    { { -86401, 999999, NULL }, false },
    { { 0, -1, NULL }, false },
    { { 0, 1000000, NULL }, false },
    { { 0, 0, "\xff" }, false },
};

START_TEST(test_a_zone_is_less_than_a_day_from_utc)
{
    crq_value *v = NULL;
    crq_error err;
    int rc = crq_value_new_timezone(&zones[_i].tz, &v, &err);

    ck_assert_int_eq(rc, zones[_i].good ? 0 : CRQ_EINVAL);
    if (rc == 0)
        ck_assert_int_eq(crq_value_timezone(v)->offset_s,
                zones[_i].tz.offset_s);
    crq_value_free(v);
}
END_TEST

static const struct {
    crq_timedelta d;
    bool good;
} deltas[] = {
    { { 0, 0, 0 }, true },
    { { -999999999, 0, 0 }, true },
    { { 999999999, 86399, 999999 }, true },
    { { -1000000000, 0, 0 }, false },
    { { 1000000000, 0, 0 }, false },
    { { 0, -1, 0 }, false },
    { { 0, 86400, 0 }, false },
    { { 0, 0, -1 }, false },
    { { 0, 0, 1000000 }, false },
};

START_TEST(test_a_timedelta_is_normalised)
{
    crq_value *v = NULL;
    crq_error err;
    int rc = crq_value_new_timedelta(&deltas[_i].d, &v, &err);

    ck_assert_int_eq(rc, deltas[_i].good ? 0 : CRQ_EINVAL);
    if (rc == 0)
        ck_assert_int_eq(crq_value_timedelta(v)->days, deltas[_i].d.days);
    crq_value_free(v);
}
END_TEST

static int build(void *arg, crq_error *err)
{
    crq_datetime d = { 2024, 1, 1, 0, 0, 0, 0, false, true, { 0, 0, "UTC" } };
    crq_timedelta delta = { 0, 0, 0 };
    crq_value *v[4] = { NULL };
    int rc = crq_value_new_datetime(&d, &v[0], err);

    (void)arg;
    if (rc == 0)
        rc = crq_value_new_time(&d, &v[1], err);
    if (rc == 0)
        rc = crq_value_new_timezone(&d.tz, &v[2], err);
    if (rc == 0)
        rc = crq_value_new_timedelta(&delta, &v[3], err);
    for (int i = 0; i < 4; i++)
        crq_value_free(v[i]);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(build, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("temporal");

    unit_add_rows(tc, test_only_datetimes_of_the_calendar_are_made, datetimes);
    tcase_add_test(tc, test_a_date_has_no_clock_and_a_time_no_date);
    tcase_add_test(tc, test_a_naive_datetime_forgets_a_zone_that_was_not_meant);
    unit_add_rows(tc, test_a_zone_is_less_than_a_day_from_utc, zones);
    unit_add_rows(tc, test_a_timedelta_is_normalised, deltas);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("temporal", tc);
}
