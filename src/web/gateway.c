/*
 * gateway.c - a gateway's life, and whom a request is for.
 *
 * No application is known here: app.json says which requests become which jobs.
 * Whatever is asked comes in this order: what the gateway says of itself, a
 * route without variables, a file, the dashboard, a route with variables.
 */
#include "web/gateway.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "web/dashboard.h"
#include "web/files.h"
#include "web/kit.h"
#include "web/problem.h"
#include "web/rest.h"
#include "web/routes.h"
#include "web/sockets.h"

/* How long those who wait are answered when it is to end. */
#define PATIENCE_S 30.
#define PEM_MAX    ((size_t)1 << 20)
/* Connections, and files beside them. */
#define CONNECTIONS_MAX 10000
#define FILES_KEPT      64

/* ---------------------------------------------------------------- requests */

static void answer_text(struct http_request *request, int status,
        const char *text)
{
    static const struct http_field fields[] = { { "Cache-Control", "no-store" },
        { NULL, NULL } };

    http_answer(request, status, "text/plain; charset=utf-8", text,
            strlen(text), fields);
}

static void answer_live(struct gateway *g, struct http_request *request)
{
    (void)g;
    answer_text(request, 200, "alive\n");
}

static void answer_ready(struct gateway *g, struct http_request *request)
{
    if (g->stopping)
        answer_text(request, 503, "stopping\n");
    else if (!jobs_are_possible(g->jobs))
        answer_text(request, 503, "no Redis\n");
    else
        answer_text(request, 200, "ready\n");
}

static const struct own {
    const char *path;
    void (*answer)(struct gateway *g, struct http_request *request);
} own[] = {
    { "/livez", answer_live },
    { "/readyz", answer_ready },
};

static bool answer_own(struct gateway *g, struct http_request *request)
{
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i].path, http_path(request)) == 0) {
            own[i].answer(g, request);
            return true;
        }
    return false;
}

