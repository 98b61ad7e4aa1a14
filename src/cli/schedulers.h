/* schedulers.h - who schedules, and how much: for crq info. */
#ifndef CRQ_CLI_SCHEDULERS_H
#define CRQ_CLI_SCHEDULERS_H

#include <crq.h>

struct scheduler {
    char *name;    /* of RQ before 2.10 it is the process's number */
    bool leads;    /* crq's schedules */
    int64_t locks; /* queues whose lock of RQ it holds */
};

/* Zero at first, ends with schedulers_fini(). */
struct schedulers {
    struct scheduler *items; /* the leader first */
    size_t count;
    bool led;
    int64_t schedules; /* of crq */
    int64_t periodic;  /* of rq-scheduler */
};

/** Ask in one pipeline, for the locks of these queues. What this user of Redis
 *  may not read counts as not there. */
int schedulers_fetch(crq_conn *conn, char *const *queues, size_t count,
        struct schedulers *out, crq_error *err) CRQ_MUST_CHECK;
void schedulers_fini(struct schedulers *schedulers);

/** A line for each, and one when schedules have nobody to run them. */
void schedulers_print(const struct schedulers *schedulers);

/** A list of {name, leader, locks}; NULL: no memory. */
crq_value *schedulers_value(const struct schedulers *schedulers);

#endif
