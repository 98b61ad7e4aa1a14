/*
 * api_pool.c - see api_pool.h.
 *
 *     RESTING ──fork──▶ IDLE ◀──────answer──────┐
 *        ▲               │──────question──────▶ BUSY
 *        │               └──its end, nonsense──┐ │ died, hung, nonsense
 *        └──────────────reaped──────────────── ENDING
 *
 * A helper is over when it was reaped, however its end showed first: then
 * another one is made, after a pause when the last one was short-lived. Its
 * question is answered as soon as it is lost.
 */
#include "web/api_pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ev.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "web/api_helper.h"

#define HELPERS 2
#define PAUSE_S 1.0

/* From being asked: Redis may keep a helper waiting for 5 s, bulk operations
 * break off after as much. */
#define LIMIT_US INT64_C(15000000)
#define TICK_S   0.25

/* What waits for a helper. Operations take time: the first helper does none. */
enum lane { LOOKS, OPERATIONS, LANES };

static const size_t lane_max[] = { [LOOKS] = 256, [OPERATIONS] = 32 };

struct task {
    struct task *next;
    int64_t limit_us; /* on the monotonic clock */
    struct crq_buf frame;
    api_done *done;
    void *arg;
};

enum helper_state { RESTING, IDLE, BUSY, ENDING };

struct helper {
    struct api_pool *pool;
    enum helper_state state;
    int fd;
    pid_t pid;
    int64_t born_us;
    ev_io readable, writable;
    ev_child reaper;
    ev_timer pause;
    struct task *task; /* of a BUSY one */
    size_t sent;       /* bytes of its frame */
    struct crq_buf in;
};

struct api_pool {
    struct ev_loop *loop;
    const char *url;
    struct api api; /* of the helpers */
    const struct crq_log *log;
    struct helper helpers[HELPERS];
    struct queue {
        struct task *first, **last;
        size_t count;
    } lanes[LANES];
    ev_timer tick; /* while there are tasks */
};

static int64_t now_us(void)
{
    return crq_clock_mono_us(&crq_clock_system);
}

/* -------------------------------------------------------------------- tasks */

static void task_free(struct task *task)
{
    crq_buf_fini(&task->frame);
    crq_free(task);
}

static void task_end(struct task *task, enum api_end end,
        const struct api_answer *answer)
{
    task->done(task->arg, end, answer);
    task_free(task);
}

static struct task *take_first(struct queue *queue)
{
    struct task *task = queue->first;

    if (task == NULL)
        return NULL;
    queue->first = task->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    return task;
}

static void append(struct queue *queue, struct task *task)
{
    *queue->last = task;
    queue->last = &task->next;
    queue->count++;
}

/* What this helper is to do next, or NULL. Of two that wait, the one that came
 * first: many looks do not hold up an operation for ever. */
static struct task *next_task(struct api_pool *pool, const struct helper *h)
{
    const struct task *look = pool->lanes[LOOKS].first,
                      *operation = pool->lanes[OPERATIONS].first;
    enum lane lane = LOOKS;

    if (h != &pool->helpers[0] && operation != NULL &&
            (look == NULL || operation->limit_us < look->limit_us))
        lane = OPERATIONS;
    return take_first(&pool->lanes[lane]);
}

/* ------------------------------------------------------------- a helper's end
 */

static void lose_task(struct helper *h, enum api_end end)
{
    struct task *task = h->task;

    h->task = NULL;
    if (task != NULL)
        task_end(task, end, NULL);
}

/* It is of no more use. Nothing is heard of it but its end. */
static void helper_end(struct helper *h, enum api_end end)
{
    struct ev_loop *loop = h->pool->loop;

    if (h->state == ENDING)
        return;
    h->state = ENDING;
    ev_io_stop(loop, &h->readable);
    ev_io_stop(loop, &h->writable);
    close(h->fd);
    h->fd = -1;
    if (h->pid > 0)
        kill(h->pid, SIGKILL);
    lose_task(h, end);
}

static void helper_start(struct helper *h);

static void on_reaped(struct ev_loop *loop, ev_child *w, int revents)
{
    struct helper *h = w->data;

    (void)revents;
    ev_child_stop(loop, w);
    crq_log_warn(h->pool->log, "helper process %ld has ended: %s %d",
            (long)h->pid, WIFSIGNALED(w->rstatus) ? "signal" : "status",
            WIFSIGNALED(w->rstatus) ? WTERMSIG(w->rstatus)
                                    : WEXITSTATUS(w->rstatus));
    h->pid = 0;
    helper_end(h, API_DIED);
    h->state = RESTING;
    if (now_us() - h->born_us > (int64_t)(PAUSE_S * 1e6)) {
        helper_start(h);
        return;
    }
    ev_timer_set(&h->pause, PAUSE_S, 0.);
    ev_timer_start(loop, &h->pause);
}

