/*
 * up_apps.c - the applications of crq up: found, read, their options in Redis.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/declare.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/up.h"
#include "redis/conn.h"

/* ---- finding ---- */

static bool is_there(const struct crq_buf *path)
{
    struct stat st;

    return path->rc == 0 && stat(crq_buf_text(path), &st) == 0;
}

/* A name is that of a folder in $CRQ_APP_PATH or among those installed;
 * otherwise, and with a slash, it is a path. */
static int find(const char *name, struct crq_buf *out)
{
    const char *folders = getenv("CRQ_APP_PATH");

    while (strchr(name, '/') == NULL && folders != NULL && *folders != '\0') {
        size_t len = strcspn(folders, ":");

        crq_buf_clear(out);
        crq_buf_printf(out, "%.*s/%s/app.json", (int)len, folders, name);
        if (len > 0 && is_there(out))
            return 0;
        folders += len + (folders[len] == ':');
    }
    if (strchr(name, '/') == NULL) {
        crq_buf_clear(out);
        crq_buf_printf(out, "%s/%s/app.json", CRQ_APP_DIR, name);
        if (is_there(out))
            return 0;
    }
    crq_buf_clear(out);
    crq_buf_puts(out, name);
    if (out->rc < 0 || strchr(name, '/') != NULL || is_there(out))
        return 0;
    folders = getenv("CRQ_APP_PATH");
    fprintf(stderr,
            "crq: there is no application '%s' in %s%s%s, and no such file or "
            "folder here\n",
            name, folders != NULL ? folders : "", folders != NULL ? " or " : "",
            CRQ_APP_DIR);
    return CLI_USAGE;
}

/* ---- reading ---- */

/* A module by a path is meant from the application's folder. */
static int add_module(struct up *up, const struct crq_app *app,
        const char *module)
{
    struct crq_buf path = CRQ_BUF_INIT;
    char *text;

    for (size_t i = 0; i < up->module_count; i++)
        if (strcmp(up->modules[i], module) == 0)
            return 0;
    if (up->module_count == UP_MODULES_MAX) {
        fprintf(stderr, "crq: more than %d modules\n", UP_MODULES_MAX);
        return CLI_USAGE;
    }
    if (strchr(module, '/') != NULL && module[0] != '/')
        crq_buf_printf(&path, "%s/", app->folder);
    crq_buf_puts(&path, module);
    text = path.rc == 0 ? crq_strdup(crq_buf_text(&path)) : NULL;
    crq_buf_fini(&path);
    if (text == NULL)
        return cli_error(&(crq_error){ CRQ_ENOMEM, "out of memory" });
    up->module_paths[up->module_path_count++] = text;
    up->modules[up->module_count++] = text;
    return 0;
}

/* All of its mistakes, not the first alone. */
static void tell(void *arg, const char *where, const char *what)
{
    fprintf(stderr, "crq: %s: %s: %s\n", (const char *)arg, where, what);
}

static int load(struct up *up, const char *name)
{
    struct crq_buf path = CRQ_BUF_INIT;
    struct crq_app *app = NULL;
    crq_error err;
    int rc = find(name, &path);

    if (rc != 0) {
        crq_buf_fini(&path);
        return rc;
    }
    rc = path.rc < 0 ? crq_fail_nomem(&err)
                     : crq_app_load(crq_buf_text(&path), tell,
                               (void *)(uintptr_t)name, &app, &err);
    crq_buf_fini(&path);
    if (rc == CRQ_EINVAL)
        return CLI_USAGE; /* told */
    if (rc < 0)
        return cli_error(&err);
    for (size_t i = 0; i < up->loaded_count; i++)
        if (strcmp(up->loaded[i]->name, app->name) == 0) {
            fprintf(stderr, "crq: '%s' and '%s' are both the application %s\n",
                    up->apps[i], name, app->name);
            crq_app_free(app);
            return CLI_USAGE;
        }
    up->loaded[up->loaded_count++] = app;
    return 0;
}

int up_load_apps(struct up *up)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < up->app_count; i++)
        rc = load(up, up->apps[i]);
    for (size_t i = 0; i < up->loaded_count; i++)
        for (size_t k = 0; rc == 0 && k < up->loaded[i]->module_count; k++)
            rc = add_module(up, up->loaded[i], up->loaded[i]->modules[k]);
    return rc;
}

void up_free_apps(struct up *up)
{
    for (size_t i = 0; i < up->loaded_count; i++)
        crq_app_free(up->loaded[i]);
    for (size_t i = 0; i < up->module_path_count; i++)
        crq_free(up->module_paths[i]);
}

/* ---- options ---- */

int up_put_options(struct up *up)
{
    crq_error err;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < up->loaded_count; i++) {
        struct crq_args words;

        crq_args_init(&words);
        rc = crq_app_options_words(up->loaded[i], &words, &err);
        if (rc == 0 && words.count > 0)
            rc = crq_conn_command(up->cli->conn, &words, NULL, &err);
        crq_args_fini(&words);
    }
    return rc == 0 ? 0 : cli_error(&err);
}
