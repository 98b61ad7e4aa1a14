/* result.h - the inside of a result. The functions are public: crq.h. */
#ifndef CRQ_MODEL_RESULT_H
#define CRQ_MODEL_RESULT_H

#include <crq.h>

#include "redis/reply.h"

/** "successful", "failed", ... */
const char *crq_result_type_name(crq_result_type type);

/**
 * A result from an entry of the stream: [id, [field, value, ...]].
 * CRQ_ECODEC when it has no known type. A return value or error text that
 * can't be read is named by crq_result_problem(). crq_result_of_job() is the
 * same with what only the job's data tells: whether a single digit is JSON or
 * msgpack.
 */
int crq_result_from_entry(const crq_reply *entry, crq_result **out,
        crq_error *err) CRQ_MUST_CHECK;
int crq_result_of_job(crq_job *job, const crq_reply *entry, crq_result **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * A result from what finish.lua publishes: {id, status, return_value or
 * exc_string}, both as an entry has them. CRQ_ENOTFOUND: the job has ended
 * without one (canceled). CRQ_ECODEC: it is no such message.
 */
int crq_result_from_message(const crq_value *message, crq_result **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Unix seconds with a fraction, as results have them; CRQ_UNSET for a text
 *  that is none. */
int64_t crq_result_unix_us(const char *text);

#endif
