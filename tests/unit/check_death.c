/* check_death.c - tests of exec/death.c. */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "exec/pool.h"

/* As the kernel puts them together. */
#define EXITED(code)   ((code) << 8)
#define KILLED(number) (number)

#define COUNTS                                                                 \
    "\nafter 1.500 s; the process took 0.250 s CPU (user), 0.125 s (system), " \
    "at most 2048 KiB of memory"

static const struct {
    struct crq_death death;
    const char *text;
} cases[] = {
    { { .has_status = true, .wait_status = KILLED(SIGSEGV) },
            "the child process 12 was killed by SIGSEGV" COUNTS },
    { { .has_status = true, .wait_status = EXITED(3) },
            "the child process 12 exited with code 3" COUNTS },
    { { .has_status = true, .wait_status = KILLED(SIGKILL), .oom = true },
            "the child process 12 was killed by SIGKILL, sent by the kernel, which "
            "was out of memory" COUNTS },
    { { .has_status = true,
              .wait_status = KILLED(SIGTERM),
              .end = CRQ_END_TIMEOUT },
            "the child process 12 was killed by SIGTERM; ended because its "
            "time was up" COUNTS },
    { { .end = CRQ_END_SERVER },
            "the child process 12 died; lost with the fork server, which "
            "died" COUNTS },
    { { .has_status = true,
              .wait_status = EXITED(0),
              .backtrace = "#0 a\n#1 b\n",
              .output = "one\n\ntwo\n\n",
              .output_len = 10 },
            "the child process 12 exited with code 0" COUNTS
            "\nbacktrace:\n  #0 a\n  #1 b\nlast output:\n  one\n  \n  two" },
};

START_TEST(test_the_evidence_is_told)
{
    struct crq_death death = cases[_i].death;
    struct crq_buf buf = CRQ_BUF_INIT;

    death.pid = 12;
    death.ran_us = 1500000;
    death.user_us = 250000;
    death.system_us = 125000;
    death.peak_kib = 2048;
    if (death.output == NULL)
        death.output = "";
    if (death.backtrace == NULL)
        death.backtrace = "";
    ck_assert_int_eq(crq_death_text(&death, &buf), 0);
    ck_assert_str_eq(buf.data, cases[_i].text);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_no_child_is_told_without_its_numbers)
{
    struct crq_death death = { .output = "", .backtrace = "" };
    struct crq_buf buf = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_death_text(&death, &buf), 0);
    ck_assert_str_eq(buf.data, "no child process could be made");
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_a_signal_has_a_name)
{
    char space[16];

    ck_assert_str_eq(crq_signal_name(SIGSEGV, space), "SIGSEGV");
    ck_assert_str_eq(crq_signal_name(SIGXCPU, space), "SIGXCPU");
    ck_assert_str_eq(crq_signal_name(99, space), "signal 99");
}
END_TEST

START_TEST(test_every_reason_has_a_name)
{
    int end, other;

    for (end = CRQ_END_NONE; end <= CRQ_END_SERVER; end++)
        for (other = CRQ_END_NONE; other < end; other++)
            ck_assert_str_ne(crq_end_name((enum crq_end)end),
                    crq_end_name((enum crq_end)other));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("death");

    unit_add_rows(tc, test_the_evidence_is_told, cases);
    tcase_add_test(tc, test_no_child_is_told_without_its_numbers);
    tcase_add_test(tc, test_a_signal_has_a_name);
    tcase_add_test(tc, test_every_reason_has_a_name);
    return unit_run("death", tc);
}
