/* relations.h - the jobs that a job waits on, and those that wait on it. */
#ifndef CRQ_CLI_RELATIONS_H
#define CRQ_CLI_RELATIONS_H

#include <crq.h>

struct relation {
    char *id;
    char *status; /* "" when there is no such job */
};

struct relations {
    struct relation *waits_on; /* as the job names them, with their status */
    size_t waits_on_count;
    char **dependents; /* ids, sorted */
    size_t dependents_count;
};

/** Fill `out`, which is zero before and freed by the caller in every case. */
int relations_fetch(crq_conn *conn, crq_job *job, struct relations *out,
        crq_error *err) CRQ_MUST_CHECK;
void relations_fini(struct relations *relations);

/** "waits on" and "needed by", each in a row when there is anybody. */
void relations_print(const struct relations *relations);

/** The ids of the dependents as a list; NULL: no memory. */
crq_value *relations_dependents(const struct relations *relations);

#endif
