/*
 * value.h - the inside of crq_value, for the codecs.
 *
 * The types, their constructors and getters are public: see crq.h. Here is
 * what only encoders and decoders need.
 */
#ifndef CRQ_CODEC_VALUE_H
#define CRQ_CODEC_VALUE_H

#include <crq.h>

#include "base/utf8.h"

/** What a decoder takes at most. Zero fields mean the default. */
struct crq_limits {
    size_t max_bytes; /* of input, and of text or bytes made of it */
    size_t max_items; /* values made: memo, containers' items, scalars */
    size_t max_depth; /* of containers within containers */
    bool unique_keys; /* JSON: a repeated key is an error (CRQ_ECODEC) */
};

#define CRQ_MAX_BYTES ((size_t)64 << 20)
#define CRQ_MAX_ITEMS ((size_t)4 << 20)
#define CRQ_MAX_DEPTH ((size_t)200)

/** The limits with the defaults filled in; NULL: all defaults. */
struct crq_limits crq_limits_resolve(const struct crq_limits *limits);

/* Python refuses to turn longer ints into text, or text into them. */
#define CRQ_INT_DIGITS_MAX 4300

/**
 * An int from two's complement, least significant byte first, as pickle has
 * it; no byte at all is 0. NULL when memory is out.
 */
crq_value *crq_value_new_int_bytes(const uint8_t *le, size_t len);

/**
 * The bytes of an int that does not fit an int64_t: two's complement, least
 * significant first, as few as hold it with its sign.
 */
const uint8_t *crq_value_int_bytes(const crq_value *v, size_t *out_len);

/** Decimal text of any int, put at the end of `buf`. CRQ_ELIMIT beyond
 *  CRQ_INT_DIGITS_MAX digits. */
struct crq_buf;
int crq_value_int_text(const crq_value *v, struct crq_buf *buf, crq_error *err);

/** dict(OrderedDict): encoded as collections.OrderedDict again. */
void crq_value_dict_set_ordered(crq_value *dict);
bool crq_value_dict_ordered(const crq_value *dict);

/** rq.job.Retry; `state` is a dict of its attributes (max, intervals,
 *  enqueue_at_front), taken over in every case. */
crq_value *crq_value_new_retry(crq_value *state);
const crq_value *crq_value_retry_state(const crq_value *v);

/** Whether anything else holds a reference too (then a pickle memoizes it). */
bool crq_value_shared(const crq_value *v);

/**
 * Check a finished value: no container inside itself (CRQ_EUNSUPPORTED), none
 * deeper than max_depth (CRQ_ELIMIT). Shared parts are walked once.
 */
int crq_value_check(const crq_value *v, size_t max_depth,
        crq_error *err) CRQ_MUST_CHECK;

/** Remove all items of a container, to break a cycle before freeing it. */
void crq_value_clear(crq_value *v);

#endif
