/* check_literal.c - tests of codec/literal*.c. */
#include "unit.h"

#include <string.h>

#include "codec/json.h"
#include "codec/literal.h"
#include "codec/repr.h"
#include "golden.h"

static void check_literal(const struct golden *row)
{
    struct crq_buf out = CRQ_BUF_INIT;
    size_t len;
    const char *text = crq_value_data(row->in, &len);
    crq_value *v = NULL;
    crq_error err;

    if (crq_literal_decode(text, len, NULL, &v, &err) == 0)
        unit_ok(crq_repr(v, &out, &err), &err);
    golden_check(row, crq_buf_text(&out), out.len);
    crq_value_free(v);
    crq_buf_fini(&out);
}

START_TEST(test_literals_are_read_as_python_reads_them)
{
    golden_each("literal", check_literal);
}
END_TEST

static void check_dumps(const struct golden *row)
{
    struct crq_buf out = CRQ_BUF_INIT;
    size_t len;
    const char *text = crq_value_data(row->in, &len);
    crq_value *v;
    crq_error err;
    int rc;

    unit_ok(crq_literal_decode(text, len, NULL, &v, &err), &err);
    rc = crq_json_encode(v, CRQ_JSON_PYTHON, &out, &err);
    if (rc == CRQ_EUNSUPPORTED)
        crq_buf_printf(&out, "!%s", err.text);
    golden_check(row, crq_buf_text(&out), out.len);
    crq_value_free(v);
    crq_buf_fini(&out);
}

START_TEST(test_values_become_the_json_that_python_writes)
{
    golden_each("dumps", check_dumps);
}
END_TEST

static const struct {
    const char *text, *want;
} wrong[] = {
    { "", "offset 0: expected a value, found the end" },
    { "[1, 2", "offset 5: expected ',' or ']', found the end" },
    { "(1 2)", "offset 3: expected ',' or ')', found '2'" },
    { "(1, 2 3)", "offset 6: expected ',' or ')', found '3'" },
    { "{1 2}", "offset 3: expected ',', ':' or '}', found '2'" },
    { "{1, 2 3}", "offset 6: expected ',' or '}', found '3'" },
    { "{1: 2 3}", "offset 6: expected ',' or '}', found '3'" },
    { "{1: 2, 3}", "offset 8: expected ':', found '}'" },
    { "1 \x01", "offset 2: expected the end, found the byte 0x01" },
    { "1 \xe2\x82\xac", "offset 2: expected the end, found '\xe2\x82\xac'" },
    { "1 + 2j",
            "offset 2: expected the end, found '+': sums and complex "
            "numbers are not supported" },
    { "(2j)", "offset 1: complex numbers are not supported" },
    { "-'a'", "offset 1: expected a number behind the sign, found '''" },
    { "-(1, 2)", "offset 3: expected ')', found ','" },
    { "012", "offset 0: an int may not begin with 0" },
    { "0x", "offset 2: a digit of that base is missing" },
    { "nan", "offset 0: the name 'nan' is not a literal" },
    { "[os.system]", "offset 1: the name 'os' is not a literal" },
    { "set", "offset 3: expected '(' behind set, found the end" },
    { "set([1])", "offset 4: expected ')' behind set(, found '['" },
    { "[{[]}]", "offset 2: this list cannot be a key or in a set" },
    { "{1: 2, (1, {}): 3}",
            "offset 7: this tuple cannot be a key or in a set" },
    { "['a", "offset 1: the string that begins here has no end" },
    { "'a\nb'", "offset 0: the string that begins here has no end" },
    { "f'x'", "offset 0: a string that is computed (f'...') is not a literal" },
    { "ub'x'", "offset 0: not a prefix of a string" },
    { "'ab\\x4'", "offset 3: this escape is cut short" },
    { "'\\U00110000'", "offset 1: there is no such character" },
    { "'\\N{DOT}'",
            "offset 1: characters by name (\\N{...}) are not "
            "supported" },
    { "b'\xc3\xa9'",
            "offset 2: bytes are written with ASCII characters "
            "only" },
    { "'a' b'b'", "offset 4: bytes and text cannot be joined" },
    { "\n 1", "offset 2: unexpected indent" },
    { "'\xff'", "offset 1: expected UTF-8, found the byte 0xff" },
};

START_TEST(test_a_wrong_text_is_refused_with_its_place)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_literal_decode(wrong[_i].text, strlen(wrong[_i].text),
                             NULL, &v, &err),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, wrong[_i].want);
    ck_assert_ptr_null(v);
}
END_TEST

static const struct {
    const char *text;
    struct crq_limits limits;
    int want;
} limited[] = {
    { "[({},)]", { 0, 0, 3, false }, 0 },
    { "[({},)]", { 0, 0, 2, false }, CRQ_ELIMIT },
    { "((1))", { 0, 0, 1, false }, CRQ_ELIMIT },
    { "[1, 2, 3]", { 0, 4, 0, false }, 0 },
    { "[1, 2, 3]", { 0, 3, 0, false }, CRQ_ELIMIT },
    { "{1: 2}", { 0, 2, 0, false }, CRQ_ELIMIT },
    { "[1]", { 3, 0, 0, false }, 0 },
    { "[1]", { 2, 0, 0, false }, CRQ_ELIMIT },
};

START_TEST(test_limits_hold)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_literal_decode(limited[_i].text,
                             strlen(limited[_i].text), &limited[_i].limits, &v,
                             &err),
            limited[_i].want);
    crq_value_free(v);
}
END_TEST

