/*
 * check_cron.c - tests of sched/cron.c, sched/cron_parse.c and sched/zone.c.
 *
 * tests/golden/make_cron.py wrote what croniter and crontab say. What happens
 * when clocks are changed is ours to say: the rows are made by hand.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/timetext.h"
#include "sched/cron.h"
#include "sched/zone.h"

#ifndef GOLDEN
#define GOLDEN "tests/golden"
#endif

/* ---- Python's libraries ---- */

/* "standard\t* * * * *\t1700000000\t1700000040 1700000100 ..." */
static void check_golden(char *line)
{
    enum crq_cron_rules rules = strcmp(strsep(&line, "\t"), "crontab") == 0
            ? CRQ_CRON_CRONTAB
            : CRQ_CRON_STANDARD;
    const char *text = strsep(&line, "\t");
    int64_t at_us = strtoll(strsep(&line, "\t"), NULL, 10) * 1000000;
    bool none = strcmp(line, "-") == 0;
    struct crq_cron cron;
    crq_error err;
    char *word;

    if (none) {
        ck_assert_msg(crq_cron_parse(text, rules, &cron, &err) < 0 ||
                        crq_cron_next(&cron, "UTC", at_us, &at_us, &err) ==
                                CRQ_ENOTFOUND,
                "'%s' was taken", text);
        return;
    }
    unit_ok(crq_cron_parse(text, rules, &cron, &err), &err);
    while ((word = strsep(&line, " ")) != NULL) {
        unit_ok(crq_cron_next(&cron, "UTC", at_us, &at_us, &err), &err);
        ck_assert_msg(at_us == strtoll(word, NULL, 10) * 1000000,
                "'%s': %lld instead of %s", text, (long long)(at_us / 1000000),
                word);
    }
}

START_TEST(test_times_are_those_of_croniter_and_crontab)
{
    const char *path = getenv("CRQ_CRON_TSV"); /* more rows than are kept */
    FILE *file = fopen(path != NULL ? path : GOLDEN "/cron.tsv", "r");
    char *line = NULL;
    size_t size = 0;
    int rows = 0;

    ck_assert_ptr_nonnull(file);
    for (; getline(&line, &size, file) >= 0; rows++) {
        line[strcspn(line, "\n")] = '\0';
        check_golden(line);
    }
    free(line);
    fclose(file);
    ck_assert_int_ge(rows, 1000);
}
END_TEST

/* ---- what is refused ---- */

