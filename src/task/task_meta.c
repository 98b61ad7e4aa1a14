/*
 * task_meta.c - a job's meta, read and written by its own run.
 *
 * Meta is one serialized dict in the job's hash, written as a whole. While a
 * job runs its run is the only writer, by RQ's convention, so what was there
 * when it began plus what it has set is what is there. Meta that can't be read
 * here (an object of a Python class in it) is left alone.
 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/keys.h"
#include "model/serializer.h"
#include "redis/reply.h"
#include "redis/scripts.h"
#include "task/task_impl.h"

#define PROGRESS_US 100000

static int read_meta(crq_task *task, crq_error *err)
{
    const struct crq_run *run = task->run;
    crq_value *meta = NULL;
    int rc;

    if (run->meta == NULL || run->meta_len == 0) {
        meta = crq_value_new_dict();
        rc = meta != NULL ? 0 : crq_fail_nomem(err);
    } else {
        rc = crq_deserialize_as(run->serializer, run->meta, run->meta_len,
                &meta, NULL, err);
    }
    if (rc == 0 && crq_value_type(meta) != CRQ_DICT) {
        rc = crq_fail(err, CRQ_ECODEC, "it is a %s, not a dict",
                crq_type_name(crq_value_type(meta)));
        crq_value_free(meta);
    }
    if (rc < 0)
        return rc;
    task->meta = meta;
    return 0;
}

/* The dict, read when it is first asked for. */
static int need_meta(crq_task *task, crq_error *err)
{
    int rc;

    if (!task->meta_tried) {
        rc = read_meta(task, &task->meta_problem);
        if (rc == CRQ_ENOMEM)
            return crq_fail_nomem(err);
        task->meta_tried = true;
    }
    if (task->meta != NULL)
        return 0;
    return crq_fail(err, CRQ_EUNSUPPORTED,
            "the job's meta can't be read and is left as it is: %s",
            task->meta_problem.text);
}

const crq_value *crq_task_meta(crq_task *task, const char *key)
{
    if (need_meta(task, NULL) < 0)
        return NULL;
    return crq_value_get(task->meta, key);
}

/* A dict with the same pairs and one that is new; v is taken over. */
static int with_pair(const crq_value *dict, const char *key, crq_value *v,
        crq_value **out, crq_error *err)
{
    crq_value *copy = crq_value_new_dict();
    int rc = copy != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < crq_value_count(dict); i++)
        rc = crq_value_put(copy, crq_value_ref(crq_value_key(dict, i)),
                crq_value_ref(crq_value_item(dict, i)));
    if (rc == 0)
        rc = crq_value_set(copy, key, v);
    else
        crq_value_free(v);
    if (rc < 0) {
        crq_value_free(copy);
        return crq_fail(err, rc, "meta['%.60s']: %s", key,
                crq_error_summary(rc));
    }
    *out = copy;
    return 0;
}

static int store(crq_task *task, const crq_value *meta, crq_error *err)
{
    struct crq_buf bytes = CRQ_BUF_INIT;
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    struct crq_args args;
    crq_conn *conn;
    int rc;

    crq_args_init(&args);
    rc = crq_serialize(task->serializer, meta, &bytes, err);
    if (rc == 0)
        rc = crq_task_conn(task, &conn, err);
    if (rc < 0)
        goto out;
    crq_key(key, CRQ_KEY_JOB, task->run->job_id);
    crq_args_puts(&args, key);
    crq_args_put(&args, crq_buf_text(&bytes), bytes.len);
    rc = crq_script_call(conn, &crq_script_set_meta, 1, &args, &reply, err);
    if (rc == 0 && crq_reply_int(reply, 0) != 1)
        rc = crq_fail(err, CRQ_ENOTFOUND, "the job '%s' was deleted",
                task->run->job_id);
    crq_reply_free(reply);
out:
    crq_args_fini(&args);
    crq_buf_fini(&bytes);
    return rc;
}

int crq_task_meta_set(crq_task *task, const char *key, crq_value *v,
        crq_error *err)
{
    crq_value *meta = NULL;
    int rc;

    if (v == NULL)
        return crq_fail_nomem(err);
    rc = need_meta(task, err);
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    rc = with_pair(task->meta, key, v, &meta, err);
    if (rc == 0)
        rc = store(task, meta, err);
    if (rc < 0) {
        crq_value_free(meta);
        return rc;
    }
    crq_value_free(task->meta);
    task->meta = meta;
    return 0;
}

int crq_task_progress(crq_task *task, double done, crq_error *err)
{
    int64_t now_us = crq_clock_mono_us(&crq_clock_system);

    if (isnan(done))
        return crq_fail(err, CRQ_EINVAL, "a progress that is no number");
    done = done < 0 ? 0 : done > 1 ? 1 : done;
    if (task->progress_seen && done < 1 &&
            now_us - task->progress_us < PROGRESS_US)
        return 0;
    task->progress_seen = true;
    task->progress_us = now_us;
    return crq_task_meta_set(task, "progress", crq_value_new_float(done), err);
}