/* --------------------------------------------------------------- questions */

static void write_some(struct helper *h)
{
    const struct crq_buf *frame = &h->task->frame;
    ssize_t n = send(h->fd, frame->data + h->sent, frame->len - h->sent,
            MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        helper_end(h, API_DIED);
        return;
    }
    h->sent += n > 0 ? (size_t)n : 0;
    if (h->sent < frame->len)
        ev_io_start(h->pool->loop, &h->writable);
    else
        ev_io_stop(h->pool->loop, &h->writable);
}

/* Who can, goes on with the next one. */
static void feed(struct api_pool *pool)
{
    for (size_t i = 0; i < HELPERS; i++) {
        struct helper *h = &pool->helpers[i];

        if (h->state == IDLE)
            h->task = next_task(pool, h);
        if (h->state != IDLE || h->task == NULL)
            continue;
        h->state = BUSY;
        h->sent = 0;
        ev_io_start(pool->loop, &h->writable);
    }
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    write_some(w->data);
}

/* ----------------------------------------------------------------- answers */

/* All of it is there. */
static void take_answer(struct helper *h)
{
    struct task *task = h->task;
    struct crq_buf in = h->in;
    struct api_answer answer;

    if (!api_answer_decode(in.data + API_FRAME_HEAD, in.len - API_FRAME_HEAD,
                &answer)) {
        crq_log_error(h->pool->log, "helper process %ld talks nonsense",
                (long)h->pid);
        helper_end(h, API_DIED);
        return;
    }
    crq_buf_init(&h->in, API_FRAME_HEAD + API_FRAME_MAX);
    h->task = NULL;
    h->state = IDLE;
    feed(h->pool);
    task_end(task, API_ANSWERED, &answer);
    crq_buf_fini(&in);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct helper *h = w->data;
    char bytes[65536];
    ssize_t n = recv(h->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    size_t want;

    (void)loop;
    (void)revents;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || h->state != BUSY ||
            crq_buf_put(&h->in, bytes, (size_t)n) < 0) {
        helper_end(h, API_DIED);
        return;
    }
    if (h->in.len < API_FRAME_HEAD)
        return;
    want = API_FRAME_HEAD + api_frame_len(h->in.data);
    /* There is one answer to a question, which was sent by then. */
    if (h->in.len > want || want > API_FRAME_HEAD + API_FRAME_MAX ||
            (h->in.len == want && h->sent < h->task->frame.len))
        helper_end(h, API_DIED);
    else if (h->in.len == want)
        take_answer(h);
}

/* -------------------------------------------------------------- time limits */

static bool has_tasks(const struct api_pool *pool)
{
    for (size_t i = 0; i < HELPERS; i++)
        if (pool->helpers[i].task != NULL)
            return true;
    return pool->lanes[LOOKS].first != NULL ||
            pool->lanes[OPERATIONS].first != NULL;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct api_pool *pool = timer->data;
    int64_t now = now_us();

    (void)revents;
    for (size_t i = 0; i < HELPERS; i++) {
        struct helper *h = &pool->helpers[i];

        if (h->task == NULL || h->task->limit_us > now)
            continue;
        crq_log_warn(pool->log, "helper process %ld hangs: it is killed",
                (long)h->pid);
        helper_end(h, API_HUNG);
    }
    for (size_t i = 0; i < LANES; i++)
        while (pool->lanes[i].first != NULL &&
                pool->lanes[i].first->limit_us <= now)
            task_end(take_first(&pool->lanes[i]), API_BUSY, NULL);
    if (!has_tasks(pool))
        ev_timer_stop(loop, timer);
}

static enum lane lane_of(const struct api_question *question)
{
    return question->request.method != NULL &&
                    api_takes_time(&question->request)
            ? OPERATIONS
            : LOOKS;
}

int api_pool_ask(struct api_pool *pool, const struct api_question *question,
        api_done *done, void *arg)
{
    enum lane lane = lane_of(question);
    struct task *task;
    int rc;

    if (pool->lanes[lane].count == lane_max[lane])
        return CRQ_ELIMIT;
    task = crq_calloc(1, sizeof(*task));
    if (task == NULL)
        return CRQ_ENOMEM;
    crq_buf_init(&task->frame, API_FRAME_HEAD + API_FRAME_MAX);
    rc = api_question_encode(question, &task->frame);
    if (rc < 0) {
        task_free(task);
        return rc;
    }
    task->limit_us = now_us() + LIMIT_US;
    task->done = done;
    task->arg = arg;
    append(&pool->lanes[lane], task);
    if (!ev_is_active(&pool->tick))
        ev_timer_again(pool->loop, &pool->tick);
    feed(pool);
    return 0;
}

