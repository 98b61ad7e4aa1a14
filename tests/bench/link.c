/* link.c - see link.h. One client at a time, one request on its way. */
#include "link.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static void must(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static int open_socket(const char *path, struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && strlen(path) < sizeof(address->sun_path), "socket");
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, path);
    return fd;
}

/* What is there goes over, later. False: the end. */
static bool pass(int from, int to, long delay_us)
{
    struct timespec delay = { 0, delay_us * 1000 };
    static char bytes[1 << 16];
    ssize_t n = read(from, bytes, sizeof(bytes));

    if (n <= 0)
        return false;
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
    for (ssize_t sent = 0; sent < n;) {
        ssize_t m = write(to, bytes + sent, (size_t)(n - sent));

        if (m <= 0)
            return false;
        sent += m;
    }
    return true;
}

static void serve(int client, const char *server_path, long delay_us)
{
    struct sockaddr_un address;
    int server = open_socket(server_path, &address);
    struct pollfd fds[] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
    bool open =
            connect(server, (struct sockaddr *)&address, sizeof(address)) == 0;

    while (open && poll(fds, 2, -1) > 0) {
        if (fds[0].revents != 0)
            open = pass(client, server, delay_us);
        if (open && fds[1].revents != 0)
            open = pass(server, client, delay_us);
    }
    close(server);
    close(client);
}

void link_start(struct link *link, const char *url, long delay_us)
{
    const char *server_path = strchr(url, '/') + 2; /* unix://PATH */
    struct sockaddr_un address;
    int listener;

    snprintf(link->path, sizeof(link->path), "%s.link", server_path);
    snprintf(link->url, sizeof(link->url), "unix://%s", link->path);
    listener = open_socket(link->path, &address);
    must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                    listen(listener, 4) == 0,
            link->path);
    link->pid = fork();
    must(link->pid >= 0, "fork");
    if (link->pid > 0) {
        close(listener);
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_TIMERSLACK, 1);
    for (;;) {
        int client = accept(listener, NULL, NULL);

        if (client < 0)
            _exit(EXIT_FAILURE);
        serve(client, server_path, delay_us);
    }
}

void link_stop(struct link *link)
{
    (void)kill(link->pid, SIGKILL);
    (void)waitpid(link->pid, NULL, 0);
    (void)unlink(link->path);
}
