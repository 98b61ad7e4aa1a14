/* check_value.c - tests of codec/value.c, dict.c and value_check.c. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/literal.h"
#include "codec/value.h"

static crq_value *lit(const char *text)
{
    crq_value *v = NULL;
    crq_error err;

    unit_ok(crq_literal_decode(text, strlen(text), NULL, &v, &err), &err);
    return v;
}

static void add(crq_value *v, crq_value *item)
{
    ck_assert_int_eq(crq_value_add(v, item), 0);
}

/* ---- types and getters ---- */

START_TEST(test_every_type_has_its_name_in_python)
{
    static const char *const names[] = { "NoneType", "bool", "int", "float",
        "str", "bytes", "bytearray", "list", "tuple", "dict", "set",
        "frozenset", "datetime.datetime", "datetime.date", "datetime.time",
        "datetime.timedelta", "datetime.timezone", "decimal.Decimal",
        "uuid.UUID", "rq.job.Retry" };

    ck_assert_uint_eq(sizeof(names) / sizeof(names[0]), CRQ_RETRY + 1);
    for (int type = CRQ_NONE; type <= CRQ_RETRY; type++)
        ck_assert_str_eq(crq_type_name((crq_type)type), names[type]);
}
END_TEST

START_TEST(test_scalars_give_back_what_they_were_made_of)
{
    static const uint8_t id[16] = "0123456789abcde";
    crq_value *list = crq_value_new_list(), *v = NULL;
    crq_error err;
    size_t len;

    add(list, crq_value_new_none());
    add(list, crq_value_new_bool(true));
    add(list, crq_value_new_int(INT64_MIN));
    add(list, crq_value_new_float(1.5));
    unit_ok(crq_value_new_str("a\0\xe2\x82\xac", 5, &v, &err), &err);
    add(list, v);
    add(list, crq_value_new_bytes("\xff\0", 2));
    add(list, crq_value_new_bytearray("", 0));
    add(list, crq_value_new_uuid(id));
    ck_assert_uint_eq(crq_value_count(list), 8);
    ck_assert_int_eq(crq_value_type(crq_value_item(list, 0)), CRQ_NONE);
    ck_assert(crq_value_bool(crq_value_item(list, 1)));
    ck_assert_int_eq(crq_value_int(crq_value_item(list, 2)), INT64_MIN);
    ck_assert(crq_value_float(crq_value_item(list, 3)) == 1.5);
    ck_assert_int_eq(memcmp(crq_value_data(crq_value_item(list, 4), &len),
                             "a\0\xe2\x82\xac", 6),
            0);
    ck_assert_uint_eq(len, 5);
    ck_assert_str_eq(crq_value_text(crq_value_item(list, 4)), "a");
    ck_assert_int_eq(crq_value_data(crq_value_item(list, 5), NULL)[2], '\0');
    crq_value_data(crq_value_item(list, 6), &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(memcmp(crq_value_uuid(crq_value_item(list, 7)), id, 16),
            0);
    ck_assert_int_eq(crq_value_type(NULL), CRQ_NONE);
    crq_value_free(list);
    crq_value_free(NULL);
}
END_TEST

START_TEST(test_text_that_is_no_utf8_is_refused)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_value_new_str("ab\xff", 3, &v, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "byte 2 of the text is not UTF-8");
    ck_assert_ptr_null(v);
    ck_assert_ptr_null(crq_value_new_text("\xc0\x80"));
}
END_TEST

static const struct {
    const char *text;
    bool good;
} decimals[] = {
    { "0", true },
    { "1.50", true },
    { "-1", true },
    { "+1.", true },
    { ".5", true },
    { "1E+3", true },
    { "1e-3", true },
    { "1e3", true },
    { "Infinity", true },
    { "-inf", true },
    { "NaN", true },
    { "sNaN12", true },
    { "nan0", true },
    { "", false },
    { "-", false },
    { ".", false },
    { "1.5.2", false },
    { "1e", false },
    { "1e+", false },
    { "e3", false },
    { "1x", false },
    { "infinit", false },
    { "infinityx", false },
    { "nanx", false },
    { "0x10", false },
    { " 1", false },
};

