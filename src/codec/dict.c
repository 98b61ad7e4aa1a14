/*
 * dict.c - the pairs of a dict and the members of a set, and when two values
 * are the same key.
 *
 * Pairs stand in arrays in order of insertion. A small container is searched
 * from the start; a larger one has an index, an open-addressed table of
 * positions. Keys come from strangers: hashes are seeded from the kernel's
 * generator so that nobody can aim for collisions, and a key made of nested
 * tuples, whose parts can be shared, is hashed and compared on a budget.
 */
#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "codec/value_impl.h"

#define SMALL      8     /* pairs that need no index */
#define KEY_BUDGET 10000 /* parts of a tuple used as a key */
/* A frozenset within a key is compared by looking its members up. */
#define COMPARE_BUDGET (KEY_BUDGET * 4)

static uint64_t mix(uint64_t h, uint64_t part)
{
    h ^= part;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ (h >> 32);
}

static uint64_t mix_bytes(uint64_t h, const void *bytes, size_t len)
{
    const char *at = bytes;
    uint64_t part;

    for (; len >= sizeof(part); at += sizeof(part), len -= sizeof(part)) {
        memcpy(&part, at, sizeof(part));
        h = mix(h, part);
    }
    part = 0;
    memcpy(&part, at, len);
    return mix(h, part ^ ((uint64_t)len << 56));
}

/* 1, 1.0 and True are one key: whatever is a whole number hashes as one. */
static uint64_t mix_number(uint64_t h, const crq_value *v)
{
    double d;

    if (v->type == CRQ_BOOL)
        return mix(h, v->u.b);
    if (v->type == CRQ_INT)
        return v->big ? mix_bytes(h, v->u.data.bytes, v->u.data.len)
                      : mix(h, (uint64_t)v->u.i);
    d = v->u.d;
    /* It equals only itself: by its address, or all NaNs would collide. */
    if (isnan(d))
        return mix(h, (uint64_t)(uintptr_t)v);
    if (d >= -0x1p63 && d < 0x1p63 && d == (double)(int64_t)d)
        return mix(h, (uint64_t)(int64_t)d);
    return mix_bytes(h, &d, sizeof(d));
}

/* Microseconds since some day, as the clock on the wall shows them. */
static int64_t instant(const crq_datetime *d)
{
    /* A calendar in which every month has 31 days orders and tells apart. */
    int64_t day = ((int64_t)d->year * 12 + d->month) * 31 + d->day;
    int64_t s = d->hour * 3600 + d->minute * 60 + d->second;

    return (day * 86400 + s) * 1000000 + d->microsecond;
}

/* All that equal_times() looks at: strangers choose zones, too. */
static uint64_t mix_zone(uint64_t h, const crq_tz *tz)
{
    return mix(mix(h, (uint64_t)tz->offset_s), (uint64_t)tz->offset_us);
}

struct hashing {
    uint64_t h;
    int budget;
    int rc;
};

static void hash(struct hashing *to, const crq_value *v, size_t depth);

/* Equal sets can differ in order, so their members' hashes are added up. */
static void hash_members(struct hashing *to, const struct crq_seq *keys,
        size_t depth)
{
    uint64_t before = to->h, sum = keys->count;

    for (size_t i = 0; i < keys->count && to->rc == 0; i++) {
        to->h = before;
        hash(to, keys->items[i], depth);
        sum += to->h;
    }
    to->h = mix(before, sum);
}

