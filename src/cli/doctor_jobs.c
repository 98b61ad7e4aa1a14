/*
 * doctor_jobs.c - crq doctor: jobs that are not where their status says.
 *
 * All jobs are looked at, page by page of SCAN, up to the limit. A suspect may
 * just be on its way, between two commands of RQ: it is one when it still is
 * one a second later. Then, with --fix, it is mended; the jobs that wait for
 * one that has failed by that are suspects as well.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/doctor.h"
#include "model/doctor.h"
#include "model/keys.h"
#include "model/names.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

#define BATCH 100 /* jobs that a script looks at */
#define PAGE  1000
#define REACH 1000 /* into queues too long to be known by heart */

struct suspect {
    char *id;
    enum crq_ailment ailment; /* CRQ_WELL: not looked at yet */
};

struct search {
    struct doctor *d;
    struct suspect *suspects;
    size_t count, cap;
    char **queued; /* ids in queues, sorted; a script would have to search */
    size_t queued_count, queued_cap;
    bool queued_cut;
};

static const struct {
    const char *check, *what, *remedy;
} ailments[] = {
    [CRQ_LOST] = { "lost", "it is in no list of its queue",
            "crq doctor --fix puts it back, unless it was scheduled: nobody "
            "knows when it was due" },
    [CRQ_ABANDONED] = { "abandoned", "no worker has a lease of it",
            "crq doctor --fix retries it, or fails it" },
    [CRQ_MET] = { "forgotten", "what it waited for has ended",
            "crq doctor --fix enqueues it" },
    [CRQ_NEVER] = { "hopeless", "what it waits for is not to come",
            "requeue that one, or crq doctor --fix fails this one" },
    [CRQ_FOREIGN] = { "foreign", "one of its keys holds another type of value",
            "see by TYPE which of its keys that is, and who writes to it" },
};

static const struct {
    const char *done, *said;
} cures[] = {
    { "queued", "put into its queue" },
    { "scheduled", "to be tried again later" },
    { "failed", "failed, with this reason" },
    { "registered", "put into its registry" },
};

/* ---- lists ---- */

static int add_suspect(struct search *s, const char *id,
        enum crq_ailment ailment)
{
    if (s->count == s->cap) {
        size_t cap = s->cap > 0 ? s->cap * 2 : 64;
        struct suspect *more =
                crq_realloc(s->suspects, cap * sizeof(*s->suspects));

        if (more == NULL)
            return crq_fail_nomem(s->d->err);
        s->suspects = more;
        s->cap = cap;
    }
    s->suspects[s->count].id = crq_strdup(id);
    s->suspects[s->count].ailment = ailment;
    if (s->suspects[s->count].id == NULL)
        return crq_fail_nomem(s->d->err);
    s->count++;
    return 0;
}

