/* check_call.c - tests of model/call.c. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/zip.h"
#include "model/call.h"
#include "model/serializer.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

/* ---- writing ---- */

static void expect_field(const struct crq_fields *fields, enum crq_field field,
        const char *want)
{
    const char *got = fields->known[field].bytes;

    if (want == NULL)
        ck_assert_msg(got == NULL, "%s is '%s'", crq_field_name(field), got);
    else
        ck_assert_str_eq(got, want);
}

static void inflate(const struct crq_fields *fields, struct crq_buf *plain)
{
    crq_error err;

    crq_buf_init(plain, 1 << 20);
    unit_ok(crq_zip_inflate(fields->known[CRQ_FIELD_DATA].bytes,
                    fields->known[CRQ_FIELD_DATA].len, plain, &err),
            &err);
}

#define BYTES(text) text, sizeof(text) - 1

/* pickle.dumps((func, None, args, kwargs), 5), json.dumps([...]) */
static const struct {
    const char *func, *args, *kwargs;
    crq_serializer serializer;
    const char *want;
    size_t len;
} datas[] = {
    { "f", NULL, NULL, CRQ_PICKLE,
            BYTES("\x80\x05\x95\x0c\0\0\0\0\0\0\0(\x8c\x01"
                  "f\x94N)}\x94t\x94"
                  ".") },
    { "mod.f", "[1, \"x\"]", "{\"a\": 2}", CRQ_PICKLE,
            BYTES("\x80\x05\x95 \0\0\0\0\0\0\0(\x8c\x05mod.f\x94N]\x94(K\x01"
                  "\x8c\x01x\x94"
                  "e}\x94\x8c\x01"
                  "a\x94K\x02st\x94.") },
    { "f", "[null, true, -1, 1.5, [], [2]]", "{}", CRQ_PICKLE,
            BYTES("\x80\x05\x95&\0\0\0\0\0\0\0(\x8c\x01"
                  "f\x94N]\x94(N\x88J"
                  "\xff\xff\xff\xffG?\xf8\0\0\0\0\0\0]\x94]\x94K\x02"
                  "ae}"
                  "\x94t\x94.") },
    { "f", NULL, NULL, CRQ_MSGPACK,
            BYTES("\x94\xa1"
                  "f\xc0\x90\x80") },
    { "f", NULL, NULL, CRQ_JSON, BYTES("[\"f\", null, [], {}]") },
    { "mod.f", "[1, \"\\u00e9\"]", "{\"a\": 2.50}", CRQ_JSON,
            BYTES("[\"mod.f\", null, [1, \"\\u00e9\"], {\"a\": 2.5}]") },
};

START_TEST(test_data_is_what_python_writes)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    struct crq_buf plain;
    crq_value *args = datas[_i].args != NULL ? unit_json(datas[_i].args) : NULL;
    crq_value *kwargs =
            datas[_i].kwargs != NULL ? unit_json(datas[_i].kwargs) : NULL;
    crq_error err;

    call.func = datas[_i].func;
    call.args = args;
    call.kwargs = kwargs;
    call.serializer = datas[_i].serializer;
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    inflate(&fields, &plain);
    ck_assert_uint_eq(plain.len, datas[_i].len);
    ck_assert_mem_eq(plain.data, datas[_i].want, plain.len);
    crq_buf_fini(&plain);
    crq_fields_fini(&fields);
    crq_value_free(args);
    crq_value_free(kwargs);
}
END_TEST

