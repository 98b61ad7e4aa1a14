/*
 * doctor.h - whether jobs are where their status says, and to put them right.
 *
 * Functions ..._words() and ..._read() work as those of run.h.
 */
#ifndef CRQ_MODEL_DOCTOR_H
#define CRQ_MODEL_DOCTOR_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"

enum crq_ailment {
    CRQ_WELL,
    CRQ_LOST,      /* in none of the places that its status names */
    CRQ_ABANDONED, /* started, and no run of it has a lease */
    CRQ_MET,       /* deferred, though what it waits for has ended or is gone */
    CRQ_NEVER,     /* deferred for ever: what it waits for has ended badly */
    CRQ_FOREIGN    /* one of its keys holds another type of value */
};

/**
 * Look at jobs, a hundred a call at most: crq_script_examine. One look can meet
 * a job on its way, between RQ's commands: what counts is a second one. So a
 * job is mended by a call of its own, which names the ailment that was found;
 * nothing happens when it has another one by now, or none.
 *
 * reach  how far to look for an id from both ends of a queue, 0: all of it.
 *        Of a queue that is longer no job is found to be lost.
 * mend   what was found, or CRQ_WELL: only look.
 * about  what was found with it: for the error text of one that fails.
 *
 * A lost job goes back to its queue or registry (a scheduled one cannot: nobody
 * knows when it was due), an abandoned one is retried or fails, one whose
 * dependencies are met is enqueued, and one that waits for ever fails.
 */
size_t crq_examine_start(struct crq_args *out, int64_t now_us, int64_t reach);
int crq_examine_add(struct crq_args *out, const char *id, enum crq_ailment mend,
        const char *about, crq_error *err) CRQ_MUST_CHECK;

struct crq_examined {
    enum crq_ailment ailment;
    const char *about; /* CRQ_NEVER: "<id> <status>" of what it waits for */
    const char *done;  /* "queued" "scheduled" "failed" "registered"; "" */
};
int crq_examine_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;
/** Job i, borrowed from the reply. */
struct crq_examined crq_examined_job(const crq_reply *reply, size_t i);

#endif
