/* trigger.c - see trigger.h. */
#include "app/trigger.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/call.h"
#include "model/fields.h"
#include "model/run_impl.h"
#include "sched/schedule.h"
#include "sched/steps_impl.h"

/* ---- reading ---- */

void crq_triggers_fini(struct crq_triggers *triggers)
{
    for (size_t i = 0; i < triggers->count; i++) {
        crq_app_free(triggers->apps[i]);
        crq_free(triggers->sources[i]);
    }
    crq_free(triggers->apps);
    crq_free(triggers->sources);
    crq_free(triggers->streams);
    *triggers = (struct crq_triggers){ 0 };
}

/* "source\napp.json" */
static int read_app(struct crq_triggers *out, const char *value, size_t len,
        crq_error *err)
{
    const char *end = memchr(value, '\n', len);
    struct crq_app *app = NULL;
    char *source;
    int rc;

    if (end == NULL)
        return crq_fail(err, CRQ_ECODEC, "it names no source");
    rc = crq_app_parse(end + 1, len - (size_t)(end + 1 - value), "", NULL, NULL,
            &app, err);
    if (rc < 0)
        return rc;
    source = crq_memdup(value, (size_t)(end - value));
    if (source == NULL) {
        crq_app_free(app);
        return crq_fail_nomem(err);
    }
    out->apps[out->count] = app;
    out->sources[out->count++] = source;
    return 0;
}

static void add_stream(struct crq_triggers *out, const char *stream)
{
    for (size_t i = 0; i < out->stream_count; i++)
        if (strcmp(out->streams[i], stream) == 0)
            return;
    out->streams[out->stream_count++] = stream;
}

static int find_streams(struct crq_triggers *out, crq_error *err)
{
    size_t most = 1;

    for (size_t i = 0; i < out->count; i++)
        most += out->apps[i]->trigger_count;
    out->streams = crq_calloc(most, sizeof(*out->streams));
    if (out->streams == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < out->count; i++)
        for (size_t k = 0; k < out->apps[i]->trigger_count; k++)
            add_stream(out, out->apps[i]->triggers[k].stream);
    return 0;
}

int crq_triggers_read(const crq_reply *reply, crq_app_mistake *mistake,
        void *arg, struct crq_triggers *out, crq_error *err)
{
    size_t most = crq_reply_count(reply) / 2;
    crq_error why;

    *out = (struct crq_triggers){ 0 };
    out->apps = crq_calloc(most + 1, sizeof(struct crq_app *));
    out->sources = crq_calloc(most + 1, sizeof(char *));
    if (out->apps == NULL || out->sources == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < most; i++) {
        const char *name = crq_text_of(crq_reply_item(reply, 2 * i));
        size_t len = 0;
        const char *value =
                crq_reply_text(crq_reply_item(reply, 2 * i + 1), &len);
        int rc;

        /* ".version" is no name of an application. */
        if (name == NULL || name[0] == '.' || value == NULL)
            continue;
        rc = read_app(out, value, len, &why);
        if (rc == CRQ_ENOMEM)
            return crq_fail_nomem(err);
        if (rc < 0 && mistake != NULL)
            mistake(arg, name, why.text);
    }
    return find_streams(out, err);
}

/* ---- events ---- */

bool crq_event_read(const crq_reply *reply, const char *stream,
        struct crq_stream_event *out)
{
    out->stream = stream;
    out->id = crq_text_of(crq_reply_item(reply, 0));
    out->fields = crq_reply_item(reply, 1);
    return out->id != NULL;
}

/* A field's value; of several of one name the last one counts. */
static const crq_reply *find_field(const crq_reply *fields, const char *name)
{
    const crq_reply *found = NULL;
    size_t want = strlen(name), len;

    for (size_t i = 0; i + 1 < crq_reply_count(fields); i += 2) {
        const char *text = crq_reply_text(crq_reply_item(fields, i), &len);

        if (text != NULL && len == want && memcmp(text, name, len) == 0)
            found = crq_reply_item(fields, i + 1);
    }
    return found;
}

static bool matches(const struct crq_app_trigger *t,
        const struct crq_stream_event *event)
{
    if (strcmp(t->stream, event->stream) != 0 ||
            crq_reply_kind(event->fields) != CRQ_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < t->matches; i++) {
        const struct crq_app_field *want = &t->match[i];
        const crq_reply *value = find_field(event->fields, want->name);
        size_t len = 0;
        const char *text = crq_reply_text(value, &len);

        if (text == NULL || len != strlen(want->value) ||
                memcmp(text, want->value, len) != 0)
            return false;
    }
    return true;
}

/* A str, or bytes when it isn't UTF-8; NULL: no memory. */
static crq_value *value_of(const crq_reply *reply)
{
    size_t len = 0;
    const char *text = crq_reply_text(reply, &len);
    crq_value *v = NULL;
    int rc = crq_value_new_str(text != NULL ? text : "", len, &v, NULL);

    return rc == 0 || rc == CRQ_ENOMEM ? v : crq_value_new_bytes(text, len);
}

static int look_up(void *arg, enum crq_app_from from, const char *key,
        crq_value **out)
{
    const struct crq_stream_event *event = arg;
    crq_value *all;

    (void)from;
    *out = NULL;
    if (key != NULL) {
        const crq_reply *found = find_field(event->fields, key);

        if (found == NULL)
            return 0;
        *out = value_of(found);
        return *out != NULL ? 0 : CRQ_ENOMEM;
    }
    all = crq_value_new_dict();
    for (size_t i = 0; all != NULL && i + 1 < crq_reply_count(event->fields);
            i += 2) {
        crq_value *name = value_of(crq_reply_item(event->fields, i));

        if (crq_value_put(all, name,
                    value_of(crq_reply_item(event->fields, i + 1))) < 0) {
            crq_value_free(all);
            return CRQ_ENOMEM;
        }
    }
    *out = all;
    return all != NULL ? 0 : CRQ_ENOMEM;
}

