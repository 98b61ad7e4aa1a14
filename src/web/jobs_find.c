/*
 * jobs_find.c - ends of jobs that no worker tells of.
 *
 * RQ's own workers leave a result and say nothing: for jobs that have waited
 * longer than a crq worker usually takes, one link blocks in XREAD. Mostly
 * there are none, and nothing is read. What ends without a result is found by
 * looking at a part of all jobs each second.
 */
#include <string.h>

#include "base/clock.h"
#include "model/result.h"
#include "web/jobs_impl.h"

#define BLOCK_MS 100
/* Keys of one XREAD. */
#define AT_ONCE 1000
/* After a round, for each of its keys. */
#define PAUSE_S 0.0001
/* Jobs of one look. */
#define LOOKS 500

/* ---------------------------------------------- results that are found */

static void read_later(struct jobs *jobs, double after_s)
{
    ev_timer_stop(jobs->loop, &jobs->read);
    ev_timer_set(&jobs->read, after_s, 0.);
    ev_timer_start(jobs->loop, &jobs->read);
}

/* The newest entry counts, unless it says that the job runs again. */
static void take_entry(struct waiter *w, const crq_reply *entry)
{
    crq_result *result = NULL;
    crq_error why = { 0 };
    int rc = crq_result_from_entry(entry, &result, &why);

    if (rc < 0) {
        crq_log_warn(w->jobs->log, "a result of job %s: %s", w->id, why.text);
        if (rc == CRQ_ECODEC)
            waiter_tell(w, JOB_GONE, NULL, "its result can't be read");
    } else if (crq_result_type_of(result) == CRQ_RESULT_RETRIED) {
        strcpy(w->after, crq_result_id(result));
    } else {
        waiter_tell_result(w, result);
    }
    crq_result_free(result);
}

static void on_type(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct waiter *w = arg;
    const char *type = crq_reply_text(reply, NULL);

    w->replies--;
    w->unreadable = err != NULL ? err->code == CRQ_EAUTH
                                : type != NULL && strcmp(type, "stream") != 0 &&
                    strcmp(type, "none") != 0;
    if (!w->ended && w->unreadable)
        crq_log_warn(w->jobs->log, "the results of job %s can't be read",
                w->id);
    waiter_release(w);
}

/* Redis refuses to read any results when one key is no stream, or forbidden,
 * and does not say which. */
static void find_unreadable(struct jobs *jobs)
{
    struct crq_args words;
    char key[CRQ_KEY_MAX];

    crq_args_init(&words);
    for (struct waiter *w = jobs->first; w != NULL; w = w->next) {
        crq_key(key, CRQ_KEY_RESULTS, w->id);
        crq_args_clear(&words);
        crq_args_list(&words, "TYPE", key, NULL);
        if (w->waits && !w->unreadable &&
                crq_async_send(jobs->link, &words, 0, on_type, w) == 0)
            w->replies++;
    }
    crq_args_fini(&words);
}

/* [[key, [entry, ...]], ...] */
static void on_results(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct jobs *jobs = arg;
    size_t prefix = strlen(crq_key_pattern(CRQ_KEY_RESULTS)) - 1;

    jobs->reading = false;
    if (err != NULL) {
        crq_log_debug(jobs->log, "results: %s", err->text);
        if (err->code == CRQ_EREDIS || err->code == CRQ_EAUTH)
            find_unreadable(jobs);
        read_later(jobs, LOOK_S);
        return;
    }
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        const crq_reply *stream = crq_reply_item(reply, i);
        const crq_reply *entries = crq_reply_item(stream, 1);
        const char *key = crq_reply_text(crq_reply_item(stream, 0), NULL);
        size_t count = crq_reply_count(entries);
        struct waiter *w = key != NULL && strlen(key) > prefix
                ? waiter_find(jobs, key + prefix)
                : NULL;

        if (w != NULL && count > 0)
            take_entry(w, crq_reply_item(entries, count - 1));
    }
    /* Results of crq's workers end this, too. What a round costs grows with its
     * keys, and so does the pause: results are read for a small part of the
     * time, however many wait. */
    read_later(jobs, (double)jobs->asked * PAUSE_S);
}

/* Choose whom to read for: those that have waited a little. They go to the end
 * of the list, so that the next round reads for the others. */
static size_t choose(struct jobs *jobs, struct waiter **out, bool *out_all)
{
    int64_t before_us = crq_clock_mono_us(&crq_clock_system) - PATIENCE_US;
    size_t count = 0, seen = 0, all = jobs->count;

    for (struct waiter *w = jobs->first, *next;
            w != NULL && seen < all && count < AT_ONCE; w = next, seen++) {
        next = w->next;
        if (w->waits && !w->unreadable && w->since_us <= before_us)
            out[count++] = w;
    }
    *out_all = seen == all;
    return count;
}

