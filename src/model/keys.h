/*
 * keys.h - every key of Redis that crq reads or writes, in one table.
 */
#ifndef CRQ_MODEL_KEYS_H
#define CRQ_MODEL_KEYS_H

#include <stddef.h>

/* Names of queues and workers, and job ids, are at most so long. */
#define CRQ_NAME_MAX 400
#define CRQ_KEY_MAX  (2 * CRQ_NAME_MAX + 64)

enum crq_key {
    CRQ_KEY_QUEUES,           /* set of keys of queues */
    CRQ_KEY_QUEUE,            /* list of ids: queue name */
    CRQ_KEY_INTERMEDIATE,     /* list of ids being started: queue name */
    CRQ_KEY_JOB,              /* hash: id */
    CRQ_KEY_JOB_DEPENDENTS,   /* set of ids: id */
    CRQ_KEY_JOB_DEPENDENCIES, /* set of ids: id */
    CRQ_KEY_RESULTS,          /* stream: id */
    CRQ_KEY_EXECUTIONS,       /* zset of execution ids: id */
    CRQ_KEY_EXECUTION,        /* hash: id, execution id */
    CRQ_KEY_STARTED,          /* zset of <id>:<execution>: queue name */
    CRQ_KEY_FINISHED,         /* zset of ids: queue name */
    CRQ_KEY_FAILED,           /* zset of ids: queue name */
    CRQ_KEY_DEFERRED,         /* zset of ids: queue name */
    CRQ_KEY_SCHEDULED,        /* zset of ids: queue name */
    CRQ_KEY_CANCELED,         /* zset of ids: queue name */
    CRQ_KEY_WORKERS,          /* set of keys of workers */
    CRQ_KEY_QUEUE_WORKERS,    /* the same, of one queue: queue name */
    CRQ_KEY_WORKER,           /* hash: worker name */
    CRQ_KEY_PUBSUB,           /* channel of commands: worker name */
    CRQ_KEY_SUSPENDED,        /* string: exists while workers pause */
    CRQ_KEY_CLEANING,         /* string: maintenance's lock: queue name */
    CRQ_KEY_FIRST_SEEN,       /* string, unix time: queue name, id */
    CRQ_KEY_GROUPS,           /* set of names of groups */
    CRQ_KEY_GROUP,            /* set of ids: name of the group */
    CRQ_KEY_ALIVE,            /* crq: zset of stems by end of life */
    CRQ_KEY_RUNS,             /* crq: hash, a worker's runs: stem */
    CRQ_KEY_LOG,              /* crq: stream of lines that runs log: id */
    CRQ_KEY_PROMOTING,        /* crq: hash of ended jobs by id, with their
                               * status and queue: see promote.lua */
    CRQ_KEY_PROMOTING_REST,   /* crq: set of dependents left: id */
    CRQ_KEY_PROMOTING_FAILED, /* crq: set of those who came since: id */
    CRQ_KEY_SCHEDULES,        /* crq: zset of ids of schedules by next slot */
    CRQ_KEY_SCHEDULE,         /* crq: hash: id of a schedule */
    CRQ_KEY_TRIGGERS,         /* crq: hash, triggers: name of application */
    CRQ_KEY_LEADER,           /* crq: string, the leading scheduler's token */
    CRQ_KEY_WANTED,           /* crq: zset of queues of schedulers that wait:
                               * until when */
    CRQ_KEY_QUARANTINE,       /* crq: hash, what no scheduler can read: why */
    CRQ_KEY_APP,              /* crq: hash, options: an application */
    CRQ_KEY_IDEMPOTENCY,      /* crq: string, what a key was used for: digest */
    CRQ_KEY_WAKE,             /* crq: channel, when something becomes due */
    CRQ_KEY_REPLY,            /* crq: channel, ends of jobs: who waits */
    CRQ_KEY_SOCKETS,          /* crq: channel, sockets that are opened */
    CRQ_KEY_STATS,            /* crq: hash, counts since ever: queue; "": all */
    CRQ_KEY_STATS_MINUTE,     /* crq: hash, the same: unix minute, queue */
    CRQ_KEY_STATS_SEEN,       /* crq: string, a process's last call: its name */
    CRQ_KEY_FAILURES,         /* crq: zset of causes by when they were met */
    CRQ_KEY_FAILURE_COUNTS,   /* crq: hash, how often: by cause */
    CRQ_KEY_FAILURE_SAMPLES,  /* crq: hash, the last job, as JSON: by cause */
    CRQ_KEY_SCHEDULER_LOCK,   /* string, RQ's scheduler: queue name */
    CRQ_KEY_SCHEDULER,        /* hash, RQ's scheduler: its name */
    CRQ_KEY_PERIODIC,         /* rq-scheduler: zset of ids by due time */
    CRQ_KEY_PERIODIC_LOCK,    /* rq-scheduler: string, a round's lock */
    CRQ_KEY_PERIODIC_PROCESS, /* rq-scheduler: hash: a process's name */
    CRQ_KEY_CRON_SCHEDULERS,  /* rq cron: zset of names by heartbeat */
    CRQ_KEY_CRON_SCHEDULER,   /* rq cron: hash: its name */
    CRQ_KEY_COUNT
};

/**
 * Build a key. Parts beyond what the key takes are ignored and may be NULL;
 * none may be longer than CRQ_NAME_MAX. Returns the length.
 */
size_t crq_key2(char out[CRQ_KEY_MAX], enum crq_key key, const char *part,
        const char *part2);

static inline size_t crq_key(char out[CRQ_KEY_MAX], enum crq_key key,
        const char *part)
{
    return crq_key2(out, key, part, NULL);
}

/** The form of a key for scripts that find its parts themselves: each is a
 *  '%'. */
const char *crq_key_pattern(enum crq_key key);

/** The queue's name in a key of the form "rq:queue:<name>", or NULL. */
const char *crq_key_queue_name(const char *key);
/** The worker's name in "rq:worker:<name>", or NULL. */
const char *crq_key_worker_name(const char *key);
/** The worker's name in "rq:pubsub:<name>", or NULL. */
const char *crq_key_pubsub_name(const char *channel);

#endif
