/* check_plan.c - tests of sched/plan.c: rows of seconds since 1970. */
#include "unit.h"

#include <stdlib.h>

#include "sched/plan.h"

#define H     3600
#define NEVER -1

/* A schedule (every, or else cron), what is next, the time; then what is run,
 * up to a 0, what is next, and whether anything was missed. */
static const struct {
    double every;
    const char *cron;
    crq_catchup catchup;
    int64_t max, left;
    double next, now, runs[6], then;
    bool missed;
} rows[] = {
    /* On time, and not yet. */
    { 10, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 100, 99.9, { 0 }, 100, false },
    { 10, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 100, 100, { 100 }, 110, false },
    { 10, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 100, 109.9, { 100 }, 110,
            false },
    { 0.5, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 100.25, 100.3, { 100.25 },
            100.75, false },
    { 0, "* * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 60, 59.9, { 0 }, 60,
            false },
    { 0, "* * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 60, 60, { 60 }, 120,
            false },
    { 0, "* * * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 60, 60.9, { 60 }, 61,
            false },
    /* Late: the newest is run, the others are missed. */
    { 10, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 100, 135, { 130 }, 140, true },
    { 0, "*/10 * * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 100, 135, { 130 },
            140, true },
    { 10, NULL, CRQ_CATCHUP_ONCE, 0, CRQ_UNSET, 100, 135, { 130 }, 140, true },
    { 10, NULL, CRQ_CATCHUP_ALL, 100, CRQ_UNSET, 100, 135,
            { 100, 110, 120, 130 }, 140, false },
    { 10, NULL, CRQ_CATCHUP_ALL, 2, CRQ_UNSET, 100, 135, { 120, 130 }, 140,
            true },
    { 0, "*/10 * * * * *", CRQ_CATCHUP_ALL, 2, CRQ_UNSET, 100, 135,
            { 120, 130 }, 140, true },
    { 0, "*/10 * * * * *", CRQ_CATCHUP_ALL, 4, CRQ_UNSET, 100, 135,
            { 100, 110, 120, 130 }, 140, false },
    /* Five hours of nobody there. */
    { H, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 1 * H, 6.5 * H, { 0 }, 7 * H,
            true },
    { H, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 1 * H, 6 * H + 60, { 6 * H },
            7 * H, true },
    { H, NULL, CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 1 * H, 6 * H + 60.1, { 0 },
            7 * H, true },
    { H, NULL, CRQ_CATCHUP_ONCE, 0, CRQ_UNSET, 1 * H, 6.5 * H, { 6 * H }, 7 * H,
            true },
    { H, NULL, CRQ_CATCHUP_ALL, 100, CRQ_UNSET, 2 * H, 6.5 * H,
            { 2 * H, 3 * H, 4 * H, 5 * H, 6 * H }, 7 * H, false },
    { 0, "0 * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 1 * H, 6.5 * H, { 0 },
            7 * H, true },
    { 0, "0 * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 1 * H, 6 * H + 60,
            { 6 * H }, 7 * H, true },
    { 0, "0 * * * *", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 1 * H, 6 * H + 61, { 0 },
            7 * H, true },
    { 0, "0 * * * *", CRQ_CATCHUP_ONCE, 0, CRQ_UNSET, 1 * H, 6.5 * H, { 6 * H },
            7 * H, true },
    { 0, "0 * * * *", CRQ_CATCHUP_ALL, 100, CRQ_UNSET, 2 * H, 6.5 * H,
            { 2 * H, 3 * H, 4 * H, 5 * H, 6 * H }, 7 * H, false },
    /* Fifty years of it, every second, are no more work. */
    { 1, NULL, CRQ_CATCHUP_ALL, 3, CRQ_UNSET, 1, 1600000000.5,
            { 1599999998, 1599999999, 1600000000 }, 1600000001, true },
    { 0, "* * * * * *", CRQ_CATCHUP_ALL, 3, CRQ_UNSET, 1, 1600000000.5,
            { 1599999998, 1599999999, 1600000000 }, 1600000001, true },
    { 0, "* * * 1 * *", CRQ_CATCHUP_ONCE, 0, CRQ_UNSET, 1, 1600000000.5,
            { 1599004799 }, 1601510400, true },
    /* Runs that are left. */
    { 10, NULL, CRQ_CATCHUP_ALL, 100, 2, 100, 135, { 120, 130 }, 140, true },
    { 0, "*/10 * * * * *", CRQ_CATCHUP_ALL, 100, 2, 100, 135, { 120, 130 }, 140,
            true },
    { 10, NULL, CRQ_CATCHUP_SKIP, 0, 1, 100, 105, { 100 }, 110, false },
    { 10, NULL, CRQ_CATCHUP_SKIP, 0, 0, 100, 105, { 0 }, 110, true },
    { 0, "* * * * *", CRQ_CATCHUP_SKIP, 0, 0, 60, 61, { 0 }, 120, true },
    /* The last time that an expression names: 2099 is crontab's end. */
    { 0, "59 23 31 12 * 2099", CRQ_CATCHUP_SKIP, 0, CRQ_UNSET, 4102444740,
            4102444741, { 4102444740 }, NEVER, false },
};

