/* pace.c - see pace.h. */
#include "workers/pace.h"

void pace_took(struct pace *pace, int64_t us)
{
    if (us < 1) /* 0 stands for not known */
        us = 1;
    if (us > pace->job_us)
        pace->job_us = us;
    else
        pace->job_us -= (pace->job_us - us + 7) / 8;
}

void pace_takes(struct pace *pace, int64_t at_least_us)
{
    if (at_least_us > pace->job_us)
        pace->job_us = at_least_us;
}

size_t pace_ahead(const struct pace *pace, size_t children, int64_t youngest_us)
{
    int64_t job_us = pace->job_us;
    size_t count;

    if (job_us == 0)
        return 0;
    if (youngest_us > job_us)
        job_us = youngest_us;
    count = children * (size_t)PACE_AHEAD_US / (size_t)job_us;
    return count < PACE_MOST ? count : PACE_MOST;
}
