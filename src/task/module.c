/*
 * module.c - loading task modules, and the table of what they offer.
 *
 * A module is checked as a whole before anything of it gets into the table.
 * The rows are copied: a module built for an older crq has smaller ones, and
 * what they lack is zero, which always means "as before there was such a
 * field". One built for a newer crq may be used as long as it leaves fields
 * that are unknown here at zero.
 */
#include "task/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

/* The smallest row there ever was: that of crq 0.1. */
#define TASK_SIZE_MIN (offsetof(crq_task_def, callback) + sizeof(bool))
/* No row is ever so large: whoever says so is no module of ours. */
#define TASK_SIZE_MAX 4096
#define TASKS_MAX     65536
#define NAME_MAX_LEN  200

struct task_row {
    crq_task_def def; /* first: a def that was given out is its row */
    struct crq_params params;
    const char *module;
};

struct loaded {
    const char *name; /* the module's own */
    void *handle;     /* NULL: linked in */
};

struct crq_modules {
    struct loaded *loaded;
    size_t loaded_count;
    struct task_row **rows; /* sorted by name */
    size_t count;
};

int crq_modules_new(struct crq_modules **out, crq_error *err)
{
    struct crq_modules *modules = crq_calloc(1, sizeof(*modules));

    if (modules == NULL)
        return crq_fail_nomem(err);
    *out = modules;
    return 0;
}

/* Free rows of one module (NULL: of all), and the array. */
static void free_rows(struct task_row **rows, size_t count, const char *module)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i] != NULL && (module == NULL || rows[i]->module == module)) {
            crq_params_fini(&rows[i]->params);
            crq_free(rows[i]);
        }
    crq_free(rows);
}

void crq_modules_free(struct crq_modules *modules)
{
    if (modules == NULL)
        return;
    free_rows(modules->rows, modules->count, NULL);
    for (size_t i = 0; i < modules->loaded_count; i++)
        if (modules->loaded[i].handle != NULL)
            dlclose(modules->loaded[i].handle);
    crq_free(modules->loaded);
    crq_free(modules);
}

/* ----------------------------------------------------------------- checks */

