/*
 * trigger.h - the triggers of all applications, and the jobs an event makes.
 *
 * Applications leave their triggers in crq:triggers, where whoever leads finds
 * them: a scheduler that was started without a file handles them as well. Each
 * stream has one group, from its beginning on; an event is acknowledged by the
 * step that makes its jobs (sched_event.lua).
 */
#ifndef CRQ_APP_TRIGGER_H
#define CRQ_APP_TRIGGER_H

#include <crq.h>

#include "app/app.h"
#include "redis/args.h"
#include "redis/reply.h"
#include "sched/steps.h"

/* The group and the consumer. Only one process reads at a time; what it read
 * and came no further with is taken up from the group, whoever it was. */
#define CRQ_TRIGGER_GROUP    "crq"
#define CRQ_TRIGGER_CONSUMER "crq"
/* How often an event is tried, and how long between. */
#define CRQ_TRIGGER_TRIES    5
#define CRQ_TRIGGER_RETRY_MS 1000

struct crq_triggers {
    struct crq_app **apps;
    size_t count;
    char **sources;       /* of the apps */
    const char **streams; /* each once; borrowed from the apps */
    size_t stream_count;
};

/**
 * Read what HGETALL crq:triggers has answered. An application that can't be
 * read is told to `mistake` (its name, and why; may be NULL) and left out.
 * CRQ_ENOMEM. To be freed in every case.
 */
int crq_triggers_read(const crq_reply *reply, crq_app_mistake *mistake,
        void *arg, struct crq_triggers *out, crq_error *err) CRQ_MUST_CHECK;
void crq_triggers_fini(struct crq_triggers *triggers);

/** What XREADGROUP and XAUTOCLAIM tell of an event. */
struct crq_stream_event {
    const char *stream, *id;
    const crq_reply *fields; /* names and values; nil: it was deleted */
};

/** From [id, fields]; false: it isn't one. */
bool crq_event_read(const crq_reply *reply, const char *stream,
        struct crq_stream_event *out);

/**
 * The words of crq_script_sched_event: a job for each trigger that the event
 * matches. The number of keys. CRQ_EINVAL: there is none because an argument
 * can't be bound; the text names application and argument. When others have
 * their jobs, the script is told that. CRQ_ENOMEM.
 */
int crq_event_words(const struct crq_scheduler_id *who,
        const struct crq_triggers *triggers,
        const struct crq_stream_event *event, int64_t now_us,
        struct crq_args *out, crq_error *err) CRQ_MUST_CHECK;

struct crq_event_end {
    enum crq_ticked became; /* CRQ_TICK_CHANGED: it waits no more */
    int64_t made, there;
    const char *reason; /* of CRQ_TICK_REFUSED; of CRQ_TICK_DONE, why not all
                           of its triggers have a job; else "" */
};
int crq_event_end_read(const crq_reply *reply, struct crq_event_end *out,
        crq_error *err) CRQ_MUST_CHECK;

/** crq_script_sched_poison. The reply is 1 when it was set aside. */
size_t crq_event_poison_words(const struct crq_scheduler_id *who,
        const struct crq_stream_event *event, const char *why,
        struct crq_args *out);

/** crq_script_sched_streams, and the name of each stream that can be read. */
size_t crq_streams_words(const struct crq_triggers *triggers,
        struct crq_args *out);
/** crq_script_sched_claim, of `count` streams. */
size_t crq_event_claim_words(const struct crq_scheduler_id *who,
        const char *const *streams, size_t count, int64_t limit,
        struct crq_args *out);

#endif
