/*
 * rig.h - a pool with a worker that only writes down what it hears.
 *
 * Each test is a process of its own (Check forks), so each has its own default
 * loop, fork server and children. All of them carry a mark in their
 * environment, by which /proc is searched for what was left alive.
 */
#ifndef RIG_H
#define RIG_H

#include "unit.h"

#include <ev.h>
#include <sys/types.h>

#include "exec/pool.h"

#define RIG_SLOTS 8

struct rig_end {
    bool idle, ended, died; /* ended: by an outcome */
    struct crq_outcome outcome;
    struct crq_death death; /* its texts are in `text` */
    char output[5000], backtrace[5000], failure[1000];
    int logs;
    char last_log[100];
    double at; /* when the run was over, ev_time() */
};

struct rig {
    struct ev_loop *loop;
    struct crq_pool *pool;
    struct rig_end ends[RIG_SLOTS];
    int ready, refused, server_died, closed;
    bool may_refuse; /* then the start does not wait */
    size_t tasks;
    char why[500];
    int outcomes, deaths; /* of all slots */
    char mark[80];
};

/** The options of a rig: modules demo and rig. */
struct crq_pool_options rig_options(size_t slots);

/** In a rig of zeros: a pool, and the loop run until every slot is idle. */
void rig_start(struct rig *rig, const struct crq_pool_options *options);
/** Close the pool now, and see that nothing is left. */
void rig_stop(struct rig *rig);

/** Run the loop until `done` says so; a failure after ten seconds. */
void rig_until(struct rig *rig, bool (*done)(struct rig *rig));

/** Begin demo.add with "[2, 3]", say; `run` gives the limits, may be NULL. */
void rig_begin(struct rig *rig, size_t slot, const char *func, const char *args,
        const struct crq_pool_run *run);
/** The same, and wait until it is over. */
struct rig_end *rig_run(struct rig *rig, size_t slot, const char *func,
        const char *args, const struct crq_pool_run *run);

/** How many processes carry the mark. */
int rig_alive(const struct rig *rig);
/** Wait, at most `ms`, until no more than `count` do. Returns how many. */
int rig_alive_after(const struct rig *rig, int count, int ms);
/** Run the loop for some time. */
void rig_for(struct rig *rig, double seconds);

#endif
