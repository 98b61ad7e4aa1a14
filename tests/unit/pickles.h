/* pickles.h - pickles in tests: written as texts, read and written. */
#ifndef UNIT_PICKLES_H
#define UNIT_PICKLES_H

#include "unit.h"

#include "base/buf.h"
#include "codec/pickle.h"

/* A literal with zeros in it, and its length. */
#define P(literal) literal, sizeof(literal) - 1

#define UUID_CLASS "cuuid\nUUID\n"
#define DELTA      "cdatetime\ntimedelta\n"
#define ZONE       "cdatetime\ntimezone\n(" DELTA "("
#define ENCODE     "c_codecs\nencode\n(V"

/** What a good pickle holds. */
crq_value *pickles_decode(const char *pickle, size_t len);

/** A value as a pickle, in place of what is in `out`. */
void pickles_encode(const crq_value *v, struct crq_buf *out);

#endif
