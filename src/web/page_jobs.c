/*
 * page_jobs.c - the jobs of one status, page by page, with a filter.
 *
 * The lines are those of the REST interface: no payloads, so a page costs the
 * same whatever jobs carry and however many there are. Jobs that are over come
 * newest first, unless the reader turns them round; the others in the order in
 * which their turn comes.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/registry.h"
#include "model/status.h"
#include "web/page_impl.h"

#define LIMIT           "50"
#define COUNT_OF(field) offsetof(struct crq_counts, field)
#define NONE            SIZE_MAX

/* What the address says. */
struct filter {
    const char *queue, *status, *func, *group, *error, *order, *cursor;
};

/* A tab for each status; what its jobs are asked when, and what may be done to
 * them. */
static const struct tab {
    const char *status, *label, *heading, *since;
    size_t count; /* in crq_counts; NONE: none of its own */
    bool over;    /* the newest first */
    bool fails;   /* it has errors to be filtered by */
    struct {
        const char *label, *operation;
        bool danger;
    } all[2];
} tabs[] = {
    { "queued", "Queued", "Enqueued", "enqueued_at", COUNT_OF(queued), false,
            false,
            { { "Cancel all", "cancel", true },
                    { "Delete all", "delete", true } } },
    { "started", "Started", "Started", "started_at", COUNT_OF(started), false,
            false, { { "Stop all", "stop", true }, { NULL, NULL, false } } },
    { "scheduled", "Scheduled", "Due", "scheduled_for", COUNT_OF(scheduled),
            false, false,
            { { "Cancel all", "cancel", true },
                    { "Delete all", "delete", true } } },
    { "deferred", "Deferred", "Created", "created_at", COUNT_OF(deferred),
            false, false,
            { { "Cancel all", "cancel", true },
                    { "Delete all", "delete", true } } },
    { "finished", "Finished", "Ended", "ended_at", COUNT_OF(finished), true,
            false,
            { { "Delete all", "delete", true }, { NULL, NULL, false } } },
    { "failed", "Failed", "Ended", "ended_at", COUNT_OF(failed), true, true,
            { { "Requeue all", "requeue", false },
                    { "Delete all", "delete", true } } },
    { "stopped", "Stopped", "Ended", "ended_at", NONE, true, false,
            { { "Requeue all", "requeue", false },
                    { "Delete all", "delete", true } } },
    { "canceled", "Canceled", "Enqueued", "enqueued_at", COUNT_OF(canceled),
            true, false,
            { { "Delete all", "delete", true }, { NULL, NULL, false } } },
};

#define TABS (sizeof(tabs) / sizeof(tabs[0]))

static const struct tab *tab_of(const char *status)
{
    for (size_t i = 0; i < TABS; i++)
        if (strcmp(tabs[i].status, status) == 0)
            return &tabs[i];
    return NULL;
}

/* ------------------------------------------------------------------ the tabs
 */

/* Of the queue, or of all together. */
static int fetch_counts(struct page *p, char *const *names, size_t count,
        const char *queue, struct crq_counts *out)
{
    struct crq_counts *all = crq_calloc(count + 1, sizeof(*all));
    int rc = all != NULL ? 0 : crq_fail_nomem(p->err);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = crq_registry_counts(p->conn, names, count, all, p->err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (queue != NULL && strcmp(queue, names[i]) != 0)
            continue;
        out->queued += all[i].queued;
        out->started += all[i].started;
        out->finished += all[i].finished;
        out->failed += all[i].failed;
        out->deferred += all[i].deferred;
        out->scheduled += all[i].scheduled;
        out->canceled += all[i].canceled;
    }
    crq_free(all);
    return rc;
}

