/*
 * janitor.c - maintenance: what time and dead workers leave in Redis.
 *
 * Source: RQ 2.10, BaseWorker.run_maintenance_tasks().
 *
 * A round goes through the worker's queues, each under RQ's own lock, so that
 * RQ's workers and crq's never clean the same queue at once, and a queue that
 * another one has locked is passed over. The steps of a round are scripts of
 * bounded work, one on its way at a time; the next goes out with the reply. A
 * worker that is told to stop gives the lock back and leaves the rest to
 * others.
 *
 *     whole round   at birth and every 600 s (--maintenance-interval)
 *     short round   every 61 s: jobs that a dead worker had half-taken have to
 *                   be seen twice with RQ's 60 s between; and who is there. It
 *                   asks first which queues have such, in one call: mostly
 *                   none has.
 */
#include "workers/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "model/janitor.h"
#include "model/lease.h"
#include "model/names.h"
#include "redis/scripts.h"
#include "workers/callbacks.h"

#define SHORT_EVERY_S 61.
#define AT_ONCE       200 /* entries that a script looks at */
#define TOLD_MOST     64  /* old workers that are remembered as said */

enum step {
    GLANCE,
    LOCK,
    REGISTRIES,
    WORKERS,
    STRAYS,
    UNLOCK,
    GROUPS,
    GROUP,
    OVER
};

struct janitor {
    struct worker *worker;
    ev_timer whole_timer, short_timer;
    char owner[CRQ_UUID_LEN + 5]; /* of the locks */
    enum step step;
    bool whole, due;         /* this round's kind; a whole one comes next */
    bool began;              /* the first round */
    bool needed[MAX_QUEUES]; /* in a short round */
    size_t queue;
    char cursor[32], groups_cursor[32];
    char **groups; /* a page of them */
    size_t group, group_count;
    struct crq_swept swept;
    char *told[TOLD_MOST];
    size_t told_count;
};

static void go(struct janitor *j, enum step step);

static const char *queue_of(const struct janitor *j)
{
    return j->worker->options->queues[j->queue];
}

/* ---- the end of a round ---- */

static void forget_groups(struct janitor *j)
{
    crq_names_free(j->groups, j->group_count);
    j->groups = NULL;
    j->group = j->group_count = 0;
}

/* What was done, and only that. */
static void tell(const struct janitor *j)
{
    const struct crq_swept *s = &j->swept;
    const struct {
        int64_t count;
        const char *what;
        bool unusual;
    } done[] = {
        { s->cleaned.failed, "abandoned jobs failed", true },
        { s->cleaned.retried, "abandoned jobs retried", true },
        { s->cleaned.back, "abandoned jobs back in their queue", true },
        { (int64_t)s->cleaned.adopted, "abandoned jobs to be called back",
                true },
        { s->strays_back, "half-taken jobs back in their queue", true },
        { s->strays_removed, "ids out of intermediate lists", false },
        { s->cleaned.expired, "expired jobs out of registries", false },
        { s->cleaned.removed, "runs without a job out of registries", false },
        { s->workers, "dead workers out of the lists", false },
        { s->group_ids, "ids out of groups", false },
    };
    struct crq_buf text = CRQ_BUF_INIT;
    bool unusual = false;

    for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++) {
        if (done[i].count == 0)
            continue;
        crq_buf_printf(&text, "%s%lld %s", text.len > 0 ? ", " : "",
                (long long)done[i].count, done[i].what);
        unusual = unusual || done[i].unusual;
    }
    if (text.len > 0)
        crq_log_write(j->worker->log, unusual ? CRQ_LOG_WARN : CRQ_LOG_INFO,
                "maintenance: %s", crq_buf_text(&text));
    crq_buf_fini(&text);
}

