/* check_perform.c - tests of task/perform.c and task/guard.c, and of the
 * module demo where it needs no Redis. */
#include "tasks.h"

#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/value.h"
#include "model/serializer.h"
#include "task/guard.h"

/* ------------------------------------------------------------------ tasks */

static int echo(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return(task, crq_value_ref(crq_task_value(task, "value")));
}

static int noop(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return 0;
}

/* Returns `code`; fills its error with `text` unless that is left out. */
static int code(crq_task *task, crq_error *err)
{
    int64_t n = crq_task_int(task, "code");
    const char *text = crq_task_str_or(task, "text", NULL);

    if (text != NULL) {
        err->code = (int)n;
        snprintf(err->text, sizeof(err->text), "%s", text);
    }
    return (int)n;
}

static int retry(crq_task *task, crq_error *err)
{
    int64_t intervals[8], max = crq_task_int(task, "max");
    size_t count = crq_value_count(crq_task_rest(task));

    (void)err;
    for (size_t i = 0; i < count; i++)
        intervals[i] = crq_value_int(crq_value_item(crq_task_rest(task), i));
    return crq_task_retry(task, max, intervals, count);
}

/* A value that JSON has no form for. */
static int bytes(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return(task, crq_value_new_bytes("\xff", 1));
}

/* Returns a message with everything in it that Python would stumble over. */
static int dirty(crq_task *task, crq_error *err)
{
    return crq_task_fail(task, err, "ValueError",
            "a\xff\xfe"
            "b \xed\xa0\x80 \xc3\xbc \xf0\x9f\x98\x80 \xe2\x82");
}

static int environment(crq_task *task, crq_error *err)
{
    const char *worker = getenv("RQ_WORKER_ID"), *job = getenv("RQ_JOB_ID");
    char text[200];

    (void)err;
    snprintf(text, sizeof(text), "%s %s", worker, job);
    return crq_task_return_str(task, text);
}