START_TEST(test_a_decimal_is_what_python_takes_as_one)
{
    const char *text = decimals[_i].text;
    crq_value *v = NULL;
    crq_error err;
    int rc = crq_value_new_decimal(text, strlen(text), &v, &err);

    ck_assert_int_eq(rc, decimals[_i].good ? 0 : CRQ_EINVAL);
    if (rc == 0)
        ck_assert_str_eq(crq_value_data(v, NULL), text);
    crq_value_free(v);
}
END_TEST

START_TEST(test_limits_that_are_0_are_the_defaults)
{
    struct crq_limits some = { 0, 7, 0, false }, all = crq_limits_resolve(NULL);

    some = crq_limits_resolve(&some);
    ck_assert_uint_eq(some.max_items, 7);
    ck_assert_uint_eq(some.max_bytes, CRQ_MAX_BYTES);
    ck_assert_uint_eq(some.max_depth, CRQ_MAX_DEPTH);
    ck_assert_uint_eq(all.max_items, CRQ_MAX_ITEMS);
}
END_TEST

/* ---- sharing ---- */

START_TEST(test_a_value_in_two_places_is_one)
{
    crq_value *list = crq_value_new_list(), *v = crq_value_new_text("x");

    ck_assert(!crq_value_shared(v));
    ck_assert(!crq_value_shared(NULL));
    ck_assert_ptr_null(crq_value_ref(NULL));
    add(list, crq_value_ref(v));
    add(list, v);
    ck_assert(crq_value_shared(v));
    ck_assert_ptr_eq(crq_value_item(list, 0), crq_value_item(list, 1));
    crq_value_ref(v);
    crq_value_free(list);
    ck_assert_str_eq(crq_value_text(v), "x");
    ck_assert(!crq_value_shared(v));
    crq_value_free(v);
}
END_TEST

START_TEST(test_a_million_nested_lists_are_freed_without_a_stack)
{
    crq_value *v = crq_value_new_list();

    for (int i = 0; i < 1000000; i++) {
        crq_value *outer = i % 3 == 0 ? crq_value_new_tuple()
                : i % 3 == 1          ? crq_value_new_list()
                                      : crq_value_new_dict();

        if (i % 3 == 2)
            ck_assert_int_eq(crq_value_put(outer, crq_value_new_int(1), v), 0);
        else
            add(outer, v);
        v = outer;
    }
    crq_value_free(v);
}
END_TEST

/* ---- equality ---- */

static const struct {
    const char *a, *b;
    bool equal;
} comparisons[] = {
    { "1", "1.0", true },
    { "1", "True", true },
    { "1.0", "True", true },
    { "0", "False", true },
    { "0", "-0.0", true },
    { "0", "None", false },
    { "1", "'1'", false },
    { "1", "2", false },
    { "1.5", "1", false },
    { "1e400", "1e400", true },
    { "1e400", "1", false },
    { "9223372036854775807", "9.223372036854775807e18", false },
    { "-9223372036854775808", "-9223372036854775808.0", true },
    { "9223372036854775808", "9223372036854775808", true },
    { "9223372036854775808", "9223372036854775809", false },
    { "9223372036854775808", "-9223372036854775808", false },
    { "9223372036854775808", "True", false },
    { "'a'", "b'a'", false },
    { "'a'", "'ab'", false },
    { "'a'", "'b'", false },
    { "[1, 2]", "[1, 2]", true },
    { "[1, 2]", "[2, 1]", false },
    { "[1, 2]", "[1]", false },
    { "[1]", "(1,)", false },
    { "((1, [2]),)", "((1, [2]),)", true },
    { "{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", true },
    { "{'a': 1}", "{'a': 2}", false },
    { "{'a': 1}", "{'b': 1}", false },
    { "{'a': 1}", "{}", false },
    { "{1: 'x'}", "{True: 'x'}", true },
    { "{1, 2, 3}", "{3, 2, 1}", true },
    { "{1, 2}", "{1, 3}", false },
    { "{1}", "[1]", false },
    { "set()", "{}", false },
    { "None", "None", true },
};

START_TEST(test_equality_is_pythons)
{
    crq_value *a = lit(comparisons[_i].a), *b = lit(comparisons[_i].b);

    ck_assert(crq_value_equal(a, b) == comparisons[_i].equal);
    ck_assert(crq_value_equal(b, a) == comparisons[_i].equal);
    ck_assert(crq_value_equal(a, a));
    crq_value_free(a);
    crq_value_free(b);
}
END_TEST