static int all_options(void *arg, crq_error *err)
{
    static const char *const parents[] = { "a", "b\xc3\xa9" };
    static const int64_t intervals[] = { 5, 10 };
    crq_webhook list[] = { { "http://h/", "finished", NULL, NULL, 0 },
        { "https://h/", "failed", "POST", NULL, 3 } };
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields *fields = arg;
    int rc;

    call.func = "f";
    call.depends_on = parents;
    call.dependencies = 2;
    call.allow_dependency_failures = true;
    call.on_success = (crq_callback){ "m.ok", 0 };
    call.on_failure = (crq_callback){ "m.bad", 7 };
    call.on_stopped = (crq_callback){ "m.stop", 0 };
    call.repeat_times = 3;
    call.repeat_intervals_s = intervals;
    call.repeat_intervals = 2;
    call.retry_max = 1;
    call.group_id = "g";
    call.webhooks = list;
    call.webhooks_count = 2;
    call.serializer = CRQ_MSGPACK;
    list[1].headers = crq_value_new_dict();
    if (list[1].headers == NULL)
        return crq_fail(err, CRQ_ENOMEM, "out of memory");
    crq_fields_init(fields);
    rc = crq_call_to_fields(&call, "q", NOON, fields, err);
    if (rc < 0)
        crq_fields_fini(fields);
    crq_value_free((crq_value *)(uintptr_t)list[1].headers);
    return rc;
}

START_TEST(test_every_option_has_the_fields_that_rq_writes)
{
    struct crq_fields fields;
    crq_error err;

    unit_ok(all_options(&fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_DEPENDENCY_ID, "a");
    expect_field(&fields, CRQ_FIELD_DEPENDENCY_IDS, "[\"a\", \"b\\u00e9\"]");
    expect_field(&fields, CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES, "1");
    expect_field(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT, "0");
    expect_field(&fields, CRQ_FIELD_SUCCESS_CALLBACK_NAME, "m.ok");
    expect_field(&fields, CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT, "60");
    expect_field(&fields, CRQ_FIELD_FAILURE_CALLBACK_NAME, "m.bad");
    expect_field(&fields, CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT, "7");
    expect_field(&fields, CRQ_FIELD_STOPPED_CALLBACK_NAME, "m.stop");
    expect_field(&fields, CRQ_FIELD_REPEATS_LEFT, "3");
    expect_field(&fields, CRQ_FIELD_REPEAT_INTERVALS, "[5, 10]");
    expect_field(&fields, CRQ_FIELD_RETRIES_LEFT, "1");
    expect_field(&fields, CRQ_FIELD_RETRY_INTERVALS, "[0]");
    expect_field(&fields, CRQ_FIELD_GROUP_ID, "g");
    expect_field(&fields, CRQ_FIELD_WEBHOOKS,
            "[{\"url\": \"http://h/\", \"job_status\": \"finished\", "
            "\"method\": \"GET\", \"headers\": null, \"timeout\": 10}, "
            "{\"url\": \"https://h/\", \"job_status\": \"failed\", "
            "\"method\": \"POST\", \"headers\": {}, \"timeout\": 3}]");
    crq_fields_fini(&fields);
}
END_TEST

static int all_options_and_back(void *arg, crq_error *err)
{
    struct crq_fields fields;
    int rc = all_options(&fields, err);

    (void)arg;
    if (rc == 0)
        crq_fields_fini(&fields);
    return rc;
}

START_TEST(test_every_failing_allocation_of_an_option_is_reported)
{
    unit_fail_each_allocation(all_options_and_back, NULL);
}
END_TEST

START_TEST(test_a_plain_call_sets_few_fields)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *meta = unit_json("{}");
    crq_error err;

    call.func = "mod.f";
    call.meta = meta;
    call.description = "";
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        switch (f) {
        case CRQ_FIELD_CREATED_AT:
            expect_field(&fields, f, "2026-11-21T12:00:00.000000Z");
            break;
        case CRQ_FIELD_DATA: break;
        case CRQ_FIELD_ORIGIN: expect_field(&fields, f, "q"); break;
        case CRQ_FIELD_DESCRIPTION: expect_field(&fields, f, "mod.f()"); break;
        case CRQ_FIELD_TIMEOUT: expect_field(&fields, f, "180"); break;
        default: expect_field(&fields, (enum crq_field)f, NULL);
        }
    crq_fields_fini(&fields);
    crq_value_free(meta);
}
END_TEST

