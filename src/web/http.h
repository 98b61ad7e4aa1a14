/*
 * http.h - HTTP on the event loop: requests come in whole, answers go out now
 * or later.
 *
 * Hides libmicrohttpd. It knows nothing of jobs. Limits that are kept here,
 * before any handler is asked: size of head and body, connections in all and
 * from one address, idle time, the time that a request takes to come, and
 * whatever makes two readers of one request
 * see two different requests (two lengths, a length beside an encoding).
 */
#ifndef CRQ_WEB_HTTP_H
#define CRQ_WEB_HTTP_H

#include <crq.h>

#include "base/buf.h"
#include "base/log.h"

struct ev_loop;
struct http_server;
struct http_request;

#define HTTP_SEGMENTS_MAX 33

struct http_options {
    const char *address;      /* "127.0.0.1:8080", "[::1]:8080", port 0: any */
    size_t body_max;          /* 0: 1 MiB */
    unsigned connections_max; /* 0: 10000 */
    unsigned connections_per_ip; /* 0: no limit */
    unsigned idle_s;             /* 0: 30 */
    unsigned request_s; /* in which a whole request has to come; 0: 60 */
    const char *cert_pem, *key_pem; /* TLS: texts; NULL: none */
    const struct crq_log *log;
    /* A request is complete. Answer it, in here or later, exactly once. It
     * lives until then. */
    void (*on_request)(void *arg, struct http_request *request);
    void *arg;
};

/** CRQ_EINVAL unless it has the form "host:port". */
int http_address_check(const char *address, crq_error *err) CRQ_MUST_CHECK;

/** Listen. CRQ_EINVAL: the address; CRQ_EIO: it is taken, TLS; CRQ_ENOMEM. */
int http_server_new(struct ev_loop *loop, const struct http_options *options,
        struct http_server **out, crq_error *err) CRQ_MUST_CHECK;

/** No new connections; those that are answered get their answer first. */
void http_server_quiesce(struct http_server *server);
/** Requests without an answer, and sockets. */
size_t http_server_busy(const struct http_server *server);
/** Unanswered requests are dropped. Not from a callback. */
void http_server_free(struct http_server *server);

struct http_stats {
    int64_t connections; /* now */
    int64_t answers[6];  /* by the first digit; 0: the client left before */
};

void http_server_stats(const struct http_server *server,
        struct http_stats *out);

/** The port it listens at. */
int http_server_port(const struct http_server *server);

/* ----------------------------------------------------------------- requests */

const char *http_method(const struct http_request *request);
/** As it came, for logs; without the query. */
const char *http_path(const struct http_request *request);
/** The path split at its slashes, then without percent-escapes; valid UTF-8.
 *  "/" is one empty segment. */
const char *const *http_segments(const struct http_request *request,
        size_t *out_count);
/** Parameter i of the query as it came, without percent-escapes; false behind
 *  the last one. */
bool http_query_at(const struct http_request *request, size_t i,
        const char **out_name, const char **out_value);
/** The first of that name, without percent-escapes and '+'; or NULL. */
const char *http_query(const struct http_request *request, const char *name);
/** Any case; or NULL. */
const char *http_header(const struct http_request *request, const char *name);
const char *http_body(const struct http_request *request, size_t *out_len);
/** The client's address, "127.0.0.1". */
const char *http_peer(const struct http_request *request);
/** The request may belong to whoever answers it. */
void http_set_data(struct http_request *request, void *data);
void *http_data(const struct http_request *request);

/* ------------------------------------------------------------------ answers */

struct http_field {
    const char *name, *value;
};

/** An answer; the body is copied. `fields` ends with a NULL name; may be NULL.
 *  Content-Length and the headers that every answer has are added. */
void http_answer(struct http_request *request, int status, const char *type,
        const void *body, size_t len, const struct http_field *fields);

/** A file, from its start; the descriptor is taken over. */
void http_answer_file(struct http_request *request, int status,
        const char *type, int fd, uint64_t size,
        const struct http_field *fields);

/**
 * 101: the connection leaves HTTP. `on_open` gets the descriptor, non-blocking,
 * with what came in behind the request; it is closed by http_upgrade_close()
 * only. It is called in each case: with `upgrade` NULL when nothing came of
 * it. Not with TLS: there libmicrohttpd passes bytes through a socket pair,
 * and the descriptor is an end of that.
 */
struct http_upgrade;
void http_answer_upgrade(struct http_request *request, const char *protocol,
        const struct http_field *fields,
        void (*on_open)(void *arg, struct http_upgrade *upgrade, int fd,
                const void *extra, size_t extra_len),
        void *arg);
void http_upgrade_close(struct http_upgrade *upgrade);

#endif
