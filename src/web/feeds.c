/*
 * feeds.c - see feeds.h.
 *
 * One link blocks in XREAD for all streams; one is subscribed to all channels;
 * a third asks what must not wait behind these. When a stream is added while
 * XREAD blocks, CLIENT UNBLOCK ends that, so that the next one names it.
 *
 * A listener that begins before the point up to which its stream was read
 * catches up by XRANGE, until it has seen what the others have: then it is one
 * of them. Ids are compared, so nothing comes twice.
 */
#include "web/feeds.h"

#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "web/entry.h"

#define BUCKETS  1024
#define BLOCK_MS 1000
#define COUNT    "100"
#define PAUSE_S  1.
#define WAKE_S   0.005

struct feed {
    struct feeds *feeds;
    struct feed *chain;
    char *name;
    bool stream;
    struct entry_id last; /* read up to here */
    struct listener *first, **last_link;
    unsigned busy; /* listeners are being told, or replies name it */
};

struct listener {
    struct feed *feed;
    struct listener *next, **link;
    feed_heard *heard;
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
    struct feed *buckets[BUCKETS];
    size_t stream_count;
    int64_t client_id; /* of the link that blocks; 0: unknown */
    bool reading;      /* an XREAD is on its way */
    bool stale;        /* and does not name all streams */
    ev_timer pause, wake;
};

static void put_id(struct crq_args *words, const char *prefix,
        struct entry_id id)
{
    char text[60];

    (void)snprintf(text, sizeof(text), "%s%" PRIu64 "-%" PRIu64, prefix, id.ms,
            id.n);
    crq_args_puts(words, text);
}

/* ------------------------------------------------------------------- feeds */

/* FNV-1a. Who chooses names of rooms could make chains long; they are as many
 * as rooms are open. */
static struct feed **bucket_of(struct feeds *feeds, const char *name)
{
    uint32_t n = 2166136261u;

    for (; *name != '\0'; name++)
        n = (n ^ (unsigned char)*name) * 16777619u;
    return &feeds->buckets[n % BUCKETS];
}

static struct feed *find(struct feeds *feeds, const char *name, bool stream)
{
    struct feed *feed = *bucket_of(feeds, name);

    while (feed != NULL &&
            (feed->stream != stream || strcmp(feed->name, name) != 0))
        feed = feed->chain;
    return feed;
}

static void send_to(struct crq_async *link, struct crq_args *words)
{
    (void)!crq_async_send(link, words, 0, NULL, NULL);
}

static void subscribe(struct feed *feed, const char *verb)
{
    struct crq_args words;

    if (!crq_async_is_up(feed->feeds->ears))
        return; /* all are when it is up */
    crq_args_init(&words);
    crq_args_list(&words, verb, feed->name, NULL);
    send_to(feed->feeds->ears, &words);
    crq_args_fini(&words);
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
        subscribe(feed, "SUBSCRIBE");
    return feed;
}

/* Nobody listens any more. */
static void release(struct feed *feed)
{
    struct feed **at;

    if (feed->first != NULL || feed->busy > 0)
        return;
    at = bucket_of(feed->feeds, feed->name);
    while (*at != feed)
        at = &(*at)->chain;
    *at = feed->chain;
    feed->feeds->stream_count -= feed->stream;
    if (!feed->stream)
        subscribe(feed, "UNSUBSCRIBE");
    crq_free(feed->name);
    crq_free(feed);
}