/* How many words crq_schedule_put_fields() makes of them. */
static int64_t word_count(const struct crq_fields *fields)
{
    int64_t count = 0;

    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        if (f != CRQ_FIELD_CREATED_AT && fields->known[f].bytes != NULL)
            count += 2;
    return count;
}

static int put_job(struct crq_args *out, const struct crq_app *app, size_t nth,
        const struct crq_stream_event *event, int64_t now_us, crq_error *err)
{
    const struct crq_app_call *from = &app->triggers[nth].call;
    crq_value *args = NULL, *kwargs = NULL;
    struct crq_fields fields;
    crq_call call;
    int rc = crq_app_call_bind(from, look_up, (void *)(uintptr_t)event, &args,
            &kwargs, err);

    if (rc < 0)
        return rc;
    crq_app_call_fill(from, args, kwargs, &call);
    crq_fields_init(&fields);
    rc = crq_call_to_fields(&call, from->queue, now_us, &fields, err);
    if (rc == 0) {
        crq_args_puts(out, app->name);
        crq_args_puti(out, (int64_t)nth);
        crq_args_list(out, from->queue, from->at_front ? "L" : "R", NULL);
        crq_args_puti(out, word_count(&fields));
        crq_schedule_put_fields(out, "", &fields);
    }
    crq_fields_fini(&fields);
    crq_value_free(args);
    crq_value_free(kwargs);
    return rc;
}

/* The jobs of all triggers but of those that can't be bound: how many there
 * are, and what is wrong with the first of these, or "". */
static int put_jobs(struct crq_args *out, const struct crq_triggers *triggers,
        const struct crq_stream_event *event, int64_t now_us, size_t *count,
        crq_error *wrong)
{
    crq_error err;

    *count = 0;
    *wrong = (crq_error){ 0 };
    for (size_t i = 0; i < triggers->count; i++) {
        const struct crq_app *app = triggers->apps[i];

        for (size_t k = 0; k < app->trigger_count; k++) {
            int rc = 0;

            if (!matches(&app->triggers[k], event))
                continue;
            rc = put_job(out, app, k, event, now_us, &err);
            if (rc == CRQ_ENOMEM)
                return rc;
            *count += rc == 0;
            if (rc < 0 && wrong->code == 0) {
                *wrong = err;
                (void)crq_fail_in(wrong, rc, "%s", app->name);
            }
        }
    }
    return 0;
}

int crq_event_words(const struct crq_scheduler_id *who,
        const struct crq_triggers *triggers,
        const struct crq_stream_event *event, int64_t now_us,
        struct crq_args *out, crq_error *err)
{
    size_t nkeys = crq_steps_start_at(who, event->stream, out), count;
    crq_error wrong;
    int rc;

    crq_args_list(out, CRQ_TRIGGER_GROUP, event->id, NULL);
    crq_run_put_stamp(out, now_us);
    crq_steps_put_pattern(out, CRQ_KEY_QUARANTINE);
    rc = put_jobs(out, triggers, event, now_us, &count, &wrong);
    if (rc < 0)
        return crq_fail_nomem(err);
    if (count == 0 && wrong.code < 0)
        return crq_fail(err, wrong.code, "%s", wrong.text);
    crq_args_puts(out, wrong.text);
    rc = crq_args_check(out, err);
    return rc < 0 ? rc : (int)nkeys;
}

int crq_event_end_read(const crq_reply *reply, struct crq_event_end *out,
        crq_error *err)
{
    int rc = crq_run_check(reply, 4, "sched_event", err);

    if (rc == 0)
        rc = crq_ticked_read(reply, "sched_event", &out->became, err);
    if (rc < 0)
        return rc;
    out->made = crq_reply_int(crq_reply_item(reply, 1), 0);
    out->there = crq_reply_int(crq_reply_item(reply, 2), 0);
    out->reason = crq_reply_text(crq_reply_item(reply, 3), NULL);
    if (out->reason == NULL)
        out->reason = "";
    return 0;
}

size_t crq_event_poison_words(const struct crq_scheduler_id *who,
        const struct crq_stream_event *event, const char *why,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    crq_args_puts(out, event->stream);
    crq_steps_put_pattern(out, CRQ_KEY_QUARANTINE);
    crq_args_list(out, who->name, CRQ_TRIGGER_GROUP, event->id, NULL);
    crq_args_puti(out, CRQ_TRIGGER_TRIES);
    crq_args_puts(out, why);
    return 3;
}

/* ---- streams ---- */

size_t crq_streams_words(const struct crq_triggers *triggers,
        struct crq_args *out)
{
    crq_args_clear(out);
    for (size_t i = 0; i < triggers->stream_count; i++)
        crq_args_puts(out, triggers->streams[i]);
    crq_args_puts(out, CRQ_TRIGGER_GROUP);
    return triggers->stream_count;
}

size_t crq_event_claim_words(const struct crq_scheduler_id *who,
        const char *const *streams, size_t count, int64_t limit,
        struct crq_args *out)
{
    crq_args_clear(out);
    crq_steps_put_pattern(out, CRQ_KEY_LEADER);
    for (size_t i = 0; i < count; i++)
        crq_args_puts(out, streams[i]);
    crq_args_list(out, who->name, CRQ_TRIGGER_GROUP, CRQ_TRIGGER_CONSUMER,
            NULL);
    crq_args_puti(out, CRQ_TRIGGER_RETRY_MS);
    crq_args_puti(out, limit);
    return count + 1;
}
