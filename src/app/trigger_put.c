/*
 * trigger_put.c - triggers that programs register: crq_trigger_put() in crq.h.
 *
 * A trigger becomes an application of its own that declares nothing else, in
 * the words of an app.json: so its arguments are checked, kept and bound by
 * the same code.
 */
#include "app/trigger.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/json.h"
#include "model/call.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/script.h"
#include "redis/scripts.h"

#define ID_MAX 300 /* as an application's name */

/* ---- checking ---- */

static bool is_id(const char *id)
{
    return id != NULL && crq_job_id_valid(id) && strlen(id) <= ID_MAX;
}

static int check_id(const char *id, crq_error *err)
{
    if (is_id(id))
        return 0;
    return crq_fail(err, CRQ_EINVAL,
            "'%.80s' is not an id of a trigger: up to %d letters, digits, - "
            "and _",
            id != NULL ? id : "", ID_MAX);
}

/* What a job of an event can't have, or nothing in an app.json says. */
static int check_call(const crq_call *call, crq_error *err)
{
    const struct {
        const char *name;
        bool is_set;
    } refused[] = {
        { "job_id", call->job_id != NULL },
        { "unique", call->unique },
        { "meta", call->meta != NULL },
        { "serializer", call->serializer != CRQ_PICKLE },
        { "retry_at_front", call->retry_at_front },
        { "depends_on", call->dependencies > 0 },
        { "on_success", call->on_success.name != NULL },
        { "on_failure", call->on_failure.name != NULL },
        { "on_stopped", call->on_stopped.name != NULL },
        { "repeat_times", call->repeat_times != CRQ_UNSET },
        { "group_id", call->group_id != NULL },
        { "webhooks", call->webhooks_count > 0 },
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (refused[i].is_set)
            return crq_fail(err, CRQ_EINVAL, "a trigger's jobs can have no %s",
                    refused[i].name);
    if (call->args != NULL && crq_value_count(call->args) > 0 &&
            call->kwargs != NULL && crq_value_count(call->kwargs) > 0)
        return crq_fail(err, CRQ_EINVAL,
                "a trigger has either args or kwargs, not both");
    return 0;
}

/* ---- as an application ---- */

static void put_number(crq_value *dict, const char *key, int64_t n, int *rc)
{
    if (n != CRQ_UNSET)
        crq_dict_put_number(dict, key, n, rc);
}

static void put_retry(crq_value *enqueue, const crq_call *call, int *rc)
{
    crq_value *retry, *list;

    if (call->retry_max == CRQ_UNSET)
        return;
    retry = crq_value_new_dict();
    list = crq_value_new_list();
    if (retry == NULL || list == NULL)
        *rc = CRQ_ENOMEM;
    crq_dict_put_number(retry, "max", call->retry_max, rc);
    for (size_t i = 0; *rc == 0 && i < call->retry_intervals; i++)
        *rc = crq_value_add(list,
                crq_value_new_int(call->retry_intervals_s[i]));
    crq_dict_put(retry, "intervals", list, rc);
    crq_dict_put(enqueue, "retry", retry, rc);
}

static crq_value *enqueue_of(const crq_call *call, int *rc)
{
    crq_value *v = crq_value_new_dict();
    const crq_value *args =
            call->kwargs != NULL && crq_value_count(call->kwargs) > 0
            ? call->kwargs
            : call->args;

    if (v == NULL)
        *rc = CRQ_ENOMEM;
    crq_dict_put_text(v, "task", call->func, rc);
    if (args != NULL && *rc == 0)
        crq_dict_put(v, "args", crq_value_ref(args), rc);
    if (call->description != NULL)
        crq_dict_put_text(v, "description", call->description, rc);
    put_number(v, "timeout", call->timeout_s, rc);
    put_number(v, "result_ttl", call->result_ttl_s, rc);
    put_number(v, "failure_ttl", call->failure_ttl_s, rc);
    put_number(v, "ttl", call->ttl_s, rc);
    put_retry(v, call, rc);
    if (call->at_front)
        crq_dict_put(v, "at_front", crq_value_new_bool(true), rc);
    return v;
}

/* A list of one. */
static crq_value *list_of(crq_value *item, int *rc)
{
    crq_value *list = crq_value_new_list();

    if (list != NULL)
        *rc = crq_value_add(list, item);
    else {
        crq_value_free(item);
        *rc = CRQ_ENOMEM;
    }
    return list;
}

static int app_of(const crq_trigger_options *o, const crq_call *call,
        crq_value **out, crq_error *err)
{
    crq_value *app = crq_value_new_dict(), *trigger = crq_value_new_dict();
    int rc = app != NULL && trigger != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(app, "name", o->id, &rc);
    if (rc == 0)
        crq_dict_put(app, "queues",
                list_of(crq_value_new_text(o->queue != NULL ? o->queue
                                                            : "default"),
                        &rc),
                &rc);
    crq_dict_put_text(trigger, "stream", o->stream, &rc);
    if (o->match != NULL && rc == 0)
        crq_dict_put(trigger, "match", crq_value_ref(o->match), &rc);
    if (rc == 0)
        crq_dict_put(trigger, "enqueue", enqueue_of(call, &rc), &rc);
    if (rc == 0)
        crq_dict_put(app, "triggers", list_of(trigger, &rc), &rc);
    else
        crq_value_free(trigger);
    if (rc == 0) {
        *out = app;
        return 0;
    }
    crq_value_free(app);
    return crq_fail_nomem(err);
}

/* "$.triggers[0].stream: ..." is a place that nobody has written. */
static int fail_of(int rc, const crq_error *why, crq_error *err)
{
    static const char place[] = "$.triggers[0].";
    bool inside = strncmp(why->text, place, sizeof(place) - 1) == 0;

    return crq_fail(err, rc, "%s",
            why->text + (inside ? sizeof(place) - 1 : 0));
}

/* The text that is kept: no source, a line break, an app.json. */
static int text_of(const crq_trigger_options *o, const crq_call *call,
        struct crq_buf *out, crq_error *err)
{
    struct crq_app *read = NULL;
    crq_value *app = NULL;
    crq_error why = { 0 };
    int rc = app_of(o, call, &app, err);

    if (rc < 0)
        return rc;
    crq_buf_putc(out, '\n');
    rc = crq_json_encode(app, CRQ_JSON_PYTHON, out, &why);
    /* Read as the scheduler will: from the text. */
    if (rc == 0)
        rc = crq_app_parse(crq_buf_text(out) + 1, out->len - 1, "", NULL, NULL,
                &read, &why);
    crq_app_free(read);
    crq_value_free(app);
    if (rc == CRQ_EUNSUPPORTED || rc == CRQ_ECODEC || rc == CRQ_ELIMIT)
        rc = CRQ_EINVAL;
    return rc < 0 ? fail_of(rc, &why, err) : crq_buf_check(out, err);
}

static int read_options(const crq_trigger_options *o, const crq_call *call,
        crq_call *out, crq_error *err)
{
    int rc;

    if (o->size != sizeof(*o))
        return crq_fail(err, CRQ_EINVAL,
                "the options were not made with this version's "
                "CRQ_TRIGGER_INIT");
    rc = check_id(o->id, err);
    if (rc == 0 && o->stream == NULL)
        rc = crq_fail(err, CRQ_EINVAL, "no stream is given");
    if (rc == 0 && o->queue != NULL)
        rc = crq_queue_name_check(o->queue, err);
    if (rc == 0)
        rc = crq_call_read(call, out, err);
    if (rc == 0)
        rc = crq_call_check(out, err);
    return rc == 0 ? check_call(out, err) : rc;
}

/* ---- in Redis ---- */

int crq_trigger_put(crq_conn *conn, const crq_trigger_options *options,
        const crq_call *call, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    struct crq_args args;
    crq_reply *reply = NULL;
    crq_call read;
    int rc = read_options(options, call, &read, err);

    if (rc < 0)
        return rc;
    crq_args_init(&args);
    rc = text_of(options, &read, &text, err);
    if (rc == 0) {
        crq_args_list(&args, crq_key_pattern(CRQ_KEY_TRIGGERS), options->id,
                NULL);
        crq_args_put(&args, crq_buf_text(&text), text.len);
        crq_args_puts(&args, crq_key_pattern(CRQ_KEY_WAKE));
        rc = crq_script_call(conn, &crq_script_sched_trigger, 1, &args, &reply,
                err);
    }
    if (rc == 0 && crq_reply_kind(reply) != CRQ_REPLY_INT) {
        const char *source = crq_reply_text(reply, NULL);

        rc = crq_fail(err, CRQ_EEXIST, "'%.80s' is an application of %s",
                options->id, source != NULL ? source : "a file");
    }
    crq_reply_free(reply);
    crq_args_fini(&args);
    crq_buf_fini(&text);
    return rc;
}

int crq_trigger_remove(crq_conn *conn, const char *id, crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    int rc = check_id(id, err);

    if (rc < 0)
        return rc;
    crq_args_init(&args);
    crq_args_list(&args, crq_key_pattern(CRQ_KEY_TRIGGERS), id,
            crq_key_pattern(CRQ_KEY_WAKE), NULL);
    rc = crq_script_call(conn, &crq_script_sched_untrigger, 1, &args, &reply,
            err);
    if (rc == 0 && crq_reply_int(reply, 0) == 0)
        rc = crq_fail(err, CRQ_ENOTFOUND, "there is no trigger '%s'", id);
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}
