/*
 * fuzz_msgpack.c - any bytes as msgpack.
 *
 * What is read is written and read again, and must be the same.
 */

#include "codec/msgpack.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crq_limits limits = { 1 << 20, 100000, 50, false };
    struct crq_buf first = CRQ_BUF_INIT, second = CRQ_BUF_INIT;
    crq_value *v = NULL, *again = NULL;
    crq_error err;
    int rc = crq_msgpack_decode(data, size, &limits, &v, &err);

    if (rc < 0)
        return 0;
    rc = crq_msgpack_encode(v, &first, &err);
    fuzz_ok(rc, &err);
    rc = crq_msgpack_decode(first.data, first.len, NULL, &again, &err);
    fuzz_ok(rc, &err);
    rc = crq_msgpack_encode(again, &second, &err);
    fuzz_ok(rc, &err);
    fuzz_check(first.len == second.len);
    for (size_t i = 0; i < first.len; i++)
        fuzz_check(first.data[i] == second.data[i]);
    crq_value_free(again);
    crq_value_free(v);
    crq_buf_fini(&first);
    crq_buf_fini(&second);
    return 0;
}
