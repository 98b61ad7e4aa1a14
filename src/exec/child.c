/*
 * child.c - a warm child: reads RUN or CALL_BACK, does it, answers with the
 * outcome.
 *
 * The worker sends the next run when it has read the outcome of the last one,
 * so the child reads and writes one socket and blocks on it: no loop here.
 *
 * Kept true here:
 *  - Before the outcome is sent, everything the run has started is dead and
 *    reaped. The child is a subreaper, so a descendant that detached itself
 *    (setsid, double fork) has become its child by then.
 *  - The end of the socket means that the worker is gone or wants the child
 *    to go. It leaves with _exit(): nothing of the server's is torn down.
 */
#include "exec/child.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "exec/fault.h"
#include "exec/frame.h"
#include "exec/proc.h"
#include "model/serializer.h"
#include "redis/conn.h"
#include "task/perform.h"

/* Exit codes that a worker's log can tell from a task's own. */
#define EXIT_DONE     0
#define EXIT_PROTOCOL 121
#define EXIT_NOMEM    122

struct child {
    const struct crq_modules *modules;
    const char *url;
    crq_conn *conn; /* opened when a task first asks */
    /* A run's data stay where they were read; what comes meanwhile goes to
     * the other reader. */
    struct crq_frame_reader readers[2], *reader;
    struct crq_buf out;
    uint64_t runs;
    bool stop; /* the run was asked to end soon */
};

