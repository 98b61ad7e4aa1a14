/*
 * triggers.c - events of streams become jobs.
 *
 *     the version of crq:triggers is another one
 *       └▶ fetched ▶ streams and groups made ▶ read ◀──────────┐
 *                                                └▶ each event ─┘
 *
 * The leader alone reads: XREADGROUP waits on a link of its own, which is
 * closed when it leads no more. Each event is one script on the scheduler's
 * link; the next are read when those have been answered. What has failed, or
 * was read by a leader that then died, is claimed from the group.
 *
 * Kept true here: an event waits in the group until the script that makes its
 * jobs, or the one that sets it aside, acknowledges it.
 */
#include "scheduler/scheduler.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/scripts.h"

#define AT_ONCE  100   /* events of a stream */
#define BLOCK_MS 30000 /* how long an idle XREADGROUP waits */
/* Beats between looking for events that came no further, when none is known:
 * a leader that was replaced may have read one behind its successor. */
#define LOOK_BEATS 10

static void read_events(struct scheduler *s);

/* ---- one thing at a time ---- */

/* Something was begun / has ended, perhaps with the next thing begun. */
static void begin(struct triggers *t)
{
    t->pending++;
}

static void ended(struct scheduler *s)
{
    s->triggers.pending--;
    scheduler_settled(s);
}

/* ---- events ---- */

/* A script about one event. */
struct about {
    struct scheduler *scheduler;
    char *stream, *id;
};

static void about_free(struct about *about)
{
    if (about == NULL)
        return;
    crq_free(about->stream);
    crq_free(about->id);
    crq_free(about);
}

static struct about *about_new(struct scheduler *s,
        const struct crq_stream_event *event)
{
    struct about *about = crq_calloc(1, sizeof(*about));

    if (about == NULL)
        return NULL;
    about->scheduler = s;
    about->stream = crq_strdup(event->stream);
    about->id = crq_strdup(event->id);
    if (about->stream == NULL || about->id == NULL) {
        about_free(about);
        return NULL;
    }
    return about;
}

/* An event's script was answered: behind the last one, the next are read. */
static void event_ended(struct scheduler *s)
{
    if (--s->triggers.events == 0)
        read_events(s);
    ended(s);
}

/* Takes `about` over. An event that memory is not there for stays in the group
 * and is claimed later. */
static void send(struct about *about, const struct crq_script *script,
        size_t nkeys, struct crq_args *words, crq_async_reply *reply)
{
    struct scheduler *s = about->scheduler;

    if (crq_async_script(s->link, script, nkeys, words, reply, about) < 0) {
        s->triggers.unsettled = true;
        about_free(about);
        return;
    }
    s->triggers.events++;
    begin(&s->triggers);
}

static void on_poisoned(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct scheduler *s = about->scheduler;

    if (err != NULL)
        crq_log_warn(s->log, "event %s of '%s': %s", about->id, about->stream,
                err->text);
    else if (crq_reply_int(reply, 0) == 1)
        crq_log_error(s->log, "event %s of '%s' is set aside", about->id,
                about->stream);
    about_free(about);
    event_ended(s);
}

/* Takes `about` over. */
static void failed(struct about *about, const char *why)
{
    struct scheduler *s = about->scheduler;
    const struct crq_stream_event event = { about->stream, about->id, NULL };
    struct crq_args words;
    size_t nkeys;

    if (s->leaving) {
        about_free(about);
        return;
    }
    crq_log_warn(s->log, "event %s of '%s': %s", about->id, about->stream, why);
    s->triggers.unsettled = true;
    crq_args_init(&words);
    nkeys = crq_event_poison_words(&s->id, &event, why, &words);
    send(about, &crq_script_sched_poison, nkeys, &words, on_poisoned);
    crq_args_fini(&words);
}

static void on_event(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct scheduler *s = about->scheduler;
    struct crq_event_end end = { .became = CRQ_TICK_CHANGED };
    crq_error why;

    if (err == NULL && crq_event_end_read(reply, &end, &why) < 0)
        err = &why;
    if (end.became == CRQ_TICK_FOLLOWS)
        scheduler_follow(s);
    if (end.became == CRQ_TICK_DONE)
        crq_log_debug(s->log, "event %s of '%s': %lld jobs", about->id,
                about->stream, (long long)end.made);
    if (end.became == CRQ_TICK_DONE && end.reason[0] != '\0')
        crq_log_error(s->log,
                "event %s of '%s' is set aside for some of its triggers: %s",
                about->id, about->stream, end.reason);
    if (err != NULL || end.became == CRQ_TICK_REFUSED)
        failed(about, err != NULL ? err->text : end.reason);
    else
        about_free(about);
    event_ended(s);
}

