/*
 * rest.c - see rest.h.
 *
 * What is asked is answered by a helper process (api_pool.c). When that says to
 * wait for a job, its status is looked at, over a link of our own and for all
 * who wait in one pipeline, until it has ended or the time is up; then the same
 * is asked once more. Looking needs no place in a stream to be known, and
 * finds jobs that were canceled or deleted, of which no stream tells.
 */
#include "web/rest.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "exec/async.h"
#include "model/keys.h"
#include "web/api_pool.h"
#include "web/page.h"
#include "web/problem.h"
#include "web/session.h"
#include "web/sockets.h"

#define LOOK_S      0.05
#define LOOKS       256 /* in one turn; those that were not looked at longest */
#define LINK_MS     1000
#define WAITERS_MAX 2000
#define FIELDS      (API_FIELDS_MAX + 4)

/* One request that has no answer yet. */
struct ask {
    struct rest *rest;
    struct ask *next, **link; /* of all */
    struct http_request *request;
    enum api_role role;
    char caller[TOKEN_NAME_LEN + 1];
    bool metrics;
    bool page, signed_in; /* of the dashboard */
    char csrf[SESSION_ID_LEN + 1];
    char *job;        /* not NULL: it waits for this one */
    bool looking;     /* a reply of Redis's is due that names this */
    bool waited;      /* its time was up */
    int64_t until_us; /* on the monotonic clock; 0: it has not waited */
};

struct rest {
    struct gateway *g;
    struct api_pool *pool;
    struct api_pair places[APPS_MAX]; /* applications that have a page */
    struct crq_async *link;
    struct ask *first, **last;
    size_t count, waiting;
    double start_s;
    ev_timer look; /* while somebody waits */
};

static int64_t now_us(void)
{
    return crq_clock_mono_us(&crq_clock_system);
}

/* ------------------------------------------------------------- one request */

static void append(struct ask *a)
{
    struct rest *rest = a->rest;

    a->next = NULL;
    a->link = rest->last;
    *rest->last = a;
    rest->last = &a->next;
    rest->count++;
}

static void take_out(struct ask *a)
{
    *a->link = a->next;
    if (a->next != NULL)
        a->next->link = a->link;
    else
        a->rest->last = a->link;
    a->rest->count--;
}

static void stop_waiting(struct ask *a)
{
    if (a->job == NULL)
        return;
    crq_free(a->job);
    a->job = NULL;
    if (--a->rest->waiting == 0)
        ev_timer_stop(a->rest->g->loop, &a->rest->look);
}

static void ask_free(struct ask *a)
{
    stop_waiting(a);
    take_out(a);
    crq_free(a);
}

/* ------------------------------------------------------------------ answers */

static void refuse(struct http_request *request, int status, const char *why)
{
    static const struct http_field later[] = { { "Retry-After", "1" },
        { "Cache-Control", "no-store" }, { NULL, NULL } };

    problem_answer(request, problem_new(status, "%s", why),
            status == 503 ? later : later + 1);
}

static void answer(struct http_request *request,
        const struct api_answer *answer, bool page)
{
    static const struct http_field common[] = { DASHBOARD_FIELDS };
    struct http_field fields[FIELDS];
    size_t n = 0;

    fields[n++] = common[0];
    if (page)
        fields[n++] = common[1];
    if (answer->location != NULL)
        fields[n++] = (struct http_field){ "Location", answer->location };
    for (size_t i = 0; i < answer->fields_count; i++)
        fields[n++] = (struct http_field){ answer->fields[i].name,
            answer->fields[i].value };
    fields[n] = (struct http_field){ NULL, NULL };
    http_answer(request, answer->status, answer->content_type,
            answer->body != NULL ? answer->body : "", answer->body_len, fields);
}

