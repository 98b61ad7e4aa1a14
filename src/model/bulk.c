/*
 * bulk.c - one operation on all jobs that a filter describes.
 *
 * A walk goes over lists: a group, or of each queue the lists of the statuses
 * in question. Page by page it fetches the jobs, picks those that the filter
 * describes, and gives them to the operation's script in one call. What has
 * been operated on leaves its list, so the walk goes on behind the last entry
 * that stayed.
 *
 * To the front, and within one queue, jobs can't be moved while they are
 * walked over: the order would change. Then the ids are collected first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/dependency.h"
#include "model/failures.h"
#include "model/filter.h"
#include "model/job.h"
#include "model/names.h"
#include "model/operate.h"
#include "model/queue.h"
#include "model/registry.h"
#include "model/status.h"
#include "redis/conn.h"

#define PAGE 100

#define BIT(status) (1 << CRQ_STATUS_##status)

/* What an operation is for when the filter names no status. */
static const int statuses_for[] = {
    [CRQ_OPERATION_NONE] = ~0,
    [CRQ_OPERATION_CANCEL] =
            BIT(QUEUED) | BIT(STARTED) | BIT(DEFERRED) | BIT(SCHEDULED),
    [CRQ_OPERATION_REQUEUE] = BIT(FAILED) | BIT(STOPPED),
    [CRQ_OPERATION_DELETE] = ~0,
    [CRQ_OPERATION_STOP] = BIT(STARTED),
    [CRQ_OPERATION_MOVE] = BIT(QUEUED) | BIT(DEFERRED) | BIT(SCHEDULED),
};

struct bulk {
    crq_conn *conn;
    const crq_filter *filter;
    const crq_bulk *what;
    int statuses;
    crq_tally *tally;
    crq_error *err;

    /* Ids for later, when they are collected first. */
    bool collect;
    char **ids;
    size_t count, cap;
};

/* ---- the operation ---- */

static int collect(struct bulk *b, const char *id)
{
    if (b->count == b->cap) {
        size_t cap = b->cap > 0 ? 2 * b->cap : 256;
        char **ids = crq_reallocarray(b->ids, cap, sizeof(*ids));

        if (ids == NULL)
            return crq_fail_nomem(b->err);
        b->ids = ids;
        b->cap = cap;
    }
    b->ids[b->count] = crq_strdup(id);
    if (b->ids[b->count] == NULL)
        return crq_fail_nomem(b->err);
    b->count++;
    return 0;
}

/* Count how one job fared, and tell. */
static int tell(struct bulk *b, crq_job *job, int rc, const crq_error *why)
{
    int told = 0;

    if (rc == 0)
        b->tally->done++;
    else if (rc == CRQ_ENOTFOUND)
        b->tally->gone++;
    else
        b->tally->refused++;
    if (b->what->each != NULL)
        told = b->what->each(b->what->arg, job, rc, why);
    return told < 0 ? crq_fail(b->err, told, "%s", crq_error_summary(told)) : 0;
}

static int stop_all(struct bulk *b, crq_job *const *jobs, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_error why = { 0, "" };
        int stopped = crq_job_stop(jobs[i], &why);

        if (stopped < 0 && stopped != CRQ_ENOTFOUND && stopped != CRQ_ESTATE)
            return crq_fail(b->err, stopped, "%s", why.text);
        rc = tell(b, jobs[i], stopped, &why);
    }
    return rc;
}

/* done[i]: whether job i was operated on. */
static int operate(struct bulk *b, crq_job *const *jobs, size_t count,
        bool *done)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    size_t nkeys;
    int rc;

    crq_args_init(&args);
    nkeys = crq_operate_start(&args, b->what->flags, b->what->to_queue,
            crq_clock_wall_us(crq_conn_clock(b->conn)));
    for (size_t i = 0; i < count; i++)
        crq_operate_add(&args, crq_job_id(jobs[i]));
    rc = crq_script_call(b->conn, crq_operate_script(b->what->operation), nkeys,
            &args, &reply, b->err);
    if (rc == 0)
        rc = crq_operate_read(reply, count, b->err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_error why = { 0, "" };
        int state = crq_operate_state(reply, i, crq_job_id(jobs[i]), &why);

        done[i] = state == 0;
        rc = tell(b, jobs[i], state, &why);
    }
    crq_reply_free(reply);
    crq_args_fini(&args);
    if (rc == 0 && b->what->operation == CRQ_OPERATION_CANCEL &&
            (b->what->flags & CRQ_CANCEL_ENQUEUE_DEPENDENTS) != 0)
        rc = crq_promote_rest(b->conn, b->err);
    return rc;
}