static void take_event(struct scheduler *s,
        const struct crq_stream_event *event)
{
    struct about *about = about_new(s, event);
    struct crq_args words;
    crq_error err;
    int rc;

    if (about == NULL) {
        s->triggers.unsettled = true;
        return;
    }
    crq_args_init(&words);
    rc = crq_event_words(&s->id, &s->triggers.all, event, scheduler_now(s),
            &words, &err);
    if (rc >= 0)
        send(about, &crq_script_sched_event, (size_t)rc, &words, on_event);
    else
        failed(about, err.text);
    crq_args_fini(&words);
}

/* [[id, fields] ...] */
static void take_events(struct scheduler *s, const char *stream,
        const crq_reply *events)
{
    struct crq_stream_event event;

    if (stream == NULL) {
        s->triggers.unsettled = true;
        return;
    }
    for (size_t i = 0; i < crq_reply_count(events); i++)
        if (crq_event_read(crq_reply_item(events, i), stream, &event))
            take_event(s, &event);
}

/* ---- reading ---- */

/* Of the streams that are read, whose name it is. The reply's own does not
 * live long enough. */
static const char *find_stream(const struct triggers *t, const char *name)
{
    for (size_t i = 0; name != NULL && i < t->readable_count; i++)
        if (strcmp(t->readable[i], name) == 0)
            return t->readable[i];
    return NULL;
}

/* [[stream, events] ...], or nil when nothing came. */
static void on_read(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct triggers *t = &s->triggers;

    t->reading = false;
    if (err != NULL) {
        /* A stream was deleted, the link broke or is given up by us: from the
         * beginning, but with the next beat. */
        if (s->leads && !s->leaving && t->reader != NULL &&
                crq_async_is_up(t->reader))
            crq_log_warn(s->log, "events: %s", err->text);
        t->version[0] = '\0';
    } else if (!s->leads || s->leaving) {
        t->unsettled = true; /* they are the next leader's */
    } else {
        for (size_t i = 0; i < crq_reply_count(reply); i++) {
            const crq_reply *of = crq_reply_item(reply, i);
            const crq_reply *name = crq_reply_item(of, 0);

            take_events(s, find_stream(t, crq_reply_text(name, NULL)),
                    crq_reply_item(of, 1));
        }
        t->drained = crq_reply_count(reply) == 0;
        if (t->events == 0)
            read_events(s);
    }
    ended(s);
}

/* A burst does not wait for what isn't there. */
static void read_events(struct scheduler *s)
{
    struct triggers *t = &s->triggers;
    struct crq_args words;

    if (t->reading || t->events > 0 || t->readable_count == 0 || !s->leads ||
            s->leaving || !crq_async_is_up(t->reader) ||
            (s->options->burst && t->drained))
        return;
    crq_args_init(&words);
    crq_args_list(&words, "XREADGROUP", "GROUP", CRQ_TRIGGER_GROUP,
            CRQ_TRIGGER_CONSUMER, "COUNT", NULL);
    crq_args_puti(&words, AT_ONCE);
    if (!s->options->burst) {
        crq_args_puts(&words, "BLOCK");
        crq_args_puti(&words, BLOCK_MS);
    }
    crq_args_puts(&words, "STREAMS");
    for (size_t i = 0; i < t->readable_count; i++)
        crq_args_puts(&words, t->readable[i]);
    for (size_t i = 0; i < t->readable_count; i++)
        crq_args_puts(&words, ">");
    if (crq_async_send(t->reader, &words, BLOCK_MS, on_read, s) == 0) {
        t->reading = true;
        begin(t);
    }
    crq_args_fini(&words);
}

/* ---- claiming ---- */

/* For each stream [how many wait, events]. */
static void on_claimed(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct triggers *t = &s->triggers;
    bool any = err != NULL;

    t->claiming = false;
    if (err != NULL)
        crq_log_warn(s->log, "events: %s", err->text);
    for (size_t i = 0;
            err == NULL && i < crq_reply_count(reply) && i < t->readable_count;
            i++) {
        const crq_reply *of = crq_reply_item(reply, i);

        any |= crq_reply_int(crq_reply_item(of, 0), 0) > 0;
        take_events(s, t->readable[i], crq_reply_item(of, 1));
    }
    t->unsettled = any;
    ended(s);
}

static void claim(struct scheduler *s)
{
    struct triggers *t = &s->triggers;
    struct crq_args words;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_event_claim_words(&s->id, t->readable, t->readable_count,
            AT_ONCE, &words);
    t->claiming = crq_async_script(s->link, &crq_script_sched_claim, nkeys,
                          &words, on_claimed, s) == 0;
    if (t->claiming)
        begin(t);
    crq_args_fini(&words);
}

/* ---- what there is to read ---- */

