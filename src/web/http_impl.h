/* http_impl.h - what http.c (the server) and http_request.c share. */
#ifndef CRQ_WEB_HTTP_IMPL_H
#define CRQ_WEB_HTTP_IMPL_H

#include <ev.h>
#include <microhttpd.h>

#include "web/http.h"

/* A connection, as far as it keeps us waiting. */
struct http_client {
    struct http_server *server;
    struct http_client *next, **link; /* link NULL: a request of it is there */
    int64_t since_us;                 /* on the monotonic clock */
    int fd;                           /* libmicrohttpd's */
};

struct http_pair {
    char *name, *value;
};

enum http_state {
    HTTP_READING,  /* the body is on its way */
    HTTP_ASKED,    /* the handler has it */
    HTTP_ANSWERED, /* there is a response, which is yet to be queued */
    HTTP_QUEUED    /* libmicrohttpd has it */
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_client *client;        /* NULL: unknown */
    struct http_request *next, **link; /* of the server's list */
    int64_t begun_us;                  /* on the monotonic clock */
    enum http_state state;
    bool suspended;
    char *method, *path;
    char *segments_text;
    const char *segments[HTTP_SEGMENTS_MAX];
    size_t segment_count;
    struct http_pair *query;
    size_t query_count;
    struct crq_buf body;
    size_t surplus; /* bytes beyond what is kept of it */
    char peer[64];
    void *data;
    int status;
    struct MHD_Response *response;
    void (*on_open)(void *arg, struct http_upgrade *upgrade, int fd,
            const void *extra, size_t extra_len);
    void *on_open_arg;
    bool opened; /* on_open was called */
};

struct http_upgrade {
    struct http_server *server;
    struct http_upgrade *next, **link;
    struct MHD_UpgradeResponseHandle *handle;
};

struct http_server {
    struct ev_loop *loop;
    struct MHD_Daemon *daemon;
    const struct crq_log *log;
    ev_io readable;
    ev_timer timer, slow;
    ev_prepare prepare;
    bool run; /* something was answered since libmicrohttpd ran */
    bool quiet;
    int port;
    unsigned request_s;
    size_t body_max, busy;
    int64_t answers[6];
    struct http_request *requests;
    struct http_upgrade *upgrades;
    /* Whose next request has not come yet, longest first. */
    struct http_client *clients, **last_client;
    void (*on_request)(void *arg, struct http_request *request);
    void *arg;
};

/** What is wrong with the head of a request: a status and a sentence. */
struct http_refusal {
    int status;
    const char *why;
};

/* http_request.c */

/** Fill in what the head says. False: *out_refusal says why not; out of
 *  memory is 503. */
bool http_request_read_head(struct http_request *request, const char *path,
        struct http_refusal *out_refusal);
void http_request_free(struct http_request *request);

/* http_answer.c */

/** 503, without a word. */
void http_answer_nothing(struct http_request *request);

/* http_slow.c */

void http_clients_init(struct http_server *server);
void http_on_connection(void *arg, struct MHD_Connection *connection,
        void **slot, enum MHD_ConnectionNotificationCode what);
struct http_client *http_client_of(struct MHD_Connection *connection);
/** Its next request is waited for / has come, or is not wanted. */
void http_client_expect(struct http_client *client);
void http_client_arrived(struct http_client *client);

/* http_listen.c */

int http_listen(const char *address, int *out, crq_error *err);
int http_port_of(int fd);

#endif
