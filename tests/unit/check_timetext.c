/* check_timetext.c - tests of codec/timetext.c. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/timetext.h"

#define S INT64_C(1000000)

/* ---- RQ's form ---- */

static const struct {
    int64_t us;
    const char *text;
} instants[] = {
    { 0, "1970-01-01T00:00:00.000000Z" },
    { INT64_C(1795247270513712), "2026-11-21T07:47:50.513712Z" },
    { -1, "1969-12-31T23:59:59.999999Z" },
    { 951782399 * S, "2000-02-28T23:59:59.000000Z" },
    { 951782400 * S, "2000-02-29T00:00:00.000000Z" },
    { INT64_C(-62135596800) * S, "0001-01-01T00:00:00.000000Z" },
    { INT64_C(253402300799) * S + 999999, "9999-12-31T23:59:59.999999Z" },
    { INT64_C(4107542400) * S, "2100-03-01T00:00:00.000000Z" },
};

START_TEST(test_instants_are_written_and_read_as_rq_does)
{
    char text[CRQ_TIMETEXT_LEN + 1];
    int64_t us;
    crq_error err;

    crq_timetext_put(text, instants[_i].us);
    ck_assert_str_eq(text, instants[_i].text);
    unit_ok(crq_timetext_get(text, strlen(text), &us, &err), &err);
    ck_assert_int_eq(us, instants[_i].us);
}
END_TEST

START_TEST(test_instants_outside_of_the_calendar_are_cut_to_it)
{
    char text[CRQ_TIMETEXT_LEN + 1];

    crq_timetext_put(text, INT64_MIN);
    ck_assert_str_eq(text, "0001-01-01T00:00:00.000000Z");
    crq_timetext_put(text, INT64_MAX);
    ck_assert_str_eq(text, "9999-12-31T23:59:59.999999Z");
}
END_TEST

static const struct {
    const char *text;
    int64_t us; /* -1: refused */
} stored[] = {
    { "1970-01-01T00:00:01Z", S },
    { "1970-01-01T00:00:01.5Z", S + 500000 },
    { "1970-01-01T00:00:01.000001Z", S + 1 },
    { "1970-01-01T23:59:59Z", 86399 * S },
    { "1972-02-29T00:00:00Z", 789 * 86400 * S },
    { "1970-01-01T00:00:01.Z", -1 },
    { "1970-01-01T00:00:01.1234567Z", -1 },
    { "1970-01-01T00:00:01", -1 },
    { "1970-01-01T00:00:01ZZ", -1 },
    { "1970-01-01T00:00:01Z\n", -1 },
    { "1970-01-01 00:00:01Z", -1 },
    { "1970-1-01T00:00:01Z", -1 },
    { "1970-00-01T00:00:01Z", -1 },
    { "1970-13-01T00:00:01Z", -1 },
    { "1970-01-00T00:00:01Z", -1 },
    { "1970-01-32T00:00:01Z", -1 },
    { "1970-02-29T00:00:01Z", -1 },
    { "1900-02-29T00:00:01Z", -1 },
    { "0000-01-01T00:00:01Z", -1 },
    { "1970-01-01T24:00:00Z", -1 },
    { "1970-01-01T00:60:00Z", -1 },
    { "1970-01-01T00:00:60Z", -1 },
    { "1970-01-01T-1:00:00Z", -1 },
    { "1970-01-01", -1 },
    { "", -1 },
    { "None", -1 },
};

START_TEST(test_only_what_rq_has_written_is_read)
{
    int64_t us = -1;
    crq_error err;
    int rc = crq_timetext_get(stored[_i].text, strlen(stored[_i].text), &us,
            &err);

    ck_assert_int_eq(rc, stored[_i].us < 0 ? CRQ_ECODEC : 0);
    ck_assert_int_eq(us, stored[_i].us);
}
END_TEST

START_TEST(test_a_stored_time_ends_at_its_length)
{
    int64_t us;
    crq_error err;

    unit_ok(crq_timetext_get("1970-01-01T00:00:01Zjunk", 20, &us, &err), &err);
    ck_assert_int_eq(crq_timetext_get("1970-01-01T00:00:01Z", 19, &us, &err),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, "'1970-01-01T00:00:01' is not a time of RQ's");
}
END_TEST

