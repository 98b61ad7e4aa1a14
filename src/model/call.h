/*
 * call.h - a call as a job stores it: data, description, options.
 */
#ifndef CRQ_MODEL_CALL_H
#define CRQ_MODEL_CALL_H

#include <crq.h>

#include "base/buf.h"
#include "model/fields.h"

/* rq/defaults.py; rq/webhook.py */
#define CRQ_DEFAULT_TIMEOUT_S          180
#define CRQ_DEFAULT_CALLBACK_TIMEOUT_S 60
#define CRQ_DEFAULT_WEBHOOK_TIMEOUT_S  10

/** A job id: letters, digits, '-' and '_', at most CRQ_NAME_MAX of them. */
bool crq_job_id_valid(const char *id);

/**
 * A call as this version knows it, from one of any version before: crq_call
 * grows at its end. CRQ_EINVAL: its size is none that it ever had.
 */
int crq_call_read(const crq_call *call, crq_call *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Everything about a call that Redis could not tell: CRQ_EINVAL. */
int crq_call_check(const crq_call *call, crq_error *err) CRQ_MUST_CHECK;

/**
 * Fill the fields of a new job from a call that was checked: all but status,
 * enqueued_at and what only a run sets.
 */
int crq_call_to_fields(const crq_call *call, const char *origin, int64_t now_us,
        struct crq_fields *out, crq_error *err) CRQ_MUST_CHECK;

/** What a job's data holds. Zero it before, free with crq_payload_fini(). */
struct crq_payload {
    crq_value *tuple; /* (func_name, instance, args, kwargs) */
    const char *func;
    const crq_value *args, *kwargs; /* inside the tuple */
    crq_serializer serializer;
};

/**
 * Read the bytes of a job's `data`, compressed or not.
 * CRQ_EUNSUPPORTED for a bound method, and as crq_deserialize().
 */
int crq_payload_decode(const void *data, size_t len, struct crq_payload *out,
        crq_error *err) CRQ_MUST_CHECK;
/** The same with a serializer that was told, as crq_deserialize_as(). */
int crq_payload_decode_as(const crq_serializer *told, const void *data,
        size_t len, struct crq_payload *out, crq_error *err) CRQ_MUST_CHECK;
void crq_payload_fini(struct crq_payload *payload);

/**
 * Append the function's name, in most cases without reading more than the
 * begin of the data. For looking the function up beforehand: it says nothing
 * about the rest of the data, which may turn out to be unreadable.
 * Errors as of crq_payload_decode(), when that was needed.
 */
int crq_payload_func_peek(const void *data, size_t len, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
