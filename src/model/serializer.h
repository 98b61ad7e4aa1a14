/*
 * serializer.h - values as RQ's serializers write them.
 *
 * A job does not say which serializer wrote it: RQ's users choose one for a
 * queue and its workers. crq recognises it by the bytes, and answers in kind.
 */
#ifndef CRQ_MODEL_SERIALIZER_H
#define CRQ_MODEL_SERIALIZER_H

#include <crq.h>

#include "base/buf.h"

/** "pickle", "json", "msgpack". */
const char *crq_serializer_name(crq_serializer serializer);
/** The serializer of that name, or of RQ's path to its class; CRQ_EINVAL lists
 *  the names. */
int crq_serializer_parse(const char *name, crq_serializer *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Whether the number is that of a serializer. */
bool crq_serializer_known(int64_t number);

/** Append the serialized value. CRQ_EUNSUPPORTED: it has no form for it. */
int crq_serialize(crq_serializer serializer, const crq_value *v,
        struct crq_buf *out, crq_error *err) CRQ_MUST_CHECK;

/**
 * Read a serialized value, whichever serializer wrote it.
 * out_serializer  may be NULL.
 * Errors as of crq_pickle_decode(), crq_json_decode(), crq_msgpack_decode().
 */
int crq_deserialize(const void *bytes, size_t len, crq_value **out,
        crq_serializer *out_serializer, crq_error *err) CRQ_MUST_CHECK;

/** The same with a serializer that was told, whatever the bytes look like;
 *  NULL: by the bytes. */
int crq_deserialize_as(const crq_serializer *told, const void *bytes,
        size_t len, crq_value **out, crq_serializer *out_serializer,
        crq_error *err) CRQ_MUST_CHECK;

/** Whether the bytes are a digit: itself in JSON, its ASCII code in msgpack.
 *  crq_deserialize() takes it for JSON; only the job's data can tell. */
bool crq_serializer_ambiguous(const void *bytes, size_t len);

#endif
