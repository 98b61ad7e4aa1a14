/* relations.c - see relations.h. */
#include "cli/relations.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/term.h"
#include "model/job.h"
#include "model/keys.h"
#include "redis/conn.h"

#define SHOWN 10 /* of many dependents */

/* ---- fetching ---- */

static int ask_status(crq_conn *conn, const char *id, char **out,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    const char *text;
    int rc;

    crq_key(key, CRQ_KEY_JOB, id);
    rc = crq_conn_run(conn, &reply, err, "HGET", key, "status", NULL);
    if (rc < 0)
        return rc;
    text = crq_reply_text(reply, NULL);
    *out = crq_strdup(text != NULL ? text : "");
    crq_reply_free(reply);
    return *out != NULL ? 0 : crq_fail_nomem(err);
}

/* dependency_ids is a list in JSON; what it isn't is passed over. */
static int fetch_waits_on(crq_conn *conn, crq_job *job, struct relations *out,
        crq_error *err)
{
    crq_value *ids = crq_job_json(job, CRQ_FIELD_DEPENDENCY_IDS);
    size_t count = crq_value_type(ids) == CRQ_LIST ? crq_value_count(ids) : 0;
    int rc = 0;

    if (count > 0) {
        out->waits_on = crq_calloc(count, sizeof(*out->waits_on));
        rc = out->waits_on != NULL ? 0 : crq_fail_nomem(err);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const crq_value *id = crq_value_item(ids, i);
        struct relation *one = &out->waits_on[out->waits_on_count];

        if (crq_value_type(id) != CRQ_STR ||
                strlen(crq_value_text(id)) > CRQ_NAME_MAX)
            continue;
        one->id = crq_strdup(crq_value_text(id));
        out->waits_on_count++;
        rc = one->id != NULL ? ask_status(conn, one->id, &one->status, err)
                             : crq_fail_nomem(err);
    }
    crq_value_free(ids);
    return rc;
}

int relations_fetch(crq_conn *conn, crq_job *job, struct relations *out,
        crq_error *err)
{
    int rc = fetch_waits_on(conn, job, out, err);

    return rc < 0 ? rc
                  : crq_job_dependents(job, &out->dependents,
                            &out->dependents_count, err);
}

void relations_fini(struct relations *relations)
{
    for (size_t i = 0; i < relations->waits_on_count; i++) {
        crq_free(relations->waits_on[i].id);
        crq_free(relations->waits_on[i].status);
    }
    crq_free(relations->waits_on);
    crq_names_free(relations->dependents, relations->dependents_count);
    memset(relations, 0, sizeof(*relations));
}

/* ---- showing ---- */

static void print_waits_on(const struct relations *relations, size_t i)
{
    const struct relation *one = &relations->waits_on[i];

    term_text(TERM_PLAIN, one->id, 0, 0);
    printf(" (");
    term_text(TERM_PLAIN, one->status[0] != '\0' ? one->status : "gone", 0, 0);
    printf(")");
}

static void print_dependent(const struct relations *relations, size_t i)
{
    term_text(TERM_PLAIN, relations->dependents[i], 0, 0);
}

static void print_row(const char *name, const struct relations *relations,
        size_t count, void (*print)(const struct relations *, size_t))
{
    if (count == 0)
        return;
    term_printf(TERM_DIM, "  %-12s", name);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        if (i > 0)
            printf(", ");
        print(relations, i);
    }
    if (count > SHOWN)
        printf(" and %zu more", count - SHOWN);
    putchar('\n');
}

void relations_print(const struct relations *relations)
{
    print_row("waits on", relations, relations->waits_on_count, print_waits_on);
    print_row("needed by", relations, relations->dependents_count,
            print_dependent);
}

crq_value *relations_dependents(const struct relations *relations)
{
    crq_value *list = crq_value_new_list();

    for (size_t i = 0; list != NULL && i < relations->dependents_count; i++)
        if (crq_value_add(list, crq_value_new_text(relations->dependents[i])) <
                0) {
            crq_value_free(list);
            return NULL;
        }
    return list;
}
