/* check_utf8.c - tests of codec/utf8.c. */
#include "unit.h"

#include <string.h>

#include "base/utf8.h"
#include "codec/value.h"

START_TEST(test_every_character_goes_both_ways)
{
    char bytes[4];
    size_t len, size, bad;

    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        len = crq_utf8_put(bytes, c);
        if (!crq_utf8_valid(bytes, len, &bad) ||
                crq_utf8_next(bytes, len, &size) != c || size != len)
            ck_abort_msg("U+%04X", (unsigned)c);
        if (len > 1 && crq_utf8_valid(bytes, len - 1, &bad))
            ck_abort_msg("U+%04X cut short", (unsigned)c);
    }
}
END_TEST

static const struct {
    const char *text;
    bool strict;
} strictly[] = {
    { "", true },
    { "a\xc3\xbc\xf0\x9f\x98\x80", true },
    { "\xed\x9f\xbf", true },
    { "\xee\x80\x80", true },
    { "\xed\xa0\x80", false },
    { "a\xed\xbf\xbf"
      "b",
            false },
    { "\xed\xa0\xbd\xed\xb8\x80", false },
    { "\xed", false },
    { "\xff", false },
};

START_TEST(test_surrogates_are_no_utf8_for_others)
{
    const char *text = strictly[_i].text;

    ck_assert_int_eq(crq_utf8_strict(text, strlen(text)), strictly[_i].strict);
}
END_TEST

static const struct {
    const char *text;
    size_t bad;
} wrong[] = {
    { "\x80", 0 },
    { "a\xbf", 1 },
    { "\xc0\x80", 0 },
    { "\xc1\xbf", 0 },
    { "\xc3", 0 },
    { "\xc3(", 0 },
    { "\xe0\x80\x80", 0 },
    { "\xe0\x9f\xbf", 0 },
    { "ab\xe2\x82", 2 },
    { "\xe2(\x82", 0 },
    { "\xe2\x82(", 0 },
    { "\xf0\x80\x80\x80", 0 },
    { "\xf0\x8f\xbf\xbf", 0 },
    { "\xf0\x9f\x98", 0 },
    { "\xf0\x9f\x98(", 0 },
    { "\xf4\x90\x80\x80", 0 },
    { "\xf5\x80\x80\x80", 0 },
    { "\xe2\x82\xac\xff", 3 },
};

START_TEST(test_malformed_sequences_are_found_where_they_begin)
{
    size_t bad = 99, size;
    const char *text = wrong[_i].text;

    ck_assert(!crq_utf8_valid(text, strlen(text), &bad));
    ck_assert_uint_eq(bad, wrong[_i].bad);
    ck_assert_uint_eq(crq_utf8_next(text + bad, strlen(text + bad), &size),
            0xfffd);
    ck_assert_uint_eq(size, 1);
}
END_TEST

START_TEST(test_lone_surrogates_are_taken)
{
    size_t bad;

    ck_assert(crq_utf8_valid("\xed\xa0\x80\xed\xbf\xbf", 6, &bad));
    ck_assert(crq_utf8_valid("", 0, &bad));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("utf8");

    tcase_add_test(tc, test_every_character_goes_both_ways);
    unit_add_rows(tc, test_surrogates_are_no_utf8_for_others, strictly);
    unit_add_rows(tc, test_surrogates_are_no_utf8_for_others, strictly);
    unit_add_rows(tc, test_malformed_sequences_are_found_where_they_begin,
            wrong);
    tcase_add_test(tc, test_lone_surrogates_are_taken);
    return unit_run("utf8", tc);
}