static const struct {
    enum crq_cron_rules rules;
    const char *text, *says; /* a part of the message */
} bad[] = {
    { CRQ_CRON_STANDARD, "60 * * * *",
            "cron '60 * * * *', character 1, minute: 0 to 59 was expected, "
            "not '60'" },
    { CRQ_CRON_STANDARD, "* 24 * * *", "character 3, hour: 0 to 23 was" },
    { CRQ_CRON_STANDARD, "* * 0 * *", "character 5, day of month: 1 to 31" },
    { CRQ_CRON_STANDARD, "* * * 13 *",
            "character 7, month: 1 to 12 or jan to dec was expected" },
    { CRQ_CRON_STANDARD, "* * * * 8", "character 9, day of week: 0 to 7 or" },
    { CRQ_CRON_STANDARD, "* * * * mond", "character 9, day of week: 0 to 7" },
    { CRQ_CRON_STANDARD, "* * * may-foo *", "character 11, month: 1 to 12" },
    { CRQ_CRON_STANDARD, "1,,2 * * * *", "character 3, minute: 0 to 59" },
    { CRQ_CRON_STANDARD, "1, * * * *",
            "character 3, minute: 0 to 59 was "
            "expected" },
    { CRQ_CRON_STANDARD, "5-1 * * * *",
            "character 1, minute: a range that begins before it ends" },
    { CRQ_CRON_STANDARD, "*/0 * * * *",
            "character 3, minute: a step from 1 to 59 was expected, not '0'" },
    { CRQ_CRON_STANDARD, "*/60 * * * *", "a step from 1 to 59" },
    { CRQ_CRON_STANDARD, "*/ * * * *", "a step from 1 to 59" },
    { CRQ_CRON_STANDARD, "1-2-3 * * * *", "',', '/' or a blank was expected" },
    { CRQ_CRON_STANDARD, "*5 * * * *", "',', '/' or a blank was" },
    { CRQ_CRON_STANDARD, "5x * * * *", "',', '-', '/' or a blank" },
    { CRQ_CRON_STANDARD, "-5 * * * *", "character 1, minute: 0 to 59" },
    { CRQ_CRON_STANDARD, "99999999999999999999 * * * *", "0 to 59" },
    { CRQ_CRON_STANDARD, "* * L * *", "day of month: 1 to 31" },
    { CRQ_CRON_STANDARD, "60 * * * * *", "character 1, second: 0 to 59" },
    { CRQ_CRON_STANDARD, "", "has 0 fields; 5 are expected" },
    { CRQ_CRON_STANDARD, "* * * *", "has 4 fields; 5 are expected" },
    { CRQ_CRON_STANDARD, "* * * * * * *", "has 7 fields; 5 are expected" },
    { CRQ_CRON_STANDARD, "@reboot", "has 1 field; 5 are expected" },
    { CRQ_CRON_STANDARD, "0 0 30 2 *", "is impossible" },
    { CRQ_CRON_STANDARD, "0 0 31 2,4,6,9,11 *", "is impossible" },
    { CRQ_CRON_CRONTAB, "0 0 31 2 mon", "is impossible" },
    { CRQ_CRON_CRONTAB, "@midnight", "has 1 field" },
    { CRQ_CRON_CRONTAB, "* * * * * 1969", "character 11, year: 1970 to 2099" },
    { CRQ_CRON_CRONTAB, "50/15 * * * *", "a step to a value that there is" },
    { CRQ_CRON_CRONTAB, "* * Z8 * *", "day of month: 0 to 7 was expected" },
    { CRQ_CRON_CRONTAB, "* * Lx * *", "',' or a blank was expected" },
};

START_TEST(test_a_refusal_names_field_place_and_what_was_expected)
{
    struct crq_cron cron;
    crq_error err;

    ck_assert_int_eq(crq_cron_parse(bad[_i].text, bad[_i].rules, &cron, &err),
            CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "'%s' says: %s",
            bad[_i].text, err.text);
}
END_TEST

/* ---- clocks that are changed ---- */

