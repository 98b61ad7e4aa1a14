/* repr_impl.h - what repr.c and repr_call.c share. */
#ifndef CRQ_CODEC_REPR_IMPL_H
#define CRQ_CODEC_REPR_IMPL_H

#include "codec/repr.h"
#include "codec/value.h"

/**
 * Append repr(v), but stop once `out` is `stop_at` bytes long or a little
 * more: the beginning is then right, and the end of no meaning. `v` has
 * passed crq_value_check().
 */
int crq_repr_until(const crq_value *v, size_t stop_at, struct crq_buf *out,
        crq_error *err);

#endif
