/* check_result.c - tests of model/result.c: reading entries of the stream. */
#include "unit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "codec/zip.h"
#include "model/result.h"
#include "reply.h"

/* [id, [name, value, ...]] */
static crq_reply *entry(const char *id, ...)
{
    struct crq_buf resp = CRQ_BUF_INIT;
    const char *words[40];
    size_t count = 0;
    va_list ap;

    va_start(ap, id);
    do {
        ck_assert_uint_lt(count, 40);
        words[count] = va_arg(ap, const char *);
    } while (words[count++] != NULL);
    va_end(ap);
    count--;
    reply_put_array(&resp, 2);
    reply_put_text(&resp, id, strlen(id));
    reply_put_array(&resp, count);
    for (size_t i = 0; i < count; i++)
        reply_put_text(&resp, words[i], strlen(words[i]));
    return reply_take(&resp);
}

static crq_result *read_entry(crq_reply *reply)
{
    crq_result *result = NULL;
    crq_error err;

    unit_ok(crq_result_from_entry(reply, &result, &err), &err);
    crq_reply_free(reply);
    return result;
}

/* zlib.compress() and base64 of a text, to be freed. */
static char *packed(const char *text, size_t len)
{
    struct crq_buf zlib = CRQ_BUF_INIT, base64 = CRQ_BUF_INIT;
    crq_error err;
    char *out;

    unit_ok(crq_zip_deflate(text, len, &zlib, &err), &err);
    unit_ok(crq_base64_encode(zlib.data, zlib.len, &base64, &err), &err);
    unit_ok(crq_buf_steal(&base64, &out, NULL, &err), &err);
    crq_buf_fini(&zlib);
    return out;
}

START_TEST(test_an_entry_of_rq_is_read_whole)
{
    crq_result *result = read_entry(entry("1795262400123-4", "type", "1",
            "worker_name", "host.1", "return_value", "gAVLKi4=", "execution_id",
            "0123abcd", "execution_started_at", "1795262399.25",
            "execution_ended_at", "1795262400.100001", "new", "field", NULL));

    ck_assert_str_eq(crq_result_id(result), "1795262400123-4");
    ck_assert_int_eq(crq_result_type_of(result), CRQ_RESULT_SUCCESSFUL);
    ck_assert_int_eq(crq_result_created_us(result), 1795262400123000);
    ck_assert_str_eq(crq_result_worker_name(result), "host.1");
    ck_assert_int_eq(crq_value_int(crq_result_return_value(result)), 42);
    ck_assert_str_eq(crq_result_execution_id(result), "0123abcd");
    ck_assert_int_eq(crq_result_started_us(result), 1795262399250000);
    ck_assert_int_eq(crq_result_ended_us(result), 1795262400100001);
    ck_assert_ptr_null(crq_result_exc_string(result));
    ck_assert_ptr_null(crq_result_problem(result));
    crq_result_free(result);
}
END_TEST

START_TEST(test_what_an_entry_lacks_is_unset)
{
    crq_result *result =
            read_entry(entry("1-0", "type", "1", "worker_name", "", NULL));

    ck_assert_ptr_null(crq_result_worker_name(result));
    ck_assert_ptr_null(crq_result_execution_id(result));
    ck_assert_ptr_null(crq_result_return_value(result));
    ck_assert_int_eq(crq_result_started_us(result), CRQ_UNSET);
    ck_assert_int_eq(crq_result_ended_us(result), CRQ_UNSET);
    ck_assert_ptr_null(crq_result_problem(result));
    crq_result_free(result);
}
END_TEST

static const struct {
    const char *text;
    crq_result_type type;
    const char *name;
} types[] = {
    { "1", CRQ_RESULT_SUCCESSFUL, "successful" },
    { "2", CRQ_RESULT_FAILED, "failed" },
    { "3", CRQ_RESULT_STOPPED, "stopped" },
    { "4", CRQ_RESULT_RETRIED, "retried" },
    { "5", CRQ_RESULT_MAX_RETRIES_EXCEEDED, "max_retries_exceeded" },
};

