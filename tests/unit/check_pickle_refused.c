/* check_pickle_refused.c - tests of codec/pickle.c: what it does not take, by
 * name and place. */
#include "pickles.h"

#include <string.h>

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

int main(void)
{
    TCase *tc = tcase_create("pickle_refused");

    unit_add_rows(tc, test_what_is_no_plain_value_is_refused_by_name, refused);
    return unit_run("pickle_refused", tc);
}
