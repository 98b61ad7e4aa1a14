/*
 * cron.h - cron expressions: reading them, and the next instant they name.
 *
 * Minute, hour, day of month, month, day of week; or six fields, with seconds
 * first. A field is a list of "*", numbers, ranges "8-17" and steps: "*" "/15",
 * "8-17/3", "5/10" (from 5 on). Months and days of the week have names in
 * English, sunday is 0 or 7. "@hourly", "@daily" ("@midnight"), "@weekly",
 * "@monthly" and "@yearly" ("@annually") stand for what they say. When days of
 * the month and days of the week are both given, either will do, as in cron.
 *
 * A clock that is changed, as for summer time: an expression that names every
 * hour of the day goes by elapsed time, so nothing is run for the time that is
 * skipped, and all is run again in an hour that comes twice. With other
 * expressions a run at a skipped time is made up for, once, at the moment of
 * the change, and a time that comes twice counts when it comes first.
 *
 * crontab rules are those of the Python library crontab, which rq-scheduler
 * uses: 5 fields, 6 with a year behind, 7 with seconds in front and a year
 * behind; both kinds of days must fit; also "L", "Z2" (days before the last
 * one) and "L5" (the last friday) in the fields of days. A skipped time is
 * run as much later as the clock was set forward, one that comes twice when it
 * comes first.
 */
#ifndef CRQ_SCHED_CRON_H
#define CRQ_SCHED_CRON_H

#include <crq.h>

enum crq_cron_rules { CRQ_CRON_STANDARD, CRQ_CRON_CRONTAB };

/* Which days count when both kinds are given. */
enum crq_cron_days { CRQ_DAYS_BOTH, CRQ_DAYS_EITHER };

#define CRQ_CRON_FIRST_YEAR 1970 /* of crontab's year field */
#define CRQ_CRON_LAST_YEAR  2099

struct crq_cron {
    enum crq_cron_rules rules;
    enum crq_cron_days days;
    uint64_t seconds, minutes, hours, month_days, months, week_days; /* bits */
    uint64_t years[3];        /* from CRQ_CRON_FIRST_YEAR on; crontab only */
    uint32_t before_last_day; /* bit n: n days before the month's last */
    uint32_t last_week_days;  /* bit n: the last such day of the month */
    bool every_hour;
};

/**
 * Read an expression. CRQ_EINVAL names the field, the character where it goes
 * wrong, and what was expected; and says "impossible" of a date that no year
 * has, such as 31 February.
 */
int crq_cron_parse(const char *text, enum crq_cron_rules rules,
        struct crq_cron *out, crq_error *err) CRQ_MUST_CHECK;

/**
 * The first instant after `after_us`, in a zone (NULL: the machine's; see
 * zone.h for what that means for threads). Looks at 400 years at most, day by
 * day.
 *
 * CRQ_ENOTFOUND  never again
 * CRQ_EINVAL     there is no such zone
 * CRQ_ENOMEM
 */
int crq_cron_next(const struct crq_cron *cron, const char *zone,
        int64_t after_us, int64_t *out_us, crq_error *err) CRQ_MUST_CHECK;

/** The same for who is in the zone (crq_zone_enter()), in seconds; false:
 *  never again. */
bool crq_cron_next_here(const struct crq_cron *cron, int64_t after_s,
        int64_t *out_s);

#endif
