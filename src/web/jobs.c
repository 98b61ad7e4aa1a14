/*
 * jobs.c - making jobs, and hearing of their end.
 *
 * Three links: commands, the channel that crq's workers publish ends to, and
 * one for results that nobody tells of (jobs_find.c).
 *
 * A waiter is one struct: it lives until its end was told and no reply of Redis
 * is due that names it. Its time-out is a timer of the loop; what goes over all
 * waiters (results, looking) goes a bounded part at a time, the longest unseen
 * first: who was looked at goes to the end of the list.
 */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/queue.h"
#include "model/result.h"
#include "redis/scripts.h"
#include "web/jobs_impl.h"

/* An enqueued job that nobody waits for: how long Redis may take to say so. */
#define CREATE_S 10.

/* ---------------------------------------------------------------- waiters */

/* Ids are random: their first digits are as good as any hash. */
static struct waiter **bucket_of(struct jobs *jobs, const char *id)
{
    unsigned n = 0;

    for (int i = 0; i < 8 && id[i] != '\0'; i++)
        n = n * 31 + (unsigned char)id[i];
    return &jobs->buckets[n % BUCKETS];
}

struct waiter *waiter_find(struct jobs *jobs, const char *id)
{
    struct waiter *w = *bucket_of(jobs, id);

    while (w != NULL && strcmp(w->id, id) != 0)
        w = w->chain;
    return w;
}

static void append(struct waiter *w)
{
    struct jobs *jobs = w->jobs;

    w->next = NULL;
    w->link = jobs->last;
    *jobs->last = w;
    jobs->last = &w->next;
}

static void take_out(struct waiter *w)
{
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
    else
        w->jobs->last = w->link;
}

void waiter_requeue(struct waiter *w)
{
    take_out(w);
    append(w);
}

void waiter_release(struct waiter *w)
{
    if (w->ended && w->replies == 0)
        crq_free(w);
}

/* Out of all lists: nothing finds it any more. */
static void end_waiter(struct waiter *w)
{
    struct jobs *jobs = w->jobs;
    struct waiter **at = bucket_of(jobs, w->id);

    while (*at != w)
        at = &(*at)->chain;
    *at = w->chain;
    take_out(w);
    ev_timer_stop(jobs->loop, &w->late);
    w->ended = true;
    if (--jobs->count == 0)
        ev_timer_stop(jobs->loop, &jobs->look);
}

/* Tell how it ended; a waiter that no reply names is freed. */
void waiter_tell(struct waiter *w, enum job_end end, const crq_value *value,
        const char *text)
{
    struct job_outcome outcome = { end, w->id, value, text };

    end_waiter(w);
    if (w->done != NULL)
        w->done(w->arg, &outcome);
    waiter_release(w);
}

void waiter_tell_result(struct waiter *w, const crq_result *result)
{
    if (crq_result_type_of(result) != CRQ_RESULT_SUCCESSFUL)
        waiter_tell(w, JOB_FAILED, NULL, crq_result_exc_string(result));
    else if (crq_result_problem(result) != NULL)
        waiter_tell(w, JOB_GONE, NULL, "its result can't be read");
    else
        waiter_tell(w, JOB_DONE, crq_result_return_value(result), NULL);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    waiter_tell(timer->data, JOB_LATE, NULL, NULL);
}

void jobs_forget(struct waiter *w)
{
    end_waiter(w);
    waiter_release(w);
}

size_t jobs_waiting(const struct jobs *jobs)
{
    return jobs->count;
}

/* ----------------------------------------------------------------- making */

static void on_enqueued(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct waiter *w = arg;

    (void)reply;
    w->replies--;
    if (w->ended)
        waiter_release(w);
    else if (err != NULL)
        waiter_tell(w, JOB_REFUSED, NULL, err->text);
    else if (!w->waits)
        waiter_tell(w, JOB_CREATED, NULL, NULL);
}

/* Descriptions have the arguments in them, and are shown to whoever may look,
 * and logged by workers. */
