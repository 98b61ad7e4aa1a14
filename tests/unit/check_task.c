/* check_task.c - tests of task/task.c: a run as its task sees it. */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ tasks */

static int add_all(crq_task *task, crq_value **items, size_t count)
{
    crq_value *list = crq_value_new_list();
    int rc = list != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; i < count; i++)
        if (rc == 0)
            rc = crq_value_add(list, items[i]);
        else
            crq_value_free(items[i]);
    if (rc < 0) {
        crq_value_free(list);
        return rc;
    }
    return crq_task_return(task, list);
}

static int types(crq_task *task, crq_error *err)
{
    const char *s = crq_task_str(task, "s");
    int64_t i = crq_task_int(task, "i");
    double f = crq_task_float(task, "f");
    bool b = crq_task_bool(task, "b");
    int rc = crq_task_args_end(task, err);
    crq_value *items[4];

    if (rc < 0) {
        /* What a wrong one gives is harmless. */
        ck_assert_ptr_nonnull(s);
        return rc;
    }
    items[0] = crq_value_new_text(s);
    items[1] = crq_value_new_int(i);
    items[2] = crq_value_new_float(f);
    items[3] = crq_value_new_bool(b);
    return add_all(task, items, 4);
}

static int defaults(crq_task *task, crq_error *err)
{
    const char *s = crq_task_str_or(task, "s", "none");
    int64_t i = crq_task_int_or(task, "i", -1);
    double f = crq_task_float_or(task, "f", 0.5);
    bool b = crq_task_bool_or(task, "b", true);
    bool given = crq_task_value(task, "v") != NULL;
    int rc = crq_task_args_end(task, err);
    crq_value *items[5];

    if (rc < 0)
        return rc;
    items[0] = crq_value_new_text(s);
    items[1] = crq_value_new_int(i);
    items[2] = crq_value_new_float(f);
    items[3] = crq_value_new_bool(b);
    items[4] = crq_value_new_bool(given);
    return add_all(task, items, 5);
}

static int rest(crq_task *task, crq_error *err)
{
    crq_value *items[] = { crq_value_ref(crq_task_rest(task)),
        crq_value_ref(crq_task_keywords(task)) };

    (void)err;
    return add_all(task, items, 2);
}

static int stranger(crq_task *task, crq_error *err)
{
    crq_task_value(task, "nope");
    return crq_task_args_end(task, err);
}

/* Reads what may be left out as if it may not. */
static int no_or(crq_task *task, crq_error *err)
{
    crq_task_int(task, "x");
    return crq_task_args_end(task, err);
}

/* Never asks whether its arguments were right. */
static int careless(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return_int(task, crq_task_int(task, "x") + 1);
}

static int job(crq_task *task, crq_error *err)
{
    crq_value *items[] = { crq_value_new_text(crq_task_job_id(task)),
        crq_value_new_text(crq_task_queue(task)),
        crq_value_new_text(crq_task_worker(task)),
        crq_value_new_int(crq_task_retries_left(task)),
        crq_value_new_bool(crq_task_should_stop(task)),
        crq_value_new_bool(crq_task_serializer(task) == CRQ_JSON) };

    (void)err;
    return add_all(task, items, 6);
}

/* The last word counts. */
static int say(crq_task *task, crq_error *err)
{
    (void)err;
    if (crq_task_retry(task, 3, NULL, 0) < 0 ||
            crq_task_return_bool(task, true) < 0)
        return CRQ_ENOMEM;
    return crq_task_return_str(task, "last");
}

static int wrong_text(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return_str(task, "\xff");
}

/* Logs what it is given, so many times. */
static int log_it(crq_task *task, crq_error *err)
{
    const char *text = crq_task_str(task, "text");
    int64_t times = crq_task_int_or(task, "times", 1);

    for (int64_t i = 0; i < times; i++)
        crq_task_log(task, "%s", text);
    return crq_task_args_end(task, err);
}

