/* check_keys.c - tests of model/keys.c. */
#include "unit.h"

#include <string.h>

#include "model/keys.h"

/* As RQ 2.10 spells them. */
static const struct {
    enum crq_key key;
    const char *part, *part2, *want;
} rows[] = {
    { CRQ_KEY_QUEUES, NULL, NULL, "rq:queues" },
    { CRQ_KEY_QUEUE, "high", NULL, "rq:queue:high" },
    { CRQ_KEY_INTERMEDIATE, "high", NULL, "rq:queue:high:intermediate" },
    { CRQ_KEY_JOB, "id", NULL, "rq:job:id" },
    { CRQ_KEY_JOB_DEPENDENTS, "id", NULL, "rq:job:id:dependents" },
    { CRQ_KEY_JOB_DEPENDENCIES, "id", NULL, "rq:job::id:dependencies" },
    { CRQ_KEY_RESULTS, "id", NULL, "rq:results:id" },
    { CRQ_KEY_EXECUTIONS, "id", NULL, "rq:executions:id" },
    { CRQ_KEY_EXECUTION, "id", "0123abcd", "rq:execution:id:0123abcd" },
    { CRQ_KEY_STARTED, "high", NULL, "rq:wip:high" },
    { CRQ_KEY_FINISHED, "high", NULL, "rq:finished:high" },
    { CRQ_KEY_FAILED, "high", NULL, "rq:failed:high" },
    { CRQ_KEY_DEFERRED, "high", NULL, "rq:deferred:high" },
    { CRQ_KEY_SCHEDULED, "high", NULL, "rq:scheduled:high" },
    { CRQ_KEY_CANCELED, "high", NULL, "rq:canceled:high" },
    { CRQ_KEY_WORKERS, NULL, NULL, "rq:workers" },
    { CRQ_KEY_QUEUE_WORKERS, "high", NULL, "rq:workers:high" },
    { CRQ_KEY_WORKER, "host.1", NULL, "rq:worker:host.1" },
    { CRQ_KEY_PUBSUB, "host.1", NULL, "rq:pubsub:host.1" },
    { CRQ_KEY_SUSPENDED, NULL, NULL, "rq:suspended" },
    { CRQ_KEY_CLEANING, "high", NULL, "rq:clean_registries:high" },
    { CRQ_KEY_GROUPS, NULL, NULL, "rq:groups" },
    { CRQ_KEY_FIRST_SEEN, "high", "a",
            "rq:queue:high:intermediate:first_seen:a" },
    { CRQ_KEY_GROUP, "g", NULL, "rq:group:g" },
    { CRQ_KEY_ALIVE, NULL, NULL, "crq:alive" },
    { CRQ_KEY_RUNS, "host.1", NULL, "crq:runs:host.1" },
    { CRQ_KEY_LOG, "id", NULL, "crq:log:id" },
    { CRQ_KEY_SCHEDULES, NULL, NULL, "crq:schedules" },
    { CRQ_KEY_SCHEDULE, "s", NULL, "crq:schedule:s" },
    { CRQ_KEY_LEADER, NULL, NULL, "crq:scheduler:leader" },
    { CRQ_KEY_WANTED, NULL, NULL, "crq:scheduler:wanted" },
    { CRQ_KEY_QUARANTINE, NULL, NULL, "crq:scheduler:quarantine" },
    { CRQ_KEY_TRIGGERS, NULL, NULL, "crq:triggers" },
    { CRQ_KEY_APP, "pet", NULL, "crq:app:pet" },
    { CRQ_KEY_IDEMPOTENCY, "0123", NULL, "crq:idempotency:0123" },
    { CRQ_KEY_WAKE, NULL, NULL, "crq:scheduler:wake" }, /* in Lua, too */
    { CRQ_KEY_REPLY, "w", NULL, "crq:reply:w" },
    { CRQ_KEY_SOCKETS, NULL, NULL, "crq:web:sockets" },
    { CRQ_KEY_STATS, "q", NULL, "crq:stats:queue:q" },
    { CRQ_KEY_STATS, "", NULL, "crq:stats:queue:" },
    { CRQ_KEY_STATS_MINUTE, "29401234", "q", "crq:stats:minute:29401234:q" },
    { CRQ_KEY_STATS_SEEN, "w", NULL, "crq:stats:seen:w" },
    { CRQ_KEY_FAILURES, NULL, NULL, "crq:failures" },
    { CRQ_KEY_FAILURE_COUNTS, NULL, NULL, "crq:failures:counts" },
    { CRQ_KEY_FAILURE_SAMPLES, NULL, NULL, "crq:failures:samples" },
    { CRQ_KEY_SCHEDULER_LOCK, "high", NULL, "rq:scheduler-lock:high" },
    { CRQ_KEY_SCHEDULER, "host.1", NULL, "rq:scheduler:host.1" },
    { CRQ_KEY_PERIODIC, NULL, NULL, "rq:scheduler:scheduled_jobs" },
    { CRQ_KEY_PERIODIC_LOCK, NULL, NULL, "rq:scheduler_lock" },
    { CRQ_KEY_CRON_SCHEDULERS, NULL, NULL, "rq:cron_schedulers" },
    { CRQ_KEY_CRON_SCHEDULER, "h", NULL, "rq:cron_scheduler:h" },
    { CRQ_KEY_PERIODIC_PROCESS, "h", NULL, "rq:scheduler_instance:h" },
    { CRQ_KEY_PROMOTING, NULL, NULL, "crq:promoting" },
    { CRQ_KEY_PROMOTING_REST, "id", NULL, "crq:promoting:id" },
    { CRQ_KEY_PROMOTING_FAILED, "id", NULL, "crq:promoting_failed:id" },
    /* A '%' in a name is no place for a part. */
    { CRQ_KEY_EXECUTION, "%", "%s", "rq:execution:%:%s" },
    { CRQ_KEY_QUEUE, "", NULL, "rq:queue:" },
};

