/* dependency.c - the words and replies of promote_rest.lua and settle.lua. */
#include "model/dependency.h"

#include "base/error.h"
#include "model/run_impl.h"

size_t crq_promote_rest_words(struct crq_args *out, int64_t now_us)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_run_put_stamp(out, now_us);
    return nkeys;
}

int crq_promote_rest_read(const crq_reply *reply, int64_t *out_left,
        crq_error *err)
{
    if (crq_reply_kind(reply) != CRQ_REPLY_INT)
        return crq_fail(err, CRQ_ECODEC,
                "unexpected reply to the script promote_rest");
    *out_left = crq_reply_int(reply, 0);
    return 0;
}

size_t crq_settle_start(struct crq_args *out, int64_t now_us)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_run_put_stamp(out, now_us);
    return nkeys;
}

void crq_settle_add(struct crq_args *out, const char *id)
{
    crq_args_puts(out, id);
}

int crq_settle_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count, "settle", err);
}

bool crq_settle_enqueued(const crq_reply *reply, size_t i)
{
    return crq_reply_int(crq_reply_item(reply, i), 0) == 1;
}
