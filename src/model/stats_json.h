/*
 * stats_json.h - statistics as JSON objects: what programs get to see, from the
 * command line and over HTTP alike. As job_json.h; times are seconds.
 */
#ifndef CRQ_MODEL_STATS_JSON_H
#define CRQ_MODEL_STATS_JSON_H

#include <crq.h>

/** What `crq top` and the interface of crq-web take for "now". */
#define CRQ_STATS_WINDOW 5 /* minutes */

/**
 * {queue, oldest_enqueued_at, totals, per_second, window, wait, run, late,
 * minutes}. Percentiles are those of the last `window` minutes (0: since ever);
 * `minutes` has so many minutes one by one, the running one first.
 */
int crq_stats_to_value(const crq_stats *stats, int window, int minutes,
        crq_value **out, crq_error *err) CRQ_MUST_CHECK;

/** Cause i: {func, error, count, last, job, queue, message} */
int crq_failure_to_value(const crq_failures *failures, size_t i,
        crq_value **out, crq_error *err) CRQ_MUST_CHECK;

#endif