START_TEST(test_a_million_brackets_or_signs_are_refused)
{
    static const char openings[] = "[({-";
    static char text[1000000];
    crq_value *v = NULL;
    crq_error err;

    memset(text, openings[_i], sizeof(text));
    ck_assert_int_lt(crq_literal_decode(text, sizeof(text), NULL, &v, &err), 0);
    text[0] = '-';
    memset(text + 1, '(', sizeof(text) - 1);
    ck_assert_int_lt(crq_literal_decode(text, sizeof(text), NULL, &v, &err), 0);
    ck_assert_ptr_null(v);
}
END_TEST

/* ---- what repr() writes is read back ---- */

struct maker {
    uint32_t state;
    int left; /* how many values may still be made */
};

static uint32_t next(struct maker *m, uint32_t below)
{
    m->state = m->state * 1664525 + 1013904223;
    return (m->state >> 8) % below;
}

static crq_value *random_int(struct maker *m)
{
    uint8_t le[40];
    size_t len = next(m, 5) == 0 ? next(m, sizeof(le)) : next(m, 9);

    for (size_t i = 0; i < len; i++)
        le[i] = (uint8_t)next(m, 256);
    return crq_value_new_int_bytes(le, len);
}

static crq_value *random_float(struct maker *m)
{
    uint64_t bits = (uint64_t)next(m, 0x7ff) << 52;
    double d;

    bits |= (uint64_t)next(m, 1 << 20) << 32 | next(m, 1 << 20);
    bits |= (uint64_t)next(m, 2) << 63;
    memcpy(&d, &bits, sizeof(d));
    return crq_value_new_float(d);
}

static crq_value *random_text(struct maker *m, bool bytes)
{
    static const uint32_t below[] = { 0x30, 0x80, 0x100, 0x800, 0x10000,
        0x110000 };
    uint32_t count = next(m, 12);
    char text[12 * 4];
    size_t len = 0;
    crq_value *v = NULL;

    for (uint32_t i = 0; i < count; i++)
        if (bytes)
            text[len++] = (char)next(m, 256);
        else
            len += crq_utf8_put(text + len, next(m, below[next(m, 6)]));
    if (bytes)
        return crq_value_new_bytes(text, len);
    ck_assert_int_eq(crq_value_new_str(text, len, &v, NULL), 0);
    return v;
}

static crq_value *random_value(struct maker *m, int depth, bool as_key)
{
    crq_value *v;
    uint32_t kind = next(m, depth > 0 && m->left > 0 ? 10 : 6), count;

    m->left--;
    switch (kind) {
    case 0: return crq_value_new_none();
    case 1: return crq_value_new_bool(next(m, 2));
    case 2: return random_int(m);
    case 3: return random_float(m);
    case 4: return random_text(m, false);
    case 5: return random_text(m, true);
    case 6: v = crq_value_new_tuple(); break;
    case 7: v = as_key ? crq_value_new_tuple() : crq_value_new_list(); break;
    case 8: v = as_key ? crq_value_new_tuple() : crq_value_new_set(); break;
    default: v = as_key ? crq_value_new_tuple() : crq_value_new_dict(); break;
    }
    count = next(m, 6);
    for (uint32_t i = 0; i < count; i++) {
        bool keys = as_key || crq_value_type(v) == CRQ_SET ||
                crq_value_type(v) == CRQ_DICT;
        crq_value *item = random_value(m, depth - 1, keys);

        if (crq_value_type(v) == CRQ_DICT)
            ck_assert_int_eq(crq_value_put(v, item,
                                     random_value(m, depth - 1, false)),
                    0);
        else
            ck_assert_int_eq(crq_value_add(v, item), 0);
    }
    return v;
}

START_TEST(test_what_repr_writes_reads_back_as_the_same)
{
    struct maker m = { .state = 7 };

    for (int i = 0; i < 3000; i++) {
        crq_value *v, *back = NULL;
        char *text, *again;
        size_t len;
        crq_error err;

        m.left = 60;
        v = random_value(&m, 4, false);
        unit_ok(crq_value_repr(v, &text, &len, &err), &err);
        unit_ok(crq_literal_decode(text, len, NULL, &back, &err), &err);
        ck_assert_msg(crq_value_equal(v, back), "%s", text);
        unit_ok(crq_value_repr(back, &again, NULL, &err), &err);
        ck_assert_str_eq(again, text);
        crq_text_free(text);
        crq_text_free(again);
        crq_value_free(v);
        crq_value_free(back);
    }
}
END_TEST

static int read_all(void *arg, crq_error *err)
{
    const char *text = "[1, -2.5, (3,), (), {}, {'a': b'b', 2: (1, 2)}, {1}, "
                       "set(), 'x' '\\u20ac', None, True, (False), "
                       "-0x123456789012345678901234567890, "
                       "123456789012345678901234567890, "
                       "-123456789012345678901234567890, "
                       "'''a\n''' r'\\\\'], 1";
    crq_value *v = NULL;
    int rc = crq_literal_decode(text, strlen(text), NULL, &v, err);

    (void)arg;
    crq_value_free(v);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(read_all, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("literal");

    tcase_add_test(tc, test_literals_are_read_as_python_reads_them);
    tcase_add_test(tc, test_values_become_the_json_that_python_writes);
    unit_add_rows(tc, test_a_wrong_text_is_refused_with_its_place, wrong);
    unit_add_rows(tc, test_limits_hold, limited);
    tcase_add_loop_test(tc, test_a_million_brackets_or_signs_are_refused, 0, 4);
    tcase_add_test(tc, test_what_repr_writes_reads_back_as_the_same);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("literal", tc);
}
