/*
 * check_pickle.c - tests of the pickle codec: the forms of a value, what is
 * shared, memory. What it refuses is in check_pickle_refused.c, its limits in
 * check_pickle_limits.c, what Pythons really write in check_pickle_golden.c.
 */
#include "pickles.h"

#include <math.h>
#include <string.h>

/* ---- the same value in other opcodes ---- */

/* Each pair must be read as one value: the second is as Python writes it now,
 * or as short as can be. */
static const struct {
    const char *pickle;
    size_t len;
    const char *plain;
    size_t plain_len;
} equals[] = {
    { P("I-12\n."), P("J\xf4\xff\xff\xff.") },
    { P("I01\n."), P("\x88.") },
    { P("I00\n."), P("\x89.") },
    { P("I1\n."), P("K\x01.") },
    { P("I99999999999999999999\n."), P("L99999999999999999999L\n.") },
    { P("L5\n."), P("K\x05.") },
    { P("L-5L\n."), P("\x8a\x01\xfb.") },
    { P("\x8a\0."), P("K\0.") },
    { P("\x8b\x03\0\0\0\xff\xff\0."), P("M\xff\xff.") },
    { P("\x8b\0\0\0\0."), P("K\0.") },
    { P("F1.5\n."), P("G\x3f\xf8\0\0\0\0\0\0.") },
    { P("F-inf\n."), P("G\xff\xf0\0\0\0\0\0\0.") },
    { P("F1e3\n."), P("G\x40\x8f\x40\0\0\0\0\0.") },
    { P("S'a'\n."),
            P("\x8c\x01"
              "a.") },
    { P("S\"it's\"\n."),
            P("\x8c\x04"
              "it's.") },
    { P("S'\\x41\\n\\'\\\"\\\\\\101\\q\\0\\a\\b\\f\\r\\t\\v'\n."),
            P("\x8c\x0f"
              "A\n'\"\\A\\q\0\a\b\f\r\t\v.") },
    { P("S'a'\r\n."),
            P("U\x01"
              "a.") },
    { P("S'\\xff\\xfe'\n."), P("C\x02\xff\xfe.") },
    { P("T\x02\0\0\0ab."), P("X\x02\0\0\0ab.") },
    { P("U\x02\xc3\xa9."), P("B\x02\0\0\0\xc3\xa9.") },
    { P("V\xe9\\u20ac\\U0001F600\\x\\\\u0041\\\n."),
            P("\x8c\x13\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\x\\\\u0041\\.") },
    { P("V\\ud800\n."), P("\x8c\x03\xed\xa0\x80.") },
    { P("\x8d\x01\0\0\0\0\0\0\0x."), P("Vx\n.") },
    { P("\x8e\x01\0\0\0\0\0\0\0x."), P("C\x01x.") },
    { P("(K\x01K\x02t."), P("K\x01K\x02\x86.") },
    { P("(t."), P(").") },
    { P("(K\x01K\x02l."),
            P("](K\x01K\x02"
              "e.") },
    { P("(K\x01K\x02"
        "d."),
            P("}K\x01K\x02s.") },
    { P("}(K\x01K\x02u."), P("}K\x01K\x02s.") },
    { P("\x8f(K\x01K\x01\x90."), P("\x8f(K\x01\x90.") },
    { P("NN0."), P("N.") },
    { P("N(0."), P("N.") },
    { P("N(K\x01K\x02"
        "1."),
            P("N.") },
    { P("K\x01"
        "2\x86."),
            P("K\x01K\x01\x86.") },
    { P("K\x07p5\n0g5\n."), P("K\x07.") },
    { P("K\x07q\x05"
        "0h\x05."),
            P("K\x07.") },
    { P("K\x07r\x05\0\0\0"
        "0j\x05\0\0\0."),
            P("K\x07.") },
    { P("K\x07\x94K\x08\x94h\x01h\0\x86."), P("K\x08K\x07\x86.") },
    { P("K\x07q\0K\x08q\0h\0."), P("K\x08.") },
    { P("N(K\x01K\x02tK\x03\x87."), P("N(K\x01K\x02tK\x03\x87.") },
    { P("\x80\x02\x95\x02\0\0\0\0\0\0\0N."), P("N.") },
    { P("N\x95\0\0\0\0\0\0\0\0."), P("N.") },
    { P("K\x01K\x02."), P("K\x02.") }, /* as Python: the rest is dropped */

    { P("c__builtin__\nset\n((K\x01ltR."), P("\x8f(K\x01\x90.") },
    { P("cbuiltins\nset\n)R."), P("\x8f.") },
    { P("cbuiltins\nfrozenset\n((K\x01ltR."), P("(K\x01\x91.") },
    { P("cbuiltins\nlist\n((K\x01ttR."),
            P("](K\x01"
              "e.") },
    { P("cbuiltins\ntuple\n(\x8f(K\x01\x90tR."), P("(K\x01t.") },
    { P("cbuiltins\nlist\n((K\x01\x91tR."),
            P("](K\x01"
              "e.") },
    { P("cbuiltins\ndict\n((K\x01K\x02"
        "dtR."),
            P("(K\x01K\x02"
              "d.") },
    { P("cbuiltins\ndict\n((K\x01K\x02\x86(K\x03K\x04lltR."),
            P("(K\x01K\x02K\x03K\x04"
              "d.") },
    { P("c__builtin__\nlong\n(K\x01tR."), P("K\x01.") },
    { P("c__builtin__\nunicode\n(Va\ntR."), P("Va\n.") },
    { P("cbuiltins\nfloat\n(F1.5\ntR."), P("F1.5\n.") },
    { P("cbuiltins\nbytes\n)R."), P("C\0.") },
    { P("cbuiltins\nbytes\n(C\x01xtR."), P("C\x01x.") },
    { P("cbuiltins\nbytes\n(V\xff\nVlatin-1\ntR."), P("C\x01\xff.") },
    { P("cbuiltins\nbytearray\n(V\xff\nVlatin-1\ntR."),
            P("\x96\x01\0\0\0\0\0\0\0\xff.") },
    { P("cbuiltins\nbytearray\n(C\x01xtR."), P("\x96\x01\0\0\0\0\0\0\0x.") },
    { P(ENCODE "\xe9\nVlatin1\ntR."), P("C\x01\xe9.") },
    { P("c_codecs\nencode\nVx\nVlatin-1\n\x86R."), P("C\x01x.") },

    { P("ccollections\nOrderedDict\n)RK\x01K\x02s."),
            P("ccollections\nOrderedDict\n)\x81K\x01K\x02s.") },
    { P("ccollections\nOrderedDict\n((K\x01K\x02\x86ltR."),
            P("ccollections\nOrderedDict\n)RK\x01K\x02s.") },
    { P("(icollections\nOrderedDict\n."), P("ccollections\nOrderedDict\n)R.") },
    { P("(ccollections\nOrderedDict\no."),
            P("ccollections\nOrderedDict\n)R.") },
    { P("(V1.5\nidecimal\nDecimal\n."), P("cdecimal\nDecimal\nV1.5\n\x85R.") },
    { P("(cdecimal\nDecimal\nV1.5\no."), P("cdecimal\nDecimal\nV1.5\n\x85R.") },
    { P("c_pydecimal\nDecimal\nV1.5\n\x85R."),
            P("cdecimal\nDecimal\nV1.5\n\x85R.") },
    { P("ccopyreg\n__newobj__\n(ccollections\nOrderedDict\ntR."),
            P("ccollections\nOrderedDict\n)R.") },
    { P("ccopyreg\n__newobj__\n(cdecimal\nDecimal\nV1\ntR."),
            P("cdecimal\nDecimal\nV1\n\x85R.") },
    { P("(cdecimal\nDecimal\nV1\n\x85Rcdecimal\nDecimal\nV1\n\x85Rt."),
            P("(cdecimal\nDecimal\nq\0V1\n\x85Rh\0V1\n\x85Rt.") },
    { P("crq.job\nRetry\n)\x81"
        "ccollections\nOrderedDict\n)RVa\nK\1sb."),
            P("crq.job\nRetry\n)\x81"
              "ccollections\nOrderedDict\n(("
              "Va\nK\1\x86ltRb.") },
    { P("crq.job\nRetry\n)\x81}K\1K\2sb."), P("(irq.job\nRetry\n}(K\1K\2ub.") },
    { P("}(L99999999999999999999L\nK\1K\2K\3u."),
            P("(L99999999999999999999L\nK\1K\2K\3d.") },
    { P("ccollections\nOrderedDict\n)}\x92."),
            P("ccollections\nOrderedDict\n)R.") },
    { P("Vdecimal\nVDecimal\n\x93V1\n\x85R."),
            P("cdecimal\nDecimal\nV1\n\x85R.") },

    { P(UUID_CLASS ")\x81}Vint\nK\x05sb."),
            P("ccopy_reg\n_reconstructor\n(" UUID_CLASS
              "c__builtin__\nobject\nNtR(Vint\nL5L\ndb.") },
    { P(UUID_CLASS ")\x81}(Vint\nK\x05Vis_safe\nK\0ub."),
            P(UUID_CLASS ")\x81}Vint\nK\x05sb.") },
    { P(UUID_CLASS ")\x81}(Vint\nK\x05Vis_safe\ncuuid\nSafeUUID\nN\x85Rub."),
            P(UUID_CLASS ")\x81}Vint\nK\x05sb.") },
    { P(UUID_CLASS ")}\x92}Vint\nK\x05sb."),
            P("(iuuid\nUUID\n}Vint\nK\x05sb.") },
    /* remembered before it has its attributes */
    { P(UUID_CLASS ")\x81q\0}Vint\nK\x05sb0h\0."),
            P(UUID_CLASS ")\x81}Vint\nK\x05sb.") },
    { P(UUID_CLASS "q\1)\x81q\0}Vint\nK\x05sb0h\1)\x81}Vint\nK\x06sb0h\0."),
            P(UUID_CLASS ")\x81}Vint\nK\x05sb.") },
    { P("crq.job\nRetry\n)\x81}(Vmax\nK\x03Vintervals\n](K\0eub."),
            P("ccopy_reg\n_reconstructor\n(crq.job\nRetry\n"
              "c__builtin__\nobject\nNtR}(Vmax\nK\x03Vintervals\n](K\0eub.") },

    { P("cdatetime\ndate\nC\x04\x07\xea\x0b\x15\x85R."),
            P("c_pydatetime\ndate\nU\x04\x07\xea\x0b\x15\x85R.") },
    { P("cdatetime\ntimezone.utc\n."), P(ZONE "K\0K\0K\0tRtR.") },
    { P("cdatetime\ntime\nC\x06\0\0\0\0\0\0N\x86R."),
            P("cdatetime\ntime\nC\x06\0\0\0\0\0\0\x85R.") },
};

