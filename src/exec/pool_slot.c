/*
 * pool_slot.c - one slot: its child, and the run in it.
 *
 * slot.c says which changes of state there are; here is what each of them
 * means. A child's frames come by its own socket, its death by the server's:
 * EXITED is the last word, but what the child sent before it died is read
 * first, so that an outcome that was sent counts.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "exec/pool_impl.h"
#include "exec/proc.h"
#include "model/serializer.h"

static bool move(struct crq_pool_slot *slot, enum crq_slot_event event)
{
    return crq_slot_move(&slot->state, event);
}

/* A move that only our own mistake could make illegal. */
static void must_move(struct crq_pool_slot *slot, enum crq_slot_event event)
{
    bool legal = move(slot, event);

    assert(legal);
    (void)legal;
}

static void set_timer(struct crq_pool_slot *slot, double after_s)
{
    ev_timer_stop(slot->pool->loop, &slot->timer);
    if (after_s < 0)
        return;
    /* Since the turn began, time has passed. */
    ev_now_update(slot->pool->loop);
    ev_timer_set(&slot->timer, after_s, 0);
    ev_timer_start(slot->pool->loop, &slot->timer);
}

static void tell_server(struct crq_pool_slot *slot, enum crq_frame_type type,
        int number)
{
    struct crq_frame frame = {
        .type = type, .slot = (int64_t)slot->index, .signal = number
    };

    /* Without a server the child dies anyway; without memory for twenty bytes
     * the timer comes back to it. */
    if (slot->server != NULL && slot->server->wire.fd >= 0 &&
            crq_wire_send(&slot->server->wire, &frame, NULL) < 0)
        set_timer(slot, slot->pool->grace_s);
}

/* --------------------------------------------------------- ending a child */

static void kill_child(struct crq_pool_slot *slot, enum crq_end why)
{
    if (slot->end == CRQ_END_NONE)
        slot->end = why;
    must_move(slot, CRQ_SLOT_KILL);
    set_timer(slot, -1);
    tell_server(slot, CRQ_FRAME_SWEEP, 0);
    slot->pool->dirty = true;
}

void crq_pool_slot_end(struct crq_pool_slot *slot, enum crq_end why,
        bool at_once)
{
    if (!crq_slot_has_run(slot->state))
        return;
    if (at_once || slot->state == CRQ_SLOT_CLEARING ||
            slot->state == CRQ_SLOT_AWAITING) {
        kill_child(slot, why);
        return;
    }
    if (slot->state != CRQ_SLOT_RUNNING)
        return;
    if (slot->end == CRQ_END_NONE)
        slot->end = why;
    must_move(slot, CRQ_SLOT_TERM);
    set_timer(slot, slot->pool->grace_s);
    tell_server(slot, CRQ_FRAME_KILL, SIGTERM);
}

static void let_go(struct crq_pool_slot *slot, enum crq_slot_event event)
{
    must_move(slot, event);
    /* The child reads the end of its socket and exits. */
    if (slot->wire.fd >= 0)
        shutdown(slot->wire.fd, SHUT_WR);
    set_timer(slot, slot->pool->grace_s);
}

void crq_pool_slot_leave(struct crq_pool_slot *slot)
{
    if (slot->state == CRQ_SLOT_IDLE || slot->state == CRQ_SLOT_STARTING)
        let_go(slot, CRQ_SLOT_LEAVE);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_pool_slot *slot = w->data;

    (void)loop;
    (void)revents;
    if (slot->state == CRQ_SLOT_EMPTY)
        return;
    if (slot->wire.fd >= 0 && slot->wire.ended)
        kill_child(slot, CRQ_END_PROTOCOL); /* closed, and did not die */
    else if (slot->state == CRQ_SLOT_RUNNING)
        crq_pool_slot_end(slot, CRQ_END_TIMEOUT, false);
    else if (slot->state != CRQ_SLOT_IDLE)
        kill_child(slot, CRQ_END_NONE);
}

/* ------------------------------------------------------------- what it says */

