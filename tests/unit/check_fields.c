/* check_fields.c - tests of model/fields.c. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "model/fields.h"
#include "reply.h"

static struct crq_fields fields;

static void set_up(void)
{
    crq_fields_init(&fields);
}

static void tear_down(void)
{
    crq_fields_fini(&fields);
}

static void decode(crq_reply *reply)
{
    crq_error err;

    unit_ok(crq_fields_decode(&fields, reply, &err), &err);
    crq_reply_free(reply);
}

static void decode_one(const char *name, const void *bytes, size_t len)
{
    struct crq_buf resp = CRQ_BUF_INIT;

    reply_put_array(&resp, 2);
    reply_put_text(&resp, name, strlen(name));
    reply_put_text(&resp, bytes, len);
    decode(reply_take(&resp));
}

/* ---- reading ---- */

#define BYTES(text) text, sizeof(text) - 1
#define NOON        INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

/* What a field reads as; a problem names what it doesn't. */
static const struct {
    const char *name, *bytes;
    size_t len;
    enum crq_field field;
    int64_t number;
    const char *problem;
} rows[] = {
    { "created_at", BYTES("2026-11-21T12:00:00.000000Z"), CRQ_FIELD_CREATED_AT,
            NOON, NULL },
    { "created_at", BYTES("2026-11-21T12:00:00Z"), CRQ_FIELD_CREATED_AT, NOON,
            NULL },
    { "created_at", BYTES("2026-11-21T12:00:00.1Z"), CRQ_FIELD_CREATED_AT,
            NOON + 100000, NULL },
    { "started_at", BYTES("2026-11-21T12:00:00.12Z"), CRQ_FIELD_STARTED_AT,
            NOON + 120000, NULL },
    { "ended_at", BYTES("2026-11-21T12:00:00.123Z"), CRQ_FIELD_ENDED_AT,
            NOON + 123000, NULL },
    { "enqueued_at", BYTES("2026-11-21T12:00:00.1234Z"), CRQ_FIELD_ENQUEUED_AT,
            NOON + 123400, NULL },
    { "last_heartbeat", BYTES("2026-11-21T12:00:00.12345Z"),
            CRQ_FIELD_LAST_HEARTBEAT, NOON + 123450, NULL },
    { "ended_at", BYTES("2026-11-21T12:00:00.123456Z"), CRQ_FIELD_ENDED_AT,
            NOON + 123456, NULL },
    { "ended_at", BYTES("yesterday"), CRQ_FIELD_ENDED_AT, CRQ_UNSET,
            "field 'ended_at': " },
    { "ended_at", BYTES("2026-02-30T12:00:00Z"), CRQ_FIELD_ENDED_AT, CRQ_UNSET,
            "field 'ended_at': " },
    { "ended_at", BYTES("2026-11-21T12:00:00Z\0"), CRQ_FIELD_ENDED_AT,
            CRQ_UNSET, "field 'ended_at': " },

    { "timeout", BYTES("180"), CRQ_FIELD_TIMEOUT, 180, NULL },
    { "timeout", BYTES("-1"), CRQ_FIELD_TIMEOUT, -1, NULL },
    { "timeout", BYTES("1h"), CRQ_FIELD_TIMEOUT, 3600, NULL },
    { "timeout", BYTES("2D"), CRQ_FIELD_TIMEOUT, 172800, NULL },
    { "timeout", BYTES("180.0"), CRQ_FIELD_TIMEOUT, 180, NULL },
    { "result_ttl", BYTES("0"), CRQ_FIELD_RESULT_TTL, 0, NULL },
    { "ttl", BYTES("9223372036854775807"), CRQ_FIELD_TTL, INT64_MAX, NULL },
    { "ttl", BYTES("9223372036854775808"), CRQ_FIELD_TTL, CRQ_UNSET,
            "field 'ttl': '9223372036854775808' is not a whole number" },
    { "ttl", BYTES("-9223372036854775808"), CRQ_FIELD_TTL, CRQ_UNSET,
            "field 'ttl': '-9223372036854775808' is not a whole number" },
    { "failure_ttl", BYTES("1h30"), CRQ_FIELD_FAILURE_TTL, CRQ_UNSET,
            "field 'failure_ttl': '1h30' is not a whole number" },
    { "retries_left", BYTES("None"), CRQ_FIELD_RETRIES_LEFT, CRQ_UNSET,
            "field 'retries_left': 'None' is not a whole number" },
    { "retries_left", BYTES("3\0"), CRQ_FIELD_RETRIES_LEFT, CRQ_UNSET,
            "field 'retries_left': byte 1 is not text" },
    { "retries_left", BYTES("\xff"), CRQ_FIELD_RETRIES_LEFT, CRQ_UNSET,
            "field 'retries_left': byte 0 is not text" },

    { "origin", BYTES("default"), CRQ_FIELD_ORIGIN, CRQ_UNSET, NULL },
    { "description", BYTES("caf\xc3\xa9 \n"), CRQ_FIELD_DESCRIPTION, CRQ_UNSET,
            NULL },
    { "data", BYTES("x\x9c\0\xff"), CRQ_FIELD_DATA, CRQ_UNSET, NULL },
    { "meta", BYTES("\x80\x05}\x94."), CRQ_FIELD_META, CRQ_UNSET, NULL },
    { "retry_intervals", BYTES("[1, 2]"), CRQ_FIELD_RETRY_INTERVALS, CRQ_UNSET,
            NULL },
    { "dependency_ids", BYTES("no JSON"), CRQ_FIELD_DEPENDENCY_IDS, CRQ_UNSET,
            NULL }, /* found out by who reads it as JSON */
};

