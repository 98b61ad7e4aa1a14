/*
 * pickle_put.h - writing the opcodes of a pickle, below any value.
 *
 * Failure is kept in the buffer: who writes looks at it once, at the end.
 */
#ifndef CRQ_CODEC_PICKLE_PUT_H
#define CRQ_CODEC_PICKLE_PUT_H

#include <crq.h>

#include "base/buf.h"
#include "codec/value.h"

#define CRQ_PICKLE_NO_FRAME SIZE_MAX
#define CRQ_PICKLE_NO_KEY   0 /* nothing will refer to it again */

struct crq_pickle_entry {
    uintptr_t key; /* 0: free */
    size_t index;
};

struct crq_pickler {
    struct crq_buf *out;
    size_t frame; /* where the open frame's header is, or CRQ_PICKLE_NO_FRAME */
    bool framing;
    struct crq_pickle_entry *memo; /* open addressing, at most half full */
    size_t slots, used;
    size_t next; /* the index of what is memoized next */
};

/* Opcodes for lengths of 1, 4 and 8 bytes. */
struct crq_pickle_data_ops {
    uint8_t len1, len4, len8;
};

/** Bytes, in the open frame or a new one. */
void crq_pickler_put(struct crq_pickler *w, const void *bytes, size_t len);
/** An opcode; an opcode and its number. */
void crq_pickler_op(struct crq_pickler *w, int op);
void crq_pickler_number(struct crq_pickler *w, int op, uint64_t n,
        size_t width);
/** Close the frame; `between` two values only one that is full. */
void crq_pickler_end_frame(struct crq_pickler *w);
void crq_pickler_between(struct crq_pickler *w);
/** Remember what was just written as `key`; refer back to it if it was. */
void crq_pickler_memoize(struct crq_pickler *w, uintptr_t key);
bool crq_pickler_recall(struct crq_pickler *w, uintptr_t key);
/** A text with its length in front, memoized. */
void crq_pickler_data(struct crq_pickler *w,
        const struct crq_pickle_data_ops *ops, const char *bytes, size_t len,
        uintptr_t key);

#endif
