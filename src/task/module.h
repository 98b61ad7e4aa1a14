/* module.h - task modules: loaded, checked, and looked up by function name. */
#ifndef CRQ_TASK_MODULE_H
#define CRQ_TASK_MODULE_H

#include <crq.h>

#include "task/params.h"

/** All modules of a process; tasks in one table by name. */
struct crq_modules;

int crq_modules_new(struct crq_modules **out, crq_error *err) CRQ_MUST_CHECK;
void crq_modules_free(struct crq_modules *modules);

/** Add a module that is linked in (tests), checked like a loaded one. It is
 *  borrowed. On failure nothing of it is in the table. */
int crq_modules_add(struct crq_modules *modules, const crq_module_def *def,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Load NAME (NAME.so in a folder of $CRQ_MODULE_PATH, colon-separated, or else
 * in the folder of installed modules), or a PATH: a text with a slash.
 *
 * CRQ_EIO     there is no such file, or dlopen's reason
 * CRQ_EINVAL  it is no module, or one for another crq; a name or params text
 *             is wrong; a module or task of that name is there already
 * CRQ_ENOMEM
 */
int crq_modules_load(struct crq_modules *modules, const char *name_or_path,
        crq_error *err) CRQ_MUST_CHECK;

/** The task of that name, or NULL. Numbers that a module built for an older
 *  crq does not have are 0. */
const crq_task_def *crq_modules_find(const struct crq_modules *modules,
        const char *name);
size_t crq_modules_count(const struct crq_modules *modules); /* of tasks */
/** Task i, in the order of names. */
const crq_task_def *crq_modules_task(const struct crq_modules *modules,
        size_t i);

/* Of a task that is in a table: the module it came with, its parameters. */
const char *crq_modules_module_of(const crq_task_def *task);
const struct crq_params *crq_modules_params_of(const crq_task_def *task);

/** How many modules there are, and the name of module i as it was loaded. */
size_t crq_modules_module_count(const struct crq_modules *modules);
const char *crq_modules_module_name(const struct crq_modules *modules,
        size_t i);

#endif