static const struct {
    int status;
    const char *why;
} ends[] = {
    [API_BUSY] = { 503, "the gateway is too busy; nothing was done" },
    [API_DIED] = { 503, "the gateway has failed; it may have been done" },
    [API_HUNG] = { 504, "there was no answer in time; it may have been done" },
};

/* To a person, or to a program. */
static void refuse_ask(struct ask *a, enum api_end end)
{
    static const struct http_field later[] = { { "Retry-After", "1" },
        DASHBOARD_FIELDS, { NULL, NULL } };
    struct crq_buf page = CRQ_BUF_INIT;

    if (a->page &&
            page_notice(ends[end].status, "Not now", ends[end].why, &page) == 0)
        http_answer(a->request, ends[end].status, "text/html; charset=utf-8",
                crq_buf_text(&page), page.len, later);
    else
        refuse(a->request, ends[end].status, ends[end].why);
    crq_buf_fini(&page);
}

/* ------------------------------------------------------------------ waiting */

static void send_again(struct ask *a, bool waited);

static bool has_ended(const char *status)
{
    static const char *const words[] = { "finished", "failed", "stopped",
        "canceled" };

    for (size_t i = 0; status != NULL && i < 4; i++)
        if (strcmp(status, words[i]) == 0)
            return true;
    return status == NULL; /* it is gone */
}

static void on_status(void *arg, const crq_reply *reply, const crq_error *err)
{
    struct ask *a = arg;

    a->looking = false;
    if (err == NULL && has_ended(crq_reply_text(reply, NULL)))
        send_again(a, false);
}

static void look_at(struct ask *a)
{
    struct crq_args words;
    char key[CRQ_KEY_MAX];

    crq_args_init(&words);
    if (crq_key(key, CRQ_KEY_JOB, a->job) > 0) {
        crq_args_list(&words, "HGET", key, "status", NULL);
        a->looking =
                crq_async_send(a->rest->link, &words, 0, on_status, a) == 0;
    }
    crq_args_fini(&words);
}

/* Those that were looked at go to the end; who needs no look, too. */
static void on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct rest *rest = timer->data;
    int64_t now = now_us();
    size_t looks = 0;

    (void)loop;
    (void)revents;
    for (size_t left = rest->count; left > 0 && looks < LOOKS; left--) {
        struct ask *a = rest->first;

        take_out(a);
        append(a);
        if (a->job == NULL || a->looking)
            continue;
        if (now >= a->until_us || rest->g->stopping) {
            send_again(a, true);
        } else {
            look_at(a);
            looks++;
        }
    }
}

static void wait_for(struct ask *a, const struct api_answer *answer)
{
    struct rest *rest = a->rest;

    if (rest->waiting == WAITERS_MAX) {
        send_again(a, true);
        return;
    }
    if (a->until_us == 0)
        a->until_us = now_us() + answer->wait_ms * 1000;
    a->job = crq_strdup(answer->wait_for_job);
    if (a->job == NULL) {
        send_again(a, true);
        return;
    }
    rest->waiting++;
    if (!ev_is_active(&rest->look))
        ev_timer_again(rest->g->loop, &rest->look);
}

/* ------------------------------------------------------------------- asking */

static void on_answer(void *arg, enum api_end end,
        const struct api_answer *given)
{
    struct ask *a = arg;
    struct rest *rest = a->rest;

    if (end == API_ANSWERED && given->log != NULL) {
        rest->g->redis_errors += given->status == 503;
        crq_log_warn(rest->g->log, "%s: %s", http_path(a->request), given->log);
    }
    if (end == API_ANSWERED && given->wait_for_job != NULL && !a->waited) {
        wait_for(a, given);
        return;
    }
    if (end == API_ANSWERED && given->wait_for_job == NULL)
        answer(a->request, given, a->page);
    else
        refuse_ask(a, end != API_ANSWERED ? end : API_DIED);
    ask_free(a);
}

/* HEAD is GET without the body, which the server leaves out. */
static const char *method_of(const struct http_request *request)
{
    const char *method = http_method(request);

    return strcmp(method, "HEAD") == 0 ? "GET" : method;
}

