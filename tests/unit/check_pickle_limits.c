/* check_pickle_limits.c - tests of codec/pickle.c: the size, the depth and the
 * time that a pickle may take. */
#include "pickles.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void repeat(struct crq_buf *buf, const char *text, size_t len,
        size_t times)
{
    for (size_t i = 0; i < times; i++)
        crq_buf_put(buf, text, len);
}

static void expect(struct crq_buf *buf, const struct crq_limits *limits,
        int code, const char *text)
{
    crq_value *v = NULL;
    crq_error err = { 0, "" };
    int rc;

    ck_assert_int_eq(buf->rc, 0);
    rc = crq_pickle_decode(buf->data, buf->len, limits, &v, &err);
    ck_assert_msg(rc == code, "%s (%s)", crq_error_name(rc), err.text);
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
    crq_value_free(v);
    crq_buf_fini(buf);
}

START_TEST(test_a_million_nested_containers_are_too_deep)
{
    static const struct {
        const char *before, *after;
    } nests[] = { { "]", "a" }, { ")", "\x85" }, { "", "\x85" }, { "(", "l" },
        { "(", "\x91" }, { "N}", "s" } };

    for (size_t i = 0; i < sizeof(nests) / sizeof(nests[0]); i++) {
        struct crq_buf buf = CRQ_BUF_INIT;
        bool keyed = nests[i].before[0] == 'N';

        if (keyed)
            repeat(&buf, "}", 1, 1);
        for (int n = 0; n < 1000000; n++)
            crq_buf_puts(&buf, nests[i].before);
        crq_buf_puts(&buf, "N");
        if (keyed)
            crq_buf_puts(&buf, "N");
        for (int n = 0; n < 1000000; n++)
            crq_buf_puts(&buf, nests[i].after);
        crq_buf_puts(&buf, ".");
        expect(&buf, NULL, CRQ_ELIMIT, "");
    }
}
END_TEST

START_TEST(test_depth_is_counted_exactly)
{
    struct crq_limits limits = { 0, 0, 3, false };
    struct crq_buf buf = CRQ_BUF_INIT;

    crq_buf_puts(&buf, "N\x85\x85\x85.");
    expect(&buf, &limits, 0, "");
    crq_buf_puts(&buf, "N\x85\x85\x85\x85.");
    expect(&buf, &limits, CRQ_ELIMIT, "nested too deep");
    /* also in what is not part of the result */
    crq_buf_puts(&buf, "(((NllllN.");
    expect(&buf, &limits, CRQ_ECODEC, "no MARK");
    crq_buf_puts(&buf, "((((Nllll0N.");
    expect(&buf, &limits, CRQ_ELIMIT, "nested too deep");
}
END_TEST

START_TEST(test_values_are_counted)
{
    static const char *const pickles[] = { "NNNNNNNN.", "((((((((N.",
        "N22222222.", "Nq\x01h\x01h\x01h\x01h\x01.", "N\x94\x94\x94\x94\x94.",
        "cbuiltins\nlist\nq\x01(((NNl\x85q\x02h\x01h\x02Rh\x01h\x02R." };
    struct crq_limits limits = { 0, 5, 0, false };

    for (size_t i = 0; i < sizeof(pickles) / sizeof(pickles[0]); i++) {
        struct crq_buf buf = CRQ_BUF_INIT;

        crq_buf_puts(&buf, pickles[i]);
        expect(&buf, &limits, CRQ_ELIMIT, "more than 5 values");
    }
}
END_TEST

START_TEST(test_bytes_are_counted)
{
    struct crq_limits limits = { 60, 0, 0, false };
    struct crq_buf buf = CRQ_BUF_INIT;

    repeat(&buf, "N", 1, 60);
    crq_buf_puts(&buf, ".");
    expect(&buf, &limits, CRQ_ELIMIT, "a pickle of 61 bytes; 60 are the limit");
    /* one text, made again and again */
    crq_buf_puts(&buf,
            "cbuiltins\nbytes\nq\x01"
            "C\x14"
            "01234567890123456789\x85q\x02R"
            "h\x01h\x02Rh\x01h\x02R.");
    expect(&buf, &limits, CRQ_ELIMIT, "offset 53: more than 60 bytes of text");
    /* Latin-1 becomes longer */
    limits.max_bytes = 10;
    crq_buf_puts(&buf, "V12345678\n.");
    expect(&buf, &limits, CRQ_ELIMIT, "a pickle of 11 bytes");
    crq_buf_puts(&buf, "V\xe9\xe9\xe9\xe9\xe9\xe9\n.");
    expect(&buf, &limits, CRQ_ELIMIT, "offset 0: more than 10 bytes of text");
}
END_TEST

START_TEST(test_a_memo_that_skips_ahead_takes_no_memory)
{
    struct crq_limits limits = { 0, 100, 0, false };
    struct crq_buf buf = CRQ_BUF_INIT;

    repeat(&buf, "N0", 2, 40);
    crq_buf_puts(&buf, "Nq\x50h\x50.");
    expect(&buf, &limits, 0, "");
    crq_buf_puts(&buf, "Nr\x64");
    repeat(&buf, "\0", 1, 3);
    repeat(&buf, "\x95\0\0\0\0\0\0\0\0", 9, 20);
    crq_buf_puts(&buf, ".");
    expect(&buf, &limits, CRQ_ELIMIT, "memo entry 100 is far beyond");
}
END_TEST