/* ---- people's form ---- */

#define REFUSED INT64_MIN

static const struct {
    const char *text;
    int64_t us;
} given[] = {
    { "1970-01-02T00:00Z", 86400 * S },
    { "1970-01-02 00:00z", 86400 * S },
    { "1970-01-02t00:00:01Z", 86401 * S },
    { "1970-01-02T00:00:00.25Z", 86400 * S + 250000 },
    { "1970-01-02T00:00:00,123456789Z", 86400 * S + 123456 },
    { "1970-01-02T00:00+02:00", 79200 * S },
    { "1970-01-02T00:00:00-0130", 91800 * S },
    { "1970-01-02T00:00", 86400 * S + 18000 * S }, /* TZ is five hours west */
    { "1970-07-02T00:00:00.5", 15724800 * S + 14400 * S + 500000 },
    { "1970-01-02", REFUSED },
    { "1970-01-02T00", REFUSED },
    { "1970-01-02T00:00:", REFUSED },
    { "1970-01-02T00:00:00.", REFUSED },
    { "1970-01-02T00:00:00.1234567890", REFUSED },
    { "1970-01-02T00:00+2", REFUSED },
    { "1970-01-02T00:00+02:", REFUSED },
    { "1970-01-02T00:00+24:00", REFUSED },
    { "1970-01-02T00:00 UTC", REFUSED },
    { "1970-02-30T00:00Z", REFUSED },
    { "tomorrow", REFUSED },
    { "", REFUSED },
};

START_TEST(test_iso_times_are_read_with_any_zone_or_the_machines)
{
    int64_t us = REFUSED;
    crq_error err;
    int rc;

    setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
    tzset();
    rc = crq_timetext_iso(given[_i].text, &us, &err);
    ck_assert_int_eq(rc, given[_i].us == REFUSED ? CRQ_EINVAL : 0);
    ck_assert_int_eq(us, given[_i].us);
}
END_TEST

/* ---- durations ---- */

static const struct {
    const char *text;
    int64_t us;
} durations[] = {
    { "10", 10 * S },
    { "0.5", 500000 },
    { "-1", -S },
    { "+1", S },
    { "-0.25s", -250000 },
    { "90s", 90 * S },
    { "2m", 120 * S },
    { "1.5H", 5400 * S },
    { "1D", 86400 * S },
    { "0.000001", 1 },
    { "0.0000019", 1 },
    { "0.33333333333333333333d", INT64_C(28799999999) },
    { "0", 0 },
    { "9223372036854", INT64_C(9223372036854) * S },
    { "9223372036854.775807", INT64_MAX },
    { "9223372036854.775808", REFUSED },
    { "9223372036855", REFUSED },
    { "99999999999999999999", REFUSED },
    { "106751992d", REFUSED },
    { "", REFUSED },
    { "-", REFUSED },
    { "--1", REFUSED },
    { ".5", REFUSED },
    { "1.", REFUSED },
    { "1.s", REFUSED },
    { "s", REFUSED },
    { "1w", REFUSED },
    { "1 s", REFUSED },
    { " 1", REFUSED },
    { "1h30m", REFUSED },
    { "1e3", REFUSED },
    { "inf", REFUSED },
    { "0x10", REFUSED },
};

START_TEST(test_durations_are_read_to_the_microsecond)
{
    int64_t us = REFUSED;
    crq_error err;
    int rc = crq_timetext_duration(durations[_i].text, &us, &err);

    ck_assert_int_eq(rc, durations[_i].us == REFUSED ? CRQ_EINVAL : 0);
    ck_assert_int_eq(us, durations[_i].us);
}
END_TEST

/* ---- the calendar, and values ---- */