START_TEST(test_a_value_is_the_same_in_every_form_of_it)
{
    crq_value *a = pickles_decode(equals[_i].pickle, equals[_i].len);
    crq_value *b = pickles_decode(equals[_i].plain, equals[_i].plain_len);
    struct crq_buf from_a = CRQ_BUF_INIT, from_b = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_value_type(a), crq_value_type(b));
    ck_assert(crq_value_equal(a, b));
    /* Equal to the last bit, and what the writer wrote is read again. */
    pickles_encode(a, &from_a);
    pickles_encode(b, &from_b);
    ck_assert_uint_eq(from_a.len, from_b.len);
    ck_assert_int_eq(memcmp(from_a.data, from_b.data, from_a.len), 0);
    crq_value_free(b);
    b = pickles_decode(from_a.data, from_a.len);
    ck_assert(crq_value_equal(a, b));
    crq_value_free(a);
    crq_value_free(b);
    crq_buf_fini(&from_a);
    crq_buf_fini(&from_b);
}
END_TEST

/* ---- sharing ---- */

START_TEST(test_what_is_shared_stays_shared)
{
    crq_value *v = pickles_decode(P("]q\0(]q\1h\1\x8c\2abq\2h\2e."));
    struct crq_buf out = CRQ_BUF_INIT;
    static const char want[] = "\x80\5\x95\x10\0\0\0\0\0\0\0]\x94(]\x94h\1"
                               "\x8c\2ab\x94h\2e.";

    ck_assert_ptr_eq(crq_value_item(v, 0), crq_value_item(v, 1));
    ck_assert_ptr_eq(crq_value_item(v, 2), crq_value_item(v, 3));
    pickles_encode(v, &out);
    ck_assert_uint_eq(out.len, sizeof(want) - 1);
    ck_assert_int_eq(memcmp(out.data, want, out.len), 0);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_the_empty_bytes_are_one_object)
{
    static const char want[] = "\x80\5\x95\x0a\0\0\0\0\0\0\0]\x94(C\0\x94"
                               "h\1e.";
    crq_value *v = pickles_decode(P("](C\0C\0e."));
    struct crq_buf out = CRQ_BUF_INIT;

    pickles_encode(v, &out);
    ck_assert_uint_eq(out.len, sizeof(want) - 1);
    ck_assert_int_eq(memcmp(out.data, want, out.len), 0);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_a_retry_that_is_shared_with_its_state_is_written_once)
{
    crq_value *v =
            pickles_decode(P("]q\0(}q\1crq.job\nRetry\n)\x81q\2h\1bh\2e."));
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *w;

    pickles_encode(v, &out);
    w = pickles_decode(out.data, out.len);
    ck_assert_ptr_eq(crq_value_item(w, 1), crq_value_item(w, 2));
    ck_assert_int_eq(crq_value_type(crq_value_item(w, 1)), CRQ_RETRY);
    crq_value_free(v);
    crq_value_free(w);
    crq_buf_fini(&out);
}
END_TEST

