/*
 * jobs.c - making jobs, and hearing of their end.
 *
 * Three links: commands, the channel that crq's workers publish ends to, and
 * one that blocks in XREAD for the results of whatever has waited longer than
 * a crq worker usually takes. Mostly nothing has, and nothing is read.
 *
 * A waiter is one struct: it lives until its end was told and no reply of Redis
 * is due that names it. Its time-out is a timer of the loop; what goes over all
 * waiters (results, looking) goes a bounded part at a time, the longest unseen
 * first: who was looked at goes to the end of the list.
 */
#include "web/jobs.h"

#include <ev.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "codec/json.h"
#include "exec/async.h"
#include "model/keys.h"
#include "model/queue.h"
#include "model/result.h"
#include "redis/scripts.h"

#define BUCKETS 4096

/* An enqueued job that nobody waits for: how long Redis may take to say so. */
#define CREATE_S 10.
/* A crq worker has mostly answered by then. */
#define PATIENCE_US INT64_C(50000)
#define BLOCK_MS    100
/* Keys of one XREAD. */
#define AT_ONCE 1000
#define LOOK_S  1.
#define LOOKS   500

struct waiter {
    struct jobs *jobs;
    struct waiter *chain;        /* of its bucket */
    struct waiter *next, **link; /* of all, the longest unseen first */
    char id[CRQ_UUID_LEN + 1];
    char after[48]; /* the last entry of its results that did not end it */
    int64_t since_us;
    unsigned replies; /* of Redis, that are due */
    bool waits;       /* for more than being created */
    bool ended;
    ev_timer late;
    job_done *done;
    void *arg;
};

struct jobs {
    struct ev_loop *loop;
    const struct crq_log *log;
    struct crq_async *link, *ears, *results;
    char channel[CRQ_KEY_MAX];
    struct waiter *buckets[BUCKETS];
    struct waiter *first, **last;
    size_t count;
    bool reading; /* an XREAD is on its way */
    ev_timer look, read;
    void (*changed)(void *arg, bool up);
    void *arg;
};

/* ---------------------------------------------------------------- waiters */

/* Ids are random: their first digits are as good as any hash. */
static struct waiter **bucket_of(struct jobs *jobs, const char *id)
{
    unsigned n = 0;

    for (int i = 0; i < 8 && id[i] != '\0'; i++)
        n = n * 31 + (unsigned char)id[i];
    return &jobs->buckets[n % BUCKETS];
}

static struct waiter *find(struct jobs *jobs, const char *id)
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

static void release(struct waiter *w)
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
static void tell(struct waiter *w, enum job_end end, const crq_value *value,
        const char *text)
{
    struct job_outcome outcome = { end, w->id, value, text };

    end_waiter(w);
    if (w->done != NULL)
        w->done(w->arg, &outcome);
    release(w);
}

static void tell_result(struct waiter *w, const crq_result *result)
{
    if (crq_result_type_of(result) != CRQ_RESULT_SUCCESSFUL)
        tell(w, JOB_FAILED, NULL, crq_result_exc_string(result));
    else if (crq_result_problem(result) != NULL)
        tell(w, JOB_GONE, NULL, "its result can't be read");
    else
        tell(w, JOB_DONE, crq_result_return_value(result), NULL);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    tell(timer->data, JOB_LATE, NULL, NULL);
}

void jobs_forget(struct waiter *w)
{
    end_waiter(w);
    release(w);
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
        release(w);
    else if (err != NULL)
        tell(w, JOB_REFUSED, NULL, err->text);
    else if (!w->waits)
        tell(w, JOB_CREATED, NULL, NULL);
}