/* -------------------------------------------------------- a helper's begin */

static void start_watching(struct helper *h, int fd, pid_t pid)
{
    struct ev_loop *loop = h->pool->loop;

    h->fd = fd;
    h->pid = pid;
    h->state = IDLE;
    h->born_us = now_us();
    crq_buf_clear(&h->in);
    ev_io_set(&h->readable, fd, EV_READ);
    ev_io_set(&h->writable, fd, EV_WRITE);
    ev_io_start(loop, &h->readable);
    ev_child_set(&h->reaper, pid, 0);
    ev_child_start(loop, &h->reaper);
}

static int helper_fork(struct helper *h, crq_error *err)
{
    int pair[2], why;
    pid_t parent = getpid(), pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return crq_fail(err, CRQ_EIO, "no socket pair: %s", strerror(errno));
    pid = fork();
    if (pid == 0)
        api_helper_run(parent, pair[1], h->pool->url, h->pool->api);
    why = errno;
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return crq_fail(err, CRQ_EIO, "no process: %s", strerror(why));
    }
    start_watching(h, pair[0], pid);
    return 0;
}

static void helper_start(struct helper *h)
{
    crq_error err;

    if (helper_fork(h, &err) == 0) {
        feed(h->pool);
        return;
    }
    crq_log_error(h->pool->log, "can't start a helper process: %s", err.text);
    ev_timer_set(&h->pause, PAUSE_S, 0.);
    ev_timer_start(h->pool->loop, &h->pause);
}

static void on_rested(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    helper_start(timer->data);
}

static void helper_init(struct helper *h, struct api_pool *pool)
{
    h->pool = pool;
    h->fd = -1;
    crq_buf_init(&h->in, API_FRAME_HEAD + API_FRAME_MAX);
    ev_init(&h->readable, on_readable);
    ev_init(&h->writable, on_writable);
    ev_init(&h->reaper, on_reaped);
    ev_init(&h->pause, on_rested);
    h->readable.data = h->writable.data = h->reaper.data = h->pause.data = h;
}

/* ---------------------------------------------------------------- the whole */

int api_pool_new(struct ev_loop *loop, const char *url, struct api api,
        const struct crq_log *log, struct api_pool **out, crq_error *err)
{
    struct api_pool *pool = crq_calloc(1, sizeof(*pool));
    int rc = 0;

    if (pool == NULL)
        return crq_fail_nomem(err);
    pool->loop = loop;
    pool->url = url;
    pool->api = api;
    pool->log = log;
    for (size_t i = 0; i < LANES; i++)
        pool->lanes[i].last = &pool->lanes[i].first;
    ev_init(&pool->tick, on_tick);
    pool->tick.repeat = TICK_S;
    pool->tick.data = pool;
    for (size_t i = 0; i < HELPERS; i++)
        helper_init(&pool->helpers[i], pool);
    for (size_t i = 0; rc == 0 && i < HELPERS; i++)
        rc = helper_fork(&pool->helpers[i], err);
    if (rc < 0) {
        api_pool_free(pool);
        return rc;
    }
    *out = pool;
    return 0;
}

/* Helpers end when their socket does, or by the signal that each has asked to
 * get at our end; one that hangs is not waited for. */
static void helper_fini(struct helper *h)
{
    struct ev_loop *loop = h->pool->loop;

    ev_io_stop(loop, &h->readable);
    ev_io_stop(loop, &h->writable);
    ev_child_stop(loop, &h->reaper);
    ev_timer_stop(loop, &h->pause);
    if (h->fd >= 0)
        close(h->fd);
    if (h->task != NULL)
        task_free(h->task);
    crq_buf_fini(&h->in);
}

void api_pool_free(struct api_pool *pool)
{
    struct task *task;

    if (pool == NULL)
        return;
    for (size_t i = 0; i < HELPERS; i++)
        helper_fini(&pool->helpers[i]);
    for (size_t i = 0; i < LANES; i++)
        for (task = take_first(&pool->lanes[i]); task != NULL;
                task = take_first(&pool->lanes[i]))
            task_free(task);
    ev_timer_stop(pool->loop, &pool->tick);
    crq_free(pool);
}