static const struct {
    enum crq_cron_rules rules;
    const char *text, *zone, *after, *want; /* UTC, parted by blanks */
} changes[] = {
    /* Berlin: 2024-03-31 01:00Z, the clock goes from 02:00 to 03:00. */
    { CRQ_CRON_STANDARD, "30 2 * * *", "Europe/Berlin", "2024-03-30T00:00:00Z",
            "2024-03-30T01:30:00Z 2024-03-31T01:00:00Z 2024-04-01T00:30:00Z" },
    { CRQ_CRON_STANDARD, "*/20 2 * * *", "Europe/Berlin",
            "2024-03-30T01:40:00Z",
            "2024-03-31T01:00:00Z 2024-04-01T00:00:00Z" },
    { CRQ_CRON_STANDARD, "0 2,3 * * *", "Europe/Berlin", "2024-03-31T00:00:00Z",
            "2024-03-31T01:00:00Z 2024-04-01T00:00:00Z" },
    { CRQ_CRON_STANDARD, "0 */2 * * *", "Europe/Berlin", "2024-03-30T22:30:00Z",
            "2024-03-30T23:00:00Z 2024-03-31T01:00:00Z 2024-03-31T02:00:00Z" },
    { CRQ_CRON_STANDARD, "30 * * * *", "Europe/Berlin", "2024-03-31T00:00:00Z",
            "2024-03-31T00:30:00Z 2024-03-31T01:30:00Z" },
    { CRQ_CRON_STANDARD, "59 59 * * * *", "Europe/Berlin",
            "2024-03-31T00:00:00Z",
            "2024-03-31T00:59:59Z 2024-03-31T01:59:59Z" },
    /* Berlin: 2024-10-27 01:00Z, the clock goes from 03:00 to 02:00. */
    { CRQ_CRON_STANDARD, "30 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z",
            "2024-10-27T00:30:00Z 2024-10-28T01:30:00Z" },
    { CRQ_CRON_STANDARD, "30 2 * * *", "Europe/Berlin", "2024-10-27T01:10:00Z",
            "2024-10-28T01:30:00Z" },
    { CRQ_CRON_STANDARD, "0,30 2,3 * * *", "Europe/Berlin",
            "2024-10-27T00:10:00Z",
            "2024-10-27T00:30:00Z 2024-10-27T02:00:00Z 2024-10-27T02:30:00Z" },
    { CRQ_CRON_STANDARD, "0 3 * * *", "Europe/Berlin", "2024-10-27T01:10:00Z",
            "2024-10-27T02:00:00Z" },
    { CRQ_CRON_STANDARD, "30 * * * *", "Europe/Berlin", "2024-10-26T23:00:00Z",
            "2024-10-26T23:30:00Z 2024-10-27T00:30:00Z 2024-10-27T01:30:00Z "
            "2024-10-27T02:30:00Z" },
    { CRQ_CRON_STANDARD, "*/40 * * * *", "Europe/Berlin",
            "2024-10-27T00:00:00Z",
            "2024-10-27T00:40:00Z 2024-10-27T01:00:00Z 2024-10-27T01:40:00Z "
            "2024-10-27T02:00:00Z" },
    /* New York: 2025-03-09 07:00Z and 2025-11-02 06:00Z. */
    { CRQ_CRON_STANDARD, "15 2 * * sun", "America/New_York",
            "2025-03-09T00:00:00Z",
            "2025-03-09T07:00:00Z 2025-03-16T06:15:00Z" },
    { CRQ_CRON_STANDARD, "15 1 * * *", "America/New_York",
            "2025-11-02T00:00:00Z",
            "2025-11-02T05:15:00Z 2025-11-03T06:15:00Z" },
    { CRQ_CRON_STANDARD, "@hourly", "America/New_York", "2025-11-02T04:30:00Z",
            "2025-11-02T05:00:00Z 2025-11-02T06:00:00Z 2025-11-02T07:00:00Z" },
    /* Lord Howe: half an hour, 2024-10-05 15:30Z and 2025-04-05 15:00Z. */
    { CRQ_CRON_STANDARD, "15 2 * * *", "Australia/Lord_Howe",
            "2024-10-05T00:00:00Z",
            "2024-10-05T15:30:00Z 2024-10-06T15:15:00Z" },
    { CRQ_CRON_STANDARD, "15 * * * *", "Australia/Lord_Howe",
            "2024-10-05T14:00:00Z",
            "2024-10-05T14:45:00Z 2024-10-05T16:15:00Z" },
    { CRQ_CRON_STANDARD, "45 1 * * *", "Australia/Lord_Howe",
            "2025-04-05T00:00:00Z",
            "2025-04-05T14:45:00Z 2025-04-06T15:15:00Z" },
    { CRQ_CRON_STANDARD, "45 * * * *", "Australia/Lord_Howe",
            "2025-04-05T14:00:00Z",
            "2025-04-05T14:45:00Z 2025-04-05T15:15:00Z 2025-04-05T16:15:00Z" },
    /* Apia had no 2011-12-30: a day was skipped at 2011-12-30 10:00Z. */
    { CRQ_CRON_STANDARD, "0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z",
            "2011-12-29T19:00:00Z 2011-12-30T10:00:00Z 2011-12-30T19:00:00Z" },
    { CRQ_CRON_STANDARD, "0 9 30 12 *", "Pacific/Apia", "2011-12-29T12:00:00Z",
            "2011-12-30T10:00:00Z 2012-12-29T19:00:00Z" },
    { CRQ_CRON_STANDARD, "0 * * * *", "Pacific/Apia", "2011-12-30T08:30:00Z",
            "2011-12-30T09:00:00Z 2011-12-30T10:00:00Z 2011-12-30T11:00:00Z" },
    /* Of rq-scheduler's: once, as much later as the clock was put forward, and
     * at the first of two. There astimezone() puts both into the past. */
    { CRQ_CRON_CRONTAB, "30 2 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z",
            "2024-03-31T01:30:00Z 2024-04-01T00:30:00Z" },
    { CRQ_CRON_CRONTAB, "30 * * * *", "Europe/Berlin", "2024-10-26T23:40:00Z",
            "2024-10-27T00:30:00Z 2024-10-27T02:30:00Z" },
    { CRQ_CRON_CRONTAB, "0 0 13 * fri", "Europe/Berlin", "2024-01-01T00:00:00Z",
            "2024-09-12T22:00:00Z 2024-12-12T23:00:00Z" },
    /* The rest of a century. */
    { CRQ_CRON_STANDARD, "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z",
            "2104-02-29T00:00:00Z" },
    { CRQ_CRON_STANDARD, "0 0 1 1 *", "UTC", "1969-06-01T00:00:00Z",
            "1970-01-01T00:00:00Z" },
};

