/*
 * check_pickle.c - tests of the pickle codec: opcodes, hostile pickles, what
 * is shared. What Pythons really write is in check_pickle_golden.c.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "codec/pickle.h"

/* A literal with zeros in it, and its length. */
#define P(literal) literal, sizeof(literal) - 1

#define UUID_CLASS "cuuid\nUUID\n"
#define DELTA      "cdatetime\ntimedelta\n"
#define ZONE       "cdatetime\ntimezone\n(" DELTA "("
#define ENCODE     "c_codecs\nencode\n(V"

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

static crq_value *decode(const char *pickle, size_t len)
{
    crq_value *v = NULL;
    crq_error err = { 0, "" };
    int rc = crq_pickle_decode(pickle, len, NULL, &v, &err);

    ck_assert_msg(rc == 0, "%s: %.60s", err.text, pickle);
    return v;
}

static void encode(const crq_value *v, struct crq_buf *out)
{
    crq_error err = { 0, "" };

    crq_buf_clear(out);
    unit_ok(crq_pickle_encode(v, out, &err), &err);
}

START_TEST(test_a_value_is_the_same_in_every_form_of_it)
{
    crq_value *a = decode(equals[_i].pickle, equals[_i].len);
    crq_value *b = decode(equals[_i].plain, equals[_i].plain_len);
    struct crq_buf from_a = CRQ_BUF_INIT, from_b = CRQ_BUF_INIT;

    ck_assert_int_eq(crq_value_type(a), crq_value_type(b));
    ck_assert(crq_value_equal(a, b));
    /* Equal to the last bit, and what the writer wrote is read again. */
    encode(a, &from_a);
    encode(b, &from_b);
    ck_assert_uint_eq(from_a.len, from_b.len);
    ck_assert_int_eq(memcmp(from_a.data, from_b.data, from_a.len), 0);
    crq_value_free(b);
    b = decode(from_a.data, from_a.len);
    ck_assert(crq_value_equal(a, b));
    crq_value_free(a);
    crq_value_free(b);
    crq_buf_fini(&from_a);
    crq_buf_fini(&from_b);
}
END_TEST

/* ---- what is not taken ---- */

#define NEEDED "where a class or function is needed"
#define ARGS   "wrong arguments of "

