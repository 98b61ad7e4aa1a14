/*
 * reply.c - reading replies, which are hiredis's redisReply behind a name of
 * ours. Any kind that RESP2 doesn't have counts as nil.
 */
#include "redis/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "redis/refusal.h"

/* In the number of an error, which has none: it counts as nil. */
#define FORGOTTEN 1

static const redisReply *inner(const crq_reply *reply)
{
    return (const redisReply *)(const void *)reply;
}

enum crq_reply_kind crq_reply_kind(const crq_reply *reply)
{
    if (reply == NULL)
        return CRQ_REPLY_NIL;
    switch (inner(reply)->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS: return CRQ_REPLY_TEXT;
    case REDIS_REPLY_INTEGER: return CRQ_REPLY_INT;
    case REDIS_REPLY_ARRAY: return CRQ_REPLY_ARRAY;
    case REDIS_REPLY_ERROR:
        return inner(reply)->integer == FORGOTTEN ? CRQ_REPLY_NIL
                                                  : CRQ_REPLY_ERROR;
    default: return CRQ_REPLY_NIL;
    }
}

const char *crq_reply_text(const crq_reply *reply, size_t *out_len)
{
    enum crq_reply_kind kind = crq_reply_kind(reply);

    if (kind != CRQ_REPLY_TEXT && kind != CRQ_REPLY_ERROR)
        return NULL;
    if (out_len != NULL)
        *out_len = (size_t)inner(reply)->len;
    return inner(reply)->str;
}

int64_t crq_reply_int(const crq_reply *reply, int64_t otherwise)
{
    const char *text;
    char *end;
    size_t len;
    long long n;

    if (crq_reply_kind(reply) == CRQ_REPLY_INT)
        return inner(reply)->integer;
    if (crq_reply_kind(reply) != CRQ_REPLY_TEXT)
        return otherwise;
    text = crq_reply_text(reply, &len);
    /* strtoll() takes blanks and '+', Redis never writes them. */
    if (len == 0 || (text[0] != '-' && (text[0] < '0' || text[0] > '9')))
        return otherwise;
    errno = 0;
    n = strtoll(text, &end, 10);
    return errno == 0 && end == text + len ? n : otherwise;
}

size_t crq_reply_count(const crq_reply *reply)
{
    return crq_reply_kind(reply) == CRQ_REPLY_ARRAY ? inner(reply)->elements
                                                    : 0;
}

const crq_reply *crq_reply_item(const crq_reply *reply, size_t i)
{
    if (i >= crq_reply_count(reply))
        return NULL;
    return (const crq_reply *)(const void *)inner(reply)->element[i];
}

bool crq_reply_forget_type(crq_reply *reply)
{
    static const char word[] = "WRONGTYPE";
    redisReply *r = (redisReply *)(void *)reply;
    const char *core;
    size_t len;

    if (crq_reply_kind(reply) != CRQ_REPLY_ERROR)
        return false;
    len = (size_t)r->len;
    core = crq_refusal_core(r->str, &len);
    if (len < sizeof(word) - 1 || memcmp(core, word, sizeof(word) - 1) != 0)
        return false;
    /* It stays an error to hiredis, which frees its text. */
    r->integer = FORGOTTEN;
    return true;
}

void crq_reply_free(crq_reply *reply)
{
    freeReplyObject(reply);
}