START_TEST(test_a_field_reads_as_what_it_holds)
{
    decode_one(rows[_i].name, rows[_i].bytes, rows[_i].len);
    ck_assert_int_eq(fields.known[rows[_i].field].number, rows[_i].number);
    ck_assert_uint_eq(fields.known[rows[_i].field].len, rows[_i].len);
    ck_assert_mem_eq(fields.known[rows[_i].field].bytes, rows[_i].bytes,
            rows[_i].len + 1);
    ck_assert_uint_eq(fields.others_count, 0);
    if (rows[_i].problem == NULL) {
        ck_assert_int_eq(fields.problem.code, 0);
        return;
    }
    ck_assert_int_eq(fields.problem.code, CRQ_ECODEC);
    ck_assert_msg(strncmp(fields.problem.text, rows[_i].problem,
                          strlen(rows[_i].problem)) == 0,
            "%s", fields.problem.text);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len, bad;
} no_texts[] = {
    { BYTES("ab\xff"), 2 }, { BYTES("\xc3"), 0 }, { BYTES("a\0b"), 1 },
    { BYTES("a\xed\xa0\x80"), 1 }, /* a surrogate: Python can't decode it */
};

START_TEST(test_a_text_that_is_none_is_to_be_had_as_bytes_only)
{
    char problem[80];
    const char *bytes;
    size_t len;

    decode_one("worker_name", no_texts[_i].bytes, no_texts[_i].len);
    ck_assert_ptr_null(fields.known[CRQ_FIELD_WORKER_NAME].bytes);
    snprintf(problem, sizeof(problem),
            "field 'worker_name': byte %zu is not text", no_texts[_i].bad);
    ck_assert_str_eq(fields.problem.text, problem);
    bytes = crq_fields_find(&fields, "worker_name", &len);
    ck_assert_uint_eq(len, no_texts[_i].len);
    ck_assert_mem_eq(bytes, no_texts[_i].bytes, len);
}
END_TEST

START_TEST(test_an_empty_text_means_absent_in_every_field)
{
    for (int f = 0; f < CRQ_FIELD_COUNT; f++) {
        decode_one(crq_field_name((enum crq_field)f), "", 0);
        ck_assert_ptr_null(fields.known[f].bytes);
        ck_assert_int_eq(fields.known[f].number, CRQ_UNSET);
        ck_assert_ptr_null(crq_fields_find(&fields,
                crq_field_name((enum crq_field)f), NULL));
    }
    ck_assert_int_eq(fields.problem.code, 0);
}
END_TEST

