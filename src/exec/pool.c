/*
 * pool.c - the pool as a whole: what is started, replaced and let go, and when.
 *
 * RQ forks a "work horse" for every job. That isolates the job from the
 * worker, but costs a fork and an import each time. Here the fork server has
 * the modules loaded and children wait, ready, before any job comes; each runs
 * jobs until it is used up.
 *
 * Events change a slot or a server (pool_slot.c, pool_server.c) and mark the
 * pool dirty; what follows for the others happens in one place, tend(), at the
 * end of the turn. So nothing is started or freed below a callback that still
 * uses it.
 *
 * Kept true here:
 *  - A job is finished when its outcome was read, not before. A child that dies
 *    first has failed its job, even if the work was complete.
 *  - Every run ends in exactly one callback, when nothing of it lives.
 *  - With nothing running there is no timer.
 */
#include "exec/pool.h"

#include <assert.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/error.h"
#include "base/mem.h"
#include "exec/pool_impl.h"

#define SAMPLE_S 0.05

/* --------------------------------------------------------- end of the turn */

static bool is_in_use(const struct crq_pool *pool,
        const struct crq_pool_server *server)
{
    size_t i;

    for (i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].server == server)
            return true;
    return false;
}

static void tend_slot(struct crq_pool_slot *slot)
{
    struct crq_pool *pool = slot->pool;
    bool wanted = slot->state == CRQ_SLOT_AWAITING ||
            (slot->state == CRQ_SLOT_EMPTY && !pool->closing);

    if (slot->state == CRQ_SLOT_KILLING && slot->server == NULL) {
        /* Ended before it had a child. */
        crq_pool_slot_exited(slot, NULL);
        return;
    }
    if (slot->server != NULL &&
            (pool->closing ||
                    (pool->current != NULL && slot->server != pool->current)))
        crq_pool_slot_leave(slot);
    if (wanted && slot->server == NULL && pool->current != NULL &&
            !ev_is_active(&pool->retry))
        crq_pool_slot_spawn(slot);
}

static bool all_empty(const struct crq_pool *pool)
{
    size_t i;

    for (i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].state != CRQ_SLOT_EMPTY)
            return false;
    return true;
}

static void tend_servers(struct crq_pool *pool)
{
    struct crq_pool_server **at = &pool->servers, *server;
    bool last = pool->closing && all_empty(pool), newest = true;

    while (*at != NULL) {
        server = *at;
        /* Only the current one, and the newest while it loads, are of use. */
        if (server->state < CRQ_SERVER_LEAVING && !is_in_use(pool, server) &&
                (last ||
                        (server != pool->current &&
                                !(newest &&
                                        server->state == CRQ_SERVER_LOADING))))
            crq_pool_server_leave(server);
        newest = false;
        if (server->state == CRQ_SERVER_GONE) {
            *at = server->next;
            crq_pool_server_free(server);
        } else {
            at = &server->next;
        }
    }
}

/* Some server has to be there while one is needed. */
static bool is_server_missing(const struct crq_pool *pool)
{
    const struct crq_pool_server *server;

    for (server = pool->servers; server != NULL; server = server->next)
        if (server->state < CRQ_SERVER_LEAVING)
            return false;
    return !pool->closing || !all_empty(pool);
}

static void tend(struct crq_pool *pool)
{
    crq_error err;
    size_t i;

    for (i = 0; i < pool->slot_count; i++)
        tend_slot(&pool->slots[i]);
    tend_servers(pool);
    if (pool->refused)
        return;
    if (is_server_missing(pool) && !ev_is_active(&pool->retry) &&
            crq_pool_server_start(pool, &err) < 0) {
        crq_log_error(pool->log, "fork server: %s", err.text);
        crq_pool_failed(pool);
    }
}

