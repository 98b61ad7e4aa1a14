/*
 * worker.h - crq-worker: what its duties share.
 *
 *     dequeue.c    takes jobs, waits when there are none
 *     pace.c       how many are taken before a child is free for them
 *     waiting.c    a run from the claim to its child, or back to its queue
 *     runs.c       a run from its end to the reply of its finish
 *     joblog.c     lines that runs log, kept with their jobs
 *     callbacks.c  callbacks of a run whose child is gone
 *     webhooks.c   what is sent when a job has ended
 *     courier.c    the process that sends it
 *     promote.c    dependents of jobs that ended with very many of them
 *     scheduler.c  the scheduler that it may bring along
 *     heartbeat.c  records, leases, signs of life, dead workers' runs
 *     stats.c      how runs end, counted
 *     janitor.c    maintenance: what time and dead workers leave
 *     listener.c   commands from rq and crq
 *     suspension.c pausing, and going on
 *     strategy.c   the order of queues; the end when there is nothing to do
 *     worker.c     birth, stop, and who is told what
 *
 * The worker never runs a task's code and never blocks. What it owes to Redis
 * goes through crq_async_script(), which survives broken links, so a duty does
 * not handle a lost link: it does its step again when the link is back.
 */
#ifndef CRQ_WORKERS_WORKER_H
#define CRQ_WORKERS_WORKER_H

#include <crq.h>
#include <ev.h>

#include "base/log.h"
#include "exec/async.h"
#include "exec/flush.h"
#include "exec/pool.h"
#include "model/keys.h"
#include "model/run.h"
#include "exec/notify.h"
#include "workers/options.h"
#include "workers/pace.h"

struct callbacks;
struct janitor;
struct child_scheduler;
struct courier;
struct webhooks;
struct worker;
struct joblog;

/** One run, from its claim until the reply to its finish. */
struct run {
    char id[CRQ_NAME_MAX + 1], queue[CRQ_NAME_MAX + 1];
    char execution[CRQ_EXECUTION_ID_LEN + 1];
    size_t slot;         /* until it begins: the one the claim said */
    int64_t timeout_s;   /* -1: none */
    int64_t enqueued_us; /* 0: not known */
    int64_t started_us, ended_us;
    bool resumable;
    bool unbegun; /* goes back: no task code has run */
    bool adopted; /* from a dead worker: only its on_failure is called */
    char *func;   /* NULL: not known yet, or unreadable */
    struct callbacks *callbacks; /* NULL: it names none */
    struct webhooks *webhooks;   /* NULL: it has none */
    struct joblog *log;          /* joblog.c; NULL: it has logged nothing */
    struct crq_cause *cause;     /* stats.c; NULL: it has not failed */
    struct run *next;            /* in its list */
    /* Until its child has them. */
    char *data, *meta;
    size_t data_len, meta_len;
    int64_t retries_left;
    int64_t claimed_us, came_us; /* mono: claim sent, its reply read */
};

/** Runs in the order in which they came. */
struct runs {
    struct run *first, **last;
    size_t count;
};

/** A child's place, and the record that shows it to others. */
struct slot {
    char name[CRQ_NAME_MAX + 1];
    bool idle; /* the pool has a child, and no job is on its way */
    struct run *run;
    int64_t good, bad; /* since birth */
    double busy_s;
    bool registered;
    bool changed;     /* observers have not seen its state yet */
    int64_t asked_us; /* it was busy when the worker was told to stop; or 0 */
};

struct batch;
struct claim;

enum phase {
    WORKING,
    DRAINING, /* no new jobs; running ones end by themselves */
    KILLING,  /* no new jobs; running ones are ended */
    LEAVING   /* nothing runs: records are taken back, then the end */
};

/** A link that waits at one queue. */
struct waiter {
    struct worker *worker;
    struct crq_async *link;
    char key[CRQ_KEY_MAX];
    bool waiting;
    bool passed_over; /* by the last claim: what is there cannot be taken */
};

/** What may go wrong again and again while Redis is away or refuses: said when
 *  it begins and when it is over. */
enum trouble {
    TROUBLE_CLAIM,
    TROUBLE_BEGIN,
    TROUBLE_HAND_BACK,
    TROUBLE_FINISH
};

struct worker {
    const struct options *options;
    const struct crq_clock *clock;
    struct crq_log *log;
    struct ev_loop *loop;
    char stem[CRQ_NAME_MAX + 1]; /* what the records' names begin with */
    /* Who lists the runs in Redis: of this process alone, or a successor of
     * the same name would keep its dead predecessor's runs alive. */
    char lease[CRQ_NAME_MAX + 1];
    char hostname[256];
    int64_t birth_us;

    struct crq_async *link, *ears;
    struct crq_pool *pool;
    struct slot *slots;
    size_t slot_count;

