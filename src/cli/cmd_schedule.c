/* cmd_schedule.c - crq schedule and unschedule: a call again and again. */
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "app/funcargs.h"
#include "cli/show.h"
#include "cli/term.h"
#include "codec/repr.h"
#include "codec/timetext.h"
#include "model/serializer.h"
#include "sched/entry.h"

struct options {
    struct cli *cli;
    crq_schedule_options schedule;
    crq_call call;
    bool entry;   /* of rq-scheduler */
    char **words; /* the id, the function and its arguments */
    int words_count;
};

enum {
    OPT_EVERY = 256,
    OPT_CRON,
    OPT_TZ,
    OPT_START,
    OPT_REPEAT,
    OPT_CATCHUP,
    OPT_OVERLAP,
    OPT_TIMEOUT,
    OPT_RESULT_TTL,
    OPT_TTL,
    OPT_FAILURE_TTL,
    OPT_DESCRIPTION,
    OPT_AT_FRONT,
    OPT_SOURCE,
    OPT_FORMAT
};

static const struct argp_option option_table[] = {
    { "every", OPT_EVERY, "TIME", 0, "Run it each 0.5s, 10m, 1d ...", 1 },
    { "cron", OPT_CRON, "EXPR", 0,
            "Run it at the times of a cron expression: \"0 9 * * mon-fri\"",
            1 },
    { "tz", OPT_TZ, "ZONE", 0,
            "The zone of --cron, such as Europe/Berlin (default: UTC)", 1 },
    { "start", OPT_START, "WHEN", 0,
            "Not before 2027-05-27T21:45:00 (local time, or with a zone); "
            "--every counts from there",
            1 },
    { "repeat", OPT_REPEAT, "N", 0, "N runs in all", 1 },
    { "catchup", OPT_CATCHUP, "HOW", 0,
            "What becomes of missed runs: skip (default), once, all, all:N",
            1 },
    { "overlap", OPT_OVERLAP, "HOW", 0,
            "While the last run has not ended: skip (default) or allow", 1 },
    { "queue", 'q', "NAME", 0, "The queue (default: default)", 2 },
    { "timeout", OPT_TIMEOUT, "TIME", 0,
            "Longest time of a run, such as 90 or 1h; -1: none (default: 180)",
            2 },
    { "result-ttl", OPT_RESULT_TTL, "TIME", 0,
            "How long a result is kept; -1: for ever, 0: not at all", 2 },
    { "ttl", OPT_TTL, "TIME", 0, "How long a job may wait", 2 },
    { "failure-ttl", OPT_FAILURE_TTL, "TIME", 0,
            "How long a failed job is kept; -1: for ever, 0: not at all", 2 },
    { "description", OPT_DESCRIPTION, "TEXT", 0,
            "What it says in lists (default: the call)", 2 },
    { "at-front", OPT_AT_FRONT, NULL, 0, "At the front of the queue", 2 },
    { "serializer", 'S', "NAME", 0, "pickle (default) or json", 2 },
    { "source", OPT_SOURCE, "TEXT", 0, "Where it comes from, for lists", 2 },
    { "format", OPT_FORMAT, "FORMAT", 0,
            "crq (default), or rq-scheduler: an entry of that package, which "
            "either runs",
            2 },
    { 0 },
};

static void set_catchup(struct options *o, struct argp_state *state,
        const char *text)
{
    if (strcmp(text, "skip") == 0)
        o->schedule.catchup = CRQ_CATCHUP_SKIP;
    else if (strcmp(text, "once") == 0)
        o->schedule.catchup = CRQ_CATCHUP_ONCE;
    else if (strcmp(text, "all") == 0 || strncmp(text, "all:", 4) == 0) {
        o->schedule.catchup = CRQ_CATCHUP_ALL;
        if (text[3] == ':')
            o->schedule.catchup_max =
                    cli_number(state, "catchup all", text + 4, 1);
    } else
        argp_error(state, "--catchup %s: skip, once, all or all:N", text);
}

