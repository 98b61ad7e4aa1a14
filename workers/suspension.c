/*
 * suspension.c - rq suspend, rq resume: seen at once, also by a worker that
 * has nothing to do.
 *
 * Every claim says whether work is suspended. An idle worker does not claim,
 * and must not ask all the time either. So Redis tells: the link that hears
 * commands also hears when rq:suspended was set, removed or has expired
 * (CLIENT TRACKING, listener.c), and then it is asked once. Where Redis does
 * not let us, it is asked with each look for dead workers, every 6 s.
 */
#include "workers/worker.h"

#include "base/error.h"

void suspension_set(struct worker *w, bool suspended)
{
    if (w->suspended == suspended)
        return;
    w->suspended = suspended;
    crq_log_info(w->log,
            suspended ? "suspended: no new jobs are taken" : "resumed");
    for (size_t i = 0; i < w->slot_count; i++)
        heartbeat_changed(w, i);
}

static void on_asked(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct worker *w = arg;
    bool again = w->ask_suspended_again;

    w->asking_suspended = w->ask_suspended_again = false;
    if (err != NULL || w->phase != WORKING) /* else the next claim tells */
        return;
    suspension_set(w, crq_reply_int(reply, 0) != 0);
    if (w->suspended) {
        waiting_hand_back(w);
        dequeue_look_soon(w); /* it may end unheard */
    } else
        dequeue_kick(w);
    if (again)
        suspension_ask(w);
}

void suspension_ask(struct worker *w)
{
    struct crq_args words;
    char key[CRQ_KEY_MAX];

    if (w->asking_suspended)
        w->ask_suspended_again = true;
    if (w->asking_suspended || w->phase != WORKING)
        return;
    crq_args_init(&words);
    crq_args_puts(&words, "EXISTS");
    crq_args_put(&words, key, crq_key(key, CRQ_KEY_SUSPENDED, NULL));
    w->asking_suspended = crq_async_send(w->link, &words, 0, on_asked, w) == 0;
    crq_args_fini(&words);
}
