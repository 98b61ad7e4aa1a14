/*
 * http_slow.c - clients that take their time.
 *
 * libmicrohttpd closes what is silent; a client that sends a byte now and then
 * would hold its connection for ever. So a whole request has to arrive within
 * request_s, from the connection's begin or the end of the last answer: who is
 * waited for is in a list, longest first, and is hung up on when his time is
 * over. What libmicrohttpd owns stays its own: it finds the socket at its end.
 */
#include <sys/socket.h>

#include "base/mem.h"
#include "web/http_impl.h"

#define TICK_S 1.

void http_client_expect(struct http_client *client)
{
    struct http_server *server;

    if (client == NULL || client->link != NULL)
        return;
    server = client->server;
    client->since_us = crq_clock_mono_us(&crq_clock_system);
    client->next = NULL;
    client->link = server->last_client;
    *server->last_client = client;
    server->last_client = &client->next;
    if (!ev_is_active(&server->slow))
        ev_timer_again(server->loop, &server->slow);
}

void http_client_arrived(struct http_client *client)
{
    struct http_server *server;

    if (client == NULL || client->link == NULL)
        return;
    server = client->server;
    *client->link = client->next;
    if (client->next != NULL)
        client->next->link = client->link;
    else
        server->last_client = client->link;
    client->link = NULL;
    if (server->clients == NULL)
        ev_timer_stop(server->loop, &server->slow);
}

static void on_slow(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct http_server *server = timer->data;
    int64_t before_us = crq_clock_mono_us(&crq_clock_system) -
            (int64_t)server->request_s * 1000000;

    (void)loop;
    (void)revents;
    while (server->clients != NULL && server->clients->since_us <= before_us) {
        struct http_client *client = server->clients;

        http_client_arrived(client);
        (void)shutdown(client->fd, SHUT_RDWR);
    }
}

void http_clients_init(struct http_server *server)
{
    server->last_client = &server->clients;
    ev_init(&server->slow, on_slow);
    server->slow.repeat = TICK_S;
    server->slow.data = server;
}

/* Without memory for it a connection is bound by its silence only. */
void http_on_connection(void *arg, struct MHD_Connection *connection,
        void **slot, enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *info;
    struct http_client *client = *slot;
    struct http_server *server = arg;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        /* A library that had as many as it takes looks at those that wait when
         * it is run again, which nothing else may cause. */
        server->run = true;
        http_client_arrived(client);
        crq_free(client);
        *slot = NULL;
        return;
    }
    info = MHD_get_connection_info(connection,
            MHD_CONNECTION_INFO_CONNECTION_FD);
    client = info != NULL ? crq_calloc(1, sizeof(*client)) : NULL;
    *slot = client;
    if (client == NULL)
        return;
    client->server = server;
    client->fd = info->connect_fd;
    http_client_expect(client);
}

struct http_client *http_client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection,
            MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}
