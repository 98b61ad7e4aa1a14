/*
 * stream.c - moving commands and replies.
 *
 * Commands are put into `out` in the form they have on the wire; replies are
 * read by hiredis's reader.
 *
 * Kept true here:
 *  - Whoever writes also reads. A client that only writes makes Redis keep all
 *    replies in its memory, and two sides that only write wait for each other.
 *  - The reader gets small pieces: it moves what it has not yet used to the
 *    front after each KiB, which is quadratic when megabytes are waiting.
 *  - Timeouts count silence. A large reply on a slow link may take as long as
 *    it likes while bytes keep coming.
 */
#include "redis/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/error.h"

#define CHUNK ((size_t)16 * 1024) /* for reads and the reader */
#define FULL  ((size_t)64 * 1024) /* unsent bytes that go out */
#define KEPT  ((size_t)1 << 20)   /* memory an idle buffer keeps */

void crq_stream_init(struct crq_stream *stream, const char *address)
{
    *stream =
            (struct crq_stream){ .address = address, .link = CRQ_LINK_CLOSED };
    crq_buf_init(&stream->out, SIZE_MAX / 2);
    crq_buf_init(&stream->in, SIZE_MAX / 2);
}

void crq_stream_fini(struct crq_stream *stream)
{
    crq_stream_close(stream);
    crq_buf_fini(&stream->out);
    crq_buf_fini(&stream->in);
}

void crq_stream_close(struct crq_stream *stream)
{
    crq_link_close(&stream->link);
    if (stream->reader != NULL)
        redisReaderFree(stream->reader);
    stream->reader = NULL;
    crq_buf_clear(&stream->out);
    crq_buf_clear(&stream->in);
    stream->sent = stream->fed = 0;
}

/* The link is of no more use. What has been read from it still is, so the
 * reader and `in` stay until the replies in them have been taken. */
static int break_link(struct crq_stream *stream, int code)
{
    crq_link_close(&stream->link);
    crq_buf_clear(&stream->out);
    stream->sent = 0;
    return code;
}

static int broke(struct crq_stream *stream)
{
    char text[128];
    int number = errno;

    if (number == 0)
        crq_fail(&stream->failure, CRQ_ELOST,
                "Redis at %s closed the connection before it replied",
                stream->address);
    else
        crq_fail(&stream->failure, CRQ_ELOST,
                "the connection to Redis at %s broke before the reply: %s",
                stream->address, strerror_r(number, text, sizeof(text)));
    return break_link(stream, CRQ_ELOST);
}

static int no_memory(struct crq_stream *stream)
{
    crq_fail_nomem(&stream->failure);
    return break_link(stream, CRQ_ENOMEM);
}

/* read_some() and write_some() return 1 when bytes moved, 0 when none could,
 * or the failure. */
static int read_some(struct crq_stream *stream)
{
    char *room = crq_buf_room(&stream->in, CHUNK);
    ssize_t n;

    if (room == NULL)
        return no_memory(stream);
    n = crq_link_read(&stream->link, room, CHUNK);
    if (n < 0)
        return broke(stream);
    stream->in.len += (size_t)n;
    return n > 0;
}

/* Make room in `out`, without moving any byte more than about once. */
static void forget_sent(struct crq_stream *stream)
{
    size_t left = stream->out.len - stream->sent;

    if (left == 0 && stream->out.cap > KEPT)
        crq_buf_fini(&stream->out);
    if (left > 0 && (stream->sent < FULL || left > stream->sent))
        return;
    if (left > 0)
        memmove(stream->out.data, stream->out.data + stream->sent, left);
    stream->out.len = left;
    stream->sent = 0;
}

static int write_some(struct crq_stream *stream)
{
    ssize_t n = crq_link_write(&stream->link, stream->out.data + stream->sent,
            stream->out.len - stream->sent);

    if (n < 0) {
        int number = errno;

        /* What the server said before it went may be here still. */
        while (read_some(stream) > 0)
            continue;
        errno = number;
        return stream->failure.code != 0 ? stream->failure.code : broke(stream);
    }
    stream->sent += (size_t)n;
    forget_sent(stream);
    return n > 0;
}

static bool has_unsent(const struct crq_stream *stream)
{
    return stream->sent < stream->out.len;
}

