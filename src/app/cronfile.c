/* cronfile.c - see cronfile.h. */
#include "app/cronfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/funcargs.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "sched/cron.h"

#define FILE_MAX  ((size_t)4 << 20)
#define WORDS_MAX 256
#define LINES_MAX 10000

/* What can be set, and the key of app.json that it means. Those of the job
 * stand inside of "enqueue". */
static const struct setting {
    const char *name, *key;
    bool of_job;
} settings[] = {
    { "CRON_TZ", "tz", false },
    { "CATCHUP", "catchup", false },
    { "OVERLAP", "overlap", false },
    { "QUEUE", "queue", true },
    { "TIMEOUT", "timeout", true },
    { "RESULT_TTL", "result_ttl", true },
    { "FAILURE_TTL", "failure_ttl", true },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

struct place {
    size_t line, column;
};

/* A setting as it is now. */
struct set {
    crq_value *value; /* NULL: not set */
    struct place place;
};

/* One schedule: what to call, and where its parts stand. */
struct entry {
    crq_value *args, *kwargs;
    struct place when, id, func, set[SETTINGS];
};

struct word {
    char *text; /* unquoted */
    struct place place;
};

struct cronfile {
    crq_app_mistake *mistake;
    void *arg;
    crq_error *err;
    size_t mistakes;
    bool nomem;
    struct set set[SETTINGS];
    crq_value *schedules, *queues;
    struct entry *entries;
    size_t count;
};

/* ---- mistakes ---- */

static void wrong(struct cronfile *f, struct place place, const char *format,
        ...) CRQ_PRINTF(3, 4);

static void wrong(struct cronfile *f, struct place place, const char *format,
        ...)
{
    char where[48], what[400];
    va_list ap;

    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    snprintf(where, sizeof(where), "%zu:%zu", place.line, place.column);
    if (f->mistakes++ == 0)
        crq_fail(f->err, CRQ_EINVAL, "%s: %s", where, what);
    if (f->mistake != NULL)
        f->mistake(f->arg, where, what);
}

/* ---- words ---- */

/* Up to the next blank that is not in quotes; false: a quote has no end. */
static bool take_word(struct crq_buf *out, const char **at)
{
    const char *p = *at;
    char quote = '\0';

    for (; *p != '\0' && (quote != '\0' || (*p != ' ' && *p != '\t')); p++)
        if (quote == '\0' && (*p == '\'' || *p == '"'))
            quote = *p;
        else if (*p == quote)
            quote = '\0';
        else if (*p == '\\' && quote == '"' && (p[1] == '"' || p[1] == '\\'))
            crq_buf_putc(out, *++p);
        else
            crq_buf_putc(out, *p);
    *at = p;
    return quote == '\0';
}

static size_t split(struct cronfile *f, const char *line, size_t number,
        struct word words[WORDS_MAX])
{
    const char *at = line + strspn(line, " \t");
    size_t count = 0;

    while (*at != '\0' && !(count == 0 && *at == '#')) {
        struct place place = { number, (size_t)(at - line) + 1 };
        struct crq_buf text = CRQ_BUF_INIT;

        if (count == WORDS_MAX) {
            wrong(f, place, "more than %d words", WORDS_MAX);
            break;
        }
        crq_buf_puts(&text, "");
        if (!take_word(&text, &at))
            wrong(f, place, "this quote has no end");
        words[count].place = place;
        words[count].text = NULL;
        if (crq_buf_steal(&text, &words[count].text, NULL, NULL) < 0)
            f->nomem = true;
        else
            count++;
        at += strspn(at, " \t");
    }
    return count;
}

/* ---- settings ---- */

static const struct setting *find_setting(const char *text)
{
    size_t len = strcspn(text, "=");

    for (size_t i = 0; i < SETTINGS; i++)
        if (strlen(settings[i].name) == len &&
                strncmp(settings[i].name, text, len) == 0)
            return &settings[i];
    return NULL;
}

static bool is_setting(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

    return len > 0 && text[len] == '=';
}

/* NAME=VALUE; an empty value takes it back. */
static void take_setting(struct cronfile *f, const struct word *word)
{
    const struct setting *setting = find_setting(word->text);
    const char *value = strchr(word->text, '=') + 1;
    struct set *set;
    char *end;
    long long n;

    if (setting == NULL) {
        wrong(f, word->place,
                "there is no such setting; known are CRON_TZ, CATCHUP, "
                "OVERLAP, QUEUE, TIMEOUT, RESULT_TTL and FAILURE_TTL");
        return;
    }
    set = &f->set[setting - settings];
    crq_value_free(set->value);
    set->value = NULL;
    set->place = word->place;
    if (value[0] == '\0')
        return;
    /* Numbers below 0 have no form as text. */
    n = strtoll(value, &end, 10);
    set->value = setting->of_job && strcmp(setting->key, "queue") != 0 &&
                    n < 0 && *end == '\0'
            ? crq_value_new_int(n)
            : crq_value_new_text(value);
    if (set->value == NULL)
        wrong(f, word->place, "this is not UTF-8");
}

/* ---- entries ---- */

/* How many words say when: "@every TIME", "@daily", or five. */
static size_t when_words(const struct word *words)
{
    if (words[0].text[0] != '@')
        return 5;
    return strcmp(words[0].text, "@every") == 0 ? 2 : 1;
}

static int put_when(crq_value *v, const struct word *words, size_t n)
{
    struct crq_buf text = CRQ_BUF_INIT;
    int rc;

    if (n == 2)
        return crq_value_set(v, "every", crq_value_new_text(words[1].text));
    for (size_t i = 0; i < n; i++)
        crq_buf_printf(&text, "%s%s", i > 0 ? " " : "", words[i].text);
    rc = text.rc < 0
            ? text.rc
            : crq_value_set(v, "cron", crq_value_new_text(crq_buf_text(&text)));
    crq_buf_fini(&text);
    return rc;
}

/* A queue is one of the application's as soon as a line names it. */
static int add_queue(struct cronfile *f, const char *name)
{
    for (size_t i = 0; i < crq_value_count(f->queues); i++)
        if (strcmp(crq_value_text(crq_value_item(f->queues, i)), name) == 0)
            return 0;
    return crq_value_add(f->queues, crq_value_new_text(name));
}

static int put_settings(struct cronfile *f, struct entry *entry, bool every,
        crq_value *schedule, crq_value *job)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < SETTINGS; i++) {
        const struct set *set = &f->set[i];

        entry->set[i] = set->place;
        /* An interval has no time zone. */
        if (set->value == NULL || (every && strcmp(settings[i].key, "tz") == 0))
            continue;
        rc = crq_value_set(settings[i].of_job ? job : schedule, settings[i].key,
                crq_value_ref(set->value));
        if (rc == 0 && strcmp(settings[i].key, "queue") == 0)
            rc = add_queue(f, crq_value_text(set->value));
    }
    return rc;
}

