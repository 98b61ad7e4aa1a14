/* page_job.c - one job: all that is known of it, and what can be done. */
#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "web/page_story.h"

#define CALL_MAX     65536  /* bytes of the call */
#define ARGUMENT_MAX 2000   /* characters of one argument */
#define TEXT_MAX     262144 /* bytes of an error or a result */

/* ----------------------------------------------------------------- buttons */

#define WAITS                                                                  \
    (1 << CRQ_STATUS_QUEUED | 1 << CRQ_STATUS_DEFERRED |                       \
            1 << CRQ_STATUS_SCHEDULED | 1 << CRQ_STATUS_CREATED)
#define FAILED (1 << CRQ_STATUS_FAILED | 1 << CRQ_STATUS_STOPPED)
#define RUNS   (1 << CRQ_STATUS_STARTED)

static const struct {
    int statuses; /* in which it is there */
    struct page_button button;
} actions[] = {
    { FAILED,
            { .label = "Requeue",
                    .method = "POST",
                    .tail = "/requeue",
                    .done = "Requeued." } },
    { RUNS,
            { .label = "Stop",
                    .method = "POST",
                    .tail = "/stop",
                    .question = "Stop this run? The job ends as stopped.",
                    .done = "Its worker was asked to stop it.",
                    .danger = true } },
    { WAITS | RUNS,
            { .label = "Cancel",
                    .method = "POST",
                    .tail = "/cancel",
                    .question = "Cancel this job? Jobs that wait for it stay "
                                "deferred.",
                    .done = "Canceled.",
                    .danger = true } },
    { ~0,
            { .label = "Delete",
                    .method = "DELETE",
                    .tail = "",
                    .question = "Delete this job, with all that is known of "
                                "it?",
                    .done = "Deleted.",
                    .then = "/jobs",
                    .danger = true } },
};

static void put_buttons(struct page *p, const crq_job *job)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        struct page_button button = actions[i].button;

        if ((actions[i].statuses & 1 << crq_job_status(job)) == 0)
            continue;
        button.folder = "/jobs/";
        button.name = crq_job_id(job);
        page_button(p, &button);
    }
}

/* ------------------------------------------------------------------ the call
 */

static void put_code(struct page *p, const char *text, size_t len)
{
    html(p->out, "<pre tabindex=\"0\"><code>");
    html_cut(p->out, text, len, TEXT_MAX);
    html(p->out, "</code></pre>\n");
}

/* As it was made; what can't be decoded is described as stored. */
static int put_call(struct page *p, crq_job *job)
{
    const char *description = crq_job_description(job);
    struct crq_buf call;
    int rc = CRQ_EUNSUPPORTED;

    crq_buf_init(&call, CALL_MAX);
    if (crq_job_func(job) != NULL)
        rc = crq_repr_call(crq_job_func(job), crq_job_args(job),
                crq_job_kwargs(job), ARGUMENT_MAX, &call, p->err);
    if (rc == CRQ_ENOMEM) {
        crq_buf_fini(&call);
        return rc;
    }
    if (rc < 0 && description == NULL)
        description = "a call that can't be read";
    html(p->out, "<h2>Call</h2>\n");
    if (rc == 0)
        put_code(p, crq_buf_text(&call), call.len);
    else
        put_code(p, description, strlen(description));
    if (rc == 0 && description != NULL && description[0] != '\0' &&
            strncmp(description, crq_job_func(job),
                    strlen(crq_job_func(job))) != 0)
        html(p->out, "<p>%s</p>\n", description);
    crq_buf_fini(&call);
    return 0;
}

/* ------------------------------------------------------------------ its end */

static int put_value(struct page *p, const crq_value *v)
{
    struct crq_buf text;
    int rc;

    crq_buf_init(&text, TEXT_MAX);
    rc = crq_repr(v, &text, p->err);
    if (rc == 0)
        put_code(p, crq_buf_text(&text), text.len);
    else if (rc == CRQ_ELIMIT || rc == CRQ_EUNSUPPORTED)
        page_empty(p, "It is too large to be shown here.");
    crq_buf_fini(&text);
    return rc == CRQ_ENOMEM ? rc : 0;
}