/* For each stream "", or why it can't be read. */
static void on_streams(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct triggers *t = &s->triggers;

    t->fetching = false;
    t->readable_count = 0;
    if (err != NULL) {
        crq_log_warn(s->log, "streams: %s", err->text);
        t->version[0] = '\0';
    }
    for (size_t i = 0; err == NULL && i < t->all.stream_count; i++) {
        const char *why = crq_reply_text(crq_reply_item(reply, i), NULL);

        if (why != NULL && why[0] == '\0')
            t->readable[t->readable_count++] = t->all.streams[i];
        else
            crq_log_error(s->log, "stream '%s' can't be read: %s",
                    t->all.streams[i], why != NULL ? why : "no answer");
    }
    crq_log_debug(s->log, "triggers of %zu applications, on %zu streams",
            t->all.count, t->readable_count);
    /* First what those before us have left. */
    t->beats = 0;
    if (t->readable_count > 0)
        claim(s);
    read_events(s);
    ended(s);
}

static void on_mistake(void *arg, const char *name, const char *what)
{
    struct scheduler *s = arg;

    crq_log_error(s->log, "the triggers of '%s' can't be read: %s", name, what);
}

static bool find_streams(struct scheduler *s)
{
    struct triggers *t = &s->triggers;
    struct crq_args words;
    size_t nkeys;
    bool sent;

    t->readable = crq_calloc(t->all.stream_count + 1, sizeof(*t->readable));
    if (t->readable == NULL || t->all.stream_count == 0)
        return t->readable != NULL;
    crq_args_init(&words);
    nkeys = crq_streams_words(&t->all, &words);
    sent = crq_async_script(s->link, &crq_script_sched_streams, nkeys, &words,
                   on_streams, s) == 0;
    crq_args_fini(&words);
    if (sent) {
        t->fetching = true;
        begin(t);
    }
    return sent;
}

static void forget(struct triggers *t)
{
    crq_triggers_fini(&t->all);
    crq_free(t->readable);
    t->readable = NULL;
    t->readable_count = 0;
}

static void on_fetched(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct triggers *t = &s->triggers;
    crq_error why;

    t->fetching = false;
    forget(t);
    if (err == NULL &&
            crq_triggers_read(reply, on_mistake, s, &t->all, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_warn(s->log, "triggers: %s", err->text);
    if (err != NULL || !find_streams(s)) {
        forget(t);
        t->version[0] = '\0';
    }
    ended(s);
}

static void fetch(struct scheduler *s)
{
    struct triggers *t = &s->triggers;
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "HGETALL", crq_key_pattern(CRQ_KEY_TRIGGERS), NULL);
    t->fetching = crq_async_send(s->link, &words, 0, on_fetched, s) == 0;
    if (t->fetching)
        begin(t);
    crq_args_fini(&words);
}

/* ---- the reader's link ---- */

static void on_reader_up(void *arg)
{
    read_events(arg);
}

/* Not from its own callbacks. What it was told and has not passed on stays in
 * the group. */
static void close_reader(struct scheduler *s)
{
    struct crq_async *reader = s->triggers.reader;

    s->triggers.reader = NULL;
    if (reader != NULL)
        crq_async_abandon(reader); /* on_read() is called */
    crq_async_free(reader);
}

static void open_reader(struct scheduler *s)
{
    struct crq_async_options reader = {
        .url = s->options->url, .on_up = on_reader_up, .arg = s
    };
    crq_error err;

    if (s->triggers.reader == NULL &&
            crq_async_new(s->loop, &reader, &s->triggers.reader, &err) < 0)
        crq_log_warn(s->log, "events: %s", err.text);
}

/* ---- from outside ---- */

void triggers_beat(struct scheduler *s, const char *version)
{
    struct triggers *t = &s->triggers;
    bool quiet = !t->fetching && !t->claiming && t->events == 0;

    if (!s->leads) {
        t->version[0] = '\0';
        if (quiet) {
            close_reader(s);
            forget(t);
        }
        return;
    }
    if (strcmp(t->version, version) != 0 && quiet) {
        /* What it waits for may be other streams now. */
        close_reader(s);
        forget(t);
        snprintf(t->version, sizeof(t->version), "%s", version);
        if (version[0] != '\0') {
            open_reader(s);
            fetch(s);
        }
        return;
    }
    if (t->readable_count > 0 && !t->claiming &&
            (t->unsettled || ++t->beats >= LOOK_BEATS)) {
        t->beats = 0;
        claim(s);
    }
}

bool triggers_are_busy(const struct scheduler *s)
{
    const struct triggers *t = &s->triggers;

    return t->pending > 0 ||
            (s->options->burst && t->readable_count > 0 && !t->drained);
}

void triggers_end(struct scheduler *s)
{
    close_reader(s);
    forget(&s->triggers);
}