static struct listener *listen_to(struct feeds *feeds, const char *name,
        bool stream, feed_heard *heard, void *arg, bool *out_new)
{
    struct listener *l = crq_calloc(1, sizeof(*l));
    struct feed *feed = find(feeds, name, stream);

    *out_new = feed == NULL;
    if (l != NULL && feed == NULL)
        feed = feed_new(feeds, name, stream);
    if (l == NULL || feed == NULL) {
        crq_free(l);
        return NULL;
    }
    l->feed = feed;
    l->heard = heard;
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

/* Those who left while others were told. */
static void sweep(struct feed *feed)
{
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

/* ---------------------------------------------------------------- messages */

static void tell(struct listener *l, struct entry_id id,
        const struct crq_buf *json, const char *type)
{
    if (l->left || !entry_id_is_behind(id, l->last))
        return;
    l->last = id;
    l->heard(l->arg, crq_buf_text(json), json->len, type);
}

/* An entry for one listener, or for all who have caught up. */
static void take_entry(struct feed *feed, struct listener *only,
        const crq_reply *entry)
{
    const char *text = crq_reply_text(crq_reply_item(entry, 0), NULL), *type;
    struct crq_buf json = CRQ_BUF_INIT;
    struct entry_id id;

    if (text == NULL || !entry_id_read(text, &id))
        return;
    type = entry_describe(entry, &json);
    if (json.rc == 0 && only != NULL)
        tell(only, id, &json, type);
    for (struct listener *l = feed->first;
            json.rc == 0 && only == NULL && l != NULL; l = l->next)
        if (!l->catching_up)
            tell(l, id, &json, type);
    if (only == NULL)
        feed->last = id;
    crq_buf_fini(&json);
}

/* -------------------------------------------------------------- catching up */

static void catch_up(struct listener *l);

static void on_range(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct listener *l = arg;
    struct feed *feed = l->feed;

    l->replies--;
    feed->busy++;
    for (size_t i = 0; err == NULL && i < crq_reply_count(reply); i++)
        take_entry(feed, l, crq_reply_item(reply, i));
    feed->busy--;
    if (err != NULL) {
        /* It is tried again with what XREAD brings. */
        crq_log_warn(feed->feeds->log, "%s: %s", feed->name, err->text);
    } else if (l->left) {
        l->catching_up = false;
    } else if (entry_id_is_behind(feed->last, l->last) &&
            crq_reply_count(reply) > 0) {
        catch_up(l);
    } else {
        l->catching_up = false;
        if (entry_id_is_behind(feed->last, l->last))
            l->last = feed->last; /* the entries between were deleted */
    }
    sweep(feed); /* who left meanwhile */
}

static void catch_up(struct listener *l)
{
    struct crq_args words;

    l->catching_up = true;
    crq_args_init(&words);
    crq_args_list(&words, "XRANGE", l->feed->name, NULL);
    put_id(&words, "(", l->last);
    crq_args_list(&words, "+", "COUNT", COUNT, NULL);
    if (crq_async_send(l->feed->feeds->link, &words, 0, on_range, l) == 0)
        l->replies++;
    crq_args_fini(&words);
}

/* ----------------------------------------------------------------- streams */

static void read_streams(struct feeds *feeds);

static void on_pause(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    read_streams(timer->data);
}

/* Those that could not ask when the link was down. */
static void retry_listeners(struct feed *feed)
{
    for (struct listener *l = feed->first; l != NULL; l = l->next)
        if (!l->left && l->catching_up && l->replies == 0)
            catch_up(l);
}

/* [[key, [entry, ...]], ...] */
static void on_read(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct feeds *feeds = arg;

    feeds->reading = false;
    if (err != NULL) {
        crq_log_debug(feeds->log, "streams: %s", err->text);
        ev_timer_set(&feeds->pause, PAUSE_S, 0.);
        ev_timer_start(feeds->loop, &feeds->pause);
        return;
    }
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        const crq_reply *stream = crq_reply_item(reply, i);
        const crq_reply *entries = crq_reply_item(stream, 1);
        const char *key = crq_reply_text(crq_reply_item(stream, 0), NULL);
        struct feed *feed = key != NULL ? find(feeds, key, true) : NULL;

        if (feed == NULL)
            continue;
        feed->busy++;
        for (size_t k = 0; k < crq_reply_count(entries); k++)
            take_entry(feed, NULL, crq_reply_item(entries, k));
        retry_listeners(feed);
        feed->busy--;
        sweep(feed);
    }
    read_streams(feeds);
}

static void put_streams(struct feeds *feeds, struct crq_args *words, bool ids)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct feed *f = feeds->buckets[i]; f != NULL; f = f->chain) {
            if (!f->stream)
                continue;
            if (ids)
                put_id(words, "", f->last);
            else
                crq_args_puts(words, f->name);
        }
}

