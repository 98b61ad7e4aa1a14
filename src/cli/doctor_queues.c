/* doctor_queues.c - crq doctor: what stands in queues and registries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/doctor.h"
#include "model/janitor.h"
#include "model/keys.h"
#include "model/names.h"
#include "redis/conn.h"

#define PAGE      1000
#define OVERDUE_S 60
#define HALF_MOST "99" /* of an intermediate list */

struct place {
    struct doctor *d;
    const char *queue;
    int64_t now_s;
};

/* The number that a command answers with: up to four words. */
static int ask(const struct place *p, int64_t *out, const char *a,
        const char *b, const char *c, const char *e)
{
    crq_reply *reply = NULL;
    int rc = crq_conn_run(p->d->cli->conn, &reply, p->d->err, a, b, c, e, NULL);

    *out = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    return rc;
}

/* What it is, of one and of several. */
struct what {
    const char *one, *more;
};

static int find(const struct place *p, const char *check, int64_t count,
        const struct what *what, const char *remedy, const char *fixed)
{
    char where[CRQ_NAME_MAX + 10], text[200];

    snprintf(where, sizeof(where), "queue %s", p->queue);
    snprintf(text, sizeof(text), "%lld %s", (long long)count,
            count == 1 ? what->one : what->more);
    return doctor_find(p->d, check, where, text, remedy, fixed);
}

/* ---- counts ---- */

static int count_past(const struct place *p, enum crq_key key, int64_t until_s,
        int64_t *out)
{
    char name[CRQ_KEY_MAX], until[24];

    crq_key(name, key, p->queue);
    snprintf(until, sizeof(until), "%lld", (long long)until_s);
    return ask(p, out, "ZCOUNT", name, "0", until);
}

static int look_at_runs(const struct place *p)
{
    static const struct what what = {
        "run has passed its deadline, and nobody has settled it",
        "runs have passed their deadline, and nobody has settled them",
    };
    int64_t count = 0;
    int rc = count_past(p, CRQ_KEY_STARTED, p->now_s - 5, &count);

    if (rc < 0 || count == 0)
        return rc;
    return find(p, "abandoned-runs", count, &what,
            p->d->fix ? "a worker is at it, or will be when the dead one is "
                        "known to be"
                      : "start a worker, or crq doctor --fix",
            NULL);
}

static int look_at_schedule(const struct place *p)
{
    static const struct what what = {
        "scheduled job has been due for more than a minute",
        "scheduled jobs have been due for more than a minute",
    };
    int64_t count = 0;
    int rc = count_past(p, CRQ_KEY_SCHEDULED, p->now_s - OVERDUE_S, &count);

    if (rc < 0 || count == 0)
        return rc;
    return find(p, "overdue", count, &what,
            "start crq-scheduler, or rq worker --with-scheduler", NULL);
}

static int look_at_listeners(const struct place *p)
{
    static const struct what what = {
        "job waits, and no worker listens",
        "jobs wait, and no worker listens",
    };
    char queue[CRQ_KEY_MAX], workers[CRQ_KEY_MAX];
    int64_t waiting = 0, listeners = 0;
    crq_reply *reply = NULL;
    int rc;

    crq_key(queue, CRQ_KEY_QUEUE, p->queue);
    crq_key(workers, CRQ_KEY_QUEUE_WORKERS, p->queue);
    rc = crq_conn_run(p->d->cli->conn, &reply, p->d->err, "LLEN", queue, NULL);
    waiting = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    reply = NULL;
    if (rc == 0 && waiting > 0)
        rc = crq_conn_run(p->d->cli->conn, &reply, p->d->err, "SCARD", workers,
                NULL);
    listeners = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    if (rc < 0 || waiting == 0 || listeners > 0)
        return rc;
    return find(p, "no-worker", waiting, &what,
            "start one: crq worker, or rq worker", NULL);
}

/* ---- ids without a job ---- */

