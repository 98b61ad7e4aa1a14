/* perform_impl.h - one crq_perform() from inside, for perform.c, failure.c and
 * callback.c. */
#ifndef CRQ_TASK_PERFORM_IMPL_H
#define CRQ_TASK_PERFORM_IMPL_H

#include <crq.h>

#include "model/call.h"
#include "task/perform.h"
#include "task/task_impl.h"

/** Everything of one call of crq_perform(). */
struct crq_performance {
    const struct crq_modules *modules;
    const struct crq_run *run;
    const struct crq_run_hooks *hooks;
    const char *name; /* of the function; NULL: it can't be read */
    struct crq_payload payload;
    crq_task task;
    int64_t begun_us;
    struct crq_outcome *out; /* empty until the call has ended */
};

/** Call the function that the task is set to, with these arguments, and make
 *  an outcome of what it says. CRQ_ENOMEM. */
int crq_perform_call(struct crq_performance *p, const crq_value *args,
        const crq_value *kwargs) CRQ_MUST_CHECK;

/* These make the outcome a failure. CRQ_ENOMEM. */
int crq_perform_fail(struct crq_performance *p, const char *class_name,
        const char *message) CRQ_MUST_CHECK;
/** A library's code as a class: CRQ_EREDIS is "crq.EREDIS". */
int crq_perform_fail_code(struct crq_performance *p, int code,
        const char *text) CRQ_MUST_CHECK;
/** No module has p->name. */
int crq_perform_fail_unknown(struct crq_performance *p) CRQ_MUST_CHECK;

/** Call what the job wants called after the outcome that is there now.
 *  CRQ_ENOMEM. */
int crq_perform_callbacks(struct crq_performance *p) CRQ_MUST_CHECK;

#endif
