/*
 * pool_server.c - fork servers as the worker sees them.
 *
 * Mostly there is one. During a reload there are two: the new one loads while
 * the old one's children work on. When one dies unasked, its children die by
 * their death signal, and what their runs had started becomes this process's:
 * it is killed, again and again until none is left, before anybody hears that
 * the runs are lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "exec/pool_impl.h"
#include "exec/proc.h"
#include "exec/server.h"

/* How many times the grace of a run it has to leave: it kills first what its
 * children have left. */
#define LEAVE_GRACES 10

/* ----------------------------------------------------------------- its words
 */

static bool add_task(struct crq_pool_server *server,
        const struct crq_frame *frame)
{
    struct crq_pool_task *task;
    size_t cap;
    void *p;

    if (server->count == server->cap) {
        cap = server->cap == 0 ? 16 : server->cap * 2;
        p = crq_reallocarray(server->tasks, cap, sizeof(*server->tasks));
        if (p == NULL)
            return false;
        server->tasks = p;
        server->cap = cap;
    }
    task = &server->tasks[server->count];
    task->name = crq_strdup(frame->text.data);
    task->params = crq_strdup(frame->params.data);
    task->timeout_s = frame->timeout_s;
    task->memory_mib = frame->memory_mib;
    task->cpu_s = frame->cpu_s;
    task->resumable = frame->resumable;
    task->callback = frame->callback;
    server->count++;
    return task->name != NULL && task->params != NULL;
}

/* The newest server is ready: its children replace those of older ones. */
static void on_loaded(struct crq_pool_server *server)
{
    struct crq_pool *pool = server->pool;

    server->state = CRQ_SERVER_READY;
    pool->current = server;
    pool->failures = 0;
    pool->dirty = true;
    if (server == pool->servers)
        crq_pool_reloaded(pool, true);
    pool->events->on_ready(pool->arg, server->tasks, server->count);
}

static void on_refused(struct crq_pool_server *server,
        const struct crq_frame *frame)
{
    struct crq_pool *pool = server->pool;
    char *why = crq_memdup(frame->text.data, frame->text.len);

    crq_pool_server_leave(server);
    pool->refused = pool->current == NULL;
    if (server == pool->servers)
        crq_pool_reloaded(pool, false);
    pool->dirty = true;
    pool->events->on_refused(pool->arg, why == NULL ? "out of memory" : why);
    crq_free(why);
}

/* It is one of ours and talks sense, or is of no use. */
static void give_up(struct crq_pool_server *server, const char *why)
{
    crq_log_error(server->pool->log, "fork server %ld: %s", (long)server->pid,
            why);
    kill(server->pid, SIGKILL);
}

static void on_exited(struct crq_pool_server *server,
        const struct crq_frame *frame)
{
    struct crq_pool *pool = server->pool;

    if (frame->slot < 0 || (uint64_t)frame->slot >= pool->slot_count ||
            pool->slots[frame->slot].server != server)
        give_up(server, "speaks of a child that it has not");
    else
        crq_pool_slot_exited(&pool->slots[frame->slot], frame);
}

static void on_frame(void *arg, struct crq_frame *frame)
{
    struct crq_pool_server *server = arg;
    bool loading = server->state == CRQ_SERVER_LOADING;

    if (frame->type == CRQ_FRAME_HELLO &&
            frame->protocol == CRQ_FRAME_PROTOCOL && loading)
        return;
    if (frame->type == CRQ_FRAME_TASK && loading) {
        if (!add_task(server, frame))
            give_up(server, "no memory for its tasks");
    } else if (frame->type == CRQ_FRAME_LOADED && loading &&
            frame->count == (int64_t)server->count) {
        on_loaded(server);
    } else if (frame->type == CRQ_FRAME_REFUSED && loading) {
        on_refused(server, frame);
    } else if (frame->type == CRQ_FRAME_EXITED) {
        on_exited(server, frame);
    } else if (server->state == CRQ_SERVER_READY || loading) {
        give_up(server, "sends frames that do not belong there");
    }
}

static void on_end(void *arg, const char *why)
{
    struct crq_pool_server *server = arg;

    /* SIGCHLD tells the rest. */
    if (why != NULL)
        give_up(server, why);
}

/* ------------------------------------------------------------------ its start
 */

/* This program, also when its file was replaced meanwhile: another version may
 * speak other frames. By its name, where that is still true, because under
 * valgrind the link leads to valgrind. */
static void exec_self(char **argv)
{
    static const char link[] = "/proc/self/exe", gone[] = " (deleted)";
    char name[PATH_MAX];
    ssize_t n = readlink(link, name, sizeof(name) - 1);

    if (n > 0) {
        name[n] = '\0';
        if (strstr(name, gone) == NULL)
            execv(name, argv);
    }
    execv(link, argv);
}

__attribute__((noreturn)) static void become_server(const char *exe, int fd)
{
    char name[] = "crq-worker", arg[] = CRQ_SERVER_ARG;
    char *argv[] = { name, arg, NULL };
    sigset_t none;

    /* exec keeps what is ignored and what is blocked. */
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == CRQ_SERVER_FD)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, CRQ_SERVER_FD);
    crq_proc_close_from(CRQ_SERVER_FD + 1);
    if (exe != NULL)
        execv(exe, argv);
    else
        exec_self(argv);
    _exit(127);
}

