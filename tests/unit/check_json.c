/* check_json.c - tests of codec/json_read.c and codec/json_write.c. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "codec/json.h"
#include "codec/repr.h"
#include "golden.h"

static crq_value *read_json(const char *text)
{
    crq_value *v = NULL;
    crq_error err;

    unit_ok(crq_json_decode(text, strlen(text), NULL, &v, &err), &err);
    return v;
}

/* ---- reading ---- */

static void check_loads(const struct golden *row)
{
    struct crq_buf out = CRQ_BUF_INIT;
    size_t len;
    const char *text = crq_value_data(row->in, &len);
    crq_value *v = NULL;
    crq_error err;

    if (crq_json_decode(text, len, NULL, &v, &err) == 0)
        unit_ok(crq_repr(v, &out, &err), &err);
    golden_check(row, crq_buf_text(&out), out.len);
    crq_value_free(v);
    crq_buf_fini(&out);
}

START_TEST(test_texts_are_read_as_python_reads_them)
{
    golden_each("loads", check_loads);
}
END_TEST

static const struct {
    const char *text, *want;
} wrong[] = {
    { "", "offset 0: expected a value, found the end" },
    { "[1, 2", "offset 5: expected ',' or ']', found the end" },
    { "[1 2]", "offset 3: expected ',' or ']', found '2'" },
    { "{\"a\": 1 \xe2\x82\xac",
            "offset 8: expected ',' or '}', found '\xe2\x82\xac'" },
    { "{a: 1}", "offset 1: expected a key in double quotes, found 'a'" },
    { "{\"a\" 1}", "offset 5: expected ':', found '1'" },
    { "\"a\nb\"",
            "offset 2: expected control characters to be escaped, "
            "found the byte 0x0a" },
    { "\"a", "offset 2: expected the end of the string, found the end" },
    { "\"\\x\"", "offset 2: expected one of \"\\/bfnrtu, found 'x'" },
    { "\"\\u12g4\"", "offset 5: expected four hexadecimal digits, found 'g'" },
    { "-", "offset 1: expected a digit, found the end" },
    { "1.x", "offset 2: expected a digit, found 'x'" },
    { "1e\x7f", "offset 2: expected a digit, found the byte 0x7f" },
    { "1 x", "offset 2: expected the end, found 'x'" },
    { "nope", "offset 0: expected a value, found 'n'" },
    { "\xef\xbb\xbf"
      "1",
            "offset 0: expected a value, found a byte order mark" },
    { "\"\xff\"", "offset 1: expected UTF-8, found the byte 0xff" },
    { "\"\xe2\x82\"", "offset 1: expected UTF-8, found the byte 0xe2" },
};

START_TEST(test_a_wrong_text_is_refused_with_its_place)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_json_decode(wrong[_i].text, strlen(wrong[_i].text),
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
    { "[[[]]]", { 0, 0, 3, false }, 0 },
    { "[[[]]]", { 0, 0, 2, false }, CRQ_ELIMIT },
    { "{\"a\":{\"b\":{}}}", { 0, 0, 2, false }, CRQ_ELIMIT },
    { "[1,2,3]", { 0, 4, 0, false }, 0 },
    { "[1,2,3]", { 0, 3, 0, false }, CRQ_ELIMIT },
    { "{\"a\":1}", { 0, 3, 0, false }, 0 },
    { "{\"a\":1}", { 0, 2, 0, false }, CRQ_ELIMIT },
    { "[1,2,3]", { 7, 0, 0, false }, 0 },
    { "[1,2,3]", { 6, 0, 0, false }, CRQ_ELIMIT },
};

START_TEST(test_limits_hold)
{
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_json_decode(limited[_i].text, strlen(limited[_i].text),
                             &limited[_i].limits, &v, &err),
            limited[_i].want);
    crq_value_free(v);
}
END_TEST

START_TEST(test_repeated_keys_can_be_refused)
{
    static const char text[] = "{\"a\": {\"b\": 1, \"b\": 2}}";
    struct crq_limits limits = { .unique_keys = true };
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_json_decode(text, sizeof(text) - 1, &limits, &v, &err),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, "offset 15: this key stands here twice");
    unit_ok(crq_json_decode(text, sizeof(text) - 1, NULL, &v, &err), &err);
    crq_value_free(v);
}
END_TEST

