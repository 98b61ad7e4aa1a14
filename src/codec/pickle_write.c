/*
 * pickle_write.c - pickles as CPython's own pickler writes them, protocol 5.
 *
 * The bytes are Python's to the last one, so that a job made here cannot be
 * told from one made there. Three things decide about them:
 *
 *  - Identity. Python remembers ("memoizes") every object but numbers, None
 *    and the empty tuple, and refers back to one it meets again. Here a value
 *    is the same one when it is at the same address. What Python keeps one
 *    object of for all - the empty str and bytes, a str of one character of
 *    Latin-1, timezone.utc, names in its own source - is one here too. That
 *    two equal constants of a Python program are often one object is beyond
 *    what can be known here.
 *  - Frames. Opcodes are wrapped in frames of at least 64 KiB, but the last;
 *    texts of that size stand outside.
 *  - Batches. Items are added 1000 at a time.
 *
 * Classes are written by the same names as Python's; see `names`.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/pickle.h"
#include "codec/pickle_put.h"

#define BATCH 1000

/* What Python has one object of: keys of the memo that are no addresses. */
enum {
    KEY_NONE = CRQ_PICKLE_NO_KEY,
    KEY_EMPTY_STR,
    KEY_EMPTY_BYTES,
    KEY_UTC,
    KEY_NAME,             /* + index of a name */
    KEY_CLASS = 128,      /* + index of the class's name */
    KEY_CHARACTER = 0x100 /* + the character, up to 0xff */
};

/* Strings of Python's own source, which it has once each. */
enum name {
    N_DATETIME_MODULE,
    N_DATETIME,
    N_DATE,
    N_TIME,
    N_TIMEDELTA,
    N_TIMEZONE,
    N_DECIMAL_MODULE,
    N_DECIMAL,
    N_UUID_MODULE,
    N_UUID,
    N_COLLECTIONS_MODULE,
    N_ORDERED_DICT,
    N_RQ_JOB_MODULE,
    N_RETRY,
    N_INT,
    N_FIRST_OF_RETRY,
    N_MAX = N_FIRST_OF_RETRY,
    N_INTERVALS,
    N_ENQUEUE_AT_FRONT,
    N_COUNT
};

static const char *const names[N_COUNT] = {
    [N_DATETIME_MODULE] = "datetime",
    [N_DATETIME] = "datetime",
    [N_DATE] = "date",
    [N_TIME] = "time",
    [N_TIMEDELTA] = "timedelta",
    [N_TIMEZONE] = "timezone",
    [N_DECIMAL_MODULE] = "decimal",
    [N_DECIMAL] = "Decimal",
    [N_UUID_MODULE] = "uuid",
    [N_UUID] = "UUID",
    [N_COLLECTIONS_MODULE] = "collections",
    [N_ORDERED_DICT] = "OrderedDict",
    [N_RQ_JOB_MODULE] = "rq.job",
    [N_RETRY] = "Retry",
    [N_INT] = "int",
    [N_MAX] = "max",
    [N_INTERVALS] = "intervals",
    [N_ENQUEUE_AT_FRONT] = "enqueue_at_front",
};

/* ---- texts ---- */

static const struct crq_pickle_data_ops str_ops = { 0x8c, 'X', 0x8d };
static const struct crq_pickle_data_ops bytes_ops = { 'C', 'B', 0x8e };
static const struct crq_pickle_data_ops bytearray_ops = { 0, 0, 0x96 };

/* What only one container refers to is met only once. */
static uintptr_t key_of(const crq_value *v)
{
    return crq_value_shared(v) ? (uintptr_t)(const void *)v : KEY_NONE;
}

static void write_str(struct crq_pickler *w, const char *text, size_t len,
        uintptr_t key)
{
    size_t size;
    uint32_t c = len > 0 ? crq_utf8_next(text, len, &size) : 0;

    if (len == 0)
        key = KEY_EMPTY_STR;
    else if (size == len && c <= 0xff)
        key = KEY_CHARACTER + c;
    crq_pickler_between(w);
    if (!crq_pickler_recall(w, key))
        crq_pickler_data(w, &str_ops, text, len, key);
}

