/* pool_impl.h - what the files of the pool share. */
#ifndef CRQ_EXEC_POOL_IMPL_H
#define CRQ_EXEC_POOL_IMPL_H

#include <ev.h>

#include "exec/pool.h"
#include "exec/slot.h"
#include "exec/wire.h"

enum crq_server_state {
    CRQ_SERVER_LOADING, /* started; has not said whether it has the modules */
    CRQ_SERVER_READY,
    CRQ_SERVER_LEAVING, /* told to go, and it has no children */
    CRQ_SERVER_DEAD,    /* unasked; what its children left is being killed */
    CRQ_SERVER_GONE     /* to be freed at the end of the turn */
};

struct crq_pool_server {
    struct crq_pool *pool;
    struct crq_pool_server *next;
    enum crq_server_state state;
    pid_t pid;
    int wait_status;  /* DEAD */
    ev_timer leaving; /* until SIGKILL */
    bool killed;      /* it did not leave when it was told to */
    struct crq_wire wire;
    struct crq_pool_task *tasks;
    size_t count, cap;
};

struct crq_pool_slot {
    struct crq_pool *pool;
    size_t index;
    enum crq_slot_state state; /* changed by move() in pool_slot.c only */

    /* The child: there from SPAWN to EXITED. */
    struct crq_pool_server *server; /* NULL: no child */
    struct crq_wire wire;
    pid_t pid;    /* 0: it has not said */
    int64_t runs; /* that were sent to it */
    bool limited; /* it has hard limits, of the run in the slot */

    /* The run: there while crq_slot_has_run(state). */
    struct crq_buf frame; /* RUN, while it waits for a fresh child */
    int64_t timeout_s, memory_mib, cpu_s;
    crq_event during; /* the callback that it is in; NONE: the task */
    /* By event: of the callbacks that it may come to. */
    struct {
        bool wanted;
        int64_t timeout_s;
    } callbacks[CRQ_EVENT_STOPPED];
    struct crq_buf failure; /* text before the callback; else empty */
    ev_tstamp sent_at;      /* 0: the child has not got it */
    int64_t peak_kib, cpu_base_us;
    enum crq_end end;

    /* RUNNING: the deadline. ENDING, LEAVING: until SIGKILL. */
    ev_timer timer;
    int wait_status; /* seen by this process, after the server's death */
    bool has_status;
};

struct crq_pool {
    struct ev_loop *loop;
    const struct crq_pool_events *events;
    void *arg;
    const struct crq_log *log;
    bool (*keep_child)(void *arg, pid_t pid);

    char *url, *exe; /* exe: NULL: this program */
    char **modules;
    size_t module_count;
    char **old_modules; /* while a reload may still be refused */
    size_t old_count;
    double grace_s;
    int64_t max_jobs, max_memory_mib;

    struct crq_pool_server *servers; /* newest first */
    struct crq_pool_server *current; /* READY: new children come from it */
    struct crq_pool_slot *slots;
    size_t slot_count;

    ev_prepare turn_end;
    ev_child reaper;
    ev_timer sampler; /* runs while something with a limit does */
    ev_timer sweeper; /* while a server is dead */
    ev_timer retry;   /* while nothing may be started again yet */
    bool dirty;       /* something for the end of the turn */
    bool closing, closed;
    bool refused;      /* the modules: another try would end the same */
    unsigned failures; /* children and servers in a row that never got ready */
};

/* pool_server.c */
int crq_pool_server_start(struct crq_pool *pool, crq_error *err) CRQ_MUST_CHECK;
void crq_pool_server_leave(struct crq_pool_server *server);
void crq_pool_server_free(struct crq_pool_server *server);
void crq_pool_on_child(struct ev_loop *loop, ev_child *w, int revents);
void crq_pool_on_sweep(struct ev_loop *loop, ev_timer *w, int revents);

/* pool_slot.c */
void crq_pool_slot_spawn(struct crq_pool_slot *slot);
void crq_pool_slot_start(struct crq_pool_slot *slot,
        const struct crq_pool_run *run);
void crq_pool_slot_end(struct crq_pool_slot *slot, enum crq_end why,
        bool at_once);
/** Tell an idle or starting child to go. */
void crq_pool_slot_leave(struct crq_pool_slot *slot);
/** The child is dead. `frame` is the server's word, NULL when that died. */
void crq_pool_slot_exited(struct crq_pool_slot *slot,
        const struct crq_frame *frame);
void crq_pool_slot_sample(struct crq_pool_slot *slot);
bool crq_pool_slot_has_limit(const struct crq_pool_slot *slot);
void crq_pool_slot_init(struct crq_pool *pool, size_t index);
void crq_pool_slot_fini(struct crq_pool_slot *slot);

/* pool.c */
/** Something did not get ready: the next try comes later. */
void crq_pool_failed(struct crq_pool *pool);
/** The last reload was good, or refused: which modules stay. */
void crq_pool_reloaded(struct crq_pool *pool, bool good);
void crq_pool_sampling(struct crq_pool *pool);

#endif
