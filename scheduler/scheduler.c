/*
 * scheduler.c - a scheduler's life: leading, and sleeping until it is time.
 *
 * Once a second a beat asks Redis who leads, renews what the leader holds, and
 * learns when the next entry of each kind is due; between beats nothing is
 * sent. A timer ends the sleep at that time, a message on crq:scheduler:wake
 * when somebody adds what is due earlier. Because the beat comes every second,
 * a clock that is set, an entry that Python added, and a message that got lost
 * cost a second at most.
 *
 * Who does not lead does the same and waits for the leader's token to end.
 */
#include "scheduler/scheduler.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "codec/timetext.h"
#include "redis/scripts.h"

#define BEAT_S 1.
/* How many pages of entries are read at once when there are many. */
#define PAGES 4
/* How long an answer is waited for at the end. */
#define PATIENCE_S 3.

int64_t scheduler_now(const struct scheduler *s)
{
    return crq_clock_wall_us(s->clock);
}

/* ---- rounds ---- */

static void (*const begin_round[DUTIES])(struct scheduler *s) = {
    [SCHEDULES] = schedules_begin,
    [RQ_JOBS] = rq_begin,
    [PERIODIC] = periodic_begin,
};

static void send_beat(struct scheduler *s);
static void leave(struct scheduler *s);

static bool is_busy(const struct scheduler *s)
{
    for (int duty = 0; duty < DUTIES; duty++)
        if (s->rounds[duty].pending > 0)
            return true;
    return s->beating || s->declaring > 0 || triggers_are_busy(s);
}

static void begin(struct scheduler *s, enum duty duty, int pages)
{
    s->rounds[duty].progress = s->rounds[duty].more = false;
    s->rounds[duty].pages = pages;
    begin_round[duty](s);
}

/* Begin the rounds whose time has come, and sleep until the next one's. */
static void look_at_time(struct scheduler *s)
{
    int64_t now_us = scheduler_now(s), next_us = CRQ_UNSET;

    alarm_stop(&s->due);
    if (!s->leads || s->leaving)
        return;
    for (int duty = 0; duty < DUTIES; duty++) {
        struct round *round = &s->rounds[duty];

        if (round->pending > 0 || round->due_us == CRQ_UNSET)
            continue;
        if (round->due_us <= now_us) {
            round->began_us = round->due_us;
            round->due_us = CRQ_UNSET; /* until the next beat */
            begin(s, duty, 1);
        } else if (next_us == CRQ_UNSET || round->due_us < next_us)
            next_us = round->due_us;
    }
    if (next_us != CRQ_UNSET)
        alarm_set(&s->due, next_us - now_us);
    scheduler_settled(s);
}

static void on_due(void *arg)
{
    look_at_time(arg);
}

bool round_send(struct scheduler *s, enum duty duty,
        const struct crq_script *script, size_t nkeys, struct crq_args *words,
        crq_async_reply *reply, void *arg)
{
    if (crq_async_script(s->link, script, nkeys, words, reply, arg) < 0)
        return false;
    s->rounds[duty].pending++;
    return true;
}

void round_was_due(struct scheduler *s, enum duty duty, int64_t due_us)
{
    if (due_us < s->rounds[duty].began_us)
        s->rounds[duty].began_us = due_us;
}

/* The rest of what is due, without a beat in between. */
static void go_on(struct scheduler *s, enum duty duty)
{
    s->rounds[duty].began_us = scheduler_now(s);
    begin(s, duty, PAGES);
    scheduler_settled(s);
}

void round_answered(struct scheduler *s, enum duty duty)
{
    struct round *round = &s->rounds[duty];

    if (--round->pending > 0)
        return;
    if (round->progress) /* of several entries, the one that waited longest */
        crq_tallies_time(&s->stats.counting, NULL, CRQ_TIMING_LATE,
                scheduler_now(s) - round->began_us);
    /* What is due next is asked for at once, but not when nothing was done:
     * what can't be done now must not be tried without a pause. */
    if (round->progress && round->more && s->leads && !s->leaving)
        go_on(s, duty);
    else if (round->progress && !s->leaving)
        send_beat(s);
    else
        scheduler_settled(s);
}

void scheduler_settled(struct scheduler *s)
{
    if (s->options->burst && s->told && !s->leaving && !is_busy(s))
        leave(s);
}

void scheduler_follow(struct scheduler *s)
{
    if (s->leads)
        crq_log_warn(s->log, "another scheduler leads now");
    s->leads = false;
    s->told = true;
}

/* ---- the beat ---- */

static void forget_queues(struct scheduler *s)
{
    for (size_t i = 0; i < s->queue_count; i++)
        crq_free(s->queues[i]);
    crq_free(s->queues);
    s->queues = NULL;
    s->queue_count = 0;
}