/* Move bytes in whichever direction they go; wait at most wait_ms for that. */
static int pump(struct crq_stream *stream, int64_t wait_ms)
{
    int64_t deadline_us = crq_clock_mono_us(&crq_clock_system) + wait_ms * 1000;
    /* At first only the writing is tried: a reply to a command that is still
     * here can't have come. With a full buffer it can, from earlier ones. */
    int ready =
            stream->out.len - stream->sent >= FULL ? POLLIN | POLLOUT : POLLOUT;

    for (;;) {
        int moved = 0, rc;

        if (has_unsent(stream) && (ready & POLLOUT)) {
            rc = write_some(stream);
            if (rc < 0)
                return rc;
            moved |= rc;
        }
        if (ready & POLLIN) {
            rc = read_some(stream);
            if (rc < 0)
                return rc;
            moved |= rc;
        }
        if (moved)
            return 0;
        ready = crq_link_wait(&stream->link,
                has_unsent(stream) ? POLLIN | POLLOUT : POLLIN, deadline_us);
        if (ready == 0) {
            crq_fail(&stream->failure, CRQ_ETIMEOUT,
                    "no reply from Redis at %s within %lld ms", stream->address,
                    (long long)wait_ms);
            return break_link(stream, CRQ_ETIMEOUT);
        }
    }
}

/* The next reply among the bytes that are here: 1, 0 when there is none. */
static int parse(struct crq_stream *stream, void **out)
{
    for (;;) {
        size_t left = stream->in.len - stream->fed;

        *out = NULL;
        if (redisReaderGetReply(stream->reader, out) != REDIS_OK)
            break;
        if (*out != NULL)
            return 1;
        if (left == 0)
            return 0;
        left = left < CHUNK ? left : CHUNK;
        if (redisReaderFeed(stream->reader, stream->in.data + stream->fed,
                    left) != REDIS_OK)
            break;
        stream->fed += left;
        if (stream->fed == stream->in.len) {
            if (stream->in.cap > KEPT)
                crq_buf_fini(&stream->in);
            crq_buf_clear(&stream->in);
            stream->fed = 0;
        }
    }
    if (stream->reader->err == REDIS_ERR_OOM)
        return no_memory(stream);
    crq_fail(&stream->failure, CRQ_ELOST,
            "what came from Redis at %s is not its protocol: %s",
            stream->address, stream->reader->errstr);
    return break_link(stream, CRQ_ELOST);
}

int crq_stream_next(struct crq_stream *stream, int64_t wait_ms, crq_reply **out)
{
    void *reply;
    int rc;

    for (;;) {
        rc = parse(stream, &reply);
        if (rc == 0 && stream->failure.code != 0)
            rc = stream->failure.code;
        if (rc != 0)
            break;
        /* A failure shows in the next round, behind the replies read. */
        (void)pump(stream, wait_ms);
    }
    if (rc < 0)
        return rc;
    *out = reply;
    return 0;
}

int crq_stream_open(struct crq_stream *stream, const struct crq_url *url,
        int64_t deadline_us, crq_error *err)
{
    crq_stream_close(stream);
    stream->failure = (crq_error){ 0, "" };
    stream->reader = redisReaderCreate();
    if (stream->reader == NULL)
        return crq_fail_nomem(err);
    return crq_link_open(&stream->link, url, stream->address, deadline_us, err);
}

bool crq_stream_is_good(const struct crq_stream *stream)
{
    return stream->link.fd >= 0 && stream->fed == stream->in.len &&
            stream->reader->pos == stream->reader->len &&
            !crq_link_is_stale(&stream->link);
}

int crq_stream_put(struct crq_stream *stream, const struct crq_args *head,
        const struct crq_args *args, crq_error *err)
{
    int rc;

    if (stream->failure.code != 0)
        return 0;
    if (crq_args_encode(head, args, &stream->out) == 0)
        return 0;
    rc = crq_buf_check(&stream->out, err);
    stream->out.rc = 0; /* the commands before this one are whole */
    return rc;
}

void crq_stream_drain(struct crq_stream *stream, int64_t wait_ms)
{
    while (stream->failure.code == 0 && stream->out.len - stream->sent >= FULL)
        (void)pump(stream, wait_ms);
}
