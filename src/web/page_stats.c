/* page_stats.c - see page_stats.h. */
#include "web/page_stats.h"

#include <stdio.h>

static void put_rate(struct page *p, double rate)
{
    if (rate >= 100)
        page_number(p, (int64_t)rate);
    else
        crq_buf_printf(p->out, rate >= 10 ? "%.0f" : "%.1f", rate);
    html(p->out, "<small>/s</small>");
}

void stats_put_rate(struct page *p, const crq_stats *stats)
{
    page_cell(p, "#Rate");
    put_rate(p, crq_stats_rate(stats, CRQ_STAT_COUNT));
    html(p->out, "</td>");
}

/* Ends of the minute that began so many ago. */
static double ends(const crq_stats *stats, int ago)
{
    double sum = 0;

    for (int stat = 0; stat < CRQ_STAT_COUNT; stat++)
        if (stat != CRQ_STAT_ABANDONED) /* one of those, too */
            sum += (double)crq_stats_minute(stats, ago, (crq_stat)stat);
    return sum;
}

void stats_put_spark(struct page *p, const crq_stats *stats, int minutes)
{
    double values[STATS_RECENT];
    char label[80];
    double sum = 0;

    for (int i = 0; i < minutes; i++) {
        values[i] = ends(stats, minutes - 1 - i);
        sum += values[i];
    }
    (void)snprintf(label, sizeof(label), "%.0f runs in %d minutes", sum,
            minutes);
    page_cell(p, "Lately");
    page_spark(p, label, values, (size_t)minutes);
    html(p->out, "</td>");
}

void stats_put_times(struct page *p, const char *heading,
        const crq_stats *stats, crq_timing timing, int minutes)
{
    static const double shares[] = { 0.5, 0.95, 0.99 };

    html(p->out, "<td class=\"n times3\" data-th=\"%s 50/95/99 %%\">", heading);
    if (crq_stats_timed(stats, timing, 0, minutes) == 0) {
        page_none(p);
    } else {
        for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
            html(p->out, "<span>");
            page_duration(p,
                    crq_stats_percentile_us(stats, timing, 0, minutes,
                            shares[i]));
            html(p->out, "</span> ");
        }
    }
    html(p->out, "</td>");
}

/* ------------------------------------------------------------------ charts */

static void put_ends(struct page *p, const crq_stats *stats)
{
    double good[STATS_SHOWN], bad[STATS_SHOWN], other[STATS_SHOWN];
    const struct page_series series[] = { { "finished", "good", good },
        { "failed", "bad", bad }, { "other", "other", other } };

    for (int i = 0; i < STATS_SHOWN; i++) {
        int ago = STATS_SHOWN - 1 - i;

        good[i] = (double)crq_stats_minute(stats, ago, CRQ_STAT_FINISHED);
        bad[i] = (double)crq_stats_minute(stats, ago, CRQ_STAT_FAILED);
        other[i] = ends(stats, ago) - good[i] - bad[i];
    }
    page_chart_bars(p, "ends", "Runs that ended, a minute", series, 3,
            STATS_SHOWN, "");
}

static void put_timing(struct page *p, const char *id, const char *title,
        const crq_stats *stats, crq_timing timing)
{
    double half[STATS_SHOWN], most[STATS_SHOWN], all[STATS_SHOWN];
    const struct page_series series[] = { { "99 %", "c", all },
        { "95 %", "b", most }, { "half", "a", half } };
    const struct {
        double share, *values;
    } rows[] = { { 0.5, half }, { 0.95, most }, { 0.99, all } };

    for (int i = 0; i < STATS_SHOWN; i++)
        for (size_t r = 0; r < 3; r++) {
            int64_t us = crq_stats_percentile_us(stats, timing,
                    STATS_SHOWN - 1 - i, 1, rows[r].share);

            rows[r].values[i] = us == CRQ_UNSET ? -1 : (double)us / 1e6;
        }
    page_chart_lines(p, id, title, series, 3, STATS_SHOWN, NULL);
}

void stats_put_charts(struct page *p, const crq_stats *stats)
{
    int64_t total = 0;

    for (int stat = 0; stat < CRQ_STAT_COUNT; stat++)
        if (stat != CRQ_STAT_ABANDONED)
            total += crq_stats_total(stats, (crq_stat)stat);
    html(p->out,
            "<div class=\"charts\" data-total=\"%lld\" data-now=\"%lld\">\n",
            (long long)total, (long long)crq_stats_now_us(stats));
    put_ends(p, stats);
    put_timing(p, "waits", "How long jobs waited", stats, CRQ_TIMING_WAIT);
    put_timing(p, "runs", "How long they ran", stats, CRQ_TIMING_RUN);
    html(p->out, "</div>\n");
}
