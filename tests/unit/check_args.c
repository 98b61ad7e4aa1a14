/* check_args.c - tests of redis/args.c. */
#include "unit.h"

#include <string.h>

#include "redis/args.h"

START_TEST(test_words_keep_their_bytes_and_lengths)
{
    struct crq_args args;
    crq_error err;
    size_t len;

    crq_args_init(&args);
    crq_args_list(&args, "SET", "key", NULL);
    crq_args_put(&args, "a\0b", 3);
    crq_args_puts(&args, "");
    crq_args_puti(&args, INT64_MIN);
    unit_ok(crq_args_check(&args, &err), &err);
    ck_assert_uint_eq(args.count, 5);
    ck_assert_mem_eq(crq_args_word(&args, 2, &len), "a\0b", 3);
    ck_assert_uint_eq(len, 3);
    (void)crq_args_word(&args, 3, &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(crq_args_word(&args, 4, &len), "-9223372036854775808");
    crq_args_clear(&args);
    ck_assert_uint_eq(args.count, 0);
    crq_args_fini(&args);
}
END_TEST

START_TEST(test_a_command_is_encoded_as_redis_reads_it)
{
    struct crq_args head, args;
    struct crq_buf out = CRQ_BUF_INIT;

    crq_args_init(&head);
    crq_args_init(&args);
    crq_args_list(&args, "GET", "0123456789", "", NULL);
    ck_assert_int_eq(crq_args_encode(NULL, &args, &out), 0);
    ck_assert_str_eq(crq_buf_text(&out),
            "*3\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n$0\r\n\r\n");
    crq_args_puts(&head, "EVAL");
    crq_buf_clear(&out);
    ck_assert_int_eq(crq_args_encode(&head, &args, &out), 0);
    ck_assert_str_eq(crq_buf_text(&out),
            "*4\r\n$4\r\nEVAL\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n$0\r\n\r\n");
    ck_assert_uint_eq(strlen(out.data), out.len);
    crq_args_fini(&head);
    crq_args_fini(&args);
    crq_buf_fini(&out);
}
END_TEST

static int collect(void *arg, crq_error *err)
{
    struct crq_args args;
    struct crq_buf out = CRQ_BUF_INIT;
    int rc;

    (void)arg;
    crq_args_init(&args);
    for (int i = 0; i < 100; i++)
        crq_args_list(&args, "word", "another", NULL);
    rc = crq_args_check(&args, err);
    if (rc == 0) {
        (void)crq_args_encode(NULL, &args, &out);
        rc = crq_buf_check(&out, err);
    }
    crq_args_fini(&args);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(collect, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("args");

    tcase_add_test(tc, test_words_keep_their_bytes_and_lengths);
    tcase_add_test(tc, test_a_command_is_encoded_as_redis_reads_it);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("args", tc);
}
