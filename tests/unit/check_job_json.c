/* check_job_json.c - tests of model/job_json.c. */
#include "unit.h"

#include "base/error.h"
#include "model/job_json.h"

static const struct {
    const char *text, *shown;
} rows[] = {
    { "", "" }, { "plain", "plain" },
    { "\xc3\xa4\xf0\x9f\x90\xb1", "\xc3\xa4\xf0\x9f\x90\xb1" },
    { "\xff", "\\xff" }, { "a\xfe\xffz", "a\\xfe\\xffz" },
    { "\xc3", "\\xc3" },                 /* cut in a character */
    { "\xe2\x82z", "\\xe2\\x82z" },      /* the same, and more behind it */
    { "\xc0\x80", "\\xc0\\x80" },        /* no '\0' by the back door */
    { "\xed\xa0\x80", "\xed\xa0\x80" },  /* a lone surrogate, as Python's */
    { "\xc3\xa4\x80", "\xc3\xa4\\x80" }, /* good before bad */
};

START_TEST(test_what_is_no_utf8_is_shown_byte_by_byte)
{
    crq_value *v = crq_shown_text(rows[_i].text);

    ck_assert_ptr_nonnull(v);
    ck_assert_str_eq(crq_value_text(v), rows[_i].shown);
    crq_value_free(v);
}
END_TEST

static int show(void *arg, crq_error *err)
{
    crq_value *v = crq_shown_text("a\xfez");

    (void)arg;
    if (v == NULL)
        return crq_fail_nomem(err);
    ck_assert_str_eq(crq_value_text(v), "a\\xfez");
    crq_value_free(v);
    return 0;
}

START_TEST(test_memory_that_runs_out_is_told)
{
    unit_fail_each_allocation(show, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("job_json");

    unit_add_rows(tc, test_what_is_no_utf8_is_shown_byte_by_byte, rows);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return unit_run("job_json", tc);
}
