/* job.h - the inside of a job. The functions are public: crq.h. */
#ifndef CRQ_MODEL_JOB_H
#define CRQ_MODEL_JOB_H

#include <crq.h>

#include "model/call.h"
#include "model/fields.h"
#include "model/keys.h"

struct crq_job {
    crq_conn *conn; /* borrowed */
    char id[CRQ_NAME_MAX + 1];
    struct crq_fields fields;
    crq_status status;
    /* Decoded when first asked for. */
    bool payload_tried, meta_tried;
    struct crq_payload payload;
    crq_value *meta;
    crq_error problem; /* the first thing that could not be read */
};

/** Cut an id or "<id>:<execution>" to the id. CRQ_ENOTFOUND when no job can
 *  have such an id. */
int crq_job_id_cut(const char *text, char out[CRQ_NAME_MAX + 1],
        crq_error *err) CRQ_MUST_CHECK;

/** A job from fields that were just written; takes their contents over. */
int crq_job_from_fields(crq_conn *conn, const char *id,
        struct crq_fields *fields, crq_job **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * A job from the reply of HGETALL. CRQ_ENOTFOUND when it holds no `data`:
 * such a hash counts as no job, as in RQ.
 */
int crq_job_from_reply(crq_conn *conn, const char *id, const crq_reply *reply,
        crq_job **out, crq_error *err) CRQ_MUST_CHECK;

/** A number field, by its place in the table. */
int64_t crq_job_number(const crq_job *job, enum crq_field field);

/** A JSON field as a value; NULL when there is none or it is no JSON. The
 *  caller frees it. */
crq_value *crq_job_json(const crq_job *job, enum crq_field field);

#endif
