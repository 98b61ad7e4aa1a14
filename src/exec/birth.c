/*
 * birth.c - how a child process begins: what it does not inherit.
 *
 * It starts as a copy of the server and keeps its memory, with the modules in
 * it. Group, signals, descriptors and limits are its own.
 */
#include "exec/birth.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exec/child.h"
#include "exec/fault.h"
#include "exec/proc.h"

static void set_limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limit = { soft, hard };

    setrlimit(resource, &limit);
}

/* A task's memory counts on top of what every child has mapped. */
static uint64_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file != NULL) {
        if (fscanf(file, "%lu", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit_child(const struct crq_birth *birth)
{
    uint64_t bytes = ((uint64_t)birth->memory_mib << 20) + mapped_bytes();
    uint64_t cpu_s = (uint64_t)birth->cpu_s;

    if (birth->memory_mib > 0)
        set_limit(RLIMIT_AS, bytes, bytes);
    /* SIGXCPU first, which names the reason; a second later SIGKILL. */
    if (birth->cpu_s > 0)
        set_limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
}

/* The kernel, when memory is out, shall take a child and not the worker. */
static void offer_to_oom_killer(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)!write(fd, "500", 3);
    close(fd);
}

/* Descriptors: 0 /dev/null, 1 and 2 the pipe, 3 the socket, 4 the evidence,
 * nothing else. They are moved out of the way first: any of them may have the
 * number of another one's place. */
static void place_descriptors(int socket, int output, int evidence)
{
    int moved[3] = { fcntl(socket, F_DUPFD, 16), fcntl(output, F_DUPFD, 16),
        fcntl(evidence, F_DUPFD, 16) };
    int null = open("/dev/null", O_RDONLY);

    if (null < 0 || moved[0] < 0 || moved[1] < 0 || moved[2] < 0)
        _exit(EXIT_FAILURE);
    dup2(null, STDIN_FILENO);
    dup2(moved[1], STDOUT_FILENO);
    dup2(moved[1], STDERR_FILENO);
    /* A program that a task starts gets neither of these. */
    dup3(moved[0], CRQ_CHILD_FD, O_CLOEXEC);
    dup3(moved[2], CRQ_EVIDENCE_FD, O_CLOEXEC);
    crq_proc_close_from(CRQ_EVIDENCE_FD + 1);
}

static void default_signals(void)
{
    sigset_t none;
    int number;

    for (number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void live(const struct crq_birth *birth,
        pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE); /* it died before that: no signal will come */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "crq-horse");
    place_descriptors(birth->socket, birth->output, birth->evidence);
    default_signals();
    offer_to_oom_killer();
    crq_fault_install(CRQ_EVIDENCE_FD);
    limit_child(birth);
    crq_child_main(birth->modules, birth->url);
}

pid_t crq_birth(const struct crq_birth *birth)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0)
        live(birth, parent);
    /* Both sides set it: whoever comes first. */
    if (pid > 0)
        setpgid(pid, pid);
    return pid;
}
