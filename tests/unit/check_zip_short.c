/* check_zip_short.c - tests of codec/zip_short.c: zlib reads what it writes. */
#include "unit.h"

#include <string.h>
#include <zlib.h>

#include "codec/zip_short.h"

/* The pickle of a usual call. */
static const char pickled[] = "\x80\x05\x95\x27\0\0\0\0\0\0\0(\x8c\x0c"
                              "builtins.pow\x94NK\x02K\x0a\x86\x94}\x94t\x94.";

/* The same text for the same number, of bytes up to and with `high`. */
static void fill(uint8_t *out, size_t len, uint32_t seed, unsigned high)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (uint8_t)((seed >> 16) % (high + 1));
    }
}

static size_t check(const uint8_t *bytes, size_t len)
{
    uint8_t zip[CRQ_ZIP_SHORT_ROOM(CRQ_ZIP_SHORT) + 1], back[CRQ_ZIP_SHORT + 1];
    size_t room = CRQ_ZIP_SHORT_ROOM(len), zip_len;
    uLongf back_len = sizeof(back);

    zip[room] = 0xa5;
    zip_len = crq_zip_short(bytes, len, zip);
    ck_assert_uint_le(zip_len, room);
    ck_assert_int_eq(zip[room], 0xa5);
    ck_assert_int_eq(uncompress(back, &back_len, zip, (uLong)zip_len), Z_OK);
    ck_assert_uint_eq(back_len, len);
    ck_assert_int_eq(memcmp(back, bytes, len), 0);
    return zip_len;
}

/* From one byte again and again to bytes of 9 bits only. */
static const unsigned alphabets[] = { 0, 1, 2, 3, 15, 127, 143, 144, 255 };

START_TEST(test_zlib_reads_every_length_of_every_alphabet)
{
    uint8_t bytes[CRQ_ZIP_SHORT];

    for (size_t len = 0; len <= CRQ_ZIP_SHORT; len++)
        for (uint32_t seed = 0; seed < 20; seed++) {
            fill(bytes, len, seed, alphabets[_i]);
            check(bytes, len);
        }
    memset(bytes, 0xff, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i += 2)
        bytes[i] = (uint8_t)i;
    check(bytes, sizeof(bytes));
}
END_TEST

START_TEST(test_a_repeat_is_found_at_every_distance)
{
    for (size_t distance = 1; distance <= CRQ_ZIP_SHORT - 10; distance++) {
        uint8_t bytes[CRQ_ZIP_SHORT];
        size_t len = distance + 10;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(i % distance);
        /* Literals, and two repeats of 18 bits at most where there were 10
         * bytes; a literal or two more when the table forgot the place. */
        ck_assert_uint_le(check(bytes, len), 8 + distance + 5 + 2);
    }
}
END_TEST

START_TEST(test_a_job_is_no_longer_than_zlib_makes_it)
{
    size_t len = sizeof(pickled) - 1;
    uint8_t usual[200];
    uLongf usual_len = sizeof(usual);

    ck_assert_int_eq(compress(usual, &usual_len, (const Bytef *)pickled,
                             (uLong)len),
            Z_OK);
    ck_assert_uint_eq(check((const uint8_t *)pickled, len), usual_len);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("zip_short");

    unit_add_rows(tc, test_zlib_reads_every_length_of_every_alphabet,
            alphabets);
    tcase_add_test(tc, test_a_repeat_is_found_at_every_distance);
    tcase_add_test(tc, test_a_job_is_no_longer_than_zlib_makes_it);
    return unit_run("zip_short", tc);
}