START_TEST(test_nan_equals_nothing_but_is_found_as_itself)
{
    crq_value *nan = crq_value_new_float(NAN), *dict = crq_value_new_dict();

    ck_assert(!crq_value_equal(nan, nan));
    ck_assert_int_eq(crq_value_put(dict, crq_value_ref(nan),
                             crq_value_new_int(1)),
            0);
    ck_assert_ptr_nonnull(crq_value_find(dict, nan));
    ck_assert_int_eq(crq_value_put(dict, crq_value_new_float(NAN),
                             crq_value_new_int(2)),
            0);
    ck_assert_uint_eq(crq_value_count(dict), 2);
    crq_value_free(dict);
    crq_value_free(nan);
}
END_TEST

static crq_value *nan_key(int i)
{
    (void)i;
    return crq_value_new_float(NAN);
}

static crq_value *zone_key(int i)
{
    crq_tz tz = { 3600, i, NULL };
    crq_value *v = NULL;

    ck_assert_int_eq(crq_value_new_timezone(&tz, &v, NULL), 0);
    return v;
}

static crq_value *aware_key(int i)
{
    crq_datetime d = { 2026, 1, 1, 0, 0, 0, 0, false, true, { 0, i, NULL } };
    crq_value *v = NULL;

    ck_assert_int_eq(crq_value_new_datetime(&d, &v, NULL), 0);
    return v;
}

/* Keys that strangers can choose so that they differ in one thing only. */
static crq_value *(*const alike[])(int i) = { nan_key, zone_key, aware_key };

/* The limit on a test's time ends it when they do: that takes minutes. */
START_TEST(test_many_keys_that_differ_in_little_do_not_collide)
{
    crq_value *set = crq_value_new_set();

    for (int i = 0; i < 200000; i++)
        ck_assert_int_eq(crq_value_add(set, alike[_i](i)), 0);
    ck_assert_uint_eq(crq_value_count(set), 200000);
    crq_value_free(set);
}
END_TEST

START_TEST(test_null_is_none)
{
    crq_value *none = crq_value_new_none(), *one = crq_value_new_int(1);

    ck_assert(crq_value_equal(NULL, NULL));
    ck_assert(crq_value_equal(NULL, none));
    ck_assert(!crq_value_equal(one, NULL));
    crq_value_free(none);
    crq_value_free(one);
}
END_TEST

START_TEST(test_ordered_dicts_are_equal_in_the_same_order)
{
    crq_value *a = lit("{'a': 1, 'b': 2}"), *b = lit("{'b': 2, 'a': 1}");
    crq_value *c = lit("{'a': 1, 'b': 3}"), *d = lit("{'a': 1, 'b': 2}");

    crq_value_dict_set_ordered(a);
    ck_assert(crq_value_dict_ordered(a));
    ck_assert(!crq_value_dict_ordered(b));
    ck_assert(crq_value_equal(a, b));
    crq_value_dict_set_ordered(b);
    crq_value_dict_set_ordered(c);
    crq_value_dict_set_ordered(d);
    ck_assert(!crq_value_equal(a, b));
    ck_assert(!crq_value_equal(a, c));
    ck_assert(crq_value_equal(a, d));
    crq_value_free(a);
    crq_value_free(b);
    crq_value_free(c);
    crq_value_free(d);
}
END_TEST