START_TEST(test_every_type_of_rq_is_known)
{
    crq_result *result = read_entry(entry("1-0", "type", types[_i].text, NULL));

    ck_assert_int_eq(crq_result_type_of(result), types[_i].type);
    ck_assert_str_eq(crq_result_type_name(types[_i].type), types[_i].name);
    crq_result_free(result);
}
END_TEST

static const char *const no_types[] = { "", "0", "6", "-1", "1x", " 1", "11",
    "99999999999999999999", "successful" };

START_TEST(test_an_entry_of_an_unknown_type_is_refused)
{
    crq_reply *reply = entry("1-0", "type", no_types[_i], NULL);
    crq_result *result = NULL;
    crq_error err;

    ck_assert_int_eq(crq_result_from_entry(reply, &result, &err), CRQ_ECODEC);
    ck_assert_str_eq(err.text, "result 1-0 is of no type that RQ writes");
    ck_assert_ptr_null(result);
    crq_reply_free(reply);
}
END_TEST

#define LONG "123456789012345678901234567890123456789012345678901234567890"

static const char *const no_entries[] = { "$-1\r\n", ":1\r\n", "*0\r\n",
    "*1\r\n$3\r\n1-0\r\n", "*2\r\n*0\r\n*0\r\n", "*2\r\n:1\r\n*0\r\n",
    "*2\r\n$3\r\n1-0\r\n$1\r\na\r\n", "*2\r\n$3\r\n1-0\r\n*1\r\n$4\r\ntype\r\n",
    "*2\r\n$3\r\n1-0\r\n*2\r\n$4\r\ntype\r\n*0\r\n",
    "*2\r\n$3\r\n1-0\r\n*2\r\n*0\r\n$1\r\n1\r\n",
    "*2\r\n$60\r\n" LONG "\r\n*2\r\n$4\r\ntype\r\n$1\r\n1\r\n" };

START_TEST(test_a_reply_that_is_no_entry_is_refused)
{
    struct crq_buf resp = CRQ_BUF_INIT;
    crq_result *result = NULL;
    crq_reply *reply;

    crq_buf_puts(&resp, no_entries[_i]);
    reply = reply_take(&resp);
    ck_assert_int_eq(crq_result_from_entry(reply, &result, NULL), CRQ_ECODEC);
    ck_assert_ptr_null(result);
    crq_reply_free(reply);
}
END_TEST

static const struct {
    const char *id;
    int64_t created_us;
} ids[] = {
    { "0-1", 0 },
    { "9223372036854774-0", INT64_C(9223372036854774000) },
    { "9223372036854775807-0", CRQ_UNSET },
    { "18446744073709551615-18446744073709551615", CRQ_UNSET },
};

START_TEST(test_a_time_of_an_id_beyond_all_times_is_unset)
{
    crq_result *result = read_entry(entry(ids[_i].id, "type", "2", NULL));

    ck_assert_int_eq(crq_result_created_us(result), ids[_i].created_us);
    ck_assert_str_eq(crq_result_id(result), ids[_i].id);
    crq_result_free(result);
}
END_TEST

static const struct {
    const char *text;
    int64_t us;
} times[] = {
    { "0", 0 },
    { "-1.5", -1500000 },
    { "1795262400.999999", 1795262400999999 },
    { "1e12", INT64_C(1000000000000000000) },
    { "1.1e12", CRQ_UNSET },
    { "1e400", CRQ_UNSET },
    { "nan", CRQ_UNSET },
    { "-inf", CRQ_UNSET },
    { "", CRQ_UNSET },
    { "12 ", CRQ_UNSET },
    { "soon", CRQ_UNSET },
};

