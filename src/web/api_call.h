/*
 * api_call.h - calls, schedules and filters as JSON bodies have them.
 *
 * Pure: bytes become structs or mistakes, Redis is not asked. What a call may
 * be in the end, the library decides (crq_call_check()).
 */
#ifndef CRQ_WEB_API_CALL_H
#define CRQ_WEB_API_CALL_H

#include <crq.h>

/* One job to be. Zeroed and unset by api_call_init(); everything that `call`
 * points to belongs to it. */
struct api_call {
    char *queue; /* NULL: "default" */
    crq_call call;
    int64_t at_us, in_us; /* CRQ_UNSET: now */
};

void api_call_init(struct api_call *call);
void api_call_fini(struct api_call *call);

struct api_calls {
    struct api_call *items;
    size_t count;
};

struct api_schedule {
    struct api_call call;
    crq_schedule_options options; /* id is not read */
    char *tz, *cron;
};

struct api_apply {
    crq_filter filter;
    crq_bulk bulk;
    char *queue, *func, *group, *error, *to_queue;
    bool all;
};

struct api_suspension {
    int64_t seconds; /* CRQ_UNSET: no limit */
};

#define API_BULK_MAX 10000 /* calls of one request */

/*
 * Each reads a whole body. 0: *out is filled and has to be freed by its _fini,
 * as it has after a failure. CRQ_EINVAL: it has mistakes; *out_errors is a list
 * of {path, detail}, the caller's. CRQ_ECODEC, CRQ_ELIMIT: it is no JSON, or
 * too much of it; CRQ_ENOMEM.
 */
int api_read_call(const char *body, size_t len, struct api_call *out,
        crq_value **out_errors, crq_error *err) CRQ_MUST_CHECK;

/** A list of calls, or, with `lines`, one on each line. */
int api_read_calls(const char *body, size_t len, bool lines,
        struct api_calls *out, crq_value **out_errors,
        crq_error *err) CRQ_MUST_CHECK;
void api_calls_fini(struct api_calls *calls);

int api_read_schedule(const char *body, size_t len, struct api_schedule *out,
        crq_value **out_errors, crq_error *err) CRQ_MUST_CHECK;
void api_schedule_fini(struct api_schedule *schedule);

int api_read_apply(const char *body, size_t len, struct api_apply *out,
        crq_value **out_errors, crq_error *err) CRQ_MUST_CHECK;
void api_apply_fini(struct api_apply *apply);

/** An empty body is an empty object. Nothing needs to be freed. */
int api_read_suspension(const char *body, size_t len,
        struct api_suspension *out, crq_value **out_errors,
        crq_error *err) CRQ_MUST_CHECK;

#endif