static void begin_round(struct janitor *j, bool whole)
{
    if (j->step != OVER) {
        j->due = j->due || whole;
        return;
    }
    if (j->worker->phase != WORKING || !crq_async_is_up(j->worker->link))
        return;
    promote_go_on(j->worker); /* for those who died on the way */
    j->began = true;
    j->due = false;
    j->whole = whole;
    j->queue = 0;
    memset(&j->swept, 0, sizeof(j->swept));
    go(j, whole ? LOCK : GLANCE);
}

static void end_round(struct janitor *j)
{
    struct worker *w = j->worker;

    j->step = OVER;
    forget_groups(j);
    tell(j);
    if (j->swept.cleaned.failed > 0)
        promote_go_on(w);
    if (w->phase != WORKING) {
        worker_look_at_end(w);
        return;
    }
    /* A burst worker has waited for this; others may find what came back. */
    if (w->options->burst ||
            j->swept.strays_back + j->swept.cleaned.retried +
                    j->swept.cleaned.back)
        dequeue_kick(w);
    if (j->due)
        begin_round(j, true);
}

/* ---- steps ---- */

static int glance_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    const struct options *options = j->worker->options;

    (void)err;
    *out_nkeys = crq_glance_words(options->queues, options->queue_count, out);
    return 0;
}

static int lock_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    (void)err;
    *out_nkeys = crq_cleaning_lock_words(queue_of(j), j->owner, out);
    return 0;
}

static int unlock_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    (void)err;
    *out_nkeys = crq_cleaning_unlock_words(queue_of(j), j->owner, out);
    return 0;
}

static int registries_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    struct worker *w = j->worker;

    return crq_clean_words(queue_of(j), w->lease, AT_ONCE, worker_now(w), out,
            out_nkeys, err);
}

static int workers_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    (void)err;
    *out_nkeys = crq_clean_workers_words(queue_of(j), j->cursor, out);
    return 0;
}

static int strays_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    (void)err;
    *out_nkeys = crq_stray_words(queue_of(j), CRQ_STRAY_S, AT_ONCE,
            worker_now(j->worker), out);
    return 0;
}

static int groups_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    (void)err;
    *out_nkeys = 0;
    crq_args_list(out, "SSCAN", crq_key_pattern(CRQ_KEY_GROUPS),
            j->groups_cursor, "COUNT", "100", NULL);
    return 0;
}

static int group_words(struct janitor *j, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    (void)err;
    *out_nkeys = crq_clean_group_words(j->groups[j->group], j->cursor, out);
    return 0;
}

/* ---- replies: each says which step comes next ---- */

/* From j->queue on. */
static enum step some_queue(struct janitor *j)
{
    size_t count = j->worker->options->queue_count;

    if (j->worker->phase != WORKING)
        return OVER;
    while (j->queue < count && !j->whole && !j->needed[j->queue])
        j->queue++;
    if (j->queue < count)
        return LOCK;
    if (!j->whole)
        return OVER;
    strcpy(j->groups_cursor, "0");
    return GROUPS;
}

static enum step next_queue(struct janitor *j)
{
    j->queue++;
    return some_queue(j);
}

static enum step after_glance(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    if (reply == NULL ||
            crq_glance_read(reply, j->worker->options->queue_count, j->needed,
                    err) < 0)
        return OVER;
    return some_queue(j);
}

static enum step after_lock(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    (void)err;
    if (reply == NULL || crq_reply_int(reply, 0) != 1)
        return next_queue(j); /* another one is at it */
    strcpy(j->cursor, "0");
    return j->whole ? REGISTRIES : WORKERS;
}

static enum step after_registries(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    struct crq_cleaned one = { .more = false }, *sum = &j->swept.cleaned;

    if (reply == NULL || crq_clean_read(reply, &one, err) < 0)
        return WORKERS;
    sum->expired += one.expired;
    sum->failed += one.failed;
    sum->retried += one.retried;
    sum->removed += one.removed;
    sum->back += one.back;
    sum->adopted += one.adopted;
    stats_abandoned(j->worker, queue_of(j), one.failed, one.retried);
    if (one.adopted > 0)
        heartbeat_runs_came(j->worker);
    for (size_t i = 0; i < one.adopted; i++) {
        struct crq_runref run;

        if (crq_adopted_run(reply, i, &run, NULL) == 0)
            callbacks_adopt(j->worker, &run);
    }
    return one.more ? REGISTRIES : WORKERS;
}

