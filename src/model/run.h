/*
 * run.h - a run's way through Redis: claimed, begun, kept alive, ended.
 *
 * Each step is one script that is safe to repeat. A function ..._words() puts
 * the words of its call into `out` and returns how many of them are keys; a
 * function ..._read() says what the reply means. So the same step goes
 * through crq_script_call() in a test and through the worker's own link:
 *
 *     nkeys = crq_claim_words(&claim, &args);
 *     rc = crq_script_call(conn, &crq_script_claim, nkeys, &args, &reply, err);
 *     if (rc == 0)
 *         rc = crq_claim_read(reply, &claimed, err);
 *
 * ..._words() empties `out` first and cannot fail itself: a failed put shows
 * in crq_args_check(). Steps that take several runs start with ..._start(),
 * then take one ..._add() for each, and answer in the same order.
 *
 * A run has a fence: "<id>:<execution>" in rq:wip:<queue>, and the job's hash.
 * A step whose run has lost its fence removes what is left of that execution
 * and nothing else, and says CRQ_RUN_LOST: the child that runs it, if any, has
 * to be killed, because the job is another's, or nobody's.
 *
 * Times are the worker's clock, in microseconds since 1970.
 * Worker records and liveness: record.h and lease.h.
 */
#ifndef CRQ_MODEL_RUN_H
#define CRQ_MODEL_RUN_H

#include <crq.h>

#include "base/buf.h"
#include "model/fields.h"
#include "redis/args.h"
#include "redis/reply.h"
#include "redis/script.h"

#define CRQ_EXECUTION_ID_LEN 32 /* uuid4 as hex digits, without dashes */

#define CRQ_DEFAULT_RESULT_TTL_S  500      /* rq/defaults.py */
#define CRQ_DEFAULT_FAILURE_TTL_S 31536000 /* a year */

/** A run by its names, all borrowed. `queue` as the claim gave it. */
struct crq_runref {
    const char *queue, *id, *execution;
};

/** How far a claimed job is: the field `crq` of its execution's hash. */
enum crq_mark {
    CRQ_MARK_WAITING,        /* claimed; the task function has not been called,
                              * so anybody may put it back */
    CRQ_MARK_BEGUN,          /* it may have been: run again only as a retry */
    CRQ_MARK_BEGUN_RESUMABLE /* it may, and it may simply be run again */
};

/* ------------------------------------------------------------------ claim */

/** A place for one job. */
struct crq_claim_slot {
    const char *execution; /* a new id: crq_execution_id() */
    const char *worker;    /* the record that will run it: worker_name */
};

struct crq_claim {
    const char *stem;          /* who lists the runs: crq:runs:<stem>; this
                                * process and no other one, see lease.h */
    const char *const *queues; /* names, tried in this order */
    size_t queues_count;
    const struct crq_claim_slot *slots; /* used from the first on */
    size_t slots_count;
    int64_t look;       /* ids looked at in all, at least slots_count */
    int64_t interval_s; /* of monitoring, 30 in RQ: see below */
    int64_t now_us;
};

/** A new execution id. */
void crq_execution_id(char out[CRQ_EXECUTION_ID_LEN + 1]);

/**
 * Take jobs from queues: crq_script_claim.
 *
 * Up to slots_count jobs leave their queues, and in the same step each is
 * started, in rq:wip:<queue>, with its execution, its stem's list of runs and
 * the stem's sign of life (as crq_alive does). Its lease lasts min(timeout,
 * interval_s) + 60 seconds, without a timeout interval_s + 60.
 * Nothing is taken while rq:suspended exists.
 *
 * Ids are dropped from the queue, and counted, when they have no hash or no
 * data in it, are canceled, or run already.
 *
 * Repeated with the same execution ids, it answers with the runs that it has
 * started before, and takes no others.
 */
size_t crq_claim_words(const struct crq_claim *claim, struct crq_args *out);

/** One job that was claimed; borrowed from the reply. */
struct crq_claimed_job {
    size_t slot;           /* index into claim->slots */
    struct crq_runref run; /* queue: the job's origin, where it is started */
    const crq_reply *hash; /* as HGETALL, from before the claim */
};

struct crq_claimed {
    bool suspended;
    bool more; /* stopped by `look` or large jobs: there may be more behind */
    int64_t missing, canceled, running; /* ids dropped, by reason */
    const crq_reply *jobs;
    size_t count;
    const crq_reply *passed_over; /* queues: crq_claim_passed_over() */
    size_t passed_over_count;
};

/** CRQ_ECODEC for a reply that isn't the script's. */
int crq_claim_read(const crq_reply *reply, struct crq_claimed *out,
        crq_error *err) CRQ_MUST_CHECK;
/** Job i < claimed->count. */
int crq_claim_job(const struct crq_claimed *claimed, size_t i,
        struct crq_claimed_job *out, crq_error *err) CRQ_MUST_CHECK;
/** Queue i < claimed->passed_over_count: a key of a foreign type stands in the
 *  way, its own or one of the job at its front. */
const char *crq_claim_passed_over(const struct crq_claimed *claimed, size_t i,
        const char **out_why);

/** A field of the job by its name, NULL where it has none; '\0' behind.
 *  out_len may be NULL. (crq_fields_decode(job->hash) gives all, copied.) */
const char *crq_claimed_field(const struct crq_claimed_job *job,
        const char *name, size_t *out_len);
/** A field that is a whole number, else `otherwise`. */
int64_t crq_claimed_number(const struct crq_claimed_job *job,
        enum crq_field field, int64_t otherwise);

/* -------------------------------------------- begin, heartbeat, hand back */

