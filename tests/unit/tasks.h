/*
 * tasks.h - running tasks of a test's own, without a worker.
 *
 *     tasks_begin(&module);
 *     tasks_call("t.add", "[1, 2]", "{}");
 *     tasks_returned("3");
 *     tasks_end();
 */
#ifndef TASKS_H
#define TASKS_H

#include "base/buf.h"
#include "task/perform.h"
#include "unit.h"

/** The state of a test: set what differs before tasks_call(). */
struct tasks {
    struct crq_modules *modules;
    struct crq_run run;
    struct crq_run_hooks hooks; /* log goes into `log`; no connection */
    crq_serializer serializer;
    struct crq_outcome outcome;
    struct crq_buf log; /* every line with a line break */
    bool stop;          /* what should_stop says */
};
extern struct tasks tasks;

void tasks_begin(const crq_module_def *module);
void tasks_end(void);

/** The bytes of a job's data, in tasks.serializer. */
void tasks_data(const char *func, const crq_value *args,
        const crq_value *kwargs, struct crq_buf *out);

/** Run it; the outcome of the call before is freed. */
void tasks_call(const char *func, const char *args, const char *kwargs);
void tasks_call_values(const char *func, const crq_value *args,
        const crq_value *kwargs);

/** It has returned what this JSON text says, in the job's serializer. */
void tasks_returned(const char *json);
/** It has failed with this line: "ValueError: no". */
void tasks_failed(const char *line);

#endif