START_TEST(test_a_time_that_is_no_number_is_unset)
{
    crq_result *result = read_entry(entry("1-0", "type", "2",
            "execution_started_at", times[_i].text, NULL));

    ck_assert_int_eq(crq_result_started_us(result), times[_i].us);
    crq_result_free(result);
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t len;
    const char *want, *problem;
} errors[] = {
    { BYTES("Traceback ...\nValueError: caf\xc3\xa9\n"),
            "Traceback ...\nValueError: caf\xc3\xa9\n", NULL },
    { BYTES(""), NULL, NULL },
    { BYTES("a\0b"), "a?b", NULL },
    { BYTES("a\xff"), NULL, "exc_string: byte 1 is not text" },
};

START_TEST(test_the_text_of_an_error_is_unpacked)
{
    char *exc = packed(errors[_i].text, errors[_i].len);
    crq_result *result =
            read_entry(entry("1-0", "type", "2", "exc_string", exc, NULL));

    if (errors[_i].want != NULL)
        ck_assert_str_eq(crq_result_exc_string(result), errors[_i].want);
    else
        ck_assert_ptr_null(crq_result_exc_string(result));
    if (errors[_i].problem != NULL)
        ck_assert_str_eq(crq_result_problem(result), errors[_i].problem);
    else
        ck_assert_ptr_null(crq_result_problem(result));
    crq_result_free(result);
    crq_text_free(exc);
}
END_TEST

/* What is damaged is named; the rest of the entry is there. */
static const struct {
    const char *field, *bytes;
} damaged[] = {
    { "exc_string", "*not base64*" },
    { "exc_string", "bm90IHpsaWI=" },
    { "exc_string", "eJw=" },
    { "return_value", "*not base64*" },
    { "return_value", "" },
    { "return_value", "anVuaw==" },
    { "return_value", "gAVLKg==" },                     /* no STOP */
    { "return_value", "Y29zCnN5c3RlbQooUydpZCcKdFIu" }, /* os.system */
    { "worker_name", "\xff" },
    { "execution_id", "a\xed\xa0\x80" },
};

START_TEST(test_a_damaged_field_is_named_and_the_rest_read)
{
    crq_result *result = read_entry(entry("1-0", "type", "2", damaged[_i].field,
            damaged[_i].bytes, "execution_started_at", "5", NULL));
    const char *problem = crq_result_problem(result);
    size_t len = strlen(damaged[_i].field);

    ck_assert_ptr_nonnull(problem);
    ck_assert_msg(strncmp(problem, damaged[_i].field, len) == 0 &&
                    strncmp(problem + len, ": ", 2) == 0,
            "%s", problem);
    ck_assert_ptr_null(crq_result_exc_string(result));
    ck_assert_ptr_null(crq_result_return_value(result));
    ck_assert_ptr_null(crq_result_worker_name(result));
    ck_assert_ptr_null(crq_result_execution_id(result));
    ck_assert_int_eq(crq_result_started_us(result), 5000000);
    crq_result_free(result);
}
END_TEST

START_TEST(test_a_field_that_comes_twice_counts_once)
{
    crq_result *result = read_entry(entry("1-0", "type", "1", "type", "2",
            "return_value", "gAVLKi4=", "return_value",
            "gAVLBy4=", "worker_name", "a", "worker_name", "b", NULL));

    ck_assert_int_eq(crq_result_type_of(result), CRQ_RESULT_FAILED);
    ck_assert_int_eq(crq_value_int(crq_result_return_value(result)), 7);
    ck_assert_str_eq(crq_result_worker_name(result), "b");
    crq_result_free(result);
}
END_TEST

START_TEST(test_an_error_that_would_fill_the_memory_is_refused)
{
    size_t len = (size_t)65 << 20;
    char *text = calloc(1, len), *exc = packed(text, len);
    crq_result *result =
            read_entry(entry("1-0", "type", "2", "exc_string", exc, NULL));

    ck_assert_ptr_null(crq_result_exc_string(result));
    ck_assert_ptr_nonnull(crq_result_problem(result));
    crq_result_free(result);
    crq_text_free(exc);
    free(text);
}
END_TEST

