/* page_story.c - see page_story.h. */
#include "web/page_story.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/job.h"
#include "model/result.h"
#include "model/webhook.h"

#define NAMES_MAX 50 /* of many jobs around it */

void story_term(struct page *p, const char *name)
{
    html(p->out, "<div><dt>%s</dt><dd>", name);
}

static void term_end(struct page *p)
{
    html(p->out, "</dd></div>\n");
}

/* ------------------------------------------------------------------- times */

static void put_point(struct page *p, const struct crq_story_point *point)
{
    html(p->out, "<li><span class=\"what\">%s</span> ", point->name);
    page_moment(p, point->us);
    if (point->took_what != NULL) {
        html(p->out, " <span class=\"took\">%s ", point->took_what);
        page_duration(p, point->took_us);
        html(p->out, "</span>");
    }
    html(p->out, "</li>\n");
}

/* What it has been doing since, or is waiting for. */
static void put_now(struct page *p, const struct crq_story *story)
{
    crq_status status = crq_job_status(story->job);
    bool running = status == CRQ_STATUS_STARTED;
    int64_t since = running ? crq_job_started_us(story->job)
                            : crq_job_enqueued_us(story->job);

    if (story->due_us != CRQ_UNSET) {
        html(p->out, "<li class=\"now\"><span class=\"what\">due</span> ");
        page_moment(p, story->due_us);
        html(p->out, " <span class=\"took\">");
        page_age(p, story->due_us);
        html(p->out, "</span></li>\n");
    } else if ((running || status == CRQ_STATUS_QUEUED) && since != CRQ_UNSET) {
        html(p->out,
                "<li class=\"now\"><span class=\"what\">%s</span> "
                "<span class=\"took\">for ",
                running ? "running" : "waiting");
        page_duration(p, p->now_us - since);
        html(p->out, "</span></li>\n");
    }
}

void story_times(struct page *p, const struct crq_story *story)
{
    struct crq_story_point points[CRQ_STORY_POINTS];
    size_t count = crq_story_points(story, points);

    html(p->out, "<h2>Times</h2>\n<ol class=\"times\">\n");
    for (size_t i = 0; i < count; i++)
        put_point(p, &points[i]);
    put_now(p, story);
    html(p->out, "</ol>\n");
}

/* ---------------------------------------------------------------- other jobs
 */

static void put_more(struct page *p, size_t count)
{
    if (count > NAMES_MAX)
        html(p->out, " and %zu more", count - NAMES_MAX);
}

static void put_relations(struct page *p, const struct crq_story *story)
{
    const struct crq_relations *r = &story->relations;

    if (r->waits_on_count > 0) {
        story_term(p, "Depends on");
        html(p->out, "<ul class=\"plain\">");
        for (size_t i = 0; i < r->waits_on_count && i < NAMES_MAX; i++) {
            const char *status = r->waits_on[i].status;

            html(p->out, "<li>");
            page_job_link(p, r->waits_on[i].id);
            html(p->out, " ");
            page_status(p, status[0] != '\0' ? status : "gone");
            html(p->out, "</li>");
        }
        html(p->out, "</ul>");
        put_more(p, r->waits_on_count);
        if (crq_job_number(story->job, CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES) > 0)
            html(p->out, " failed ones will do");
        term_end(p);
    }
    if (r->dependents_count == 0)
        return;
    story_term(p, "Needed by");
    html(p->out, "<ul class=\"plain\">");
    for (size_t i = 0; i < r->dependents_count && i < NAMES_MAX; i++) {
        html(p->out, "<li>");
        page_job_link(p, r->dependents[i]);
        html(p->out, "</li>");
    }
    html(p->out, "</ul>");
    put_more(p, r->dependents_count);
    term_end(p);
}

/* ------------------------------------------------------------------ its facts
 */

static void put_fact(struct page *p, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    story_term(p, name);
    html(p->out, "%s", text);
    term_end(p);
}

static void put_seconds(struct page *p, const char *name, int64_t s,
        const char *none)
{
    if (s == CRQ_UNSET || s > INT64_MAX / 1000000)
        return;
    story_term(p, name);
    if (s < 0)
        html(p->out, "%s", none);
    else
        page_duration(p, s * 1000000);
    term_end(p);
}

static void put_count(struct page *p, const char *name, int64_t n)
{
    if (n == CRQ_UNSET)
        return;
    story_term(p, name);
    page_number(p, n);
    term_end(p);
}