/* "shop" or "shop.total": how many names there are, 0 when it is none. */
static size_t count_names(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz_";
    size_t names = 0;

    if (text == NULL || strnlen(text, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
        return 0;
    for (;; text++) {
        if (*text == '\0' || strchr(first, *text) == NULL)
            return 0;
        names++;
        while (*text >= '0' && (*text <= '9' || strchr(first, *text) != NULL))
            text++;
        if (*text != '.')
            return *text == '\0' ? names : 0;
    }
}

static int check_module(const crq_module_def *def, crq_error *err)
{
    if (def->abi != CRQ_MODULE_ABI)
        return crq_fail(err, CRQ_EINVAL,
                "it was built for another crq (module interface %u, here is "
                "%u): build it again",
                def->abi, CRQ_MODULE_ABI);
    if (def->task_size < TASK_SIZE_MIN || def->task_size > TASK_SIZE_MAX)
        return crq_fail(err, CRQ_EINVAL,
                "its tasks have %u bytes: that is no table made by "
                "CRQ_MODULE()",
                def->task_size);
    if (count_names(def->name) == 0)
        return crq_fail(err, CRQ_EINVAL, "its name is '%.60s', not a name",
                def->name != NULL ? def->name : "");
    if (def->count > TASKS_MAX || (def->count > 0 && def->tasks == NULL))
        return crq_fail(err, CRQ_EINVAL, "it says it has %zu tasks",
                def->count);
    return 0;
}

static int check_task(const crq_task_def *def, crq_error *err)
{
    if (count_names(def->name) < 2)
        return crq_fail(err, CRQ_EINVAL,
                "'%.60s' is no name for a task, as 'module.function' is",
                def->name != NULL ? def->name : "");
    if (def->run == NULL)
        return crq_fail(err, CRQ_EINVAL, "task '%s' has no function",
                def->name);
    if (def->timeout_s < -1 || def->memory_mib < 0 || def->cpu_s < 0)
        return crq_fail(err, CRQ_EINVAL, "task '%s' has a limit below 0",
                def->name);
    return 0;
}

/* -------------------------------------------------------------- the table */

static int compare_rows(const void *a, const void *b)
{
    const struct task_row *const *x = a, *const *y = b;

    return strcmp((*x)->def.name, (*y)->def.name);
}

static int compare_name(const void *name, const void *row)
{
    const struct task_row *const *y = row;

    return strcmp(name, (*y)->def.name);
}

const crq_task_def *crq_modules_find(const struct crq_modules *modules,
        const char *name)
{
    struct task_row **row;

    if (modules->count == 0)
        return NULL;
    row = bsearch(name, modules->rows, modules->count,
            sizeof(struct task_row *), compare_name);
    return row != NULL ? &(*row)->def : NULL;
}

/* Copy one row of the module's table, however large its rows are. */
static int widen(const crq_module_def *module, size_t i, crq_task_def *out,
        crq_error *err)
{
    const char *from =
            (const char *)(const void *)module->tasks + i * module->task_size;
    size_t known =
            module->task_size < sizeof(*out) ? module->task_size : sizeof(*out);

    memset(out, 0, sizeof(*out));
    memcpy(out, from, known);
    for (size_t at = known; at < module->task_size; at++)
        if (from[at] != 0)
            return crq_fail(err, CRQ_EINVAL,
                    "task %zu uses what only a newer crq has", i + 1);
    return 0;
}

static int make_row(const crq_module_def *module, size_t i,
        struct task_row **out, crq_error *err)
{
    struct task_row *row = crq_calloc(1, sizeof(*row));
    int rc;

    if (row == NULL)
        return crq_fail_nomem(err);
    *out = row;
    row->module = module->name;
    rc = widen(module, i, &row->def, err);
    if (rc == 0)
        rc = check_task(&row->def, err);
    if (rc < 0)
        return rc;
    rc = crq_params_parse(row->def.params, &row->params, err);
    if (rc < 0)
        return crq_fail_in(err, rc, "the parameters of '%s'", row->def.name);
    return 0;
}

/* Two of one name are neighbours once sorted. */
static int check_unique(struct task_row **rows, size_t count, crq_error *err)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(rows[i - 1]->def.name, rows[i]->def.name) == 0) {
            const char *a = rows[i - 1]->module, *b = rows[i]->module;

            return a == b
                    ? crq_fail(err, CRQ_EINVAL, "it has '%s' twice",
                              rows[i]->def.name)
                    : crq_fail(err, CRQ_EINVAL, "'%s' is in '%s' and in '%s'",
                              rows[i]->def.name, a, b);
        }
    return 0;
}