/* A queue that memory is not there for is looked at with the next beat. */
static void keep_queues(struct scheduler *s, const struct crq_beat *beat)
{
    forget_queues(s);
    s->queues = crq_calloc(beat->queue_count + 1, sizeof(*s->queues));
    for (size_t i = 0; s->queues != NULL && i < beat->queue_count; i++) {
        const char *name = crq_beat_queue(beat, i);
        char *copy = name != NULL ? crq_strdup(name) : NULL;

        if (copy != NULL)
            s->queues[s->queue_count++] = copy;
    }
}

static void tell_who_leads(struct scheduler *s, bool leads)
{
    if (s->told && leads == s->leads)
        return;
    if (leads)
        crq_log_info(s->log, "%s leads", s->id.name);
    else
        crq_log_info(s->log, "%s waits: another scheduler leads", s->id.name);
    s->told = true;
}

static void on_beaten(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct crq_beat beat;
    crq_error why;

    s->beating = false;
    if (err == NULL && crq_beat_read(reply, &beat, &why) < 0)
        err = &why;
    if (err != NULL) {
        crq_log_warn(s->log, "beat: %s", err->text);
        return;
    }
    if (s->leaving)
        return;
    tell_who_leads(s, beat.leads);
    s->leads = beat.leads;
    notify_ready(&s->notify);
    if (s->leads)
        keep_queues(s, &beat);
    triggers_beat(s, beat.triggers);
    s->rounds[SCHEDULES].due_us = beat.schedules_us;
    s->rounds[RQ_JOBS].due_us = beat.rq_us;
    s->rounds[PERIODIC].due_us = beat.periodic ? beat.periodic_us : CRQ_UNSET;
    if (s->beat_again) {
        s->beat_again = false;
        send_beat(s);
    }
    if (s->options->burst && !s->leads)
        leave(s);
    look_at_time(s);
}

static void send_beat(struct scheduler *s)
{
    struct crq_args words;
    size_t nkeys;

    if (s->beating) {
        s->beat_again = true;
        return;
    }
    if (s->leaving || !crq_async_is_up(s->link))
        return;
    crq_args_init(&words);
    nkeys = crq_beat_words(&s->id, scheduler_now(s), &words);
    s->beating = crq_async_script(s->link, &crq_script_sched_beat, nkeys,
                         &words, on_beaten, s) == 0;
    crq_args_fini(&words);
}

static void on_beat(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct scheduler *s = timer->data;

    (void)loop;
    (void)revents;
    crq_flush_now(&s->stats);
    declare_refused(s);
    if (!s->beating)
        send_beat(s);
}

/* ---- links ---- */

static void on_up(void *arg)
{
    struct scheduler *s = arg;

    s->met = true;
    crq_log_info(s->log, "connected to Redis at %s",
            crq_async_address(s->link));
    declare_all(s);
    send_beat(s);
}

/* Without Redis nobody knows who leads. */
static void on_down(void *arg, const crq_error *err)
{
    struct scheduler *s = arg;

    /* Who starts a burst waits for its end, and would for Redis. */
    s->failed = s->options->burst && !s->met;
    crq_log_write(s->log, s->failed ? CRQ_LOG_ERROR : CRQ_LOG_WARN, "%s",
            err->text);
    s->leads = s->told = false;
    triggers_beat(s, "");
    if (s->leaving || s->failed)
        ev_break(s->loop, EVBREAK_ALL);
}

static void on_ears_up(void *arg)
{
    struct scheduler *s = arg;
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "SUBSCRIBE", crq_key_pattern(CRQ_KEY_WAKE), NULL);
    (void)!crq_async_send(s->ears, &words, -1, NULL, NULL);
    crq_args_fini(&words);
}

/* ["message", channel, when]: is it before what we wait for? */
static void on_push(void *arg, const crq_reply *reply)
{
    struct scheduler *s = arg;
    const char *kind = crq_reply_text(crq_reply_item(reply, 0), NULL);
    const char *text = crq_reply_text(crq_reply_item(reply, 2), NULL);
    int64_t due_us;

    if (!s->leads || kind == NULL || strcmp(kind, "message") != 0 ||
            text == NULL || crq_timetext_duration(text, &due_us, NULL) < 0)
        return;
    for (int duty = 0; duty < DUTIES; duty++)
        if (s->rounds[duty].due_us == CRQ_UNSET ||
                due_us < s->rounds[duty].due_us) {
            send_beat(s);
            return;
        }
}

/* ---- the end ---- */

static void on_released(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;

    (void)reply;
    if (err != NULL)
        crq_log_warn(s->log, "the locks were not given back: %s", err->text);
    ev_break(s->loop, EVBREAK_ALL);
}

static void on_impatient(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct scheduler *s = timer->data;

    (void)revents;
    crq_log_warn(s->log, "Redis does not answer: the locks end by themselves");
    ev_break(loop, EVBREAK_ALL);
}

/* Give the locks back. Redis keeps the order: scripts that are on their way
 * have been run by then. */
