/* check_callback.c - tests of task/callback.c and task/failure.c. */
#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was called, as lines: "success [1,2]", "failure ValueError: no". */
static struct crq_buf seen;

/* The function itself had no memory: that is a failure of the job. */
static int lacked_memory(const struct crq_outcome *out, int rc)
{
    bool lacked = rc == 0 && out->kind == CRQ_OUTCOME_FAILED &&
            strstr(out->error, "\nMemoryError") != NULL;

    return lacked ? CRQ_ENOMEM : rc;
}

static int give(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return(task, crq_value_ref(crq_task_value(task, "value")));
}

static int refuse(crq_task *task, crq_error *err)
{
    return crq_task_fail(task, err, "ValueError", "no");
}

static int again(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_retry(task, 3, NULL, 0);
}

static int note(crq_task *task, crq_error *err)
{
    static const char *const events[] = { "task", "success", "failure",
        "stopped" };
    char *text = NULL;
    crq_value *none = crq_value_new_none();
    const crq_value *result = crq_task_result(task);
    int rc;

    rc = none == NULL
            ? CRQ_ENOMEM
            : crq_value_json(result != NULL ? result : none, &text, NULL, err);
    crq_value_free(none);
    if (rc < 0)
        return rc;
    crq_buf_printf(&seen, "%s %s %s: %s\n", events[crq_task_event(task)], text,
            crq_task_error_class(task), crq_task_error_message(task));
    crq_text_free(text);
    ck_assert_uint_eq(crq_value_count(crq_task_rest(task)), 0);
    ck_assert_uint_eq(crq_value_count(crq_task_keywords(task)), 0);
    ck_assert_str_eq(getenv("RQ_JOB_ID"), "job-1");
    return crq_task_args_end(task, err);
}

/* Fails, with something that was there before. */
static int note_and_fail(crq_task *task, crq_error *err)
{
    int rc = note(task, err);

    return rc < 0 ? rc
                  : crq_task_fail(task, err, "KeyError", "own %d",
                            (int)crq_task_event(task));
}

/* All that a callback may say and that changes nothing. */
static int talk(crq_task *task, crq_error *err)
{
    (void)note(task, err);
    (void)crq_task_return_int(task, 77);
    return crq_task_retry(task, 5, NULL, 0);
}

/* A callback has no arguments. */
static int ask(crq_task *task, crq_error *err)
{
    (void)err;
    (void)crq_task_str(task, "name");
    return 0;
}

static const crq_task_def defs[] = {
    CRQ_TASK("t.give", give, "value"),
    CRQ_TASK("t.fail", refuse, ""),
    CRQ_TASK("t.again", again, ""),
    CRQ_CALLBACK("t.note", note),
    CRQ_CALLBACK("t.note_and_fail", note_and_fail),
    CRQ_CALLBACK("t.talk", talk),
    CRQ_CALLBACK("t.ask", ask),
    { .name = "t.needs", .run = ask, .params = "name", .callback = true },
};
static const crq_module_def module = { CRQ_MODULE_ABI, sizeof(crq_task_def),
    "t", defs, sizeof(defs) / sizeof(defs[0]) };

/* What the worker is told when a callback begins. */
static void on_callback(void *arg, crq_event event, const char *failure)
{
    (void)arg;
    crq_buf_printf(&seen, "(%d%s)", (int)event, *failure != '\0' ? "!" : "");
}

static void setup(void)
{
    tasks_begin(&module);
    tasks.serializer = CRQ_JSON;
    tasks.hooks.on_callback = on_callback;
    crq_buf_init(&seen, CRQ_BUF_MAX);
    ck_assert_ptr_nonnull(crq_buf_room(&seen, 4000)); /* and so no more */
    crq_buf_puts(&seen, "");
}

static void teardown(void)
{
    tasks_end();
    crq_buf_fini(&seen);
}

#define NEXT "During handling of the above exception, another exception"