START_TEST(test_a_million_open_brackets_are_refused)
{
    static char text[1000000];
    crq_value *v = NULL;
    crq_error err;

    memset(text, '[', sizeof(text));
    ck_assert_int_eq(crq_json_decode(text, sizeof(text), NULL, &v, &err),
            CRQ_ELIMIT);
    ck_assert_str_eq(err.text, "offset 200: nested too deep");
    ck_assert_int_eq(crq_value_from_json("1111111111x", 10, &v, &err), 0);
    ck_assert_int_eq(crq_value_int(v), 1111111111);
    crq_value_free(v);
}
END_TEST

START_TEST(test_an_int_beyond_pythons_limit_is_refused)
{
    char text[5000];
    crq_value *v = NULL;
    crq_error err;

    memset(text, '1', sizeof(text));
    ck_assert_int_eq(crq_json_decode(text, 4301, NULL, &v, &err), CRQ_ELIMIT);
    unit_ok(crq_json_decode(text, 4300, NULL, &v, &err), &err);
    crq_value_free(v);
}
END_TEST

/* ---- writing ---- */

static const struct {
    const char *text, *python, *show;
} written[] = {
    { "[1, \"a\", null, true, false]", "[1, \"a\", null, true, false]",
            "[1,\"a\",null,true,false]" },
    { "{\"a\":[],\"b\":{}}", "{\"a\": [], \"b\": {}}", "{\"a\":[],\"b\":{}}" },
    { "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\"",
            "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\\u007f\"",
            "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\"" },
    { "\"\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\\u20ac\\ud83d\\ude00\"",
            "\"\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { "\"a\\ud83d\"", "\"a\\ud83d\"", "\"a\xef\xbf\xbd\"" },
    { "[NaN, Infinity, -Infinity]", "[NaN, Infinity, -Infinity]",
            "[\"NaN\",\"Infinity\",\"-Infinity\"]" },
    { "[1e16, 1.5, -0.0]", "[1e+16, 1.5, -0.0]", "[1e+16,1.5,-0.0]" },
    { "12345678901234567890123", "12345678901234567890123",
            "12345678901234567890123" },
};

START_TEST(test_both_styles_are_written)
{
    crq_value *v = read_json(written[_i].text);
    struct crq_buf out = CRQ_BUF_INIT;
    char *text;
    crq_error err;

    unit_ok(crq_json_encode(v, CRQ_JSON_PYTHON, &out, &err), &err);
    ck_assert_str_eq(crq_buf_text(&out), written[_i].python);
    unit_ok(crq_value_json(v, &text, NULL, &err), &err);
    ck_assert_str_eq(text, written[_i].show);
    crq_text_free(text);
    crq_buf_fini(&out);
    crq_value_free(v);
}
END_TEST

static crq_value *new_bytes(void)
{
    return crq_value_new_bytes("a\"\xff", 3);
}

static crq_value *new_bytearray(void)
{
    return crq_value_new_bytearray("b", 1);
}

static crq_value *new_tuple(void)
{
    crq_value *v = crq_value_new_tuple();

    ck_assert_int_eq(crq_value_add(v, crq_value_new_float(NAN)), 0);
    return v;
}

static crq_value *new_set(void)
{
    crq_value *v = crq_value_new_set();

    ck_assert_int_eq(crq_value_add(v, crq_value_new_int(7)), 0);
    return v;
}

static crq_value *new_frozenset(void)
{
    return crq_value_new_frozenset();
}

static const crq_datetime moment = { .year = 2026,
    .month = 1,
    .day = 2,
    .hour = 3,
    .minute = 4,
    .has_tz = true,
    .tz = { 7200, 0, NULL } };

static crq_value *new_datetime(void)
{
    crq_value *v;

    ck_assert_int_eq(crq_value_new_datetime(&moment, &v, NULL), 0);
    return v;
}

