/* load.c - see load.h. */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void load_die(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(1);
}

int load_connect(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
            errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

void load_raise_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int64_t load_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void load_add(struct load_times *times, int64_t us)
{
    if (times->count == times->room) {
        times->room = times->room > 0 ? 2 * times->room : 1024;
        times->us = realloc(times->us, times->room * sizeof(*times->us));
        if (times->us == NULL)
            load_die("out of memory");
    }
    times->us[times->count++] = us;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void load_print(const char *name, struct load_times *times)
{
    size_t n = times->count;

    if (n == 0) {
        printf("\"%s\": null", name);
        return;
    }
    qsort(times->us, n, sizeof(*times->us), compare);
    printf("\"%s\": {\"count\": %zu, \"p50_us\": %" PRId64
           ", \"p99_us\": %" PRId64 ", \"max_us\": %" PRId64 "}",
            name, n, times->us[n / 2], times->us[n * 99 / 100],
            times->us[n - 1]);
}
