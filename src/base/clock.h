/*
 * clock.h - the time, as something that is passed in.
 *
 * Who needs the time holds a pointer to a clock; tests hand in one that they
 * set. Nothing below the programs asks the system for the time by itself.
 */
#ifndef CRQ_BASE_CLOCK_H
#define CRQ_BASE_CLOCK_H

#include <stdint.h>

struct crq_clock {
    /* Wall clock: microseconds since 1970 UTC. May jump. */
    int64_t (*wall_us)(const struct crq_clock *clock);
    /* Monotonic: microseconds since some moment. Never goes back. */
    int64_t (*mono_us)(const struct crq_clock *clock);
};

/** The machine's clocks. */
extern const struct crq_clock crq_clock_system;

/** A clock that stands still until it is set: for tests. */
struct crq_clock_manual {
    struct crq_clock clock; /* pass &manual.clock */
    int64_t now_us;         /* what both readings say */
};
void crq_clock_manual_init(struct crq_clock_manual *manual, int64_t now_us);

static inline int64_t crq_clock_wall_us(const struct crq_clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t crq_clock_mono_us(const struct crq_clock *clock)
{
    return clock->mono_us(clock);
}

#endif
