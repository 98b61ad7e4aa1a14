/* check_url.c - tests of redis/url.c. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "redis/url.h"

#define NO NULL

static const struct {
    const char *text, *host, *path, *user, *password;
    int port, db;
    bool tls;
    const char *shown;
} good[] = {
    { "redis://h", "h", NO, NO, NO, 6379, 0, false, "h:6379/0" },
    { "redis://h/", "h", NO, NO, NO, 6379, 0, false, "h:6379/0" },
    { "redis://", "localhost", NO, NO, NO, 6379, 0, false, "localhost:6379/0" },
    { "redis:///5", "localhost", NO, NO, NO, 6379, 5, false,
            "localhost:6379/5" },
    { "REDIS://h:1/2147483647", "h", NO, NO, NO, 1, 2147483647, false,
            "h:1/2147483647" },
    { "redis://h:65535/3/", "h", NO, NO, NO, 65535, 3, false, "h:65535/3" },
    { "redis://h/3?db=4", "h", NO, NO, NO, 6379, 4, false, "h:6379/4" },
    { "redis://h?db=07", "h", NO, NO, NO, 6379, 7, false, "h:6379/7" },
    { "redis://[::1]:7000/1", "::1", NO, NO, NO, 7000, 1, false,
            "[::1]:7000/1" },
    { "redis://127.0.0.1", "127.0.0.1", NO, NO, NO, 6379, 0, false,
            "127.0.0.1:6379/0" },
    { "rediss://h", "h", NO, NO, NO, 6379, 0, true, "h:6379/0" },
    { "redis://:pw@h", "h", NO, NO, "pw", 6379, 0, false, "h:6379/0" },
    { "redis://joe@h", "h", NO, "joe", NO, 6379, 0, false, "h:6379/0" },
    { "redis://joe:@h", "h", NO, "joe", NO, 6379, 0, false, "h:6379/0" },
    { "redis://:@h", "h", NO, NO, NO, 6379, 0, false, "h:6379/0" },
    { "redis://joe:a:b%40%2F%25@h:1", "h", NO, "joe", "a:b@/%", 1, 0, false,
            "h:1/0" },
    { "redis://j%6Fe:p+w@h", "h", NO, "joe", "p+w", 6379, 0, false,
            "h:6379/0" },
    { "unix:///run/r.sock", NO, "/run/r.sock", NO, NO, 6379, 0, false,
            "unix:/run/r.sock" },
    { "unix:/run/r.sock?db=1", NO, "/run/r.sock", NO, NO, 6379, 1, false,
            "unix:/run/r.sock?db=1" },
    { "unix://u:p@/a%20b?db=9", NO, "/a b", "u", "p", 6379, 9, false,
            "unix:/a b?db=9" },
    { "unix:///a:b", NO, "/a:b", NO, NO, 6379, 0, false, "unix:/a:b" },
};

static void same(const char *got, const char *want)
{
    ck_assert_pstr_eq(got, want);
}

START_TEST(test_every_form_of_a_url_is_read)
{
    struct crq_url url;
    struct crq_buf shown = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_url_parse(good[_i].text, &url, &err), &err);
    same(url.host, good[_i].host);
    same(url.path, good[_i].path);
    same(url.user, good[_i].user);
    same(url.password, good[_i].password);
    ck_assert_int_eq(url.port, good[_i].port);
    ck_assert_int_eq(url.db, good[_i].db);
    ck_assert_int_eq(url.tls, good[_i].tls);
    ck_assert_int_eq(crq_url_describe(&url, &shown), 0);
    ck_assert_str_eq(crq_buf_text(&shown), good[_i].shown);
    crq_buf_fini(&shown);
    crq_url_fini(&url);
}
END_TEST

static const struct {
    const char *text, *says;
} bad[] = {
    { "redis://h:99999/0",
            "the port '99999' in 'redis://h:99999/0' is not in 1..65535" },
    { "redis://h:0", "the port '0' in 'redis://h:0' is not in 1..65535" },
    { "redis://h:6a", "the port '6a' in 'redis://h:6a' is not in 1..65535" },
    { "redis://u:secret@h:70000",
            "the port '70000' in 'redis://u:***@h:70000' is not in 1..65535" },
    { "redis://h/x",
            "the database 'x' in 'redis://h/x' is not a number in "
            "0..2147483647" },
    { "redis://h/-1",
            "the database '-1' in 'redis://h/-1' is not a number in "
            "0..2147483647" },
    { "redis://h/2147483648",
            "the database '2147483648' in 'redis://h/2147483648' is not a "
            "number in 0..2147483647" },
    { "redis://h//3",
            "the database '/3' in 'redis://h//3' is not a number in "
            "0..2147483647" },
    { "redis://h?db=",
            "the database '' in 'redis://h?db=' is not a number in "
            "0..2147483647" },
    { "redis://h?db=1&db=2", "'db' stands twice in 'redis://h?db=1&db=2'" },
    { "redis://h?dbx=1",
            "'dbx' in 'redis://h?dbx=1' is not known; only 'db' may follow "
            "'?'" },
    { "redis://h?password=secret",
            "'password' in 'redis://h?***' is not known; only 'db' may follow "
            "'?'" },
    { "http://h",
            "the scheme 'http' in 'http://h' is not one of redis://, "
            "rediss:// and unix://" },
    { "localhost:6379",
            "'localhost:6379' is not a Redis URL: it starts with "
            "none of redis://, rediss:// and unix://" },
    { "localhost",
            "'localhost' is not a Redis URL: it starts with none of "
            "redis://, rediss:// and unix://" },
    { "",
            "'' is not a Redis URL: it starts with none of redis://, rediss:// "
            "and unix://" },
    { "redis:h", "'redis:h' has no host: write redis://HOST:PORT/DB" },
    { "redis://h#1",
            "the '#' in 'redis://h#1' must be percent-escaped as "
            "%23" },
    { "redis://:p%zz@h",
            "the user or password in 'redis://:***@h' has a character that "
            "must be percent-escaped, such as '/' as %2F" },
    { "redis://:se/cret@h",
            "the user or password in 'redis://:***@h' has a character that "
            "must be percent-escaped, such as '/' as %2F" },
    { "redis://:12/34@h",
            "the user or password in 'redis://:***@h' has a character that "
            "must be percent-escaped, such as '/' as %2F" },
    { "redis://:se#cret@h",
            "the user or password in 'redis://:***@h' has a character that "
            "must be percent-escaped, such as '/' as %2F" },
    { "redis://:se?cret@h",
            "the user or password in 'redis://:***@h' has a character that "
            "must be percent-escaped, such as '/' as %2F" },
    { "redis://:se@cret@h",
            "the user or password in 'redis://:***@h' has a character that "
            "must be percent-escaped, such as '/' as %2F" },
    { "redis://:p%00@h",
            "the password in 'redis://:***@h' has a control character" },
    { "redis://u%0A@h",
            "the user in 'redis://u%0A@h' has a control "
            "character" },
    { "redis://a%7fb", "the host in 'redis://a%7fb' has a control character" },
    { "unix:///a%00b", "the path in 'unix:///a%00b' has a control character" },
    { "unix:///a%2", "'%2' in 'unix:///a%2' is not a percent-escape" },
    { "unix:///a%g0", "'%g0' in 'unix:///a%g0' is not a percent-escape" },
    { "redis://h:\xff", "the port '?' in 'redis://h:?' is not in 1..65535" },
    { "redis://h h",
            "'redis://h h' is not a URL: character 10 must be "
            "percent-escaped" },
    { "redis://h\x01",
            "'redis://h?' is not a URL: character 10 must be "
            "percent-escaped" },
    { "redis://\xc3\xa4",
            "'redis://?"
            "?' is not a URL: character 9 must be "
            "percent-escaped" },
    { "redis://[::1", "'redis://[::1' ends too early to be a URL" },
    { "unix://run/r.sock",
            "'unix://run/r.sock' has no absolute path: write "
            "unix:///PATH" },
    { "unix://", "'unix://' has no absolute path: write unix:///PATH" },
};

START_TEST(test_a_wrong_url_is_quoted_at_the_wrong_place)
{
    struct crq_url url;
    crq_error err;

    ck_assert_int_eq(crq_url_parse(bad[_i].text, &url, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, bad[_i].says);
}
END_TEST

START_TEST(test_a_path_that_no_socket_can_have_is_refused)
{
    char text[300] = "unix:///";
    struct crq_url url;
    crq_error err;

    memset(text + 8, 'x', 106);
    unit_ok(crq_url_parse(text, &url, &err), &err);
    crq_url_fini(&url);
    text[8 + 106] = 'x';
    ck_assert_int_eq(crq_url_parse(text, &url, &err), CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, "107 bytes") != NULL, "%s", err.text);
}
END_TEST

START_TEST(test_a_long_url_is_quoted_in_part)
{
    char text[2000] = "redis://h/";
    struct crq_url url;
    crq_error err;

    memset(text + 10, 'x', sizeof(text) - 11);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(crq_url_parse(text, &url, &err), CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, "x...' is not a number") != NULL, "%s",
            err.text);
}
END_TEST

static int parse(void *arg, crq_error *err)
{
    struct crq_url url;
    int rc = crq_url_parse(arg, &url, err);

    if (rc == 0)
        crq_url_fini(&url);
    return rc;
}

START_TEST(test_every_failing_allocation_is_reported)
{
    char tcp[] = "redis://user:password@host:1/2";
    char local[] = "unix://user:password@/path?db=3";
    char none[] = "redis://";

    unit_fail_each_allocation(parse, tcp);
    unit_fail_each_allocation(parse, local);
    unit_fail_each_allocation(parse, none);
}
END_TEST

/* What is set, and the URL that it makes. */
static const struct {
    const char *set[5], *url;
} environments[] = {
    { { NULL }, NULL },
    { { "CRQ_URL=a", "RQ_REDIS_URL=b", "REDIS_URL=c", "REDIS_HOST=d" }, "a" },
    { { "CRQ_URL=", "RQ_REDIS_URL=b", "REDIS_URL=c" }, "b" },
    { { "REDIS_URL=c", "REDIS_HOST=d" }, "c" },
    { { "REDIS_HOST=h" }, "redis://h:6379/0" },
    { { "REDIS_HOST=::1", "REDIS_DB=3" }, "redis://[::1]:6379/3" },
    { { "REDIS_PORT=7000", "REDIS_PASSWORD=" }, "redis://localhost:7000/0" },
    { { "REDIS_PASSWORD=a@/" }, "redis://:%61%40%2F@localhost:6379/0" },
};