/* One of each type that literals cannot make, in two variants. */
static crq_value *other(int type, int n)
{
    crq_datetime when = { 2026, 1, 2, 3, 4, 5, n, false, true, { n, 0, "x" } };
    crq_timedelta delta = { n, 0, 0 };
    crq_value *v = NULL;
    char text[8];

    snprintf(text, sizeof(text), "%d", n);
    switch (type) {
    case CRQ_BYTEARRAY: return crq_value_new_bytearray(text, strlen(text));
    case CRQ_FROZENSET:
        v = crq_value_new_frozenset();
        add(v, crq_value_new_int(n));
        return v;
    case CRQ_DATETIME:
        ck_assert_int_eq(crq_value_new_datetime(&when, &v, NULL), 0);
        return v;
    case CRQ_DATE:
        ck_assert_int_eq(crq_value_new_date(2026, 1, n, &v, NULL), 0);
        return v;
    case CRQ_TIME:
        ck_assert_int_eq(crq_value_new_time(&when, &v, NULL), 0);
        return v;
    case CRQ_TIMEDELTA:
        ck_assert_int_eq(crq_value_new_timedelta(&delta, &v, NULL), 0);
        return v;
    case CRQ_TIMEZONE:
        ck_assert_int_eq(crq_value_new_timezone(&when.tz, &v, NULL), 0);
        return v;
    case CRQ_DECIMAL:
        ck_assert_int_eq(crq_value_new_decimal(text, strlen(text), &v, NULL),
                0);
        return v;
    case CRQ_UUID:
        return crq_value_new_uuid((const uint8_t *)(n == 1
                        ? "0123456789abcdef"
                        : "0123456789abcdeg"));
    case CRQ_RETRY:
        v = crq_value_new_dict();
        ck_assert_int_eq(crq_value_set(v, "max", crq_value_new_int(n)), 0);
        return crq_value_new_retry(v);
    default: return NULL;
    }
}

static const struct {
    int type;
    bool is_key;
} others[] = {
    { CRQ_BYTEARRAY, false },
    { CRQ_FROZENSET, true },
    { CRQ_DATETIME, true },
    { CRQ_DATE, true },
    { CRQ_TIME, true },
    { CRQ_TIMEDELTA, true },
    { CRQ_TIMEZONE, true },
    { CRQ_DECIMAL, true },
    { CRQ_UUID, true },
    { CRQ_RETRY, false },
};

START_TEST(test_equal_values_of_other_types_are_equal_keys)
{
    int type = others[_i].type;
    bool is_key = others[_i].is_key;
    crq_value *a = other(type, 1), *b = other(type, 1), *c = other(type, 2);
    crq_value *set = crq_value_new_set(), *filler = crq_value_new_set();
    int want = is_key ? 0 : CRQ_EINVAL;

    ck_assert_int_eq(crq_value_type(a), type);
    ck_assert(crq_value_equal(a, b));
    ck_assert(!crq_value_equal(a, c));
    ck_assert(!crq_value_equal(a, set));
    for (int i = 0; i < 20; i++) /* enough for an index */
        add(set, crq_value_new_int(1000 + i));
    ck_assert_int_eq(crq_value_add(set, a), want);
    ck_assert_int_eq(crq_value_add(set, b), want);
    ck_assert_int_eq(crq_value_add(set, c), want);
    ck_assert_uint_eq(crq_value_count(set), is_key ? 22 : 20);
    crq_value_free(set);
    crq_value_free(filler);
}
END_TEST

START_TEST(test_a_set_equals_a_frozenset)
{
    crq_value *a = crq_value_new_set(), *b = crq_value_new_frozenset();

    add(a, crq_value_new_int(1));
    ck_assert(!crq_value_equal(a, b));
    add(b, crq_value_new_float(1));
    ck_assert(crq_value_equal(a, b));
    crq_value_free(a);
    crq_value_free(b);
}
END_TEST

START_TEST(test_the_retry_has_its_state)
{
    crq_value *v = other(CRQ_RETRY, 3);
    const crq_value *state = crq_value_retry_state(v);

    ck_assert_int_eq(crq_value_int(crq_value_get(state, "max")), 3);
    ck_assert_ptr_null(crq_value_new_retry(NULL));
    crq_value_clear(v);
    ck_assert_ptr_null(crq_value_retry_state(v));
    crq_value_free(v);
}
END_TEST

/* ---- dicts ---- */