static int add_queued(struct search *s, const char *id)
{
    if (s->queued_count == s->queued_cap) {
        size_t cap = s->queued_cap > 0 ? s->queued_cap * 2 : 256;
        char **more = crq_realloc(s->queued, cap * sizeof(*s->queued));

        if (more == NULL)
            return crq_fail_nomem(s->d->err);
        s->queued = more;
        s->queued_cap = cap;
    }
    s->queued[s->queued_count] = crq_strdup(id);
    if (s->queued[s->queued_count] == NULL)
        return crq_fail_nomem(s->d->err);
    s->queued_count++;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static bool is_queued(const struct search *s, const char *id)
{
    return s->queued_count > 0 &&
            bsearch(&id, s->queued, s->queued_count, sizeof(*s->queued),
                    by_text) != NULL;
}

static int read_queue(struct search *s, const char *queue)
{
    crq_page *page = NULL;
    int rc;

    do {
        crq_page *next = NULL;

        rc = crq_registry_page(s->d->cli->conn, queue, CRQ_STATUS_QUEUED,
                CRQ_OLDEST_FIRST, page != NULL ? crq_page_cursor(page) : NULL,
                PAGE, &next, s->d->err);
        crq_page_free(page);
        page = next;
        for (size_t i = 0; rc == 0 && i < crq_page_count(page); i++)
            rc = add_queued(s, crq_page_id(page, i));
        if (rc == 0 && (int64_t)s->queued_count >= s->d->limit)
            s->queued_cut = true;
    } while (rc == 0 && !s->queued_cut && crq_page_cursor(page) != NULL);
    crq_page_free(page);
    return rc;
}

static int read_queues(struct search *s)
{
    char **names = NULL;
    size_t count = 0;
    int rc = crq_queue_names(s->d->cli->conn, &names, &count, s->d->err);

    for (size_t i = 0; rc == 0 && i < count && !s->queued_cut; i++)
        rc = read_queue(s, names[i]);
    crq_names_free(names, count);
    s->d->cut = s->d->cut || s->queued_cut;
    crq_names_sort(s->queued, s->queued_count);
    return rc;
}

/* ---- looking ---- */

/* Look at jobs, and mend them with `mend`. The reply is in their order. */
static int examine(struct search *s, const struct suspect *jobs, size_t count,
        const char *const *about, crq_reply **out)
{
    crq_conn *conn = s->d->cli->conn;
    struct crq_args args;
    size_t nkeys;
    int rc = 0;

    crq_args_init(&args);
    nkeys = crq_examine_start(&args, crq_clock_wall_us(crq_conn_clock(conn)),
            s->queued_cut ? REACH : 0);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = crq_examine_add(&args, jobs[i].id,
                about != NULL ? jobs[i].ailment : CRQ_WELL,
                about != NULL ? about[i] : "", s->d->err);
    if (rc == 0)
        rc = crq_script_call(conn, &crq_script_examine, nkeys, &args, out,
                s->d->err);
    if (rc == 0)
        rc = crq_examine_read(*out, count, s->d->err);
    crq_args_fini(&args);
    return rc;
}

/* The id of a key of SCAN that is a job's; NULL: it is another one. */
static const char *id_of(const char *key)
{
    size_t prefix = strcspn(crq_key_pattern(CRQ_KEY_JOB), "%");
    const char *id = key != NULL && strlen(key) > prefix ? key + prefix : NULL;

    return id != NULL && strchr(id, ':') == NULL && strlen(id) <= CRQ_NAME_MAX
            ? id
            : NULL;
}

/* Up to BATCH keys of a page, from `at` on. */
static int look_at_batch(struct search *s, const crq_reply *keys, size_t at)
{
    struct suspect jobs[BATCH];
    crq_reply *reply = NULL;
    size_t count = 0;
    int rc = 0;

    for (size_t i = at; i < crq_reply_count(keys) && i < at + BATCH; i++) {
        const char *id = id_of(crq_reply_text(crq_reply_item(keys, i), NULL));

        /* The text is the reply's, and not freed with the suspect. */
        if (id != NULL && !is_queued(s, id))
            jobs[count++] = (struct suspect){ (char *)(uintptr_t)id, CRQ_WELL };
    }
    if (count > 0)
        rc = examine(s, jobs, count, NULL, &reply);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct crq_examined found = crq_examined_job(reply, i);

        if (found.ailment != CRQ_WELL)
            rc = add_suspect(s, jobs[i].id, found.ailment);
    }
    crq_reply_free(reply);
    return rc;
}

static int scan(struct search *s)
{
    char cursor[32] = "0", pattern[CRQ_KEY_MAX];
    int64_t seen = 0;
    int rc = 0;

    crq_key(pattern, CRQ_KEY_JOB, "*");
    do {
        crq_reply *reply = NULL;
        const crq_reply *keys;
        const char *next;

        rc = crq_conn_run(s->d->cli->conn, &reply, s->d->err, "SCAN", cursor,
                "MATCH", pattern, "COUNT", "1000", NULL);
        keys = crq_reply_item(reply, 1);
        for (size_t at = 0; rc == 0 && at < crq_reply_count(keys); at += BATCH)
            rc = look_at_batch(s, keys, at);
        seen += (int64_t)crq_reply_count(keys);
        next = crq_reply_text(crq_reply_item(reply, 0), NULL);
        snprintf(cursor, sizeof(cursor), "%s", next != NULL ? next : "0");
        crq_reply_free(reply);
        doctor_progress("jobs looked at", seen);
    } while (rc == 0 && strcmp(cursor, "0") != 0 && seen < s->d->limit);
    s->d->cut = s->d->cut || strcmp(cursor, "0") != 0;
    return rc;
}

