/* check_repr.c - tests of codec/repr.c, repr_call.c and float.c. */
#include "unit.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/float.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "codec/value.h"
#include "golden.h"

static void check_float(const struct golden *row)
{
    struct crq_buf out = CRQ_BUF_INIT;
    uint64_t bits = strtoull(crq_value_text(row->in), NULL, 16);
    double d, back;

    memcpy(&d, &bits, sizeof(d));
    ck_assert_int_eq(crq_repr_float(d, &out), 0);
    golden_check(row, crq_buf_text(&out), out.len);
    if (isfinite(d)) {
        ck_assert_int_eq(crq_float_get(out.data, out.len, &back), 0);
        ck_assert_int_eq(memcmp(&d, &back, sizeof(d)), 0);
    }
    crq_buf_fini(&out);
}

START_TEST(test_floats_are_the_shortest_that_read_back)
{
    golden_each("float", check_float);
}
END_TEST

START_TEST(test_the_locale_does_not_matter)
{
    struct crq_buf out = CRQ_BUF_INIT;
    double d;

    /* Whichever there is; without one the test says nothing. */
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
        setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    crq_repr_float(1234.5, &out);
    ck_assert_str_eq(crq_buf_text(&out), "1234.5");
    ck_assert_int_eq(crq_float_get("2.5e3", 5, &d), 0);
    ck_assert(d == 2500);
    setlocale(LC_NUMERIC, "C");
    crq_buf_fini(&out);
}
END_TEST

static void check_char(const struct golden *row)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_repr(row->in, &out, &err), &err);
    golden_check(row, crq_buf_text(&out), out.len);
    crq_buf_fini(&out);
}

START_TEST(test_characters_are_escaped_as_in_python)
{
    golden_each("char", check_char);
}
END_TEST

/* ---- one of each type ---- */

static crq_value *none(void)
{
    return NULL;
}

static crq_value *quotes(void)
{
    return unit_json("[\"it's\", \"say \\\"it's\\\"\", \"\\\"\", \"\\\\\"]");
}

static crq_value *bytes(void)
{
    return crq_value_new_bytes("it's\0\xff\t", 7);
}

static crq_value *bytes_with_both(void)
{
    return crq_value_new_bytearray("a'\"\0\x7f", 5);
}

static crq_value *with(crq_value *v, int n)
{
    for (int i = 1; i <= n; i++)
        ck_assert_int_eq(crq_value_add(v, crq_value_new_int(i)), 0);
    return v;
}

static crq_value *tuples(void)
{
    crq_value *v = with(crq_value_new_tuple(), 2);

    ck_assert_int_eq(crq_value_add(v, with(crq_value_new_tuple(), 1)), 0);
    ck_assert_int_eq(crq_value_add(v, with(crq_value_new_tuple(), 0)), 0);
    return v;
}

static crq_value *sets(void)
{
    crq_value *v = crq_value_new_list();

    ck_assert_int_eq(crq_value_add(v, with(crq_value_new_set(), 0)), 0);
    ck_assert_int_eq(crq_value_add(v, with(crq_value_new_set(), 2)), 0);
    ck_assert_int_eq(crq_value_add(v, with(crq_value_new_frozenset(), 0)), 0);
    ck_assert_int_eq(crq_value_add(v, with(crq_value_new_frozenset(), 1)), 0);
    return v;
}

static crq_value *dicts(void)
{
    return unit_json("{\"a\": {}, \"b\": {\"c\": [null, true, false, 1.5]}}");
}

static crq_value *ordered(void)
{
    crq_value *v = unit_json("{\"a\": 1, \"b\": {}}");

    crq_value_dict_set_ordered(v);
    return v;
}

static crq_value *ordered_empty(void)
{
    crq_value *v = crq_value_new_dict();

    crq_value_dict_set_ordered(v);
    return v;
}

static crq_value *decimal(void)
{
    crq_value *v;

    ck_assert_int_eq(crq_value_new_decimal("-1.50", 5, &v, NULL), 0);
    return v;
}

static crq_value *uuid(void)
{
    return crq_value_new_uuid(
            (const uint8_t *)"\x12\x34\x56\x78\x12\x34\x56\x78"
                             "\x12\x34\x56\x78\x12\x34\x56\xff");
}

static crq_value *date(void)
{
    crq_value *v;

    ck_assert_int_eq(crq_value_new_date(1, 2, 3, &v, NULL), 0);
    return v;
}

static crq_value *retry(void)
{
    return crq_value_new_retry(unit_json(
            "{\"max\": 3, \"intervals\": [10], \"enqueue_at_front\": true}"));
}

