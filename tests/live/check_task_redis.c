/* check_task_redis.c - tests of task/task_redis.c and task/task_meta.c, and of
 * what the module demo does with Redis. */
#include "live.h"
#include "tasks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/serializer.h"

/* The connection of the test, which every run gets. */
static crq_conn *conn;
static int opened; /* how often a run has asked for it */

static int on_conn(void *arg, crq_conn **out, crq_error *err)
{
    (void)arg;
    (void)err;
    opened++;
    *out = conn;
    return 0;
}

/* ------------------------------------------------------------------ tasks */

#define GIVE(call)                                                             \
    do {                                                                       \
        crq_value *v_ = NULL;                                                  \
        int rc_ = (call);                                                      \
                                                                               \
        return rc_ < 0 ? rc_ : crq_task_return(task, v_);                      \
    } while (0)

/* One command of each kind, by number. */
static int command(crq_task *task, crq_error *err)
{
    static const char binary[] = { 'a', '\0', '\xff' };

    switch (crq_task_int(task, "n")) {
    case 0: GIVE(crq_task_redis(task, &v_, err, "PING"));
    case 1:
        GIVE(crq_task_redis(task, &v_, err, "SET key:%s %s", "a b",
                "two words"));
    case 2: GIVE(crq_task_redis(task, &v_, err, "GET key:%s", "a b"));
    case 3: GIVE(crq_task_redis(task, &v_, err, "GET nothing"));
    case 4:
        GIVE(crq_task_redis(task, &v_, err,
                " RPUSH\tl %d %i %u %ld %lu %lld %llu %zu ", -1, 2, 3u, -4L,
                5ul, (long long)INT64_MIN, (unsigned long long)UINT64_MAX,
                (size_t)7));
    case 5: GIVE(crq_task_redis(task, &v_, err, "LRANGE l 0 -1"));
    case 6: GIVE(crq_task_redis(task, &v_, err, "SET %s%s %g", "", "", 0.1));
    case 7: GIVE(crq_task_redis(task, &v_, err, "GET %s", ""));
    case 8:
        GIVE(crq_task_redis(task, &v_, err, "SET b x%b%%", binary,
                sizeof(binary)));
    case 9: GIVE(crq_task_redis(task, &v_, err, "GET b"));
    case 10: GIVE(crq_task_redis(task, &v_, err, "INCR key:%s", "a b"));
    case 11:
        GIVE(crq_task_redis(task, &v_, err, "EVAL %s 0",
                "return {1, false, 'x', {2}}"));
    case 12:
        GIVE(crq_task_redis(task, &v_, err, "EVAL %s 0",
                "return {1, {err = 'MINE no'}}"));
    case 13: GIVE(crq_task_redis(task, &v_, err, "SET a %q", 1));
    case 14: GIVE(crq_task_redis(task, &v_, err, "SET a 50%"));
    case 15: GIVE(crq_task_redis(task, &v_, err, " "));
    case 16: GIVE(crq_task_redis(task, &v_, err, "multi"));
    case 17: GIVE(crq_task_redis(task, &v_, err, "%s %d", "Select", 3));
    case 18: GIVE(crq_task_redis(task, &v_, err, "SUBSCRIBE news"));
    case 19: return crq_task_redis(task, NULL, err, "SET quiet 1");
    default: return 0;
    }
}

static const struct {
    int n;
    const char *returned, *failed; /* failed: a part of it */
} commands[] = {
    { 0, "\"PONG\"", NULL },
    { 1, "\"OK\"", NULL },
    { 2, "\"two words\"", NULL },
    { 3, "null", NULL },
    { 4, "8", NULL },
    { 5,
            "[\"-1\", \"2\", \"3\", \"-4\", \"5\", \"-9223372036854775808\", "
            "\"18446744073709551615\", \"7\"]",
            NULL },
    { 6, "\"OK\"", NULL },
    { 7, "\"0.1\"", NULL },
    { 8, "\"OK\"", NULL },
    { 10, NULL, "value is not an integer or out of range" },
    { 11, "[1, null, \"x\", [2]]", NULL },
    { 12, NULL, "MINE no" },
    { 13, NULL, "'%q' in 'SET a %q' is none of %s %b %d" },
    { 14, NULL, "'%' in 'SET a 50%' is none of %s %b %d" },
    { 15, NULL, "there is no command" },
    { 16, NULL, "MULTI would change the connection for later runs" },
    { 17, NULL, "SELECT would change the connection for later runs" },
    { 18, NULL, "SUBSCRIBE would change the connection for later runs" },
    { 19, "null", NULL },
};

static int number(crq_task *task, crq_error *err)
{
    int64_t n = 0;
    int rc = crq_task_redis_int(task, &n, err, "%s key %s",
            crq_task_str(task, "verb"), crq_task_str_or(task, "value", "1"));

    return rc < 0 ? rc : crq_task_return_int(task, n);
}

