/* check_call_peek.c - tests of model/call_peek.c. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "codec/zip.h"
#include "model/call.h"

#define BYTES(text) text, sizeof(text) - 1

/* What Python writes for (name, None, (2, "x"), {"k": 1}): pickles of protocol
 * 0 to 5, names that are not ASCII, compressed, JSON, and forms that only the
 * full reader knows. */
static const struct {
    const char *bytes;
    size_t len;
    const char *name;
} rows[] = {
    { BYTES("\x28\x56\x73\x68\x6f\x70\x2e\x74\x6f\x74\x61\x6c\x0a\x70\x30\x0a"
            "\x4e\x28\x49\x32\x0a\x56\x78\x0a\x70\x31\x0a\x74\x70\x32\x0a\x28"
            "\x64\x70\x33\x0a\x56\x6b\x0a\x70\x34\x0a\x49\x31\x0a\x73\x74\x70"
            "\x35\x0a\x2e"),
            "shop.total" },
    { BYTES("\x28\x58\x0a\x00\x00\x00\x73\x68\x6f\x70\x2e\x74\x6f\x74\x61\x6c"
            "\x71\x00\x4e\x28\x4b\x02\x58\x01\x00\x00\x00\x78\x71\x01\x74\x71"
            "\x02\x7d\x71\x03\x58\x01\x00\x00\x00\x6b\x71\x04\x4b\x01\x73\x74"
            "\x71\x05\x2e"),
            "shop.total" },
    { BYTES("\x80\x02\x28\x58\x0a\x00\x00\x00\x73\x68\x6f\x70\x2e\x74\x6f\x74"
            "\x61\x6c\x71\x00\x4e\x4b\x02\x58\x01\x00\x00\x00\x78\x71\x01\x86"
            "\x71\x02\x7d\x71\x03\x58\x01\x00\x00\x00\x6b\x71\x04\x4b\x01\x73"
            "\x74\x71\x05\x2e"),
            "shop.total" },
    { BYTES("\x80\x03\x28\x58\x0a\x00\x00\x00\x73\x68\x6f\x70\x2e\x74\x6f\x74"
            "\x61\x6c\x71\x00\x4e\x4b\x02\x58\x01\x00\x00\x00\x78\x71\x01\x86"
            "\x71\x02\x7d\x71\x03\x58\x01\x00\x00\x00\x6b\x71\x04\x4b\x01\x73"
            "\x74\x71\x05\x2e"),
            "shop.total" },
    { BYTES("\x80\x04\x95\x23\x00\x00\x00\x00\x00\x00\x00\x28\x8c\x0a\x73\x68"
            "\x6f\x70\x2e\x74\x6f\x74\x61\x6c\x94\x4e\x4b\x02\x8c\x01\x78\x94"
            "\x86\x94\x7d\x94\x8c\x01\x6b\x94\x4b\x01\x73\x74\x94\x2e"),
            "shop.total" },
    { BYTES("\x80\x05\x95\x23\x00\x00\x00\x00\x00\x00\x00\x28\x8c\x0a\x73\x68"
            "\x6f\x70\x2e\x74\x6f\x74\x61\x6c\x94\x4e\x4b\x02\x8c\x01\x78\x94"
            "\x86\x94\x7d\x94\x8c\x01\x6b\x94\x4b\x01\x73\x74\x94\x2e"),
            "shop.total" },
    { BYTES("\x28\x56\x6d\xfc\x6e\x7a\x65\x2e\xe4\x0a\x70\x30\x0a\x4e\x28\x49"
            "\x32\x0a\x56\x78\x0a\x70\x31\x0a\x74\x70\x32\x0a\x28\x64\x70\x33"
            "\x0a\x56\x6b\x0a\x70\x34\x0a\x49\x31\x0a\x73\x74\x70\x35\x0a\x2e"),
            "m\xc3\xbcnze.\xc3\xa4" },
    { BYTES("\x80\x02\x28\x58\x09\x00\x00\x00\x6d\xc3\xbc\x6e\x7a\x65\x2e\xc3"
            "\xa4\x71\x00\x4e\x4b\x02\x58\x01\x00\x00\x00\x78\x71\x01\x86\x71"
            "\x02\x7d\x71\x03\x58\x01\x00\x00\x00\x6b\x71\x04\x4b\x01\x73\x74"
            "\x71\x05\x2e"),
            "m\xc3\xbcnze.\xc3\xa4" },
    { BYTES("\x80\x05\x95\x22\x00\x00\x00\x00\x00\x00\x00\x28\x8c\x09\x6d\xc3"
            "\xbc\x6e\x7a\x65\x2e\xc3\xa4\x94\x4e\x4b\x02\x8c\x01\x78\x94\x86"
            "\x94\x7d\x94\x8c\x01\x6b\x94\x4b\x01\x73\x74\x94\x2e"),
            "m\xc3\xbcnze.\xc3\xa4" },
    { BYTES("\x78\x9c\x6b\x60\x9d\xaa\xcc\x00\x01\x1a\x3d\x5c\xc5\x19\xf9\x05"
            "\x7a\x25\xf9\x25\x89\x39\x53\xfc\xbc\x99\x7a\x18\x2b\xa6\xb4\x4d"
            "\xa9\x9d\xd2\xc3\x98\x3d\xc5\x9b\xb1\xb8\x64\x8a\x1e\x00\x21\xb8"
            "\x0e\x7c"),
            "shop.total" },
    { BYTES("\x78\x9c\x6b\x60\xd2\x88\xe0\x62\x60\x60\x28\xce\xc8\x2f\xd0\x2b"
            "\xc9\x2f\x49\xcc\x29\x64\xf0\xf3\x66\x8a\x60\x04\x8a\x55\x14\x32"
            "\xb6\x15\x32\xd5\x16\x32\x83\x79\xd9\x85\x2c\xde\x8c\xc5\x25\x85"
            "\xac\x7a\x00\x50\x56\x0c\x62"),
            "shop.total" },
    { BYTES("\x5b\x22\x73\x68\x6f\x70\x2e\x74\x6f\x74\x61\x6c\x22\x2c\x20\x6e"
            "\x75\x6c\x6c\x2c\x20\x5b\x32\x2c\x20\x22\x78\x22\x5d\x2c\x20\x7b"
            "\x22\x6b\x22\x3a\x20\x31\x7d\x5d"),
            "shop.total" },
    { BYTES("\x78\x9c\x8b\x56\x2a\xce\xc8\x2f\xd0\x2b\xc9\x2f\x49\xcc\x51\xd2"
            "\x51\xc8\x2b\xcd\xc9\xd1\x51\x88\x36\xd2\x51\x50\xaa\x50\x8a\xd5"
            "\x51\xa8\x56\xca\x56\xb2\x52\x30\xac\x8d\x05\x00\x03\x44\x0b\xcc"),
            "shop.total" },
    { BYTES("\x5b\x22\x5c\x75\x30\x30\x65\x34\x22\x2c\x20\x6e\x75\x6c\x6c\x2c"
            "\x20\x5b\x32\x2c\x20\x22\x78\x22\x5d\x2c\x20\x7b\x22\x6b\x22\x3a"
            "\x20\x31\x7d\x5d"),
            "\xc3\xa4" },
    { BYTES("\x20\x5b\x20\x22\x61\x2e\x62\x22\x20\x2c\x20\x6e\x75\x6c\x6c\x2c"
            "\x20\x5b\x5d\x2c\x20\x7b\x7d\x5d"),
            "a.b" },
    /* msgpack.packb(["shop.total", None, [2, "x"], {"k": 1}]) */
    { BYTES("\x94\xaa\x73\x68\x6f\x70\x2e\x74\x6f\x74\x61\x6c\xc0\x92\x02"
            "\xa1\x78\x81\xa1\x6b\x01"),
            "shop.total" },
    { BYTES("\xdc\x00\x04\xd9\x01\x66\xc0\x90\x80"), "f" },
    { BYTES("\x94\xda\x00\x03\x61\x2e\x62\xc0\x90\x80"), "a.b" },
    { BYTES("\x80\x04\x95\x21\x00\x00\x00\x00\x00\x00\x00\x5d\x94\x28\x8c\x07"
            "\x61\x73\x2e\x6c\x69\x73\x74\x94\x4e\x4b\x02\x8c\x01\x78\x94\x86"
            "\x94\x7d\x94\x8c\x01\x6b\x94\x4b\x01\x73\x65\x2e"),
            "as.list" },
};

