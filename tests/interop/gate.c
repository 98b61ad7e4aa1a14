/*
 * gate.c - the module "gate": what tests/web/demo asks a worker for.
 */
#include <crq.h>

#include <stdio.h>

/* gate.parts(**kwargs) -> kwargs */
static int parts(crq_task *task, crq_error *err)
{
    int rc = crq_task_args_end(task, err);

    return rc < 0
            ? rc
            : crq_task_return(task, crq_value_ref(crq_task_keywords(task)));
}

/* gate.refuse(status): with a member of its own */
static int refuse(crq_task *task, crq_error *err)
{
    int64_t status = crq_task_int(task, "status");
    int rc = crq_task_args_end(task, err);
    crq_value *extra = crq_value_new_dict();

    if (rc == 0 && crq_value_set(extra, "retry_in_s", crq_value_new_int(7)) < 0)
        rc = CRQ_ENOMEM;
    if (rc == 0)
        rc = crq_task_refuse(task, err, (int)status, extra, "not now",
                "it is %s", "asleep");
    crq_value_free(extra);
    return rc;
}

/* gate.wait() -> what comes into the list "gate" */
static int wait_for_it(crq_task *task, crq_error *err)
{
    crq_value *got = NULL;
    int rc = crq_task_redis(task, &got, err, "BLPOP gate 9");

    if (rc < 0)
        return rc;
    rc = crq_task_return(task,
            crq_value_type(got) == CRQ_LIST
                    ? crq_value_ref(crq_value_item(got, 1))
                    : crq_value_new_none());
    crq_value_free(got);
    return rc;
}

/* gate.authorise(code, token) -> who may hear the room */
static int authorise(crq_task *task, crq_error *err)
{
    const char *code = crq_task_str(task, "code");
    const char *token = crq_task_str_or(task, "token", "");
    int rc = crq_task_args_end(task, err);
    crq_value *out, *hello, *first;

    if (rc < 0)
        return rc;
    if (token[0] == '\0')
        return crq_task_refuse(task, err, 403, NULL, "no token",
                "a token is needed for %s", code);
    out = crq_value_new_dict();
    hello = crq_value_new_list();
    first = crq_value_new_dict();
    if (crq_value_set(first, "type", crq_value_new_text("HELLO")) < 0 ||
            crq_value_set(first, "code", crq_value_new_text(code)) < 0 ||
            crq_value_add(hello, first) < 0 ||
            crq_value_set(out, "identity", crq_value_new_text(token)) < 0 ||
            crq_value_set(out, "hello", hello) < 0)
        return CRQ_ENOMEM;
    return crq_task_return(task, out);
}

/* gate.say(code, text, identity) -> text; all in the room hear it */
static int say(crq_task *task, crq_error *err)
{
    const char *code = crq_task_str(task, "code");
    const char *text = crq_task_str(task, "text");
    const char *identity = crq_task_str(task, "identity");
    int rc = crq_task_args_end(task, err);
    char data[500];

    if (rc < 0)
        return rc;
    snprintf(data, sizeof(data), "{\"from\":\"%s\",\"text\":\"%s\"}", identity,
            text);
    rc = crq_task_redis(task, NULL, err,
            "XADD gate:room:%s * type SAID at_ms 12345 data %s", code, data);
    return rc < 0 ? rc : crq_task_return_str(task, text);
}

/* gate.left(code, identity) */
static int left(crq_task *task, crq_error *err)
{
    const char *code = crq_task_str(task, "code");
    const char *identity = crq_task_str(task, "identity");
    int rc = crq_task_args_end(task, err);

    return rc < 0 ? rc
                  : crq_task_redis(task, NULL, err, "RPUSH gate:left %s/%s",
                            code, identity);
}

CRQ_MODULE("gate", CRQ_TASK("gate.parts", parts, "**kwargs"),
        CRQ_TASK("gate.refuse", refuse, "status"),
        CRQ_TASK("gate.wait", wait_for_it, ""),
        CRQ_TASK("gate.authorise", authorise, "code, token=\"\""),
        CRQ_TASK("gate.say", say, "code, text, identity"),
        CRQ_TASK("gate.left", left, "code, identity"))
