/* api_queues.c - queues: how full, how old, emptied, suspended. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "web/api_call.h"
#include "web/api_impl.h"
#include "web/heads.h"

/* ------------------------------------------------------------------ looking */

struct queues {
    char **names;
    size_t count;
    struct crq_counts *counts;
    int64_t *heads_us;
};

static void queues_fini(struct queues *q)
{
    crq_names_free(q->names, q->count);
    crq_free(q->counts);
    crq_free(q->heads_us);
}

/* Names that can be in the set but are no queue's are left out. */
static void drop_names(struct queues *q)
{
    size_t kept = 0;

    for (size_t i = 0; i < q->count; i++)
        if (crq_queue_name_check(q->names[i], NULL) == 0)
            q->names[kept++] = q->names[i];
        else
            crq_free(q->names[i]);
    q->count = kept;
}

static int fetch(struct api_ask *ask, struct queues *q)
{
    int rc = crq_queue_names(ask->conn, &q->names, &q->count, ask->err);

    if (rc < 0)
        return rc;
    drop_names(q);
    q->counts = crq_calloc(q->count + 1, sizeof(*q->counts));
    q->heads_us = crq_calloc(q->count + 1, sizeof(*q->heads_us));
    if (q->counts == NULL || q->heads_us == NULL)
        return crq_fail_nomem(ask->err);
    rc = crq_registry_counts(ask->conn, q->names, q->count, q->counts,
            ask->err);
    return rc < 0
            ? rc
            : heads_fetch(ask->conn, q->names, q->count, q->heads_us, ask->err);
}

static int one(void *arg, size_t i, crq_value **out, crq_error *err)
{
    const struct queues *q = arg;
    crq_value *v = NULL;
    int rc = crq_counts_to_value(q->names[i], &q->counts[i], &v, err);

    if (rc < 0)
        return rc;
    crq_dict_put_time(v, "oldest_enqueued_at", q->heads_us[i], &rc);
    if (rc < 0) {
        crq_value_free(v);
        return crq_fail_nomem(err);
    }
    *out = v;
    return 0;
}

int api_queues_list(struct api_ask *ask)
{
    struct queues q = { NULL, 0, NULL, NULL };
    int rc = fetch(ask, &q);

    if (rc == 0)
        rc = api_answer_list(ask, "queues", q.count, one, &q);
    queues_fini(&q);
    return rc;
}

int api_queue_is_known(struct api_ask *ask)
{
    char key[CRQ_KEY_MAX], queue[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc = crq_queue_name_check(ask->name, NULL);
    int64_t known = 0;

    if (rc == 0) {
        crq_key(key, CRQ_KEY_QUEUES, NULL);
        crq_key(queue, CRQ_KEY_QUEUE, ask->name);
        rc = crq_conn_run(ask->conn, &reply, ask->err, "SISMEMBER", key, queue,
                NULL);
        known = rc == 0 ? crq_reply_int(reply, 0) : 0;
        crq_reply_free(reply);
        if (rc < 0)
            return rc;
    }
    if (known > 0)
        return 0;
    rc = api_problem(ask, 404, NULL, "there is no queue '%.80s'", ask->name);
    return rc < 0 ? rc : 1;
}

int api_queue_show(struct api_ask *ask)
{
    char name[CRQ_NAME_MAX + 1], *names[1] = { name };
    struct crq_counts counts;
    int64_t head_us;
    struct queues q = { names, 1, &counts, &head_us };
    crq_value *v = NULL;
    int rc = api_queue_is_known(ask);

    if (rc != 0)
        return rc;
    strcpy(name, ask->name); /* crq_queue_name_check() has its length */
    rc = crq_registry_counts(ask->conn, names, 1, &counts, ask->err);
    if (rc == 0)
        rc = heads_fetch(ask->conn, names, 1, &head_us, ask->err);
    if (rc == 0)
        rc = one(&q, 0, &v, ask->err);
    return api_answer(ask, 200, v, rc);
}

/* ------------------------------------------------------------------- acting */

int api_queue_empty(struct api_ask *ask)
{
    crq_value *v = crq_value_new_dict();
    crq_queue *queue = NULL;
    int64_t count = 0;
    int rc = api_queue_is_known(ask);

    if (rc != 0) {
        crq_value_free(v);
        return rc;
    }
    rc = crq_queue_new(ask->conn, ask->name, &queue, ask->err);
    if (rc == 0)
        rc = crq_queue_empty(queue, &count, ask->err);
    crq_queue_free(queue);
    if (rc == 0 && v == NULL)
        rc = crq_fail_nomem(ask->err);
    crq_dict_put_number(v, "deleted", count, &rc);
    return api_answer(ask, 200, v, rc);
}

int api_queue_delete(struct api_ask *ask)
{
    static const struct api_param params[] = { { "jobs", API_PARAM_BOOL, 0,
            0 } };
    crq_queue *queue = NULL;
    bool jobs = false;
    int rc = api_query(ask, params, 1, &jobs);

    if (rc == 0)
        rc = api_queue_is_known(ask);
    if (rc != 0)
        return rc;
    rc = crq_queue_new(ask->conn, ask->name, &queue, ask->err);
    if (rc == 0)
        rc = crq_queue_delete(queue, jobs, ask->err);
    crq_queue_free(queue);
    return rc < 0 ? rc : api_answer_empty(ask);
}

/* --------------------------------------------------------------- suspension */

int api_suspension_show(struct api_ask *ask)
{
    crq_value *v = crq_value_new_dict();
    bool suspended = false;
    int64_t left_s = -1;
    int rc = crq_is_suspended(ask->conn, &suspended, &left_s, ask->err);

    if (rc == 0 && v == NULL)
        rc = crq_fail_nomem(ask->err);
    crq_dict_put(v, "suspended", crq_value_new_bool(suspended), &rc);
    crq_dict_put_number(v, "seconds_left", left_s < 0 ? CRQ_UNSET : left_s,
            &rc);
    return api_answer(ask, 200, v, rc);
}

int api_suspension_put(struct api_ask *ask)
{
    struct api_suspension s;
    crq_value *errors = NULL;
    int rc = api_read_suspension(ask->req->body, ask->req->body_len, &s,
            &errors, ask->err);

    if (rc < 0)
        return api_body_problem(ask, rc, errors);
    rc = crq_suspend(ask->conn, s.seconds, ask->err);
    return rc < 0 ? rc : api_suspension_show(ask);
}

int api_suspension_delete(struct api_ask *ask)
{
    int rc = crq_resume(ask->conn, ask->err);

    return rc < 0 ? rc : api_suspension_show(ask);
}
