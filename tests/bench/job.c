/* job.c - a job like most: a short function name, two small arguments. */
#include "job.h"

#include <string.h>

#include "base/error.h"
#include "redis/conn.h"

static int make_call(struct job *job)
{
    int rc;

    job->call = (crq_call)CRQ_CALL_INIT;
    job->call.func = "builtins.pow";
    job->call.args = job->args = crq_value_new_list();
    rc = job->args != NULL ? 0 : CRQ_ENOMEM;
    if (rc == 0)
        rc = crq_value_add(job->args, crq_value_new_int(2));
    return rc < 0 ? rc : crq_value_add(job->args, crq_value_new_int(10));
}

static int read_fields(struct job *job, crq_conn *conn, const char *id,
        crq_error *err)
{
    char key[JOB_KEY_LEN + 1] = "rq:job:";
    crq_reply *reply = NULL;
    int rc;

    memcpy(key + 7, id, CRQ_UUID_LEN + 1);
    rc = crq_conn_run(conn, &reply, err, "HGETALL", key, NULL);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(reply); i++) {
        size_t len;
        const char *word = crq_reply_text(crq_reply_item(reply, i), &len);

        crq_args_put(&job->fields, word, len);
    }
    crq_reply_free(reply);
    return rc < 0 ? rc : crq_args_check(&job->fields, err);
}

int job_init(struct job *job, crq_conn *conn, crq_error *err)
{
    crq_queue *queue = NULL;
    crq_job *written = NULL;
    int rc = make_call(job);

    crq_args_init(&job->fields);
    if (rc < 0)
        return crq_fail_nomem(err);
    rc = crq_queue_new(conn, JOB_QUEUE, &queue, err);
    if (rc == 0)
        rc = crq_queue_enqueue(queue, &job->call, &written, err);
    if (rc == 0)
        rc = read_fields(job, conn, crq_job_id(written), err);
    crq_job_free(written);
    crq_queue_free(queue);
    return rc;
}

void job_fini(struct job *job)
{
    crq_value_free(job->args);
    crq_args_fini(&job->fields);
}

const char *job_field(const struct job *job, const char *name, size_t *out_len)
{
    for (size_t i = 0; i + 1 < job->fields.count; i += 2) {
        const char *word = crq_args_word(&job->fields, i, out_len);

        if (*out_len == strlen(name) && memcmp(word, name, *out_len) == 0)
            return crq_args_word(&job->fields, i + 1, out_len);
    }
    *out_len = 0;
    return "";
}

void job_new_key(char key[JOB_KEY_LEN + 1])
{
    memcpy(key, "rq:job:", 7);
    crq_uuid4(key + 7);
}

void job_commands(const struct job *job, struct crq_args out[JOB_COMMANDS])
{
    char key[JOB_KEY_LEN + 1];

    job_new_key(key);
    for (int i = 0; i < JOB_COMMANDS; i++)
        crq_args_clear(&out[i]);
    crq_args_list(&out[0], "HSET", key, NULL);
    for (size_t i = 0; i < job->fields.count; i++) {
        size_t len;
        const char *word = crq_args_word(&job->fields, i, &len);

        crq_args_put(&out[0], word, len);
    }
    crq_args_list(&out[1], "SADD", "rq:queues", JOB_QUEUE_KEY, NULL);
    crq_args_list(&out[2], "RPUSH", JOB_QUEUE_KEY, key + 7, NULL);
}