/* Only looked at, or noted for later. */
static int look(struct bulk *b, crq_job *const *jobs, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = b->collect ? collect(b, crq_job_id(jobs[i]))
                        : tell(b, jobs[i], 0, NULL);
    return rc;
}

static int act(struct bulk *b, crq_job *const *jobs, size_t count, bool *done)
{
    if (count == 0)
        return 0;
    if (b->collect || b->what->dry_run ||
            b->what->operation == CRQ_OPERATION_NONE)
        return look(b, jobs, count);
    if (b->what->operation == CRQ_OPERATION_STOP)
        return stop_all(b, jobs, count);
    return operate(b, jobs, count, done);
}

/* Of those that were picked only those with the filter's error stay. */
static int pick_by_error(struct bulk *b, crq_job **picked, size_t *at,
        size_t *count)
{
    char *ids[PAGE];
    bool fits[PAGE];
    size_t kept = 0;
    int rc;

    if (b->filter->error == NULL || *count == 0)
        return 0;
    for (size_t i = 0; i < *count; i++)
        ids[i] = (char *)(uintptr_t)crq_job_id(picked[i]);
    rc = crq_failures_match(b->conn, b->filter->error, ids, *count, fits,
            b->err);
    for (size_t i = 0; rc == 0 && i < *count; i++)
        if (fits[i]) {
            at[kept] = at[i];
            picked[kept++] = picked[i];
        }
    *count = kept;
    return rc;
}

/* Up to PAGE ids. left[i], if asked for: whether id i has left its list. */
static int do_ids(struct bulk *b, char *const *ids, size_t count, bool *left)
{
    crq_job *jobs[PAGE] = { NULL }, *picked[PAGE];
    bool done[PAGE] = { false };
    size_t at[PAGE], n = 0;
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(b->conn));
    int rc = crq_jobs_fetch(b->conn, ids, count, jobs, b->err);

    for (size_t i = 0; rc >= 0 && i < count; i++) {
        rc = jobs[i] != NULL
                ? crq_filter_match(b->filter, jobs[i], now_us, b->err)
                : 0;
        if (jobs[i] == NULL)
            b->tally->gone += !b->collect;
        else if (rc > 0) {
            at[n] = i;
            picked[n++] = jobs[i];
        }
    }
    if (rc >= 0)
        rc = pick_by_error(b, picked, at, &n);
    if (rc >= 0) {
        if (!b->collect)
            b->tally->matched += (int64_t)n;
        rc = act(b, picked, n, done);
    }
    for (size_t i = 0; left != NULL && i < n; i++)
        left[at[i]] = done[i];
    for (size_t i = 0; i < count; i++)
        crq_job_free(jobs[i]);
    if (rc == 0 && !b->collect && b->what->progress != NULL) {
        rc = b->what->progress(b->what->arg, b->tally);
        if (rc < 0)
            rc = crq_fail(b->err, rc, "%s", crq_error_summary(rc));
    }
    return rc;
}

/* ---- walking ---- */

/* Where to go on in a queue: behind the last of a page's ids that has stayed.
 * `stayed` is how many have in all. */
static int put_anchor(char **cursor, const crq_page *page, const bool *left,
        int64_t *stayed, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    const char *last = NULL;
    size_t len;
    char *made = NULL;
    int rc;

    for (size_t i = 0; i < crq_page_count(page); i++)
        if (!left[i]) {
            last = crq_page_id(page, i);
            ++*stayed;
        }
    if (last == NULL)
        return 0; /* all have gone: the anchor is where it was */
    crq_buf_printf(&text, "%" PRId64 ":%s", *stayed - 1, last);
    rc = crq_buf_steal(&text, &made, &len, err);
    if (rc == 0) {
        crq_free(*cursor);
        *cursor = made;
    }
    crq_buf_fini(&text);
    return rc;
}

