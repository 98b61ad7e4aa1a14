/* options.c - the options of crq-worker: rq worker's words and defaults where
 * it has them. */
#include "workers/options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/timetext.h"
#include "model/serializer.h"

enum {
    OPT_JOBS = 256,
    OPT_MAX_JOBS,
    OPT_MAX_IDLE,
    OPT_STRATEGY,
    OPT_RESULTS_TTL,
    OPT_WORKER_TTL,
    OPT_MONITORING,
    OPT_MAINTENANCE,
    OPT_KILL_GRACE,
    OPT_DRAIN,
    OPT_JOBS_PER_CHILD,
    OPT_CHILD_MEMORY,
    OPT_ALLOW_PRIVATE,
    OPT_SCHEDULER
};

static const struct argp_option table[] = {
    { "load", 'l', "MODULE", 0,
            "A module of tasks: its name, or a path with a slash; several "
            "times for several",
            1 },
    { "jobs", OPT_JOBS, "N", 0, "Jobs at a time (default: one per core)", 1 },
    { "burst", 'b', NULL, 0, "Stop when the queues are empty", 1 },
    { "with-scheduler", OPT_SCHEDULER, NULL, 0,
            "Run a crq-scheduler for these queues, too", 1 },
    { "name", 'n', "NAME", 0, "The worker's name (default: <host>.<pid>)", 1 },
    { "max-jobs", OPT_MAX_JOBS, "N", 0, "Stop after N jobs", 1 },
    { "max-idle-time", OPT_MAX_IDLE, "TIME", 0,
            "Stop when there was nothing to do for so long", 1 },
    { "dequeue-strategy", OPT_STRATEGY, "NAME", 0,
            "Which queue comes next: default (as named), round_robin or random",
            1 },
    { "serializer", 'S', "NAME", 0,
            "Read all jobs as pickle, json or msgpack, and answer so (default: "
            "as each job was written)",
            1 },
    { "results-ttl", OPT_RESULTS_TTL, "TIME", 0,
            "How long results are kept (default: 500)", 2 },
    { "worker-ttl", OPT_WORKER_TTL, "TIME", 0,
            "How long a silent worker counts as alive (default: 420)", 2 },
    { "job-monitoring-interval", OPT_MONITORING, "TIME", 0,
            "Between heartbeats of a running job (default: 30)", 2 },
    { "maintenance-interval", OPT_MAINTENANCE, "TIME", 0,
            "Between clean-ups of what dead workers leave (default: 600)", 2 },
    { "kill-grace", OPT_KILL_GRACE, "TIME", 0,
            "Between SIGTERM and SIGKILL for a run that must end (default: 1)",
            3 },
    { "drain-timeout", OPT_DRAIN, "TIME", 0,
            "How long a warm stop waits for running jobs (default: no limit)",
            3 },
    { "max-jobs-per-child", OPT_JOBS_PER_CHILD, "N", 0,
            "Replace a child after N jobs", 3 },
    { "max-child-memory", OPT_CHILD_MEMORY, "MIB", 0,
            "End a run, or replace a child, that takes more", 3 },
    { "webhook-allow-private", OPT_ALLOW_PRIVATE, NULL, 0,
            "Send webhooks also to private and loopback addresses", 3 },
    { 0 },
};

static int64_t number(const struct argp_state *state, const char *name,
        const char *text, int64_t least)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < least)
        argp_error(state, "--%s %s: not a whole number from %lld on", name,
                text, (long long)least);
    return n;
}

static int64_t micros(const struct argp_state *state, const char *name,
        const char *text, int64_t least_us)
{
    int64_t us = 0;

    if (crq_timetext_duration(text, &us, NULL) < 0 || us < least_us)
        argp_error(state,
                "--%s %s: not a time from %g s on; write seconds, or a number "
                "with d, h, m or s",
                name, text, (double)least_us / 1e6);
    return us;
}

static error_t parse_number(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case OPT_JOBS: o->jobs = number(state, "jobs", arg, 1); return 0;
    case OPT_MAX_JOBS:
        o->max_jobs = number(state, "max-jobs", arg, 1);
        return 0;
    case OPT_MAX_IDLE:
        o->max_idle_s = micros(state, "max-idle-time", arg, 1000000) / 1000000;
        return 0;
    case OPT_RESULTS_TTL:
        o->results_ttl_s =
                micros(state, "results-ttl", arg, -1000000) / 1000000;
        return 0;
    case OPT_WORKER_TTL:
        o->worker_ttl_s = micros(state, "worker-ttl", arg, 1000000) / 1000000;
        return 0;
    case OPT_MONITORING:
        o->monitoring_interval_s =
                micros(state, "job-monitoring-interval", arg, 1000000) /
                1000000;
        return 0;
    case OPT_MAINTENANCE:
        o->maintenance_interval_s =
                micros(state, "maintenance-interval", arg, 1000000) / 1000000;
        return 0;
    case OPT_KILL_GRACE:
        o->kill_grace_ms = micros(state, "kill-grace", arg, 0) / 1000;
        return 0;
    case OPT_DRAIN:
        o->drain_timeout_ms = micros(state, "drain-timeout", arg, 0) / 1000;
        return 0;
    case OPT_JOBS_PER_CHILD:
        o->max_jobs_per_child = number(state, "max-jobs-per-child", arg, 1);
        return 0;
    case OPT_CHILD_MEMORY:
        o->max_child_memory_mib = number(state, "max-child-memory", arg, 1);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    crq_error err;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->daemon; return 0;
    case 'l':
        crq_daemon_add(state, o->modules, &o->module_count, MAX_MODULES,
                "modules", arg);
        return 0;
    case 'b': o->burst = true; return 0;
    case 'n': o->name = arg; return 0;
    case OPT_STRATEGY:
        if (!strategy_parse(arg, &o->strategy))
            argp_error(state,
                    "--dequeue-strategy %s: default, round_robin or random",
                    arg);
        return 0;
    case 'S':
        o->force_serializer = true;
        if (crq_serializer_parse(arg, &o->serializer, &err) < 0)
            argp_error(state, "--serializer: %s", err.text);
        return 0;
    case OPT_SCHEDULER: o->with_scheduler = true; return 0;
    case OPT_ALLOW_PRIVATE: o->webhook_allow_private = true; return 0;
    case ARGP_KEY_ARG:
        crq_daemon_add(state, o->queues, &o->queue_count, MAX_QUEUES, "queues",
                arg);
        return 0;
    case ARGP_KEY_END:
        /* It would take jobs and fail each for want of a task. */
        if (o->module_count == 0)
            argp_error(state, "no tasks: name their module, --load MODULE");
        if (o->queue_count == 0)
            o->queues[o->queue_count++] = "default";
        return 0;
    default: return parse_number(key, arg, state);
    }
}

const crq_serializer *options_serializer(const struct options *options)
{
    return options->force_serializer ? &options->serializer : NULL;
}

void options_parse(struct options *o, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &crq_daemon_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { table, parse, "[QUEUE...]",
        "Run the jobs of queues (default: the queue 'default') in C tasks.",
        children, NULL, NULL };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    *o = (struct options){
        .jobs = cores > 0 ? cores : 1,
        .results_ttl_s = 500,
        .worker_ttl_s = 420,
        .monitoring_interval_s = 30,
        .maintenance_interval_s = 600,
        .kill_grace_ms = 1000,
        .drain_timeout_ms = -1,
        .daemon = CRQ_DAEMON_INIT,
    };
    crq_daemon_parse("crq-worker", &argp, argc, argv, o);
}