/* The child has grown too large, has run often enough, is of an old server, or
 * was made for the one run. */
static bool is_used_up(const struct crq_pool_slot *slot, int64_t peak_kib)
{
    const struct crq_pool *pool = slot->pool;

    return slot->limited || pool->closing ||
            (pool->current != NULL && slot->server != pool->current) ||
            (pool->max_jobs > 0 && slot->runs >= pool->max_jobs) ||
            (pool->max_memory_mib > 0 &&
                    peak_kib > pool->max_memory_mib * 1024);
}

static void settle(struct crq_pool_slot *slot, int64_t peak_kib)
{
    if (slot->state != CRQ_SLOT_IDLE || slot->server == NULL)
        return;
    if (is_used_up(slot, peak_kib))
        crq_pool_slot_leave(slot);
    else
        slot->pool->events->on_idle(slot->pool->arg, slot->index);
}

static void send_run(struct crq_pool_slot *slot)
{
    crq_error err;
    int rc;

    rc = crq_wire_send_bytes(&slot->wire, slot->frame.data, slot->frame.len,
            &err);
    crq_buf_fini(&slot->frame);
    crq_buf_init(&slot->frame, CRQ_BUF_MAX);
    if (rc < 0) {
        crq_log_error(slot->pool->log, "slot %zu: %s", slot->index, err.text);
        kill_child(slot, CRQ_END_SERVER);
        return;
    }
    slot->runs++;
    slot->sent_at = ev_now(slot->pool->loop);
    set_timer(slot, slot->timeout_s > 0 ? (double)slot->timeout_s : -1);
    crq_pool_sampling(slot->pool);
}

static void on_ready(struct crq_pool_slot *slot, const struct crq_frame *frame)
{
    if (frame->protocol != CRQ_FRAME_PROTOCOL || frame->pid <= 0 ||
            !move(slot, CRQ_SLOT_READY)) {
        kill_child(slot, CRQ_END_PROTOCOL);
        return;
    }
    slot->pool->failures = 0;
    slot->pid = (pid_t)frame->pid;
    if (slot->state == CRQ_SLOT_RUNNING)
        send_run(slot);
    else
        settle(slot, 0);
}

static char *steal(struct crq_span span, bool *failed)
{
    char *copy;

    if (span.data == NULL)
        return NULL;
    copy = crq_memdup(span.data, span.len);
    *failed |= copy == NULL;
    return copy;
}

static bool make_outcome(struct crq_frame *frame, struct crq_outcome *out)
{
    bool failed = false;

    out->kind = frame->type == CRQ_FRAME_DONE ? CRQ_OUTCOME_RETURNED
            : frame->type == CRQ_FRAME_RETRY  ? CRQ_OUTCOME_RETRY
                                              : CRQ_OUTCOME_FAILED;
    out->serializer = (crq_serializer)frame->serializer;
    out->value = steal(frame->value, &failed);
    out->value_len = frame->value.len;
    if (out->kind == CRQ_OUTCOME_FAILED) {
        out->error = steal(frame->text, &failed);
        out->error_class = steal(frame->error_class, &failed);
        out->error_message = steal(frame->error_message, &failed);
    }
    out->retry_max = frame->retry_max;
    out->retry_intervals_s = frame->intervals_s;
    out->retry_intervals = frame->intervals;
    frame->intervals_s = NULL;
    return !failed;
}

static bool is_sane(const struct crq_frame *frame)
{
    return crq_serializer_known(frame->serializer) &&
            (frame->type != CRQ_FRAME_RETRY || frame->retry_max > 0);
}

