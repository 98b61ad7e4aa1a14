/* pickle_put.c - the frames, the memo and the texts of a pickle. */
#include "codec/pickle_put.h"

#include <string.h>

#include "base/mem.h"

#define FRAME_TARGET 65536
#define FRAME_MIN    4
#define FRAME_HEADER 9 /* opcode and length */

/* ---- frames ---- */

void crq_pickler_put(struct crq_pickler *w, const void *bytes, size_t len)
{
    if (w->framing && w->frame == CRQ_PICKLE_NO_FRAME) {
        w->frame = w->out->len;
        crq_buf_put(w->out, "\x95\0\0\0\0\0\0\0\0", FRAME_HEADER);
    }
    crq_buf_put(w->out, bytes, len);
}

void crq_pickler_op(struct crq_pickler *w, int op)
{
    char c = (char)op;

    crq_pickler_put(w, &c, 1);
}

static void little_endian(char *to, uint64_t n, size_t width)
{
    for (size_t i = 0; i < width; i++)
        to[i] = (char)(n >> (8 * i));
}

/* An opcode and its number. */
void crq_pickler_number(struct crq_pickler *w, int op, uint64_t n, size_t width)
{
    char bytes[9];

    bytes[0] = (char)op;
    little_endian(bytes + 1, n, width);
    crq_pickler_put(w, bytes, width + 1);
}

void crq_pickler_end_frame(struct crq_pickler *w)
{
    struct crq_buf *out = w->out;
    size_t len;

    if (w->frame == CRQ_PICKLE_NO_FRAME || out->rc < 0)
        return;
    len = out->len - w->frame - FRAME_HEADER;
    if (len >= FRAME_MIN)
        little_endian(out->data + w->frame + 1, len, 8);
    else { /* not worth one */
        memmove(out->data + w->frame, out->data + w->frame + FRAME_HEADER,
                len + 1);
        out->len -= FRAME_HEADER;
    }
    w->frame = CRQ_PICKLE_NO_FRAME;
}

/* Between two values a frame may end. */
void crq_pickler_between(struct crq_pickler *w)
{
    if (w->frame != CRQ_PICKLE_NO_FRAME &&
            w->out->len - w->frame - FRAME_HEADER >= FRAME_TARGET)
        crq_pickler_end_frame(w);
}

/* ---- memo ---- */

static struct crq_pickle_entry *find_entry(const struct crq_pickler *w,
        uintptr_t key)
{
    /* Addresses only: nobody outside chooses them. */
    uint64_t h = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(h >> 20) & (w->slots - 1);

    while (w->memo[at].key != 0 && w->memo[at].key != key)
        at = (at + 1) & (w->slots - 1);
    return &w->memo[at];
}

static int widen_memo(struct crq_pickler *w)
{
    struct crq_pickler wide = { .slots = w->slots > 0 ? w->slots * 2 : 64 };

    wide.memo = crq_calloc(wide.slots, sizeof(*wide.memo));
    if (wide.memo == NULL)
        return CRQ_ENOMEM;
    for (size_t i = 0; i < w->slots; i++)
        if (w->memo[i].key != 0)
            *find_entry(&wide, w->memo[i].key) = w->memo[i];
    crq_free(w->memo);
    w->memo = wide.memo;
    w->slots = wide.slots;
    return 0;
}

/* Behind what was just written: remember it as `key`. */
void crq_pickler_memoize(struct crq_pickler *w, uintptr_t key)
{
    size_t index = w->next++;

    crq_pickler_op(w, 0x94); /* MEMOIZE */
    if (key == CRQ_PICKLE_NO_KEY)
        return;
    if (w->used >= w->slots / 2 && widen_memo(w) < 0) {
        w->out->rc = CRQ_ENOMEM;
        return;
    }
    *find_entry(w, key) = (struct crq_pickle_entry){ key, index };
    w->used++;
}

/* Refer back to `key` when it was written before. */
bool crq_pickler_recall(struct crq_pickler *w, uintptr_t key)
{
    const struct crq_pickle_entry *entry;

    if (key == CRQ_PICKLE_NO_KEY || w->slots == 0)
        return false;
    entry = find_entry(w, key);
    if (entry->key == 0)
        return false;
    if (entry->index < 256)
        crq_pickler_number(w, 'h', entry->index, 1); /* BINGET */
    else
        crq_pickler_number(w, 'j', entry->index, 4); /* LONG_BINGET */
    return true;
}

/* ---- texts ---- */

void crq_pickler_data(struct crq_pickler *w,
        const struct crq_pickle_data_ops *ops, const char *bytes, size_t len,
        uintptr_t key)
{
    bool framing = w->framing;

    if (len >= FRAME_TARGET) {
        crq_pickler_end_frame(w);
        w->framing = false;
    }
    if (len < 256 && ops->len1 != 0)
        crq_pickler_number(w, ops->len1, len, 1);
    else if (len <= UINT32_MAX && ops->len4 != 0)
        crq_pickler_number(w, ops->len4, len, 4);
    else
        crq_pickler_number(w, ops->len8, len, 8);
    crq_pickler_put(w, bytes, len);
    w->framing = framing;
    crq_pickler_memoize(w, key);
}
