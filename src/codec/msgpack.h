/*
 * msgpack.h - msgpack as Python's msgpack package reads and writes it.
 *
 * RQ has no serializer of that name: its users pass msgpack's packb and unpackb
 * as one. Written and read here directly: libmsgpack reserves what a count
 * promises, so that its input would have to be walked over beforehand anyway.
 */
#ifndef CRQ_CODEC_MSGPACK_H
#define CRQ_CODEC_MSGPACK_H

#include <crq.h>

#include "base/buf.h"
#include "codec/value.h"

/* Of containers within containers, read or written; limits may allow less. */
#define CRQ_MSGPACK_DEPTH 32

/**
 * Read one msgpack value, as msgpack.unpackb(): arrays are lists, bin is bytes.
 * Bytes behind it are refused. Unlike there, keys of a map may be of any type
 * that Python can hash.
 *
 * limits  may be NULL: the defaults.
 * CRQ_ECODEC        not msgpack; the text says the offset and the reason
 * CRQ_EUNSUPPORTED  an extension type (a Timestamp is one)
 * CRQ_ELIMIT, CRQ_ENOMEM
 */
int crq_msgpack_decode(const void *bytes, size_t len,
        const struct crq_limits *limits, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Append the value as msgpack.packb(v) writes it, byte for byte: tuples are
 * arrays, bytearrays bin, numbers in their shortest form.
 * CRQ_EUNSUPPORTED names what packb() refuses as well: sets, times, Decimals,
 * ints beyond 64 bits, lone surrogates; and what contains itself.
 * CRQ_ELIMIT, CRQ_ENOMEM.
 */
int crq_msgpack_encode(const crq_value *v, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Offset of the first lone surrogate in valid UTF-8, or `len`: msgpack takes
 *  none in a str. */
size_t crq_msgpack_surrogate(const char *text, size_t len);

#endif