static void leave(struct scheduler *s)
{
    struct crq_args words;
    size_t nkeys;

    if (s->leaving)
        return;
    s->leaving = true;
    notify_stopping(&s->notify);
    alarm_stop(&s->due);
    ev_timer_stop(s->loop, &s->beat);
    crq_flush_now(&s->stats);
    crq_args_init(&words);
    nkeys = crq_release_words(&s->id, scheduler_now(s), &words);
    if (!crq_async_is_up(s->link) ||
            crq_async_script(s->link, &crq_script_sched_release, nkeys, &words,
                    on_released, s) < 0)
        ev_break(s->loop, EVBREAK_ALL);
    ev_timer_start(s->loop, &s->patience);
    crq_args_fini(&words);
}

static void on_signal(struct ev_loop *loop, ev_signal *sig, int revents)
{
    struct scheduler *s = sig->data;

    (void)revents;
    if (s->leaving)
        ev_break(loop, EVBREAK_ALL);
    else
        crq_log_info(s->log, "stopping");
    leave(s);
}

static void on_hangup(struct ev_loop *loop, ev_signal *sig, int revents)
{
    (void)loop;
    (void)revents;
    declare_again(sig->data);
}

/* ---- birth ---- */

/* Its name is its token, too: two processes must never share one, whatever
 * they are called. RQ reads "rq:scheduler:<name>", where the name
 * "scheduled_jobs" would be rq-scheduler's key: the suffix prevents that. */
static void name_it(struct scheduler *s)
{
    char unique[CRQ_UUID_LEN + 1];

    if (gethostname(s->hostname, sizeof(s->hostname)) < 0)
        strcpy(s->hostname, "localhost");
    s->hostname[sizeof(s->hostname) - 1] = '\0';
    crq_uuid4(unique);
    snprintf(s->id.name, sizeof(s->id.name), "%.300s.%ld.%.8s",
            s->options->name != NULL ? s->options->name : s->hostname,
            (long)getpid(), unique);
    s->id.hostname = s->hostname;
    s->id.pid = (int64_t)getpid();
    s->id.birth_us = scheduler_now(s);
    s->id.queues = s->options->queues;
    s->id.queue_count = s->options->queue_count;
}

static int watch(struct scheduler *s)
{
    notify_init(&s->notify, s->loop);
    ev_signal_init(&s->sigint, on_signal, SIGINT);
    ev_signal_init(&s->sigterm, on_signal, SIGTERM);
    ev_signal_init(&s->sighup, on_hangup, SIGHUP);
    s->sigint.data = s->sigterm.data = s->sighup.data = s;
    ev_signal_start(s->loop, &s->sigint);
    ev_signal_start(s->loop, &s->sigterm);
    ev_signal_start(s->loop, &s->sighup);
    ev_timer_init(&s->beat, on_beat, BEAT_S, BEAT_S);
    ev_timer_init(&s->patience, on_impatient, PATIENCE_S, 0.);
    s->beat.data = s->patience.data = s;
    ev_timer_start(s->loop, &s->beat);
    if (alarm_init(&s->due, s->loop, on_due, s) >= 0)
        return 0;
    crq_log_error(s->log, "no timer: %s", strerror(errno));
    return -1;
}

static int connect_links(struct scheduler *s, crq_error *err)
{
    struct crq_async_options link = { .url = s->options->url,
        .name = s->id.name,
        .on_up = on_up,
        .on_down = on_down,
        .arg = s };
    struct crq_async_options ears = { .url = s->options->url,
        .on_up = on_ears_up,
        .on_push = on_push,
        .arg = s };
    int rc = crq_async_new(s->loop, &link, &s->link, err);

    s->stats.link = s->link;
    s->stats.process = s->id.name;
    return rc < 0 ? rc : crq_async_new(s->loop, &ears, &s->ears, err);
}

static void end(struct scheduler *s)
{
    s->leaving = true;
    if (s->link != NULL)
        crq_async_abandon(s->link); /* the callbacks free what they hold */
    triggers_end(s);
    crq_async_free(s->link);
    crq_async_free(s->ears);
    declare_free(s);
    crq_flush_fini(&s->stats);
    notify_fini(&s->notify);
    ev_timer_stop(s->loop, &s->beat);
    alarm_fini(&s->due);
    ev_timer_stop(s->loop, &s->patience);
    ev_signal_stop(s->loop, &s->sigint);
    ev_signal_stop(s->loop, &s->sigterm);
    ev_signal_stop(s->loop, &s->sighup);
    forget_queues(s);
}

int scheduler_run(const struct options *options, struct crq_log *log)
{
    struct scheduler s = { .options = options,
        .clock = &crq_clock_system,
        .log = log,
        .loop = ev_default_loop(EVFLAG_AUTO) };
    crq_error err;
    int rc;

    for (int duty = 0; duty < DUTIES; duty++)
        s.rounds[duty].due_us = CRQ_UNSET;
    name_it(&s);
    if (watch(&s) < 0 || declare_read(&s) < 0) {
        end(&s);
        return 1;
    }
    rc = connect_links(&s, &err);
    if (rc == 0)
        ev_run(s.loop, 0);
    else
        crq_log_error(log, "%s", err.text);
    end(&s);
    return rc == CRQ_EINVAL ? 64 : rc < 0 || s.failed ? 1 : 0;
}