/* Changes all of the process that is put back. */
static int disturb(crq_task *task, crq_error *err)
{
    sigset_t all;

    (void)task;
    umask(0777);
    ck_assert_int_eq(chdir("/"), 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGTERM, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    alarm(1000);
    uselocale(LC_GLOBAL_LOCALE);
    setenv("RQ_JOB_ID", "another", 1);
    return crq_task_fail(task, err, "ValueError", "all is changed");
}

static const crq_task_def defs[] = {
    CRQ_TASK("t.echo", echo, "value"),
    CRQ_TASK("t.noop", noop, ""),
    CRQ_TASK("t.code", code, "code, text=None"),
    CRQ_TASK("t.retry", retry, "max, *intervals"),
    CRQ_TASK("t.bytes", bytes, ""),
    CRQ_TASK("t.dirty", dirty, ""),
    CRQ_TASK("t.environment", environment, ""),
    CRQ_TASK("t.disturb", disturb, ""),
    CRQ_CALLBACK("t.on_success", noop),
};
static const crq_module_def module = { CRQ_MODULE_ABI, sizeof(crq_task_def),
    "t", defs, sizeof(defs) / sizeof(defs[0]) };

static void setup(void)
{
    crq_error err;

    tasks_begin(&module);
    unit_ok(crq_modules_load(tasks.modules, DEMO "/demo.so", &err), &err);
}

static void teardown(void)
{
    tasks_end();
}

/* --------------------------------------------------------------- outcomes */

static const struct {
    const char *func, *args, *kwargs, *returned, *failed;
} calls[] = {
    { "t.noop", "[]", "{}", "null", NULL },
    { "t.echo", "[null]", "{}", "null", NULL },
    { "t.echo", "[{\"a\": [1, 2.5, \"\\u00fc\", true, null]}]", "{}",
            "{\"a\": [1, 2.5, \"\\u00fc\", true, null]}", NULL },
    { "t.echo", "[]", "{\"value\": 12345678901234567890123}",
            "12345678901234567890123", NULL },
    { "t.echo", "[1, 2]", "{}", NULL,
            "TypeError: t.echo() takes 1 positional argument but 2 were "
            "given" },
    { "t.code", "[0]", "{}", "null", NULL },
    { "t.code", "[-11, \"refused: READONLY\"]", "{}", NULL,
            "crq.EREDIS: refused: READONLY" },
    { "t.code", "[-1, \"out of memory\"]", "{}", NULL,
            "MemoryError: out of memory" },
    { "t.code", "[-1]", "{}", NULL, "MemoryError: out of memory" },
    { "t.code", "[-12]", "{}", NULL,
            "crq.TaskError: t.code() returned -12 (CRQ_ELOST) without a word "
            "in its error" },
    { "t.code", "[-15]", "{}", NULL,
            "crq.TaskError: t.code() returned -15 (CRQ_ETASK) without a word "
            "in its error" },
    { "t.code", "[-15, \"by hand\"]", "{}", NULL, "crq.ETASK: by hand" },
    { "t.code", "[-99, \"my own\"]", "{}", NULL, "crq.TaskError: my own" },
    { "t.code", "[-99]", "{}", NULL,
            "crq.TaskError: t.code() returned -99 (CRQ_E?) without a word in "
            "its error" },
    { "t.code", "[3]", "{}", NULL,
            "crq.TaskError: t.code() returned 3, which is neither 0 nor the "
            "code of a failure" },
    { "t.on_success", "[]", "{}", NULL,
            "crq.UnknownTask: it is a callback: no job can call it" },
    { "shop.total", "[]", "{}", NULL,
            "crq.UnknownTask: there is no task 'shop.total' here; the modules "
            "loaded are t, demo. Start the worker with --load MODULE for the "
            "module that has it" },
    { "", "[]", "{}", NULL,
            "crq.UnknownTask: there is no task '' here; the modules loaded "
            "are t, demo. Start the worker with --load MODULE for the module "
            "that has it" },
    { "t.retry", "[0]", "{}", NULL,
            "ValueError: max: please enter a value greater than 0" },
    { "t.retry", "[1, 5, -1]", "{}", NULL,
            "ValueError: interval: negative numbers are not allowed" },
    { "t.dirty", "[]", "{}", NULL,
            "ValueError: a\xef\xbf\xbd\xef\xbf\xbd"
            "b \xef\xbf\xbd \xc3\xbc "
            "\xf0\x9f\x98\x80 \xef\xbf\xbd" },
    { "demo.noop", "[]", "{}", "null", NULL },
    { "demo.echo", "[[1]]", "{}", "[1]", NULL },
    { "demo.add", "[2, 3]", "{}", "5", NULL },
    { "demo.add", "[2]", "{\"y\": 0.5}", "2.5", NULL },
    { "demo.add", "[9223372036854775807, 0]", "{}", "9223372036854775807",
            NULL },
    { "demo.add", "[9223372036854775807, 1]", "{}", NULL,
            "OverflowError: the sum does not fit in 64 bits" },
    { "demo.add", "[9223372036854775808, 1]", "{}", NULL,
            "OverflowError: demo.add() argument 'x' does not fit in 64 bits" },
    { "demo.add", "[9223372036854775808, 1.0]", "{}", "9223372036854775809.0",
            NULL },
    { "demo.add", "[\"1\", 1]", "{}", NULL,
            "TypeError: unsupported operand type(s) for +: 'str' and 'int'" },
    { "demo.add", "[2]", "{}", NULL,
            "TypeError: demo.add() missing 1 required positional argument: "
            "'y'" },
    { "demo.greet", "[]", "{}", "\"Hi there, Stranger!\"", NULL },
    { "demo.greet", "[\"Ann\"]", "{}", "\"Hi there, Ann!\"", NULL },
    { "demo.greet", "[1]", "{}", NULL,
            "TypeError: demo.greet() argument 'name' must be str, not int" },
    { "demo.sleep", "[0.001]", "{}", "null", NULL },
    { "demo.sleep", "[-1]", "{}", NULL,
            "ValueError: sleep length must be non-negative" },
    { "demo.fail", "[\"why not\"]", "{}", NULL, "RuntimeError: why not" },
    { "demo.alloc", "[3]", "{}", "3", NULL },
    { "demo.alloc", "[0]", "{}", NULL, "ValueError: mib is 0" },
    { "demo.meta", "[\"a\", 1]", "{}", NULL,
            "crq.ECONNECT: this run has no Redis" },
    { "demo.enqueue", "[\"demo.noop\"]", "{}", NULL,
            "crq.ECONNECT: this run has no Redis" },
};

START_TEST(test_a_call_returns_or_fails_in_the_jobs_serializer)
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

START_TEST(test_a_failure_reads_like_a_traceback)
{
    const char *error;
    int whole, part, end = 0;

    tasks_call("t.code", "[-11, \"refused\"]", "{}");
    error = tasks.outcome.error;
    sscanf(error,
            "Traceback (most recent call last):\n"
            "  Task t.code in module t, worker worker-1, job job-1, "
            "after %d.%3d s\n"
            "crq.EREDIS: refused\n%n",
            &whole, &part, &end);
    ck_assert_msg(end > 0 && error[end] == '\0', "%s", error);
    tasks_call("shop.total", "[]", "{}");
    ck_assert_msg(strstr(tasks.outcome.error,
                          "\n  Task shop.total, worker worker-1, job job-1, "
                          "after 0.0") != NULL,
            "%s", tasks.outcome.error);
}
END_TEST

START_TEST(test_a_value_without_a_form_is_returned_as_rqs_text)
{
    tasks.serializer = CRQ_JSON;
    tasks_call("t.bytes", "[]", "{}");
    tasks_returned("\"Unserializable return value\"");
}
END_TEST

/* What is told counts, not what the bytes look like. */
START_TEST(test_a_told_serializer_reads_the_data_and_writes_the_answer)
{
    static const crq_serializer told[] = { CRQ_PICKLE, CRQ_JSON, CRQ_MSGPACK };
    crq_serializer written = told[_i % 3], reads = told[_i / 3];
    char says[100];

    tasks.serializer = written;
    tasks.run.serializer = &reads;
    tasks_call("t.echo", "[50]", "{}");
    ck_assert_int_eq(tasks.outcome.kind,
            written == reads ? CRQ_OUTCOME_RETURNED : CRQ_OUTCOME_FAILED);
    if (written == reads) {
        crq_value *v;
        crq_error err;

        ck_assert_int_eq(tasks.outcome.serializer, reads);
        unit_ok(crq_deserialize_as(&reads, tasks.outcome.value,
                        tasks.outcome.value_len, &v, NULL, &err),
                &err);
        ck_assert_int_eq(crq_value_int(v), 50);
        crq_value_free(v);
        return;
    }
    snprintf(says, sizeof(says), "reads all jobs as %s (--serializer): ",
            crq_serializer_name(reads));
    ck_assert_msg(strstr(tasks.outcome.error, says) != NULL, "%s",
            tasks.outcome.error);
}
END_TEST

static const struct {
    const char *args;
    int64_t max;
    size_t count;
    int64_t intervals[3];
    const char *repr; /* of the attributes of the Retry */
} retries[] = {
    { "[1]", 1, 1, { 0 },
            "{'max': 1, 'intervals': [0], 'enqueue_at_front': False}" },
    { "[5, 1, 2, 30]", 5, 3, { 1, 2, 30 },
            "{'max': 5, 'intervals': [1, 2, 30], 'enqueue_at_front': False}" },
};

/* What Redis gets is Python's rq.job.Retry; JSON has none. */
START_TEST(test_a_task_may_ask_to_be_run_again)
{
    const struct crq_outcome *out = &tasks.outcome;
    crq_value *v;
    crq_error err;
    char *text;

    tasks_call("t.retry", retries[_i].args, "{}");
    ck_assert_int_eq(out->kind, CRQ_OUTCOME_RETRY);
    ck_assert_int_eq(out->retry_max, retries[_i].max);
    ck_assert_uint_eq(out->retry_intervals, retries[_i].count);
    ck_assert_mem_eq(out->retry_intervals_s, retries[_i].intervals,
            retries[_i].count * sizeof(int64_t));
    unit_ok(crq_deserialize(out->value, out->value_len, &v, NULL, &err), &err);
    ck_assert_int_eq(crq_value_type(v), CRQ_RETRY);
    unit_ok(crq_value_repr(crq_value_retry_state(v), &text, NULL, &err), &err);
    ck_assert_str_eq(text, retries[_i].repr);
    crq_text_free(text);
    crq_value_free(v);
    tasks.serializer = CRQ_JSON;
    tasks_call("t.retry", retries[_i].args, "{}");
    ck_assert_int_eq(out->kind, CRQ_OUTCOME_RETRY);
    ck_assert_ptr_null(out->value);
}
END_TEST

/* Every type comes back as it was. */
START_TEST(test_a_pickled_argument_of_every_type_is_taken)
{
    static const uint8_t uuid[16] = { 1, 2, 3 };
    crq_datetime when = { .year = 2026, .month = 11, .day = 21 };
    crq_timedelta span = { 1, 2, 3 };
    crq_value *args = crq_value_new_tuple(), *kwargs = crq_value_new_dict();
    crq_value *all = crq_value_new_tuple(), *v = NULL;
    crq_error err;

    unit_ok(crq_value_new_datetime(&when, &v, &err), &err);
    ck_assert_int_eq(crq_value_add(all, v), 0);
    unit_ok(crq_value_new_timedelta(&span, &v, &err), &err);
    ck_assert_int_eq(crq_value_add(all, v), 0);
    unit_ok(crq_value_new_decimal("1.50", 4, &v, &err), &err);
    ck_assert_int_eq(crq_value_add(all, v), 0);
    ck_assert_int_eq(crq_value_add(all, crq_value_new_uuid(uuid)), 0);
    ck_assert_int_eq(crq_value_add(all, crq_value_new_bytes("\xff", 1)), 0);
    ck_assert_int_eq(crq_value_add(all, crq_value_new_frozenset()), 0);
    ck_assert_int_eq(crq_value_add(args, crq_value_ref(all)), 0);
    tasks_call_values("t.echo", args, kwargs);
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_RETURNED);
    unit_ok(crq_deserialize(tasks.outcome.value, tasks.outcome.value_len, &v,
                    NULL, &err),
            &err);
    ck_assert(crq_value_equal(v, all));
    crq_value_free(v);
    crq_value_free(all);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

/* ----------------------------------------------------- data that is no call */

static const struct {
    const char *data;
    size_t len;
    const char *says[2]; /* in the message */
} wrong_data[] = {
    { "", 0, { "The job's data was kept as it is", "" } },
    { "nonsense", 8, { "The job's data was kept as it is", "" } },
    { "[1, 2, 3]", 9,
            { "the data is a list, not (function, instance, args, kwargs). "
              "The job's data was kept as it is",
                    "" } },
    /* ('f', None, (shop.models.Order,), {}) */
    { "(X\x01\0\0\0fNcshop.models\nOrder\n\x85}t.", 31,
            { "'shop.models.Order'",
                    "The job's data was kept as it is: a worker of Python's "
                    "RQ can run it when it is requeued there" } },
};

START_TEST(test_data_that_can_not_be_read_fails_the_job_and_says_why)
{
    const struct crq_outcome *out = &tasks.outcome;
    crq_error err;

    tasks.run.data = wrong_data[_i].data;
    tasks.run.data_len = wrong_data[_i].len;
    unit_ok(crq_perform(tasks.modules, &tasks.run, &tasks.hooks, &tasks.outcome,
                    &err),
            &err);
    ck_assert_int_eq(out->kind, CRQ_OUTCOME_FAILED);
    ck_assert_str_eq(out->error_class, "rq.exceptions.DeserializationError");
    for (size_t i = 0; i < 2; i++)
        ck_assert_msg(strstr(out->error_message, wrong_data[_i].says[i]) !=
                        NULL,
                "wanted: %s\ngot: %s", wrong_data[_i].says[i],
                out->error_message);
    ck_assert_ptr_nonnull(strstr(out->error,
            "\n  A task that can't be read, worker"));
}
END_TEST

START_TEST(test_the_name_of_a_task_is_taken_as_a_whole)
{
    crq_error err;
    static const char data[] = "[\"t.noop\\u0000x\", null, [], {}]";

    tasks.run.data = data;
    tasks.run.data_len = strlen(data);
    unit_ok(crq_perform(tasks.modules, &tasks.run, &tasks.hooks, &tasks.outcome,
                    &err),
            &err);
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_FAILED);
    ck_assert_str_eq(tasks.outcome.error_class,
            "rq.exceptions.DeserializationError");
}
END_TEST

