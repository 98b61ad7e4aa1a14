/*
 * scheduler.h - crq-scheduler: what its duties share.
 *
 *     scheduler.c  birth, leading, sleeping until something is due, the end
 *     schedules.c  crq's own schedules
 *     rq.c         RQ's scheduled jobs
 *     periodic.c   rq-scheduler's entries
 *     triggers.c   events of streams
 *     declare.c    the files of the command line
 *     alarm.c      the timer that ends the sleep
 *
 * The first three are duties. A duty is a round: it is begun when its first
 * entry is due, sends scripts, and says when the last of them has been
 * answered. One round of a duty runs at a time, and takes so many entries: when
 * more are due the next one is begun behind it.
 */
#ifndef CRQ_SCHEDULER_SCHEDULER_H
#define CRQ_SCHEDULER_SCHEDULER_H

#include <crq.h>
#include <ev.h>

#include "app/app.h"
#include "app/trigger.h"
#include "base/log.h"
#include "exec/async.h"
#include "exec/flush.h"
#include "exec/notify.h"
#include "scheduler/alarm.h"
#include "scheduler/options.h"
#include "sched/steps.h"

enum duty { SCHEDULES, RQ_JOBS, PERIODIC, DUTIES };

struct round {
    int64_t due_us;   /* of the first entry; CRQ_UNSET: there is none */
    int64_t began_us; /* when that of the round that runs was due, at most */
    size_t pending;   /* scripts without an answer; > 0: a round runs */
    bool progress;    /* it has changed something */
    bool more;        /* it has left some that are due */
    int pages;        /* of entries that it reads, all at once */
};

struct triggers {
    char version[24]; /* of what is in `all`; "": nothing is, or it is stale */
    struct crq_triggers all;
    const char **readable; /* streams, borrowed from `all` */
    size_t readable_count;
    struct crq_async *reader; /* NULL: nothing is read */
    bool fetching, reading, claiming;
    bool unsettled; /* events may wait that nobody is at work on */
    bool drained;   /* the last read found nothing */
    int beats;      /* since they were looked for */
    size_t events;  /* scripts about events without an answer */
    size_t pending; /* all that has no answer */
};

/* A file of the command line. */
struct declared {
    const char *path;
    bool cron;    /* a cron file, and not an app.json */
    char *source; /* its name in Redis */
    struct crq_app *app;
    bool refused; /* Redis did not take all of it */
    bool told;    /* that has been logged */
};

struct scheduler {
    const struct options *options;
    const struct crq_clock *clock;
    struct crq_log *log;
    struct ev_loop *loop;
    struct crq_scheduler_id id;
    char hostname[256];

    struct crq_async *link, *ears;
    bool met;    /* Redis has been there */
    bool failed; /* a burst that Redis was not there for */
    bool leaving;
    bool leads, told; /* the last beat's answer; whether it has been logged */
    bool beating, beat_again;
    char **queues; /* whose lock is held */
    size_t queue_count;
    size_t rq_turn; /* of which queue jobs are taken first */
    struct round rounds[DUTIES];
    struct triggers triggers;
    struct declared declared[MAX_FILES];
    size_t declared_count;
    bool has_declared;
    size_t declaring; /* steps without an answer */
    bool read_again;  /* the files, when there are none */

    struct crq_flush stats; /* how late rounds were */
    struct alarm due;
    ev_timer beat, patience;
    ev_signal sigint, sigterm, sighup;
    struct notify notify;
};

/* scheduler.c */
int scheduler_run(const struct options *options, struct crq_log *log);
int64_t scheduler_now(const struct scheduler *s);
/** Send a script for a round. False: memory is out, there will be no reply. */
bool round_send(struct scheduler *s, enum duty duty,
        const struct crq_script *script, size_t nkeys, struct crq_args *words,
        crq_async_reply *reply, void *arg);
/** An entry of the round that runs was due at that time. */
void round_was_due(struct scheduler *s, enum duty duty, int64_t due_us);
/** In a script's callback, as the last thing: it has been answered. */
void round_answered(struct scheduler *s, enum duty duty);
/** Another leads now. */
void scheduler_follow(struct scheduler *s);
/** Something has ended, as the last thing in a callback: perhaps all has. */
void scheduler_settled(struct scheduler *s);

/* schedules.c */
void schedules_begin(struct scheduler *s);

/* rq.c */
void rq_begin(struct scheduler *s);

/* periodic.c */
void periodic_begin(struct scheduler *s);

/* triggers.c */
/** A beat was answered, or Redis is gone. Not from a callback of its reader. */
void triggers_beat(struct scheduler *s, const char *version);
bool triggers_are_busy(const struct scheduler *s);
void triggers_end(struct scheduler *s);

/* declare.c */
/** Read the files; what is wrong is logged. Below 0: something is. */
int declare_read(struct scheduler *s);
/** Once the link is up: tell Redis, the first time. */
void declare_all(struct scheduler *s);
/** Once in a while: tell Redis again what it has refused. */
void declare_refused(struct scheduler *s);
/** Read the files again, and tell Redis what has become of those that are
 *  good. */
void declare_again(struct scheduler *s);
void declare_free(struct scheduler *s);

#endif