static void hash(struct hashing *to, const crq_value *v, size_t depth)
{
    if (to->rc == 0 && (to->budget-- <= 0 || depth == 0))
        to->rc = CRQ_ELIMIT;
    if (to->rc < 0)
        return;
    switch (v->type) {
    case CRQ_BOOL:
    case CRQ_INT:
    case CRQ_FLOAT: to->h = mix_number(to->h, v); return;
    case CRQ_STR:
    case CRQ_BYTES:
    case CRQ_DECIMAL:
        to->h = mix_bytes(mix(to->h, v->type), v->u.data.bytes, v->u.data.len);
        return;
    case CRQ_UUID: to->h = mix_bytes(to->h, v->u.uuid, 16); return;
    case CRQ_TUPLE:
        to->h = mix(to->h, v->u.seq.count);
        for (size_t i = 0; i < v->u.seq.count && to->rc == 0; i++)
            hash(to, v->u.seq.items[i], depth - 1);
        return;
    case CRQ_FROZENSET: hash_members(to, &v->u.map.keys, depth - 1); return;
    case CRQ_DATETIME:
    case CRQ_DATE:
    case CRQ_TIME:
        to->h = mix(mix(to->h, v->type), (uint64_t)instant(&v->u.when));
        if (v->u.when.has_tz)
            to->h = mix_zone(to->h, &v->u.when.tz);
        return;
    case CRQ_TIMEZONE: to->h = mix_zone(mix(to->h, v->type), &v->u.tz); return;
    case CRQ_LIST:
    case CRQ_DICT:
    case CRQ_SET:
    case CRQ_BYTEARRAY:
    case CRQ_RETRY: to->rc = CRQ_EINVAL; return;
    case CRQ_TIMEDELTA:
        to->h = mix_bytes(mix(to->h, v->type), &v->u.delta, sizeof(v->u.delta));
        return;
    default: to->h = mix(to->h, v->type); return; /* None */
    }
}

/* ---- equality ---- */

static ptrdiff_t find_member(const struct crq_map *map, const crq_value *key,
        size_t depth, int *budget);

static bool equal(const crq_value *a, const crq_value *b, size_t depth,
        int *budget);

static bool equal_seqs(const struct crq_seq *a, const struct crq_seq *b,
        size_t depth, int *budget)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!equal(a->items[i], b->items[i], depth, budget))
            return false;
    return true;
}

static bool equal_maps(const crq_value *a, const crq_value *b, size_t depth,
        int *budget)
{
    const struct crq_map *x = &a->u.map, *y = &b->u.map;

    if (x->keys.count != y->keys.count)
        return false;
    /* Two OrderedDicts are equal in the same order only. */
    if (x->ordered && y->ordered)
        return equal_seqs(&x->keys, &y->keys, depth, budget) &&
                equal_seqs(&x->vals, &y->vals, depth, budget);
    for (size_t i = 0; i < x->keys.count; i++) {
        ptrdiff_t at = find_member(y, x->keys.items[i], depth, budget);

        if (at < 0)
            return false;
        if (a->type == CRQ_DICT &&
                !equal(x->vals.items[i], y->vals.items[at], depth, budget))
            return false;
    }
    return true;
}

static bool is_number(const crq_value *v)
{
    return v->type == CRQ_BOOL || v->type == CRQ_INT || v->type == CRQ_FLOAT;
}

static bool equal_numbers(const crq_value *a, const crq_value *b)
{
    bool a_big = a->type == CRQ_INT && a->big;
    bool b_big = b->type == CRQ_INT && b->big;
    int64_t x, y;

    if (a->type == CRQ_FLOAT && b->type == CRQ_FLOAT)
        return a->u.d == b->u.d;
    if (a_big && b_big)
        return a->u.data.len == b->u.data.len &&
                memcmp(a->u.data.bytes, b->u.data.bytes, a->u.data.len) == 0;
    /* A large int equals no float here: no key that anyone writes. */
    if (a_big || b_big)
        return false;
    if (a->type == CRQ_FLOAT)
        return equal_numbers(b, a);
    x = a->type == CRQ_BOOL ? a->u.b : a->u.i;
    if (b->type == CRQ_FLOAT)
        return b->u.d >= -0x1p63 && b->u.d < 0x1p63 &&
                (double)(int64_t)b->u.d == b->u.d && (int64_t)b->u.d == x;
    y = b->type == CRQ_BOOL ? b->u.b : b->u.i;
    return x == y;
}

