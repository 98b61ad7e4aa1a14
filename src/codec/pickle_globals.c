/*
 * pickle_globals.c - the classes and functions that are known in a pickle.
 *
 * The list at the end is complete: whatever isn't in it is refused by its name.
 * A row says how to make a value of the arguments that the pickle gives to the
 * class, in the forms that the pickles of Python 2.7 to 3.13 have; see
 * __reduce_ex__ of each class. A new class goes there, into pickle_write.c and
 * into the golden files of the tests.
 */
#include <string.h>

#include "base/error.h"
#include "codec/pickle_impl.h"

typedef struct crq_unpickler reader;

static bool is(const crq_value *v, crq_type type)
{
    return crq_value_type(v) == type;
}

/* Whether argument i is there and of that type. */
static bool arg_is(const crq_value *args, size_t i, crq_type type)
{
    return i < crq_value_count(args) && is(crq_value_item(args, i), type);
}

/* ---- bytes as text of Latin-1: how Python 3 writes them for Python 2 ---- */

static int latin1(reader *r, const crq_value *str, struct crq_buf *out)
{
    size_t len, size;
    const char *text = crq_value_data(str, &len);

    for (size_t i = 0; i < len; i += size) {
        uint32_t c = crq_utf8_next(text + i, len - i, &size);

        if (c > 0xff)
            return crq_unpickle_fail(r, CRQ_ECODEC,
                    "U+%04X is not a character of Latin-1", (unsigned)c);
        crq_buf_putc(out, (char)c);
    }
    return crq_buf_check(out, r->err);
}

static bool names_latin1(const crq_value *args, size_t i)
{
    const char *name;

    if (!arg_is(args, i, CRQ_STR))
        return false;
    name = crq_value_text(crq_value_item(args, i));
    return strcmp(name, "latin1") == 0 || strcmp(name, "latin-1") == 0;
}

static int encode(reader *r, crq_type type, const crq_value *str,
        crq_value **out)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc = latin1(r, str, &buf);

    if (rc == 0)
        rc = crq_unpickle_data(r, type, crq_buf_text(&buf), buf.len, out);
    crq_buf_fini(&buf);
    return rc;
}

static int reduce_encode(reader *r, const crq_value *args, crq_value **out)
{
    if (crq_value_count(args) != 2 || !arg_is(args, 0, CRQ_STR) ||
            !names_latin1(args, 1))
        return crq_unpickle_wrong_args(r, "_codecs.encode");
    return encode(r, CRQ_BYTES, crq_value_item(args, 0), out);
}

/* bytes(), bytes(b), bytes(text, "latin-1"); bytearray the same */
static int new_data(reader *r, crq_type type, const crq_value *args,
        crq_value **out)
{
    const char *bytes = "";
    size_t len = 0;

    if (crq_value_count(args) == 2 && arg_is(args, 0, CRQ_STR) &&
            names_latin1(args, 1))
        return encode(r, type, crq_value_item(args, 0), out);
    if (crq_value_count(args) > 1 ||
            (crq_value_count(args) == 1 && !arg_is(args, 0, CRQ_BYTES)))
        return crq_unpickle_wrong_args(r, crq_type_name(type));
    if (crq_value_count(args) == 1)
        bytes = crq_value_data(crq_value_item(args, 0), &len);
    return crq_unpickle_data(r, type, bytes, len, out);
}

static int reduce_bytes(reader *r, const crq_value *args, crq_value **out)
{
    return new_data(r, CRQ_BYTES, args, out);
}

static int reduce_bytearray(reader *r, const crq_value *args, crq_value **out)
{
    return new_data(r, CRQ_BYTEARRAY, args, out);
}

/* ---- containers made of others ---- */

static bool is_iterable(const crq_value *v)
{
    return is(v, CRQ_LIST) || is(v, CRQ_TUPLE) || is(v, CRQ_SET) ||
            is(v, CRQ_FROZENSET);
}

static int copy_items(reader *r, crq_value *to, const crq_value *from)
{
    size_t count = crq_value_count(from);
    int rc = crq_unpickle_count(r, count);

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = crq_unpickle_add(r, to, crq_value_ref(crq_value_item(from, i)));
    return rc;
}

