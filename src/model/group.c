/*
 * group.c - groups of jobs: names, members, and an end.
 *
 * Source: RQ 2.10, rq/group.py. RQ has no word for deleting a group; a job
 * whose group is gone can't be deleted there, so both go together here.
 */
#include <string.h>

#include "base/error.h"
#include "model/keys.h"
#include "model/names.h"
#include "redis/conn.h"

static int key_of(const char *group, char key[CRQ_KEY_MAX], crq_error *err)
{
    if (group[0] == '\0' || strlen(group) > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_ENOTFOUND, "there is no group '%.80s'", group);
    crq_key(key, CRQ_KEY_GROUP, group);
    return 0;
}

int crq_group_names(crq_conn *conn, char ***out, size_t *out_count,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_GROUPS, NULL);
    return crq_names_of_set(conn, key, out, out_count, err);
}

int crq_group_ids(crq_conn *conn, const char *group, char ***out,
        size_t *out_count, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    char **ids = NULL;
    size_t count = 0;
    int rc = key_of(group, key, err);

    if (rc == 0)
        rc = crq_names_of_set(conn, key, &ids, &count, err);
    if (rc == 0 && count == 0) {
        crq_names_free(ids, count);
        rc = crq_fail(err, CRQ_ENOTFOUND, "there is no group '%.80s'", group);
    }
    if (rc < 0)
        return rc;
    *out = ids;
    *out_count = count;
    return 0;
}

/* What is left are ids without a job. */
static int forget(crq_conn *conn, const char *group, const char *key,
        crq_error *err)
{
    char names[CRQ_KEY_MAX];
    int rc;

    crq_key(names, CRQ_KEY_GROUPS, NULL);
    rc = crq_conn_run(conn, NULL, err, "SREM", names, group, NULL);
    return rc < 0 ? rc : crq_conn_run(conn, NULL, err, "DEL", key, NULL);
}

int crq_group_delete(crq_conn *conn, const char *group, int64_t *out_count,
        crq_error *err)
{
    crq_filter filter = CRQ_FILTER_INIT;
    crq_bulk bulk = CRQ_BULK_INIT;
    crq_tally tally = { 0, 0, 0, 0, 0, 0 };
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    bool there = false;
    int rc = key_of(group, key, err);

    if (rc == 0)
        rc = crq_conn_run(conn, &reply, err, "EXISTS", key, NULL);
    if (rc == 0)
        there = crq_reply_int(reply, 0) != 0;
    crq_reply_free(reply);
    if (rc == 0 && !there)
        rc = crq_fail(err, CRQ_ENOTFOUND, "there is no group '%.80s'", group);
    if (rc == 0) {
        filter.group = group;
        bulk.operation = CRQ_OPERATION_DELETE;
        rc = crq_jobs_apply(conn, &filter, &bulk, &tally, err);
    }
    if (rc == 0 && tally.refused > 0)
        rc = crq_fail(err, CRQ_EREDIS,
                "%lld jobs of group '%.80s' could not be deleted",
                (long long)tally.refused, group);
    if (rc == 0)
        rc = forget(conn, group, key, err);
    if (out_count != NULL)
        *out_count = tally.done;
    return rc;
}
