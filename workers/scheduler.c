/* scheduler.c - see scheduler.h. */
#include "workers/scheduler.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "exec/proc.h"

#define RESTART_S 1.
/* It gives its locks back first, which an absent Redis makes it wait for. */
#define LEAVE_S 5.

struct child_scheduler {
    struct worker *worker;
    pid_t pid; /* 0: none */
    bool leaving;
    ev_child died;
    ev_timer restart, leave;
};

/* ---- starting it ---- */

/* In the new process. Redis's URL goes through the environment: it may have a
 * password, and the command line is everybody's to read. */
__attribute__((noreturn)) static void become(const char *path,
        const struct options *o, pid_t parent)
{
    const char *argv[MAX_QUEUES + 8];
    size_t n = 0;
    sigset_t none;

    setpgid(0, 0); /* Ctrl-C is for the worker, which passes it on */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1); /* the worker died before that */
    /* exec keeps what is ignored and what is blocked. */
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    crq_proc_close_from(STDERR_FILENO + 1);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    argv[n++] = "crq-scheduler";
    if (o->url != NULL && setenv("CRQ_URL", o->url, 1) < 0)
        _exit(127);
    if (o->burst)
        argv[n++] = "--burst";
    if (o->daemon.level == CRQ_LOG_DEBUG)
        argv[n++] = "--verbose";
    if (o->daemon.level == CRQ_LOG_WARN)
        argv[n++] = "--quiet";
    if (o->daemon.json_log)
        argv[n++] = "--log-format=json";
    argv[n++] = "--";
    for (size_t i = 0; i < o->queue_count; i++)
        argv[n++] = o->queues[i];
    argv[n] = NULL;
    execvp(path, (char **)(uintptr_t)argv);
    _exit(127);
}

static pid_t start(const struct options *o, struct crq_log *log)
{
    char path[PATH_MAX];
    pid_t parent = getpid(), pid;

    /* Beside the worker, as in a build and where both are installed; else in
     * PATH. */
    if (!crq_file_beside("crq-scheduler", path))
        strcpy(path, "crq-scheduler");
    pid = fork();
    if (pid == 0)
        become(path, o, parent);
    if (pid < 0)
        crq_log_error(log, "no scheduler: %s", strerror(errno));
    return pid < 0 ? 0 : pid;
}

void scheduler_burst(const struct options *options, struct crq_log *log)
{
    pid_t pid = options->with_scheduler ? start(options, log) : 0;
    int status = 0;

    if (pid == 0)
        return;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0)
        crq_log_error(log, "the scheduler ended with wait status %d", status);
}

/* ---- watching it ---- */

static void start_again(struct child_scheduler *child)
{
    struct worker *w = child->worker;

    child->pid = start(w->options, w->log);
    if (child->pid == 0) {
        ev_timer_set(&child->restart, RESTART_S, 0.);
        ev_timer_start(w->loop, &child->restart);
        return;
    }
    ev_child_set(&child->died, child->pid, 0);
    ev_child_start(w->loop, &child->died);
}

static void on_restart(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct child_scheduler *child = timer->data;

    (void)loop;
    (void)revents;
    if (child->worker->phase == WORKING)
        start_again(child);
}

static void on_scheduler_died(struct ev_loop *loop, ev_child *died, int revents)
{
    struct child_scheduler *child = died->data;
    struct worker *w = child->worker;

    (void)revents;
    ev_child_stop(loop, died);
    ev_timer_stop(loop, &child->leave);
    child->pid = 0;
    if (!child->leaving) {
        crq_log_error(w->log,
                "the scheduler ended, wait status %d: it is started again",
                died->rstatus);
        ev_timer_set(&child->restart, RESTART_S, 0.);
        ev_timer_start(loop, &child->restart);
    }
    worker_look_at_end(w);
}

/* ---- the worker's end ---- */

static void on_impatient(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct child_scheduler *child = timer->data;

    (void)loop;
    (void)revents;
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

bool scheduler_owes(struct worker *w)
{
    struct child_scheduler *child = w->scheduler;

    if (child == NULL || child->pid == 0)
        return false;
    if (!child->leaving) {
        child->leaving = true;
        kill(child->pid, SIGTERM);
        ev_timer_set(&child->leave, LEAVE_S, 0.);
        ev_timer_start(w->loop, &child->leave);
    }
    return true;
}

bool scheduler_is(const struct worker *w, pid_t pid)
{
    return w->scheduler != NULL && w->scheduler->pid == pid;
}

void scheduler_init(struct worker *w)
{
    struct child_scheduler *child;

    if (!w->options->with_scheduler || w->options->burst)
        return;
    child = crq_calloc(1, sizeof(*child));
    if (child == NULL) {
        crq_log_error(w->log, "no scheduler: out of memory");
        return;
    }
    w->scheduler = child;
    child->worker = w;
    ev_init(&child->died, on_scheduler_died);
    ev_timer_init(&child->restart, on_restart, 0., 0.);
    ev_timer_init(&child->leave, on_impatient, 0., 0.);
    child->died.data = child->restart.data = child->leave.data = child;
    start_again(child);
}

void scheduler_fini(struct worker *w)
{
    struct child_scheduler *child = w->scheduler;

    if (child == NULL)
        return;
    if (child->pid > 0)
        kill(child->pid, SIGTERM);
    ev_child_stop(w->loop, &child->died);
    ev_timer_stop(w->loop, &child->restart);
    ev_timer_stop(w->loop, &child->leave);
    crq_free(child);
    w->scheduler = NULL;
}
