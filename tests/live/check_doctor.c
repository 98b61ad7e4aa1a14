/* check_doctor.c - tests of model/doctor.c and examine.lua. */
#include "run_steps.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/doctor.h"
#include "redis/scripts.h"

#define JOB(id, status, more)                                                  \
    "HSET rq:job:" id                                                          \
    " created_at c data D origin q1 timeout 180 status " status " " more "\n"
#define WAITS "SADD rq:job::a:dependencies p\nSADD rq:job:p:dependents a\n"
#define DEFERRED(more)                                                         \
    JOB("a", "deferred", more) WAITS "ZADD rq:deferred:q1 5 a\n"

static struct crq_examined examine(crq_conn *conn, enum crq_ailment mend,
        const char *about, int64_t reach, crq_reply **out)
{
    struct crq_args args;
    crq_error err;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_examine_start(&args, AT_US, reach);
    unit_ok(crq_examine_add(&args, "a", mend, about, &err), &err);
    *out = steps_call(conn, &crq_script_examine, nkeys, &args);
    unit_ok(crq_examine_read(*out, 1, &err), &err);
    return crq_examined_job(*out, 0);
}

static const char *const well[] = {
    "", /* no job */
    JOB("a", "queued", "") "RPUSH rq:queue:q1 b a c\n",
    JOB("a", "queued", "") "RPUSH rq:queue:q1:intermediate a\n",
    JOB("a", "started", "") "ZADD rq:executions:a 5 " X1 "\n"
                            "ZADD rq:wip:q1 5 a:" X1 "\n",
    JOB("a", "started", "") "ZADD rq:wip:q1 5 a\n", /* of RQ before 2.0 */
    JOB("a", "scheduled", "") "ZADD rq:scheduled:q1 5 a\n",
    JOB("a", "finished", "") "ZADD rq:finished:q1 inf a\n",
    JOB("a", "finished", "") "EXPIRE rq:job:a 100\n",
    JOB("a", "failed", "") "ZADD rq:failed:q1 -1 a\n",
    JOB("a", "stopped", "") "ZADD rq:failed:q1 -1 a\n",
    JOB("a", "canceled", "") "ZADD rq:canceled:q1 5 a\n",
    JOB("a", "created", ""),
    JOB("a", "rate_limited", ""), /* of a newer RQ */
    DEFERRED("") JOB("p", "started", ""),
    DEFERRED("allow_dependency_failures 1") JOB("p", "queued", ""),
    "SET rq:job:a 5\n",
};

