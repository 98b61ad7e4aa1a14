/* api_enqueue.c - jobs from requests: one, or many. */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/api_call.h"
#include "web/api_idempotency.h"
#include "web/api_impl.h"

#define QUEUE_DEFAULT "default"

static const char *queue_of(const struct api_call *call)
{
    return call->queue != NULL ? call->queue : QUEUE_DEFAULT;
}

/* ---------------------------------------------------------------------- one */

static int place(crq_conn *conn, const struct api_call *call, crq_job **out,
        crq_error *err)
{
    crq_queue *queue = NULL;
    int rc = crq_queue_new(conn, queue_of(call), &queue, err);

    if (rc < 0)
        return rc;
    if (call->at_us != CRQ_UNSET)
        rc = crq_queue_enqueue_at(queue, call->at_us, &call->call, out, err);
    else if (call->in_us != CRQ_UNSET)
        rc = crq_queue_enqueue_in(queue, call->in_us, &call->call, out, err);
    else
        rc = crq_queue_enqueue(queue, &call->call, out, err);
    crq_queue_free(queue);
    return rc;
}

static int answer_job(struct api_ask *ask, int status, crq_job *job)
{
    crq_value *v = NULL;
    int rc = crq_job_to_value(job, NULL, &v, ask->err);

    if (rc == 0)
        rc = api_location(ask, "jobs", crq_job_id(job));
    return api_answer(ask, status, v, rc);
}

static int enqueue(struct api_ask *ask, const struct api_call *call)
{
    crq_job *job = NULL;
    int rc = place(ask->conn, call, &job, ask->err);

    if (rc == 0)
        rc = answer_job(ask, 201, job);
    crq_job_free(job);
    return rc;
}

/* The job that the key has made, as it is now. */
static int replay(struct api_ask *ask, const struct api_idempotency *idem)
{
    crq_job *job = NULL;
    int rc = crq_job_fetch(ask->conn, idem->job_id, &job, ask->err);

    if (rc == CRQ_ENOTFOUND)
        return api_problem(ask, 410, NULL,
                "job '%s' was enqueued by this key before, and is gone",
                idem->job_id);
    if (rc == 0)
        rc = api_field(ask, "Idempotency-Replayed", "true");
    if (rc == 0)
        rc = answer_job(ask, 200, job);
    crq_job_free(job);
    return rc;
}

static int enqueue_once(struct api_ask *ask, struct api_call *call)
{
    struct api_idempotency idem;
    enum api_idempotent state;
    char *given = (char *)(uintptr_t)call->call.job_id;
    crq_job *job = NULL;
    int rc;

    if (given != NULL)
        return api_problem(ask, 422, NULL,
                "with an Idempotency-Key the job's id is made of it; leave "
                "out 'job_id'");
    rc = api_idempotency_init(&idem, ask->req, ask->err);
    if (rc == 0)
        rc = api_idempotency_begin(ask->conn, &idem, &state, ask->err);
    if (rc < 0)
        return rc;
    if (state == API_DIFFERENT)
        return api_problem(ask, 422, NULL,
                "this Idempotency-Key was used for another request");
    if (state == API_WRITTEN)
        return replay(ask, &idem);
    call->call.job_id = idem.job_id;
    call->call.unique = true;
    rc = place(ask->conn, call, &job, ask->err);
    call->call.job_id = NULL; /* not its own */
    if (rc == 0 || rc == CRQ_EEXIST) {
        bool first = rc == 0;

        rc = api_idempotency_end(ask->conn, &idem, ask->err);
        if (rc == 0)
            rc = first ? answer_job(ask, 201, job) : replay(ask, &idem);
    }
    crq_job_free(job);
    return rc;
}

int api_jobs_enqueue(struct api_ask *ask)
{
    const struct api_request *req = ask->req;
    crq_value *errors = NULL;
    struct api_call call;
    int rc = api_read_call(req->body, req->body_len, &call, &errors, ask->err);

    if (rc < 0)
        rc = api_body_problem(ask, rc, errors);
    else if (req->idempotency_key != NULL)
        rc = enqueue_once(ask, &call);
    else
        rc = enqueue(ask, &call);
    api_call_fini(&call);
    return rc;
}

/* --------------------------------------------------------------------- many */

struct many {
    const struct api_calls *calls;
    const char *queue; /* the one whose turn it is */
    size_t given;      /* the next call to look at */
    size_t told;       /* the same, of what was told */
    bool *done;        /* calls of queues that had their turn */
    crq_value **outcomes;
    int64_t enqueued;
};

