/*
 * joblog.c - lines that runs log, kept with their jobs.
 *
 * Lines are gathered for a tenth of a second, those of all runs go out in one
 * call. Those of a run that ends go before its finish, on the same link, while
 * it still has its fence.
 *
 * They are for people: a line that Redis refuses is lost, and the run goes on.
 * A child is not believed: what it may log is counted here once more.
 */
#include "workers/worker.h"

#include <string.h>

#include "base/mem.h"
#include "model/joblog.h"
#include "redis/scripts.h"
#include "task/perform.h"

#define KEEP_S    0.1
#define RUN_LINES 4096
/* Bytes of one run after which they are sent at once, of a call after which
 * the next one begins. */
#define RUN_BYTES  ((size_t)64 << 10)
#define CALL_BYTES ((size_t)256 << 10)

static const char full[] = "(further lines of this run are not kept)";

/* Of one run, from its first line to its end. */
struct joblog {
    struct worker *worker;
    struct run *run;
    struct joblog *next; /* in worker->unkept */
    bool waits;          /* it is there */
    int64_t count;       /* lines so far */
    size_t bytes;
    struct crq_args lines; /* that are not sent */
};

/* A call on its way. */
struct call {
    struct worker *worker;
    size_t runs;
};

/* ---- sending ---- */

static void warn(struct worker *w, const char *why)
{
    if (!w->keep_warned)
        crq_log_warn(w->log, "lines that runs log are not kept: %s", why);
    w->keep_warned = true;
}

static void on_kept(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct call *call = arg;
    struct worker *w = call->worker;
    crq_error why;

    if (err == NULL && crq_joblog_read(reply, call->runs, &why) < 0)
        err = &why;
    if (err != NULL)
        warn(w, err->text);
    for (size_t i = 0; err == NULL && i < call->runs; i++) {
        const char *text;
        int64_t kept = crq_joblog_state(reply, i, &text);

        if (kept == -2)
            warn(w, text);
        else if (kept > 0)
            w->keep_warned = false;
    }
    crq_free(call);
}

static void send_call(struct worker *w, size_t nkeys, struct crq_args *words,
        size_t runs)
{
    struct call *call = crq_calloc(1, sizeof(*call));

    if (call != NULL) {
        *call = (struct call){ w, runs };
        if (crq_async_script(w->link, &crq_script_joblog, nkeys, words, on_kept,
                    call) == 0)
            return;
        crq_free(call);
    }
    warn(w, "out of memory");
}

static void unlink_log(struct joblog *log)
{
    struct joblog **at = &log->worker->unkept;

    if (!log->waits)
        return;
    while (*at != log)
        at = &(*at)->next;
    *at = log->next;
    log->waits = false;
}

/* Send the lines of `only`, or (NULL) of all runs. */
static void send_lines(struct worker *w, struct joblog *only)
{
    struct crq_args words;
    size_t runs = 0, nkeys = 0;

    crq_args_init(&words);
    while (w->unkept != NULL) {
        struct joblog *log = only != NULL ? only : w->unkept;
        struct crq_runref ref = { log->run->queue, log->run->id,
            log->run->execution };

        if (runs == 0)
            nkeys = crq_joblog_start(&words, CRQ_JOBLOG_BYTES,
                    CRQ_JOBLOG_LINES);
        crq_joblog_add(&words, &ref, &log->lines);
        runs++;
        crq_args_clear(&log->lines);
        unlink_log(log);
        if (only != NULL)
            break;
        if (words.bytes.len >= CALL_BYTES) {
            send_call(w, nkeys, &words, runs);
            runs = 0;
        }
    }
    if (runs > 0)
        send_call(w, nkeys, &words, runs);
    crq_args_fini(&words);
}

static void on_keep(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    send_lines(timer->data, NULL);
}

void joblog_flush(struct worker *w, struct run *run)
{
    if (run->log != NULL && run->log->waits)
        send_lines(w, run->log);
}

/* ---- gathering ---- */

static struct joblog *log_of(struct worker *w, struct run *run)
{
    if (run->log != NULL)
        return run->log;
    run->log = crq_calloc(1, sizeof(*run->log));
    if (run->log != NULL) {
        run->log->worker = w;
        run->log->run = run;
        crq_args_init(&run->log->lines);
    }
    return run->log;
}

void joblog_add(struct worker *w, struct run *run, const char *line, size_t len)
{
    struct joblog *log = log_of(w, run);

    if (log == NULL) {
        warn(w, "out of memory");
        return;
    }
    if (log->count == RUN_LINES || log->bytes + len + 1 > CRQ_RUN_LOG_MAX)
        return;
    log->count++;
    log->bytes += len + 1;
    if (log->count == RUN_LINES) {
        line = full;
        len = sizeof(full) - 1;
    }
    crq_joblog_line(&log->lines, log->count, worker_now(w), line, len);
    if (crq_args_check(&log->lines, NULL) < 0) {
        crq_args_clear(&log->lines);
        unlink_log(log);
        warn(w, "out of memory");
        return;
    }
    if (!log->waits) {
        log->waits = true;
        log->next = w->unkept;
        w->unkept = log;
    }
    if (log->lines.bytes.len >= RUN_BYTES)
        joblog_flush(w, run);
    else if (!ev_is_active(&w->keep)) {
        ev_timer_set(&w->keep, KEEP_S, 0.);
        ev_timer_start(w->loop, &w->keep);
    }
}

void joblog_free(struct run *run)
{
    if (run->log == NULL)
        return;
    unlink_log(run->log);
    crq_args_fini(&run->log->lines);
    crq_free(run->log);
    run->log = NULL;
}

void joblog_init(struct worker *w)
{
    ev_timer_init(&w->keep, on_keep, 0., 0.);
    w->keep.data = w;
}

void joblog_fini(struct worker *w)
{
    ev_timer_stop(w->loop, &w->keep);
}
