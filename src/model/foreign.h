/*
 * foreign.h - keys of RQ's and crq's that hold another type of value.
 *
 * Somebody else wrote them, by mistake mostly. Who looks at all there is looks
 * past them (crq_conn_look_past_types()), and names them with this.
 */
#ifndef CRQ_MODEL_FOREIGN_H
#define CRQ_MODEL_FOREIGN_H

#include <crq.h>

#include "model/keys.h"

#define CRQ_FOREIGN_MAX 20 /* keys that are told of */

struct crq_foreign {
    char key[CRQ_KEY_MAX];
    char is[16];      /* its type, as Redis names it */
    const char *want; /* the type that it should have */
};

/**
 * Look at the type of every key that there is once, of those of each queue,
 * worker, group and schedule, up to a thousand of each, and of those of a job.
 *
 * job_id  NULL, or what can be no id: of no job.
 * out     room for CRQ_FOREIGN_MAX; *out_count says how many were found.
 *
 * Returns 0, or a failure of the connection, CRQ_ENOMEM.
 */
int crq_foreign_find(crq_conn *conn, const char *job_id,
        struct crq_foreign out[CRQ_FOREIGN_MAX], size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

/** What to do about one. */
#define CRQ_FOREIGN_REMEDY                                                     \
    "find out who writes it, then RENAME or DEL it: until then it counts as "  \
    "empty where it is read, and what has to write to it fails"

#endif
