/*
 * janitor.c - maintenance: see janitor.h.
 *
 * Source: RQ 2.10, BaseWorker.clean_registries(), rq/registry.py,
 * rq/worker_registration.py, rq/intermediate_queue.py, rq/group.py.
 */
#include "model/janitor.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/random.h"
#include "codec/timetext.h"
#include "model/dependency.h"
#include "model/keys.h"
#include "model/lease.h"
#include "model/names.h"
#include "model/run.h"
#include "model/run_impl.h"
#include "redis/conn.h"
#include "redis/scripts.h"

#define STEP 200 /* entries, ids, records per call */

size_t crq_cleaning_lock_words(const char *queue, const char *owner,
        struct crq_args *out)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_CLEANING, queue);
    crq_args_clear(out);
    crq_args_list(out, key, owner, NULL);
    crq_args_puti(out, CRQ_CLEANING_LOCK_S);
    return 1;
}

size_t crq_cleaning_unlock_words(const char *queue, const char *owner,
        struct crq_args *out)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_CLEANING, queue);
    crq_args_clear(out);
    crq_args_list(out, key, owner, NULL);
    return 1;
}

int crq_clean_words(const char *queue, const char *stem, int64_t limit,
        int64_t now_us, struct crq_args *out, size_t *out_nkeys, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;
    char stamp[CRQ_TIMETEXT_LEN + 1], token[CRQ_EXECUTION_ID_LEN + 1];
    int rc;

    crq_timetext_put(stamp, now_us);
    crq_buf_printf(&text,
            "Moved to FailedJobRegistry, due to AbandonedJobError, at %s",
            stamp);
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = crq_run_error_text(text.data, text.len, &packed, err);
    if (rc == 0) {
        *out_nkeys = crq_run_start(out, NULL);
        crq_run_put_unix(out, now_us);
        crq_run_put_stamp(out, now_us);
        crq_args_puts(out, queue);
        crq_args_puti(out, limit);
        crq_args_put(out, packed.data, packed.len);
        crq_execution_id(token);
        crq_args_puts(out, stem != NULL ? stem : "");
        crq_args_puti(out, CRQ_ALIVE_S);
        crq_args_puts(out, token);
    }
    crq_buf_fini(&text);
    crq_buf_fini(&packed);
    return rc;
}

int crq_clean_read(const crq_reply *reply, struct crq_cleaned *out,
        crq_error *err)
{
    int rc = crq_run_check(reply, 8, "clean", err);

    if (rc < 0)
        return rc;
    out->expired = crq_reply_int(crq_reply_item(reply, 0), 0);
    out->failed = crq_reply_int(crq_reply_item(reply, 1), 0);
    out->retried = crq_reply_int(crq_reply_item(reply, 2), 0);
    out->removed = crq_reply_int(crq_reply_item(reply, 3), 0);
    out->left = crq_reply_int(crq_reply_item(reply, 4), 0);
    out->more = crq_reply_int(crq_reply_item(reply, 5), 0) != 0;
    out->adopted = crq_reply_count(crq_reply_item(reply, 6));
    out->back = crq_reply_int(crq_reply_item(reply, 7), 0);
    return 0;
}

size_t crq_clean_workers_words(const char *queue, const char *cursor,
        struct crq_args *out)
{
    char key[CRQ_KEY_MAX];

    crq_args_clear(out);
    crq_args_puts(out, crq_key_pattern(CRQ_KEY_WORKERS));
    crq_args_put(out, key, crq_key(key, CRQ_KEY_QUEUE_WORKERS, queue));
    crq_args_puts(out, cursor);
    crq_args_puti(out, STEP);
    return 2;
}

size_t crq_glance_words(const char *const *queues, size_t count,
        struct crq_args *out)
{
    char key[CRQ_KEY_MAX];

    crq_args_clear(out);
    for (size_t i = 0; i < count; i++) {
        crq_args_put(out, key, crq_key(key, CRQ_KEY_INTERMEDIATE, queues[i]));
        crq_args_put(out, key, crq_key(key, CRQ_KEY_QUEUE_WORKERS, queues[i]));
    }
    crq_args_puti(out, STEP);
    return 2 * count;
}

