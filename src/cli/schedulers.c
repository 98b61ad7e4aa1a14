/* schedulers.c - see schedulers.h. */
#include "cli/schedulers.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/term.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "redis/conn.h"

/* ---- fetching ---- */

static int append(crq_conn *conn, size_t *due, crq_error *err,
        const char *command, enum crq_key which, const char *part)
{
    char key[CRQ_KEY_MAX];
    struct crq_args args;
    int rc;

    crq_key(key, which, part);
    crq_args_init(&args);
    crq_args_list(&args, command, key, NULL);
    rc = crq_conn_append(conn, &args, err);
    *due += rc == 0;
    crq_args_fini(&args);
    return rc;
}

/* crq's name for itself in a lock of RQ's is "crq:<name>". */
static int note(struct schedulers *s, const char *name, bool leads,
        crq_error *err)
{
    struct scheduler *items;

    if (strncmp(name, "crq:", 4) == 0)
        name += 4;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].name, name) == 0) {
            s->items[i].locks += !leads;
            return 0;
        }
    items = crq_reallocarray(s->items, s->count + 1, sizeof(*items));
    if (items == NULL)
        return crq_fail_nomem(err);
    s->items = items;
    items[s->count].name = crq_strdup(name);
    if (items[s->count].name == NULL)
        return crq_fail_nomem(err);
    items[s->count].leads = leads;
    items[s->count].locks = !leads;
    s->count++;
    return 0;
}

/* The nth reply of the pipeline. */
static int read_reply(struct schedulers *s, size_t nth, const crq_reply *reply,
        crq_error *err)
{
    const char *text = crq_reply_kind(reply) == CRQ_REPLY_TEXT
            ? crq_reply_text(reply, NULL)
            : NULL;

    if (nth == 1)
        s->schedules = crq_reply_kind(reply) == CRQ_REPLY_INT
                ? crq_reply_int(reply, 0)
                : 0;
    else if (nth == 2)
        s->periodic = crq_reply_kind(reply) == CRQ_REPLY_INT
                ? crq_reply_int(reply, 0)
                : 0;
    else if (text != NULL) {
        s->led = s->led || nth == 0;
        return note(s, text, nth == 0, err);
    }
    return 0;
}

int schedulers_fetch(crq_conn *conn, char *const *queues, size_t count,
        struct schedulers *out, crq_error *err)
{
    size_t due = 0;
    int rc = append(conn, &due, err, "GET", CRQ_KEY_LEADER, NULL);

    if (rc == 0)
        rc = append(conn, &due, err, "ZCARD", CRQ_KEY_SCHEDULES, NULL);
    if (rc == 0)
        rc = append(conn, &due, err, "ZCARD", CRQ_KEY_PERIODIC, NULL);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = append(conn, &due, err, "GET", CRQ_KEY_SCHEDULER_LOCK, queues[i]);
    /* All of them, also after a failure: others use the connection, too. */
    for (size_t i = 0; i < due; i++) {
        crq_reply *reply = NULL;
        crq_error *why = rc == 0 ? err : NULL;
        int rc2 = crq_conn_next(conn, &reply, why);

        if (rc2 == 0)
            rc2 = read_reply(out, i, reply, why);
        crq_reply_free(reply);
        rc = rc < 0 ? rc : rc2;
    }
    return rc;
}

void schedulers_fini(struct schedulers *schedulers)
{
    for (size_t i = 0; i < schedulers->count; i++)
        crq_free(schedulers->items[i].name);
    crq_free(schedulers->items);
    memset(schedulers, 0, sizeof(*schedulers));
}

/* ---- showing ---- */

void schedulers_print(const struct schedulers *schedulers)
{
    for (size_t i = 0; i < schedulers->count; i++) {
        const struct scheduler *one = &schedulers->items[i];

        term_printf(TERM_BOLD, "scheduler ");
        term_text(TERM_PLAIN, one->name, 40, 0);
        if (one->leads)
            term_printf(TERM_GREEN, " leads");
        if (one->locks > 0)
            printf("%s holds RQ's lock of %lld queue%s",
                    one->leads ? " and" : "", (long long)one->locks,
                    one->locks == 1 ? "" : "s");
        putchar('\n');
    }
    if (schedulers->schedules > 0 && !schedulers->led)
        term_printf(TERM_YELLOW,
                "No crq-scheduler is there to run the schedules.\n");
}

static crq_value *scheduler_value(const struct scheduler *one)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "name", one->name, &rc);
    crq_dict_put(v, "leader", crq_value_new_bool(one->leads), &rc);
    crq_dict_put_number(v, "locks", one->locks, &rc);
    if (rc == 0)
        return v;
    crq_value_free(v);
    return NULL;
}

crq_value *schedulers_value(const struct schedulers *schedulers)
{
    crq_value *list = crq_value_new_list();

    for (size_t i = 0; list != NULL && i < schedulers->count; i++)
        if (crq_value_add(list, scheduler_value(&schedulers->items[i])) < 0) {
            crq_value_free(list);
            return NULL;
        }
    return list;
}
