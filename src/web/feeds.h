/*
 * feeds.h - what comes through Redis for many listeners: streams, and channels
 * of publish and subscribe.
 *
 * However many listen: a stream is read once, a channel is subscribed to once.
 * A listener of a stream hears every entry behind the one it names, in order,
 * without a gap and without one twice, also across a break of the link; what
 * is published on a channel while the link is down is lost.
 */
#ifndef CRQ_WEB_FEEDS_H
#define CRQ_WEB_FEEDS_H

#include <crq.h>

#include "base/log.h"
#include "exec/async.h"
#include "web/entry.h"

struct asking;
struct feeds;
struct listener;

/* Both may end their own listener and make others. */
struct feed_ears {
    /* The entry as the JSON that is sent to clients; its type, or NULL.
     * Borrowed. */
    void (*heard)(void *arg, const char *json, size_t len, const char *type);
    /* The key is no stream, or may not be read: nothing more will come. Once,
     * and never for channels, where it may be NULL. */
    void (*broken)(void *arg);
};

int feeds_new(struct ev_loop *loop, const char *url, const struct crq_log *log,
        struct feeds **out, crq_error *err) CRQ_MUST_CHECK;
/** No listener may be left. */
void feeds_free(struct feeds *feeds);

/** Ask for the id that new entries will be behind; it comes later, NULL: there
 *  is no Redis. Returns what feeds_forget() takes, or NULL: no memory, and
 *  nothing will come. */
struct asking *feeds_now(struct feeds *feeds,
        void (*done)(void *arg, const struct entry_id *now), void *arg);
void feeds_forget(struct asking *asking);

/** Listen to a stream, from behind `after` on, which is not behind `now`, what
 *  feeds_now() has said before. NULL: no memory. */
struct listener *feeds_read(struct feeds *feeds, const char *key,
        struct entry_id after, struct entry_id now,
        const struct feed_ears *ears, void *arg);
/** Listen to a channel. */
struct listener *feeds_subscribe(struct feeds *feeds, const char *channel,
        const struct feed_ears *ears, void *arg);
void feeds_leave(struct listener *listener);

/** Publish; what can't be sent is lost. */
void feeds_publish(struct feeds *feeds, const char *channel, const char *text);

#endif