static crq_value *retry_with_intervals(void)
{
    return crq_value_new_retry(unit_json("{\"max\": 3, \"intervals\": "
                                         "[1, 2], \"enqueue_at_front\": "
                                         "false}"));
}

static crq_value *retry_without_state(void)
{
    return crq_value_new_retry(crq_value_new_none());
}

static const struct {
    crq_value *(*make)(void);
    const char *want;
} types[] = {
    { none, "None" },
    { quotes, "[\"it's\", 'say \"it\\'s\"', '\"', '\\\\']" },
    { bytes, "b\"it's\\x00\\xff\\t\"" },
    { bytes_with_both, "bytearray(b'a\\'\"\\x00\\x7f')" },
    { tuples, "(1, 2, (1,), ())" },
    { sets, "[set(), {1, 2}, frozenset(), frozenset({1})]" },
    { dicts, "{'a': {}, 'b': {'c': [None, True, False, 1.5]}}" },
    { ordered, "OrderedDict([('a', 1), ('b', {})])" },
    { ordered_empty, "OrderedDict()" },
    { decimal, "Decimal('-1.50')" },
    { uuid, "UUID('12345678-1234-5678-1234-5678123456ff')" },
    { date, "datetime.date(1, 2, 3)" },
    { retry, "Retry(max=3, interval=10, enqueue_at_front=True)" },
    { retry_with_intervals,
            "Retry(max=3, interval=[1, 2], enqueue_at_front=False)" },
    { retry_without_state, "Retry()" },
};

START_TEST(test_every_type_prints_as_in_python)
{
    crq_value *v = types[_i].make();
    char *text;
    size_t len;
    crq_error err;

    unit_ok(crq_value_repr(v, &text, &len, &err), &err);
    ck_assert_str_eq(text, types[_i].want);
    ck_assert_uint_eq(len, strlen(text));
    crq_text_free(text);
    crq_value_free(v);
}
END_TEST

#define UTC                                                                    \
    {                                                                          \
        0, 0, NULL                                                             \
    }
#define HALF_PAST5                                                             \
    "datetime.timezone(datetime.timedelta(days=-1, seconds=66600))"

static const struct {
    crq_type type;
    crq_datetime d;
    const char *want;
} times[] = {
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 0, 0, false, false, UTC },
            "datetime.datetime(2020, 1, 2, 3, 4)" },
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 5, 0, false, false, UTC },
            "datetime.datetime(2020, 1, 2, 3, 4, 5)" },
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 0, 6, false, false, UTC },
            "datetime.datetime(2020, 1, 2, 3, 4, 0, 6)" },
    { CRQ_DATETIME, { 2020, 1, 2, 3, 4, 0, 0, true, true, UTC },
            "datetime.datetime(2020, 1, 2, 3, 4, fold=1, "
            "tzinfo=datetime.timezone.utc)" },
    { CRQ_TIME, { 0, 0, 0, 3, 4, 5, 6, true, true, { -19800, 0, NULL } },
            "datetime.time(3, 4, 5, 6, tzinfo=" HALF_PAST5 ", fold=1)" },
    { CRQ_TIME, { 0, 0, 0, 3, 4, 0, 0, false, false, UTC },
            "datetime.time(3, 4)" },
    { CRQ_TIMEZONE, { .tz = { -19800, 0, NULL } }, HALF_PAST5 },
    { CRQ_TIMEZONE, { .tz = { 3600, 5, NULL } },
            "datetime.timezone(datetime.timedelta(seconds=3600, "
            "microseconds=5))" },
    { CRQ_TIMEZONE, { .tz = { 0, 0, "it's" } },
            "datetime.timezone(datetime.timedelta(0), \"it's\")" },
    { CRQ_TIMEZONE, { .tz = UTC }, "datetime.timezone.utc" },
    { CRQ_TIMEDELTA, { .day = 0 }, "datetime.timedelta(0)" },
    { CRQ_TIMEDELTA, { .day = -1, .second = 2, .microsecond = 3 },
            "datetime.timedelta(days=-1, seconds=2, microseconds=3)" },
    { CRQ_TIMEDELTA, { .microsecond = 1 },
            "datetime.timedelta(microseconds=1)" },
};

START_TEST(test_times_print_as_in_python)
{
    const crq_datetime *d = &times[_i].d;
    crq_timedelta delta = { d->day, d->second, d->microsecond };
    crq_value *v = NULL;
    char *text;
    crq_error err;

    if (times[_i].type == CRQ_DATETIME)
        unit_ok(crq_value_new_datetime(d, &v, &err), &err);
    else if (times[_i].type == CRQ_TIME)
        unit_ok(crq_value_new_time(d, &v, &err), &err);
    else if (times[_i].type == CRQ_TIMEZONE)
        unit_ok(crq_value_new_timezone(&d->tz, &v, &err), &err);
    else
        unit_ok(crq_value_new_timedelta(&delta, &v, &err), &err);
    unit_ok(crq_value_repr(v, &text, NULL, &err), &err);
    ck_assert_str_eq(text, times[_i].want);
    crq_text_free(text);
    crq_value_free(v);
}
END_TEST

