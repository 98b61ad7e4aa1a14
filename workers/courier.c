/*
 * courier.c - the worker's side of crq-courier.
 *
 * It is started with the first request and again when it has died, at most once
 * a second. Requests that it has and has not answered are counted: there are
 * MOST of them at a time, and what comes beyond is dropped with a line in the
 * log, so that an address that does not answer costs no memory. A request whose
 * courier dies is not sent again: it may have been sent.
 */
#include "workers/webhooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "exec/proc.h"
#include "exec/wire.h"

#define MOST        1000
#define MOST_BYTES  ((size_t)64 << 20)
#define SOCKET_FD   3
#define RESTART_US  1000000
#define GIVE_UP_S   10.
#define SITE_LENGTH 220

/* A request that was not answered yet. */
struct pending {
    int64_t number;
    char job_id[CRQ_NAME_MAX + 1], site[SITE_LENGTH];
    struct pending *next;
};

struct courier {
    struct worker *worker;
    pid_t pid; /* 0: none */
    struct crq_wire wire;
    ev_child died;
    ev_timer give_up;
    bool given_up;
    int64_t number, started_us;
    struct pending *pending;
    size_t count;
};

/* ---- what comes of requests ---- */

static void drop_all(struct courier *courier, const char *why)
{
    while (courier->pending != NULL) {
        struct pending *pending = courier->pending;

        courier->pending = pending->next;
        crq_log_warn(courier->worker->log, "job %s: webhook to %s: %s",
                pending->job_id, pending->site, why);
        crq_free(pending);
    }
    courier->count = 0;
}

static void on_frame(void *arg, struct crq_frame *frame)
{
    struct courier *courier = arg;
    struct worker *w = courier->worker;
    struct pending **at = &courier->pending, *pending;

    while (*at != NULL && (*at)->number != frame->hook)
        at = &(*at)->next;
    if (frame->type != CRQ_FRAME_SENT || *at == NULL)
        return;
    pending = *at;
    *at = pending->next;
    courier->count--;
    if (frame->text.len > 0)
        crq_log_warn(w->log, "job %s: webhook to %s: %.*s", pending->job_id,
                pending->site,
                frame->text.len > 300 ? 300 : (int)frame->text.len,
                frame->text.data);
    else
        crq_log_debug(w->log, "job %s: webhook to %s is sent", pending->job_id,
                pending->site);
    crq_free(pending);
    worker_look_at_end(w);
}

static void on_end(void *arg, const char *why)
{
    struct courier *courier = arg;

    /* SIGCHLD tells the rest. */
    if (why != NULL && courier->pid > 0)
        kill(courier->pid, SIGKILL);
}

static void on_courier_died(struct ev_loop *loop, ev_child *child, int revents)
{
    struct courier *courier = child->data;

    (void)revents;
    ev_child_stop(loop, child);
    crq_wire_drain(&courier->wire);
    crq_wire_close(&courier->wire);
    courier->pid = 0;
    crq_log_error(courier->worker->log,
            "crq-courier died, wait status %d: %zu webhooks may not have been "
            "sent",
            child->rstatus, courier->count);
    drop_all(courier, "crq-courier died before it was answered");
    worker_look_at_end(courier->worker);
}

/* ---- starting it ---- */

__attribute__((noreturn)) static void become(const char *path, int fd,
        bool allow_private)
{
    char name[] = "crq-courier", option[] = "--webhook-allow-private";
    char *argv[] = { name, allow_private ? option : NULL, NULL };
    sigset_t none;

    /* exec keeps what is ignored and what is blocked. */
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == SOCKET_FD)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, SOCKET_FD);
    crq_proc_close_from(SOCKET_FD + 1);
    execv(path, argv);
    _exit(127);
}

