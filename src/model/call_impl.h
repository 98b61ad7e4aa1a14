/* call_impl.h - what the files of model/call.h have among themselves. */
#ifndef CRQ_MODEL_CALL_IMPL_H
#define CRQ_MODEL_CALL_IMPL_H

#include "model/call.h"

/** call_options.c: the fields of what happens around the runs of a job. */
int crq_call_options_to_fields(const crq_call *call, struct crq_fields *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
