/*
 * run.c - the words and replies of claim, begin, heartbeat and hand back.
 *
 * What a step does in Redis stands in its script, src/redis/lua/NAME.lua. The
 * scripts find job ids in queues, so they build keys themselves, from the
 * patterns in keys.c that every call hands to them.
 */
#include "model/run.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "codec/timetext.h"
#include "model/keys.h"
#include "model/lease.h"
#include "model/run_impl.h"

/* ARGV 1 to 15 of all scripts that include run.lua, in its order. The word of
 * CRQ_KEY_RUNS has CRQ_KEY_LOG, too. */
static const enum crq_key patterns[] = {
    CRQ_KEY_JOB,
    CRQ_KEY_JOB_DEPENDENTS,
    CRQ_KEY_JOB_DEPENDENCIES,
    CRQ_KEY_QUEUE,
    CRQ_KEY_INTERMEDIATE,
    CRQ_KEY_STARTED,
    CRQ_KEY_EXECUTIONS,
    CRQ_KEY_EXECUTION,
    CRQ_KEY_RESULTS,
    CRQ_KEY_FINISHED,
    CRQ_KEY_FAILED,
    CRQ_KEY_DEFERRED,
    CRQ_KEY_SCHEDULED,
    CRQ_KEY_RUNS,
    CRQ_KEY_GROUP,
};

static const char *const marks[] = {
    [CRQ_MARK_WAITING] = "waiting",
    [CRQ_MARK_BEGUN] = "begun",
    [CRQ_MARK_BEGUN_RESUMABLE] = "begun-resumable",
};

static void put_pattern(struct crq_args *out, enum crq_key key)
{
    char both[2 * CRQ_KEY_MAX];

    if (key != CRQ_KEY_RUNS) {
        crq_args_puts(out, crq_key_pattern(key));
        return;
    }
    snprintf(both, sizeof(both), "%s %s", crq_key_pattern(key),
            crq_key_pattern(CRQ_KEY_LOG));
    crq_args_puts(out, both);
}

size_t crq_run_start(struct crq_args *out, const char *third)
{
    crq_args_clear(out);
    crq_args_puts(out, crq_key_pattern(CRQ_KEY_QUEUES));
    crq_args_puts(out, crq_key_pattern(CRQ_KEY_ALIVE));
    if (third != NULL)
        crq_args_puts(out, third);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        put_pattern(out, patterns[i]);
    return third != NULL ? 3 : 2;
}

void crq_run_put_unix(struct crq_args *out, int64_t when_us)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%lld.%06d",
            (long long)(when_us / 1000000), (int)(when_us % 1000000));

    crq_args_put(out, text, (size_t)len);
}

void crq_run_put_stamp(struct crq_args *out, int64_t when_us)
{
    char text[CRQ_TIMETEXT_LEN + 1];

    crq_timetext_put(text, when_us);
    crq_args_puts(out, text);
}

static void put_run(struct crq_args *out, const char *stem,
        const struct crq_runref *run)
{
    crq_args_list(out, stem, run->queue, run->id, run->execution, NULL);
}

int crq_run_check(const crq_reply *reply, size_t least, const char *script,
        crq_error *err)
{
    if (crq_reply_kind(reply) == CRQ_REPLY_ARRAY &&
            crq_reply_count(reply) >= least)
        return 0;
    return crq_fail(err, CRQ_ECODEC,
            "the script '%s' answered with something else than its reply",
            script);
}

/* ---- claim ---- */

void crq_execution_id(char out[CRQ_EXECUTION_ID_LEN + 1])
{
    char uuid[CRQ_UUID_LEN + 1], *to = out;

    crq_uuid4(uuid);
    for (const char *from = uuid; *from != '\0'; from++)
        if (*from != '-')
            *to++ = *from;
    *to = '\0';
}

size_t crq_claim_words(const struct crq_claim *claim, struct crq_args *out)
{
    size_t nkeys = crq_run_start(out, crq_key_pattern(CRQ_KEY_SUSPENDED));

    crq_run_put_unix(out, claim->now_us);
    crq_run_put_stamp(out, claim->now_us);
    crq_args_puts(out, claim->stem);
    crq_args_puti(out, CRQ_ALIVE_S);
    crq_args_puti(out, claim->interval_s);
    crq_args_puti(out, claim->look);
    crq_args_puti(out, (int64_t)claim->queues_count);
    for (size_t i = 0; i < claim->queues_count; i++)
        crq_args_puts(out, claim->queues[i]);
    for (size_t i = 0; i < claim->slots_count; i++)
        crq_args_list(out, claim->slots[i].execution, claim->slots[i].worker,
                NULL);
    return nkeys;
}

