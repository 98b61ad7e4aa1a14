/*
 * page_failures.c - jobs that have failed, by what they failed with.
 *
 * Of each queue the newest SCAN failed jobs are looked at, so the page costs
 * the same with a million. What workers have counted is below: it also knows
 * of those that are gone or were retried.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/failures.h"
#include "model/registry.h"
#include "web/page_impl.h"

#define SCAN   300
#define QUEUES 20  /* that are looked at */
#define CAUSES 100 /* of those that workers have met */

static void put_message(struct page *p, const crq_failures *f, size_t i)
{
    html(p->out, "<tr><th scope=\"row\" class=\"cause\">");
    if (crq_failure_class(f, i)[0] != '\0')
        html(p->out, "<b>%s</b>", crq_failure_class(f, i));
    else
        html(p->out, "<b>an error that can't be read</b>");
    html(p->out, "<small>%s</small></th>", crq_failure_message(f, i));
    html(p->out, "<td data-th=\"Function\" class=\"func\">");
    page_text(p, crq_failure_func(f, i));
    html(p->out, "</td>");
}

static void put_sample(struct page *p, const crq_failures *f, size_t i)
{
    page_cell(p, "Last");
    page_age(p, crq_failure_last_us(f, i));
    html(p->out, "</td>");
    page_cell(p, "Sample");
    if (crq_failure_job(f, i)[0] != '\0')
        page_job_link(p, crq_failure_job(f, i));
    else
        page_none(p);
    html(p->out, "</td>");
}

/* ----------------------------------------------------------- what is there */

/* Whether a filter can describe what failed: a name that was cut, or with what
 * a filter takes for a pattern, is not the function's. */
static bool is_name(const char *func)
{
    return func[0] != '\0' && strlen(func) < CRQ_CAUSE_TEXT - 3 &&
            strpbrk(func, "*?[\\") == NULL;
}

static int put_actions(struct page *p, const char *queue, const char *func,
        const char *error)
{
    int rc;

    if (!page_may(p, API_OPERATE))
        return 0;
    html(p->out, "<td class=\"acts\">");
    rc = !is_name(func)
            ? 0
            : page_apply(p,
                      &(struct page_apply){ .label = "Requeue these",
                              .operation = "requeue",
                              .queue = queue,
                              .status = "failed",
                              .func = func,
                              .error = error,
                              .small = true });
    html(p->out, "</td>");
    return rc;
}

static int put_causes(struct page *p, const char *queue, const crq_failures *f)
{
    const char *const headings[] = { "Cause", "Function", "#Jobs", "Last",
        "Sample", page_may(p, API_OPERATE) ? "Actions" : NULL, NULL };
    int rc = 0;

    page_table(p, queue, headings);
    for (size_t i = 0; rc == 0 && i < crq_failures_count(f); i++) {
        const char *func = crq_failure_func(f, i);
        const char *error = crq_failure_class(f, i);

        put_message(p, f, i);
        page_cell(p, "#Jobs");
        html(p->out, "<a href=\"");
        page_jobs_href(p, queue, "failed", is_name(func) ? func : NULL, NULL,
                error[0] != '\0' ? error : NULL);
        html(p->out, "\">");
        page_number(p, crq_failure_times(f, i));
        html(p->out, "</a></td>");
        put_sample(p, f, i);
        rc = put_actions(p, queue, func, error);
        html(p->out, "</tr>\n");
    }
    page_table_end(p);
    return rc;
}

static int put_queue(struct page *p, const char *queue, int64_t failed)
{
    crq_failures *f = NULL;
    int rc = crq_failures_scan(p->conn, queue, SCAN, &f, p->err);

    if (rc < 0)
        return rc;
    html(p->out, "<section><div class=\"head\"><h2>");
    page_queue_link(p, queue);
    html(p->out, "</h2><div class=\"buttons\">");
    rc = page_apply(p,
            &(struct page_apply){ .label = "Requeue all",
                    .operation = "requeue",
                    .queue = queue,
                    .status = "failed" });
    html(p->out, "</div></div>\n<p class=\"lead\">");
    page_number(p, failed);
    html(p->out, failed == 1 ? " failed job" : " failed jobs");
    if (failed > SCAN)
        html(p->out, ", of which the newest %d are grouped", SCAN);
    html(p->out, "</p>\n");
    if (rc == 0)
        rc = put_causes(p, queue, f);
    html(p->out, "</section>\n");
    crq_failures_free(f);
    return rc;
}

static int put_queues(struct page *p, char *const *names,
        const struct crq_counts *counts, size_t count)
{
    size_t shown = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (counts[i].failed == 0)
            continue;
        if (shown++ == QUEUES) {
            page_empty(p,
                    "More queues have failed jobs: their pages show "
                    "them.");
            break;
        }
        rc = put_queue(p, names[i], counts[i].failed);
    }
    if (rc == 0 && shown == 0)
        page_empty(p, "No job has failed.");
    return rc;
}

/* ------------------------------------------------------------ what was met */

static int put_met(struct page *p)
{
    static const char *const headings[] = { "Cause", "Function", "#Times",
        "Last", "Sample", NULL };
    crq_failures *f = NULL;
    int rc = crq_failures_fetch(p->conn, CAUSES, &f, p->err);

    if (rc < 0)
        return rc;
    if (crq_failures_count(f) > 0) {
        html(p->out,
                "<h2>All runs that failed</h2>\n<p>Also those that were "
                "retried, as crq's workers have met them.</p>\n");
        page_table(p, "Causes that workers have met", headings);
        for (size_t i = 0; i < crq_failures_count(f); i++) {
            put_message(p, f, i);
            page_cell(p, "#Times");
            page_number(p, crq_failure_times(f, i));
            html(p->out, "</td>");
            put_sample(p, f, i);
            html(p->out, "</tr>\n");
        }
        page_table_end(p);
    }
    crq_failures_free(f);
    return 0;
}

int page_failures(struct page *p)
{
    struct crq_counts *counts = NULL;
    char **names = NULL;
    size_t count = 0;
    int rc = page_queue_names(p, &names, &count);

    if (rc < 0)
        return rc;
    counts = crq_calloc(count + 1, sizeof(*counts));
    rc = counts != NULL
            ? crq_registry_counts(p->conn, names, count, counts, p->err)
            : crq_fail_nomem(p->err);
    page_head(p, "Failures");
    page_head_end(p);
    if (rc == 0)
        rc = put_queues(p, names, counts, count);
    if (rc == 0)
        rc = put_met(p);
    crq_free(counts);
    crq_names_free(names, count);
    return rc;
}
