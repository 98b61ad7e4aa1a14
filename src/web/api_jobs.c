/* api_jobs.c - one job: its story, its result, its log, what is done to it. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/story.h"
#include "web/api_impl.h"

/* ------------------------------------------------------------------ looking */

int api_job_show(struct api_ask *ask)
{
    struct crq_story story = CRQ_STORY_INIT;
    crq_value *v = NULL;
    int rc = crq_story_fetch(ask->conn, ask->name, &story, ask->err);

    if (rc == 0)
        rc = crq_story_to_value(&story, &v, ask->err);
    crq_story_fini(&story);
    return api_answer(ask, 200, v, rc);
}

/* {id, status} and, if there is one, the result. */
static int answer_state(struct api_ask *ask, int status, const crq_job *job,
        const crq_result *result)
{
    crq_value *v = crq_value_new_dict(), *r = NULL;
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "id", crq_job_id(job), &rc);
    crq_dict_put_text(v, "status", crq_job_status_text(job), &rc);
    if (result != NULL && rc == 0)
        rc = crq_result_to_value(result, &r, ask->err);
    if (result != NULL)
        crq_dict_put(v, "result", r, &rc);
    return api_answer(ask, status, v, rc);
}

/* Not ended: come again, wait, or be told so. */
static int answer_later(struct api_ask *ask, const crq_job *job,
        int64_t wait_us)
{
    struct api_response *out = ask->out;

    if (wait_us < 1000 || ask->req->waited)
        return answer_state(ask, 202, job, NULL);
    out->wait_for_job = crq_strdup(crq_job_id(job));
    if (out->wait_for_job == NULL)
        return crq_fail_nomem(ask->err);
    out->wait_ms = wait_us / 1000;
    return 0;
}

static int answer_result(struct api_ask *ask, crq_job *job)
{
    crq_result *result = NULL;
    int rc = crq_job_latest_result(job, &result, ask->err);

    if (rc == CRQ_ENOTFOUND)
        return api_problem(ask, 410, NULL,
                "the job is %s, and its result is gone",
                crq_job_status_text(job));
    if (rc == 0)
        rc = answer_state(ask, 200, job, result);
    crq_result_free(result);
    return rc;
}

int api_job_result(struct api_ask *ask)
{
    static const struct api_param params[] = { { "wait", API_PARAM_DURATION, 0,
            API_WAIT_MAX_MS * INT64_C(1000) } };
    crq_job *job = NULL;
    int64_t wait_us = 0;
    int rc = api_query(ask, params, 1, &wait_us);

    if (rc == 0)
        rc = crq_job_fetch(ask->conn, ask->name, &job, ask->err);
    if (rc != 0)
        return rc;
    switch (crq_job_status(job)) {
    case CRQ_STATUS_FINISHED:
    case CRQ_STATUS_FAILED:
    case CRQ_STATUS_STOPPED: rc = answer_result(ask, job); break;
    case CRQ_STATUS_CANCELED:
        rc = api_problem(ask, 410, NULL, "the job was canceled");
        break;
    default: rc = answer_later(ask, job, wait_us); break;
    }
    crq_job_free(job);
    return rc;
}

static int one_result(void *arg, size_t i, crq_value **out, crq_error *err)
{
    crq_result *const *results = arg;

    return crq_result_to_value(results[i], out, err);
}

int api_job_results(struct api_ask *ask)
{
    crq_result **results = NULL;
    crq_job *job = NULL;
    size_t count = 0;
    int rc = crq_job_fetch(ask->conn, ask->name, &job, ask->err);

    if (rc == 0)
        rc = crq_job_results(job, &results, &count, ask->err);
    if (rc == 0)
        rc = api_answer_list(ask, "results", count, one_result, results);
    crq_results_free(results, count);
    crq_job_free(job);
    return rc;
}

static int one_line(void *arg, size_t i, crq_value **out, crq_error *err)
{
    return crq_line_to_value(arg, i, out, err);
}

