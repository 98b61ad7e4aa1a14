/*
 * api_impl.h - what the files of the REST interface share.
 *
 * api.c has the table of routes and calls a handler for each request. A handler
 * answers with api_answer() or api_problem() and returns what these return; a
 * failure with err filled becomes a problem by its code. What returns 1 has
 * answered already, and a handler may pass that on.
 */
#ifndef CRQ_WEB_API_IMPL_H
#define CRQ_WEB_API_IMPL_H

#include "model/foreign.h"
#include "model/job_json.h"
#include "web/api.h"

#define API_LINES_TYPE "application/x-ndjson"

struct api_ask {
    struct api *api;
    crq_conn *conn;
    const struct api_request *req;
    const char *name; /* what stands for {id} or {name} in the path */
    struct api_response *out;
    crq_error *err;
};

typedef int api_handler(struct api_ask *ask);

/* ------------------------------------------------------------------ answers */

/** Answer with a value as JSON. Takes it over; `rc` is how making it went, so
 *  that a value can be built first and looked at last. */
int api_answer(struct api_ask *ask, int status, crq_value *v,
        int rc) CRQ_MUST_CHECK;

/** An answer without a body: 204. */
int api_answer_empty(struct api_ask *ask);

/** Answer with a problem. `errors`: a list of {path, detail}, or NULL; taken
 *  over. */
int api_problem(struct api_ask *ask, int status, crq_value *errors,
        const char *format, ...) CRQ_PRINTF(4, 5) CRQ_MUST_CHECK;

/** The answer to a body that could not be read, by the functions of
 *  api_call.h: `rc` and `errors` are what these gave. */
int api_body_problem(struct api_ask *ask, int rc,
        crq_value *errors) CRQ_MUST_CHECK;

/** A field of the answer beside Content-Type and Location. */
int api_field(struct api_ask *ask, const char *name,
        const char *value) CRQ_MUST_CHECK;

/** Crq-Foreign-Keys: KEY;is=TYPE;want=TYPE, ... of those that were looked past,
 *  the first few. */
int api_foreign(struct api_ask *ask, const struct crq_foreign *found,
        size_t count) CRQ_MUST_CHECK;

/** Location: /api/v1/FOLDER/NAME. */
int api_location(struct api_ask *ask, const char *folder,
        const char *name) CRQ_MUST_CHECK;

/** {"KEY": [items]}: `count` items that `make` turns into values. */
typedef int api_item(void *arg, size_t i, crq_value **out, crq_error *err);
int api_answer_list(struct api_ask *ask, const char *key, size_t count,
        api_item *make, void *arg) CRQ_MUST_CHECK;

/* ------------------------------------------------------------------ queries */

enum api_param_kind {
    API_PARAM_TEXT,     /* const char *: not empty; `most` bytes, unless 0 */
    API_PARAM_BOOL,     /* bool: true, false, 1, 0 */
    API_PARAM_COUNT,    /* int64_t: from 1 to `most` */
    API_PARAM_DURATION, /* int64_t microseconds: 30, 10m, 2h */
    API_PARAM_STATUS,   /* crq_status */
    API_PARAM_ORDER     /* crq_order: oldest, newest */
};

struct api_param {
    const char *name;
    enum api_param_kind kind;
    size_t offset;
    int64_t most;
};

/**
 * Read the query by a table. 0; 1 when it had a mistake, which is answered
 * already; or a failure. What is not given is left as it is.
 */
int api_query(struct api_ask *ask, const struct api_param *params, size_t count,
        void *to) CRQ_MUST_CHECK;

/* ------------------------------------------------------------------ cursors */

/** Two texts as one opaque one, of letters, digits, '-' and '_'. */
int api_cursor_put(const char *first, const char *second, char **out,
        crq_error *err) CRQ_MUST_CHECK;

/** And back: two texts owned by the caller. CRQ_EINVAL: it is none of ours. */
int api_cursor_get(const char *cursor, char **out_first, char **out_second,
        crq_error *err) CRQ_MUST_CHECK;

/** 0 when ask->name is a known queue; 1 when it is not, which is answered. */
int api_queue_is_known(struct api_ask *ask) CRQ_MUST_CHECK;

/* ----------------------------------------------------------------- handlers */

api_handler api_queues_list, api_queue_show, api_queue_empty, api_queue_delete;
api_handler api_suspension_show, api_suspension_put, api_suspension_delete;
api_handler api_jobs_list, api_jobs_enqueue, api_jobs_bulk, api_jobs_apply;
api_handler api_job_show, api_job_result, api_job_results, api_job_log;
api_handler api_job_cancel, api_job_requeue, api_job_stop, api_job_move;
api_handler api_job_delete;
api_handler api_workers_list, api_worker_show, api_worker_shutdown;
api_handler api_worker_kill_horse;
api_handler api_schedules_list, api_schedule_show, api_schedule_put;
api_handler api_schedule_delete;
api_handler api_stats_list, api_queue_stats, api_failures_list;
api_handler api_groups_list, api_group_show, api_group_delete;
api_handler api_openapi_show;

#endif
