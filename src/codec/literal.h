/*
 * literal.h - Python literals, as ast.literal_eval() takes them.
 */
#ifndef CRQ_CODEC_LITERAL_H
#define CRQ_CODEC_LITERAL_H

#include <crq.h>

#include "codec/value.h"

/**
 * Read a Python literal: None, True, False, numbers (also hexadecimal, octal,
 * binary, with underscores and a sign), strings and bytes with every prefix,
 * escape and quoting but f-strings, adjacent ones joined; tuples, lists,
 * dicts, sets and set(). Complex numbers are refused with their name.
 * CRQ_ECODEC: the text says the offset and the reason. CRQ_ELIMIT, CRQ_ENOMEM.
 */
int crq_literal_decode(const char *text, size_t len,
        const struct crq_limits *limits, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
