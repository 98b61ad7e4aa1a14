/* lease.c - the words and replies of liveness and take-over. */
#include "model/lease.h"

#include "base/buf.h"
#include "codec/timetext.h"
#include "model/keys.h"
#include "model/run.h"
#include "model/run_impl.h"

size_t crq_alive_words(const char *stem, struct crq_args *out)
{
    char runs[CRQ_KEY_MAX];

    crq_key(runs, CRQ_KEY_RUNS, stem);
    crq_args_clear(out);
    crq_args_list(out, crq_key_pattern(CRQ_KEY_ALIVE), runs, stem, NULL);
    crq_args_puti(out, CRQ_ALIVE_S);
    crq_args_puti(out, CRQ_ALIVE_TELLS);
    return 2;
}

int crq_alive_read(const crq_reply *reply, int64_t *out_runs, size_t *out_dead,
        crq_error *err)
{
    int rc = crq_run_check(reply, 2, "alive", err);

    if (rc < 0)
        return rc;
    *out_runs = crq_reply_int(crq_reply_item(reply, 0), 0);
    *out_dead = crq_reply_count(crq_reply_item(reply, 1));
    return 0;
}

const char *crq_alive_dead(const crq_reply *reply, size_t i)
{
    const crq_reply *dead = crq_reply_item(reply, 1);
    const char *stem = crq_reply_text(crq_reply_item(dead, i), NULL);

    return stem != NULL ? stem : "";
}

int64_t crq_alive_next_ms(const crq_reply *reply)
{
    return crq_reply_int(crq_reply_item(reply, 2), -1);
}

int crq_abandoned_text(const char *dead, int64_t now_us, struct crq_buf *out)
{
    char stamp[CRQ_TIMETEXT_LEN + 1];

    /* RQ's sentence, then what it doesn't know. */
    crq_timetext_put(stamp, now_us);
    crq_buf_printf(out,
            "Moved to FailedJobRegistry, due to AbandonedJobError, at %s\n"
            "Its worker ",
            stamp);
    if (dead != NULL)
        crq_buf_printf(out, "'%s' ", dead);
    return crq_buf_printf(out,
            "has given no sign of life for %d seconds, and "
            "nobody has renewed the run's lease until its deadline.",
            CRQ_ALIVE_S);
}

int crq_take_over_words(const struct crq_take_over *what, struct crq_args *out,
        size_t *out_nkeys, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;
    char token[CRQ_EXECUTION_ID_LEN + 1];
    size_t nkeys;
    int rc;

    crq_abandoned_text(what->dead, what->now_us, &text);
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = crq_run_error_text(text.data, text.len, &packed, err);
    if (rc == 0) {
        crq_execution_id(token);
        nkeys = crq_run_start(out, NULL);
        crq_run_put_unix(out, what->now_us);
        crq_run_put_stamp(out, what->now_us);
        crq_args_puts(out, what->dead);
        crq_args_puti(out, what->limit);
        crq_args_put(out, packed.data, packed.len);
        crq_args_puts(out, what->stem != NULL ? what->stem : "");
        crq_args_puti(out, CRQ_ALIVE_S);
        crq_args_puts(out, token);
        *out_nkeys = nkeys;
    }
    crq_buf_fini(&text);
    crq_buf_fini(&packed);
    return rc;
}

int crq_take_over_read(const crq_reply *reply, struct crq_taken_over *out,
        crq_error *err)
{
    int rc = crq_run_check(reply, 7, "take_over", err);

    if (rc < 0)
        return rc;
    out->alive = crq_reply_int(crq_reply_item(reply, 0), 0) != 0;
    out->back = crq_reply_int(crq_reply_item(reply, 1), 0);
    out->failed = crq_reply_int(crq_reply_item(reply, 2), 0);
    out->retried = crq_reply_int(crq_reply_item(reply, 3), 0);
    out->gone = crq_reply_int(crq_reply_item(reply, 4), 0);
    out->left = crq_reply_int(crq_reply_item(reply, 5), 0);
    out->adopted = crq_reply_count(crq_reply_item(reply, 6));
    return 0;
}

int crq_adopted_run(const crq_reply *reply, size_t i, struct crq_runref *out,
        crq_error *err)
{
    const crq_reply *run = crq_reply_item(crq_reply_item(reply, 6), i);

    out->id = crq_reply_text(crq_reply_item(run, 0), NULL);
    out->queue = crq_reply_text(crq_reply_item(run, 1), NULL);
    out->execution = crq_reply_text(crq_reply_item(run, 2), NULL);
    if (out->id == NULL || out->queue == NULL || out->execution == NULL)
        return crq_run_check(NULL, 3, "take_over", err);
    return 0;
}

size_t crq_stray_words(const char *queue, int64_t after_s, int64_t limit,
        int64_t now_us, struct crq_args *out)
{
    char seen[CRQ_KEY_MAX];
    size_t nkeys = crq_run_start(out, NULL);

    crq_key2(seen, CRQ_KEY_FIRST_SEEN, queue, "");
    crq_run_put_unix(out, now_us);
    crq_args_list(out, queue, seen, NULL);
    crq_args_puti(out, after_s);
    crq_args_puti(out, limit);
    return nkeys;
}

int crq_stray_read(const crq_reply *reply, int64_t *out_back,
        int64_t *out_removed, int64_t *out_left, crq_error *err)
{
    int rc = crq_run_check(reply, 3, "stray", err);

    if (rc < 0)
        return rc;
    *out_back = crq_reply_int(crq_reply_item(reply, 0), 0);
    *out_removed = crq_reply_int(crq_reply_item(reply, 1), 0);
    *out_left = crq_reply_int(crq_reply_item(reply, 2), 0);
    return 0;
}