static void write_name(struct crq_pickler *w, enum name name)
{
    write_str(w, names[name], strlen(names[name]), KEY_NAME + (uintptr_t)name);
}

static void write_class(struct crq_pickler *w, enum name module, enum name name)
{
    crq_pickler_between(w);
    if (crq_pickler_recall(w, KEY_CLASS + (uintptr_t)name))
        return;
    write_name(w, module);
    write_name(w, name);
    crq_pickler_op(w, 0x93); /* STACK_GLOBAL */
    crq_pickler_memoize(w, KEY_CLASS + (uintptr_t)name);
}

/* ---- numbers ---- */

static void write_long(struct crq_pickler *w, const uint8_t *le, size_t len)
{
    if (len < 256)
        crq_pickler_number(w, 0x8a, len, 1); /* LONG1 */
    else
        crq_pickler_number(w, 0x8b, len, 4); /* LONG4 */
    crq_pickler_put(w, le, len);
}

static void write_int(struct crq_pickler *w, int64_t n)
{
    uint8_t le[8];
    size_t len = sizeof(le);

    crq_pickler_between(w);
    if (n >= 0 && n <= 0xff)
        crq_pickler_number(w, 'K', (uint64_t)n, 1); /* BININT1 */
    else if (n >= 0 && n <= 0xffff)
        crq_pickler_number(w, 'M', (uint64_t)n, 2); /* BININT2 */
    else if (n >= INT32_MIN && n <= INT32_MAX)
        crq_pickler_number(w, 'J', (uint64_t)n, 4); /* BININT */
    else {
        for (size_t i = 0; i < len; i++)
            le[i] = (uint8_t)((uint64_t)n >> (8 * i));
        /* Bytes on top that only repeat the sign are left out. */
        while (le[len - 1] == (le[len - 2] >= 0x80 ? 0xff : 0))
            len--;
        write_long(w, le, len);
    }
}

static void write_any_int(struct crq_pickler *w, const crq_value *v)
{
    const uint8_t *le;
    size_t len;

    if (crq_value_int_fits(v)) {
        write_int(w, crq_value_int(v));
        return;
    }
    le = crq_value_int_bytes(v, &len);
    write_long(w, le, len);
}

static void write_float(struct crq_pickler *w, double d)
{
    char bytes[9] = "G"; /* BINFLOAT */
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (char)(bits >> (56 - 8 * i));
    crq_pickler_put(w, bytes, sizeof(bytes));
}

/* ---- dates and times: the class, a tuple of arguments, REDUCE ---- */

static void put_tuple(struct crq_pickler *w, size_t count)
{
    crq_pickler_op(w, 0x84 + (int)count); /* TUPLE1..TUPLE3 */
    crq_pickler_memoize(w, KEY_NONE);
}

static void put_reduce(struct crq_pickler *w, uintptr_t key)
{
    crq_pickler_op(w, 'R');
    crq_pickler_memoize(w, key);
}

static void write_delta(struct crq_pickler *w, const crq_timedelta *d,
        uintptr_t key)
{
    crq_pickler_between(w);
    write_class(w, N_DATETIME_MODULE, N_TIMEDELTA);
    crq_pickler_between(w);
    write_int(w, d->days);
    write_int(w, d->seconds);
    write_int(w, d->microseconds);
    put_tuple(w, 3);
    put_reduce(w, key);
}

static void write_zone(struct crq_pickler *w, const crq_tz *tz, uintptr_t key)
{
    /* Python's timedelta: what is west of UTC is a day back and so on. */
    int days = tz->offset_s < 0 ? -1 : 0;
    crq_timedelta offset = { days, tz->offset_s - days * 86400, tz->offset_us };

    if (tz->name == NULL && tz->offset_s == 0 && tz->offset_us == 0)
        key = KEY_UTC;
    crq_pickler_between(w);
    if (crq_pickler_recall(w, key))
        return;
    write_class(w, N_DATETIME_MODULE, N_TIMEZONE);
    write_delta(w, &offset, KEY_NONE);
    if (tz->name != NULL)
        write_str(w, tz->name, strlen(tz->name), KEY_NONE);
    put_tuple(w, tz->name != NULL ? 2 : 1);
    put_reduce(w, key);
}

