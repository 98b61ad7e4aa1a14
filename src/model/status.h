/* status.h - the statuses of a job, and where a job of each is listed. */
#ifndef CRQ_MODEL_STATUS_H
#define CRQ_MODEL_STATUS_H

#include <crq.h>

#include "model/keys.h"

/** The status that RQ calls `name`; CRQ_STATUS_OTHER for one it doesn't. */
crq_status crq_status_parse(const char *name);

/**
 * The list or registry that holds the ids of jobs of a status, or
 * CRQ_KEY_COUNT where there is none (created). Stopped jobs are in the
 * registry of failed ones.
 */
enum crq_key crq_status_key(crq_status status);

#endif
