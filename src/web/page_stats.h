/* page_stats.h - what workers have counted, as cells and charts. */
#ifndef CRQ_WEB_PAGE_STATS_H
#define CRQ_WEB_PAGE_STATS_H

#include "web/page_impl.h"

#define STATS_SHOWN  60 /* minutes of a chart */
#define STATS_RECENT 15 /* minutes of a row in a table */
#define STATS_QUEUES 50 /* of more only the last two minutes are read */

/** Cells of a table: jobs a second; runs of each minute; three percentiles. */
void stats_put_rate(struct page *p, const crq_stats *stats);
void stats_put_spark(struct page *p, const crq_stats *stats, int minutes);
void stats_put_times(struct page *p, const char *heading,
        const crq_stats *stats, crq_timing timing, int minutes);

/** Charts of the last hour: ends, waiting, running; and a live one, which a
 *  script draws. */
void stats_put_charts(struct page *p, const crq_stats *stats);

#endif
