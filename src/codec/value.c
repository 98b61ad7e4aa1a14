/*
 * value.c - values as Python has them, as counted references.
 *
 * A value is one small block; containers keep arrays of references. There are
 * no shared constants, so that values of different threads never meet.
 */
#include "codec/value.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/value_impl.h"

#define MEMBER(m) offsetof(struct crq_value, m) + sizeof(((crq_value *)0)->m)

/* A type's name in Python, and the bytes that one of it takes. */
static const struct {
    const char *name;
    size_t size;
} types[] = {
    [CRQ_NONE] = { "NoneType", MEMBER(dead) },
    [CRQ_BOOL] = { "bool", MEMBER(u.b) },
    [CRQ_INT] = { "int", MEMBER(u.data) }, /* u.data when it is large */
    [CRQ_FLOAT] = { "float", MEMBER(u.d) },
    [CRQ_STR] = { "str", MEMBER(u.data) },
    [CRQ_BYTES] = { "bytes", MEMBER(u.data) },
    [CRQ_BYTEARRAY] = { "bytearray", MEMBER(u.data) },
    [CRQ_LIST] = { "list", MEMBER(u.seq) },
    [CRQ_TUPLE] = { "tuple", MEMBER(u.seq) },
    [CRQ_DICT] = { "dict", MEMBER(u.map) },
    [CRQ_SET] = { "set", MEMBER(u.map) },
    [CRQ_FROZENSET] = { "frozenset", MEMBER(u.map) },
    [CRQ_DATETIME] = { "datetime.datetime", MEMBER(u.when) },
    [CRQ_DATE] = { "datetime.date", MEMBER(u.when) },
    [CRQ_TIME] = { "datetime.time", MEMBER(u.when) },
    [CRQ_TIMEDELTA] = { "datetime.timedelta", MEMBER(u.delta) },
    [CRQ_TIMEZONE] = { "datetime.timezone", MEMBER(u.tz) },
    [CRQ_DECIMAL] = { "decimal.Decimal", MEMBER(u.data) },
    [CRQ_UUID] = { "uuid.UUID", MEMBER(u.uuid) },
    [CRQ_RETRY] = { "rq.job.Retry", MEMBER(u.state) },
};

struct crq_limits crq_limits_resolve(const struct crq_limits *limits)
{
    struct crq_limits all = { CRQ_MAX_BYTES, CRQ_MAX_ITEMS, CRQ_MAX_DEPTH,
        false };

    if (limits == NULL)
        return all;
    all.max_bytes = limits->max_bytes > 0 ? limits->max_bytes : all.max_bytes;
    all.max_items = limits->max_items > 0 ? limits->max_items : all.max_items;
    all.max_depth = limits->max_depth > 0 ? limits->max_depth : all.max_depth;
    all.unique_keys = limits->unique_keys;
    return all;
}

const char *crq_type_name(crq_type type)
{
    return types[type].name;
}

crq_type crq_value_type(const crq_value *v)
{
    return v == NULL ? CRQ_NONE : (crq_type)v->type;
}

crq_value *crq_value_alloc(crq_type type)
{
    crq_value *v = crq_calloc(1, types[type].size);

    if (v != NULL) {
        v->type = (uint8_t)type;
        v->refs = 1;
    }
    return v;
}

crq_value *crq_value_ref(const crq_value *v)
{
    crq_value *counted;

    if (v == NULL)
        return NULL;
    /* Counting is the one change that a borrowed value allows. */
    memcpy(&counted, &v, sizeof(counted));
    assert(counted->refs < UINT32_MAX);
    counted->refs++;
    return counted;
}

bool crq_value_shared(const crq_value *v)
{
    return v != NULL && v->refs > 1;
}

void crq_seq_fini(struct crq_seq *seq)
{
    for (size_t i = 0; i < seq->count; i++)
        crq_value_free(seq->items[i]);
    crq_free(seq->items);
    *seq = (struct crq_seq){ NULL, 0, 0 };
}