static int put_outcome(struct page *p, const struct crq_story *story)
{
    const crq_result *result =
            story->results_count > 0 ? story->results[0] : NULL;
    const char *error = result != NULL ? crq_result_exc_string(result) : NULL;
    const char *problem = result != NULL ? crq_result_problem(result) : NULL;

    if (error != NULL && error[0] != '\0') {
        html(p->out, "<h2>%s</h2>\n",
                crq_job_status(story->job) == CRQ_STATUS_FAILED
                        ? "Error"
                        : "Error of the last run");
        put_code(p, error, strlen(error));
    }
    if (problem != NULL)
        html(p->out, "<p class=\"wrong\">%s</p>\n", problem);
    if (result == NULL || problem != NULL ||
            crq_result_type_of(result) != CRQ_RESULT_SUCCESSFUL)
        return 0;
    html(p->out, "<h2>Result</h2>\n");
    return put_value(p, crq_result_return_value(result));
}

static int put_meta(struct page *p, crq_job *job)
{
    const crq_value *meta = crq_job_meta(job);

    if (meta == NULL || crq_value_count(meta) == 0)
        return 0;
    html(p->out, "<h2>Meta</h2>\n");
    return put_value(p, meta);
}

/* ------------------------------------------------------------------ the page
 */

static bool is_over(const crq_job *job)
{
    return (1 << crq_job_status(job) & (WAITS | RUNS)) == 0;
}

static void put_log(struct page *p, const struct crq_story *story)
{
    const char *id = crq_job_id(story->job);
    size_t count = story->log != NULL ? crq_lines_count(story->log) : 0;

    if (count == 0 && is_over(story->job))
        return;
    html(p->out, "<h2>Log</h2>\n");
    story_lines(p, id, story->log, !is_over(story->job));
    if (count < CRQ_STORY_LINES)
        return;
    html(p->out, "<p><a href=\"/jobs/");
    html_url(p->out, id);
    html(p->out, "/log\">The whole log</a></p>\n");
}

static int put_story(struct page *p, const struct crq_story *story)
{
    crq_job *job = story->job;
    const char *problem;
    int rc;

    page_head(p, crq_job_id(job));
    put_buttons(p, job);
    page_head_end(p);
    html(p->out, "<p class=\"lead\">");
    page_status(p, crq_job_status_text(job));
    if (story->position >= 0)
        html(p->out, " number %lld in its queue",
                (long long)story->position + 1);
    html(p->out, "</p>\n");
    rc = put_call(p, job);
    if (rc < 0)
        return rc;
    problem = crq_job_problem(job);
    if (problem != NULL)
        html(p->out, "<p class=\"wrong\">%s</p>\n", problem);
    story_times(p, story);
    rc = put_outcome(p, story);
    if (rc < 0)
        return rc;
    put_log(p, story);
    story_attempts(p, story);
    html(p->out, "<h2>Details</h2>\n");
    rc = story_facts(p, story);
    return rc == 0 ? put_meta(p, job) : rc;
}

int page_job(struct page *p)
{
    struct crq_story story = CRQ_STORY_INIT;
    int rc = crq_story_fetch(p->conn, p->name, &story, p->err);

    if (rc == 0) {
        page_title(p, "Job %s", crq_job_id(story.job));
        rc = put_story(p, &story);
    }
    crq_story_fini(&story);
    return rc;
}

/* ------------------------------------------------------------------- its log
 */

int page_job_log(struct page *p)
{
    const char *after = page_query(p, "after");
    crq_lines *lines = NULL;
    crq_job *job = NULL;
    size_t count = 0;
    int rc = crq_job_fetch(p->conn, p->name, &job, p->err);

    if (rc == 0)
        rc = crq_job_log(job, after, 0, &lines, p->err);
    if (rc == 0) {
        page_title(p, "Log of %s", crq_job_id(job));
        page_head(p, "Log");
        page_head_end(p);
        html(p->out, "<p class=\"lead\">of ");
        page_job_link(p, crq_job_id(job));
        html(p->out, " ");
        page_status(p, crq_job_status_text(job));
        html(p->out, "</p>\n");
        story_lines(p, crq_job_id(job), lines, !is_over(job));
        count = crq_lines_count(lines);
    }
    if (count == 1000) {
        html(p->out,
                "<nav class=\"pager\" aria-label=\"Pages of this log\">"
                "<a rel=\"next\" href=\"/jobs/");
        html_url(p->out, crq_job_id(job));
        html(p->out, "/log?after=");
        html_url(p->out, crq_lines_id(lines, count - 1));
        html(p->out, "\">Next page</a></nav>\n");
    }
    crq_lines_free(lines);
    crq_job_free(job);
    return rc;
}
