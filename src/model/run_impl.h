/* run_impl.h - what run.c gives to lease.c and finish.c. */
#ifndef CRQ_MODEL_RUN_IMPL_H
#define CRQ_MODEL_RUN_IMPL_H

#include "redis/args.h"
#include "redis/reply.h"

/** Empty `out` and put what every script that includes run.lua begins with:
 *  the keys, and the patterns of keys. `third` is one more key, or NULL. The
 *  number of keys. */
size_t crq_run_start(struct crq_args *out, const char *third);

/** Put a time as unix seconds with six digits of fraction. */
void crq_run_put_unix(struct crq_args *out, int64_t when_us);
/** Put a time as RQ's date-time. */
void crq_run_put_stamp(struct crq_args *out, int64_t when_us);

/** CRQ_ECODEC, with the script named, unless the reply is an array of at
 *  least so many items. */
int crq_run_check(const crq_reply *reply, size_t least, const char *script,
        crq_error *err) CRQ_MUST_CHECK;

#endif
