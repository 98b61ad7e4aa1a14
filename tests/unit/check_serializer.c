/* check_serializer.c - tests of model/serializer.c. */
#include "unit.h"

#include <string.h>

#include "model/serializer.h"

START_TEST(test_serializers_are_known_by_name)
{
    crq_serializer got = CRQ_PICKLE;
    crq_error err;

    unit_ok(crq_serializer_parse("json", &got, &err), &err);
    ck_assert_int_eq(got, CRQ_JSON);
    unit_ok(crq_serializer_parse("pickle", &got, &err), &err);
    ck_assert_int_eq(got, CRQ_PICKLE);
    unit_ok(crq_serializer_parse("msgpack", &got, &err), &err);
    ck_assert_int_eq(got, CRQ_MSGPACK);
    ck_assert_str_eq(crq_serializer_name(CRQ_PICKLE), "pickle");
    ck_assert_str_eq(crq_serializer_name(CRQ_JSON), "json");
    ck_assert_str_eq(crq_serializer_name(CRQ_MSGPACK), "msgpack");
    ck_assert(crq_serializer_known(CRQ_PICKLE));
    ck_assert(crq_serializer_known(CRQ_MSGPACK));
    ck_assert(!crq_serializer_known(-1));
    ck_assert(!crq_serializer_known(CRQ_MSGPACK + 1));
    unit_ok(crq_serializer_parse("rq.serializers.JSONSerializer", &got, &err),
            &err);
    ck_assert_int_eq(got, CRQ_JSON);
    unit_ok(crq_serializer_parse("rq.serializers.PickleSerializer", &got, &err),
            &err);
    ck_assert_int_eq(got, CRQ_PICKLE);
    ck_assert_int_eq(crq_serializer_parse("JSON", &got, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text,
            "'JSON' is not a serializer; there are pickle, json and msgpack");
    ck_assert_int_eq(got, CRQ_PICKLE);
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t len;
    crq_serializer serializer;
    const char *repr;
} readable[] = {
    { BYTES("\x80\x05K\x07."), CRQ_PICKLE, "7" },
    { BYTES("\x80\x02]q\0."), CRQ_PICKLE, "[]" },
    { BYTES("I7\n."), CRQ_PICKLE, "7" }, /* protocol 0 */
    { BYTES("N."), CRQ_PICKLE, "None" },
    { BYTES("7"), CRQ_JSON, "7" },
    { BYTES("[1, {\"a\": null}]"), CRQ_JSON, "[1, {'a': None}]" },
    { BYTES("\"ends in a dot.\""), CRQ_JSON, "'ends in a dot.'" },
    { BYTES(" null "), CRQ_JSON, "None" },
    { BYTES("\x81\xa1"
            "a\x01"),
            CRQ_MSGPACK, "{'a': 1}" },
    { BYTES("\x94\xa1"
            "f\xc0\x90\x80"),
            CRQ_MSGPACK, "['f', None, [], {}]" },
    { BYTES("\x80"), CRQ_MSGPACK, "{}" },
    { BYTES("\x07"), CRQ_MSGPACK, "7" },
    { BYTES("."), CRQ_MSGPACK, "46" },
    { BYTES("\xff"), CRQ_MSGPACK, "-1" },
    { BYTES("\xa5"
            "Done."),
            CRQ_MSGPACK, "'Done.'" },
};

START_TEST(test_the_serializer_is_recognised_by_the_bytes)
{
    crq_serializer got;
    crq_value *v;
    crq_error err;
    char *repr;

    unit_ok(crq_deserialize(readable[_i].bytes, readable[_i].len, &v, &got,
                    &err),
            &err);
    unit_ok(crq_value_repr(v, &repr, NULL, &err), &err);
    ck_assert_str_eq(repr, readable[_i].repr);
    ck_assert_int_eq(got, readable[_i].serializer);
    crq_text_free(repr);
    crq_value_free(v);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    int code;
} unreadable[] = {
    { BYTES(""), CRQ_ECODEC },
    { BYTES("hello"), CRQ_ECODEC },
    { BYTES("[1, 2"), CRQ_ECODEC },
    { BYTES("\x80\x05K\x07"), CRQ_ECODEC },
    { BYTES("\x80\x05K."), CRQ_ECODEC },
    { BYTES("\x81\xa1"
            "a"),
            CRQ_ECODEC }, /* msgpack without its end */
    { BYTES("\xd7\xff\0\0\0\0\0\0\0\0"), CRQ_EUNSUPPORTED },
    { BYTES("cos\nsystem\n(S'id'\ntR."), CRQ_EUNSUPPORTED },
};

START_TEST(test_other_bytes_are_refused_and_change_nothing)
{
    crq_serializer got = (crq_serializer)77;
    crq_value *v = NULL;
    crq_error err;

    ck_assert_int_eq(crq_deserialize(unreadable[_i].bytes, unreadable[_i].len,
                             &v, &got, &err),
            unreadable[_i].code);
    ck_assert_ptr_null(v);
    ck_assert_int_eq(got, 77);
}
END_TEST

START_TEST(test_a_digit_is_json_or_msgpack)
{
    ck_assert(crq_serializer_ambiguous("7", 1));
    ck_assert(!crq_serializer_ambiguous("77", 2));
    ck_assert(!crq_serializer_ambiguous("\x07", 1));
    ck_assert(!crq_serializer_ambiguous("", 0));
}
END_TEST

static int there_and_back(void *arg, crq_error *err)
{
    struct crq_buf bytes = CRQ_BUF_INIT;
    const crq_serializer *serializer = arg;
    crq_value *v = NULL, *list = crq_value_new_list();
    int rc = list == NULL ? CRQ_ENOMEM
                          : crq_value_add(list, crq_value_new_text("text"));

    if (rc == 0)
        rc = crq_serialize(*serializer, list, &bytes, err);
    if (rc == 0)
        rc = crq_deserialize(bytes.data, bytes.len, &v, NULL, err);
    if (rc == 0)
        ck_assert(crq_value_equal(v, list));
    crq_value_free(v);
    crq_value_free(list);
    crq_buf_fini(&bytes);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_serializer serializer = (crq_serializer)_i;

    unit_fail_each_allocation(there_and_back, &serializer);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("serializer");

    tcase_add_test(tc, test_serializers_are_known_by_name);
    unit_add_rows(tc, test_the_serializer_is_recognised_by_the_bytes, readable);
    unit_add_rows(tc, test_other_bytes_are_refused_and_change_nothing,
            unreadable);
    tcase_add_test(tc, test_a_digit_is_json_or_msgpack);
    tcase_add_loop_test(tc, test_every_failing_allocation_is_reported,
            CRQ_PICKLE, CRQ_MSGPACK + 1);
    return unit_run("serializer", tc);
}