static error_t parse_when(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case OPT_EVERY:
        o->schedule.every_us = cli_duration_us(state, "every", arg);
        if (o->schedule.every_us <= 0)
            argp_error(state, "--every %s: more than nothing", arg);
        return 0;
    case OPT_CRON: o->schedule.cron = arg; return 0;
    case OPT_TZ: o->schedule.tz = arg; return 0;
    case OPT_START:
        if (crq_timetext_iso(arg, &o->schedule.start_us, &err) < 0)
            argp_error(state, "--start %s: %s", arg, err.text);
        return 0;
    case OPT_REPEAT:
        o->schedule.repeat = cli_number(state, "repeat", arg, 1);
        return 0;
    case OPT_CATCHUP: set_catchup(o, state, arg); return 0;
    case OPT_OVERLAP:
        if (strcmp(arg, "skip") != 0 && strcmp(arg, "allow") != 0)
            argp_error(state, "--overlap %s: skip or allow", arg);
        o->schedule.allow_overlap = strcmp(arg, "allow") == 0;
        return 0;
    case OPT_SOURCE: o->schedule.source = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void finish(struct options *o, struct argp_state *state)
{
    if (o->words_count < 2)
        argp_error(state,
                "name the schedule and the function: crq schedule sweep --every "
                "1h shop.sweep");
    if ((o->schedule.every_us > 0) == (o->schedule.cron != NULL))
        argp_error(state, "say when: either --every or --cron");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'q': o->schedule.queue = arg; return 0;
    case 'S':
        if (crq_serializer_parse(arg, &o->call.serializer, &err) < 0)
            argp_error(state, "--serializer: %s", err.text);
        return 0;
    case OPT_TIMEOUT:
        o->call.timeout_s = cli_seconds(state, "timeout", arg);
        return 0;
    case OPT_RESULT_TTL:
        o->call.result_ttl_s = cli_seconds(state, "result-ttl", arg);
        return 0;
    case OPT_TTL: o->call.ttl_s = cli_seconds(state, "ttl", arg); return 0;
    case OPT_FAILURE_TTL:
        o->call.failure_ttl_s = cli_seconds(state, "failure-ttl", arg);
        return 0;
    case OPT_DESCRIPTION: o->call.description = arg; return 0;
    case OPT_FORMAT:
        if (strcmp(arg, "crq") != 0 && strcmp(arg, "rq-scheduler") != 0)
            argp_error(state, "--format %s: crq or rq-scheduler", arg);
        o->entry = strcmp(arg, "rq-scheduler") == 0;
        return 0;
    case OPT_AT_FRONT: o->call.at_front = true; return 0;
    case ARGP_KEY_ARGS:
        o->words = state->argv + state->next;
        o->words_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END: finish(o, state); return 0;
    default: return parse_when(key, arg, state);
    }
}

static int say_scheduled(struct options *o, int64_t next_us, crq_error *err)
{
    crq_value *v;
    int rc = 0;

    if (!o->cli->json) {
        printf("Scheduled '%s'; it runs next at ", o->schedule.id);
        term_time(next_us);
        printf(".\n");
        return 0;
    }
    v = crq_value_new_dict();
    if (v == NULL)
        return crq_fail_nomem(err);
    crq_dict_put_text(v, "id", o->schedule.id, &rc);
    crq_dict_put_time(v, "next", next_us, &rc);
    rc = rc < 0 ? crq_fail_nomem(err) : show_json(v, err);
    crq_value_free(v);
    return rc;
}

static int run(struct options *o, crq_error *err)
{
    struct crq_buf call = CRQ_BUF_INIT;
    crq_value *args = NULL, *kwargs = NULL;
    int64_t next_us;
    int rc;

    o->schedule.id = o->words[0];
    o->call.func = o->words[1];
    rc = crq_funcargs(o->words_count - 2, o->words + 2, &args, &kwargs, err);
    if (rc < 0)
        goto fail;
    o->call.args = args;
    o->call.kwargs = kwargs;
    rc = crq_repr_call(o->call.func, args, kwargs, 0, &call, err);
    if (rc < 0)
        goto fail;
    if (o->call.description == NULL)
        o->call.description = call.data;
    rc = cli_connect(o->cli);
    if (rc != 0)
        goto out;
    rc = (o->entry ? crq_entry_put : crq_schedule_put)(o->cli->conn,
            &o->schedule, &o->call, &next_us, err);
    if (rc == 0)
        rc = say_scheduled(o, next_us, err);
fail:
    if (rc < 0)
        rc = cli_error(err);
out:
    crq_value_free(args);
    crq_value_free(kwargs);
    crq_buf_fini(&call);
    return rc;
}

int cmd_schedule(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = { { &cli_common_argp, 0, NULL,
                                                          0 },
        { &cli_negative_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { option_table, parse, "ID FUNC [ARG...]",
        "Run a call again and again.\v"
        "crq-scheduler(8) does so. An ID that is there is replaced; the same "
        "schedule once more changes nothing. Arguments are those of "
        "crq enqueue.\n\n"
        "  crq schedule report --cron '0 9 * * mon-fri' --tz Europe/Berlin "
        "shop.report",
        children, NULL, NULL };
    struct options o = {
        .cli = cli, .schedule = CRQ_SCHEDULE_INIT, .call = CRQ_CALL_INIT
    };
    crq_error err;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    return run(&o, &err);
}

/* ---- unschedule ---- */

struct ids {
    struct cli *cli;
    char **ids;
    int count;
};

static error_t parse_ids(int key, char *arg, struct argp_state *state)
{
    struct ids *o = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case ARGP_KEY_ARGS:
        o->ids = state->argv + state->next;
        o->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "name the schedule"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_unschedule(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { NULL, parse_ids, "ID...",
        "Remove schedules, crq's or rq-scheduler's, and triggers. Jobs that "
        "they have made stay.",
        children, NULL, NULL };
    struct ids o = { cli, NULL, 0 };
    crq_error err;
    int rc, worst = CLI_DONE;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    for (int i = 0; i < o.count; i++) {
        rc = crq_schedule_remove(cli->conn, o.ids[i], &err);
        if (rc == CRQ_ENOTFOUND || rc == CRQ_EINVAL)
            rc = crq_trigger_remove(cli->conn, o.ids[i], &err);
        if (rc == CRQ_ENOTFOUND || rc == CRQ_EINVAL)
            rc = crq_entry_cancel(cli->conn, o.ids[i], &err);
        rc = rc < 0 ? cli_error(&err) : CLI_DONE;
        worst = rc > worst ? rc : worst;
    }
    return worst;
}
