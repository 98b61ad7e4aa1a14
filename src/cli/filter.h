/*
 * filter.h - options that say which jobs, alike in all verbs for many jobs.
 */
#ifndef CRQ_CLI_FILTER_H
#define CRQ_CLI_FILTER_H

#include <argp.h>
#include <crq.h>

enum {
    FILTER_OLDER_THAN = 0x200, /* the key where it is no letter */
    FILTER_ERROR
};

/** Rows of a verb's table; `older_key` is 'o' where that letter is free. */
#define FILTER_OPTIONS(older_key, group)                                       \
    { "status", 's', "STATUS", 0,                                              \
        "Of this status: queued, started, finished, failed, stopped, "         \
        "deferred, scheduled or canceled; may be repeated",                    \
        group },                                                               \
            { "func", 'F', "NAME", 0,                                          \
                "That call this function; * is any text", group },             \
            { "older-than", older_key, "AGE", 0,                               \
                "For so long in their status: seconds, or 10m, 2h, 7d",        \
                group },                                                       \
    {                                                                          \
        "group", 'g', "NAME", 0, "Of this group", group                        \
    }

/** Take one of these, or -q, into the filter; ends the program when its value
 *  is wrong. ARGP_ERR_UNKNOWN: it is another option. */
error_t filter_parse(int key, char *arg, const struct argp_state *state,
        crq_filter *filter);

/** Whether it describes jobs by more than queue and status. */
bool filter_looks_closer(const crq_filter *filter);

#endif
