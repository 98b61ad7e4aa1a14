/*
 * server.c - the fork server: loads the modules once, makes children of itself.
 *
 * Who is whose parent, and who kills what when one of them dies:
 *
 *     worker ── server ── child 1..n ── what a run starts
 *
 * Worker, server and every child are subreapers: a process whose parent dies
 * becomes a child of the nearest of them above it that lives.
 *
 *  - A run ends: what it left behind is below the child, which kills and reaps
 *    all of it before it tells the outcome (child.c).
 *  - A run is ended: the worker asks for SIGTERM to the child's group (KILL),
 *    later for SIGKILL to all of it (SWEEP). The server signals, not the
 *    worker: it is the parent, so that the process id is still the child's.
 *  - A child dies, whoever killed it: what was below it becomes the server's.
 *    Children of the server that it did not make are killed, again and again
 *    until none is left; only then EXITED goes out.
 *  - The server dies: its children get SIGKILL (PDEATHSIG), and what was below
 *    them becomes the worker's, which kills it (pool_server.c). Between fork()
 *    and the request for that signal the server may die already: the child
 *    looks who its parent is afterwards (birth.c).
 *  - The worker dies: the socket ends, and the server kills everything below
 *    itself, then exits. It has no death signal of its own, which would kill
 *    it before it could, but while it loads modules: they can hang.
 *  - Worker and server are killed in the same instant: children die by their
 *    death signal, processes that a run has detached from them may live on.
 *    Only a control group holds those: dist/systemd's unit does.
 *
 * The server has a process group of its own and ignores SIGINT, SIGTERM,
 * SIGHUP, so that Ctrl-C and "kill" of a whole group leave the worker time for
 * its running jobs.
 *
 * Not here: how a child begins (birth.c), what it does (child.c), when children
 * are wanted (pool.c).
 */
#include "exec/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "exec/birth.h"
#include "exec/fault.h"
#include "exec/frame.h"
#include "exec/proc.h"
#include "task/module.h"

#define TAIL_BYTES 4096
#define FDS_MAX    256 /* sockets that came and whose SPAWN has not */
#define SWEEP_MS   3

struct child {
    int64_t slot;
    pid_t pid;
    int output;   /* read end of its stdout and stderr; -1: ended */
    int evidence; /* see fault.h */
    uint64_t run; /* whose output the tail is */
    size_t part;  /* bytes seen of the mark between two runs */
    char tail[TAIL_BYTES];
    size_t tail_len;
    bool exited, killed; /* killed: by this server */
    int wait_status;
    struct rusage usage;
};

struct server {
    struct crq_modules *modules;
    char *url;
    struct crq_frame_reader reader;
    struct crq_buf out;
    int fds[FDS_MAX];
    size_t fd_count;
    struct child **children;
    size_t count, cap;
    struct pollfd *polls; /* cap + 2 of them */
    int signals;
    int64_t oom_kills;
    bool loading; /* SETUP came, START has not */
    bool ended;   /* the worker's end is closed, or useless */
};

bool crq_server_wanted(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], CRQ_SERVER_ARG) == 0;
}

/* ------------------------------------------------------------- the worker */

static void tell(struct server *server, const struct crq_frame *frame)
{
    if (crq_frame_encode(frame, CRQ_FRAME_SERVER_MAX, &server->out, NULL) < 0)
        server->ended = true;
}

static void send_some(struct server *server)
{
    ssize_t n;

    n = send(CRQ_SERVER_FD, server->out.data, server->out.len,
            MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        server->ended |= errno != EAGAIN && errno != EINTR;
        return;
    }
    memmove(server->out.data, server->out.data + n, server->out.len - n);
    crq_buf_cut(&server->out, server->out.len - (size_t)n);
}

