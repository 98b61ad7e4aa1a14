/*
 * cron_parse.c - reading cron expressions.
 *
 * Sources: crontab(5) of vixie cron, with croniter's reading of what that
 * leaves open; and for crontab rules the Python library crontab 1.0.5, oddities
 * and all, because both may run the same entries.
 */
#include "sched/cron.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

enum field_id { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR, FIELDS };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may",
    "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu",
    "fri", "sat", NULL };

static const struct field {
    const char *name;
    int first, last, most; /* what "*" means; the highest number taken */
    const char *const *names;
    const char *expects;
} fields[FIELDS] = {
    [SECOND] = { "second", 0, 59, 59, NULL, "0 to 59" },
    [MINUTE] = { "minute", 0, 59, 59, NULL, "0 to 59" },
    [HOUR] = { "hour", 0, 23, 23, NULL, "0 to 23" },
    [DAY] = { "day of month", 1, 31, 31, NULL, "1 to 31" },
    [MONTH] = { "month", 1, 12, 12, month_names, "1 to 12 or jan to dec" },
    [WEEKDAY] = { "day of week", 0, 6, 7, day_names, "0 to 7 or sun to sat" },
    [YEAR] = { "year", CRQ_CRON_FIRST_YEAR, CRQ_CRON_LAST_YEAR,
            CRQ_CRON_LAST_YEAR, NULL, "1970 to 2099" },
};

/* Which fields an expression has, by rules and number of words. */
static const struct layout {
    enum crq_cron_rules rules;
    int words;
    enum field_id order[FIELDS];
} layouts[] = {
    { CRQ_CRON_STANDARD, 5, { MINUTE, HOUR, DAY, MONTH, WEEKDAY } },
    { CRQ_CRON_STANDARD, 6, { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY } },
    { CRQ_CRON_CRONTAB, 5, { MINUTE, HOUR, DAY, MONTH, WEEKDAY } },
    { CRQ_CRON_CRONTAB, 6, { MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR } },
    { CRQ_CRON_CRONTAB, 7,
            { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR } },
};

static const struct {
    const char *name, *means;
} aliases[] = {
    { "@yearly", "0 0 1 1 *" },
    { "@annually", "0 0 1 1 *" },
    { "@monthly", "0 0 1 * *" },
    { "@weekly", "0 0 * * 0" },
    { "@daily", "0 0 * * *" },
    { "@midnight", "0 0 * * *" }, /* not in crontab, where it is refused */
    { "@hourly", "0 * * * *" },
};

/* Where we are. */
struct reader {
    enum crq_cron_rules rules;
    const char *text, *at; /* the whole, and the character to come */
    enum field_id field;
    crq_error *err;
};

/* What a field has been found to hold. */
struct set {
    uint64_t bits[3]; /* from fields[].first on for years, else from 0 */
    uint32_t before_last, last_week_days;
    bool star;   /* a "*" or "?" is in the list */
    bool steps;  /* a star with a step: a part of all */
    bool closed; /* see read_before_last() */
};

static void set_add(struct set *set, enum field_id field, int value)
{
    if (field == YEAR)
        value -= CRQ_CRON_FIRST_YEAR;
    if (field == WEEKDAY && value == 7)
        value = 0;
    if (!set->closed)
        set->bits[value / 64] |= UINT64_C(1) << (value % 64);
}

static int expected(struct reader *r, const char *what)
{
    size_t len = strcspn(r->at, ", \t\n");

    return crq_fail(r->err, CRQ_EINVAL,
            "cron '%.80s', character %zu, %s: %s was expected%s%.*s%s", r->text,
            (size_t)(r->at - r->text) + 1, fields[r->field].name, what,
            len > 0 ? ", not '" : "", (int)(len < 40 ? len : 40), r->at,
            len > 0 ? "'" : "");
}

/* ---- pieces ---- */

static bool is_end(char c)
{
    return c == '\0' || c == ',' || isspace((unsigned char)c);
}

static bool read_digits(struct reader *r, int *out)
{
    const char *p = r->at;
    int n = 0;

    for (; isdigit((unsigned char)*p); p++)
        n = n < 100000 ? n * 10 + (*p - '0') : n;
    if (p == r->at)
        return false;
    r->at = p;
    *out = n;
    return true;
}

static bool read_name(struct reader *r, int *out)
{
    const struct field *field = &fields[r->field];

    if (field->names == NULL)
        return false;
    for (int i = 0; field->names[i] != NULL; i++)
        if (strncasecmp(r->at, field->names[i], 3) == 0 &&
                !isalnum((unsigned char)r->at[3])) {
            r->at += 3;
            *out = i + field->first;
            return true;
        }
    return false;
}

static int read_value(struct reader *r, int *out)
{
    const char *from = r->at;

    if (!read_name(r, out) && !read_digits(r, out))
        return expected(r, fields[r->field].expects);
    if (*out >= fields[r->field].first && *out <= fields[r->field].most)
        return 0;
    r->at = from;
    return expected(r, fields[r->field].expects);
}

