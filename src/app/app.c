/*
 * app.c - see app.h and crq-app(5).
 *
 * The tables here are the format: a new key is a row, a field of its struct
 * and a line of crq-app(5). Keys are read in the order of the table, so that
 * calls find queues and options read before them.
 */
#include "app/app.h"

#include <stdio.h>
#include <string.h>

#include "app/read.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/timetext.h"
#include "codec/value.h"
#include "sched/cron.h"
#include "sched/schedule.h"
#include "sched/zone.h"

#define FILE_MAX     ((size_t)4 << 20)
#define NAME_LETTERS 300

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ------------------------------------------------------------ plain values */

/* Ids of jobs begin with it. */
static void read_name(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const char *const *out = to;

    crq_app_name(r, v, to);
    if (*out != NULL && strlen(*out) > NAME_LETTERS)
        crq_app_wrong(r, "is longer than %d letters", NAME_LETTERS);
}

static void read_modules(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app *app = to;

    app->modules = crq_app_list(r, v, sizeof(char *), &app->module_count,
            crq_app_text);
}

static void read_queues(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app *app = to;

    app->queues =
            crq_app_list(r, v, sizeof(char *), &app->queue_count, crq_app_text);
}

static void read_options(struct crq_app_reader *r, const crq_value *v, void *to)
{
    crq_value **out = to;

    if (crq_value_type(v) == CRQ_DICT)
        *out = crq_value_ref(v);
    else
        crq_app_unexpected(r, v, "an object");
}

/* --------------------------------------------------------------- schedules */

static void read_start(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to;
    crq_error ignored;

    if (crq_value_type(v) != CRQ_STR ||
            crq_timetext_iso(crq_value_text(v), out, &ignored) < 0)
        crq_app_unexpected(r, v, "a time, as \"2027-01-31T09:00:00+01:00\"");
}

/* What crq_schedule_put() takes is found out here, with the place of what it
 * doesn't. */
static void read_id(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const char *const *out = to;

    crq_app_name(r, v, to);
    if (*out != NULL && strlen(*out) > CRQ_SCHEDULE_ID_MAX)
        crq_app_wrong(r, "is longer than %d letters", CRQ_SCHEDULE_ID_MAX);
}

static void read_cron(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const char *const *out = to;
    struct crq_cron cron;
    crq_error why = { 0 };

    crq_app_text(r, v, to);
    if (*out != NULL &&
            crq_cron_parse(*out, CRQ_CRON_STANDARD, &cron, &why) < 0)
        crq_app_wrong(r, "%s", why.text);
}

static void read_zone(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const char *const *out = to;
    crq_error why = { 0 };
    int rc = 0;

    crq_app_text(r, v, to);
    if (*out != NULL)
        rc = crq_zone_check(*out, &why);
    if (rc == CRQ_ENOMEM)
        r->nomem = true;
    else if (rc < 0)
        crq_app_wrong(r, "%s", why.text);
}

static void read_every(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to;

    crq_app_interval(r, v, to);
    if (*out > 0 && (*out < CRQ_SCHEDULE_LEAST_US || *out > CRQ_FUTURE_US))
        crq_app_wrong(r,
                "must be 0.001 or more, and end before the year "
                "10000");
}

static void read_catchup(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app_schedule *s = to;

    crq_app_catchup(r, v, &s->catchup, &s->catchup_max);
}

/* A schedule of its own mind about when: one of every and cron. */
static void check_schedule(struct crq_app_reader *r,
        const struct crq_app_schedule *s, const crq_value *v)
{
    bool every = crq_value_get(v, "every") != NULL;
    bool cron = crq_value_get(v, "cron") != NULL;

    if (every == cron)
        crq_app_wrong(r,
                every ? "has both 'every' and 'cron': take one"
                      : "'every' or 'cron' is missing");
    if (s->tz != NULL && !cron)
        crq_app_wrong(r, "'tz' is for 'cron'; 'every' knows no time zone");
}

