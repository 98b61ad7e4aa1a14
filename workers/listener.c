/*
 * listener.c - commands that rq and crq publish to one worker.
 *
 * Source: RQ 2.10, rq/command.py. JSON on rq:pubsub:<name>; what is no command
 * is ignored, as in RQ.
 *
 * Its link also hears of changes of rq:suspended (suspension.c). In RESP2 such
 * messages go to a link that subscribes, so it names itself. It greets with
 *
 *     CLIENT ID ──▶ CLIENT TRACKING ... REDIRECT id, SUBSCRIBE of those
 *                   messages, SUBSCRIBE of commands
 *
 * in this order, because a link that subscribes may send nothing else. Each may
 * be refused, to a user that may do little, and then the others still work.
 */
#include "workers/worker.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "workers/callbacks.h"

static void shutdown(struct worker *w, size_t slot, const crq_value *command)
{
    (void)command;
    crq_log_info(w->log, "%s: asked to shut down", w->slots[slot].name);
    worker_asked_to_stop(w, false); /* each slot may be told */
}

static void kill_horse(struct worker *w, size_t slot, const crq_value *command)
{
    (void)command;
    if (w->slots[slot].run == NULL)
        return;
    crq_log_info(w->log, "%s: asked to kill its run", w->slots[slot].name);
    crq_pool_end(w->pool, slot, CRQ_END_KILLED, true);
}

/* The slot that runs a job; w->slot_count: none does. */
static size_t slot_of(const struct worker *w, const char *id)
{
    size_t i = 0;

    while (i < w->slot_count &&
            (w->slots[i].run == NULL || strcmp(w->slots[i].run->id, id) != 0))
        i++;
    return i;
}

/* A run may begin in another slot than the claim said, which is what whoever
 * asks has read a moment ago: all are looked at. */
static void stop_job(struct worker *w, size_t slot, const crq_value *command)
{
    const crq_value *id = crq_value_get(command, "job_id");
    size_t runs = w->slot_count;

    if (crq_value_type(id) == CRQ_STR && waiting_stop(w, crq_value_text(id)))
        return;
    if (crq_value_type(id) == CRQ_STR)
        runs = slot_of(w, crq_value_text(id));
    if (runs == w->slot_count) {
        crq_log_info(w->log, "%s: asked to stop a job that it does not run",
                w->slots[slot].name);
        return;
    }
    /* Once more, it would end what it is told to call, as RQ's doesn't. */
    if (callbacks_is_stopped(w->slots[runs].run))
        return;
    crq_log_info(w->log, "%s: asked to stop job %s", w->slots[runs].name,
            w->slots[runs].run->id);
    crq_pool_end(w->pool, runs, CRQ_END_STOPPED, false);
}

static const struct {
    const char *name;
    void (*run)(struct worker *w, size_t slot, const crq_value *command);
} commands[] = {
    { "shutdown", shutdown },
    { "kill-horse", kill_horse },
    { "stop-job", stop_job },
};

static void obey(struct worker *w, size_t slot, const crq_value *message)
{
    const crq_value *name;

    if (crq_value_type(message) != CRQ_DICT)
        return;
    name = crq_value_get(message, "command");
    if (crq_value_type(name) != CRQ_STR)
        return;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, crq_value_text(name)) == 0)
            commands[i].run(w, slot, message);
}

/* ---- the greeting ---- */

#define INVALIDATIONS "__redis__:invalidate"

/* Replies to it, in their order. What follows is of commands. */
enum { OF_ID, OF_TRACKING, OF_INVALIDATIONS, OF_COMMANDS };

static void send_words(struct worker *w, struct crq_args *words)
{
    (void)!crq_async_send(w->ears, words, -1, NULL, NULL);
    crq_args_fini(words);
}

static void ask_id(struct worker *w)
{
    struct crq_args words;

    w->ears_step = OF_ID;
    w->hears_suspend = false;
    crq_args_init(&words);
    crq_args_list(&words, "CLIENT", "ID", NULL);
    send_words(w, &words);
}

