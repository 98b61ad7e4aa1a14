/*
 * story.c - a job's story, from the call to the last line that it logged.
 *
 * What has any length (error texts, results, dependents) is cut so that one
 * screen holds all sections; --full shows it whole.
 */
#include "cli/story_impl.h"

#include <string.h>

#include "base/error.h"
#include "cli/term.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "model/job.h"
#include "model/status.h"
#include "model/webhook.h"

#define ARGUMENT_MAX 300 /* characters of one argument */
#define NAMES_MAX    10  /* of many dependencies */
#define LABEL        14  /* columns of a row's name */

/* ---- rows ---- */

static void label(const char *name)
{
    term_printf(TERM_DIM, "  %-*s", LABEL - 2, name);
}

static void styled_row(const char *name, enum term_style style,
        const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    label(name);
    term_text(style, text, 0, 0);
    putchar('\n');
}

static void text_row(const char *name, const char *text)
{
    styled_row(name, TERM_PLAIN, text);
}

static void print_seconds(int64_t s, const char *none)
{
    if (s < 0)
        fputs(none, stdout);
    else if (s < 60) /* whole ones, with nothing behind a point */
        printf("%llds", (long long)s);
    else
        term_duration(s * 1000000);
}

static void seconds_row(const char *name, int64_t s, const char *none)
{
    if (s == CRQ_UNSET)
        return;
    label(name);
    print_seconds(s, none);
    putchar('\n');
}

/* ---- the call ---- */

/* Only one that somebody has written, not the call in RQ's words. */
static int print_description(const struct view *v, crq_error *err)
{
    const char *description = crq_job_description(v->job);
    struct crq_buf call = CRQ_BUF_INIT;
    int rc = crq_repr_call(crq_job_func(v->job), crq_job_args(v->job),
            crq_job_kwargs(v->job), CRQ_DESCRIPTION_CUT, &call, err);

    if (rc == 0 && description != NULL &&
            strcmp(description, crq_buf_text(&call)) != 0)
        text_row("description", description);
    crq_buf_fini(&call);
    return rc;
}

/* As it was made; what can't be decoded is described as stored. */
static int print_call(const struct view *v, crq_error *err)
{
    const char *description = crq_job_description(v->job);
    struct crq_buf call;
    int rc;

    if (crq_job_func(v->job) == NULL) {
        text_row("call", description);
        return 0;
    }
    crq_buf_init(&call, v->full ? 1 << 24 : 4096);
    rc = crq_repr_call(crq_job_func(v->job), crq_job_args(v->job),
            crq_job_kwargs(v->job), v->full ? 0 : ARGUMENT_MAX, &call, err);
    if (rc == 0) {
        styled_row("call", TERM_BOLD, crq_buf_text(&call));
        rc = print_description(v, err);
    } else if (rc == CRQ_ELIMIT || rc == CRQ_EUNSUPPORTED) {
        text_row("call", description);
        rc = 0;
    }
    crq_buf_fini(&call);
    return rc;
}

/* ---- the time line ---- */

/* What it has been doing since, or is waiting for. */
static void print_now(const struct view *v)
{
    crq_status status = crq_job_status(v->job);
    int64_t since = status == CRQ_STATUS_STARTED ? crq_job_started_us(v->job)
                                                 : crq_job_enqueued_us(v->job);
    int64_t due_us = v->story->due_us;

    if (due_us != CRQ_UNSET) {
        label("due");
        term_time(due_us);
        fputs(due_us > v->now_us ? "  in " : "  late by ", stdout);
        term_duration(due_us > v->now_us ? due_us - v->now_us
                                         : v->now_us - due_us);
        putchar('\n');
    }
    if ((status == CRQ_STATUS_STARTED || status == CRQ_STATUS_QUEUED) &&
            since != CRQ_UNSET) {
        label(status == CRQ_STATUS_STARTED ? "running" : "waiting");
        printf("for ");
        term_duration(v->now_us - since);
        if (v->story->position >= 0)
            printf("  number %lld in the queue",
                    (long long)v->story->position + 1);
        putchar('\n');
    }
}

static void print_times(const struct view *v)
{
    struct crq_story_point points[CRQ_STORY_POINTS];
    size_t count = crq_story_points(v->story, points);

    for (size_t i = 0; i < count; i++) {
        label(points[i].name);
        term_time(points[i].us);
        if (points[i].took_what != NULL) {
            printf("  %s ", points[i].took_what);
            term_duration(points[i].took_us);
        }
        putchar('\n');
    }
    print_now(v);
}

/* ---- other jobs ---- */

static bool has_not_run(crq_status status)
{
    return status == CRQ_STATUS_DEFERRED || status == CRQ_STATUS_CREATED ||
            status == CRQ_STATUS_SCHEDULED;
}

