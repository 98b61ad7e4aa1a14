/*
 * http.c - the server: libmicrohttpd on the event loop.
 *
 * libmicrohttpd has an epoll set of its own; the loop watches that, and runs
 * the library when it stirs, when its time has come, and at the end of each
 * turn in which something was answered. A request whose answer comes later is
 * suspended: the library forgets its socket until it is resumed, so nothing is
 * heard of a client that leaves meanwhile. Whoever answers must do so in
 * bounded time.
 */
#include "web/http.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/http_impl.h"

#define BODY_MAX        ((size_t)1 << 20)
#define CONNECTIONS_MAX 10000
#define IDLE_S          30
#define HEAD_MAX        ((size_t)32 << 10)
#define LONGEST_S       3600.0
#define REQUEST_S       60
#define SURPLUS_MAX     ((size_t)4 << 20)

/* --------------------------------------------------------- one request in */

static void link_request(struct http_request *request)
{
    struct http_server *server = request->server;

    request->next = server->requests;
    request->link = &server->requests;
    if (request->next != NULL)
        request->next->link = &request->next;
    server->requests = request;
}

static struct http_request *request_new(struct http_server *server,
        struct MHD_Connection *connection, const char *method)
{
    struct http_request *request = crq_calloc(1, sizeof(*request));

    if (request == NULL)
        return NULL;
    request->server = server;
    request->begun_us = crq_clock_mono_us(&crq_clock_system);
    request->connection = connection;
    request->client = http_client_of(connection);
    request->method = crq_strdup(method);
    crq_buf_init(&request->body, server->body_max);
    link_request(request);
    return request;
}

static enum MHD_Result queue(struct http_request *request)
{
    enum MHD_Result done = MHD_queue_response(request->connection,
            (unsigned)request->status, request->response);

    /* Without the query: there may be a token in it. */
    crq_log_debug(request->server->log, "%s %s %s %d %lld us", request->peer,
            request->method != NULL ? request->method : "",
            request->path != NULL ? request->path : "", request->status,
            (long long)(crq_clock_mono_us(&crq_clock_system) -
                    request->begun_us));
    MHD_destroy_response(request->response);
    request->response = NULL;
    request->state = HTTP_QUEUED;
    request->server->busy--;
    request->server->answers[request->status / 100 % 6]++;
    return done;
}

/* Refused before anybody was asked: in a sentence, and the connection ends. */
static enum MHD_Result refuse(struct http_request *request,
        const struct http_refusal *refusal)
{
    static const struct http_field close[] = { { "Connection", "close" },
        { NULL, NULL } };
    char body[300];
    int len = snprintf(body, sizeof(body),
            "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,"
            "\"detail\":\"%s\"}",
            MHD_get_reason_phrase_for((unsigned)refusal->status),
            refusal->status, refusal->why);

    http_client_arrived(request->client);
    request->server->busy++;
    request->state = HTTP_ASKED;
    http_answer(request, refusal->status, "application/problem+json", body,
            (size_t)len, close);
    return queue(request);
}

/* All of it is there. */
static enum MHD_Result ask(struct http_request *request)
{
    static const struct http_refusal too_large = { 413,
        "the body is too large" };
    struct http_server *server = request->server;

    if (request->body.rc < 0)
        return refuse(request, &too_large);
    http_client_arrived(request->client);
    server->busy++;
    request->state = HTTP_ASKED;
    server->on_request(server->arg, request);
    if (request->state == HTTP_ANSWERED)
        return queue(request);
    request->suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/* A client that promised no length hears that its body is too large when it has
 * sent all: libmicrohttpd answers no earlier. So it may send a little more than
 * is kept, and is cut off when it goes on. */
static enum MHD_Result take_piece(struct http_request *request,
        const char *piece, size_t *len)
{
    if (crq_buf_put(&request->body, piece, *len) < 0)
        request->surplus += *len;
    *len = 0;
    return request->surplus <= SURPLUS_MAX ? MHD_YES : MHD_NO;
}

/*
 * libmicrohttpd's callback: once for the head, once for each piece of the
 * body, once for its end, and once more after a suspended connection was
 * resumed.
 */
static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection,
        const char *path, const char *method, const char *version,
        const char *piece, size_t *piece_len, void **slot)
{
    struct http_server *server = arg;
    struct http_request *request = *slot;
    struct http_refusal refusal;

    (void)version;
    if (request == NULL) {
        request = request_new(server, connection, method);
        if (request == NULL)
            return MHD_NO;
        *slot = request;
        if (!http_request_read_head(request, path, &refusal))
            return refuse(request, &refusal);
        return MHD_YES;
    }
    if (request->state == HTTP_ANSWERED)
        return queue(request);
    if (*piece_len > 0)
        return take_piece(request, piece, piece_len);
    return request->state == HTTP_READING ? ask(request) : MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection,
        void **slot, enum MHD_RequestTerminationCode how)
{
    struct http_request *request = *slot;

    (void)arg;
    (void)connection;
    (void)how;
    *slot = NULL;
    if (request == NULL)
        return;
    /* The client left before its answer could be queued. */
    if (request->state == HTTP_ANSWERED)
        request->server->busy--;
    if (request->state != HTTP_QUEUED)
        request->server->answers[0]++;
    if (request->on_open != NULL && !request->opened)
        request->on_open(request->on_open_arg, NULL, -1, NULL, 0);
    if (!request->opened)
        http_client_expect(request->client);
    *request->link = request->next;
    if (request->next != NULL)
        request->next->link = request->link;
    http_request_free(request);
}

