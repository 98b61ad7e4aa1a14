/*
 * feeds_streams.c - streams: one XREAD for all of them.
 *
 * When a stream is added while that blocks, CLIENT UNBLOCK ends it, so that the
 * next one names it.
 *
 * A listener that begins before the point up to which its stream was read
 * catches up by XRANGE, until it has seen what the others have: then it is one
 * of them. Ids are compared, so nothing comes twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "web/entry.h"
#include "web/feeds_impl.h"

#define BLOCK_MS 1000
#define COUNT    "100"
#define PAUSE_S  1.
#define WAKE_S   0.005

static void put_id(struct crq_args *words, const char *prefix,
        struct entry_id id)
{
    char text[60];

    (void)snprintf(text, sizeof(text), "%s%" PRIu64 "-%" PRIu64, prefix, id.ms,
            id.n);
    crq_args_puts(words, text);
}

/* ---------------------------------------------------------------- messages */

static void tell(struct listener *l, struct entry_id id,
        const struct crq_buf *json, const char *type)
{
    if (l->left || !entry_id_is_behind(id, l->last))
        return;
    l->last = id;
    l->ears->heard(l->arg, crq_buf_text(json), json->len, type);
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
    else if (json.rc < 0)
        only->last = id; /* as all others, who go on behind it */
    if (json.rc < 0)
        crq_log_warn(feed->feeds->log, "%s: entry %s is too large to be sent",
                feed->name, text);
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
    feed_sweep(feed); /* who left meanwhile */
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

static void pause_reading(struct feeds *feeds)
{
    ev_timer_stop(feeds->loop, &feeds->pause);
    ev_timer_set(&feeds->pause, PAUSE_S, 0.);
    ev_timer_start(feeds->loop, &feeds->pause);
}

/* ------------------------------------------------- keys that can't be read */

/* "none" is a stream that is yet to begin. */
static bool can_be_read(const crq_reply *reply, const crq_error *err)
{
    const char *type = crq_reply_text(reply, NULL);

    if (err != NULL)
        return err->code !=
                CRQ_EAUTH; /* forbidden, or nothing was said of it */
    return type == NULL || strcmp(type, "stream") == 0 ||
            strcmp(type, "none") == 0;
}

static void on_type(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct feed *feed = arg;
    struct feeds *feeds = feed->feeds;

    feed->busy--;
    feeds->probes--;
    if (!feed->broken && !can_be_read(reply, err)) {
        crq_log_warn(feeds->log, "%s can't be read: %s", feed->name,
                err != NULL ? err->text : "it is no stream");
        feeds->blamed = true;
        feed_break(feed);
    }
    feed_sweep(feed);
    if (feeds->probes > 0)
        return;
    if (feeds->blamed)
        read_streams(feeds);
    else
        pause_reading(feeds); /* it was something else, Redis is loading, say */
}

/* Redis refuses to read any stream when one key is none, or forbidden, and does
 * not say which: whoever listens to that one must not silence the others. */
static void probe_all(struct feeds *feeds)
{
    struct crq_args words;

    if (feeds->probes > 0)
        return;
    feeds->blamed = false;
    crq_args_init(&words);
    for (size_t i = 0; i < FEED_BUCKETS; i++)
        for (struct feed *f = feeds->buckets[i]; f != NULL; f = f->chain) {
            if (!f->stream)
                continue;
            crq_args_clear(&words);
            crq_args_list(&words, "TYPE", f->name, NULL);
            if (crq_async_send(feeds->link, &words, 0, on_type, f) < 0)
                continue;
            f->busy++;
            feeds->probes++;
        }
    crq_args_fini(&words);
    if (feeds->probes == 0)
        pause_reading(feeds);
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
        if (err->code == CRQ_EREDIS || err->code == CRQ_EAUTH)
            probe_all(feeds);
        else
            pause_reading(feeds);
        return;
    }
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        const crq_reply *stream = crq_reply_item(reply, i);
        const crq_reply *entries = crq_reply_item(stream, 1);
        const char *key = crq_reply_text(crq_reply_item(stream, 0), NULL);
        struct feed *feed = key != NULL ? feed_find(feeds, key, true) : NULL;

        if (feed == NULL)
            continue;
        feed->busy++;
        for (size_t k = 0; k < crq_reply_count(entries); k++)
            take_entry(feed, NULL, crq_reply_item(entries, k));
        retry_listeners(feed);
        feed->busy--;
        feed_sweep(feed);
    }
    read_streams(feeds);
}

static void put_streams(struct feeds *feeds, struct crq_args *words, bool ids)
{
    for (size_t i = 0; i < FEED_BUCKETS; i++)
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

    if (feeds->reading || feeds->probes > 0 || feeds->stream_count == 0 ||
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
        struct entry_id after, struct entry_id now,
        const struct feed_ears *ears, void *arg)
{
    bool made;
    struct listener *l = feed_listen(feeds, key, true, ears, arg, &made);

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

void streams_on_up(void *arg)
{
    struct feeds *feeds = arg;
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "CLIENT", "ID", NULL);
    (void)!crq_async_send(feeds->streams, &words, 0, on_client_id, feeds);
    crq_args_fini(&words);
    read_streams(feeds);
}

void streams_on_down(void *arg, const crq_error *err)
{
    struct feeds *feeds = arg;

    (void)err;
    feeds->client_id = 0;
}

void streams_init(struct feeds *feeds)
{
    ev_init(&feeds->pause, on_pause);
    ev_init(&feeds->wake, on_wake);
    feeds->pause.data = feeds->wake.data = feeds;
}

void streams_stop(struct feeds *feeds)
{
    ev_timer_stop(feeds->loop, &feeds->pause);
    ev_timer_stop(feeds->loop, &feeds->wake);
}
