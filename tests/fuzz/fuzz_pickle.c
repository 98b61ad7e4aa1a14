/*
 * fuzz_pickle.c - no bytes may harm the pickle codec; and what it has read, it
 * writes so that it reads the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/pickle.h"
#include "fuzz.h"

/* Write a value and free it. */
static void encode(crq_value *v, struct crq_buf *out)
{
    crq_error err;

    fuzz_ok(crq_pickle_encode(v, out, &err), &err);
    crq_value_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct crq_limits limits = { 0, 100000, 0, false };
    struct crq_buf once = CRQ_BUF_INIT, twice = CRQ_BUF_INIT;
    crq_value *v = NULL;
    crq_error err;
    int rc = crq_pickle_decode(data, size, &limits, &v, &err);

    (void)crq_pickle_likely(data, size);
    if (rc < 0) {
        fuzz_check(err.code == rc && err.text[0] != '\0' && v == NULL);
        return 0;
    }
    encode(v, &once);
    fuzz_check(crq_pickle_likely(once.data, once.len));
    /* Equal bytes mean equal values: crq_value_equal() would take for
     * different what holds a NaN, and long for parts shared many times. */
    fuzz_ok(crq_pickle_decode(once.data, once.len, NULL, &v, &err), &err);
    encode(v, &twice);
    fuzz_check(once.len == twice.len);
    fuzz_check(memcmp(once.data, twice.data, once.len) == 0);
    crq_buf_fini(&once);
    crq_buf_fini(&twice);
    return 0;
}
