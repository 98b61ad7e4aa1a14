/*
 * doctor_aside.c - crq doctor: what no scheduler could read.
 *
 * A scheduler puts it into a hash, with the reason, says so once in its log,
 * and goes on. Whoever has seen it here has it forgotten by --fix. What a
 * scheduler leaves where it is (entries of rq-scheduler) is then reported anew.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/doctor.h"
#include "model/keys.h"
#include "redis/conn.h"

#define WHERE_LEN 200

static int is_hash(struct doctor *d, const char *key, bool *out)
{
    crq_reply *reply = NULL;
    int rc = crq_conn_run(d->cli->conn, &reply, d->err, "TYPE", key, NULL);
    const char *kind = crq_reply_text(reply, NULL);

    *out = kind != NULL && strcmp(kind, "hash") == 0;
    crq_reply_free(reply);
    return rc;
}

/* The fields are "ZSET MEMBER", or "STREAM ID" of an event. */
static void put_where(const char *field, char out[WHERE_LEN])
{
    static const struct {
        enum crq_key zset;
        const char *what;
    } kinds[] = {
        { CRQ_KEY_SCHEDULES, "schedule" },
        { CRQ_KEY_PERIODIC, "rq-scheduler's entry" },
        { CRQ_KEY_SCHEDULED, "scheduled job" },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *zset = crq_key_pattern(kinds[i].zset);
        size_t len = strcspn(zset, "%");
        const char *member = strrchr(field, ' ');

        if (strncmp(field, zset, len) != 0 || member == NULL ||
                (zset[len] == '\0' && field[len] != ' '))
            continue;
        if (zset[len] == '\0')
            member = field + len;
        snprintf(out, WHERE_LEN, "%s %.150s", kinds[i].what, member + 1);
        return;
    }
    snprintf(out, WHERE_LEN, "event %.190s", field);
}

static int forget(struct doctor *d, const char *field, size_t len)
{
    struct crq_args args;
    int rc;

    crq_args_init(&args);
    crq_args_list(&args, "HDEL", crq_key_pattern(CRQ_KEY_QUARANTINE), NULL);
    crq_args_put(&args, field, len);
    rc = crq_conn_command(d->cli->conn, &args, NULL, d->err);
    crq_args_fini(&args);
    return rc;
}

static int tell(struct doctor *d, const crq_reply *field,
        const crq_reply *reason)
{
    const char *why = crq_reply_text(reason, NULL), *name;
    char where[WHERE_LEN], what[400];
    size_t len = 0;
    int rc = 0;

    name = crq_reply_text(field, &len);
    if (name == NULL || why == NULL)
        return 0;
    put_where(name, where);
    snprintf(what, sizeof(what), "a scheduler could not read it: %.300s", why);
    if (d->fix)
        rc = forget(d, name, len);
    return rc < 0 ? rc
                  : doctor_find(d, "set-aside", where, what,
                            "register it again; crq doctor --fix forgets it",
                            d->fix ? "forgotten" : NULL);
}

int doctor_aside(struct doctor *d)
{
    const char *key = crq_key_pattern(CRQ_KEY_QUARANTINE);
    char cursor[32] = "0";
    int64_t seen = 0;
    bool there = false;
    int rc = is_hash(d, key, &there);

    if (rc < 0 || !there)
        return rc;
    do {
        crq_reply *reply = NULL;
        const crq_reply *page;
        const char *next;

        rc = crq_conn_run(d->cli->conn, &reply, d->err, "HSCAN", key, cursor,
                "COUNT", "1000", NULL);
        page = crq_reply_item(reply, 1);
        next = crq_reply_text(crq_reply_item(reply, 0), NULL);
        snprintf(cursor, sizeof(cursor), "%s", next != NULL ? next : "0");
        for (size_t i = 0; rc == 0 && i + 1 < crq_reply_count(page); i += 2) {
            rc = tell(d, crq_reply_item(page, i), crq_reply_item(page, i + 1));
            seen++;
        }
        crq_reply_free(reply);
    } while (rc == 0 && strcmp(cursor, "0") != 0 && seen < d->limit);
    d->cut = d->cut || strcmp(cursor, "0") != 0;
    return rc;
}