/** What became of one run in a step. */
enum crq_run_state {
    CRQ_RUN_LOST,   /* no fence any more, what was left of it is removed */
    CRQ_RUN_KEPT,   /* done as asked */
    CRQ_RUN_BEGUN,  /* hand back only: begun and not resumable, so left alone */
    CRQ_RUN_REFUSED /* a key of a foreign type; nothing was written */
};

/**
 * Mark runs as begun, before their frames are sent: crq_script_begin.
 * Writes the mark, started_at and the record that runs it, which may be
 * another one than the claim said, and renews the lease. Also for a run that
 * is begun already and turns out to be resumable.
 */
size_t crq_begin_start(struct crq_args *out, int64_t interval_s,
        int64_t now_us);
void crq_begin_add(struct crq_args *out, const char *stem,
        const struct crq_runref *run, const char *worker, enum crq_mark mark);

/**
 * Renew the leases of runs: crq_script_heartbeat.
 * ttl_s is min(time the run has left, interval) + 60, as in RQ; without a
 * limit interval + 60. A deleted job stays deleted. The run of a canceled one
 * goes on, though its fence is gone: RQ's cancel takes that away.
 */
size_t crq_heartbeat_start(struct crq_args *out, int64_t now_us);
void crq_heartbeat_add(struct crq_args *out, const char *stem,
        const struct crq_runref *run, int64_t ttl_s);

/**
 * Put claimed jobs back to the front of their queues: crq_script_hand_back.
 * Runs are added in the order they were claimed, and so stand in the queue
 * again. What the claim set is cleared, and a ttl that it took away is given
 * back. Waiting runs, and resumable ones whose child is dead.
 */
size_t crq_hand_back_start(struct crq_args *out);
void crq_hand_back_add(struct crq_args *out, const char *stem,
        const struct crq_runref *run);
/** The same for a run that is marked as begun and has not: its child died
 * before it called the function. */
void crq_hand_back_add_unbegun(struct crq_args *out, const char *stem,
        const struct crq_runref *run);

/** The replies of these three: how many runs, and what became of run i. */
int crq_runs_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;
enum crq_run_state crq_runs_state(const crq_reply *reply, size_t i);
/** Why run i was refused; "": it was not. Valid as long as the reply. */
const char *crq_runs_why(const crq_reply *reply, size_t i);

/* ----------------------------------------------------------------- finish */

enum crq_ending {
    CRQ_ENDING_SUCCESS,  /* `value` */
    CRQ_ENDING_FAILURE,  /* `error`; retried when the job has retries left */
    CRQ_ENDING_RETRY,    /* the task returned Retry: `value`, retry_max ... */
    CRQ_ENDING_STOPPED,  /* stop-job: `error`, never retried */
    CRQ_ENDING_ABANDONED /* as FAILURE, of a run that was adopted: lease.h */
};

/** How a run ended; all borrowed. */
struct crq_finish {
    struct crq_runref run;
    const char *stem;
    const char *worker; /* the record that ran it */
    enum crq_ending ending;
    int64_t ended_us;
    const void *value; /* serialized; NULL: None */
    size_t value_len;
    const char *error; /* text, UTF-8 */
    size_t error_len;
    int64_t retry_max; /* of the Retry */
    const int64_t *retry_intervals_s;
    size_t retry_intervals;
};

/**
 * End runs: crq_script_finish. For each, in one step: the fence, status and
 * times, result entry, registries, TTLs, dependents, retry or repetition, the
 * execution removed; and the outcome published to the channel in the job's
 * field crq_reply when it ended for good, as JSON: id, status, and
 * return_value or exc_string as in a result entry. meta is never written.
 *
 * result_ttl_s  the worker's, for jobs without one.
 */
size_t crq_finish_start(struct crq_args *out, int64_t result_ttl_s,
        int64_t now_us);
/** CRQ_ENOMEM, CRQ_ELIMIT; then `out` is as before. */
int crq_finish_add(struct crq_args *out, const struct crq_finish *finish,
        crq_error *err) CRQ_MUST_CHECK;

/** What became of the job. When Redis takes no writes at all (read-only, no
 *  replicas, ...) the call fails with CRQ_EREDIS instead, to be repeated. */
enum crq_finished {
    CRQ_FINISHED_LOST,   /* no fence: nothing was written. Also what the
                          * second of two same calls says */
    CRQ_FINISHED_OK,     /* finished, or to be repeated */
    CRQ_FINISHED_FAILED, /* for good */
    CRQ_FINISHED_STOPPED,
    CRQ_FINISHED_QUEUED,    /* a retry, at once */
    CRQ_FINISHED_SCHEDULED, /* a retry, later */
    CRQ_FINISHED_CANCELED,  /* while it ran: stays so, has a result */
    CRQ_FINISHED_REFUSED    /* Redis can't: a key holds a foreign type. Of
                             * this run nothing was written */
};
int crq_finish_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;
/** out_text: for CRQ_FINISHED_REFUSED the reason, else NULL; may be NULL. */
enum crq_finished crq_finish_state(const crq_reply *reply, size_t i,
        const char **out_text);

/** Whether dependents are left to be promoted: crq_promote_rest_words(). */
bool crq_finish_promotes(const crq_reply *reply, size_t count);

/** Append an error text as a result entry has it: base64 of its zlib form. */
int crq_run_error_text(const char *text, size_t len, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** The error text of a run whose child died: RQ's own sentence, with the raw
 *  wait status. Evidence goes behind it. */
int crq_horse_died_text(int wait_status, struct crq_buf *out);
#define CRQ_STOPPED_TEXT "Job stopped by user, work-horse terminated."

#endif
