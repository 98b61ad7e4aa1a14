/* status.c - the table of statuses. Source: RQ 2.10, rq/job.py, JobStatus. */
#include "model/status.h"

#include <string.h>

static const struct {
    const char *name;
    enum crq_key key;
} statuses[] = {
    [CRQ_STATUS_CREATED] = { "created", CRQ_KEY_COUNT },
    [CRQ_STATUS_QUEUED] = { "queued", CRQ_KEY_QUEUE },
    [CRQ_STATUS_STARTED] = { "started", CRQ_KEY_STARTED },
    [CRQ_STATUS_FINISHED] = { "finished", CRQ_KEY_FINISHED },
    [CRQ_STATUS_FAILED] = { "failed", CRQ_KEY_FAILED },
    [CRQ_STATUS_DEFERRED] = { "deferred", CRQ_KEY_DEFERRED },
    [CRQ_STATUS_SCHEDULED] = { "scheduled", CRQ_KEY_SCHEDULED },
    [CRQ_STATUS_STOPPED] = { "stopped", CRQ_KEY_FAILED },
    [CRQ_STATUS_CANCELED] = { "canceled", CRQ_KEY_CANCELED },
    [CRQ_STATUS_OTHER] = { NULL, CRQ_KEY_COUNT },
};

const char *crq_status_name(crq_status status)
{
    return statuses[status].name;
}

enum crq_key crq_status_key(crq_status status)
{
    return statuses[status].key;
}

crq_status crq_status_parse(const char *name)
{
    int status = 0;

    while (status < CRQ_STATUS_OTHER &&
            strcmp(statuses[status].name, name) != 0)
        status++;
    return (crq_status)status;
}
