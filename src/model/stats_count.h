/*
 * stats_count.h - counting, in the memory of a process, and adding it to what
 * is in Redis: statistics and causes of failures. Nothing here blocks.
 *
 *     crq_tallies_init(&tallies);
 *     ... crq_tally_of(&tallies, "q")->stats[CRQ_STAT_FINISHED]++; ...
 *     nkeys = crq_tallies_words(&tallies, process, nth, &args);
 *     call crq_script_stats; when it has succeeded: crq_tallies_clear()
 *
 * The script is safe to repeat: it adds a call of one number once.
 */
#ifndef CRQ_MODEL_STATS_COUNT_H
#define CRQ_MODEL_STATS_COUNT_H

#include "model/failures.h"
#include "model/stats.h"
#include "redis/args.h"

struct crq_tallied {
    char queue[CRQ_NAME_MAX + 1]; /* "": all together */
    struct crq_numbers numbers;
};

/** What was counted and is not in Redis yet. Bounded: what is beyond so many
 *  queues counts for all together only, a cause beyond is not kept. */
#define CRQ_TALLIES_QUEUES 256
#define CRQ_TALLIES_CAUSES 100
struct crq_tallies {
    struct crq_tallied *queues; /* the first one: all together */
    size_t count;
    struct crq_cause *causes;
    size_t causes_count;
};

void crq_tallies_init(struct crq_tallies *tallies);
void crq_tallies_fini(struct crq_tallies *tallies);
bool crq_tallies_empty(const struct crq_tallies *tallies);

/** Count an end, or a time, of a queue and of all; `queue` NULL: of all only.
 *  Without memory nothing is counted. */
void crq_tallies_end(struct crq_tallies *tallies, const char *queue,
        crq_stat stat, int64_t times);
void crq_tallies_time(struct crq_tallies *tallies, const char *queue,
        crq_timing timing, int64_t us);
void crq_tallies_cause(struct crq_tallies *tallies,
        const struct crq_cause *cause);
/** Add all that `from` has, which is empty afterwards. */
void crq_tallies_merge(struct crq_tallies *tallies, struct crq_tallies *from);

/**
 * The words of crq_script_stats; returns how many are keys. `out` is emptied
 * first; a failed put shows in crq_args_check().
 *
 * process  what no other process is called
 * nth      of its calls: a number above that of the call before; the same one
 *          for a call that is repeated
 */
size_t crq_tallies_words(const struct crq_tallies *tallies, const char *process,
        int64_t nth, struct crq_args *out);

#endif
