/*
 * main.c - crq-courier: sends the webhooks of a crq-worker.
 *
 *     worker ── HOOK ──▶ courier ── request ──▶ the world
 *            ◀── SENT ──         ◀── answer ──
 *
 * Each HOOK is answered by one SENT, in any order. The socket is descriptor 3;
 * at its end, however that comes, the courier goes at once: what is on its way
 * then is of nobody's interest any more. It knows no Redis and no job.
 */
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "courier/send.h"
#include "exec/wire.h"

#define SOCKET_FD   3
#define RUNNING_MAX 16
#define WAITING_MAX 2000

/* A HOOK that waits for its turn; the texts stand behind it. */
struct waiting {
    struct waiting *next;
    struct request request;
};

struct courier {
    struct crq_wire wire;
    struct sender *sender;
    struct waiting *first, **last;
    size_t count;
};

static void tell(struct courier *courier, int64_t number, const char *problem)
{
    struct crq_frame frame = {
        .type = CRQ_FRAME_SENT, .hook = number, .text = crq_span_of(problem)
    };

    if (crq_wire_send(&courier->wire, &frame, NULL) < 0)
        _exit(EXIT_FAILURE); /* no memory: the worker starts another one */
}

static void begin(struct courier *courier, const struct request *request)
{
    if (!sender_send(courier->sender, request))
        tell(courier, request->number, "out of memory");
}

static void begin_waiting(struct courier *courier)
{
    while (courier->first != NULL &&
            sender_running(courier->sender) < RUNNING_MAX) {
        struct waiting *waiting = courier->first;

        courier->first = waiting->next;
        if (courier->first == NULL)
            courier->last = &courier->first;
        courier->count--;
        begin(courier, &waiting->request);
        crq_free(waiting);
    }
}

static void on_done(void *arg, int64_t number, const char *problem)
{
    tell(arg, number, problem);
    begin_waiting(arg);
}

/* Copy what is borrowed into one piece behind it. */
static struct waiting *waiting_new(const struct request *request)
{
    size_t url = strlen(request->url) + 1;
    size_t headers = strlen(request->headers) + 1;
    struct waiting *waiting =
            crq_calloc(1, sizeof(*waiting) + url + headers + request->body_len);
    char *at;

    if (waiting == NULL)
        return NULL;
    at = (char *)(waiting + 1);
    waiting->request = *request;
    waiting->request.url = memcpy(at, request->url, url);
    waiting->request.headers = memcpy(at + url, request->headers, headers);
    if (request->body != NULL)
        waiting->request.body =
                memcpy(at + url + headers, request->body, request->body_len);
    return waiting;
}

static void on_frame(void *arg, struct crq_frame *frame)
{
    struct courier *courier = arg;
    struct request request = { .number = frame->hook,
        .url = frame->url.data,
        .headers = frame->headers.data,
        .body = frame->data.data,
        .body_len = frame->data.len,
        .timeout_s = frame->timeout_s };
    struct waiting *waiting;

    if (frame->type != CRQ_FRAME_HOOK)
        _exit(EXIT_FAILURE);
    if (courier->count == 0 && sender_running(courier->sender) < RUNNING_MAX) {
        begin(courier, &request);
        return;
    }
    waiting = courier->count < WAITING_MAX ? waiting_new(&request) : NULL;
    if (waiting == NULL) {
        tell(courier, frame->hook, "too many wait already");
        return;
    }
    *courier->last = waiting;
    courier->last = &waiting->next;
    courier->count++;
}

static void on_end(void *arg, const char *why)
{
    (void)arg;
    _exit(why == NULL ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int refuse(void)
{
    fprintf(stderr,
            "crq-courier is started by crq-worker, with a socket to it as "
            "descriptor %d\n",
            SOCKET_FD);
    return 64;
}

int main(int argc, char **argv)
{
    bool allow_private =
            argc == 2 && strcmp(argv[1], "--webhook-allow-private") == 0;
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct courier courier = { .wire = { .fd = -1 } };
    int flags = fcntl(SOCKET_FD, F_GETFL);

    if (flags < 0 || argc > 2 || (argc == 2 && !allow_private))
        return refuse();
    /* These are for the worker, which ends us when it ends. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    courier.last = &courier.first;
    courier.sender = sender_new(loop, allow_private, on_done, &courier);
    if (courier.sender == NULL)
        return EXIT_FAILURE;
    fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
    crq_wire_open(&courier.wire, loop, SOCKET_FD, CRQ_FRAME_MAX, &courier);
    courier.wire.on_frame = on_frame;
    courier.wire.on_end = on_end;
    ev_run(loop, 0);
    return EXIT_SUCCESS;
}
