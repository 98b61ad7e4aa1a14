/* options.c - the options of crq-scheduler: crq-worker's words where both have
 * them. */
#include "scheduler/options.h"

#include <argp.h>
#include <string.h>

#include "model/queue.h"

enum { OPT_PID = 256, OPT_LOG_FORMAT, OPT_APP, OPT_CRON };

/* Names of locks and hashes are made of it. */
#define NAME_BYTES 300

static const struct argp_option table[] = {
    { "url", 'u', "URL", 0,
            "Redis: redis://[user:password@]host[:port][/db], rediss:// for "
            "TLS, or unix:///path[?db=n]",
            1 },
    { "app", OPT_APP, "PATH", 0,
            "Run the schedules and triggers of an app.json, or of the one in "
            "a folder; several times for several",
            1 },
    { "cron", OPT_CRON, "FILE", 0,
            "Run the schedules of a cron file; several times for several", 1 },
    { "burst", 'b', NULL, 0, "Do what is due now, then stop", 1 },
    { "name", 'n', "NAME", 0,
            "What the scheduler's name begins with (default: the host)", 1 },
    { "pid", OPT_PID, "FILE", 0, "Write the process id to FILE", 2 },
    { "verbose", 'v', NULL, 0, "Log more", 2 },
    { "quiet", 'q', NULL, 0, "Log warnings and errors only", 2 },
    { "log-format", OPT_LOG_FORMAT, "FORMAT", 0, "text (default) or json", 2 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case 'u': o->url = arg; return 0;
    case 'b': o->burst = true; return 0;
    case 'n':
        if (arg[0] == '\0' || strlen(arg) > NAME_BYTES)
            argp_error(state, "--name: 1 to %d bytes", NAME_BYTES);
        o->name = arg;
        return 0;
    case OPT_APP:
    case OPT_CRON:
        if (o->file_count == MAX_FILES)
            argp_error(state, "more than %d files", MAX_FILES);
        o->files[o->file_count].cron = key == OPT_CRON;
        o->files[o->file_count++].path = arg;
        return 0;
    case OPT_PID: o->pid_file = arg; return 0;
    case 'v': o->level = CRQ_LOG_DEBUG; return 0;
    case 'q': o->level = CRQ_LOG_WARN; return 0;
    case OPT_LOG_FORMAT:
        if (strcmp(arg, "text") != 0 && strcmp(arg, "json") != 0)
            argp_error(state, "--log-format %s: text or json", arg);
        o->json_log = strcmp(arg, "json") == 0;
        return 0;
    case ARGP_KEY_ARG:
        if (crq_queue_name_check(arg, &err) < 0)
            argp_error(state, "%s", err.text);
        if (o->queue_count == MAX_QUEUES)
            argp_error(state, "more than %d queues", MAX_QUEUES);
        o->queues[o->queue_count++] = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    static const struct argp argp = { table, parse, "[QUEUE...]",
        "Enqueue jobs when their time comes, or an event: schedules, triggers, "
        "and the scheduled jobs of queues (default: of all queues).",
        NULL, NULL, NULL };

    *o = (struct options){ .level = CRQ_LOG_INFO };
    argp_err_exit_status = 64;
    argp_parse(&argp, argc, argv, 0, NULL, o);
}
