/* options.h - what crq-worker was told on its command line. */
#ifndef CRQ_WORKERS_OPTIONS_H
#define CRQ_WORKERS_OPTIONS_H

#include <crq.h>

#include "exec/daemon.h"

#define MAX_QUEUES  32
#define MAX_MODULES 64

/** In which order queues are looked at, by RQ's names. */
enum strategy { STRATEGY_DEFAULT, STRATEGY_ROUND_ROBIN, STRATEGY_RANDOM };

struct options {
    struct crq_daemon daemon;
    const char *url; /* where Redis is; of crq_daemon_begin() */
    const char *queues[MAX_QUEUES];
    size_t queue_count;
    const char *modules[MAX_MODULES];
    size_t module_count;
    const char *name;   /* NULL: <host>.<pid> */
    int64_t jobs;       /* children */
    int64_t max_jobs;   /* then it stops; 0: never */
    int64_t max_idle_s; /* then it stops; 0: never */
    enum strategy strategy;
    int64_t results_ttl_s, worker_ttl_s;
    int64_t monitoring_interval_s, maintenance_interval_s;
    int64_t kill_grace_ms, drain_timeout_ms;          /* drain: -1: no limit */
    int64_t max_jobs_per_child, max_child_memory_mib; /* 0: no limit */
    bool burst;
    bool webhook_allow_private;
    bool force_serializer; /* or each job's own bytes tell */
    crq_serializer serializer;
    bool with_scheduler;
};

/** False: there is none of that name. */
bool strategy_parse(const char *name, enum strategy *out);

/** The serializer that jobs are to be read with; NULL: their bytes tell. */
const crq_serializer *options_serializer(const struct options *options);

/** Read the command line; prints and exits when it is wrong. */
void options_parse(struct options *o, int argc, char **argv);

#endif
