/*
 * check_params.c - tests of task/params.c. What Python says of 1330 calls
 * stands in tests/golden/params.tsv.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "task/params.h"

/* ---------------------------------------------------------------- reading */

static const struct {
    const char *text, *names; /* parted by blanks */
    size_t required;
    const char *args, *kwargs;
} lists[] = {
    { NULL, "", 0, NULL, NULL },
    { "", "", 0, NULL, NULL },
    { " \n", "", 0, NULL, NULL },
    { "x", "x", 1, NULL, NULL },
    { " x ,\ty ", "x y", 2, NULL, NULL },
    { "x, y,", "x y", 2, NULL, NULL },
    { "_a1, B2", "_a1 B2", 2, NULL, NULL },
    { "x=1", "x", 0, NULL, NULL },
    { "x, y = 1 , z=2", "x y z", 1, NULL, NULL },
    { "x=(1, [2, {3: 4}]), y=f(a, b)", "x y", 0, NULL, NULL },
    { "x=\"a, ')\", y='\\', ('", "x y", 0, NULL, NULL },
    { "x=a*b, *c", "x", 0, "c", NULL },
    { "*args", "", 0, "args", NULL },
    { "** kwargs", "", 0, NULL, "kwargs" },
    { "a, b=1, *args, **kwargs", "a b", 1, "args", "kwargs" },
};

START_TEST(test_a_list_is_read_as_python_reads_it)
{
    struct crq_params params;
    struct crq_buf names = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_params_parse(lists[_i].text, &params, &err), &err);
    for (size_t i = 0; i < params.count; i++)
        crq_buf_printf(&names, "%s%s", i > 0 ? " " : "", params.names[i]);
    ck_assert_str_eq(crq_buf_text(&names), lists[_i].names);
    ck_assert_uint_eq(params.required, lists[_i].required);
    ck_assert_pstr_eq(params.args, lists[_i].args);
    ck_assert_pstr_eq(params.kwargs, lists[_i].kwargs);
    for (size_t i = 0; i < params.count; i++)
        ck_assert_int_eq(crq_params_find(&params, params.names[i]), (int)i);
    ck_assert_int_eq(crq_params_find(&params, "nobody"), -1);
    crq_buf_fini(&names);
    crq_params_fini(&params);
}
END_TEST

static const struct {
    const char *text, *says;
} wrong_lists[] = {
    { ",", "at offset 0 of ',': there should be a name" },
    { "x,,y", "at offset 2 of 'x,,y': there should be a name" },
    { "1x", "at offset 0 of '1x': there should be a name" },
    { "x y", "at offset 2 of 'x y': there should be a comma" },
    { "x: int", "at offset 1 of 'x: int': there should be a comma" },
    { "*", "at offset 1 of '*': there should be a name" },
    { "*, x", "at offset 1 of '*, x': there should be a name" },
    { "***x", "at offset 2 of '***x': there should be a name" },
    { "x=", "at offset 2 of 'x=': there should be a default" },
    { "x= , y", "at offset 3 of 'x= , y': there should be a default" },
    { "x=(1, 2", "a bracket is never closed" },
    { "x=1), y", "at offset 3 of 'x=1), y': this bracket closes nothing" },
    { "x=(1]", "this bracket closes nothing" },
    { "x='a", "at offset 2 of 'x='a': this quote is never closed" },
    { "x='a\\", "this quote is never closed" },
    { "x=((((((((((((((((((((((((((((((((((", "too many brackets" },
    { "x=1, y", "a parameter without a default follows one with it" },
    { "*a, x", "only **kwargs can stand behind *args" },
    { "*a, *b", "there is a *args before" },
    { "**k, x", "nothing can stand behind **kwargs" },
    { "**k, *a", "nothing can stand behind **kwargs" },
    { "x, x", "'x' is there twice" },
    { "x, *x", "'x' is there twice" },
    { "x, **x", "'x' is there twice" },
    { "*x, **x", "'x' is there twice" },
};

START_TEST(test_a_wrong_list_is_refused_with_the_place)
{
    struct crq_params params;
    crq_error err;

    ck_assert_int_eq(crq_params_parse(wrong_lists[_i].text, &params, &err),
            CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, wrong_lists[_i].says) != NULL,
            "wanted: %s\ngot: %s", wrong_lists[_i].says, err.text);
}
END_TEST

/* ---------------------------------------------------------------- binding */

/* What was bound, as the golden rows have it. */
static crq_value *describe(const struct crq_params *params,
        const struct crq_bound *bound)
{
    crq_value *all = crq_value_new_dict(), *values = crq_value_new_dict();

    for (size_t i = 0; i < params->count; i++)
        if (bound->values[i] != NULL)
            ck_assert_int_eq(crq_value_set(values, params->names[i],
                                     crq_value_ref(bound->values[i])),
                    0);
    ck_assert_int_eq(crq_value_set(all, "values", values), 0);
    ck_assert_int_eq(crq_value_set(all, "args", crq_value_ref(bound->rest)), 0);
    ck_assert_int_eq(crq_value_set(all, "kwargs",
                             crq_value_ref(bound->keywords)),
            0);
    return all;
}