static int64_t us(double s)
{
    return (int64_t)(s * 1e6 + (s < 0 ? -0.5 : 0.5));
}

static struct crq_plan_rule rule_of(double every, const char *cron)
{
    struct crq_plan_rule rule = { .every_us = us(every),
        .zone = "UTC",
        .start_us = CRQ_UNSET,
        .left = CRQ_UNSET };
    crq_error err;

    if (cron != NULL &&
            crq_cron_parse(cron, CRQ_CRON_STANDARD, &rule.cron, &err) < 0)
        unit_ok(crq_cron_parse(cron, CRQ_CRON_CRONTAB, &rule.cron, &err), &err);
    return rule;
}

START_TEST(test_what_is_due_follows_the_policy)
{
    struct crq_plan_rule rule = rule_of(rows[_i].every, rows[_i].cron);
    struct crq_plan plan;
    crq_error err;
    size_t count = 0;

    rule.catchup = rows[_i].catchup;
    rule.catchup_max = rows[_i].max;
    rule.left = rows[_i].left;
    unit_ok(crq_plan_due(&rule, us(rows[_i].next), us(rows[_i].now), NULL,
                    &plan, &err),
            &err);
    while (rows[_i].runs[count] > 0)
        count++;
    ck_assert_uint_eq(plan.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(plan.slots_us[i], us(rows[_i].runs[i]));
    ck_assert_int_eq(plan.next_us,
            rows[_i].then == NEVER ? CRQ_UNSET : us(rows[_i].then));
    ck_assert_int_eq(plan.missed, rows[_i].missed);
}
END_TEST

static const struct {
    double every;
    const char *cron;
    double start, now, want; /* start 0: none */
} firsts[] = {
    { 10, NULL, 0, 1000, 1010 },
    { 0.5, NULL, 0, 1000.25, 1000.75 },
    { 10, NULL, 2000, 1000, 2000 },
    { 10, NULL, 1000, 1000, 1000 },
    { 10, NULL, 3, 1000, 1003 },
    { 10, NULL, 3, 1003, 1003 },
    { 10, NULL, 3, 1003.1, 1013 },
    { 0, "* * * * *", 0, 60, 120 },
    { 0, "* * * * *", 600, 60, 600 },
    { 0, "* * * * *", 601, 60, 660 },
    { 0, "* * * * *", 30, 600, 660 },
};

START_TEST(test_the_first_slot_is_in_phase_with_the_start)
{
    struct crq_plan_rule rule = rule_of(firsts[_i].every, firsts[_i].cron);
    crq_error err;
    int64_t got;

    if (firsts[_i].start > 0)
        rule.start_us = us(firsts[_i].start);
    unit_ok(crq_plan_first(&rule, us(firsts[_i].now), &got, &err), &err);
    ck_assert_int_eq(got, us(firsts[_i].want));
}
END_TEST

START_TEST(test_thirty_days_of_random_delays_do_not_drift)
{
    struct crq_plan_rule rule = rule_of(3600, NULL);
    int64_t first = us(1700000000.25), next = first, now = first;
    struct crq_plan plan;
    crq_error err;
    int runs = 0;

    srand(1);
    while (runs < 720) {
        now = next + rand() % 5000000;
        unit_ok(crq_plan_due(&rule, next, now, NULL, &plan, &err), &err);
        ck_assert_uint_eq(plan.count, 1);
        ck_assert_int_eq(plan.slots_us[0], first + runs++ * us(3600));
        ck_assert(!plan.missed);
        next = plan.next_us;
    }
}
END_TEST

START_TEST(test_a_clock_that_is_set_makes_no_burst)
{
    struct crq_plan_rule rule = rule_of(60, NULL);
    struct crq_plan plan;
    crq_error err;

    /* An hour forward: the newest slot, once. */
    unit_ok(crq_plan_due(&rule, us(6000), us(9600), NULL, &plan, &err), &err);
    ck_assert_uint_eq(plan.count, 1);
    ck_assert_int_eq(plan.next_us, us(9660));
    /* And back: nothing until the clock is there again. */
    unit_ok(crq_plan_due(&rule, us(9660), us(6000), NULL, &plan, &err), &err);
    ck_assert_uint_eq(plan.count, 0);
    ck_assert_int_eq(plan.next_us, us(9660));
}
END_TEST

START_TEST(test_an_unknown_zone_changes_nothing)
{
    struct crq_plan_rule rule = rule_of(0, "* * * * *");
    struct crq_plan plan = { .next_us = 7 };
    crq_error err;
    int64_t first = 7;

    rule.zone = "Europe/Atlantis";
    ck_assert_int_eq(crq_plan_due(&rule, 1, 2, NULL, &plan, &err), CRQ_EINVAL);
    ck_assert_int_eq(plan.next_us, 7);
    ck_assert_int_eq(crq_plan_first(&rule, 1, &first, &err), CRQ_EINVAL);
    ck_assert_int_eq(first, 7);
}
END_TEST

/* When it is 9 o'clock there, on 16 January 2027; NULL: in $TZ. */
static const struct {
    const char *zone;
    int64_t at; /* hours UTC; below 0: there is no such zone */
} stays[] = {
    { "Europe/Berlin", 8 },
    { "Europe/Berlin", 8 },
    { NULL, 0 },
    { "", -1 },
    { NULL, 0 },
    { "America/New_York", 14 },
    { "Europe/Atlantis", -1 },
    { "Europe/Atlantis", -1 },
    { "America/New_York", 14 },
    { "UTC", 9 },
    { NULL, 0 },
};

START_TEST(test_who_stays_in_a_zone_is_in_the_one_that_was_asked_for)
{
    struct crq_plan_rule rule = rule_of(0, "0 9 * * *");
    const int64_t day = INT64_C(1800057600); /* 2027-01-16 */
    struct crq_zone_stay stay = CRQ_ZONE_STAY_INIT;

    setenv("TZ", "Asia/Tokyo", 1);
    for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
        int64_t due = us((double)(day + stays[i].at * H));
        struct crq_plan plan;
        crq_error err;
        int rc;

        rule.zone = stays[i].zone;
        rc = crq_plan_due(&rule, due, due + 1, &stay, &plan, &err);
        if (stays[i].at < 0) {
            ck_assert_int_eq(rc, CRQ_EINVAL);
            continue;
        }
        unit_ok(rc, &err);
        ck_assert_uint_eq(plan.count, 1);
        ck_assert_int_eq(plan.slots_us[0], due);
        ck_assert_int_eq(plan.next_us, due + us(24 * H));
    }
    crq_zone_stay_end(&stay);
    crq_zone_stay_end(&stay);
    ck_assert_str_eq(getenv("TZ"), "Asia/Tokyo");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("plan");

    unit_add_rows(tc, test_what_is_due_follows_the_policy, rows);
    unit_add_rows(tc, test_the_first_slot_is_in_phase_with_the_start, firsts);
    tcase_add_test(tc, test_thirty_days_of_random_delays_do_not_drift);
    tcase_add_test(tc, test_a_clock_that_is_set_makes_no_burst);
    tcase_add_test(tc, test_an_unknown_zone_changes_nothing);
    tcase_add_test(tc,
            test_who_stays_in_a_zone_is_in_the_one_that_was_asked_for);
    return unit_run("plan", tc);
}