/* t = (t, t), fifty times: 2^50 parts when they are walked one by one. */
START_TEST(test_shared_parts_are_walked_once)
{
    struct crq_buf buf = CRQ_BUF_INIT, out = CRQ_BUF_INIT, again = CRQ_BUF_INIT;
    crq_value *v, *w;

    crq_buf_puts(&buf, "]");
    repeat(&buf, "2\x86", 2, 50);
    crq_buf_puts(&buf, ".");
    v = pickles_decode(buf.data, buf.len);
    pickles_encode(v, &out);
    ck_assert_uint_lt(out.len, 300);
    w = pickles_decode(out.data, out.len);
    pickles_encode(w, &again);
    ck_assert_str_eq(out.data, again.data);
    ck_assert_uint_eq(out.len, again.len);
    ck_assert_ptr_eq(crq_value_item(w, 0), crq_value_item(w, 1));
    crq_value_free(v);
    crq_value_free(w);
    crq_buf_fini(&buf);
    crq_buf_fini(&out);
    crq_buf_fini(&again);
}
END_TEST

static const struct {
    const char *start; /* makes a key, memo entry 1 */
    size_t start_len;
    const char *step; /* repeated */
    size_t step_len;
    const char *put; /* repeated: puts it into memo entry 0 */
    size_t put_len;
} keys[] = {
    /* a key of 2^30 parts */
    { P("}q\0N"), P("2\x86"), P("q\1h\0h\1Ns") },
    { P("}q\0("), P("\x91q\1(h\1h\1\x86"), P("\x91q\1h\0h\1Ns") },
    /* one of the longest allowed, over and over */
    { P("}q\0("), P("K\1"), P("tq\1h\0h\1Ns0h\0h\1Ns0h\0h\1Ns0h\0h\1Ns0") },
};

/* The time of this process for a pickle of a million small things. Others are
 * measured by it: the machine may be slow, or a checker's emulated one. */
static clock_t usual_time(void)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    clock_t begun = clock();
    crq_value *v;

    crq_buf_puts(&buf, "(");
    repeat(&buf, "K\1", 2, 1000000);
    crq_buf_puts(&buf, "t.");
    v = pickles_decode(buf.data, buf.len);
    crq_value_free(v);
    crq_buf_fini(&buf);
    return clock() - begun + 1;
}

/* Much for a slow machine, nothing for what doubles with each of 30 steps. */
#define USUAL_TIMES 100

START_TEST(test_hostile_keys_take_no_time)
{
    static const size_t steps[] = { 30, 30, 9900 };
    struct crq_buf buf = CRQ_BUF_INIT;
    clock_t usual = usual_time(), begun = clock();
    crq_value *v = NULL;
    int rc;

    crq_buf_put(&buf, keys[_i].start, keys[_i].start_len);
    repeat(&buf, keys[_i].step, keys[_i].step_len, steps[_i]);
    crq_buf_put(&buf, keys[_i].put, keys[_i].put_len);
    repeat(&buf, "h\0h\1Ns0", 7, _i == 2 ? 100000 : 10);
    crq_buf_puts(&buf, "N.");
    rc = crq_pickle_decode(buf.data, buf.len, NULL, &v, NULL);
    ck_assert_int_eq(rc, CRQ_ELIMIT);
    ck_assert_int_lt((clock() - begun) / usual, USUAL_TIMES);
    crq_buf_fini(&buf);
}
END_TEST

/* Equal sets of sets of sets, made twice: comparing them member by member,
 * each looked up in the other, must not double with every level. */
START_TEST(test_nested_sets_are_compared_in_bounded_time)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    clock_t usual = usual_time(), begun = clock();
    crq_value *v = NULL;
    crq_error err;
    int rc;

    crq_buf_puts(&buf, "}p40\n0");
    for (int copy = 0; copy < 2; copy++) {
        /* a and b; then {a, b} and {a, b, None}, and so on */
        crq_buf_puts(&buf, "(K\1\x91p0\n0(K\2\x91p1\n0");
        for (int level = 0; level < 9; level++)
            crq_buf_puts(&buf, "(g0\ng1\n\x91(g0\ng1\nN\x91p1\n0p0\n0");
        for (int i = 0; i < 20; i++)
            crq_buf_puts(&buf, "g40\ng0\nNs0");
    }
    crq_buf_puts(&buf, "g40\n.");
    rc = crq_pickle_decode(buf.data, buf.len, NULL, &v, &err);
    unit_ok(rc, &err);
    ck_assert_int_lt((clock() - begun) / usual, USUAL_TIMES);
    ck_assert_uint_eq(crq_value_count(v), 1);
    crq_value_free(v);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_unfinished_objects_are_few)
{
    struct crq_buf buf = CRQ_BUF_INIT;

    crq_buf_puts(&buf, UUID_CLASS "q\1");
    for (int i = 0; i < 200; i++)
        crq_buf_puts(&buf, "h\1)\x81");
    crq_buf_puts(&buf, ".");
    expect(&buf, NULL, CRQ_ELIMIT, "too many unfinished objects");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pickle_limits");

    tcase_add_test(tc, test_a_million_nested_containers_are_too_deep);
    tcase_add_test(tc, test_depth_is_counted_exactly);
    tcase_add_test(tc, test_values_are_counted);
    tcase_add_test(tc, test_bytes_are_counted);
    tcase_add_test(tc, test_a_memo_that_skips_ahead_takes_no_memory);
    tcase_add_test(tc, test_shared_parts_are_walked_once);
    unit_add_rows(tc, test_hostile_keys_take_no_time, keys);
    tcase_add_test(tc, test_nested_sets_are_compared_in_bounded_time);
    tcase_add_test(tc, test_unfinished_objects_are_few);
    return unit_run("pickle_limits", tc);
}