static void write_when(struct crq_pickler *w, const crq_value *v, uintptr_t key)
{
    const crq_datetime *d = crq_value_datetime(v);
    crq_type type = crq_value_type(v);
    int fold = d->fold ? 0x80 : 0;
    const char date[4] = { (char)(d->year >> 8), (char)d->year,
        (char)(d->month | (type == CRQ_DATETIME ? fold : 0)), (char)d->day };
    const char clock[6] = { (char)(d->hour | (type == CRQ_TIME ? fold : 0)),
        (char)d->minute, (char)d->second, (char)(d->microsecond >> 16),
        (char)(d->microsecond >> 8), (char)d->microsecond };
    char state[10];
    size_t len = 0;

    if (type != CRQ_TIME) {
        memcpy(state, date, sizeof(date));
        len += sizeof(date);
    }
    if (type != CRQ_DATE) {
        memcpy(state + len, clock, sizeof(clock));
        len += sizeof(clock);
    }
    write_class(w, N_DATETIME_MODULE,
            type == CRQ_DATETIME       ? N_DATETIME
                    : type == CRQ_DATE ? N_DATE
                                       : N_TIME);
    crq_pickler_between(w);
    crq_pickler_data(w, &bytes_ops, state, len, KEY_NONE);
    if (d->has_tz)
        write_zone(w, &d->tz, KEY_NONE);
    put_tuple(w, d->has_tz ? 2 : 1);
    put_reduce(w, key);
}

static void write_decimal(struct crq_pickler *w, const crq_value *v,
        uintptr_t key)
{
    size_t len;
    const char *text = crq_value_data(v, &len);

    write_class(w, N_DECIMAL_MODULE, N_DECIMAL);
    write_str(w, text, len, KEY_NONE);
    put_tuple(w, 1);
    put_reduce(w, key);
}

/* ---- objects: the class, NEWOBJ, a dict of attributes, BUILD ---- */

static void put_newobj(struct crq_pickler *w, uintptr_t key)
{
    crq_pickler_between(w);
    crq_pickler_put(w, ")\x81", 2); /* EMPTY_TUPLE, NEWOBJ: see below */
    crq_pickler_memoize(w, key);
}

static void write_uuid(struct crq_pickler *w, const crq_value *v, uintptr_t key)
{
    const uint8_t *uuid = crq_value_uuid(v);
    uint8_t le[17] = { 0 };
    size_t len = sizeof(le);
    int64_t small = 0;

    for (int i = 0; i < 16; i++)
        le[i] = uuid[15 - i];
    while (len > 1 && le[len - 1] == 0 && le[len - 2] < 0x80)
        len--;
    write_class(w, N_UUID_MODULE, N_UUID);
    put_newobj(w, key);
    crq_pickler_between(w);
    crq_pickler_op(w, '}');
    crq_pickler_memoize(w, KEY_NONE);
    write_name(w, N_INT);
    if (len <= 4) {
        for (size_t i = len; i > 0; i--)
            small = small << 8 | le[i - 1];
        write_int(w, small);
    } else {
        crq_pickler_between(w);
        write_long(w, le, len);
    }
    crq_pickler_put(w, "sb", 2); /* SETITEM, BUILD */
}

static void write_value(struct crq_pickler *w, const crq_value *v);

/* ---- containers ---- */

static void write_items(struct crq_pickler *w, const crq_value *v)
{
    for (size_t i = 0; i < crq_value_count(v); i++)
        write_value(w, crq_value_item(v, i));
}

