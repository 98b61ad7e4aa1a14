/*
 * flush.h - what a process counts, added to Redis on its link.
 *
 * One call is on its way at a time. What Redis refuses is kept and added by a
 * later one; what it has taken is never added twice.
 */
#ifndef CRQ_EXEC_FLUSH_H
#define CRQ_EXEC_FLUSH_H

#include "exec/async.h"
#include "model/stats_count.h"

struct crq_flush {
    struct crq_async *link;      /* borrowed */
    const char *process;         /* what no other one is called; borrowed */
    struct crq_tallies counting; /* count here */
    /* It was answered; err: as it was refused. May be NULL. */
    void (*on_done)(void *arg, const crq_error *err);
    void *arg;
    /* Its own. */
    struct crq_tallies sent;
    int64_t calls;
    bool sending;
};

/** Add to Redis what was counted, unless that is under way, there is nothing,
 *  or the link is down. */
void crq_flush_now(struct crq_flush *flush);
/** Nothing is on its way that an answer can still come to. */
bool crq_flush_is_over(const struct crq_flush *flush);
void crq_flush_fini(struct crq_flush *flush);

#endif
