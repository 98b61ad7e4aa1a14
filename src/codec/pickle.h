/*
 * pickle.h - Python's pickle, for plain values only.
 *
 * Nothing in a pickle is ever called or imported: the globals that are known
 * stand in one table, with what they make. Anything else is refused by name.
 */
#ifndef CRQ_CODEC_PICKLE_H
#define CRQ_CODEC_PICKLE_H

#include <crq.h>

#include "base/buf.h"
#include "codec/value.h"

/**
 * Read a pickle of protocol 0 to 5. Bytes behind its STOP are refused.
 *
 * Python 2's str is a str when it is ASCII, else bytes. How safely a UUID was
 * made (is_safe) is left out. Parts that are shared stay shared, but for the
 * zones of datetimes, which are part of these.
 *
 * limits  may be NULL: the defaults.
 * CRQ_ECODEC        not a pickle; the text says the offset and the reason
 * CRQ_EUNSUPPORTED  it holds a class, function or cycle; the text names it,
 *                   "offset 12: the class 'shop.models.Order' is not ..."
 * CRQ_ELIMIT        too large or too deep
 * CRQ_ENOMEM
 */
int crq_pickle_decode(const void *bytes, size_t len,
        const struct crq_limits *limits, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Append the pickle of `v`, in protocol 5, which every Python from 3.8 on
 * reads and RQ itself writes: byte for byte what pickle.dumps(v, 5) gives
 * wherever Python's own output does not depend on object identity.
 * Parts that are shared inside `v` stay shared.
 * CRQ_ELIMIT (too deep), CRQ_EUNSUPPORTED (contains itself), CRQ_ENOMEM.
 */
int crq_pickle_encode(const crq_value *v, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Whether the bytes look like a pickle: for recognising a serializer. */
bool crq_pickle_likely(const void *bytes, size_t len);

#endif
