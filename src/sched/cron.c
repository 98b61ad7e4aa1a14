/*
 * cron.c - the next instant that a cron expression names.
 *
 * First the next time on the wall clock that fits, by looking at days one
 * after the other; then the instant that shows it. Only the second half knows
 * of zones. What is done about times that the clock skips or shows twice is
 * said in cron.h.
 */
#include "sched/cron.h"

#include "base/error.h"
#include "codec/timetext.h"
#include "sched/zone.h"

#define DAY_S 86400

/* ---- the wall clock ---- */

/* The calendar repeats itself after 400 years: what has not come by then
 * never will. */
#define LOOK_DAYS INT64_C(146097)

static int month_length(int year, int month)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
        31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return lengths[month - 1] + (month == 2 && leap);
}

static bool year_fits(const struct crq_cron *cron, int year)
{
    int bit = year - CRQ_CRON_FIRST_YEAR;

    if (cron->rules != CRQ_CRON_CRONTAB)
        return true;
    return year >= CRQ_CRON_FIRST_YEAR && year <= CRQ_CRON_LAST_YEAR &&
            (cron->years[bit / 64] >> (bit % 64) & 1) != 0;
}

static bool day_fits(const struct crq_cron *cron, int64_t day, int left,
        int month_day)
{
    int week_day = (int)(((day + 4) % 7 + 7) % 7);
    bool by_month = (cron->month_days >> month_day & 1) != 0 ||
            (left < 8 && (cron->before_last_day >> left & 1) != 0);
    bool by_week = (cron->week_days >> week_day & 1) != 0 ||
            (left < 7 && (cron->last_week_days >> week_day & 1) != 0);

    return cron->days == CRQ_DAYS_EITHER ? by_month || by_week
                                         : by_month && by_week;
}

/* The first day from `day` on that fits; months that do not are skipped. */
static bool next_day(const struct crq_cron *cron, int64_t day, int64_t *out)
{
    int64_t last = day + LOOK_DAYS;

    while (day <= last) {
        int year, month, month_day, length;

        crq_civil_from_days(day, &year, &month, &month_day);
        if (year > 9999 ||
                (cron->rules == CRQ_CRON_CRONTAB && year > CRQ_CRON_LAST_YEAR))
            return false;
        length = month_length(year, month);
        if ((cron->months >> month & 1) == 0 || !year_fits(cron, year)) {
            day += length - month_day + 1;
            continue;
        }
        for (; month_day <= length; month_day++, day++)
            if (day_fits(cron, day, length - month_day, month_day)) {
                *out = day;
                return true;
            }
    }
    return false;
}

/* The lowest bit from `from` on, or -1. */
static int next_bit(uint64_t bits, int from)
{
    if (from > 63)
        return -1;
    bits &= ~UINT64_C(0) << from;
    return bits != 0 ? __builtin_ctzll(bits) : -1;
}

/* The first second of the day from `second` on that fits, or -1. */
static int next_second(const struct crq_cron *cron, int second)
{
    int h = second / 3600, m = second / 60 % 60, s = second % 60;
    int hour = next_bit(cron->hours, h), minute;

    if (hour != h)
        return hour < 0 ? -1
                        : hour * 3600 + next_bit(cron->minutes, 0) * 60 +
                        next_bit(cron->seconds, 0);
    minute = next_bit(cron->minutes, m);
    if (minute == m && next_bit(cron->seconds, s) >= 0)
        return hour * 3600 + minute * 60 + next_bit(cron->seconds, s);
    if (minute == m)
        minute = next_bit(cron->minutes, m + 1);
    if (minute >= 0)
        return hour * 3600 + minute * 60 + next_bit(cron->seconds, 0);
    return hour == 23 ? -1 : next_second(cron, (hour + 1) * 3600);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The first time of the wall clock from `from_s` on that fits. */
static bool next_wall(const struct crq_cron *cron, int64_t from_s,
        int64_t *out_s)
{
    int64_t day = floor_div(from_s, DAY_S), fits;
    int second = (int)(from_s - day * DAY_S);

    if (!next_day(cron, day, &fits))
        return false;
    if (fits == day) {
        second = next_second(cron, second);
        if (second < 0 && !next_day(cron, day + 1, &fits))
            return false;
    }
    if (fits != day)
        second = next_second(cron, 0);
    *out_s = fits * DAY_S + second;
    return true;
}

/* ---- instants ---- */

/* Every hour is named, and the clock is changed: all that it shows counts. */
static bool next_shown(const struct crq_cron *cron, int64_t after_s,
        int64_t *out_s)
{
    int64_t wall_s = after_s + crq_zone_offset_s(after_s), from_s = wall_s + 1;
    struct crq_zone_wall now, then;
    int64_t found_s;
    bool found = next_wall(cron, from_s, &found_s);

    if (found) {
        crq_zone_wall(found_s, &then);
        if (then.count == 0 && next_wall(cron, then.change_to_s, &found_s))
            crq_zone_wall(found_s, &then);
        *out_s = then.count == 2 && then.first_s <= after_s ? then.second_s
                                                            : then.first_s;
    }
    /* The clock shows this for the first time, and soon goes back: perhaps to
     * before a time that it has already shown. */
    crq_zone_wall(wall_s, &now);
    if (now.count == 2 && now.first_s == after_s &&
            next_wall(cron, now.change_to_s, &found_s) &&
            found_s < now.change_from_s) {
        int64_t again_s = found_s - now.change_to_s + now.change_s;

        if (!found || again_s < *out_s)
            *out_s = again_s;
        return true;
    }
    return found;
}

/* A time that is skipped counts at the change, one that comes twice first. */
static bool next_first(const struct crq_cron *cron, int64_t after_s,
        int64_t *out_s)
{
    int64_t wall_s = after_s + crq_zone_offset_s(after_s);
    struct crq_zone_wall wall;

    /* In the second of two equal hours all has been done that is named there;
     * what is named behind it comes next. */
    crq_zone_wall(wall_s, &wall);
    if (wall.count == 2 && wall.first_s != after_s)
        wall_s = wall.change_from_s - 1;
    for (int64_t from_s = wall_s + 1;; from_s++) {
        if (!next_wall(cron, from_s, &from_s))
            return false;
        crq_zone_wall(from_s, &wall);
        *out_s = wall.count > 0                   ? wall.first_s
                : cron->rules == CRQ_CRON_CRONTAB ? wall.first_s
                                                  : wall.change_s;
        if (*out_s > after_s)
            return true;
    }
}

bool crq_cron_next_here(const struct crq_cron *cron, int64_t after_s,
        int64_t *out_s)
{
    if (after_s < CRQ_ZONE_FIRST_S)
        after_s = CRQ_ZONE_FIRST_S;
    if (after_s >= CRQ_ZONE_LAST_S)
        return false;
    return cron->every_hour && cron->rules == CRQ_CRON_STANDARD
            ? next_shown(cron, after_s, out_s)
            : next_first(cron, after_s, out_s);
}

int crq_cron_next(const struct crq_cron *cron, const char *zone,
        int64_t after_us, int64_t *out_us, crq_error *err)
{
    struct crq_zone_saved saved;
    int64_t next_s;
    bool found;
    int rc = crq_zone_check(zone, err);

    if (rc == 0)
        rc = crq_zone_enter(zone, &saved, err);
    if (rc < 0)
        return rc;
    found = crq_cron_next_here(cron, floor_div(after_us, 1000000), &next_s);
    crq_zone_leave(&saved);
    if (!found)
        return crq_fail(err, CRQ_ENOTFOUND, "no such time comes any more");
    *out_us = next_s * 1000000;
    return 0;
}
