/* run_seed.h - jobs and runs, as words for live_seed(). */
#ifndef LIVE_RUN_SEED_H
#define LIVE_RUN_SEED_H

#include "run_steps.h"

/* A job as RQ puts it on a queue. */
#define JOB(id, more)                                                          \
    "HSET rq:job:" id " created_at c data D origin q1 status queued timeout "  \
    "180 worker_name \"\" last_heartbeat \"\" " more "\n"

/* One that slot 1 of stem s runs, or holds. */
#define RUN(id, x, mark)                                                       \
    JOB(id, "status started worker_name s.1 last_heartbeat h")                 \
    "HSET rq:execution:" id ":" x " id " x " created_at 1799999990.5 "         \
    "last_heartbeat 1799999990.5 crq " mark "\n"                               \
    "EXPIRE rq:execution:" id ":" x " 80\n"                                    \
    "ZADD rq:executions:" id " 1800000140 " x "\n"                             \
    "EXPIRE rq:executions:" id " 140\n"                                        \
    "ZADD rq:wip:q1 1800000080 " id ":" x "\n"                                 \
    "HSET crq:runs:s " x " 1799999990500000:" mark ":1:" id ":q1\n"            \
    "ZADD crq:alive 5 s\n"

#endif