/* Adds ARGV[1] to KEYS[1], and says how many are there and which it was. */
static int script(crq_task *task, crq_error *err)
{
    static const char lua[] = "if ARGV[1] == 'bad' then\n"
                              "    return redis.error_reply('PET is ill')\n"
                              "end\n"
                              "redis.call('SADD', KEYS[1], ARGV[1])\n"
                              "return {redis.call('SCARD', KEYS[1]), ARGV[1]}";

    GIVE(crq_task_script(task, lua, (int)crq_task_int(task, "keys"), &v_, err,
            "set:%d %s", 1, crq_task_str(task, "arg")));
}

/* Sets progress 0.0, 0.1 ... at once, and at last 1.0 or more. */
static int progress(crq_task *task, crq_error *err)
{
    double last = crq_task_float(task, "last");
    int rc = 0;

    for (int i = 0; rc == 0 && i < 10; i++)
        rc = crq_task_progress(task, i / 10.0, err);
    if (rc == 0)
        rc = crq_task_progress(task, last, err);
    return rc;
}

static int not_a_number(crq_task *task, crq_error *err)
{
    return crq_task_progress(task, (double)NAN, err);
}

/* Sets a key of meta, and returns what it and "old" are then. */
static int meta(crq_task *task, crq_error *err)
{
    crq_value *list = NULL;
    int rc = crq_task_meta_set(task, "new",
            crq_value_ref(crq_task_value(task, "value")), err);

    if (rc < 0)
        return rc;
    list = crq_value_new_list();
    rc = crq_value_add(list, crq_value_ref(crq_task_meta(task, "new")));
    if (rc == 0)
        rc = crq_value_add(list, crq_value_ref(crq_task_meta(task, "old")));
    if (rc == 0)
        return crq_task_return(task, list);
    crq_value_free(list);
    return rc;
}

static const crq_task_def defs[] = {
    CRQ_TASK("t.command", command, "n"),
    CRQ_TASK("t.number", number, "verb, value=1"),
    CRQ_TASK("t.script", script, "keys, arg"),
    CRQ_TASK("t.progress", progress, "last"),
    CRQ_TASK("t.not_a_number", not_a_number, ""),
    CRQ_TASK("t.meta", meta, "value"),
};
static const crq_module_def module = { CRQ_MODULE_ABI, sizeof(crq_task_def),
    "t", defs, sizeof(defs) / sizeof(defs[0]) };

static void begin(void)
{
    crq_error err;

    conn = live_conn();
    opened = 0;
    tasks_begin(&module);
    tasks.hooks.conn = on_conn;
    unit_ok(crq_modules_load(tasks.modules, DEMO "/demo.so", &err), &err);
}

static void end(void)
{
    tasks_end();
    crq_conn_free(conn);
}

static void failed_with(const char *part)
{
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_FAILED);
    ck_assert_msg(strstr(tasks.outcome.error, part) != NULL,
            "wanted: %s\ngot: %s", part, tasks.outcome.error);
}

/* --------------------------------------------------------------- commands */

START_TEST(test_commands_are_written_by_format_and_answered_with_values)
{
    char args[20];

    begin();
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        snprintf(args, sizeof(args), "[%d]", commands[i].n);
        tasks_call("t.command", args, "{}");
        if (commands[i].returned != NULL)
            tasks_returned(commands[i].returned);
        else
            failed_with(commands[i].failed);
    }
    live_expect(conn,
            "\"\" string\n"
            "  0.1\n"
            "b string\n"
            "  \"xa\\x00\\xff%\"\n"
            "\"key:a b\" string\n"
            "  \"two words\"\n"
            "l list\n"
            "  -1\n"
            "  2\n"
            "  3\n"
            "  -4\n"
            "  5\n"
            "  -9223372036854775808\n"
            "  18446744073709551615\n"
            "  7\n"
            "quiet string\n"
            "  1\n");
    end();
}
END_TEST

START_TEST(test_a_reply_that_is_no_utf_8_is_bytes)
{
    crq_value *v;
    crq_error err;

    begin();
    tasks_call("t.command", "[8]", "{}");
    tasks_call("t.command", "[9]", "{}");
    unit_ok(crq_deserialize(tasks.outcome.value, tasks.outcome.value_len, &v,
                    NULL, &err),
            &err);
    ck_assert_int_eq(crq_value_type(v), CRQ_BYTES);
    ck_assert_mem_eq(crq_value_data(v, NULL), "xa\0\xff%", 5);
    crq_value_free(v);
    end();
}
END_TEST