START_TEST(test_a_key_is_the_one_rq_writes)
{
    char got[CRQ_KEY_MAX];
    size_t len = crq_key2(got, rows[_i].key, rows[_i].part, rows[_i].part2);

    ck_assert_str_eq(got, rows[_i].want);
    ck_assert_uint_eq(len, strlen(rows[_i].want));
}
END_TEST

START_TEST(test_every_key_has_a_row)
{
    for (int key = 0; key < CRQ_KEY_COUNT; key++) {
        bool found = false;

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            found = found || (int)rows[i].key == key;
        ck_assert_msg(found, "key %d is not tested", key);
    }
}
END_TEST

START_TEST(test_the_longest_names_fit)
{
    char name[CRQ_NAME_MAX + 1], got[CRQ_KEY_MAX];

    memset(name, 'x', CRQ_NAME_MAX);
    name[CRQ_NAME_MAX] = '\0';
    for (int key = 0; key < CRQ_KEY_COUNT; key++)
        ck_assert_uint_lt(crq_key2(got, (enum crq_key)key, name, name),
                CRQ_KEY_MAX);
}
END_TEST

static const struct {
    const char *key, *queue, *worker;
} names[] = {
    { "rq:queue:a", "a", NULL },
    { "rq:queue:a:b c", "a:b c", NULL },
    { "rq:queue:", NULL, NULL },
    { "rq:queue", NULL, NULL },
    { "RQ:queue:a", NULL, NULL },
    { "rq:worker:w", NULL, "w" },
    { "rq:workers:w", NULL, NULL },
    { "", NULL, NULL },
};

static void expect_text(const char *got, const char *want)
{
    if (want == NULL)
        ck_assert_ptr_null(got);
    else
        ck_assert_str_eq(got, want);
}

START_TEST(test_a_name_is_found_in_its_key_only)
{
    expect_text(crq_key_queue_name(names[_i].key), names[_i].queue);
    expect_text(crq_key_worker_name(names[_i].key), names[_i].worker);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("keys");

    unit_add_rows(tc, test_a_key_is_the_one_rq_writes, rows);
    tcase_add_test(tc, test_every_key_has_a_row);
    tcase_add_test(tc, test_the_longest_names_fit);
    unit_add_rows(tc, test_a_name_is_found_in_its_key_only, names);
    return unit_run("keys", tc);
}