int crq_claim_read(const crq_reply *reply, struct crq_claimed *out,
        crq_error *err)
{
    int rc = crq_run_check(reply, 7, "claim", err);

    if (rc < 0)
        return rc;
    out->suspended = crq_reply_int(crq_reply_item(reply, 0), 0) != 0;
    out->more = crq_reply_int(crq_reply_item(reply, 1), 0) != 0;
    out->missing = crq_reply_int(crq_reply_item(reply, 2), 0);
    out->canceled = crq_reply_int(crq_reply_item(reply, 3), 0);
    out->running = crq_reply_int(crq_reply_item(reply, 4), 0);
    out->jobs = crq_reply_item(reply, 5);
    out->count = crq_reply_count(out->jobs);
    out->passed_over = crq_reply_item(reply, 6);
    out->passed_over_count = crq_reply_count(out->passed_over);
    return 0;
}

const char *crq_claim_passed_over(const struct crq_claimed *claimed, size_t i,
        const char **out_why)
{
    const crq_reply *pair = crq_reply_item(claimed->passed_over, i);
    const char *queue = crq_reply_text(crq_reply_item(pair, 0), NULL);
    const char *why = crq_reply_text(crq_reply_item(pair, 1), NULL);

    *out_why = why != NULL ? why : "";
    return queue != NULL ? queue : "";
}

int crq_claim_job(const struct crq_claimed *claimed, size_t i,
        struct crq_claimed_job *out, crq_error *err)
{
    const crq_reply *job = crq_reply_item(claimed->jobs, i);
    int64_t slot = crq_reply_int(crq_reply_item(job, 0), -1);

    out->run.id = crq_reply_text(crq_reply_item(job, 1), NULL);
    out->run.queue = crq_reply_text(crq_reply_item(job, 2), NULL);
    out->run.execution = crq_reply_text(crq_reply_item(job, 3), NULL);
    out->hash = crq_reply_item(job, 4);
    if (slot < 0 || out->run.id == NULL || out->run.queue == NULL ||
            out->run.execution == NULL ||
            crq_reply_kind(out->hash) != CRQ_REPLY_ARRAY)
        return crq_run_check(NULL, 5, "claim", err);
    out->slot = (size_t)slot;
    return 0;
}

const char *crq_claimed_field(const struct crq_claimed_job *job,
        const char *name, size_t *out_len)
{
    for (size_t i = 0; i + 1 < crq_reply_count(job->hash); i += 2) {
        const char *is = crq_reply_text(crq_reply_item(job->hash, i), NULL);

        if (is != NULL && strcmp(is, name) == 0)
            return crq_reply_text(crq_reply_item(job->hash, i + 1), out_len);
    }
    return NULL;
}

int64_t crq_claimed_number(const struct crq_claimed_job *job,
        enum crq_field field, int64_t otherwise)
{
    const char *name = crq_field_name(field);

    for (size_t i = 0; i + 1 < crq_reply_count(job->hash); i += 2) {
        const char *is = crq_reply_text(crq_reply_item(job->hash, i), NULL);

        if (is != NULL && strcmp(is, name) == 0)
            return crq_reply_int(crq_reply_item(job->hash, i + 1), otherwise);
    }
    return otherwise;
}

/* ---- begin, heartbeat, hand back ---- */

size_t crq_begin_start(struct crq_args *out, int64_t interval_s, int64_t now_us)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_run_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    crq_args_puti(out, interval_s);
    return nkeys;
}

void crq_begin_add(struct crq_args *out, const char *stem,
        const struct crq_runref *run, const char *worker, enum crq_mark mark)
{
    put_run(out, stem, run);
    crq_args_list(out, marks[mark], worker, NULL);
}

size_t crq_heartbeat_start(struct crq_args *out, int64_t now_us)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_run_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    return nkeys;
}

void crq_heartbeat_add(struct crq_args *out, const char *stem,
        const struct crq_runref *run, int64_t ttl_s)
{
    put_run(out, stem, run);
    crq_args_puti(out, ttl_s > 0 ? ttl_s : 1);
}

size_t crq_hand_back_start(struct crq_args *out)
{
    return crq_run_start(out, NULL);
}

void crq_hand_back_add(struct crq_args *out, const char *stem,
        const struct crq_runref *run)
{
    put_run(out, stem, run);
    crq_args_puts(out, "0");
}

void crq_hand_back_add_unbegun(struct crq_args *out, const char *stem,
        const struct crq_runref *run)
{
    put_run(out, stem, run);
    crq_args_puts(out, "1");
}

int crq_runs_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count, "begin, heartbeat or hand_back", err);
}

const char *crq_runs_why(const crq_reply *reply, size_t i)
{
    const char *why =
            crq_reply_text(crq_reply_item(crq_reply_item(reply, i), 0), NULL);

    return why != NULL ? why : "";
}

enum crq_run_state crq_runs_state(const crq_reply *reply, size_t i)
{
    if (crq_reply_kind(crq_reply_item(reply, i)) == CRQ_REPLY_ARRAY)
        return CRQ_RUN_REFUSED;
    switch (crq_reply_int(crq_reply_item(reply, i), 0)) {
    case 1: return CRQ_RUN_KEPT;
    case 2: return CRQ_RUN_BEGUN;
    default: return CRQ_RUN_LOST;
    }
}
