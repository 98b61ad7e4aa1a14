/* check_finish_after.c - tests of finish.lua: who waits for a run that ends,
 * and who has taken it away before. */
#include "finish_rows.h"

static const struct finish_row rows[] = {
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
    /* Two that cannot be enqueued, by keys of foreign types: they wait on. */
    { RUN("") WAITS("d", "q2", "") WAITS("e", "q3", "") WAITS("f", "q1", "") //
            "SET rq:queue:q2 x\nDEL rq:deferred:q3\nSET rq:deferred:q3 x\n",
            CRQ_ENDING_SUCCESS, true, 0, 0, CRQ_FINISHED_OK,
            "-crq:alive\n"
            "-crq:runs:s\n"
            "-rq:deferred:q1\n"
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
            "rq:job:f hash\n"
            "  -status deferred\n"
            "  +enqueued_at @3\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  f\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
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

START_TEST(test_what_others_make_of_an_end_is_not_repeated)
{
    finish_row_check(&rows[_i]);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("finish_after");

    unit_add_rows(tc, test_what_others_make_of_an_end_is_not_repeated, rows);
    return live_run("finish_after", tc);
}
