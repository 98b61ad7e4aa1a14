/* story.c - see story.h. */
#include "model/story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "model/names.h"
#include "redis/conn.h"

void crq_story_fini(struct crq_story *story)
{
    crq_results_free(story->results, story->results_count);
    crq_relations_fini(&story->relations);
    crq_names_free(story->executions, story->executions_count);
    crq_lines_free(story->log);
    crq_job_free(story->job);
}

/* A score as a time; what is no time of ours is none at all. */
static int64_t due_of(const crq_reply *reply)
{
    const char *text = crq_reply_text(reply, NULL);
    double s = text != NULL ? strtod(text, NULL) : NAN;

    return fabs(s) < 1e12 ? (int64_t)(s * 1e6) : CRQ_UNSET;
}

/* RQ before 2.0 has none, and a damaged key hides nothing else. */
static int ask_executions(crq_conn *conn, struct crq_story *story,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc;

    crq_key(key, CRQ_KEY_EXECUTIONS, crq_job_id(story->job));
    rc = crq_conn_run(conn, &reply, err, "ZRANGE", key, "0", "-1", NULL);
    if (rc == CRQ_EREDIS)
        return 0;
    if (rc == 0)
        rc = crq_names_copy(reply, &story->executions, &story->executions_count,
                err);
    crq_reply_free(reply);
    return rc;
}

static int ask(crq_conn *conn, struct crq_story *story, crq_error *err)
{
    const char *id = crq_job_id(story->job);
    const char *origin = crq_job_origin(story->job);
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc;

    crq_key(key, CRQ_KEY_JOB, id);
    rc = crq_conn_run(conn, &reply, err, "TTL", key, NULL);
    if (rc < 0)
        return rc;
    story->left_s = crq_reply_int(reply, -1);
    crq_reply_free(reply);

    rc = crq_job_position(story->job, &story->position, err);
    if (rc == CRQ_ENOTFOUND)
        rc = 0;
    if (rc < 0 || origin == NULL || strlen(origin) > CRQ_NAME_MAX ||
            crq_job_status(story->job) != CRQ_STATUS_SCHEDULED)
        return rc;
    reply = NULL;
    crq_key(key, CRQ_KEY_SCHEDULED, origin);
    rc = crq_conn_run(conn, &reply, err, "ZSCORE", key, id, NULL);
    if (rc == 0)
        story->due_us = due_of(reply);
    crq_reply_free(reply);
    return rc;
}

int crq_story_fetch(crq_conn *conn, const char *id, struct crq_story *story,
        crq_error *err)
{
    int rc = crq_job_fetch(conn, id, &story->job, err);

    if (rc == 0)
        rc = crq_job_results(story->job, &story->results, &story->results_count,
                err);
    if (rc == 0)
        rc = crq_relations_fetch(conn, story->job, &story->relations, err);
    if (rc == 0 && crq_job_status(story->job) == CRQ_STATUS_STARTED)
        rc = ask_executions(conn, story, err);
    if (rc < 0)
        return rc;
    /* The log is crq's own: a user of Redis who may read RQ's keys only is
     * shown the rest. */
    rc = crq_job_log_tail(story->job, CRQ_STORY_LINES, &story->log, err);
    if (rc == CRQ_EAUTH || rc == CRQ_EREDIS)
        rc = 0;
    return rc < 0 ? rc : ask(conn, story, err);
}

static crq_value *results_value(const struct crq_story *story, int *rc)
{
    crq_value *list = crq_value_new_list();

    *rc = list == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; *rc == 0 && i < story->results_count; i++) {
        crq_value *one = NULL;

        *rc = crq_result_to_value(story->results[i], &one, NULL);
        if (*rc == 0)
            *rc = crq_value_add(list, one);
    }
    return list;
}

static crq_value *executions_value(const struct crq_story *story, int *rc)
{
    crq_value *list = crq_value_new_list();

    *rc = list == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; *rc == 0 && i < story->executions_count; i++)
        *rc = crq_value_add(list, crq_shown_text(story->executions[i]));
    return list;
}

static crq_value *log_value(const struct crq_story *story, int *rc)
{
    crq_value *list = crq_value_new_list();
    size_t count = story->log != NULL ? crq_lines_count(story->log) : 0;

    *rc = list == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; *rc == 0 && i < count; i++) {
        crq_value *line = NULL;

        *rc = crq_line_to_value(story->log, i, &line, NULL);
        if (*rc == 0)
            *rc = crq_value_add(list, line);
    }
    return list;
}

size_t crq_story_points(const struct crq_story *story,
        struct crq_story_point out[CRQ_STORY_POINTS])
{
    const crq_job *job = story->job;
    int64_t enqueued = crq_job_enqueued_us(job);
    int64_t started = crq_job_started_us(job);
    const struct {
        const char *name;
        int64_t us;
        const char *took_what;
        int64_t since_us;
    } all[CRQ_STORY_POINTS] = {
        { "created", crq_job_created_us(job), NULL, CRQ_UNSET },
        { "enqueued", enqueued, NULL, CRQ_UNSET },
        { "started", started, "waited", enqueued },
        { "ended", crq_job_ended_us(job), "ran", started },
    };
    size_t count = 0;

    for (size_t i = 0; i < CRQ_STORY_POINTS; i++) {
        int64_t us = all[i].us, since_us = all[i].since_us;
        bool took = since_us != CRQ_UNSET && us >= since_us;
        size_t at = count;

        if (us == CRQ_UNSET)
            continue;
        for (; at > 0 && us < out[at - 1].us; at--)
            out[at] = out[at - 1];
        out[at] = (struct crq_story_point){ all[i].name, us,
            took ? all[i].took_what : NULL, took ? us - since_us : 0 };
        count++;
    }
    return count;
}

int crq_story_to_value(const struct crq_story *story, crq_value **out,
        crq_error *err)
{
    crq_result *newest = story->results_count > 0 ? story->results[0] : NULL;
    crq_value *v = NULL;
    int rc = crq_job_to_value(story->job, newest, &v, err);

    if (rc < 0)
        return rc;
    crq_dict_put(v, "results", results_value(story, &rc), &rc);
    crq_dict_put(v, "log", log_value(story, &rc), &rc);
    crq_dict_put_number(v, "position",
            story->position >= 0 ? story->position : CRQ_UNSET, &rc);
    crq_dict_put_time(v, "scheduled_for", story->due_us, &rc);
    if (story->relations.waits_on_count > 0)
        crq_dict_put(v, "waits_on", crq_relations_waits_on(&story->relations),
                &rc);
    if (story->relations.dependents_count > 0)
        crq_dict_put(v, "dependents",
                crq_relations_dependents(&story->relations), &rc);
    if (story->executions_count > 0)
        crq_dict_put(v, "executions", executions_value(story, &rc), &rc);
    crq_dict_put_number(v, "expires_in",
            story->left_s >= 0 ? story->left_s : CRQ_UNSET, &rc);
    if (rc < 0) {
        crq_value_free(v);
        return crq_fail_nomem(err);
    }
    *out = v;
    return 0;
}
