/* wire.c - frames over a socket, on libev. */
#include "exec/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"

#define READ_BYTES ((size_t)64 << 10)
#define KEPT_BYTES ((size_t)256 << 10)

static void end(struct crq_wire *wire, const char *why)
{
    if (wire->ended)
        return;
    wire->ended = true;
    ev_io_stop(wire->loop, &wire->readable);
    wire->on_end(wire->arg, why);
}

static void take_frames(struct crq_wire *wire)
{
    struct crq_frame frame;
    crq_error err;
    int rc = 0;

    while (!wire->ended) {
        rc = crq_frame_reader_next(&wire->reader, &frame, &err);
        if (rc <= 0)
            break;
        wire->on_frame(wire->arg, &frame);
        crq_frame_fini(&frame);
        assert(wire->fd >= 0);
    }
    if (rc < 0)
        end(wire, err.text);
}

/* False when there is nothing to read now, or ever again. */
static bool read_some(struct crq_wire *wire)
{
    char bytes[READ_BYTES];
    crq_error err;
    ssize_t n;

    n = recv(wire->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        end(wire, NULL);
        return false;
    }
    if (crq_frame_reader_feed(&wire->reader, bytes, (size_t)n, &err) < 0) {
        end(wire, err.text);
        return false;
    }
    take_frames(wire);
    return !wire->ended;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct crq_wire *wire = w->data;

    (void)loop;
    (void)revents;
    (void)read_some(wire);
}

void crq_wire_drain(struct crq_wire *wire)
{
    /* Bounded by what a socket holds: the peer is dead. */
    while (wire->fd >= 0 && !wire->ended && read_some(wire))
        ;
}

static void flush(struct crq_wire *wire)
{
    ssize_t n;

    while (wire->sent < wire->out.len) {
        n = send(wire->fd, wire->out.data + wire->sent,
                wire->out.len - wire->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            ev_io_start(wire->loop, &wire->writable);
            return;
        }
        if (n < 0)
            break; /* the peer is gone: reading tells */
        wire->sent += (size_t)n;
    }
    ev_io_stop(wire->loop, &wire->writable);
    wire->sent = 0;
    if (wire->out.cap > KEPT_BYTES) {
        crq_buf_fini(&wire->out);
        crq_buf_init(&wire->out, SIZE_MAX / 4);
    }
    crq_buf_clear(&wire->out);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    flush(w->data);
}

void crq_wire_open(struct crq_wire *wire, struct ev_loop *loop, int fd,
        size_t max, void *arg)
{
    wire->loop = loop;
    wire->fd = fd;
    wire->ended = false;
    wire->sent = 0;
    wire->max = max;
    wire->arg = arg;
    crq_frame_reader_init(&wire->reader, max);
    crq_buf_init(&wire->out, SIZE_MAX / 4);
    ev_io_init(&wire->readable, on_readable, fd, EV_READ);
    ev_io_init(&wire->writable, on_writable, fd, EV_WRITE);
    wire->readable.data = wire;
    wire->writable.data = wire;
    ev_io_start(loop, &wire->readable);
}

void crq_wire_close(struct crq_wire *wire)
{
    if (wire->fd < 0)
        return;
    ev_io_stop(wire->loop, &wire->readable);
    ev_io_stop(wire->loop, &wire->writable);
    close(wire->fd);
    wire->fd = -1;
    crq_frame_reader_fini(&wire->reader);
    crq_buf_fini(&wire->out);
}

int crq_wire_send(struct crq_wire *wire, const struct crq_frame *frame,
        crq_error *err)
{
    int rc = crq_frame_encode(frame, wire->max, &wire->out, err);

    if (rc == 0)
        flush(wire);
    return rc;
}

int crq_wire_send_bytes(struct crq_wire *wire, const void *bytes, size_t len,
        crq_error *err)
{
    if (crq_buf_put(&wire->out, bytes, len) < 0) {
        int rc = crq_buf_check(&wire->out, err);

        wire->out.rc = 0; /* what waits is whole: a put is all or nothing */
        return rc;
    }
    flush(wire);
    return 0;
}

int crq_wire_send_fd(struct crq_wire *wire, const struct crq_frame *frame,
        int fd, crq_error *err)
{
    struct crq_buf bytes = CRQ_BUF_INIT;
    char space[CMSG_SPACE(sizeof(int))];
    struct msghdr msg;
    struct iovec iov;
    struct cmsghdr *c;
    int rc;

    if (wire->out.len > 0)
        return crq_fail(err, CRQ_ESTATE, "the server is busy");
    rc = crq_frame_encode(frame, wire->max, &bytes, err);
    if (rc < 0)
        goto out;
    memset(&msg, 0, sizeof(msg));
    memset(space, 0, sizeof(space));
    iov = (struct iovec){ bytes.data, bytes.len };
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = space;
    msg.msg_controllen = sizeof(space);
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    /* A stream socket takes so few bytes whole or not at all. */
    if (sendmsg(wire->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        rc = crq_fail(err, CRQ_ESTATE, "the server: %s", strerror(errno));
out:
    crq_buf_fini(&bytes);
    return rc;
}