/* Which of the page's ids have no job: `gone` has room for all. */
static int look_for_jobs(const struct place *p, const crq_page *page,
        bool *gone)
{
    crq_conn *conn = p->d->cli->conn;
    struct crq_args args;
    size_t sent = 0;
    int rc = 0;

    crq_args_init(&args);
    for (; rc == 0 && sent < crq_page_count(page); sent += rc == 0) {
        char key[CRQ_KEY_MAX];
        const char *id = crq_page_id(page, sent);

        crq_args_clear(&args);
        crq_key(key, CRQ_KEY_JOB, strlen(id) <= CRQ_NAME_MAX ? id : "");
        crq_args_list(&args, "EXISTS", key, NULL);
        rc = crq_conn_append(conn, &args, p->d->err);
    }
    crq_args_fini(&args);
    for (size_t i = 0; i < sent; i++) {
        crq_reply *reply = NULL;
        int rc2 = crq_conn_next(conn, &reply, rc == 0 ? p->d->err : NULL);

        gone[i] = rc2 == 0 && crq_reply_kind(reply) == CRQ_REPLY_INT &&
                crq_reply_int(reply, 1) == 0;
        crq_reply_free(reply);
        rc = rc < 0 ? rc : rc2;
    }
    return rc;
}

/* Of one page; those of registries are taken out with --fix. */
static int look_at_page(const struct place *p, crq_status status,
        const crq_page *page, int64_t *out_gone)
{
    bool *gone = crq_calloc(crq_page_count(page) + 1, sizeof(*gone));
    int rc = gone != NULL ? look_for_jobs(p, page, gone)
                          : crq_fail_nomem(p->d->err);

    for (size_t i = 0; rc == 0 && i < crq_page_count(page); i++) {
        if (!gone[i])
            continue;
        ++*out_gone;
        if (p->d->fix && status != CRQ_STATUS_QUEUED)
            rc = crq_registry_remove(p->d->cli->conn, p->queue, status,
                    crq_page_id(page, i), p->d->err);
        if (rc == CRQ_ENOTFOUND)
            rc = 0;
    }
    crq_free(gone);
    return rc;
}

static int count_gone(const struct place *p, crq_status status,
        int64_t *out_gone)
{
    crq_page *page = NULL;
    int64_t seen = 0;
    int rc = 0;

    do {
        crq_page *next = NULL;

        rc = crq_registry_page(p->d->cli->conn, p->queue, status,
                CRQ_OLDEST_FIRST, page != NULL ? crq_page_cursor(page) : NULL,
                PAGE, &next, p->d->err);
        crq_page_free(page);
        page = next;
        if (rc == 0)
            rc = look_at_page(p, status, page, out_gone);
        if (rc < 0)
            break;
        seen += (int64_t)crq_page_count(page);
        doctor_progress("entries looked at", seen);
        p->d->cut = p->d->cut ||
                (seen >= p->d->limit && crq_page_cursor(page) != NULL);
    } while (crq_page_cursor(page) != NULL && seen < p->d->limit);
    crq_page_free(page);
    return rc;
}

static int compact(const struct place *p, int64_t *out)
{
    crq_queue *queue = NULL;
    int rc = crq_queue_new(p->d->cli->conn, p->queue, &queue, p->d->err);

    if (rc == 0)
        rc = crq_queue_compact(queue, out, p->d->err);
    crq_queue_free(queue);
    return rc;
}

static int look_at_ids(const struct place *p)
{
    static const struct {
        crq_status status;
        struct what what;
    } lists[] = {
        { CRQ_STATUS_QUEUED,
                { "id in the queue has no job",
                        "ids in the queue have no job" } },
        { CRQ_STATUS_DEFERRED,
                { "id among the deferred has no job",
                        "ids among the deferred have no job" } },
        { CRQ_STATUS_SCHEDULED,
                { "id among the scheduled has no job",
                        "ids among the scheduled have no job" } },
        { CRQ_STATUS_CANCELED,
                { "id among the canceled has no job",
                        "ids among the canceled have no job" } },
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(lists) / sizeof(lists[0]); i++) {
        int64_t gone = 0;

        rc = count_gone(p, lists[i].status, &gone);
        if (rc == 0 && gone > 0 && p->d->fix &&
                lists[i].status == CRQ_STATUS_QUEUED)
            rc = compact(p, &gone);
        if (rc == 0 && gone > 0)
            rc = find(p, "no-job", gone, &lists[i].what,
                    "they do no harm; crq doctor --fix takes them out",
                    p->d->fix ? "taken out" : NULL);
    }
    return rc;
}

