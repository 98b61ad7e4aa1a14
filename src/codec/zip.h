/* zip.h - zlib and base64, as RQ wraps what it stores. */
#ifndef CRQ_CODEC_ZIP_H
#define CRQ_CODEC_ZIP_H

#include <crq.h>

#include "base/buf.h"

/** Append the zlib form of the bytes (RQ: zlib.compress()). */
int crq_zip_deflate(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Append what the zlib form holds; out->max caps it (CRQ_ELIMIT).
 * CRQ_ECODEC when it isn't zlib, is cut short, has bytes behind its end, or
 * needs a preset dictionary. On failure nothing was appended.
 */
int crq_zip_inflate(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Fill `out` with the first bytes of what the zlib form holds, at most `cap`.
 *  How many there were, 0 when it isn't zlib: this looks, it does not check. */
size_t crq_zip_peek(const void *bytes, size_t len, void *out, size_t cap);

/** Append base64 text, one line, padded. */
int crq_base64_encode(const void *bytes, size_t len, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Append the bytes of base64 text. CRQ_ECODEC with the offset:
 *  only padded text without white space or stray bits is taken. */
int crq_base64_decode(const char *text, size_t len, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
