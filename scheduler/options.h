/* options.h - what crq-scheduler was told on its command line. */
#ifndef CRQ_SCHEDULER_OPTIONS_H
#define CRQ_SCHEDULER_OPTIONS_H

#include <crq.h>

#include "exec/daemon.h"

#define MAX_QUEUES 256
#define MAX_FILES  64

struct options {
    struct crq_daemon daemon;
    const char *url; /* where Redis is; of crq_daemon_begin() */
    const char *queues[MAX_QUEUES];
    size_t queue_count; /* 0: all */
    struct {
        const char *path;
        bool cron; /* a cron file, and not an app.json */
    } files[MAX_FILES];
    size_t file_count;
    const char *name; /* NULL: the host */
    bool burst;
};

/** Read the command line; prints and exits when it is wrong. */
void options_parse(struct options *o, int argc, char **argv);

#endif
