/*
 * api_read.h - bodies: JSON read by the tables of app/read.h, with limits and
 * all mistakes as a list. Readers for each kind of body: api_call.h.
 */
#ifndef CRQ_WEB_API_READ_H
#define CRQ_WEB_API_READ_H

#include <crq.h>

#include "app/read.h"

/** Read a body into `to`. Results as said in api_call.h. */
int api_read_body(const char *body, size_t len, crq_app_read *read, void *to,
        crq_value **out_errors, crq_error *err) CRQ_MUST_CHECK;

/** The same for a JSON text on each line, at most `most` of them; empty lines
 *  are passed over. `read` gets a list. */
int api_read_lines(const char *body, size_t len, size_t most,
        crq_app_read *read, void *to, crq_value **out_errors,
        crq_error *err) CRQ_MUST_CHECK;

/** Whether a list has at most so many items; if not, that is a mistake. What
 *  is no list is left to the reader of lists. */
bool api_is_short(struct crq_app_reader *r, const crq_value *v, size_t most);

#endif