static int build(struct cronfile *f, struct entry *entry,
        const struct word *words, size_t when)
{
    crq_value *schedule = crq_value_new_dict(), *job = crq_value_new_dict();
    int rc = schedule != NULL && job != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_value_set(schedule, "id",
                crq_value_new_text(words[when].text));
    if (rc == 0)
        rc = put_when(schedule, words, when);
    if (rc == 0)
        rc = crq_value_set(job, "task",
                crq_value_new_text(words[when + 1].text));
    if (rc == 0)
        rc = put_settings(f, entry, when == 2, schedule, job);
    if (rc == 0)
        rc = crq_value_set(schedule, "enqueue", crq_value_ref(job));
    if (rc == 0)
        rc = crq_value_add(f->schedules, crq_value_ref(schedule));
    crq_value_free(schedule);
    crq_value_free(job);
    return rc;
}

static bool is_text(const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crq_value *v = NULL;
        int rc = crq_value_new_str(words[i].text, strlen(words[i].text), &v,
                NULL);

        crq_value_free(v);
        if (rc < 0 && rc != CRQ_ENOMEM)
            return false;
    }
    return true;
}

static void take_entry(struct cronfile *f, const struct word *words,
        size_t count)
{
    size_t when = when_words(words);
    struct entry *entry = &f->entries[f->count];
    char *args[WORDS_MAX];
    crq_error why;
    int rc;

    if (count < when + 2) {
        wrong(f, words[count - 1].place,
                "expected %s, an id and a function, as \"0 9 * * mon-fri "
                "report shop.report\"",
                when == 5           ? "minute, hour, day, month, weekday"
                        : when == 2 ? "a time span"
                                    : "behind it");
        return;
    }
    if (!is_text(words, count)) {
        wrong(f, words[0].place, "this line is not UTF-8");
        return;
    }
    *entry = (struct entry){ .when = words[when == 2].place,
        .id = words[when].place,
        .func = words[when + 1].place };
    for (size_t i = when + 2; i < count; i++)
        args[i - when - 2] = words[i].text;
    rc = crq_funcargs((int)(count - when - 2), args, &entry->args,
            &entry->kwargs, &why);
    if (rc < 0 && rc != CRQ_ENOMEM)
        wrong(f, words[when + 2].place, "%s", why.text);
    else if (rc < 0 || build(f, entry, words, when) < 0)
        f->nomem = true;
    if (rc == 0)
        f->count++;
}

static void take_line(struct cronfile *f, const char *line, size_t number)
{
    struct word words[WORDS_MAX];
    size_t before = f->mistakes, count = split(f, line, number, words);

    if (f->mistakes == before && !f->nomem && count > 0) {
        if (count == 1 && is_setting(words[0].text))
            take_setting(f, &words[0]);
        else
            take_entry(f, words, count);
    }
    for (size_t i = 0; i < count; i++)
        crq_free(words[i].text);
}

/* ---- the whole ---- */