static const struct {
    const char *text;
    int64_t us;
} scores[] = {
    { "1795286844.58286213874817", INT64_C(1795286844582862) },
    { "1.7952868445828621e+9", INT64_C(1795286844582862) },
    { "1.795286844E+09", INT64_C(1795286844) * S },
    { "5e-1", 500000 },
    { "1.0000000000000001e-05", 10 },
    { "-1e-300", 0 },
    { "0", 0 },
    { "1e+300", REFUSED },
    { "1e", REFUSED },
    { "inf", REFUSED },
    { "-inf", REFUSED },
    { "-e+9", REFUSED },
    { "", REFUSED },
};

START_TEST(test_a_score_may_have_an_exponent)
{
    int64_t us = REFUSED;
    int rc = crq_timetext_score(scores[_i].text, &us);

    ck_assert_int_eq(rc, scores[_i].us == REFUSED ? CRQ_EINVAL : 0);
    ck_assert_int_eq(us, scores[_i].us);
}
END_TEST

START_TEST(test_every_day_of_800_years_goes_both_ways)
{
    int last = 0;

    for (int64_t day = -150000; day < 150000; day++) {
        int y, m, d;

        crq_civil_from_days(day, &y, &m, &d);
        ck_assert_int_eq(crq_days_from_civil(y, m, d), day);
        ck_assert(d == 1 ? last >= 28 : d == last + 1 || last == 0);
        last = d;
    }
    ck_assert_int_eq(crq_days_from_civil(1, 1, 1), -719162);
    ck_assert_int_eq(crq_days_from_civil(9999, 12, 31), 2932896);
    ck_assert_int_eq(crq_days_from_civil(-1, 3, 1), -719834);
}
END_TEST

static const struct {
    crq_type type;
    crq_datetime when;
    const char *want;
} values[] = {
    { CRQ_DATE, { .year = 1, .month = 2, .day = 3 }, "0001-02-03" },
    { CRQ_TIME, { .hour = 3, .minute = 4, .microsecond = 5 },
            "03:04:00.000005" },
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 5, 0, false, false, { 0, 0, NULL } },
            "2020-01-02T03:04:05" },
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 5, 6, false, true, { 0, 0, NULL } },
            "2020-01-02T03:04:05.000006+00:00" },
    { CRQ_DATETIME,
            { 2020, 1, 2, 3, 4, 5, 0, false, true, { -19800, 0, NULL } },
            "2020-01-02T03:04:05-05:30" },
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 5, 0, false, true, { 3601, 0, NULL } },
            "2020-01-02T03:04:05+01:00:01" },
    { CRQ_TIME, { .has_tz = true, .tz = { -1, 999999, NULL } },
            "00:00:00-00:00:00.000001" },
};

START_TEST(test_values_are_written_as_isoformat_does)
{
    const crq_datetime *d = &values[_i].when;
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v;
    crq_error err;

    if (values[_i].type == CRQ_DATE)
        unit_ok(crq_value_new_date(d->year, d->month, d->day, &v, &err), &err);
    else if (values[_i].type == CRQ_TIME)
        unit_ok(crq_value_new_time(d, &v, &err), &err);
    else
        unit_ok(crq_value_new_datetime(d, &v, &err), &err);
    ck_assert_int_eq(crq_timetext_value(v, &out), 0);
    ck_assert_str_eq(crq_buf_text(&out), values[_i].want);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("timetext");

    unit_add_rows(tc, test_instants_are_written_and_read_as_rq_does, instants);
    tcase_add_test(tc, test_instants_outside_of_the_calendar_are_cut_to_it);
    unit_add_rows(tc, test_only_what_rq_has_written_is_read, stored);
    tcase_add_test(tc, test_a_stored_time_ends_at_its_length);
    unit_add_rows(tc, test_iso_times_are_read_with_any_zone_or_the_machines,
            given);
    unit_add_rows(tc, test_durations_are_read_to_the_microsecond, durations);
    unit_add_rows(tc, test_a_score_may_have_an_exponent, scores);
    tcase_add_test(tc, test_every_day_of_800_years_goes_both_ways);
    unit_add_rows(tc, test_values_are_written_as_isoformat_does, values);
    return unit_run("timetext", tc);
}