/* RQ before 2.0 takes runs for jobs: "<id>:<execution>" is no id. */
static void tell_of_old(struct janitor *j, const char *name,
        const char *version)
{
    for (size_t i = 0; i < j->told_count; i++)
        if (strcmp(j->told[i], name) == 0)
            return;
    crq_log_warn(j->worker->log,
            "queue %s: the worker %s is RQ %s: workers before RQ 2.0 lose "
            "the runs of newer ones and of crq; update it, or give it queues "
            "of its own",
            queue_of(j), name, version);
    if (j->told_count == TOLD_MOST)
        return;
    j->told[j->told_count] = crq_strdup(name);
    j->told_count += j->told[j->told_count] != NULL;
}

static enum step after_workers(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    const char *cursor = "0", *name, *version;
    int64_t removed = 0;

    if (reply == NULL || crq_clean_scan_read(reply, &cursor, &removed, err) < 0)
        return STRAYS;
    j->swept.workers += removed;
    for (size_t i = 0; crq_clean_old_worker(reply, i, &name, &version); i++)
        tell_of_old(j, name, version);
    snprintf(j->cursor, sizeof(j->cursor), "%s", cursor);
    return strcmp(j->cursor, "0") == 0 ? STRAYS : WORKERS;
}

static enum step after_strays(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    int64_t back = 0, removed = 0, left = 0;

    if (reply != NULL &&
            crq_stray_read(reply, &back, &removed, &left, err) == 0) {
        j->swept.strays_back += back;
        j->swept.strays_removed += removed;
    }
    return UNLOCK;
}

static enum step after_unlock(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    (void)reply;
    (void)err;
    return next_queue(j);
}

/* The next group of the page, or the next page. */
static enum step next_group(struct janitor *j)
{
    strcpy(j->cursor, "0");
    if (j->group < j->group_count)
        return GROUP;
    forget_groups(j);
    return strcmp(j->groups_cursor, "0") == 0 ? OVER : GROUPS;
}

static enum step after_groups(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    const char *cursor = crq_reply_text(crq_reply_item(reply, 0), NULL);

    snprintf(j->groups_cursor, sizeof(j->groups_cursor), "%s",
            cursor != NULL ? cursor : "0");
    if (reply == NULL ||
            crq_names_copy(crq_reply_item(reply, 1), &j->groups,
                    &j->group_count, err) < 0)
        return OVER;
    return next_group(j);
}

static enum step after_group(struct janitor *j, const crq_reply *reply,
        crq_error *err)
{
    const char *cursor = "0";
    int64_t removed = 0;

    if (reply != NULL &&
            crq_clean_scan_read(reply, &cursor, &removed, err) == 0) {
        j->swept.group_ids += removed;
        snprintf(j->cursor, sizeof(j->cursor), "%s", cursor);
        if (strcmp(j->cursor, "0") != 0)
            return GROUP;
    }
    j->group++;
    return next_group(j);
}

static const struct {
    const char *what;
    const struct crq_script *script; /* NULL: a plain command */
    int (*words)(struct janitor *j, struct crq_args *out, size_t *out_nkeys,
            crq_error *err);
    /* reply: NULL when it was refused. A failure to read it is in *err. */
    enum step (*after)(struct janitor *j, const crq_reply *reply,
            crq_error *err);
} steps[] = {
    [GLANCE] = { "first look", &crq_script_glance, glance_words, after_glance },
    [LOCK] = { "lock", &crq_script_lock, lock_words, after_lock },
    [REGISTRIES] = { "registries", &crq_script_clean, registries_words,
            after_registries },
    [WORKERS] = { "workers", &crq_script_clean_workers, workers_words,
            after_workers },
    [STRAYS] = { "half-taken jobs", &crq_script_stray, strays_words,
            after_strays },
    [UNLOCK] = { "unlock", &crq_script_unlock, unlock_words, after_unlock },
    [GROUPS] = { "groups", NULL, groups_words, after_groups },
    [GROUP] = { "group", &crq_script_clean_group, group_words, after_group },
};

