/* resolve.c - look-ups of names: see resolve.h. */
#include "exec/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "exec/proc.h"

/* One write() of a pipe, so that it comes whole. */
_Static_assert(sizeof(struct crq_addresses) <= PIPE_BUF,
        "an answer is one write");

static void ask(const char *host, int port, int flags,
        struct crq_addresses *out)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
    struct addrinfo *found = NULL;
    char service[8];

    snprintf(service, sizeof(service), "%d", port);
    out->failure = getaddrinfo(host, service, &hints, &found);
    if (out->failure != 0)
        return;
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        if (out->count == CRQ_ADDRESSES_MAX ||
                at->ai_addrlen > sizeof(out->list[0].to))
            continue;
        out->list[out->count].len = at->ai_addrlen;
        memcpy(&out->list[out->count++].to, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
}

bool crq_resolve_known(const char *host, int port, struct crq_addresses *out)
{
    memset(out, 0, sizeof(*out));
    if (strcasecmp(host, "localhost") == 0) {
        /* In the order in which getaddrinfo() has them. */
        ask("::1", port, AI_NUMERICHOST, out);
        ask("127.0.0.1", port, AI_NUMERICHOST, out);
        return true;
    }
    ask(host, port, AI_NUMERICHOST, out);
    return out->failure == 0;
}

/* In the process of its own. What the parent has set up there, signals and
 * descriptors, is nothing of its business. */
__attribute__((noreturn)) static void be_lookup(pid_t parent, int fd,
        const char *host, int port)
{
    static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE };
    struct crq_addresses found;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        signal(caught[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "crq-lookup");
    if (fd != STDERR_FILENO + 1)
        dup2(fd, STDERR_FILENO + 1);
    crq_proc_close_from(STDERR_FILENO + 2);

    memset(&found, 0, sizeof(found));
    ask(host, port, 0, &found);
    (void)!write(STDERR_FILENO + 1, &found, sizeof(found));
    _exit(0);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct crq_lookup *lookup = w->data;
    struct crq_addresses found;
    ssize_t n = read(lookup->fd, &found, sizeof(found));

    (void)loop;
    (void)revents;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof(found)) {
        memset(&found, 0, sizeof(found)); /* somebody has killed it */
        found.failure = EAI_AGAIN;
    }
    crq_lookup_cancel(lookup);
    lookup->on_found(lookup->arg, &found);
}

void crq_lookup_init(struct crq_lookup *lookup, struct ev_loop *loop,
        void (*on_found)(void *arg, const struct crq_addresses *addresses),
        void *arg)
{
    *lookup = (struct crq_lookup){
        .loop = loop, .on_found = on_found, .arg = arg, .fd = -1
    };
    ev_io_init(&lookup->readable, on_readable, -1, EV_READ);
    lookup->readable.data = lookup;
}

int crq_lookup_start(struct crq_lookup *lookup, const char *host, int port,
        crq_error *err)
{
    pid_t parent = getpid();
    int ends[2];

    crq_lookup_cancel(lookup);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return crq_fail(err, CRQ_EIO, "no pipe: %s", strerror(errno));
    lookup->pid = fork();
    if (lookup->pid == 0)
        be_lookup(parent, ends[1], host, port);
    close(ends[1]);
    if (lookup->pid < 0) {
        close(ends[0]);
        return crq_fail(err, CRQ_EIO, "no process: %s", strerror(errno));
    }
    lookup->fd = ends[0];
    ev_io_set(&lookup->readable, lookup->fd, EV_READ);
    ev_io_start(lookup->loop, &lookup->readable);
    return 0;
}

void crq_lookup_cancel(struct crq_lookup *lookup)
{
    if (lookup->fd < 0)
        return;
    ev_io_stop(lookup->loop, &lookup->readable);
    close(lookup->fd);
    lookup->fd = -1;
    /* Nobody else reaps it meanwhile: if it isn't dead the id is its own. */
    if (waitpid(lookup->pid, NULL, WNOHANG) == 0)
        kill(lookup->pid, SIGKILL);
}