/* The next call of this queue, from *at on. */
static const struct api_call *next_of(const struct many *m, size_t *at)
{
    while (*at < m->calls->count) {
        const struct api_call *call = &m->calls->items[(*at)++];

        if (strcmp(queue_of(call), m->queue) == 0)
            return call;
    }
    return NULL;
}

static int give(void *arg, crq_call *call, crq_error *err)
{
    struct many *m = arg;
    const struct api_call *next = next_of(m, &m->given);

    (void)err;
    if (next == NULL)
        return 0;
    *call = next->call;
    return 1;
}

/* A call that can't be is one thing; without Redis there is no going on. */
static bool is_of_the_call(int rc)
{
    return rc == 0 || rc == CRQ_EINVAL || rc == CRQ_EUNSUPPORTED ||
            rc == CRQ_EEXIST || rc == CRQ_ELIMIT || rc == CRQ_ESTATE;
}

static int on_done(void *arg, size_t nth, const char *job_id, int rc,
        const crq_error *err)
{
    struct many *m = arg;
    crq_value *v;
    int put = 0;

    (void)nth;
    (void)next_of(m, &m->told);
    if (!is_of_the_call(rc))
        return rc;
    v = crq_value_new_dict();
    put = v != NULL ? 0 : CRQ_ENOMEM;
    crq_dict_put_text(v, "id", job_id, &put);
    if (rc < 0)
        crq_dict_put_text(v, "error", err->text, &put);
    m->done[m->told - 1] = true;
    m->outcomes[m->told - 1] = v;
    m->enqueued += rc == 0;
    return put;
}

static int enqueue_queue(struct api_ask *ask, struct many *m)
{
    crq_queue *queue = NULL;
    int rc = crq_queue_new(ask->conn, m->queue, &queue, ask->err);

    m->given = m->told = 0;
    if (rc == 0)
        rc = crq_queue_enqueue_many(queue, give, on_done, m, NULL, ask->err);
    crq_queue_free(queue);
    return rc;
}

static int answer_many(struct api_ask *ask, struct many *m)
{
    crq_value *v = crq_value_new_dict(), *list = crq_value_new_list();
    int rc = v != NULL && list != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < m->calls->count; i++) {
        rc = crq_value_add(list, m->outcomes[i]);
        m->outcomes[i] = NULL;
    }
    crq_dict_put_number(v, "enqueued", m->enqueued, &rc);
    crq_dict_put(v, "jobs", list, &rc);
    return api_answer(ask, 200, v, rc);
}

/* Queue by queue, each in the order of its calls. All names are looked at
 * before the first job is written. */
static int enqueue_all(struct api_ask *ask, const struct api_calls *calls)
{
    struct many m = { .calls = calls,
        .done = crq_calloc(calls->count + 1, sizeof(*m.done)),
        .outcomes = crq_calloc(calls->count + 1, sizeof(crq_value *)) };
    crq_queue *queue = NULL;
    int rc =
            m.done != NULL && m.outcomes != NULL ? 0 : crq_fail_nomem(ask->err);

    for (size_t i = 0; rc == 0 && i < calls->count; i++) {
        rc = crq_queue_new(ask->conn, queue_of(&calls->items[i]), &queue,
                ask->err);
        crq_queue_free(queue);
        queue = NULL;
    }
    for (size_t i = 0; rc == 0 && i < calls->count; i++) {
        if (m.done[i])
            continue;
        m.queue = queue_of(&calls->items[i]);
        rc = enqueue_queue(ask, &m);
    }
    if (rc == 0)
        rc = answer_many(ask, &m);
    for (size_t i = 0; m.outcomes != NULL && i < calls->count; i++)
        crq_value_free(m.outcomes[i]);
    crq_free(m.outcomes);
    crq_free(m.done);
    return rc;
}

int api_jobs_bulk(struct api_ask *ask)
{
    const struct api_request *req = ask->req;
    const char *type = req->content_type != NULL ? req->content_type : "";
    bool lines = strncasecmp(type, API_LINES_TYPE, strlen(API_LINES_TYPE)) == 0;
    crq_value *errors = NULL;
    struct api_calls calls;
    int rc;

    if (req->idempotency_key != NULL)
        return api_problem(ask, 400, NULL,
                "Idempotency-Key is for single jobs; here give each call a "
                "'job_id' and \"unique\": true");
    rc = api_read_calls(req->body, req->body_len, lines, &calls, &errors,
            ask->err);
    if (rc < 0)
        rc = api_body_problem(ask, rc, errors);
    else
        rc = enqueue_all(ask, &calls);
    api_calls_fini(&calls);
    return rc;
}
