/*
 * promote.c - the dependents of jobs that ended with very many of them.
 *
 * The finish of such a job promotes none: it says that there is something to be
 * promoted, and one call after the other does a piece, with whatever else comes
 * between them. When a worker dies on the way, another one goes on: each looks
 * once a minute, when Redis is back, and when it took over runs.
 */
#include "workers/worker.h"

#include "model/dependency.h"
#include "redis/scripts.h"

static void on_promoted(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct worker *w = arg;
    int64_t left = 0;
    crq_error why;

    if (err == NULL && crq_promote_rest_read(reply, &left, &why) < 0)
        err = &why;
    if (err != NULL)
        crq_log_warn(w->log, "promotion of dependents: %s", err->text);
    w->promoting = false;
    w->finishing--;
    if (left > 0 && (w->phase == WORKING || w->phase == DRAINING))
        promote_go_on(w);
    if (w->options->burst)
        dequeue_kick(w);
    worker_look_at_end(w);
}

void promote_go_on(struct worker *w)
{
    struct crq_args words;
    size_t nkeys;

    if (w->promoting || !crq_async_is_up(w->link))
        return;
    crq_args_init(&words);
    nkeys = crq_promote_rest_words(&words, worker_now(w));
    /* Like a finish: nobody leaves before it is answered. */
    if (crq_async_script(w->link, &crq_script_promote_rest, nkeys, &words,
                on_promoted, w) == 0) {
        w->promoting = true;
        w->finishing++;
    }
    crq_args_fini(&words);
}
