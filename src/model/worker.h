/* worker.h - the records that workers keep of themselves, for readers. The
 * functions are public: crq.h. */
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
    bool old_rq; /* RQ before 2.0, which loses the runs of others */
};

void crq_worker_fini(struct crq_worker *worker);

#endif