static void read_streams(struct feeds *feeds)
{
    struct crq_args words;

    if (feeds->reading || feeds->stream_count == 0 ||
            !crq_async_is_up(feeds->streams))
        return;
    ev_timer_stop(feeds->loop, &feeds->pause);
    crq_args_init(&words);
    crq_args_list(&words, "XREAD", "COUNT", COUNT, "BLOCK", NULL);
    crq_args_puti(&words, BLOCK_MS);
    crq_args_puts(&words, "STREAMS");
    put_streams(feeds, &words, false);
    put_streams(feeds, &words, true);
    feeds->stale = false;
    feeds->reading = crq_async_send(feeds->streams, &words, BLOCK_MS, on_read,
                             feeds) == 0;
    crq_args_fini(&words);
}

static void wake_in(struct feeds *feeds, double after_s)
{
    ev_timer_stop(feeds->loop, &feeds->wake);
    ev_timer_set(&feeds->wake, after_s, 0.);
    ev_timer_start(feeds->loop, &feeds->wake);
}

/* 0: the XREAD that was to be ended has come behind this to Redis. */
static void on_unblocked(void *arg, const crq_reply *reply,
        const crq_error *err)
{
    struct feeds *feeds = arg;

    if (err == NULL && crq_reply_int(reply, 1) == 0 && feeds->stale)
        wake_in(feeds, WAKE_S);
}

/* What blocks now does not know a stream that was added. */
static void on_wake(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct feeds *feeds = timer->data;
    struct crq_args words;

    (void)loop;
    (void)revents;
    if (!feeds->reading)
        read_streams(feeds);
    if (!feeds->stale || feeds->client_id == 0)
        return;
    crq_args_init(&words);
    crq_args_list(&words, "CLIENT", "UNBLOCK", NULL);
    crq_args_puti(&words, feeds->client_id);
    (void)!crq_async_send(feeds->link, &words, 0, on_unblocked, feeds);
    crq_args_fini(&words);
}

struct listener *feeds_read(struct feeds *feeds, const char *key,
        struct entry_id after, struct entry_id now, feed_heard *heard,
        void *arg)
{
    bool made;
    struct listener *l = listen_to(feeds, key, true, heard, arg, &made);

    if (l == NULL)
        return NULL;
    l->last = after;
    if (made) {
        l->feed->last = now;
        feeds->stale = true;
        wake_in(feeds, 0.); /* with others of this turn */
    }
    if (entry_id_is_behind(l->feed->last, l->last))
        catch_up(l);
    return l;
}

/* ---------------------------------------------------------------- channels */

/* ["message", channel, payload] */
static void on_push(void *arg, const crq_reply *reply)
{
    struct feeds *feeds = arg;
    const char *kind = crq_reply_text(crq_reply_item(reply, 0), NULL);
    const char *name = crq_reply_text(crq_reply_item(reply, 1), NULL), *text;
    const crq_value *type = NULL;
    crq_value *v = NULL;
    struct feed *feed;
    size_t len;

    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        crq_log_warn(feeds->log, "subscribing: %s",
                crq_reply_text(reply, NULL));
    text = crq_reply_text(crq_reply_item(reply, 2), &len);
    if (kind == NULL || name == NULL || text == NULL ||
            strcmp(kind, "message") != 0)
        return;
    feed = find(feeds, name, false);
    /* Clients get JSON or nothing. */
    if (feed == NULL || crq_json_decode(text, len, NULL, &v, NULL) < 0)
        return;
    if (crq_value_type(v) == CRQ_DICT)
        type = crq_value_get(v, "type");
    feed->busy++;
    for (struct listener *l = feed->first; l != NULL; l = l->next)
        if (!l->left)
            l->heard(l->arg, text, len,
                    crq_value_type(type) == CRQ_STR ? crq_value_text(type)
                                                    : NULL);
    feed->busy--;
    sweep(feed);
    crq_value_free(v);
}

