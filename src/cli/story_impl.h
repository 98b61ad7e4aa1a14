/* story_impl.h - what the parts of a job's story share. */
#ifndef CRQ_CLI_STORY_IMPL_H
#define CRQ_CLI_STORY_IMPL_H

#include "cli/story.h"

struct view {
    const struct crq_story *story;
    crq_job *job;
    bool full;
    int64_t now_us;
};

/** Its runs, newest last: where the eye ends. */
void story_attempts(const struct view *v);

/** How the newest one ended: its error or its result. */
int story_outcome(const struct view *v, crq_error *err) CRQ_MUST_CHECK;

/** The last lines that they have logged. */
void story_log(const struct view *v);

#endif
