/*
 * api_frame.c - see api_frame.h.
 *
 * Numbers have eight bytes in the machine's order. A text or a body is its
 * length and one more, the bytes, and a '\0', so that it can be used where it
 * stands; a length of 0 is NULL.
 */
#include "web/api_frame.h"

#include <string.h>

/* ------------------------------------------------------------------ writing */

static void put_number(struct crq_buf *out, int64_t n)
{
    crq_buf_put(out, &n, sizeof(n));
}

static void put_bytes(struct crq_buf *out, const char *bytes, size_t len)
{
    put_number(out, bytes != NULL ? (int64_t)len + 1 : 0);
    if (bytes == NULL)
        return;
    crq_buf_put(out, bytes, len);
    crq_buf_putc(out, '\0');
}

static void put_text(struct crq_buf *out, const char *text)
{
    put_bytes(out, text, text != NULL ? strlen(text) : 0);
}

/* The head is filled in when the length is known. */
static size_t begin(struct crq_buf *out)
{
    size_t at = out->len;

    crq_buf_put(out, "\0\0\0", API_FRAME_HEAD);
    return at;
}

static int end(struct crq_buf *out, size_t at)
{
    size_t len = out->len - at - API_FRAME_HEAD;

    if (out->rc < 0)
        return out->rc;
    if (len > API_FRAME_MAX)
        return CRQ_ELIMIT;
    for (int i = 0; i < API_FRAME_HEAD; i++)
        out->data[at + (size_t)i] = (char)(len >> (24 - 8 * i) & 0xff);
    return 0;
}

size_t api_frame_len(const char head[API_FRAME_HEAD])
{
    size_t len = 0;

    for (int i = 0; i < API_FRAME_HEAD; i++)
        len = len << 8 | (unsigned char)head[i];
    return len;
}

int api_question_encode(const struct api_question *question,
        struct crq_buf *out)
{
    const struct api_request *req = &question->request;
    size_t at = begin(out);

    put_bytes(out, (const char *)question->metrics, sizeof(*question->metrics));
    put_text(out, req->method);
    put_number(out, (int64_t)req->path_count);
    for (size_t i = 0; i < req->path_count; i++)
        put_text(out, req->path[i]);
    put_number(out, (int64_t)req->query_count);
    for (size_t i = 0; i < req->query_count; i++) {
        put_text(out, req->query[i].name);
        put_text(out, req->query[i].value);
    }
    put_bytes(out, req->body, req->body_len);
    put_text(out, req->content_type);
    put_text(out, req->idempotency_key);
    put_text(out, req->caller);
    put_number(out, req->role);
    put_number(out, req->waited);
    put_text(out, question->viewer != NULL ? question->viewer->csrf : NULL);
    put_number(out, question->viewer != NULL && question->viewer->signed_in);
    return end(out, at);
}

int api_answer_encode(const struct api_response *response, const char *log,
        struct crq_buf *out)
{
    size_t at = begin(out);

    put_number(out, response->status);
    put_text(out, response->content_type);
    put_bytes(out, crq_buf_text(&response->body), response->body.len);
    put_text(out, response->location);
    put_number(out, (int64_t)response->fields_count);
    for (size_t i = 0; i < response->fields_count; i++) {
        put_text(out, response->fields[i].name);
        put_text(out, response->fields[i].value);
    }
    put_text(out, response->wait_for_job);
    put_number(out, response->wait_ms);
    put_text(out, log);
    return end(out, at);
}

/* ------------------------------------------------------------------ reading */

struct reader {
    const char *at;
    size_t left;
    bool failed;
};

static int64_t take_number(struct reader *r, int64_t min, int64_t max)
{
    int64_t n = 0;

    if (r->left < sizeof(n)) {
        r->failed = true;
        return min;
    }
    memcpy(&n, r->at, sizeof(n));
    r->at += sizeof(n);
    r->left -= sizeof(n);
    if (n >= min && n <= max)
        return n;
    r->failed = true;
    return min;
}

static const char *take_bytes(struct reader *r, size_t *out_len)
{
    size_t size = (size_t)take_number(r, 0, (int64_t)API_FRAME_MAX);
    const char *bytes = r->at;

    *out_len = 0;
    if (size == 0)
        return NULL;
    if (r->failed || size > r->left || bytes[size - 1] != '\0') {
        r->failed = true;
        return NULL;
    }
    r->at += size;
    r->left -= size;
    *out_len = size - 1;
    return bytes;
}

static const char *take_text(struct reader *r)
{
    size_t len;
    const char *text = take_bytes(r, &len);

    if (text != NULL && strlen(text) != len)
        r->failed = true;
    return text;
}

/* One that has to be there. */
static const char *take_word(struct reader *r)
{
    const char *text = take_text(r);

    if (text == NULL)
        r->failed = true;
    return text != NULL ? text : "";
}

bool api_question_decode(const char *bytes, size_t len,
        struct api_question_room *room, struct api_question *out)
{
    struct reader r = { bytes, len, false };
    struct api_request *req = &out->request;
    const char *metrics;

    *out = (struct api_question){ .request = { .path = room->path,
                                          .query = room->query } };
    metrics = take_bytes(&r, &len);
    if (metrics != NULL && len == sizeof(room->metrics)) {
        memcpy(&room->metrics, metrics, len);
        out->metrics = &room->metrics;
    }
    req->method = take_text(&r);
    req->path_count = (size_t)take_number(&r, 0, API_PARTS_MAX);
    for (size_t i = 0; i < req->path_count; i++)
        room->path[i] = take_word(&r);
    req->query_count = (size_t)take_number(&r, 0, API_PARTS_MAX);
    for (size_t i = 0; i < req->query_count; i++) {
        room->query[i].name = take_word(&r);
        room->query[i].value = take_word(&r);
    }
    req->body = take_bytes(&r, &req->body_len);
    req->content_type = take_text(&r);
    req->idempotency_key = take_text(&r);
    req->caller = take_text(&r);
    req->role = (enum api_role)take_number(&r, API_READ, API_OPERATE);
    req->waited = take_number(&r, 0, 1) != 0;
    room->viewer.csrf = take_text(&r);
    room->viewer.signed_in = take_number(&r, 0, 1) != 0;
    out->viewer = room->viewer.csrf != NULL ? &room->viewer : NULL;
    return !r.failed && r.left == 0 &&
            (req->method != NULL) != (out->metrics != NULL);
}

bool api_answer_decode(const char *bytes, size_t len, struct api_answer *out)
{
    struct reader r = { bytes, len, false };

    *out = (struct api_answer){ .status = (int)take_number(&r, 0, 599) };
    out->content_type = take_text(&r);
    out->body = take_bytes(&r, &out->body_len);
    out->location = take_text(&r);
    out->fields_count = (size_t)take_number(&r, 0, API_FIELDS_MAX);
    for (size_t i = 0; i < out->fields_count; i++) {
        out->fields[i].name = take_word(&r);
        out->fields[i].value = take_word(&r);
    }
    out->wait_for_job = take_text(&r);
    out->wait_ms = take_number(&r, 0, API_WAIT_MAX_MS);
    out->log = take_text(&r);
    /* An answer has a status, what is to be waited for has none. */
    return !r.failed && r.left == 0 &&
            (out->wait_for_job != NULL || out->status >= 200);
}
