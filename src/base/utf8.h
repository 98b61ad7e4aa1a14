/*
 * utf8.h - UTF-8 as Python's str needs it: lone surrogates can occur.
 */
#ifndef CRQ_BASE_UTF8_H
#define CRQ_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Well-formed UTF-8, with lone surrogates in their three-byte form allowed?
 *  On false, *out_offset is where the first bad sequence begins. */
bool crq_utf8_valid(const char *text, size_t len, size_t *out_offset);

/** The same without surrogates: UTF-8 as all others mean it. */
bool crq_utf8_strict(const char *text, size_t len);

/** Decode the character at `text` (valid UTF-8, at least one byte left) and
 *  say how many bytes it takes. */
uint32_t crq_utf8_next(const char *text, size_t len, size_t *out_size);

/** Encode a character (also a lone surrogate); returns its 1..4 bytes. */
size_t crq_utf8_put(char out[4], uint32_t c);

#endif
