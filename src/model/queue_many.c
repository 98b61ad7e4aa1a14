/*
 * queue_many.c - putting any number of calls on a queue: Queue.enqueue_many().
 *
 * Calls go out in batches, each a pipeline of one script. As in RQ, jobs that
 * depend on others come last, so that they may depend on any job of the same
 * work, whichever comes first: they are kept, all saved as deferred when the
 * other ones are written, and then settled: those are enqueued whose
 * dependencies are met already. Who dies before that leaves them deferred, like
 * RQ.
 */
#include "model/queue.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/dependency.h"
#include "model/queue_impl.h"
#include "redis/scripts.h"

#define BATCH_JOBS  512
#define BATCH_BYTES ((size_t)1 << 20)
#define SETTLE_JOBS 100

/* Calls of one script. */
struct batch {
    struct batch *next;
    struct crq_script_pipe pipe;
    size_t bytes; /* in the pipe */
    size_t count; /* calls that were in it */
    struct {
        char id[CRQ_NAME_MAX + 1];
        size_t nth; /* of all calls */
        bool saved;
    } calls[BATCH_JOBS];
};

struct many {
    crq_queue *queue;
    struct batch *now;              /* sent when it is full */
    struct batch *held, *held_last; /* sent when no call is left */
    struct batch *running;          /* whose replies come in */
    crq_call_done *done;
    void *arg;
    size_t given;   /* calls so far */
    size_t written; /* jobs so far */
    crq_error *err;
    crq_error stopped; /* why on_saved() stopped the pipe */
    crq_error refused; /* the first job that could not be settled: why */
};

static struct batch *new_batch(const crq_queue *queue,
        const struct crq_placing *placing)
{
    struct batch *batch = crq_calloc(1, sizeof(*batch));

    if (batch != NULL)
        crq_script_pipe_init(&batch->pipe, queue->conn, placing->script,
                placing->nkeys);
    return batch;
}

static void free_batch(struct batch *batch)
{
    if (batch != NULL)
        crq_script_pipe_fini(&batch->pipe);
    crq_free(batch);
}

/* Tell the outcome of a call, or stop at a failure nobody is told of. */
static int tell(struct many *many, size_t nth, const char *id, int rc,
        const crq_error *why)
{
    int told = rc;

    if (many->done != NULL)
        told = many->done(many->arg, nth, id, rc, why);
    if (told >= 0)
        return 0;
    return crq_fail(&many->stopped, told, "%s",
            told == rc ? why->text : crq_error_summary(told));
}

static int on_saved(void *arg, size_t nth, const crq_reply *reply,
        const crq_error *failure)
{
    struct many *many = arg;
    struct batch *batch = many->running;
    crq_error why = { 0, "" };
    int rc;

    if (reply == NULL) {
        why = *failure;
        rc = why.code;
    } else
        rc = crq_placing_saved(reply, batch->calls[nth].id, NULL, &why);
    batch->calls[nth].saved = rc == 0;
    many->written += rc == 0;
    return tell(many, batch->calls[nth].nth,
            rc == 0 ? batch->calls[nth].id : NULL, rc, &why);
}

static int flush(struct many *many, struct batch *batch)
{
    int rc = 0;

    many->running = batch;
    if (batch->pipe.count > 0)
        rc = crq_script_pipe_run(&batch->pipe, on_saved, many, many->err);
    /* The pipe would keep the memory of the largest call in each place. */
    crq_script_pipe_fini(&batch->pipe);
    batch->bytes = 0;
    return rc;
}

static bool is_full(const struct batch *batch)
{
    return batch->pipe.count == BATCH_JOBS || batch->bytes >= BATCH_BYTES;
}

static int start_batch(struct many *many, const struct crq_placing *placing,
        struct batch **out)
{
    struct batch *batch = new_batch(many->queue, placing);

    if (batch == NULL)
        return crq_fail_nomem(many->err);
    if (!placing->hold)
        many->now = batch;
    else if (many->held_last == NULL)
        many->held = many->held_last = batch;
    else
        many->held_last = many->held_last->next = batch;
    *out = batch;
    return 0;
}

/* The batch that takes a call. */
static int batch_for(struct many *many, const struct crq_placing *placing,
        struct batch **out)
{
    struct batch *batch = placing->hold ? many->held_last : many->now;
    int rc = 0;

    if (batch != NULL &&
            (placing->hold ? !is_full(batch)
                           : batch->pipe.script == placing->script)) {
        *out = batch;
        return 0;
    }
    if (!placing->hold && batch != NULL) {
        rc = flush(many, batch);
        free_batch(batch);
        many->now = NULL;
    }
    return rc < 0 ? rc : start_batch(many, placing, out);
}

