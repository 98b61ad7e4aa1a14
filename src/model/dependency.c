/* dependency.c - promote_rest.lua and settle.lua: words, replies, calls. */
#include "model/dependency.h"

#include "base/error.h"
#include "model/run_impl.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

/* Each promotes a hundred. Others may add jobs as fast as we take them: nobody
 * shall be kept here for ever. */
#define CALLS 10000

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

int crq_promote_rest(crq_conn *conn, crq_error *err)
{
    struct crq_args args;
    int64_t left = 1;
    int rc = 0;

    crq_args_init(&args);
    for (int calls = 0; rc == 0 && left > 0 && calls < CALLS; calls++) {
        crq_reply *reply = NULL;
        size_t nkeys = crq_promote_rest_words(&args,
                crq_clock_wall_us(crq_conn_clock(conn)));

        rc = crq_script_call(conn, &crq_script_promote_rest, nkeys, &args,
                &reply, err);
        if (rc == 0)
            rc = crq_promote_rest_read(reply, &left, err);
        crq_reply_free(reply);
    }
    crq_args_fini(&args);
    return rc;
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

const char *crq_settle_why(const crq_reply *reply, size_t i)
{
    const crq_reply *item = crq_reply_item(reply, i);

    return crq_reply_text(crq_reply_item(item, 0), NULL);
}
