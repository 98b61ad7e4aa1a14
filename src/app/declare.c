/* declare.c - see declare.h. */
#include "app/declare.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "model/keys.h"
#include "sched/schedule.h"

int crq_app_schedule_words(const struct crq_app *app, size_t i,
        const char *source, int64_t now_us, struct crq_args *out,
        crq_error *err)
{
    const struct crq_app_schedule *s = &app->schedules[i];
    crq_schedule_options o = CRQ_SCHEDULE_INIT;
    crq_value *args = NULL, *kwargs = NULL;
    crq_call call;
    int rc;

    o.id = s->id;
    o.queue = s->call.queue;
    o.every_us = s->every_us;
    o.cron = s->cron;
    o.tz = s->tz;
    o.start_us = s->start_us;
    o.repeat = s->repeat;
    o.catchup = s->catchup;
    o.catchup_max = s->catchup_max;
    o.allow_overlap = s->overlap;
    o.source = source;
    /* There is no event or request that it could ask for a value. */
    rc = crq_app_call_bind(&s->call, NULL, NULL, &args, &kwargs, err);
    if (rc < 0)
        return rc;
    crq_app_call_fill(&s->call, args, kwargs, &call);
    rc = crq_schedule_words(&o, &call, now_us, out, err);
    crq_value_free(args);
    crq_value_free(kwargs);
    return rc;
}

/* What is kept of an application in Redis is an app.json, too: whoever leads
 * reads it as if it were its own file. */
static int put_triggers(const struct crq_app *app, struct crq_args *out,
        crq_error *err)
{
    crq_value *v = crq_value_new_dict(), *queues = crq_value_new_list();
    char *json = NULL;
    int rc = v != NULL && queues != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < app->queue_count; i++)
        rc = crq_value_add(queues, crq_value_new_text(app->queues[i]));
    if (rc == 0)
        rc = crq_value_set(v, "name", crq_value_new_text(app->name));
    if (rc == 0)
        rc = crq_value_set(v, "queues", crq_value_ref(queues));
    if (rc == 0 && app->options != NULL)
        rc = crq_value_set(v, "options", crq_value_ref(app->options));
    if (rc == 0)
        rc = crq_value_set(v, "triggers", crq_value_ref(app->trigger_list));
    if (rc == 0)
        rc = crq_value_json(v, &json, NULL, err);
    else
        rc = crq_fail_nomem(err);
    if (rc == 0)
        crq_args_puts(out, json);
    crq_text_free(json);
    crq_value_free(queues);
    crq_value_free(v);
    return rc;
}

int crq_app_keep_words(const struct crq_app *app, const char *source,
        struct crq_args *out, crq_error *err)
{
    int rc = 0;

    crq_args_clear(out);
    crq_args_list(out, crq_key_pattern(CRQ_KEY_SCHEDULES),
            crq_key_pattern(CRQ_KEY_TRIGGERS),
            crq_key_pattern(CRQ_KEY_SCHEDULE), source,
            app->name != NULL ? app->name : "", NULL);
    if (app->trigger_count > 0)
        rc = put_triggers(app, out, err);
    else
        crq_args_puts(out, "");
    crq_args_puts(out, crq_key_pattern(CRQ_KEY_WAKE));
    for (size_t i = 0; i < app->schedule_count; i++)
        crq_args_puts(out, app->schedules[i].id);
    if (rc == 0)
        rc = crq_args_check(out, err);
    return rc < 0 ? rc : 2;
}

static int put_option(const crq_value *v, struct crq_args *out)
{
    struct crq_buf json = CRQ_BUF_INIT;
    size_t len;
    int rc = 0;

    if (crq_value_type(v) == CRQ_STR) {
        const char *text = crq_value_data(v, &len);

        crq_args_put(out, text, len);
        return 0;
    }
    rc = crq_json_encode(v, CRQ_JSON_SHOW, &json, NULL);
    if (rc == 0)
        crq_args_put(out, crq_buf_text(&json), json.len);
    crq_buf_fini(&json);
    return rc;
}

int crq_app_options_words(const struct crq_app *app, struct crq_args *out,
        crq_error *err)
{
    size_t count = app->options != NULL ? crq_value_count(app->options) : 0;
    char key[CRQ_KEY_MAX];
    int rc = 0;

    if (count == 0)
        return 0;
    if (strlen(app->name) > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_EINVAL, "the name '%.40s...' is too long",
                app->name);
    crq_key(key, CRQ_KEY_APP, app->name);
    crq_args_list(out, "HSET", key, NULL);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_option(crq_value_key(app->options, i), out);
        if (rc == 0)
            rc = put_option(crq_value_item(app->options, i), out);
    }
    return rc == 0 ? crq_args_check(out, err) : crq_fail_nomem(err);
}
