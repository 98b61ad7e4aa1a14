/*
 * record.h - the records that crq's workers keep of themselves, as RQ's do.
 * Reading all workers' records: worker.h. Functions work as those of run.h.
 */
#ifndef CRQ_MODEL_RECORD_H
#define CRQ_MODEL_RECORD_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"
#include "redis/script.h"

/** What a record says from birth on; all borrowed. The birth is also what
 *  tells a record from a later one of the same name. */
struct crq_record {
    const char *name;
    int64_t birth_us;
    const char *const *queues;
    size_t queues_count;
    int64_t pid;
    const char *hostname, *ip_address, *version, *python_version;
};

/**
 * Register: crq_script_worker_birth. state is started.
 *
 * ttl_s     EXPIRE of the record: worker_ttl + 60.
 * replaces  NULL, or the `birth` of a record that is known to be of a dead
 *           process (crq_birth_read() gave it): it is taken over.
 */
size_t crq_birth_words(const struct crq_record *record, int64_t ttl_s,
        const char *replaces, int64_t now_us, struct crq_args *out);

/** Who has the name: the live record's own fields, borrowed, "" if absent. */
struct crq_born {
    bool refused; /* there is a live record of that name */
    const char *birth, *hostname, *pid;
};
int crq_birth_read(const crq_reply *reply, struct crq_born *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Leave: crq_script_worker_death. A record with another birth is not
 *  touched. */
size_t crq_death_words(const struct crq_record *record, int64_t now_us,
        struct crq_args *out);

/**
 * What observers see, many records in one call: crq_script_worker_update.
 * Numbers are those since birth, so that a repeated call does no harm.
 */
struct crq_record_update {
    const char *name;
    int64_t birth_us;
    const char *state;       /* "started" "busy" "idle" "suspended" */
    const char *current_job; /* NULL: none */
    double current_job_working_time_s;
    int64_t successful_job_count, failed_job_count;
    double total_working_time_s;
    int64_t shutdown_requested_us; /* CRQ_UNSET: not requested */
    int64_t ttl_s; /* idle: worker_ttl + 60; busy: as the lease */
};
size_t crq_update_start(struct crq_args *out, int64_t now_us);
void crq_update_add(struct crq_args *out,
        const struct crq_record_update *update);
/** Whether record i is still ours; if not it has expired or is another's, and
 *  has to be registered again (crq_birth_words()). */
int crq_update_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;
bool crq_update_kept(const crq_reply *reply, size_t i);

#endif