static bool equal_times(const crq_datetime *a, const crq_datetime *b)
{
    /* Aware ones in different zones are told apart here even when they are
     * the same instant: no codec depends on more. */
    return a->has_tz == b->has_tz && instant(a) == instant(b) &&
            (!a->has_tz ||
                    (a->tz.offset_s == b->tz.offset_s &&
                            a->tz.offset_us == b->tz.offset_us));
}

static bool equal(const crq_value *a, const crq_value *b, size_t depth,
        int *budget)
{
    if (a == b)
        return !(a != NULL && a->type == CRQ_FLOAT && isnan(a->u.d));
    if (a == NULL || b == NULL)
        return crq_value_type(a) == crq_value_type(b);
    if (depth == 0 || (*budget)-- <= 0)
        return false;
    if (is_number(a) && is_number(b))
        return equal_numbers(a, b);
    if ((a->type == CRQ_SET || a->type == CRQ_FROZENSET) &&
            (b->type == CRQ_SET || b->type == CRQ_FROZENSET))
        return equal_maps(a, b, depth - 1, budget);
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case CRQ_NONE: return true;
    case CRQ_STR:
    case CRQ_BYTES:
    case CRQ_BYTEARRAY:
    case CRQ_DECIMAL:
        return a->u.data.len == b->u.data.len &&
                memcmp(a->u.data.bytes, b->u.data.bytes, a->u.data.len) == 0;
    case CRQ_LIST:
    case CRQ_TUPLE: return equal_seqs(&a->u.seq, &b->u.seq, depth - 1, budget);
    case CRQ_DICT: return equal_maps(a, b, depth - 1, budget);
    case CRQ_DATETIME:
    case CRQ_DATE:
    case CRQ_TIME: return equal_times(&a->u.when, &b->u.when);
    case CRQ_TIMEDELTA:
        return memcmp(&a->u.delta, &b->u.delta, sizeof(a->u.delta)) == 0;
    case CRQ_TIMEZONE:
        return a->u.tz.offset_s == b->u.tz.offset_s &&
                a->u.tz.offset_us == b->u.tz.offset_us;
    case CRQ_UUID: return memcmp(a->u.uuid, b->u.uuid, 16) == 0;
    case CRQ_RETRY: return equal(a->u.state, b->u.state, depth - 1, budget);
    default: return false;
    }
}

bool crq_value_equal(const crq_value *a, const crq_value *b)
{
    int budget = INT_MAX;

    return equal(a, b, CRQ_MAX_DEPTH + 1, &budget);
}

/* As Python looks keys up: the same object first, then ==. */
static bool same_key(const crq_value *a, const crq_value *b)
{
    int budget = COMPARE_BUDGET;

    return a == b || equal(a, b, CRQ_MAX_DEPTH, &budget);
}

/* ---- the table ---- */

void crq_map_fini(struct crq_map *map)
{
    crq_seq_fini(&map->keys);
    crq_seq_fini(&map->vals);
    crq_free(map->index.slots);
    map->index.slots = NULL;
}

static int hash_key(const struct crq_map *map, const crq_value *key,
        uint64_t *out)
{
    struct hashing to = { map->index.seed, KEY_BUDGET, 0 };

    hash(&to, key, CRQ_MAX_DEPTH);
    *out = to.h;
    return to.rc;
}

/* The slot of an equal key, or the free one where it would go. */
static uint32_t *slot_of(const struct crq_map *map, const crq_value *key,
        uint64_t h)
{
    const struct crq_index *index = &map->index;

    for (size_t at = (size_t)h & index->mask;; at = (at + 1) & index->mask) {
        uint32_t *slot = &index->slots[at];

        if (*slot == 0 || same_key(map->keys.items[*slot - 1], key))
            return slot;
    }
}

static ptrdiff_t find(const struct crq_map *map, const crq_value *key,
        uint64_t h)
{
    if (map->index.slots != NULL)
        return (ptrdiff_t)*slot_of(map, key, h) - 1;
    for (size_t i = 0; i < map->keys.count; i++)
        if (same_key(map->keys.items[i], key))
            return (ptrdiff_t)i;
    return -1;
}

