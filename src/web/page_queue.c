/* page_queue.c - one queue: how full, how fast, how late, and what can be
 * done to all of it. */
#include <string.h>

#include "base/error.h"
#include "model/queue.h"
#include "model/registry.h"
#include "web/page_stats.h"

static const struct {
    const char *status, *label;
    size_t count;
} tiles[] = {
    { "queued", "Queued", offsetof(struct crq_counts, queued) },
    { "started", "Running", offsetof(struct crq_counts, started) },
    { "scheduled", "Scheduled", offsetof(struct crq_counts, scheduled) },
    { "deferred", "Deferred", offsetof(struct crq_counts, deferred) },
    { "failed", "Failed", offsetof(struct crq_counts, failed) },
    { "finished", "Finished", offsetof(struct crq_counts, finished) },
    { "canceled", "Canceled", offsetof(struct crq_counts, canceled) },
};

static void put_tiles(struct page *p, const struct crq_counts *counts,
        const crq_stats *stats)
{
    html(p->out, "<ul class=\"tiles\" aria-label=\"Jobs\">\n");
    for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++) {
        int64_t n;

        memcpy(&n, (const char *)counts + tiles[i].count, sizeof(n));
        html(p->out, "<li><a href=\"");
        page_jobs_href(p, p->name, tiles[i].status, NULL, NULL, NULL);
        html(p->out,
                "\"><span class=\"label s-%s\">%s</span> <b data-n=\"%s\">",
                tiles[i].status, tiles[i].label, tiles[i].status);
        page_number(p, n);
        html(p->out, "</b></a></li>\n");
    }
    html(p->out,
            "<li><span class=\"tile\"><span class=\"label\">Oldest</span> "
            "<b class=\"word\">");
    page_age(p, crq_stats_oldest_us(stats));
    html(p->out, "</b></span></li>\n</ul>\n");
}

static void put_buttons(struct page *p)
{
    page_button(p,
            &(struct page_button){ .label = "Empty",
                    .method = "POST",
                    .folder = "/queues/",
                    .name = p->name,
                    .tail = "/empty",
                    .question = "Delete all jobs that wait in this queue?",
                    .done = "Emptied.",
                    .danger = true });
    page_button(p,
            &(struct page_button){ .label = "Delete queue",
                    .method = "DELETE",
                    .folder = "/queues/",
                    .name = p->name,
                    .tail = "?jobs=true",
                    .question = "Delete this queue with all jobs that wait in "
                                "it? Jobs in other states stay.",
                    .done = "Deleted.",
                    .then = "/",
                    .danger = true });
}

/* Percentiles of the last quarter of an hour, in words. */
static void put_times(struct page *p, const crq_stats *stats)
{
    static const struct {
        const char *label;
        crq_timing timing;
    } rows[] = { { "Wait", CRQ_TIMING_WAIT }, { "Run", CRQ_TIMING_RUN } };
    static const char *const headings[] = { "Last 15 minutes", "#Runs",
        "#Half within", "#95 % within", "#99 % within", NULL };
    static const double shares[] = { 0.5, 0.95, 0.99 };

    page_table(p, "Times of the last 15 minutes", headings);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        html(p->out, "<tr><th scope=\"row\">%s</th>", rows[i].label);
        page_cell(p, headings[1]);
        page_number(p, crq_stats_timed(stats, rows[i].timing, 0, STATS_RECENT));
        html(p->out, "</td>");
        for (size_t k = 0; k < 3; k++) {
            page_cell(p, headings[2 + k]);
            page_duration(p,
                    crq_stats_percentile_us(stats, rows[i].timing, 0,
                            STATS_RECENT, shares[k]));
            html(p->out, "</td>");
        }
        html(p->out, "</tr>\n");
    }
    page_table_end(p);
}

/* A queue that was deleted still has its registries, and one that nobody has
 * used has nothing: the same page, without what is not there. */
int page_queue(struct page *p)
{
    char name[CRQ_NAME_MAX + 1], *names[1] = { name };
    struct crq_counts counts;
    crq_stats *stats = NULL;
    const char *const queues[] = { p->name };
    int rc = crq_queue_name_check(p->name, p->err);

    if (rc < 0)
        return rc;
    strcpy(name, p->name); /* crq_queue_name_check() has its length */
    rc = crq_registry_counts(p->conn, names, 1, &counts, p->err);
    if (rc == 0)
        rc = crq_stats_fetch(p->conn, queues, 1, STATS_SHOWN, &stats, p->err);
    if (rc < 0)
        return rc;
    page_title(p, "Queue %s", p->name);
    page_head(p, p->name);
    put_buttons(p);
    page_head_end(p);
    put_tiles(p, &counts, crq_stats_at(stats, 0));
    stats_put_charts(p, crq_stats_at(stats, 0));
    put_times(p, crq_stats_at(stats, 0));
    crq_stats_free(stats, 1);
    return 0;
}
