/* process.c - finding, starting and watching the programs that crq needs. */
#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"

/* ---- finding ---- */

static bool is_program(const struct crq_buf *path)
{
    return path->rc == 0 && access(crq_buf_text(path), X_OK) == 0;
}

static bool beside_us(const char *name, struct crq_buf *out)
{
    char path[PATH_MAX];

    return crq_file_beside(name, path) && crq_buf_puts(out, path) == 0;
}

static bool in_path(const char *name, const char *path, struct crq_buf *out)
{
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, ":");

        crq_buf_clear(out);
        /* An empty folder is the current one to shells; not to us. */
        if (len > 0 && path[0] == '/') {
            crq_buf_printf(out, "%.*s/%s", (int)len, path, name);
            if (is_program(out))
                return true;
        }
        path += len + (path[len] == ':');
    }
    return false;
}

int process_find(const char *name, struct crq_buf *out)
{
    if (beside_us(name, out) || in_path(name, getenv("PATH"), out))
        return 0;
    fprintf(stderr, "crq: there is no program %s beside crq or in $PATH\n",
            name);
    return CLI_UNAVAILABLE;
}

/* ---- starting ---- */

/* In the new process, up to its exec. */
static void become(const char *const argv[], const char *const env[2],
        int death_signal, int keep_fd, pid_t parent)
{
    static const int ours[] = { SIGPIPE, SIGINT, SIGTERM, SIGCHLD };
    sigset_t none;
    int null;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent)
        _exit(1); /* crq died before that */
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        signal(ours[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    null = open("/dev/null", O_RDWR);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (null > STDERR_FILENO)
        close(null);
    if (keep_fd >= 0)
        fcntl(keep_fd, F_SETFD, 0);
    for (size_t i = 0; i < 2; i++)
        if (env[i] != NULL)
            putenv((char *)(uintptr_t)env[i]);
    execv(argv[0], (char **)(uintptr_t)argv);
    fprintf(stderr, "crq: can't start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int process_start(struct process *p, const char *const argv[],
        const char *const env[2], int death_signal, int keep_fd)
{
    pid_t parent = getpid(), pid;

    fflush(stdout);
    pid = fork();
    if (pid < 0) {
        fprintf(stderr, "crq: can't start %s: %s\n", p->name, strerror(errno));
        return CLI_FAILED;
    }
    if (pid == 0)
        become(argv, env, death_signal, keep_fd, parent);
    p->pid = pid;
    return 0;
}

/* ---- hearing ---- */

/* A socket whose name the kernel chooses. */
int process_notify(struct process *p, char env[PROCESS_NOTIFY_SIZE])
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(name);

    p->notify_fd =
            socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->notify_fd < 0 ||
            bind(p->notify_fd, (struct sockaddr *)&name, sizeof(sa_family_t)) <
                    0 ||
            getsockname(p->notify_fd, (struct sockaddr *)&name, &len) < 0) {
        fprintf(stderr, "crq: can't make a socket: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    len -= (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
    snprintf(env, PROCESS_NOTIFY_SIZE, "NOTIFY_SOCKET=@%.*s", (int)len,
            name.sun_path + 1);
    return 0;
}

static void read_line(struct process *p, const char *line)
{
    static const char status[] = "STATUS=";

    if (strcmp(line, "READY=1") == 0)
        p->ready = true;
    if (strncmp(line, status, strlen(status)) == 0)
        snprintf(p->told, sizeof(p->told), "%s", line + strlen(status));
}

void process_listen(struct process *p)
{
    char text[512];
    ssize_t n;

    if (p->notify_fd < 0)
        return;
    for (n = recv(p->notify_fd, text, sizeof(text) - 1, 0); n > 0;
            n = recv(p->notify_fd, text, sizeof(text) - 1, 0)) {
        char *rest = NULL;

        text[n] = '\0';
        for (char *line = strtok_r(text, "\n", &rest); line != NULL;
                line = strtok_r(NULL, "\n", &rest))
            read_line(p, line);
    }
}

/* ---- watching ---- */

bool process_runs(struct process *p)
{
    if (p->pid == 0)
        return false;
    if (waitpid(p->pid, &p->status, WNOHANG) == 0)
        return true;
    p->pid = 0;
    return false;
}

void process_signal(const struct process *p, int number)
{
    if (p->pid > 0)
        kill(p->pid, number);
}

const char *process_end_text(const struct process *p, char *space, size_t size)
{
    if (WIFSIGNALED(p->status))
        snprintf(space, size, "SIG%s", sigabbrev_np(WTERMSIG(p->status)));
    else
        snprintf(space, size, "exit status %d", WEXITSTATUS(p->status));
    return space;
}