/* Bytes, and the descriptors that came with them. */
static void receive(struct server *server)
{
    char bytes[4096], space[CMSG_SPACE(16 * sizeof(int))];
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr msg = { .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = space,
        .msg_controllen = sizeof(space) };
    struct cmsghdr *c;
    ssize_t n;
    size_t i;

    n = recvmsg(CRQ_SERVER_FD, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 ||
            crq_frame_reader_feed(&server->reader, bytes, (size_t)n, NULL) <
                    0) {
        server->ended = true;
        return;
    }
    for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        int fds[16];
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
        for (i = 0; i < count; i++) {
            if (server->fd_count < FDS_MAX)
                server->fds[server->fd_count++] = fds[i];
            else
                close(fds[i]);
        }
    }
}

static int take_fd(struct server *server)
{
    int fd;

    if (server->fd_count == 0)
        return -1;
    fd = server->fds[0];
    server->fd_count--;
    memmove(server->fds, server->fds + 1,
            server->fd_count * sizeof(server->fds[0]));
    return fd;
}

/* -------------------------------------------------------------- new child */

static void tell_no_child(struct server *server, int64_t slot, const char *why,
        int number)
{
    struct crq_frame frame = { .type = CRQ_FRAME_EXITED, .slot = slot };
    char text[200];

    snprintf(text, sizeof(text), "%s: %s", why, strerror(number));
    frame.text = crq_span_of(text);
    frame.output = frame.backtrace = crq_span_of("");
    tell(server, &frame);
}

/* Room for one more child in both arrays. */
static bool grow(struct server *server)
{
    size_t cap = server->cap == 0 ? 8 : server->cap * 2;
    void *p;

    if (server->count < server->cap)
        return true;
    p = crq_reallocarray(server->children, cap, sizeof(struct child *));
    if (p == NULL)
        return false;
    server->children = p;
    p = crq_reallocarray(server->polls, cap + 2, sizeof(struct pollfd));
    if (p == NULL)
        return false;
    server->polls = p;
    server->cap = cap;
    return true;
}

static void free_child(struct child *child)
{
    if (child == NULL)
        return;
    if (child->output >= 0)
        close(child->output);
    if (child->evidence >= 0)
        close(child->evidence);
    crq_free(child);
}

static void spawn(struct server *server, const struct crq_frame *frame)
{
    struct child *child = crq_calloc(1, sizeof(*child));
    int socket = take_fd(server), output[2] = { -1, -1 };

    if (socket < 0 || child == NULL || !grow(server)) {
        crq_free(child);
        tell_no_child(server, frame->slot, "no child", ENOMEM);
        goto out;
    }
    child->slot = frame->slot;
    child->output = -1;
    child->evidence = crq_fault_file();
    child->pid = -1;
    if (child->evidence >= 0 && pipe2(output, O_CLOEXEC) == 0) {
        child->output = output[0];
        child->pid = crq_birth(&(struct crq_birth){ server->modules,
                server->url, socket, output[1], child->evidence,
                frame->memory_mib, frame->cpu_s });
    }
    if (child->pid < 0) {
        tell_no_child(server, frame->slot, "no child", errno);
        free_child(child);
        goto out;
    }
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    server->children[server->count++] = child;
out:
    if (output[1] >= 0)
        close(output[1]);
    if (socket >= 0)
        close(socket);
}

/* --------------------------------------------------------------- children */

static struct child *in_slot(struct server *server, int64_t slot)
{
    size_t i;

    for (i = 0; i < server->count; i++)
        if (server->children[i]->slot == slot && !server->children[i]->exited)
            return server->children[i];
    return NULL;
}

static void kill_child(struct child *child, int number)
{
    child->killed |= number == SIGKILL;
    kill(-child->pid, number);
}

/* No more than a pipe takes that says it is ready. */
#define OUTPUT_BYTES 4096

