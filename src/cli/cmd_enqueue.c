/* cmd_enqueue.c - crq enqueue: RQ's options and arguments, and a few more. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/around.h"
#include "cli/cli.h"
#include "app/funcargs.h"
#include "cli/show.h"
#include "cli/term.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "codec/timetext.h"
#include "model/serializer.h"

struct options {
    struct cli *cli;
    const char *queue;
    crq_call call;
    struct cli_around around;
    crq_value *meta;
    int64_t in_us, at_us; /* CRQ_UNSET: not scheduled */
    int64_t wait_ms;      /* CRQ_UNSET: don't */
    bool quiet;
    char **words; /* the function and its arguments */
    int words_count;
};

enum {
    OPT_TIMEOUT = 256,
    OPT_RESULT_TTL,
    OPT_TTL,
    OPT_FAILURE_TTL,
    OPT_DESCRIPTION,
    OPT_JOB_ID,
    OPT_AT_FRONT,
    OPT_SCHEDULE_IN,
    OPT_SCHEDULE_AT,
    OPT_UNIQUE,
    OPT_META,
    OPT_WAIT,
    OPT_QUIET
};

static const struct argp_option option_table[] = {
    { "queue", 'q', "NAME", 0, "The queue (default: default)", 1 },
    { "timeout", OPT_TIMEOUT, "TIME", 0,
            "Longest time of a run, such as 90 or 1h; -1: none (default: 180)",
            1 },
    { "result-ttl", OPT_RESULT_TTL, "TIME", 0,
            "How long a result is kept; -1: for ever, 0: not at all", 1 },
    { "ttl", OPT_TTL, "TIME", 0, "How long the job may wait", 1 },
    { "failure-ttl", OPT_FAILURE_TTL, "TIME", 0,
            "How long a failed job is kept; -1: for ever, 0: not at all", 1 },
    { "description", OPT_DESCRIPTION, "TEXT", 0,
            "What it says in lists (default: the call)", 1 },
    { "job-id", OPT_JOB_ID, "ID", 0,
            "The job's id: letters, digits, - and _ (default: a new UUID)", 1 },
    { "unique", OPT_UNIQUE, NULL, 0, "Refuse if the job id is taken", 1 },
    { "at-front", OPT_AT_FRONT, NULL, 0, "At the front of the queue", 1 },
    { "meta", OPT_META, "JSON", 0, "An object to keep with the job", 1 },
    { "serializer", 'S', "NAME", 0, "pickle (default), json or msgpack", 1 },
    { "schedule-in", OPT_SCHEDULE_IN, "TIME", 0,
            "Enqueue after this time, such as 0.5s, 10m, 2d", 3 },
    { "schedule-at", OPT_SCHEDULE_AT, "WHEN", 0,
            "Enqueue at 2027-05-27T21:45:00 (local time, or with a zone)", 3 },
    { "wait", OPT_WAIT, "TIME", OPTION_ARG_OPTIONAL,
            "Wait for the job's end and print its result", 5 },
    { "quiet", OPT_QUIET, NULL, 0, "Print nothing but errors and results", 5 },
    { 0 },
};

/* The least that each time may be; some may be -1 as well, for no limit. */
static const struct {
    int option;
    const char *name;
    int64_t least_s;
    bool endless;
} times[] = {
    { OPT_TIMEOUT, "timeout", 1, true },
    { OPT_RESULT_TTL, "result-ttl", 0, true },
    { OPT_TTL, "ttl", 1, false },
    { OPT_FAILURE_TTL, "failure-ttl", 0, true },
    { OPT_SCHEDULE_IN, "schedule-in", 0, false },
    { OPT_WAIT, "wait", 0, false },
};

static int64_t read_time(const struct argp_state *state, int option,
        const char *text)
{
    size_t i = 0;

    while (times[i].option != option)
        i++;
    return cli_time_us(state, times[i].name, text, times[i].least_s,
            times[i].endless);
}

/* RQ keeps whole seconds of these, and cuts the rest. */
static int64_t read_seconds(const struct argp_state *state, int option,
        const char *text)
{
    return read_time(state, option, text) / 1000000;
}

