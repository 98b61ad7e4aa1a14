/* entry.h - entries of streams: their ids, and what clients get of them. */
#ifndef CRQ_WEB_ENTRY_H
#define CRQ_WEB_ENTRY_H

#include <crq.h>

#include "base/buf.h"
#include "redis/reply.h"

struct entry_id {
    uint64_t ms, n;
};

/** "1795262400000-0", or without the part behind '-', which is 0 then. */
bool entry_id_read(const char *text, struct entry_id *out);
bool entry_id_is_behind(struct entry_id a, struct entry_id b);

/** Append {"id", "type", "at_ms", "data"} of an entry: [id, [field, value,
 *  ...]] with an id that could be read. Returns the type, borrowed from it. */
const char *entry_describe(const crq_reply *entry, struct crq_buf *out);

#endif
