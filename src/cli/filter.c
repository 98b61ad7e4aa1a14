/* filter.c - see filter.h. */
#include "cli/filter.h"

#include "cli/cli.h"
#include "model/status.h"

static void add_status(const struct argp_state *state, const char *text,
        crq_filter *filter)
{
    crq_status status = crq_status_parse(text);

    if (crq_status_key(status) == CRQ_KEY_COUNT)
        argp_error(state,
                "--status %s: one of queued, started, finished, failed, "
                "stopped, deferred, scheduled, canceled",
                text);
    else
        filter->statuses |= 1 << status;
}

error_t filter_parse(int key, char *arg, const struct argp_state *state,
        crq_filter *filter)
{
    switch (key) {
    case 'q': filter->queue = arg; return 0;
    case 's': add_status(state, arg, filter); return 0;
    case 'F': filter->func = arg; return 0;
    case 'g': filter->group = arg; return 0;
    case FILTER_ERROR: filter->error = arg; return 0;
    case FILTER_OLDER_THAN:
        filter->older_than_us = cli_duration_us(state, "older-than", arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

bool filter_looks_closer(const crq_filter *filter)
{
    return filter->func != NULL || filter->group != NULL ||
            filter->older_than_us != CRQ_UNSET || filter->error != NULL;
}
