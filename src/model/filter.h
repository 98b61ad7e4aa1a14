/* filter.h - the inside of a crq_filter, which is public: crq.h. */
#ifndef CRQ_MODEL_FILTER_H
#define CRQ_MODEL_FILTER_H

#include <crq.h>

/** CRQ_EINVAL for one that does not come from CRQ_FILTER_INIT, or is wrong. */
int crq_filter_check(const crq_filter *filter, crq_error *err) CRQ_MUST_CHECK;

/** Whether a text is of a pattern in which '*' stands for any text. */
bool crq_is_like(const char *text, const char *pattern);

/** 1 when the filter describes the job, else 0; but for its error, which is not
 *  in the job: crq_failures_match() finds that. CRQ_ENOMEM. */
int crq_filter_match(const crq_filter *filter, const crq_job *job,
        int64_t now_us, crq_error *err) CRQ_MUST_CHECK;

#endif