static int next_cursor(char **cursor, const char *next, crq_error *err)
{
    char *copy = crq_strdup(next);

    if (copy == NULL)
        return crq_fail_nomem(err);
    crq_free(*cursor);
    *cursor = copy;
    return 0;
}

static int do_page(struct bulk *b, const crq_page *page, bool *left)
{
    char *ids[PAGE];

    if (crq_page_count(page) == 0)
        return 0;
    for (size_t i = 0; i < crq_page_count(page); i++)
        ids[i] = (char *)(uintptr_t)crq_page_id(page, i);
    b->tally->seen += b->collect ? 0 : (int64_t)crq_page_count(page);
    return do_ids(b, ids, crq_page_count(page), left);
}

/* All of one list, but not more than were in there at the beginning: who adds
 * jobs all the time must not keep us here. */
static int walk_list(struct bulk *b, const char *queue, crq_status status,
        int64_t most)
{
    char *cursor = NULL;
    int64_t stayed = 0, seen = 0;
    bool more = true;
    int rc = 0;

    while (rc == 0 && more && seen < most) {
        bool left[PAGE] = { false };
        crq_page *page = NULL;

        rc = crq_registry_page(b->conn, queue, status, CRQ_OLDEST_FIRST, cursor,
                PAGE, &page, b->err);
        if (rc < 0)
            break;
        more = crq_page_cursor(page) != NULL;
        seen += PAGE;
        rc = do_page(b, page, left);
        if (rc == 0 && more)
            rc = status == CRQ_STATUS_QUEUED
                    ? put_anchor(&cursor, page, left, &stayed, b->err)
                    : next_cursor(&cursor, crq_page_cursor(page), b->err);
        crq_page_free(page);
    }
    crq_free(cursor);
    return rc;
}

