/* check_record.c - tests of model/record.c and its scripts. */
#include "run_steps.h"

#include <string.h>

#include "redis/scripts.h"

static const char *const queues[] = { "q1", "q 2" };
static const struct crq_record record = { "w", AT_US, queues, 2, 4711, "host",
    "1.2.3.4", "0.1.0", "C11" };

#define BORN "2027-01-15T08:00:00.000000Z"
/* A record that is not ours. */
#define OTHER                                                                  \
    "HSET rq:worker:w birth 2026-01-01T00:00:00.000000Z hostname h pid 7\n"

static struct crq_born birth(crq_conn *conn, const char *replaces)
{
    struct crq_args args;
    struct crq_born born;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_birth_words(&record, 480, replaces, AT_US, &args);
    reply = steps_call(conn, &crq_script_worker_birth, nkeys, &args);
    unit_ok(crq_birth_read(reply, &born, &err), &err);
    if (born.refused) {
        ck_assert_str_eq(born.birth, "2026-01-01T00:00:00.000000Z");
        ck_assert_str_eq(born.hostname, "h");
        ck_assert_str_eq(born.pid, "7");
    }
    crq_reply_free(reply);
    return born;
}

static const struct {
    const char *seed, *replaces;
    bool refused;
    const char *changes;
} births[] = {
    { "", NULL, false,
            "+rq:worker:w hash ttl=480\n"
            "  birth @0\n"
            "  hostname host\n"
            "  ip_address 1.2.3.4\n"
            "  last_heartbeat @0\n"
            "  pid 4711\n"
            "  python_version C11\n"
            "  queues \"q1,q 2\"\n"
            "  state started\n"
            "  version 0.1.0\n"
            "+rq:workers set\n"
            "  rq:worker:w\n"
            "+\"rq:workers:q 2\" set\n"
            "  rq:worker:w\n"
            "+rq:workers:q1 set\n"
            "  rq:worker:w\n" },
    { OTHER, NULL, true, "" },
    { OTHER "HSET rq:worker:w death d current_job j\n", NULL, false,
            "rq:worker:w hash ttl=480\n"
            "  -birth 2026-01-01T00:00:00\n"
            "  -current_job j\n"
            "  -death d\n"
            "  -hostname h\n"
            "  -pid 7\n"
            "  +birth @0\n"
            "  +hostname host\n"
            "  +ip_address 1.2.3.4\n"
            "  +last_heartbeat @0\n"
            "  +pid 4711\n"
            "  +python_version C11\n"
            "  +queues \"q1,q 2\"\n"
            "  +state started\n"
            "  +version 0.1.0\n"
            "+rq:workers set\n"
            "  rq:worker:w\n"
            "+\"rq:workers:q 2\" set\n"
            "  rq:worker:w\n"
            "+rq:workers:q1 set\n"
            "  rq:worker:w\n" },
    { OTHER, "2026-01-01T00:00:00.000000Z", false,
            "rq:worker:w hash ttl=480\n"
            "  -birth 2026-01-01T00:00:00\n"
            "  -hostname h\n"
            "  -pid 7\n"
            "  +birth @0\n"
            "  +hostname host\n"
            "  +ip_address 1.2.3.4\n"
            "  +last_heartbeat @0\n"
            "  +pid 4711\n"
            "  +python_version C11\n"
            "  +queues \"q1,q 2\"\n"
            "  +state started\n"
            "  +version 0.1.0\n"
            "+rq:workers set\n"
            "  rq:worker:w\n"
            "+\"rq:workers:q 2\" set\n"
            "  rq:worker:w\n"
            "+rq:workers:q1 set\n"
            "  rq:worker:w\n" },
    { OTHER, "2026-01-01T00:00:00.000001Z", true, "" },
};