START_TEST(test_an_equal_key_keeps_its_place_and_gets_the_new_value)
{
    crq_value *dict = crq_value_new_dict();

    ck_assert_int_eq(crq_value_set(dict, "a", crq_value_new_int(1)), 0);
    ck_assert_int_eq(crq_value_set(dict, "b", crq_value_new_int(2)), 0);
    ck_assert_int_eq(crq_value_set(dict, "a", crq_value_new_int(3)), 0);
    ck_assert_int_eq(crq_value_put(dict, crq_value_new_int(1),
                             crq_value_new_none()),
            0);
    ck_assert_int_eq(crq_value_put(dict, crq_value_new_bool(true),
                             crq_value_new_int(5)),
            0);
    ck_assert_uint_eq(crq_value_count(dict), 3);
    ck_assert_str_eq(crq_value_text(crq_value_key(dict, 0)), "a");
    ck_assert_int_eq(crq_value_int(crq_value_item(dict, 0)), 3);
    /* The first key stays, as in Python: 1 and not True. */
    ck_assert_int_eq(crq_value_type(crq_value_key(dict, 2)), CRQ_INT);
    ck_assert_int_eq(crq_value_int(crq_value_item(dict, 2)), 5);
    ck_assert_int_eq(crq_value_int(crq_value_get(dict, "b")), 2);
    ck_assert_ptr_null(crq_value_get(dict, "c"));
    ck_assert_ptr_null(crq_value_find(dict, NULL));
    crq_value_free(dict);
}
END_TEST

START_TEST(test_a_hundred_thousand_keys_are_found_in_order)
{
    enum { N = 100000 };
    crq_value *dict = crq_value_new_dict(), *set = crq_value_new_set();
    char text[16];

    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "%d", i * 7);
        ck_assert_int_eq(crq_value_set(dict, text, crq_value_new_int(i)), 0);
        add(set, crq_value_new_float(i));
        add(set, crq_value_new_int(i));
    }
    ck_assert_uint_eq(crq_value_count(dict), N);
    ck_assert_uint_eq(crq_value_count(set), N);
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "%d", i * 7);
        ck_assert_int_eq(crq_value_int(crq_value_get(dict, text)), i);
        ck_assert_str_eq(crq_value_text(crq_value_key(dict, (size_t)i)), text);
        ck_assert(crq_value_float(crq_value_item(set, (size_t)i)) == i);
    }
    ck_assert_ptr_null(crq_value_get(dict, "1"));
    crq_value_free(dict);
    crq_value_free(set);
}
END_TEST

START_TEST(test_what_python_cannot_hash_is_no_key)
{
    static const char *const keys[] = { "[]", "{}", "set()", "(1, ([],))" };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        crq_value *dict = crq_value_new_dict(), *set = crq_value_new_set();
        crq_value *key = lit(keys[i]);

        ck_assert_ptr_null(crq_value_find(dict, key));
        ck_assert_int_eq(crq_value_add(set, crq_value_ref(key)), CRQ_EINVAL);
        ck_assert_int_eq(crq_value_put(dict, key, crq_value_new_int(1)),
                CRQ_EINVAL);
        ck_assert_uint_eq(crq_value_count(dict) + crq_value_count(set), 0);
        crq_value_free(dict);
        crq_value_free(set);
    }
}
END_TEST

START_TEST(test_null_counts_as_memory_that_was_out)
{
    crq_value *list = crq_value_new_list(), *dict = crq_value_new_dict();
    crq_value *set = crq_value_new_set();

    ck_assert_int_eq(crq_value_add(list, NULL), CRQ_ENOMEM);
    ck_assert_int_eq(crq_value_add(set, NULL), CRQ_ENOMEM);
    ck_assert_int_eq(crq_value_set(dict, "a", NULL), CRQ_ENOMEM);
    ck_assert_int_eq(crq_value_put(dict, NULL, crq_value_new_int(1)),
            CRQ_ENOMEM);
    ck_assert_int_eq(crq_value_set(dict, "\xff", crq_value_new_int(1)),
            CRQ_ENOMEM);
    crq_value_free(list);
    crq_value_free(dict);
    crq_value_free(set);
}
END_TEST

/* 2^levels tuples, from as many as there are levels. */
static crq_value *doubled(int levels)
{
    crq_value *v = crq_value_new_tuple();

    for (int i = 0; i < levels; i++) {
        crq_value *outer = crq_value_new_tuple();

        add(outer, crq_value_ref(v));
        add(outer, v);
        v = outer;
    }
    return v;
}