static void send_all(struct child *child)
{
    const char *at = child->out.data;
    size_t left = child->out.len;
    ssize_t n;

    while (left > 0) {
        n = send(CRQ_CHILD_FD, at, left, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            _exit(EXIT_DONE); /* nobody is there to be told */
        at += n;
        left -= (size_t)n;
    }
    crq_buf_clear(&child->out);
}

static int send_frame(struct child *child, const struct crq_frame *frame)
{
    int rc = crq_frame_encode(frame, CRQ_FRAME_MAX, &child->out, NULL);

    if (rc < 0)
        return rc;
    send_all(child);
    return 0;
}

/* Read what is there. False when nothing is, and that was not waited for. */
static bool receive(struct child *child, int flags)
{
    char bytes[16384];
    ssize_t n;

    do
        n = recv(CRQ_CHILD_FD, bytes, sizeof(bytes), flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (n <= 0)
        _exit(EXIT_DONE);
    if (crq_frame_reader_feed(child->reader, bytes, (size_t)n, NULL) < 0)
        _exit(EXIT_NOMEM);
    return true;
}

/* The next frame that is there. The worker is one of ours: what is no frame
 * means that the two are not of one version. */
static bool next(struct child *child, struct crq_frame *out)
{
    int rc = crq_frame_reader_next(child->reader, out, NULL);

    if (rc < 0)
        _exit(rc == CRQ_ENOMEM ? EXIT_NOMEM : EXIT_PROTOCOL);
    return rc > 0;
}

/* ----------------------------------------------------- what a run asks for */

static void on_log(void *arg, const char *line, size_t len)
{
    struct child *child = arg;
    struct crq_frame frame = { .type = CRQ_FRAME_LOG, .text = { line, len } };

    /* A line for which there is no memory is lost; the run goes on. */
    (void)!send_frame(child, &frame);
}

static bool on_should_stop(void *arg)
{
    struct child *child = arg;
    struct crq_frame frame;
    struct pollfd end = { CRQ_CHILD_FD, POLLIN | POLLRDHUP, 0 };

    /* A worker that is gone is a reason too, but no task ends by our exit. */
    if (!child->stop && poll(&end, 1, 0) > 0) {
        child->stop = (end.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
        if (!child->stop && receive(child, MSG_DONTWAIT))
            while (next(child, &frame))
                child->stop |= frame.type == CRQ_FRAME_STOP_SOON;
    }
    return child->stop;
}

static int on_conn(void *arg, crq_conn **out, crq_error *err)
{
    struct child *child = arg;
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    int rc;

    if (child->url == NULL)
        return crq_fail(err, CRQ_ECONNECT, "this worker has no Redis");
    if (child->conn == NULL) {
        rc = crq_conn_open(child->url, &options, &child->conn, err);
        if (rc < 0)
            return rc;
    }
    *out = child->conn;
    return 0;
}

/* Without memory for the frame the worker would time the callback as part of
 * the task, and know no failure if it died in it: better to die now. */
static void on_callback(void *arg, crq_event event, const char *failure)
{
    struct crq_frame frame = { .type = CRQ_FRAME_CALLBACK,
        .event = (int64_t)event,
        .text = crq_span_of(failure) };

    if (send_frame(arg, &frame) < 0)
        _exit(EXIT_NOMEM);
}

/* ------------------------------------------------------------------- a run */

static void sweep(void)
{
    /* The common case in one call: no children at all. */
    while (waitpid(-1, NULL, WNOHANG | __WALL) >= 0 || errno == EINTR) {
        (void)crq_proc_sweep(NULL, NULL);
        (void)waitpid(-1, NULL, __WALL);
    }
}

static int64_t peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static struct crq_span span(const char *bytes, size_t len)
{
    return (struct crq_span){ bytes, len };
}

/* An outcome that has no frame, too large or for want of memory, is a failure
 * that says so. */
static void report_failure(struct child *child, const char *class_name,
        const char *message, crq_serializer serializer)
{
    struct crq_frame frame = { .type = CRQ_FRAME_FAILED,
        .peak_kib = peak_kib(),
        .serializer = (int64_t)serializer };
    char text[600];

    snprintf(text, sizeof(text), "%s: %s", class_name, message);
    frame.error_class = crq_span_of(class_name);
    frame.error_message = crq_span_of(message);
    frame.text = crq_span_of(text);
    if (send_frame(child, &frame) < 0)
        _exit(EXIT_NOMEM);
}

static void report(struct child *child, const struct crq_outcome *outcome)
{
    static const enum crq_frame_type types[] = {
        [CRQ_OUTCOME_RETURNED] = CRQ_FRAME_DONE,
        [CRQ_OUTCOME_FAILED] = CRQ_FRAME_FAILED,
        [CRQ_OUTCOME_RETRY] = CRQ_FRAME_RETRY,
    };
    struct crq_frame frame = {
        .type = types[outcome->kind],
        .peak_kib = peak_kib(),
        .serializer = (int64_t)outcome->serializer,
        .value = span(outcome->value, outcome->value_len),
        .text = crq_span_of(outcome->error),
        .error_class = crq_span_of(outcome->error_class),
        .error_message = crq_span_of(outcome->error_message),
        .retry_max = outcome->retry_max,
        .intervals_s = outcome->retry_intervals_s,
        .intervals = outcome->retry_intervals,
    };
    int rc = send_frame(child, &frame);

    if (rc == CRQ_ELIMIT)
        report_failure(child, "ValueError",
                "the result is larger than a worker takes",
                outcome->serializer);
    else if (rc < 0)
        report_failure(child, "MemoryError", "no memory for the result",
                outcome->serializer);
}

/* Only into the pipe that the server reads: a task may have put another file
 * in its place. */
static void part_output(void)
{
    struct stat is;
    int unread = 0;

    if (fstat(STDERR_FILENO, &is) == 0 && S_ISFIFO(is.st_mode) &&
            ioctl(STDERR_FILENO, FIONREAD, &unread) == 0 && unread > 0)
        (void)!write(STDERR_FILENO, CRQ_OUTPUT_PART, CRQ_OUTPUT_PART_LEN);
}

static struct crq_run run_of(const struct crq_frame *frame)
{
    return (struct crq_run){
        .job_id = frame->job_id.data,
        .execution_id = frame->execution_id.data,
        .queue = frame->queue.data,
        .worker = frame->worker.data,
        .data = frame->data.data,
        .data_len = frame->data.len,
        .meta = frame->meta.data,
        .meta_len = frame->meta.len,
        .timeout_s = frame->timeout_s,
        .retries_left = frame->retries_left,
        .on_success = { frame->on_success.data, frame->success_timeout_s },
        .on_failure = { frame->on_failure.data, frame->failure_timeout_s },
    };
}

static int call_back(struct child *child, const struct crq_frame *frame,
        const struct crq_run *run, const struct crq_run_hooks *hooks,
        struct crq_outcome *out)
{
    struct crq_callback_call call = {
        .event = (crq_event)frame->event,
        .callback = { frame->function.data, frame->timeout_s },
        .error_class = frame->error_class.data,
        .error_message = frame->error_message.data,
        .error = frame->text.data,
    };

    return crq_call_back(child->modules, run, &call, hooks, out, NULL);
}

/* What RUN or CALL_BACK asks for. */
static void perform(struct child *child, const struct crq_frame *frame)
{
    struct crq_run run = run_of(frame);
    struct crq_run_hooks hooks = { child, on_log, on_should_stop, on_conn,
        on_callback };
    crq_serializer serializer = (crq_serializer)frame->serializer;
    struct crq_outcome outcome;
    struct crq_frame_reader *other =
            &child->readers[child->reader == child->readers];
    int rc;

    if (crq_serializer_known(frame->serializer))
        run.serializer = &serializer;
    else if (frame->serializer != -1)
        _exit(EXIT_PROTOCOL);
    if (crq_frame_reader_move(child->reader, other, NULL) < 0)
        _exit(EXIT_NOMEM);
    child->reader = other;
    child->stop = false;
    part_output();
    crq_fault_set_run(CRQ_EVIDENCE_FD, ++child->runs);
    /* A task may have taken it away from the process it was given. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    memset(&outcome, 0, sizeof(outcome));
    if (frame->type == CRQ_FRAME_RUN)
        rc = crq_perform(child->modules, &run, &hooks, &outcome, NULL);
    else
        rc = call_back(child, frame, &run, &hooks, &outcome);
    sweep();
    if (rc == 0)
        report(child, &outcome);
    else
        report_failure(child, "MemoryError", "out of memory", CRQ_PICKLE);
    crq_outcome_fini(&outcome);
}

void crq_child_main(const struct crq_modules *modules, const char *url)
{
    struct child child = { .modules = modules, .url = url };
    struct crq_frame frame = {
        .type = CRQ_FRAME_READY, .protocol = CRQ_FRAME_PROTOCOL, .pid = getpid()
    };

    crq_frame_reader_init(&child.readers[0], CRQ_FRAME_MAX);
    crq_frame_reader_init(&child.readers[1], CRQ_FRAME_MAX);
    child.reader = &child.readers[0];
    crq_buf_init(&child.out, CRQ_BUF_MAX);
    if (send_frame(&child, &frame) < 0)
        _exit(EXIT_NOMEM);
    for (;;) {
        if (!next(&child, &frame))
            (void)receive(&child, 0);
        else if (frame.type == CRQ_FRAME_RUN ||
                frame.type == CRQ_FRAME_CALL_BACK)
            perform(&child, &frame);
        else if (frame.type != CRQ_FRAME_STOP_SOON) /* came too late */
            _exit(EXIT_PROTOCOL);
    }
}
