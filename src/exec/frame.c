/*
 * frame.c - messages as msgpack arrays behind their length.
 *
 * One table holds every message. To add one: a number in frame.h, a row of
 * fields and a row of the table here, and its paragraph in crq-horse(7); the
 * tests take it from the table.
 *
 * Kept true here:
 *  - msgpack's unpacker reserves what a count promises, and five bytes can
 *    promise gigabytes. So check() walks over the bytes first: every element
 *    needs a byte at least, which bounds what the unpacker may reserve by what
 *    really came.
 *  - A text ends in '\0' although msgpack's does not: when everything is
 *    decoded, the byte behind it, which was the head of the next field, is of
 *    no more use and is overwritten. So a text is never the last field.
 *  - What waits in a reader grows with the bytes that came, not with the
 *    length that was promised.
 */
#include "exec/frame.h"

#include <limits.h>
#include <msgpack.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define DEPTH_MAX  8
#define HEAD_BYTES 4

#define FIELD(member, kind)                                                    \
    {                                                                          \
#member, CRQ_FIELD_##kind, offsetof(struct crq_frame, member)          \
    }

static const struct crq_frame_field setup[] = {
    FIELD(protocol, INT), FIELD(text, BYTES_OR_NIL), /* the Redis URL */
};
static const struct crq_frame_field load[] = { FIELD(text, BYTES) };
static const struct crq_frame_field spawn[] = {
    FIELD(slot, INT),
    FIELD(memory_mib, INT),
    FIELD(cpu_s, INT),
};
static const struct crq_frame_field killing[] = {
    FIELD(slot, INT),
    FIELD(signal, INT),
};
static const struct crq_frame_field sweep[] = { FIELD(slot, INT) };
static const struct crq_frame_field protocol_only[] = { FIELD(protocol, INT) };
static const struct crq_frame_field task[] = {
    FIELD(text, TEXT),
    FIELD(params, TEXT),
    FIELD(timeout_s, INT),
    FIELD(memory_mib, INT),
    FIELD(cpu_s, INT),
    FIELD(resumable, BOOL),
    FIELD(callback, BOOL),
};
static const struct crq_frame_field loaded[] = { FIELD(count, INT) };
static const struct crq_frame_field text_only[] = { FIELD(text, BYTES) };
static const struct crq_frame_field exited[] = {
    FIELD(slot, INT),
    FIELD(pid, INT),
    FIELD(wait_status, INT),
    FIELD(user_us, INT),
    FIELD(system_us, INT),
    FIELD(peak_kib, INT),
    FIELD(oom, BOOL),
    FIELD(runs, INT),
    FIELD(output, BYTES),
    FIELD(backtrace, BYTES),
    FIELD(text, BYTES),
};
static const struct crq_frame_field run[] = {
    FIELD(job_id, TEXT),
    FIELD(execution_id, TEXT),
    FIELD(queue, TEXT),
    FIELD(worker, TEXT),
    FIELD(timeout_s, INT),
    FIELD(retries_left, INT),
    FIELD(data, BYTES),
    FIELD(meta, BYTES_OR_NIL),
    FIELD(on_success, TEXT),
    FIELD(success_timeout_s, INT),
    FIELD(on_failure, TEXT),
    FIELD(failure_timeout_s, INT),
    FIELD(serializer, INT),
};
static const struct crq_frame_field call_back[] = {
    FIELD(job_id, TEXT),
    FIELD(execution_id, TEXT),
    FIELD(queue, TEXT),
    FIELD(worker, TEXT),
    FIELD(timeout_s, INT),
    FIELD(retries_left, INT),
    FIELD(data, BYTES),
    FIELD(event, INT),
    FIELD(function, TEXT),
    FIELD(error_class, TEXT),
    FIELD(error_message, TEXT),
    FIELD(text, TEXT),
    FIELD(meta, BYTES_OR_NIL),
    FIELD(serializer, INT),
};
static const struct crq_frame_field callback[] = {
    FIELD(event, INT),
    FIELD(text, BYTES),
};
static const struct crq_frame_field ready[] = {
    FIELD(protocol, INT),
    FIELD(pid, INT),
};
static const struct crq_frame_field done[] = {
    FIELD(peak_kib, INT),
    FIELD(serializer, INT),
    FIELD(value, BYTES_OR_NIL),
};
static const struct crq_frame_field failed[] = {
    FIELD(peak_kib, INT),
    FIELD(serializer, INT),
    FIELD(error_class, BYTES),
    FIELD(error_message, BYTES),
    FIELD(text, BYTES),
};
static const struct crq_frame_field retry[] = {
    FIELD(peak_kib, INT),
    FIELD(serializer, INT),
    FIELD(value, BYTES_OR_NIL),
    FIELD(retry_max, INT),
    FIELD(intervals_s, INTS),
};
static const struct crq_frame_field hook[] = {
    FIELD(hook, INT),
    FIELD(url, TEXT),
    FIELD(headers, TEXT),
    FIELD(timeout_s, INT),
    FIELD(data, BYTES_OR_NIL),
};
static const struct crq_frame_field sent[] = {
    FIELD(hook, INT),
    FIELD(text, BYTES),
};

