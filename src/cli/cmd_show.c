/* cmd_show.c - crq show: one job's story on one screen. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/relations.h"
#include "cli/show.h"
#include "cli/term.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "model/job.h"
#include "model/result.h"
#include "model/story.h"
#include "redis/conn.h"

/* What is known of a job, and of the jobs around it. */
struct view {
    struct crq_story story;
    struct relations relations;
};

static size_t log_count(const struct crq_story *story)
{
    return story->log != NULL ? crq_lines_count(story->log) : 0;
}

static int print_json(const struct view *view, crq_error *err)
{
    crq_value *v = NULL;
    int rc = crq_story_to_value(&view->story, &v, err);

    if (rc == 0 && view->relations.dependents_count > 0) {
        crq_dict_put(v, "dependents", relations_dependents(&view->relations),
                &rc);
        if (rc < 0)
            (void)crq_fail_nomem(err);
    }
    if (rc == 0)
        rc = show_json(v, err);
    crq_value_free(v);
    return rc;
}

/* ---- for people ---- */

static void label(const char *name)
{
    term_printf(TERM_DIM, "  %-12s", name);
}

static void text_row(const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    label(name);
    term_text(TERM_PLAIN, text, 0, 0);
    putchar('\n');
}

/* One point of the time line, and how long it took to get there. */
static void time_row(const char *name, int64_t us, const char *since_what,
        int64_t since_us)
{
    if (us == CRQ_UNSET)
        return;
    label(name);
    term_time(us);
    if (since_us != CRQ_UNSET && us >= since_us) {
        printf("  %s ", since_what);
        term_duration(us - since_us);
    }
    putchar('\n');
}

static void seconds_row(const char *name, int64_t s, const char *none)
{
    if (s == CRQ_UNSET)
        return;
    label(name);
    if (s < 0)
        printf("%s\n", none);
    else if (s == 0)
        printf("0s\n");
    else {
        term_duration(s * 1000000);
        putchar('\n');
    }
}

/* The call as it was made; what can't be decoded is described as stored. */
static int print_call(crq_job *job, crq_error *err)
{
    struct crq_buf call;
    int rc;

    crq_buf_init(&call, 4096);
    if (crq_job_func(job) == NULL) {
        text_row("call", crq_job_description(job));
        return 0;
    }
    rc = crq_repr_call(crq_job_func(job), crq_job_args(job),
            crq_job_kwargs(job), 300, &call, err);
    if (rc == CRQ_ELIMIT)
        rc = 0;
    if (rc == 0) {
        label("call");
        term_text(TERM_BOLD, crq_buf_text(&call), 0, 0);
        putchar('\n');
        if (crq_job_description(job) != NULL &&
                strcmp(crq_job_description(job), crq_buf_text(&call)) != 0)
            text_row("description", crq_job_description(job));
    }
    crq_buf_fini(&call);
    return rc;
}

static void print_waiting(const struct crq_story *story)
{
    if (story->position >= 0) {
        label("position");
        printf("%lld in the queue\n", (long long)story->position + 1);
    }
    if (story->due_us != CRQ_UNSET) {
        label("due");
        term_time(story->due_us);
        putchar('\n');
    }
}

static void print_times(const crq_job *job, int64_t now_us)
{
    int64_t enqueued = crq_job_enqueued_us(job);
    int64_t started = crq_job_started_us(job);

    time_row("created", crq_job_created_us(job), "", CRQ_UNSET);
    time_row("enqueued", enqueued, "", CRQ_UNSET);
    time_row("started", started, "waited", enqueued);
    time_row("ended", crq_job_ended_us(job), "ran", started);
    if (crq_job_status(job) == CRQ_STATUS_STARTED && started != CRQ_UNSET) {
        label("running");
        printf("for ");
        term_duration(now_us - started);
        putchar('\n');
    }
}

