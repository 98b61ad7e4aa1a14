/* temporal.c - making dates, times, durations and zones, checked. */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/value_impl.h"

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
        31 };

    return days[month - 1] + (month == 2 && is_leap(year));
}

static int check_date(const crq_datetime *d, crq_error *err)
{
    if (d->year < 1 || d->year > 9999)
        return crq_fail(err, CRQ_EINVAL, "year %d is not in 1..9999", d->year);
    if (d->month < 1 || d->month > 12)
        return crq_fail(err, CRQ_EINVAL, "month %d is not in 1..12", d->month);
    if (d->day < 1 || d->day > days_in(d->year, d->month))
        return crq_fail(err, CRQ_EINVAL, "month %d of %d has no day %d",
                d->month, d->year, d->day);
    return 0;
}

static int check_tz(const crq_tz *tz, crq_error *err)
{
    size_t bad;

    /* Python: strictly between -24 and +24 hours. */
    if (tz->offset_s < -86400 || tz->offset_s >= 86400 ||
            (tz->offset_s == -86400 && tz->offset_us == 0) ||
            tz->offset_us < 0 || tz->offset_us > 999999)
        return crq_fail(err, CRQ_EINVAL,
                "a zone %d s from UTC; it must be less than a day",
                tz->offset_s);
    if (tz->name != NULL && !crq_utf8_valid(tz->name, strlen(tz->name), &bad))
        return crq_fail(err, CRQ_EINVAL, "the name of a zone is not UTF-8");
    return 0;
}

static int check_clock(const crq_datetime *d, crq_error *err)
{
    if (d->hour < 0 || d->hour > 23 || d->minute < 0 || d->minute > 59 ||
            d->second < 0 || d->second > 59 || d->microsecond < 0 ||
            d->microsecond > 999999)
        return crq_fail(err, CRQ_EINVAL, "there is no time %d:%d:%d.%d",
                d->hour, d->minute, d->second, d->microsecond);
    return d->has_tz ? check_tz(&d->tz, err) : 0;
}

static int copy_name(crq_tz *tz, crq_error *err)
{
    if (tz->name == NULL)
        return 0;
    tz->name = crq_strdup(tz->name);
    return tz->name != NULL ? 0 : crq_fail_nomem(err);
}

static int new_when(crq_type type, const crq_datetime *d, crq_value **out,
        crq_error *err)
{
    crq_value *v = crq_value_alloc(type);

    if (v == NULL)
        return crq_fail_nomem(err);
    v->u.when = *d;
    if (!d->has_tz)
        v->u.when.tz = (crq_tz){ 0, 0, NULL };
    if (copy_name(&v->u.when.tz, err) < 0) {
        crq_free(v);
        return CRQ_ENOMEM;
    }
    *out = v;
    return 0;
}

int crq_value_new_datetime(const crq_datetime *d, crq_value **out,
        crq_error *err)
{
    int rc = check_date(d, err);

    if (rc == 0)
        rc = check_clock(d, err);
    return rc < 0 ? rc : new_when(CRQ_DATETIME, d, out, err);
}

int crq_value_new_date(int year, int month, int day, crq_value **out,
        crq_error *err)
{
    crq_datetime d = { .year = year, .month = month, .day = day };
    int rc = check_date(&d, err);

    return rc < 0 ? rc : new_when(CRQ_DATE, &d, out, err);
}

int crq_value_new_time(const crq_datetime *d, crq_value **out, crq_error *err)
{
    crq_datetime clock = *d;
    int rc = check_clock(d, err);

    clock.year = clock.month = clock.day = 0;
    return rc < 0 ? rc : new_when(CRQ_TIME, &clock, out, err);
}

int crq_value_new_timedelta(const crq_timedelta *d, crq_value **out,
        crq_error *err)
{
    crq_value *v;

    if (d->days < -999999999 || d->days > 999999999 || d->seconds < 0 ||
            d->seconds > 86399 || d->microseconds < 0 ||
            d->microseconds > 999999)
        return crq_fail(err, CRQ_EINVAL,
                "there is no timedelta of %d days, %d s, %d us", d->days,
                d->seconds, d->microseconds);
    v = crq_value_alloc(CRQ_TIMEDELTA);
    if (v == NULL)
        return crq_fail_nomem(err);
    v->u.delta = *d;
    *out = v;
    return 0;
}

int crq_value_new_timezone(const crq_tz *tz, crq_value **out, crq_error *err)
{
    int rc = check_tz(tz, err);
    crq_value *v;

    if (rc < 0)
        return rc;
    v = crq_value_alloc(CRQ_TIMEZONE);
    if (v == NULL)
        return crq_fail_nomem(err);
    v->u.tz = *tz;
    if (copy_name(&v->u.tz, err) < 0) {
        crq_free(v);
        return CRQ_ENOMEM;
    }
    *out = v;
    return 0;
}

const crq_datetime *crq_value_datetime(const crq_value *v)
{
    assert(v != NULL &&
            (v->type == CRQ_DATETIME || v->type == CRQ_DATE ||
                    v->type == CRQ_TIME));
    return &v->u.when;
}

const crq_timedelta *crq_value_timedelta(const crq_value *v)
{
    assert(v != NULL && v->type == CRQ_TIMEDELTA);
    return &v->u.delta;
}

const crq_tz *crq_value_timezone(const crq_value *v)
{
    assert(v != NULL && v->type == CRQ_TIMEZONE);
    return &v->u.tz;
}
