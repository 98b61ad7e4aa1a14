/* metrics_facts.c - what /metrics tells, asked of Redis. */
#include "web/metrics_impl.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "web/many.h"

void metrics_facts_fini(struct metrics_facts *f)
{
    if (f->stats != NULL)
        crq_stats_free(f->stats, f->queues + 1);
    crq_names_free(f->names, f->queues);
    crq_free(f->counts);
    crq_free(f->due_s);
    crq_workers_free(f->workers, f->workers_count);
    crq_free(f->info);
}

/* The score of a reply of ZRANGE 0 0 WITHSCORES. */
static double score_of(const crq_reply *reply)
{
    const char *text = crq_reply_text(crq_reply_item(reply, 1), NULL);
    double s = text != NULL ? strtod(text, NULL) : NAN;

    return fabs(s) < 1e12 ? s : NAN;
}

static void ask_due(void *arg, size_t i, struct crq_args *args)
{
    const struct metrics_facts *f = arg;
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_SCHEDULED, f->names[i]);
    crq_args_list(args, "ZRANGE", key, "0", "0", "WITHSCORES", NULL);
}

static int take_due(void *arg, size_t i, const crq_reply *reply, crq_error *err)
{
    struct metrics_facts *f = arg;

    (void)err;
    f->due_s[i] = score_of(reply);
    return 0;
}

/* Names that can be in the set but are no queue's are left out. */
static void drop_names(struct metrics_facts *f)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->queues; i++)
        if (crq_queue_name_check(f->names[i], NULL) == 0)
            f->names[kept++] = f->names[i];
        else
            crq_free(f->names[i]);
    f->queues = kept;
}

static int ask_queues(crq_conn *conn, struct metrics_facts *f, crq_error *err)
{
    int rc = crq_queue_names(conn, &f->names, &f->queues, err);

    if (rc < 0)
        return rc;
    drop_names(f);
    f->counts = crq_calloc(f->queues + 1, sizeof(*f->counts));
    f->due_s = crq_calloc(f->queues + 1, sizeof(*f->due_s));
    if (f->counts == NULL || f->due_s == NULL)
        return crq_fail_nomem(err);
    rc = crq_registry_counts(conn, f->names, f->queues, f->counts, err);
    return rc < 0 ? rc : many_ask(conn, f->queues, ask_due, take_due, f, err);
}

static int ask_stats(crq_conn *conn, struct metrics_facts *f, crq_error *err)
{
    const char **rows = crq_calloc(f->queues + 1, sizeof(*rows));
    int rc;

    if (rows == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < f->queues; i++) /* and NULL behind: all */
        rows[i] = f->names[i];
    rc = crq_stats_fetch(conn, rows, f->queues + 1, 0, &f->stats, err);
    crq_free(rows);
    return rc;
}

/* What is asked once, in this order. */
enum {
    SINGLE_SCHEDULES,
    SINGLE_NEXT,
    SINGLE_LEADER,
    SINGLE_ASIDE,
    SINGLE_INFO,
    SINGLES
};

static void ask_single(void *arg, size_t i, struct crq_args *args)
{
    static const struct {
        enum crq_key key;
        const char *command;
    } rows[] = {
        [SINGLE_SCHEDULES] = { CRQ_KEY_SCHEDULES, "ZCARD" },
        [SINGLE_NEXT] = { CRQ_KEY_SCHEDULES, "ZRANGE" },
        [SINGLE_LEADER] = { CRQ_KEY_LEADER, "EXISTS" },
        [SINGLE_ASIDE] = { CRQ_KEY_QUARANTINE, "HLEN" },
        [SINGLE_INFO] = { CRQ_KEY_COUNT, "INFO" },
    };
    char key[CRQ_KEY_MAX];

    (void)arg;
    crq_args_puts(args, rows[i].command);
    if (rows[i].key == CRQ_KEY_COUNT)
        return;
    crq_key(key, rows[i].key, NULL);
    crq_args_puts(args, key);
    if (i == SINGLE_NEXT)
        crq_args_list(args, "0", "0", "WITHSCORES", NULL);
}

static int take_single(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    struct metrics_facts *f = arg;
    const char *text = crq_reply_text(reply, NULL);

    switch (i) {
    case SINGLE_SCHEDULES: f->schedules = crq_reply_int(reply, 0); break;
    case SINGLE_NEXT: f->next_s = score_of(reply); break;
    case SINGLE_LEADER: f->leader = crq_reply_int(reply, 0); break;
    case SINGLE_ASIDE: f->quarantined = crq_reply_int(reply, 0); break;
    default:
        /* A user of Redis without the right to INFO goes without. */
        f->info =
                crq_strdup(crq_reply_kind(reply) == CRQ_REPLY_TEXT ? text : "");
        if (f->info == NULL)
            return crq_fail_nomem(err);
        break;
    }
    return 0;
}

static int ask_all(crq_conn *conn, struct metrics_facts *f, crq_error *err)
{
    const struct crq_clock *clock = crq_conn_clock(conn);
    int64_t before_us;
    int rc;

    /* The first may have to connect: the second is measured. */
    rc = crq_conn_run(conn, NULL, err, "PING", NULL);
    before_us = crq_clock_mono_us(clock);
    if (rc == 0)
        rc = crq_conn_run(conn, NULL, err, "PING", NULL);
    f->ping_s = (double)(crq_clock_mono_us(clock) - before_us) / 1e6;
    f->now_us = crq_clock_wall_us(clock);
    if (rc == 0)
        rc = ask_queues(conn, f, err);
    if (rc == 0)
        rc = ask_stats(conn, f, err);
    if (rc == 0)
        rc = crq_workers_fetch(conn, &f->workers, &f->workers_count, err);
    if (rc == 0)
        rc = crq_is_suspended(conn, &f->suspended, NULL, err);
    if (rc == 0)
        rc = many_ask(conn, SINGLES, ask_single, take_single, f, err);
    return rc;
}

int metrics_facts_ask(crq_conn *conn, struct metrics_facts *f, crq_error *err)
{
    /* A number that nobody can read must not take the others along. */
    bool was = crq_conn_look_past_types(conn, true);
    int rc = ask_all(conn, f, err);

    crq_conn_look_past_types(conn, was);
    return rc;
}
