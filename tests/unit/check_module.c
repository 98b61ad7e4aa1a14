/* check_module.c - tests of task/module.c. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "task/module.h"

static int run(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return 0;
}

static struct crq_modules *new_modules(void)
{
    struct crq_modules *modules;
    crq_error err;

    unit_ok(crq_modules_new(&modules, &err), &err);
    return modules;
}

/* ---------------------------------------------------------------- loading */

START_TEST(test_a_module_is_loaded_and_its_tasks_are_found)
{
    struct crq_modules *modules = new_modules();
    const crq_task_def *task;
    crq_error err;

    unit_ok(crq_modules_load(modules, MODULES "/good.so", &err), &err);
    ck_assert_uint_eq(crq_modules_count(modules), 3);
    ck_assert_str_eq(crq_modules_task(modules, 0)->name, "good.a");
    ck_assert_str_eq(crq_modules_task(modules, 1)->name, "good.b");
    ck_assert_str_eq(crq_modules_task(modules, 2)->name, "good.on_success");
    task = crq_modules_find(modules, "good.b");
    ck_assert_ptr_eq(task, crq_modules_task(modules, 1));
    ck_assert_int_eq(task->timeout_s, 5);
    ck_assert_int_eq(task->memory_mib, 64);
    ck_assert_int_eq(task->cpu_s, 2);
    ck_assert(task->resumable && !task->callback);
    ck_assert(crq_modules_find(modules, "good.on_success")->callback);
    ck_assert_uint_eq(crq_modules_params_of(task)->count, 2);
    ck_assert_str_eq(crq_modules_module_of(task), "good");
    ck_assert_ptr_null(crq_modules_find(modules, "good"));
    ck_assert_ptr_null(crq_modules_find(modules, "good.c"));
    ck_assert_uint_eq(crq_modules_module_count(modules), 1);
    ck_assert_str_eq(crq_modules_module_name(modules, 0), "good");
    crq_modules_free(modules);
}
END_TEST

START_TEST(test_a_name_is_looked_for_in_the_module_path)
{
    struct crq_modules *modules = new_modules();
    crq_error err;

    setenv("CRQ_MODULE_PATH", ":/does/not/exist:" MODULES ":" DEMO, 1);
    unit_ok(crq_modules_load(modules, "good", &err), &err);
    unit_ok(crq_modules_load(modules, "demo", &err), &err);
    ck_assert_uint_eq(crq_modules_module_count(modules), 2);
    ck_assert_ptr_nonnull(crq_modules_find(modules, "good.a"));
    ck_assert_ptr_nonnull(crq_modules_find(modules, "demo.add"));
    crq_modules_free(modules);
}
END_TEST

static const struct {
    const char *path, *name;
    int code;
    const char *says;
} loads[] = {
    { NULL, "", CRQ_EINVAL, "the name of the module is empty" },
    { NULL, "nobody", CRQ_EIO,
            "there is no module 'nobody' in " CRQ_MODULE_DIR
            "; a file is named with a slash, as ./nobody.so" },
    { "/x:/y", "nobody", CRQ_EIO, "in /x:/y or " CRQ_MODULE_DIR },
    { NULL, "./nobody.so", CRQ_EIO,
            "can't load './nobody.so': cannot open shared object file" },
    { NULL, "nobody.so", CRQ_EIO,
            "a file is named with a slash, as ./nobody.so" },
    { NULL, "/dev/null", CRQ_EIO, "can't load '/dev/null': " },
    { MODULES, "nosymbol", CRQ_EINVAL, "it exports no crq_module" },
    { MODULES, "wrongabi", CRQ_EINVAL,
            "it was built for another crq (module interface 2, here is 1)" },
    { MODULES, "otherlib", CRQ_EINVAL,
            "it uses libcrq 9.8.7, and this program is crq " PACKAGE_VERSION },
    { MODULES, "unresolved", CRQ_EIO, "undefined symbol: nobody_has_this" },
    { MODULES, "double", CRQ_EINVAL, "'good.a' is in 'good' and in 'double'" },
    { MODULES, "good", CRQ_EINVAL, "a module 'good' is loaded already" },
};

