/* story.h - a job's story for people: see model/story.h. */
#ifndef CRQ_CLI_STORY_H
#define CRQ_CLI_STORY_H

#include "model/story.h"

/**
 * Print it, on one screen unless it is asked for in full. Sections that have
 * nothing are left out. CRQ_ENOMEM.
 */
int story_print(const struct crq_story *story, bool full, int64_t now_us,
        crq_error *err) CRQ_MUST_CHECK;

#endif
