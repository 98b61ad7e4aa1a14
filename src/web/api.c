/*
 * api.c - the table of routes, and how a request finds its row.
 *
 * A new route is a row here, a handler, and a path of openapi.json; tests
 * compare the two.
 */
#include "web/api.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "redis/conn.h"
#include "web/api_impl.h"

enum {
    QUERY = 1, /* it may have one */
    JSON = 2,  /* its body is JSON */
    LINES = 4, /* or a JSON text on each line */
    TIME = 8   /* as much as there are jobs */
};

struct route {
    const char *method, *path;
    enum api_role role;
    unsigned takes;
    api_handler *handle;
};

/* "{...}" takes any segment. */
static const struct route routes[] = {
    { "GET", "/queues", API_READ, 0, api_queues_list },
    { "GET", "/queues/{name}", API_READ, 0, api_queue_show },
    { "DELETE", "/queues/{name}", API_OPERATE, QUERY | TIME, api_queue_delete },
    { "GET", "/queues/{name}/stats", API_READ, QUERY, api_queue_stats },
    { "POST", "/queues/{name}/empty", API_OPERATE, TIME, api_queue_empty },
    { "GET", "/stats", API_READ, QUERY, api_stats_list },
    { "GET", "/failures", API_READ, QUERY, api_failures_list },
    { "GET", "/suspension", API_READ, 0, api_suspension_show },
    { "PUT", "/suspension", API_OPERATE, JSON, api_suspension_put },
    { "DELETE", "/suspension", API_OPERATE, 0, api_suspension_delete },
    { "GET", "/jobs", API_READ, QUERY, api_jobs_list },
    { "POST", "/jobs", API_ENQUEUE, JSON, api_jobs_enqueue },
    { "POST", "/jobs/bulk", API_ENQUEUE, JSON | LINES | TIME, api_jobs_bulk },
    { "POST", "/jobs/apply", API_OPERATE, JSON | TIME, api_jobs_apply },
    { "GET", "/jobs/{id}", API_READ, 0, api_job_show },
    { "DELETE", "/jobs/{id}", API_OPERATE, QUERY, api_job_delete },
    { "GET", "/jobs/{id}/result", API_READ, QUERY, api_job_result },
    { "GET", "/jobs/{id}/results", API_READ, 0, api_job_results },
    { "GET", "/jobs/{id}/log", API_READ, QUERY, api_job_log },
    { "POST", "/jobs/{id}/cancel", API_OPERATE, QUERY, api_job_cancel },
    { "POST", "/jobs/{id}/requeue", API_OPERATE, QUERY, api_job_requeue },
    { "POST", "/jobs/{id}/stop", API_OPERATE, 0, api_job_stop },
    { "POST", "/jobs/{id}/move", API_OPERATE, QUERY, api_job_move },
    { "GET", "/workers", API_READ, 0, api_workers_list },
    { "GET", "/workers/{name}", API_READ, 0, api_worker_show },
    { "POST", "/workers/{name}/shutdown", API_OPERATE, 0, api_worker_shutdown },
    { "POST", "/workers/{name}/kill-horse", API_OPERATE, 0,
            api_worker_kill_horse },
    { "GET", "/schedules", API_READ, 0, api_schedules_list },
    { "GET", "/schedules/{id}", API_READ, 0, api_schedule_show },
    { "PUT", "/schedules/{id}", API_OPERATE, JSON, api_schedule_put },
    { "DELETE", "/schedules/{id}", API_OPERATE, 0, api_schedule_delete },
    { "GET", "/groups", API_READ, 0, api_groups_list },
    { "GET", "/groups/{name}", API_READ, QUERY, api_group_show },
    { "DELETE", "/groups/{name}", API_OPERATE, TIME, api_group_delete },
    { "GET", "/openapi.json", API_READ, 0, api_openapi_show },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const char *const role_names[] = { "read", "enqueue", "operate" };

bool api_route(size_t i, const char **out_method, const char **out_path,
        enum api_role *out_role)
{
    if (i >= ROUTES)
        return false;
    *out_method = routes[i].method;
    *out_path = routes[i].path;
    *out_role = routes[i].role;
    return true;
}

/* ------------------------------------------------------------------ finding */

/* Whether the path is the route's; *out_name is what stands for its {}. */
static bool is_path(const struct route *route, const struct api_request *req,
        const char **out_name)
{
    const char *at = route->path, *name = NULL;
    size_t i = 0;

    for (; i < req->path_count && *at == '/'; i++) {
        size_t len = strcspn(at + 1, "/");

        if (at[1] == '{')
            name = req->path[i];
        else if (strlen(req->path[i]) != len ||
                strncmp(req->path[i], at + 1, len) != 0)
            return false;
        at += 1 + len;
    }
    if (i < req->path_count || *at != '\0')
        return false;
    *out_name = name;
    return true;
}

/* No row: because of the method, or of the path. */
static int refuse(struct api_ask *ask)
{
    struct crq_buf allow = CRQ_BUF_INIT;
    const char *name;
    int rc;

    for (size_t i = 0; i < ROUTES; i++)
        if (is_path(&routes[i], ask->req, &name))
            crq_buf_printf(&allow, "%s%s", allow.len > 0 ? ", " : "",
                    routes[i].method);
    if (allow.len == 0) {
        rc = api_problem(ask, 404, NULL, "there is no such resource");
    } else {
        rc = crq_buf_check(&allow, ask->err);
        if (rc == 0)
            rc = api_field(ask, "Allow", crq_buf_text(&allow));
        if (rc == 0)
            rc = api_problem(ask, 405, NULL, "it takes %s only",
                    crq_buf_text(&allow));
    }
    crq_buf_fini(&allow);
    return rc;
}

static const struct route *find(const struct api_request *req,
        const char **out_name)
{
    for (size_t i = 0; i < ROUTES; i++)
        if (strcmp(routes[i].method, req->method) == 0 &&
                is_path(&routes[i], req, out_name))
            return &routes[i];
    return NULL;
}

bool api_takes_time(const struct api_request *request)
{
    const char *name;
    const struct route *route = find(request, &name);

    return route != NULL && (route->takes & TIME) != 0;
}

/* ----------------------------------------------------------------- failures */

/* What a code means to the caller. Without a text of its own it is told the
 * failure's; from 500 on that is for the log only. */
static const struct {
    int code, status;
    const char *detail;
} meanings[] = {
    { CRQ_EINVAL, 422, NULL },
    { CRQ_EUNSUPPORTED, 422, NULL },
    { CRQ_ELIMIT, 413, NULL },
    { CRQ_EEXIST, 409, NULL },
    { CRQ_ESTATE, 409, NULL },
    { CRQ_ENOTFOUND, 404, NULL },
    { CRQ_ECONNECT, 503, "Redis can't be reached; nothing was done" },
    { CRQ_EAUTH, 503, "Redis refuses the gateway; nothing was done" },
    { CRQ_EREDIS, 503, "Redis refused; nothing was done" },
    { CRQ_ELOST, 503, "the link to Redis broke; it may have been done" },
    { CRQ_ETIMEOUT, 503,
            "Redis did not answer in time; it may have been done" },
};

static int answer_failure(struct api_ask *ask, int code)
{
    char text[sizeof(ask->err->text)];
    size_t i = 0;
    int rc = 0;

    while (i < sizeof(meanings) / sizeof(meanings[0]) &&
            meanings[i].code != code)
        i++;
    if (i == sizeof(meanings) / sizeof(meanings[0]))
        return api_problem(ask, 500, NULL, "the gateway failed");
    if (meanings[i].status == 503)
        rc = api_field(ask, "Retry-After", "1");
    if (rc < 0)
        return rc;
    if (meanings[i].detail != NULL)
        return api_problem(ask, meanings[i].status, NULL, "%s",
                meanings[i].detail);
    memcpy(text, ask->err->text, sizeof(text));
    return api_problem(ask, meanings[i].status, NULL, "%s", text);
}

/* --------------------------------------------------------------- the answer */

static void drop_answer(struct api_response *out)
{
    for (size_t i = 0; i < out->fields_count; i++)
        crq_free(out->fields[i].value);
    crq_free(out->location);
    crq_free(out->wait_for_job);
    crq_buf_fini(&out->body);
    *out = (struct api_response)API_RESPONSE_INIT;
}

void api_response_fini(struct api_response *response)
{
    drop_answer(response);
}

static bool is_type(const char *given, const char *want)
{
    size_t len = strcspn(given, "; \t");

    return strlen(want) == len && strncasecmp(given, want, len) == 0;
}

/* 1: it is not what the route takes, which is answered. A form that a page of
 * another site sends has another type than these, so it never gets through. */
static int check_form(struct api_ask *ask, const struct route *route)
{
    const struct api_request *req = ask->req;
    const char *type = req->content_type != NULL ? req->content_type : "";
    bool taken = req->body_len == 0;
    int rc = 0;

    if ((route->takes & QUERY) == 0)
        rc = api_query(ask, NULL, 0, NULL);
    if (rc != 0)
        return rc;
    if ((route->takes & (JSON | LINES)) == 0)
        taken = true;
    if ((route->takes & JSON) != 0 && is_type(type, "application/json"))
        taken = true;
    if ((route->takes & LINES) != 0 && is_type(type, API_LINES_TYPE))
        taken = true;
    if (taken)
        return 0;
    rc = api_problem(ask, 415, NULL, "the body must be application/json%s",
            (route->takes & LINES) != 0 ? " or " API_LINES_TYPE : "");
    return rc < 0 ? rc : 1;
}

/* Looks past keys of foreign types, and names them in a field of the answer:
 * what they hold is missing in it. */
static int look(struct api_ask *ask, const struct route *route)
{
    size_t before = crq_conn_passed_types(ask->conn);
    bool was = crq_conn_look_past_types(ask->conn, true);
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    size_t count = 0;
    int rc = route->handle(ask);

    crq_conn_look_past_types(ask->conn, was);
    if (rc == 0 && crq_conn_passed_types(ask->conn) != before &&
            crq_foreign_find(ask->conn, ask->name, found, &count, NULL) == 0)
        rc = api_foreign(ask, found, count);
    return rc;
}

static int dispatch(struct api_ask *ask)
{
    const struct route *route = find(ask->req, &ask->name);
    int rc;

    if (route == NULL)
        return refuse(ask);
    if (ask->req->role < route->role)
        return api_problem(ask, 403, NULL,
                "this takes the role %s; you have %s", role_names[route->role],
                role_names[ask->req->role]);
    rc = check_form(ask, route);
    if (rc != 0)
        return rc;
    return strcmp(route->method, "GET") == 0 ? look(ask, route)
                                             : route->handle(ask);
}

int api_handle(struct api *api, const struct api_request *request,
        struct api_response *out, crq_error *err)
{
    static const crq_error none = { 0, "" };
    crq_error ours;
    struct api_ask ask = { api, api->conn, request, "", out,
        err != NULL ? err : &ours };
    int rc;

    *ask.err = none;
    rc = dispatch(&ask);
    if (rc < 0 && rc != CRQ_ENOMEM) {
        drop_answer(out); /* what was there of another one */
        rc = answer_failure(&ask, rc);
    }
    if (rc >= 0) {
        /* What was met on the way to a good answer is nobody's trouble. */
        if (out->status < 500)
            *ask.err = none;
        return 0;
    }
    drop_answer(out);
    return crq_fail_nomem(err);
}
