/* check_failures.c - tests of model/failures.c. */
#include "unit.h"

#include <string.h>

#include "base/mem.h"
#include "model/failures_impl.h"

#define TRACE                                                                  \
    "Traceback (most recent call last):\n"                                     \
    "  File \"a.py\", line 1, in f\n    g()\n    ^^^\n"

static const struct {
    const char *text, *name, *message;
} texts[] = {
    { "", "", "" },
    { "\n\n", "", "" },
    { TRACE "ValueError: count is -1\n", "ValueError", "count is -1" },
    { TRACE "KeyError: 'a: b'", "KeyError", "'a: b'" },
    { TRACE "app.errors.Broken\n", "app.errors.Broken", "" },
    /* A message of several lines, one of them like a class. */
    { TRACE "ValueError: one\ntwo: 2\n\nthree", "ValueError", "one" },
    { TRACE "KeyError: 1\n\nDuring handling of the above exception, another "
            "exception occurred:\n\n" TRACE "OSError: 2",
            "OSError", "2" },
    /* crq's own form has no place between. */
    { "Traceback (most recent call last):\n  Task demo.fail in module demo\n"
      "RuntimeError: boom\n",
            "RuntimeError", "boom" },
    { "Work-horse terminated unexpectedly; waitpid returned 139 (signal 11); "
      "\nTask f, job 1\nSIGSEGV",
            "rq.WorkHorseDied",
            "Work-horse terminated unexpectedly; waitpid returned 139 (signal "
            "11); " },
    { "Task f, job 1, queue q\nevidence\n"
      "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value "
      "(1 seconds)",
            "rq.timeouts.JobTimeoutException",
            "Task exceeded maximum timeout value (1 seconds)" },
    { "Moved to FailedJobRegistry, due to AbandonedJobError, at 2026\nIts "
      "worker",
            "rq.exceptions.AbandonedJobError",
            "Moved to FailedJobRegistry, due to AbandonedJobError, at 2026" },
    { "a sentence of somebody", "", "a sentence of somebody" },
    { "Traceback (most recent call last):", "", "" },
    { "V\x01: a\tb\x7f\xff", "", "V : a b ?" },
};

START_TEST(test_a_cause_is_found_in_an_error_text)
{
    struct crq_cause cause = { .times = 1 };

    crq_cause_read(&cause, texts[_i].text, strlen(texts[_i].text));
    ck_assert_str_eq(cause.name, texts[_i].name);
    ck_assert_str_eq(cause.message, texts[_i].message);
}
END_TEST

START_TEST(test_a_long_text_is_cut_between_characters)
{
    char text[400], out[CRQ_CAUSE_TEXT + 1];

    memset(text, 'a', sizeof(text));
    memcpy(text + CRQ_CAUSE_TEXT - 1, "\u20ac", 3);
    crq_cause_text(out, text, sizeof(text));
    ck_assert_uint_eq(strlen(out), CRQ_CAUSE_TEXT - 1);
    crq_cause_text(out, NULL, 5);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(test_same_causes_are_counted_together_with_the_later_sample)
{
    struct crq_failures f = { NULL, 0 };
    struct crq_cause a = { "f", "E", 1, 10, "first", "j1", "q" };
    struct crq_cause b = { "f", "E", 2, 20, "second", "j2", "r" };
    struct crq_cause c = { "g", "E", 5, 5, "", "j3", "q" };

    ck_assert_ptr_nonnull(crq_failures_add(&f, &b));
    ck_assert_ptr_nonnull(crq_failures_add(&f, &a));
    ck_assert_ptr_nonnull(crq_failures_add(&f, &c));
    ck_assert_uint_eq(f.count, 2);
    crq_failures_sort(&f);
    ck_assert_str_eq(f.causes[0].func, "g");
    ck_assert_int_eq(f.causes[1].times, 3);
    ck_assert_int_eq(f.causes[1].last_us, 20);
    ck_assert_str_eq(f.causes[1].message, "second");
    ck_assert_str_eq(f.causes[1].job, "j2");
    crq_failures_free(NULL);
    crq_free(f.causes);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("failures");

    unit_add_rows(tc, test_a_cause_is_found_in_an_error_text, texts);
    tcase_add_test(tc, test_a_long_text_is_cut_between_characters);
    tcase_add_test(tc,
            test_same_causes_are_counted_together_with_the_later_sample);
    return unit_run("failures", tc);
}