int crq_glance_read(const crq_reply *reply, size_t count, bool *out_needed,
        crq_error *err)
{
    int rc = crq_run_check(reply, count, "glance", err);

    for (size_t i = 0; rc == 0 && i < count; i++)
        out_needed[i] = crq_reply_int(crq_reply_item(reply, i), 1) != 0;
    return rc;
}

size_t crq_clean_group_words(const char *group, const char *cursor,
        struct crq_args *out)
{
    size_t nkeys = crq_run_start(out, crq_key_pattern(CRQ_KEY_GROUPS));

    crq_args_list(out, group, cursor, NULL);
    crq_args_puti(out, STEP);
    return nkeys;
}

int crq_clean_scan_read(const crq_reply *reply, const char **out_cursor,
        int64_t *out_removed, crq_error *err)
{
    int rc = crq_run_check(reply, 3, "clean_workers or clean_group", err);
    const char *cursor = crq_reply_text(crq_reply_item(reply, 0), NULL);

    if (rc < 0)
        return rc;
    *out_cursor = cursor != NULL ? cursor : "0";
    *out_removed = crq_reply_int(crq_reply_item(reply, 1), 0);
    return 0;
}

bool crq_clean_old_worker(const crq_reply *reply, size_t i,
        const char **out_name, const char **out_version)
{
    const crq_reply *item = crq_reply_item(crq_reply_item(reply, 2), i);
    const char *key = crq_reply_text(crq_reply_item(item, 0), NULL);
    const char *version = crq_reply_text(crq_reply_item(item, 1), NULL);

    if (key == NULL || version == NULL)
        return false;
    *out_name =
            crq_key_worker_name(key) != NULL ? crq_key_worker_name(key) : key;
    *out_version = version;
    return true;
}

/* ---- all at once ---- */

struct sweep {
    crq_conn *conn;
    struct crq_args args; /* of the call under way */
    struct crq_swept *swept;
    const char *queue;
    crq_error *err;
};

static int64_t now_of(const struct sweep *s)
{
    return crq_clock_wall_us(crq_conn_clock(s->conn));
}

static int call(struct sweep *s, const struct crq_script *script, size_t nkeys,
        crq_reply **out)
{
    return crq_script_call(s->conn, script, nkeys, &s->args, out, s->err);
}

static int clean_registries(struct sweep *s)
{
    struct crq_cleaned *sum = &s->swept->cleaned, one = { .more = true };
    int rc = 0;

    while (rc == 0 && one.more) {
        crq_reply *reply = NULL;
        size_t nkeys = 0;

        rc = crq_clean_words(s->queue, NULL, STEP, now_of(s), &s->args, &nkeys,
                s->err);
        if (rc == 0)
            rc = call(s, &crq_script_clean, nkeys, &reply);
        if (rc == 0)
            rc = crq_clean_read(reply, &one, s->err);
        crq_reply_free(reply);
        if (rc < 0)
            break;
        sum->expired += one.expired;
        sum->failed += one.failed;
        sum->retried += one.retried;
        sum->removed += one.removed;
        sum->back += one.back;
        if (!one.more)
            sum->left += one.left;
    }
    return rc;
}