/* A mistake that app.c has found at "$.schedules[N].KEY". */
static void on_mistake(void *arg, const char *where, const char *what)
{
    static const char begin[] = "$.schedules[";
    struct cronfile *f = arg;
    const struct entry *entry;
    const char *key = strrchr(where, '.');
    struct place place;
    size_t nth;

    if (strncmp(where, begin, sizeof(begin) - 1) != 0)
        return;
    nth = strtoul(where + sizeof(begin) - 1, NULL, 10);
    if (nth >= f->count)
        return;
    entry = &f->entries[nth];
    place = entry->id;
    if (strcmp(key, ".cron") == 0 || strcmp(key, ".every") == 0)
        place = entry->when;
    else if (strcmp(key, ".task") == 0)
        place = entry->func;
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(key + 1, settings[i].key) == 0)
            place = entry->set[i];
    wrong(f, place, "%s", what);
}

/* Arguments are values already: no text of them names a source. */
static int put_args(struct crq_app_call *call, struct entry *entry)
{
    size_t args = crq_value_count(entry->args);
    size_t count = args + crq_value_count(entry->kwargs);

    call->args = crq_calloc(count + 1, sizeof(*call->args));
    if (call->args == NULL)
        return CRQ_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct crq_app_arg *to = &call->args[call->count++];

        to->constant = crq_value_ref(i < args
                        ? crq_value_item(entry->args, i)
                        : crq_value_item(entry->kwargs, i - args));
        if (i >= args) {
            to->name = crq_strdup(crq_value_text(crq_value_key(entry->kwargs,
                    i - args)));
            if (to->name == NULL)
                return CRQ_ENOMEM;
        }
    }
    return 0;
}

static int finish(struct cronfile *f, struct crq_app **out, crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    struct crq_app *app = NULL;
    crq_error first;
    int rc = v != NULL ? add_queue(f, "default") : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_value_set(v, "name", crq_value_new_text("cron"));
    if (rc == 0)
        rc = crq_value_set(v, "queues", crq_value_ref(f->queues));
    if (rc == 0)
        rc = crq_value_set(v, "schedules", crq_value_ref(f->schedules));
    if (rc == 0)
        rc = crq_app_read_value(v, "", on_mistake, f, &app, &first);
    if (rc == CRQ_ENOMEM)
        crq_fail_nomem(err);
    crq_value_free(v);
    for (size_t i = 0; rc == 0 && i < f->count; i++)
        if (put_args(&app->schedules[i].call, &f->entries[i]) < 0)
            rc = crq_fail_nomem(err);
    if (rc < 0) {
        crq_app_free(app);
        return rc;
    }
    crq_free(app->name);
    app->name = NULL;
    *out = app;
    return 0;
}

static void read_lines(struct cronfile *f, char *text)
{
    size_t number = 0;

    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        take_line(f, line, ++number);
    }
}

int crq_cronfile_parse(const char *text, size_t len, crq_app_mistake *mistake,
        void *arg, struct crq_app **out, crq_error *err)
{
    struct cronfile f = { .mistake = mistake, .arg = arg, .err = err };
    char *copy = crq_memdup(text, len);
    struct crq_app *app = NULL;
    size_t lines = 1;
    int rc = 0;

    if (memchr(text, '\0', len) != NULL) {
        crq_free(copy);
        return crq_fail(err, CRQ_ECODEC, "it is no text: it has a '\\0' in it");
    }
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    if (lines > LINES_MAX) {
        crq_free(copy);
        return crq_fail(err, CRQ_ELIMIT, "it has more than %d lines",
                LINES_MAX);
    }
    f.entries = crq_calloc(lines, sizeof(*f.entries));
    f.schedules = crq_value_new_list();
    f.queues = crq_value_new_list();
    f.nomem = copy == NULL || f.entries == NULL || f.schedules == NULL ||
            f.queues == NULL || add_queue(&f, "default") < 0;
    if (!f.nomem)
        read_lines(&f, copy);
    if (f.nomem)
        rc = crq_fail_nomem(err);
    else
        rc = finish(&f, &app, err);
    if (rc == 0 && f.mistakes > 0) {
        crq_app_free(app);
        rc = CRQ_EINVAL; /* err has the first one */
    }
    if (rc == 0)
        *out = app;
    for (size_t i = 0; f.entries != NULL && i < f.count; i++) {
        crq_value_free(f.entries[i].args);
        crq_value_free(f.entries[i].kwargs);
    }
    for (size_t i = 0; i < SETTINGS; i++)
        crq_value_free(f.set[i].value);
    crq_value_free(f.schedules);
    crq_value_free(f.queues);
    crq_free(f.entries);
    crq_free(copy);
    return rc;
}

int crq_cronfile_load(const char *path, crq_app_mistake *mistake, void *arg,
        struct crq_app **out, crq_error *err)
{
    struct crq_buf text;
    int rc;

    crq_buf_init(&text, FILE_MAX);
    rc = crq_file_read(path, &text, err);
    if (rc == 0)
        rc = crq_cronfile_parse(crq_buf_text(&text), text.len, mistake, arg,
                out, err);
    if (rc < 0 && rc != CRQ_EIO)
        rc = crq_fail_in(err, rc, "%s", path);
    crq_buf_fini(&text);
    return rc;
}