static void read_results(struct jobs *jobs)
{
    struct waiter *chosen[AT_ONCE];
    struct crq_args words;
    char key[CRQ_KEY_MAX];
    size_t count;
    int64_t block_ms = BLOCK_MS;
    bool all;

    if (jobs->reading || jobs->count == 0)
        return;
    count = choose(jobs, chosen, &all);
    if (count == 0) {
        read_later(jobs, (double)PATIENCE_US / 1e6);
        return;
    }
    if (!all)
        block_ms = 1;
    crq_args_init(&words);
    crq_args_list(&words, "XREAD", "COUNT", "25", "BLOCK", NULL);
    crq_args_puti(&words, block_ms);
    crq_args_puts(&words, "STREAMS");
    for (size_t i = 0; i < count; i++) {
        crq_args_put(&words, key, crq_key(key, CRQ_KEY_RESULTS, chosen[i]->id));
        waiter_requeue(chosen[i]);
    }
    for (size_t i = 0; i < count; i++)
        crq_args_puts(&words, chosen[i]->after);
    jobs->reading = crq_async_send(jobs->results, &words, block_ms, on_results,
                            jobs) == 0;
    crq_args_fini(&words);
    jobs->asked = count;
    if (!jobs->reading)
        read_later(jobs, LOOK_S);
}

static void on_read(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    read_results(timer->data);
}

/* ---------------------------------- ends that nobody tells of: looking */

/* The job has ended, or is gone. Its result may be there all the same. */
static void on_last_look(void *arg, const crq_reply *reply,
        const crq_error *err)
{
    struct waiter *w = arg;

    w->replies--;
    if (w->ended)
        waiter_release(w);
    else if (err == NULL && crq_reply_count(reply) > 0)
        take_entry(w, crq_reply_item(reply, 0));
    else if (err == NULL)
        waiter_tell(w, JOB_GONE, NULL, "its result is gone");
}

static void last_look(struct waiter *w)
{
    struct crq_args words;
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_RESULTS, w->id);
    crq_args_init(&words);
    crq_args_list(&words, "XREVRANGE", key, "+", "-", "COUNT", "1", NULL);
    if (crq_async_send(w->jobs->link, &words, 0, on_last_look, w) == 0)
        w->replies++;
    crq_args_fini(&words);
}

static void on_status(void *arg, const crq_reply *reply, const crq_error *err)
{
    static const char *const ends[] = { "finished", "failed", "stopped" };
    struct waiter *w = arg;
    const char *status = crq_reply_text(reply, NULL);

    w->replies--;
    if (w->ended || err != NULL) {
        waiter_release(w);
        return;
    }
    if (status != NULL && strcmp(status, "canceled") == 0) {
        waiter_tell(w, JOB_GONE, NULL, status);
        return;
    }
    for (size_t i = 0; status != NULL && i < 3; i++)
        if (strcmp(status, ends[i]) == 0)
            status = NULL;
    /* A job of ours without a status is none. */
    if (status == NULL)
        last_look(w);
}

/* A bounded part of all, those that were not looked at for longest. */
static void on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct jobs *jobs = timer->data;
    int64_t before_us = crq_clock_mono_us(&crq_clock_system) - 500000;
    struct crq_args words;
    char key[CRQ_KEY_MAX];
    size_t left = jobs->count < LOOKS ? jobs->count : LOOKS;

    (void)loop;
    (void)revents;
    crq_args_init(&words);
    for (struct waiter *w = jobs->first, *next; w != NULL && left > 0;
            w = next, left--) {
        next = w->next;
        if (w->since_us > before_us || w->replies > 0 || !w->waits)
            continue;
        crq_key(key, CRQ_KEY_JOB, w->id);
        crq_args_clear(&words);
        crq_args_list(&words, "HGET", key, "status", NULL);
        if (crq_async_send(jobs->link, &words, 0, on_status, w) == 0)
            w->replies++;
        waiter_requeue(w);
    }
    crq_args_fini(&words);
}

/* ---------------------------------------------------------------- the whole */

void jobs_find_init(struct jobs *jobs)
{
    ev_init(&jobs->look, on_look);
    jobs->look.repeat = LOOK_S;
    ev_init(&jobs->read, on_read);
    jobs->look.data = jobs->read.data = jobs;
}

void jobs_find_fini(struct jobs *jobs)
{
    ev_timer_stop(jobs->loop, &jobs->look);
    ev_timer_stop(jobs->loop, &jobs->read);
}

void jobs_find_start(struct jobs *jobs, bool results)
{
    if (!ev_is_active(&jobs->look))
        ev_timer_again(jobs->loop, &jobs->look);
    if (results && !jobs->reading && !ev_is_active(&jobs->read))
        read_later(jobs, (double)PATIENCE_US / 1e6);
}
