/*
 * fields.h - the fields of a job's hash, in one table.
 *
 * A new field goes here, into the table in fields.c and into crq-protocol(7).
 * Fields that are not in the table (a newer RQ's) are kept as they are.
 */
#ifndef CRQ_MODEL_FIELDS_H
#define CRQ_MODEL_FIELDS_H

#include <crq.h>

#include "redis/args.h"
#include "redis/reply.h"

enum crq_field {
    CRQ_FIELD_CREATED_AT,
    CRQ_FIELD_DATA,
    CRQ_FIELD_STATUS,
    CRQ_FIELD_ORIGIN,
    CRQ_FIELD_DESCRIPTION,
    CRQ_FIELD_ENQUEUED_AT,
    CRQ_FIELD_STARTED_AT,
    CRQ_FIELD_ENDED_AT,
    CRQ_FIELD_LAST_HEARTBEAT,
    CRQ_FIELD_WORKER_NAME,
    CRQ_FIELD_GROUP_ID,
    CRQ_FIELD_TIMEOUT,
    CRQ_FIELD_RESULT_TTL,
    CRQ_FIELD_FAILURE_TTL,
    CRQ_FIELD_TTL,
    CRQ_FIELD_META,
    CRQ_FIELD_DEPENDENCY_ID,
    CRQ_FIELD_DEPENDENCY_IDS,
    CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES,
    CRQ_FIELD_ENQUEUE_AT_FRONT,
    CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY,
    CRQ_FIELD_RETRIES_LEFT,
    CRQ_FIELD_NUMBER_OF_RETRIES,
    CRQ_FIELD_RETRY_INTERVALS,
    CRQ_FIELD_REPEATS_LEFT,
    CRQ_FIELD_REPEAT_INTERVALS,
    CRQ_FIELD_SUCCESS_CALLBACK_NAME,
    CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT,
    CRQ_FIELD_FAILURE_CALLBACK_NAME,
    CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT,
    CRQ_FIELD_STOPPED_CALLBACK_NAME,
    CRQ_FIELD_STOPPED_CALLBACK_TIMEOUT,
    CRQ_FIELD_WEBHOOKS,
    CRQ_FIELD_RESULT,
    CRQ_FIELD_EXC_INFO,
    CRQ_FIELD_COUNT
};

/* What the bytes of a field are. */
enum crq_field_kind {
    CRQ_KIND_TEXT,
    CRQ_KIND_BYTES,
    CRQ_KIND_TIME,   /* RQ's date-time <-> microseconds */
    CRQ_KIND_NUMBER, /* a whole number */
    CRQ_KIND_JSON    /* JSON text */
};

struct crq_field_pair {
    char *name, *bytes; /* '\0' behind both */
    size_t len;         /* of the bytes */
};

struct crq_fields {
    struct {
        char *bytes; /* NULL: absent or empty, which mean the same */
        size_t len;
        int64_t number; /* of times and numbers, else CRQ_UNSET */
    } known[CRQ_FIELD_COUNT];
    struct crq_field_pair *others;
    size_t others_count;
    crq_error
            problem; /* the first field that could not be read; code 0: none */
};

/**
 * What RQ's readers take as text: UTF-8 without surrogates, which Python's str
 * could hold but not decode from bytes; and for C without '\0'. On false,
 * *out_bad is the offset of the first byte that is none.
 */
bool crq_text_valid(const char *bytes, size_t len, size_t *out_bad);

/** A reply that is such a text, or NULL. */
const char *crq_text_of(const crq_reply *reply);

/** RQ's name of a field, and what it holds. */
const char *crq_field_name(enum crq_field field);
enum crq_field_kind crq_field_kind(enum crq_field field);

void crq_fields_init(struct crq_fields *fields);
void crq_fields_fini(struct crq_fields *fields);

/** Set a field; the bytes are copied. An old value is replaced. */
int crq_fields_set(struct crq_fields *fields, enum crq_field field,
        const void *bytes, size_t len, crq_error *err) CRQ_MUST_CHECK;
/** The same with the bytes of a buffer, which is empty afterwards. */
int crq_fields_take(struct crq_fields *fields, enum crq_field field,
        struct crq_buf *from, crq_error *err) CRQ_MUST_CHECK;
int crq_fields_set_text(struct crq_fields *fields, enum crq_field field,
        const char *text, crq_error *err) CRQ_MUST_CHECK;
int crq_fields_set_time(struct crq_fields *fields, enum crq_field field,
        int64_t when_us, crq_error *err) CRQ_MUST_CHECK;
int crq_fields_set_number(struct crq_fields *fields, enum crq_field field,
        int64_t number, crq_error *err) CRQ_MUST_CHECK;

/** Add a field that RQ does not know; the bytes are copied. */
int crq_fields_add(struct crq_fields *fields, const char *name,
        const void *bytes, size_t len, crq_error *err) CRQ_MUST_CHECK;

/**
 * Read the reply of HGETALL. A field that is not what it should be is left
 * unset but for its bytes, and named in fields->problem: a damaged job can
 * still be looked at. The bytes of a text that is none are to be had from
 * crq_fields_find() only. CRQ_ECODEC when the reply is no hash, CRQ_ENOMEM.
 */
int crq_fields_decode(struct crq_fields *fields, const crq_reply *reply,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Put the fields of a new job as the scripts that create jobs take them: the
 * values of created_at, data, origin, description and timeout (empty when not
 * set), then name and value of each other field that is set. status,
 * enqueued_at, and what RQ writes empty are known to the scripts.
 */
void crq_fields_encode(const struct crq_fields *fields, struct crq_args *out);

/** The bytes of any field by its name, or NULL. out_len may be NULL. */
const char *crq_fields_find(const struct crq_fields *fields, const char *name,
        size_t *out_len);

#endif