static void on_turn_end(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct crq_pool *pool = w->data;

    (void)loop;
    (void)revents;
    while (pool->dirty) {
        pool->dirty = false;
        tend(pool);
    }
    if (pool->closing && !pool->closed && pool->servers == NULL &&
            all_empty(pool)) {
        pool->closed = true;
        ev_timer_stop(pool->loop, &pool->retry);
        pool->events->on_closed(pool->arg);
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_pool *pool = w->data;

    (void)loop;
    (void)revents;
    pool->dirty = true;
}

/* The first time at once, so that one mishap costs nothing; then ever later,
 * so that a module that cannot start does not burn the machine. */
void crq_pool_failed(struct crq_pool *pool)
{
    static const double delays_s[] = { 0.01, 0.1, 0.5, 1, 2, 5 };
    size_t last = sizeof(delays_s) / sizeof(delays_s[0]) - 1;
    size_t i = pool->failures < last ? pool->failures : last;

    pool->failures++;
    ev_timer_stop(pool->loop, &pool->retry);
    ev_timer_set(&pool->retry, delays_s[i], 0);
    ev_timer_start(pool->loop, &pool->retry);
}

/* -------------------------------------------------------------------- limits
 */

static void on_sample(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_pool *pool = w->data;
    size_t i;

    (void)loop;
    (void)revents;
    for (i = 0; i < pool->slot_count; i++)
        crq_pool_slot_sample(&pool->slots[i]);
    crq_pool_sampling(pool);
}

void crq_pool_sampling(struct crq_pool *pool)
{
    bool wanted = false;
    size_t i;

    for (i = 0; i < pool->slot_count && !wanted; i++)
        wanted = crq_pool_slot_has_limit(&pool->slots[i]);
    if (!wanted)
        ev_timer_stop(pool->loop, &pool->sampler);
    else if (!ev_is_active(&pool->sampler))
        ev_timer_again(pool->loop, &pool->sampler);
}

/* --------------------------------------------------------------------- runs */

static struct crq_frame frame_of(const struct crq_pool_run *what)
{
    const struct crq_run *run = &what->run;
    const struct crq_callback_call *call = what->call_back;
    struct crq_frame frame = {
        .type = CRQ_FRAME_RUN,
        .job_id = crq_span_of(run->job_id),
        .execution_id = crq_span_of(run->execution_id),
        .queue = crq_span_of(run->queue),
        .worker = crq_span_of(run->worker),
        .timeout_s = run->timeout_s,
        .retries_left = run->retries_left,
        .data = { run->data, run->data_len },
        .meta = { run->meta, run->meta_len },
        .on_success = crq_span_of(run->on_success.name),
        .success_timeout_s = run->on_success.timeout_s,
        .on_failure = crq_span_of(run->on_failure.name),
        .failure_timeout_s = run->on_failure.timeout_s,
        .serializer = run->serializer != NULL ? (int64_t)*run->serializer : -1,
    };

    if (call == NULL)
        return frame;
    frame.type = CRQ_FRAME_CALL_BACK;
    frame.timeout_s = call->callback.timeout_s;
    frame.function = crq_span_of(call->callback.name);
    frame.event = (int64_t)call->event;
    frame.error_class = crq_span_of(call->error_class);
    frame.error_message = crq_span_of(call->error_message);
    frame.text = crq_span_of(call->error);
    return frame;
}

int crq_pool_run(struct crq_pool *pool, size_t slot,
        const struct crq_pool_run *run, crq_error *err)
{
    struct crq_frame frame = frame_of(run);
    struct crq_pool_slot *at;
    int rc;

    assert(slot < pool->slot_count);
    at = &pool->slots[slot];
    if (at->state != CRQ_SLOT_IDLE || pool->closing || at->server == NULL)
        return crq_fail(err, CRQ_ESTATE, "slot %zu is %s", slot,
                crq_slot_state_name(at->state));
    rc = crq_frame_encode(&frame, CRQ_FRAME_MAX, &at->frame, err);
    if (rc < 0)
        return rc;
    crq_pool_slot_start(at, run);
    return 0;
}

void crq_pool_stop_soon(struct crq_pool *pool, size_t slot)
{
    struct crq_frame frame = { .type = CRQ_FRAME_STOP_SOON };

    assert(slot < pool->slot_count);
    /* A hint: when there is no memory for it, the run ends later. */
    if (pool->slots[slot].state == CRQ_SLOT_RUNNING)
        (void)!crq_wire_send(&pool->slots[slot].wire, &frame, NULL);
}

void crq_pool_end(struct crq_pool *pool, size_t slot, enum crq_end why,
        bool at_once)
{
    assert(slot < pool->slot_count);
    crq_pool_slot_end(&pool->slots[slot], why, at_once);
}

/* -------------------------------------------------------- beginning and end */

static void free_texts(char **texts, size_t count)
{
    size_t i;

    for (i = 0; texts != NULL && i < count; i++)
        crq_free(texts[i]);
    crq_free(texts);
}

static int set_modules(struct crq_pool *pool, const char *const *modules,
        size_t count)
{
    char **copy = crq_calloc(count + 1, sizeof(*copy));
    size_t i;

    for (i = 0; copy != NULL && i < count; i++) {
        copy[i] = crq_strdup(modules[i]);
        if (copy[i] == NULL)
            break;
    }
    if (copy == NULL || i < count) {
        free_texts(copy, count);
        return CRQ_ENOMEM;
    }
    if (pool->old_modules == NULL) {
        pool->old_modules = pool->modules;
        pool->old_count = pool->module_count;
    } else {
        free_texts(pool->modules, pool->module_count);
    }
    pool->modules = copy;
    pool->module_count = count;
    return 0;
}

void crq_pool_reloaded(struct crq_pool *pool, bool good)
{
    if (!good && pool->old_modules != NULL) {
        free_texts(pool->modules, pool->module_count);
        pool->modules = pool->old_modules;
        pool->module_count = pool->old_count;
    } else {
        free_texts(pool->old_modules, pool->old_count);
    }
    pool->old_modules = NULL;
}

static int set_options(struct crq_pool *pool,
        const struct crq_pool_options *options)
{
    const char *exe = options->exe;
    size_t i;

    pool->log = options->log;
    pool->keep_child = options->keep_child;
    pool->grace_s = options->kill_grace_ms > 0
            ? (double)options->kill_grace_ms / 1000
            : 1;
    pool->max_jobs = options->max_jobs_per_child;
    pool->max_memory_mib = options->max_child_memory_mib;
    if (exe != NULL) {
        pool->exe = crq_strdup(exe);
        if (pool->exe == NULL)
            return CRQ_ENOMEM;
    }
    if (options->url != NULL) {
        pool->url = crq_strdup(options->url);
        if (pool->url == NULL)
            return CRQ_ENOMEM;
    }
    pool->slots = crq_calloc(options->slots, sizeof(*pool->slots));
    if (pool->slots == NULL)
        return CRQ_ENOMEM;
    pool->slot_count = options->slots;
    for (i = 0; i < pool->slot_count; i++)
        crq_pool_slot_init(pool, i);
    return set_modules(pool, options->modules, options->module_count);
}

static void start_watchers(struct crq_pool *pool)
{
    ev_prepare_init(&pool->turn_end, on_turn_end);
    ev_child_init(&pool->reaper, crq_pool_on_child, 0, 0);
    ev_timer_init(&pool->sampler, on_sample, 0, SAMPLE_S);
    ev_timer_init(&pool->sweeper, crq_pool_on_sweep, 0, 0.003);
    ev_timer_init(&pool->retry, on_retry, 0, 0);
    pool->turn_end.data = pool->reaper.data = pool->sampler.data = pool;
    pool->sweeper.data = pool->retry.data = pool;
    ev_prepare_start(pool->loop, &pool->turn_end);
    ev_child_start(pool->loop, &pool->reaper);
}

int crq_pool_new(struct ev_loop *loop, const struct crq_pool_options *options,
        const struct crq_pool_events *events, void *arg, struct crq_pool **out,
        crq_error *err)
{
    struct crq_pool *pool;
    int rc;

    if (options->slots == 0)
        return crq_fail(err, CRQ_EINVAL, "a pool of no slots");
    if (!ev_is_default_loop(loop))
        return crq_fail(err, CRQ_EINVAL, "a pool needs the default loop");
    pool = crq_calloc(1, sizeof(*pool));
    if (pool == NULL)
        return crq_fail_nomem(err);
    pool->loop = loop;
    pool->events = events;
    pool->arg = arg;
    start_watchers(pool);
    rc = set_options(pool, options);
    if (rc < 0) {
        crq_fail_nomem(err);
        goto out;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    rc = crq_pool_server_start(pool, err);
    if (rc == 0)
        *out = pool;
out:
    if (rc < 0)
        crq_pool_free(pool);
    return rc;
}

void crq_pool_free(struct crq_pool *pool)
{
    struct crq_pool_server *server;
    size_t i;

    if (pool == NULL)
        return;
    while (pool->servers != NULL) {
        server = pool->servers;
        pool->servers = server->next;
        crq_pool_server_free(server);
    }
    for (i = 0; i < pool->slot_count; i++)
        crq_pool_slot_fini(&pool->slots[i]);
    ev_prepare_stop(pool->loop, &pool->turn_end);
    ev_child_stop(pool->loop, &pool->reaper);
    ev_timer_stop(pool->loop, &pool->sampler);
    ev_timer_stop(pool->loop, &pool->sweeper);
    ev_timer_stop(pool->loop, &pool->retry);
    crq_pool_reloaded(pool, true);
    free_texts(pool->modules, pool->module_count);
    crq_free(pool->slots);
    crq_free(pool->url);
    crq_free(pool->exe);
    crq_free(pool);
}

int crq_pool_reload(struct crq_pool *pool, const char *const *modules,
        size_t count, crq_error *err)
{
    if (pool->closing)
        return crq_fail(err, CRQ_ESTATE, "the pool closes");
    if (modules != NULL && set_modules(pool, modules, count) < 0)
        return crq_fail_nomem(err);
    pool->dirty = true;
    pool->refused = false;
    return crq_pool_server_start(pool, err);
}

void crq_pool_close(struct crq_pool *pool, bool now)
{
    size_t i;

    pool->closing = true;
    pool->dirty = true;
    for (i = 0; now && i < pool->slot_count; i++)
        crq_pool_slot_end(&pool->slots[i], CRQ_END_SHUTDOWN, true);
}

/* ---------------------------------------------------------------- questions */

size_t crq_pool_slots(const struct crq_pool *pool)
{
    return pool->slot_count;
}

bool crq_pool_is_idle(const struct crq_pool *pool, size_t slot)
{
    assert(slot < pool->slot_count);
    return pool->slots[slot].state == CRQ_SLOT_IDLE && !pool->closing &&
            pool->slots[slot].server != NULL;
}

bool crq_pool_is_running(const struct crq_pool *pool, size_t slot)
{
    assert(slot < pool->slot_count);
    return crq_slot_has_run(pool->slots[slot].state);
}

size_t crq_pool_running(const struct crq_pool *pool)
{
    size_t i, count = 0;

    for (i = 0; i < pool->slot_count; i++)
        count += crq_slot_has_run(pool->slots[i].state);
    return count;
}

pid_t crq_pool_pid(const struct crq_pool *pool, size_t slot)
{
    assert(slot < pool->slot_count);
    return pool->slots[slot].pid;
}

pid_t crq_pool_server_pid(const struct crq_pool *pool)
{
    return pool->current == NULL ? 0 : pool->current->pid;
}

const struct crq_pool_task *crq_pool_find(const struct crq_pool *pool,
        const char *name)
{
    size_t i;

    for (i = 0; pool->current != NULL && i < pool->current->count; i++)
        if (strcmp(pool->current->tasks[i].name, name) == 0)
            return &pool->current->tasks[i];
    return NULL;
}
