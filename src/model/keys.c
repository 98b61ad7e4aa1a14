/* keys.c - the table of keys. Source: RQ 2.10, the *_key* members of its
 * classes; those of crq's own begin with crq. Nothing else spells a key. */
#include "model/keys.h"

#include <assert.h>
#include <string.h>

/* '%' stands for a part: a queue, a job id, a worker ... */
static const char *const patterns[CRQ_KEY_COUNT] = {
    [CRQ_KEY_QUEUES] = "rq:queues",
    [CRQ_KEY_QUEUE] = "rq:queue:%",
    [CRQ_KEY_INTERMEDIATE] = "rq:queue:%:intermediate",
    [CRQ_KEY_JOB] = "rq:job:%",
    [CRQ_KEY_JOB_DEPENDENTS] = "rq:job:%:dependents",
    [CRQ_KEY_JOB_DEPENDENCIES] = "rq:job::%:dependencies", /* so in RQ */
    [CRQ_KEY_RESULTS] = "rq:results:%",
    [CRQ_KEY_EXECUTIONS] = "rq:executions:%",
    [CRQ_KEY_EXECUTION] = "rq:execution:%:%",
    [CRQ_KEY_STARTED] = "rq:wip:%",
    [CRQ_KEY_FINISHED] = "rq:finished:%",
    [CRQ_KEY_FAILED] = "rq:failed:%",
    [CRQ_KEY_DEFERRED] = "rq:deferred:%",
    [CRQ_KEY_SCHEDULED] = "rq:scheduled:%",
    [CRQ_KEY_CANCELED] = "rq:canceled:%",
    [CRQ_KEY_WORKERS] = "rq:workers",
    [CRQ_KEY_QUEUE_WORKERS] = "rq:workers:%",
    [CRQ_KEY_WORKER] = "rq:worker:%",
    [CRQ_KEY_PUBSUB] = "rq:pubsub:%",
    [CRQ_KEY_SUSPENDED] = "rq:suspended",
    [CRQ_KEY_CLEANING] = "rq:clean_registries:%",
    [CRQ_KEY_FIRST_SEEN] = "rq:queue:%:intermediate:first_seen:%",
    [CRQ_KEY_GROUPS] = "rq:groups",
    [CRQ_KEY_GROUP] = "rq:group:%",
    [CRQ_KEY_ALIVE] = "crq:alive",
    [CRQ_KEY_RUNS] = "crq:runs:%",
    [CRQ_KEY_LOG] = "crq:log:%",
    /* promote.lua builds these itself, beside CRQ_KEY_ALIVE. */
    [CRQ_KEY_PROMOTING] = "crq:promoting",
    [CRQ_KEY_PROMOTING_REST] = "crq:promoting:%",
    [CRQ_KEY_PROMOTING_FAILED] = "crq:promoting_failed:%",
    [CRQ_KEY_SCHEDULES] = "crq:schedules",
    [CRQ_KEY_SCHEDULE] = "crq:schedule:%",
    [CRQ_KEY_TRIGGERS] = "crq:triggers",
    [CRQ_KEY_LEADER] = "crq:scheduler:leader",
    [CRQ_KEY_WANTED] = "crq:scheduler:wanted",
    [CRQ_KEY_QUARANTINE] = "crq:scheduler:quarantine",
    [CRQ_KEY_APP] = "crq:app:%",
    [CRQ_KEY_IDEMPOTENCY] = "crq:idempotency:%",
    [CRQ_KEY_WAKE] = "crq:scheduler:wake",
    [CRQ_KEY_REPLY] = "crq:reply:%",
    [CRQ_KEY_SOCKETS] = "crq:web:sockets",
    [CRQ_KEY_STATS] = "crq:stats:queue:%",
    [CRQ_KEY_STATS_MINUTE] = "crq:stats:minute:%:%",
    [CRQ_KEY_STATS_SEEN] = "crq:stats:seen:%",
    [CRQ_KEY_FAILURES] = "crq:failures",
    [CRQ_KEY_FAILURE_COUNTS] = "crq:failures:counts",
    [CRQ_KEY_FAILURE_SAMPLES] = "crq:failures:samples",
    [CRQ_KEY_SCHEDULER_LOCK] = "rq:scheduler-lock:%",
    [CRQ_KEY_SCHEDULER] = "rq:scheduler:%",
    [CRQ_KEY_PERIODIC] = "rq:scheduler:scheduled_jobs",
    [CRQ_KEY_PERIODIC_LOCK] = "rq:scheduler_lock",
    [CRQ_KEY_PERIODIC_PROCESS] = "rq:scheduler_instance:%",
    [CRQ_KEY_CRON_SCHEDULERS] = "rq:cron_schedulers",
    [CRQ_KEY_CRON_SCHEDULER] = "rq:cron_scheduler:%",
};

const char *crq_key_pattern(enum crq_key key)
{
    return patterns[key];
}

size_t crq_key2(char out[CRQ_KEY_MAX], enum crq_key key, const char *part,
        const char *part2)
{
    char *at = out;

    for (const char *p = patterns[key]; *p != '\0'; p++) {
        size_t len;

        if (*p != '%') {
            *at++ = *p;
            continue;
        }
        len = strlen(part);
        assert(len <= CRQ_NAME_MAX);
        memcpy(at, part, len);
        at += len;
        part = part2;
    }
    *at = '\0';
    return (size_t)(at - out);
}

static const char *after(const char *key, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(key, prefix, len) == 0 && key[len] != '\0' ? key + len
                                                              : NULL;
}

const char *crq_key_queue_name(const char *key)
{
    return after(key, "rq:queue:");
}

const char *crq_key_worker_name(const char *key)
{
    return after(key, "rq:worker:");
}

const char *crq_key_pubsub_name(const char *channel)
{
    return after(channel, "rq:pubsub:");
}