    enum phase phase;
    bool ready;        /* the modules are loaded */
    bool failed;       /* could not start: exit status 1 */
    int64_t started;   /* runs so far, for --max-jobs */
    unsigned troubles; /* a bit for each enum trouble that was said */
    bool met;          /* Redis has been there */
    bool away;         /* the link is down, and that was said */
    crq_error why_away;

    /* dequeue.c */
    struct claim *claiming; /* on its way; NULL: none */
    bool claim_again;
    struct waiter waiters[MAX_QUEUES];
    ev_timer look_again;
    /* waiting.c */
    struct runs waiting;  /* claimed, for whatever child is free first */
    struct runs starting; /* have a child; their begin is not on its way yet */
    struct runs back;     /* to be handed back at the end of the turn */
    struct pace pace;
    ev_timer patience;
    /* runs.c */
    struct runs ended;     /* of the turn, not yet sent */
    size_t finishing;      /* ended, handed back: sent, no reply yet */
    struct batch *batches; /* of all that is sent */
    struct crq_args finish_words;
    size_t finish_nkeys;
    ev_prepare end_of_turn;
    /* joblog.c */
    struct joblog *unkept; /* what has lines that are not sent */
    ev_timer keep;
    bool keep_warned;
    /* promote.c */
    bool promoting; /* a call is on its way; it counts as finishing, too */
    /* heartbeat.c */
    ev_timer beat, alive, observe;
    size_t births, deaths;  /* calls that have no reply yet */
    struct crq_flush stats; /* stats.c */
    bool stats_told;        /* it was said that Redis refuses them */
    /* listener.c */
    bool deaf;          /* it was said that no commands can come */
    bool hears_suspend; /* Redis tells when that changes */
    int ears_step;      /* which reply of its greeting comes next */
    /* suspension.c */
    bool suspended, asking_suspended, ask_suspended_again;
    struct run *adopted; /* callbacks.c: those that owe a call, and wait for a
                            slot */
    struct courier *courier;
    struct janitor *janitor;
    /* strategy.c */
    const char *order[MAX_QUEUES];
    ev_timer idle;
    int64_t busy_us, started_before; /* mono: when there was something to do */
    struct child_scheduler *scheduler; /* NULL: it has none */
    /* worker.c */
    struct notify notify;
    int64_t asked_us; /* mono: when it was first asked to stop; 0: it was not */
    ev_signal sigint, sigterm, sighup;
    ev_timer drain;
};

/* worker.c */
int worker_run(const struct options *options, struct crq_log *log);
int64_t worker_now(const struct worker *w);
/** Stop warmly, or `cold`: at once. */
void worker_stop(struct worker *w, bool cold);
/** Somebody wants it to stop: warmly, and cold when that is wanted `again`, a
 *  second or more after the first time. */
void worker_asked_to_stop(struct worker *w, bool again);
/** Something ended: leave when that was the last. */
void worker_look_at_end(struct worker *w);
/** A slot was registered, or modules were loaded: say so when all are. */
void worker_look_ready(struct worker *w);
/** Redis refused, or cannot be asked: said once, until worker_recovered(). */
void worker_trouble(struct worker *w, enum trouble which, const char *why);
void worker_recovered(struct worker *w, enum trouble which);
/** It cannot go on at all. */
void worker_fail(struct worker *w, const char *format, ...) CRQ_PRINTF(2, 3);

/* dequeue.c */
int dequeue_init(struct worker *w, crq_error *err) CRQ_MUST_CHECK;
void dequeue_fini(struct worker *w);
/** A child became free, the link came up, work may be there: claim. */
void dequeue_kick(struct worker *w);
/** The same in a second, when trying at once would fail again. */
void dequeue_look_soon(struct worker *w);

/* waiting.c */
void waiting_init(struct worker *w);
void waiting_fini(struct worker *w);
/** A claimed job comes in; `run` is taken over, its execution is set. */
void waiting_add(struct worker *w, struct run *run,
        const struct crq_claimed_job *job);
/** Whether the slot's child can take a run. */
bool slot_is_free(const struct worker *w, size_t slot);
/** All that has not got to a child goes back to its queue. */
void waiting_hand_back(struct worker *w);
/** stop-job on a run that waits: it ends as stopped. False: none of that id. */
bool waiting_stop(struct worker *w, const char *id);
/** The run goes back to its queue, at the end of the turn; taken over. */
void run_hand_back(struct worker *w, struct run *run, bool unbegun);
/** The end of a turn: what it handed back is sent, and what can begin does. */
void waiting_send(struct worker *w);

