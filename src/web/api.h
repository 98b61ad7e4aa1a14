/*
 * api.h - the REST interface below /api/v1, without a server.
 *
 * A request goes in as its parts, an answer comes out as its parts. It blocks
 * on Redis: the gateway calls it in processes of its own, each with one
 * connection, never on its loop. Who may call what is decided by `role`; who
 * the caller is, the gateway has found out before. openapi.json describes what
 * is there to be called.
 *
 * Everything that went wrong is an answer, too: application/problem+json as in
 * RFC 9457, with "errors": [{"path", "detail"}] when the body had mistakes.
 */
#ifndef CRQ_WEB_API_H
#define CRQ_WEB_API_H

#include <crq.h>

#include "base/buf.h"

/* In the order of what they may: each may all that those before it may. */
enum api_role {
    API_READ,    /* look */
    API_ENQUEUE, /* and add jobs */
    API_OPERATE  /* and cancel, delete, suspend, shut down ... */
};

struct api_pair {
    const char *name, *value;
};

/* What the handler borrows: one per process. */
struct api {
    crq_conn *conn;
    int apply_ms; /* bulk operations break off after it; 0: 5000 */
    const struct api_pair *places; /* applications: name, address of the page */
    size_t places_count;
};

#define API_WAIT_MAX_MS 60000

/* All borrowed. Texts are UTF-8 and without percent-escapes. */
struct api_request {
    const char *method;      /* "GET"; HEAD is asked for as GET */
    const char *const *path; /* the segments behind /api/v1: "jobs", "x" */
    size_t path_count;
    const struct api_pair *query;
    size_t query_count;
    const char *body;
    size_t body_len;
    const char *content_type;    /* NULL: none was given */
    const char *idempotency_key; /* NULL: none */
    const char *caller; /* whose keys these are, the token's name; NULL: "" */
    enum api_role role;
    bool waited; /* asked again, see wait_for_job */
};

#define API_FIELDS_MAX 4

/* Starts as API_RESPONSE_INIT, ends with api_response_fini(). */
struct api_response {
    int status;
    const char *content_type; /* a literal; NULL: there is no body */
    struct crq_buf body;
    char *location; /* or NULL */
    /* Further ones; the names are literals. */
    struct {
        const char *name;
        char *value;
    } fields[API_FIELDS_MAX];
    size_t fields_count;

    /*
     * Not NULL: this is no answer yet. The caller asked to wait for the end of
     * this job, up to wait_ms from now. Wait elsewhere: each run that ends adds
     * to the stream rq:results:<id>; that a job was canceled or deleted shows
     * only when it is asked for. Then ask the same once more. A run that will
     * be retried is not the end, so that this may come again: keep the first
     * deadline, and when it has passed ask with `waited` set, which is answered
     * at once, ended or not.
     */
    char *wait_for_job;
    int64_t wait_ms;
};

/* clang-format off */
#define API_RESPONSE_INIT \
    { 0, NULL, CRQ_BUF_INIT, NULL, { { NULL, NULL } }, 0, NULL, 0 }
/* clang-format on */

void api_response_fini(struct api_response *response);

/**
 * Answer one request. Blocks up to a few times the connection's timeout, and
 * bulk operations up to apply_ms.
 *
 * out  starts as API_RESPONSE_INIT; holds an answer whenever this returns 0.
 * err  for the log: of answers from 500 on it says what the caller is not
 *      told, Redis's address for one. Its code is 0 with all others.
 *
 * CRQ_ENOMEM: there was no memory for an answer; out is as it began.
 */
int api_handle(struct api *api, const struct api_request *request,
        struct api_response *out, crq_error *err) CRQ_MUST_CHECK;

/** Whether this can take long: what it does is done to any number of jobs. */
bool api_takes_time(const struct api_request *request);

/** A status of 400 or more in words: the title of a problem. */
const char *api_title(int status);

/** Row i of the table of routes, for tests: the method, the path as in
 *  openapi.json ("/jobs/{id}") and the role. False behind the last. */
bool api_route(size_t i, const char **out_method, const char **out_path,
        enum api_role *out_role);

/** openapi.json as it is served. */
extern const char api_openapi[];
extern const size_t api_openapi_len;

#endif
