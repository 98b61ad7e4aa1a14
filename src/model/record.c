/* record.c - the words and replies of worker records. */
#include "model/record.h"

#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "codec/timetext.h"
#include "model/keys.h"
#include "model/run_impl.h"

#define DEAD_TTL_S 60 /* rq/worker/base.py, register_death() */

static size_t put_keys(const struct crq_record *record, struct crq_args *out)
{
    char key[CRQ_KEY_MAX];

    crq_args_clear(out);
    crq_args_puts(out, crq_key_pattern(CRQ_KEY_WORKERS));
    crq_key(key, CRQ_KEY_WORKER, record->name);
    crq_args_puts(out, key);
    for (size_t i = 0; i < record->queues_count; i++) {
        crq_key(key, CRQ_KEY_QUEUE_WORKERS, record->queues[i]);
        crq_args_puts(out, key);
    }
    return 2 + record->queues_count;
}

static void put_queues(const struct crq_record *record, struct crq_args *out)
{
    struct crq_buf list = CRQ_BUF_INIT;

    for (size_t i = 0; i < record->queues_count; i++)
        crq_buf_printf(&list, "%s%s", i == 0 ? "" : ",", record->queues[i]);
    if (list.rc < 0)
        out->bytes.rc = list.rc;
    crq_args_put(out, crq_buf_text(&list), list.len);
    crq_buf_fini(&list);
}

static void put_stamp_or_none(struct crq_args *out, int64_t when_us)
{
    if (when_us == CRQ_UNSET)
        crq_args_puts(out, "");
    else
        crq_run_put_stamp(out, when_us);
}

size_t crq_birth_words(const struct crq_record *record, int64_t ttl_s,
        const char *replaces, int64_t now_us, struct crq_args *out)
{
    const struct {
        const char *name, *text;
    } texts[] = {
        { "hostname", record->hostname },
        { "ip_address", record->ip_address },
        { "version", record->version },
        { "python_version", record->python_version },
        { "state", "started" },
    };
    size_t nkeys = put_keys(record, out);

    crq_args_puti(out, ttl_s);
    crq_args_puts(out, replaces != NULL ? replaces : "");
    crq_args_puts(out, "birth");
    crq_run_put_stamp(out, record->birth_us);
    crq_args_puts(out, "last_heartbeat");
    crq_run_put_stamp(out, now_us);
    crq_args_puts(out, "queues");
    put_queues(record, out);
    crq_args_puts(out, "pid");
    crq_args_puti(out, record->pid);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        crq_args_list(out, texts[i].name, texts[i].text, NULL);
    return nkeys;
}

static const char *text_of(const crq_reply *reply, size_t i)
{
    const char *text = crq_reply_text(crq_reply_item(reply, i), NULL);

    return text != NULL ? text : "";
}

int crq_birth_read(const crq_reply *reply, struct crq_born *out, crq_error *err)
{
    int rc = crq_run_check(reply, 1, "worker_birth", err);

    if (rc < 0)
        return rc;
    out->refused = crq_reply_int(crq_reply_item(reply, 0), 0) == 0;
    out->birth = text_of(reply, 1);
    out->hostname = text_of(reply, 2);
    out->pid = text_of(reply, 3);
    return 0;
}

size_t crq_death_words(const struct crq_record *record, int64_t now_us,
        struct crq_args *out)
{
    size_t nkeys = put_keys(record, out);

    crq_run_put_stamp(out, record->birth_us);
    crq_run_put_stamp(out, now_us);
    crq_args_puti(out, DEAD_TTL_S);
    return nkeys;
}

/* Seconds as Python prints them; what is no number would break RQ's reader. */
static void put_seconds(struct crq_args *out, double seconds)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%.6f",
            isfinite(seconds) && seconds > 0 ? fmin(seconds, 1e15) : 0.0);

    crq_args_put(out, text, (size_t)len);
}

size_t crq_update_start(struct crq_args *out, int64_t now_us)
{
    crq_args_clear(out);
    crq_run_put_stamp(out, now_us);
    return 0;
}

void crq_update_add(struct crq_args *out, const struct crq_record_update *u)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_WORKER, u->name);
    crq_args_puts(out, key);
    crq_run_put_stamp(out, u->birth_us);
    crq_args_puti(out, u->ttl_s);
    crq_args_puts(out, u->state);
    crq_args_puts(out, u->current_job != NULL ? u->current_job : "");
    put_seconds(out, u->current_job_working_time_s);
    crq_args_puti(out, u->successful_job_count);
    crq_args_puti(out, u->failed_job_count);
    put_seconds(out, u->total_working_time_s);
    put_stamp_or_none(out, u->shutdown_requested_us);
}

int crq_update_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count, "worker_update", err);
}

bool crq_update_kept(const crq_reply *reply, size_t i)
{
    return crq_reply_int(crq_reply_item(reply, i), 0) == 1;
}
