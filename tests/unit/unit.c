/* unit.c - running a test program, and making allocations fail. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int unit_run(const char *name, TCase *tc)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

crq_value *unit_json(const char *text)
{
    crq_value *v = NULL;
    crq_error err;

    unit_ok(crq_value_from_json(text, strlen(text), &v, &err), &err);
    return v;
}

void unit_fail_each_allocation(int (*work)(void *arg, crq_error *err),
        void *arg)
{
    for (long nth = 1;; nth++) {
        crq_error err = { 0, "" };
        int rc, failed;

        ck_assert_int_lt(nth, 1000000);
        crq_mem_fail_at(nth);
        rc = work(arg, &err);
        failed = crq_mem_failed();
        crq_mem_fail_at(0);
        if (!failed) {
            ck_assert_msg(rc == 0, "%s: %s", crq_error_name(rc), err.text);
            return;
        }
        ck_assert_msg(rc == CRQ_ENOMEM, "allocation %ld failed, but: %s (%s)",
                nth, crq_error_name(rc), err.text);
    }
}
