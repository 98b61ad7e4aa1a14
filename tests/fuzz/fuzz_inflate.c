/*
 * fuzz_inflate.c - any bytes as zlib data, as base64, and as what is to be
 * packed.
 */
#include <string.h>

#include "codec/zip.h"
#include "fuzz.h"

static void there_and_back(const uint8_t *data, size_t size)
{
    struct crq_buf packed = CRQ_BUF_INIT, text = CRQ_BUF_INIT;
    struct crq_buf back;
    crq_error err;
    int rc = crq_zip_deflate(data, size, &packed, &err);

    fuzz_ok(rc, &err);
    rc = crq_base64_encode(packed.data, packed.len, &text, &err);
    fuzz_ok(rc, &err);
    crq_buf_clear(&packed);
    rc = crq_base64_decode(text.data, text.len, &packed, &err);
    fuzz_ok(rc, &err);
    crq_buf_init(&back, size);
    rc = crq_zip_inflate(packed.data, packed.len, &back, &err);
    fuzz_ok(rc, &err);
    fuzz_check(back.len == size);
    fuzz_check(size == 0 || memcmp(back.data, data, size) == 0);
    crq_buf_fini(&packed);
    crq_buf_fini(&text);
    crq_buf_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crq_buf out, text = CRQ_BUF_INIT;
    crq_error err;

    crq_buf_init(&out, 1 << 16);
    if (crq_zip_inflate(data, size, &out, &err) < 0)
        fuzz_check(out.len == 0);
    crq_buf_clear(&out);
    if (crq_base64_decode((const char *)data, size, &out, &err) == 0) {
        /* One text per value: it is what would be written. */
        int rc = crq_base64_encode(out.data, out.len, &text, &err);

        fuzz_check(rc == 0 && text.len == size);
        fuzz_check(size == 0 || memcmp(text.data, data, size) == 0);
    }
    crq_buf_fini(&out);
    crq_buf_fini(&text);
    there_and_back(data, size);
    return 0;
}