START_TEST(test_a_job_that_is_well_is_left_alone)
{
    crq_conn *conn = live_conn();

    live_seed(conn, well[_i]);
    steps_mark(conn);
    for (enum crq_ailment mend = CRQ_WELL; mend <= CRQ_NEVER; mend++) {
        crq_reply *reply = NULL;
        struct crq_examined found = examine(conn, mend, "p failed", 0, &reply);

        ck_assert_int_eq(found.ailment, CRQ_WELL);
        ck_assert_str_eq(found.done, "");
        crq_reply_free(reply);
    }
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

/* The texts; test_doctor.py reads them. */
#define ABANDONED                                                              \
    "eJzzzS9LTVEoyVdwS8zMSU3xyk8KSk3PLC4pqtRRSClNBck4JiXmpeTnpaYA"             \
    "JV2LivKLrBQySxTKE4sViksSi0pSU3QUgAoU8vIVyvOLslOLFDISUxQSFXJS"             \
    "E4tTFfLTFICKE/MqFXLzi1IBk+knOg=="
#define NEVER                                                                  \
    "eJxLLirUc0ktSM1LSc1LrnQtKsovslLILFEoT8wsSU1RSMsvUsjKT1Io0FEo"             \
    "z8hMzlDILFZIS8zMSU0BAF3VFIU="

#define FAILED_NOW                                                             \
    "+rq:failed:q1 zset\n"                                                     \
    "  1831536000 a\n"

static const struct {
    const char *seed;
    enum crq_ailment ailment;
    const char *about, *done, *changes;
} ill[] = {
    { JOB("a", "queued", "") "RPUSH rq:queue:q1 b\n", CRQ_LOST, "", "queued",
            "rq:queue:q1 list\n"
            "  a b\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    { JOB("a", "started", ""), CRQ_ABANDONED, "", "failed",
            FAILED_NOW "rq:job:a hash ttl=31536000\n"
                       "  -status started\n"
                       "  +ended_at @0\n"
                       "  +last_heartbeat @0\n"
                       "  +status failed\n"
                       "+rq:results:a stream\n"
                       "  * type 2 worker_name \"\" exc_string " ABANDONED
                       "\n" },
    /* Its executions are over. */
    { JOB("a", "started", "retries_left 1") "ZADD rq:executions:a 5 " X1 "\n",
            CRQ_ABANDONED, "", "queued",
            "rq:job:a hash\n"
            "  -retries_left 1\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +enqueued_at @0\n"
            "  +last_heartbeat @0\n"
            "  +retries_left 0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    { JOB("a", "scheduled", ""), CRQ_LOST, "", "", "" },
    { JOB("a", "finished", ""), CRQ_LOST, "", "registered",
            "+rq:finished:q1 zset\n"
            "  inf a\n" },
    { JOB("a", "stopped", ""), CRQ_LOST, "", "registered",
            FAILED_NOW "rq:job:a hash ttl=31536000\n" },
    { JOB("a", "canceled", ""), CRQ_LOST, "", "registered",
            "+rq:canceled:q1 zset\n"
            "  1800000000 a\n" },
    { JOB("a", "deferred", "") WAITS JOB("p", "queued", ""), CRQ_LOST, "",
            "registered",
            "+rq:deferred:q1 zset\n"
            "  1800000000 a\n" },
    /* It waits for one that is gone, or has ended well. */
    { DEFERRED("enqueue_at_front 1"), CRQ_MET, "", "queued",
            "-rq:deferred:q1\n"
            "rq:job:a hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    { DEFERRED("allow_dependency_failures 1") JOB("p", "failed", ""), CRQ_MET,
            "", "queued",
            "-rq:deferred:q1\n"
            "rq:job:a hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  a\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n" },
    /* Who allows failures may run now. */
    { DEFERRED("failure_ttl 60") JOB("p", "failed", "") JOB("d", "deferred",
              "allow_dependency_failures 1") "SADD rq:job::d:dependencies a\n"
                                             "SADD rq:job:a:dependents d\n"
                                             "ZADD rq:deferred:q1 6 d\n",
            CRQ_NEVER, "p failed", "failed",
            "-rq:deferred:q1\n"
            "+rq:failed:q1 zset\n"
            "  1800000060 a\n"
            "rq:job::a:dependencies set ttl=60\n"
            "rq:job:a hash ttl=60\n"
            "  -status deferred\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "-rq:job:a:dependents\n"
            "rq:job:d hash\n"
            "  -status deferred\n"
            "  +enqueued_at @0\n"
            "  +status queued\n"
            "+rq:queue:q1 list\n"
            "  d\n"
            "+rq:queues set\n"
            "  rq:queue:q1\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name \"\" exc_string " NEVER "\n" },
    /* Its log lives as long as it does. */
    { JOB("a", "started", "failure_ttl 60") "XADD crq:log:a 1-0 text T\n",
            CRQ_ABANDONED, "", "failed",
            "crq:log:a stream ttl=60\n"
            "+rq:failed:q1 zset\n"
            "  1800000060 a\n"
            "rq:job:a hash ttl=60\n"
            "  -status started\n"
            "  +ended_at @0\n"
            "  +last_heartbeat @0\n"
            "  +status failed\n"
            "+rq:results:a stream ttl=60\n"
            "  * type 2 worker_name \"\" exc_string " ABANDONED "\n" },
    { JOB("a", "started", "failure_ttl 0") "XADD crq:log:a 1-0 text T\n",
            CRQ_ABANDONED, "", "failed", "-crq:log:a\n-rq:job:a\n" },
    { JOB("a", "stopped", "") "XADD crq:log:a 1-0 text T\n", CRQ_LOST, "",
            "registered",
            "crq:log:a stream ttl=31536000\n" FAILED_NOW
            "rq:job:a hash ttl=31536000\n" },
    { JOB("a", "started", "") "SET rq:results:a 5\n", CRQ_FOREIGN, "", "", "" },
};

START_TEST(test_what_is_wrong_is_found_and_mended_once)
{
    enum crq_ailment other = ill[_i].ailment == CRQ_LOST ? CRQ_MET : CRQ_LOST;
    crq_conn *conn = live_conn();
    crq_reply *reply = NULL;
    struct crq_examined found;

    live_seed(conn, ill[_i].seed);
    steps_mark(conn);
    /* To look, and to mend what it has not, changes nothing. */
    for (int round = 0; round < 2; round++) {
        found = examine(conn, round == 0 ? CRQ_WELL : other, "", 0, &reply);
        ck_assert_int_eq(found.ailment, ill[_i].ailment);
        ck_assert_str_eq(found.about, ill[_i].about);
        ck_assert_str_eq(found.done, "");
        crq_reply_free(reply);
        steps_expect(conn, "");
    }
    found = examine(conn, ill[_i].ailment, ill[_i].about, 0, &reply);
    ck_assert_str_eq(found.done, ill[_i].done);
    crq_reply_free(reply);
    steps_expect(conn, ill[_i].changes);
    if (ill[_i].done[0] != '\0') {
        found = examine(conn, ill[_i].ailment, ill[_i].about, 0, &reply);
        ck_assert_int_eq(found.ailment, CRQ_WELL);
        crq_reply_free(reply);
        steps_expect(conn, ill[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_long_queue_is_searched_from_both_ends_only)
{
    static const struct {
        const char *ids;
        enum crq_ailment want;
    } queues[] = {
        { "b c d e", CRQ_LOST }, { "b a d e", CRQ_WELL },
        { "b c d e f", CRQ_WELL }, /* who knows */
    };
    crq_conn *conn = live_conn();

    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        char seed[200];
        crq_reply *reply = NULL;

        snprintf(seed, sizeof(seed),
                "DEL rq:queue:q1\nRPUSH rq:queue:q1 %s\n" JOB("a", "queued",
                        ""),
                queues[i].ids);
        live_seed(conn, seed);
        ck_assert_int_eq(examine(conn, CRQ_WELL, "", 2, &reply).ailment,
                queues[i].want);
        crq_reply_free(reply);
    }
    crq_conn_free(conn);
}
END_TEST

static int add(void *arg, crq_error *err)
{
    struct crq_args args;
    int rc;

    (void)arg;
    crq_args_init(&args);
    (void)crq_examine_start(&args, AT_US, 0);
    rc = crq_examine_add(&args, "a", CRQ_NEVER, "p failed", err);
    if (rc == 0)
        rc = crq_args_check(&args, err);
    crq_args_fini(&args);
    return rc;
}

START_TEST(test_memory_that_runs_out_is_told)
{
    unit_fail_each_allocation(add, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("doctor");

    unit_add_rows(tc, test_a_job_that_is_well_is_left_alone, well);
    unit_add_rows(tc, test_what_is_wrong_is_found_and_mended_once, ill);
    tcase_add_test(tc, test_a_long_queue_is_searched_from_both_ends_only);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return live_run("doctor", tc);
}
