/*
 * story.c - a job's story, from the call to the last line that it logged.
 *
 * What has any length (error texts, results, dependents) is cut so that one
 * screen holds all sections; --full shows it whole.
 */
#include "cli/story.h"

#include <string.h>

#include "base/error.h"
#include "cli/show.h"
#include "cli/term.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "model/job.h"
#include "model/result.h"
#include "model/status.h"
#include "model/webhook.h"

#define ERROR_LINES  12  /* of the newest error */
#define RESULT_MAX   800 /* characters */
#define ARGUMENT_MAX 300 /* characters of one argument */
#define NAMES_MAX    10  /* of many dependencies */
#define ATTEMPTS_MAX 5
#define LABEL        14 /* columns of a row's name */

struct view {
    const struct crq_story *story;
    crq_job *job;
    bool full;
    int64_t now_us;
};

/* ---- rows ---- */

static void label(const char *name)
{
    term_printf(TERM_DIM, "  %-*s", LABEL - 2, name);
}

static void heading(const char *name)
{
    putchar('\n');
    term_printf(TERM_BOLD, "%s", name);
    putchar('\n');
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

struct point {
    const char *name;
    int64_t us;
    const char *since_what; /* NULL: nothing leads to it */
    int64_t since_us;
};

/* In the order of time: a job that is to run again still has the times of its
 * last run. */
static void sort_points(struct point *points, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && points[k].us < points[k - 1].us; k--) {
            struct point swap = points[k];

            points[k] = points[k - 1];
            points[k - 1] = swap;
        }
}

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
    int64_t enqueued = crq_job_enqueued_us(v->job);
    int64_t started = crq_job_started_us(v->job);
    struct point points[] = {
        { "created", crq_job_created_us(v->job), NULL, 0 },
        { "enqueued", enqueued, NULL, 0 },
        { "started", started, "waited", enqueued },
        { "ended", crq_job_ended_us(v->job), "ran", started },
    };
    size_t count = sizeof(points) / sizeof(points[0]);

    sort_points(points, count);
    for (size_t i = 0; i < count; i++) {
        const struct point *p = &points[i];

        if (p->us == CRQ_UNSET)
            continue;
        label(p->name);
        term_time(p->us);
        if (p->since_what != NULL && p->since_us != CRQ_UNSET &&
                p->us >= p->since_us) {
            printf("  %s ", p->since_what);
            term_duration(p->us - p->since_us);
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

/* ---- its runs ---- */

static enum term_style result_style(crq_result_type type)
{
    static const enum term_style styles[] = {
        [CRQ_RESULT_SUCCESSFUL] = TERM_GREEN,
        [CRQ_RESULT_FAILED] = TERM_RED,
        [CRQ_RESULT_STOPPED] = TERM_RED,
        [CRQ_RESULT_RETRIED] = TERM_YELLOW,
        [CRQ_RESULT_MAX_RETRIES_EXCEEDED] = TERM_RED,
    };

    return styles[type];
}

/* The line that says what happened: the last one that holds anything. */
static void print_last_line(const char *text)
{
    size_t len = strlen(text), from;
    char line[500];

    while (len > 0 && strchr("\r\n\t ", text[len - 1]) != NULL)
        len--;
    for (from = len; from > 0 && text[from - 1] != '\n';)
        from--;
    if (len == from)
        return;
    snprintf(line, sizeof(line), "%.*s", (int)(len - from), text + from);
    fputs("     ", stdout);
    term_text(TERM_PLAIN, line,
            term_is_tty() && term_width() > 20 ? (size_t)term_width() - 5 : 0,
            0);
    putchar('\n');
}

/* Who ran it, and under which execution: both are 32 characters with RQ. */
static void print_run(const char *worker, const char *execution)
{
    bool has_worker = worker != NULL && worker[0] != '\0';

    if (!has_worker && execution == NULL)
        return;
    fputs("     ", stdout);
    if (has_worker) {
        term_printf(TERM_DIM, "by ");
        term_text(TERM_PLAIN, worker, 0, 0);
    }
    if (execution != NULL) {
        term_printf(TERM_DIM, has_worker ? " run " : "run ");
        term_text(TERM_PLAIN, execution, 0, 0);
    }
    putchar('\n');
}

static void print_attempt(const struct view *v, size_t nth,
        const crq_result *result, bool newest, size_t pad)
{
    int64_t ended = crq_result_ended_us(result);
    int64_t started = crq_result_started_us(result);
    const char *exc = crq_result_exc_string(result);

    printf("%3zu  ", nth);
    term_text(result_style(crq_result_type_of(result)),
            crq_result_type_name(crq_result_type_of(result)), 0, pad);
    if (crq_result_created_us(result) != CRQ_UNSET) {
        printf("  ");
        term_time(crq_result_created_us(result));
    }
    if (started != CRQ_UNSET && ended != CRQ_UNSET && ended >= started) {
        printf("  took ");
        term_duration(ended - started);
    }
    putchar('\n');
    print_run(crq_result_worker_name(result), crq_result_execution_id(result));
    if (newest)
        return; /* its outcome has a section of its own */
    if (exc != NULL && v->full)
        term_block(TERM_PLAIN, exc, strlen(exc), "     ");
    else if (exc != NULL)
        print_last_line(exc);
}

/* Newest last: where the eye ends. */
static void print_attempts(const struct view *v)
{
    const struct crq_story *story = v->story;
    size_t count = story->results_count, nth = 0, pad = 0, shown = count;

    if (count + story->executions_count == 0)
        return;
    heading("attempts");
    if (!v->full && count > ATTEMPTS_MAX) {
        shown = ATTEMPTS_MAX;
        nth = count - shown;
        term_printf(TERM_DIM, "     (%zu before; --full shows all)\n", nth);
    }
    for (size_t i = 0; i < shown; i++) {
        size_t columns = strlen(
                crq_result_type_name(crq_result_type_of(story->results[i])));

        pad = columns > pad ? columns : pad;
    }
    for (size_t i = shown; i-- > 0;)
        print_attempt(v, ++nth, story->results[i], i == 0, pad);
    for (size_t i = 0; i < story->executions_count; i++) {
        printf("%3zu  ", ++nth);
        term_printf(TERM_YELLOW, "running");
        putchar('\n');
        print_run(i == 0 ? crq_job_worker_name(v->job) : NULL,
                story->executions[i]);
    }
}

/* ---- how the last one ended ---- */

/* The last lines of a text, and how many there are above them. */
static const char *last_lines(const char *text, size_t most, size_t *out_above)
{
    size_t len = strlen(text), lines = 0, at;

    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (at = len; at > 0; at--)
        if (text[at - 1] == '\n' && ++lines == most)
            break;
    *out_above = 0;
    for (size_t i = 0; i < at; i++)
        *out_above += text[i] == '\n';
    return text + at;
}

static void print_error(const struct view *v, const char *exc)
{
    const char *shown = exc;
    size_t above = 0;

    if (!v->full)
        shown = last_lines(exc, ERROR_LINES, &above);
    heading("error");
    if (above > 0)
        term_printf(TERM_DIM, "  (%zu line%s above; --full shows all)\n", above,
                above == 1 ? "" : "s");
    term_block(TERM_PLAIN, shown, strlen(shown), "  ");
}

static int print_return(const struct view *v, const crq_result *result,
        crq_error *err)
{
    struct crq_buf text;
    int rc;

    crq_buf_init(&text, 1 << 24);
    rc = crq_repr(crq_result_return_value(result), &text, err);
    if (rc == 0) {
        heading("result");
        fputs("  ", stdout);
        term_text(TERM_PLAIN, crq_buf_text(&text), v->full ? 0 : RESULT_MAX, 0);
        putchar('\n');
        if (!v->full && term_columns(crq_buf_text(&text)) > RESULT_MAX)
            term_printf(TERM_DIM, "  (cut; --full shows all)\n");
    } else if (rc == CRQ_ELIMIT || rc == CRQ_EUNSUPPORTED) {
        heading("result");
        term_printf(TERM_RED, "  (too large to be shown)\n");
        rc = 0;
    }
    crq_buf_fini(&text);
    return rc;
}

static int print_outcome(const struct view *v, crq_error *err)
{
    const crq_result *newest =
            v->story->results_count > 0 ? v->story->results[0] : NULL;

    if (newest == NULL)
        return 0;
    if (crq_result_problem(newest) != NULL) {
        heading("result");
        fputs("  ", stdout);
        term_text(TERM_RED, crq_result_problem(newest), 0, 0);
        putchar('\n');
    } else if (crq_result_exc_string(newest) != NULL)
        print_error(v, crq_result_exc_string(newest));
    else if (crq_result_type_of(newest) == CRQ_RESULT_SUCCESSFUL ||
            crq_result_return_value(newest) != NULL)
        return print_return(v, newest, err);
    return 0;
}

static void print_log(const struct view *v)
{
    const crq_lines *log = v->story->log;
    size_t count = log != NULL ? crq_lines_count(log) : 0;

    if (count == 0)
        return;
    putchar('\n');
    term_printf(TERM_BOLD, "log");
    if (count == CRQ_STORY_LINES)
        term_printf(TERM_DIM, "  the last %d lines; crq log shows all",
                CRQ_STORY_LINES);
    putchar('\n');
    for (size_t i = 0; i < count; i++) {
        printf("  ");
        show_line(log, i);
    }
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
    print_attempts(&v);
    rc = print_outcome(&v, err);
    if (rc == 0)
        print_log(&v);
    return rc;
}