/* ---- writing ---- */

START_TEST(test_what_is_written_is_appended)
{
    struct crq_buf out = CRQ_BUF_INIT;

    crq_buf_puts(&out, "before");
    ck_assert_int_eq(crq_pickle_encode(NULL, &out, NULL), 0);
    ck_assert_uint_eq(out.len, 10);
    ck_assert_int_eq(memcmp(out.data, "before\x80\5N.", 11), 0);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_what_cannot_be_written_leaves_the_buffer_as_it_was)
{
    struct crq_buf out;
    crq_value *v = crq_value_new_list(), *deep = crq_value_new_list();
    crq_error err;

    crq_buf_init(&out, 20);
    crq_buf_puts(&out, "before");
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(crq_value_add(v, crq_value_new_int(i)), 0);
    ck_assert_int_eq(crq_pickle_encode(v, &out, &err), CRQ_ELIMIT);
    ck_assert_str_eq(out.data, "before");
    crq_buf_clear(&out);
    ck_assert_int_eq(crq_value_add(v, crq_value_ref(v)), 0);
    ck_assert_int_eq(crq_pickle_encode(v, &out, &err), CRQ_EUNSUPPORTED);
    ck_assert_str_eq(err.text, "a list contains itself");
    crq_value_clear(v);
    for (int i = 0; i < 300; i++) {
        crq_value *outer = crq_value_new_list();

        ck_assert_int_eq(crq_value_add(outer, deep), 0);
        deep = outer;
    }
    ck_assert_int_eq(crq_pickle_encode(deep, &out, &err), CRQ_ELIMIT);
    ck_assert_uint_eq(out.len, 0);
    crq_value_free(v);
    crq_value_free(deep);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_every_nan_keeps_its_bits)
{
    static const char nan_bits[] = "G\xff\xf8\0\0\0\0\1\2.";
    crq_value *v = pickles_decode(nan_bits, sizeof(nan_bits) - 1);
    struct crq_buf out = CRQ_BUF_INIT;

    ck_assert(isnan(crq_value_float(v)));
    pickles_encode(v, &out);
    ck_assert_int_eq(memcmp(out.data + out.len - 10, nan_bits, 10), 0);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

/* ---- recognising ---- */

static const struct {
    const char *bytes;
    size_t len;
    bool likely;
} likely[] = {
    { P("\x80\x05N."), true },
    { P("\x80\x02"
        "}q\0."),
            true },
    { P("(dp0\n."), true },
    { P("]q\0."), true },
    { P("N."), true },
    { P(""), false },
    { P("."), false },
    { P(".."), false },
    { P("\x80"), false },
    { P("\x80."), false },
    { P("\x80\x06N."), false },
    { P("\x80\x05N"), false },
    { P("{}"), false },
    { P("[1, 2.]"), false },
    { P("\"a.\""), false },
    { P("\x93\x01\x02."), false },
    { P("\x82\xa1"
        "a\x01\xa1"
        "b."),
            false },
};

START_TEST(test_a_pickle_is_told_from_other_serializers)
{
    ck_assert_int_eq(crq_pickle_likely(likely[_i].bytes, likely[_i].len),
            likely[_i].likely);
}
END_TEST

/* ---- memory ---- */

static int round_trip(void *arg, crq_error *err)
{
    const char *pickle = equals[*(int *)arg].pickle;
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = NULL;
    int rc = crq_pickle_decode(pickle, equals[*(int *)arg].len, NULL, &v, err);

    if (rc == 0)
        rc = crq_pickle_encode(v, &out, err);
    crq_value_free(v);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    unit_fail_each_allocation(round_trip, &_i);
}
END_TEST

/* A cycle, and more memo entries and texts than fit the first arrays. */
static int large_trip(void *arg, crq_error *err)
{
    const struct crq_buf *in = arg;
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = NULL;
    int rc = crq_pickle_decode(in->data, in->len, NULL, &v, err);

    if (rc == 0)
        rc = crq_pickle_encode(v, &out, err);
    crq_value_free(v);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_failing_allocations_of_large_values_are_reported)
{
    struct crq_buf buf = CRQ_BUF_INIT;

    crq_buf_puts(&buf, "(");
    for (int i = 1; i < 80; i++)
        crq_buf_printf(&buf, "Vx%d\np%d\ng%d\n(g%d\nI%d\nd", i, i, i, i, i);
    crq_buf_puts(&buf, "l.");
    unit_fail_each_allocation(large_trip, &buf);
    crq_buf_fini(&buf);
}
END_TEST

static int cycle(void *arg, crq_error *err)
{
    static const char pickle[] = "]q\0(h\0}q\1Nh\1sh\0h\1\x86"
                                 "e.";
    crq_value *v = NULL;
    int rc = crq_pickle_decode(pickle, sizeof(pickle) - 1, NULL, &v, err);

    (void)arg;
    return rc == CRQ_EUNSUPPORTED ? 0 : rc;
}

START_TEST(test_a_cycle_is_freed_wherever_memory_ends)
{
    unit_fail_each_allocation(cycle, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pickle");

    unit_add_rows(tc, test_a_value_is_the_same_in_every_form_of_it, equals);
    tcase_add_test(tc, test_what_is_shared_stays_shared);
    tcase_add_test(tc, test_the_empty_bytes_are_one_object);
    tcase_add_test(tc,
            test_a_retry_that_is_shared_with_its_state_is_written_once);
    tcase_add_test(tc, test_what_is_written_is_appended);
    tcase_add_test(tc, test_what_cannot_be_written_leaves_the_buffer_as_it_was);
    tcase_add_test(tc, test_every_nan_keeps_its_bits);
    unit_add_rows(tc, test_a_pickle_is_told_from_other_serializers, likely);
    unit_add_rows(tc, test_every_failing_allocation_is_reported, equals);
    tcase_add_test(tc, test_failing_allocations_of_large_values_are_reported);
    tcase_add_test(tc, test_a_cycle_is_freed_wherever_memory_ends);
    return unit_run("pickle", tc);
}