/* ---- limits ---- */

/* A tuple of `levels` levels, each twice the one below: 2^levels parts. */
static crq_value *doubled(int levels)
{
    crq_value *v = crq_value_new_tuple();

    for (int i = 0; i < levels; i++) {
        crq_value *outer = crq_value_new_tuple();

        ck_assert_int_eq(crq_value_add(outer, crq_value_ref(v)), 0);
        ck_assert_int_eq(crq_value_add(outer, v), 0);
        v = outer;
    }
    return v;
}

START_TEST(test_a_hostile_value_stops_at_the_cap)
{
    crq_value *v = doubled(60), *dict = crq_value_new_dict();
    struct crq_buf out;
    crq_error err;

    ck_assert_int_eq(crq_value_set(dict, "k", crq_value_ref(v)), 0);
    crq_buf_init(&out, 10000);
    crq_buf_puts(&out, "before");
    ck_assert_int_eq(crq_repr(v, &out, &err), CRQ_ELIMIT);
    ck_assert_str_eq(err.text, "more than 10000 bytes");
    ck_assert_str_eq(crq_buf_text(&out), "before");
    crq_buf_clear(&out);
    ck_assert_int_eq(crq_repr(dict, &out, &err), CRQ_ELIMIT);
    crq_buf_fini(&out);
    crq_value_free(dict);
    crq_value_free(v);
}
END_TEST

START_TEST(test_too_deep_and_circular_values_are_refused)
{
    crq_value *v = crq_value_new_list(), *inner = v;
    char *text = NULL;
    crq_error err;

    ck_assert_int_eq(crq_value_add(v, crq_value_ref(v)), 0);
    ck_assert_int_eq(crq_value_repr(v, &text, NULL, &err), CRQ_EUNSUPPORTED);
    crq_value_clear(v);
    for (int i = 0; i < 300; i++) {
        v = crq_value_new_list();
        ck_assert_int_eq(crq_value_add(v, inner), 0);
        inner = v;
    }
    ck_assert_int_eq(crq_value_repr(v, &text, NULL, &err), CRQ_ELIMIT);
    ck_assert_ptr_null(text);
    crq_value_free(v);
}
END_TEST

START_TEST(test_an_int_beyond_pythons_limit_has_no_text)
{
    static uint8_t le[2000];
    crq_value *v;
    char *text = NULL;
    crq_error err;

    le[sizeof(le) - 1] = 1;
    v = crq_value_new_int_bytes(le, sizeof(le));
    ck_assert_int_eq(crq_value_repr(v, &text, NULL, &err), CRQ_ELIMIT);
    crq_value_free(v);
}
END_TEST

/* ---- calls ---- */

static const struct {
    const char *func, *args, *kwargs;
    size_t cut;
    const char *want;
} calls[] = {
    { "f", NULL, NULL, 75, "f()" },
    { "f", "[]", "{}", 75, "f()" },
    { "a.f", "[1, \"x\"]", "{\"b\": null, \"a\": 2}", 75,
            "a.f(1, 'x', a=2, b=None)" },
    { "f", NULL, "{\"b\": 1, \"a\": 2, \"B\": 3, \"aa\": 4}", 75,
            "f(B=3, a=2, aa=4, b=1)" },
    /* as texts: "a=" sorts behind "a1=" */
    { "f", NULL, "{\"a\": 2, \"a1\": 1, \"\\u00e9\": 3, \"z\": 4}", 75,
            "f(a1=1, a=2, z=4, \xc3\xa9=3)" },
    { "f", "[\"12345678\"]", NULL, 10, "f('12345678')" },
    { "f", "[\"123456789\"]", NULL, 10, "f('123456789...)" },
    { "f", "[\"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\"]", NULL, 5,
            "f('\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac')" },
    { "f", "[\"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\"]", NULL, 4,
            "f('\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac...)" },
    { "f", "[[1, 2, 3]]", "{\"k\": {\"a\": 1}}", 3, "f([1,..., k={'a...)" },
    { "f", "[\"123456789\"]", NULL, 0, "f('123456789')" },
    { "f", "[\"123456789\"]", NULL, SIZE_MAX, "f('123456789')" },
};

