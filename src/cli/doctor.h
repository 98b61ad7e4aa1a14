/*
 * doctor.h - what the parts of crq doctor share. Each looks for something,
 * tells what it finds by doctor_find(), and mends it if it is told to and can
 * do so safely.
 */
#ifndef CRQ_CLI_DOCTOR_H
#define CRQ_CLI_DOCTOR_H

#include <crq.h>

#include "cli/cli.h"

struct doctor {
    struct cli *cli;
    bool fix;
    int64_t limit;    /* keys and entries of each kind that are looked at */
    bool cut;         /* there were more */
    crq_value *found; /* list of {check, where, what, remedy, fixed} */
    size_t left;      /* of these, not mended */
    crq_error *err;
};

/**
 * Tell of something. The texts are copied.
 *
 * check   its kind, one word
 * where   the job, queue, worker or setting
 * what    is wrong with it
 * remedy  what to do about it
 * fixed   what was done; NULL: nothing
 */
int doctor_find(struct doctor *d, const char *check, const char *where,
        const char *what, const char *remedy, const char *fixed) CRQ_MUST_CHECK;

/** On a terminal: what it is at, and how far. NULL clears the line. */
void doctor_progress(const char *what, int64_t count);

int doctor_server(struct doctor *d) CRQ_MUST_CHECK;
int doctor_keys(struct doctor *d) CRQ_MUST_CHECK;
int doctor_workers(struct doctor *d) CRQ_MUST_CHECK;
int doctor_queues(struct doctor *d) CRQ_MUST_CHECK;
int doctor_jobs(struct doctor *d) CRQ_MUST_CHECK;
int doctor_aside(struct doctor *d) CRQ_MUST_CHECK;

#endif