START_TEST(test_a_number_is_a_number_or_a_failure)
{
    begin();
    tasks_call("t.number", "[\"INCRBY\", \"41\"]", "{}");
    tasks_returned("41");
    tasks_call("t.number", "[\"INCRBY\", \"-42\"]", "{}");
    tasks_returned("-1");
    tasks_call("t.number", "[\"GETSET\"]", "{}");
    tasks_failed("crq.ECODEC: the reply to '%s key %s' is not an integer");
    ck_assert_int_eq(opened, 3); /* once for each run */
    end();
}
END_TEST

START_TEST(test_a_script_is_loaded_when_redis_does_not_know_it)
{
    begin();
    for (int i = 0; i < 2; i++) {
        tasks_call("t.script", "[1, \"a\"]", "{}");
        tasks_returned("[1, \"a\"]");
    }
    live_seed(conn, "SCRIPT FLUSH");
    tasks_call("t.script", "[1, \"b c\"]", "{}");
    tasks_returned("[2, \"b c\"]");
    tasks_call("t.script", "[1, \"bad\"]", "{}");
    failed_with("crq.EREDIS: ");
    failed_with("PET is ill");
    tasks_call("t.script", "[3, \"a\"]", "{}");
    tasks_failed("crq.EINVAL: 3 keys, but 2 words");
    tasks_call("t.script", "[-1, \"a\"]", "{}");
    tasks_failed("crq.EINVAL: -1 keys, but 2 words");
    live_expect(conn, "set:1 set\n  a\n  \"b c\"\n");
    end();
}
END_TEST

/* ------------------------------------------------------------------- meta */

static void use_meta(const char *json, struct crq_buf *bytes)
{
    crq_value *v;
    crq_error err;

    unit_ok(crq_value_from_json(json, strlen(json), &v, &err), &err);
    crq_buf_clear(bytes);
    unit_ok(crq_serialize(tasks.serializer, v, bytes, &err), &err);
    tasks.run.meta = crq_buf_text(bytes);
    tasks.run.meta_len = bytes->len;
    crq_value_free(v);
}

START_TEST(test_meta_is_stored_in_the_jobs_serializer_with_what_was_there)
{
    struct crq_buf bytes = CRQ_BUF_INIT;

    begin();
    tasks.serializer = CRQ_JSON;
    live_seed(conn,
            "HSET rq:job:job-1 data x status started\n"
            "EXPIRE rq:job:job-1 100");
    use_meta("{\"old\": [1], \"new\": 2}", &bytes);
    tasks_call("t.meta", "[\"v\"]", "{}");
    tasks_returned("[\"v\", [1]]");
    live_expect(conn,
            "rq:job:job-1 hash ttl=100\n"
            "  data x\n"
            "  meta \"{\\\"old\\\": [1], \\\"new\\\": \\\"v\\\"}\"\n"
            "  status started\n");
    end();
    crq_buf_fini(&bytes);
}
END_TEST

/* What Python's RQ reads: pickle.dumps({'key': 'value'}, 5). */
START_TEST(test_meta_begins_where_there_was_none)
{
    begin();
    live_seed(conn, "HSET rq:job:job-1 data x");
    tasks_call("demo.meta", "[\"key\", \"value\"]", "{}");
    tasks_returned("null");
    live_expect(conn,
            "rq:job:job-1 hash\n"
            "  data x\n"
            "  meta \"\\x80\\x05\\x95\\x12\\x00\\x00\\x00\\x00\\x00\\x00\\x00}"
            "\\x94\\x8c\\x03key\\x94\\x8c\\x05value\\x94s.\"\n");
    end();
}
END_TEST

START_TEST(test_a_deleted_job_does_not_come_back)
{
    begin();
    tasks_call("demo.meta", "[\"key\", 1]", "{}");
    tasks_failed("crq.ENOTFOUND: the job 'job-1' was deleted");
    live_seed(conn, "HSET rq:job:job-1 last_heartbeat x");
    tasks_call("demo.meta", "[\"key\", 1]", "{}");
    tasks_failed("crq.ENOTFOUND: the job 'job-1' was deleted");
    live_expect(conn, "rq:job:job-1 hash\n  last_heartbeat x\n");
    end();
}
END_TEST

static const struct {
    const char *meta;
    size_t len;
    const char *says;
} unreadable[] = {
    { "nonsense", 8, "the job's meta can't be read and is left as it is: " },
    { "[1]", 3, "it is a list, not a dict" },
    { "cshop.models\nOrder\n.", 20, "'shop.models.Order'" },
};

START_TEST(test_meta_that_can_not_be_read_is_left_as_it_is)
{
    begin();
    live_seed(conn, "HSET rq:job:job-1 data x meta y");
    tasks.run.meta = unreadable[_i].meta;
    tasks.run.meta_len = unreadable[_i].len;
    tasks_call("demo.meta", "[\"key\", 1]", "{}");
    failed_with("crq.EUNSUPPORTED: the job's meta can't be read");
    failed_with(unreadable[_i].says);
    live_expect(conn, "rq:job:job-1 hash\n  data x\n  meta y\n");
    end();
}
END_TEST