#define MESSAGE(type, fields)                                                  \
    {                                                                          \
        CRQ_FRAME_##type, #type, fields, sizeof(fields) / sizeof((fields)[0])  \
    }

const struct crq_frame_message crq_frame_messages[] = {
    MESSAGE(SETUP, setup),
    MESSAGE(LOAD, load),
    { CRQ_FRAME_START, "START", NULL, 0 },
    MESSAGE(SPAWN, spawn),
    MESSAGE(KILL, killing),
    MESSAGE(SWEEP, sweep),
    MESSAGE(HELLO, protocol_only),
    MESSAGE(TASK, task),
    MESSAGE(LOADED, loaded),
    MESSAGE(REFUSED, text_only),
    MESSAGE(EXITED, exited),
    MESSAGE(RUN, run),
    { CRQ_FRAME_STOP_SOON, "STOP_SOON", NULL, 0 },
    MESSAGE(CALL_BACK, call_back),
    MESSAGE(READY, ready),
    MESSAGE(LOG, text_only),
    MESSAGE(DONE, done),
    MESSAGE(FAILED, failed),
    MESSAGE(RETRY, retry),
    MESSAGE(CALLBACK, callback),
    MESSAGE(HOOK, hook),
    MESSAGE(SENT, sent),
};

const size_t crq_frame_message_count =
        sizeof(crq_frame_messages) / sizeof(crq_frame_messages[0]);

static const struct crq_frame_message *find(int64_t type)
{
    size_t i;

    for (i = 0; i < crq_frame_message_count; i++)
        if ((int64_t)crq_frame_messages[i].type == type)
            return &crq_frame_messages[i];
    return NULL;
}

struct crq_span crq_span_of(const char *text)
{
    if (text == NULL)
        text = "";
    return (struct crq_span){ text, strlen(text) };
}

const char *crq_frame_name(int type)
{
    const struct crq_frame_message *message = find(type);

    return message == NULL ? NULL : message->name;
}

void crq_frame_fini(struct crq_frame *frame)
{
    crq_free(frame->intervals_s);
    frame->intervals_s = NULL;
    frame->intervals = 0;
}

/* -------------------------------------------------------------- encoding */

static int put(void *arg, const char *bytes, size_t len)
{
    return crq_buf_put(arg, bytes, len);
}

static void put_span(msgpack_packer *pk, struct crq_span span,
        enum crq_frame_kind kind)
{
    if (span.data == NULL && kind == CRQ_FIELD_BYTES_OR_NIL) {
        msgpack_pack_nil(pk);
    } else if (kind == CRQ_FIELD_TEXT) {
        msgpack_pack_str(pk, span.len);
        msgpack_pack_str_body(pk, span.data, span.len);
    } else {
        msgpack_pack_bin(pk, span.len);
        msgpack_pack_bin_body(pk, span.data, span.len);
    }
}

/* What fails stays known to the buffer: the packer's answers tell no more. */
static void put_field(msgpack_packer *pk, const struct crq_frame *frame,
        const struct crq_frame_field *field)
{
    const void *at = (const char *)frame + field->offset;
    size_t i;

    switch (field->kind) {
    case CRQ_FIELD_INT: msgpack_pack_int64(pk, *(const int64_t *)at); break;
    case CRQ_FIELD_BOOL:
        if (*(const bool *)at)
            msgpack_pack_true(pk);
        else
            msgpack_pack_false(pk);
        break;
    case CRQ_FIELD_INTS:
        msgpack_pack_array(pk, frame->intervals);
        for (i = 0; i < frame->intervals; i++)
            msgpack_pack_int64(pk, frame->intervals_s[i]);
        break;
    default: put_span(pk, *(const struct crq_span *)at, field->kind); break;
    }
}