START_TEST(test_a_name_of_any_length_makes_a_short_text)
{
    char name[5000];

    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    tasks_call(name, "[]", "{}");
    ck_assert_str_eq(tasks.outcome.error_class, "crq.UnknownTask");
    ck_assert_uint_lt(strlen(tasks.outcome.error), 1000);
}
END_TEST

/* ------------------------------------------------------------ the process */

START_TEST(test_a_run_has_rqs_names_in_its_environment)
{
    tasks_call("t.environment", "[]", "{}");
    tasks_returned("\"worker-1 job-1\"");
    ck_assert_ptr_null(getenv("RQ_WORKER_ID"));
    ck_assert_ptr_null(getenv("RQ_JOB_ID"));
}
END_TEST

/* Says nothing under a sanitizer, whose malloc() counts elsewhere. */
START_TEST(test_names_of_many_runs_leave_no_memory_behind)
{
    size_t before = mallinfo2().uordblks;

    for (int i = 0; i < 2000; i++) {
        struct crq_guard guard;
        char id[40];

        snprintf(id, sizeof(id), "job-%032d", i);
        crq_guard_begin(&guard, "worker-1", id);
        ck_assert_str_eq(getenv("RQ_JOB_ID"), id);
        crq_guard_end(&guard);
    }
    ck_assert_uint_lt(mallinfo2().uordblks, before + 4096);
}
END_TEST