START_TEST(test_unknown_fields_are_kept_as_they_are)
{
    size_t len;

    decode(reply_texts("rate_limit_key", "k", "status", "queued", "empty", "",
            "rate_limit_concurrency", "7", NULL));
    ck_assert_uint_eq(fields.others_count, 3);
    ck_assert_str_eq(crq_fields_find(&fields, "rate_limit_key", &len), "k");
    ck_assert_uint_eq(len, 1);
    ck_assert_str_eq(crq_fields_find(&fields, "rate_limit_concurrency", NULL),
            "7");
    ck_assert_str_eq(crq_fields_find(&fields, "empty", &len), "");
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(crq_fields_find(&fields, "status", NULL), "queued");
    ck_assert_ptr_null(crq_fields_find(&fields, "data", &len));
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(test_a_name_with_a_nul_passes_for_no_other_field)
{
    struct crq_buf resp = CRQ_BUF_INIT;

    reply_put_array(&resp, 2);
    reply_put_text(&resp, "result\0", 7);
    reply_put_text(&resp, "7", 1);
    decode(reply_take(&resp));
    ck_assert_ptr_null(crq_fields_find(&fields, "result", NULL));
    ck_assert_str_eq(fields.problem.text, "field '?': its name is not text");
}
END_TEST

START_TEST(test_the_first_problem_is_the_one_told)
{
    decode(reply_texts("ttl", "x", "timeout", "y", "origin", "q", NULL));
    ck_assert_str_eq(fields.problem.text,
            "field 'ttl': 'x' is not a whole number");
    ck_assert_str_eq(fields.known[CRQ_FIELD_TIMEOUT].bytes, "y");
    ck_assert_str_eq(fields.known[CRQ_FIELD_ORIGIN].bytes, "q");
}
END_TEST

static const char *const no_hashes[] = { "$4\r\nnone\r\n", ":1\r\n",
    "*1\r\n$1\r\na\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "*2\r\n*0\r\n$1\r\na\r\n",
    "*2\r\n$-1\r\n$1\r\na\r\n", "$-1\r\n", "-ERR no\r\n" };

START_TEST(test_a_reply_that_is_no_hash_is_refused)
{
    struct crq_buf resp = CRQ_BUF_INIT;
    crq_reply *reply;
    crq_error err;

    crq_buf_puts(&resp, no_hashes[_i]);
    reply = reply_take(&resp);
    ck_assert_int_eq(crq_fields_decode(&fields, reply, &err), CRQ_ECODEC);
    ck_assert_str_eq(err.text, "the reply is not a hash");
    crq_reply_free(reply);
}
END_TEST

/* ---- writing ---- */

/* These are written without their names, in this order. */
static const char *const bare[] = { "created_at", "data", "origin",
    "description", "timeout" };

#define BARE (sizeof(bare) / sizeof(bare[0]))

static void expect_words(const char *want)
{
    struct crq_buf got = CRQ_BUF_INIT;
    struct crq_args args;
    crq_error err;

    crq_args_init(&args);
    crq_fields_encode(&fields, &args);
    unit_ok(crq_args_check(&args, &err), &err);
    for (size_t i = 0; i < args.count; i++) {
        size_t len;
        const char *word = crq_args_word(&args, i, &len);

        crq_buf_put(&got, word, len);
        crq_buf_putc(&got, i >= BARE && (i - BARE) % 2 == 0 ? '=' : '\n');
    }
    ck_assert_str_eq(crq_buf_text(&got), want);
    crq_args_fini(&args);
    crq_buf_fini(&got);
}

START_TEST(test_a_field_that_is_not_set_is_not_written)
{
    crq_error err;

    unit_ok(crq_fields_set_text(&fields, CRQ_FIELD_DATA, "d", &err), &err);
    unit_ok(crq_fields_set_text(&fields, CRQ_FIELD_CREATED_AT, "c", &err),
            &err);
    unit_ok(crq_fields_set_text(&fields, CRQ_FIELD_ORIGIN, "o", &err), &err);
    unit_ok(crq_fields_set_text(&fields, CRQ_FIELD_META, "m", &err), &err);
    expect_words("c\nd\no\n\n\nmeta=m\n");
}
END_TEST

/* status and enqueued_at neither: the scripts know them. */
START_TEST(test_every_field_is_written_but_the_old_results)
{
    crq_error err;

    for (int f = CRQ_FIELD_COUNT - 1; f >= 0; f--)
        unit_ok(crq_fields_set_number(&fields, (enum crq_field)f, f, &err),
                &err);
    expect_words("0\n1\n3\n4\n11\n"
                 "started_at=6\nended_at=7\nlast_heartbeat=8\n"
                 "worker_name=9\ngroup_id=10\nresult_ttl=12\n"
                 "failure_ttl=13\nttl=14\nmeta=15\ndependency_id=16\n"
                 "dependency_ids=17\nallow_dependency_failures=18\n"
                 "enqueue_at_front=19\nenqueue_at_front_on_retry=20\n"
                 "retries_left=21\nnumber_of_retries=22\nretry_intervals=23\n"
                 "repeats_left=24\nrepeat_intervals=25\n"
                 "success_callback_name=26\nsuccess_callback_timeout=27\n"
                 "failure_callback_name=28\nfailure_callback_timeout=29\n"
                 "stopped_callback_name=30\nstopped_callback_timeout=31\n"
                 "webhooks=32\n");
}
END_TEST

START_TEST(test_a_field_that_is_set_again_has_the_new_value)
{
    crq_error err;

    unit_ok(crq_fields_set_time(&fields, CRQ_FIELD_CREATED_AT, NOON + 5, &err),
            &err);
    ck_assert_str_eq(fields.known[CRQ_FIELD_CREATED_AT].bytes,
            "2026-11-21T12:00:00.000005Z");
    ck_assert_int_eq(fields.known[CRQ_FIELD_CREATED_AT].number, NOON + 5);
    unit_ok(crq_fields_set_text(&fields, CRQ_FIELD_CREATED_AT, "", &err), &err);
    ck_assert_int_eq(fields.known[CRQ_FIELD_CREATED_AT].number, CRQ_UNSET);
    unit_ok(crq_fields_set(&fields, CRQ_FIELD_DATA, "a\0b", 3, &err), &err);
    ck_assert_uint_eq(fields.known[CRQ_FIELD_DATA].len, 3);
    unit_ok(crq_fields_set_number(&fields, CRQ_FIELD_TTL, INT64_MIN + 1, &err),
            &err);
    ck_assert_str_eq(fields.known[CRQ_FIELD_TTL].bytes, "-9223372036854775807");
}
END_TEST

/* Reads back what is written: field by field the same. */
START_TEST(test_what_is_written_reads_as_it_was)
{
    struct crq_fields copy;
    struct crq_buf resp = CRQ_BUF_INIT;
    struct crq_args args;

    decode(reply_texts("created_at", "2026-11-21T12:00:00.500000Z", "data", "d",
            "origin", "q", "description", "f()", "timeout", "180", "meta", "m",
            NULL));
    crq_args_init(&args);
    crq_fields_encode(&fields, &args);
    reply_put_array(&resp, args.count + BARE);
    for (size_t i = 0; i < args.count; i++) {
        size_t len;
        const char *word = crq_args_word(&args, i, &len);

        if (i < BARE)
            reply_put_text(&resp, bare[i], strlen(bare[i]));
        reply_put_text(&resp, word, len);
    }
    crq_args_fini(&args);
    copy = fields;
    crq_fields_init(&fields);
    decode(reply_take(&resp));
    for (int f = 0; f < CRQ_FIELD_COUNT; f++) {
        ck_assert_uint_eq(fields.known[f].len, copy.known[f].len);
        ck_assert_int_eq(fields.known[f].number, copy.known[f].number);
    }
    crq_fields_fini(&copy);
}
END_TEST

static int read_all_kinds(void *arg, crq_error *err)
{
    struct crq_fields f;
    int rc;

    crq_fields_init(&f);
    rc = crq_fields_decode(&f, arg, err);
    if (rc == 0)
        rc = crq_fields_set_number(&f, CRQ_FIELD_TTL, 5, err);
    if (rc == 0)
        rc = crq_fields_set_time(&f, CRQ_FIELD_ENDED_AT, NOON, err);
    if (rc == 0)
        rc = crq_fields_set_text(&f, CRQ_FIELD_ORIGIN, "q", err);
    crq_fields_fini(&f);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    crq_reply *reply = reply_texts("created_at", "2026-11-21T12:00:00Z", "ttl",
            "1h", "new", "field", "another", "", "origin", "\xff", "data",
            "bytes", "timeout", "broken", NULL);

    unit_fail_each_allocation(read_all_kinds, reply);
    crq_reply_free(reply);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("fields");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc, test_a_field_reads_as_what_it_holds, rows);
    unit_add_rows(tc, test_a_text_that_is_none_is_to_be_had_as_bytes_only,
            no_texts);
    tcase_add_test(tc, test_an_empty_text_means_absent_in_every_field);
    tcase_add_test(tc, test_unknown_fields_are_kept_as_they_are);
    tcase_add_test(tc, test_a_name_with_a_nul_passes_for_no_other_field);
    tcase_add_test(tc, test_the_first_problem_is_the_one_told);
    unit_add_rows(tc, test_a_reply_that_is_no_hash_is_refused, no_hashes);
    tcase_add_test(tc, test_a_field_that_is_not_set_is_not_written);
    tcase_add_test(tc, test_every_field_is_written_but_the_old_results);
    tcase_add_test(tc, test_a_field_that_is_set_again_has_the_new_value);
    tcase_add_test(tc, test_what_is_written_reads_as_it_was);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("fields", tc);
}