ptrdiff_t crq_map_find(const struct crq_map *map, const crq_value *key)
{
    uint64_t h = 0;

    if (key == NULL || hash_key(map, key, &h) < 0)
        return -1;
    return find(map, key, h);
}

/*
 * Within a comparison: everything is paid from its budget. Sets of sets of
 * sets would otherwise be compared anew for every pair of members, on each
 * level.
 */
static ptrdiff_t find_member(const struct crq_map *map, const crq_value *key,
        size_t depth, int *budget)
{
    struct hashing to = { map->index.seed, *budget, 0 };
    size_t at, i;

    if (map->index.slots == NULL) {
        for (i = 0; i < map->keys.count; i++)
            if (map->keys.items[i] == key ||
                    equal(map->keys.items[i], key, depth, budget))
                return (ptrdiff_t)i;
        return -1;
    }
    hash(&to, key, depth);
    *budget = to.budget;
    if (to.rc < 0)
        return -1;
    for (at = (size_t)to.h & map->index.mask; map->index.slots[at] != 0;
            at = (at + 1) & map->index.mask) {
        i = map->index.slots[at] - 1;
        if (map->keys.items[i] == key ||
                equal(map->keys.items[i], key, depth, budget))
            return (ptrdiff_t)i;
    }
    return -1;
}

/* At most half full, so that a search is short. */
static int make_room(struct crq_map *map)
{
    struct crq_index *index = &map->index;
    size_t want, count = map->keys.count;
    uint32_t *slots;

    if (count < SMALL || (index->slots != NULL && count < index->mask / 2))
        return 0;
    if (count >= UINT32_MAX / 4)
        return CRQ_ELIMIT;
    want = index->slots != NULL ? (index->mask + 1) * 2 : SMALL * 4;
    slots = crq_calloc(want, sizeof(*slots));
    if (slots == NULL)
        return CRQ_ENOMEM;
    if (index->slots == NULL)
        crq_random(&index->seed, sizeof(index->seed));
    crq_free(index->slots);
    index->slots = slots;
    index->mask = want - 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t h = 0;
        size_t at;

        /* It was hashed when it was put: it cannot fail now. */
        (void)hash_key(map, map->keys.items[i], &h);
        for (at = (size_t)h & index->mask; slots[at] != 0;
                at = (at + 1) & index->mask)
            ;
        slots[at] = (uint32_t)i + 1;
    }
    return 0;
}

static int append(struct crq_map *map, crq_value *key, crq_value *val)
{
    int rc = crq_seq_add(&map->keys, key);

    if (rc < 0) {
        crq_value_free(val);
        return rc;
    }
    if (val == NULL)
        return 0;
    rc = crq_seq_add(&map->vals, val);
    if (rc < 0)
        crq_value_free(map->keys.items[--map->keys.count]);
    return rc;
}

int crq_map_put(struct crq_map *map, crq_value *key, crq_value *val)
{
    uint64_t h = 0;
    ptrdiff_t at;
    int rc = key != NULL ? make_room(map) : CRQ_ENOMEM;

    if (rc == 0)
        rc = hash_key(map, key, &h);
    if (rc < 0) {
        crq_value_free(key);
        crq_value_free(val);
        return rc;
    }
    at = find(map, key, h);
    if (at >= 0) { /* the old key stays, as in Python */
        crq_value_free(key);
        if (val != NULL) {
            crq_value_free(map->vals.items[at]);
            map->vals.items[at] = val;
        }
        return 0;
    }
    rc = append(map, key, val);
    if (rc == 0 && map->index.slots != NULL) {
        /* Not slot_of(): the key stands in the array already. */
        size_t i = (size_t)h & map->index.mask;

        while (map->index.slots[i] != 0)
            i = (i + 1) & map->index.mask;
        map->index.slots[i] = (uint32_t)map->keys.count;
    }
    return rc;
}