static void put_tabs(struct page *p, const struct filter *f,
        const struct crq_counts *counts)
{
    html(p->out, "<nav class=\"tabs\" aria-label=\"Status\"><ul>\n");
    for (size_t i = 0; i < TABS; i++) {
        const struct tab *tab = &tabs[i];
        bool current = strcmp(tab->status, f->status) == 0;
        int64_t n = 0;

        html(p->out, "<li><a href=\"");
        page_jobs_href(p, f->queue, tab->status, f->func, f->group,
                tab->fails ? f->error : NULL);
        html(p->out, current ? "\" aria-current=\"page\">%s" : "\">%s",
                tab->label);
        if (tab->count != NONE)
            memcpy(&n, (const char *)counts + tab->count, sizeof(n));
        if (n > 0) {
            html(p->out, " <span class=\"count\">");
            page_number(p, n);
            html(p->out, "</span>");
        }
        html(p->out, "</a></li>\n");
    }
    html(p->out, "</ul></nav>\n");
}

/* What is not said is the tab's own order. */
static bool is_turned(const struct filter *f)
{
    return f->order != NULL && strcmp(f->order, "newest") != 0;
}

static void put_filter(struct page *p, const struct filter *f,
        const struct tab *tab, char *const *names, size_t count)
{
    html(p->out,
            "<div class=\"filters\">"
            "<form class=\"filter\" data-keep action=\"/jobs\" role=\"search\" "
            "aria-label=\"Filter\"><input type=\"hidden\" name=\"status\" value=\"%s\">",
            f->status);
    if (is_turned(f))
        html(p->out, "<input type=\"hidden\" name=\"order\" value=\"oldest\">");
    html(p->out,
            "<label>Queue <select name=\"queue\">"
            "<option value=\"\">all</option>");
    for (size_t i = 0; i < count; i++)
        html(p->out,
                f->queue != NULL && strcmp(f->queue, names[i]) == 0
                        ? "<option value=\"%s\" selected>%s</option>"
                        : "<option value=\"%s\">%s</option>",
                names[i], names[i]);
    html(p->out,
            "</select></label>"
            "<label>Function <input name=\"func\" value=\"%s\" "
            "placeholder=\"shop.*\" autocapitalize=\"none\" "
            "spellcheck=\"false\"></label>"
            "<label>Group <input name=\"group\" value=\"%s\" "
            "autocapitalize=\"none\" spellcheck=\"false\"></label>",
            f->func, f->group);
    if (tab->fails)
        html(p->out,
                "<label>Error <input name=\"error\" value=\"%s\" "
                "placeholder=\"ValueError\" autocapitalize=\"none\" "
                "spellcheck=\"false\"></label>",
                f->error);
    html(p->out,
            "<button type=\"submit\">Filter</button></form>\n"
            "<form class=\"filter\" data-keep action=\"/jobs\" role=\"search\" "
            "aria-label=\"One job\"><label>Job id <input name=\"id\" required "
            "autocapitalize=\"none\" spellcheck=\"false\"></label>"
            "<button type=\"submit\">Show</button></form></div>\n");
}

/* ---------------------------------------------------------------- the lines */

static const char *text_of(const crq_value *line, const char *key)
{
    const crq_value *v = crq_value_get(line, key);

    return crq_value_type(v) == CRQ_STR ? crq_value_text(v) : NULL;
}

static int64_t time_of(const crq_value *line, const char *key)
{
    const char *text = text_of(line, key);
    int64_t us;

    return text != NULL && crq_timetext_get(text, strlen(text), &us, NULL) == 0
            ? us
            : CRQ_UNSET;
}

/* How long it ran, has been running, or nothing. */
static void put_took(struct page *p, const crq_value *line,
        const struct tab *tab)
{
    int64_t from = time_of(line, "started_at");
    int64_t to = time_of(line, "ended_at");
    bool running = strcmp(tab->status, "started") == 0;

    if (running)
        to = p->now_us;
    page_cell(p, running ? "#Running" : "#Took");
    page_duration(p,
            from != CRQ_UNSET && to != CRQ_UNSET && to >= from ? to - from
                                                               : CRQ_UNSET);
    html(p->out, "</td>");
}