/* ---- telling and mending ---- */

static const char *cure_of(const char *done)
{
    for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++)
        if (strcmp(cures[i].done, done) == 0)
            return cures[i].said;
    return NULL;
}

static int tell(struct search *s, const struct suspect *suspect,
        const struct crq_examined *found, const char *about)
{
    char key[CRQ_KEY_MAX], where[CRQ_NAME_MAX + 8], what[3 * CRQ_NAME_MAX];
    crq_reply *reply = NULL;
    const char *status, *queue;
    int rc;

    crq_key(key, CRQ_KEY_JOB, suspect->id);
    rc = crq_conn_run(s->d->cli->conn, &reply, s->d->err, "HMGET", key,
            "status", "origin", NULL);
    status = crq_reply_text(crq_reply_item(reply, 0), NULL);
    queue = crq_reply_text(crq_reply_item(reply, 1), NULL);
    snprintf(where, sizeof(where), "job %s", suspect->id);
    /* Mended, its status is another one. */
    snprintf(what, sizeof(what), "%s in queue %s: %s",
            found->done[0] == '\0' && status != NULL ? status : "was stuck",
            queue != NULL ? queue : "?", ailments[suspect->ailment].what);
    if (about[0] != '\0')
        snprintf(what + strlen(what), sizeof(what) - strlen(what), " (job %s)",
                about);
    if (rc == 0)
        rc = doctor_find(s->d, ailments[suspect->ailment].check, where, what,
                ailments[suspect->ailment].remedy, cure_of(found->done));
    crq_reply_free(reply);
    return rc;
}

/* Who waits for a job that has failed waits for ever, too, perhaps. */
static int suspect_dependents(struct search *s, const char *id)
{
    char key[CRQ_KEY_MAX];
    char **ids = NULL;
    size_t count = 0;
    int rc;

    crq_key(key, CRQ_KEY_JOB_DEPENDENTS, id);
    rc = crq_names_of_set(s->d->cli->conn, key, &ids, &count, s->d->err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_suspect(s, ids[i], CRQ_WELL);
    crq_names_free(ids, count);
    return rc;
}

/* One whose ailment has been seen now. */
static int treat(struct search *s, struct suspect suspect,
        const struct crq_examined *seen)
{
    const char *about = seen->about;
    struct crq_examined found = *seen;
    crq_reply *reply = NULL;
    int rc = 0;

    suspect.ailment = seen->ailment;
    if (s->d->fix && suspect.ailment != CRQ_FOREIGN) {
        rc = examine(s, &suspect, 1, &about, &reply);
        if (rc == 0)
            found = crq_examined_job(reply, 0);
    }
    if (rc == 0)
        rc = tell(s, &suspect, &found, about);
    if (rc == 0 && strcmp(found.done, "failed") == 0)
        rc = suspect_dependents(s, suspect.id);
    crq_reply_free(reply);
    return rc;
}

/* A second look at suspects from `at` on. */
static int look_again(struct search *s, size_t at, size_t count)
{
    crq_reply *reply = NULL;
    int rc = examine(s, s->suspects + at, count, NULL, &reply);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct crq_examined found = crq_examined_job(reply, i);
        struct suspect suspect = s->suspects[at + i];

        if (found.ailment != CRQ_WELL &&
                (suspect.ailment == found.ailment ||
                        suspect.ailment == CRQ_WELL))
            rc = treat(s, suspect, &found);
    }
    crq_reply_free(reply);
    return rc;
}

int doctor_jobs(struct doctor *d)
{
    struct search s = { .d = d };
    struct timespec second = { 1, 0 };
    size_t at = 0;
    int rc = read_queues(&s);

    if (rc == 0)
        rc = scan(&s);
    if (rc == 0 && s.count > 0)
        nanosleep(&second, NULL);
    while (rc == 0 && at < s.count) {
        size_t count = s.count - at < BATCH ? s.count - at : BATCH;

        rc = look_again(&s, at, count);
        at += count;
    }
    for (size_t i = 0; i < s.count; i++)
        crq_free(s.suspects[i].id);
    crq_free(s.suspects);
    crq_names_free(s.queued, s.queued_count);
    return rc;
}
