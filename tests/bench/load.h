/* load.h - what the load generators for crq-web share. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

/** A non-blocking connection to a port of this machine that is being opened;
 *  -1: there can be none. */
int load_connect(int port);
/** As many open files as there can be. */
void load_raise_limit(void);

/** Microseconds on the monotonic clock. */
int64_t load_now_us(void);

/* Times that things took. Begins as zero. */
struct load_times {
    int64_t *us;
    size_t count, room;
};

void load_add(struct load_times *times, int64_t us);
/** Print "NAME": {"count", "p50_us", "p99_us", "max_us"}. Sorts them. */
void load_print(const char *name, struct load_times *times);

/** Say what is wrong, and end with status 1. */
void load_die(const char *format, ...)
        __attribute__((noreturn, format(printf, 1, 2)));

#endif