struct listener *feeds_subscribe(struct feeds *feeds, const char *channel,
        feed_heard *heard, void *arg)
{
    bool made;

    return listen_to(feeds, channel, false, heard, arg, &made);
}

void feeds_publish(struct feeds *feeds, const char *channel, const char *text)
{
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "PUBLISH", channel, text, NULL);
    send_to(feeds->link, &words);
    crq_args_fini(&words);
}

/* ---------------------------------------------------------------- the time */

struct asking {
    void (*done)(void *arg, const struct entry_id *now);
    void *arg;
};

static void on_time(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct asking *asking = arg;
    int64_t s = crq_reply_int(crq_reply_item(reply, 0), 0);
    int64_t us = crq_reply_int(crq_reply_item(reply, 1), 0);
    /* Entries of this millisecond may come yet. */
    const struct entry_id now = { (uint64_t)(s * 1000 + us / 1000 - 1),
        UINT64_MAX };

    if (asking->done != NULL)
        asking->done(asking->arg, err == NULL ? &now : NULL);
    crq_free(asking);
}

struct asking *feeds_now(struct feeds *feeds,
        void (*done)(void *arg, const struct entry_id *now), void *arg)
{
    struct asking *asking = crq_calloc(1, sizeof(*asking));
    struct crq_args words;

    if (asking == NULL)
        return NULL;
    asking->done = done;
    asking->arg = arg;
    crq_args_init(&words);
    crq_args_puts(&words, "TIME");
    if (crq_async_send(feeds->link, &words, 0, on_time, asking) < 0) {
        crq_free(asking);
        asking = NULL;
    }
    crq_args_fini(&words);
    return asking;
}

void feeds_forget(struct asking *asking)
{
    asking->done = NULL;
}

/* ------------------------------------------------------------------- links */

static void on_client_id(void *arg, const crq_reply *reply,
        const crq_error *err)
{
    struct feeds *feeds = arg;

    feeds->client_id = err == NULL ? crq_reply_int(reply, 0) : 0;
}

static void on_streams_up(void *arg)
{
    struct feeds *feeds = arg;
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "CLIENT", "ID", NULL);
    (void)!crq_async_send(feeds->streams, &words, 0, on_client_id, feeds);
    crq_args_fini(&words);
    read_streams(feeds);
}

static void on_streams_down(void *arg, const crq_error *err)
{
    struct feeds *feeds = arg;

    (void)err;
    feeds->client_id = 0;
}

static void on_ears_up(void *arg)
{
    struct feeds *feeds = arg;

    for (size_t i = 0; i < BUCKETS; i++)
        for (struct feed *f = feeds->buckets[i]; f != NULL; f = f->chain)
            if (!f->stream)
                subscribe(f, "SUBSCRIBE");
}

int feeds_new(struct ev_loop *loop, const char *url, const struct crq_log *log,
        struct feeds **out, crq_error *err)
{
    struct feeds *feeds = crq_calloc(1, sizeof(*feeds));
    struct crq_async_options link = { .url = url, .name = "crq-web-feeds" };
    struct crq_async_options streams = { .url = url,
        .name = "crq-web-streams",
        .on_up = on_streams_up,
        .on_down = on_streams_down,
        .arg = feeds };
    struct crq_async_options ears = {
        .url = url, .on_up = on_ears_up, .on_push = on_push, .arg = feeds
    };
    int rc;

    if (feeds == NULL)
        return crq_fail_nomem(err);
    feeds->loop = loop;
    feeds->log = log;
    ev_init(&feeds->pause, on_pause);
    ev_init(&feeds->wake, on_wake);
    feeds->pause.data = feeds->wake.data = feeds;
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
    ev_timer_stop(feeds->loop, &feeds->pause);
    ev_timer_stop(feeds->loop, &feeds->wake);
    crq_free(feeds);
}
