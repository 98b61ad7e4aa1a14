/* relations.c - see relations.h. */
#include "model/relations.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/job.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "redis/conn.h"

/* ---- fetching ---- */

/* dependency_ids is a list in JSON; what it isn't is passed over. */
static int read_ids(const crq_value *ids, struct crq_relations *out,
        crq_error *err)
{
    size_t count = crq_value_type(ids) == CRQ_LIST ? crq_value_count(ids) : 0;

    if (count == 0)
        return 0;
    out->waits_on = crq_calloc(count, sizeof(*out->waits_on));
    if (out->waits_on == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const crq_value *id = crq_value_item(ids, i);

        if (crq_value_type(id) != CRQ_STR ||
                strlen(crq_value_text(id)) > CRQ_NAME_MAX)
            continue;
        out->waits_on[out->waits_on_count].id = crq_strdup(crq_value_text(id));
        if (out->waits_on[out->waits_on_count].id == NULL)
            return crq_fail_nomem(err);
        out->waits_on_count++;
    }
    return 0;
}

/* A key that is no hash holds no job. */
static int read_status(crq_conn *conn, struct crq_relation *one, crq_error *err)
{
    crq_reply *reply = NULL;
    const char *text = NULL;
    int rc = crq_conn_next(conn, &reply, err);

    if (rc == 0 && crq_reply_kind(reply) == CRQ_REPLY_TEXT)
        text = crq_reply_text(reply, NULL);
    one->status = crq_strdup(text != NULL ? text : "");
    crq_reply_free(reply);
    return rc == 0 && one->status == NULL ? crq_fail_nomem(err) : rc;
}

static int ask_statuses(crq_conn *conn, struct crq_relations *relations,
        crq_error *err)
{
    struct crq_args args;
    char key[CRQ_KEY_MAX];
    size_t due = 0;
    int rc = 0;

    crq_args_init(&args);
    for (; rc == 0 && due < relations->waits_on_count; due += rc == 0) {
        crq_key(key, CRQ_KEY_JOB, relations->waits_on[due].id);
        crq_args_clear(&args);
        crq_args_list(&args, "HGET", key, "status", NULL);
        rc = crq_conn_append(conn, &args, err);
    }
    crq_args_fini(&args);
    /* All of them, also after a failure: others use the connection, too. */
    for (size_t i = 0; i < due; i++) {
        int rc2 = read_status(conn, &relations->waits_on[i],
                rc == 0 ? err : NULL);

        rc = rc < 0 ? rc : rc2;
    }
    return rc;
}

int crq_relations_fetch(crq_conn *conn, crq_job *job, struct crq_relations *out,
        crq_error *err)
{
    crq_value *ids = crq_job_json(job, CRQ_FIELD_DEPENDENCY_IDS);
    int rc = read_ids(ids, out, err);

    crq_value_free(ids);
    if (rc == 0)
        rc = ask_statuses(conn, out, err);
    return rc < 0 ? rc
                  : crq_job_dependents(job, &out->dependents,
                            &out->dependents_count, err);
}

void crq_relations_fini(struct crq_relations *relations)
{
    for (size_t i = 0; i < relations->waits_on_count; i++) {
        crq_free(relations->waits_on[i].id);
        crq_free(relations->waits_on[i].status);
    }
    crq_free(relations->waits_on);
    crq_names_free(relations->dependents, relations->dependents_count);
    memset(relations, 0, sizeof(*relations));
}

/* ---- for programs ---- */

static crq_value *relation_value(const struct crq_relation *one)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "id", one->id, &rc);
    crq_dict_put_text(v, "status", one->status[0] != '\0' ? one->status : NULL,
            &rc);
    if (rc == 0)
        return v;
    crq_value_free(v);
    return NULL;
}

crq_value *crq_relations_waits_on(const struct crq_relations *relations)
{
    crq_value *list = crq_value_new_list();

    for (size_t i = 0; list != NULL && i < relations->waits_on_count; i++)
        if (crq_value_add(list, relation_value(&relations->waits_on[i])) < 0) {
            crq_value_free(list);
            return NULL;
        }
    return list;
}

crq_value *crq_relations_dependents(const struct crq_relations *relations)
{
    crq_value *list = crq_value_new_list();

    for (size_t i = 0; list != NULL && i < relations->dependents_count; i++)
        if (crq_value_add(list, crq_shown_text(relations->dependents[i])) < 0) {
            crq_value_free(list);
            return NULL;
        }
    return list;
}