static bool is_secret(const struct crq_app_call *call)
{
    static const char *const headers[] = { "authorization", "cookie" };

    for (size_t i = 0; i < call->count; i++) {
        const struct crq_app_arg *arg = &call->args[i];

        if (arg->constant == NULL && arg->from == CRQ_APP_TOKEN)
            return true;
        for (size_t k = 0; k < 2 && arg->from == CRQ_APP_HEADER; k++)
            if (arg->constant == NULL && strcasecmp(arg->key, headers[k]) == 0)
                return true;
    }
    return false;
}

static crq_call call_of(const struct crq_app_call *from, const crq_value *args,
        const crq_value *kwargs)
{
    crq_call call;

    crq_app_call_fill(from, args, kwargs, &call);
    if (call.description == NULL && is_secret(from))
        call.description = from->task;
    return call;
}

static void start(struct waiter *w, int64_t wait_us)
{
    struct jobs *jobs = w->jobs;
    struct waiter **bucket = bucket_of(jobs, w->id);

    w->chain = *bucket;
    *bucket = w;
    append(w);
    jobs->count++;
    w->waits = wait_us > 0;
    w->replies = 1;
    w->since_us = crq_clock_mono_us(&crq_clock_system);
    strcpy(w->after, "0-0");
    ev_timer_init(&w->late, on_late,
            w->waits ? (double)wait_us / 1e6 : CREATE_S, 0.);
    w->late.data = w;
    ev_timer_start(jobs->loop, &w->late);
    jobs_find_start(jobs, w->waits);
}

int jobs_call(struct jobs *jobs, const struct crq_app_call *from,
        const crq_value *args, const crq_value *kwargs, int64_t wait_us,
        job_done *done, void *arg, struct waiter **out_waiter, crq_error *err)
{
    crq_call call = call_of(from, args, kwargs);
    char id[CRQ_NAME_MAX + 1];
    struct crq_args words;
    struct waiter *w;
    int rc;

    if (!crq_async_is_up(jobs->link))
        return crq_fail(err, CRQ_ECONNECT, "there is no Redis");
    w = crq_calloc(1, sizeof(*w));
    if (w == NULL)
        return crq_fail_nomem(err);
    crq_args_init(&words);
    rc = crq_queue_enqueue_words(from->queue, &call,
            crq_clock_wall_us(&crq_clock_system),
            wait_us > 0 ? jobs->channel : NULL, id, &words, err);
    if (rc == 0) {
        memcpy(w->id, id, sizeof(w->id)); /* one that was made up */
        w->id[CRQ_UUID_LEN] = '\0';
        rc = crq_async_script(jobs->link, &crq_script_enqueue, CRQ_ENQUEUE_KEYS,
                &words, on_enqueued, w);
        if (rc < 0)
            crq_fail_nomem(err);
    }
    crq_args_fini(&words);
    if (rc < 0) {
        crq_free(w);
        return rc;
    }
    w->jobs = jobs;
    w->done = done;
    w->arg = arg;
    start(w, wait_us);
    if (out_waiter != NULL)
        *out_waiter = w;
    return 0;
}

/* ------------------------------------------- ends that a worker tells of */

static void on_message(struct jobs *jobs, const char *text, size_t len)
{
    const crq_value *id;
    struct waiter *w = NULL;
    crq_value *message = NULL;
    crq_result *result = NULL;
    crq_error why = { 0 };
    int rc = crq_json_decode(text, len, NULL, &message, &why);

    id = rc == 0 && crq_value_type(message) == CRQ_DICT
            ? crq_value_get(message, "id")
            : NULL;
    if (crq_value_type(id) == CRQ_STR)
        w = waiter_find(jobs, crq_value_text(id));
    if (w == NULL) {
        crq_value_free(message); /* who waited is gone, or it is no message */
        return;
    }
    rc = crq_result_from_message(message, &result, &why);
    if (rc == 0)
        waiter_tell_result(w, result);
    else if (rc == CRQ_ENOTFOUND)
        waiter_tell(w, JOB_GONE, NULL,
                crq_value_text(crq_value_get(message, "status")));
    else /* it will be looked at */
        crq_log_warn(jobs->log, "the end of job %s: %s", w->id, why.text);
    crq_result_free(result);
    crq_value_free(message);
}

