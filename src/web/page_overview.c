/*
 * page_overview.c - all queues: how full, how fast, how late.
 *
 * Numbers of jobs are lengths of lists and sets; rates and times are what
 * crq's workers have counted. None of it grows with the number of jobs.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/keys.h"
#include "model/registry.h"
#include "redis/conn.h"
#include "web/page_stats.h"

struct overview {
    struct page *p;
    char **names;
    size_t count;
    struct crq_counts *counts;
    struct crq_counts sum;
    crq_stats *all;    /* one row: all queues, an hour */
    crq_stats *queues; /* a row for each */
    int64_t workers, busy;
    bool suspended;
    int64_t suspended_s; /* left; -1: for ever */
    char *leader;        /* NULL: nobody */
};

/* ----------------------------------------------------------------- fetching */

static void sum_up(struct overview *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct crq_counts *c = &o->counts[i];

        o->sum.queued += c->queued;
        o->sum.started += c->started;
        o->sum.finished += c->finished;
        o->sum.failed += c->failed;
        o->sum.deferred += c->deferred;
        o->sum.scheduled += c->scheduled;
        o->sum.canceled += c->canceled;
    }
}

static int fetch_workers(struct overview *o)
{
    crq_worker *workers = NULL;
    size_t count = 0;
    int rc = crq_workers_fetch(o->p->conn, &workers, &count, o->p->err);

    for (size_t i = 0; rc == 0 && i < count; i++)
        o->busy += strcmp(crq_worker_state(crq_workers_at(workers, i)),
                           "busy") == 0;
    o->workers = (int64_t)count;
    crq_workers_free(workers, count);
    return rc;
}

static int fetch_leader(struct overview *o)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    const char *leader;
    int rc;

    crq_key(key, CRQ_KEY_LEADER, NULL);
    rc = crq_conn_run(o->p->conn, &reply, o->p->err, "GET", key, NULL);
    leader = rc == 0 ? crq_reply_text(reply, NULL) : NULL;
    if (leader != NULL) {
        o->leader = crq_strdup(strncmp(leader, "crq:", 4) == 0 ? leader + 4
                                                               : leader);
        if (o->leader == NULL)
            rc = crq_fail_nomem(o->p->err);
    }
    crq_reply_free(reply);
    return rc;
}

static int fetch(struct overview *o)
{
    static const char *const all[] = { NULL };
    struct page *p = o->p;
    int rc = page_queue_names(p, &o->names, &o->count);

    if (rc < 0)
        return rc;
    o->counts = crq_calloc(o->count + 1, sizeof(*o->counts));
    if (o->counts == NULL)
        return crq_fail_nomem(p->err);
    rc = crq_registry_counts(p->conn, o->names, o->count, o->counts, p->err);
    sum_up(o);
    if (rc == 0)
        rc = crq_stats_fetch(p->conn, all, 1, STATS_SHOWN, &o->all, p->err);
    if (rc == 0)
        rc = crq_stats_fetch(p->conn, (const char *const *)o->names, o->count,
                o->count <= STATS_QUEUES ? STATS_RECENT : 2, &o->queues,
                p->err);
    if (rc == 0)
        rc = fetch_workers(o);
    if (rc == 0)
        rc = crq_is_suspended(p->conn, &o->suspended, &o->suspended_s, p->err);
    return rc == 0 ? fetch_leader(o) : rc;
}

static void overview_fini(struct overview *o)
{
    if (o->all != NULL)
        crq_stats_free(o->all, 1);
    if (o->queues != NULL)
        crq_stats_free(o->queues, o->count);
    crq_free(o->counts);
    crq_free(o->leader);
    crq_names_free(o->names, o->count);
}

/* ------------------------------------------------------------------- tiles */

static void put_tile(struct page *p, const char *status, const char *label,
        int64_t n)
{
    html(p->out, "<li><a href=\"");
    page_jobs_href(p, NULL, status, NULL, NULL, NULL);
    html(p->out, "\"><span class=\"label s-%s\">%s</span> <b data-n=\"%s\">",
            status, label, status);
    page_number(p, n);
    html(p->out, "</b></a></li>\n");
}

static void put_tiles(const struct overview *o)
{
    struct page *p = o->p;

    html(p->out, "<ul class=\"tiles\" aria-label=\"Jobs\">\n");
    put_tile(p, "queued", "Queued", o->sum.queued);
    put_tile(p, "started", "Running", o->sum.started);
    put_tile(p, "scheduled", "Scheduled", o->sum.scheduled);
    put_tile(p, "deferred", "Deferred", o->sum.deferred);
    put_tile(p, "failed", "Failed", o->sum.failed);
    put_tile(p, "finished", "Finished", o->sum.finished);
    html(p->out,
            "<li><a href=\"/workers\"><span class=\"label\">Workers busy"
            "</span> <b>");
    page_number(p, o->busy);
    html(p->out, "<small> of ");
    page_number(p, o->workers);
    html(p->out,
            "</small></b></a></li>\n<li><a href=\"/schedules\">"
            "<span class=\"label\">Scheduler</span> <b class=\"word\">");
    html(p->out, "%s", o->leader != NULL ? o->leader : "none");
    html(p->out, "</b></a></li>\n</ul>\n");
}

