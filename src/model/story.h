/*
 * story.h - all that is known of one job: its hash, its results, the jobs
 * around it, the end of its log, its place.
 */
#ifndef CRQ_MODEL_STORY_H
#define CRQ_MODEL_STORY_H

#include <crq.h>

#include "model/relations.h"

#define CRQ_STORY_LINES 10 /* of the log */

/* Starts as CRQ_STORY_INIT, ends with crq_story_fini(). */
struct crq_story {
    crq_job *job;
    crq_result **results;
    size_t results_count;
    struct crq_relations relations;
    char **executions; /* ids of the runs under way */
    size_t executions_count;
    crq_lines *log;   /* the newest lines; NULL: they can't be read */
    int64_t position; /* in the queue; -1: it does not wait */
    int64_t due_us;   /* scheduled; else CRQ_UNSET */
    int64_t left_s;   /* until the hash expires; -1: never */
};

/* clang-format off */
#define CRQ_STORY_INIT \
    { NULL, NULL, 0, { NULL, 0, NULL, 0 }, NULL, 0, NULL, -1, CRQ_UNSET, -1 }
/* clang-format on */

/** Fetch all of it, in several steps: not one moment's picture. `story` needs
 *  its end also after a failure. CRQ_ENOTFOUND: there is no such job. */
int crq_story_fetch(crq_conn *conn, const char *id, struct crq_story *story,
        crq_error *err) CRQ_MUST_CHECK;
void crq_story_fini(struct crq_story *story);

/* A moment of a job, and how long it came after the one that led to it. */
struct crq_story_point {
    const char *name;
    int64_t us;
    const char *took_what; /* "waited", "ran"; NULL: nothing is known of it */
    int64_t took_us;
};

#define CRQ_STORY_POINTS 4

/** Those that are known, in the order of time: a job that is to run again
 *  still has the times of its last run. Returns how many. */
size_t crq_story_points(const struct crq_story *story,
        struct crq_story_point out[CRQ_STORY_POINTS]);

/** The job as crq_job_to_value() gives it, with results, log, position,
 *  scheduled_for and expires_in; waits_on, dependents and executions where
 *  there are any. CRQ_ENOMEM. */
int crq_story_to_value(const struct crq_story *story, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
