/*
 * html.h - writing HTML, where everything is text unless it says it is not.
 *
 * What a page shows was written by somebody else: names, arguments, errors, in
 * any bytes that Redis takes. Templates are literals of ours, and what they
 * are filled with is escaped, so that it is nothing but text both between tags
 * and within quoted attributes.
 */
#ifndef CRQ_WEB_HTML_H
#define CRQ_WEB_HTML_H

#include <crq.h>

#include "base/buf.h"

/**
 * Append a template. Of printf's conversions it knows %s, which is escaped
 * (NULL: nothing), %d, %lld, %zu and %%; nothing between % and the letter.
 * Attributes in it are quoted.
 */
void html(struct crq_buf *out, const char *format, ...) CRQ_PRINTF(2, 3);

/**
 * Append bytes as text. Control characters but tab and line feed become their
 * pictures (U+2400...), and what is no UTF-8 becomes U+FFFD.
 */
void html_text(struct crq_buf *out, const char *text, size_t len);

/** The same for at most `most` bytes of it, up to a whole character, and "..."
 *  where there is more. */
void html_cut(struct crq_buf *out, const char *text, size_t len, size_t most);

/** Append one part of an address: percent-escaped but for letters, digits and
 *  "-._~", so that it needs no other escape. */
void html_url(struct crq_buf *out, const char *text);

#endif
