/* feeds_channels.c - channels of publish and subscribe; see feeds.c. */
#include <string.h>

#include "base/utf8.h"
#include "codec/json.h"
#include "web/feeds_impl.h"

static void subscribe(struct feed *feed, const char *verb)
{
    struct crq_args words;

    if (!crq_async_is_up(feed->feeds->ears))
        return; /* all are when it is up */
    crq_args_init(&words);
    crq_args_list(&words, verb, feed->name, NULL);
    (void)!crq_async_send(feed->feeds->ears, &words, 0, NULL, NULL);
    crq_args_fini(&words);
}

void channel_begin(struct feed *feed)
{
    subscribe(feed, "SUBSCRIBE");
}

void channel_end(struct feed *feed)
{
    subscribe(feed, "UNSUBSCRIBE");
}

void channels_on_up(void *arg)
{
    struct feeds *feeds = arg;

    for (size_t i = 0; i < FEED_BUCKETS; i++)
        for (struct feed *f = feeds->buckets[i]; f != NULL; f = f->chain)
            if (!f->stream)
                channel_begin(f);
}

/* ["message", channel, payload] */
void channels_on_push(void *arg, const crq_reply *reply)
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
    feed = feed_find(feeds, name, false);
    /* Clients get JSON or nothing; a lone surrogate would end their socket. */
    if (feed == NULL || !crq_utf8_strict(text, len) ||
            crq_json_decode(text, len, NULL, &v, NULL) < 0)
        return;
    if (crq_value_type(v) == CRQ_DICT)
        type = crq_value_get(v, "type");
    feed->busy++;
    for (struct listener *l = feed->first; l != NULL; l = l->next)
        if (!l->left)
            l->ears->heard(l->arg, text, len,
                    crq_value_type(type) == CRQ_STR ? crq_value_text(type)
                                                    : NULL);
    feed->busy--;
    feed_sweep(feed);
    crq_value_free(v);
}

struct listener *feeds_subscribe(struct feeds *feeds, const char *channel,
        const struct feed_ears *ears, void *arg)
{
    bool made;

    return feed_listen(feeds, channel, false, ears, arg, &made);
}

void feeds_publish(struct feeds *feeds, const char *channel, const char *text)
{
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "PUBLISH", channel, text, NULL);
    (void)!crq_async_send(feeds->link, &words, 0, NULL, NULL);
    crq_args_fini(&words);
}
