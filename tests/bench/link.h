/* link.h - a link with the delay of a network. */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <sys/types.h>

struct link {
    char url[200]; /* to connect to */
    char path[160];
    pid_t pid;
};

/** Start a process that passes on, to the server's Unix socket in `url`, what
 *  comes for it, and every piece delay_us later, there and back. */
void link_start(struct link *link, const char *url, long delay_us);
void link_stop(struct link *link);

#endif