/* One row: parameters, args, kwargs, and what Python made of them. */
static void check_row(char *line)
{
    char *list = strsep(&line, "\t"), *in = strsep(&line, "\t");
    char *keywords = strsep(&line, "\t"), *want = strsep(&line, "\n");
    crq_value *args = unit_json(in), *kwargs = unit_json(keywords);
    struct crq_buf why = CRQ_BUF_INIT;
    struct crq_params params;
    struct crq_bound bound;
    crq_error err;
    int rc;

    unit_ok(crq_params_parse(list, &params, &err), &err);
    rc = crq_params_bind(&params, "demo.f", args, kwargs, &bound, &why);
    if (want[0] == '-') {
        crq_value *wanted = unit_json(want + 1), *got;

        ck_assert_msg(rc == 0, "(%s)(*%s, **%s): wanted %s, got %s", list, in,
                keywords, want, crq_buf_text(&why));
        got = describe(&params, &bound);
        ck_assert_msg(crq_value_equal(got, wanted), "(%s)(*%s, **%s): not %s",
                list, in, keywords, want);
        crq_value_free(wanted);
        crq_value_free(got);
        crq_bound_fini(&bound);
    } else {
        ck_assert_int_eq(rc, CRQ_ETASK);
        ck_assert_msg(strcmp(crq_buf_text(&why), want) == 0,
                "(%s)(*%s, **%s): wanted '%s', got '%s'", list, in, keywords,
                want, crq_buf_text(&why));
    }
    crq_value_free(args);
    crq_value_free(kwargs);
    crq_params_fini(&params);
    crq_buf_fini(&why);
}

START_TEST(test_arguments_are_bound_and_refused_in_pythons_words)
{
    const char *dir = getenv("srcdir");
    char path[4096], *line = NULL;
    size_t size = 0, rows = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/tests/golden/params.tsv",
            dir != NULL ? dir : ".");
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s: set srcdir", path);
    for (; getline(&line, &size, file) > 0; rows++)
        check_row(line);
    free(line);
    fclose(file);
    ck_assert_uint_gt(rows, 1000);
}
END_TEST

static const struct {
    const char *kwargs, *says;
} keys[] = {
    { "{\"x\\u0000\": 1}", "f() got an unexpected keyword argument 'x" },
    { "{\"0123456789012345678901234567890123456789012345678901234567890123456"
      "78901234567890123456789012345678901234567890123456789012345678901234567"
      "8901234567890123456789012345678901234567890123456789012345678\u00fcz\""
      ": 1}",
            "f() got an unexpected keyword argument '01234567890123456789012345"
            "67890123456789012345678901234567890123456789012345678901234567890"
            "12345678901234567890123456789012345678901234567890123456789012345"
            "6789012345678901234567890123456789012345678...'" },
};

START_TEST(test_a_keyword_of_a_stranger_is_told_without_harm)
{
    crq_value *args = crq_value_new_list(),
              *kwargs = unit_json(keys[_i].kwargs);
    struct crq_buf why = CRQ_BUF_INIT;
    struct crq_params params;
    struct crq_bound bound;
    crq_error err;

    unit_ok(crq_params_parse("x=1", &params, &err), &err);
    ck_assert_int_eq(crq_params_bind(&params, "f", args, kwargs, &bound, &why),
            CRQ_ETASK);
    ck_assert_str_eq(crq_buf_text(&why), keys[_i].says);
    crq_params_fini(&params);
    crq_buf_fini(&why);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

START_TEST(test_a_keyword_that_is_no_str_is_refused)
{
    crq_value *args = crq_value_new_list(), *kwargs = crq_value_new_dict();
    struct crq_buf why = CRQ_BUF_INIT;
    struct crq_params params;
    struct crq_bound bound;
    crq_error err;

    ck_assert_int_eq(crq_value_put(kwargs, crq_value_new_int(1),
                             crq_value_new_none()),
            0);
    unit_ok(crq_params_parse("**kwargs", &params, &err), &err);
    ck_assert_int_eq(crq_params_bind(&params, "f", args, kwargs, &bound, &why),
            CRQ_ETASK);
    ck_assert_str_eq(crq_buf_text(&why), "f() keywords must be strings");
    crq_params_fini(&params);
    crq_buf_fini(&why);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

/* ----------------------------------------------------------------- memory */

struct call {
    const char *params;
    crq_value *args, *kwargs;
    int rc; /* what binding gives when there is memory */
};

static int bind(void *arg, crq_error *err)
{
    const struct call *call = arg;
    struct crq_buf why = CRQ_BUF_INIT;
    struct crq_params params;
    struct crq_bound bound;
    int rc;

    rc = crq_params_parse(call->params, &params, err);
    if (rc < 0)
        return rc;
    rc = crq_params_bind(&params, "f", call->args, call->kwargs, &bound, &why);
    if (rc == 0)
        crq_bound_fini(&bound);
    crq_params_fini(&params);
    crq_buf_fini(&why);
    return rc == call->rc ? 0 : rc;
}

START_TEST(test_memory_may_run_out_anywhere)
{
    struct call calls[] = {
        { "a, b=1, *args, **kwargs", unit_json("[1, 2, 3, 4]"),
                unit_json("{\"z\": 1, \"y\": 2}"), 0 },
        { "a, b", unit_json("[1]"), unit_json("{}"), CRQ_ETASK },
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        unit_fail_each_allocation(bind, &calls[i]);
        crq_value_free(calls[i].args);
        crq_value_free(calls[i].kwargs);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("params");

    unit_add_rows(tc, test_a_list_is_read_as_python_reads_it, lists);
    unit_add_rows(tc, test_a_wrong_list_is_refused_with_the_place, wrong_lists);
    tcase_add_test(tc, test_arguments_are_bound_and_refused_in_pythons_words);
    unit_add_rows(tc, test_a_keyword_of_a_stranger_is_told_without_harm, keys);
    tcase_add_test(tc, test_a_keyword_that_is_no_str_is_refused);
    tcase_add_test(tc, test_memory_may_run_out_anywhere);
    return unit_run("params", tc);
}
