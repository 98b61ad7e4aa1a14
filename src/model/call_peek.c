/*
 * call_peek.c - a job's function name from the first bytes of its data.
 *
 * The worker wants the name of every job before it runs, the arguments of
 * none: these may be megabytes. The name comes first in the data, behind a few
 * fixed bytes. Whatever does not look as RQ's serializers write it is left to
 * crq_payload_decode().
 */
#include "model/call.h"

#include <string.h>

#include "codec/value.h"
#include "codec/zip.h"

#define PEEK_BYTES 512 /* of the data, inflated: names are shorter */

/* Where the reading is, and the name once it is found. */
struct peek {
    const unsigned char *at, *end;
    const char *name;
    size_t len;
};

static bool take(struct peek *p, const char *bytes, size_t len)
{
    if ((size_t)(p->end - p->at) < len || memcmp(p->at, bytes, len) != 0)
        return false;
    p->at += len;
    return true;
}

static bool skip(struct peek *p, size_t len)
{
    if ((size_t)(p->end - p->at) < len)
        return false;
    p->at += len;
    return true;
}

/* A text behind its length of so many bytes, little end first. */
static bool counted(struct peek *p, size_t width)
{
    uint64_t len = 0;

    if ((size_t)(p->end - p->at) < width)
        return false;
    for (size_t i = width; i > 0; i--)
        len = len << 8 | p->at[i - 1];
    p->at += width;
    p->name = (const char *)p->at;
    p->len = (size_t)len;
    return len <= (size_t)(p->end - p->at);
}

/* The same, the big end first. */
static bool counted_big(struct peek *p, size_t width)
{
    uint64_t len = 0;

    if ((size_t)(p->end - p->at) < width)
        return false;
    for (size_t i = 0; i < width; i++)
        len = len << 8 | p->at[i];
    p->at += width;
    p->name = (const char *)p->at;
    p->len = (size_t)len;
    return len <= (size_t)(p->end - p->at);
}

/* A text up to `stop`, in which a backslash would mean something. */
static bool stopped(struct peek *p, char stop)
{
    const void *end = memchr(p->at, stop, (size_t)(p->end - p->at));

    if (end == NULL)
        return false;
    p->name = (const char *)p->at;
    p->len = (size_t)((const unsigned char *)end - p->at);
    return memchr(p->at, '\\', p->len) == NULL;
}

/* PROTO and FRAME, which old protocols lack, MARK of the tuple, the name. */
static bool in_pickle(struct peek *p)
{
    if (take(p, "\x80", 1) && !skip(p, 1))
        return false;
    if (take(p, "\x95", 1) && !skip(p, 8))
        return false;
    if (!take(p, "(", 1))
        return false;
    if (take(p, "\x8c", 1)) /* SHORT_BINUNICODE */
        return counted(p, 1);
    if (take(p, "X", 1)) /* BINUNICODE */
        return counted(p, 4);
    if (take(p, "\x8d", 1)) /* BINUNICODE8 */
        return counted(p, 8);
    if (!take(p, "V", 1) || !stopped(p, '\n')) /* UNICODE, Latin-1 */
        return false;
    for (size_t i = 0; i < p->len; i++)
        if ((unsigned char)p->name[i] > '~')
            return false;
    return true;
}

static void skip_blanks(struct peek *p)
{
    while (p->at < p->end && strchr(" \t\r\n", *p->at) != NULL &&
            *p->at != '\0')
        p->at++;
}

static bool in_json(struct peek *p)
{
    skip_blanks(p);
    if (!take(p, "[", 1))
        return false;
    skip_blanks(p);
    if (!take(p, "\"", 1) || !stopped(p, '"'))
        return false;
    for (size_t i = 0; i < p->len; i++)
        if ((unsigned char)p->name[i] < ' ')
            return false;
    return true;
}

/* An array of 4, in either form, and a text. */
static bool in_msgpack(struct peek *p)
{
    if (!take(p, "\x94", 1) && !take(p, "\xdc\0\x04", 3))
        return false;
    if (p->at < p->end && (*p->at & 0xe0) == 0xa0) {
        p->len = *p->at++ & 0x1f;
        p->name = (const char *)p->at;
        return p->len <= (size_t)(p->end - p->at);
    }
    if (take(p, "\xd9", 1))
        return counted_big(p, 1);
    return take(p, "\xda", 1) && counted_big(p, 2);
}

/* Whether it is a name at all: not empty, no NUL, UTF-8. */
static bool is_name(const struct peek *p)
{
    size_t bad;

    return p->len > 0 && memchr(p->name, '\0', p->len) == NULL &&
            crq_utf8_valid(p->name, p->len, &bad);
}

int crq_payload_func_peek(const void *data, size_t len, struct crq_buf *out,
        crq_error *err)
{
    static bool (*const readers[])(struct peek *) = { in_pickle, in_json,
        in_msgpack };
    unsigned char room[PEEK_BYTES];
    const unsigned char *bytes = room;
    struct crq_payload payload;
    size_t count = crq_zip_peek(data, len, room, sizeof(room));
    int rc;

    if (count == 0) { /* stored as it is */
        bytes = data;
        count = len < sizeof(room) ? len : sizeof(room);
    }
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        struct peek p = { bytes, bytes + count, NULL, 0 };

        if (readers[i](&p) && is_name(&p)) {
            crq_buf_put(out, p.name, p.len);
            return crq_buf_check(out, err);
        }
    }
    rc = crq_payload_decode(data, len, &payload, err);
    if (rc < 0)
        return rc;
    crq_buf_puts(out, payload.func);
    crq_payload_fini(&payload);
    return crq_buf_check(out, err);
}
