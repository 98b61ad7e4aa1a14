/*
 * queue_ops.c - a queue as a whole: emptied, forgotten, tidied up. In steps
 * of bounded size, because Redis does nothing else meanwhile.
 *
 * Source: RQ 2.10, Queue.empty(), Queue.delete(), Queue.compact().
 */
#include "model/queue.h"

#include "model/run_impl.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

#define STEP 1000 /* ids */

/* One call of empty.lua. */
static int empty_step(crq_queue *queue, const char *what, int64_t *count,
        int64_t *left, crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    size_t nkeys;
    int rc;

    crq_args_init(&args);
    nkeys = crq_run_start(&args, NULL);
    crq_args_puts(&args, queue->name);
    crq_args_puti(&args, STEP);
    crq_args_puts(&args, what);
    rc = crq_script_call(queue->conn, &crq_script_empty, nkeys, &args, &reply,
            err);
    if (rc == 0)
        rc = crq_run_check(reply, 2, "empty", err);
    if (rc == 0) {
        *count = crq_reply_int(crq_reply_item(reply, 0), 0);
        *left = crq_reply_int(crq_reply_item(reply, 1), 0);
    }
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

/* Until nothing is left, or until as much is gone as there was: who adds jobs
 * all the time must not keep us here. */
static int empty(crq_queue *queue, const char *what, int64_t *out_count,
        crq_error *err)
{
    int64_t count = 0, left = 1, gone = 0, most = 0;
    int rc = crq_queue_count(queue, &most, err);

    while (rc == 0 && left > 0) {
        rc = empty_step(queue, what, &count, &left, err);
        if (rc == 0)
            gone += count;
        if (gone >= most)
            break;
    }
    if (out_count != NULL)
        *out_count = gone;
    return rc;
}

int crq_queue_empty(crq_queue *queue, int64_t *out_count, crq_error *err)
{
    return empty(queue, "empty", out_count, err);
}

int crq_queue_delete(crq_queue *queue, bool delete_jobs, crq_error *err)
{
    return empty(queue, delete_jobs ? "delete" : "forget", NULL, err);
}

int crq_queue_compact(crq_queue *queue, int64_t *out_count, crq_error *err)
{
    struct crq_args args;
    int64_t place = 0, gone = 0, last = 0;
    int rc = crq_queue_count(queue, &last, err);

    crq_args_init(&args);
    while (rc == 0 && place >= 0 && place <= last) {
        size_t nkeys = crq_run_start(&args, NULL);
        crq_reply *reply = NULL;

        crq_args_puts(&args, queue->name);
        crq_args_puti(&args, place);
        crq_args_puti(&args, STEP);
        rc = crq_script_call(queue->conn, &crq_script_compact, nkeys, &args,
                &reply, err);
        if (rc == 0)
            rc = crq_run_check(reply, 2, "compact", err);
        if (rc == 0) {
            gone += crq_reply_int(crq_reply_item(reply, 0), 0);
            place = crq_reply_int(crq_reply_item(reply, 1), -1);
        }
        crq_reply_free(reply);
    }
    crq_args_fini(&args);
    if (out_count != NULL)
        *out_count = gone;
    return rc;
}