static bool has_run(const struct tab *tab)
{
    return strcmp(tab->heading, "Ended") == 0 ||
            strcmp(tab->status, "started") == 0;
}

static void put_line_button(struct page *p, const char *id,
        const struct tab *tab)
{
    static const struct {
        const char *operation, *label, *tail, *done;
        bool danger;
    } buttons[] = {
        { "requeue", "Requeue", "/requeue", "Requeued", false },
        { "cancel", "Cancel", "/cancel", "Canceled", true },
        { "stop", "Stop", "/stop", "Asked to stop", true },
    };

    if (!page_may(p, API_OPERATE))
        return;
    html(p->out, "<td class=\"acts\">");
    for (size_t i = 0; i < sizeof(buttons) / sizeof(buttons[0]); i++)
        if (strcmp(buttons[i].operation, tab->all[0].operation) == 0)
            page_button(p,
                    &(struct page_button){ .label = buttons[i].label,
                            .method = "POST",
                            .folder = "/jobs/",
                            .name = id,
                            .tail = buttons[i].tail,
                            .question =
                                    buttons[i].danger ? buttons[i].label : NULL,
                            .done = buttons[i].done,
                            .danger = buttons[i].danger,
                            .small = true });
    html(p->out, "</td>");
}

static void put_line(struct page *p, const crq_value *line,
        const struct filter *f, const struct tab *tab)
{
    const char *id = text_of(line, "id");
    const char *queue = text_of(line, "queue");

    if (id == NULL)
        return;
    html(p->out, "<tr><th scope=\"row\">");
    page_job_link(p, id);
    html(p->out, "</th><td data-th=\"Call\" class=\"call\">");
    page_text(p, text_of(line, "description"));
    html(p->out, "</td>");
    if (f->queue == NULL) {
        page_cell(p, "Queue");
        if (queue != NULL)
            page_queue_link(p, queue);
        html(p->out, "</td>");
    }
    page_cell(p, tab->heading);
    page_age(p, time_of(line, tab->since));
    html(p->out, "</td>");
    if (has_run(tab))
        put_took(p, line, tab);
    put_line_button(p, id, tab);
    html(p->out, "</tr>\n");
}

static void put_lines(struct page *p, const crq_value *jobs,
        const struct filter *f, const struct tab *tab)
{
    const char *headings[8];
    size_t n = 0;

    headings[n++] = "Job";
    headings[n++] = "Call";
    if (f->queue == NULL)
        headings[n++] = "Queue";
    headings[n++] = tab->heading;
    if (has_run(tab))
        headings[n++] =
                strcmp(tab->status, "started") == 0 ? "#Running" : "#Took";
    if (page_may(p, API_OPERATE))
        headings[n++] = "Actions";
    headings[n] = NULL;
    page_table(p, tab->label, headings);
    for (size_t i = 0; i < crq_value_count(jobs); i++)
        put_line(p, crq_value_item(jobs, i), f, tab);
    page_table_end(p);
}

/* The address of this list, from its first page on. */
static void put_href(struct page *p, const struct filter *f, bool turned)
{
    page_jobs_href(p, f->queue, f->status, f->func, f->group, f->error);
    if (turned)
        html(p->out, "&amp;order=oldest");
}

static void put_turn(struct page *p, const struct filter *f)
{
    html(p->out, "<p>%s first. <a class=\"turn\" href=\"",
            is_turned(f) ? "Oldest" : "Newest");
    put_href(p, f, !is_turned(f));
    html(p->out, "\">%s first</a></p>\n", is_turned(f) ? "Newest" : "Oldest");
}

/* A page behind the last may be empty, and one with a filter short. */
static void put_pager(struct page *p, const struct filter *f, const char *next)
{
    if (f->cursor == NULL && next == NULL)
        return;
    html(p->out, "<nav class=\"pager\" aria-label=\"Pages of this list\">");
    if (f->cursor != NULL) {
        html(p->out, "<a href=\"");
        put_href(p, f, is_turned(f));
        html(p->out, "\">First page</a>");
    }
    if (next != NULL) {
        html(p->out, "<a rel=\"next\" href=\"");
        put_href(p, f, is_turned(f));
        html(p->out, "&amp;cursor=");
        html_url(p->out, next);
        html(p->out, "\">Next page</a>");
    }
    html(p->out, "</nav>\n");
}

