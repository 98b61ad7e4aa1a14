/*
 * buf.h - a growing buffer of bytes with a cap.
 *
 * Failure is sticky: after the first put that did not fit, rc holds the code
 * and later puts do nothing. A writer puts what it has to and looks at rc
 * once, at the end.
 */
#ifndef CRQ_BASE_BUF_H
#define CRQ_BASE_BUF_H

#include <stdarg.h>

#include <crq.h>

struct crq_buf {
    char *data; /* data[len] is '\0' once anything was put; NULL before */
    size_t len, cap, max;
    int rc; /* 0, CRQ_ENOMEM or CRQ_ELIMIT */
};

#define CRQ_INT_LEN 20 /* of the longest int64_t, with its sign */

/* Bytes no job needs, and more than Redis takes in one string. */
#define CRQ_BUF_MAX ((size_t)512 << 20)

/* clang-format off */
#define CRQ_BUF_INIT { NULL, 0, 0, CRQ_BUF_MAX, 0 }
/* clang-format on */

/** An empty buffer that never holds more than `max` bytes. */
void crq_buf_init(struct crq_buf *buf, size_t max);
void crq_buf_fini(struct crq_buf *buf);

/** Empty it and forget its failure; the memory stays. */
void crq_buf_clear(struct crq_buf *buf);

/** Forget what stands behind the first `len` bytes; a failure stays. */
void crq_buf_cut(struct crq_buf *buf, size_t len);

/* Append. Each returns buf->rc. */
int crq_buf_put(struct crq_buf *buf, const void *bytes, size_t len);
int crq_buf_puts(struct crq_buf *buf, const char *text);
int crq_buf_putc(struct crq_buf *buf, char c);
int crq_buf_puti(struct crq_buf *buf, int64_t n); /* decimal */
int crq_buf_printf(struct crq_buf *buf, const char *format, ...)
        CRQ_PRINTF(2, 3);
int crq_buf_vprintf(struct crq_buf *buf, const char *format, va_list ap)
        CRQ_PRINTF(2, 0);

/** Room for `len` bytes at the end, to be filled and then added to buf->len.
 *  NULL after a failure. */
char *crq_buf_room(struct crq_buf *buf, size_t len);

/** Write n in decimal, with a '\0' behind it; returns the length. */
size_t crq_int_put(char out[CRQ_INT_LEN + 1], int64_t n);

/** The text so far, never NULL. */
const char *crq_buf_text(const struct crq_buf *buf);

/**
 * Hand the bytes over, ending in '\0'; the buffer is empty afterwards.
 * CRQ_ENOMEM or CRQ_ELIMIT when a put has failed.
 */
int crq_buf_steal(struct crq_buf *buf, char **out, size_t *out_len,
        crq_error *err) CRQ_MUST_CHECK;

/** buf->rc, with *err filled when it is a failure. */
int crq_buf_check(const struct crq_buf *buf, crq_error *err) CRQ_MUST_CHECK;

#endif