START_TEST(test_a_name_has_one_live_record_and_repeated_changes_nothing)
{
    crq_conn *conn = live_conn();

    live_seed(conn, births[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(birth(conn, births[_i].replaces).refused,
                births[_i].refused);
        steps_expect(conn, births[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

static const char *const foreign[] = {
    "SET rq:worker:w x",
    "SET rq:workers x",
    "SET rq:workers:q1 x",
};

START_TEST(test_a_birth_that_redis_refuses_writes_nothing)
{
    crq_conn *conn = live_conn();
    struct crq_args args;
    crq_error err;
    size_t nkeys;

    live_seed(conn, foreign[_i]);
    steps_mark(conn);
    crq_args_init(&args);
    nkeys = crq_birth_words(&record, 480, NULL, AT_US, &args);
    ck_assert_int_eq(crq_script_call(conn, &crq_script_worker_birth, nkeys,
                             &args, NULL, &err),
            CRQ_EREDIS);
    crq_args_fini(&args);
    steps_expect(conn, "");
    crq_conn_free(conn);
}
END_TEST

#define REGISTERED                                                              \
    "SADD rq:workers rq:worker:w rq:worker:v\nSADD rq:workers:q1 rq:worker:w\n" \
    "SADD \"rq:workers:q 2\" rq:worker:w\n"

static const struct {
    const char *seed, *changes;
} deaths[] = {
    { REGISTERED "HSET rq:worker:w birth " BORN " pid 1\n",
            "rq:worker:w hash ttl=60\n"
            "  +death @1\n"
            "rq:workers set\n"
            "  -rq:worker:w\n"
            "-\"rq:workers:q\n"
            "-rq:workers:q1\n" },
    { REGISTERED,
            "rq:workers set\n"
            "  -rq:worker:w\n"
            "-\"rq:workers:q\n"
            "-rq:workers:q1\n" },
    { REGISTERED OTHER, "" },
};

START_TEST(test_a_death_leaves_the_sets_and_repeated_changes_nothing)
{
    crq_conn *conn = live_conn();

    live_seed(conn, deaths[_i].seed);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        struct crq_args args;
        size_t nkeys;

        crq_args_init(&args);
        nkeys = crq_death_words(&record, AT_US + 1000000, &args);
        crq_reply_free(steps_call(conn, &crq_script_worker_death, nkeys,
                &args));
        steps_expect(conn, deaths[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *seed;
    bool kept;
    struct crq_record_update update;
    const char *changes;
} updates[] = {
    { "HSET rq:worker:w birth " BORN " state idle current_job old\n", true,
            { "w", AT_US, "busy", "j", 0.25, 3, 4, 12.5, CRQ_UNSET, 90 },
            "rq:worker:v hash ttl=60\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +state idle\n"
            "  +successful_job_count 1\n"
            "  +total_working_time 0.000000\n"
            "rq:worker:w hash ttl=90\n"
            "  -current_job old\n"
            "  -state idle\n"
            "  +current_job j\n"
            "  +current_job_working_time 0.250000\n"
            "  +failed_job_count 4\n"
            "  +last_heartbeat @2\n"
            "  +state busy\n"
            "  +successful_job_count 3\n"
            "  +total_working_time 12.500000\n" },
    { "HSET rq:worker:w birth " BORN " state busy current_job old "
      "shutdown_requested_date x\n",
            true, { "w", AT_US, "idle", NULL, 0, 0, 0, 0, AT_US, 480 },
            "rq:worker:v hash ttl=60\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +state idle\n"
            "  +successful_job_count 1\n"
            "  +total_working_time 0.000000\n"
            "rq:worker:w hash ttl=480\n"
            "  -current_job old\n"
            "  -shutdown_requested_date x\n"
            "  -state busy\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +shutdown_requested_date @0\n"
            "  +state idle\n"
            "  +successful_job_count 0\n"
            "  +total_working_time 0.000000\n" },
    { "HSET rq:worker:w birth " BORN " death x\nEXPIRE rq:worker:w 60\n", true,
            { "w", AT_US, "idle", NULL, 0, 3, 0, 0.5, CRQ_UNSET, 480 },
            "rq:worker:v hash ttl=60\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +state idle\n"
            "  +successful_job_count 1\n"
            "  +total_working_time 0.000000\n"
            "rq:worker:w hash ttl=60\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +state idle\n"
            "  +successful_job_count 3\n"
            "  +total_working_time 0.500000\n" },
    { "", false, { "w", AT_US, "idle", NULL, 0, 0, 0, 0, CRQ_UNSET, 480 },
            "rq:worker:v hash ttl=60\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +state idle\n"
            "  +successful_job_count 1\n"
            "  +total_working_time 0.000000\n" },
    { OTHER, false, { "w", AT_US, "idle", NULL, 0, 0, 0, 0, CRQ_UNSET, 480 },
            "rq:worker:v hash ttl=60\n"
            "  +current_job_working_time 0.000000\n"
            "  +failed_job_count 0\n"
            "  +last_heartbeat @2\n"
            "  +state idle\n"
            "  +successful_job_count 1\n"
            "  +total_working_time 0.000000\n" },
};

START_TEST(test_an_update_is_of_our_record_only_and_safe_to_repeat)
{
    crq_conn *conn = live_conn();

    live_seed(conn, updates[_i].seed);
    live_seed(conn, "HSET rq:worker:v birth " BORN);
    steps_mark(conn);
    for (int round = 0; round < 2; round++) {
        struct crq_record_update other = { "v", AT_US, "idle", NULL, 0, 1, 0, 0,
            CRQ_UNSET, 60 };
        struct crq_args args;
        crq_reply *reply;
        crq_error err;
        size_t nkeys;

        crq_args_init(&args);
        nkeys = crq_update_start(&args, AT_US + 2000000);
        crq_update_add(&args, &updates[_i].update);
        crq_update_add(&args, &other);
        reply = steps_call(conn, &crq_script_worker_update, nkeys, &args);
        unit_ok(crq_update_read(reply, 2, &err), &err);
        ck_assert_int_eq(crq_update_kept(reply, 0), updates[_i].kept);
        ck_assert(crq_update_kept(reply, 1));
        crq_reply_free(reply);
        steps_expect(conn, updates[_i].changes);
    }
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("record");

    unit_add_rows(tc,
            test_a_name_has_one_live_record_and_repeated_changes_nothing,
            births);
    unit_add_rows(tc, test_a_birth_that_redis_refuses_writes_nothing, foreign);
    unit_add_rows(tc, test_a_death_leaves_the_sets_and_repeated_changes_nothing,
            deaths);
    unit_add_rows(tc, test_an_update_is_of_our_record_only_and_safe_to_repeat,
            updates);
    return live_run("record", tc);
}
