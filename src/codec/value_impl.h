/*
 * value_impl.h - the memory of a value. Only value.c, dict.c and number.c
 * include it: everyone else goes through the functions.
 */
#ifndef CRQ_CODEC_VALUE_IMPL_H
#define CRQ_CODEC_VALUE_IMPL_H

#include "codec/value.h"

struct crq_data { /* str, bytes, bytearray, decimal, large int */
    char *bytes;  /* '\0' behind them */
    size_t len;
};

struct crq_seq { /* list, tuple; the keys or the values of a map */
    crq_value **items;
    size_t count, cap;
};

/* Where an equal key stands: open addressing, entries are index + 1. */
struct crq_index {
    uint32_t *slots; /* NULL while the container is small */
    size_t mask;     /* number of slots - 1 */
    uint64_t seed;   /* unguessable: hostile keys cannot be made to collide */
};

struct crq_map { /* dict; set and frozenset without the values */
    struct crq_seq keys, vals;
    struct crq_index index;
    bool ordered; /* an OrderedDict */
};

struct crq_value {
    uint8_t type;    /* crq_type */
    bool big;        /* CRQ_INT: in u.data, as it does not fit u.i */
    uint16_t height; /* crq_value_check(): levels below; 0: not walked */
    uint32_t refs;
    /* Containers: the next one that waits to be freed, so that freeing needs
     * no stack however deep values are nested. */
    crq_value *dead;
    union { /* only as much of it is allocated as the type needs */
        bool b;
        int64_t i;
        double d;
        struct crq_data data;
        struct crq_seq seq;
        struct crq_map map;
        crq_datetime when; /* tz.name owned */
        crq_timedelta delta;
        crq_tz tz; /* name owned */
        uint8_t uuid[16];
        crq_value *state; /* Retry */
    } u;
};

crq_value *crq_value_alloc(crq_type type);
bool crq_value_is_map(const crq_value *v); /* dict, set, frozenset */
bool crq_value_is_seq(const crq_value *v); /* list, tuple */

/* dict.c */
void crq_map_fini(struct crq_map *map);
/** Find an equal key. Returns its position or -1. */
ptrdiff_t crq_map_find(const struct crq_map *map, const crq_value *key);
/** Put a pair; val is NULL in sets. Takes both over in every case. */
int crq_map_put(struct crq_map *map, crq_value *key, crq_value *val);

int crq_seq_add(struct crq_seq *seq, crq_value *item); /* takes item over */
void crq_seq_fini(struct crq_seq *seq);

#endif