START_TEST(test_what_can_not_be_loaded_is_told_and_leaves_the_rest)
{
    struct crq_modules *modules = new_modules();
    crq_error err;

    unit_ok(crq_modules_load(modules, MODULES "/good.so", &err), &err);
    if (loads[_i].path != NULL)
        setenv("CRQ_MODULE_PATH", loads[_i].path, 1);
    else
        unsetenv("CRQ_MODULE_PATH");
    ck_assert_int_eq(crq_modules_load(modules, loads[_i].name, &err),
            loads[_i].code);
    ck_assert_ptr_null(strstr(err.text, ".so.so"));
    ck_assert_msg(strstr(err.text, loads[_i].says) != NULL,
            "wanted: %s\ngot: %s", loads[_i].says, err.text);
    ck_assert_uint_eq(crq_modules_module_count(modules), 1);
    ck_assert_uint_eq(crq_modules_count(modules), 3);
    ck_assert_str_eq(crq_modules_module_of(crq_modules_find(modules, "good.a")),
            "good");
    ck_assert_ptr_null(crq_modules_find(modules, "double.a"));
    crq_modules_free(modules);
}
END_TEST

/* ----------------------------------------------------------------- checks */

#define SIZE sizeof(crq_task_def)

static const crq_task_def rows[] = {
    { .name = "t.a", .run = run },
    { .name = "t.b", .run = run, .params = "x," },
    { .name = "t", .run = run },
    { .name = "t.", .run = run },
    { .name = "t..a", .run = run },
    { .name = "t.a b", .run = run },
    { .name = "t.1", .run = run },
    { .name = NULL, .run = run },
    { .name = "t.a", .run = NULL },
    { .name = "t.a", .run = run, .timeout_s = -2 },
    { .name = "t.a", .run = run, .memory_mib = -1 },
    { .name = "t.a", .run = run, .cpu_s = -1 },
    { .name = "t.a", .run = run, .params = "x y" },
    { .name = "t.a", .run = run },
    { .name = "t.a", .run = run },
};

static const struct {
    crq_module_def def;
    const char *says; /* NULL: it is taken */
} defs[] = {
    { { 1, SIZE, "t", &rows[0], 2 }, NULL },
    { { 1, SIZE, "t", NULL, 0 }, NULL },
    { { 1, SIZE, "t.u_1", &rows[0], 1 }, NULL },
    { { 0, SIZE, "t", &rows[0], 1 },
            "module 't': it was built for another crq (module interface 0" },
    { { 1, 8, "t", &rows[0], 1 }, "its tasks have 8 bytes" },
    { { 1, 5000, "t", &rows[0], 1 }, "its tasks have 5000 bytes" },
    { { 1, SIZE, NULL, &rows[0], 1 }, "its name is '', not a name" },
    { { 1, SIZE, "1t", &rows[0], 1 }, "its name is '1t', not a name" },
    { { 1, SIZE, "t", NULL, 1 }, "it says it has 1 tasks" },
    { { 1, SIZE, "t", &rows[0], 70000 }, "it says it has 70000 tasks" },
    { { 1, SIZE, "t", &rows[2], 1 }, "'t' is no name for a task" },
    { { 1, SIZE, "t", &rows[3], 1 }, "'t.' is no name for a task" },
    { { 1, SIZE, "t", &rows[4], 1 }, "'t..a' is no name for a task" },
    { { 1, SIZE, "t", &rows[5], 1 }, "'t.a b' is no name for a task" },
    { { 1, SIZE, "t", &rows[6], 1 }, "'t.1' is no name for a task" },
    { { 1, SIZE, "t", &rows[7], 1 }, "'' is no name for a task" },
    { { 1, SIZE, "t", &rows[8], 1 }, "task 't.a' has no function" },
    { { 1, SIZE, "t", &rows[9], 1 }, "task 't.a' has a limit below 0" },
    { { 1, SIZE, "t", &rows[10], 1 }, "task 't.a' has a limit below 0" },
    { { 1, SIZE, "t", &rows[11], 1 }, "task 't.a' has a limit below 0" },
    { { 1, SIZE, "t", &rows[12], 1 },
            "the parameters of 't.a': at offset 2 of 'x y'" },
    { { 1, SIZE, "t", &rows[13], 2 }, "it has 't.a' twice" },
};