static int print_values(const struct crq_story *story, crq_error *err)
{
    crq_job *job = story->job;
    const char *intervals = crq_job_field(job, "retry_intervals", NULL);
    const char *repeats = crq_job_field(job, "repeat_intervals", NULL);
    struct crq_buf meta = CRQ_BUF_INIT;
    int rc = 0;

    text_row("worker", crq_job_worker_name(job));
    seconds_row("timeout", crq_job_timeout_s(job), "none");
    seconds_row("result ttl", crq_job_result_ttl_s(job), "for ever");
    seconds_row("failure ttl", crq_job_failure_ttl_s(job), "for ever");
    seconds_row("ttl", crq_job_ttl_s(job), "none");
    if (crq_job_retries_left(job) != CRQ_UNSET) {
        label("retries");
        printf("%lld left, after ", (long long)crq_job_retries_left(job));
        term_text(TERM_PLAIN, intervals != NULL ? intervals : "[0]", 0, 0);
        printf(" s\n");
    }
    if (crq_job_number(job, CRQ_FIELD_REPEATS_LEFT) != CRQ_UNSET) {
        label("repeats");
        printf("%lld left, after ",
                (long long)crq_job_number(job, CRQ_FIELD_REPEATS_LEFT));
        term_text(TERM_PLAIN, repeats != NULL ? repeats : "[0]", 0, 0);
        printf(" s\n");
    }
    text_row("on success", crq_job_field(job, "success_callback_name", NULL));
    text_row("on failure", crq_job_field(job, "failure_callback_name", NULL));
    text_row("on stopped", crq_job_field(job, "stopped_callback_name", NULL));
    text_row("webhooks", crq_job_field(job, "webhooks", NULL));
    text_row("group", crq_job_group_id(job));
    if (crq_job_meta(job) != NULL) {
        rc = crq_json_encode(crq_job_meta(job), CRQ_JSON_SHOW, &meta, err);
        if (rc == 0)
            text_row("meta", crq_buf_text(&meta));
    }
    crq_buf_fini(&meta);
    seconds_row("expires in", story->left_s >= 0 ? story->left_s : CRQ_UNSET,
            "");
    if (crq_job_problem(job) != NULL) {
        label("problem");
        term_text(TERM_RED, crq_job_problem(job), 0, 0);
        putchar('\n');
    }
    return rc;
}

static int print_result(const crq_result *result, crq_error *err)
{
    crq_result_type type = crq_result_type_of(result);
    bool good = type == CRQ_RESULT_SUCCESSFUL;
    const char *exc = crq_result_exc_string(result);
    struct crq_buf text;
    int rc = 0;

    putchar('\n');
    term_printf(good ? TERM_GREEN : TERM_RED, "%s", crq_result_type_name(type));
    if (crq_result_created_us(result) != CRQ_UNSET) {
        printf("  ");
        term_time(crq_result_created_us(result));
    }
    if (crq_result_worker_name(result) != NULL) {
        printf("  by ");
        term_text(TERM_PLAIN, crq_result_worker_name(result), 0, 0);
    }
    putchar('\n');
    if (crq_result_problem(result) != NULL) {
        printf("  ");
        term_text(TERM_RED, crq_result_problem(result), 0, 0);
        putchar('\n');
    }
    if (exc != NULL)
        term_block(TERM_PLAIN, exc, strlen(exc), "  ");
    else if (crq_result_problem(result) == NULL) {
        crq_buf_init(&text, 1 << 20);
        rc = crq_repr(crq_result_return_value(result), &text, err);
        if (rc == CRQ_ELIMIT)
            rc = crq_buf_text(&text)[0] == '\0' ? rc : 0;
        if (rc == 0)
            term_block(TERM_PLAIN, crq_buf_text(&text), text.len, "  ");
        crq_buf_fini(&text);
    }
    return rc;
}

static void print_log(const struct crq_story *story)
{
    putchar('\n');
    term_printf(TERM_BOLD, "log");
    if (log_count(story) == CRQ_STORY_LINES)
        printf("  the last %d lines; crq log shows all", CRQ_STORY_LINES);
    putchar('\n');
    for (size_t i = 0; i < log_count(story); i++) {
        printf("  ");
        show_line(story->log, i);
    }
}

static int print_view(struct view *view, int64_t now_us, crq_error *err)
{
    struct crq_story *story = &view->story;
    crq_job *job = story->job;
    int rc;

    term_text(TERM_BOLD, crq_job_id(job), 0, 0);
    printf("  ");
    term_text(term_status_style(crq_job_status(job)), crq_job_status_text(job),
            0, 0);
    putchar('\n');
    rc = print_call(job, err);
    if (rc < 0)
        return rc;
    text_row("queue", crq_job_origin(job));
    print_waiting(story);
    relations_print(&view->relations);
    print_times(job, now_us);
    rc = print_values(story, err);
    for (size_t i = 0; rc == 0 && i < story->results_count; i++)
        rc = print_result(story->results[i], err);
    if (rc == 0 && log_count(story) > 0)
        print_log(story);
    return rc;
}

/* ---- the verb ---- */

struct options {
    struct cli *cli;
    const char *id;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one job id, not '%s' as well", arg);
        o->id = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->id == NULL)
            argp_error(state, "name the job");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { NULL, parse, "JOB",
        "Show all about one job: call, times, options, results.", children,
        NULL, NULL };
    struct options o = { cli, NULL };
    struct view view = { CRQ_STORY_INIT, { 0 } };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_story_fetch(cli->conn, o.id, &view.story, &err);
    if (rc == 0)
        rc = relations_fetch(cli->conn, view.story.job, &view.relations, &err);
    if (rc == 0)
        rc = cli->json
                ? print_json(&view, &err)
                : print_view(&view,
                          crq_clock_wall_us(crq_conn_clock(cli->conn)), &err);
    relations_fini(&view.relations);
    crq_story_fini(&view.story);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
