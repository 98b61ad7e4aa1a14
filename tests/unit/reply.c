/* reply.c - replies through hiredis's own reader, as redis/conn.c has them. */
#include "reply.h"

#include <stdarg.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "unit.h"

void reply_put_array(struct crq_buf *resp, size_t count)
{
    crq_buf_printf(resp, "*%zu\r\n", count);
}

void reply_put_text(struct crq_buf *resp, const void *bytes, size_t len)
{
    crq_buf_printf(resp, "$%zu\r\n", len);
    crq_buf_put(resp, bytes, len);
    crq_buf_puts(resp, "\r\n");
}

crq_reply *reply_take(struct crq_buf *resp)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    ck_assert_int_eq(resp->rc, 0);
    ck_assert_int_eq(redisReaderFeed(reader, resp->data, resp->len), REDIS_OK);
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    ck_assert_ptr_nonnull(reply);
    redisReaderFree(reader);
    crq_buf_fini(resp);
    return reply;
}

crq_reply *reply_texts(const char *first, ...)
{
    struct crq_buf resp = CRQ_BUF_INIT;
    size_t count = 0;
    va_list ap;

    va_start(ap, first);
    for (const char *t = first; t != NULL; t = va_arg(ap, const char *))
        count++;
    va_end(ap);
    reply_put_array(&resp, count);
    va_start(ap, first);
    for (const char *t = first; t != NULL; t = va_arg(ap, const char *))
        reply_put_text(&resp, t, strlen(t));
    va_end(ap);
    return reply_take(&resp);
}