static void read_gateway(const struct rest *rest, struct metrics_gateway *out)
{
    struct http_stats http;
    struct sockets_stats sockets;

    http_server_stats(rest->g->server, &http);
    sockets_stats(rest->g->sockets, &sockets);
    *out = (struct metrics_gateway){ .connections = http.connections,
        .sockets = sockets.open,
        .waiting = (int64_t)(jobs_waiting(rest->g->jobs) + rest->waiting),
        .messages_in_total = sockets.in,
        .messages_out_total = sockets.out,
        .slow_clients_total = sockets.slow,
        .redis_errors_total = rest->g->redis_errors,
        .start_s = rest->start_s };
    memcpy(out->requests_total, http.answers, sizeof(out->requests_total));
}

/* The request as helpers get it; `query` has room for API_PARTS_MAX. */
static void read_request(const struct ask *a, struct api_pair *query,
        struct api_request *req)
{
    struct http_request *request = a->request;
    size_t i = 0, prefix = a->page ? 0 : 2; /* /api/v1 */

    req->path = http_segments(request, &req->path_count);
    req->path += prefix;
    req->path_count -= prefix;
    while (i < API_PARTS_MAX &&
            http_query_at(request, i, &query[i].name, &query[i].value))
        i++;
    req->query = query;
    req->query_count = i;
    req->method = method_of(request);
    req->body = http_body(request, &req->body_len);
    req->content_type = http_header(request, "Content-Type");
    req->idempotency_key = http_header(request, "Idempotency-Key");
    req->caller = a->caller;
    req->role = a->role;
    req->waited = a->waited;
}

static void send(struct ask *a)
{
    struct page_viewer viewer = { a->csrf, a->signed_in };
    struct api_pair query[API_PARTS_MAX];
    struct metrics_gateway metrics;
    struct api_question question = { .metrics = NULL };
    int rc;

    if (a->metrics) {
        read_gateway(a->rest, &metrics);
        question.metrics = &metrics;
    } else {
        read_request(a, query, &question.request);
        question.viewer = a->page ? &viewer : NULL;
    }
    rc = api_pool_ask(a->rest->pool, &question, on_answer, a);
    if (rc == 0)
        return;
    refuse_ask(a, API_BUSY);
    ask_free(a);
}

static void send_again(struct ask *a, bool waited)
{
    stop_waiting(a);
    a->waited = waited;
    send(a);
}

/* -------------------------------------------------------------- who may ask */

static enum api_role role_of(enum token_role role)
{
    switch (role) {
    case TOKEN_READ: return API_READ;
    case TOKEN_ENQUEUE: return API_ENQUEUE;
    case TOKEN_OPERATE: return API_OPERATE;
    }
    return API_READ;
}

static bool is_api(const struct http_request *request)
{
    size_t count;
    const char *const *path = http_segments(request, &count);

    return count >= 2 && strcmp(path[0], "api") == 0 &&
            strcmp(path[1], "v1") == 0;
}

static bool is_metrics(const struct http_request *request)
{
    size_t count;
    const char *const *path = http_segments(request, &count);

    return count == 1 && strcmp(path[0], "metrics") == 0;
}

/* NULL: there is no memory, which is answered. */
static struct ask *ask_new(struct rest *rest, struct http_request *request,
        const struct viewer *viewer)
{
    struct ask *a = crq_calloc(1, sizeof(*a));

    if (a == NULL) {
        problem_answer(request, NULL, NULL);
        return NULL;
    }
    a->rest = rest;
    a->request = request;
    a->role = role_of(viewer->role);
    memcpy(a->caller, viewer->caller, sizeof(a->caller));
    append(a);
    return a;
}

