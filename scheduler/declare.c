/*
 * declare.c - what was named on the command line, told to Redis.
 *
 * Files are read before anything is begun, so that one with a mistake does not
 * take half of what it has declared away. Then each schedule is registered, and
 * at last what a file does not have any more is removed: whoever is killed in
 * between does it all again when it is started again.
 *
 * They are read again when the scheduler is told to. Then each file is for
 * itself: what one with a mistake has declared before stays.
 */
#include "scheduler/scheduler.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cronfile.h"
#include "app/declare.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "redis/scripts.h"

/* ---- reading ---- */

struct told {
    struct scheduler *scheduler;
    const char *path;
    bool cron; /* FILE:LINE:COLUMN, as compilers say it */
};

static void on_mistake(void *arg, const char *where, const char *what)
{
    const struct told *told = arg;

    crq_log_error(told->scheduler->log, "%s:%s%s: %s", told->path,
            told->cron ? "" : " ", where, what);
}

/* A schedule knows its source by this name: the same one from wherever it is
 * started. */
static char *name_source(const char *path)
{
    char full[PATH_MAX], name[PATH_MAX + 16];

    if (realpath(path, full) == NULL)
        return NULL;
    snprintf(name, sizeof(name), "%s%s", full,
            crq_file_is_folder(full) ? "/app.json" : "");
    return crq_strdup(name);
}

static int read_one(struct scheduler *s, const struct declared *from,
        struct crq_app **out)
{
    struct told told = { s, from->path, from->cron };
    crq_error err = { 0 };
    int rc = (from->cron ? crq_cronfile_load : crq_app_load)(from->path,
            on_mistake, &told, out, &err);

    /* Mistakes have been told one by one. */
    if (rc < 0 && rc != CRQ_EINVAL)
        crq_log_error(s->log, "%s", err.text);
    return rc;
}

int declare_read(struct scheduler *s)
{
    int rc = 0;

    for (size_t i = 0; i < s->options->file_count; i++) {
        struct declared *d = &s->declared[i];
        int one;

        d->path = s->options->files[i].path;
        d->cron = s->options->files[i].cron;
        one = read_one(s, d, &d->app);
        if (one == 0)
            d->source = name_source(d->path);
        if (one == 0 && (d->source == NULL || strpbrk(d->source, "\n\r"))) {
            crq_log_error(s->log, "%s: it has no usable path", d->path);
            one = CRQ_EINVAL;
        }
        s->declared_count++;
        if (one < 0)
            rc = one;
    }
    return rc;
}

void declare_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->declared_count; i++) {
        crq_app_free(s->declared[i].app);
        crq_free(s->declared[i].source);
    }
    s->declared_count = 0;
}

/* ---- telling ---- */

/* One step about one file. */
struct about {
    struct scheduler *scheduler;
    struct declared *declared;
    const char *id; /* of a schedule; NULL: what is no longer declared */
};

static void on_declared(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct about *about = arg;
    struct scheduler *s = about->scheduler;
    struct declared *d = about->declared;
    int64_t removed = crq_reply_int(crq_reply_item(reply, 0), 0);

    if (err != NULL && err->code != CRQ_ELOST) {
        /* Redis is full, or a key holds something else: no reason to end. */
        if (!d->told)
            crq_log_error(s->log, "%s: %s%s%s", d->path,
                    about->id != NULL ? about->id : "",
                    about->id != NULL ? ": " : "", err->text);
        d->refused = true;
    } else if (err == NULL && about->id == NULL && !d->refused) {
        crq_log_info(s->log,
                "%s: %zu schedules, %zu triggers; %lld schedules removed",
                d->path, d->app->schedule_count, d->app->trigger_count,
                (long long)removed);
        d->told = false;
    }
    crq_free(about);
    s->declaring--;
    if (s->declaring == 0 && s->read_again)
        declare_again(s);
    scheduler_settled(s);
}

static void send(struct scheduler *s, struct declared *d, const char *id,
        const struct crq_script *script, size_t nkeys, struct crq_args *words)
{
    struct about *about = crq_calloc(1, sizeof(*about));

    /* Without memory it is as if Redis had refused it. */
    if (about == NULL) {
        d->refused = true;
        return;
    }
    *about = (struct about){ s, d, id };
    if (crq_async_script(s->link, script, nkeys, words, on_declared, about) <
            0) {
        d->refused = true;
        crq_free(about);
        return;
    }
    s->declaring++;
}

static void declare(struct scheduler *s, struct declared *d)
{
    struct crq_args words;
    crq_error err;
    int rc;

    crq_args_init(&words);
    for (size_t i = 0; i < d->app->schedule_count; i++) {
        rc = crq_app_schedule_words(d->app, i, d->source, scheduler_now(s),
                &words, &err);
        if (rc < 0)
            crq_log_error(s->log, "%s: %s: %s", d->path,
                    d->app->schedules[i].id, err.text);
        else
            send(s, d, d->app->schedules[i].id, &crq_script_sched_put,
                    (size_t)rc, &words);
    }
    rc = crq_app_keep_words(d->app, d->source, &words, &err);
    if (rc < 0)
        crq_log_error(s->log, "%s: %s", d->path, err.text);
    else
        send(s, d, NULL, &crq_script_sched_keep, (size_t)rc, &words);
    crq_args_fini(&words);
}

void declare_all(struct scheduler *s)
{
    if (s->has_declared)
        return;
    s->has_declared = true;
    for (size_t i = 0; i < s->declared_count; i++)
        declare(s, &s->declared[i]);
}

/* ---- once more ---- */

void declare_refused(struct scheduler *s)
{
    if (s->declaring > 0 || s->options->burst)
        return;
    for (size_t i = 0; i < s->declared_count; i++)
        if (s->declared[i].refused) {
            s->declared[i].refused = false;
            s->declared[i].told = true;
            declare(s, &s->declared[i]);
        }
}

void declare_again(struct scheduler *s)
{
    /* Steps without an answer borrow from what was read. */
    s->read_again = s->declaring > 0;
    if (s->read_again || s->leaving)
        return;
    crq_log_info(s->log, "reading the files again: %zu", s->declared_count);
    notify_reloading(&s->notify);
    for (size_t i = 0; i < s->declared_count; i++) {
        struct declared *d = &s->declared[i];
        struct crq_app *app = NULL;

        if (read_one(s, d, &app) < 0) {
            crq_log_error(s->log, "%s: what it declared before stays", d->path);
            continue;
        }
        crq_app_free(d->app);
        d->app = app;
        d->refused = d->told = false;
        /* Under the name that it had: it may be reached through a link that
         * points elsewhere now. */
        if (s->has_declared)
            declare(s, d);
    }
    notify_ready(&s->notify);
}