/* The old rows, which are borrowed, and the module's own behind them. */
static int make_rows(const struct crq_modules *modules,
        const crq_module_def *def, struct task_row **rows, crq_error *err)
{
    size_t old = modules->count;
    int rc;

    if (old > 0)
        memcpy(rows, modules->rows, old * sizeof(struct task_row *));
    for (size_t i = 0; i < def->count; i++) {
        rc = make_row(def, i, &rows[old + i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int add(struct crq_modules *modules, const crq_module_def *def,
        void *handle, crq_error *err)
{
    struct task_row **rows;
    struct loaded *loaded;
    size_t count;
    int rc;

    rc = check_module(def, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < modules->loaded_count; i++)
        if (strcmp(modules->loaded[i].name, def->name) == 0)
            return crq_fail(err, CRQ_EINVAL, "a module '%s' is loaded already",
                    def->name);
    loaded = crq_reallocarray(modules->loaded, modules->loaded_count + 1,
            sizeof(*loaded));
    if (loaded == NULL)
        return crq_fail_nomem(err);
    modules->loaded = loaded;
    count = modules->count + def->count;
    rows = crq_calloc(count + 1, sizeof(struct task_row *));
    if (rows == NULL)
        return crq_fail_nomem(err);
    rc = make_rows(modules, def, rows, err);
    if (rc == 0) {
        qsort(rows, count, sizeof(struct task_row *), compare_rows);
        rc = check_unique(rows, count, err);
    }
    if (rc < 0) {
        free_rows(rows, count, def->name);
        return rc;
    }
    crq_free(modules->rows);
    modules->rows = rows;
    modules->count = count;
    modules->loaded[modules->loaded_count++] =
            (struct loaded){ def->name, handle };
    return 0;
}

int crq_modules_add(struct crq_modules *modules, const crq_module_def *def,
        crq_error *err)
{
    int rc = add(modules, def, NULL, err);

    if (rc < 0 && rc != CRQ_ENOMEM && count_names(def->name) > 0)
        return crq_fail_in(err, rc, "module '%s'", def->name);
    return rc;
}

size_t crq_modules_count(const struct crq_modules *modules)
{
    return modules->count;
}

const crq_task_def *crq_modules_task(const struct crq_modules *modules,
        size_t i)
{
    return &modules->rows[i]->def;
}

static const struct task_row *row_of(const crq_task_def *task)
{
    return (const struct task_row *)(const void *)task;
}

const char *crq_modules_module_of(const crq_task_def *task)
{
    return row_of(task)->module;
}

const struct crq_params *crq_modules_params_of(const crq_task_def *task)
{
    return &row_of(task)->params;
}

size_t crq_modules_module_count(const struct crq_modules *modules)
{
    return modules->loaded_count;
}

const char *crq_modules_module_name(const struct crq_modules *modules, size_t i)
{
    return modules->loaded[i].name;
}

/* ---------------------------------------------------------------- loading */

/*
 * The module calls libcrq.so, which looks into objects that this program made:
 * the two have to be of one version. A module that is not linked with libcrq
 * uses this program's functions.
 */
static int check_library(void *handle, crq_error *err)
{
    const char *(*version)(void);

    /* POSIX's way to get a function out of dlsym(). */
    *(void **)(void *)&version = dlsym(handle, "crq_version");
    if (version == NULL || strcmp(version(), crq_version()) == 0)
        return 0;
    return crq_fail(err, CRQ_EINVAL,
            "it uses libcrq %.40s, and this program is crq %s: install them "
            "together",
            version(), crq_version());
}

/* What dlopen() says, which as a rule begins with the path once more. */
static const char *why_not(const char *path)
{
    const char *text = dlerror();
    size_t len = strlen(path);

    if (text == NULL)
        return "for no reason that is known";
    if (strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0)
        return text + len + 2;
    return text;
}

static int load_file(struct crq_modules *modules, const char *path,
        crq_error *err)
{
    /* Local: two modules may use the same names for what they don't share. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const crq_module_def *def;
    int rc;

    if (handle == NULL)
        return crq_fail(err, CRQ_EIO, "can't load '%s': %s", path,
                why_not(path));
    def = dlsym(handle, "crq_module");
    if (def == NULL)
        rc = crq_fail(err, CRQ_EINVAL,
                "it is no task module: it exports no crq_module, which "
                "CRQ_MODULE() makes");
    else
        rc = check_library(handle, err);
    if (rc == 0)
        rc = add(modules, def, handle, err);
    if (rc == 0)
        return 0;
    dlclose(handle);
    return rc == CRQ_ENOMEM ? rc : crq_fail_in(err, rc, "'%s'", path);
}

/* Find NAME.so in folders parted by colons; those that do not exist or are
 * relative by accident (an empty one) are passed over. */
static bool find_file(const char *folders, const char *name, char *path,
        size_t size)
{
    while (*folders != '\0') {
        size_t len = strcspn(folders, ":");
        int n = snprintf(path, size, "%.*s/%s.so", (int)len, folders, name);

        if (len > 0 && n > 0 && (size_t)n < size && access(path, F_OK) == 0)
            return true;
        folders += len + (folders[len] == ':');
    }
    return false;
}

int crq_modules_load(struct crq_modules *modules, const char *name_or_path,
        crq_error *err)
{
    /* Not for a program that has more rights than its user. */
    const char *folders = secure_getenv("CRQ_MODULE_PATH");
    size_t len = strlen(name_or_path);
    bool is_file = len > 3 && strcmp(name_or_path + len - 3, ".so") == 0;
    char path[PATH_MAX];

    if (strchr(name_or_path, '/') != NULL)
        return load_file(modules, name_or_path, err);
    if (*name_or_path == '\0')
        return crq_fail(err, CRQ_EINVAL, "the name of the module is empty");
    if ((folders != NULL &&
                find_file(folders, name_or_path, path, sizeof(path))) ||
            find_file(CRQ_MODULE_DIR, name_or_path, path, sizeof(path)))
        return load_file(modules, path, err);
    return crq_fail(err, CRQ_EIO,
            "there is no module '%.60s' in %.150s%s%s; a file is named with "
            "a slash, as ./%.60s%s",
            name_or_path, folders != NULL ? folders : "",
            folders != NULL ? " or " : "", CRQ_MODULE_DIR, name_or_path,
            is_file ? "" : ".so");
}
