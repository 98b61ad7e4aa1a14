/* relay.c - a link that breaks where a test wants it to. */
#include "relay.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE 16384

int live_socket(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool pass(int to, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(to, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void flush_scripts(const char *path)
{
    int fd = live_socket(path);
    char bytes[64];

    if (pass(fd, "SCRIPT FLUSH\r\n", 14))
        (void)!read(fd, bytes, sizeof(bytes));
    close(fd);
}

/* The reply to what is cut: as much of it as the test wants. */
static void pass_part(int server, int client, size_t len)
{
    char bytes[PIECE];
    ssize_t n = read(server, bytes, sizeof(bytes));

    if (n > 0)
        (void)pass(client, bytes, (size_t)n < len ? (size_t)n : len);
}

/* One client until either side closes. True: it was cut. */
static bool serve(const struct live_relay *relay, int client, int server,
        const char *path, unsigned *matches)
{
    struct pollfd ends[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
    char bytes[PIECE];

    while (poll(ends, 2, -1) > 0) {
        bool from_client = ends[0].revents != 0;
        ssize_t n = read(from_client ? client : server, bytes, sizeof(bytes));
        unsigned bit = 0;

        if (n <= 0)
            return false;
        if (from_client &&
                memmem(bytes, (size_t)n, relay->word, strlen(relay->word)))
            bit = *matches < 32 ? 1U << (*matches)++ : 0;
        if (bit & relay->flush)
            flush_scripts(path);
        if (bit & relay->drop)
            return true;
        if (!pass(from_client ? server : client, bytes, (size_t)n))
            return false;
        if (bit & relay->cut) {
            pass_part(server, client, relay->pass);
            return true;
        }
    }
    return false;
}

void live_relay_run(const struct live_relay *relay, int listener,
        const char *to)
{
    unsigned matches = 0;

    for (;;) {
        int client = accept(listener, NULL, NULL);
        int server = live_socket(to);
        bool cut;

        if (client < 0 || server < 0)
            _exit(1);
        cut = serve(relay, client, server, to, &matches);
        if (cut && relay->last)
            close(listener);
        close(client);
        close(server);
        if (cut && relay->last)
            _exit(0);
    }
}
