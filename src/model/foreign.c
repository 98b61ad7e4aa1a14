/* foreign.c - see foreign.h. */
#include "model/foreign.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/names.h"
#include "redis/conn.h"
#include "redis/many.h"

#define NAMES_MAX 1000

/* What the part of a key is the name of. */
enum part { ONCE, QUEUE, WORKER, GROUP, SCHEDULE, STEM, JOB, PARTS };

static const struct {
    enum crq_key key;
    enum part part;
    const char *type;
} rows[] = {
    { CRQ_KEY_QUEUES, ONCE, "set" },
    { CRQ_KEY_WORKERS, ONCE, "set" },
    { CRQ_KEY_GROUPS, ONCE, "set" },
    { CRQ_KEY_ALIVE, ONCE, "zset" },
    { CRQ_KEY_PROMOTING, ONCE, "hash" },
    { CRQ_KEY_SCHEDULES, ONCE, "zset" },
    { CRQ_KEY_TRIGGERS, ONCE, "hash" },
    { CRQ_KEY_LEADER, ONCE, "string" },
    { CRQ_KEY_WANTED, ONCE, "zset" },
    { CRQ_KEY_QUARANTINE, ONCE, "hash" },
    { CRQ_KEY_FAILURES, ONCE, "zset" },
    { CRQ_KEY_FAILURE_COUNTS, ONCE, "hash" },
    { CRQ_KEY_FAILURE_SAMPLES, ONCE, "hash" },
    { CRQ_KEY_PERIODIC, ONCE, "zset" },
    { CRQ_KEY_PERIODIC_LOCK, ONCE, "string" },
    { CRQ_KEY_CRON_SCHEDULERS, ONCE, "zset" },
    { CRQ_KEY_STATS, QUEUE, "hash" },
    { CRQ_KEY_QUEUE, QUEUE, "list" },
    { CRQ_KEY_INTERMEDIATE, QUEUE, "list" },
    { CRQ_KEY_STARTED, QUEUE, "zset" },
    { CRQ_KEY_FINISHED, QUEUE, "zset" },
    { CRQ_KEY_FAILED, QUEUE, "zset" },
    { CRQ_KEY_DEFERRED, QUEUE, "zset" },
    { CRQ_KEY_SCHEDULED, QUEUE, "zset" },
    { CRQ_KEY_CANCELED, QUEUE, "zset" },
    { CRQ_KEY_QUEUE_WORKERS, QUEUE, "set" },
    { CRQ_KEY_CLEANING, QUEUE, "string" },
    { CRQ_KEY_SCHEDULER_LOCK, QUEUE, "string" },
    { CRQ_KEY_WORKER, WORKER, "hash" },
    { CRQ_KEY_GROUP, GROUP, "set" },
    { CRQ_KEY_SCHEDULE, SCHEDULE, "hash" },
    { CRQ_KEY_RUNS, STEM, "hash" },
    { CRQ_KEY_JOB, JOB, "hash" },
    { CRQ_KEY_JOB_DEPENDENTS, JOB, "set" },
    { CRQ_KEY_JOB_DEPENDENCIES, JOB, "set" },
    { CRQ_KEY_RESULTS, JOB, "stream" },
    { CRQ_KEY_EXECUTIONS, JOB, "zset" },
    { CRQ_KEY_LOG, JOB, "stream" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Where the names of a part stand, and how they stand there. */
static const struct {
    enum crq_key key;
    const char *command;
    const char *(*name_of)(const char *member);
} lists[PARTS] = {
    [QUEUE] = { CRQ_KEY_QUEUES, "SMEMBERS", crq_key_queue_name },
    [WORKER] = { CRQ_KEY_WORKERS, "SMEMBERS", crq_key_worker_name },
    [GROUP] = { CRQ_KEY_GROUPS, "SMEMBERS", NULL },
    [SCHEDULE] = { CRQ_KEY_SCHEDULES, "ZRANGE", NULL },
    [STEM] = { CRQ_KEY_ALIVE, "ZRANGE", NULL },
};

/* A key to look at. */
struct look {
    size_t row;
    const char *name; /* NULL: it takes none */
};

struct search {
    char **names[PARTS];
    size_t counts[PARTS];
    struct look *looks;
    size_t count;
    struct crq_foreign *found;
    size_t found_count;
};

static int fetch_names(crq_conn *conn, enum part part, struct search *s,
        crq_error *err)
{
    bool sorted = strcmp(lists[part].command, "ZRANGE") == 0;
    char key[CRQ_KEY_MAX], last[24];
    crq_reply *reply = NULL;
    char **names = NULL;
    size_t count = 0, kept = 0;
    int rc;

    crq_key(key, lists[part].key, NULL);
    (void)snprintf(last, sizeof(last), "%d", NAMES_MAX - 1);
    rc = crq_conn_run(conn, &reply, err, lists[part].command, key,
            sorted ? "0" : NULL, last, NULL);
    if (rc == 0)
        rc = crq_names_copy(reply, &names, &count, err);
    crq_reply_free(reply);
    if (rc < 0)
        return rc;
    /* Members that are keys become the names in them, in place. */
    for (size_t i = 0; i < count; i++) {
        const char *name = lists[part].name_of != NULL
                ? lists[part].name_of(names[i])
                : names[i];

        if (name == NULL || kept == NAMES_MAX) {
            crq_free(names[i]);
            continue;
        }
        memmove(names[i], name, strlen(name) + 1);
        names[kept++] = names[i];
    }
    crq_names_sort(names, kept);
    s->names[part] = names;
    s->counts[part] = kept;
    return 0;
}

static int plan(struct search *s, const char *job_id, crq_error *err)
{
    size_t most = 1; /* the statistics of all queues */
    bool job = job_id != NULL && job_id[0] != '\0' &&
            strlen(job_id) <= CRQ_NAME_MAX;

    for (size_t i = 0; i < ROWS; i++)
        most += 1 + s->counts[rows[i].part];
    s->looks = crq_calloc(most, sizeof(*s->looks));
    if (s->looks == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < ROWS; i++) {
        enum part part = rows[i].part;

        if (part == ONCE)
            s->looks[s->count++] = (struct look){ i, NULL };
        else if (part == JOB && job)
            s->looks[s->count++] = (struct look){ i, job_id };
        else if (rows[i].key == CRQ_KEY_STATS)
            s->looks[s->count++] = (struct look){ i, "" };
        for (size_t n = 0; n < s->counts[part]; n++)
            s->looks[s->count++] = (struct look){ i, s->names[part][n] };
    }
    return 0;
}

static void ask_type(void *arg, size_t i, struct crq_args *args)
{
    const struct search *s = arg;
    char key[CRQ_KEY_MAX];
    size_t len = crq_key(key, rows[s->looks[i].row].key, s->looks[i].name);

    crq_args_puts(args, "TYPE");
    crq_args_put(args, key, len);
}

static int take_type(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    struct search *s = arg;
    const struct look *look = &s->looks[i];
    const char *is = crq_reply_text(reply, NULL);
    struct crq_foreign *found = &s->found[s->found_count];

    (void)err;
    if (crq_reply_kind(reply) != CRQ_REPLY_TEXT || strcmp(is, "none") == 0 ||
            strcmp(is, rows[look->row].type) == 0 ||
            s->found_count == CRQ_FOREIGN_MAX)
        return 0;
    crq_key(found->key, rows[look->row].key, look->name);
    (void)snprintf(found->is, sizeof(found->is), "%s", is);
    found->want = rows[look->row].type;
    s->found_count++;
    return 0;
}

int crq_foreign_find(crq_conn *conn, const char *job_id,
        struct crq_foreign out[CRQ_FOREIGN_MAX], size_t *out_count,
        crq_error *err)
{
    struct search s = { .found = out };
    bool was = crq_conn_look_past_types(conn, true);
    int rc = 0;

    for (enum part part = 0; rc == 0 && part < PARTS; part++)
        if (lists[part].command != NULL)
            rc = fetch_names(conn, part, &s, err);
    if (rc == 0)
        rc = plan(&s, job_id, err);
    if (rc == 0)
        rc = crq_many_ask(conn, s.count, ask_type, take_type, &s, err);
    crq_conn_look_past_types(conn, was);
    for (enum part part = 0; part < PARTS; part++)
        crq_names_free(s.names[part], s.counts[part]);
    crq_free(s.looks);
    if (rc == 0)
        *out_count = s.found_count;
    return rc;
}
