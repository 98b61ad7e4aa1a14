/* stats_times.c - numbers of statistics: buckets, percentiles, fields. */
#include "model/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/fields.h"

#define MS     INT64_C(1000)
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define YEAR   (365 * 24 * 60 * MINUTE)

static const int64_t bounds_us[CRQ_STATS_BUCKETS] = { 1 * MS, 2 * MS, 5 * MS,
    10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS, 1 * SECOND,
    2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, 1 * MINUTE, 2 * MINUTE,
    5 * MINUTE, 10 * MINUTE, 30 * MINUTE, 60 * MINUTE, INT64_MAX };

/* The largest that is believed: of those, all that is ever added up here stays
 * within an int64_t. */
#define COUNT_MAX  INT64_C(1000000000000000)
#define SUM_US_MAX INT64_C(100000000000000000)

static const char *const stat_names[CRQ_STAT_COUNT] = {
    [CRQ_STAT_FINISHED] = "finished",
    [CRQ_STAT_FAILED] = "failed",
    [CRQ_STAT_STOPPED] = "stopped",
    [CRQ_STAT_CANCELED] = "canceled",
    [CRQ_STAT_RETRIED] = "retried",
    [CRQ_STAT_ABANDONED] = "abandoned",
};

static const char *const timing_names[CRQ_TIMING_COUNT] = {
    [CRQ_TIMING_WAIT] = "wait",
    [CRQ_TIMING_RUN] = "run",
    [CRQ_TIMING_LATE] = "late",
};

int64_t crq_stats_bound_us(size_t i)
{
    return bounds_us[i < CRQ_STATS_BUCKETS ? i : CRQ_STATS_BUCKETS - 1];
}

const char *crq_stat_name(crq_stat stat)
{
    /* Whatever the compiler takes an enum for. */
    return (unsigned)stat < CRQ_STAT_COUNT ? stat_names[stat] : NULL;
}

/* ---- times ---- */

void crq_times_add(struct crq_times *times, int64_t us)
{
    size_t i = 0;

    us = us < 0 ? 0 : us > YEAR ? YEAR : us;
    while (us > bounds_us[i])
        i++;
    times->buckets[i]++;
    times->sum_us += us;
}

void crq_times_merge(struct crq_times *times, const struct crq_times *from)
{
    for (size_t i = 0; i < CRQ_STATS_BUCKETS; i++)
        times->buckets[i] += from->buckets[i];
    times->sum_us += from->sum_us;
}

int64_t crq_times_count(const struct crq_times *times)
{
    int64_t count = 0;

    for (size_t i = 0; i < CRQ_STATS_BUCKETS; i++)
        count += times->buckets[i];
    return count;
}

/* As Prometheus's histogram_quantile(), so that both say the same. */
int64_t crq_times_percentile_us(const struct crq_times *times, double p)
{
    int64_t count = crq_times_count(times), before = 0, low_us = 0;
    double rank = (p > 0 ? fmin(p, 1) : 0) * (double)count;
    size_t i = 0;

    if (count == 0)
        return CRQ_UNSET;
    while (i < CRQ_STATS_BUCKETS - 1 &&
            ((double)(before + times->buckets[i]) < rank ||
                    times->buckets[i] == 0)) {
        before += times->buckets[i];
        low_us = bounds_us[i++];
    }
    if (i == CRQ_STATS_BUCKETS - 1)
        return low_us;
    return low_us +
            (int64_t)((double)(bounds_us[i] - low_us) *
                    (rank - (double)before) / (double)times->buckets[i]);
}

/* ---- fields ---- */

#define PER_TIMING (CRQ_STATS_BUCKETS + 1)

int64_t *crq_numbers_at(struct crq_numbers *numbers, size_t i)
{
    struct crq_times *times;

    if (i < CRQ_STAT_COUNT)
        return &numbers->stats[i];
    i -= CRQ_STAT_COUNT;
    times = &numbers->times[i / PER_TIMING];
    i %= PER_TIMING;
    return i < CRQ_STATS_BUCKETS ? &times->buckets[i] : &times->sum_us;
}

void crq_numbers_field(char out[CRQ_STATS_FIELD_MAX], size_t i)
{
    const char *timing;

    if (i < CRQ_STAT_COUNT) {
        snprintf(out, CRQ_STATS_FIELD_MAX, "%s", stat_names[i]);
        return;
    }
    i -= CRQ_STAT_COUNT;
    timing = timing_names[i / PER_TIMING];
    i %= PER_TIMING;
    if (i == CRQ_STATS_BUCKETS)
        snprintf(out, CRQ_STATS_FIELD_MAX, "%s:us", timing);
    else if (i == CRQ_STATS_BUCKETS - 1)
        snprintf(out, CRQ_STATS_FIELD_MAX, "%s:inf", timing);
    else
        snprintf(out, CRQ_STATS_FIELD_MAX, "%s:%lld", timing,
                (long long)(bounds_us[i] / MS));
}

/* What stands behind "wait:"; CRQ_STATS_BUCKETS for the sum, more for what is
 * nothing of ours. */
static size_t bucket_of(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    int64_t ms;

    if (strcmp(text, "us") == 0)
        return CRQ_STATS_BUCKETS;
    if (strcmp(text, "inf") == 0)
        return CRQ_STATS_BUCKETS - 1;
    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return SIZE_MAX;
    ms = atoll(text);
    for (size_t i = 0; i < CRQ_STATS_BUCKETS - 1; i++)
        if (bounds_us[i] == ms * MS)
            return i;
    return SIZE_MAX;
}

static void take(struct crq_numbers *out, const char *name, int64_t n)
{
    for (size_t i = 0; i < CRQ_STAT_COUNT; i++)
        if (strcmp(name, stat_names[i]) == 0)
            out->stats[i] = n < COUNT_MAX ? n : COUNT_MAX;
    for (size_t i = 0; i < CRQ_TIMING_COUNT; i++) {
        size_t len = strlen(timing_names[i]), bucket;

        if (strncmp(name, timing_names[i], len) != 0 || name[len] != ':')
            continue;
        bucket = bucket_of(name + len + 1);
        if (bucket < CRQ_STATS_BUCKETS)
            out->times[i].buckets[bucket] = n < COUNT_MAX ? n : COUNT_MAX;
        else if (bucket == CRQ_STATS_BUCKETS)
            out->times[i].sum_us = n < SUM_US_MAX ? n : SUM_US_MAX;
    }
}

void crq_numbers_decode(struct crq_numbers *out, const crq_reply *reply)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i + 1 < crq_reply_count(reply); i += 2) {
        const char *name = crq_text_of(crq_reply_item(reply, i));
        int64_t n = crq_reply_int(crq_reply_item(reply, i + 1), 0);

        if (name != NULL && n > 0)
            take(out, name, n);
    }
}