/* Whether who asks may not ask, which is answered. */
static bool is_refused(const struct gateway *g, struct http_request *request,
        const struct viewer *viewer, bool metrics)
{
    static const struct http_field bearer[] = { { "WWW-Authenticate",
                                                        "Bearer" },
        { "Cache-Control", "no-store" }, { NULL, NULL } };
    static const struct http_field get[] = { { "Allow", "GET" },
        { NULL, NULL } };
    char wait[16];
    const struct http_field later[] = { { "Retry-After", wait },
        { "Cache-Control", "no-store" }, { NULL, NULL } };

    (void)snprintf(wait, sizeof(wait), "%d", viewer->retry_s);
    if (viewer->kind == VIEWER_LATER)
        problem_answer(request,
                problem_new(429, "too many unknown tokens came from here"),
                later);
    else if (viewer->kind == VIEWER_NONE)
        problem_answer(request,
                problem_new(401, "this takes a token: Authorization: Bearer"),
                bearer);
    else if (!viewer_sent_it(g, viewer, request))
        problem_answer(request,
                problem_new(403, "a browser's request takes X-CSRF-Token"),
                bearer + 1);
    else if (metrics && strcmp(method_of(request), "GET") != 0)
        problem_answer(request, problem_new(405, "it takes GET only"), get);
    else
        return false;
    return true;
}

bool rest_answer(struct rest *rest, struct http_request *request)
{
    bool metrics = is_metrics(request);
    struct viewer viewer;
    struct ask *a;

    if (!metrics && !is_api(request))
        return false;
    viewer_of(rest->g, request, &viewer);
    if (is_refused(rest->g, request, &viewer, metrics))
        return true;
    a = ask_new(rest, request, &viewer);
    if (a == NULL)
        return true;
    a->metrics = metrics;
    send(a);
    return true;
}

void rest_page(struct rest *rest, struct http_request *request,
        const struct viewer *viewer)
{
    struct ask *a = ask_new(rest, request, viewer);

    if (a == NULL)
        return;
    a->page = true;
    a->signed_in = viewer->kind == VIEWER_SESSION;
    if (viewer->csrf != NULL)
        memcpy(a->csrf, viewer->csrf, sizeof(a->csrf));
    send(a);
}

/* ---------------------------------------------------------------- the whole */

static size_t find_places(struct rest *rest)
{
    const struct gateway *g = rest->g;
    size_t count = 0;

    for (size_t i = 0; i < g->app_count; i++)
        if (g->apps[i]->files_count > 0)
            rest->places[count++] = (struct api_pair){ g->apps[i]->name,
                g->apps[i]->files[0].prefix };
    return count;
}

int rest_new(struct gateway *g, struct rest **out, crq_error *err)
{
    struct rest *rest = crq_calloc(1, sizeof(*rest));
    struct crq_async_options link = {
        .url = g->options->url, .name = "crq-web-waits", .timeout_ms = LINK_MS
    };
    struct api api = { .conn = NULL };
    int rc;

    if (rest == NULL)
        return crq_fail_nomem(err);
    rest->g = g;
    api.places = rest->places;
    api.places_count = find_places(rest);
    rest->last = &rest->first;
    rest->start_s = (double)crq_clock_wall_us(&crq_clock_system) / 1e6;
    ev_init(&rest->look, on_look);
    rest->look.repeat = LOOK_S;
    rest->look.data = rest;
    rc = api_pool_new(g->loop, g->options->url, api, g->log, &rest->pool, err);
    if (rc == 0)
        rc = crq_async_new(g->loop, &link, &rest->link, err);
    if (rc < 0) {
        rest_free(rest);
        return rc;
    }
    *out = rest;
    return 0;
}

void rest_free(struct rest *rest)
{
    if (rest == NULL)
        return;
    crq_async_free(rest->link);
    api_pool_free(rest->pool);
    while (rest->first != NULL)
        ask_free(rest->first);
    ev_timer_stop(rest->g->loop, &rest->look);
    crq_free(rest);
}
