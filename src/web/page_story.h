/* page_story.h - the sections of a job's page. */
#ifndef CRQ_WEB_PAGE_STORY_H
#define CRQ_WEB_PAGE_STORY_H

#include "model/story.h"
#include "web/page_impl.h"

/** When what happened, and how long each part took. */
void story_times(struct page *p, const struct crq_story *story);

/** What it was given, waits for, and has left, as a list of terms. */
int story_facts(struct page *p, const struct crq_story *story) CRQ_MUST_CHECK;

/** Its runs, the newest first. */
void story_attempts(struct page *p, const struct crq_story *story);

/** Lines of a log in a box that a script goes on filling: it asks for those
 *  behind the last one. */
void story_lines(struct page *p, const char *id, const crq_lines *lines,
        bool live);

/** A row of a list of terms: opened, and closed by the caller. */
void story_term(struct page *p, const char *name);

#endif