/* "/15"; 0 when there is none. */
static int read_step(struct reader *r, int *out)
{
    const struct field *field = &fields[r->field];
    crq_error what;

    *out = 0;
    if (*r->at != '/')
        return 0;
    r->at++;
    if (read_digits(r, out) && *out >= 1 && *out <= field->most)
        return 0;
    while (r->at[-1] != '/')
        r->at--;
    crq_fail(&what, CRQ_EINVAL, "a step from 1 to %d", field->most);
    return expected(r, what.text);
}

/* crontab refuses steps that lead nowhere. */
static int check_step(struct reader *r, int first, int step, const char *from)
{
    if (r->rules != CRQ_CRON_CRONTAB || step == 0 ||
            first + step <= fields[r->field].most)
        return 0;
    r->at = from;
    return expected(r, "a step to a value that there is");
}

/* "*", "5", "5-10", each with a step or without. */
static int read_range(struct reader *r, struct set *set)
{
    const struct field *field = &fields[r->field];
    const char *from = r->at;
    int first = field->first, last = field->last, step, rc = 0;
    bool star = *r->at == '*', range = false;

    if (star) {
        r->at++;
    } else {
        rc = read_value(r, &first);
        range = rc == 0 && *r->at == '-';
        if (range) {
            r->at++;
            rc = read_value(r, &last);
            /* "fri-sun" */
            if (rc == 0 && r->field == WEEKDAY && last == 0)
                last = 7;
        }
    }
    if (rc == 0)
        rc = read_step(r, &step);
    if (rc < 0)
        return rc;
    if (!is_end(*r->at))
        return expected(r,
                range || star ? "',', '/' or a blank"
                              : "',', '-', '/' or a blank");
    if (first > last && range) {
        r->at = from;
        return expected(r, "a range that begins before it ends");
    }
    set->steps |= star && step > 0;
    if (star && step == 0) {
        set->star = true;
        if (r->rules == CRQ_CRON_CRONTAB)
            return 0;
    }
    if (!star && !range && step == 0)
        last = first;
    for (int i = first; i <= last; i += step > 0 ? step : 1)
        set_add(set, r->field, i);
    return check_step(r, first, step, from);
}

/* ---- crontab's own ---- */

/* "3" or "2-4" behind L or Z. */
static int read_days(struct reader *r, int *first, int *last, bool *range)
{
    if (!read_digits(r, first) || *first > 7)
        return expected(r, "0 to 7");
    *last = *first;
    *range = *r->at == '-';
    if (!*range)
        return 0;
    r->at++;
    if (!read_digits(r, last) || *last > 7)
        return expected(r, "0 to 7");
    return 0;
}

/* "Z3", "Z1-4": so many days before the last of the month. The library looks
 * at the items of a list from left to right, and a single Z ends that: what
 * stands behind it, and all plain numbers, count for nothing. */
static int read_before_last(struct reader *r, struct set *set)
{
    const char *from = r->at++;
    int first, last, rc;
    bool range;

    rc = read_days(r, &first, &last, &range);
    if (rc < 0)
        return rc;
    if (range && (first > last || last == 0)) {
        r->at = from;
        return expected(r, "a range that begins before it ends");
    }
    for (int i = first; i <= last && !set->closed; i++)
        set->before_last |= UINT32_C(1) << i;
    if (!range) {
        memset(set->bits, 0, sizeof(set->bits));
        set->closed = true;
    }
    return 0;
}

/* "L5", "L1-3": the last such day of the week in the month. */
static int read_last_weekday(struct reader *r, struct set *set)
{
    int first, last, rc;
    bool range;

    r->at++;
    rc = read_days(r, &first, &last, &range);
    for (int i = first; rc == 0 && i <= last; i++)
        set->last_week_days |= UINT32_C(1) << (i % 7);
    return rc;
}

/* "?", and what only crontab knows. 1: it was none of it. */
static int read_special(struct reader *r, struct set *set)
{
    bool crontab = r->rules == CRQ_CRON_CRONTAB;
    int c = tolower((unsigned char)*r->at), rc = 1;

    if (c == '?' && (r->field == DAY || r->field == WEEKDAY)) {
        r->at++;
        set->star = true;
        rc = 0;
    } else if (crontab && c == 'l' && r->field == DAY) {
        r->at++;
        set->before_last |= !set->closed;
        rc = 0;
    } else if (crontab && c == 'l' && r->field == WEEKDAY)
        rc = read_last_weekday(r, set);
    else if (crontab && c == 'z' && r->field == DAY)
        rc = read_before_last(r, set);
    if (rc == 0 && !is_end(*r->at))
        return expected(r, "',' or a blank");
    return rc;
}

/* ---- fields ---- */

static int read_field(struct reader *r, struct set *set)
{
    int rc;

    *set = (struct set){ .star = false };
    for (;;) {
        rc = read_special(r, set);
        if (rc == 1)
            rc = read_range(r, set);
        if (rc < 0)
            return rc;
        if (*r->at != ',')
            break;
        r->at++;
    }
    /* A "*" among other items is all there is, but for a Z before it. */
    if (set->star && !set->closed)
        for (int i = fields[r->field].first; i <= fields[r->field].last; i++)
            set_add(set, r->field, i);
    return 0;
}

