/* trigger_read.c - triggers as they are in Redis, for who wants to see. */
#include "app/trigger.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "redis/conn.h"

struct crq_trigger {
    char *id, *stream, *queue, *func;
    char *source; /* NULL: a program has put it */
    crq_value *match;
    int64_t lag;
};

void crq_trigger_free(crq_trigger *trigger)
{
    if (trigger == NULL)
        return;
    crq_free(trigger->id);
    crq_free(trigger->stream);
    crq_free(trigger->queue);
    crq_free(trigger->func);
    crq_free(trigger->source);
    crq_value_free(trigger->match);
    crq_free(trigger);
}

void crq_triggers_free(crq_trigger **triggers, size_t count)
{
    for (size_t i = 0; triggers != NULL && i < count; i++)
        crq_trigger_free(triggers[i]);
    crq_free(triggers);
}

/* ---- lag ---- */

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
 * Before its scheduler has come, all are. */
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

/* ---- reading ---- */

static char *id_of(const struct crq_app *app, const char *source, size_t nth)
{
    struct crq_buf text = CRQ_BUF_INIT;
    char *id = NULL;

    if (source[0] == '\0')
        return crq_strdup(app->name);
    crq_buf_printf(&text, "%s#%zu", app->name, nth);
    if (crq_buf_steal(&text, &id, NULL, NULL) < 0)
        id = NULL;
    crq_buf_fini(&text);
    return id;
}

static crq_value *match_of(const struct crq_app_trigger *t)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; i < t->matches; i++)
        crq_dict_put_text(v, t->match[i].name, t->match[i].value, &rc);
    if (rc == 0)
        return v;
    crq_value_free(v);
    return NULL;
}

static crq_trigger *trigger_new(const struct crq_app *app, const char *source,
        size_t nth)
{
    const struct crq_app_trigger *from = &app->triggers[nth];
    crq_trigger *t = crq_calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->id = id_of(app, source, nth);
    t->stream = crq_strdup(from->stream);
    t->queue = crq_strdup(from->call.queue);
    t->func = crq_strdup(from->call.task);
    t->match = match_of(from);
    t->lag = CRQ_UNSET;
    if (source[0] != '\0')
        t->source = crq_strdup(source);
    if (t->id == NULL || t->stream == NULL || t->queue == NULL ||
            t->func == NULL || t->match == NULL ||
            (source[0] != '\0' && t->source == NULL)) {
        crq_trigger_free(t);
        return NULL;
    }
    return t;
}

static int compare(const void *a, const void *b)
{
    const crq_trigger *const *one = a, *const *other = b;

    return strcmp((*one)->id, (*other)->id);
}

/* All of them, or with an id that one. */
static int list_of(crq_conn *conn, const struct crq_triggers *all,
        const char *id, crq_trigger **list, size_t *count, crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; rc == 0 && k < all->apps[i]->trigger_count; k++) {
            crq_trigger *t = trigger_new(all->apps[i], all->sources[i], k);

            if (t == NULL)
                return crq_fail_nomem(err);
            if (id != NULL && strcmp(t->id, id) != 0) {
                crq_trigger_free(t);
                continue;
            }
            list[(*count)++] = t;
            rc = find_lag(conn, t->stream, &t->lag, err);
        }
    return rc;
}

static int read_list(crq_conn *conn, const char *id, crq_trigger ***out,
        size_t *out_count, crq_error *err)
{
    struct crq_triggers all = { 0 };
    crq_trigger **list = NULL;
    crq_reply *reply = NULL;
    size_t most = 1, count = 0;
    int rc = crq_conn_run(conn, &reply, err, "HGETALL",
            crq_key_pattern(CRQ_KEY_TRIGGERS), NULL);

    if (rc == 0)
        rc = crq_triggers_read(reply, NULL, NULL, &all, err);
    for (size_t i = 0; i < all.count; i++)
        most += all.apps[i]->trigger_count;
    if (rc == 0) {
        list = crq_calloc(most, sizeof(crq_trigger *));
        rc = list != NULL ? list_of(conn, &all, id, list, &count, err)
                          : crq_fail_nomem(err);
    }
    crq_triggers_fini(&all);
    crq_reply_free(reply);
    if (rc < 0) {
        crq_triggers_free(list, count);
        return rc;
    }
    *out = list;
    *out_count = count;
    return 0;
}

int crq_trigger_list(crq_conn *conn, crq_trigger ***out, size_t *out_count,
        crq_error *err)
{
    int rc = read_list(conn, NULL, out, out_count, err);

    if (rc == 0)
        qsort(*out, *out_count, sizeof(crq_trigger *), compare);
    return rc;
}

int crq_trigger_fetch(crq_conn *conn, const char *id, crq_trigger **out,
        crq_error *err)
{
    crq_trigger **list;
    size_t count;
    int rc = read_list(conn, id, &list, &count, err);

    if (rc < 0)
        return rc;
    if (count == 0)
        rc = crq_fail(err, CRQ_ENOTFOUND, "there is no trigger '%.80s'", id);
    else
        *out = list[0];
    crq_free(list);
    return rc;
}

/* ---- showing ---- */

const char *crq_trigger_id(const crq_trigger *trigger)
{
    return trigger->id;
}

const char *crq_trigger_stream(const crq_trigger *trigger)
{
    return trigger->stream;
}

const crq_value *crq_trigger_match(const crq_trigger *trigger)
{
    return trigger->match;
}

const char *crq_trigger_queue(const crq_trigger *trigger)
{
    return trigger->queue;
}

const char *crq_trigger_func(const crq_trigger *trigger)
{
    return trigger->func;
}

const char *crq_trigger_source(const crq_trigger *trigger)
{
    return trigger->source;
}

int64_t crq_trigger_lag(const crq_trigger *trigger)
{
    return trigger->lag;
}