static crq_call call_of(const struct crq_app_call *from, const crq_value *args,
        const crq_value *kwargs)
{
    crq_call call = CRQ_CALL_INIT;

    call.func = from->task;
    call.args = args;
    call.kwargs = kwargs;
    call.description = from->description;
    call.timeout_s = from->timeout_s;
    call.result_ttl_s = from->result_ttl_s;
    call.failure_ttl_s = from->failure_ttl_s;
    call.ttl_s = from->ttl_s;
    call.retry_max = from->retry_max;
    call.retry_intervals_s = from->retry_intervals_s;
    call.retry_intervals = from->retry_intervals;
    call.at_front = from->at_front;
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
    if (!ev_is_active(&jobs->look))
        ev_timer_again(jobs->loop, &jobs->look);
    if (w->waits && !jobs->reading && !ev_is_active(&jobs->read)) {
        ev_timer_set(&jobs->read, (double)PATIENCE_US / 1e6, 0.);
        ev_timer_start(jobs->loop, &jobs->read);
    }
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
        w = find(jobs, crq_value_text(id));
    if (w == NULL) {
        crq_value_free(message); /* who waited is gone, or it is no message */
        return;
    }
    rc = crq_result_from_message(message, &result, &why);
    if (rc == 0)
        tell_result(w, result);
    else if (rc == CRQ_ENOTFOUND)
        tell(w, JOB_GONE, NULL,
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

/* ---------------------------------------------- results that are found */

static void read_results(struct jobs *jobs);

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
    crq_error why;
    int rc = crq_result_from_entry(entry, &result, &why);

    if (rc < 0) {
        crq_log_warn(w->jobs->log, "a result of job %s: %s", w->id, why.text);
        if (rc == CRQ_ECODEC)
            tell(w, JOB_GONE, NULL, "its result can't be read");
    } else if (crq_result_type_of(result) == CRQ_RESULT_RETRIED) {
        strcpy(w->after, crq_result_id(result));
    } else {
        tell_result(w, result);
    }
    crq_result_free(result);
}

/* [[key, [entry, ...]], ...] */
static void on_results(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct jobs *jobs = arg;
    size_t prefix = strlen(crq_key_pattern(CRQ_KEY_RESULTS)) - 1;

    jobs->reading = false;
    if (err != NULL) {
        crq_log_debug(jobs->log, "results: %s", err->text);
        read_later(jobs, LOOK_S);
        return;
    }
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        const crq_reply *stream = crq_reply_item(reply, i);
        const crq_reply *entries = crq_reply_item(stream, 1);
        const char *key = crq_reply_text(crq_reply_item(stream, 0), NULL);
        size_t count = crq_reply_count(entries);
        struct waiter *w = key != NULL && strlen(key) > prefix
                ? find(jobs, key + prefix)
                : NULL;

        if (w != NULL && count > 0)
            take_entry(w, crq_reply_item(entries, count - 1));
    }
    read_results(jobs);
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
        if (w->waits && w->since_us <= before_us)
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
        take_out(chosen[i]);
        append(chosen[i]);
    }
    for (size_t i = 0; i < count; i++)
        crq_args_puts(&words, chosen[i]->after);
    jobs->reading = crq_async_send(jobs->results, &words, block_ms, on_results,
                            jobs) == 0;
    crq_args_fini(&words);
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
        release(w);
    else if (err == NULL && crq_reply_count(reply) > 0)
        take_entry(w, crq_reply_item(reply, 0));
    else if (err == NULL)
        tell(w, JOB_GONE, NULL, "its result is gone");
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
        release(w);
        return;
    }
    if (status != NULL && strcmp(status, "canceled") == 0) {
        tell(w, JOB_GONE, NULL, status);
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
        take_out(w);
        append(w);
    }
    crq_args_fini(&words);
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
    ev_init(&jobs->look, on_look);
    jobs->look.repeat = LOOK_S;
    ev_init(&jobs->read, on_read);
    jobs->look.data = jobs->read.data = jobs;
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
    ev_timer_stop(jobs->loop, &jobs->look);
    ev_timer_stop(jobs->loop, &jobs->read);
    crq_free(jobs);
}