/* ---- half-taken ---- */

/* Ids in the intermediate list whose job is queued: usually for an instant. */
static int count_half_taken(const struct place *p, const crq_reply *before,
        crq_reply **out, int64_t *out_count)
{
    crq_conn *conn = p->d->cli->conn;
    char key[CRQ_KEY_MAX];
    int rc;

    *out_count = 0;
    crq_key(key, CRQ_KEY_INTERMEDIATE, p->queue);
    rc = crq_conn_run(conn, out, p->d->err, "LRANGE", key, "0", HALF_MOST,
            NULL);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(*out); i++) {
        const char *id = crq_reply_text(crq_reply_item(*out, i), NULL);
        bool was_there = before == NULL;

        for (size_t k = 0; id != NULL && k < crq_reply_count(before); k++) {
            const char *old = crq_reply_text(crq_reply_item(before, k), NULL);

            was_there = was_there || (old != NULL && strcmp(old, id) == 0);
        }
        *out_count += was_there;
    }
    return rc;
}

static int look_at_half_taken(const struct place *p)
{
    static const struct what what = {
        "job was half-taken by a worker that has died",
        "jobs were half-taken by a worker that has died",
    };
    struct timespec second = { 1, 0 };
    crq_reply *before = NULL, *after = NULL;
    int64_t count = 0;
    int rc = count_half_taken(p, NULL, &before, &count);

    if (rc == 0 && count > 0) {
        nanosleep(&second, NULL); /* of workers that live it is gone then */
        rc = count_half_taken(p, before, &after, &count);
    }
    if (rc == 0 && count > 0)
        rc = find(p, "half-taken", count, &what,
                "a worker puts them back after a minute or two; crq doctor "
                "--fix does so, too, when it sees them twice so long apart",
                NULL);
    crq_reply_free(before);
    crq_reply_free(after);
    return rc;
}

/* ---- all of it ---- */

/* What maintenance does, and did. */
static int maintain(struct doctor *d)
{
    struct crq_swept s = { 0 };
    char what[200];
    int64_t runs;
    int rc = crq_janitor_run(d->cli->conn, &s, d->err);

    if (rc < 0)
        return rc;
    runs = s.cleaned.failed + s.cleaned.retried + s.cleaned.removed +
            s.cleaned.back + s.taken.back + s.taken.failed + s.taken.retried;
    if (runs + s.strays_back + s.strays_removed + s.workers + s.group_ids == 0)
        return 0;
    snprintf(what, sizeof(what),
            "%lld runs, %lld half-taken jobs, %lld workers without a record, "
            "%lld ids in groups were left behind",
            (long long)runs, (long long)(s.strays_back + s.strays_removed),
            (long long)s.workers, (long long)s.group_ids);
    return doctor_find(d, "maintenance", "maintenance", what, "",
            "settled, as workers do it");
}

static int look_at_queue(const struct place *p)
{
    static int (*const looks[])(const struct place *p) = { look_at_runs,
        look_at_schedule, look_at_listeners, look_at_half_taken, look_at_ids };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(looks) / sizeof(looks[0]); i++)
        rc = looks[i](p);
    return rc;
}

int doctor_queues(struct doctor *d)
{
    struct place p = { .d = d };
    char **names = NULL;
    size_t count = 0;
    int rc = d->fix ? maintain(d) : 0;

    p.now_s = crq_clock_wall_us(crq_conn_clock(d->cli->conn)) / 1000000;
    if (rc == 0)
        rc = crq_queue_names(d->cli->conn, &names, &count, d->err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        p.queue = names[i];
        rc = look_at_queue(&p);
    }
    crq_names_free(names, count);
    return rc;
}
