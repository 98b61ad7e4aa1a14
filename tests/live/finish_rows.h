/* finish_rows.h - ends of runs, as rows of a table. */
#ifndef LIVE_FINISH_ROWS_H
#define LIVE_FINISH_ROWS_H

#include "run_steps.h"

/* The job a, run by slot 1 of stem s since AT - 9.5 s. */
#define RUN(more)                                                              \
    "HSET rq:job:a created_at c data D origin q1 status started timeout 180 "  \
    "worker_name s.1 last_heartbeat h started_at s " more "\n"                 \
    "HSET rq:execution:a:" X1 " id " X1 " created_at 1799999990.5 "            \
    "last_heartbeat 1799999990.5 crq begun\n"                                  \
    "ZADD rq:executions:a 1800000140 " X1 "\n"                                 \
    "ZADD rq:wip:q1 1800000080 a:" X1 "\n"                                     \
    "HSET crq:runs:s " X1 " 1799999990500000:begun:1:a:q1\n"                   \
    "ZADD crq:alive 5 s\n"
/* A job that waits for a, and others. */
#define WAITS(id, queue, more)                                                 \
    "HSET rq:job:" id " created_at c data D origin " queue " status deferred " \
    "timeout 180 " more "\n"                                                   \
    "ZADD rq:deferred:" queue " 1 " id "\n"                                    \
    "SADD rq:job:a:dependents " id "\n"                                        \
    "SADD rq:job::" id ":dependencies a\n"
/* What every result entry of the run ends with. */
#define RAN                                                                    \
    " execution_id X1 execution_started_at 1799999990.5 "                      \
    "execution_ended_at 1800000002.000000\n"
#define CANCELED "ZREM rq:wip:q1 a:" X1 "\nHSET rq:job:a status canceled\n"

/* How a run of the job a ends. */
struct finish_row {
    const char *seed;
    enum crq_ending ending;
    bool none; /* returns None, else "v" */
    int64_t max;
    size_t intervals; /* of 10 and 20 */
    enum crq_finished became;
    const char *changes;
};

/** The run ends and becomes what the row says, and its end repeated changes
 *  nothing. */
void finish_row_check(const struct finish_row *row);

#endif