/* Keep the last bytes of the current run. */
static void keep_tail(struct child *child, const char *bytes, size_t len)
{
    uint64_t run = crq_fault_run(child->evidence);
    size_t drop;

    if (run != child->run) {
        child->run = run;
        child->tail_len = 0;
    }
    if (len > TAIL_BYTES) {
        bytes += len - TAIL_BYTES;
        len = TAIL_BYTES;
    }
    drop = child->tail_len + len > TAIL_BYTES
            ? child->tail_len + len - TAIL_BYTES
            : 0;
    memmove(child->tail, child->tail + drop, child->tail_len - drop);
    memcpy(child->tail + child->tail_len - drop, bytes, len);
    child->tail_len += len - drop;
}

/* What tasks print appears where the worker's own messages do, unless nobody
 * reads there: then it would stop the server. */
static void pass_on(const char *bytes, size_t len)
{
    struct pollfd to = { STDERR_FILENO, POLLOUT, 0 };

    if (poll(&to, 1, 0) == 1 && (to.revents & POLLOUT) != 0)
        (void)!write(STDERR_FILENO, bytes, len);
}

/* Take the marks between runs out of the output; a read can cut one. What was
 * before a mark is of an earlier run: passed on, but no evidence. */
static void split_output(struct child *child, const char *bytes, size_t len)
{
    char out[OUTPUT_BYTES + CRQ_OUTPUT_PART_LEN];
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (child->part > 0 && bytes[i] != CRQ_OUTPUT_PART[child->part]) {
            memcpy(out + n, CRQ_OUTPUT_PART, child->part);
            n += child->part;
            child->part = 0;
        }
        if (bytes[i] != CRQ_OUTPUT_PART[child->part])
            out[n++] = bytes[i];
        else if (++child->part == CRQ_OUTPUT_PART_LEN) {
            pass_on(out, n);
            child->part = child->tail_len = n = 0;
        }
    }
    keep_tail(child, out, n);
    pass_on(out, n);
}

static bool read_output(struct child *child)
{
    char bytes[OUTPUT_BYTES];
    ssize_t n;

    if (child->output < 0)
        return false;
    n = read(child->output, bytes, sizeof(bytes));
    if (n > 0) {
        split_output(child, bytes, (size_t)n);
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(child->output);
        child->output = -1;
    }
    return false;
}

static bool is_child(void *arg, pid_t pid)
{
    struct server *server = arg;
    size_t i;

    for (i = 0; i < server->count; i++)
        if (server->children[i]->pid == pid && !server->children[i]->exited)
            return true;
    return false;
}