/* Put one call into its batch. */
static int add(struct many *many, const crq_call *call)
{
    struct crq_placing placing = crq_placing_now;
    struct crq_prepared job;
    struct crq_args *words;
    struct batch *batch = NULL;
    crq_error why = { 0, "" };
    size_t nth = many->given++;
    int rc;

    crq_fields_init(&job.fields);
    rc = crq_prepare(many->queue, crq_now_of(many->queue), call, &placing, &job,
            &why);
    if (rc < 0) {
        /* A wrong call is told of in its place: after those before it. */
        int flushed = many->now != NULL ? flush(many, many->now) : 0;

        rc = flushed < 0 ? flushed : tell(many, nth, NULL, rc, &why);
        goto out;
    }
    placing.hold = job.call->dependencies > 0;
    rc = batch_for(many, &placing, &batch);
    if (rc < 0)
        goto out;
    words = crq_script_pipe_add(&batch->pipe);
    if (words == NULL) {
        rc = crq_fail_nomem(many->err);
        goto out;
    }
    crq_placing_words(many->queue, &placing, &job, words);
    batch->bytes += words->bytes.len;
    memcpy(batch->calls[batch->pipe.count - 1].id, job.id, sizeof(job.id));
    batch->calls[batch->pipe.count - 1].nth = nth;
    if (!placing.hold && is_full(batch))
        rc = flush(many, batch);
out:
    crq_fields_fini(&job.fields);
    return rc;
}

/* ---- those that depend on others ---- */

/* Jobs that nothing could be done about; the others of the call are settled. */
static void look_for_refused(struct many *many, const struct batch *batch,
        size_t first, size_t end, const crq_reply *reply)
{
    size_t nth = 0;

    for (size_t i = first; i < end; i++) {
        const char *why =
                batch->calls[i].saved ? crq_settle_why(reply, nth++) : NULL;

        if (why != NULL && many->refused.code == 0)
            crq_fail(&many->refused, CRQ_EREDIS,
                    "job %s stays deferred, because Redis says: %s",
                    batch->calls[i].id, why);
    }
}

static int settle_some(struct many *many, const struct batch *batch,
        size_t first, size_t end, crq_error *err)
{
    crq_conn *conn = many->queue->conn;
    struct crq_args words;
    crq_reply *reply = NULL;
    size_t nkeys, count = 0;
    int rc = 0;

    crq_args_init(&words);
    nkeys = crq_settle_start(&words, crq_clock_wall_us(crq_conn_clock(conn)));
    for (size_t i = first; i < end; i++)
        if (batch->calls[i].saved) {
            crq_settle_add(&words, batch->calls[i].id);
            count++;
        }
    if (count > 0)
        rc = crq_script_call(conn, &crq_script_settle, nkeys, &words, &reply,
                err);
    if (rc == 0 && count > 0)
        rc = crq_settle_read(reply, count, err);
    if (rc == 0 && count > 0)
        look_for_refused(many, batch, first, end, reply);
    crq_reply_free(reply);
    crq_args_fini(&words);
    return rc;
}

/* What was saved is settled whatever became of the others. */
static int place_held(struct many *many)
{
    crq_error unsettled;
    int rc = 0, settled = 0;

    for (struct batch *batch = many->held; batch != NULL; batch = batch->next) {
        size_t count = batch->pipe.count;

        if (rc == 0)
            rc = flush(many, batch);
        batch->count = count;
    }
    for (struct batch *batch = many->held; batch != NULL; batch = batch->next)
        for (size_t i = 0; settled == 0 && i < batch->count; i += SETTLE_JOBS)
            settled = settle_some(many, batch, i,
                    i + SETTLE_JOBS < batch->count ? i + SETTLE_JOBS
                                                   : batch->count,
                    rc < 0 ? &unsettled : many->err);
    if (rc == 0 && settled == 0 && many->refused.code < 0)
        rc = crq_fail(many->err, many->refused.code, "%s", many->refused.text);
    return rc < 0 ? rc : settled;
}

/* ---- all of them ---- */

static void many_fini(struct many *many)
{
    free_batch(many->now);
    while (many->held != NULL) {
        struct batch *next = many->held->next;

        free_batch(many->held);
        many->held = next;
    }
}

int crq_queue_enqueue_many(crq_queue *queue, crq_call_source *next,
        crq_call_done *done, void *arg, size_t *out_count, crq_error *err)
{
    struct many many = { .queue = queue, .done = done, .arg = arg, .err = err };
    crq_error why = { 0, "" };
    int rc, more = 1;

    for (rc = 0; rc == 0 && more > 0;) {
        crq_call call = CRQ_CALL_INIT;

        more = next(arg, &call, &why);
        if (more > 0)
            rc = add(&many, &call);
    }
    /* What was given before the source failed is written all the same. */
    if (rc == 0 && many.now != NULL)
        rc = flush(&many, many.now);
    if (rc == 0)
        rc = place_held(&many);
    if (rc == 0 && more < 0)
        rc = crq_fail(err, more, "%s",
                why.code == more ? why.text : crq_error_summary(more));
    if (many.stopped.code < 0)
        rc = crq_fail(err, many.stopped.code, "%s", many.stopped.text);
    if (out_count != NULL)
        *out_count = many.written;
    many_fini(&many);
    return rc;
}