static int start(struct courier *courier, crq_error *err)
{
    struct worker *w = courier->worker;
    int64_t now_us = crq_clock_mono_us(w->clock);
    char path[PATH_MAX];
    int pair[2];

    if (courier->started_us > 0 && now_us - courier->started_us < RESTART_US)
        return crq_fail(err, CRQ_ESTATE, "crq-courier has just died");
    courier->started_us = now_us;
    /* Beside the worker, as in a build; else where it is installed. */
    if (!crq_file_beside("crq-courier", path))
        snprintf(path, sizeof(path), "%s/crq-courier", CRQ_LIBEXEC_DIR);
    if (access(path, X_OK) < 0)
        return crq_fail(err, CRQ_EIO, "%.200s: %s", path, strerror(errno));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return crq_fail(err, CRQ_EIO, "no socket: %s", strerror(errno));
    courier->pid = fork();
    if (courier->pid == 0)
        become(path, pair[1], w->options->webhook_allow_private);
    close(pair[1]);
    if (courier->pid < 0) {
        courier->pid = 0;
        close(pair[0]);
        return crq_fail(err, CRQ_EIO, "no process: %s", strerror(errno));
    }
    crq_wire_open(&courier->wire, w->loop, pair[0], CRQ_FRAME_MAX, courier);
    courier->wire.on_frame = on_frame;
    courier->wire.on_end = on_end;
    ev_child_init(&courier->died, on_courier_died, courier->pid, 0);
    courier->died.data = courier;
    ev_child_start(w->loop, &courier->died);
    return 0;
}

/* ---- sending ---- */

static int send_errand(struct courier *courier, const struct errand *errand,
        crq_error *err)
{
    struct crq_frame frame = { .type = CRQ_FRAME_HOOK,
        .hook = courier->number + 1,
        .url = crq_span_of(errand->url),
        .headers = crq_span_of(errand->headers),
        .timeout_s = errand->timeout_s,
        .data = { errand->body, errand->body_len } };
    struct pending *pending = crq_calloc(1, sizeof(*pending));
    int rc;

    if (pending == NULL)
        return crq_fail_nomem(err);
    rc = crq_wire_send(&courier->wire, &frame, err);
    if (rc < 0) {
        crq_free(pending);
        return rc;
    }
    pending->number = ++courier->number;
    snprintf(pending->job_id, sizeof(pending->job_id), "%s", errand->job_id);
    snprintf(pending->site, sizeof(pending->site), "%s", errand->site);
    pending->next = courier->pending;
    courier->pending = pending;
    courier->count++;
    return 0;
}

void courier_send(struct worker *w, const struct errand *errand)
{
    struct courier *courier = w->courier;
    crq_error err;
    int rc = 0;

    if (courier == NULL)
        rc = crq_fail_nomem(&err);
    else if (courier->count >= MOST || courier->wire.out.len > MOST_BYTES)
        rc = crq_fail(&err, CRQ_ELIMIT, "dropped: %zu wait already",
                courier->count);
    else if (courier->pid == 0)
        rc = start(courier, &err);
    if (rc == 0)
        rc = send_errand(courier, errand, &err);
    if (rc < 0)
        crq_log_warn(w->log, "job %s: webhook to %s: %s", errand->job_id,
                errand->site, err.text);
}

/* ---- the worker's end ---- */

static void on_give_up(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct courier *courier = timer->data;

    (void)loop;
    (void)revents;
    courier->given_up = true;
    drop_all(courier, "given up: the worker ends");
    worker_look_at_end(courier->worker);
}

bool courier_owes(struct worker *w)
{
    struct courier *courier = w->courier;

    if (courier == NULL || courier->count == 0 || courier->given_up ||
            w->phase != DRAINING)
        return false;
    if (!ev_is_active(&courier->give_up)) {
        ev_timer_set(&courier->give_up, GIVE_UP_S, 0.);
        ev_timer_start(w->loop, &courier->give_up);
    }
    return true;
}

bool courier_is(const struct worker *w, pid_t pid)
{
    return w->courier != NULL && w->courier->pid == pid;
}

void courier_init(struct worker *w)
{
    struct courier *courier = crq_calloc(1, sizeof(*courier));

    w->courier = courier; /* without memory there are no webhooks */
    if (courier == NULL)
        return;
    courier->worker = w;
    courier->wire.fd = -1;
    ev_timer_init(&courier->give_up, on_give_up, 0., 0.);
    courier->give_up.data = courier;
}

/* The courier sees the end of its socket and goes. */
void courier_fini(struct worker *w)
{
    struct courier *courier = w->courier;

    if (courier == NULL)
        return;
    if (courier->pid > 0)
        ev_child_stop(w->loop, &courier->died);
    ev_timer_stop(w->loop, &courier->give_up);
    crq_wire_close(&courier->wire);
    drop_all(courier, "given up: the worker ends");
    crq_free(courier);
    w->courier = NULL;
}