/* Until the cursor is at its end. `group`: NULL for the queue's workers. */
static int scan(struct sweep *s, const char *group, int64_t *out_removed)
{
    char cursor[32] = "0";
    const char *next = NULL;
    int64_t removed;
    int rc;

    do {
        crq_reply *reply = NULL;
        size_t nkeys = group != NULL
                ? crq_clean_group_words(group, cursor, &s->args)
                : crq_clean_workers_words(s->queue, cursor, &s->args);

        rc = call(s,
                group != NULL ? &crq_script_clean_group
                              : &crq_script_clean_workers,
                nkeys, &reply);
        if (rc == 0)
            rc = crq_clean_scan_read(reply, &next, &removed, s->err);
        if (rc == 0) {
            *out_removed += removed;
            snprintf(cursor, sizeof(cursor), "%s", next);
        }
        crq_reply_free(reply);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc;
}

static int look_for_strays(struct sweep *s)
{
    struct crq_swept *swept = s->swept;
    int64_t back = 0, removed = 0, left = 0;
    crq_reply *reply = NULL;
    size_t nkeys =
            crq_stray_words(s->queue, CRQ_STRAY_S, STEP, now_of(s), &s->args);
    int rc = call(s, &crq_script_stray, nkeys, &reply);

    if (rc == 0)
        rc = crq_stray_read(reply, &back, &removed, &left, s->err);
    crq_reply_free(reply);
    swept->strays_back += back;
    swept->strays_removed += removed;
    swept->strays_left += left;
    return rc;
}

static int unlock(struct sweep *s, const char *owner, crq_error *err)
{
    size_t nkeys = crq_cleaning_unlock_words(s->queue, owner, &s->args);

    return crq_script_call(s->conn, &crq_script_unlock, nkeys, &s->args, NULL,
            err);
}

static int clean_queue(struct sweep *s, const char *owner)
{
    crq_reply *reply = NULL;
    size_t nkeys = crq_cleaning_lock_words(s->queue, owner, &s->args);
    int rc = call(s, &crq_script_lock, nkeys, &reply);
    bool ours = rc == 0 && crq_reply_int(reply, 0) == 1;
    int rc2;

    crq_reply_free(reply);
    if (rc < 0)
        return rc;
    s->swept->queues++;
    if (!ours) {
        s->swept->locked++;
        return 0;
    }
    rc = clean_registries(s);
    if (rc == 0)
        rc = scan(s, NULL, &s->swept->workers);
    if (rc == 0)
        rc = look_for_strays(s);
    rc2 = unlock(s, owner, rc == 0 ? s->err : NULL);
    return rc < 0 ? rc : rc2;
}

static int take_over_one(struct sweep *s, const char *stem)
{
    struct crq_take_over what = {
        .dead = stem, .limit = STEP, .now_us = now_of(s)
    };
    struct crq_taken_over taken = { .alive = true };
    crq_reply *reply = NULL;
    size_t nkeys = 0;
    int rc = crq_take_over_words(&what, &s->args, &nkeys, s->err);

    if (rc == 0)
        rc = call(s, &crq_script_take_over, nkeys, &reply);
    if (rc == 0)
        rc = crq_take_over_read(reply, &taken, s->err);
    crq_reply_free(reply);
    if (rc < 0 || taken.alive)
        return rc;
    s->swept->taken.stems++;
    s->swept->taken.back += taken.back;
    s->swept->taken.failed += taken.failed;
    s->swept->taken.retried += taken.retried;
    s->swept->taken.left += taken.left;
    return 0;
}

/* The runs of crq workers that give no sign of life any more. Asked for under
 * a name that has no runs: that changes nothing. */
static int take_over(struct sweep *s, const char *owner)
{
    crq_reply *reply = NULL;
    int64_t runs;
    size_t dead = 0;
    int rc = call(s, &crq_script_alive, crq_alive_words(owner, &s->args),
            &reply);

    if (rc == 0)
        rc = crq_alive_read(reply, &runs, &dead, s->err);
    for (size_t i = 0; rc == 0 && i < dead; i++)
        rc = take_over_one(s, crq_alive_dead(reply, i));
    crq_reply_free(reply);
    return rc;
}

static int clean_groups(struct sweep *s)
{
    char **groups = NULL;
    size_t count = 0;
    int rc = crq_group_names(s->conn, &groups, &count, s->err);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = scan(s, groups[i], &s->swept->group_ids);
    crq_names_free(groups, count);
    return rc;
}

int crq_janitor_run(crq_conn *conn, struct crq_swept *out, crq_error *err)
{
    struct crq_swept swept = { .queues = 0 };
    struct sweep s = { .conn = conn, .swept = &swept, .err = err };
    char owner[CRQ_UUID_LEN + 5] = "crq:";
    char **queues = NULL;
    size_t count = 0;
    int rc;

    crq_uuid4(owner + 4);
    crq_args_init(&s.args);
    rc = crq_queue_names(conn, &queues, &count, err);
    if (rc == 0)
        rc = take_over(&s, owner);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        s.queue = queues[i];
        rc = clean_queue(&s, owner);
    }
    if (rc == 0) /* runs that were given up may have had many dependents */
        rc = crq_promote_rest(conn, err);
    if (rc == 0)
        rc = clean_groups(&s);
    if (rc == 0)
        *out = swept;
    crq_names_free(queues, count);
    crq_args_fini(&s.args);
    return rc;
}
