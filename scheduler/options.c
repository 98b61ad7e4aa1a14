/* options.c - the options of crq-scheduler: crq-worker's words where both have
 * them. */
#include "scheduler/options.h"

#include <argp.h>
#include <string.h>

#include "model/queue.h"

enum { OPT_APP = 256, OPT_CRON };

/* Names of locks and hashes are made of it. */
#define NAME_BYTES 300

static const struct argp_option table[] = {
    { "app", OPT_APP, "PATH", 0,
            "Run the schedules and triggers of an app.json, or of the one in "
            "a folder; several times for several",
            1 },
    { "cron", OPT_CRON, "FILE", 0,
            "Run the schedules of a cron file; several times for several", 1 },
    { "burst", 'b', NULL, 0, "Do what is due now, then stop", 1 },
    { "name", 'n', "NAME", 0,
            "What the scheduler's name begins with (default: the host)", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->daemon; return 0;
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
    case ARGP_KEY_ARG:
        if (crq_queue_name_check(arg, &err) < 0)
            argp_error(state, "%s", err.text);
        crq_daemon_add(state, o->queues, &o->queue_count, MAX_QUEUES, "queues",
                arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &crq_daemon_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { table, parse, "[QUEUE...]",
        "Enqueue jobs when their time comes, or an event: schedules, triggers, "
        "and the scheduled jobs of queues (default: of all queues).",
        children, NULL, NULL };

    *o = (struct options){ .daemon = CRQ_DAEMON_INIT };
    crq_daemon_parse("crq-scheduler", &argp, argc, argv, o);
}
