/*
 * unit.h - what every unit test shares.
 *
 * A test program defines its cases with START_TEST, puts them into one TCase
 * and calls unit_run(), which prints TAP:
 *
 *     int main(void)
 *     {
 *         TCase *tc = tcase_create("buf");
 *
 *         tcase_add_test(tc, test_a_full_buffer_keeps_what_it_has);
 *         return unit_run("buf", tc);
 *     }
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <crq.h>

/* Whether AddressSanitizer is built in, as gcc and as clang say it. */
#ifdef __SANITIZE_ADDRESS__
#define UNIT_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNIT_ASAN
#endif
#endif

/** Run the tests and print TAP on standard output. Returns main()'s status. */
int unit_run(const char *name, TCase *tc);

/** Fail the test with err's text when rc is not 0. */
#define unit_ok(rc, err)                                                       \
    do {                                                                       \
        int unit_rc_ = (rc);                                                   \
        ck_assert_msg(unit_rc_ == 0, "%s: %s", crq_error_name(unit_rc_),       \
                (err)->text);                                                  \
    } while (0)

/** Add a test that runs once per row of an array. */
#define unit_add_rows(tc, test, rows)                                          \
    tcase_add_loop_test((tc), (test), 0,                                       \
            (int)(sizeof(rows) / sizeof((rows)[0])))

/** The value of a JSON text, the caller's to free. */
crq_value *unit_json(const char *text);

/**
 * Run `work` once with every allocation failing in turn: the 1st, the 2nd ...
 * until it succeeds. Each failure must come back as CRQ_ENOMEM; leaks are the
 * sanitizer's to find.
 */
void unit_fail_each_allocation(int (*work)(void *arg, crq_error *err),
        void *arg);

#endif
