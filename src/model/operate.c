/*
 * operate.c - what is done to jobs from outside.
 *
 * Source: RQ 2.10, Job.cancel(), Job.requeue(), Job.delete(). What each
 * operation does in Redis stands in its script; here are its words, and the
 * functions for one job.
 */
#include "model/operate.h"

#include <string.h>

#include "base/error.h"
#include "model/dependency.h"
#include "model/job.h"
#include "model/keys.h"
#include "model/names.h"
#include "model/queue.h"
#include "model/run_impl.h"
#include "redis/conn.h"
#include "redis/scripts.h"

static const struct crq_script *const scripts[] = {
    [CRQ_OPERATION_NONE] = NULL,
    [CRQ_OPERATION_CANCEL] = &crq_script_cancel,
    [CRQ_OPERATION_REQUEUE] = &crq_script_requeue,
    [CRQ_OPERATION_DELETE] = &crq_script_delete,
    [CRQ_OPERATION_STOP] = NULL,
    [CRQ_OPERATION_MOVE] = &crq_script_move_job,
};

const struct crq_script *crq_operate_script(crq_operation operation)
{
    return scripts[operation];
}

size_t crq_operate_start(struct crq_args *out, unsigned flags,
        const char *queue, int64_t now_us)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_args_puts(out, crq_key_pattern(CRQ_KEY_CANCELED));
    crq_run_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    crq_args_puti(out, flags);
    crq_args_puts(out, queue != NULL ? queue : "");
    return nkeys;
}

void crq_operate_add(struct crq_args *out, const char *id)
{
    crq_args_puts(out, id);
}

int crq_operate_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count, "cancel, requeue, delete or move_job",
            err);
}

int crq_operate_state(const crq_reply *reply, size_t i, const char *id,
        crq_error *err)
{
    const crq_reply *state = crq_reply_item(reply, i);
    const char *why = NULL;

    switch (crq_reply_kind(state)) {
    case CRQ_REPLY_INT:
        if (crq_reply_int(state, 0) != 0)
            return 0;
        return crq_fail(err, CRQ_ENOTFOUND, "there is no job '%.80s'", id);
    case CRQ_REPLY_TEXT:
        return crq_fail(err, CRQ_ESTATE, "job '%.80s': %s", id,
                crq_reply_text(state, NULL));
    case CRQ_REPLY_ARRAY:
        why = crq_reply_text(crq_reply_item(state, 0), NULL);
        break;
    case CRQ_REPLY_NIL:
    case CRQ_REPLY_ERROR: break;
    }
    return crq_fail(err, CRQ_EREDIS, "job '%.80s': Redis refused: %s", id,
            why != NULL ? why : "no reason");
}

/* ---- one job ---- */

static int operate(crq_job *job, crq_operation operation, unsigned flags,
        const char *queue, crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    size_t nkeys;
    int rc;

    crq_args_init(&args);
    nkeys = crq_operate_start(&args, flags, queue,
            crq_clock_wall_us(crq_conn_clock(job->conn)));
    crq_operate_add(&args, job->id);
    rc = crq_script_call(job->conn, crq_operate_script(operation), nkeys, &args,
            &reply, err);
    if (rc == 0)
        rc = crq_operate_read(reply, 1, err);
    if (rc == 0)
        rc = crq_operate_state(reply, 0, job->id, err);
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

int crq_job_cancel(crq_job *job, unsigned flags, crq_error *err)
{
    int rc = operate(job, CRQ_OPERATION_CANCEL, flags, NULL, err);

    /* The job is canceled. Should this fail, a worker goes on. */
    if (rc == 0 && (flags & CRQ_CANCEL_ENQUEUE_DEPENDENTS) != 0)
        (void)crq_promote_rest(job->conn, NULL);
    return rc;
}

int crq_job_requeue(crq_job *job, unsigned flags, crq_error *err)
{
    return operate(job, CRQ_OPERATION_REQUEUE, flags, NULL, err);
}

int crq_job_delete(crq_job *job, unsigned flags, crq_error *err)
{
    crq_error why;
    int rc = operate(job, CRQ_OPERATION_DELETE, flags, NULL, &why);

    /* It may have been this very call whose reply got lost. */
    if (rc == 0 || rc == CRQ_ENOTFOUND)
        return 0;
    return crq_fail(err, rc, "%s", why.text);
}

int crq_job_move(crq_job *job, const char *queue, unsigned flags,
        crq_error *err)
{
    int rc = crq_queue_name_check(queue, err);

    return rc < 0 ? rc : operate(job, CRQ_OPERATION_MOVE, flags, queue, err);
}

/* ---- relatives ---- */

int crq_job_dependents(crq_job *job, char ***out, size_t *out_count,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_JOB_DEPENDENTS, job->id);
    return crq_names_of_set(job->conn, key, out, out_count, err);
}

int crq_job_dependencies(crq_job *job, char ***out, size_t *out_count,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_JOB_DEPENDENCIES, job->id);
    return crq_names_of_set(job->conn, key, out, out_count, err);
}