/* Before the next of several names: on this line, or aligned on a new one. */
static void between(size_t nth, size_t columns, size_t *column)
{
    if (nth > 0)
        putchar(',');
    if (nth > 0 && *column + 2 + columns > (size_t)term_width()) {
        printf("\n%*s", LABEL, "");
        *column = LABEL;
    } else if (nth > 0) {
        putchar(' ');
        *column += 2;
    }
    *column += columns;
}

static void print_waits_on(const struct view *v)
{
    const struct crq_relations *relations = &v->story->relations;
    size_t count = relations->waits_on_count, column = LABEL;

    if (count == 0)
        return;
    label(has_not_run(crq_job_status(v->job)) ? "waits on" : "waited on");
    for (size_t i = 0; i < count && (v->full || i < NAMES_MAX); i++) {
        const struct crq_relation *one = &relations->waits_on[i];
        bool gone = one->status[0] == '\0';
        const char *status = gone ? "gone" : one->status;

        between(i, term_columns(one->id) + term_columns(status) + 3, &column);
        term_text(TERM_PLAIN, one->id, 0, 0);
        printf(" (");
        term_text(gone ? TERM_DIM : term_status_style(crq_status_parse(status)),
                status, 0, 0);
        printf(")");
    }
    if (!v->full && count > NAMES_MAX)
        printf(" and %zu more", count - NAMES_MAX);
    if (crq_job_number(v->job, CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES) > 0)
        printf("; failed ones will do");
    putchar('\n');
}

/* As many as fit on one line. */
static void print_dependents(const struct view *v)
{
    const struct crq_relations *relations = &v->story->relations;
    size_t count = relations->dependents_count, column = LABEL, i = 0;
    size_t room = (size_t)term_width(), all = LABEL;

    if (count == 0)
        return;
    for (size_t k = 0; k < count && all <= room + 2; k++)
        all += term_columns(relations->dependents[k]) + 2;
    if (all > room + 2 && room > 40)
        room -= sizeof(" and 1234567 more") - 1;
    label("needed by");
    for (; i < count; i++) {
        const char *id = relations->dependents[i];

        if (!v->full && i > 0 && column + 2 + term_columns(id) > room)
            break;
        between(i, term_columns(id), &column);
        term_text(TERM_PLAIN, id, 0, 0);
    }
    if (i < count)
        printf(" and %zu more", count - i);
    putchar('\n');
}

/* ---- what it was given ---- */

/* Item `at` of a list of seconds, the last one beyond its end; 0: at once. */
static int64_t interval_of(const struct view *v, enum crq_field field,
        int64_t at)
{
    crq_value *list = crq_job_json(v->job, field);
    const crq_value *item = NULL;
    int64_t s = 0, count;

    if (list != NULL && crq_value_type(list) == CRQ_LIST &&
            crq_value_count(list) > 0) {
        count = (int64_t)crq_value_count(list);
        at = at < 0 ? 0 : at >= count ? count - 1 : at;
        item = crq_value_item(list, (size_t)at);
    }
    if (item != NULL && crq_value_type(item) == CRQ_INT &&
            crq_value_int_fits(item))
        s = crq_value_int(item);
    else if (item != NULL && crq_value_type(item) == CRQ_FLOAT &&
            crq_value_float(item) > 0 && crq_value_float(item) < 1e12)
        s = (int64_t)crq_value_float(item);
    crq_value_free(list);
    return s < 0 || s > INT64_MAX / 1000000 ? 0 : s;
}

static void print_left(const char *name, int64_t left, int64_t next_s,
        const char *after)
{
    if (left == CRQ_UNSET)
        return;
    label(name);
    printf("%lld left", (long long)left);
    if (left > 0) {
        printf(", the next ");
        if (next_s > 0) {
            print_seconds(next_s, "");
            printf(" after %s", after);
        } else
            printf("at once after %s", after);
    }
    putchar('\n');
}

static int64_t count_of(const struct view *v, enum crq_field field)
{
    crq_value *list = crq_job_json(v->job, field);
    int64_t count = list != NULL && crq_value_type(list) == CRQ_LIST
            ? (int64_t)crq_value_count(list)
            : 0;

    crq_value_free(list);
    return count;
}

/* Which interval comes next is RQ's rule: of retries they are counted from the
 * end of the list, repeats walk it backwards. */
