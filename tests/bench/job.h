/*
 * job.h - the job that all benches of the client put on queues, as its words
 * on the wire: for subjects that send them without crq.
 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include <crq.h>

#include "base/random.h"
#include "redis/args.h"

#define JOB_QUEUE     "bench"
#define JOB_QUEUE_KEY "rq:queue:" JOB_QUEUE

struct job {
    crq_value *args;        /* [2, 10] */
    crq_call call;          /* builtins.pow(2, 10) */
    struct crq_args fields; /* names and values, as crq_queue_enqueue() wrote
                             * them */
};

/** Make the call; enqueue it once to see what its fields are. */
int job_init(struct job *job, crq_conn *conn, crq_error *err) CRQ_MUST_CHECK;
void job_fini(struct job *job);

/** The value of a field, borrowed; "" when there is none. */
const char *job_field(const struct job *job, const char *name, size_t *out_len);

/** "rq:job:" and a new UUID. */
#define JOB_KEY_LEN (7 + CRQ_UUID_LEN)
void job_new_key(char key[JOB_KEY_LEN + 1]);

/** HSET of a job, SADD of its queue, RPUSH of its id: as RQ's pipeline. */
#define JOB_COMMANDS 3
void job_commands(const struct job *job, struct crq_args out[JOB_COMMANDS]);

#endif