static int copy_pairs(reader *r, crq_value *to, const crq_value *from)
{
    size_t count = crq_value_count(from);
    bool dict = is(from, CRQ_DICT);
    int rc = crq_unpickle_count(r, count);

    for (size_t i = 0; i < count && rc == 0; i++) {
        const crq_value *val = crq_value_item(from, i), *key;

        if (dict)
            key = crq_value_key(from, i);
        else if ((!is(val, CRQ_LIST) && !is(val, CRQ_TUPLE)) ||
                crq_value_count(val) != 2)
            return crq_unpickle_wrong_args(r, "dict");
        else {
            key = crq_value_item(val, 0);
            val = crq_value_item(val, 1);
        }
        rc = crq_unpickle_pair(r, to, crq_value_ref(key), crq_value_ref(val));
    }
    return rc;
}

/* list(), list(iterable); tuple, set, frozenset and dict the same */
static int new_container(reader *r, crq_value *v, const crq_value *args,
        crq_value **out)
{
    const crq_value *from;
    int rc = crq_unpickle_made(r, v);

    if (rc < 0)
        return rc;
    /* What cannot be changed later needs no note, but it does no harm. */
    rc = crq_unpickle_note(r, v);
    if (rc == 0 && crq_value_count(args) > 0) {
        from = crq_value_item(args, 0);
        if (crq_value_count(args) > 1 ||
                !(is_iterable(from) || (is(v, CRQ_DICT) && is(from, CRQ_DICT))))
            rc = crq_unpickle_wrong_args(r, crq_type_name(crq_value_type(v)));
        else if (is(v, CRQ_DICT))
            rc = copy_pairs(r, v, from);
        else
            rc = copy_items(r, v, from);
    }
    if (rc < 0)
        crq_value_free(v);
    else
        *out = v;
    return rc;
}

static int reduce_list(reader *r, const crq_value *args, crq_value **out)
{
    return new_container(r, crq_value_new_list(), args, out);
}

static int reduce_tuple(reader *r, const crq_value *args, crq_value **out)
{
    return new_container(r, crq_value_new_tuple(), args, out);
}

static int reduce_set(reader *r, const crq_value *args, crq_value **out)
{
    return new_container(r, crq_value_new_set(), args, out);
}

static int reduce_frozenset(reader *r, const crq_value *args, crq_value **out)
{
    return new_container(r, crq_value_new_frozenset(), args, out);
}

static int reduce_dict(reader *r, const crq_value *args, crq_value **out)
{
    return new_container(r, crq_value_new_dict(), args, out);
}

static int reduce_ordered(reader *r, const crq_value *args, crq_value **out)
{
    int rc = new_container(r, crq_value_new_dict(), args, out);

    if (rc == 0)
        crq_value_dict_set_ordered(*out);
    return rc;
}

/* ---- numbers and texts: int(3) is 3 ---- */

static int same(reader *r, const crq_value *args, crq_type type,
        crq_value **out)
{
    if (crq_value_count(args) != 1 || !arg_is(args, 0, type))
        return crq_unpickle_wrong_args(r, crq_type_name(type));
    *out = crq_value_ref(crq_value_item(args, 0));
    return 0;
}

static int reduce_int(reader *r, const crq_value *args, crq_value **out)
{
    return same(r, args, CRQ_INT, out);
}

static int reduce_float(reader *r, const crq_value *args, crq_value **out)
{
    return same(r, args, CRQ_FLOAT, out);
}

static int reduce_str(reader *r, const crq_value *args, crq_value **out)
{
    return same(r, args, CRQ_STR, out);
}