static void read_schedule(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
#define AT(field) offsetof(struct crq_app_schedule, field)
    static const struct crq_app_key keys[] = {
        { "id", read_id, AT(id), true },
        { "every", read_every, AT(every_us), false },
        { "cron", read_cron, AT(cron), false },
        { "tz", read_zone, AT(tz), false },
        { "start", read_start, AT(start_us), false },
        { "repeat", crq_app_count, AT(repeat), false },
        { "catchup", read_catchup, 0, false },
        { "overlap", crq_app_overlap, AT(overlap), false },
        { "enqueue", crq_app_read_call, AT(call), true },
    };
#undef AT
    struct crq_app_schedule *s = to;
    size_t before = r->mistakes;

    s->start_us = s->repeat = CRQ_UNSET;
    r->sources = 1U << CRQ_APP_OPTION;
    crq_app_object(r, v, keys, COUNT(keys), s);
    if (r->mistakes == before)
        check_schedule(r, s, v);
}

static void read_schedules(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app *app = to;

    app->schedules = crq_app_list(r, v, sizeof(*app->schedules),
            &app->schedule_count, read_schedule);
    for (size_t i = 0; i < app->schedule_count; i++)
        for (size_t k = 0; k < i; k++)
            if (app->schedules[i].id != NULL && app->schedules[k].id != NULL &&
                    strcmp(app->schedules[i].id, app->schedules[k].id) == 0) {
                size_t mark = crq_app_enter_item(r, i);

                crq_app_wrong(r, "the id '%s' is that of schedule %zu too",
                        app->schedules[i].id, k);
                crq_app_back(r, mark);
            }
}

/* ---------------------------------------------------------------- triggers */

static void read_match(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app_trigger *t = to;
    size_t count;

    if (crq_value_type(v) != CRQ_DICT) {
        crq_app_unexpected(r, v, "an object of texts");
        return;
    }
    count = crq_value_count(v);
    t->match = count > 0 ? crq_calloc(count, sizeof(*t->match)) : NULL;
    if (t->match == NULL) {
        r->nomem = r->nomem || count > 0;
        return;
    }
    t->matches = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = crq_value_text(crq_value_key(v, i));
        size_t mark = crq_app_enter_key(r, name);

        t->match[i].name = crq_app_copy(r, name);
        crq_app_text(r, crq_value_item(v, i), &t->match[i].value);
        crq_app_back(r, mark);
    }
}

static void read_trigger(struct crq_app_reader *r, const crq_value *v, void *to)
{
#define AT(field) offsetof(struct crq_app_trigger, field)
    static const struct crq_app_key keys[] = {
        { "stream", crq_app_text, AT(stream), true },
        { "match", read_match, 0, false },
        { "enqueue", crq_app_read_call, AT(call), true },
    };
#undef AT

    r->sources = 1U << CRQ_APP_OPTION | 1U << CRQ_APP_EVENT;
    crq_app_object(r, v, keys, COUNT(keys), to);
}

static void read_triggers(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app *app = to;

    app->triggers = crq_app_list(r, v, sizeof(*app->triggers),
            &app->trigger_count, read_trigger);
    app->trigger_list = crq_value_ref(v);
}

/* --------------------------------------------------------------- the whole */

static void read_app(struct crq_app_reader *r, const crq_value *v,
        struct crq_app *app)
{
    static const struct crq_app_key keys[] = {
        { "name", read_name, offsetof(struct crq_app, name), true },
        { "modules", read_modules, 0, false },
        { "queues", read_queues, 0, true },
        { "options", read_options, offsetof(struct crq_app, options), false },
        { "schedules", read_schedules, 0, false },
        { "triggers", read_triggers, 0, false },
        { "routes", crq_app_read_routes, 0, false },
        { "sockets", crq_app_read_sockets, 0, false },
        { "files", crq_app_read_files, 0, false },
    };
    size_t before = r->mistakes;

    crq_app_object(r, v, keys, COUNT(keys), app);
    if (r->mistakes == before && app->queue_count == 0) {
        size_t mark = crq_app_enter_key(r, "queues");

        crq_app_wrong(r, "names no queue; jobs need one");
        crq_app_back(r, mark);
    }
}

