/*
 * perform.h - running one job in this process, and its callbacks: the same in
 * a child and in a test.
 *
 * Nothing here knows of frames or of the worker. What a run needs from outside
 * comes in as struct crq_run, what it has to say goes out through hooks.
 *
 * A process runs many jobs, one after the other. After each run, however it
 * ended, these are as they were before: the thread's locale (during the run it
 * is "C"), umask, working directory, signal mask, what is done at SIGHUP,
 * SIGINT, SIGTERM, SIGPIPE, SIGCHLD, SIGALRM, SIGUSR1 and SIGUSR2, and the
 * environment's RQ_WORKER_ID and RQ_JOB_ID, which a run has as it would under
 * RQ. alarm() is off, stdout and stderr are flushed. Not restored: the rest of
 * the environment, resource limits, threads, open files, memory: for such
 * there are fresh children.
 */
#ifndef CRQ_TASK_PERFORM_H
#define CRQ_TASK_PERFORM_H

#include <crq.h>

#include "base/buf.h"
#include "task/module.h"

/** What crq_task_log() keeps of one run. */
#define CRQ_RUN_LOG_MAX ((size_t)256 << 10)

/** A callback that a job names, and how long it may take (below 1: for ever).
 *  name: NULL or "": none. */
struct crq_run_callback {
    const char *name;
    int64_t timeout_s;
};

/** One run, all borrowed. Texts are never NULL. */
struct crq_run {
    const char *job_id, *execution_id, *queue, *worker;
    const void *data; /* the job's data, as in the hash */
    size_t data_len;
    const void *meta; /* NULL: none */
    size_t meta_len;
    int64_t timeout_s; /* below 1: none */
    int64_t retries_left;
    struct crq_run_callback on_success, on_failure;
    /* Reads data and meta, writes the answer; NULL: the bytes of data tell. */
    const crq_serializer *serializer;
};

/** What a run may ask of who runs it. Each may be NULL. */
struct crq_run_hooks {
    void *arg;
    /* A line, without a line break and at most CRQ_RUN_LOG_MAX bytes. */
    void (*log)(void *arg, const char *line, size_t len);
    /* Asked beside the run's own timeout. */
    bool (*should_stop)(void *arg);
    /* The connection stays the owner's. */
    int (*conn)(void *arg, crq_conn **out, crq_error *err);
    /* The task has ended and a callback is about to be called: its time counts
     * from now. `failure` is the error text so far, "" for CRQ_EVENT_SUCCESS.
     */
    void (*on_callback)(void *arg, crq_event event, const char *failure);
};

enum crq_outcome_kind {
    CRQ_OUTCOME_RETURNED,
    CRQ_OUTCOME_FAILED,
    CRQ_OUTCOME_RETRY
};

/** How it ended. Freed with crq_outcome_fini(). */
struct crq_outcome {
    enum crq_outcome_kind kind;
    crq_serializer serializer; /* of the job's data; the answer's too */
    /* RETURNED: the serialized value; NULL for None. A value that has no form
     * in the serializer becomes the text "Unserializable return value", as in
     * RQ. RETRY: the serialized rq.job.Retry; NULL with JSON, which has no form
     * for it. */
    char *value;
    size_t value_len;
    /* FAILED: the text for exc_string: what, where, why; the last line is
     * "<class>: <message>", as Python's traceback ends. */
    char *error;
    char *error_class, *error_message;
    /* RETRY: at least 1, and at least one interval. */
    int64_t retry_max;
    int64_t *retry_intervals_s;
    size_t retry_intervals;
};
void crq_outcome_fini(struct crq_outcome *outcome);

/**
 * Run it: find the task, bind the arguments, call, serialize; then on_success,
 * whose failure makes the job's, and on_failure, whose failure is added to it.
 * Every failure of the job is an outcome; the return value is below 0 only for
 * CRQ_ENOMEM outside of the task function, and then *out is empty.
 */
int crq_perform(const struct crq_modules *modules, const struct crq_run *run,
        const struct crq_run_hooks *hooks, struct crq_outcome *out,
        crq_error *err) CRQ_MUST_CHECK;

/** A callback by itself, for a run whose child is gone; all borrowed. The
 *  texts are for CRQ_EVENT_FAILURE, else "". */
struct crq_callback_call {
    crq_event event;
    struct crq_run_callback callback;
    const char *error_class, *error_message, *error;
};

/**
 * Call it. `run` is that of the job; its data say no more than the serializer,
 * and need not be readable; its callbacks are not looked at.
 * The outcome is CRQ_OUTCOME_RETURNED without a value, or CRQ_OUTCOME_FAILED
 * with what is wrong with the callback alone. CRQ_ENOMEM as above.
 */
int crq_call_back(const struct crq_modules *modules, const struct crq_run *run,
        const struct crq_callback_call *call, const struct crq_run_hooks *hooks,
        struct crq_outcome *out, crq_error *err) CRQ_MUST_CHECK;

/** Append how the failure of an on_failure stands behind that for which it was
 *  called: as Python shows an exception that came up below another. */
int crq_failure_put_next(struct crq_buf *buf, const char *failure,
        const char *next);

#endif