/* ----------------------------------------------------------------- the loop */

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct http_server *server = w->data;

    (void)loop;
    (void)revents;
    MHD_run(server->daemon);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct http_server *server = w->data;

    (void)loop;
    (void)revents;
    MHD_run(server->daemon);
}

/* Before the loop waits: what was answered goes out, and the library says how
 * long it can do without us. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct http_server *server = w->data;
    MHD_UNSIGNED_LONG_LONG ms;

    (void)revents;
    if (server->run) {
        server->run = false;
        MHD_run(server->daemon);
    }
    ev_timer_stop(loop, &server->timer);
    if (server->run)
        ms = 0;
    if (server->run || MHD_get_timeout(server->daemon, &ms) == MHD_YES) {
        double after = (double)ms / 1e3;

        ev_timer_set(&server->timer, after < LONGEST_S ? after : LONGEST_S, 0.);
        ev_timer_start(loop, &server->timer);
    }
}

/* ------------------------------------------------------------------- server */

CRQ_PRINTF(2, 0)
static void on_message(void *arg, const char *format, va_list ap)
{
    const struct http_server *server = arg;
    char text[500];

    (void)vsnprintf(text, sizeof(text), format, ap);
    text[strcspn(text, "\r\n")] = '\0';
    crq_log_debug(server->log, "http: %s", text);
}

/* Paths and queries stay as they came: they are split before percent-escapes
 * are undone, else %2F would be a slash. */
static size_t leave_escapes(void *arg, struct MHD_Connection *connection,
        char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static int start(struct http_server *server, const struct http_options *o,
        int fd, crq_error *err)
{
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->cert_pem },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key_pem },
        { MHD_OPTION_END, 0, NULL },
    };
    const union MHD_DaemonInfo *info;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
            MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;

    if (o->cert_pem == NULL)
        tls[0].option = MHD_OPTION_END;
    else
        flags |= MHD_USE_TLS;
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_access, server,
            MHD_OPTION_EXTERNAL_LOGGER, on_message, server,
            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
            on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
            http_on_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
            leave_escapes, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX,
            MHD_OPTION_CONNECTION_LIMIT,
            o->connections_max > 0 ? o->connections_max : CONNECTIONS_MAX,
            MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_ip,
            MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s > 0 ? o->idle_s : IDLE_S,
            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
            MHD_OPTION_END);
    if (server->daemon == NULL)
        return crq_fail(err, CRQ_EIO, "can't serve HTTP%s",
                o->cert_pem != NULL ? "S: look at the certificate and its key"
                                    : "");
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return crq_fail(err, CRQ_EIO, "libmicrohttpd has no epoll");
    ev_io_init(&server->readable, on_readable, info->epoll_fd, EV_READ);
    ev_timer_init(&server->timer, on_timer, 0., 0.);
    ev_prepare_init(&server->prepare, on_prepare);
    /* Before the links to Redis send what a turn has gathered: requests that
     * are read here must not wait for the next turn. */
    ev_set_priority(&server->prepare, EV_MAXPRI);
    server->readable.data = server->timer.data = server->prepare.data = server;
    ev_io_start(server->loop, &server->readable);
    ev_prepare_start(server->loop, &server->prepare);
    return 0;
}

int http_server_new(struct ev_loop *loop, const struct http_options *options,
        struct http_server **out, crq_error *err)
{
    struct http_server *server = crq_calloc(1, sizeof(*server));
    int fd = -1, rc;

    if (server == NULL)
        return crq_fail_nomem(err);
    server->loop = loop;
    server->log = options->log;
    server->body_max = options->body_max > 0 ? options->body_max : BODY_MAX;
    server->request_s = options->request_s > 0 ? options->request_s : REQUEST_S;
    server->on_request = options->on_request;
    server->arg = options->arg;
    http_clients_init(server);
    rc = http_listen(options->address, &fd, err);
    if (rc == 0) {
        server->port = http_port_of(fd);
        rc = start(server, options, fd, err);
    }
    if (rc < 0) {
        if (server->daemon != NULL)
            MHD_stop_daemon(server->daemon);
        else if (fd >= 0)
            close(fd);
        crq_free(server);
        return rc;
    }
    *out = server;
    return 0;
}

void http_server_quiesce(struct http_server *server)
{
    MHD_socket fd;

    if (server->quiet)
        return;
    server->quiet = true;
    fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
}

size_t http_server_busy(const struct http_server *server)
{
    return server->busy;
}

void http_server_stats(const struct http_server *server, struct http_stats *out)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon,
            MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    out->connections = info != NULL ? info->num_connections : 0;
    memcpy(out->answers, server->answers, sizeof(out->answers));
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    /* libmicrohttpd aborts when it is stopped with a suspended connection. */
    for (struct http_request *r = server->requests; r != NULL; r = r->next)
        if (r->state == HTTP_ASKED)
            http_answer_nothing(r);
    while (server->upgrades != NULL)
        http_upgrade_close(server->upgrades);
    MHD_run(server->daemon);
    ev_io_stop(server->loop, &server->readable);
    ev_timer_stop(server->loop, &server->timer);
    ev_prepare_stop(server->loop, &server->prepare);
    MHD_stop_daemon(server->daemon);
    ev_timer_stop(server->loop, &server->slow);
    crq_free(server);
}
