/*
 * async_calls.c - the calls of a connection on the event loop: from being made
 * to their one callback.
 *
 *     made ──▶ waiting ──▶ sent ──▶ callback
 *                 ▲          │
 *                 └─ broke ──┤      scripts only: commands have failed
 *                 └─ again ──┘      a second later, see crq_async_again()
 *
 * The first call of a script on a link carries its text, the others its name.
 * So scripts run in the order of their calls; only SCRIPT FLUSH in the middle
 * of a link can make Redis answer NOSCRIPT, and then the call runs behind what
 * was sent meanwhile.
 */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exec/async_impl.h"
#include "redis/refusal.h"

#define AGAIN_S 1.0

/* One call that has no callback yet. */
struct crq_async_call {
    struct crq_async_call *next;
    crq_async_reply *reply;
    void *arg;
    const struct crq_script *script; /* NULL: a command */
    size_t nkeys;
    struct crq_args args; /* of a script: to be sent again */
    bool loading;         /* sent with its text */
    int64_t block_ms;
    crq_error failure; /* set when it is in `failed` */
};

/* ---- queues ---- */

static void queue_init(struct crq_async_queue *queue)
{
    *queue = (struct crq_async_queue){ NULL, &queue->first, 0 };
}

static void push(struct crq_async_queue *queue, struct crq_async_call *call)
{
    call->next = NULL;
    *queue->last = call;
    queue->last = &call->next;
    queue->count++;
}

static struct crq_async_call *pop(struct crq_async_queue *queue)
{
    struct crq_async_call *call = queue->first;

    if (call == NULL)
        return NULL;
    queue->first = call->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    return call;
}

static void free_call(struct crq_async_call *call)
{
    crq_args_fini(&call->args);
    crq_free(call);
}

static void free_queue(struct crq_async_queue *queue)
{
    for (struct crq_async_call *call = pop(queue); call != NULL;
            call = pop(queue))
        free_call(call);
}

/* A callback is due: not now, but as soon as the loop has its turn. */
static void fail_call(struct crq_async *a, struct crq_async_call *call,
        int code, const char *text)
{
    crq_fail(&call->failure, code, "%s", text);
    push(&a->failed, call);
    if (!ev_is_active(&a->work)) {
        ev_timer_set(&a->work, 0., 0.);
        ev_timer_start(a->loop, &a->work);
    }
}

static void answer(struct crq_async *a, struct crq_async_call *call,
        const crq_reply *reply, const crq_error *err)
{
    a->inside = true;
    a->again = false;
    if (call->reply != NULL)
        call->reply(call->arg, reply, err);
    a->inside = false;
    if (!a->again) {
        free_call(call);
        return;
    }
    a->again = false;
    call->loading = false;
    push(&a->refused, call);
    if (!ev_is_active(&a->again_timer)) {
        ev_timer_set(&a->again_timer, AGAIN_S, 0.);
        ev_timer_start(a->loop, &a->again_timer);
    }
}

static void on_work(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;
    size_t due = a->failed.count; /* not those that the callbacks add */

    (void)loop;
    (void)revents;
    while (due-- > 0) {
        struct crq_async_call *call = pop(&a->failed);

        answer(a, call, NULL, &call->failure);
    }
    if (a->failed.count > 0) {
        ev_timer_set(&a->work, 0., 0.);
        ev_timer_start(a->loop, &a->work);
    }
}

/* ---- sending ---- */

static bool is_known(const struct crq_async *a, const struct crq_script *script)
{
    for (size_t i = 0; i < a->known_count; i++)
        if (a->known[i] == script)
            return true;
    return false;
}

static int put_script(struct crq_async *a, struct crq_async_call *call)
{
    struct crq_args head;
    int rc;

    call->loading |= !is_known(a, call->script);
    crq_args_init(&head);
    crq_args_puts(&head, call->loading ? "EVAL" : "EVALSHA");
    crq_args_puts(&head,
            call->loading ? call->script->text : call->script->sha1);
    crq_args_puti(&head, (int64_t)call->nkeys);
    rc = crq_args_check(&head, NULL);
    if (rc == 0)
        rc = crq_async_put(a, &head, &call->args);
    crq_args_fini(&head);
    if (rc == 0 && !is_known(a, call->script) &&
            a->known_count < CRQ_ASYNC_KNOWN)
        a->known[a->known_count++] = call->script;
    return rc;
}

void crq_async_calls_send(struct crq_async *a)
{
    struct crq_async_call *call;

    while ((call = pop(&a->waiting)) != NULL) {
        if (put_script(a, call) < 0)
            fail_call(a, call, CRQ_ENOMEM, "out of memory");
        else
            push(&a->sent_calls, call);
    }
    crq_async_watch(a);
}

void crq_async_again(struct crq_async *a)
{
    assert(a->inside);
    a->again = true;
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct crq_async *a = w->data;
    struct crq_async_call *call;

    (void)loop;
    (void)revents;
    while ((call = pop(&a->refused)) != NULL)
        push(&a->waiting, call);
    if (a->state == CRQ_ASYNC_UP)
        crq_async_calls_send(a);
}

