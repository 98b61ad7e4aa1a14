/*
 * pool.h - the worker's side of its children: N slots that each run one job.
 *
 * The pool starts the fork server (server.h), keeps a warm child in every
 * slot, sends it runs and says how each ended. It hides sockets, frames and
 * processes. What it decides (when a child is replaced, how a run that takes
 * too long is ended) it decides by itself; what a run means is the worker's.
 *
 * How a run goes:
 *
 *     on_idle(slot) ── crq_pool_run() ──▶ on_log() ... ──▶ on_outcome()
 *                                                      └─▶ or on_died()
 *
 * Exactly one of on_outcome() and on_died() follows every crq_pool_run() that
 * returned 0, and nothing of the run is alive when it does. A run whose end
 * was begun (deadline, memory, crq_pool_end()) ends in on_died(), also when
 * its outcome comes after all. on_idle() follows in the same or a later turn,
 * except while the pool closes.
 *
 * Rules:
 *  - The loop is the default loop: the pool needs its SIGCHLD. crq_pool_new()
 *    makes the process a child subreaper, and while a fork server is dead it
 *    kills every child process that keep_child() does not claim: what the
 *    server's children left behind ends up with this process.
 *  - Callbacks come from the loop only, never from inside a function of the
 *    pool. They may call every function here but crq_pool_free().
 *  - SIGPIPE must be ignored.
 *  - No function here blocks.
 */
#ifndef CRQ_EXEC_POOL_H
#define CRQ_EXEC_POOL_H

#include <crq.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/log.h"
#include "task/perform.h"

struct ev_loop;
struct crq_pool;

/** A task as the fork server reports it: crq_task_def without the function. */
struct crq_pool_task {
    char *name, *params;
    int64_t timeout_s, memory_mib, cpu_s;
    bool resumable, callback;
};

/** Why the pool ended a run, or that it did not. */
enum crq_end {
    CRQ_END_NONE,       /* it died by itself, or somebody else killed it */
    CRQ_END_TIMEOUT,    /* the deadline passed */
    CRQ_END_MEMORY,     /* it and its descendants took more than they may */
    CRQ_END_CPU,        /* the same of CPU time */
    CRQ_END_STOPPED,    /* stop-job */
    CRQ_END_KILLED,     /* kill-horse */
    CRQ_END_LEASE_LOST, /* the execution is gone from Redis */
    CRQ_END_SHUTDOWN,   /* the worker stops */
    CRQ_END_PROTOCOL,   /* it sent what is no frame */
    CRQ_END_SERVER      /* the fork server died, and its children with it */
};

/** The word for it: "timeout". */
const char *crq_end_name(enum crq_end end);

/** How a child died in the middle of a run: the evidence. */
struct crq_death {
    enum crq_end end;
    /* The task had ended, and it died in this callback of it. Then `failure`
     * is what the job had failed with before; "": it had not. */
    crq_event during;
    const char *failure;
    bool began; /* the child had taken the run up; when false no task code has
                   run, and the job may go back to its queue */
    pid_t pid;  /* 0: no child could be made */
    bool has_status; /* wait_status is known; not always after END_SERVER */
    int wait_status; /* as from waitpid() */
    bool oom;        /* the kernel killed it for lack of memory */
    int64_t user_us, system_us; /* CPU time of the child's whole life */
    int64_t peak_kib;   /* largest memory seen, of the child or of its tree */
    int64_t ran_us;     /* since the run began */
    const char *output; /* the last 4 KiB it wrote to stderr and stdout in
                           this run; never NULL, ends in '\0' */
    size_t output_len;
    const char *backtrace; /* one line per frame; "": none */
};

/** "SIGSEGV", or "signal 77". */
const char *crq_signal_name(int number, char space[16]);

/**
 * The evidence as text for people: one line of what happened, then CPU and
 * memory, then the backtrace and the output where there are any. For the error
 * text of the job, behind RQ's own sentence. Returns buf->rc.
 */
int crq_death_text(const struct crq_death *death, struct crq_buf *buf);

/** Which calls tell the worker. All must be given. */
struct crq_pool_events {
    /* The modules are loaded, at the start and after a reload; the tasks are
     * the pool's and stay until the next on_ready(). */
    void (*on_ready)(void *arg, const struct crq_pool_task *tasks,
            size_t count);
    /* They cannot be. At the start: no run will ever begin, the pool is to be
     * closed. At a reload: everything stays as it was. */
    void (*on_refused)(void *arg, const char *why);
    /* The slot can take a run. */
    void (*on_idle)(void *arg, size_t slot);
    /* The run logged a line; no line break at its end. */
    void (*on_log)(void *arg, size_t slot, const char *line, size_t len);
    /* The run ended; what it left behind is gone. `outcome` is the pool's and
     * freed after the call; take texts over by setting them to NULL. */
    void (*on_outcome)(void *arg, size_t slot, struct crq_outcome *outcome);
    /* The child died with the run; nothing of it is left. */
    void (*on_died)(void *arg, size_t slot, const struct crq_death *death);
    /* A fork server died unasked, and its children with it. The pool starts
     * another one by itself; on_died() comes for every run. */
    void (*on_server_died)(void *arg, pid_t pid, int wait_status);
    /* After crq_pool_close(): no process is left. */
    void (*on_closed)(void *arg);
};