START_TEST(test_what_a_run_changes_of_the_process_is_put_back)
{
    locale_t own = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    struct sigaction action;
    char before[4096], after[4096];
    sigset_t mask;

    ck_assert(own != (locale_t)0);
    uselocale(own);
    umask(027);
    ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
    tasks_call("t.disturb", "[]", "{}");
    tasks_failed("ValueError: all is changed");
    ck_assert(uselocale((locale_t)0) == own);
    ck_assert_uint_eq(umask(0), 027);
    ck_assert_ptr_nonnull(getcwd(after, sizeof(after)));
    ck_assert_str_eq(after, before);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
    sigaction(SIGTERM, NULL, &action);
    ck_assert(action.sa_handler != SIG_IGN);
    sigaction(SIGCHLD, NULL, &action);
    ck_assert(action.sa_handler != SIG_IGN);
    ck_assert_uint_eq(alarm(0), 0);
    ck_assert_ptr_null(getenv("RQ_JOB_ID"));
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(own);
}
END_TEST

/* --------------------------------------------------------- demo's unkind ones
 */

/* Run a task in a child, which leaves with 77 when the task returns. */
static int in_child(const char *func, const char *args, unsigned seconds)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        /* The handlers of sanitizers and of Check would make something else
         * of them. */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGALRM, SIG_DFL);
        alarm(seconds);
        tasks_call(func, args, "{}");
        _exit(77);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