START_TEST(test_every_option_has_its_field)
{
    static const int64_t intervals[] = { 10, 0, 30 };
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *meta = unit_json("{\"k\": 1}");
    crq_error err;

    call.func = "f";
    call.description = "caf\xc3\xa9";
    call.serializer = CRQ_JSON;
    call.meta = meta;
    call.timeout_s = -1;
    call.result_ttl_s = 0;
    call.failure_ttl_s = -1;
    call.ttl_s = 60;
    call.retry_max = 5;
    call.retry_intervals_s = intervals;
    call.retry_intervals = 3;
    call.retry_at_front = true;
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_DESCRIPTION, "caf\xc3\xa9");
    expect_field(&fields, CRQ_FIELD_META, "{\"k\": 1}");
    expect_field(&fields, CRQ_FIELD_TIMEOUT, "-1");
    expect_field(&fields, CRQ_FIELD_RESULT_TTL, "0");
    expect_field(&fields, CRQ_FIELD_FAILURE_TTL, "-1");
    expect_field(&fields, CRQ_FIELD_TTL, "60");
    expect_field(&fields, CRQ_FIELD_RETRIES_LEFT, "5");
    expect_field(&fields, CRQ_FIELD_RETRY_INTERVALS, "[10, 0, 30]");
    expect_field(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY, "1");
    expect_field(&fields, CRQ_FIELD_STATUS, NULL);
    crq_fields_fini(&fields);
    call.retry_intervals = 0;
    call.retry_at_front = false;
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_RETRY_INTERVALS, "[0]");
    expect_field(&fields, CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY, NULL);
    crq_fields_fini(&fields);
    crq_value_free(meta);
}
END_TEST

/* 75 characters of "'aaa...", the quote included, and then the dots. */
START_TEST(test_arguments_are_cut_in_the_description)
{
    char text[78], want[200];
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *args = crq_value_new_list();
    crq_error err;

    /* Two quotes and _i characters: 75 and not one more. */
    memset(text, 'a', sizeof(text));
    text[_i] = '\0';
    ck_assert_int_eq(crq_value_add(args, crq_value_new_text(text)), 0);
    call.func = "f";
    call.args = args;
    if (_i <= 73)
        snprintf(want, sizeof(want), "f('%s')", text);
    else
        snprintf(want, sizeof(want), "f('%.74s...)", text);
    crq_fields_init(&fields);
    unit_ok(crq_call_to_fields(&call, "q", NOON, &fields, &err), &err);
    expect_field(&fields, CRQ_FIELD_DESCRIPTION, want);
    crq_fields_fini(&fields);
    crq_value_free(args);
}
END_TEST

static const struct {
    const char *kwargs, *description;
    int rc;
} odd_names[] = {
    { "{\"caf\\u00e9\": 1, \"a\": \"\\ud800\"}", NULL, 0 },
    { "{\"\\ud800\": 1}", NULL, CRQ_EINVAL },
    { "{\"a\\u0000\": 1}", NULL, CRQ_EINVAL },
    { "{\"\\ud800\": 1}", "given", 0 },
};

START_TEST(test_a_description_that_rq_cannot_read_is_not_written)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *kwargs = unit_json(odd_names[_i].kwargs);
    crq_error err;

    call.func = "f";
    call.kwargs = kwargs;
    call.description = odd_names[_i].description;
    crq_fields_init(&fields);
    ck_assert_int_eq(crq_call_to_fields(&call, "q", NOON, &fields, &err),
            odd_names[_i].rc);
    if (odd_names[_i].rc < 0)
        ck_assert_str_eq(err.text,
                "a name in kwargs has a surrogate or NUL: "
                "give a description");
    crq_fields_fini(&fields);
    crq_value_free(kwargs);
}
END_TEST

START_TEST(test_a_value_without_a_json_form_is_refused)
{
    crq_call call = CRQ_CALL_INIT;
    struct crq_fields fields;
    crq_value *args = crq_value_new_list();
    crq_error err;

    ck_assert_int_eq(crq_value_add(args, crq_value_new_bytes("x", 1)), 0);
    call.func = "f";
    call.args = args;
    call.serializer = CRQ_JSON;
    crq_fields_init(&fields);
    ck_assert_int_eq(crq_call_to_fields(&call, "q", NOON, &fields, &err),
            CRQ_EUNSUPPORTED);
    crq_fields_fini(&fields);
    crq_value_free(args);
}
END_TEST

