/* rq.c - RQ's scheduled jobs, of the queues whose lock is held. */
#include "scheduler/scheduler.h"

#include "base/error.h"
#include "redis/scripts.h"

static void on_enqueued(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct scheduler *s = arg;
    struct crq_rq_due due = { 0 };
    crq_error why;

    if (err == NULL && crq_rq_due_read(reply, &due, &why) < 0)
        err = &why;
    if (err != NULL) {
        crq_log_warn(s->log, "scheduled jobs: %s", err->text);
        round_answered(s, RQ_JOBS);
        return;
    }
    if (!due.leads)
        scheduler_follow(s);
    if (due.moved > 0)
        crq_log_debug(s->log, "%lld scheduled jobs enqueued",
                (long long)due.moved);
    if (due.dropped > 0)
        crq_log_info(s->log, "%lld scheduled ids without a job dropped",
                (long long)due.dropped);
    if (due.aside > 0)
        crq_log_error(s->log, "%lld scheduled jobs set aside: %s",
                (long long)due.aside, due.reason);
    else if (due.leads && due.reason[0] != '\0')
        crq_log_error(s->log, "scheduled jobs: %s", due.reason);
    s->rounds[RQ_JOBS].progress = due.moved + due.dropped + due.aside > 0;
    s->rounds[RQ_JOBS].more = due.more;
    round_answered(s, RQ_JOBS);
}

void rq_begin(struct scheduler *s)
{
    struct crq_args words;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_rq_due_start(&s->id, scheduler_now(s), &words);
    /* Each is the first one in its turn: a step takes so many jobs in all. */
    for (size_t i = 0; i < s->queue_count; i++)
        crq_rq_due_add(&words, s->queues[(s->rq_turn + i) % s->queue_count]);
    s->rq_turn++;
    (void)round_send(s, RQ_JOBS, &crq_script_sched_rq, nkeys, &words,
            on_enqueued, s);
    crq_args_fini(&words);
}