START_TEST(test_demo_crashes_exits_and_spins)
{
    int status = in_child("demo.crash", "[]", 0);

    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = in_child("demo.exit", "[3]", 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    status = in_child("demo.alloc", "[1, 0, true]", 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 77);
    status = in_child("demo.spin", "[]", 1);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}
END_TEST

START_TEST(test_demo_leaves_an_orphan_in_a_session_of_its_own)
{
    crq_value *v;
    crq_error err;
    pid_t pid;

    tasks_call("demo.orphan", "[1000]", "{}");
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_RETURNED);
    unit_ok(crq_deserialize(tasks.outcome.value, tasks.outcome.value_len, &v,
                    NULL, &err),
            &err);
    pid = (pid_t)crq_value_int(v);
    crq_value_free(v);
    ck_assert_int_gt(pid, 1);
    ck_assert_int_ne(getsid(pid), getsid(0));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
}
END_TEST

/* ----------------------------------------------------------------- memory */

struct work {
    const char *func, *args;
    crq_serializer serializer;
};

static int perform(void *arg, crq_error *err)
{
    struct crq_outcome out;
    int rc;

    (void)arg;
    rc = crq_perform(tasks.modules, &tasks.run, &tasks.hooks, &out, err);
    if (rc == 0)
        crq_outcome_fini(&out);
    return rc;
}