/** All borrowed; the texts for the time of crq_pool_new() only. */
struct crq_pool_options {
    size_t slots;               /* 1 or more */
    const char *url;            /* Redis, for tasks; NULL: they get none */
    const char *const *modules; /* names or paths, see crq_modules_load() */
    size_t module_count;
    const char *exe;       /* program to exec as server; NULL: this program. Its
                              main() must begin as server.h says */
    int64_t kill_grace_ms; /* between SIGTERM and SIGKILL; 0: 1000 */
    int64_t max_jobs_per_child;   /* 0: no limit */
    int64_t max_child_memory_mib; /* of a run's process tree; a child that has
                                     grown beyond it is replaced. 0: none */
    const struct crq_log *log;    /* for what has no callback; NULL: none */
    /* Whether a child process of this process is somebody else's, and not to
     * be killed with what a dead server left. NULL: there are no others. */
    bool (*keep_child)(void *arg, pid_t pid);
};

/**
 * Start the first server. Its children follow when it has loaded the modules.
 * `events` and `arg` are borrowed until crq_pool_free(). CRQ_EINVAL, CRQ_EIO
 * (no process or socket to be had), CRQ_ENOMEM.
 */
int crq_pool_new(struct ev_loop *loop, const struct crq_pool_options *options,
        const struct crq_pool_events *events, void *arg, struct crq_pool **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Let go of everything. Children that still live are killed by their server,
 *  which sees the end of its socket. Not from a callback. */
void crq_pool_free(struct crq_pool *pool);

/** One run: what the child needs, and the limits of its task. */
struct crq_pool_run {
    struct crq_run run; /* timeout_s: the deadline from now on; -1: none. When
                           a callback of it begins, that has its own time */
    /* Hard limits, 0: none. With one the run gets a fresh child of its own,
     * so that it begins a few milliseconds later. */
    int64_t memory_mib, cpu_s;
    /* Instead of the job, a callback of it alone; its time is here. */
    const struct crq_callback_call *call_back; /* NULL: the job */
};

/**
 * Run a job in an idle slot. Everything in `run` is copied.
 * CRQ_ESTATE: the slot is not idle, or the pool closes. CRQ_ELIMIT: more bytes
 * than fit a frame. CRQ_ENOMEM. Nothing has happened then.
 */
int crq_pool_run(struct crq_pool *pool, size_t slot,
        const struct crq_pool_run *run, crq_error *err) CRQ_MUST_CHECK;

/** Ask the task to end soon: crq_task_should_stop() becomes true. No effect
 *  when nothing runs. */
void crq_pool_stop_soon(struct crq_pool *pool, size_t slot);

/**
 * End a run: SIGTERM to its group, after kill_grace_ms SIGKILL to all of it;
 * `at_once`: SIGKILL now. The first reason stays. No effect when nothing runs.
 */
void crq_pool_end(struct crq_pool *pool, size_t slot, enum crq_end why,
        bool at_once);

/**
 * Load the modules again in a new server, these or (NULL) the same ones. When
 * it is ready, on_ready() comes, idle children are replaced and busy ones as
 * soon as their run has ended; the old server leaves with its last child.
 * A reload in progress is replaced by the new one. CRQ_ESTATE: it closes.
 */
int crq_pool_reload(struct crq_pool *pool, const char *const *modules,
        size_t count, crq_error *err) CRQ_MUST_CHECK;

/**
 * Take no more runs and let every process go; on_closed() when all are gone.
 * `now`: runs are ended at once (CRQ_END_SHUTDOWN, on_died() for each); else
 * they end as they end. May be called again with now set.
 */
void crq_pool_close(struct crq_pool *pool, bool now);

size_t crq_pool_slots(const struct crq_pool *pool);
bool crq_pool_is_idle(const struct crq_pool *pool, size_t slot);
bool crq_pool_is_running(const struct crq_pool *pool, size_t slot);
size_t crq_pool_running(const struct crq_pool *pool); /* how many */
/** The child's process, 0: none now. */
pid_t crq_pool_pid(const struct crq_pool *pool, size_t slot);
pid_t crq_pool_server_pid(const struct crq_pool *pool); /* 0: none now */
/** The task of that name, or NULL. */
const struct crq_pool_task *crq_pool_find(const struct crq_pool *pool,
        const char *name);

#endif