int crq_async_send(struct crq_async *a, const struct crq_args *args,
        int64_t block_ms, crq_async_reply *reply, void *arg)
{
    struct crq_async_call *call;

    if (crq_args_check(args, NULL) < 0)
        return CRQ_ENOMEM;
    call = crq_calloc(1, sizeof(*call));
    if (call == NULL)
        return CRQ_ENOMEM;
    crq_args_init(&call->args);
    call->reply = reply;
    call->arg = arg;
    call->block_ms = block_ms;
    if (a->state != CRQ_ASYNC_UP) {
        fail_call(a, call, CRQ_ECONNECT, "not connected to Redis");
        return 0;
    }
    if (crq_async_put(a, NULL, args) < 0) {
        free_call(call);
        return CRQ_ENOMEM;
    }
    if (a->options.on_push != NULL) {
        free_call(call); /* its answer comes as a push */
        return 0;
    }
    push(&a->sent_calls, call);
    if (a->sent_calls.count == 1)
        crq_async_watch(a);
    return 0;
}

int crq_async_script(struct crq_async *a, const struct crq_script *script,
        size_t nkeys, struct crq_args *args, crq_async_reply *reply, void *arg)
{
    struct crq_async_call *call;

    if (crq_args_check(args, NULL) < 0)
        return CRQ_ENOMEM;
    call = crq_calloc(1, sizeof(*call));
    if (call == NULL)
        return CRQ_ENOMEM;
    call->reply = reply;
    call->arg = arg;
    call->script = script;
    call->nkeys = nkeys;
    call->args = *args;
    crq_args_init(args);
    if (a->state != CRQ_ASYNC_UP) {
        push(&a->waiting, call);
        return 0;
    }
    if (put_script(a, call) < 0) {
        *args = call->args;
        crq_free(call);
        return CRQ_ENOMEM;
    }
    push(&a->sent_calls, call);
    if (a->sent_calls.count == 1)
        crq_async_watch(a);
    return 0;
}

/* ---- replies ---- */

/* A script that Redis did not know was not run: send all of it. It runs behind
 * what was sent meanwhile. */
static bool load_script(struct crq_async *a, struct crq_async_call *call,
        const crq_reply *reply)
{
    size_t len;
    const char *text = crq_reply_text(reply, &len);

    if (call->script == NULL || call->loading || len < 8 ||
            strncmp(text, "NOSCRIPT", 8) != 0)
        return false;
    a->known_count = 0; /* of the others it knows nothing, either */
    if (put_script(a, call) < 0)
        return false;
    push(&a->sent_calls, call);
    return true;
}

void crq_async_calls_reply(struct crq_async *a, const crq_reply *reply)
{
    crq_error err;
    struct crq_async_call *call;
    size_t len;
    const char *text;

    if (a->options.on_push != NULL) {
        a->inside = true;
        a->options.on_push(a->options.arg, reply);
        a->inside = false;
        return;
    }
    call = pop(&a->sent_calls);
    if (call == NULL) {
        crq_async_broke(a, CRQ_ELOST, "it said what nobody asked for");
        return;
    }
    if (crq_reply_kind(reply) != CRQ_REPLY_ERROR)
        answer(a, call, reply, NULL);
    else if (!load_script(a, call, reply)) {
        text = crq_reply_text(reply, &len);
        crq_refusal(crq_buf_text(&a->address), text, len, &err);
        answer(a, call, NULL, &err);
    }
    if (a->state == CRQ_ASYNC_UP)
        crq_async_watch(a);
}

/* ---- the link breaks ---- */

/* Scripts go back to the head of those that wait, in their order; commands
 * have failed. */
void crq_async_calls_return(struct crq_async *a, const char *why)
{
    struct crq_async_queue scripts;
    struct crq_async_call *call;

    a->known_count = 0;
    queue_init(&scripts);
    while ((call = pop(&a->sent_calls)) != NULL) {
        if (call->script == NULL)
            fail_call(a, call, CRQ_ELOST, why);
        else {
            call->loading = false;
            push(&scripts, call);
        }
    }
    while ((call = pop(&a->waiting)) != NULL)
        push(&scripts, call);
    while ((call = pop(&scripts)) != NULL)
        push(&a->waiting, call);
}

void crq_async_abandon(struct crq_async *a)
{
    struct crq_async_queue *const queues[] = { &a->sent_calls, &a->waiting,
        &a->refused, &a->failed };
    struct crq_async_queue due;
    struct crq_async_call *call;
    crq_error err;

    assert(!a->inside);
    crq_fail(&err, CRQ_ELOST, "Redis at %s: the connection is given up",
            crq_buf_text(&a->address));
    queue_init(&due);
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
        while ((call = pop(queues[i])) != NULL)
            push(&due, call);
    while ((call = pop(&due)) != NULL)
        answer(a, call, NULL, &err);
}

size_t crq_async_pending(const struct crq_async *a)
{
    return a->sent_calls.count + a->waiting.count + a->failed.count +
            a->refused.count;
}

bool crq_async_calls_due(const struct crq_async *a, int64_t *out_block_ms)
{
    if (a->sent_calls.first == NULL)
        return false;
    *out_block_ms = a->sent_calls.first->block_ms;
    return true;
}

/* ---- making ---- */

void crq_async_calls_init(struct crq_async *a)
{
    queue_init(&a->sent_calls);
    queue_init(&a->waiting);
    queue_init(&a->failed);
    queue_init(&a->refused);
    ev_timer_init(&a->work, on_work, 0., 0.);
    ev_timer_init(&a->again_timer, on_again, 0., 0.);
    a->work.data = a->again_timer.data = a;
}

void crq_async_calls_fini(struct crq_async *a)
{
    ev_timer_stop(a->loop, &a->work);
    ev_timer_stop(a->loop, &a->again_timer);
    free_queue(&a->sent_calls);
    free_queue(&a->waiting);
    free_queue(&a->failed);
    free_queue(&a->refused);
}