/* runs.c */
void runs_init(struct worker *w);
void runs_fini(struct worker *w);
void on_outcome(void *arg, size_t slot, struct crq_outcome *outcome);
void on_died(void *arg, size_t slot, const struct crq_death *death);
void on_log(void *arg, size_t slot, const char *line, size_t len);
/** Ends a run, in a slot or not, which is taken over. `ref`: its names in
 *  Redis; NULL: the run's own. */
void run_finish(struct worker *w, struct run *run, const struct crq_runref *ref,
        struct crq_finish *how);
void run_fail(struct worker *w, struct run *run, const struct crq_runref *ref,
        const char *text);
/** In the callback of a script: it was refused, and is sent again, unless
 *  nobody waits any more (false). */
bool run_try_again(struct worker *w, enum trouble which, const crq_error *err);
void run_free(struct run *run);
/** What RQ says of such an end, then the evidence. `kind` and `name`: of the
 *  function that was called; `timeout_s` its limit. */
void run_describe_death(const char *kind, const char *name,
        const struct run *run, int64_t timeout_s, const struct crq_death *death,
        struct crq_buf *text);
#define CRQ_TIMEOUT_MESSAGE "Task exceeded maximum timeout value (%lld seconds)"
/** The run of a slot, which is taken out of it: to be finished or handed
 *  back. */
struct run *run_take_out(struct worker *w, size_t slot);
void runs_list_init(struct runs *list);
void runs_push(struct runs *list, struct run *run);
struct run *runs_pop(struct runs *list);
void runs_clear(struct runs *list);

/** Runs that a script was sent for; they are freed with its reply. */
struct batch {
    struct worker *worker;
    struct runs runs;
    struct batch *next, **at; /* in the worker's list */
};
/** Send it. False: no memory, nothing has changed; else `runs` is empty. */
bool batch_send(struct worker *w, struct runs *runs,
        const struct crq_script *script, size_t nkeys, struct crq_args *words,
        crq_async_reply *reply);
/** It was answered, for good. */
void batch_end(struct batch *batch);

/* joblog.c */
void joblog_init(struct worker *w);
void joblog_fini(struct worker *w);
/** The run has logged a line. */
void joblog_add(struct worker *w, struct run *run, const char *line,
        size_t len);
/** Send the run's lines now: its end is about to be sent. */
void joblog_flush(struct worker *w, struct run *run);
/** Drop what is not sent. */
void joblog_free(struct run *run);

/* promote.c */
/** Promote what is left of the dependents of ended jobs, if anything is. */
void promote_go_on(struct worker *w);

/* heartbeat.c */
void heartbeat_init(struct worker *w);
void heartbeat_fini(struct worker *w);
/** The link is up (again): show every slot's record. */
void heartbeat_register(struct worker *w);
/** Take all records back; worker_look_at_end() when that is done. */
void heartbeat_leave(struct worker *w);
/** All of that is done, or as good as that. */
bool heartbeat_has_left(const struct worker *w);
/** Leases may be about to end, or were short from the start: renew them. */
void heartbeat_now(struct worker *w);
/** A claim or a take-over has brought runs: from now on signs of life are owed.
 */
void heartbeat_runs_came(struct worker *w);
/** Observers should see this slot's state soon. */
void heartbeat_changed(struct worker *w, size_t slot);
/** Observers should see soon what has changed. */
void heartbeat_soon(struct worker *w);

/* stats.c */
void stats_init(struct worker *w);
/** The run ends so: keep what it failed of. */
void stats_note_error(struct run *run, const struct crq_finish *how);
/** Its end is stored. */
void stats_ended(struct worker *w, const struct run *run,
        enum crq_finished state);
/** Jobs of a dead worker were ended; queue NULL: of several. */
void stats_abandoned(struct worker *w, const char *queue, int64_t failed,
        int64_t retried);

/* janitor.c */
int janitor_init(struct worker *w, crq_error *err) CRQ_MUST_CHECK;
void janitor_fini(struct worker *w);
/** The link is up: the first round begins, if it has not. */
void janitor_up(struct worker *w);
/** A round is under way: it holds a lock that it has to give back, and may
 *  bring jobs back to their queues. */
bool janitor_is_busy(const struct worker *w);

/* strategy.c */
void strategy_init(struct worker *w);
void strategy_fini(struct worker *w);
/** The queues in the order in which the next claim looks at them; valid until
 *  strategy_took(). */
const char *const *strategy_order(struct worker *w);
/** A job was claimed from this queue. */
void strategy_took(struct worker *w, const char *queue);

/* listener.c */
int listener_init(struct worker *w, crq_error *err) CRQ_MUST_CHECK;
void listener_fini(struct worker *w);

/* suspension.c */
/** Redis has said whether all work is suspended. */
void suspension_set(struct worker *w, bool suspended);
/** It may have changed: ask. */
void suspension_ask(struct worker *w);

#endif