static const struct work works[] = {
    { "t.echo", "[[1, \"two\", 3.0]]", CRQ_PICKLE },
    { "t.echo", "[[1, \"two\", 3.0]]", CRQ_JSON },
    { "t.echo", "[1, 2]", CRQ_PICKLE },
    { "t.bytes", "[]", CRQ_JSON },
    { "t.retry", "[1, 2, 3]", CRQ_PICKLE },
    { "t.code", "[-11, \"refused\"]", CRQ_PICKLE },
    { "t.code", "[\"x\"]", CRQ_PICKLE },
    { "t.dirty", "[]", CRQ_PICKLE },
    { "demo.greet", "[]", CRQ_PICKLE },
    { "nobody.here", "[]", CRQ_PICKLE },
};

START_TEST(test_memory_may_run_out_anywhere)
{
    crq_value *args, *kwargs = crq_value_new_dict();
    struct crq_buf data = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_value_from_json(works[_i].args, strlen(works[_i].args), &args,
                    &err),
            &err);
    tasks.serializer = works[_i].serializer;
    tasks_data(works[_i].func, args, kwargs, &data);
    tasks.run.data = crq_buf_text(&data);
    tasks.run.data_len = data.len;
    unit_fail_each_allocation(perform, NULL);
    crq_buf_fini(&data);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("perform");

    tcase_add_checked_fixture(tc, setup, teardown);
    unit_add_rows(tc, test_a_call_returns_or_fails_in_the_jobs_serializer,
            calls);
    tcase_add_test(tc, test_a_failure_reads_like_a_traceback);
    tcase_add_test(tc, test_a_value_without_a_form_is_returned_as_rqs_text);
    tcase_add_loop_test(tc,
            test_a_told_serializer_reads_the_data_and_writes_the_answer, 0, 9);
    unit_add_rows(tc, test_a_task_may_ask_to_be_run_again, retries);
    tcase_add_test(tc, test_a_pickled_argument_of_every_type_is_taken);
    unit_add_rows(tc, test_data_that_can_not_be_read_fails_the_job_and_says_why,
            wrong_data);
    tcase_add_test(tc, test_the_name_of_a_task_is_taken_as_a_whole);
    tcase_add_test(tc, test_a_name_of_any_length_makes_a_short_text);
    tcase_add_test(tc, test_a_run_has_rqs_names_in_its_environment);
    tcase_add_test(tc, test_names_of_many_runs_leave_no_memory_behind);
    tcase_add_test(tc, test_what_a_run_changes_of_the_process_is_put_back);
    tcase_add_test(tc, test_demo_crashes_exits_and_spins);
    tcase_add_test(tc, test_demo_leaves_an_orphan_in_a_session_of_its_own);
    unit_add_rows(tc, test_memory_may_run_out_anywhere, works);
    return unit_run("perform", tc);
}
