/*
 * error.h - how functions say what went wrong.
 *
 * The codes stand in crq.h; their names and summaries in one table in error.c.
 */
#ifndef CRQ_BASE_ERROR_H
#define CRQ_BASE_ERROR_H

#include <crq.h>

/**
 * Fill *err (may be NULL) and return `code`, so that a failure is one line:
 *
 *     return crq_fail(err, CRQ_EINVAL, "timeout is 0; -1 means no limit");
 *
 * The text is cut at the size of err->text, never inside a UTF-8 sequence, and
 * control characters in it are replaced by '?': it may quote hostile data.
 */
int crq_fail(crq_error *err, int code, const char *format, ...)
        CRQ_PRINTF(3, 4);

/** crq_fail(err, CRQ_ENOMEM, "out of memory"). */
int crq_fail_nomem(crq_error *err);

/**
 * Put "context: " in front of the text that is there. The code stays.
 * Returns err's code, or `code` when err is NULL.
 */
int crq_fail_in(crq_error *err, int code, const char *format, ...)
        CRQ_PRINTF(3, 4);

#endif