static const struct {
    const char *pickle;
    size_t len;
    int code;
    const char *text; /* the message holds it */
} refused[] = {
    { P(""), CRQ_ECODEC, "offset 0: the pickle ends without a STOP" },
    { P("."), CRQ_ECODEC, "offset 0: nothing on the stack" },
    { P("N"), CRQ_ECODEC, "offset 1: the pickle ends without a STOP" },
    { P("N.."), CRQ_ECODEC, "offset 2: 1 bytes behind the end" },
    { P("\xff"), CRQ_ECODEC, "offset 0: 0xff is no opcode" },
    { P("NZ"), CRQ_ECODEC, "offset 1: 0x5a is no opcode" },
    { P("(."), CRQ_ECODEC, "nothing on the stack" },
    { P("\x80\x06N."), CRQ_EUNSUPPORTED, "protocol 6; 5 is the latest" },

    /* promised lengths */
    { P("X\xff\xff\xff\xff"
        "abc."),
            CRQ_ECODEC, "offset 0: 4294967295 bytes are promised, 4 are left" },
    { P("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), CRQ_ECODEC,
            "18446744073709551615 bytes are promised, 1 are left" },
    { P("\x8e\0\0\0\0\0\0\0\x80."), CRQ_ECODEC, "are promised" },
    { P("\x96\0\0\0\0\1\0\0\0."), CRQ_ECODEC, "are promised" },
    { P("\x8b\xff\xff\xff\x7f."), CRQ_ECODEC, "are promised" },
    { P("\x8b\xff\xff\xff\xff."), CRQ_ECODEC, "are promised" },
    { P("T\xff\xff\xff\xff."), CRQ_ECODEC, "are promised" },
    { P("\x95\x09\0\0\0\0\0\0\0N."), CRQ_ECODEC,
            "9 bytes are promised, 2 are left" },
    { P("G123."), CRQ_ECODEC, "8 bytes are promised, 4 are left" },

    /* texts */
    { P("Ix\n."), CRQ_ECODEC, "offset 0: 'x' is not an int" },
    { P("I\n."), CRQ_ECODEC, "an int needs digits" },
    { P("I5"), CRQ_ECODEC, "a line without an end" },
    { P("LL\n."), CRQ_ECODEC, "an int needs digits" },
    { P("F\n."), CRQ_ECODEC, "'' is not a float" },
    { P("F0x10\n."), CRQ_ECODEC, "'0x10' is not a float" },
    { P("F1e\n."), CRQ_ECODEC, "'1e' is not a float" },
    { P("F1\0\n."), CRQ_ECODEC, "is not a float" },
    { P("Finfinity1\n."), CRQ_ECODEC, "is not a float" },
    { P("S\n."), CRQ_ECODEC, "a string without quotes" },
    { P("S'\n."), CRQ_ECODEC, "a string without quotes" },
    { P("S'a\"\n."), CRQ_ECODEC, "a string without quotes" },
    { P("Sab\n."), CRQ_ECODEC, "a string without quotes" },
    { P("S'\\'\n."), CRQ_ECODEC, "a wrong escape in a string" },
    { P("S'\\x4'\n."), CRQ_ECODEC, "a wrong escape in a string" },
    { P("S'\\xgg'\n."), CRQ_ECODEC, "a wrong escape in a string" },
    { P("V\\u12\n."), CRQ_ECODEC, "a wrong \\u in a text" },
    { P("V\\U00110000\n."), CRQ_ECODEC, "a wrong \\U in a text" },
    { P("V\\Uffffffff\n."), CRQ_ECODEC, "a wrong \\U in a text" },
    { P("X\x01\0\0\0\xff."), CRQ_ECODEC, "not UTF-8" },
    { P("\x8c\x02\xc0\x80."), CRQ_ECODEC, "not UTF-8" },

    /* memo */
    { P("g0\n."), CRQ_ECODEC, "no memo entry 0" },
    { P("Nq\x03h\x02."), CRQ_ECODEC, "no memo entry 2" },
    { P("j\xff\xff\xff\xff."), CRQ_ECODEC, "no memo entry 4294967295" },
    { P("Nr\xff\xff\xff\xff."), CRQ_ELIMIT, "memo entry 4294967295 is far" },
    { P("Np9999999999\n."), CRQ_ELIMIT, "memo entry 9999999999 is far" },
    { P("Np99999999999\n."), CRQ_ECODEC, "no number of a memo entry" },
    { P("Np-1\n."), CRQ_ECODEC, "'-1' is no number of a memo entry" },
    { P("Np\n."), CRQ_ECODEC, "a memo entry without a number" },
    { P("Np"), CRQ_ECODEC, "a line without an end" },
    { P("g"), CRQ_ECODEC, "a line without an end" },
    { P("q\0."), CRQ_ECODEC, "nothing on the stack" },
    { P("\x94."), CRQ_ECODEC, "nothing on the stack" },
    { P("2."), CRQ_ECODEC, "nothing on the stack" },

    /* stack and marks */
    { P("0."), CRQ_ECODEC, "nothing on the stack" },
    { P("1."), CRQ_ECODEC, "no MARK" },
    { P("t."), CRQ_ECODEC, "no MARK" },
    { P("e."), CRQ_ECODEC, "no MARK" },
    { P("(e."), CRQ_ECODEC, "nothing on the stack" },
    { P("a."), CRQ_ECODEC, "nothing on the stack" },
    { P("Na."), CRQ_ECODEC, "nothing on the stack" },
    { P("](Na."), CRQ_ECODEC, "nothing on the stack" },
    { P("NNa."), CRQ_ECODEC, "APPEND on a NoneType" },
    { P("](Nu."), CRQ_ECODEC, "SETITEMS on a list" },
    { P("}(Nu."), CRQ_ECODEC, "a key without a value" },
    { P("(Nd."), CRQ_ECODEC, "a key without a value" },
    { P("\x8f(Ne."), CRQ_ECODEC, "APPENDS on a set" },
    { P("N\x86."), CRQ_ECODEC, "2 items are needed, 1 are on the stack" },
    { P("NN(N\x87."), CRQ_ECODEC, "3 items are needed, 1 are on the stack" },

    /* keys */
    { P("}]Ns."), CRQ_ECODEC, "a list is, or holds, what cannot be a key" },
    { P("}]\x85Ns."), CRQ_ECODEC, "a tuple is, or holds, what cannot be a" },
    { P("\x8f(}\x90."), CRQ_ECODEC, "a dict is, or holds, what cannot be a" },
    { P("(\x8f\x91."), CRQ_ECODEC, "a set is, or holds, what cannot be a" },
    { P("}cuuid\nUUID\nNs."), CRQ_ECODEC, "what cannot be a key" },

    /* classes and functions */
    { P("cshop.models\nOrder\n)\x81."), CRQ_EUNSUPPORTED,
            "offset 0: the class or function 'shop.models.Order' is not one "
            "of the plain values that crq takes" },
    { P("Vos\nVsystem\n\x93."), CRQ_EUNSUPPORTED,
            "offset 12: the class or function 'os.system' is not" },
    { P("cbuiltins\ncomplex\n."), CRQ_EUNSUPPORTED, "'builtins.complex'" },
    { P("c__builtin__\neval\n."), CRQ_EUNSUPPORTED, "'__builtin__.eval'" },
    { P("cuuid\0x\nUUID\n."), CRQ_EUNSUPPORTED, "'uuid.UUID' is not one" },
    { P("(ishop\nF\n."), CRQ_EUNSUPPORTED, "'shop.F'" },
    { P("(cshop\nF\no."), CRQ_EUNSUPPORTED, "'shop.F'" },
    { P("cuuid\n"), CRQ_ECODEC, "a line without an end" },
    { P("NVx\n\x93."), CRQ_ECODEC, "a name that is no str" },
    { P("Vx\n\x93."), CRQ_ECODEC, "nothing on the stack" },
    { P("\x93."), CRQ_ECODEC, "nothing on the stack" },
    { P("cuuid\nUUID\n."), CRQ_EUNSUPPORTED,
            "'uuid.UUID' is itself no plain value" },
    { P("cuuid\nUUID\n\x85."), CRQ_EUNSUPPORTED, "is itself no plain value" },
    { P("cuuid\nUUID\n)R."), CRQ_EUNSUPPORTED, "its result is not known" },
    { P("cuuid\nUUID\n)\x81."), CRQ_EUNSUPPORTED,
            "'uuid.UUID' made an object that is not finished" },
    { P("cuuid\nUUID\n)\x81q\0]h\0a\x86."), CRQ_EUNSUPPORTED,
            "an object that is not finished" },
    { P("cuuid\nUUID\n)\x81q\0}(Vint\nK\x01Vx\nh\0ub."), CRQ_ECODEC,
            ARGS "uuid.UUID" },
    { P("crq.job\nRetry\n)\x81q\0}Vmax\nh\0sb."), CRQ_EUNSUPPORTED,
            "'rq.job.Retry' made an object that is used before" },
    { P("cuuid\nUUID\n)\x81q\0]h\0ah\0}Vint\nK\1sb."), CRQ_EUNSUPPORTED,
            "used before it is finished" },
    { P("N)R."), CRQ_ECODEC, "a NoneType " NEEDED },
    { P("N)\x81."), CRQ_ECODEC, "a NoneType " NEEDED },
    { P("\x96\0\0\0\0\0\0\0\0)R."), CRQ_ECODEC, "a bytearray " NEEDED },
    { P("cuuid\nUUID\n)\x81)R."), CRQ_ECODEC, NEEDED },
    { P("cuuid\nUUID\nNR."), CRQ_ECODEC, "arguments that are no tuple" },
    { P("cuuid\nUUID\n)N\x92."), CRQ_ECODEC, "arguments that are no tuple" },
    { P("cuuid\nUUID\n)}NNs\x92."), CRQ_ECODEC, "arguments that are no tuple" },
    { P("R."), CRQ_ECODEC, "nothing on the stack" },
    { P(")R."), CRQ_ECODEC, "nothing on the stack" },
    { P("\x92."), CRQ_ECODEC, "nothing on the stack" },
    { P("(o."), CRQ_ECODEC, "OBJ without a class" },
    { P("o."), CRQ_ECODEC, "no MARK" },
    { P("iuuid\nUUID\n."), CRQ_ECODEC, "no MARK" },
    { P("b."), CRQ_ECODEC, "nothing on the stack" },
    { P("Nb."), CRQ_ECODEC, "nothing on the stack" },
    { P("N}b."), CRQ_EUNSUPPORTED, "a NoneType with attributes of its own" },
    { P("cuuid\nUUID\n}b."), CRQ_EUNSUPPORTED, "attributes of its own" },
    { P("Pid\nN."), CRQ_EUNSUPPORTED, "offset 0: PERSID refers to something" },
    { P("NQ."), CRQ_EUNSUPPORTED, "BINPERSID refers" },
    { P("\x82\x01."), CRQ_EUNSUPPORTED, "EXT1 refers" },
    { P("\x83\x01\0."), CRQ_EUNSUPPORTED, "EXT2 refers" },
    { P("\x84\x01\0\0\0."), CRQ_EUNSUPPORTED, "EXT4 refers" },
    { P("\x97."), CRQ_EUNSUPPORTED, "NEXT_BUFFER refers" },
    { P("N\x98."), CRQ_EUNSUPPORTED, "READONLY_BUFFER refers" },

    /* arguments */
    { P("c_codecs\nencode\n)R."), CRQ_ECODEC, ARGS "_codecs.encode" },
    { P(ENCODE "x\nVutf8\ntR."), CRQ_ECODEC, ARGS "_codecs.encode" },
    { P(ENCODE "\\u0100\nVlatin1\ntR."), CRQ_ECODEC, "U+0100 is not a char" },
    { P("cbuiltins\nbytes\n(K\x05tR."), CRQ_ECODEC, ARGS "bytes" },
    { P("cbuiltins\nbytearray\n(Vx\nVutf8\ntR."), CRQ_ECODEC,
            ARGS "bytearray" },
    { P("cbuiltins\nlist\n(NtR."), CRQ_ECODEC, ARGS "list" },
    { P("cbuiltins\nset\n(}tR."), CRQ_ECODEC, ARGS "set" },
    { P("cbuiltins\nset\n((]ltR."), CRQ_ECODEC, "cannot be a key" },
    { P("cbuiltins\ntuple\n(]]tR."), CRQ_ECODEC, ARGS "tuple" },
    { P("cbuiltins\ndict\n((NltR."), CRQ_ECODEC, ARGS "dict" },
    { P("cbuiltins\ndict\n((K\x01\x85ltR."), CRQ_ECODEC, ARGS "dict" },
    { P("cbuiltins\nint\n(Vx\ntR."), CRQ_ECODEC, ARGS "int" },
    { P("cbuiltins\nfloat\n)R."), CRQ_ECODEC, ARGS "float" },
    { P("cbuiltins\nstr\n(NtR."), CRQ_ECODEC, ARGS "str" },
    { P("cbuiltins\nobject\n)R."), CRQ_EUNSUPPORTED, "result is not known" },
    { P("cdecimal\nDecimal\n)R."), CRQ_ECODEC, ARGS "decimal.Decimal" },
    { P("cdecimal\nDecimal\n(Vx\ntR."), CRQ_ECODEC, "not a decimal number" },
    { P("cdatetime\ndate\n)R."), CRQ_ECODEC, ARGS "datetime.date" },
    { P("cdatetime\ndate\n(C\x03"
        "abctR."),
            CRQ_ECODEC, ARGS "datetime.date" },
    { P("cdatetime\ndate\n(C\x04"
        "abcdNtR."),
            CRQ_ECODEC, ARGS "datetime.date" },
    { P("cdatetime\ndate\n(C\x04\x07\xea\x0d\x01tR."), CRQ_ECODEC,
            "month 13 is not in 1..12" },
    { P("cdatetime\ndate\n(V\\u0100bcd\ntR."), CRQ_ECODEC, "U+0100" },
    { P("cdatetime\ndatetime\n(C\x0a\x07\xea\x02\x1e\0\0\0\0\0\0tR."),
            CRQ_ECODEC, "month 2 of 2026 has no day 30" },
    { P("cdatetime\ndatetime\n(C\x0a\x07\xea\x02\x01\0\0\0\0\0\0K\1tR."),
            CRQ_ECODEC, ARGS "datetime.datetime" },
    { P("cdatetime\ntime\n(C\x06\x18\0\0\0\0\0tR."), CRQ_ECODEC,
            "there is no time 24:0:0.0" },
    { P("cdatetime\ntime\n(C\x06\0\0\0\x0f\x42\x40tR."), CRQ_ECODEC,
            "there is no time 0:0:0.1000000" },
    { P("cdatetime\ntime\n(C\x06\0\0\0\0\0\0NNtR."), CRQ_ECODEC,
            ARGS "datetime.time" },
    { P("cdatetime\ntime\n)R."), CRQ_ECODEC, ARGS "datetime.time" },
    { P(DELTA ")R."), CRQ_ECODEC, ARGS "datetime.timedelta" },
    { P(DELTA "(K\0K\0F1.0\ntR."), CRQ_ECODEC, ARGS "datetime.timedelta" },
    { P(DELTA "(K\0K\0L4294967296L\ntR."), CRQ_ECODEC,
            ARGS "datetime.timedelta" },
    { P(DELTA "(K\0K\0L99999999999999999999L\ntR."), CRQ_ECODEC,
            ARGS "datetime.timedelta" },
    { P(DELTA "(K\0J\xff\xff\xff\xffK\0tR."), CRQ_ECODEC, "no timedelta" },
    { P("cdatetime\ntimezone\n)R."), CRQ_ECODEC, ARGS "datetime.timezone" },
    { P(ZONE "K\x01K\0K\0tRtR."), CRQ_ECODEC, ARGS "datetime.timezone" },
    { P(ZONE "J\xff\xff\xff\xffK\0K\0tRtR."), CRQ_ECODEC, "less than a day" },
    { P(ZONE "K\0K\0K\0tRNtR."), CRQ_ECODEC, ARGS "datetime.timezone" },
    { P(ZONE "K\0K\0K\0tRVa\0b\ntR."), CRQ_EUNSUPPORTED, "a zone whose name" },
    { P("cuuid\nUUID\n)\x81Nb."), CRQ_ECODEC, ARGS "uuid.UUID" },
    { P("cuuid\nUUID\n)\x81}b."), CRQ_ECODEC, ARGS "uuid.UUID" },
    { P("cuuid\nUUID\n)\x81}Vint\nNsb."), CRQ_ECODEC, ARGS "uuid.UUID" },
    { P("cuuid\nUUID\n)\x81}Vint\nI-1\nsb."), CRQ_ECODEC, ARGS "uuid.UUID" },
    { P("cuuid\nUUID\n)\x81}Vint\n\x8a\x11"
        "0123456789abcdef\x01sb."),
            CRQ_ECODEC, ARGS "uuid.UUID" },
    { P("cuuid\nUUID\n)\x81}Vint\n\x8a\x10"
        "0123456789abcde\xffsb."),
            CRQ_ECODEC, ARGS "uuid.UUID" },
    { P("cuuid\nSafeUUID\n)R."), CRQ_ECODEC, ARGS "uuid.SafeUUID" },
    { P("crq.job\nRetry\n)\x81Nb."), CRQ_ECODEC, ARGS "rq.job.Retry" },
    { P("ccopyreg\n__newobj__\n)R."), CRQ_ECODEC, ARGS "copyreg.__newobj__" },
    { P("ccopyreg\n__newobj__\n(NtR."), CRQ_ECODEC, NEEDED },
    { P("ccopyreg\n_reconstructor\n)R."), CRQ_ECODEC,
            ARGS "copyreg._reconstructor" },
    { P("ccopyreg\n_reconstructor\n(NNNtR."), CRQ_ECODEC, NEEDED },
    { P("ccopyreg\n_reconstructor\n(cuuid\nUUID\nNNtR."), CRQ_ECODEC, NEEDED },
    { P("ccopyreg\n_reconstructor\n(cbuiltins\nset\ncbuiltins\nobject\nNtR."),
            CRQ_ECODEC, ARGS "copyreg._reconstructor" },

    /* containers that contain themselves */
    { P("]q\0h\0a."), CRQ_EUNSUPPORTED, "offset 6: a list contains itself" },
    { P("]2a."), CRQ_EUNSUPPORTED, "a list contains itself" },
    { P("}q\0Nh\0s."), CRQ_EUNSUPPORTED, "a dict contains itself" },
    { P("]q\0h\0\x85"
        "a."),
            CRQ_EUNSUPPORTED, "a list contains itself" },
    { P("]q\0}Nh\0sa."), CRQ_EUNSUPPORTED, "contains itself" },
    { P("]q\0h\0a0N."), CRQ_EUNSUPPORTED, "a list contains itself" },
    { P("ccollections\nOrderedDict\n)Rq\0Nh\0s."), CRQ_EUNSUPPORTED,
            "a dict contains itself" },
    { P("]q\0crq.job\nRetry\n)\x81}Nh\0sba."), CRQ_EUNSUPPORTED,
            "contains itself" },
    { P("]q\0h\0ag5\n."), CRQ_ECODEC, "no memo entry 5" },
};

START_TEST(test_what_is_no_plain_value_is_refused_by_name)
{
    crq_value *v = NULL;
    crq_error err = { 0, "" };
    int rc = crq_pickle_decode(refused[_i].pickle, refused[_i].len, NULL, &v,
            &err);

    ck_assert_msg(rc == refused[_i].code, "%s (%s): %s", refused[_i].text,
            crq_error_name(rc), err.text);
    ck_assert_int_eq(err.code, rc);
    ck_assert_ptr_null(v);
    ck_assert_msg(strstr(err.text, refused[_i].text) != NULL,
            "'%s' instead of '%s'", err.text, refused[_i].text);
    ck_assert_int_eq(strncmp(err.text, "offset ", 7), 0);
    ck_assert_int_eq(crq_pickle_decode(refused[_i].pickle, refused[_i].len,
                             NULL, &v, NULL),
            rc);
}
END_TEST

/* ---- size, depth and time ---- */

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
    v = decode(buf.data, buf.len);
    encode(v, &out);
    ck_assert_uint_lt(out.len, 300);
    w = decode(out.data, out.len);
    encode(w, &again);
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
    v = decode(buf.data, buf.len);
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

/* ---- sharing ---- */

START_TEST(test_what_is_shared_stays_shared)
{
    crq_value *v = decode(P("]q\0(]q\1h\1\x8c\2abq\2h\2e."));
    struct crq_buf out = CRQ_BUF_INIT;
    static const char want[] = "\x80\5\x95\x10\0\0\0\0\0\0\0]\x94(]\x94h\1"
                               "\x8c\2ab\x94h\2e.";

    ck_assert_ptr_eq(crq_value_item(v, 0), crq_value_item(v, 1));
    ck_assert_ptr_eq(crq_value_item(v, 2), crq_value_item(v, 3));
    encode(v, &out);
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
    crq_value *v = decode(P("](C\0C\0e."));
    struct crq_buf out = CRQ_BUF_INIT;

    encode(v, &out);
    ck_assert_uint_eq(out.len, sizeof(want) - 1);
    ck_assert_int_eq(memcmp(out.data, want, out.len), 0);
    crq_value_free(v);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_a_retry_that_is_shared_with_its_state_is_written_once)
{
    crq_value *v = decode(P("]q\0(}q\1crq.job\nRetry\n)\x81q\2h\1bh\2e."));
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *w;

    encode(v, &out);
    w = decode(out.data, out.len);
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
    crq_value *v = decode(nan_bits, sizeof(nan_bits) - 1);
    struct crq_buf out = CRQ_BUF_INIT;

    ck_assert(isnan(crq_value_float(v)));
    encode(v, &out);
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
    unit_add_rows(tc, test_what_is_no_plain_value_is_refused_by_name, refused);
    tcase_add_test(tc, test_a_million_nested_containers_are_too_deep);
    tcase_add_test(tc, test_depth_is_counted_exactly);
    tcase_add_test(tc, test_values_are_counted);
    tcase_add_test(tc, test_bytes_are_counted);
    tcase_add_test(tc, test_a_memo_that_skips_ahead_takes_no_memory);
    tcase_add_test(tc, test_shared_parts_are_walked_once);
    unit_add_rows(tc, test_hostile_keys_take_no_time, keys);
    tcase_add_test(tc, test_nested_sets_are_compared_in_bounded_time);
    tcase_add_test(tc, test_unfinished_objects_are_few);
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