START_TEST(test_a_module_is_taken_as_a_whole_or_not_at_all)
{
    struct crq_modules *modules = new_modules();
    const crq_module_def *def = &defs[_i].def;
    crq_error err;
    int rc = crq_modules_add(modules, def, &err);

    if (defs[_i].says == NULL) {
        unit_ok(rc, &err);
        ck_assert_uint_eq(crq_modules_count(modules), def->count);
    } else {
        ck_assert_int_eq(rc, CRQ_EINVAL);
        ck_assert_msg(strstr(err.text, defs[_i].says) != NULL,
                "wanted: %s\ngot: %s", defs[_i].says, err.text);
        ck_assert_uint_eq(crq_modules_count(modules), 0);
        ck_assert_uint_eq(crq_modules_module_count(modules), 0);
    }
    crq_modules_free(modules);
}
END_TEST

/* Rows of another size, packed into bytes. */
static crq_module_def resized(char *bytes, unsigned size, char fill)
{
    memset(bytes, fill, 2 * (size_t)size);
    for (size_t i = 0; i < 2; i++)
        memcpy(bytes + i * size, &rows[i], size < SIZE ? size : SIZE);
    return (crq_module_def){ 1, size, "t",
        (const crq_task_def *)(const void *)bytes, 2 };
}

static const struct {
    unsigned size;
    char fill;
    bool taken;
} sizes[] = {
    { SIZE - 4, 1, true },
    { SIZE + 8, 0, true },
    { SIZE + 8, 1, false },
};

START_TEST(test_rows_of_an_older_and_a_newer_crq_are_read_by_their_size)
{
    struct crq_modules *modules = new_modules();
    _Alignas(16) char bytes[2 * (SIZE + 8)];
    crq_module_def def = resized(bytes, sizes[_i].size, sizes[_i].fill);
    crq_error err;
    int rc = crq_modules_add(modules, &def, &err);

    if (sizes[_i].taken) {
        unit_ok(rc, &err);
        ck_assert_ptr_nonnull(crq_modules_find(modules, "t.a"));
        ck_assert_str_eq(crq_modules_find(modules, "t.b")->params, "x,");
    } else {
        ck_assert_int_eq(rc, CRQ_EINVAL);
        ck_assert_str_eq(err.text,
                "module 't': task 1 uses what only a newer crq has");
    }
    crq_modules_free(modules);
}
END_TEST

static int load_two(void *arg, crq_error *err)
{
    static const crq_module_def first = { 1, SIZE, "t", &rows[0], 2 };
    static const crq_task_def more = { .name = "u.a", .run = run };
    static const crq_module_def second = { 1, SIZE, "u", &more, 1 };
    struct crq_modules *modules;
    int rc;

    (void)arg;
    rc = crq_modules_new(&modules, err);
    if (rc < 0)
        return rc;
    rc = crq_modules_add(modules, &first, err);
    if (rc == 0)
        rc = crq_modules_add(modules, &second, err);
    crq_modules_free(modules);
    return rc;
}

START_TEST(test_memory_may_run_out_anywhere)
{
    unit_fail_each_allocation(load_two, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("module");

    tcase_add_test(tc, test_a_module_is_loaded_and_its_tasks_are_found);
    tcase_add_test(tc, test_a_name_is_looked_for_in_the_module_path);
    unit_add_rows(tc, test_what_can_not_be_loaded_is_told_and_leaves_the_rest,
            loads);
    unit_add_rows(tc, test_a_module_is_taken_as_a_whole_or_not_at_all, defs);
    unit_add_rows(tc,
            test_rows_of_an_older_and_a_newer_crq_are_read_by_their_size,
            sizes);
    tcase_add_test(tc, test_memory_may_run_out_anywhere);
    return unit_run("module", tc);
}