START_TEST(test_a_key_of_shared_tuples_is_hashed_on_a_budget)
{
    crq_value *dict = crq_value_new_dict();

    ck_assert_int_eq(crq_value_put(dict, doubled(10), crq_value_new_none()), 0);
    ck_assert_int_eq(crq_value_put(dict, doubled(10), crq_value_new_none()), 0);
    ck_assert_uint_eq(crq_value_count(dict), 1);
    ck_assert_int_eq(crq_value_put(dict, doubled(150), crq_value_new_none()),
            CRQ_ELIMIT);
    crq_value_free(dict);
}
END_TEST

START_TEST(test_a_key_nested_too_deep_is_refused)
{
    crq_value *set = crq_value_new_set(), *v = crq_value_new_tuple();

    for (int i = 0; i < 5000; i++) {
        crq_value *outer = crq_value_new_tuple();

        add(outer, v);
        v = outer;
    }
    ck_assert_int_eq(crq_value_add(set, v), CRQ_ELIMIT);
    crq_value_free(set);
}
END_TEST

START_TEST(test_frozensets_of_frozensets_are_keys_in_any_order)
{
    crq_value *set = crq_value_new_set();

    for (int flip = 0; flip < 2; flip++) {
        crq_value *outer = crq_value_new_frozenset();

        for (int i = 0; i < 2; i++) {
            crq_value *inner = crq_value_new_frozenset();

            add(inner, crq_value_new_int(i ^ flip));
            add(inner, crq_value_new_text("x"));
            add(outer, inner);
        }
        add(set, outer);
    }
    ck_assert_uint_eq(crq_value_count(set), 1);
    crq_value_free(set);
}
END_TEST

/* ---- crq_value_check() ---- */

START_TEST(test_depth_is_counted_in_containers)
{
    crq_value *v = lit("[({1: [2]},)]");
    crq_error err;

    ck_assert_int_eq(crq_value_check(NULL, 1, &err), 0);
    ck_assert_int_eq(crq_value_check(crq_value_item(v, 0), 3, &err), 0);
    ck_assert_int_eq(crq_value_check(v, 4, &err), 0);
    ck_assert_int_eq(crq_value_check(v, 3, &err), CRQ_ELIMIT);
    ck_assert_str_eq(err.text, "containers are nested too deep");
    ck_assert_int_eq(crq_value_check(v, 4, &err), 0); /* nothing stays */
    crq_value_free(v);
}
END_TEST

START_TEST(test_a_shared_part_counts_on_every_way_but_is_walked_once)
{
    crq_value *v = doubled(150), *top = crq_value_new_list();
    crq_error err;

    add(top, crq_value_ref(v));
    add(top, v);
    ck_assert_int_eq(crq_value_check(top, 152, &err), 0);
    ck_assert_int_eq(crq_value_check(top, 151, &err), CRQ_ELIMIT);
    ck_assert_int_eq(crq_value_check(v, 151, &err), 0);
    crq_value_free(top);
}
END_TEST

START_TEST(test_a_container_inside_itself_is_refused_whatever_it_is)
{
    crq_value *list = crq_value_new_list(), *dict = crq_value_new_dict();
    crq_value *retry = crq_value_new_retry(crq_value_ref(dict));
    crq_error err;

    add(list, crq_value_ref(retry));
    ck_assert_int_eq(crq_value_check(list, 10, &err), 0);
    ck_assert_int_eq(crq_value_set(dict, "k", crq_value_ref(list)), 0);
    ck_assert_int_eq(crq_value_check(list, 10, &err), CRQ_EUNSUPPORTED);
    ck_assert_str_eq(err.text, "a list contains itself");
    ck_assert_int_eq(crq_value_check(dict, 10, &err), CRQ_EUNSUPPORTED);
    ck_assert_int_eq(crq_value_check(retry, 10, &err), CRQ_EUNSUPPORTED);
    ck_assert_int_eq(crq_value_check(retry, 2, &err), CRQ_ELIMIT);
    crq_value_clear(dict);
    ck_assert_int_eq(crq_value_check(list, 3, &err), 0);
    crq_value_free(list);
    crq_value_free(dict);
    crq_value_free(retry);
}
END_TEST

