/*
 * timetext.c - instants and durations as texts.
 *
 * Everything is read by one scanner of fixed-width numbers; what is accepted
 * beside that stands in each function. Instants are computed here and not by
 * the C library, but for what the machine's local time is.
 */
#include "codec/timetext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"

#define SECOND_US INT64_C(1000000)
#define DAY_S     INT64_C(86400)
#define FIRST_US  (INT64_C(-62135596800) * SECOND_US) /* year 1 */
#define LAST_US   (INT64_C(253402300800) * SECOND_US - 1)

/* ---- the calendar ---- */

/* Years are counted from March, so that the leap day is a year's last. */
int64_t crq_days_from_civil(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year =
            (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 -
            year_of_era / 100 + day_of_year - 719468;
}

void crq_civil_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year_of_era =
            (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year =
            of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* ---- writing ---- */

static char *put_digits(char *at, int64_t n, int width)
{
    for (int i = width - 1; i >= 0; i--, n /= 10)
        at[i] = (char)('0' + n % 10);
    return at + width;
}

static char *put_date(char *at, int year, int month, int day)
{
    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    return put_digits(at, day, 2);
}

static char *put_clock(char *at, int hour, int minute, int second)
{
    at = put_digits(at, hour, 2);
    *at++ = ':';
    at = put_digits(at, minute, 2);
    *at++ = ':';
    return put_digits(at, second, 2);
}

void crq_timetext_put(char out[CRQ_TIMETEXT_LEN + 1], int64_t when_us)
{
    int64_t s, us;
    int year, month, day;
    char *at = out;

    when_us = when_us < FIRST_US ? FIRST_US : when_us;
    when_us = when_us > LAST_US ? LAST_US : when_us;
    when_us -= FIRST_US; /* not negative: division rounds down */
    us = when_us % SECOND_US;
    s = when_us / SECOND_US;
    crq_civil_from_days(s / DAY_S + FIRST_US / SECOND_US / DAY_S, &year, &month,
            &day);
    s %= DAY_S;
    at = put_date(at, year, month, day);
    *at++ = 'T';
    at = put_clock(at, (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    *at++ = '.';
    at = put_digits(at, us, 6);
    *at++ = 'Z';
    *at = '\0';
}

static char *put_offset(char *at, const crq_tz *tz)
{
    int64_t us = tz->offset_s * SECOND_US + tz->offset_us;

    *at++ = us < 0 ? '-' : '+';
    us = us < 0 ? -us : us;
    at = put_digits(at, us / (3600 * SECOND_US), 2);
    *at++ = ':';
    at = put_digits(at, us / (60 * SECOND_US) % 60, 2);
    us %= 60 * SECOND_US;
    if (us == 0)
        return at;
    *at++ = ':';
    at = put_digits(at, us / SECOND_US, 2);
    us %= SECOND_US;
    if (us == 0)
        return at;
    *at++ = '.';
    return put_digits(at, us, 6);
}

int crq_timetext_value(const crq_value *v, struct crq_buf *out)
{
    const crq_datetime *d = crq_value_datetime(v);
    crq_type type = crq_value_type(v);
    char text[48], *at = text;

    if (type != CRQ_TIME)
        at = put_date(at, d->year, d->month, d->day);
    if (type == CRQ_DATETIME)
        *at++ = 'T';
    if (type != CRQ_DATE)
        at = put_clock(at, d->hour, d->minute, d->second);
    if (d->microsecond != 0) {
        *at++ = '.';
        at = put_digits(at, d->microsecond, 6);
    }
    if (d->has_tz)
        at = put_offset(at, &d->tz);
    return crq_buf_put(out, text, (size_t)(at - text));
}

/* ---- reading ---- */

struct scan {
    const char *at, *end;
    bool failed; /* something was not there; later steps do nothing */
};

static bool take(struct scan *scan, char c)
{
    if (scan->failed || scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static void need(struct scan *scan, char c)
{
    if (!take(scan, c))
        scan->failed = true;
}

static bool at_digit(const struct scan *scan)
{
    return !scan->failed && scan->at < scan->end && *scan->at >= '0' &&
            *scan->at <= '9';
}

/* Exactly `width` digits, of a number from `low` to `high`. */
static int number(struct scan *scan, int width, int low, int high)
{
    int n = 0;

    for (int i = 0; i < width; i++) {
        if (!at_digit(scan)) {
            scan->failed = true;
            return 0;
        }
        n = n * 10 + (*scan->at++ - '0');
    }
    if (n < low || n > high)
        scan->failed = true;
    return n;
}

/* The digits of a fraction in microseconds; at least one, at most `most`.
 * Those beyond microseconds are dropped. */
static int64_t fraction(struct scan *scan, int most)
{
    int64_t us = 0, step = SECOND_US / 10;
    int n;

    for (n = 0; at_digit(scan) && n < most; n++) {
        us += (*scan->at++ - '0') * step;
        step /= 10;
    }
    if (n == 0)
        scan->failed = true;
    return us;
}

static int64_t date(struct scan *scan)
{
    int year, month, day, y, m, d;
    int64_t days;

    year = number(scan, 4, 1, 9999);
    need(scan, '-');
    month = number(scan, 2, 1, 12);
    need(scan, '-');
    day = number(scan, 2, 1, 31);
    if (scan->failed)
        return 0;
    days = crq_days_from_civil(year, month, day);
    crq_civil_from_days(days, &y, &m, &d);
    scan->failed = d != day; /* 30 February has become 1 March */
    return days;
}

int crq_timetext_get(const char *text, size_t len, int64_t *out_us,
        crq_error *err)
{
    struct scan scan = { text, text + len, false };
    int64_t s, us = 0;

    s = date(&scan) * DAY_S;
    need(&scan, 'T');
    s += number(&scan, 2, 0, 23) * 3600;
    need(&scan, ':');
    s += number(&scan, 2, 0, 59) * 60;
    need(&scan, ':');
    s += number(&scan, 2, 0, 59);
    if (take(&scan, '.'))
        us = fraction(&scan, 6);
    need(&scan, 'Z');
    if (scan.failed || scan.at != scan.end)
        return crq_fail(err, CRQ_ECODEC, "'%.*s' is not a time of RQ's",
                len > 40 ? 40 : (int)len, text);
    *out_us = s * SECOND_US + us;
    return 0;
}

/* "Z", "+02:00", "+0200"; false when none of them is there. */
static bool zone(struct scan *scan, int64_t *out_s)
{
    bool west;
    int hours, minutes;

    *out_s = 0;
    if (take(scan, 'Z') || take(scan, 'z'))
        return true;
    west = take(scan, '-');
    if (!west && !take(scan, '+'))
        return false;
    hours = number(scan, 2, 0, 23);
    take(scan, ':');
    minutes = number(scan, 2, 0, 59);
    *out_s = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* How many seconds the machine's zone is from UTC at that local time. */
static int64_t local_offset(int64_t local_s)
{
    time_t t = (time_t)local_s;
    struct tm tm;

    gmtime_r(&t, &tm);
    tm.tm_isdst = -1;
    return local_s - (int64_t)mktime(&tm);
}

int crq_timetext_iso(const char *text, int64_t *out_us, crq_error *err)
{
    struct scan scan = { text, text + strlen(text), false };
    int64_t s, us = 0, offset;

    s = date(&scan) * DAY_S;
    if (!take(&scan, 'T') && !take(&scan, 't'))
        need(&scan, ' ');
    s += number(&scan, 2, 0, 23) * 3600;
    need(&scan, ':');
    s += number(&scan, 2, 0, 59) * 60;
    if (take(&scan, ':')) {
        s += number(&scan, 2, 0, 59);
        if (take(&scan, '.') || take(&scan, ','))
            us = fraction(&scan, 9);
    }
    if (!zone(&scan, &offset) && !scan.failed)
        offset = local_offset(s);
    if (scan.failed || scan.at != scan.end)
        return crq_fail(err, CRQ_EINVAL,
                "'%.40s' is not a time like 2026-01-31T12:30 or "
                "2026-01-31T12:30:00+02:00",
                text);
    *out_us = (s - offset) * SECOND_US + us;
    return 0;
}

/* The unit at the end in microseconds; none means seconds. */
static int64_t unit(struct scan *scan)
{
    static const struct {
        char name;
        int seconds;
    } units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (take(scan, units[i].name) ||
                take(scan, (char)(units[i].name - 'a' + 'A')))
            return units[i].seconds * SECOND_US;
    return SECOND_US;
}

int crq_timetext_duration(const char *text, int64_t *out_us, crq_error *err)
{
    struct scan scan = { text, text + strlen(text), false };
    bool negative = take(&scan, '-');
    int64_t whole = 0, unit_us, part = 0;
    const char *point, *last;

    if (!negative)
        take(&scan, '+');
    scan.failed = !at_digit(&scan);
    while (at_digit(&scan)) {
        if (whole > INT64_MAX / 10 - 1)
            return crq_fail(err, CRQ_EINVAL, "'%.40s' is too long a time",
                    text);
        whole = whole * 10 + (*scan.at++ - '0');
    }
    point = scan.at;
    if (take(&scan, '.')) {
        scan.failed = !at_digit(&scan);
        while (at_digit(&scan))
            scan.at++;
    }
    last = scan.at;
    unit_us = unit(&scan);
    if (scan.failed || scan.at != scan.end)
        return crq_fail(err, CRQ_EINVAL,
                "'%.40s' is not a duration like 90, 1.5h or 10m", text);
    /* From the last digit of the fraction to the first, rounding down. */
    for (; last > point + 1; last--)
        part = ((last[-1] - '0') * unit_us + part) / 10;
    if (whole > (INT64_MAX - part) / unit_us)
        return crq_fail(err, CRQ_EINVAL, "'%.40s' is too long a time", text);
    whole = whole * unit_us + part;
    *out_us = negative ? -whole : whole;
    return 0;
}

int crq_timetext_score(const char *text, int64_t *out_us)
{
    char plain[40], *end;
    double seconds;

    if (strpbrk(text, "eE") == NULL)
        return crq_timetext_duration(text, out_us, NULL);
    seconds = strtod(text, &end);
    if (end == text || *end != '\0')
        return CRQ_EINVAL;
    /* As Redis writes it: with an exponent only when it is beyond all times. */
    snprintf(plain, sizeof(plain), fabs(seconds) < 1 ? "%.9f" : "%.17g",
            seconds);
    return crq_timetext_duration(plain, out_us, NULL);
}