static int fail_with(crq_task *task, crq_error *err)
{
    const char *class_name = crq_task_str(task, "class_name");
    const char *message = crq_task_str(task, "message");
    int rc = crq_task_fail(task, err, class_name, "%s", message);

    ck_assert_int_eq(rc, CRQ_ETASK);
    ck_assert_int_eq(err->code, CRQ_ETASK);
    return rc;
}

/* refuse(status, extra, text) */
static int refuse(crq_task *task, crq_error *err)
{
    int rc = crq_task_refuse(task, err, (int)crq_task_int(task, "status"),
            crq_task_value(task, "extra"), crq_task_str(task, "text"), "%s!",
            crq_task_str(task, "text"));

    ck_assert_int_eq(rc, CRQ_ETASK);
    return rc;
}

/* A failure that was overcome is none. */
static int overcome(crq_task *task, crq_error *err)
{
    ck_assert_int_eq(crq_task_fail(task, err, "ValueError", "no"), CRQ_ETASK);
    ck_assert_int_eq(crq_task_fail(task, NULL, "ValueError", "no"), CRQ_ETASK);
    return crq_task_return_int(task, 7);
}

static const crq_task_def defs[] = {
    CRQ_TASK("t.types", types, "s, i, f, b"),
    CRQ_TASK("t.defaults", defaults, "s='', i=0, f=0, b=False, v=None"),
    CRQ_TASK("t.rest", rest, "*args, **kwargs"),
    CRQ_TASK("t.none", rest, "x=1"),
    CRQ_TASK("t.stranger", stranger, "x=1"),
    CRQ_TASK("t.no_or", no_or, "x=1"),
    CRQ_TASK("t.careless", careless, "x"),
    CRQ_TASK("t.job", job, ""),
    CRQ_TASK("t.say", say, ""),
    CRQ_TASK("t.wrong_text", wrong_text, ""),
    CRQ_TASK("t.log", log_it, "text, times=1"),
    CRQ_TASK("t.fail", fail_with, "class_name, message"),
    CRQ_TASK("t.refuse", refuse, "status, extra, text"),
    CRQ_TASK("t.overcome", overcome, ""),
};
static const crq_module_def module = { CRQ_MODULE_ABI, sizeof(crq_task_def),
    "t", defs, sizeof(defs) / sizeof(defs[0]) };

static void setup(void)
{
    tasks_begin(&module);
}

static void teardown(void)
{
    tasks_end();
}

/* -------------------------------------------------------------- arguments */