static void write_tuple(struct crq_pickler *w, const crq_value *v,
        uintptr_t key)
{
    size_t count = crq_value_count(v);

    if (count == 0) {
        crq_pickler_op(w, ')'); /* the one that is not memoized */
        return;
    }
    if (count > 3)
        crq_pickler_op(w, '(');
    write_items(w, v);
    crq_pickler_op(w, count > 3 ? 't' : 0x84 + (int)count);
    crq_pickler_memoize(w, key);
}

static void write_list(struct crq_pickler *w, const crq_value *v, uintptr_t key)
{
    size_t count = crq_value_count(v);

    crq_pickler_op(w, ']');
    crq_pickler_memoize(w, key);
    if (count == 1) {
        write_items(w, v);
        crq_pickler_op(w, 'a'); /* APPEND */
        return;
    }
    for (size_t i = 0; i < count;) {
        crq_pickler_op(w, '(');
        for (size_t n = 0; n < BATCH && i < count; n++)
            write_value(w, crq_value_item(v, i++));
        crq_pickler_op(w, 'e'); /* APPENDS */
    }
}

/* Python's loops over sets and dicts look for the next item only after they
 * have closed a full batch: then an empty one follows. */
static void write_set(struct crq_pickler *w, const crq_value *v, uintptr_t key)
{
    size_t count = crq_value_count(v), i = 0, n;

    crq_pickler_op(w, 0x8f); /* EMPTY_SET */
    crq_pickler_memoize(w, key);
    if (count == 0)
        return;
    do {
        crq_pickler_op(w, '(');
        for (n = 0; n < BATCH && i < count; n++)
            write_value(w, crq_value_item(v, i++));
        crq_pickler_op(w, 0x90); /* ADDITEMS */
    } while (n == BATCH);
}

static void write_frozenset(struct crq_pickler *w, const crq_value *v,
        uintptr_t key)
{
    crq_pickler_op(w, '(');
    write_items(w, v);
    crq_pickler_op(w, 0x91); /* FROZENSET */
    crq_pickler_memoize(w, key);
}

/* The attributes of a Retry have names that Python has once. */
static void write_attribute(struct crq_pickler *w, const crq_value *key)
{
    for (enum name n = N_FIRST_OF_RETRY; n < N_COUNT; n++)
        if (crq_value_type(key) == CRQ_STR &&
                strcmp(crq_value_text(key), names[n]) == 0) {
            write_name(w, n);
            return;
        }
    write_value(w, key);
}

static void write_pair(struct crq_pickler *w, const crq_value *v, size_t i,
        bool attributes)
{
    if (attributes)
        write_attribute(w, crq_value_key(v, i));
    else
        write_value(w, crq_value_key(v, i));
    write_value(w, crq_value_item(v, i));
}

static void write_pairs(struct crq_pickler *w, const crq_value *v,
        bool attributes)
{
    size_t count = crq_value_count(v), i = 0, n;
    bool ordered = crq_value_dict_ordered(v);

    if (count == 1) {
        write_pair(w, v, 0, attributes);
        crq_pickler_op(w, 's'); /* SETITEM */
        return;
    }
    if (count == 0)
        return;
    do {
        /* What is written through an iterator is looked ahead for. */
        if (ordered && i == count)
            return;
        if (ordered && i + 1 == count) {
            write_pair(w, v, i, attributes);
            crq_pickler_op(w, 's');
            return;
        }
        crq_pickler_op(w, '(');
        for (n = 0; n < BATCH && i < count; n++)
            write_pair(w, v, i++, attributes);
        crq_pickler_op(w, 'u'); /* SETITEMS */
    } while (n == BATCH);
}

static void write_dict(struct crq_pickler *w, const crq_value *v, uintptr_t key)
{
    if (crq_value_dict_ordered(v)) {
        write_class(w, N_COLLECTIONS_MODULE, N_ORDERED_DICT);
        crq_pickler_between(w);
        crq_pickler_op(w, ')');
        put_reduce(w, key);
    } else {
        crq_pickler_op(w, '}');
        crq_pickler_memoize(w, key);
    }
    write_pairs(w, v, false);
}

