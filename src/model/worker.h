/* worker.h - the records that workers keep of themselves, for readers. */
#ifndef CRQ_MODEL_WORKER_H
#define CRQ_MODEL_WORKER_H

#include <crq.h>

/** One worker as its record shows it. Texts are "" where there is nothing. */
struct crq_worker {
    char *name, *state, *queues, *hostname, *ip_address, *pid, *current_job,
            *version;
    int64_t birth_us, last_heartbeat_us; /* or CRQ_UNSET */
    int64_t successful_job_count, failed_job_count;
    double total_working_time_s;
};

/** All workers that have a record, sorted by name. */
int crq_workers_fetch(crq_conn *conn, struct crq_worker **out,
        size_t *out_count, crq_error *err) CRQ_MUST_CHECK;
void crq_worker_fini(struct crq_worker *worker);
void crq_workers_free(struct crq_worker *workers, size_t count);

#endif