static int tell_setup(struct crq_pool_server *server, crq_error *err)
{
    struct crq_pool *pool = server->pool;
    struct crq_frame frame = { .type = CRQ_FRAME_SETUP,
        .protocol = CRQ_FRAME_PROTOCOL };
    size_t i;
    int rc;

    if (pool->url != NULL)
        frame.text = crq_span_of(pool->url);
    rc = crq_wire_send(&server->wire, &frame, err);
    frame.type = CRQ_FRAME_LOAD;
    for (i = 0; rc == 0 && i < pool->module_count; i++) {
        frame.text = crq_span_of(pool->modules[i]);
        rc = crq_wire_send(&server->wire, &frame, err);
    }
    frame.type = CRQ_FRAME_START;
    return rc < 0 ? rc : crq_wire_send(&server->wire, &frame, err);
}

/* It hangs: in a constructor of a module, or because what it should kill
 * cannot be killed. */
static void on_patience_end(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_pool_server *server = w->data;

    (void)loop;
    (void)revents;
    server->killed = true;
    give_up(server, "does not leave: it is killed");
}

int crq_pool_server_start(struct crq_pool *pool, crq_error *err)
{
    struct crq_pool_server *server = crq_calloc(1, sizeof(*server));
    int pair[2], rc;

    if (server == NULL)
        return crq_fail_nomem(err);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        crq_free(server);
        return crq_fail(err, CRQ_EIO, "no socket: %s", strerror(errno));
    }
    server->pool = pool;
    server->state = CRQ_SERVER_LOADING;
    ev_timer_init(&server->leaving, on_patience_end, 0, 0);
    server->leaving.data = server;
    server->pid = fork();
    if (server->pid == 0)
        become_server(pool->exe, pair[1]);
    close(pair[1]);
    if (server->pid < 0) {
        close(pair[0]);
        crq_free(server);
        return crq_fail(err, CRQ_EIO, "no process: %s", strerror(errno));
    }
    crq_wire_open(&server->wire, pool->loop, pair[0], CRQ_FRAME_SERVER_MAX,
            server);
    server->wire.on_frame = on_frame;
    server->wire.on_end = on_end;
    server->next = pool->servers;
    pool->servers = server;
    rc = tell_setup(server, err);
    if (rc < 0)
        crq_pool_server_leave(server);
    return rc;
}

/* -------------------------------------------------------------------- its end
 */

void crq_pool_server_leave(struct crq_pool_server *server)
{
    server->state = CRQ_SERVER_LEAVING;
    if (server->pool->current == server)
        server->pool->current = NULL;
    /* Not closed: this may be a callback of the wire. */
    shutdown(server->wire.fd, SHUT_WR);
    if (!ev_is_active(&server->leaving)) {
        ev_timer_set(&server->leaving, LEAVE_GRACES * server->pool->grace_s, 0);
        ev_timer_start(server->pool->loop, &server->leaving);
    }
}

void crq_pool_server_free(struct crq_pool_server *server)
{
    size_t i;

    ev_timer_stop(server->pool->loop, &server->leaving);
    crq_wire_close(&server->wire);
    for (i = 0; i < server->count; i++) {
        crq_free(server->tasks[i].name);
        crq_free(server->tasks[i].params);
    }
    crq_free(server->tasks);
    crq_free(server);
}

static void on_server_exit(struct crq_pool_server *server, int wait_status)
{
    struct crq_pool *pool = server->pool;

    /* What it said before it died is still true. */
    crq_wire_drain(&server->wire);
    ev_timer_stop(pool->loop, &server->leaving);
    pool->dirty = true;
    if (server->state == CRQ_SERVER_LEAVING && !server->killed) {
        server->state = CRQ_SERVER_GONE;
        return;
    }
    if (server->state == CRQ_SERVER_LOADING)
        crq_pool_failed(pool);
    server->state = CRQ_SERVER_DEAD;
    server->wait_status = wait_status;
    if (pool->current == server)
        pool->current = NULL;
    ev_timer_again(pool->loop, &pool->sweeper);
    ev_feed_event(pool->loop, &pool->sweeper, EV_TIMER);
}

void crq_pool_on_child(struct ev_loop *loop, ev_child *w, int revents)
{
    struct crq_pool *pool = w->data;
    struct crq_pool_server *server;
    size_t i;

    (void)loop;
    (void)revents;
    for (server = pool->servers; server != NULL; server = server->next)
        if (server->pid == w->rpid && server->state < CRQ_SERVER_DEAD)
            on_server_exit(server, w->rstatus);
    /* A dead server's children come here. */
    for (i = 0; i < pool->slot_count; i++) {
        if (pool->slots[i].pid != w->rpid)
            continue;
        pool->slots[i].wait_status = w->rstatus;
        pool->slots[i].has_status = true;
    }
}

static bool is_kept(void *arg, pid_t pid)
{
    struct crq_pool *pool = arg;
    struct crq_pool_server *server;

    for (server = pool->servers; server != NULL; server = server->next)
        if (server->pid == pid && server->state < CRQ_SERVER_DEAD)
            return true;
    return pool->keep_child != NULL && pool->keep_child(pool->arg, pid);
}

static void bury(struct crq_pool_server *server)
{
    struct crq_pool *pool = server->pool;
    size_t i;

    server->state = CRQ_SERVER_GONE;
    for (i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].server == server)
            crq_pool_slot_exited(&pool->slots[i], NULL);
    if (!server->killed)
        pool->events->on_server_died(pool->arg, server->pid,
                server->wait_status);
}

/* libev reaps; a dead child counts as found until it has. */
void crq_pool_on_sweep(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_pool *pool = w->data;
    struct crq_pool_server *server;

    (void)revents;
    if (crq_proc_sweep(is_kept, pool) != 0) {
        ev_timer_again(loop, w);
        return;
    }
    ev_timer_stop(loop, w);
    for (server = pool->servers; server != NULL; server = server->next)
        if (server->state == CRQ_SERVER_DEAD)
            bury(server);
    pool->dirty = true;
}