/* ---- reading ---- */

static const struct {
    const char *bytes;
    size_t len;
    int rc;
    const char *says; /* the begin */
} payloads[] = {
    { BYTES("[\"f\", null, [1], {\"a\": 2}]"), 0, NULL },
    { BYTES("(S'f'\nN(I1\nt(S'a'\nI2\ndt."), 0, NULL },
    { BYTES("7"), CRQ_ECODEC,
            "the data is a int, not (function, instance, args, kwargs)" },
    { BYTES("[\"f\", null, []]"), CRQ_ECODEC, "the data is a list, not" },
    { BYTES("[\"f\", null, [], {}, 1]"), CRQ_ECODEC, "the data is a list" },
    { BYTES("{}"), CRQ_ECODEC, "the data is a dict, not" },
    { BYTES("[7, null, [], {}]"), CRQ_ECODEC,
            "the data is (int, None, list, dict), not (str, None, list, dict)" },
    { BYTES("[\"f\", null, {}, {}]"), CRQ_ECODEC,
            "the data is (str, None, dict, dict), not" },
    { BYTES("[\"f\", null, [], []]"), CRQ_ECODEC,
            "the data is (str, None, list, list), not" },
    { BYTES("[null, null, [], {}]"), CRQ_ECODEC,
            "the data is (NoneType, None, list, dict), not" },
    { BYTES("[\"f\", \"self\", [], {}]"), CRQ_EUNSUPPORTED,
            "it calls a method of a str object, which only Python can do" },
    { BYTES("[\"f\\u0000g\", null, [], {}]"), CRQ_ECODEC,
            "the function's name is not text at byte 1" },
    { BYTES("[\"\\udc80\", null, [], {}]"), CRQ_ECODEC,
            "the function's name is not text at byte 0" },
    { BYTES("\x80\x05"
            "cos\nsystem\n)R."),
            CRQ_EUNSUPPORTED, "" },
    { BYTES("(S'f'\nccollections\nCounter\n)R)}t."), CRQ_EUNSUPPORTED, "" },
    { BYTES(""), CRQ_ECODEC, "" },
    { BYTES("junk"), CRQ_ECODEC, "" },
    /* It begins as zlib does: the zlib is what is damaged. */
    { BYTES("x\x9c\x03\x00\x00\x00\x00\x02"), CRQ_ECODEC, "" },
};

static int decode_payload(const void *bytes, size_t len, crq_error *err)
{
    struct crq_payload p = { .func = "untouched" };
    int rc = crq_payload_decode(bytes, len, &p, err);

    if (rc < 0) {
        ck_assert_str_eq(p.func, "untouched");
        return rc;
    }
    ck_assert_str_eq(p.func, "f");
    ck_assert_int_eq(crq_value_int(crq_value_item(p.args, 0)), 1);
    ck_assert_int_eq(crq_value_int(crq_value_get(p.kwargs, "a")), 2);
    crq_payload_fini(&p);
    ck_assert_ptr_null(p.func);
    return rc;
}

START_TEST(test_data_is_read_packed_or_not)
{
    struct crq_buf packed = CRQ_BUF_INIT;
    crq_error err = { 0, "" };

    ck_assert_int_eq(decode_payload(payloads[_i].bytes, payloads[_i].len, &err),
            payloads[_i].rc);
    if (payloads[_i].says != NULL)
        ck_assert_msg(strncmp(err.text, payloads[_i].says,
                              strlen(payloads[_i].says)) == 0,
                "%s", err.text);
    unit_ok(crq_zip_deflate(payloads[_i].bytes, payloads[_i].len, &packed,
                    &err),
            &err);
    ck_assert_int_eq(decode_payload(packed.data, packed.len, &err),
            payloads[_i].rc);
    crq_buf_fini(&packed);
}
END_TEST

