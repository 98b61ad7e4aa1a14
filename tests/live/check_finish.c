/* check_finish.c - tests of model/finish.c and finish.lua. */
#include "run_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "redis/scripts.h"

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

static const int64_t ten_twenty[] = { 10, 20 };

static const struct {
    const char *seed;
    enum crq_ending ending;
    bool none; /* returns None, else "v" */
    int64_t max;
    size_t intervals; /* of ten_twenty */
    enum crq_finished became;
    const char *changes;
} rows[] = {
    /* ---- success */
    { RUN(""), CRQ_ENDING_SUCCESS, false, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000503 a\n"
            "rq:job:a hash ttl=500\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status finished\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1 return_value dg==" RAN "-rq:wip:q1\n" },
    { RUN("result_ttl 7 meta M"), CRQ_ENDING_SUCCESS, true, 0, 0,
            CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000010 a\n"
            "rq:job:a hash ttl=7\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status finished\n"
            "+rq:results:a stream ttl=7\n"
            "  * type 1 worker_name s.1" RAN "-rq:wip:q1\n" },
    { RUN("result_ttl -1") "XADD rq:results:a 1-1 type 2\n"
                           "EXPIRE rq:results:a 50\n",
            CRQ_ENDING_SUCCESS, true, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  inf a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status finished\n"
            "rq:results:a stream\n"
            "  +* type 1 worker_name s.1" RAN "-rq:wip:q1\n" },
    { RUN("result_ttl 0 group_id g") "SADD rq:group:g a b\n"
                                     "XADD rq:results:a 1-1 type 2\n"
                                     "SADD rq:job:a:dependents x\n",
            CRQ_ENDING_SUCCESS, false, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:group:g set\n"
            "  -a\n"
            "-rq:job:a\n"
            "-rq:job:a:dependents\n"
            "-rq:wip:q1\n" },
    /* ---- and repeated: the list is walked backwards */
    { RUN("repeats_left 3 repeat_intervals [10,20]"), CRQ_ENDING_SUCCESS, true,
            0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000503 a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -repeats_left 3\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +repeats_left 2\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1" RAN "+rq:scheduled:q1 zset\n"
            "  1800000023 a\n"
            "-rq:wip:q1\n" },
    { RUN("repeats_left 1 repeat_intervals [10,20] ttl 9"), CRQ_ENDING_SUCCESS,
            true, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000503 a\n"
            "rq:job:a hash ttl=9\n"
            "  -last_heartbeat h\n"
            "  -repeats_left 1\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +repeats_left 0\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1" RAN "+rq:scheduled:q1 zset\n"
            "  1800000013 a\n"
            "-rq:wip:q1\n" },
    { RUN("repeats_left 2 repeat_intervals [0] ttl 9 result_ttl 0"),
            CRQ_ENDING_SUCCESS, true, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash ttl=9\n"
            "  -last_heartbeat h\n"
            "  -repeats_left 2\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +enqueued_at @3\n"
            "  +last_heartbeat @2\n"
            "  +repeats_left 1\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("repeats_left 0 repeat_intervals [0]"), CRQ_ENDING_SUCCESS, true, 0,
            0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000503 a\n"
            "rq:job:a hash ttl=500\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status finished\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1" RAN "-rq:wip:q1\n" },
    /* ---- failure */
    { RUN("") "XADD rq:results:a 1-1 type 2\nEXPIRE rq:results:a 50\n",
            CRQ_ENDING_FAILURE, false, 0, 0, CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536003 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "rq:results:a stream ttl=50\n"
            "  +* type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN
            "-rq:wip:q1\n" },
    { RUN("failure_ttl 60"), CRQ_ENDING_FAILURE, false, 0, 0,
            CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1800000063 a\n"
            "rq:job:a hash ttl=60\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN
            "-rq:wip:q1\n" },
    { RUN("failure_ttl -1"), CRQ_ENDING_FAILURE, false, 0, 0,
            CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  -1 a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN
            "-rq:wip:q1\n" },
    { RUN("failure_ttl 0"), CRQ_ENDING_FAILURE, false, 0, 0,
            CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:job:a\n"
            "-rq:wip:q1\n" },
    /* ---- retry: max 4 with two intervals waits 10, 10, 10, 20 */
    { RUN("retries_left 4 retry_intervals [10,20]"), CRQ_ENDING_FAILURE, false,
            0, 0, CRQ_FINISHED_SCHEDULED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -retries_left 4\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +retries_left 3\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:scheduled:q1 zset\n"
            "  1800000013 a\n"
            "-rq:wip:q1\n" },
    { RUN("retries_left 1 retry_intervals [10,20] ttl 99"), CRQ_ENDING_FAILURE,
            false, 0, 0, CRQ_FINISHED_SCHEDULED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash ttl=99\n"
            "  -last_heartbeat h\n"
            "  -retries_left 1\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +retries_left 0\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:scheduled:q1 zset\n"
            "  1800000023 a\n"
            "-rq:wip:q1\n" },
    { RUN("retries_left 1") "HDEL rq:job:a timeout\nRPUSH rq:queue:q1 z\n",
            CRQ_ENDING_FAILURE, false, 0, 0, CRQ_FINISHED_QUEUED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -retries_left 1\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +enqueued_at @3\n"
            "  +last_heartbeat @2\n"
            "  +retries_left 0\n"
            "  +status queued\n"
            "  +timeout 180\n"
            "rq:queue:q1 list\n"
            "  z a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("retries_left 1 retry_intervals [0] enqueue_at_front_on_retry 1 ttl "
          "99") "RPUSH rq:queue:q1 z\n",
            CRQ_ENDING_FAILURE, false, 0, 0, CRQ_FINISHED_QUEUED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash ttl=99\n"
            "  -last_heartbeat h\n"
            "  -retries_left 1\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +enqueued_at @3\n"
            "  +last_heartbeat @2\n"
            "  +retries_left 0\n"
            "  +status queued\n"
            "rq:queue:q1 list\n"
            "  a z\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("retries_left 2 retry_intervals nonsense"), CRQ_ENDING_FAILURE, false,
            0, 0, CRQ_FINISHED_QUEUED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -retries_left 2\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +enqueued_at @3\n"
            "  +last_heartbeat @2\n"
            "  +retries_left 1\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("retries_left 0"), CRQ_ENDING_FAILURE, false, 0, 0,
            CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536003 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN
            "-rq:wip:q1\n" },
    /* ---- a returned Retry: always to the back */
    { RUN("enqueue_at_front_on_retry 1") "RPUSH rq:queue:q1 z\n",
            CRQ_ENDING_RETRY, false, 2, 0, CRQ_FINISHED_QUEUED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +enqueued_at @3\n"
            "  +last_heartbeat @2\n"
            "  +number_of_retries 1\n"
            "  +status queued\n"
            "rq:queue:q1 list\n"
            "  z a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream\n"
            "  * type 4 worker_name s.1 return_value dg==" RAN "-rq:wip:q1\n" },
    { RUN("number_of_retries 1 failure_ttl 60"), CRQ_ENDING_RETRY, false, 5, 2,
            CRQ_FINISHED_SCHEDULED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -number_of_retries 1\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +number_of_retries 2\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 4 worker_name s.1 return_value dg==" RAN
            "+rq:scheduled:q1 zset\n"
            "  1800000023 a\n"
            "-rq:wip:q1\n" },
    { RUN("number_of_retries 4"), CRQ_ENDING_RETRY, false, 5, 2,
            CRQ_FINISHED_SCHEDULED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -number_of_retries 4\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +number_of_retries 5\n"
            "  +status scheduled\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream\n"
            "  * type 4 worker_name s.1 return_value dg==" RAN
            "+rq:scheduled:q1 zset\n"
            "  1800000023 a\n"
            "-rq:wip:q1\n" },
    { RUN("number_of_retries 5"), CRQ_ENDING_RETRY, false, 5, 2,
            CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536003 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "+rq:results:a stream\n"
            "  * type 5 worker_name s.1 return_value dg==" RAN "-rq:wip:q1\n" },
    /* ---- stopped: neither retries nor dependents */
    { RUN("retries_left 3 failure_ttl 60")
                    WAITS("d", "q1", "allow_dependency_failures 1"),
            CRQ_ENDING_STOPPED, false, 0, 0, CRQ_FINISHED_STOPPED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1800000063 a\n"
            "rq:job:a hash ttl=60\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status stopped\n"
            "rq:job:a:dependents set ttl=60\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN
            "-rq:wip:q1\n" },
    /* ---- abandoned: a failure that tells of no worker and no execution */
    { RUN("failure_ttl 60"), CRQ_ENDING_ABANDONED, false, 0, 0,
            CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1800000063 a\n"
            "rq:job:a hash ttl=60\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name \"\" exc_string eJwrz6gEAAKxAVk=\n"
            "-rq:wip:q1\n" },
    /* ---- dependents */
    { RUN("") WAITS("d", "q2", "ttl 9") WAITS("e", "q1",
              "enqueue_at_front 1") "RPUSH rq:queue:q1 z\n"
                                    "SADD rq:job:a:dependents gone\n",
            CRQ_ENDING_SUCCESS, true, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:deferred:q1\n"
            "-rq:deferred:q2\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000503 a\n"
            "rq:job::d:dependencies set ttl=9\n"
            "rq:job:a hash ttl=500\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status finished\n"
            "rq:job:a:dependents set ttl=500\n"
            "  -d\n"
            "  -e\n"
            "rq:job:d hash ttl=9\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "rq:job:e hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "rq:queue:q1 list\n"
            "  e z\n"
            "+rq:queue:q2 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "  rq:queue:q2\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1" RAN "-rq:wip:q1\n" },
    /* canceled; another one not finished; a missing one; a failed one. */
    { RUN("") WAITS("d", "q1", "status canceled") WAITS("e", "q1", "") //
            WAITS("f", "q1", "") WAITS("g", "q1", "") WAITS("h", "q1",
                    "allow_dependency_failures 1") "SADD rq:job::e:dependencies d\n"
                                                   "SADD rq:job::f:dependencies gone\n"
                                                   "HSET rq:job:x status failed\n"
                                                   "SADD rq:job::g:dependencies x\n"
                                                   "SADD rq:job::h:dependencies x\n",
            CRQ_ENDING_SUCCESS, true, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "rq:deferred:q1 zset\n"
            "  -1 f\n"
            "  -1 h\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:finished:q1 zset\n"
            "  1800000503 a\n"
            "rq:job:a hash ttl=500\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status finished\n"
            "rq:job:a:dependents set ttl=500\n"
            "  -f\n"
            "  -h\n"
            "rq:job:f hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "rq:job:h hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  f h\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1" RAN "-rq:wip:q1\n" },
    { RUN("") WAITS("d", "q1", "")
                    WAITS("e", "q1", "allow_dependency_failures 1"),
            CRQ_ENDING_FAILURE, false, 0, 0, CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "rq:deferred:q1 zset\n"
            "  -1 e\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536003 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "rq:job:a:dependents set ttl=31536000\n"
            "  -e\n"
            "rq:job:e hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  e\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN
            "-rq:wip:q1\n" },
    { RUN("retries_left 1") WAITS("e", "q1", "allow_dependency_failures 1"),
            CRQ_ENDING_FAILURE, false, 0, 0, CRQ_FINISHED_QUEUED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "rq:job:a hash\n"
            "  -last_heartbeat h\n"
            "  -retries_left 1\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +enqueued_at @3\n"
            "  +last_heartbeat @2\n"
            "  +retries_left 0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("number_of_retries 1")
                    WAITS("e", "q1", "allow_dependency_failures 1"),
            CRQ_ENDING_RETRY, false, 1, 0, CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:deferred:q1\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:failed:q1 zset\n"
            "  1831536003 a\n"
            "rq:job:a hash ttl=31536000\n"
            "  -last_heartbeat h\n"
            "  -status started\n"
            "  +ended_at @2\n"
            "  +last_heartbeat @2\n"
            "  +status failed\n"
            "-rq:job:a:dependents\n"
            "rq:job:e hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  e\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream\n"
            "  * type 5 worker_name s.1 return_value dg==" RAN "-rq:wip:q1\n" },
    { RUN("result_ttl 0") WAITS("d", "q1", ""), CRQ_ENDING_SUCCESS, true, 0, 0,
            CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:deferred:q1\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:job:a\n"
            "-rq:job:a:dependents\n"
            "rq:job:d hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    { RUN("failure_ttl 0") WAITS("d", "q1", "allow_dependency_failures 1"),
            CRQ_ENDING_FAILURE, true, 0, 0, CRQ_FINISHED_FAILED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:deferred:q1\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:job:a\n"
            "-rq:job:a:dependents\n"
            "rq:job:d hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "-rq:wip:q1\n" },
    /* ---- the fence */
    { RUN("") "ZREM rq:wip:q1 a:" X1 "\n", CRQ_ENDING_SUCCESS, false, 0, 0,
            CRQ_FINISHED_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n" },
    { RUN("") "DEL rq:job:a\n", CRQ_ENDING_FAILURE, false, 0, 0,
            CRQ_FINISHED_LOST,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "-rq:wip:q1\n" },
    /* Another run of the job has it now, and another run of the stem goes on.
     */
    { RUN("") "ZREM rq:wip:q1 a:" X1 "\nZADD rq:wip:q1 9 a:" X2 "\n" //
              "ZADD rq:executions:a 9 " X2 "\nHSET rq:execution:a:" X2 " id x\n"
              "HSET crq:runs:s " X2 " 1:begun:1:a:q1\n",
            CRQ_ENDING_SUCCESS, false, 0, 0, CRQ_FINISHED_LOST,
            "crq:runs:s hash\n"
            "  -X1 1799999990500000:begun:1:a:q1\n"
            "-rq:execution:a:X1\n"
            "rq:executions:a zset\n"
            "  -1800000140 X1\n" },
    /* Canceled while it ran: a result, and nobody is promoted. */
    { RUN("") CANCELED WAITS("d", "q1", ""), CRQ_ENDING_SUCCESS, false, 0, 0,
            CRQ_FINISHED_CANCELED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:results:a stream ttl=500\n"
            "  * type 1 worker_name s.1 return_value dg==" RAN },
    { RUN("retries_left 1") CANCELED, CRQ_ENDING_FAILURE, false, 0, 0,
            CRQ_FINISHED_CANCELED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n"
            "+rq:results:a stream\n"
            "  * type 2 worker_name s.1 exc_string eJwrz6gEAAKxAVk=" RAN },
    { RUN("result_ttl 0") CANCELED, CRQ_ENDING_SUCCESS, false, 0, 0,
            CRQ_FINISHED_CANCELED,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:execution:a:X1\n"
            "-rq:executions:a\n" },
};

static void finish_row(crq_conn *conn, int row, enum crq_finished want)
{
    struct crq_finish finish = steps_finish_of("a", rows[row].ending);

    if (!rows[row].none) {
        finish.value = "v";
        finish.value_len = 1;
    }
    finish.retry_max = rows[row].max;
    finish.retry_intervals_s = ten_twenty;
    finish.retry_intervals = rows[row].intervals;
    ck_assert_int_eq(steps_finish(conn, &finish), want);
}

START_TEST(test_the_end_of_a_run_repeated_changes_nothing)
{
    crq_conn *conn = live_conn();

    live_seed(conn, rows[_i].seed);
    steps_mark(conn);
    finish_row(conn, _i, rows[_i].became);
    steps_expect(conn, rows[_i].changes);
    finish_row(conn, _i, CRQ_FINISHED_LOST);
    steps_expect(conn, rows[_i].changes);
    crq_conn_free(conn);
}
END_TEST

/* A key of a foreign type: this run is refused whole, another one ends. */
static const struct {
    const char *seed;
    enum crq_ending ending;
} foreign[] = {
    { "SET rq:results:a x", CRQ_ENDING_SUCCESS },
    { "SET rq:finished:q1 x", CRQ_ENDING_SUCCESS },
    { "SET rq:failed:q1 x", CRQ_ENDING_FAILURE },
    { "SET rq:queue:q1 x", CRQ_ENDING_FAILURE },
    { "SET rq:scheduled:q1 x", CRQ_ENDING_RETRY },
    { "SET rq:queues x", CRQ_ENDING_RETRY },
    { "SET rq:job:a:dependents x", CRQ_ENDING_SUCCESS },
    { "SET rq:job::a:dependencies x", CRQ_ENDING_SUCCESS },
    { "SET rq:group:g x", CRQ_ENDING_SUCCESS },
    { "DEL rq:executions:a\nSET rq:executions:a x", CRQ_ENDING_SUCCESS },
    { "DEL rq:execution:a:" X1 "\nSET rq:execution:a:" X1 " x",
            CRQ_ENDING_SUCCESS },
    { WAITS("d", "q2", "") "SET rq:queue:q2 x", CRQ_ENDING_SUCCESS },
    { WAITS("d", "q2", "") "DEL rq:deferred:q2\nSET rq:deferred:q2 x",
            CRQ_ENDING_SUCCESS },
};

START_TEST(test_a_run_that_redis_refuses_to_end_is_left_whole)
{
    struct crq_finish finish = steps_finish_of("a", foreign[_i].ending);
    crq_conn *conn = live_conn();

    live_seed(conn, RUN("group_id g"));
    live_seed(conn, foreign[_i].seed);
    steps_mark(conn);
    ck_assert_int_eq(steps_finish(conn, &finish), CRQ_FINISHED_REFUSED);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_one_refused_run_does_not_hold_up_the_others)
{
    struct crq_finish a = steps_finish_of("a", CRQ_ENDING_SUCCESS), b = a;
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_reply *reply;
    const char *why;
    crq_error err;
    size_t nkeys;

    b.run.id = "b";
    b.run.execution = X2;
    live_seed(conn,
            RUN("") //
            "SET rq:results:a x\nHSET rq:job:b data D origin q1\n"
            "ZADD rq:wip:q1 1 b:" X2 "\n");
    crq_args_init(&args);
    nkeys = crq_finish_start(&args, 500, AT_US);
    unit_ok(crq_finish_add(&args, &a, &err), &err);
    unit_ok(crq_finish_add(&args, &b, &err), &err);
    reply = steps_call(conn, &crq_script_finish, nkeys, &args);
    ck_assert_int_eq(crq_finish_state(reply, 0, &why), CRQ_FINISHED_REFUSED);
    ck_assert_ptr_nonnull(strstr(why, "rq:results:a is a string"));
    ck_assert_int_eq(crq_finish_state(reply, 1, NULL), CRQ_FINISHED_OK);
    ck_assert_int_eq(crq_finish_read(reply, 3, &err), CRQ_ECODEC);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

/* What is published to the channel in crq_reply. */
static const struct {
    const char *fields;
    enum crq_ending ending;
    const char *says; /* NULL: nothing, it is not over */
} outcomes[] = {
    { "crq_reply ch", CRQ_ENDING_SUCCESS,
            "{\"id\":\"a\",\"status\":\"finished\",\"return_value\":\"dg==\"}" },
    { "crq_reply ch", CRQ_ENDING_FAILURE,
            "{\"id\":\"a\",\"status\":\"failed\","
            "\"exc_string\":\"eJwrz6gEAAKxAVk=\"}" },
    { "crq_reply ch", CRQ_ENDING_STOPPED,
            "{\"id\":\"a\",\"status\":\"stopped\","
            "\"exc_string\":\"eJwrz6gEAAKxAVk=\"}" },
    { "crq_reply ch status canceled", CRQ_ENDING_SUCCESS,
            "{\"id\":\"a\",\"status\":\"canceled\","
            "\"return_value\":\"dg==\"}" },
    { "crq_reply ch result_ttl 0", CRQ_ENDING_SUCCESS,
            "{\"id\":\"a\",\"status\":\"finished\",\"return_value\":\"dg==\"}" },
    { "crq_reply ch retries_left 1", CRQ_ENDING_FAILURE, NULL },
    { "crq_reply ch", CRQ_ENDING_RETRY, NULL },
    { "", CRQ_ENDING_SUCCESS, NULL },
};

/* Both are JSON objects of texts: equal but for the order of their members. */
static void expect_members(const char *got, const char *want)
{
    char *copy = strdup(want), *rest;

    ck_assert_uint_eq(strlen(got), strlen(want));
    for (char *part = strtok_r(copy, "{,}", &rest); part != NULL;
            part = strtok_r(NULL, "{,}", &rest))
        ck_assert_msg(strstr(got, part) != NULL, "%s is not in %s", part, got);
    free(copy);
}

/* The connection counts replies. Two that never come make room for what is
 * pushed later. */
static void subscribe(crq_conn *conn)
{
    static const char *const commands[][3] = {
        { "CLIENT", "REPLY", "SKIP" },
        { "ECHO", "x", NULL },
        { "SUBSCRIBE", "ch", NULL },
    };
    struct crq_args args;
    crq_reply *reply;
    crq_error err;

    for (size_t i = 0; i < 3; i++) {
        crq_args_init(&args);
        crq_args_list(&args, commands[i][0], commands[i][1], commands[i][2],
                NULL);
        unit_ok(crq_conn_append(conn, &args, &err), &err);
        crq_args_fini(&args);
    }
    unit_ok(crq_conn_next(conn, &reply, &err), &err);
    crq_reply_free(reply);
}

START_TEST(test_the_outcome_is_published_to_who_waits)
{
    struct crq_finish finish = steps_finish_of("a", outcomes[_i].ending);
    crq_conn *conn = live_conn(), *listener = live_conn();
    crq_reply *reply;
    crq_error err;
    char seed[200];

    finish.value = "v";
    finish.value_len = 1;
    finish.retry_max = 3;
    live_seed(conn, RUN(""));
    snprintf(seed, sizeof(seed), "HSET rq:job:a x y %s", outcomes[_i].fields);
    live_seed(conn, seed);
    subscribe(listener);
    steps_finish(conn, &finish);
    live_seed(conn, "PUBLISH ch over");
    unit_ok(crq_conn_next(listener, &reply, &err), &err);
    if (outcomes[_i].says == NULL)
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, 2), NULL),
                "over");
    else
        expect_members(crq_reply_text(crq_reply_item(reply, 2), NULL),
                outcomes[_i].says);
    crq_reply_free(reply);
    crq_conn_free(listener);
    crq_conn_free(conn);
}
END_TEST

static const struct {
    int wait_status;
    const char *text;
} deaths[] = {
    { 9, "Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); " },
    { 768, "Work-horse terminated unexpectedly; waitpid returned 768; " },
};

START_TEST(test_the_text_of_a_death_is_rqs)
{
    struct crq_buf text = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_horse_died_text(deaths[_i].wait_status, &text), 0);
    ck_assert_str_eq(crq_buf_text(&text), deaths[_i].text);
    crq_buf_fini(&text);
}
END_TEST

