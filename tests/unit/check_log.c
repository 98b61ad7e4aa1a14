/* check_log.c - tests of base/log.c. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/json.h"

/* A log into a pipe at a moment in 2026. */
struct fixture {
    struct crq_clock_manual manual;
    struct crq_log log;
    int pipe[2];
    char got[5000];
};

static void set_up(struct fixture *f, bool json)
{
    crq_clock_manual_init(&f->manual, INT64_C(1795247270513712));
    ck_assert_int_eq(pipe(f->pipe), 0);
    f->log = (struct crq_log){ &f->manual.clock, "crq-worker", f->pipe[1],
        CRQ_LOG_INFO, json };
}

/* What was written, without its end: one line. */
static const char *finish(struct fixture *f)
{
    ssize_t n;

    close(f->pipe[1]);
    n = read(f->pipe[0], f->got, sizeof(f->got) - 1);
    close(f->pipe[0]);
    ck_assert_int_ge(n, 0);
    f->got[n] = '\0';
    if (n > 0) {
        ck_assert_ptr_eq(strchr(f->got, '\n'), f->got + n - 1);
        f->got[n - 1] = '\0';
    }
    return f->got;
}

START_TEST(test_a_line_says_when_how_bad_who_and_what)
{
    struct fixture f;
    char want[200];

    set_up(&f, false);
    crq_log_warn(&f.log, "lost %s\nonce", "Redis");
    snprintf(want, sizeof(want),
            "2026-11-21T07:47:50.513Z warning crq-worker[%ld]: "
            "lost Redis?once",
            (long)getpid());
    ck_assert_str_eq(finish(&f), want);
}
END_TEST

START_TEST(test_json_lines_are_json_whatever_is_logged)
{
    struct fixture f;
    char want[200];
    crq_value *v;
    crq_error err;

    set_up(&f, true);
    crq_log_error(&f.log, "a \"b\" \\ \x1b[31m \xe2\x82\xac");
    snprintf(want, sizeof(want),
            "{\"time\":\"2026-11-21T07:47:50.513Z\",\"level\":\"error\","
            "\"name\":\"crq-worker\",\"pid\":%ld,"
            "\"message\":\"a \\\"b\\\" \\\\ ?[31m \xe2\x82\xac\"}",
            (long)getpid());
    ck_assert_str_eq(finish(&f), want);
    unit_ok(crq_json_decode(f.got, strlen(f.got), NULL, &v, &err), &err);
    crq_value_free(v);
}
END_TEST

static const struct {
    const char *text, *want;
} strange[] = {
    { "\x80", "?" },
    { "a\xff"
      "b",
            "a?b" },
    { "\xc3", "?" },
    { "\xc3(", "?(" },
    { "\xed\xa0\x80", "?" },
    { "\xf4\x90\x80\x80", "????" },
    { "\xc2\x9b"
      "31m",
            "?31m" },
    { "\xc2\xa0\xc3\xbc", "\xc2\xa0\xc3\xbc" },
    { "\x7f", "?" },
};

START_TEST(test_lines_are_utf8_and_command_no_terminal)
{
    struct fixture f;
    const char *line;

    set_up(&f, false);
    crq_log_error(&f.log, "%s", strange[_i].text);
    line = finish(&f);
    ck_assert_str_eq(strstr(line, "]: ") + 3, strange[_i].want);
}
END_TEST

static const struct {
    const char *piece;
} long_ones[] = { { "x" }, { "\xe2\x82\xac" }, { "\"" }, { "a\"" }, { "\\" },
    { "\xf0\x9f\x98\x80" } };

START_TEST(test_a_long_message_is_cut_but_stays_whole_json)
{
    struct fixture f;
    char text[4000] = "";
    crq_value *v;
    crq_error err;

    for (int shift = 0; shift < 4; shift++) {
        memset(text, ' ', (size_t)shift);
        text[shift] = '\0';
        while (strlen(text) < 3900)
            strcat(text, long_ones[_i].piece);
        set_up(&f, true);
        crq_log_info(&f.log, "%s", text);
        finish(&f);
        ck_assert_uint_gt(strlen(f.got), 1500);
        ck_assert_uint_lt(strlen(f.got), 2048);
        unit_ok(crq_json_decode(f.got, strlen(f.got), NULL, &v, &err), &err);
        crq_value_free(v);
    }
}
END_TEST

START_TEST(test_what_is_too_talkative_is_not_written)
{
    struct fixture f;

    set_up(&f, false);
    crq_log_debug(&f.log, "no");
    ck_assert_str_eq(finish(&f), "");
}
END_TEST

START_TEST(test_no_log_and_no_file_are_fine)
{
    struct fixture f;

    set_up(&f, false);
    crq_log_error(NULL, "no");
    f.log.fd = -1;
    crq_log_error(&f.log, "no");
    ck_assert_str_eq(finish(&f), "");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("log");

    tcase_add_test(tc, test_a_line_says_when_how_bad_who_and_what);
    tcase_add_test(tc, test_json_lines_are_json_whatever_is_logged);
    unit_add_rows(tc, test_lines_are_utf8_and_command_no_terminal, strange);
    unit_add_rows(tc, test_a_long_message_is_cut_but_stays_whole_json,
            long_ones);
    tcase_add_test(tc, test_what_is_too_talkative_is_not_written);
    tcase_add_test(tc, test_no_log_and_no_file_are_fine);
    return unit_run("log", tc);
}
