/* relations.h - the jobs that a job waits on, and those that wait on it. */
#ifndef CRQ_MODEL_RELATIONS_H
#define CRQ_MODEL_RELATIONS_H

#include <crq.h>

struct crq_relation {
    char *id;
    char *status; /* "" when there is no such job */
};

/* Zero at first, ends with crq_relations_fini(). */
struct crq_relations {
    struct crq_relation *waits_on; /* in the order of the job's own list */
    size_t waits_on_count;
    char **dependents; /* ids, sorted */
    size_t dependents_count;
};

/** Fetch both. `out` needs its end also after a failure. */
int crq_relations_fetch(crq_conn *conn, crq_job *job, struct crq_relations *out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_relations_fini(struct crq_relations *relations);

/** `waits_on` as a list of {id, status}, `dependents` as one of ids: NULL when
 *  there is no memory, else the caller's. */
crq_value *crq_relations_waits_on(const struct crq_relations *relations);
crq_value *crq_relations_dependents(const struct crq_relations *relations);

#endif