int crq_frame_encode(const struct crq_frame *frame, size_t max,
        struct crq_buf *buf, crq_error *err)
{
    const struct crq_frame_message *message = find(frame->type);
    size_t start = buf->len, i, len;
    unsigned char head[HEAD_BYTES] = { 0 };
    msgpack_packer pk;

    if (message == NULL)
        return crq_fail(err, CRQ_EINVAL, "no frame has the type %d",
                (int)frame->type);
    msgpack_packer_init(&pk, buf, put);
    crq_buf_put(buf, head, sizeof(head));
    msgpack_pack_array(&pk, 1 + message->count);
    msgpack_pack_int64(&pk, frame->type);
    for (i = 0; i < message->count; i++)
        put_field(&pk, frame, &message->fields[i]);
    if (buf->rc < 0) {
        int rc = buf->rc;

        /* What was there before is whole and may still be sent. */
        crq_buf_cut(buf, start);
        buf->rc = 0;
        return crq_fail(err, rc, "a %s frame: %s", message->name,
                crq_error_summary(rc));
    }
    len = buf->len - start - sizeof(head);
    if (len > max) {
        crq_buf_cut(buf, start);
        return crq_fail(err, CRQ_ELIMIT,
                "a %s frame of %zu bytes; %zu is the most", message->name, len,
                max);
    }
    for (i = 0; i < sizeof(head); i++)
        buf->data[start + i] = (char)(len >> (24 - 8 * i));
    return 0;
}

/* -------------------------------------------------------------- checking */

struct cursor {
    const unsigned char *p, *end;
};

/* What follows a head byte: bytes of a length or count, bytes of the value,
 * and how many elements stand for each one that is counted. */
static const struct head {
    unsigned char first, last, size_bytes, value_bytes, elements;
} heads[] = {
    { 0x00, 0x7f, 0, 0, 0 }, /* small int */
    { 0xc0, 0xc0, 0, 0, 0 }, /* nil */
    { 0xc2, 0xc3, 0, 0, 0 }, /* false, true */
    { 0xc4, 0xc4, 1, 0, 0 }, /* bin */
    { 0xc5, 0xc5, 2, 0, 0 }, { 0xc6, 0xc6, 4, 0, 0 },
    { 0xca, 0xca, 0, 4, 0 },                          /* float */
    { 0xcb, 0xcb, 0, 8, 0 }, { 0xcc, 0xcc, 0, 1, 0 }, /* uint */
    { 0xcd, 0xcd, 0, 2, 0 }, { 0xce, 0xce, 0, 4, 0 }, { 0xcf, 0xcf, 0, 8, 0 },
    { 0xd0, 0xd0, 0, 1, 0 }, /* int */
    { 0xd1, 0xd1, 0, 2, 0 }, { 0xd2, 0xd2, 0, 4, 0 }, { 0xd3, 0xd3, 0, 8, 0 },
    { 0xd9, 0xd9, 1, 0, 0 }, /* str */
    { 0xda, 0xda, 2, 0, 0 }, { 0xdb, 0xdb, 4, 0, 0 },
    { 0xdc, 0xdc, 2, 0, 1 },                          /* array */
    { 0xdd, 0xdd, 4, 0, 1 }, { 0xde, 0xde, 2, 0, 2 }, /* map */
    { 0xdf, 0xdf, 4, 0, 2 }, { 0xe0, 0xff, 0, 0, 0 }, /* small negative int */
};

/* The short forms carry their length or count in the head byte itself. */
static bool short_form(unsigned char c, struct head *out, size_t *out_size)
{
    *out = (struct head){ c, c, 0, 0, 0 };
    if (c >= 0x80 && c <= 0x8f)
        out->elements = 2;
    else if (c >= 0x90 && c <= 0x9f)
        out->elements = 1;
    else if (c < 0xa0 || c > 0xbf)
        return false;
    *out_size = out->elements > 0 ? c & 0x0f : c & 0x1f;
    return true;
}

/* Extension types (0xc7.., 0xd4..) are in no message: not found, refused. */
static bool read_head(struct cursor *in, struct head *out, size_t *out_size)
{
    unsigned char c;
    size_t i;

    if (in->p == in->end)
        return false;
    c = *in->p++;
    *out_size = 0;
    if (short_form(c, out, out_size))
        return true;
    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (c >= heads[i].first && c <= heads[i].last)
            break;
    if (i == sizeof(heads) / sizeof(heads[0]))
        return false;
    *out = heads[i];
    if ((size_t)(in->end - in->p) < out->size_bytes)
        return false;
    for (i = 0; i < out->size_bytes; i++)
        *out_size = *out_size << 8 | *in->p++;
    return true;
}

