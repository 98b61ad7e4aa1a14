/* reply.h - what Redis answered. Hides hiredis. */
#ifndef CRQ_REDIS_REPLY_H
#define CRQ_REDIS_REPLY_H

#include <crq.h>

typedef struct crq_reply crq_reply;

enum crq_reply_kind {
    CRQ_REPLY_NIL,
    CRQ_REPLY_TEXT, /* a string or a status ("OK") */
    CRQ_REPLY_INT,
    CRQ_REPLY_ARRAY,
    CRQ_REPLY_ERROR
};

/** The kind; NULL counts as nil. */
enum crq_reply_kind crq_reply_kind(const crq_reply *reply);

/** Bytes of a text or error, with '\0' behind them; NULL for other kinds. */
const char *crq_reply_text(const crq_reply *reply, size_t *out_len);

/** The number of an int, or of a text that is one; `otherwise` else. */
int64_t crq_reply_int(const crq_reply *reply, int64_t otherwise);

/** Items of an array; 0 for other kinds. */
size_t crq_reply_count(const crq_reply *reply);

/** Item i, valid as long as the whole; NULL beyond the end. */
const crq_reply *crq_reply_item(const crq_reply *reply, size_t i);

/** Turn an error about a key of a foreign type, WRONGTYPE, into nil: as if
 *  there were no such key. False: it is none, and stays what it is. */
bool crq_reply_forget_type(crq_reply *reply);

void crq_reply_free(crq_reply *reply);

#endif
