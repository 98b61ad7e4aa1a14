/* clock.c - the system's clocks, and one that tests set. */
#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_wall(const struct crq_clock *clock)
{
    (void)clock;
    return read_us(CLOCK_REALTIME);
}

static int64_t system_mono(const struct crq_clock *clock)
{
    (void)clock;
    return read_us(CLOCK_MONOTONIC);
}

const struct crq_clock crq_clock_system = { system_wall, system_mono };

static int64_t manual_now(const struct crq_clock *clock)
{
    /* The clock is the first member, so its address is the whole's. */
    return ((const struct crq_clock_manual *)(const void *)clock)->now_us;
}

void crq_clock_manual_init(struct crq_clock_manual *manual, int64_t now_us)
{
    manual->clock.wall_us = manual_now;
    manual->clock.mono_us = manual_now;
    manual->now_us = now_us;
}