static int reduce_decimal(reader *r, const crq_value *args, crq_value **out)
{
    const char *text;
    crq_error why;
    size_t len;
    int rc;

    if (crq_value_count(args) != 1 || !arg_is(args, 0, CRQ_STR))
        return crq_unpickle_wrong_args(r, "decimal.Decimal");
    text = crq_value_data(crq_value_item(args, 0), &len);
    rc = crq_unpickle_count_bytes(r, len);
    if (rc < 0)
        return rc;
    rc = crq_value_new_decimal(text, len, out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

/* ---- dates and times ---- */

#define STATE_MAX 10

/* The first argument: packed fields, as bytes or as text of Latin-1. */
static int get_state(reader *r, const crq_value *args, size_t want,
        const char *what, uint8_t out[STATE_MAX])
{
    struct crq_buf buf = CRQ_BUF_INIT;
    const char *bytes = NULL;
    size_t len = 0;
    int rc = 0;

    if (arg_is(args, 0, CRQ_BYTES))
        bytes = crq_value_data(crq_value_item(args, 0), &len);
    else if (arg_is(args, 0, CRQ_STR)) {
        rc = latin1(r, crq_value_item(args, 0), &buf);
        bytes = crq_buf_text(&buf);
        len = buf.len;
    }
    if (rc == 0 && (bytes == NULL || len != want))
        rc = crq_unpickle_wrong_args(r, what);
    if (rc == 0)
        memcpy(out, bytes, want);
    crq_buf_fini(&buf);
    return rc;
}

/* The second argument of datetime and time: a zone, or none. */
static int get_zone(reader *r, const crq_value *args, const char *what,
        crq_datetime *d)
{
    size_t count = crq_value_count(args);

    if (count > 2)
        return crq_unpickle_wrong_args(r, what);
    if (count < 2 || arg_is(args, 1, CRQ_NONE))
        return 0;
    if (!arg_is(args, 1, CRQ_TIMEZONE))
        return crq_unpickle_wrong_args(r, what);
    d->has_tz = true;
    d->tz = *crq_value_timezone(crq_value_item(args, 1));
    return 0;
}

static void get_clock(const uint8_t b[6], crq_datetime *d)
{
    d->hour = b[0];
    d->minute = b[1];
    d->second = b[2];
    d->microsecond = b[3] << 16 | b[4] << 8 | b[5];
}

static int reduce_datetime(reader *r, const crq_value *args, crq_value **out)
{
    uint8_t b[STATE_MAX];
    crq_datetime d = { 0 };
    crq_error why;
    int rc = get_state(r, args, 10, "datetime.datetime", b);

    if (rc == 0)
        rc = get_zone(r, args, "datetime.datetime", &d);
    if (rc < 0)
        return rc;
    d.year = b[0] << 8 | b[1];
    d.month = b[2] & 0x7f;
    d.fold = b[2] >= 0x80; /* the one bit that was free */
    d.day = b[3];
    get_clock(b + 4, &d);
    rc = crq_value_new_datetime(&d, out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

static int reduce_date(reader *r, const crq_value *args, crq_value **out)
{
    uint8_t b[STATE_MAX];
    crq_error why;
    int rc = get_state(r, args, 4, "datetime.date", b);

    if (rc == 0 && crq_value_count(args) != 1)
        rc = crq_unpickle_wrong_args(r, "datetime.date");
    if (rc < 0)
        return rc;
    rc = crq_value_new_date(b[0] << 8 | b[1], b[2], b[3], out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

static int reduce_time(reader *r, const crq_value *args, crq_value **out)
{
    uint8_t b[STATE_MAX];
    crq_datetime d = { 0 };
    crq_error why;
    int rc = get_state(r, args, 6, "datetime.time", b);

    if (rc == 0)
        rc = get_zone(r, args, "datetime.time", &d);
    if (rc < 0)
        return rc;
    d.fold = b[0] >= 0x80;
    b[0] &= 0x7f;
    get_clock(b, &d);
    rc = crq_value_new_time(&d, out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

static int reduce_timedelta(reader *r, const crq_value *args, crq_value **out)
{
    int32_t fields[3];
    crq_timedelta d;
    crq_error why;
    int rc;

    if (crq_value_count(args) != 3)
        return crq_unpickle_wrong_args(r, "datetime.timedelta");
    for (size_t i = 0; i < 3; i++) {
        const crq_value *v = crq_value_item(args, i);

        if (!is(v, CRQ_INT) || !crq_value_int_fits(v) ||
                crq_value_int(v) < INT32_MIN || crq_value_int(v) > INT32_MAX)
            return crq_unpickle_wrong_args(r, "datetime.timedelta");
        fields[i] = (int32_t)crq_value_int(v);
    }
    d = (crq_timedelta){ fields[0], fields[1], fields[2] };
    rc = crq_value_new_timedelta(&d, out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

/* timezone(offset) or timezone(offset, name) */
static int reduce_timezone(reader *r, const crq_value *args, crq_value **out)
{
    size_t count = crq_value_count(args), len;
    const crq_timedelta *offset;
    crq_tz tz = { 0, 0, NULL };
    crq_error why;
    int rc;

    if (count < 1 || count > 2 || !arg_is(args, 0, CRQ_TIMEDELTA) ||
            (count == 2 && !arg_is(args, 1, CRQ_STR)))
        return crq_unpickle_wrong_args(r, "datetime.timezone");
    offset = crq_value_timedelta(crq_value_item(args, 0));
    if (offset->days < -1 || offset->days > 0)
        return crq_unpickle_wrong_args(r, "datetime.timezone");
    tz.offset_s = offset->days * 86400 + offset->seconds;
    tz.offset_us = offset->microseconds;
    if (count == 2) {
        tz.name = crq_value_data(crq_value_item(args, 1), &len);
        if (strlen(tz.name) != len)
            return crq_unpickle_fail(r, CRQ_EUNSUPPORTED,
                    "a zone whose name has a '\\0' in it");
        if (crq_unpickle_count_bytes(r, len) < 0)
            return CRQ_ELIMIT;
    }
    rc = crq_value_new_timezone(&tz, out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

/* ---- objects that get their attributes later ---- */

/* UUID: {'int': n}, from some versions with an 'is_safe', which says how it
 * was generated and plays no part in what it equals. */
static int build_uuid(reader *r, const crq_value *state, crq_value **out)
{
    const crq_value *n =
            is(state, CRQ_DICT) ? crq_value_get(state, "int") : NULL;
    uint8_t uuid[16] = { 0 };
    size_t known = 1, len = 8;
    bool fits;

    if (n == NULL || !is(n, CRQ_INT))
        return crq_unpickle_wrong_args(r, "uuid.UUID");
    known += crq_value_get(state, "is_safe") != NULL;
    fits = crq_value_int_fits(n);
    if (fits) {
        for (size_t i = 0; i < 8; i++)
            uuid[15 - i] = (uint8_t)((uint64_t)crq_value_int(n) >> (8 * i));
    } else {
        const uint8_t *le = crq_value_int_bytes(n, &len);

        /* 128 bits, and a byte for the sign when the top one is set. */
        for (size_t i = 0; i < 16 && i < len; i++)
            uuid[15 - i] = le[i];
        if (len > 17 || le[len - 1] >= 0x80 || (len == 17 && le[16] != 0))
            return crq_unpickle_wrong_args(r, "uuid.UUID");
    }
    if ((fits && crq_value_int(n) < 0) || crq_value_count(state) != known)
        return crq_unpickle_wrong_args(r, "uuid.UUID");
    *out = crq_value_new_uuid(uuid);
    return crq_unpickle_made(r, *out);
}

/* Python 3.7 and before: an enumeration, of which the value is enough. */
static int reduce_safe(reader *r, const crq_value *args, crq_value **out)
{
    if (crq_value_count(args) != 1 ||
            (!arg_is(args, 0, CRQ_INT) && !arg_is(args, 0, CRQ_NONE)))
        return crq_unpickle_wrong_args(r, "uuid.SafeUUID");
    *out = crq_value_ref(crq_value_item(args, 0));
    return 0;
}

static int build_retry(reader *r, const crq_value *state, crq_value **out)
{
    if (!is(state, CRQ_DICT))
        return crq_unpickle_wrong_args(r, "rq.job.Retry");
    *out = crq_value_new_retry(crq_value_ref(state));
    return crq_unpickle_made(r, *out);
}

static const struct crq_pickle_global globals[] = {
    { "_codecs", "encode", reduce_encode, NULL },
    { "builtins", "bytearray", reduce_bytearray, NULL },
    { "builtins", "bytes", reduce_bytes, NULL },
    { "builtins", "dict", reduce_dict, NULL },
    { "builtins", "float", reduce_float, NULL },
    { "builtins", "frozenset", reduce_frozenset, NULL },
    { "builtins", "int", reduce_int, NULL },
    { "builtins", "list", reduce_list, NULL },
    { "builtins", "object", NULL, NULL },
    { "builtins", "set", reduce_set, NULL },
    { "builtins", "str", reduce_str, NULL },
    { "builtins", "tuple", reduce_tuple, NULL },
    { "collections", "OrderedDict", reduce_ordered, NULL },
    { "copyreg", "__newobj__", crq_unpickle_newobj, NULL },
    { "copyreg", "_reconstructor", crq_unpickle_reconstruct, NULL },
    { "datetime", "date", reduce_date, NULL },
    { "datetime", "datetime", reduce_datetime, NULL },
    { "datetime", "time", reduce_time, NULL },
    { "datetime", "timedelta", reduce_timedelta, NULL },
    { "datetime", "timezone", reduce_timezone, NULL },
    { "decimal", "Decimal", reduce_decimal, NULL },
    { "rq.job", "Retry", NULL, build_retry },
    { "uuid", "SafeUUID", reduce_safe, NULL },
    { "uuid", "UUID", NULL, build_uuid },
};

const struct crq_pickle_global *crq_pickle_find_global(const char *module,
        const char *name)
{
    for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++)
        if (strcmp(globals[i].module, module) == 0 &&
                strcmp(globals[i].name, name) == 0)
            return &globals[i];
    return NULL;
}
