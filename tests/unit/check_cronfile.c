/* check_cronfile.c - tests of app/cronfile.c. */
#include "unit.h"

#include <string.h>

#include "app/cronfile.h"
#include "base/buf.h"

static int parse(const char *text, struct crq_app **out, crq_error *err)
{
    return crq_cronfile_parse(text, strlen(text), NULL, NULL, out, err);
}

static const char full[] =
        "# comment\n"
        "\n"
        "CRON_TZ=Europe/Berlin\r\n"
        "QUEUE=\"two words\"\n"
        "TIMEOUT=-1\n"
        "  0 9 * * mon-fri\treport  shop.report  :2024 to='the \"boss' ''\n"
        "CATCHUP=all:5\n"
        "OVERLAP=allow\n"
        "QUEUE=\n"
        "@every 0.5s tick shop.tick \"$x\" a#b\n"
        "@daily night shop.night";

START_TEST(test_a_file_says_when_what_and_where)
{
    const struct crq_app_schedule *s;
    struct crq_app *app;
    crq_error err;

    unit_ok(parse(full, &app, &err), &err);
    ck_assert_ptr_null(app->name);
    ck_assert_uint_eq(app->schedule_count, 3);
    s = &app->schedules[0];
    ck_assert_str_eq(s->id, "report");
    ck_assert_str_eq(s->cron, "0 9 * * mon-fri");
    ck_assert_str_eq(s->tz, "Europe/Berlin");
    ck_assert_str_eq(s->call.task, "shop.report");
    ck_assert_str_eq(s->call.queue, "two words");
    ck_assert_int_eq(s->call.timeout_s, -1);
    ck_assert(!s->overlap);
    ck_assert_uint_eq(s->call.count, 3);
    ck_assert_int_eq(crq_value_int(s->call.args[0].constant), 2024);
    ck_assert_str_eq(crq_value_text(s->call.args[1].constant), "");
    ck_assert_str_eq(s->call.args[2].name, "to");
    ck_assert_str_eq(crq_value_text(s->call.args[2].constant), "the \"boss");

    s = &app->schedules[1];
    ck_assert_int_eq(s->every_us, 500000);
    ck_assert_ptr_null(s->tz);
    ck_assert_str_eq(s->call.queue, "default");
    ck_assert_int_eq(s->catchup, CRQ_CATCHUP_ALL);
    ck_assert_int_eq(s->catchup_max, 5);
    ck_assert(s->overlap);
    /* No source, as it would be in app.json. */
    ck_assert_str_eq(crq_value_text(s->call.args[0].constant), "$x");
    ck_assert_str_eq(crq_value_text(s->call.args[1].constant), "a#b");
    ck_assert_str_eq(app->schedules[2].cron, "@daily");
    crq_app_free(app);
}
END_TEST

static const struct {
    const char *text, *says;
} wrong[] = {
    { "0 9 * * *\n", "1:9: expected minute, hour, day, month, weekday, an id" },
    { "\n0 9 * * * a\n", "2:11: expected minute, hour" },
    { "@daily a", "1:8: expected behind it, an id and a function" },
    { "@every 5s a", "1:11: expected a time span, an id and a function" },
    { "#\n\n  61 * * * * a m.f",
            "3:3: cron '61 * * * *', character 1, minute" },
    { "@every soon a m.f", "1:8: expected a duration above 0" },
    { "@never a m.f", "1:1: cron '@never'" },
    { "@daily a,b m.f", "1:8: expected a name of letters" },
    { "@daily a f", "1:10: expected a task, as" },
    { "@daily a m.f x 'y", "1:16: this quote has no end" },
    { "@daily a m.f :x", "1:14: argument 1 ':x', read as JSON" },
    { "@daily a m.f\n@hourly a m.f", "2:9: the id 'a' is that of schedule 0" },
    { "CRON_TZ=Mars/Base\n@daily a m.f", "1:1: there is no time zone" },
    { "@daily b m.f\nCATCHUP=some\n@daily a m.f", "2:1: expected \"skip\"" },
    { "OVERLAP=1\n@daily a m.f", "1:1: expected \"skip\" or \"allow\"" },
    { "TIMEOUT=0\n@daily a m.f", "1:1: expected whole seconds" },
    { "MAILTO=me\n@daily a m.f", "1:1: there is no such setting; known are" },
    { "@daily a m.f \xff", "1:1: this line is not UTF-8" },
    { "QUEUE=\xff\n", "1:1: this is not UTF-8" },
};

START_TEST(test_a_mistake_is_told_with_line_and_column)
{
    struct crq_app *app = NULL;
    crq_error err;

    ck_assert_int_eq(parse(wrong[_i].text, &app, &err), CRQ_EINVAL);
    ck_assert_msg(strncmp(err.text, wrong[_i].says, strlen(wrong[_i].says)) ==
                    0,
            "%s", err.text);
    ck_assert_ptr_null(app);
}
END_TEST

static void count(void *arg, const char *where, const char *what)
{
    crq_buf_printf(arg, "%s|%.8s ", where, what);
}

START_TEST(test_one_run_tells_every_mistake)
{
    static const char text[] = "X=1\n@daily a\n@daily a f\n61 * * * * b m.f";
    struct crq_buf all = CRQ_BUF_INIT;
    struct crq_app *app = NULL;
    crq_error err;

    ck_assert_int_eq(crq_cronfile_parse(text, strlen(text), count, &all, &app,
                             &err),
            CRQ_EINVAL);
    ck_assert_str_eq(crq_buf_text(&all),
            "1:1|there is 2:8|expected 3:10|expected 4:1|cron '61 ");
    crq_buf_fini(&all);
}
END_TEST

START_TEST(test_what_is_no_text_is_refused)
{
    struct crq_app *app = NULL;
    crq_error err;

    ck_assert_int_eq(crq_cronfile_parse("a\0b", 3, NULL, NULL, &app, &err),
            CRQ_ECODEC);
    ck_assert_int_eq(crq_cronfile_load("/nowhere", NULL, NULL, &app, &err),
            CRQ_EIO);
}
END_TEST

static int read_full(void *arg, crq_error *err)
{
    struct crq_app *app = NULL;
    int rc = parse(full, &app, err);

    (void)arg;
    crq_app_free(app);
    return rc;
}

START_TEST(test_memory_may_run_out_at_any_point)
{
    unit_fail_each_allocation(read_full, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("cronfile");

    tcase_add_test(tc, test_a_file_says_when_what_and_where);
    unit_add_rows(tc, test_a_mistake_is_told_with_line_and_column, wrong);
    tcase_add_test(tc, test_one_run_tells_every_mistake);
    tcase_add_test(tc, test_what_is_no_text_is_refused);
    tcase_add_test(tc, test_memory_may_run_out_at_any_point);
    return unit_run("cronfile", tc);
}
