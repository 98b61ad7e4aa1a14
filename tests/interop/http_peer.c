/*
 * http_peer.c - src/web/http.c alone, for clients that test it.
 *
 *     http_peer BODY_MAX IDLE_S CONNECTIONS_PER_IP REQUEST_S
 *
 * Prints its port, then serves until SIGTERM, and ends when all is answered:
 *
 *     /later/MS   the answer comes that much later
 *     /file       a file of 20 bytes
 *     /socket     speaks no HTTP any more: it sends back what it gets
 *     else        what it has understood of the request, as JSON
 */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/json.h"
#include "web/http.h"

struct peer {
    struct ev_loop *loop;
    struct http_server *server;
    struct http_request *raising; /* the request of an upgrade */
    ev_prepare idle;
    bool stopping;
};

struct later {
    ev_timer timer;
    struct http_request *request;
};

struct echo {
    ev_io readable;
    struct http_upgrade *upgrade;
};

static void put(struct crq_buf *to, const char *name, const char *text)
{
    crq_buf_printf(to, ",\"%s\":", name);
    crq_json_put_string(to, text, strlen(text));
}

static void describe(struct http_request *request)
{
    struct crq_buf text = CRQ_BUF_INIT;
    const char *query = http_query(request, "q");
    const char *header = http_header(request, "X-Test");
    const char *const *segments;
    const char *body;
    size_t count, len;

    segments = http_segments(request, &count);
    crq_buf_puts(&text, "{\"segments\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            crq_buf_putc(&text, ',');
        crq_json_put_string(&text, segments[i], strlen(segments[i]));
    }
    crq_buf_puts(&text, "]");
    put(&text, "method", http_method(request));
    put(&text, "path", http_path(request));
    put(&text, "peer", http_peer(request));
    if (query != NULL)
        put(&text, "query", query);
    if (header != NULL)
        put(&text, "header", header);
    body = http_body(request, &len);
    crq_buf_puts(&text, ",\"body\":");
    crq_json_put_string(&text, body, len);
    crq_buf_puts(&text, "}");
    http_answer(request, 200, "application/json", crq_buf_text(&text), text.len,
            NULL);
    crq_buf_fini(&text);
}

static void on_later(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct later *later = timer->data;

    (void)loop;
    (void)revents;
    describe(later->request);
    crq_free(later);
}

static void on_echo(struct ev_loop *loop, ev_io *w, int revents)
{
    struct echo *echo = w->data;
    char bytes[4096];
    ssize_t n = read(w->fd, bytes, sizeof(bytes));

    (void)revents;
    if (n > 0 && write(w->fd, bytes, (size_t)n) == n)
        return;
    ev_io_stop(loop, w);
    http_upgrade_close(echo->upgrade);
    crq_free(echo);
}

static void on_open(void *arg, struct http_upgrade *upgrade, int fd,
        const void *extra, size_t extra_len)
{
    struct peer *peer = arg;
    struct echo *echo = crq_calloc(1, sizeof(*echo));

    if (extra_len > 0 && write(fd, extra, extra_len) < 0)
        perror("http_peer");
    echo->upgrade = upgrade;
    ev_io_init(&echo->readable, on_echo, fd, EV_READ);
    echo->readable.data = echo;
    ev_io_start(peer->loop, &echo->readable);
}

static void send_file(struct http_request *request)
{
    FILE *file = tmpfile();

    fputs("twenty bytes in all\n", file);
    fflush(file);
    http_answer_file(request, 200, "text/plain", dup(fileno(file)), 20, NULL);
    fclose(file);
}

static void on_request(void *arg, struct http_request *request)
{
    struct peer *peer = arg;
    size_t count;
    const char *const *segments = http_segments(request, &count);

    if (strcmp(segments[0], "later") == 0) {
        struct later *later = crq_calloc(1, sizeof(*later));

        later->request = request;
        ev_timer_init(&later->timer, on_later,
                count > 1 ? strtod(segments[1], NULL) / 1e3 : 0.1, 0.);
        later->timer.data = later;
        ev_timer_start(peer->loop, &later->timer);
    } else if (strcmp(segments[0], "socket") == 0) {
        http_answer_upgrade(request, "echo", NULL, on_open, peer);
    } else if (strcmp(segments[0], "file") == 0) {
        send_file(request);
    } else {
        describe(request);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
    struct peer *peer = w->data;

    (void)loop;
    (void)revents;
    http_server_quiesce(peer->server);
    peer->stopping = true;
}

static void on_idle(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct peer *peer = w->data;

    (void)revents;
    if (peer->stopping && http_server_busy(peer->server) == 0)
        ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
    struct crq_log log = {
        .clock = &crq_clock_system, .name = "http_peer", .fd = STDERR_FILENO
    };
    struct peer peer = { .loop = ev_default_loop(0) };
    struct http_options options = { .address = "127.0.0.1:0",
        .log = &log,
        .on_request = on_request,
        .arg = &peer };
    ev_signal stop;
    crq_error err;

    if (argc != 5)
        return 64;
    options.body_max = (size_t)strtoul(argv[1], NULL, 10);
    options.idle_s = (unsigned)strtoul(argv[2], NULL, 10);
    options.connections_per_ip = (unsigned)strtoul(argv[3], NULL, 10);
    options.request_s = (unsigned)strtoul(argv[4], NULL, 10);
    log.level = CRQ_LOG_DEBUG;
    signal(SIGPIPE, SIG_IGN);
    if (http_server_new(peer.loop, &options, &peer.server, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%d\n", http_server_port(peer.server));
    fflush(stdout);
    ev_signal_init(&stop, on_signal, SIGTERM);
    ev_prepare_init(&peer.idle, on_idle);
    stop.data = peer.idle.data = &peer;
    ev_signal_start(peer.loop, &stop);
    ev_prepare_start(peer.loop, &peer.idle);
    ev_run(peer.loop, 0);
    http_server_free(peer.server);
    return 0;
}