/* ------------------------------------------------------------------ the page
 */

static int put_head(struct page *p, const struct filter *f,
        const struct tab *tab, bool any)
{
    int rc = 0;

    page_head(p, p->title);
    for (size_t i = 0; any && rc == 0 && i < 2; i++)
        if (tab->all[i].label != NULL)
            rc = page_apply(p,
                    &(struct page_apply){ .label = tab->all[i].label,
                            .operation = tab->all[i].operation,
                            .queue = f->queue,
                            .status = f->status,
                            .func = f->func,
                            .group = f->group,
                            .error = f->error,
                            .danger = tab->all[i].danger });
    page_head_end(p);
    return rc;
}

static int fetch_jobs(struct page *p, const struct filter *f, crq_value **out)
{
    static const char *const path[] = { "jobs", NULL };
    const struct api_pair all[] = { { "status", f->status }, { "limit", LIMIT },
        { "order", f->order }, { "queue", f->queue }, { "func", f->func },
        { "group", f->group }, { "error", f->error }, { "cursor", f->cursor } };
    struct api_pair query[sizeof(all) / sizeof(all[0])];
    size_t count = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].value != NULL)
            query[count++] = all[i];
    return page_ask(p, path, query, count, out);
}

static int show(struct page *p, const struct filter *f, const struct tab *tab,
        char *const *names, size_t count)
{
    struct crq_counts counts;
    crq_value *answer = NULL;
    const crq_value *jobs = NULL;
    int rc = fetch_jobs(p, f, &answer);

    if (rc == 0)
        rc = fetch_counts(p, names, count, f->queue, &counts);
    if (rc == 0) {
        jobs = crq_value_get(answer, "jobs");
        rc = put_head(p, f, tab, crq_value_count(jobs) > 0);
    }
    if (rc == 0) {
        put_tabs(p, f, &counts);
        put_filter(p, f, tab, names, count);
        if (tab->over)
            put_turn(p, f);
        if (crq_value_count(jobs) > 0)
            put_lines(p, jobs, f, tab);
        else
            page_empty(p,
                    text_of(answer, "next") != NULL
                            ? "None so far: there is more on the next page."
                            : "There are none.");
        put_pager(p, f, text_of(answer, "next"));
    }
    crq_value_free(answer);
    return rc;
}

static int lead_to_job(struct page *p, const char *id)
{
    struct crq_buf path = CRQ_BUF_INIT;
    size_t len;

    crq_buf_puts(&path, "/jobs/");
    html_url(&path, id);
    return crq_buf_steal(&path, &p->location, &len, p->err);
}

int page_jobs(struct page *p)
{
    const char *id = page_query(p, "id");
    struct filter f = { page_query(p, "queue"), page_query(p, "status"),
        page_query(p, "func"), page_query(p, "group"), page_query(p, "error"),
        page_query(p, "order"), page_query(p, "cursor") };
    const struct tab *tab;
    char **names = NULL;
    size_t count = 0;
    int rc;

    if (id != NULL)
        return lead_to_job(p, id);
    if (f.status == NULL)
        f.status = "queued";
    tab = tab_of(f.status);
    if (tab == NULL)
        return crq_fail(p->err, CRQ_EINVAL, "There is no status '%.40s'.",
                f.status);
    if (!tab->fails)
        f.error = NULL;
    if (!tab->over)
        f.order = NULL;
    else if (f.order == NULL)
        f.order = "newest";
    page_title(p, "%s jobs", tab->label);
    rc = page_queue_names(p, &names, &count);
    if (rc == 0)
        rc = show(p, &f, tab, names, count);
    crq_names_free(names, count);
    return rc;
}
