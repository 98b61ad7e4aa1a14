/*
 * zip.c - zlib, as RQ wraps what it stores.
 *
 * Texts up to CRQ_ZIP_SHORT bytes have a short cut, zip_short.c. Others are
 * mostly a few hundred bytes, and setting up a compressor for 32 KB of
 * history costs more than compressing them. The window and the tables are
 * made just large enough for the input, so that what comes out has the size
 * that the default settings give; every zlib reads it.
 */
#include "codec/zip.h"

#include <limits.h>
#include <zlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/zip_short.h"

/* zlib cannot look further back than its window without this many bytes. */
#define LOOKAHEAD 262

static void *z_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return crq_reallocarray(NULL, count, size);
}

static void z_free(void *opaque, void *p)
{
    (void)opaque;
    crq_free(p);
}

static void take_input(z_stream *z, const void *bytes, size_t len)
{
    union {
        const void *in;
        Bytef *next;
    } borrowed = { bytes };

    /* zlib reads its input only; without const for compilers of 1995. */
    z->next_in = borrowed.next;
    z->avail_in = (uInt)len;
}

static int start_deflate(z_stream *z, size_t len)
{
    int window_bits = 9, mem_level = 1;

    while (window_bits < MAX_WBITS &&
            ((size_t)1 << window_bits) < len + LOOKAHEAD)
        window_bits++;
    /* A block of symbols holds 2^(level + 6): one block for a small input. */
    while (mem_level < 8 && ((size_t)64 << mem_level) <= len)
        mem_level++;
    return deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits,
            mem_level, Z_DEFAULT_STRATEGY);
}

static int deflate_short(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err)
{
    char *room = crq_buf_room(out, CRQ_ZIP_SHORT_ROOM(len));

    if (room == NULL)
        return crq_buf_check(out, err);
    out->len += crq_zip_short(bytes, len, (uint8_t *)room);
    out->data[out->len] = '\0';
    return 0;
}

int crq_zip_deflate(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err)
{
    z_stream z = { .zalloc = z_alloc, .zfree = z_free };
    size_t bound;
    char *room;
    int rc;

    if (len <= CRQ_ZIP_SHORT)
        return deflate_short(bytes, len, out, err);
    if (len > CRQ_BUF_MAX)
        return crq_fail(err, CRQ_ELIMIT, "%zu bytes to compress", len);
    if (start_deflate(&z, len) != Z_OK)
        return crq_fail_nomem(err);
    bound = deflateBound(&z, (uLong)len);
    room = crq_buf_room(out, bound);
    if (room == NULL) {
        deflateEnd(&z);
        return crq_buf_check(out, err);
    }
    take_input(&z, bytes, len);
    z.next_out = (Bytef *)room;
    z.avail_out = (uInt)bound;
    rc = deflate(&z, Z_FINISH);
    out->len += bound - z.avail_out;
    out->data[out->len] = '\0';
    deflateEnd(&z);
    /* With room for the bound there is no other end. */
    return rc == Z_STREAM_END
            ? 0
            : crq_fail(err, CRQ_ENOMEM, "zlib failed with %d", rc);
}

/* ---- inflate ---- */

/* How much more room to offer: at first for text of usual density, later as
 * much again as there is, and at the cap one byte that must stay empty. */
static size_t next_room(const struct crq_buf *out, size_t start, size_t len)
{
    size_t left = out->max - out->len, want = out->len - start;

    if (want == 0)
        want = len < 64 ? 256 : len * 4;
    return want < left ? want : left;
}

static int unzip_error(const z_stream *z, int rc, crq_error *err)
{
    switch (rc) {
    case Z_MEM_ERROR: return crq_fail_nomem(err);
    case Z_NEED_DICT:
        return crq_fail(err, CRQ_ECODEC, "zlib data with a preset dictionary");
    case Z_BUF_ERROR:
        return crq_fail(err, CRQ_ECODEC,
                "the zlib data is cut short after %lu bytes", z->total_in);
    default:
        return crq_fail(err, CRQ_ECODEC, "not zlib data: %s",
                z->msg != NULL ? z->msg : "unknown error");
    }
}

/* One step: Z_OK while there is more to come. */
static int step(z_stream *z, struct crq_buf *out, size_t start, size_t len,
        bool *full)
{
    size_t n = next_room(out, start, len);
    Bytef spill;
    char *room;
    int rc;

    *full = false;
    if (n == 0) { /* at the cap: only the end may come now */
        z->next_out = &spill;
        z->avail_out = 1;
        rc = inflate(z, Z_NO_FLUSH);
        *full = z->avail_out == 0;
        return rc;
    }
    room = crq_buf_room(out, n);
    if (room == NULL)
        return Z_MEM_ERROR;
    z->next_out = (Bytef *)room;
    z->avail_out = (uInt)n;
    rc = inflate(z, Z_NO_FLUSH);
    out->len += n - z->avail_out;
    out->data[out->len] = '\0';
    return rc;
}

int crq_zip_inflate(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err)
{
    z_stream z = { .zalloc = z_alloc, .zfree = z_free };
    size_t start = out->len;
    bool full = false;
    int rc;

    if (len > CRQ_BUF_MAX)
        return crq_fail(err, CRQ_ELIMIT, "%zu bytes of zlib data", len);
    if (out->rc < 0)
        return crq_buf_check(out, err);
    if (inflateInit(&z) != Z_OK)
        return crq_fail_nomem(err);
    take_input(&z, bytes, len);
    do
        rc = step(&z, out, start, len, &full);
    while (rc == Z_OK && !full);
    if (full)
        rc = crq_fail(err, CRQ_ELIMIT,
                "the zlib data holds more than %zu bytes", out->max - start);
    else if (rc != Z_STREAM_END)
        rc = unzip_error(&z, rc, err);
    else if (z.avail_in > 0)
        rc = crq_fail(err, CRQ_ECODEC, "%u bytes behind the zlib data",
                z.avail_in);
    else
        rc = 0;
    inflateEnd(&z);
    if (rc < 0)
        crq_buf_cut(out, start);
    return rc;
}

size_t crq_zip_peek(const void *bytes, size_t len, void *out, size_t cap)
{
    z_stream z = { .zalloc = z_alloc, .zfree = z_free };
    int rc;

    if (len > CRQ_BUF_MAX || inflateInit(&z) != Z_OK)
        return 0;
    take_input(&z, bytes, len);
    z.next_out = out;
    z.avail_out = (uInt)cap;
    rc = inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return rc == Z_OK || rc == Z_STREAM_END ? cap - z.avail_out : 0;
}
