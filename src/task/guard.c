/*
 * guard.c - keeping one run's changes to the process from the next run.
 *
 * Some twenty system calls, a few microseconds: what costs more to put back is
 * what fresh children are for.
 */
#include "task/guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const int signals[CRQ_GUARD_SIGNALS] = { SIGHUP, SIGINT, SIGTERM,
    SIGPIPE, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2 };

/* Not setenv(): glibc keeps every value that it was ever given, and here comes
 * a new one with each run. Where a name is too long, or memory is out, the run
 * goes without: nothing depends on these. */
static void set_name(char *out, size_t size, const char *name,
        const char *value)
{
    int len = snprintf(out, size, "%s=%s", name, value);

    if (len > 0 && (size_t)len < size)
        (void)putenv(out);
}

/* The one way to read the umask sets it. */
static mode_t read_umask(void)
{
    mode_t mask = umask(077);

    umask(mask);
    return mask;
}

void crq_guard_begin(struct crq_guard *guard, const char *worker,
        const char *job_id)
{
    /* A constant of the C library, which freelocale() leaves alone. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    guard->locale = uselocale(c);
    guard->umask = read_umask();
    guard->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    sigprocmask(SIG_SETMASK, NULL, &guard->mask);
    for (size_t i = 0; i < CRQ_GUARD_SIGNALS; i++)
        sigaction(signals[i], NULL, &guard->actions[i]);
    set_name(guard->names[0], sizeof(guard->names[0]), "RQ_WORKER_ID", worker);
    set_name(guard->names[1], sizeof(guard->names[1]), "RQ_JOB_ID", job_id);
}

void crq_guard_end(struct crq_guard *guard)
{
    alarm(0);
    for (size_t i = 0; i < CRQ_GUARD_SIGNALS; i++)
        sigaction(signals[i], &guard->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &guard->mask, NULL);
    unsetenv("RQ_WORKER_ID");
    unsetenv("RQ_JOB_ID");
    if (guard->cwd >= 0) {
        /* A folder that may no longer be entered: stay where we are. */
        int rc = fchdir(guard->cwd);

        (void)rc;
        close(guard->cwd);
    }
    umask(guard->umask);
    uselocale(guard->locale);
    fflush(stdout);
    fflush(stderr);
}
