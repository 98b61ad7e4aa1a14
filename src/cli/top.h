/*
 * top.h - crq top: what it shows, and how.
 *
 *     cmd_top.c     options, and when it looks again
 *     top_sample.c  all that is shown, fetched at one time
 *     top_draw.c    that as text or JSON
 *     screen.c      a terminal taken over, and given back
 */
#ifndef CRQ_CLI_TOP_H
#define CRQ_CLI_TOP_H

#include <crq.h>

#include "model/fields.h"
#include "model/registry.h"
#include "model/stats_json.h"

#define TOP_WINDOW   CRQ_STATS_WINDOW
#define TOP_FAILURES 20 /* causes */
#define TOP_LOOK     64 /* busy workers whose jobs are looked up */

/** Runs that ended, a second. */
struct top_rates {
    double finished, failed, all;
};

/** What a busy worker is at. */
struct top_job {
    char text[200]; /* its description; its id where there is none */
    int64_t started_us;
};

/** All that is shown. Zero at first. */
struct top_sample {
    int64_t now_us;
    char **names;
    size_t queues;
    struct crq_counts *counts;
    crq_stats *stats;        /* of each queue, then of all */
    struct top_rates *rates; /* likewise */
    crq_worker *workers;
    size_t workers_count;
    struct top_job *jobs; /* of each worker */
    crq_failures *failures;
    bool suspended;
};

int top_fetch(crq_conn *conn, struct top_sample *out,
        crq_error *err) CRQ_MUST_CHECK;
void top_sample_fini(struct top_sample *sample);
/** Rates from what has ended since an earlier sample, instead of those of the
 *  last minute. */
void top_rate(struct top_sample *sample, const struct top_sample *since);

struct top_frame {
    const char *address;
    const char *problem; /* NULL: Redis answers */
    int rows;            /* of a terminal; 0: as many as it takes */
};
void top_draw(const struct top_sample *sample, const struct top_frame *frame);
int top_json(const struct top_sample *sample, crq_error *err) CRQ_MUST_CHECK;

#endif