/* -------------------------------------------------------------- suspension */

static void put_suspended(const struct overview *o)
{
    struct page *p = o->p;

    if (!o->suspended)
        return;
    html(p->out,
            "<p class=\"banner\" role=\"note\"><b>Suspended.</b> No "
            "worker takes a job");
    if (o->suspended_s >= 0) {
        html(p->out, " for another ");
        page_duration(p, o->suspended_s * 1000000);
    }
    html(p->out, ".</p>\n");
}

static void put_head(const struct overview *o)
{
    page_head(o->p, "Overview");
    page_button(o->p,
            o->suspended
                    ? &(struct page_button){ .label = "Resume",
                              .method = "DELETE",
                              .folder = "/suspension",
                              .tail = "",
                              .done = "Resumed: workers take jobs again." }
                    : &(struct page_button){ .label = "Suspend",
                              .method = "PUT",
                              .folder = "/suspension",
                              .tail = "",
                              .body = "{}",
                              .question = "Suspend all workers? Runs go on, "
                                          "but no job is taken.",
                              .done = "Suspended.",
                              .danger = true });
    page_head_end(o->p);
}

/* ------------------------------------------------------------------ queues */

static void put_count(struct page *p, const char *heading, const char *queue,
        const char *status, int64_t n)
{
    page_cell(p, heading);
    if (n > 0) {
        html(p->out, "<a href=\"");
        page_jobs_href(p, queue, status, NULL, NULL, NULL);
        html(p->out, "\">");
        page_number(p, n);
        html(p->out, "</a></td>");
    } else {
        html(p->out, "<span class=\"none\">0</span></td>");
    }
}

static void put_queue(const struct overview *o, size_t i, int minutes)
{
    struct page *p = o->p;
    const struct crq_counts *c = &o->counts[i];
    const crq_stats *s = crq_stats_at(o->queues, i);
    const char *name = o->names[i];

    html(p->out, "<tr><th scope=\"row\">");
    page_queue_link(p, name);
    html(p->out, "</th>");
    put_count(p, "#Queued", name, "queued", c->queued);
    page_cell(p, "Oldest");
    page_age(p, crq_stats_oldest_us(s));
    html(p->out, "</td>");
    put_count(p, "#Running", name, "started", c->started);
    put_count(p, "#Failed", name, "failed", c->failed);
    put_count(p, "#Finished", name, "finished", c->finished);
    put_count(p, "#Deferred", name, "deferred", c->deferred);
    put_count(p, "#Scheduled", name, "scheduled", c->scheduled);
    stats_put_rate(p, s);
    stats_put_spark(p, s, minutes);
    stats_put_times(p, "Wait", s, CRQ_TIMING_WAIT, minutes);
    stats_put_times(p, "Run", s, CRQ_TIMING_RUN, minutes);
    html(p->out, "</tr>\n");
}

static void put_queues(const struct overview *o)
{
    static const char *const headings[] = { "Queue", "#Queued", "Oldest",
        "#Running", "#Failed", "#Finished", "#Deferred", "#Scheduled", "#Rate",
        "Lately", "#Wait 50/95/99 %", "#Run 50/95/99 %", NULL };
    struct page *p = o->p;
    int minutes = o->count <= STATS_QUEUES ? STATS_RECENT : 2;

    html(p->out, "<h2>Queues</h2>\n");
    if (o->count == 0) {
        page_empty(p, "There are no queues yet: the first job makes one.");
        return;
    }
    page_table(p, "Queues", headings);
    for (size_t i = 0; i < o->count; i++)
        put_queue(o, i, minutes);
    page_table_end(p);
    html(p->out,
            "<p class=\"hint\">Wait and run: half of the jobs, 95 and 99 of a "
            "hundred took no longer, in the last %d minutes. Rates and times "
            "are what crq's workers have counted.</p>\n",
            minutes);
}

int page_overview(struct page *p)
{
    struct overview o = { .p = p };
    int rc = fetch(&o);

    if (rc == 0) {
        put_head(&o);
        put_suspended(&o);
        put_tiles(&o);
        html(p->out, "<div class=\"overview\">\n");
        stats_put_charts(p, crq_stats_at(o.all, 0));
        html(p->out, "<section>");
        put_queues(&o);
        html(p->out, "</section>\n</div>\n");
    }
    overview_fini(&o);
    return rc;
}