static void on_outcome(struct crq_pool_slot *slot, struct crq_frame *frame)
{
    struct crq_pool *pool = slot->pool;
    struct crq_outcome outcome;
    bool counts = slot->state == CRQ_SLOT_RUNNING;

    memset(&outcome, 0, sizeof(outcome));
    if (!is_sane(frame)) {
        kill_child(slot, CRQ_END_PROTOCOL);
        return;
    }
    if (counts && !make_outcome(frame, &outcome)) {
        /* Half an outcome would be another one. */
        crq_log_error(pool->log, "slot %zu: no memory for an outcome",
                slot->index);
        crq_outcome_fini(&outcome);
        kill_child(slot, CRQ_END_NONE);
        return;
    }
    if (!move(slot, CRQ_SLOT_OUTCOME)) {
        kill_child(slot, CRQ_END_PROTOCOL);
        return;
    }
    if (!counts) {
        /* After its time: the child was only waiting to be killed. */
        tell_server(slot, CRQ_FRAME_SWEEP, 0);
        return;
    }
    set_timer(slot, -1);
    crq_pool_sampling(pool);
    pool->events->on_outcome(pool->arg, slot->index, &outcome);
    crq_outcome_fini(&outcome);
    settle(slot, frame->peak_kib);
    pool->dirty = true;
}

/* The task has ended, and its callback has its own time: what the worker was
 * told by the job, not what the child says, and each event once, so that no
 * run lasts longer than all of its limits. */
static void on_callback(struct crq_pool_slot *slot,
        const struct crq_frame *frame)
{
    int64_t event = frame->event;

    if (slot->state != CRQ_SLOT_RUNNING)
        return; /* it is being ended */
    if (event <= (int64_t)slot->during || event >= CRQ_EVENT_STOPPED ||
            !slot->callbacks[event].wanted) {
        kill_child(slot, CRQ_END_PROTOCOL);
        return;
    }
    slot->during = (crq_event)event;
    crq_buf_clear(&slot->failure);
    crq_buf_put(&slot->failure, frame->text.data, frame->text.len);
    slot->timeout_s = slot->callbacks[event].timeout_s;
    set_timer(slot, slot->timeout_s > 0 ? (double)slot->timeout_s : -1);
}

static void on_frame(void *arg, struct crq_frame *frame)
{
    struct crq_pool_slot *slot = arg;

    switch (frame->type) {
    case CRQ_FRAME_READY: on_ready(slot, frame); break;
    case CRQ_FRAME_DONE:
    case CRQ_FRAME_FAILED:
    case CRQ_FRAME_RETRY: on_outcome(slot, frame); break;
    case CRQ_FRAME_LOG:
        if (slot->state == CRQ_SLOT_RUNNING || slot->state == CRQ_SLOT_ENDING)
            slot->pool->events->on_log(slot->pool->arg, slot->index,
                    frame->text.data, frame->text.len);
        break;
    case CRQ_FRAME_CALLBACK: on_callback(slot, frame); break;
    default: kill_child(slot, CRQ_END_PROTOCOL); break;
    }
}

/* The socket ended. Mostly the child is dead and the server is about to say
 * so, with the evidence: it gets the time for that. */
static void on_end(void *arg, const char *why)
{
    struct crq_pool_slot *slot = arg;

    if (slot->server == NULL)
        return; /* it is known to be dead */
    if (why != NULL) {
        crq_log_warn(slot->pool->log, "slot %zu, child %ld: %s", slot->index,
                (long)slot->pid, why);
        kill_child(slot, CRQ_END_PROTOCOL);
        return;
    }
    if (slot->state == CRQ_SLOT_IDLE)
        let_go(slot, CRQ_SLOT_LEAVE);
    else if (slot->state != CRQ_SLOT_KILLING)
        set_timer(slot, slot->pool->grace_s);
}

/* ---------------------------------------------------------- starting a child
 */