/* Reap whoever died: children, and what they left. True when a child did. */
static bool reap(struct server *server)
{
    struct rusage usage;
    bool any = false;
    int status;
    pid_t pid;
    size_t i;

    for (;;) {
        pid = wait4(-1, &status, WNOHANG | __WALL, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            break;
        for (i = 0; i < server->count; i++) {
            if (server->children[i]->pid != pid || server->children[i]->exited)
                continue;
            server->children[i]->exited = true;
            server->children[i]->wait_status = status;
            server->children[i]->usage = usage;
            any = true;
        }
    }
    return any;
}

static int64_t us_of(struct timeval tv)
{
    return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

static void tell_exited(struct server *server, struct child *child)
{
    struct crq_buf backtrace;
    int64_t oom_kills = crq_proc_oom_kills();
    struct crq_frame frame = {
        .type = CRQ_FRAME_EXITED,
        .slot = child->slot,
        .pid = child->pid,
        .wait_status = child->wait_status,
        .user_us = us_of(child->usage.ru_utime),
        .system_us = us_of(child->usage.ru_stime),
        .peak_kib = child->usage.ru_maxrss,
        .runs = (int64_t)crq_fault_run(child->evidence),
        .text = { "", 0 },
    };
    int turns;

    /* A pipe holds 64 KiB, and all writers are dead. */
    for (turns = 0; turns < 32 && read_output(child); turns++)
        ;
    /* Output of an earlier run is no evidence. */
    keep_tail(child, "", 0);
    crq_buf_init(&backtrace, 16384);
    crq_fault_text(child->evidence, &backtrace);
    frame.output = (struct crq_span){ child->tail, child->tail_len };
    frame.backtrace =
            (struct crq_span){ crq_buf_text(&backtrace), backtrace.len };
    /* Nobody here has killed it, and the kernel has killed somebody. */
    frame.oom = WIFSIGNALED(child->wait_status) &&
            WTERMSIG(child->wait_status) == SIGKILL && !child->killed &&
            oom_kills > server->oom_kills;
    server->oom_kills = oom_kills;
    tell(server, &frame);
    crq_buf_fini(&backtrace);
}

/* Report the dead when nothing that they left is alive. Returns how long to
 * wait before looking again, -1: until something happens. */
static int bury(struct server *server)
{
    bool dead = false;
    size_t i;

    reap(server);
    for (i = 0; i < server->count; i++)
        dead |= server->children[i]->exited;
    if (!dead)
        return -1;
    if (crq_proc_sweep(is_child, server) != 0)
        return SWEEP_MS;
    for (i = server->count; i-- > 0;) {
        if (!server->children[i]->exited)
            continue;
        tell_exited(server, server->children[i]);
        free_child(server->children[i]);
        server->children[i] = server->children[--server->count];
    }
    return -1;
}

/* ---------------------------------------------------------------- modules */

static void tell_task(struct server *server, const crq_task_def *def)
{
    struct crq_frame frame = {
        .type = CRQ_FRAME_TASK,
        .text = crq_span_of(def->name),
        .params = crq_span_of(def->params),
        .timeout_s = def->timeout_s,
        .memory_mib = def->memory_mib,
        .cpu_s = def->cpu_s,
        .resumable = def->resumable,
        .callback = def->callback,
    };

    tell(server, &frame);
}

/* A constructor of a module can hang: then nobody would read that the worker
 * is gone. There are no children yet whose end the server has to wait for. */
static void loading(struct server *server)
{
    server->loading = true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void loaded(struct server *server)
{
    server->loading = false;
    prctl(PR_SET_PDEATHSIG, 0);
}

static void refuse(struct server *server, const crq_error *err)
{
    struct crq_frame frame = { .type = CRQ_FRAME_REFUSED };

    frame.text = crq_span_of(err->text);
    tell(server, &frame);
    loaded(server);
}

static void set_up(struct server *server, const struct crq_frame *frame)
{
    struct crq_frame hello = { .type = CRQ_FRAME_HELLO,
        .protocol = CRQ_FRAME_PROTOCOL };
    crq_error err;

    tell(server, &hello);
    if (frame->text.data != NULL) {
        server->url = crq_memdup(frame->text.data, frame->text.len);
        server->ended |= server->url == NULL;
    }
    loading(server);
    if (crq_modules_new(&server->modules, &err) < 0)
        refuse(server, &err);
}

static void load(struct server *server, const struct crq_frame *frame)
{
    char *name = crq_memdup(frame->text.data, frame->text.len);
    crq_error err;
    int rc;

    if (!server->loading) {
        crq_free(name);
        return; /* behind one that was refused */
    }
    rc = name == NULL ? crq_fail_nomem(&err)
                      : crq_modules_load(server->modules, name, &err);
    if (rc < 0)
        refuse(server, &err);
    crq_free(name);
}

static void start(struct server *server)
{
    struct crq_frame frame = { .type = CRQ_FRAME_LOADED };
    size_t i;

    if (!server->loading)
        return;
    frame.count = (int64_t)crq_modules_count(server->modules);
    for (i = 0; i < (size_t)frame.count; i++)
        tell_task(server, crq_modules_task(server->modules, i));
    tell(server, &frame);
    loaded(server);
}

static void obey(struct server *server, const struct crq_frame *frame)
{
    struct child *child;

    switch (frame->type) {
    case CRQ_FRAME_SETUP: set_up(server, frame); break;
    case CRQ_FRAME_LOAD: load(server, frame); break;
    case CRQ_FRAME_START: start(server); break;
    case CRQ_FRAME_SPAWN: spawn(server, frame); break;
    case CRQ_FRAME_KILL:
        child = in_slot(server, frame->slot);
        if (child != NULL)
            kill_child(child, (int)frame->signal);
        break;
    case CRQ_FRAME_SWEEP:
        /* What is below the child comes here when it is dead: bury(). */
        child = in_slot(server, frame->slot);
        if (child != NULL)
            kill_child(child, SIGKILL);
        break;
    default: server->ended = true; break;
    }
}

/* ------------------------------------------------------------------- main */

static void obey_all(struct server *server)
{
    struct crq_frame frame;
    int rc = 0;

    while (!server->ended) {
        rc = crq_frame_reader_next(&server->reader, &frame, NULL);
        if (rc <= 0)
            break;
        obey(server, &frame);
        crq_frame_fini(&frame);
    }
    server->ended |= rc < 0;
}

/* The worker is gone: so is everything else, and then this process. */
static void kill_all(struct server *server)
{
    struct timespec pause = { 0, SWEEP_MS * 1000000 };
    size_t i;

    for (i = 0; i < server->count; i++)
        if (!server->children[i]->exited)
            kill_child(server->children[i], SIGKILL);
    for (;;) {
        (void)crq_proc_sweep(NULL, NULL);
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
            ;
        if (waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD)
            return;
        nanosleep(&pause, NULL);
    }
}

static void turn(struct server *server)
{
    struct signalfd_siginfo info;
    int timeout_ms = bury(server);
    size_t i, count = server->count;

    server->polls[0] = (struct pollfd){ CRQ_SERVER_FD,
        (short)(POLLIN | (server->out.len > 0 ? POLLOUT : 0)), 0 };
    server->polls[1] = (struct pollfd){ server->signals, POLLIN, 0 };
    for (i = 0; i < count; i++)
        server->polls[2 + i] =
                (struct pollfd){ server->children[i]->output, POLLIN, 0 };
    if (poll(server->polls, count + 2, timeout_ms) < 0)
        return;
    if (server->polls[1].revents != 0)
        while (read(server->signals, &info, sizeof(info)) > 0)
            ;
    for (i = 0; i < count; i++)
        if (server->polls[2 + i].revents != 0)
            (void)read_output(server->children[i]);
    if ((server->polls[0].revents & POLLOUT) != 0)
        send_some(server);
    if ((server->polls[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        receive(server);
        obey_all(server);
    }
}

static bool prepare(struct server *server)
{
    sigset_t child;
    int null;

    setpgid(0, 0);
    prctl(PR_SET_NAME, "crq-server");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    server->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    fcntl(CRQ_SERVER_FD, F_SETFD, FD_CLOEXEC);
    crq_frame_reader_init(&server->reader, CRQ_FRAME_SERVER_MAX);
    crq_buf_init(&server->out, CRQ_BUF_MAX);
    server->oom_kills = crq_proc_oom_kills();
    crq_fault_prepare();
    return server->signals >= 0 && grow(server);
}

int crq_server_main(void)
{
    struct server server;
    size_t i;

    memset(&server, 0, sizeof(server));
    if (!prepare(&server))
        return EXIT_FAILURE;
    while (!server.ended)
        turn(&server);
    kill_all(&server);
    for (i = 0; i < server.count; i++)
        free_child(server.children[i]);
    for (i = 0; i < server.fd_count; i++)
        close(server.fds[i]);
    crq_free(server.children);
    crq_free(server.polls);
    crq_free(server.url);
    crq_modules_free(server.modules);
    crq_frame_reader_fini(&server.reader);
    crq_buf_fini(&server.out);
    close(server.signals);
    return EXIT_SUCCESS;
}