START_TEST(test_a_call_is_described_as_rq_does)
{
    const char *args = calls[_i].args, *kwargs = calls[_i].kwargs;
    crq_value *a = args != NULL ? unit_json(args) : NULL;
    crq_value *k = kwargs != NULL ? unit_json(kwargs) : NULL;
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_repr_call(calls[_i].func, a, k, calls[_i].cut, &out, &err),
            &err);
    ck_assert_str_eq(crq_buf_text(&out), calls[_i].want);
    crq_value_free(a);
    crq_value_free(k);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_a_key_that_is_no_str_appears_as_its_repr)
{
    crq_value *k = crq_value_new_dict();
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err;

    ck_assert_int_eq(crq_value_put(k, crq_value_new_int(1),
                             crq_value_new_int(2)),
            0);
    unit_ok(crq_repr_call("f", NULL, k, 75, &out, &err), &err);
    ck_assert_str_eq(crq_buf_text(&out), "f(1=2)");
    crq_value_free(k);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_describing_a_hostile_call_is_cheap)
{
    crq_value *args = crq_value_new_list(), *kwargs = crq_value_new_dict();
    struct crq_buf out = CRQ_BUF_INIT;
    static char many[1000000];
    crq_error err;

    memset(many, '\x01', sizeof(many));
    ck_assert_int_eq(crq_value_add(args, doubled(100)), 0);
    ck_assert_int_eq(crq_value_add(args,
                             crq_value_new_bytes(many, sizeof(many))),
            0);
    ck_assert_int_eq(crq_value_set(kwargs, "k", doubled(100)), 0);
    unit_ok(crq_repr_call("f", args, kwargs, CRQ_DESCRIPTION_CUT, &out, &err),
            &err);
    ck_assert_uint_eq(out.len, strlen("f(, , k=)") + 3 * (75 + 3));
    /* Never more was printed than a cut of four-byte characters needs. */
    ck_assert_uint_le(out.cap, 1024);
    crq_buf_fini(&out);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

START_TEST(test_a_call_that_cannot_be_described_leaves_nothing)
{
    crq_value *loop = crq_value_new_list(), *dict = crq_value_new_dict();
    struct crq_buf out;
    crq_error err;

    crq_buf_init(&out, 20);
    crq_buf_puts(&out, "x");
    ck_assert_int_eq(crq_value_add(loop, crq_value_ref(loop)), 0);
    ck_assert_int_eq(crq_repr_call("f", loop, NULL, 75, &out, &err),
            CRQ_EUNSUPPORTED);
    ck_assert_str_eq(crq_buf_text(&out), "x");
    crq_value_clear(loop);
    ck_assert_int_eq(crq_value_set(dict, "k",
                             crq_value_new_text("more than there is")),
            0);
    ck_assert_int_eq(crq_repr_call("f", NULL, dict, 75, &out, &err),
            CRQ_ELIMIT);
    ck_assert_str_eq(crq_buf_text(&out), "x");
    crq_value_free(loop);
    crq_value_free(dict);
    crq_buf_fini(&out);
}
END_TEST

static int print_all(void *arg, crq_error *err)
{
    struct crq_buf out = CRQ_BUF_INIT;
    char *text = NULL;
    double d;
    int rc = crq_repr_call("f", arg, crq_value_item(arg, 0), 75, &out, err);

    if (rc == 0)
        rc = crq_value_repr(arg, &text, NULL, err);
    if (rc == 0)
        rc = crq_float_get("1.000000000000000000000000000000000000000000000000"
                           "0000000000000000000000",
                72, &d);
    crq_text_free(text);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_value *all = crq_value_new_list();

    ck_assert_int_eq(crq_value_add(all, dicts()), 0);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].make != none)
            ck_assert_int_eq(crq_value_add(all, types[i].make()), 0);
    unit_fail_each_allocation(print_all, all);
    crq_value_free(all);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("repr");

    tcase_add_test(tc, test_floats_are_the_shortest_that_read_back);
    tcase_add_test(tc, test_the_locale_does_not_matter);
    tcase_add_test(tc, test_characters_are_escaped_as_in_python);
    unit_add_rows(tc, test_every_type_prints_as_in_python, types);
    unit_add_rows(tc, test_times_print_as_in_python, times);
    tcase_add_test(tc, test_a_hostile_value_stops_at_the_cap);
    tcase_add_test(tc, test_too_deep_and_circular_values_are_refused);
    tcase_add_test(tc, test_an_int_beyond_pythons_limit_has_no_text);
    unit_add_rows(tc, test_a_call_is_described_as_rq_does, calls);
    tcase_add_test(tc, test_a_key_that_is_no_str_appears_as_its_repr);
    tcase_add_test(tc, test_describing_a_hostile_call_is_cheap);
    tcase_add_test(tc, test_a_call_that_cannot_be_described_leaves_nothing);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("repr", tc);
}
