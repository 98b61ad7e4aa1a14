/* feeds_impl.h - what feeds.c (who hears what, the links), feeds_streams.c and
 * feeds_channels.c share. */
#ifndef CRQ_WEB_FEEDS_IMPL_H
#define CRQ_WEB_FEEDS_IMPL_H

#include <ev.h>

#include "web/feeds.h"

#define FEED_BUCKETS 1024

struct feed {
    struct feeds *feeds;
    struct feed *chain;
    char *name;
    bool stream;
    bool broken;          /* found by no name any more, and not read */
    struct entry_id last; /* read up to here */
    struct listener *first, **last_link;
    unsigned busy; /* listeners are being told, or replies name it */
};

struct listener {
    struct feed *feed;
    struct listener *next, **link;
    const struct feed_ears *ears;
    void *arg;
    struct entry_id last; /* heard up to here */
    bool catching_up;     /* an XRANGE is on its way, or would be */
    bool left;            /* and is freed when no reply names it */
    unsigned replies;
};

struct feeds {
    struct ev_loop *loop;
    const struct crq_log *log;
    struct crq_async *link, *streams, *ears;
    struct feed *buckets[FEED_BUCKETS];
    size_t stream_count;
    int64_t client_id; /* of the link that blocks; 0: unknown */
    bool reading;      /* an XREAD is on its way */
    bool stale;        /* and does not name all streams */
    size_t probes;     /* replies that are due, see probe_all() */
    bool blamed;       /* one of them has found a key that can't be read */
    ev_timer pause, wake;
};

/* feeds.c */

struct feed *feed_find(struct feeds *feeds, const char *name, bool stream);
/** One more who listens, to a feed that is made when there is none yet. NULL:
 *  no memory. */
struct listener *feed_listen(struct feeds *feeds, const char *name, bool stream,
        const struct feed_ears *ears, void *arg, bool *out_new);
/** Free those who left while others were told, and a feed without any. */
void feed_sweep(struct feed *feed);
/** Nothing more will come of it: tell all who listen. */
void feed_break(struct feed *feed);

/* feeds_streams.c */

void streams_init(struct feeds *feeds);
void streams_stop(struct feeds *feeds);
void streams_on_up(void *arg);
void streams_on_down(void *arg, const crq_error *err);

/* feeds_channels.c */

void channel_begin(struct feed *feed);
void channel_end(struct feed *feed);
void channels_on_up(void *arg);
void channels_on_push(void *arg, const crq_reply *reply);

#endif