/* What finish.lua publishes. */
static const struct {
    const char *message;
    int rc;
    crq_result_type type;
    int64_t value;   /* 0: None */
    const char *exc; /* NULL: none */
} messages[] = {
    { "{\"id\":\"a\",\"status\":\"finished\",\"return_value\":\"gAVLKi4=\"}", 0,
            CRQ_RESULT_SUCCESSFUL, 42, NULL },
    { "{\"id\":\"a\",\"status\":\"finished\"}", 0, CRQ_RESULT_SUCCESSFUL, 0,
            NULL },
    { "{\"status\":\"failed\",\"exc_string\":\"eJxLBAAAYgBi\"}", 0,
            CRQ_RESULT_FAILED, 0, "a" },
    { "{\"status\":\"stopped\",\"exc_string\":\"eJxLBAAAYgBi\"}", 0,
            CRQ_RESULT_FAILED, 0, "a" },
    { "{\"status\":\"failed\"}", 0, CRQ_RESULT_FAILED, 0, NULL },
    { "{\"status\":\"canceled\"}", CRQ_ENOTFOUND, 0, 0, NULL },
    { "{\"status\":1}", CRQ_ECODEC, 0, 0, NULL },
    { "{}", CRQ_ECODEC, 0, 0, NULL },
    { "[]", CRQ_ECODEC, 0, 0, NULL },
    { "null", CRQ_ECODEC, 0, 0, NULL },
};

START_TEST(test_a_message_says_what_an_entry_would)
{
    const char *text = messages[_i].message;
    crq_value *v;
    crq_result *result = NULL;
    crq_error err;

    unit_ok(crq_value_from_json(text, strlen(text), &v, &err), &err);
    ck_assert_int_eq(crq_result_from_message(v, &result, &err),
            messages[_i].rc);
    if (messages[_i].rc == 0) {
        const crq_value *value = crq_result_return_value(result);

        ck_assert_int_eq(crq_result_type_of(result), messages[_i].type);
        ck_assert_int_eq(value != NULL ? crq_value_int(value) : 0,
                messages[_i].value);
        ck_assert_pstr_eq(crq_result_exc_string(result), messages[_i].exc);
    }
    crq_result_free(result);
    crq_value_free(v);
}
END_TEST

static int read_it(void *arg, crq_error *err)
{
    crq_result *result;
    int rc = crq_result_from_entry(arg, &result, err);

    if (rc < 0)
        return rc;
    ck_assert_ptr_null(crq_result_problem(result));
    crq_result_free(result);
    return 0;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    char *exc = packed(BYTES("Traceback"));
    crq_reply *reply =
            entry("1-0", "type", "1", "worker_name", "w", "return_value",
                    "gAVLKi4=", "exc_string", exc, "execution_id", "x", NULL);

    unit_fail_each_allocation(read_it, reply);
    crq_reply_free(reply);
    crq_text_free(exc);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("result");

    tcase_add_test(tc, test_an_entry_of_rq_is_read_whole);
    tcase_add_test(tc, test_what_an_entry_lacks_is_unset);
    unit_add_rows(tc, test_every_type_of_rq_is_known, types);
    unit_add_rows(tc, test_an_entry_of_an_unknown_type_is_refused, no_types);
    unit_add_rows(tc, test_a_reply_that_is_no_entry_is_refused, no_entries);
    unit_add_rows(tc, test_a_time_of_an_id_beyond_all_times_is_unset, ids);
    unit_add_rows(tc, test_a_time_that_is_no_number_is_unset, times);
    unit_add_rows(tc, test_the_text_of_an_error_is_unpacked, errors);
    unit_add_rows(tc, test_a_damaged_field_is_named_and_the_rest_read, damaged);
    tcase_add_test(tc, test_a_field_that_comes_twice_counts_once);
    tcase_add_test(tc, test_an_error_that_would_fill_the_memory_is_refused);
    unit_add_rows(tc, test_a_message_says_what_an_entry_would, messages);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("result", tc);
}
