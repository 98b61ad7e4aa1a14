/*
 * fuzz_literal.c - any bytes as a Python literal.
 *
 * The repr of what was read must read back, and have the same repr.
 */
#include <string.h>

#include "codec/literal.h"
#include "codec/repr.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crq_limits limits = { 1 << 20, 100000, 50, false };
    struct crq_buf first = CRQ_BUF_INIT, second = CRQ_BUF_INIT;
    crq_value *v = NULL, *again = NULL;
    crq_error err;
    int rc = crq_literal_decode((const char *)data, size, &limits, &v, &err);

    if (rc < 0)
        return 0;
    rc = crq_repr(v, &first, &err);
    /* A hexadecimal int may be too long for decimal text. */
    fuzz_check(rc == 0 || rc == CRQ_ELIMIT);
    if (rc < 0)
        goto out;
    rc = crq_literal_decode(first.data, first.len, NULL, &again, &err);
    /* 1e400 is read, but its repr "inf" is no literal, as in Python. */
    fuzz_check(rc == 0 || strstr(first.data, "inf") != NULL);
    if (rc < 0)
        goto out;
    rc = crq_repr(again, &second, &err);
    fuzz_ok(rc, &err);
    fuzz_check(first.len == second.len);
    fuzz_check(memcmp(first.data, second.data, first.len) == 0);
out:
    crq_value_free(again);
    crq_value_free(v);
    crq_buf_fini(&first);
    crq_buf_fini(&second);
    return 0;
}