START_TEST(test_changed_clocks_follow_the_stated_rule)
{
    char wants[400], *rest = wants, *word, got[CRQ_TIMETEXT_LEN + 1];
    struct crq_cron cron;
    crq_error err;
    int64_t at_us;

    /* A machine without tzdata would check nothing here. */
    unit_ok(crq_zone_check(changes[_i].zone, &err), &err);
    unit_ok(crq_timetext_iso(changes[_i].after, &at_us, &err), &err);
    unit_ok(crq_cron_parse(changes[_i].text, changes[_i].rules, &cron, &err),
            &err);
    strcpy(wants, changes[_i].want);
    while ((word = strsep(&rest, " ")) != NULL) {
        unit_ok(crq_cron_next(&cron, changes[_i].zone, at_us, &at_us, &err),
                &err);
        crq_timetext_put(got, at_us);
        ck_assert_msg(strncmp(got, word, 19) == 0, "'%s' in %s: %s, not %s",
                changes[_i].text, changes[_i].zone, got, word);
    }
}
END_TEST

/* Whatever the zone does, what comes next comes later, and asking from any
 * instant before it gives the same. */
START_TEST(test_next_does_not_depend_on_where_one_starts)
{
    static const char *const texts[] = { "*/7 * * * *", "*/20 2,3 * * *",
        "0 0 * * *", "15 1-3 * * *" };
    static const struct {
        const char *zone;
        int64_t from_s;
    } around[] = { { "Europe/Berlin", 1711836000 },
        { "Europe/Berlin", 1729980000 }, { "Australia/Lord_Howe", 1728136800 },
        { "Australia/Lord_Howe", 1743861600 }, { "Pacific/Apia", 1325232000 } };
    const char *zone = around[_i].zone;
    struct crq_zone_saved saved;
    crq_error err;

    unit_ok(crq_zone_enter(zone, &saved, &err), &err);
    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        int64_t end_s = around[_i].from_s + 6 * 3600, want_s = 0, got_s;
        struct crq_cron cron;

        unit_ok(crq_cron_parse(texts[t], CRQ_CRON_STANDARD, &cron, &err), &err);
        ck_assert(crq_cron_next_here(&cron, around[_i].from_s, &want_s));
        for (int64_t s = around[_i].from_s; s < end_s; s += 20) {
            ck_assert(crq_cron_next_here(&cron, s, &got_s));
            ck_assert_int_gt(got_s, s);
            if (s >= want_s)
                want_s = got_s;
            ck_assert_msg(got_s == want_s, "'%s' from %lld: %lld, not %lld",
                    texts[t], (long long)s, (long long)got_s,
                    (long long)want_s);
        }
    }
    crq_zone_leave(&saved);
}
END_TEST