static bool is_reading(const struct http_request *request)
{
    const char *method = http_method(request);

    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* Whether a page of another site sends it. */
static bool is_foreign(struct gateway *g, struct http_request *request)
{
    const char *host = http_header(request, "Host");
    const char *origin = http_header(request, "Origin");
    const char *site = http_header(request, "Sec-Fetch-Site");

    if (!origin_host_is_ours(&g->rules, host)) {
        problem_answer(request,
                problem_new(421, "this gateway does not serve '%.100s'",
                        host != NULL ? host : ""),
                NULL);
        return true;
    }
    if (is_reading(request) ||
            (origin_is_allowed(&g->rules, origin, host) &&
                    (origin != NULL || origin_is_own_site(site))))
        return false;
    problem_answer(request,
            problem_new(403, "pages of this origin may not send requests here"),
            NULL);
    return true;
}

int gateway_wait_s(const struct gateway *g, const char *peer)
{
    return rate_wait_s(g->rate, peer, crq_clock_mono_us(&crq_clock_system));
}

static bool is_too_much(struct gateway *g, struct http_request *request)
{
    char wait[16];
    const struct http_field later[] = { { "Retry-After", wait },
        { "Cache-Control", "no-store" }, { NULL, NULL } };
    int wait_s = gateway_wait_s(g, http_peer(request));

    if (wait_s == 0)
        return false;
    (void)snprintf(wait, sizeof(wait), "%d", wait_s);
    problem_answer(request,
            problem_new(429, "too many requests came from this address"),
            later);
    return true;
}

static bool answer_file(struct gateway *g, struct http_request *request)
{
    if (!is_reading(request))
        return false;
    if (kit_answer(request))
        return true;
    for (size_t i = 0; i < g->app_count; i++)
        if (files_answer(g->apps[i], request))
            return true;
    return false;
}

static void on_request(void *arg, struct http_request *request)
{
    struct gateway *g = arg;
    const struct crq_app_route *route;

    if (is_foreign(g, request) || answer_own(g, request) ||
            is_too_much(g, request) || rest_answer(g->rest, request) ||
            sockets_answer(g->sockets, request))
        return;
    route = routes_find(g, request);
    if (route != NULL && routes_is_plain(route))
        routes_answer(g, route, request);
    else if (answer_file(g, request) || dashboard_answer(g, request))
        return;
    else if (route != NULL)
        routes_answer(g, route, request);
    else
        routes_refuse(g, request);
}

/* ------------------------------------------------------------------ the end */

/* Whoever waits is answered first. */
static void on_idle(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct gateway *g = w->data;

    (void)revents;
    /* Jobs that nobody waits for are to be made all the same. */
    if (http_server_busy(g->server) == 0 && jobs_waiting(g->jobs) == 0)
        ev_break(loop, EVBREAK_ALL);
}

static void on_impatient(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct gateway *g = timer->data;

    (void)revents;
    crq_log_warn(g->log, "%zu requests are left without an answer",
            http_server_busy(g->server));
    ev_break(loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *sig, int revents)
{
    struct gateway *g = sig->data;

    (void)revents;
    if (g->stopping) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    g->stopping = true;
    crq_log_info(g->log, "stopping");
    notify_stopping(&g->notify);
    http_server_quiesce(g->server);
    sockets_close(g->sockets);
    ev_timer_start(loop, &g->patience);
    ev_prepare_start(loop, &g->idle);
}

/* -------------------------------------------------------------------- birth */

static void on_change(void *arg, bool up)
{
    struct gateway *g = arg;

    g->redis_errors += !up;
    if (up)
        notify_ready(&g->notify);
}

static void watch(struct gateway *g)
{
    notify_init(&g->notify, g->loop);
    ev_signal_init(&g->sigint, on_signal, SIGINT);
    ev_signal_init(&g->sigterm, on_signal, SIGTERM);
    ev_timer_init(&g->patience, on_impatient, PATIENCE_S, 0.);
    ev_prepare_init(&g->idle, on_idle);
    g->sigint.data = g->sigterm.data = g->patience.data = g->idle.data = g;
    ev_signal_start(g->loop, &g->sigint);
    ev_signal_start(g->loop, &g->sigterm);
}

static int load_apps(struct gateway *g, crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->options->app_count; i++) {
        rc = crq_app_load(g->options->apps[i], NULL, NULL, &g->apps[i], err);
        if (rc == 0)
            g->app_count++;
    }
    return rc == 0 ? routes_check(g, err) : rc;
}

static int read_rules(struct gateway *g, crq_error *err)
{
    const struct options *o = g->options;
    bool loopback = origin_is_loopback(o->listen);
    int rc = http_address_check(o->listen, err);

    g->rules = (struct origin_rules){ .allowed = o->origins,
        .count = o->origin_count,
        .loopback = loopback && o->token_file == NULL };
    if (rc == 0 && o->token_file != NULL)
        rc = tokens_load(o->token_file, &g->tokens, err);
    if (rc == 0)
        rc = guard_new(g->tokens, &g->guard, err);
    if (rc == 0 && o->per_second > 0)
        rc = rate_new(o->per_second, &g->rate, err);
    if (rc < 0)
        return rc;
    if (!loopback && g->tokens == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "--listen %.100s can be reached from elsewhere: that needs a "
                "--token-file",
                o->listen);
    return 0;
}

static int read_pem(const char *path, struct crq_buf *out, crq_error *err)
{
    crq_buf_init(out, PEM_MAX);
    return path != NULL ? crq_file_read(path, out, err) : 0;
}

/* In the log, and to who has started us: crq up reads the port there. */
static void say_where(struct gateway *g)
{
    const struct options *o = g->options;
    int port = http_server_port(g->server);
    size_t host_len = (size_t)(strrchr(o->listen, ':') - o->listen);
    char text[200];

    snprintf(text, sizeof(text), "listening at port %d: %s://%.*s:%d/", port,
            o->tls_cert != NULL ? "https" : "http",
            host_len > 0 && host_len < 100 ? (int)host_len : 1,
            host_len > 0 ? o->listen : "*", port);
    crq_log_info(g->log, "%s", text);
    notify_status(&g->notify, text);
}

/* As many as there can be files, but for those that we need ourselves: without
 * one left not even the link to Redis could be opened again. */
static unsigned find_limit(const struct crq_log *log)
{
    struct rlimit files;
    rlim_t limit = CONNECTIONS_MAX;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 ||
            files.rlim_cur >= CONNECTIONS_MAX + FILES_KEPT)
        return CONNECTIONS_MAX;
    limit = files.rlim_cur > 2 * FILES_KEPT ? files.rlim_cur - FILES_KEPT
                                            : files.rlim_cur / 2;
    crq_log_warn(log,
            "this process may have %llu files open (RLIMIT_NOFILE): it takes "
            "%llu connections, not %d",
            (unsigned long long)files.rlim_cur, (unsigned long long)limit,
            CONNECTIONS_MAX);
    return (unsigned)limit;
}