void crq_pool_slot_spawn(struct crq_pool_slot *slot)
{
    struct crq_pool *pool = slot->pool;
    bool limited = slot->state == CRQ_SLOT_AWAITING;
    struct crq_frame frame = { .type = CRQ_FRAME_SPAWN,
        .slot = (int64_t)slot->index,
        .memory_mib = limited ? slot->memory_mib : 0,
        .cpu_s = limited ? slot->cpu_s : 0 };
    int pair[2];
    crq_error err;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        crq_log_error(pool->log, "no socket for a child: %s", strerror(errno));
        crq_pool_failed(pool);
        return;
    }
    if (crq_wire_send_fd(&pool->current->wire, &frame, pair[1], &err) < 0) {
        /* Its socket is full: in a moment. */
        close(pair[0]);
        close(pair[1]);
        crq_pool_failed(pool);
        return;
    }
    close(pair[1]);
    must_move(slot, CRQ_SLOT_SPAWN);
    slot->server = pool->current;
    slot->pid = 0;
    slot->runs = 0;
    slot->limited = limited;
    slot->has_status = false;
    crq_wire_open(&slot->wire, pool->loop, pair[0], CRQ_FRAME_MAX, slot);
    slot->wire.on_frame = on_frame;
    slot->wire.on_end = on_end;
}

static void set_callback(struct crq_pool_slot *slot, crq_event event,
        const struct crq_run_callback *callback, bool alone)
{
    slot->callbacks[event].wanted =
            !alone && callback->name != NULL && callback->name[0] != '\0';
    slot->callbacks[event].timeout_s = callback->timeout_s;
}

void crq_pool_slot_start(struct crq_pool_slot *slot,
        const struct crq_pool_run *run)
{
    bool alone = run->call_back != NULL;

    slot->timeout_s =
            alone ? run->call_back->callback.timeout_s : run->run.timeout_s;
    set_callback(slot, CRQ_EVENT_SUCCESS, &run->run.on_success, alone);
    set_callback(slot, CRQ_EVENT_FAILURE, &run->run.on_failure, alone);
    slot->during = CRQ_EVENT_NONE;
    crq_buf_clear(&slot->failure);
    slot->memory_mib = run->memory_mib;
    slot->cpu_s = run->cpu_s;
    slot->end = CRQ_END_NONE;
    slot->sent_at = 0;
    slot->peak_kib = 0;
    slot->cpu_base_us = -1;
    if (run->memory_mib > 0 || run->cpu_s > 0) {
        let_go(slot, CRQ_SLOT_RENEW);
        return;
    }
    must_move(slot, CRQ_SLOT_RUN);
    send_run(slot);
}

/* ----------------------------------------------------------------- sampling */

bool crq_pool_slot_has_limit(const struct crq_pool_slot *slot)
{
    return slot->state == CRQ_SLOT_RUNNING &&
            (slot->memory_mib > 0 || slot->cpu_s > 0 ||
                    slot->pool->max_memory_mib > 0);
}

void crq_pool_slot_sample(struct crq_pool_slot *slot)
{
    int64_t limit_mib = slot->memory_mib > 0 ? slot->memory_mib
                                             : slot->pool->max_memory_mib;
    int64_t kib, cpu_us;

    if (!crq_pool_slot_has_limit(slot) ||
            !crq_proc_usage(slot->pid, &kib, &cpu_us))
        return;
    if (kib > slot->peak_kib)
        slot->peak_kib = kib;
    if (slot->cpu_base_us < 0)
        slot->cpu_base_us = cpu_us;
    if (limit_mib > 0 && kib > limit_mib * 1024)
        crq_pool_slot_end(slot, CRQ_END_MEMORY, false);
    else if (slot->cpu_s > 0 &&
            cpu_us - slot->cpu_base_us > slot->cpu_s * 1000000)
        crq_pool_slot_end(slot, CRQ_END_CPU, false);
}

/* -------------------------------------------------------------------- death */