static void free_tz_name(crq_tz *tz)
{
    char *owned;

    memcpy(&owned, &tz->name, sizeof(owned));
    crq_free(owned);
}

bool crq_value_is_seq(const crq_value *v)
{
    return v->type == CRQ_LIST || v->type == CRQ_TUPLE;
}

bool crq_value_is_map(const crq_value *v)
{
    return v->type == CRQ_DICT || v->type == CRQ_SET ||
            v->type == CRQ_FROZENSET;
}

/* Drop one reference. What holds others and dies of it joins the list. */
static void drop(crq_value *v, crq_value **dead)
{
    if (v == NULL || --v->refs > 0)
        return;
    switch (v->type) {
    case CRQ_LIST:
    case CRQ_TUPLE:
    case CRQ_DICT:
    case CRQ_SET:
    case CRQ_FROZENSET:
    case CRQ_RETRY:
        v->dead = *dead;
        *dead = v;
        return;
    case CRQ_INT:
        if (v->big)
            crq_free(v->u.data.bytes);
        break;
    case CRQ_STR:
    case CRQ_BYTES:
    case CRQ_BYTEARRAY:
    case CRQ_DECIMAL: crq_free(v->u.data.bytes); break;
    case CRQ_DATETIME:
    case CRQ_TIME: free_tz_name(&v->u.when.tz); break;
    case CRQ_TIMEZONE: free_tz_name(&v->u.tz); break;
    default: break;
    }
    crq_free(v);
}

static void drop_all(struct crq_seq *seq, crq_value **dead)
{
    for (size_t i = 0; i < seq->count; i++)
        drop(seq->items[i], dead);
    seq->count = 0;
    crq_seq_fini(seq);
}

void crq_value_free(crq_value *v)
{
    crq_value *dead = NULL;

    drop(v, &dead);
    while (dead != NULL) {
        v = dead;
        dead = v->dead;
        if (v->type == CRQ_RETRY)
            drop(v->u.state, &dead);
        else if (crq_value_is_seq(v))
            drop_all(&v->u.seq, &dead);
        else {
            drop_all(&v->u.map.keys, &dead);
            drop_all(&v->u.map.vals, &dead);
            crq_map_fini(&v->u.map);
        }
        crq_free(v);
    }
}

void crq_text_free(char *text)
{
    crq_free(text);
}

/* ---- making ---- */

crq_value *crq_value_new_none(void)
{
    return crq_value_alloc(CRQ_NONE);
}

crq_value *crq_value_new_bool(bool b)
{
    crq_value *v = crq_value_alloc(CRQ_BOOL);

    if (v != NULL)
        v->u.b = b;
    return v;
}

crq_value *crq_value_new_int(int64_t n)
{
    crq_value *v = crq_value_alloc(CRQ_INT);

    if (v != NULL)
        v->u.i = n;
    return v;
}

crq_value *crq_value_new_float(double d)
{
    crq_value *v = crq_value_alloc(CRQ_FLOAT);

    if (v != NULL)
        v->u.d = d;
    return v;
}

crq_value *crq_value_new_list(void)
{
    return crq_value_alloc(CRQ_LIST);
}

crq_value *crq_value_new_tuple(void)
{
    return crq_value_alloc(CRQ_TUPLE);
}

crq_value *crq_value_new_dict(void)
{
    return crq_value_alloc(CRQ_DICT);
}

crq_value *crq_value_new_set(void)
{
    return crq_value_alloc(CRQ_SET);
}

crq_value *crq_value_new_frozenset(void)
{
    return crq_value_alloc(CRQ_FROZENSET);
}

static crq_value *new_data(crq_type type, const void *bytes, size_t len)
{
    crq_value *v = crq_value_alloc(type);

    if (v == NULL)
        return NULL;
    v->u.data.bytes = crq_memdup(bytes, len);
    v->u.data.len = len;
    if (v->u.data.bytes == NULL) {
        crq_free(v);
        return NULL;
    }
    return v;
}

