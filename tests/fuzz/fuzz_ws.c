/*
 * fuzz_ws.c - web/ws.c with whatever a client sends.
 *
 * Held true: a message is UTF-8 and not too large; what goes out are whole
 * frames, without a mask, one goodbye at most and nothing behind it; the end is
 * told once.
 */
#include "fuzz.h"

#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "web/ws.h"

struct peer {
    struct ws *ws;
    bool closed;
    int fd;
    struct crq_buf heard;
};

/* The upgrade is not libmicrohttpd's here. */
void http_upgrade_close(struct http_upgrade *upgrade)
{
    close(*(int *)(void *)upgrade);
}

static void on_message(void *arg, const char *text, size_t len)
{
    struct peer *peer = arg;

    fuzz_check(!peer->closed && len <= WS_MESSAGE_MAX);
    fuzz_check(crq_utf8_strict(text, len));
    ws_send(peer->ws, text, len < 200 ? len : 200);
}

static void on_closed(void *arg, bool slow)
{
    struct peer *peer = arg;

    (void)slow;
    fuzz_check(!peer->closed);
    peer->closed = true;
}

static void hear(struct peer *peer)
{
    char bytes[4096];
    ssize_t n = 1;

    while (n > 0) {
        n = recv(peer->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n > 0)
            crq_buf_put(&peer->heard, bytes, (size_t)n);
    }
}

/* What was sent to the client, as frames; the last one may be cut off. */
static void check_frames(const struct crq_buf *heard)
{
    const unsigned char *at = (const unsigned char *)heard->data;
    size_t left = heard->len, len;
    bool goodbye = false;

    while (left >= 2) {
        len = at[1] & 0x7f;
        fuzz_check(!goodbye);
        fuzz_check((at[0] & 0xf0) == 0x80 && (at[1] & 0x80) == 0);
        fuzz_check(len < 127);
        at += 2;
        left -= 2;
        goodbye = at[-2] == 0x88;
        if (len == 126) {
            if (left < 2)
                return;
            len = (size_t)at[0] << 8 | at[1];
            fuzz_check(len >= 126 && at[-2] == 0x81);
            at += 2;
            left -= 2;
        }
        if (len > left)
            return;
        at += len;
        left -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ws_handlers handlers = { on_message, on_closed };
    static struct ev_loop *loop;
    struct ws_budget budget = { 0 };
    struct peer peer = { .heard = CRQ_BUF_INIT };
    int pair[2];

    if (loop == NULL)
        loop = ev_loop_new(EVFLAG_AUTO);
    fuzz_check(loop != NULL);
    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    peer.fd = pair[1];
    peer.ws = ws_new(loop, &budget, (struct http_upgrade *)(void *)&pair[0],
            pair[0], data, size, &handlers, &peer);
    fuzz_check(peer.ws != NULL);
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            (void)shutdown(peer.fd, SHUT_WR);
        ev_run(loop, EVRUN_NOWAIT);
        hear(&peer);
    }
    if (!peer.closed)
        ws_free(peer.ws);
    fuzz_check(budget.queued == 0);
    check_frames(&peer.heard);
    crq_buf_fini(&peer.heard);
    close(peer.fd);
    return 0;
}