static int add_one(void *arg, crq_error *err)
{
    struct crq_finish finish = steps_finish_of("a", CRQ_ENDING_FAILURE);
    struct crq_args args;
    int rc;

    (void)arg;
    crq_args_init(&args);
    crq_finish_start(&args, 500, AT_US);
    rc = crq_finish_add(&args, &finish, err);
    if (rc == 0)
        rc = crq_args_check(&args, err);
    crq_args_fini(&args);
    return rc;
}

START_TEST(test_memory_that_runs_out_is_told)
{
    unit_fail_each_allocation(add_one, NULL);
}
END_TEST

/* The words of a call whose second run is added while memory runs out. */
START_TEST(test_an_end_that_cannot_be_added_leaves_the_others_whole)
{
    static char value[100000];
    struct crq_finish first = steps_finish_of("a", CRQ_ENDING_FAILURE);
    struct crq_finish second = steps_finish_of("b", CRQ_ENDING_SUCCESS);
    size_t count, len;
    int failures = 0, rc;
    struct crq_args args;
    crq_error err;

    crq_args_init(&args);
    crq_finish_start(&args, 500, AT_US);
    unit_ok(crq_finish_add(&args, &first, &err), &err);
    count = args.count;
    len = args.bytes.len;
    second.value = value;
    second.value_len = CRQ_BUF_MAX + 1;
    ck_assert_int_eq(crq_finish_add(&args, &second, &err), CRQ_ELIMIT);
    ck_assert_uint_eq(args.count, count);
    second.value_len = sizeof(value);
    do {
        crq_mem_fail_at(++failures);
        rc = crq_finish_add(&args, &second, &err);
        crq_mem_fail_at(0);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, CRQ_ENOMEM);
        ck_assert_uint_eq(args.count, count);
        ck_assert_uint_eq(args.bytes.len, len);
        unit_ok(crq_args_check(&args, &err), &err);
    } while (failures < 100);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_gt(failures, 2);
    ck_assert_uint_gt(args.count, count);
    crq_args_fini(&args);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("finish");

    unit_add_rows(tc, test_the_end_of_a_run_repeated_changes_nothing, rows);
    unit_add_rows(tc, test_a_run_that_redis_refuses_to_end_is_left_whole,
            foreign);
    tcase_add_test(tc, test_one_refused_run_does_not_hold_up_the_others);
    unit_add_rows(tc, test_the_outcome_is_published_to_who_waits, outcomes);
    unit_add_rows(tc, test_the_text_of_a_death_is_rqs, deaths);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    tcase_add_test(tc,
            test_an_end_that_cannot_be_added_leaves_the_others_whole);
    return live_run("finish", tc);
}