static void set_meta(struct options *o, struct argp_state *state,
        const char *text)
{
    crq_error err;

    crq_value_free(o->meta);
    o->meta = NULL;
    if (crq_json_decode(text, strlen(text), NULL, &o->meta, &err) < 0)
        argp_error(state, "--meta %s: %s", text, err.text);
    else if (crq_value_type(o->meta) != CRQ_DICT)
        argp_error(state, "--meta %s: not an object, {\"name\": value}", text);
    o->call.meta = o->meta;
}

/* An optional value needs its '='. In a word of its own it would become an
 * argument of the function, and the wait have no end. */
static void refuse_wait_in_two_words(struct argp_state *state)
{
    const char *word =
            state->next < state->argc ? state->argv[state->next] : "";
    int64_t us;

    if (crq_timetext_duration(word, &us, NULL) == 0)
        argp_error(state,
                "--wait %s: write --wait=%s, or put --wait before the function",
                word, word);
}

static error_t parse_time(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case OPT_TIMEOUT:
        o->call.timeout_s = read_seconds(state, key, arg);
        return 0;
    case OPT_RESULT_TTL:
        o->call.result_ttl_s = read_seconds(state, key, arg);
        return 0;
    case OPT_TTL: o->call.ttl_s = read_seconds(state, key, arg); return 0;
    case OPT_FAILURE_TTL:
        o->call.failure_ttl_s = read_seconds(state, key, arg);
        return 0;
    case OPT_SCHEDULE_IN: o->in_us = read_time(state, key, arg); return 0;
    case OPT_SCHEDULE_AT:
        if (crq_timetext_iso(arg, &o->at_us, &err) < 0)
            argp_error(state, "--schedule-at %s: %s", arg, err.text);
        return 0;
    case OPT_WAIT:
        if (arg == NULL)
            refuse_wait_in_two_words(state);
        o->wait_ms = arg == NULL ? -1 : read_time(state, key, arg) / 1000;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void finish(struct options *o, struct argp_state *state)
{
    if (o->words_count == 0)
        argp_error(state, "name the function, such as shop.tasks.send_mail");
    if (o->in_us != CRQ_UNSET && o->at_us != CRQ_UNSET)
        argp_error(state, "--schedule-in and --schedule-at exclude each other");
    /* The library says the same, in the names of its fields. */
    if (o->call.unique && o->call.job_id == NULL)
        argp_error(state, "--unique needs --job-id: what must not exist yet");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->around;
        state->child_inputs[1] = o->cli;
        return 0;
    case 'q': o->queue = arg; return 0;
    case 'S':
        if (crq_serializer_parse(arg, &o->call.serializer, &err) < 0)
            argp_error(state, "--serializer: %s", err.text);
        return 0;
    case OPT_DESCRIPTION: o->call.description = arg; return 0;
    case OPT_JOB_ID: o->call.job_id = arg; return 0;
    case OPT_UNIQUE: o->call.unique = true; return 0;
    case OPT_AT_FRONT: o->call.at_front = true; return 0;
    case OPT_META: set_meta(o, state, arg); return 0;
    case OPT_QUIET: o->quiet = true; return 0;
    case ARGP_KEY_ARGS:
        o->words = state->argv + state->next;
        o->words_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END: finish(o, state); return 0;
    default: return parse_time(key, arg, state);
    }
}

static int place(struct options *o, crq_queue *queue, crq_job **out,
        crq_error *err)
{
    if (o->in_us != CRQ_UNSET)
        return crq_queue_enqueue_in(queue, o->in_us, &o->call, out, err);
    if (o->at_us != CRQ_UNSET)
        return crq_queue_enqueue_at(queue, o->at_us, &o->call, out, err);
    return crq_queue_enqueue(queue, &o->call, out, err);
}

/* RQ's sentence. With --wait it goes to standard error: then standard output
 * is the result, for other programs. */
static void say_enqueued(const struct options *o, const crq_job *job,
        const char *call)
{
    bool later = o->in_us != CRQ_UNSET || o->at_us != CRQ_UNSET;
    const char *done = later                             ? "Scheduled"
            : crq_job_status(job) == CRQ_STATUS_DEFERRED ? "Deferred"
                                                         : "Enqueued";

    if (o->wait_ms != CRQ_UNSET) {
        fprintf(stderr, "%s job %s.\n", done, crq_job_id(job));
        return;
    }
    printf("%s ", done);
    term_text(TERM_BLUE, call, 0, 0);
    printf(" with job-id '%s'.\n", crq_job_id(job));
}

