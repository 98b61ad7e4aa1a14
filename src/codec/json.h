/*
 * json.h - JSON as Python's json module reads and writes it, number-exact.
 */
#ifndef CRQ_CODEC_JSON_H
#define CRQ_CODEC_JSON_H

#include <crq.h>

#include "base/buf.h"
#include "codec/value.h"

/**
 * Read one JSON text; white space may surround it, nothing else.
 *
 * As json.loads(): ints of any size stay ints, NaN and Infinity are read, a
 * repeated key keeps its last value, \u0000 and lone surrogates are kept.
 * CRQ_ECODEC: the text says the offset and what was expected.
 * CRQ_ELIMIT, CRQ_ENOMEM.
 */
int crq_json_decode(const char *text, size_t len,
        const struct crq_limits *limits, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

enum crq_json_style {
    /* json.dumps(): ", " and ": ", ASCII only; CRQ_EUNSUPPORTED names a type
     * that Python's json module refuses too. */
    CRQ_JSON_PYTHON,
    /* For display: no spaces, UTF-8 as it is, and a next best form for every
     * type: sets as arrays, times in ISO 8601, the rest as repr; NaN and
     * Infinity as strings, so that it is JSON for every reader. Keys that are
     * no str are written as their repr. */
    CRQ_JSON_SHOW
};

/** Append the JSON text of `v`. CRQ_ELIMIT, CRQ_ENOMEM, see above. */
int crq_json_encode(const crq_value *v, enum crq_json_style style,
        struct crq_buf *out, crq_error *err) CRQ_MUST_CHECK;

/** Append a JSON string with its quotes; bytes that are no UTF-8 become
 *  U+FFFD. For writers of small objects. */
int crq_json_put_string(struct crq_buf *out, const char *text, size_t len);

#endif