/* The decoder says "offset N: ..."; people look for a line. */
static int read_json(const char *text, size_t len, crq_value **out,
        crq_error *err)
{
    static const struct crq_limits limits = { .max_bytes = FILE_MAX,
        .unique_keys = true };
    size_t offset = 0, line = 1, column = 1;
    crq_error why = { 0 };
    int said = 0;
    int rc = crq_json_decode(text, len, &limits, out, &why);

    if (rc == 0)
        return 0;
    if (sscanf(why.text, "offset %zu: %n", &offset, &said) < 1 || said == 0)
        return crq_fail(err, rc, "%s", why.text);
    for (size_t i = 0; i < offset && i < len; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return crq_fail(err, rc, "line %zu, column %zu: %s", line, column,
            why.text + said);
}

int crq_app_read_value(const crq_value *v, const char *folder,
        crq_app_mistake *mistake, void *arg, struct crq_app **out,
        crq_error *err)
{
    crq_error first = { 0 };
    struct crq_app_reader r = {
        .mistake = mistake, .arg = arg, .err = &first, .path = CRQ_BUF_INIT
    };
    struct crq_app *app = crq_calloc(1, sizeof(*app));
    int rc = 0;

    if (app == NULL)
        return crq_fail_nomem(err);
    r.app = app;
    app->folder = crq_app_copy(&r, folder);
    crq_buf_puts(&r.path, "$");
    read_app(&r, v, app);
    if (r.nomem || r.path.rc < 0)
        rc = crq_fail_nomem(err);
    else if (r.mistakes > 0)
        rc = crq_fail(err, CRQ_EINVAL, "%s", first.text);
    crq_buf_fini(&r.path);
    if (rc < 0) {
        crq_app_free(app);
        return rc;
    }
    *out = app;
    return 0;
}

int crq_app_parse(const char *text, size_t len, const char *folder,
        crq_app_mistake *mistake, void *arg, struct crq_app **out,
        crq_error *err)
{
    crq_value *v = NULL;
    int rc = read_json(text, len, &v, err);

    if (rc == 0)
        rc = crq_app_read_value(v, folder, mistake, arg, out, err);
    crq_value_free(v);
    return rc;
}

static void schedule_fini(struct crq_app_schedule *s)
{
    crq_free(s->id);
    crq_free(s->cron);
    crq_free(s->tz);
    crq_app_call_fini(&s->call);
}

static void trigger_fini(struct crq_app_trigger *t)
{
    for (size_t i = 0; i < t->matches; i++) {
        crq_free(t->match[i].name);
        crq_free(t->match[i].value);
    }
    crq_free(t->match);
    crq_free(t->stream);
    crq_app_call_fini(&t->call);
}

void crq_app_free(struct crq_app *app)
{
    if (app == NULL)
        return;
    for (size_t i = 0; i < app->schedule_count; i++)
        schedule_fini(&app->schedules[i]);
    for (size_t i = 0; i < app->trigger_count; i++)
        trigger_fini(&app->triggers[i]);
    crq_app_web_fini(app);
    crq_free(app->schedules);
    crq_free(app->triggers);
    crq_value_free(app->trigger_list);
    crq_app_texts_free(app->modules, app->module_count);
    crq_app_texts_free(app->queues, app->queue_count);
    crq_value_free(app->options);
    crq_free(app->name);
    crq_free(app->folder);
    crq_free(app);
}

/* ------------------------------------------------------------------- files */

/* The file, when `path` is its folder, and the folder in each case. */
static int find_file(const char *path, struct crq_buf *file,
        struct crq_buf *folder, crq_error *err)
{
    const char *slash = strrchr(path, '/');

    if (crq_file_is_folder(path)) {
        crq_buf_puts(folder, path);
        crq_buf_printf(file, "%s/app.json", path);
    } else {
        crq_buf_puts(file, path);
        if (slash == NULL)
            crq_buf_puts(folder, ".");
        else
            crq_buf_put(folder, path,
                    slash > path ? (size_t)(slash - path) : 1);
    }
    if (file->rc < 0 || folder->rc < 0)
        return crq_fail_nomem(err);
    return 0;
}

int crq_app_load(const char *path, crq_app_mistake *mistake, void *arg,
        struct crq_app **out, crq_error *err)
{
    struct crq_buf file = CRQ_BUF_INIT, folder = CRQ_BUF_INIT, text;
    int rc;

    crq_buf_init(&text, FILE_MAX);
    rc = find_file(path, &file, &folder, err);
    if (rc == 0)
        rc = crq_file_read(crq_buf_text(&file), &text, err);
    if (rc == 0) {
        rc = crq_app_parse(crq_buf_text(&text), text.len, crq_buf_text(&folder),
                mistake, arg, out, err);
        if (rc < 0)
            rc = crq_fail_in(err, rc, "%s", crq_buf_text(&file));
    }
    crq_buf_fini(&text);
    crq_buf_fini(&folder);
    crq_buf_fini(&file);
    return rc;
}
