/*
 * stats.h - the inside of statistics: what is counted, and under which names it
 * is kept. The functions that read are public: crq.h.
 */
#ifndef CRQ_MODEL_STATS_H
#define CRQ_MODEL_STATS_H

#include <crq.h>

#include "redis/reply.h"

/** Times by buckets. */
struct crq_times {
    int64_t buckets[CRQ_STATS_BUCKETS];
    int64_t sum_us;
};

/** All that is counted of a queue in some time. */
struct crq_numbers {
    int64_t stats[CRQ_STAT_COUNT];
    struct crq_times times[CRQ_TIMING_COUNT];
};

/** Count one time; below 0, which clocks that differ bring about, counts as 0,
 *  beyond a year as a year. */
void crq_times_add(struct crq_times *times, int64_t us);
/** Add all that `from` has. */
void crq_times_merge(struct crq_times *times, const struct crq_times *from);
int64_t crq_times_count(const struct crq_times *times);
/** As crq_stats_percentile_us(). */
int64_t crq_times_percentile_us(const struct crq_times *times, double p);

/*
 * A number's field in the hashes: the word of crq_stat_name(), or the timing
 * and the upper bound in milliseconds, "wait:5" .. "wait:inf"; "wait:us" is the
 * sum. So a hash stays readable should the bounds ever change.
 */

#define CRQ_STATS_FIELD_MAX 32
/** Fields in all; number i of them and its name. */
#define CRQ_STATS_FIELDS                                                       \
    ((size_t)CRQ_STAT_COUNT +                                                  \
            (size_t)CRQ_TIMING_COUNT * (CRQ_STATS_BUCKETS + 1))
int64_t *crq_numbers_at(struct crq_numbers *numbers, size_t i);
void crq_numbers_field(char out[CRQ_STATS_FIELD_MAX], size_t i);

/** Read the reply of HGETALL. What is no number, or below 0, counts as 0, and
 *  none is larger than can be summed up without an overflow. */
void crq_numbers_decode(struct crq_numbers *out, const crq_reply *reply);

#endif
