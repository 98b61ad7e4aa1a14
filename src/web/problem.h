/*
 * problem.h - what went wrong, as RFC 9457 wants it told: type, title, status,
 * detail, and further members. A dict, until it is sent.
 *
 * Functions return NULL when memory is out; problem_answer() takes that, too.
 */
#ifndef CRQ_WEB_PROBLEM_H
#define CRQ_WEB_PROBLEM_H

#include <crq.h>

#include "web/http.h"

/** The title is that of the status, "Not Found". */
crq_value *problem_new(int status, const char *detail, ...) CRQ_PRINTF(2, 3);

/** Set a text member; returns the problem, or NULL after freeing it. */
crq_value *problem_with(crq_value *problem, const char *name, const char *text);

/**
 * What a job that failed with this text says to who asked: the refusal that is
 * in its last line (crq_task_refuse()), else a 500 that tells nothing but the
 * job's id.
 */
crq_value *problem_of_failure(const char *text, const char *job_id);

/** Its status; 503 for NULL. */
int problem_status(const crq_value *problem);

/** Send it; `problem` is taken over. */
void problem_answer(struct http_request *request, crq_value *problem,
        const struct http_field *fields);

/** 503, and when to try again: jobs can't be made now. */
void problem_unavailable(struct http_request *request);

#endif