static crq_value *new_date(void)
{
    crq_value *v;

    ck_assert_int_eq(crq_value_new_date(2026, 1, 2, &v, NULL), 0);
    return v;
}

static crq_value *new_time(void)
{
    crq_value *v;

    ck_assert_int_eq(crq_value_new_time(&moment, &v, NULL), 0);
    return v;
}

static crq_value *new_timedelta(void)
{
    crq_timedelta d = { 1, 0, 0 };
    crq_value *v;

    ck_assert_int_eq(crq_value_new_timedelta(&d, &v, NULL), 0);
    return v;
}

static crq_value *new_timezone(void)
{
    crq_tz tz = { 0, 0, NULL };
    crq_value *v;

    ck_assert_int_eq(crq_value_new_timezone(&tz, &v, NULL), 0);
    return v;
}

static crq_value *new_decimal(void)
{
    crq_value *v;

    ck_assert_int_eq(crq_value_new_decimal("1.50", 4, &v, NULL), 0);
    return v;
}

static crq_value *new_uuid(void)
{
    return crq_value_new_uuid((const uint8_t *)"0123456789abcdef");
}

static crq_value *new_retry(void)
{
    return crq_value_new_retry(read_json(
            "{\"max\":3,\"intervals\":[0],\"enqueue_at_front\":false}"));
}

static crq_value *new_odd_keys(void)
{
    crq_value *v = crq_value_new_dict();

    ck_assert_int_eq(crq_value_put(v, crq_value_new_int(1),
                             crq_value_new_none()),
            0);
    ck_assert_int_eq(crq_value_put(v, new_tuple(), crq_value_new_none()), 0);
    return v;
}

/* What JSON has no form for: how it is shown, and what Python says. */
static const struct {
    crq_value *(*make)(void);
    const char *show, *refused;
} others[] = {
    { new_tuple, "[\"NaN\"]", NULL },
    { new_bytes, "\"b'a\\\"\\\\xff'\"",
            "Object of type bytes is not JSON serializable" },
    { new_bytearray, "\"bytearray(b'b')\"",
            "Object of type bytearray is not JSON serializable" },
    { new_set, "[7]", "Object of type set is not JSON serializable" },
    { new_frozenset, "[]",
            "Object of type frozenset is not JSON serializable" },
    { new_datetime, "\"2026-01-02T03:04:00+02:00\"",
            "Object of type datetime is not JSON serializable" },
    { new_date, "\"2026-01-02\"",
            "Object of type date is not JSON serializable" },
    { new_time, "\"03:04:00+02:00\"",
            "Object of type time is not JSON serializable" },
    { new_timedelta, "\"datetime.timedelta(days=1)\"",
            "Object of type timedelta is not JSON serializable" },
    { new_timezone, "\"datetime.timezone.utc\"",
            "Object of type timezone is not JSON serializable" },
    { new_decimal, "\"Decimal('1.50')\"",
            "Object of type Decimal is not JSON serializable" },
    { new_uuid, "\"UUID('30313233-3435-3637-3839-616263646566')\"",
            "Object of type UUID is not JSON serializable" },
    { new_retry, "\"Retry(max=3, interval=0, enqueue_at_front=False)\"",
            "Object of type Retry is not JSON serializable" },
    { new_odd_keys, "{\"1\":null,\"(nan,)\":null}",
            "keys must be str, int, float, bool or None, not tuple" },
};

START_TEST(test_other_types_are_shown_but_refused_for_python)
{
    crq_value *v = others[_i].make(), *list = crq_value_new_list();
    struct crq_buf out = CRQ_BUF_INIT;
    char *text;
    crq_error err;

    unit_ok(crq_value_json(v, &text, NULL, &err), &err);
    ck_assert_str_eq(text, others[_i].show);
    crq_text_free(text);

    ck_assert_int_eq(crq_value_add(list, v), 0);
    crq_buf_puts(&out, "before");
    if (others[_i].refused == NULL)
        unit_ok(crq_json_encode(list, CRQ_JSON_PYTHON, &out, &err), &err);
    else {
        ck_assert_int_eq(crq_json_encode(list, CRQ_JSON_PYTHON, &out, &err),
                CRQ_EUNSUPPORTED);
        ck_assert_str_eq(err.text, others[_i].refused);
        ck_assert_str_eq(crq_buf_text(&out), "before");
    }
    crq_buf_fini(&out);
    crq_value_free(list);
}
END_TEST

