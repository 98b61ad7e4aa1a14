/*
 * scheduler.h - the scheduler that a worker starts: --with-scheduler.
 *
 * A crq-scheduler of its own, as a child process: started with the worker,
 * again when it has died, and ended with it. Whatever kills the worker, the
 * child is told to leave by the kernel, and gives its locks back.
 */
#ifndef CRQ_WORKERS_SCHEDULER_H
#define CRQ_WORKERS_SCHEDULER_H

#include "workers/worker.h"

/** In a burst, before anything else: have what is due enqueued, and wait until
 *  it is. */
void scheduler_burst(const struct options *options, struct crq_log *log);

/** Start it, when the options say so. */
void scheduler_init(struct worker *w);
void scheduler_fini(struct worker *w);
/** Whether the worker's end has to wait for it: it is told to leave when this
 *  is asked. */
bool scheduler_owes(struct worker *w);
/** Whether a child process is the scheduler. */
bool scheduler_is(const struct worker *w, pid_t pid);

#endif
