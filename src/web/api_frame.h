/*
 * api_frame.h - a request to a helper process and its answer, as bytes.
 *
 * A frame is its length, four bytes with the most significant first, and that
 * many bytes. Both sides are this program and were started together, so there
 * is no version. What comes from a helper is checked all the same: it has read
 * whatever is in Redis.
 */
#ifndef CRQ_WEB_API_FRAME_H
#define CRQ_WEB_API_FRAME_H

#include <crq.h>

#include "base/buf.h"
#include "web/api.h"
#include "web/metrics.h"
#include "web/page.h"

#define API_FRAME_HEAD 4
#define API_FRAME_MAX  ((size_t)256 << 20)

#define API_PARTS_MAX 64 /* of a path, and of a query */

/* What a helper is asked: a request, for a page, or for the metrics. All
 * borrowed. */
struct api_question {
    struct api_request request;
    const struct page_viewer *viewer;      /* not NULL: for a page */
    const struct metrics_gateway *metrics; /* not NULL: for these */
};

/* What it answers; texts point into the frame. */
struct api_answer {
    int status;
    const char *content_type; /* NULL: no body */
    const char *body;
    size_t body_len;
    const char *location; /* or NULL */
    struct api_pair fields[API_FIELDS_MAX];
    size_t fields_count;
    const char *wait_for_job; /* or NULL */
    int64_t wait_ms;
    const char *log; /* or NULL: nothing to be logged */
};

/** The length in the head of a frame. */
size_t api_frame_len(const char head[API_FRAME_HEAD]);

/** Append a whole frame. CRQ_ENOMEM, or CRQ_ELIMIT: the buffer is of no more
 *  use. */
int api_question_encode(const struct api_question *question,
        struct crq_buf *out) CRQ_MUST_CHECK;
int api_answer_encode(const struct api_response *response, const char *log,
        struct crq_buf *out) CRQ_MUST_CHECK;

/* Memory for what a decoded question points to beside the frame. */
struct api_question_room {
    const char *path[API_PARTS_MAX];
    struct api_pair query[API_PARTS_MAX];
    struct page_viewer viewer;
    struct metrics_gateway metrics;
};

/** What stands behind the head. False: it is no such frame. */
bool api_question_decode(const char *bytes, size_t len,
        struct api_question_room *room,
        struct api_question *out) CRQ_MUST_CHECK;
bool api_answer_decode(const char *bytes, size_t len,
        struct api_answer *out) CRQ_MUST_CHECK;

#endif