static uint64_t all_of(enum field_id field)
{
    uint64_t bits = 0;

    for (int i = fields[field].first; i <= fields[field].last; i++)
        bits |= UINT64_C(1) << i;
    return bits;
}

static void store(struct crq_cron *out, enum field_id field,
        const struct set *set)
{
    uint64_t *const places[FIELDS] = { [SECOND] = &out->seconds,
        [MINUTE] = &out->minutes,
        [HOUR] = &out->hours,
        [DAY] = &out->month_days,
        [MONTH] = &out->months,
        [WEEKDAY] = &out->week_days,
        [YEAR] = NULL };

    if (field == YEAR)
        memcpy(out->years, set->bits, sizeof(out->years));
    else
        *places[field] = set->bits[0];
    out->before_last_day |= set->before_last;
    out->last_week_days |= set->last_week_days;
}

static void set_defaults(struct crq_cron *out, enum crq_cron_rules rules)
{
    *out = (struct crq_cron){ .rules = rules,
        .days = CRQ_DAYS_BOTH,
        .seconds = 1,
        .years = { ~UINT64_C(0), ~UINT64_C(0), 3 } };
}

/* ---- expressions ---- */

static const char *skip_blanks(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

static int count_words(const char *text)
{
    int count = 0;

    for (text = skip_blanks(text); *text != '\0'; text = skip_blanks(text)) {
        count++;
        while (*text != '\0' && !isspace((unsigned char)*text))
            text++;
    }
    return count;
}

static const char *without_alias(const char *text, enum crq_cron_rules rules)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        bool same = rules == CRQ_CRON_CRONTAB
                ? strcmp(text, aliases[i].name) == 0 &&
                        strcmp(text, "@midnight") != 0
                : strcasecmp(text, aliases[i].name) == 0;

        if (same)
            return aliases[i].means;
    }
    return text;
}

static const struct layout *find_layout(const char *text,
        enum crq_cron_rules rules, crq_error *err)
{
    int words = count_words(text);

    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (layouts[i].rules == rules && layouts[i].words == words)
            return &layouts[i];
    crq_fail(err, CRQ_EINVAL, "cron '%.80s' has %d field%s; %s", text, words,
            words == 1 ? "" : "s",
            rules == CRQ_CRON_CRONTAB
                    ? "5 are expected (minute, hour, day of month, month, day "
                      "of week), 6 with a year, or 7 with seconds first"
                    : "5 are expected (minute, hour, day of month, month, day "
                      "of week), 6 with seconds first, or a word like @daily");
    return NULL;
}

/* A date that no year has: then the days of the month are all beyond the
 * longest of the months. */
static int check_possible(const struct crq_cron *cron, const char *text,
        crq_error *err)
{
    static const int longest[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30,
        31 };

    if (cron->days == CRQ_DAYS_EITHER || cron->before_last_day != 0)
        return 0;
    for (int month = 1; month <= 12; month++)
        if ((cron->months >> month & 1) != 0 &&
                (cron->month_days & ((UINT64_C(2) << longest[month - 1]) - 1)))
            return 0;
    return crq_fail(err, CRQ_EINVAL,
            "cron '%.80s' is impossible: no year has such a day of the month",
            text);
}

/* Whether one kind of days leaves the choice to the other. Numbers that name
 * all there are do too, if the other has a star with a step: so in croniter. */
static bool counts_as_star(const struct set *set, enum field_id field,
        const struct set *other)
{
    return set->star || (set->bits[0] == all_of(field) && other->steps);
}

int crq_cron_parse(const char *text, enum crq_cron_rules rules,
        struct crq_cron *out, crq_error *err)
{
    const char *means = without_alias(text, rules);
    struct reader r = { rules, means, means, SECOND, err };
    const struct layout *layout = find_layout(means, rules, err);
    struct set days = { .star = true }, week_days = days;
    struct crq_cron cron;

    if (layout == NULL)
        return CRQ_EINVAL;
    set_defaults(&cron, rules);
    for (int i = 0; i < layout->words; i++) {
        struct set set;
        int rc;

        r.field = layout->order[i];
        r.at = skip_blanks(r.at);
        rc = read_field(&r, &set);
        if (rc < 0)
            return rc;
        store(&cron, r.field, &set);
        if (r.field == DAY)
            days = set;
        if (r.field == WEEKDAY)
            week_days = set;
    }
    if (rules == CRQ_CRON_STANDARD && !counts_as_star(&days, DAY, &week_days) &&
            !counts_as_star(&week_days, WEEKDAY, &days))
        cron.days = CRQ_DAYS_EITHER;
    cron.every_hour = cron.hours == all_of(HOUR);
    if (check_possible(&cron, text, err) < 0)
        return CRQ_EINVAL;
    *out = cron;
    return 0;
}