int api_job_log(struct api_ask *ask)
{
    static const struct api_param params[] = { { "after", API_PARAM_TEXT, 0,
            0 } };
    const char *after = NULL;
    crq_lines *lines = NULL;
    crq_job *job = NULL;
    int rc = api_query(ask, params, 1, &after);

    if (rc == 0)
        rc = crq_job_fetch(ask->conn, ask->name, &job, ask->err);
    if (rc != 0)
        return rc;
    rc = crq_job_log(job, after, 0, &lines, ask->err);
    if (rc == 0)
        rc = api_answer_list(ask, "lines", crq_lines_count(lines), one_line,
                lines);
    crq_lines_free(lines);
    crq_job_free(job);
    return rc;
}

/* ------------------------------------------------------------------- acting */

/* The one flag that an operation may have in its query. */
static int read_flag(struct api_ask *ask, const char *name, unsigned flag,
        unsigned *out)
{
    const struct api_param params[] = { { name, API_PARAM_BOOL, 0, 0 } };
    bool on = false;
    int rc = api_query(ask, params, 1, &on);

    *out = on ? flag : 0;
    return rc;
}

/* What has become of the job. It may be gone by now. */
static int answer_now(struct api_ask *ask, int status, crq_job *job)
{
    crq_error ignored;
    int rc = crq_job_refresh(job, &ignored);

    if (rc < 0 && rc != CRQ_ENOTFOUND)
        return crq_fail(ask->err, rc, "%s", ignored.text);
    return answer_state(ask, status, job, NULL);
}

typedef int operation(crq_job *job, unsigned flags, crq_error *err);

static int operate(struct api_ask *ask, operation *run, unsigned flags,
        int status)
{
    crq_job *job = NULL;
    int rc = crq_job_fetch(ask->conn, ask->name, &job, ask->err);

    if (rc == 0)
        rc = run(job, flags, ask->err);
    if (rc == 0)
        rc = status == 204 ? api_answer_empty(ask)
                           : answer_now(ask, status, job);
    crq_job_free(job);
    return rc;
}

int api_job_cancel(struct api_ask *ask)
{
    unsigned flags;
    int rc = read_flag(ask, "enqueue_dependents", CRQ_CANCEL_ENQUEUE_DEPENDENTS,
            &flags);

    return rc != 0 ? rc : operate(ask, crq_job_cancel, flags, 200);
}

int api_job_requeue(struct api_ask *ask)
{
    unsigned flags;
    int rc = read_flag(ask, "at_front", CRQ_AT_FRONT, &flags);

    return rc != 0 ? rc : operate(ask, crq_job_requeue, flags, 200);
}

int api_job_delete(struct api_ask *ask)
{
    unsigned flags;
    int rc = read_flag(ask, "dependents", CRQ_DELETE_DEPENDENTS, &flags);

    return rc != 0 ? rc : operate(ask, crq_job_delete, flags, 204);
}

static int stop(crq_job *job, unsigned flags, crq_error *err)
{
    (void)flags;
    return crq_job_stop(job, err);
}

/* The worker has been asked; when it does so is up to it. */
int api_job_stop(struct api_ask *ask)
{
    return operate(ask, stop, 0, 202);
}

struct target {
    const char *queue;
    bool at_front;
};

int api_job_move(struct api_ask *ask)
{
    static const struct api_param params[] = {
        { "queue", API_PARAM_TEXT, offsetof(struct target, queue), 0 },
        { "at_front", API_PARAM_BOOL, offsetof(struct target, at_front), 0 },
    };
    struct target to = { NULL, false };
    crq_job *job = NULL;
    int rc = api_query(ask, params, 2, &to);

    if (rc != 0)
        return rc;
    if (to.queue == NULL)
        return api_problem(ask, 400, NULL,
                "parameter queue is missing: where to");
    rc = crq_job_fetch(ask->conn, ask->name, &job, ask->err);
    if (rc == 0)
        rc = crq_job_move(job, to.queue, to.at_front ? CRQ_AT_FRONT : 0,
                ask->err);
    if (rc == 0)
        rc = answer_now(ask, 200, job);
    crq_job_free(job);
    return rc;
}
