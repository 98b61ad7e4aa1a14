/*
 * feeds.c - see feeds.h: who hears what.
 *
 * One link blocks in XREAD for all streams (feeds_streams.c); one is subscribed
 * to all channels (feeds_channels.c); a third asks what must not wait behind
 * these.
 */
#include "web/feeds.h"

#include <ev.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/feeds_impl.h"

/* ------------------------------------------------------------------- feeds */

/* FNV-1a. Who chooses names of rooms could make chains long; they are as many
 * as rooms are open. */
static struct feed **bucket_of(struct feeds *feeds, const char *name)
{
    uint32_t n = 2166136261u;

    for (; *name != '\0'; name++)
        n = (n ^ (unsigned char)*name) * 16777619u;
    return &feeds->buckets[n % FEED_BUCKETS];
}

struct feed *feed_find(struct feeds *feeds, const char *name, bool stream)
{
    struct feed *feed = *bucket_of(feeds, name);

    while (feed != NULL &&
            (feed->stream != stream || strcmp(feed->name, name) != 0))
        feed = feed->chain;
    return feed;
}

static struct feed *feed_new(struct feeds *feeds, const char *name, bool stream)
{
    struct feed **bucket = bucket_of(feeds, name);
    struct feed *feed = crq_calloc(1, sizeof(*feed));

    if (feed != NULL)
        feed->name = crq_strdup(name);
    if (feed == NULL || feed->name == NULL) {
        crq_free(feed);
        return NULL;
    }
    feed->feeds = feeds;
    feed->stream = stream;
    feed->last_link = &feed->first;
    feed->chain = *bucket;
    *bucket = feed;
    feeds->stream_count += stream;
    if (!stream)
        channel_begin(feed);
    return feed;
}

static void take_out(struct feed *feed)
{
    struct feed **at = bucket_of(feed->feeds, feed->name);

    while (*at != feed)
        at = &(*at)->chain;
    *at = feed->chain;
    feed->feeds->stream_count -= feed->stream;
}

/* Nobody listens any more. */
static void release(struct feed *feed)
{
    if (feed->first != NULL || feed->busy > 0)
        return;
    if (!feed->broken)
        take_out(feed);
    if (!feed->stream)
        channel_end(feed);
    crq_free(feed->name);
    crq_free(feed);
}

struct listener *feed_listen(struct feeds *feeds, const char *name, bool stream,
        const struct feed_ears *ears, void *arg, bool *out_new)
{
    struct listener *l = crq_calloc(1, sizeof(*l));
    struct feed *feed = feed_find(feeds, name, stream);

    *out_new = feed == NULL;
    if (l != NULL && feed == NULL)
        feed = feed_new(feeds, name, stream);
    if (l == NULL || feed == NULL) {
        crq_free(l);
        return NULL;
    }
    l->feed = feed;
    l->ears = ears;
    l->arg = arg;
    l->link = feed->last_link;
    *feed->last_link = l;
    feed->last_link = &l->next;
    return l;
}

static void free_listener(struct listener *l)
{
    struct feed *feed = l->feed;

    if (!l->left || l->replies > 0 || feed->busy > 0)
        return;
    *l->link = l->next;
    if (l->next != NULL)
        l->next->link = l->link;
    else
        feed->last_link = l->link;
    crq_free(l);
    release(feed);
}

void feeds_leave(struct listener *l)
{
    l->left = true;
    free_listener(l);
}

void feed_sweep(struct feed *feed)
{
    if (feed->first == NULL) {
        release(feed);
        return;
    }
    for (struct listener *l = feed->first, *next; l != NULL; l = next) {
        next = l->next;
        if (l->left && next == NULL) {
            free_listener(l); /* the last one may take the feed with it */
            return;
        }
        if (l->left)
            free_listener(l);
    }
}

void feed_break(struct feed *feed)
{
    take_out(feed);
    feed->broken = true;
    feed->busy++;
    for (struct listener *l = feed->first; l != NULL; l = l->next)
        if (!l->left)
            l->ears->broken(l->arg);
    feed->busy--;
}

/* --------------------------------------------------------------- the whole */

int feeds_new(struct ev_loop *loop, const char *url, const struct crq_log *log,
        struct feeds **out, crq_error *err)
{
    struct feeds *feeds = crq_calloc(1, sizeof(*feeds));
    struct crq_async_options link = { .url = url, .name = "crq-web-feeds" };
    struct crq_async_options streams = { .url = url,
        .name = "crq-web-streams",
        .on_up = streams_on_up,
        .on_down = streams_on_down,
        .arg = feeds };
    struct crq_async_options ears = { .url = url,
        .on_up = channels_on_up,
        .on_push = channels_on_push,
        .arg = feeds };
    int rc;

    if (feeds == NULL)
        return crq_fail_nomem(err);
    feeds->loop = loop;
    feeds->log = log;
    streams_init(feeds);
    rc = crq_async_new(loop, &link, &feeds->link, err);
    if (rc == 0)
        rc = crq_async_new(loop, &streams, &feeds->streams, err);
    if (rc == 0)
        rc = crq_async_new(loop, &ears, &feeds->ears, err);
    if (rc < 0) {
        feeds_free(feeds);
        return rc;
    }
    *out = feeds;
    return 0;
}

void feeds_free(struct feeds *feeds)
{
    if (feeds == NULL)
        return;
    if (feeds->link != NULL)
        crq_async_abandon(feeds->link); /* replies free what they name */
    crq_async_free(feeds->link);
    crq_async_free(feeds->streams);
    crq_async_free(feeds->ears);
    streams_stop(feeds);
    crq_free(feeds);
}