static const struct {
    const char *last, *stored;
} progresses[] = {
    { "[0.95]", "0.0" }, /* too soon after the first */
    { "[1]", "1.0" },
    { "[7]", "1.0" },
};

START_TEST(test_progress_is_stored_first_and_last_and_not_too_often)
{
    char want[200];

    begin();
    tasks.serializer = CRQ_JSON;
    live_seed(conn, "HSET rq:job:job-1 data x");
    tasks_call("t.progress", progresses[_i].last, "{}");
    tasks_returned("null");
    snprintf(want, sizeof(want),
            "rq:job:job-1 hash\n  data x\n"
            "  meta \"{\\\"progress\\\": %s}\"\n",
            progresses[_i].stored);
    live_expect(conn, want);
    tasks_call("t.not_a_number", "[]", "{}");
    tasks_failed("crq.EINVAL: a progress that is no number");
    end();
}
END_TEST

/* ---------------------------------------------------------------- enqueue */

START_TEST(test_a_task_puts_jobs_on_its_own_queue)
{
    crq_serializer serializers[] = { CRQ_PICKLE, CRQ_JSON };
    crq_value *id;
    crq_error err;
    crq_job *job;
    char *text;

    begin();
    tasks.serializer = serializers[_i];
    tasks_call("demo.enqueue", "[\"demo.add\", 1, 2]", "{\"z\": 3}");
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_RETURNED);
    unit_ok(crq_deserialize(tasks.outcome.value, tasks.outcome.value_len, &id,
                    NULL, &err),
            &err);
    unit_ok(crq_job_fetch(conn, crq_value_text(id), &job, &err), &err);
    ck_assert_str_eq(crq_job_origin(job), "high");
    ck_assert_str_eq(crq_job_func(job), "demo.add");
    ck_assert_int_eq(crq_job_serializer(job), tasks.serializer);
    ck_assert_str_eq(crq_job_description(job), "demo.add(1, 2, z=3)");
    unit_ok(crq_value_repr(crq_job_kwargs(job), &text, NULL, &err), &err);
    ck_assert_str_eq(text, "{'z': 3}");
    crq_text_free(text);
    crq_job_free(job);
    crq_value_free(id);
    tasks_call("demo.enqueue", "[\"\"]", "{}");
    failed_with("crq.EINVAL: ");
    end();
}
END_TEST

/* ----------------------------------------------------- the manual's example */

START_TEST(test_the_shop_of_the_manual_sells)
{
    crq_error err;

    begin();
    unit_ok(crq_modules_load(tasks.modules, MODULES "/shop.so", &err), &err);
    tasks_call("shop.total", "[250]", "{\"count\": 3, \"winter\": 1}");
    tasks_returned("750");
    ck_assert_str_eq(crq_buf_text(&tasks.log), "winter is not taken here\n");
    tasks_call("shop.total", "[250, -1]", "{}");
    tasks_failed("ValueError: count is -1");
    live_seed(conn, "SET \"shop:red hat\" 1");
    tasks_call("shop.sell", "[\"red hat\"]", "{}");
    tasks_returned("0");
    tasks_call("shop.sell", "[\"red hat\"]", "{}");
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_RETRY);
    ck_assert_int_eq(tasks.outcome.retry_max, 5);
    ck_assert_uint_eq(tasks.outcome.retry_intervals, 2);
    ck_assert_int_eq(tasks.outcome.retry_intervals_s[1], 60);
    end();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("task_redis");

    tcase_add_test(tc,
            test_commands_are_written_by_format_and_answered_with_values);
    tcase_add_test(tc, test_a_reply_that_is_no_utf_8_is_bytes);
    tcase_add_test(tc, test_a_number_is_a_number_or_a_failure);
    tcase_add_test(tc, test_a_script_is_loaded_when_redis_does_not_know_it);
    tcase_add_test(tc,
            test_meta_is_stored_in_the_jobs_serializer_with_what_was_there);
    tcase_add_test(tc, test_meta_begins_where_there_was_none);
    tcase_add_test(tc, test_a_deleted_job_does_not_come_back);
    unit_add_rows(tc, test_meta_that_can_not_be_read_is_left_as_it_is,
            unreadable);
    unit_add_rows(tc, test_progress_is_stored_first_and_last_and_not_too_often,
            progresses);
    tcase_add_loop_test(tc, test_a_task_puts_jobs_on_its_own_queue, 0, 2);
    tcase_add_test(tc, test_the_shop_of_the_manual_sells);
    return live_run("task_redis", tc);
}
