/*
 * gateway.h - crq-web: what its parts share.
 *
 *     gateway.c  birth, whom a request is for, the end
 *     rest.c     the REST interface and the metrics, in processes of their own
 *     dashboard.c  pages for people, who signs in
 *     routes.c   requests that become jobs
 *     sockets.c  WebSockets
 *     files.c    files of applications
 *     jobs.c     jobs that somebody waits for
 *     feeds.c    streams and channels that many hear
 *     http.c     the server
 */
#ifndef CRQ_WEB_GATEWAY_H
#define CRQ_WEB_GATEWAY_H

#include <crq.h>
#include <ev.h>

#include "app/app.h"
#include "base/log.h"
#include "exec/notify.h"
#include "web/feeds.h"
#include "web/guard.h"
#include "web/http.h"
#include "web/jobs.h"
#include "web/options.h"
#include "web/origin.h"
#include "web/rate.h"
#include "web/session.h"
#include "web/tokens.h"

struct gateway {
    const struct options *options;
    struct crq_log *log;
    struct ev_loop *loop;
    struct crq_app *apps[APPS_MAX];
    size_t app_count;
    struct tokens *tokens; /* NULL: none */
    struct guard *guard;   /* of these */
    struct rate *rate;     /* NULL: no limit */
    struct sessions *sessions;
    struct origin_rules rules;
    struct jobs *jobs;
    struct feeds *feeds;
    struct sockets *sockets;
    struct rest *rest;
    struct http_server *server;
    int64_t redis_errors; /* that were met */
    bool stopping;
    ev_signal sigint, sigterm;
    ev_timer patience;
    ev_prepare idle;
    struct notify notify;
};

/** After how many seconds this address may ask for one thing more; 0: now, and
 *  that is counted. */
int gateway_wait_s(const struct gateway *g, const char *peer);

/** Until it is told to stop. Returns the exit status. */
int gateway_run(const struct options *options, struct crq_log *log);

#endif