static const struct {
    const char *func, *args, *kwargs, *returned, *failed;
} calls[] = {
    { "t.types", "[\"a\", 1, 2.5, true]", "{}", "[\"a\", 1, 2.5, true]", NULL },
    { "t.types", "[]", "{\"b\": false, \"f\": 3, \"i\": -1, \"s\": \"\"}",
            "[\"\", -1, 3.0, false]", NULL },
    { "t.types", "[\"a\", 9223372036854775807, 1e300, true]", "{}",
            "[\"a\", 9223372036854775807, 1e300, true]", NULL },
    { "t.types", "[\"a\", 1, 123456789012345678901234567890, true]", "{}",
            "[\"a\", 1, 1.2345678901234568e+29, true]", NULL },
    { "t.types", "[1, 1, 1, true]", "{}", NULL,
            "TypeError: t.types() argument 's' must be str, not int" },
    { "t.types", "[null, 1, 1, true]", "{}", NULL,
            "TypeError: t.types() argument 's' must be str, not NoneType" },
    { "t.types", "[\"a\", 1.0, 1, true]", "{}", NULL,
            "TypeError: t.types() argument 'i' must be int, not float" },
    { "t.types", "[\"a\", true, 1, true]", "{}", NULL,
            "TypeError: t.types() argument 'i' must be int, not bool" },
    { "t.types", "[\"a\", 1, \"1\", true]", "{}", NULL,
            "TypeError: t.types() argument 'f' must be float, not str" },
    { "t.types", "[\"a\", 1, 1, 1]", "{}", NULL,
            "TypeError: t.types() argument 'b' must be bool, not int" },
    /* The first mistake is the one that is told. */
    { "t.types", "[1, [], {}, 1]", "{}", NULL,
            "TypeError: t.types() argument 's' must be str, not int" },
    { "t.types", "[\"a\\u0000b\", 1, 1, true]", "{}", NULL,
            "ValueError: t.types() argument 's': embedded null character" },
    { "t.types", "[\"a\", 9223372036854775808, 1, true]", "{}", NULL,
            "OverflowError: t.types() argument 'i' does not fit in 64 bits" },
    { "t.defaults", "[]", "{}", "[\"none\", -1, 0.5, true, false]", NULL },
    { "t.defaults", "[\"a\", 1, 2, false, null]", "{}",
            "[\"a\", 1, 2.0, false, true]", NULL },
    { "t.defaults", "[null]", "{}", NULL,
            "TypeError: t.defaults() argument 's' must be str, not NoneType" },
    { "t.rest", "[1, 2]", "{\"a\": 3}", "[[1, 2], {\"a\": 3}]", NULL },
    { "t.rest", "[]", "{}", "[[], {}]", NULL },
    { "t.none", "[1]", "{}", "[[], {}]", NULL },
    { "t.stranger", "[]", "{}", NULL,
            "crq.TaskError: t.stranger() reads 'nope', which is none of its "
            "parameters" },
    { "t.no_or", "[]", "{}", NULL,
            "crq.TaskError: t.no_or() has no value for 'x', which may be left "
            "out: read it with an _or() getter" },
    { "t.careless", "[1]", "{}", "2", NULL },
    { "t.careless", "[\"a\"]", "{}", NULL,
            "TypeError: t.careless() argument 'x' must be int, not str" },
    { "t.say", "[]", "{}", "\"last\"", NULL },
    { "t.wrong_text", "[]", "{}", NULL,
            "ValueError: t.wrong_text() returns a text that is not UTF-8" },
    { "t.fail", "[\"shop.NoStock\", \"100% gone\"]", "{}", NULL,
            "shop.NoStock: 100% gone" },
    { "t.fail", "[\"ValueError\", \"\"]", "{}", NULL, "ValueError" },
    { "t.fail", "[\"not a class\", \"x\"]", "{}", NULL, "crq.TaskError: x" },
    { "t.fail", "[\"\", \"x\"]", "{}", NULL, "crq.TaskError: x" },
    { "t.refuse", "[409, {\"retry_in_s\": 2.5}, \"asleep\"]", "{}", NULL,
            "crq.Refused: {\"status\":409,\"title\":\"asleep\","
            "\"detail\":\"asleep!\",\"retry_in_s\":2.5}" },
    { "t.refuse", "[400, null, \"\\\"\\n\xc3\xa4\"]", "{}", NULL,
            "crq.Refused: {\"status\":400,\"title\":\"\\\"\\n\xc3\xa4\","
            "\"detail\":\"\\\"\\n\xc3\xa4!\"}" },
    { "t.refuse",
            "[499, {\"title\": 1, \"status\": 200, \"type\": 1, \"a\\\"\": []}, "
            "\"x\"]",
            "{}", NULL,
            "crq.Refused: {\"status\":499,\"title\":\"x\",\"detail\":\"x!\","
            "\"a\\\"\":[]}" },
    { "t.refuse", "[500, null, \"x\"]", "{}", NULL,
            "ValueError: a refusal's status is 400 to 499, not 500" },
    { "t.refuse", "[399, null, \"x\"]", "{}", NULL,
            "ValueError: a refusal's status is 400 to 499, not 399" },
    { "t.refuse", "[409, [], \"x\"]", "{}", NULL,
            "TypeError: what a refusal adds is a dict, not a list" },
    { "t.overcome", "[]", "{}", "7", NULL },
};

START_TEST(test_arguments_come_by_name_in_their_type)
{
    for (int s = CRQ_PICKLE; s <= CRQ_JSON; s++) {
        tasks.serializer = (crq_serializer)s;
        tasks_call(calls[_i].func, calls[_i].args, calls[_i].kwargs);
        if (calls[_i].returned != NULL)
            tasks_returned(calls[_i].returned);
        else
            tasks_failed(calls[_i].failed);
    }
}
END_TEST