START_TEST(test_cleared_containers_can_be_filled_again)
{
    crq_value *dict = crq_value_new_dict(), *list = lit("[1, 2]");
    crq_value *one = crq_value_new_int(1);

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(crq_value_put(dict, crq_value_new_int(i),
                                 crq_value_new_none()),
                0);
    crq_value_clear(dict);
    crq_value_clear(list);
    crq_value_clear(one); /* no container: nothing happens */
    ck_assert_int_eq(crq_value_int(one), 1);
    ck_assert_uint_eq(crq_value_count(dict) + crq_value_count(list), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(crq_value_put(dict, crq_value_new_int(i),
                                 crq_value_new_none()),
                0);
    ck_assert_ptr_nonnull(crq_value_find(dict, one));
    ck_assert_uint_eq(crq_value_count(dict), 100);
    add(list, one);
    crq_value_free(dict);
    crq_value_free(list);
}
END_TEST

/* ---- memory ---- */

static int nomem(crq_error *err, int rc)
{
    ck_assert(rc == 0 || rc == CRQ_ENOMEM);
    if (rc < 0)
        err->code = rc;
    return rc;
}

static int build(void *arg, crq_error *err)
{
    crq_value *dict = crq_value_new_dict(), *set = crq_value_new_set();
    crq_value *v = NULL;
    int rc = dict == NULL || set == NULL ? CRQ_ENOMEM : 0;

    (void)arg;
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = nomem(err,
                crq_value_put(dict, crq_value_new_int(i),
                        crq_value_new_bool(i % 2)));
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = nomem(err, crq_value_add(set, crq_value_new_int(i)));
    if (rc == 0)
        rc = crq_value_new_str("text", 4, &v, err);
    if (rc == 0)
        rc = nomem(err, crq_value_add(set, v));
    if (rc == 0)
        rc = crq_value_new_decimal("1.5", 3, &v, err);
    if (rc == 0)
        rc = nomem(err, crq_value_add(set, v));
    if (rc == 0)
        rc = nomem(err,
                crq_value_set(dict, "k",
                        crq_value_new_retry(crq_value_new_dict())));
    if (rc == 0)
        rc = nomem(err, crq_value_add(set, crq_value_new_bytes("a", 1)));
    crq_value_free(dict);
    crq_value_free(set);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(build, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("value");

    tcase_add_test(tc, test_every_type_has_its_name_in_python);
    tcase_add_test(tc, test_scalars_give_back_what_they_were_made_of);
    tcase_add_test(tc, test_text_that_is_no_utf8_is_refused);
    unit_add_rows(tc, test_a_decimal_is_what_python_takes_as_one, decimals);
    tcase_add_test(tc, test_limits_that_are_0_are_the_defaults);
    tcase_add_test(tc, test_a_value_in_two_places_is_one);
    tcase_add_test(tc, test_a_million_nested_lists_are_freed_without_a_stack);
    unit_add_rows(tc, test_equality_is_pythons, comparisons);
    tcase_add_test(tc, test_nan_equals_nothing_but_is_found_as_itself);
    unit_add_rows(tc, test_many_keys_that_differ_in_little_do_not_collide,
            alike);
    tcase_add_test(tc, test_null_is_none);
    tcase_add_test(tc, test_ordered_dicts_are_equal_in_the_same_order);
    unit_add_rows(tc, test_equal_values_of_other_types_are_equal_keys, others);
    tcase_add_test(tc, test_a_set_equals_a_frozenset);
    tcase_add_test(tc, test_the_retry_has_its_state);
    tcase_add_test(tc,
            test_an_equal_key_keeps_its_place_and_gets_the_new_value);
    tcase_add_test(tc, test_a_hundred_thousand_keys_are_found_in_order);
    tcase_add_test(tc, test_what_python_cannot_hash_is_no_key);
    tcase_add_test(tc, test_null_counts_as_memory_that_was_out);
    tcase_add_test(tc, test_a_key_of_shared_tuples_is_hashed_on_a_budget);
    tcase_add_test(tc, test_a_key_nested_too_deep_is_refused);
    tcase_add_test(tc, test_frozensets_of_frozensets_are_keys_in_any_order);
    tcase_add_test(tc, test_depth_is_counted_in_containers);
    tcase_add_test(tc,
            test_a_shared_part_counts_on_every_way_but_is_walked_once);
    tcase_add_test(tc,
            test_a_container_inside_itself_is_refused_whatever_it_is);
    tcase_add_test(tc, test_cleared_containers_can_be_filled_again);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("value", tc);
}