static const struct {
    const char *func, *args, *on_success, *on_failure;
    const char *seen;
    const char *returned; /* else it has failed: */
    const char *last;     /* line of the error */
    const char *before;   /* also in it */
} runs[] = {
    { "t.give", "[[1, 2]]", "t.note", "t.note", "(1)success [1,2] : \n",
            "[1, 2]", NULL, NULL },
    { "t.give", "[null]", "t.note", NULL, "(1)success null : \n", "null", NULL,
            NULL },
    { "t.give", "[5]", NULL, "t.note", "", "5", NULL, NULL },
    { "t.give", "[5]", "", "", "", "5", NULL, NULL },
    { "t.give", "[5]", "t.talk", NULL, "(1)success 5 : \n", "5", NULL, NULL },
    { "t.fail", "[]", "t.note", "t.note", "(2!)failure null ValueError: no\n",
            NULL, "ValueError: no", NULL },
    { "t.fail", "[]", NULL, NULL, "", NULL, "ValueError: no", NULL },
    { "t.fail", "[]", NULL, "t.talk", "(2!)failure null ValueError: no\n", NULL,
            "ValueError: no", NULL },
    /* The failure of on_success is the job's. */
    { "t.give", "[5]", "t.note_and_fail", NULL, "(1)success 5 : \n", NULL,
            "KeyError: own 1", NULL },
    { "t.give", "[5]", "t.note_and_fail", "t.note",
            "(1)success 5 : \n(2!)failure null KeyError: own 1\n", NULL,
            "KeyError: own 1", NULL },
    { "t.give", "[5]", "t.note_and_fail", "t.note_and_fail",
            "(1)success 5 : \n(2!)failure null KeyError: own 1\n", NULL,
            "KeyError: own 2", "KeyError: own 1\n\n" NEXT },
    /* That of on_failure comes behind it. */
    { "t.fail", "[]", NULL, "t.note_and_fail",
            "(2!)failure null ValueError: no\n", NULL, "KeyError: own 2",
            "ValueError: no\n\n" NEXT },
    { "t.none", "[]", NULL, "t.note",
            "(2!)failure null crq.UnknownTask: there is no task 't.none' "
            "here; the module loaded is t. Start the worker with --load "
            "MODULE for the module that has it\n",
            NULL,
            "crq.UnknownTask: there is no task 't.none' here; the module "
            "loaded is t. Start the worker with --load MODULE for the module "
            "that has it",
            NULL },
    { "t.give", "[1, 2]", "t.note", "t.note",
            "(2!)failure null TypeError: t.give() takes 1 positional argument "
            "but 2 were given\n",
            NULL,
            "TypeError: t.give() takes 1 positional argument but 2 were given",
            NULL },
    /* One that no module has, or that is none. */
    { "t.give", "[5]", "shop.sold", NULL, "(1)", NULL,
            "crq.UnknownCallback: there is no callback 'shop.sold' here; the "
            "module loaded is t. Start the worker with --load MODULE for the "
            "module that has it",
            NULL },
    { "t.fail", "[]", NULL, "shop.lost", "(2!)", NULL,
            "crq.UnknownCallback: there is no callback 'shop.lost' here; the "
            "module loaded is t. Start the worker with --load MODULE for the "
            "module that has it",
            "ValueError: no\n\n" NEXT },
    { "t.give", "[5]", "t.fail", NULL, "(1)", NULL,
            "crq.UnknownCallback: it is a task: a callback is registered by "
            "CRQ_CALLBACK()",
            NULL },
    { "t.give", "[5]", "t.ask", NULL, "(1)", NULL,
            "crq.TaskError: t.ask() reads 'name', which is none of its "
            "parameters",
            NULL },
    { "t.give", "[5]", "t.needs", NULL, "(1)", NULL,
            "TypeError: t.needs() missing 1 required positional argument: "
            "'name'",
            NULL },
};

static void set_callbacks(const char *on_success, const char *on_failure)
{
    tasks.run.on_success.name = on_success;
    tasks.run.on_success.timeout_s = 60;
    tasks.run.on_failure.name = on_failure;
    tasks.run.on_failure.timeout_s = 60;
}

START_TEST(test_callbacks_are_called_in_rqs_order_and_count_as_in_rq)
{
    set_callbacks(runs[_i].on_success, runs[_i].on_failure);
    tasks_call(runs[_i].func, runs[_i].args, "{}");
    ck_assert_str_eq(crq_buf_text(&seen), runs[_i].seen);
    if (runs[_i].returned != NULL) {
        tasks_returned(runs[_i].returned);
        return;
    }
    tasks_failed(runs[_i].last);
    if (runs[_i].before != NULL)
        ck_assert_msg(strstr(tasks.outcome.error, runs[_i].before) != NULL,
                "%s", tasks.outcome.error);
}
END_TEST

START_TEST(test_a_returned_retry_calls_nobody)
{
    set_callbacks("t.note", "t.note");
    tasks_call("t.again", "[]", "{}");
    ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_RETRY);
    ck_assert_str_eq(crq_buf_text(&seen), "");
}
END_TEST

START_TEST(test_a_failed_callback_says_where)
{
    set_callbacks("t.note_and_fail", NULL);
    tasks_call("t.give", "[1]", "{}");
    ck_assert_msg(strstr(tasks.outcome.error,
                          "\n  Callback t.note_and_fail in module t, worker "
                          "worker-1, job job-1, after 0.0") != NULL,
            "%s", tasks.outcome.error);
}
END_TEST

