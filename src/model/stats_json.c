/* stats_json.c - see stats_json.h. */
#include "model/stats_json.h"

#include "base/error.h"
#include "model/job_json.h"

#define MINUTE_US INT64_C(60000000)

static crq_value *seconds(int64_t us)
{
    return us == CRQ_UNSET ? crq_value_new_none()
                           : crq_value_new_float((double)us / 1e6);
}

/* {finished, failed, ...}: since ever, or of one minute. */
static void put_ends(crq_value *v, const crq_stats *stats, int ago, int *rc)
{
    for (int i = 0; i < CRQ_STAT_COUNT; i++)
        crq_dict_put_number(v, crq_stat_name((crq_stat)i),
                ago < 0 ? crq_stats_total(stats, (crq_stat)i)
                        : crq_stats_minute(stats, ago, (crq_stat)i),
                rc);
}

static void put_totals(crq_value *v, const crq_stats *stats, int *rc)
{
    crq_value *totals = crq_value_new_dict();

    *rc = *rc == 0 && totals == NULL ? CRQ_ENOMEM : *rc;
    put_ends(totals, stats, -1, rc);
    crq_dict_put(v, "totals", totals, rc);
}

static void put_rates(crq_value *v, const crq_stats *stats, int *rc)
{
    static const struct {
        const char *name;
        crq_stat stat;
    } rates[] = {
        { "finished", CRQ_STAT_FINISHED },
        { "failed", CRQ_STAT_FAILED },
        { "all", CRQ_STAT_COUNT },
    };
    crq_value *all = crq_value_new_dict();

    *rc = *rc == 0 && all == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        crq_dict_put(all, rates[i].name,
                crq_value_new_float(crq_stats_rate(stats, rates[i].stat)), rc);
    crq_dict_put(v, "per_second", all, rc);
}

static void put_times(crq_value *v, const crq_stats *stats, int ago,
        int minutes, int *rc)
{
    static const struct {
        const char *name;
        crq_timing timing;
    } timings[] = {
        { "wait", CRQ_TIMING_WAIT },
        { "run", CRQ_TIMING_RUN },
        { "late", CRQ_TIMING_LATE },
    };
    static const struct {
        const char *name;
        double p;
    } points[] = { { "p50", 0.50 }, { "p95", 0.95 }, { "p99", 0.99 } };

    for (size_t t = 0; t < sizeof(timings) / sizeof(timings[0]); t++) {
        crq_timing timing = timings[t].timing;
        int64_t count = crq_stats_timed(stats, timing, ago, minutes);
        crq_value *one = crq_value_new_dict();

        *rc = *rc == 0 && one == NULL ? CRQ_ENOMEM : *rc;
        crq_dict_put_number(one, "count", count, rc);
        crq_dict_put(one, "mean",
                seconds(count == 0 ? CRQ_UNSET
                                   : crq_stats_sum_us(stats, timing, ago,
                                             minutes) /
                                        count),
                rc);
        for (size_t p = 0; p < sizeof(points) / sizeof(points[0]); p++)
            crq_dict_put(one, points[p].name,
                    seconds(crq_stats_percentile_us(stats, timing, ago, minutes,
                            points[p].p)),
                    rc);
        crq_dict_put(v, timings[t].name, one, rc);
    }
}

static void put_minutes(crq_value *v, const crq_stats *stats, int minutes,
        int *rc)
{
    crq_value *list = crq_value_new_list();
    int64_t now_us = crq_stats_now_us(stats);

    *rc = *rc == 0 && list == NULL ? CRQ_ENOMEM : *rc;
    for (int ago = 0; *rc == 0 && ago < minutes; ago++) {
        crq_value *minute = crq_value_new_dict();

        *rc = minute == NULL ? CRQ_ENOMEM : 0;
        crq_dict_put_time(minute, "start",
                (now_us / MINUTE_US - ago) * MINUTE_US, rc);
        put_ends(minute, stats, ago, rc);
        put_times(minute, stats, ago, 1, rc);
        if (*rc == 0)
            *rc = crq_value_add(list, minute);
        else
            crq_value_free(minute);
    }
    crq_dict_put(v, "minutes", list, rc);
}

int crq_stats_to_value(const crq_stats *stats, int window, int minutes,
        crq_value **out, crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "queue", crq_stats_queue(stats), &rc);
    crq_dict_put_time(v, "oldest_enqueued_at", crq_stats_oldest_us(stats), &rc);
    put_totals(v, stats, &rc);
    put_rates(v, stats, &rc);
    crq_dict_put_number(v, "window", window, &rc);
    put_times(v, stats, 0, window, &rc);
    put_minutes(v, stats, minutes, &rc);
    if (rc < 0) {
        crq_value_free(v);
        return crq_fail_nomem(err);
    }
    *out = v;
    return 0;
}

int crq_failure_to_value(const crq_failures *failures, size_t i,
        crq_value **out, crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    int64_t last_us = crq_failure_last_us(failures, i);
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "func", crq_failure_func(failures, i), &rc);
    crq_dict_put_text(v, "error", crq_failure_class(failures, i), &rc);
    crq_dict_put_text(v, "message", crq_failure_message(failures, i), &rc);
    crq_dict_put_number(v, "count", crq_failure_times(failures, i), &rc);
    crq_dict_put_time(v, "last", last_us > 0 ? last_us : CRQ_UNSET, &rc);
    crq_dict_put_text(v, "job", crq_failure_job(failures, i), &rc);
    crq_dict_put_text(v, "queue", crq_failure_queue(failures, i), &rc);
    if (rc < 0) {
        crq_value_free(v);
        return crq_fail_nomem(err);
    }
    *out = v;
    return 0;
}
