/* check_finish.c - tests of finish.lua: how a run ends. What others make of it
 * is in check_finish_after.c, trouble in check_finish_trouble.c. */
#include "finish_rows.h"

static const struct finish_row rows[] = {
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
};

START_TEST(test_the_end_of_a_run_repeated_changes_nothing)
{
    finish_row_check(&rows[_i]);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("finish");

    unit_add_rows(tc, test_the_end_of_a_run_repeated_changes_nothing, rows);
    return live_run("finish", tc);
}
