/*
 * callbacks.h - the worker's part in callbacks.
 *
 * on_success and on_failure are called by the child that ran the task. When
 * that is gone, because the task or on_success took too long or the job was
 * stopped, the worker owes the job a call: the run stays in its slot, its lease
 * goes on, and the slot's next child calls on_failure or on_stopped before the
 * end of the run is written.
 */
#ifndef CRQ_WORKERS_CALLBACKS_H
#define CRQ_WORKERS_CALLBACKS_H

#include "workers/worker.h"

/** What of a claimed job has to be known as long as it runs; NULL for one that
 *  names no callbacks. CRQ_ENOMEM. */
int callbacks_new(const struct crq_claimed_job *job,
        struct callbacks **out) CRQ_MUST_CHECK;
void callbacks_free(struct callbacks *callbacks);
/** Tell the child of them; borrowed as long as the callbacks are there. */
void callbacks_tell(const struct callbacks *callbacks, struct crq_run *run);

/* In on_outcome(), on_died() and on_idle() of a slot, first of all. True: it
 * was about a call that is owed, or now there is one, and nothing else is to
 * be done. */
bool callbacks_on_outcome(struct worker *w, size_t slot,
        const struct crq_outcome *outcome);
bool callbacks_on_died(struct worker *w, size_t slot,
        const struct crq_death *death);
bool callbacks_on_idle(struct worker *w, size_t slot);

/** Whether the run was stopped, and its on_stopped is about to be called. */
bool callbacks_is_stopped(const struct run *run);

/** A dead worker's run that this one has taken over, to call its on_failure:
 *  the next child that is free does. */
void callbacks_adopt(struct worker *w, const struct crq_runref *run);
/** A waiting run is stopped. True: it has an on_stopped, which the next child
 *  that is free calls, and is taken over; false: it has none. */
bool callbacks_stop_waiting(struct worker *w, struct run *run);
/** The worker stops: those that still wait for a child end uncalled. Adopted
 *  ones stay for who takes them over. */
void callbacks_stop(struct worker *w);
void callbacks_fini(struct worker *w);

#endif
