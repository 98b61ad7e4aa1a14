/* tasks.c - running tasks of a test's own. */
#include "tasks.h"

#include <string.h>

#include "model/serializer.h"

struct tasks tasks;

static void on_log(void *arg, const char *line, size_t len)
{
    struct crq_buf *log = arg;

    crq_buf_put(log, line, len);
    crq_buf_putc(log, '\n');
}

static bool on_should_stop(void *arg)
{
    (void)arg;
    return tasks.stop;
}

void tasks_begin(const crq_module_def *module)
{
    crq_error err;

    memset(&tasks, 0, sizeof(tasks));
    crq_buf_init(&tasks.log, CRQ_BUF_MAX);
    unit_ok(crq_modules_new(&tasks.modules, &err), &err);
    if (module != NULL)
        unit_ok(crq_modules_add(tasks.modules, module, &err), &err);
    tasks.run = (struct crq_run){ .job_id = "job-1",
        .execution_id = "exec-1",
        .queue = "high",
        .worker = "worker-1",
        .timeout_s = 60,
        .retries_left = 2 };
    tasks.hooks = (struct crq_run_hooks){
        .arg = &tasks.log, .log = on_log, .should_stop = on_should_stop
    };
}

void tasks_end(void)
{
    crq_outcome_fini(&tasks.outcome);
    crq_modules_free(tasks.modules);
    crq_buf_fini(&tasks.log);
}

void tasks_data(const char *func, const crq_value *args,
        const crq_value *kwargs, struct crq_buf *out)
{
    crq_value *tuple = crq_value_new_tuple();
    crq_error err;

    ck_assert_int_eq(crq_value_add(tuple, crq_value_new_text(func)), 0);
    ck_assert_int_eq(crq_value_add(tuple, crq_value_new_none()), 0);
    ck_assert_int_eq(crq_value_add(tuple, crq_value_ref(args)), 0);
    ck_assert_int_eq(crq_value_add(tuple, crq_value_ref(kwargs)), 0);
    unit_ok(crq_serialize(tasks.serializer, tuple, out, &err), &err);
    crq_value_free(tuple);
}

void tasks_call_values(const char *func, const crq_value *args,
        const crq_value *kwargs)
{
    struct crq_buf data = CRQ_BUF_INIT;
    crq_error err;

    crq_outcome_fini(&tasks.outcome);
    tasks_data(func, args, kwargs, &data);
    tasks.run.data = crq_buf_text(&data);
    tasks.run.data_len = data.len;
    unit_ok(crq_perform(tasks.modules, &tasks.run, &tasks.hooks, &tasks.outcome,
                    &err),
            &err);
    tasks.run.data = NULL;
    crq_buf_fini(&data);
}

void tasks_call(const char *func, const char *args, const char *kwargs)
{
    crq_value *a = unit_json(args), *k = unit_json(kwargs);

    tasks_call_values(func, a, k);
    crq_value_free(a);
    crq_value_free(k);
}

void tasks_returned(const char *json)
{
    const struct crq_outcome *out = &tasks.outcome;
    crq_value *want = unit_json(json), *got = NULL;
    crq_serializer serializer = tasks.serializer;
    char *text = NULL;
    crq_error err;

    ck_assert_msg(out->kind == CRQ_OUTCOME_RETURNED, "wanted %s, got %s", json,
            out->error != NULL ? out->error : "a retry");
    ck_assert_ptr_null(out->error);
    if (out->value == NULL)
        got = crq_value_new_none();
    else
        unit_ok(crq_deserialize(out->value, out->value_len, &got, &serializer,
                        &err),
                &err);
    unit_ok(crq_value_repr(got, &text, NULL, &err), &err);
    ck_assert_msg(crq_value_type(got) == crq_value_type(want) &&
                    crq_value_equal(got, want),
            "wanted %s, got %s", json, text);
    ck_assert_int_eq(serializer, tasks.serializer);
    ck_assert_int_eq(out->serializer, tasks.serializer);
    crq_text_free(text);
    crq_value_free(want);
    crq_value_free(got);
}

void tasks_failed(const char *line)
{
    const struct crq_outcome *out = &tasks.outcome;
    const char *last;

    ck_assert_msg(out->kind == CRQ_OUTCOME_FAILED, "wanted a failure: %s",
            line);
    ck_assert_ptr_null(out->value);
    last = strstr(out->error, line);
    ck_assert_msg(last != NULL && strcmp(last + strlen(line), "\n") == 0 &&
                    last[-1] == '\n',
            "wanted:\n%s\ngot:\n%s", line, out->error);
    ck_assert(strncmp(line, out->error_class, strlen(out->error_class)) == 0);
    if (*out->error_message != '\0')
        ck_assert_str_eq(line + strlen(out->error_class) + 2,
                out->error_message);
}