/* The lists, each once; what is expected to be in there. */
static const struct {
    crq_status status; /* its list is ... */
    int statuses;      /* ... that of these */
    size_t count;      /* in struct crq_counts */
} lists[] = {
    { CRQ_STATUS_QUEUED, BIT(QUEUED), offsetof(struct crq_counts, queued) },
    { CRQ_STATUS_STARTED, BIT(STARTED), offsetof(struct crq_counts, started) },
    { CRQ_STATUS_FINISHED, BIT(FINISHED),
            offsetof(struct crq_counts, finished) },
    { CRQ_STATUS_FAILED, BIT(FAILED) | BIT(STOPPED),
            offsetof(struct crq_counts, failed) },
    { CRQ_STATUS_DEFERRED, BIT(DEFERRED),
            offsetof(struct crq_counts, deferred) },
    { CRQ_STATUS_SCHEDULED, BIT(SCHEDULED),
            offsetof(struct crq_counts, scheduled) },
    { CRQ_STATUS_CANCELED, BIT(CANCELED),
            offsetof(struct crq_counts, canceled) },
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static int64_t count_in(const struct crq_counts *counts, size_t list)
{
    int64_t n;

    memcpy(&n, (const char *)counts + lists[list].count, sizeof(n));
    return n;
}

static int walk_queues(struct bulk *b, char *const *names, size_t count)
{
    struct crq_counts *counts = crq_calloc(count + 1, sizeof(*counts));
    int rc;

    if (counts == NULL)
        return crq_fail_nomem(b->err);
    rc = crq_registry_counts(b->conn, names, count, counts, b->err);
    for (size_t q = 0; rc == 0 && q < count; q++)
        for (size_t i = 0; i < LISTS; i++)
            if ((b->statuses & lists[i].statuses) != 0)
                b->tally->total += count_in(&counts[q], i);
    for (size_t q = 0; rc == 0 && q < count; q++)
        for (size_t i = 0; rc == 0 && i < LISTS; i++)
            if ((b->statuses & lists[i].statuses) != 0)
                /* Entries whose time has passed are not in the count. */
                rc = walk_list(b, names[q], lists[i].status,
                        lists[i].status == CRQ_STATUS_QUEUED
                                ? count_in(&counts[q], i)
                                : INT64_MAX);
    crq_free(counts);
    return rc;
}

static int walk_all_queues(struct bulk *b)
{
    const char *skip =
            b->what->operation == CRQ_OPERATION_MOVE ? b->what->to_queue : NULL;
    char **names = NULL;
    size_t count = 0, kept = 0;
    int rc = crq_queue_names(b->conn, &names, &count, b->err);

    if (rc < 0)
        return rc;
    /* Who is there need not be moved there. */
    for (size_t i = 0; i < count; i++)
        if (skip != NULL && strcmp(names[i], skip) == 0)
            crq_free(names[i]);
        else
            names[kept++] = names[i];
    rc = walk_queues(b, names, kept);
    crq_names_free(names, kept);
    return rc;
}

/* A group is a set that is read at once: its jobs were enqueued at once. */
static int walk_group(struct bulk *b)
{
    char **ids = NULL;
    size_t count = 0;
    int rc = crq_group_ids(b->conn, b->filter->group, &ids, &count, b->err);

    if (rc < 0)
        return rc;
    b->tally->total = (int64_t)count;
    for (size_t i = 0; rc == 0 && i < count; i += PAGE) {
        size_t n = count - i < PAGE ? count - i : PAGE;

        b->tally->seen += b->collect ? 0 : (int64_t)n;
        rc = do_ids(b, ids + i, n, NULL);
    }
    crq_names_free(ids, count);
    return rc;
}

static int walk(struct bulk *b)
{
    char name[CRQ_NAME_MAX + 1], *names[1] = { name };
    int rc;

    if (b->filter->group != NULL)
        return walk_group(b);
    if (b->filter->queue == NULL)
        return walk_all_queues(b);
    rc = crq_queue_name_check(b->filter->queue, b->err);
    if (rc < 0)
        return rc;
    strcpy(name, b->filter->queue);
    return walk_queues(b, names, 1);
}

/* The ids that were collected: the last first when each goes to the front. */
static int do_collected(struct bulk *b)
{
    bool backwards = (b->what->flags & CRQ_AT_FRONT) != 0;
    int rc = 0;

    b->collect = false;
    b->tally->total = (int64_t)b->count;
    for (size_t i = 0; backwards && i < b->count / 2; i++) {
        char *swap = b->ids[i];

        b->ids[i] = b->ids[b->count - 1 - i];
        b->ids[b->count - 1 - i] = swap;
    }
    for (size_t i = 0; rc == 0 && i < b->count; i += PAGE) {
        size_t n = b->count - i < PAGE ? b->count - i : PAGE;

        b->tally->seen += (int64_t)n;
        rc = do_ids(b, b->ids + i, n, NULL);
    }
    return rc;
}

static int check(const crq_filter *filter, const crq_bulk *what, crq_error *err)
{
    int rc = crq_filter_check(filter, err);

    if (rc < 0)
        return rc;
    if (what->size != sizeof(*what))
        return crq_fail(err, CRQ_EINVAL, "start from CRQ_BULK_INIT");
    if (what->operation < CRQ_OPERATION_NONE ||
            what->operation > CRQ_OPERATION_MOVE)
        return crq_fail(err, CRQ_EINVAL, "there is no operation %d",
                (int)what->operation);
    if (what->operation != CRQ_OPERATION_MOVE)
        return 0;
    if (what->to_queue == NULL)
        return crq_fail(err, CRQ_EINVAL, "a move needs to_queue");
    return crq_queue_name_check(what->to_queue, err);
}

int crq_jobs_apply(crq_conn *conn, const crq_filter *filter,
        const crq_bulk *bulk, crq_tally *out, crq_error *err)
{
    crq_tally tally = { 0, 0, 0, 0, 0, 0 };
    struct bulk b = { .conn = conn,
        .filter = filter,
        .what = bulk,
        .tally = &tally,
        .err = err };
    int rc = check(filter, bulk, err);

    if (rc == 0) {
        b.statuses = filter->statuses != 0 ? filter->statuses
                                           : statuses_for[bulk->operation];
        b.collect = !bulk->dry_run &&
                ((bulk->flags & CRQ_AT_FRONT) != 0 ||
                        (bulk->operation == CRQ_OPERATION_MOVE &&
                                filter->queue != NULL &&
                                strcmp(filter->queue, bulk->to_queue) == 0));
        rc = walk(&b);
    }
    if (rc == 0 && b.collect)
        rc = do_collected(&b);
    crq_names_free(b.ids, b.count);
    if (out != NULL)
        *out = tally;
    return rc;
}