static void put_callbacks(struct page *p, const crq_job *job)
{
    static const struct {
        const char *label, *field;
    } rows[] = {
        { "On success", "success_callback_name" },
        { "On failure", "failure_callback_name" },
        { "On stopped", "stopped_callback_name" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        put_fact(p, rows[i].label, crq_job_field(job, rows[i].field, NULL));
}

/* Scheme and host only: what else is in an address may be secret. */
static int put_webhooks(struct page *p, const crq_job *job)
{
    struct crq_hooks hooks = { NULL, 0 };
    size_t len = 0;
    const char *json = crq_job_field(job, "webhooks", &len);
    int rc = 0;

    if (json != NULL && len > 0)
        rc = crq_hooks_decode(json, len, &hooks, NULL);
    if (rc == CRQ_ECODEC)
        put_fact(p, "Webhooks", "can't be read");
    for (size_t i = 0; rc == 0 && i < hooks.count; i++) {
        struct crq_buf site = CRQ_BUF_INIT;

        if (crq_hook_put_site(hooks.items[i].url, &site) == 0)
            put_fact(p,
                    hooks.items[i].failed ? "Webhook when failed"
                                          : "Webhook when done",
                    crq_buf_text(&site));
        crq_buf_fini(&site);
    }
    crq_hooks_fini(&hooks);
    return rc == CRQ_ENOMEM ? crq_fail_nomem(p->err) : 0;
}

static void put_places(struct page *p, const crq_job *job)
{
    const char *queue = crq_job_origin(job), *group = crq_job_group_id(job);

    if (queue != NULL && queue[0] != '\0') {
        story_term(p, "Queue");
        page_queue_link(p, queue);
        term_end(p);
    }
    if (group == NULL || group[0] == '\0')
        return;
    story_term(p, "Group");
    html(p->out, "<a href=\"/groups/");
    html_url(p->out, group);
    html(p->out, "\">%s</a>", group);
    term_end(p);
}

int story_facts(struct page *p, const struct crq_story *story)
{
    const crq_job *job = story->job;
    int rc;

    html(p->out, "<dl class=\"facts\">\n");
    put_places(p, job);
    put_fact(p, "Worker", crq_job_worker_name(job));
    put_relations(p, story);
    put_seconds(p, "Timeout", crq_job_timeout_s(job), "none");
    put_seconds(p, "Result kept for", crq_job_result_ttl_s(job), "ever");
    put_seconds(p, "Failure kept for", crq_job_failure_ttl_s(job), "ever");
    put_seconds(p, "May wait for", crq_job_ttl_s(job), "ever");
    if (story->left_s >= 0)
        put_seconds(p, "Expires in", story->left_s, "");
    put_count(p, "Retries left", crq_job_retries_left(job));
    put_count(p, "Retries it asked for",
            crq_job_number(job, CRQ_FIELD_NUMBER_OF_RETRIES));
    put_count(p, "Repeats left", crq_job_number(job, CRQ_FIELD_REPEATS_LEFT));
    put_callbacks(p, job);
    rc = put_webhooks(p, job);
    html(p->out, "</dl>\n");
    return rc;
}

/* ------------------------------------------------------------------ its runs
 */

/* What a run's outcome is shown like. */
static const char *const looks[] = {
    [CRQ_RESULT_SUCCESSFUL] = "finished",
    [CRQ_RESULT_FAILED] = "failed",
    [CRQ_RESULT_STOPPED] = "stopped",
    [CRQ_RESULT_RETRIED] = "scheduled",
    [CRQ_RESULT_MAX_RETRIES_EXCEEDED] = "failed",
};

/* The line that says what happened: the last one that holds anything. */
static void put_last_line(struct page *p, const char *text)
{
    size_t len = strlen(text), from;

    while (len > 0 && strchr("\r\n\t ", text[len - 1]) != NULL)
        len--;
    for (from = len; from > 0 && text[from - 1] != '\n';)
        from--;
    html_cut(p->out, text + from, len - from, 300);
}

static void put_attempt(struct page *p, const crq_result *result)
{
    int64_t ended = crq_result_ended_us(result);
    int64_t started = crq_result_started_us(result);
    const char *exc = crq_result_exc_string(result);

    html(p->out, "<tr><th scope=\"row\"><span class=\"status s-%s\">%s</span>",
            looks[crq_result_type_of(result)],
            crq_result_type_name(crq_result_type_of(result)));
    html(p->out, "</th>");
    page_cell(p, "Ended");
    page_age(p, crq_result_created_us(result));
    html(p->out, "</td>");
    page_cell(p, "#Took");
    page_duration(p,
            started != CRQ_UNSET && ended != CRQ_UNSET && ended >= started
                    ? ended - started
                    : CRQ_UNSET);
    html(p->out, "</td>");
    page_cell(p, "Worker");
    page_text(p, crq_result_worker_name(result));
    html(p->out, "</td>");
    html(p->out, "<td data-th=\"Outcome\" class=\"call\">");
    if (exc != NULL && exc[0] != '\0')
        put_last_line(p, exc);
    else
        page_none(p);
    html(p->out, "</td></tr>\n");
}

void story_attempts(struct page *p, const struct crq_story *story)
{
    static const char *const headings[] = { "Run", "Ended", "#Took", "Worker",
        "Outcome", NULL };

    if (story->results_count + story->executions_count == 0)
        return;
    html(p->out, "<h2>Runs</h2>\n");
    page_table(p, "Runs, the newest first", headings);
    for (size_t i = 0; i < story->executions_count; i++) {
        html(p->out, "<tr><th scope=\"row\">");
        page_status(p, "started");
        html(p->out, "</th>");
        for (size_t k = 1; k < 5; k++) {
            page_cell(p, headings[k]);
            page_text(p,
                    k == 3 && i == 0 ? crq_job_worker_name(story->job) : NULL);
            html(p->out, "</td>");
        }
        html(p->out, "</tr>\n");
    }
    for (size_t i = 0; i < story->results_count; i++)
        put_attempt(p, story->results[i]);
    page_table_end(p);
}

/* ------------------------------------------------------------------- its log
 */

void story_lines(struct page *p, const char *id, const crq_lines *lines,
        bool live)
{
    size_t count = lines != NULL ? crq_lines_count(lines) : 0;

    html(p->out,
            "<div class=\"log\" role=\"log\" aria-label=\"Log\" tabindex=\"0\" "
            "data-keep data-job=\"");
    html_url(p->out, id);
    html(p->out, "\" data-after=\"%s\" data-live=\"%s\">\n",
            count > 0 ? crq_lines_id(lines, count - 1) : "",
            live ? "yes" : "no");
    for (size_t i = 0; i < count; i++) {
        const char *text = crq_lines_text(lines, i);
        int64_t us = crq_lines_time_us(lines, i);

        html(p->out, "<p>");
        if (us != CRQ_UNSET)
            page_moment(p, us);
        html(p->out, " %s</p>\n", text);
    }
    if (count == 0)
        html(p->out, "<p class=\"empty\">No line yet.</p>\n");
    html(p->out, "</div>\n");
}