/* Whether one whole value follows whose promises the bytes left can keep. */
static bool check(struct cursor *in, int depth)
{
    struct head head;
    size_t size, left, i;

    if (!read_head(in, &head, &size))
        return false;
    left = (size_t)(in->end - in->p);
    if (head.elements == 0) {
        size += head.value_bytes;
        if (size > left)
            return false;
        in->p += size;
        return true;
    }
    if (size > left / head.elements || depth == DEPTH_MAX)
        return false;
    for (i = 0; i < size * head.elements; i++)
        if (!check(in, depth + 1))
            return false;
    return true;
}

/* -------------------------------------------------------------- decoding */

static bool take_int(const msgpack_object *from, int64_t *out)
{
    if (from->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        *out = from->via.i64;
    else if (from->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
            from->via.u64 <= INT64_MAX)
        *out = (int64_t)from->via.u64;
    else
        return false;
    return true;
}

/* str and bin are both taken for text and for bytes: some languages have one
 * type for the two. */
static bool take_span(const msgpack_object *from, enum crq_frame_kind kind,
        struct crq_span *out)
{
    if (from->type == MSGPACK_OBJECT_NIL && kind == CRQ_FIELD_BYTES_OR_NIL)
        *out = (struct crq_span){ NULL, 0 };
    else if (from->type == MSGPACK_OBJECT_STR)
        *out = (struct crq_span){ from->via.str.ptr, from->via.str.size };
    else if (from->type == MSGPACK_OBJECT_BIN)
        *out = (struct crq_span){ from->via.bin.ptr, from->via.bin.size };
    else
        return false;
    /* msgpack has no address for what is empty; nil alone is NULL here. */
    if (out->len == 0 && from->type != MSGPACK_OBJECT_NIL)
        out->data = "";
    return kind != CRQ_FIELD_TEXT || out->len == 0 ||
            memchr(out->data, '\0', out->len) == NULL;
}

static int take_ints(const msgpack_object *from, struct crq_frame *frame)
{
    size_t count, i;

    if (from->type != MSGPACK_OBJECT_ARRAY)
        return CRQ_ECODEC;
    count = from->via.array.size;
    frame->intervals_s = crq_calloc(count + 1, sizeof(int64_t));
    if (frame->intervals_s == NULL)
        return CRQ_ENOMEM;
    frame->intervals = count;
    for (i = 0; i < count; i++)
        if (!take_int(&from->via.array.ptr[i], &frame->intervals_s[i]))
            return CRQ_ECODEC;
    return 0;
}

static int take_field(const msgpack_object *from,
        const struct crq_frame_field *field, struct crq_frame *frame)
{
    void *at = (char *)frame + field->offset;
    bool good;

    switch (field->kind) {
    case CRQ_FIELD_INTS: return take_ints(from, frame);
    case CRQ_FIELD_INT: good = take_int(from, at); break;
    case CRQ_FIELD_BOOL:
        good = from->type == MSGPACK_OBJECT_BOOLEAN;
        if (good)
            *(bool *)at = from->via.boolean;
        break;
    default: good = take_span(from, field->kind, at); break;
    }
    return good ? 0 : CRQ_ECODEC;
}

static int take(const msgpack_object *from, struct crq_frame *frame,
        crq_error *err)
{
    const struct crq_frame_message *message = NULL;
    int64_t type;
    size_t i;
    int rc;

    if (from->type == MSGPACK_OBJECT_ARRAY && from->via.array.size > 0 &&
            take_int(&from->via.array.ptr[0], &type))
        message = find(type);
    if (message == NULL)
        return crq_fail(err, CRQ_ECODEC, "a frame of no known type");
    frame->type = message->type;
    if (from->via.array.size < 1 + message->count)
        return crq_fail(err, CRQ_ECODEC, "a %s frame with %u of %zu fields",
                message->name, from->via.array.size - 1, message->count);
    for (i = 0; i < message->count; i++) {
        rc = take_field(&from->via.array.ptr[1 + i], &message->fields[i],
                frame);
        if (rc < 0)
            return crq_fail(err, rc, "a %s frame: %s: %s", message->name,
                    message->fields[i].name, crq_error_summary(rc));
    }
    return 0;
}

/* Everything is decoded: the head of what follows a text may go. */
static void end_texts(const struct crq_frame *frame, char *bytes)
{
    const struct crq_frame_message *message = find(frame->type);
    const struct crq_span *text;
    size_t i;

    for (i = 0; i < message->count; i++) {
        if (message->fields[i].kind != CRQ_FIELD_TEXT)
            continue;
        text = (const struct crq_span *)(const void *)((const char *)frame +
                message->fields[i].offset);
        if (text->len > 0)
            bytes[text->data - bytes + (ptrdiff_t)text->len] = '\0';
    }
}

int crq_frame_decode(char *bytes, size_t len, struct crq_frame *out,
        crq_error *err)
{
    struct cursor in = { (const unsigned char *)bytes,
        (const unsigned char *)bytes + len };
    struct crq_frame frame;
    msgpack_unpacked unpacked;
    size_t used = 0;
    int rc;

    if (!check(&in, 0) || in.p != in.end)
        return crq_fail(err, CRQ_ECODEC, "a frame that is no msgpack value");
    memset(&frame, 0, sizeof(frame));
    msgpack_unpacked_init(&unpacked);
    switch (msgpack_unpack_next(&unpacked, bytes, len, &used)) {
    case MSGPACK_UNPACK_SUCCESS: rc = take(&unpacked.data, &frame, err); break;
    case MSGPACK_UNPACK_NOMEM_ERROR: rc = crq_fail_nomem(err); break;
    default:
        rc = crq_fail(err, CRQ_ECODEC, "a frame that is no msgpack value");
        break;
    }
    msgpack_unpacked_destroy(&unpacked);
    if (rc < 0) {
        crq_frame_fini(&frame);
        return rc;
    }
    end_texts(&frame, bytes);
    *out = frame;
    return 0;
}

/* --------------------------------------------------------------- reading */

void crq_frame_reader_init(struct crq_frame_reader *reader, size_t max)
{
    crq_buf_init(&reader->buf, SIZE_MAX / 4);
    reader->used = 0;
    reader->max = max;
}

void crq_frame_reader_fini(struct crq_frame_reader *reader)
{
    crq_buf_fini(&reader->buf);
    reader->used = 0;
}

/* Memory that one large frame took is not kept for the small ones after it. */
#define KEPT_BYTES ((size_t)64 << 10)

static void drop_used(struct crq_frame_reader *reader)
{
    struct crq_buf *buf = &reader->buf;

    if (reader->used == 0)
        return;
    if (reader->used == buf->len && buf->cap > KEPT_BYTES) {
        crq_frame_reader_fini(reader);
        crq_frame_reader_init(reader, reader->max);
        return;
    }
    memmove(buf->data, buf->data + reader->used, buf->len - reader->used);
    crq_buf_cut(buf, buf->len - reader->used);
    reader->used = 0;
}

int crq_frame_reader_feed(struct crq_frame_reader *reader, const void *bytes,
        size_t len, crq_error *err)
{
    int rc;

    drop_used(reader);
    if (reader->buf.len > reader->max + HEAD_BYTES)
        return crq_fail(err, CRQ_ELIMIT, "frames that nobody takes");
    rc = crq_buf_put(&reader->buf, bytes, len);
    return rc < 0 ? crq_buf_check(&reader->buf, err) : 0;
}

int crq_frame_reader_next(struct crq_frame_reader *reader,
        struct crq_frame *out, crq_error *err)
{
    size_t left = reader->buf.len - reader->used, len = 0, i;
    char *at;
    int rc;

    if (left < HEAD_BYTES)
        return 0;
    at = reader->buf.data + reader->used;
    for (i = 0; i < HEAD_BYTES; i++)
        len = len << 8 | (unsigned char)at[i];
    if (len > reader->max)
        return crq_fail(err, CRQ_ELIMIT,
                "a frame of %zu bytes; %zu is the "
                "most",
                len, reader->max);
    if (left - HEAD_BYTES < len)
        return 0;
    rc = crq_frame_decode(at + HEAD_BYTES, len, out, err);
    if (rc < 0)
        return rc;
    reader->used += HEAD_BYTES + len;
    return 1;
}

int crq_frame_reader_move(struct crq_frame_reader *from,
        struct crq_frame_reader *to, crq_error *err)
{
    size_t left = from->buf.len - from->used;
    int rc;

    if (left == 0)
        return 0;
    rc = crq_frame_reader_feed(to, from->buf.data + from->used, left, err);
    if (rc == 0)
        from->used = from->buf.len;
    return rc;
}