static void print_again(const struct view *v)
{
    int64_t retries = crq_job_retries_left(v->job);
    int64_t repeats = crq_job_number(v->job, CRQ_FIELD_REPEATS_LEFT);
    int64_t asked = crq_job_number(v->job, CRQ_FIELD_NUMBER_OF_RETRIES);

    if (retries != CRQ_UNSET)
        print_left("retries", retries,
                interval_of(v, CRQ_FIELD_RETRY_INTERVALS,
                        count_of(v, CRQ_FIELD_RETRY_INTERVALS) - retries),
                "a failure");
    if (asked > 0) {
        label("retried");
        printf("%lld time%s as the task asked\n", (long long)asked,
                asked == 1 ? "" : "s");
    }
    if (repeats != CRQ_UNSET)
        print_left("repeats", repeats,
                interval_of(v, CRQ_FIELD_REPEAT_INTERVALS, repeats - 1),
                "a success");
}

static void print_callbacks(const struct view *v)
{
    static const struct {
        const char *label, *name;
        enum crq_field timeout;
    } rows[] = {
        { "on success", "success_callback_name",
                CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT },
        { "on failure", "failure_callback_name",
                CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT },
        { "on stopped", "stopped_callback_name",
                CRQ_FIELD_STOPPED_CALLBACK_TIMEOUT },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = crq_job_field(v->job, rows[i].name, NULL);
        int64_t timeout_s = crq_job_number(v->job, rows[i].timeout);

        if (name == NULL || name[0] == '\0')
            continue;
        label(rows[i].label);
        term_text(TERM_PLAIN, name, 0, 0);
        if (timeout_s != CRQ_UNSET) {
            printf("  for at most ");
            print_seconds(timeout_s, "ever");
        }
        putchar('\n');
    }
}

/* A list that RQ would not send is shown as it is. */
static int print_webhooks(const struct view *v, crq_error *err)
{
    struct crq_hooks hooks = { NULL, 0 };
    size_t len = 0;
    const char *json = crq_job_field(v->job, "webhooks", &len);
    int rc = 0;

    if (json == NULL || len == 0)
        return 0;
    rc = crq_hooks_decode(json, len, &hooks, NULL);
    if (rc == CRQ_ECODEC) {
        text_row("webhooks", json);
        rc = 0;
    }
    for (size_t i = 0; rc == 0 && i < hooks.count; i++) {
        const struct crq_hook *hook = &hooks.items[i];

        label(hook->failed ? "when failed" : "when done");
        printf(hook->post ? "POST " : "GET ");
        term_text(TERM_PLAIN, hook->url, 0, 0);
        if (hook->problem != NULL) {
            printf("  ");
            term_text(TERM_RED, hook->problem, 0, 0);
        }
        putchar('\n');
    }
    crq_hooks_fini(&hooks);
    return rc < 0 ? crq_fail_nomem(err) : 0;
}

static int print_meta(const struct view *v, crq_error *err)
{
    struct crq_buf meta = CRQ_BUF_INIT;
    int rc;

    if (crq_job_meta(v->job) == NULL)
        return 0;
    rc = crq_json_encode(crq_job_meta(v->job), CRQ_JSON_SHOW, &meta, err);
    if (rc == 0)
        text_row("meta", crq_buf_text(&meta));
    crq_buf_fini(&meta);
    return rc;
}

static int print_settings(const struct view *v, crq_error *err)
{
    int rc;

    text_row("worker", crq_job_worker_name(v->job));
    seconds_row("timeout", crq_job_timeout_s(v->job), "none");
    seconds_row("result ttl", crq_job_result_ttl_s(v->job), "for ever");
    seconds_row("failure ttl", crq_job_failure_ttl_s(v->job), "for ever");
    seconds_row("ttl", crq_job_ttl_s(v->job), "none");
    print_again(v);
    print_callbacks(v);
    rc = print_webhooks(v, err);
    text_row("group", crq_job_group_id(v->job));
    if (rc == 0)
        rc = print_meta(v, err);
    if (v->story->left_s >= 0)
        seconds_row("expires in", v->story->left_s, "");
    styled_row("problem", TERM_RED, crq_job_problem(v->job));
    return rc;
}

/* ---- all of it ---- */

int story_print(const struct crq_story *story, bool full, int64_t now_us,
        crq_error *err)
{
    const struct view v = { story, story->job, full, now_us };
    int rc;

    term_text(TERM_BOLD, crq_job_id(v.job), 0, 0);
    printf("  ");
    term_text(term_status_style(crq_job_status(v.job)),
            crq_job_status_text(v.job), 0, 0);
    putchar('\n');
    rc = print_call(&v, err);
    if (rc < 0)
        return rc;
    text_row("queue", crq_job_origin(v.job));
    print_waits_on(&v);
    print_dependents(&v);
    print_times(&v);
    rc = print_settings(&v, err);
    if (rc < 0)
        return rc;
    story_attempts(&v);
    rc = story_outcome(&v, err);
    if (rc == 0)
        story_log(&v);
    return rc;
}
