/* finish.c - the words and replies of the end of runs: see run.h. */
#include "model/run.h"

#include <string.h>
#include <sys/wait.h>

#include "codec/zip.h"
#include "model/run_impl.h"

static const char *const endings[] = {
    [CRQ_ENDING_SUCCESS] = "success",
    [CRQ_ENDING_FAILURE] = "failure",
    [CRQ_ENDING_RETRY] = "retry",
    [CRQ_ENDING_STOPPED] = "stopped",
    [CRQ_ENDING_ABANDONED] = "abandoned",
};

static const char *const states[] = {
    [CRQ_FINISHED_LOST] = "lost",
    [CRQ_FINISHED_OK] = "finished",
    [CRQ_FINISHED_FAILED] = "failed",
    [CRQ_FINISHED_STOPPED] = "stopped",
    [CRQ_FINISHED_QUEUED] = "queued",
    [CRQ_FINISHED_SCHEDULED] = "scheduled",
    [CRQ_FINISHED_CANCELED] = "canceled",
};

size_t crq_finish_start(struct crq_args *out, int64_t result_ttl_s,
        int64_t now_us)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_run_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    crq_args_puti(out, result_ttl_s);
    return nkeys;
}

int crq_run_error_text(const char *text, size_t len, struct crq_buf *out,
        crq_error *err)
{
    struct crq_buf packed = CRQ_BUF_INIT;
    int rc = crq_zip_deflate(text, len, &packed, err);

    if (rc == 0)
        rc = crq_base64_encode(packed.data, packed.len, out, err);
    crq_buf_fini(&packed);
    return rc;
}

/* The value or the error text, as a result entry has them. */
static int encode(const struct crq_finish *finish, struct crq_buf *out,
        crq_error *err)
{
    if (finish->ending == CRQ_ENDING_FAILURE ||
            finish->ending == CRQ_ENDING_STOPPED ||
            finish->ending == CRQ_ENDING_ABANDONED)
        return crq_run_error_text(finish->error != NULL ? finish->error : "",
                finish->error_len, out, err);
    if (finish->value == NULL)
        return 0;
    return crq_base64_encode(finish->value, finish->value_len, out, err);
}

int crq_finish_add(struct crq_args *out, const struct crq_finish *finish,
        crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT, intervals = CRQ_BUF_INIT;
    size_t count = out->count, len = out->bytes.len;
    int rc = crq_args_check(out, err);

    if (rc < 0) /* the words before are not whole */
        return rc;
    rc = encode(finish, &text, err);

    crq_buf_putc(&intervals, '[');
    for (size_t i = 0; i < finish->retry_intervals; i++)
        crq_buf_printf(&intervals, "%s%lld", i == 0 ? "" : ",",
                (long long)finish->retry_intervals_s[i]);
    crq_buf_putc(&intervals, ']');
    if (rc == 0)
        rc = crq_buf_check(&intervals, err);
    if (rc < 0)
        goto out;
    crq_args_list(out, finish->stem, finish->run.queue, finish->run.id,
            finish->run.execution, finish->worker, endings[finish->ending],
            NULL);
    crq_run_put_unix(out, finish->ended_us);
    crq_run_put_stamp(out, finish->ended_us);
    crq_args_put(out, crq_buf_text(&text), text.len);
    crq_args_puti(out, finish->retry_max);
    crq_args_put(out, intervals.data, intervals.len);
    rc = crq_args_check(out, err);
    if (rc < 0)
        crq_args_cut(out, count, len);
out:
    crq_buf_fini(&text);
    crq_buf_fini(&intervals);
    return rc;
}

int crq_finish_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count + 1, "finish", err);
}

enum crq_finished crq_finish_state(const crq_reply *reply, size_t i,
        const char **out_text)
{
    const crq_reply *item = crq_reply_item(reply, i);
    const char *text = crq_reply_text(item, NULL);

    if (out_text != NULL)
        *out_text = NULL;
    for (size_t s = 0; text != NULL && s < sizeof(states) / sizeof(states[0]);
            s++)
        if (strcmp(text, states[s]) == 0)
            return (enum crq_finished)s;
    if (out_text != NULL) {
        *out_text = crq_reply_text(crq_reply_item(item, 0), NULL);
        if (*out_text == NULL)
            *out_text = "no reason";
    }
    return CRQ_FINISHED_REFUSED;
}

bool crq_finish_promotes(const crq_reply *reply, size_t count)
{
    return crq_reply_int(crq_reply_item(reply, count), 0) == 1;
}

int crq_horse_died_text(int wait_status, struct crq_buf *out)
{
    /* rq/worker/worker_classes.py, monitor_work_horse() */
    crq_buf_printf(out,
            "Work-horse terminated unexpectedly; waitpid returned "
            "%d",
            wait_status);
    if (WIFSIGNALED(wait_status))
        crq_buf_printf(out, " (signal %d)", WTERMSIG(wait_status));
    return crq_buf_puts(out, "; ");
}
