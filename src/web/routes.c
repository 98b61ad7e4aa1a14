/*
 * routes.c - see routes.h.
 *
 * A request that waits costs the struct of its job's waiter: it is named by
 * that, and names its route itself.
 */
#include "web/routes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "web/binding.h"
#include "web/problem.h"

/* ----------------------------------------------------------------- matching */

static bool matches(const struct crq_app_route *route,
        const struct http_request *request)
{
    size_t count;
    const char *const *segments = http_segments(request, &count);

    return crq_app_pattern_matches(&route->path, segments, count);
}

/* HEAD asks for what GET would answer, without its body. */
static bool is_method(const struct crq_app_route *route, const char *method)
{
    return strcmp(route->method,
                   strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

/* Whether `a` says more of a path that both match. */
static bool is_closer(const struct crq_app_route *a,
        const struct crq_app_route *b)
{
    for (size_t i = 0; i < a->path.count; i++)
        if (a->path.segments[i].variable != b->path.segments[i].variable)
            return b->path.segments[i].variable;
    return false;
}

const struct crq_app_route *routes_find(const struct gateway *g,
        const struct http_request *request)
{
    const struct crq_app_route *best = NULL;

    for (size_t a = 0; a < g->app_count; a++)
        for (size_t i = 0; i < g->apps[a]->route_count; i++) {
            const struct crq_app_route *route = &g->apps[a]->routes[i];

            if (is_method(route, http_method(request)) &&
                    matches(route, request) &&
                    (best == NULL || is_closer(route, best)))
                best = route;
        }
    return best;
}

bool routes_is_plain(const struct crq_app_route *route)
{
    for (size_t i = 0; i < route->path.count; i++)
        if (route->path.segments[i].variable)
            return false;
    return true;
}

static int check_pair(const struct crq_app *a, const struct crq_app *b,
        crq_error *err)
{
    for (size_t i = 0; i < a->route_count; i++)
        for (size_t k = 0; k < b->route_count; k++)
            if (strcmp(a->routes[i].method, b->routes[k].method) == 0 &&
                    crq_app_pattern_same(&a->routes[i].path,
                            &b->routes[k].path))
                return crq_fail(err, CRQ_EINVAL,
                        "%s and %s both have the route %s %s", a->name, b->name,
                        a->routes[i].method, a->routes[i].path.text);
    return 0;
}

int routes_check(const struct gateway *g, crq_error *err)
{
    int rc = 0;

    for (size_t a = 0; rc == 0 && a < g->app_count; a++)
        for (size_t b = 0; rc == 0 && b < a; b++)
            rc = check_pair(g->apps[b], g->apps[a], err);
    return rc;
}

void routes_refuse(const struct gateway *g, struct http_request *request)
{
    char allow[100] = "";
    const struct http_field fields[] = { { "Allow", allow }, { NULL, NULL } };

    for (size_t a = 0; a < g->app_count; a++)
        for (size_t i = 0; i < g->apps[a]->route_count; i++) {
            const struct crq_app_route *route = &g->apps[a]->routes[i];
            size_t len = strlen(allow);

            if (matches(route, request) && strstr(allow, route->method) == NULL)
                (void)snprintf(allow + len, sizeof(allow) - len, "%s%s",
                        len > 0 ? ", " : "", route->method);
        }
    if (allow[0] != '\0')
        problem_answer(request,
                problem_new(405, "this address takes %s", allow), fields);
    else
        problem_answer(request, problem_new(404, "there is nothing here"),
                NULL);
}

/* ------------------------------------------------------------------ answers */

static void answer_value(struct http_request *request,
        const struct crq_app_route *route, const crq_value *value)
{
    static const struct http_field fields[] = { { "Cache-Control", "no-store" },
        { NULL, NULL } };
    struct crq_buf text = CRQ_BUF_INIT;
    crq_error why = { 0 };

    if (route->status == 204)
        http_answer(request, 204, NULL, "", 0, fields);
    else if (crq_json_encode(value, CRQ_JSON_SHOW, &text, &why) == 0)
        http_answer(request, route->status, "application/json",
                crq_buf_text(&text), text.len, fields);
    else
        problem_answer(request, problem_new(500, "%s", why.text), NULL);
    crq_buf_fini(&text);
}

/* Where the job is to be seen. */
static void answer_address(struct http_request *request, int status,
        const char *id)
{
    char location[200];
    const struct http_field fields[] = { { "Location", location },
        { "Cache-Control", "no-store" }, { NULL, NULL } };
    crq_value *problem;
    struct crq_buf text = CRQ_BUF_INIT;

    (void)snprintf(location, sizeof(location), "/api/v1/jobs/%s", id);
    if (status == 202) {
        crq_buf_printf(&text, "{\"id\":\"%s\",\"location\":\"%s\"}", id,
                location);
        http_answer(request, 202, "application/json", crq_buf_text(&text),
                text.len, fields);
        crq_buf_fini(&text);
        return;
    }
    problem = problem_new(status, "the job has not ended yet");
    problem_answer(request, problem_with(problem, "job", id), fields);
}

static void on_done(void *arg, const struct job_outcome *outcome)
{
    struct http_request *request = arg;
    const char *id = outcome->id;

    switch (outcome->end) {
    case JOB_CREATED: answer_address(request, 202, id); return;
    case JOB_DONE:
        answer_value(request, http_data(request), outcome->value);
        return;
    case JOB_FAILED:
        problem_answer(request, problem_of_failure(outcome->text, id), NULL);
        return;
    case JOB_GONE:
        problem_answer(request,
                problem_with(problem_new(410, "there is no result: %s",
                                     outcome->text),
                        "job", id),
                NULL);
        return;
    case JOB_LATE: answer_address(request, 504, id); return;
    case JOB_REFUSED: problem_unavailable(request); return;
    }
}

/* ----------------------------------------------------------------- requests */

/* Browsers send this type for other sites' pages only after asking. */
static bool is_json(const char *type)
{
    size_t len = type != NULL ? strcspn(type, "; \t") : 0;

    return len == strlen("application/json") &&
            strncasecmp(type, "application/json", len) == 0;
}

/* False: the body is refused, and the request answered. */
static bool read_body(struct http_request *request, crq_value **out)
{
    crq_error why = { 0 };
    size_t len;
    const char *body = http_body(request, &len);

    *out = NULL;
    if (len == 0)
        return true;
    if (!is_json(http_header(request, "Content-Type"))) {
        problem_answer(request,
                problem_new(415, "the body has to be application/json"), NULL);
        return false;
    }
    if (!crq_utf8_strict(body, len)) {
        problem_answer(request, problem_new(400, "the body is no UTF-8"), NULL);
        return false;
    }
    if (crq_json_decode(body, len, NULL, out, &why) == 0)
        return true;
    problem_answer(request, problem_new(400, "the body: %s", why.text), NULL);
    return false;
}

static void answer_error(struct gateway *g, struct http_request *request,
        int rc, const crq_error *err)
{
    if (rc == CRQ_EINVAL || rc == CRQ_EUNSUPPORTED || rc == CRQ_ELIMIT) {
        problem_answer(request, problem_new(400, "%s", err->text), NULL);
        return;
    }
    if (rc != CRQ_ECONNECT)
        crq_log_warn(g->log, "%s: %s", http_path(request), err->text);
    problem_unavailable(request);
}

void routes_answer(struct gateway *g, const struct crq_app_route *route,
        struct http_request *request)
{
    struct binding binding = { .request = request, .path = &route->path };
    crq_value *body = NULL, *args = NULL, *kwargs = NULL;
    crq_error err;
    int rc;

    if (binding_wants(&route->call, CRQ_APP_BODY) && !read_body(request, &body))
        return;
    binding.body = body;
    http_set_data(request, (void *)(uintptr_t)route);
    rc = binding_bind(&binding, &route->call, &args, &kwargs, &err);
    if (rc == 0)
        rc = jobs_call(g->jobs, &route->call, args, kwargs, route->wait_us,
                on_done, request, NULL, &err);
    crq_value_free(args);
    crq_value_free(kwargs);
    crq_value_free(body);
    binding_fini(&binding);
    if (rc < 0)
        answer_error(g, request, rc, &err);
}