/* -------------------------------------------------------- one by itself */

static const struct {
    crq_event event;
    const char *name, *seen, *last;
} alone[] = {
    { CRQ_EVENT_STOPPED, "t.note", "stopped null E: m\n", NULL },
    { CRQ_EVENT_FAILURE, "t.note", "failure null E: m\n", NULL },
    { CRQ_EVENT_STOPPED, "t.talk", "stopped null E: m\n", NULL },
    { CRQ_EVENT_FAILURE, "t.note_and_fail", "failure null E: m\n",
            "KeyError: own 2" },
    { CRQ_EVENT_STOPPED, "x.y", "",
            "crq.UnknownCallback: there is no callback 'x.y' here; the module "
            "loaded is t. Start the worker with --load MODULE for the module "
            "that has it" },
};

static int call_back(void *arg, crq_error *err)
{
    struct crq_callback_call call = { alone[*(const int *)arg].event,
        { alone[*(const int *)arg].name, 60 }, "E", "m", "text\nE: m\n" };
    struct crq_outcome out;
    int rc;

    crq_buf_clear(&seen);
    tasks.run.data = "[\"t.give\", null, [], {}]";
    tasks.run.data_len = strlen(tasks.run.data);
    rc = crq_call_back(tasks.modules, &tasks.run, &call, &tasks.hooks, &out,
            err);
    if (rc < 0)
        return rc;
    crq_outcome_fini(&tasks.outcome);
    tasks.outcome = out;
    return lacked_memory(&out, rc);
}

START_TEST(test_a_callback_can_be_called_without_its_run)
{
    crq_error err;

    unit_ok(call_back(&_i, &err), &err);
    ck_assert_str_eq(crq_buf_text(&seen), alone[_i].seen);
    ck_assert_int_eq(tasks.outcome.serializer, CRQ_JSON);
    if (alone[_i].last != NULL)
        tasks_failed(alone[_i].last);
    else
        ck_assert_int_eq(tasks.outcome.kind, CRQ_OUTCOME_RETURNED);
}
END_TEST

START_TEST(test_a_call_alone_survives_any_lack_of_memory)
{
    unit_fail_each_allocation(call_back, &_i);
}
END_TEST

/* ----------------------------------------------------------------- texts */

static const struct {
    const char *failure, *next, *both;
} nexts[] = {
    { "a\n", "b\n", "a\n\n" NEXT " occurred:\n\nb\n" },
    { "a", "b", "a\n\n" NEXT " occurred:\n\nb" },
    { "", "b", "\n" NEXT " occurred:\n\nb" },
};

START_TEST(test_a_failure_below_another_reads_as_pythons)
{
    struct crq_buf buf = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_failure_put_next(&buf, nexts[_i].failure,
                             nexts[_i].next),
            0);
    ck_assert_str_eq(crq_buf_text(&buf), nexts[_i].both);
    crq_buf_fini(&buf);
}
END_TEST

/* ---------------------------------------------------------------- memory */

static int perform(void *arg, crq_error *err)
{
    struct crq_outcome out;
    int rc;

    (void)arg;
    crq_buf_clear(&seen);
    rc = crq_perform(tasks.modules, &tasks.run, &tasks.hooks, &out, err);
    if (rc < 0)
        return rc;
    rc = lacked_memory(&out, rc);
    crq_outcome_fini(&out);
    return rc;
}

START_TEST(test_memory_may_run_out_anywhere)
{
    struct crq_buf data = CRQ_BUF_INIT;

    crq_buf_printf(&data, "[\"%s\", null, %s, {}]", runs[_i].func,
            runs[_i].args);
    set_callbacks(runs[_i].on_success, runs[_i].on_failure);
    tasks.run.data = crq_buf_text(&data);
    tasks.run.data_len = data.len;
    unit_fail_each_allocation(perform, NULL);
    crq_buf_fini(&data);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("callback");

    tcase_add_checked_fixture(tc, setup, teardown);
    unit_add_rows(tc, test_callbacks_are_called_in_rqs_order_and_count_as_in_rq,
            runs);
    tcase_add_test(tc, test_a_returned_retry_calls_nobody);
    tcase_add_test(tc, test_a_failed_callback_says_where);
    unit_add_rows(tc, test_a_callback_can_be_called_without_its_run, alone);
    unit_add_rows(tc, test_a_call_alone_survives_any_lack_of_memory, alone);
    unit_add_rows(tc, test_a_failure_below_another_reads_as_pythons, nexts);
    unit_add_rows(tc, test_memory_may_run_out_anywhere, runs);
    return unit_run("callback", tc);
}