static void tell_died(struct crq_pool_slot *slot, const struct crq_frame *frame)
{
    struct crq_pool *pool = slot->pool;
    struct crq_death death = { .end = slot->end,
        .during = slot->during,
        .failure = crq_buf_text(&slot->failure),
        .pid = slot->pid,
        .began = slot->sent_at > 0,
        .has_status = slot->has_status,
        .wait_status = slot->wait_status,
        .peak_kib = slot->peak_kib,
        .output = "",
        .backtrace = "" };
    char *output = NULL, *backtrace = NULL;

    if (frame != NULL) {
        output = crq_memdup(frame->output.data, frame->output.len);
        backtrace = crq_memdup(frame->backtrace.data, frame->backtrace.len);
        death.began &= frame->runs >= slot->runs;
        death.pid = (pid_t)frame->pid;
        death.has_status = frame->pid > 0;
        death.wait_status = (int)frame->wait_status;
        death.oom = frame->oom;
        death.user_us = frame->user_us;
        death.system_us = frame->system_us;
        if (frame->peak_kib > death.peak_kib)
            death.peak_kib = frame->peak_kib;
    }
    if (output != NULL) {
        death.output = output;
        death.output_len = frame->output.len;
    }
    if (backtrace != NULL)
        death.backtrace = backtrace;
    if (slot->sent_at > 0)
        death.ran_us = (int64_t)((ev_now(pool->loop) - slot->sent_at) * 1e6);
    pool->events->on_died(pool->arg, slot->index, &death);
    crq_free(output);
    crq_free(backtrace);
}

/* A child of no run died: nobody else hears of it. */
static void log_loss(struct crq_pool_slot *slot, enum crq_slot_state was,
        const struct crq_frame *frame)
{
    if (was == CRQ_SLOT_LEAVING || was == CRQ_SLOT_CLEARING || frame == NULL)
        return;
    if (frame->pid == 0)
        crq_log_error(slot->pool->log, "slot %zu: %.*s", slot->index,
                (int)frame->text.len, frame->text.data);
    else
        crq_log_warn(slot->pool->log,
                "slot %zu: the %s child %lld died, status 0x%llx: %.*s",
                slot->index, crq_slot_state_name(was), (long long)frame->pid,
                (long long)frame->wait_status, (int)frame->output.len,
                frame->output.data);
}

void crq_pool_slot_exited(struct crq_pool_slot *slot,
        const struct crq_frame *frame)
{
    enum crq_slot_state was;
    bool broken;

    /* From here on the slot takes no run, whatever the child has sent. */
    slot->server = NULL;
    crq_wire_drain(&slot->wire);
    crq_wire_close(&slot->wire);
    set_timer(slot, -1);
    was = slot->state;
    broken = slot->pid == 0 && was != CRQ_SLOT_LEAVING;
    must_move(slot, CRQ_SLOT_EXITED);
    if (frame == NULL && slot->end == CRQ_END_NONE)
        slot->end = CRQ_END_SERVER;
    if (was == CRQ_SLOT_CLEARING)
        slot->end = CRQ_END_NONE;
    else if (crq_slot_has_run(was))
        tell_died(slot, frame);
    else
        log_loss(slot, was, frame);
    if (slot->state == CRQ_SLOT_EMPTY) {
        crq_buf_fini(&slot->frame);
        crq_buf_init(&slot->frame, CRQ_BUF_MAX);
        crq_buf_fini(&slot->failure);
        crq_buf_init(&slot->failure, CRQ_BUF_MAX);
    }
    slot->pid = 0;
    slot->pool->dirty = true;
    if (broken)
        crq_pool_failed(slot->pool);
    crq_pool_sampling(slot->pool);
}

/* -------------------------------------------------------------------- frame */

void crq_pool_slot_init(struct crq_pool *pool, size_t index)
{
    struct crq_pool_slot *slot = &pool->slots[index];

    slot->pool = pool;
    slot->index = index;
    slot->state = CRQ_SLOT_EMPTY;
    slot->wire.fd = -1;
    crq_buf_init(&slot->frame, CRQ_BUF_MAX);
    crq_buf_init(&slot->failure, CRQ_BUF_MAX);
    ev_timer_init(&slot->timer, on_timer, 0, 0);
    slot->timer.data = slot;
}

void crq_pool_slot_fini(struct crq_pool_slot *slot)
{
    ev_timer_stop(slot->pool->loop, &slot->timer);
    crq_wire_close(&slot->wire);
    crq_buf_fini(&slot->frame);
    crq_buf_fini(&slot->failure);
}
