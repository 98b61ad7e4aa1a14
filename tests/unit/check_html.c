/* check_html.c - tests of src/web/html.c: text stays text. */
#include "unit.h"

#include <string.h>

#include "web/html.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
    const char *text;
    size_t len;
    const char *want;
} texts[] = {
    { TEXT(""), "" },
    { TEXT("plain"), "plain" },
    { TEXT("<script>alert(1)</script>"),
            "&lt;script&gt;alert(1)&lt;/script&gt;" },
    { TEXT("\"'&"), "&quot;&#39;&amp;" },
    { TEXT("&lt;"), "&amp;lt;" },
    { TEXT("a\tb\nc"), "a\tb\nc" },
    { TEXT("\0\x01\r\x1b\x7f"),
            "\xe2\x90\x80\xe2\x90\x81\xe2\x90\x8d\xe2\x90\x9b\xe2\x90\xa1" },
    { TEXT("caf\xc3\xa9 \xf0\x9f\x90\x9d"), "caf\xc3\xa9 \xf0\x9f\x90\x9d" },
    { TEXT("caf\xe9!"), "caf\xef\xbf\xbd!" },
    { TEXT("\xff\xfe<"), "\xef\xbf\xbd\xef\xbf\xbd&lt;" },
    { TEXT("\xc2\x85"), "\xef\xbf\xbd" }, /* a control character */
    { TEXT("\xc0\xbcscript"), "\xef\xbf\xbd\xef\xbf\xbdscript" }, /* '<' */
    { TEXT("\xed\xa0\x80"), "\xef\xbf\xbd" }, /* a lone surrogate */
    { TEXT("\xef\xbf\xbe"), "\xef\xbf\xbd" }, /* U+FFFE */
    { TEXT("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd" },
};

START_TEST(test_any_bytes_become_text)
{
    struct crq_buf out = CRQ_BUF_INIT;

    html_text(&out, texts[_i].text, texts[_i].len);
    ck_assert_str_eq(crq_buf_text(&out), texts[_i].want);
    crq_buf_fini(&out);
}
END_TEST

static const struct {
    const char *text;
    size_t len, most;
    const char *want;
} cuts[] = {
    { TEXT("abc"), 3, "abc" },
    { TEXT("abcd"), 3, "abc\xe2\x80\xa6" },
    { TEXT("ab\xc3\xa9"), 3, "ab\xe2\x80\xa6" },
    { TEXT("\xf0\x9f\x90\x9d!"), 3, "\xe2\x80\xa6" },
    { TEXT("\x80\x80\x80\x80\x80\x80"), 5,
            "\xef\xbf\xbd\xef\xbf\xbd\xe2\x80\xa6" },
    { TEXT("<<<<"), 2, "&lt;&lt;\xe2\x80\xa6" },
};

START_TEST(test_a_long_text_is_cut_at_a_whole_character)
{
    struct crq_buf out = CRQ_BUF_INIT;

    html_cut(&out, cuts[_i].text, cuts[_i].len, cuts[_i].most);
    ck_assert_str_eq(crq_buf_text(&out), cuts[_i].want);
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_what_fills_a_template_is_escaped)
{
    const char *volatile nothing = NULL; /* which no compiler may see */
    struct crq_buf out = CRQ_BUF_INIT;

    html(&out, "<a title=\"%s\">%s</a>%s %d %lld %zu 100%%", "\"><b>", "<i>",
            nothing, -3, (long long)INT64_MIN, (size_t)7);
    ck_assert_str_eq(crq_buf_text(&out),
            "<a title=\"&quot;&gt;&lt;b&gt;\">&lt;i&gt;</a> -3 "
            "-9223372036854775808 7 100%");
    crq_buf_fini(&out);
}
END_TEST

START_TEST(test_a_part_of_an_address_holds_nothing_of_its_syntax)
{
    struct crq_buf out = CRQ_BUF_INIT;

    html_url(&out, "a/b?c=d&e#f%\"'<> ~_-.\xc3\xa9\n");
    ck_assert_str_eq(crq_buf_text(&out),
            "a%2Fb%3Fc%3Dd%26e%23f%25%22%27%3C%3E%20~_-.%C3%A9%0A");
    crq_buf_fini(&out);
}
END_TEST

static int write_all(void *arg, crq_error *err)
{
    struct crq_buf out = CRQ_BUF_INIT;
    int rc;

    (void)arg;
    for (int i = 0; i < 100; i++) {
        html(&out, "<p>%s</p>", "<&>\xff");
        html_url(&out, "a b");
    }
    rc = crq_buf_check(&out, err);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_want_of_memory_is_told)
{
    unit_fail_each_allocation(write_all, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("html");

    unit_add_rows(tc, test_any_bytes_become_text, texts);
    unit_add_rows(tc, test_a_long_text_is_cut_at_a_whole_character, cuts);
    tcase_add_test(tc, test_what_fills_a_template_is_escaped);
    tcase_add_test(tc, test_a_part_of_an_address_holds_nothing_of_its_syntax);
    tcase_add_test(tc, test_want_of_memory_is_told);
    return unit_run("html", tc);
}
