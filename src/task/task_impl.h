/* task_impl.h - one run from inside, for the files of src/task only. */
#ifndef CRQ_TASK_TASK_IMPL_H
#define CRQ_TASK_TASK_IMPL_H

#include <crq.h>

#include "task/params.h"
#include "task/perform.h"

/* The class of a failure whose message is for who asked: crq_task_refuse(). */
#define CRQ_REFUSED "crq.Refused"

/** The class and the message of a failure; both NULL: there is none. */
struct crq_failure {
    char *class_name, *message;
};

struct crq_task {
    const struct crq_run *run;
    const struct crq_run_hooks *hooks;
    const crq_task_def *def;         /* NULL: not found, or not yet */
    const struct crq_params *params; /* of def */
    struct crq_bound bound;
    crq_serializer serializer;
    int64_t deadline_us; /* monotonic; INT64_MAX: none */

    /* A callback: what it is called for. */
    crq_event event;
    crq_value *given; /* what the task returned; NULL: None */
    const char *error_class, *error_message, *error; /* borrowed */

    crq_value *result; /* NULL: None */
    struct {           /* max above 0: it asks to be run again */
        int64_t max, *intervals_s;
        size_t intervals;
    } retry;
    struct crq_failure failure; /* what crq_task_fail() was told last */
    struct crq_failure mistake; /* the first one in the arguments */
    bool mistaken;              /* also when there was no memory for it */

    bool meta_tried;
    crq_value *meta; /* a dict once tried, unless it can't be read */
    crq_error meta_problem;
    int64_t progress_us; /* when it was last stored; monotonic */
    bool progress_seen;

    crq_conn *conn; /* borrowed; NULL: not asked for yet */
    size_t logged;  /* bytes of lines so far */
    bool log_full;
};

/** One object serves a run and its callbacks: meta, log and connection stay. */
void crq_task_init(struct crq_task *task, const struct crq_run *run,
        const struct crq_run_hooks *hooks);
void crq_task_fini(struct crq_task *task);
/** The function that is called next, and its time from now on. */
void crq_task_set_def(struct crq_task *task, const crq_task_def *def,
        int64_t timeout_s);
/** The task's own call is over: forget its arguments and what came of it, but
 *  for the result, which is given to on_success. */
void crq_task_end_call(struct crq_task *task);

void crq_failure_fini(struct crq_failure *failure);
/** Replace what is there. CRQ_ENOMEM: there is none then. */
int crq_failure_set(struct crq_failure *failure, const char *class_name,
        const char *format, ...) CRQ_PRINTF(3, 4);

#endif
