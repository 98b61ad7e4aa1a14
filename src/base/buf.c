/* buf.c - a growing buffer of bytes with a cap. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

void crq_buf_init(struct crq_buf *buf, size_t max)
{
    *buf = (struct crq_buf)CRQ_BUF_INIT;
    buf->max = max;
}

void crq_buf_fini(struct crq_buf *buf)
{
    crq_free(buf->data);
    crq_buf_init(buf, buf->max);
}

void crq_buf_clear(struct crq_buf *buf)
{
    buf->len = 0;
    buf->rc = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void crq_buf_cut(struct crq_buf *buf, size_t len)
{
    if (len >= buf->len)
        return;
    buf->len = len;
    buf->data[len] = '\0';
}

/* Doubling keeps the number of copies small whatever the final size is. */
static int grow(struct crq_buf *buf, size_t need)
{
    size_t cap = buf->cap > 0 ? buf->cap : 64;
    char *data;

    while (cap < need)
        cap = cap > buf->max / 2 ? buf->max + 1 : cap * 2;
    data = crq_realloc(buf->data, cap);
    if (data == NULL)
        return CRQ_ENOMEM;
    buf->data = data;
    buf->cap = cap;
    return 0;
}

char *crq_buf_room(struct crq_buf *buf, size_t len)
{
    if (buf->rc == 0 && len > buf->max - buf->len)
        buf->rc = CRQ_ELIMIT;
    /* One byte more than asked for: the '\0' at the end. */
    if (buf->rc == 0 && buf->len + len >= buf->cap)
        buf->rc = grow(buf, buf->len + len + 1);
    return buf->rc == 0 ? buf->data + buf->len : NULL;
}

int crq_buf_put(struct crq_buf *buf, const void *bytes, size_t len)
{
    char *room = crq_buf_room(buf, len);

    if (room == NULL)
        return buf->rc;
    if (len > 0)
        memcpy(room, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int crq_buf_puts(struct crq_buf *buf, const char *text)
{
    return crq_buf_put(buf, text, strlen(text));
}

int crq_buf_putc(struct crq_buf *buf, char c)
{
    return crq_buf_put(buf, &c, 1);
}

size_t crq_int_put(char out[CRQ_INT_LEN + 1], int64_t n)
{
    char digits[CRQ_INT_LEN];
    size_t count = 0, len = 0;
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        out[len++] = '-';
    while (count > 0)
        out[len++] = digits[--count];
    out[len] = '\0';
    return len;
}

int crq_buf_puti(struct crq_buf *buf, int64_t n)
{
    char text[CRQ_INT_LEN + 1];
    size_t len = crq_int_put(text, n);

    return crq_buf_put(buf, text, len);
}

int crq_buf_vprintf(struct crq_buf *buf, const char *format, va_list ap)
{
    va_list again;
    char small[128];
    char *room;
    int len;

    va_copy(again, ap);
    len = vsnprintf(small, sizeof(small), format, again);
    va_end(again);
    if (len < 0) {
        buf->rc = buf->rc == 0 ? CRQ_ELIMIT : buf->rc;
        return buf->rc;
    }
    if ((size_t)len < sizeof(small))
        return crq_buf_put(buf, small, (size_t)len);
    room = crq_buf_room(buf, (size_t)len);
    if (room == NULL)
        return buf->rc;
    vsnprintf(room, (size_t)len + 1, format, ap);
    buf->len += (size_t)len;
    return 0;
}

int crq_buf_printf(struct crq_buf *buf, const char *format, ...)
{
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = crq_buf_vprintf(buf, format, ap);
    va_end(ap);
    return rc;
}

const char *crq_buf_text(const struct crq_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

int crq_buf_check(const struct crq_buf *buf, crq_error *err)
{
    if (buf->rc == CRQ_ELIMIT)
        return crq_fail(err, CRQ_ELIMIT, "more than %zu bytes", buf->max);
    if (buf->rc < 0)
        return crq_fail_nomem(err);
    return 0;
}

int crq_buf_steal(struct crq_buf *buf, char **out, size_t *out_len,
        crq_error *err)
{
    int rc;

    crq_buf_put(buf, "", 0); /* an empty buffer has no data yet */
    rc = crq_buf_check(buf, err);
    if (rc < 0)
        return rc;
    *out = buf->data;
    if (out_len != NULL)
        *out_len = buf->len;
    buf->data = NULL;
    crq_buf_fini(buf);
    return 0;
}
