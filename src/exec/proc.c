/*
 * proc.c - process trees from /proc/PID/task/TID/children.
 *
 * That file lists the children of one thread (the kernel needs
 * CONFIG_PROC_CHILDREN, which distributions set). It may miss a child while
 * another one exits; callers look until nothing is left.
 */
#include "exec/proc.h"

#include <crq.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

void crq_pids_fini(struct crq_pids *pids)
{
    crq_free(pids->items);
    *pids = (struct crq_pids)CRQ_PIDS_INIT;
}

static int add(struct crq_pids *pids, pid_t pid)
{
    size_t cap = pids->cap == 0 ? 32 : pids->cap * 2;
    pid_t *items;

    if (pids->count == CRQ_PIDS_MAX)
        return 0;
    if (pids->count == pids->cap) {
        items = crq_reallocarray(pids->items, cap, sizeof(*items));
        if (items == NULL)
            return CRQ_ENOMEM;
        pids->items = items;
        pids->cap = cap;
    }
    pids->items[pids->count++] = pid;
    return 0;
}

/* A whole small file, '\0' behind it. Returns its length, -1: none. */
static ssize_t slurp(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return -1;
    while (len < size - 1) {
        n = read(fd, out + len, size - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    out[len] = '\0';
    return n < 0 ? -1 : (ssize_t)len;
}

/* "12 345 6789 " : a number may be cut by the end of what was read. */
static int add_list(const char *path, struct crq_pids *pids)
{
    char bytes[4096];
    long number = 0;
    ssize_t n, i;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return 0;
    while (rc == 0 && (n = read(fd, bytes, sizeof(bytes))) > 0) {
        for (i = 0; i < n && rc == 0; i++) {
            if (bytes[i] >= '0' && bytes[i] <= '9') {
                number = number * 10 + (bytes[i] - '0');
            } else if (number > 0) {
                rc = add(pids, (pid_t)number);
                number = 0;
            }
        }
    }
    close(fd);
    return rc;
}

int crq_proc_children(pid_t pid, struct crq_pids *pids)
{
    char path[64];
    struct dirent *entry;
    DIR *dir;
    int rc = 0;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    dir = opendir(path);
    if (dir == NULL)
        return errno == ENOMEM ? CRQ_ENOMEM : 0;
    for (entry = readdir(dir); entry != NULL && rc == 0; entry = readdir(dir)) {
        long tid = strtol(entry->d_name, NULL, 10);

        if (tid <= 0)
            continue;
        snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid,
                tid);
        rc = add_list(path, pids);
    }
    closedir(dir);
    return rc;
}

int crq_proc_tree(pid_t pid, struct crq_pids *pids)
{
    size_t i = pids->count;
    int rc = add(pids, pid);

    for (; rc == 0 && i < pids->count; i++)
        rc = crq_proc_children(pids->items[i], pids);
    return rc;
}

/* Fields 14 to 17 and 24 of /proc/PID/stat. The name, field 2, may hold blanks
 * and parentheses, so the count begins behind the last one. */
static bool read_stat(pid_t pid, int64_t *rss_pages, int64_t *cpu_ticks)
{
    char path[64], text[1024];
    long long user, system, waited_user, waited_system, rss;
    const char *p;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (slurp(path, text, sizeof(text)) < 0)
        return false;
    p = strrchr(text, ')');
    if (p == NULL ||
            sscanf(p + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                    "%lld %lld %lld %lld %*d %*d %*d %*d %*u %*u %lld",
                    &user, &system, &waited_user, &waited_system, &rss) != 5)
        return false;
    *rss_pages = rss;
    *cpu_ticks = user + system + waited_user + waited_system;
    return true;
}

bool crq_proc_usage(pid_t pid, int64_t *out_kib, int64_t *out_cpu_us)
{
    struct crq_pids pids = CRQ_PIDS_INIT;
    int64_t pages = 0, ticks = 0, rss, cpu;
    bool alive = false;
    size_t i;

    if (crq_proc_tree(pid, &pids) == 0) {
        for (i = 0; i < pids.count; i++) {
            if (!read_stat(pids.items[i], &rss, &cpu))
                continue;
            alive = true;
            pages += rss;
            ticks += cpu;
        }
    }
    crq_pids_fini(&pids);
    *out_kib = pages * (sysconf(_SC_PAGESIZE) / 1024);
    *out_cpu_us = ticks * (1000000 / sysconf(_SC_CLK_TCK));
    return alive;
}

int crq_proc_sweep(bool (*keep)(void *arg, pid_t pid), void *arg)
{
    struct crq_pids children = CRQ_PIDS_INIT, tree = CRQ_PIDS_INIT;
    int found = 0, rc = crq_proc_children(getpid(), &children);
    size_t i, j;

    for (i = 0; i < children.count; i++) {
        if (keep != NULL && keep(arg, children.items[i]))
            continue;
        found++;
        /* Parents first: one that is dead makes no more children. */
        tree.count = 0;
        rc |= crq_proc_tree(children.items[i], &tree);
        for (j = 0; j < tree.count; j++)
            kill(tree.items[j], SIGKILL);
    }
    crq_pids_fini(&children);
    crq_pids_fini(&tree);
    return rc < 0 ? -1 : found;
}

int64_t crq_proc_oom_kills(void)
{
    char *text = crq_malloc(16384), *at;
    int64_t kills = -1;

    if (text == NULL)
        return -1;
    if (slurp("/proc/vmstat", text, 16384) > 0) {
        at = strstr(text, "\noom_kill ");
        if (at != NULL)
            kills = strtoll(at + strlen("\noom_kill "), NULL, 10);
    }
    crq_free(text);
    return kills;
}

void crq_proc_close_from(int first)
{
    long limit, fd;

    if (close_range((unsigned)first, ~0U, 0) == 0)
        return;
    /* A kernel before 5.9, or a filter that does not know the call. */
    limit = sysconf(_SC_OPEN_MAX);
    for (fd = first; fd < limit; fd++)
        close((int)fd);
}