START_TEST(test_bytes_that_are_no_utf8_are_replaced_in_strings)
{
    struct crq_buf out = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_json_put_string(&out, "a\xff\xe2\x82z\0", 6), 0);
    ck_assert_str_eq(crq_buf_text(&out),
            "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\\u0000\"");
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_a_hostile_value_stops_at_the_cap)
{
    crq_value *v = crq_value_new_list();
    struct crq_buf out;
    crq_error err;

    for (int i = 0; i < 60; i++) { /* 2 to the 60th empty lists */
        crq_value *outer = crq_value_new_list();

        ck_assert_int_eq(crq_value_add(outer, crq_value_ref(v)), 0);
        ck_assert_int_eq(crq_value_add(outer, v), 0);
        v = outer;
    }
    crq_buf_init(&out, 10000);
    ck_assert_int_eq(crq_json_encode(v, CRQ_JSON_SHOW, &out, &err), CRQ_ELIMIT);
    ck_assert_str_eq(err.text, "more than 10000 bytes");
    crq_buf_fini(&out);
    crq_value_free(v);
}
END_TEST

START_TEST(test_a_value_that_contains_itself_is_refused)
{
    crq_value *v = crq_value_new_list();
    char *text = NULL;
    crq_error err;

    ck_assert_int_eq(crq_value_add(v, crq_value_ref(v)), 0);
    ck_assert_int_eq(crq_value_json(v, &text, NULL, &err), CRQ_EUNSUPPORTED);
    ck_assert_ptr_null(text);
    crq_value_clear(v);
    crq_value_free(v);
}
END_TEST

static int there_and_back(void *arg, crq_error *err)
{
    const char *text = "{\"a\":[1,2.5,\"x\\u20acy\",null,true,NaN],"
                       "\"\\n\":12345678901234567890123,\"c\":"
                       "0.1234567890123456789012345678901234567890"
                       "1234567890123456789012345678}";
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = NULL;
    char *shown = NULL;
    int rc = crq_value_from_json(text, strlen(text), &v, err);

    (void)arg;
    if (rc == 0)
        rc = crq_json_encode(v, CRQ_JSON_PYTHON, &out, err);
    if (rc == 0)
        rc = crq_value_json(v, &shown, NULL, err);
    crq_text_free(shown);
    crq_value_free(v);
    crq_buf_fini(&out);
    return rc;
}

static int show_each_type(void *arg, crq_error *err)
{
    char *text = NULL;
    int rc = crq_value_json(arg, &text, NULL, err);

    crq_text_free(text);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_value *all = crq_value_new_list();

    unit_fail_each_allocation(there_and_back, NULL);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_int_eq(crq_value_add(all, others[i].make()), 0);
    unit_fail_each_allocation(show_each_type, all);
    crq_value_free(all);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("json");

    tcase_add_test(tc, test_texts_are_read_as_python_reads_them);
    unit_add_rows(tc, test_a_wrong_text_is_refused_with_its_place, wrong);
    unit_add_rows(tc, test_limits_hold, limited);
    tcase_add_test(tc, test_repeated_keys_can_be_refused);
    tcase_add_test(tc, test_a_million_open_brackets_are_refused);
    tcase_add_test(tc, test_an_int_beyond_pythons_limit_is_refused);
    unit_add_rows(tc, test_both_styles_are_written, written);
    unit_add_rows(tc, test_other_types_are_shown_but_refused_for_python,
            others);
    tcase_add_test(tc, test_bytes_that_are_no_utf8_are_replaced_in_strings);
    tcase_add_test(tc, test_a_hostile_value_stops_at_the_cap);
    tcase_add_test(tc, test_a_value_that_contains_itself_is_refused);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("json", tc);
}