static void write_retry(struct crq_pickler *w, const crq_value *v,
        uintptr_t key)
{
    const crq_value *state = crq_value_retry_state(v);

    write_class(w, N_RQ_JOB_MODULE, N_RETRY);
    put_newobj(w, key);
    crq_pickler_between(w);
    if (crq_value_dict_ordered(state))
        write_value(w, state);
    else if (!crq_pickler_recall(w, key_of(state))) {
        crq_pickler_op(w, '}');
        crq_pickler_memoize(w, key_of(state));
        write_pairs(w, state, true);
    }
    crq_pickler_op(w, 'b'); /* BUILD */
}

/* ---- any value ---- */

static void write_data(struct crq_pickler *w, const crq_value *v, uintptr_t key)
{
    const struct crq_pickle_data_ops *ops =
            crq_value_type(v) == CRQ_BYTES ? &bytes_ops : &bytearray_ops;
    size_t len;
    const char *bytes = crq_value_data(v, &len);

    if (ops == &bytes_ops && len == 0) {
        key = KEY_EMPTY_BYTES;
        if (crq_pickler_recall(w, key))
            return;
    }
    crq_pickler_data(w, ops, bytes, len, key);
}

/* What isn't memoized. */
static bool write_scalar(struct crq_pickler *w, const crq_value *v)
{
    switch (crq_value_type(v)) {
    case CRQ_NONE: crq_pickler_op(w, 'N'); return true;
    case CRQ_BOOL:
        crq_pickler_op(w, crq_value_bool(v) ? 0x88 : 0x89);
        return true;
    case CRQ_INT: write_any_int(w, v); return true;
    case CRQ_FLOAT: write_float(w, crq_value_float(v)); return true;
    default: return false;
    }
}

static void write_value(struct crq_pickler *w, const crq_value *v)
{
    uintptr_t key = key_of(v);
    const char *text;
    size_t len;

    if (w->out->rc < 0)
        return;
    crq_pickler_between(w);
    if (write_scalar(w, v) || crq_pickler_recall(w, key))
        return;
    switch (crq_value_type(v)) {
    case CRQ_STR:
        text = crq_value_data(v, &len);
        write_str(w, text, len, key);
        return;
    case CRQ_LIST: write_list(w, v, key); return;
    case CRQ_TUPLE: write_tuple(w, v, key); return;
    case CRQ_DICT: write_dict(w, v, key); return;
    case CRQ_SET: write_set(w, v, key); return;
    case CRQ_FROZENSET: write_frozenset(w, v, key); return;
    case CRQ_DATETIME:
    case CRQ_DATE:
    case CRQ_TIME: write_when(w, v, key); return;
    case CRQ_TIMEDELTA: write_delta(w, crq_value_timedelta(v), key); return;
    case CRQ_TIMEZONE: write_zone(w, crq_value_timezone(v), key); return;
    case CRQ_DECIMAL: write_decimal(w, v, key); return;
    case CRQ_UUID: write_uuid(w, v, key); return;
    case CRQ_RETRY: write_retry(w, v, key); return;
    default: write_data(w, v, key); return; /* bytes, bytearray */
    }
}

int crq_pickle_encode(const crq_value *v, struct crq_buf *out, crq_error *err)
{
    struct crq_pickler w = { .out = out, .frame = CRQ_PICKLE_NO_FRAME };
    size_t before = out->len;
    int rc = crq_value_check(v, CRQ_MAX_DEPTH, err);

    if (rc < 0)
        return rc;
    crq_pickler_put(&w, "\x80\x05", 2); /* PROTO; never in a frame */
    w.framing = true;
    write_value(&w, v);
    crq_pickler_op(&w, '.');
    crq_pickler_end_frame(&w);
    crq_free(w.memo);
    rc = crq_buf_check(out, err);
    if (rc < 0 && out->len > before) {
        out->len = before;
        out->data[before] = '\0';
    }
    return rc;
}
