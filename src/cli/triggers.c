/* triggers.c - what crq schedules tells of triggers: how far each is behind. */
#include "cli/triggers.h"

#include <string.h>

#include "app/trigger.h"
#include "base/error.h"
#include "cli/show.h"
#include "model/job_json.h"
#include "cli/term.h"
#include "model/keys.h"
#include "redis/conn.h"

/* Name and value of XINFO's answer. */
static const crq_reply *info_of(const crq_reply *group, const char *name)
{
    for (size_t i = 0; i + 1 < crq_reply_count(group); i += 2) {
        const char *text = crq_reply_text(crq_reply_item(group, i), NULL);

        if (text != NULL && strcmp(text, name) == 0)
            return crq_reply_item(group, i + 1);
    }
    return NULL;
}

/* Events that have not become jobs: not yet read, and read but not done.
 * Before its scheduler has come, all are; CRQ_UNSET: Redis can't tell, as it
 * does before 7 and when events were deleted. */
static int find_lag(crq_conn *conn, const char *stream, int64_t *out,
        crq_error *err)
{
    crq_reply *groups = NULL, *length = NULL;
    const crq_reply *lag = NULL, *pending = NULL;
    int rc = crq_conn_run(conn, &length, err, "XLEN", stream, NULL);

    *out = CRQ_UNSET;
    if (rc == 0)
        rc = crq_conn_run(conn, &groups, err, "XINFO", "GROUPS", stream, NULL);
    if (rc == 0)
        *out = crq_reply_int(length, 0);
    for (size_t i = 0; rc == 0 && i < crq_reply_count(groups); i++) {
        const crq_reply *group = crq_reply_item(groups, i);
        const char *name = crq_reply_text(info_of(group, "name"), NULL);

        if (name == NULL || strcmp(name, CRQ_TRIGGER_GROUP) != 0)
            continue;
        lag = info_of(group, "lag");
        pending = info_of(group, "pending");
        *out = crq_reply_kind(lag) != CRQ_REPLY_INT
                ? CRQ_UNSET
                : crq_reply_int(lag, 0) + crq_reply_int(pending, 0);
    }
    crq_reply_free(groups);
    crq_reply_free(length);
    /* No stream, or something else of this name: nothing to tell. */
    return rc == CRQ_EREDIS ? 0 : rc;
}

static crq_value *match_of(const struct crq_app_trigger *t, int *rc)
{
    crq_value *v = crq_value_new_dict();

    if (v == NULL)
        *rc = CRQ_ENOMEM;
    for (size_t i = 0; i < t->matches; i++)
        crq_dict_put_text(v, t->match[i].name, t->match[i].value, rc);
    return v;
}

static int add_row(crq_value *rows, const struct crq_app_trigger *t,
        const char *id, const char *source, int64_t lag)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "id", id, &rc);
    crq_dict_put_text(v, "stream", t->stream, &rc);
    crq_dict_put(v, "match", match_of(t, &rc), &rc);
    crq_dict_put_text(v, "queue", t->call.queue, &rc);
    crq_dict_put_text(v, "func", t->call.task, &rc);
    crq_dict_put_number(v, "lag", lag, &rc);
    crq_dict_put_text(v, "source", source, &rc);
    if (rc == 0)
        return crq_value_add(rows, v);
    crq_value_free(v);
    return rc;
}

static void print_row(const struct crq_app_trigger *t, const char *id,
        int64_t lag)
{
    term_text(TERM_BOLD, id, 0, 20);
    printf("  on ");
    term_text(TERM_CYAN, t->stream, 0, 0);
    for (size_t i = 0; i < t->matches; i++) {
        printf("  ");
        term_text(TERM_PLAIN, t->match[i].name, 0, 0);
        printf("=");
        term_text(TERM_PLAIN, t->match[i].value, 0, 0);
    }
    if (lag != CRQ_UNSET)
        printf("  lag %lld", (long long)lag);
    printf("  ");
    term_text(TERM_PLAIN, t->call.task, 60, 0);
    printf("\n");
}

static int show_app(const struct cli *cli, const struct crq_app *app,
        const char *source, crq_value *rows, crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < app->trigger_count; i++) {
        const struct crq_app_trigger *t = &app->triggers[i];
        struct crq_buf id = CRQ_BUF_INIT;
        int64_t lag;

        crq_buf_printf(&id, "%s#%zu", app->name, i);
        rc = find_lag(cli->conn, t->stream, &lag, err);
        if (rc == 0 && rows != NULL &&
                add_row(rows, t, crq_buf_text(&id), source, lag) < 0)
            rc = crq_fail_nomem(err);
        else if (rc == 0 && rows == NULL)
            print_row(t, crq_buf_text(&id), lag);
        crq_buf_fini(&id);
    }
    return rc;
}

int triggers_show(const struct cli *cli, crq_value *rows, crq_error *err)
{
    struct crq_triggers all = { 0 };
    crq_reply *reply = NULL;
    int rc = crq_conn_run(cli->conn, &reply, err, "HGETALL",
            crq_key_pattern(CRQ_KEY_TRIGGERS), NULL);

    if (rc == 0)
        rc = crq_triggers_read(reply, NULL, NULL, &all, err);
    for (size_t i = 0; rc == 0 && i < all.count; i++)
        rc = show_app(cli, all.apps[i], all.sources[i], rows, err);
    crq_triggers_fini(&all);
    crq_reply_free(reply);
    return rc;
}