static void on_push(void *arg, const crq_reply *reply)
{
    struct jobs *jobs = arg;
    const char *kind = crq_reply_text(crq_reply_item(reply, 0), NULL);
    const char *text;
    size_t len;

    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        crq_log_warn(jobs->log, "subscribing to %s: %s", jobs->channel,
                crq_reply_text(reply, NULL));
    if (kind == NULL || strcmp(kind, "message") != 0)
        return;
    text = crq_reply_text(crq_reply_item(reply, 2), &len);
    if (text != NULL)
        on_message(jobs, text, len);
}

/* ------------------------------------------------------------------ links */

static void on_up(void *arg)
{
    struct jobs *jobs = arg;

    crq_log_info(jobs->log, "connected to Redis at %s",
            crq_async_address(jobs->link));
    if (jobs->changed != NULL)
        jobs->changed(jobs->arg, true);
}

static void on_down(void *arg, const crq_error *err)
{
    struct jobs *jobs = arg;

    crq_log_warn(jobs->log, "%s", err->text);
    if (jobs->changed != NULL)
        jobs->changed(jobs->arg, false);
}

/* What was published meanwhile is lost: results and looks find it. */
static void on_ears_up(void *arg)
{
    struct jobs *jobs = arg;
    struct crq_args words;

    crq_args_init(&words);
    crq_args_list(&words, "SUBSCRIBE", jobs->channel, NULL);
    (void)!crq_async_send(jobs->ears, &words, -1, NULL, NULL);
    crq_args_fini(&words);
}

void jobs_on_change(struct jobs *jobs, void (*changed)(void *arg, bool up),
        void *arg)
{
    jobs->changed = changed;
    jobs->arg = arg;
}

bool jobs_are_possible(const struct jobs *jobs)
{
    return crq_async_is_up(jobs->link);
}

/* ---------------------------------------------------------------- the whole */

int jobs_new(struct ev_loop *loop, const char *url, const struct crq_log *log,
        struct jobs **out, crq_error *err)
{
    struct jobs *jobs = crq_calloc(1, sizeof(*jobs));
    struct crq_async_options link = { .url = url,
        .name = "crq-web",
        .on_up = on_up,
        .on_down = on_down,
        .arg = jobs };
    struct crq_async_options ears = {
        .url = url, .on_up = on_ears_up, .on_push = on_push, .arg = jobs
    };
    struct crq_async_options results = { .url = url,
        .name = "crq-web-results" };
    char name[CRQ_UUID_LEN + 1];
    int rc;

    if (jobs == NULL)
        return crq_fail_nomem(err);
    jobs->loop = loop;
    jobs->log = log;
    jobs->last = &jobs->first;
    crq_uuid4(name);
    crq_key(jobs->channel, CRQ_KEY_REPLY, name);
    jobs_find_init(jobs);
    rc = crq_async_new(loop, &ears, &jobs->ears, err);
    if (rc == 0)
        rc = crq_async_new(loop, &results, &jobs->results, err);
    if (rc == 0)
        rc = crq_async_new(loop, &link, &jobs->link, err);
    if (rc < 0) {
        jobs_free(jobs);
        return rc;
    }
    *out = jobs;
    return 0;
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    jobs->changed = NULL;
    while (jobs->first != NULL)
        jobs_forget(jobs->first);
    if (jobs->link != NULL)
        crq_async_abandon(jobs->link); /* replies free their waiters */
    crq_async_free(jobs->link);
    crq_async_free(jobs->results);
    crq_async_free(jobs->ears);
    jobs_find_fini(jobs);
    crq_free(jobs);
}
