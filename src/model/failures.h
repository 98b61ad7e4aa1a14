/*
 * failures.h - what runs fail of: causes, found in error texts and grouped. The
 * functions that read them are public: crq.h.
 */
#ifndef CRQ_MODEL_FAILURES_H
#define CRQ_MODEL_FAILURES_H

#include <crq.h>

#include "base/buf.h"
#include "model/keys.h"

#define CRQ_CAUSE_TEXT  200 /* bytes that are kept of a text */
#define CRQ_CAUSES_MAX  500 /* that are kept in Redis */
#define CRQ_CAUSES_DAYS 30  /* after they were met last */

/** A cause of failures. Texts are UTF-8 without control characters. */
struct crq_cause {
    char func[CRQ_CAUSE_TEXT + 1];
    char name[CRQ_CAUSE_TEXT + 1]; /* of the error's class */
    int64_t times, last_us;
    /* Of the last one. */
    char message[CRQ_CAUSE_TEXT + 1];
    char job[CRQ_NAME_MAX + 1], queue[CRQ_NAME_MAX + 1];
};

/** Copy a text as causes have them: cut, and made harmless. NULL: "". */
void crq_cause_text(char out[CRQ_CAUSE_TEXT + 1], const char *text, size_t len);

/**
 * Fill name and message from an error text: of a traceback what follows it, of
 * RQ's own sentences what they are about, else the last line.
 */
void crq_cause_read(struct crq_cause *cause, const char *text, size_t len);

/**
 * Which of these jobs have an error of a class that is like `pattern` in their
 * newest result; one that has none there, or none that can be read, has the
 * class "". out[i] is of ids[i]. CRQ_ENOMEM, and what the connection meets.
 */
int crq_failures_match(crq_conn *conn, const char *pattern, char *const *ids,
        size_t count, bool *out, crq_error *err) CRQ_MUST_CHECK;

bool crq_cause_same(const struct crq_cause *a, const struct crq_cause *b);
/** Add one more of the same cause; the later one's sample stays. */
void crq_cause_merge(struct crq_cause *cause, const struct crq_cause *from);

/* In Redis a cause is named "<func>\n<class>", its sample is a JSON object. */
#define CRQ_CAUSE_MEMBER (2 * CRQ_CAUSE_TEXT + 2)
void crq_cause_member(char out[CRQ_CAUSE_MEMBER],
        const struct crq_cause *cause);
int crq_cause_sample(const struct crq_cause *cause, struct crq_buf *out);

#endif