static int peek(void *arg, crq_error *err)
{
    int row = *(int *)arg, rc;
    struct crq_buf name = CRQ_BUF_INIT;

    rc = crq_payload_func_peek(rows[row].bytes, rows[row].len, &name, err);
    if (rc == 0)
        ck_assert_str_eq(crq_buf_text(&name), rows[row].name);
    crq_buf_fini(&name);
    return rc;
}

START_TEST(test_the_name_is_found_whatever_wrote_the_data)
{
    unit_fail_each_allocation(peek, &_i);
}
END_TEST

START_TEST(test_the_name_is_the_one_that_the_full_reader_finds)
{
    struct crq_payload payload;
    crq_error err;

    unit_ok(crq_payload_decode(rows[_i].bytes, rows[_i].len, &payload, &err),
            &err);
    ck_assert_str_eq(payload.func, rows[_i].name);
    crq_payload_fini(&payload);
}
END_TEST

/* However it is cut, it is read in bounds; the name is whole or not told. */
START_TEST(test_data_that_is_cut_gives_the_whole_name_or_an_error)
{
    for (size_t len = 0; len < rows[_i].len; len++) {
        struct crq_buf name = CRQ_BUF_INIT;
        char *copy = malloc(len + 1);
        crq_error err;

        memcpy(copy, rows[_i].bytes, len);
        if (crq_payload_func_peek(copy, len, &name, &err) == 0)
            ck_assert_str_eq(crq_buf_text(&name), rows[_i].name);
        free(copy);
        crq_buf_fini(&name);
    }
}
END_TEST