START_TEST(test_an_int_beyond_every_double_is_an_overflow)
{
    char args[600];

    memset(args, '9', sizeof(args));
    memcpy(args, "[\"a\", 1, ", 9);
    memcpy(args + 400, ", true]", 8);
    tasks_call("t.types", args, "{}");
    tasks_failed("OverflowError: t.types() argument 'f': int too large to "
                 "convert to float");
}
END_TEST

/* ---------------------------------------------------------------- the job */

START_TEST(test_a_task_knows_its_job)
{
    tasks_call("t.job", "[]", "{}");
    tasks_returned("[\"job-1\", \"high\", \"worker-1\", 2, false, false]");
    tasks.run.retries_left = CRQ_UNSET;
    tasks.serializer = CRQ_JSON;
    tasks.stop = true;
    tasks_call("t.job", "[]", "{}");
    tasks_returned("[\"job-1\", \"high\", \"worker-1\", 0, true, true]");
    tasks.run.timeout_s = -1;
    tasks.hooks.should_stop = NULL;
    tasks_call("t.job", "[]", "{}");
    tasks_returned("[\"job-1\", \"high\", \"worker-1\", 0, false, true]");
}
END_TEST

/* -------------------------------------------------------------------- log */

static const struct {
    const char *args, *log;
} logs[] = {
    { "[\"one\"]", "one\n" },
    { "[\"\"]", "\n" },
    { "[\"one\\n\"]", "one\n" },
    { "[\"one\\n\\nthree\"]", "one\n\nthree\n" },
    { "[\"one\", 3]", "one\none\none\n" },
    { "[\"100%s\"]", "100%s\n" },
};

START_TEST(test_what_is_logged_comes_in_lines)
{
    tasks_call("t.log", logs[_i].args, "{}");
    tasks_returned("null");
    ck_assert_str_eq(crq_buf_text(&tasks.log), logs[_i].log);
}
END_TEST

static const char full[] = "(further lines of this run are not kept)\n";

START_TEST(test_a_run_that_logs_too_much_is_cut_with_a_word)
{
    tasks_call("t.log", "[\"0123456789\", 50000]", "{}");
    tasks_returned("null");
    ck_assert_uint_le(tasks.log.len, CRQ_RUN_LOG_MAX);
    ck_assert_uint_gt(tasks.log.len, CRQ_RUN_LOG_MAX - 100);
    ck_assert_str_eq(tasks.log.data + tasks.log.len - strlen(full), full);
    ck_assert_int_eq(strncmp(tasks.log.data, "0123456789\n", 11), 0);
}
END_TEST

START_TEST(test_a_line_that_is_too_long_is_not_kept)
{
    char *args = malloc(CRQ_RUN_LOG_MAX + 100);

    memset(args, 'x', CRQ_RUN_LOG_MAX + 100);
    memcpy(args, "[\"", 2);
    strcpy(args + CRQ_RUN_LOG_MAX + 50, "\", 2]");
    tasks_call("t.log", args, "{}");
    tasks_returned("null");
    ck_assert_str_eq(crq_buf_text(&tasks.log), full);
    free(args);
}
END_TEST

START_TEST(test_a_run_without_a_log_may_log)
{
    tasks.hooks.log = NULL;
    tasks_call("t.log", "[\"one\"]", "{}");
    tasks_returned("null");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("task");

    tcase_add_checked_fixture(tc, setup, teardown);
    unit_add_rows(tc, test_arguments_come_by_name_in_their_type, calls);
    tcase_add_test(tc, test_an_int_beyond_every_double_is_an_overflow);
    tcase_add_test(tc, test_a_task_knows_its_job);
    unit_add_rows(tc, test_what_is_logged_comes_in_lines, logs);
    tcase_add_test(tc, test_a_run_that_logs_too_much_is_cut_with_a_word);
    tcase_add_test(tc, test_a_line_that_is_too_long_is_not_kept);
    tcase_add_test(tc, test_a_run_without_a_log_may_log);
    return unit_run("task", tc);
}
