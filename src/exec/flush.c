/* flush.c - see flush.h. */
#include "exec/flush.h"

#include "redis/scripts.h"

static void on_added(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct crq_flush *flush = arg;

    (void)reply;
    flush->sending = false;
    if (err != NULL)
        crq_tallies_merge(&flush->counting, &flush->sent);
    crq_tallies_fini(&flush->sent);
    if (flush->on_done != NULL)
        flush->on_done(flush->arg, err);
}

void crq_flush_now(struct crq_flush *flush)
{
    struct crq_args words;
    size_t nkeys;

    if (flush->sending || crq_tallies_empty(&flush->counting) ||
            !crq_async_is_up(flush->link))
        return;
    crq_args_init(&words);
    nkeys = crq_tallies_words(&flush->counting, flush->process,
            flush->calls + 1, &words);
    if (crq_args_check(&words, NULL) == 0 &&
            crq_async_script(flush->link, &crq_script_stats, nkeys, &words,
                    on_added, flush) == 0) {
        flush->calls++;
        flush->sending = true;
        flush->sent = flush->counting;
        crq_tallies_init(&flush->counting);
    }
    crq_args_fini(&words);
}

bool crq_flush_is_over(const struct crq_flush *flush)
{
    return !flush->sending || !crq_async_is_up(flush->link);
}

void crq_flush_fini(struct crq_flush *flush)
{
    crq_tallies_fini(&flush->counting);
    crq_tallies_fini(&flush->sent);
}