/* A job id that was used before may have results that are none of this run. */
static int newest_result_id(struct options *o, char **out, crq_error *err)
{
    crq_job *job = NULL;
    crq_result *result = NULL;
    int rc;

    if (o->call.job_id == NULL || o->wait_ms == CRQ_UNSET)
        return 0;
    rc = crq_job_fetch(o->cli->conn, o->call.job_id, &job, err);
    if (rc == 0)
        rc = crq_job_latest_result(job, &result, err);
    if (rc == 0) {
        *out = crq_strdup(crq_result_id(result));
        rc = *out != NULL ? 0 : crq_fail_nomem(err);
    }
    crq_result_free(result);
    crq_job_free(job);
    return rc == CRQ_ENOTFOUND || rc == CRQ_EINVAL ? 0 : rc;
}

static int report(struct options *o, crq_job *job, const char *call,
        const char *after, crq_error *err)
{
    crq_result *result = NULL;
    crq_value *v = NULL;
    int rc;

    if (!o->quiet && !(o->cli->json && o->wait_ms == CRQ_UNSET))
        say_enqueued(o, job, call);
    if (o->wait_ms == CRQ_UNSET) {
        if (!o->cli->json)
            return CLI_DONE;
        rc = crq_job_to_value(job, NULL, &v, err);
        if (rc == 0)
            rc = show_json(v, err);
        crq_value_free(v);
        return rc < 0 ? cli_error(err) : CLI_DONE;
    }
    rc = crq_job_wait(job, after, o->wait_ms, &result, err);
    if (rc < 0)
        return cli_error(err);
    rc = show_outcome(o->cli, job, result);
    crq_result_free(result);
    return rc;
}

static int run(struct options *o, crq_error *err)
{
    struct crq_buf call = CRQ_BUF_INIT;
    crq_value *args = NULL, *kwargs = NULL;
    crq_queue *queue = NULL;
    crq_job *job = NULL;
    char *after = NULL;
    int rc;

    o->call.func = o->words[0];
    rc = crq_funcargs(o->words_count - 1, o->words + 1, &args, &kwargs, err);
    if (rc < 0)
        goto fail;
    o->call.args = args;
    o->call.kwargs = kwargs;
    /* As rq enqueue: the whole call, not cut. */
    rc = crq_repr_call(o->call.func, args, kwargs, 0, &call, err);
    if (rc < 0)
        goto fail;
    if (o->call.description == NULL)
        o->call.description = call.data;
    rc = cli_connect(o->cli);
    if (rc != 0)
        goto out;
    rc = crq_queue_new(o->cli->conn, o->queue, &queue, err);
    if (rc == 0)
        rc = newest_result_id(o, &after, err);
    if (rc == 0)
        rc = place(o, queue, &job, err);
    if (rc == 0) {
        rc = report(o, job, call.data, after, err);
        goto out;
    }
fail:
    rc = cli_error(err);
out:
    crq_free(after);
    crq_job_free(job);
    crq_queue_free(queue);
    crq_value_free(args);
    crq_value_free(kwargs);
    crq_buf_fini(&call);
    return rc;
}

int cmd_enqueue(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_around_argp, 0, NULL, 0 }, { &cli_common_argp, 0, NULL, 0 },
        { &cli_negative_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "FUNC [ARG...]",
        "Put a call on a queue.\v"
        "Arguments: TEXT, :JSON, %LITERAL (Python), and KEY=TEXT, KEY:=JSON, "
        "KEY%=LITERAL by keyword. A value @FILE is read from that file. A "
        "negative number is :-1; a TEXT that begins with - needs -- before "
        "FUNC.\n\n"
        "  crq enqueue -q mail shop.send_mail bob@example.org copies:=2",
        children, NULL, NULL };
    struct options o = { .cli = cli,
        .queue = "default",
        .call = CRQ_CALL_INIT,
        .in_us = CRQ_UNSET,
        .at_us = CRQ_UNSET,
        .wait_ms = CRQ_UNSET };
    crq_error err;
    int rc;

    o.around.call = &o.call;
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = run(&o, &err);
    crq_value_free(o.meta);
    cli_around_fini(&o.around);
    return rc;
}
