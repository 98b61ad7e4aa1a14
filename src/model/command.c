/*
 * command.c - what workers are told, through the channel that each listens to.
 *
 * Nothing of it is kept: a worker that does not listen never hears of it. So
 * that nobody listens is an error here; RQ does not look.
 *
 * Source: RQ 2.10, rq/command.py.
 */
#include <string.h>

#include "base/error.h"
#include "model/fields.h"
#include "model/job.h"
#include "model/keys.h"
#include "redis/conn.h"

/* Append the command as JSON. */
static int encode(const char *command, const char *job_id, struct crq_buf *out,
        crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    char *text = NULL;
    size_t len;
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_value_set(v, "command", crq_value_new_text(command));
    if (rc == 0 && job_id != NULL)
        rc = crq_value_set(v, "job_id", crq_value_new_text(job_id));
    if (rc < 0)
        rc = crq_fail(err, rc, "%s", crq_error_summary(rc));
    else
        rc = crq_value_json(v, &text, &len, err);
    if (rc == 0) {
        crq_buf_put(out, text, len);
        rc = crq_buf_check(out, err);
    }
    crq_text_free(text);
    crq_value_free(v);
    return rc;
}

static int send(crq_conn *conn, const char *worker, const char *command,
        const char *job_id, int64_t *out_listeners, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    char channel[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc = encode(command, job_id, &text, err);

    if (rc == 0) {
        crq_key(channel, CRQ_KEY_PUBSUB, worker);
        rc = crq_conn_run(conn, &reply, err, "PUBLISH", channel, text.data,
                NULL);
    }
    if (rc == 0)
        *out_listeners = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    crq_buf_fini(&text);
    return rc;
}

static int tell(crq_conn *conn, const char *worker, const char *command,
        crq_error *err)
{
    int64_t listeners = 0;
    int rc = 0;

    if (worker[0] != '\0' && strlen(worker) <= CRQ_NAME_MAX)
        rc = send(conn, worker, command, NULL, &listeners, err);
    if (rc == 0 && listeners == 0)
        rc = crq_fail(err, CRQ_ENOTFOUND, "no worker '%.80s' listens", worker);
    return rc;
}

int crq_worker_shutdown(crq_conn *conn, const char *name, crq_error *err)
{
    return tell(conn, name, "shutdown", err);
}

int crq_worker_kill_horse(crq_conn *conn, const char *name, crq_error *err)
{
    return tell(conn, name, "kill-horse", err);
}

int crq_job_stop(crq_job *job, crq_error *err)
{
    const char *worker;
    crq_status status;
    int64_t listeners = 0;
    int rc = crq_job_refresh(job, err);

    if (rc < 0)
        return rc;
    worker = crq_job_worker_name(job);
    status = crq_job_status(job);
    /* The worker's name stays when a run has ended; a job that was canceled
     * while it runs is still running. */
    if (worker == NULL || strlen(worker) > CRQ_NAME_MAX ||
            (status != CRQ_STATUS_STARTED && status != CRQ_STATUS_CANCELED))
        return crq_fail(err, CRQ_ESTATE,
                "job '%.80s' is not currently executing: it is %.40s", job->id,
                crq_job_status_text(job));
    rc = send(job->conn, worker, "stop-job", job->id, &listeners, err);
    if (rc == 0 && listeners == 0)
        rc = crq_fail(err, CRQ_ESTATE,
                "job '%.80s': its worker '%.80s' does not listen", job->id,
                worker);
    return rc;
}