crq_value *crq_value_new_bytes(const void *bytes, size_t len)
{
    return new_data(CRQ_BYTES, bytes, len);
}

crq_value *crq_value_new_bytearray(const void *bytes, size_t len)
{
    return new_data(CRQ_BYTEARRAY, bytes, len);
}

crq_value *crq_value_new_text(const char *text)
{
    size_t len = strlen(text), bad;

    return crq_utf8_valid(text, len, &bad) ? new_data(CRQ_STR, text, len)
                                           : NULL;
}

int crq_value_new_str(const char *text, size_t len, crq_value **out,
        crq_error *err)
{
    crq_value *v;
    size_t bad;

    if (!crq_utf8_valid(text, len, &bad))
        return crq_fail(err, CRQ_EINVAL, "byte %zu of the text is not UTF-8",
                bad);
    v = new_data(CRQ_STR, text, len);
    if (v == NULL)
        return crq_fail_nomem(err);
    *out = v;
    return 0;
}

static size_t digits(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

static size_t word(const char *text, size_t len, const char *lower)
{
    size_t n = strlen(lower);

    if (n > len)
        return 0;
    for (size_t i = 0; i < n; i++)
        if ((text[i] | 0x20) != lower[i])
            return 0;
    return n;
}

/* The texts that decimal.Decimal prints and takes (its numeric strings). */
static bool is_decimal(const char *text, size_t len)
{
    size_t at = len > 0 && (text[0] == '-' || text[0] == '+'), n, m = 0;

    n = word(text + at, len - at, "infinity");
    n = n > 0 ? n : word(text + at, len - at, "inf");
    if (n > 0)
        return at + n == len;
    n = word(text + at, len - at, "snan");
    n = n > 0 ? n : word(text + at, len - at, "nan");
    if (n > 0) {
        at += n;
        return at + digits(text + at, len - at) == len;
    }
    n = digits(text + at, len - at);
    at += n;
    if (at < len && text[at] == '.') {
        at++;
        m = digits(text + at, len - at);
        at += m;
    }
    if (n + m == 0)
        return false;
    if (at == len)
        return true;
    if ((text[at] | 0x20) != 'e')
        return false;
    at++;
    if (at < len && (text[at] == '-' || text[at] == '+'))
        at++;
    n = digits(text + at, len - at);
    return n > 0 && at + n == len;
}

int crq_value_new_decimal(const char *text, size_t len, crq_value **out,
        crq_error *err)
{
    crq_value *v;

    if (!is_decimal(text, len))
        return crq_fail(err, CRQ_EINVAL, "'%.*s' is not a decimal number",
                len > 40 ? 40 : (int)len, text);
    v = new_data(CRQ_DECIMAL, text, len);
    if (v == NULL)
        return crq_fail_nomem(err);
    *out = v;
    return 0;
}

crq_value *crq_value_new_uuid(const uint8_t bytes[16])
{
    crq_value *v = crq_value_alloc(CRQ_UUID);

    if (v != NULL)
        memcpy(v->u.uuid, bytes, 16);
    return v;
}

crq_value *crq_value_new_retry(crq_value *state)
{
    crq_value *v = state != NULL ? crq_value_alloc(CRQ_RETRY) : NULL;

    if (v == NULL) {
        crq_value_free(state);
        return NULL;
    }
    v->u.state = state;
    return v;
}

/* ---- looking ---- */

#define IS(v, t) assert((v) != NULL && (v)->type == (t))

bool crq_value_bool(const crq_value *v)
{
    IS(v, CRQ_BOOL);
    return v->u.b;
}

double crq_value_float(const crq_value *v)
{
    IS(v, CRQ_FLOAT);
    return v->u.d;
}

const char *crq_value_data(const crq_value *v, size_t *out_len)
{
    assert(v != NULL &&
            (v->type == CRQ_STR || v->type == CRQ_BYTES ||
                    v->type == CRQ_BYTEARRAY || v->type == CRQ_DECIMAL));
    if (out_len != NULL)
        *out_len = v->u.data.len;
    return v->u.data.bytes;
}

const char *crq_value_text(const crq_value *v)
{
    IS(v, CRQ_STR);
    return v->u.data.bytes;
}

const uint8_t *crq_value_uuid(const crq_value *v)
{
    IS(v, CRQ_UUID);
    return v->u.uuid;
}

const crq_value *crq_value_retry_state(const crq_value *v)
{
    IS(v, CRQ_RETRY);
    return v->u.state;
}

bool crq_value_dict_ordered(const crq_value *dict)
{
    IS(dict, CRQ_DICT);
    return dict->u.map.ordered;
}

void crq_value_dict_set_ordered(crq_value *dict)
{
    IS(dict, CRQ_DICT);
    dict->u.map.ordered = true;
}

size_t crq_value_count(const crq_value *v)
{
    if (crq_value_is_seq(v))
        return v->u.seq.count;
    assert(crq_value_is_map(v));
    return v->u.map.keys.count;
}

const crq_value *crq_value_item(const crq_value *v, size_t i)
{
    assert(i < crq_value_count(v));
    if (crq_value_is_seq(v))
        return v->u.seq.items[i];
    return v->type == CRQ_DICT ? v->u.map.vals.items[i]
                               : v->u.map.keys.items[i];
}

const crq_value *crq_value_key(const crq_value *v, size_t i)
{
    IS(v, CRQ_DICT);
    assert(i < v->u.map.keys.count);
    return v->u.map.keys.items[i];
}

const crq_value *crq_value_find(const crq_value *dict, const crq_value *key)
{
    ptrdiff_t at;

    IS(dict, CRQ_DICT);
    at = crq_map_find(&dict->u.map, key);
    return at < 0 ? NULL : dict->u.map.vals.items[at];
}

const crq_value *crq_value_get(const crq_value *dict, const char *key)
{
    crq_value probe = { .type = CRQ_STR, .refs = 1 };

    /* Only read: the probe borrows the text. */
    memcpy(&probe.u.data.bytes, &key, sizeof(key));
    probe.u.data.len = strlen(key);
    return crq_value_find(dict, &probe);
}

/* ---- filling ---- */

int crq_seq_add(struct crq_seq *seq, crq_value *item)
{
    if (item == NULL)
        return CRQ_ENOMEM;
    if (seq->count == seq->cap) {
        size_t cap = seq->cap > 0 ? seq->cap * 2 : 4;
        crq_value **items = crq_reallocarray(seq->items, cap, sizeof(*items));

        if (items == NULL) {
            crq_value_free(item);
            return CRQ_ENOMEM;
        }
        seq->items = items;
        seq->cap = cap;
    }
    seq->items[seq->count++] = item;
    return 0;
}

int crq_value_add(crq_value *v, crq_value *item)
{
    if (crq_value_is_seq(v))
        return crq_seq_add(&v->u.seq, item);
    assert(v->type == CRQ_SET || v->type == CRQ_FROZENSET);
    return crq_map_put(&v->u.map, item, NULL);
}

int crq_value_put(crq_value *dict, crq_value *key, crq_value *val)
{
    IS(dict, CRQ_DICT);
    if (key == NULL || val == NULL) {
        crq_value_free(key);
        crq_value_free(val);
        return CRQ_ENOMEM;
    }
    return crq_map_put(&dict->u.map, key, val);
}

int crq_value_set(crq_value *dict, const char *key, crq_value *val)
{
    return crq_value_put(dict, crq_value_new_text(key), val);
}

void crq_value_clear(crq_value *v)
{
    if (crq_value_is_seq(v))
        crq_seq_fini(&v->u.seq);
    else if (crq_value_is_map(v))
        crq_map_fini(&v->u.map);
    else if (v->type == CRQ_RETRY) {
        crq_value_free(v->u.state);
        v->u.state = NULL;
    }
}