START_TEST(test_a_fraction_of_a_second_counts)
{
    struct crq_cron cron;
    crq_error err;
    int64_t got = 0;

    unit_ok(crq_cron_parse("* * * * * *", CRQ_CRON_STANDARD, &cron, &err),
            &err);
    unit_ok(crq_cron_next(&cron, "UTC", 1999999, &got, &err), &err);
    ck_assert_int_eq(got, 2000000);
    unit_ok(crq_cron_next(&cron, "UTC", 2000000, &got, &err), &err);
    ck_assert_int_eq(got, 3000000);
    unit_ok(crq_cron_next(&cron, "UTC", -1, &got, &err), &err);
    ck_assert_int_eq(got, 0);
}
END_TEST

START_TEST(test_what_never_comes_again_is_said_so)
{
    static const struct {
        const char *text;
        int64_t after_s;
    } rows[] = { { "0 0 1 1 * 2020", 1700000000 },
        { "0 0 30 2 * *", 1700000000 }, { "* * * * *", 4102444799 },
        { "0 0 1 * L5", 1700000000 } };
    struct crq_cron cron;
    crq_error err;
    int64_t got = 7;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (crq_cron_parse(rows[i].text, CRQ_CRON_CRONTAB, &cron, &err) < 0)
            continue; /* impossible */
        ck_assert_msg(crq_cron_next(&cron, "UTC", rows[i].after_s * 1000000,
                              &got, &err) == CRQ_ENOTFOUND,
                "'%s' comes at %lld", rows[i].text, (long long)got);
        ck_assert_int_eq(got, 7);
    }
}
END_TEST

/* ---- zones ---- */

static const char *const no_zones[] = { "", "Europe/Atlantis", "/etc/passwd",
    "../../etc/passwd", "Europe/../../../../etc/passwd", "Europe", "CET+1 x",
    "UTC0", ":UTC", "zone.tab" };

START_TEST(test_an_unknown_zone_is_refused)
{
    crq_error err;

    ck_assert_int_eq(crq_zone_check(no_zones[_i], &err), CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, "there is no time zone") != NULL, "%s",
            err.text);
}
END_TEST

START_TEST(test_the_zone_of_the_process_is_given_back)
{
    static const char *const before[] = { NULL, "America/New_York", "" };
    struct crq_cron cron;
    crq_error err;
    int64_t got;

    unit_ok(crq_cron_parse("0 12 * * *", CRQ_CRON_STANDARD, &cron, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        const char *now;

        if (before[i] != NULL)
            setenv("TZ", before[i], 1);
        else
            unsetenv("TZ");
        unit_ok(crq_cron_next(&cron, "UTC", 0, &got, &err), &err);
        ck_assert_int_eq(got, INT64_C(43200000000));
        now = getenv("TZ");
        ck_assert((now == NULL) == (before[i] == NULL));
        ck_assert(now == NULL || strcmp(now, before[i]) == 0);
    }
    setenv("TZ", "EST5", 1);
    unit_ok(crq_cron_next(&cron, NULL, 0, &got, &err), &err);
    ck_assert_int_eq(got, INT64_C(61200000000)); /* the machine's own */
}
END_TEST

static int next_in_utc(void *arg, crq_error *err)
{
    int64_t got;

    return crq_cron_next(arg, "UTC", 0, &got, err);
}

START_TEST(test_every_failing_allocation_is_reported)
{
    struct crq_cron cron;
    crq_error err;

    setenv("TZ", "EST5", 1);
    unit_ok(crq_cron_parse("0 12 * * *", CRQ_CRON_STANDARD, &cron, &err), &err);
    unit_fail_each_allocation(next_in_utc, &cron);
    ck_assert_str_eq(getenv("TZ"), "EST5");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("cron");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_times_are_those_of_croniter_and_crontab);
    unit_add_rows(tc, test_a_refusal_names_field_place_and_what_was_expected,
            bad);
    unit_add_rows(tc, test_changed_clocks_follow_the_stated_rule, changes);
    tcase_add_loop_test(tc, test_next_does_not_depend_on_where_one_starts, 0,
            5);
    tcase_add_test(tc, test_a_fraction_of_a_second_counts);
    tcase_add_test(tc, test_what_never_comes_again_is_said_so);
    unit_add_rows(tc, test_an_unknown_zone_is_refused, no_zones);
    tcase_add_test(tc, test_the_zone_of_the_process_is_given_back);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("cron", tc);
}
