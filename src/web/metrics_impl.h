/* metrics_impl.h - what the metrics are made of. */
#ifndef CRQ_WEB_METRICS_IMPL_H
#define CRQ_WEB_METRICS_IMPL_H

#include <crq.h>

#include "model/registry.h"

/** All that is asked of Redis. From METRICS_FACTS_INIT. */
struct metrics_facts {
    double ping_s;
    int64_t now_us;
    char **names;
    struct crq_counts *counts;
    double *due_s; /* per queue, unix time; NAN: nothing scheduled */
    size_t queues;
    crq_stats *stats; /* of each queue, then of all */
    crq_worker *workers;
    size_t workers_count;
    bool suspended;
    int64_t schedules, leader, quarantined;
    double next_s; /* of the named schedules */
    char *info;
};

#define METRICS_FACTS_INIT                                                     \
    {                                                                          \
        .next_s = NAN                                                          \
    }

/** Ask for everything; whatever comes of it, it ends with
 *  metrics_facts_fini(). */
int metrics_facts_ask(crq_conn *conn, struct metrics_facts *f,
        crq_error *err) CRQ_MUST_CHECK;
void metrics_facts_fini(struct metrics_facts *f);

#endif