START_TEST(test_the_environment_says_where_redis_is)
{
    static const char *const names[] = { "CRQ_URL", "RQ_REDIS_URL", "REDIS_URL",
        "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD" };
    struct crq_buf space = CRQ_BUF_INIT;
    const char *url;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    for (size_t i = 0; i < 5 && environments[_i].set[i] != NULL; i++) {
        char *pair = strdup(environments[_i].set[i]);
        char *equals = strchr(pair, '=');

        *equals = '\0';
        ck_assert_int_eq(setenv(pair, equals + 1, 1), 0);
        free(pair);
    }
    url = crq_url_from_environment(&space);
    if (environments[_i].url == NULL)
        ck_assert_ptr_null(url);
    else
        ck_assert_str_eq(url, environments[_i].url);
    crq_buf_fini(&space);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("url");

    unit_add_rows(tc, test_every_form_of_a_url_is_read, good);
    unit_add_rows(tc, test_a_wrong_url_is_quoted_at_the_wrong_place, bad);
    tcase_add_test(tc, test_a_path_that_no_socket_can_have_is_refused);
    tcase_add_test(tc, test_a_long_url_is_quoted_in_part);
    unit_add_rows(tc, test_the_environment_says_where_redis_is, environments);
    tcase_add_test(tc, test_every_failing_allocation_is_reported);
    return unit_run("url", tc);
}