/* A stop takes the shortest way out: nothing but the lock has to be undone. */
static enum step shorten(const struct janitor *j, enum step next)
{
    if (j->worker->phase == WORKING || next == UNLOCK)
        return next;
    return next == REGISTRIES || next == WORKERS || next == STRAYS ? UNLOCK
                                                                   : OVER;
}

static void on_step(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct janitor *j = arg;
    crq_error why = { 0, "" };
    enum step next;

    if (err != NULL && (err->code == CRQ_ELOST || err->code == CRQ_ECONNECT)) {
        end_round(j); /* the lock runs out by itself */
        return;
    }
    next = steps[j->step].after(j, err == NULL ? reply : NULL, &why);
    if (err != NULL || why.code != 0)
        crq_log_warn(j->worker->log, "maintenance of %s, %s: %s",
                j->queue < j->worker->options->queue_count ? queue_of(j)
                                                           : "groups",
                steps[j->step].what, err != NULL ? err->text : why.text);
    go(j, shorten(j, next));
}

static void go(struct janitor *j, enum step step)
{
    struct crq_async *link = j->worker->link;
    struct crq_args words;
    crq_error err = { CRQ_ENOMEM, "out of memory" };
    size_t nkeys = 0;
    int rc;

    j->step = step;
    if (step == OVER) {
        end_round(j);
        return;
    }
    crq_args_init(&words);
    rc = steps[step].words(j, &words, &nkeys, &err);
    if (rc == 0 && steps[step].script != NULL)
        rc = crq_async_script(link, steps[step].script, nkeys, &words, on_step,
                j);
    else if (rc == 0)
        rc = crq_async_send(link, &words, 0, on_step, j);
    crq_args_fini(&words);
    if (rc < 0) {
        crq_log_warn(j->worker->log, "maintenance: %s", err.text);
        end_round(j);
    }
}

/* ---- all of it ---- */

static void on_whole(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    begin_round(timer->data, true);
}

static void on_short(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    begin_round(timer->data, false);
}

static void start_timer(struct janitor *j, ev_timer *timer,
        void (*on)(struct ev_loop *, ev_timer *, int), double every_s)
{
    ev_timer_init(timer, on, every_s, every_s);
    timer->data = j;
    ev_timer_start(j->worker->loop, timer);
}

int janitor_init(struct worker *w, crq_error *err)
{
    struct janitor *j = crq_calloc(1, sizeof(*j));

    if (j == NULL)
        return crq_fail_nomem(err);
    w->janitor = j;
    j->worker = w;
    j->step = OVER;
    strcpy(j->owner, "crq:");
    crq_uuid4(j->owner + 4);
    start_timer(j, &j->whole_timer, on_whole,
            (double)w->options->maintenance_interval_s);
    start_timer(j, &j->short_timer, on_short, SHORT_EVERY_S);
    return 0;
}

void janitor_fini(struct worker *w)
{
    struct janitor *j = w->janitor;

    if (j == NULL)
        return;
    ev_timer_stop(w->loop, &j->whole_timer);
    ev_timer_stop(w->loop, &j->short_timer);
    forget_groups(j);
    for (size_t i = 0; i < j->told_count; i++)
        crq_free(j->told[i]);
    crq_free(j);
    w->janitor = NULL;
}

void janitor_up(struct worker *w)
{
    if (!w->janitor->began)
        begin_round(w->janitor, true);
}

bool janitor_is_busy(const struct worker *w)
{
    return w->janitor != NULL && w->janitor->step != OVER;
}