static void track_suspension(struct worker *w, int64_t id)
{
    struct crq_args words;
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_SUSPENDED, NULL);
    crq_args_init(&words);
    crq_args_list(&words, "CLIENT", "TRACKING", "ON", "REDIRECT", NULL);
    crq_args_puti(&words, id);
    crq_args_list(&words, "BCAST", "PREFIX", key, NULL);
    send_words(w, &words);
    crq_args_init(&words);
    crq_args_list(&words, "SUBSCRIBE", INVALIDATIONS, NULL);
    send_words(w, &words);
}

static void subscribe(struct worker *w)
{
    struct crq_args words;
    char channel[CRQ_KEY_MAX];

    crq_args_init(&words);
    crq_args_puts(&words, "SUBSCRIBE");
    for (size_t i = 0; i < w->slot_count; i++)
        crq_args_put(&words, channel,
                crq_key(channel, CRQ_KEY_PUBSUB, w->slots[i].name));
    send_words(w, &words);
}

/* A reply to the greeting, but for the last. */
static void greeted(struct worker *w, const crq_reply *reply)
{
    bool refused = crq_reply_kind(reply) == CRQ_REPLY_ERROR;

    switch (w->ears_step) {
    case OF_ID:
        w->ears_step = refused ? OF_COMMANDS : OF_TRACKING;
        if (!refused)
            track_suspension(w, crq_reply_int(reply, 0));
        subscribe(w);
        break;
    case OF_TRACKING:
        w->ears_step = OF_INVALIDATIONS;
        w->hears_suspend = !refused;
        break;
    default:
        w->ears_step = OF_COMMANDS;
        w->hears_suspend = w->hears_suspend && !refused;
        suspension_ask(w); /* for what this link has missed */
        break;
    }
}

/* Redis has refused to subscribe. */
static void on_refused(struct worker *w, const char *why)
{
    if (!w->deaf)
        crq_log_warn(w->log,
                "commands to this worker (stop-job, kill-horse, shutdown) "
                "cannot come: %s; allow its user of Redis to subscribe, as "
                "by ACL SETUSER <user> +subscribe &rq:pubsub:*",
                why);
    w->deaf = true;
}

/* ["message", channel, payload] */
static void on_push(void *arg, const crq_reply *reply)
{
    struct worker *w = arg;
    const char *kind = crq_reply_text(crq_reply_item(reply, 0), NULL);
    const char *channel = crq_reply_text(crq_reply_item(reply, 1), NULL);
    const char *name = channel != NULL ? crq_key_pubsub_name(channel) : NULL;
    crq_value *message = NULL;
    const char *text;
    size_t len;

    if (w->ears_step != OF_COMMANDS) {
        greeted(w, reply);
        return;
    }
    if (channel != NULL && strcmp(channel, INVALIDATIONS) == 0 &&
            strcmp(kind != NULL ? kind : "", "message") == 0)
        suspension_ask(w);
    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        on_refused(w, crq_reply_text(reply, NULL));
    else if (kind != NULL && strcmp(kind, "subscribe") == 0)
        w->deaf = false;
    text = crq_reply_text(crq_reply_item(reply, 2), &len);
    if (kind == NULL || strcmp(kind, "message") != 0 || name == NULL ||
            text == NULL ||
            crq_json_decode(text, len, NULL, &message, NULL) < 0)
        return;
    for (size_t i = 0; i < w->slot_count; i++)
        if (strcmp(w->slots[i].name, name) == 0)
            obey(w, i, message);
    crq_value_free(message);
}

static void on_up(void *arg)
{
    ask_id(arg);
}

static void on_down(void *arg, const crq_error *err)
{
    struct worker *w = arg;

    (void)err;
    w->hears_suspend = false;
}

int listener_init(struct worker *w, crq_error *err)
{
    struct crq_async_options options = { .url = w->options->url,
        .on_up = on_up,
        .on_down = on_down,
        .on_push = on_push,
        .arg = w };

    return crq_async_new(w->loop, &options, &w->ears, err);
}

void listener_fini(struct worker *w)
{
    crq_async_free(w->ears);
}
