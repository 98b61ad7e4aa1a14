/* api_schedules.c - named schedules. */
#include "base/error.h"
#include "sched/schedule_json.h"
#include "web/api_call.h"
#include "web/api_impl.h"

static int one(void *arg, size_t i, crq_value **out, crq_error *err)
{
    crq_schedule *const *list = arg;

    return crq_schedule_to_value(list[i], out, err);
}

int api_schedules_list(struct api_ask *ask)
{
    crq_schedule **list = NULL;
    size_t count = 0;
    int rc = crq_schedule_list(ask->conn, &list, &count, ask->err);

    if (rc == 0)
        rc = api_answer_list(ask, "schedules", count, one, list);
    crq_schedules_free(list, count);
    return rc;
}

int api_schedule_show(struct api_ask *ask)
{
    crq_schedule *s = NULL;
    crq_value *v = NULL;
    int rc = crq_schedule_fetch(ask->conn, ask->name, &s, ask->err);

    if (rc == 0)
        rc = crq_schedule_to_value(s, &v, ask->err);
    crq_schedule_free(s);
    return api_answer(ask, 200, v, rc);
}

int api_schedule_put(struct api_ask *ask)
{
    crq_value *errors = NULL;
    struct api_schedule s;
    int rc = api_read_schedule(ask->req->body, ask->req->body_len, &s, &errors,
            ask->err);

    if (rc < 0) {
        rc = api_body_problem(ask, rc, errors);
        api_schedule_fini(&s);
        return rc;
    }
    s.options.id = ask->name;
    rc = crq_schedule_put(ask->conn, &s.options, &s.call.call, NULL, ask->err);
    api_schedule_fini(&s);
    return rc < 0 ? rc : api_schedule_show(ask);
}

int api_schedule_delete(struct api_ask *ask)
{
    int rc = crq_schedule_remove(ask->conn, ask->name, ask->err);

    if (rc == CRQ_EINVAL) /* what is no id is the id of none */
        rc = crq_fail(ask->err, CRQ_ENOTFOUND, "there is no such schedule");
    return rc < 0 ? rc : api_answer_empty(ask);
}