static int listen_for(struct gateway *g, crq_error *err)
{
    const struct options *o = g->options;
    struct http_options options = { .address = o->listen,
        .connections_max = find_limit(g->log),
        .connections_per_ip = o->per_address,
        .log = g->log,
        .on_request = on_request,
        .arg = g };
    struct crq_buf cert, key;
    int rc = read_pem(o->tls_cert, &cert, err);

    crq_buf_init(&key, PEM_MAX);
    if (rc == 0)
        rc = read_pem(o->tls_key, &key, err);
    if (rc == 0 && o->tls_cert != NULL) {
        options.cert_pem = crq_buf_text(&cert);
        options.key_pem = crq_buf_text(&key);
    }
    if (rc == 0)
        rc = http_server_new(g->loop, &options, &g->server, err);
    if (rc == 0)
        say_where(g);
    crq_buf_fini(&cert);
    crq_buf_fini(&key);
    return rc;
}

static int begin(struct gateway *g, crq_error *err)
{
    int rc = read_rules(g, err);

    if (rc == 0)
        rc = load_apps(g, err);
    if (rc == 0)
        rc = sessions_new(&crq_clock_system, &g->sessions, err);
    if (rc == 0)
        rc = rest_new(g, &g->rest, err); /* before the others: it forks */
    if (rc == 0)
        rc = jobs_new(g->loop, g->options->url, g->log, &g->jobs, err);
    if (rc == 0)
        rc = feeds_new(g->loop, g->options->url, g->log, &g->feeds, err);
    if (rc == 0)
        rc = sockets_new(g, &g->sockets, err);
    if (rc < 0)
        return rc;
    jobs_on_change(g->jobs, on_change, g);
    return listen_for(g, err);
}

/* Signals stay watched to the last: one more must not kill what ends well. */
static void end(struct gateway *g)
{
    /* Sockets name waiters and what they hear, and these name requests. */
    sockets_drop(g->sockets);
    jobs_free(g->jobs);
    rest_free(g->rest);
    http_server_free(g->server);
    sockets_free(g->sockets);
    feeds_free(g->feeds);
    notify_fini(&g->notify);
    ev_timer_stop(g->loop, &g->patience);
    ev_prepare_stop(g->loop, &g->idle);
    guard_free(g->guard);
    rate_free(g->rate);
    sessions_free(g->sessions);
    tokens_free(g->tokens);
    for (size_t i = 0; i < g->app_count; i++)
        crq_app_free(g->apps[i]);
}

int gateway_run(const struct options *options, struct crq_log *log)
{
    struct gateway g = {
        .options = options, .log = log, .loop = ev_default_loop(EVFLAG_AUTO)
    };
    crq_error err;
    int rc;

    watch(&g);
    rc = begin(&g, &err);
    if (rc == 0)
        ev_run(g.loop, 0);
    else
        crq_log_error(log, "%s", err.text);
    end(&g);
    return rc == CRQ_EINVAL || rc == CRQ_ECODEC ? 64 : rc < 0 ? 1 : 0;
}