START_TEST(test_only_the_begin_is_looked_at)
{
    /* PROTO 4, FRAME, MARK, the name, and then what is no pickle. */
    static const char begin[] = "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00("
                                "\x8c\x03"
                                "a.b";
    struct crq_buf data = CRQ_BUF_INIT, zip = CRQ_BUF_INIT, name = CRQ_BUF_INIT;
    crq_error err;

    crq_buf_put(&data, begin, sizeof(begin) - 1);
    for (int i = 0; i < 100000; i++)
        crq_buf_printf(&data, "%d", i * 7919);
    unit_ok(crq_zip_deflate(data.data, data.len, &zip, &err), &err);
    unit_ok(crq_payload_func_peek(zip.data, zip.len, &name, &err), &err);
    ck_assert_str_eq(crq_buf_text(&name), "a.b");
    crq_buf_fini(&data);
    crq_buf_fini(&zip);
    crq_buf_fini(&name);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
} broken[] = {
    { BYTES("") },
    { BYTES("(X\xff\xff\xff\xff") },
    { BYTES("\x80\x04(\x8d\xff\xff\xff\xff\xff\xff\xff\xff.") },
    { BYTES("\x80\x04(X\x02\x00\x00\x00\xc3(.") },
    { BYTES("\x80\x04(X\x02\x00\x00\x00"
            "a\0.") },
    { BYTES("[\"a\nb\"") },
    { BYTES("[null, null, [], {}]") },
};

START_TEST(test_what_has_no_name_is_an_error)
{
    struct crq_buf name = CRQ_BUF_INIT;
    crq_error err;

    ck_assert_int_eq(crq_payload_func_peek(broken[_i].bytes, broken[_i].len,
                             &name, &err),
            CRQ_ECODEC);
    ck_assert_uint_eq(name.len, 0);
    crq_buf_fini(&name);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("call_peek");

    unit_add_rows(tc, test_the_name_is_found_whatever_wrote_the_data, rows);
    unit_add_rows(tc, test_the_name_is_the_one_that_the_full_reader_finds,
            rows);
    unit_add_rows(tc, test_data_that_is_cut_gives_the_whole_name_or_an_error,
            rows);
    tcase_add_test(tc, test_only_the_begin_is_looked_at);
    unit_add_rows(tc, test_what_has_no_name_is_an_error, broken);
    return unit_run("call_peek", tc);
}