START_TEST(test_damaged_zlib_is_called_so)
{
    struct crq_buf packed = CRQ_BUF_INIT, plain = CRQ_BUF_INIT;
    crq_error err, zlibs;

    unit_ok(crq_zip_deflate(BYTES("[\"f\", null, [], {}]"), &packed, &err),
            &err);
    packed.data[packed.len - 1] ^= 1;
    ck_assert_int_eq(decode_payload(packed.data, packed.len, &err), CRQ_ECODEC);
    ck_assert_int_eq(crq_zip_inflate(packed.data, packed.len, &plain, &zlibs),
            CRQ_ECODEC);
    ck_assert_str_eq(err.text, zlibs.text);
    crq_buf_fini(&packed);
    crq_buf_fini(&plain);
}
END_TEST

START_TEST(test_a_bomb_is_refused)
{
    struct crq_buf bomb = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;
    crq_error err;
    char *room = crq_buf_room(&bomb, (size_t)65 << 20);

    memset(room, ' ', (size_t)65 << 20);
    bomb.len = (size_t)65 << 20;
    unit_ok(crq_zip_deflate(bomb.data, bomb.len, &packed, &err), &err);
    ck_assert_uint_lt(packed.len, 100000);
    ck_assert_int_eq(decode_payload(packed.data, packed.len, &err), CRQ_ELIMIT);
    crq_buf_fini(&bomb);
    crq_buf_fini(&packed);
    /* Five bytes that promise 4 GB. */
    ck_assert_int_eq(decode_payload(BYTES("\x80\x05"
                                          "B\xff\xff\xff\xff."),
                             &err),
            CRQ_ECODEC);
}
END_TEST

/* ---- memory ---- */

static int write_and_read(void *arg, crq_error *err)
{
    struct crq_fields fields;
    struct crq_payload payload;
    int rc;

    crq_fields_init(&fields);
    rc = crq_call_to_fields(arg, "q", NOON, &fields, err);
    if (rc == 0)
        rc = crq_payload_decode(fields.known[CRQ_FIELD_DATA].bytes,
                fields.known[CRQ_FIELD_DATA].len, &payload, err);
    if (rc == 0)
        crq_payload_fini(&payload);
    crq_fields_fini(&fields);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_call call = CRQ_CALL_INIT;
    crq_value *args = unit_json("[1, [\"x\"]]"),
              *dict = unit_json("{\"a\": {\"b\": 2}}");

    call.func = "f";
    call.args = args;
    call.kwargs = call.meta = dict;
    call.ttl_s = 5;
    call.retry_max = 2;
    call.retry_at_front = true;
    call.serializer = (crq_serializer)_i;
    unit_fail_each_allocation(write_and_read, &call);
    call.args = call.kwargs = NULL;
    unit_fail_each_allocation(write_and_read, &call);
    crq_value_free(args);
    crq_value_free(dict);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("call");

    tcase_add_test(tc, test_every_option_has_the_fields_that_rq_writes);
    tcase_add_test(tc, test_every_failing_allocation_of_an_option_is_reported);
    unit_add_rows(tc, test_data_is_what_python_writes, datas);
    tcase_add_test(tc, test_a_plain_call_sets_few_fields);
    tcase_add_test(tc, test_every_option_has_its_field);
    tcase_add_loop_test(tc, test_arguments_are_cut_in_the_description, 72, 77);
    unit_add_rows(tc, test_a_description_that_rq_cannot_read_is_not_written,
            odd_names);
    tcase_add_test(tc, test_a_value_without_a_json_form_is_refused);
    unit_add_rows(tc, test_data_is_read_packed_or_not, payloads);
    tcase_add_test(tc, test_damaged_zlib_is_called_so);
    tcase_add_test(tc, test_a_bomb_is_refused);
    tcase_add_loop_test(tc, test_every_failing_allocation_is_reported,
            CRQ_PICKLE, CRQ_JSON + 1);
    return unit_run("call", tc);
}
