/* check_web.c - tests of what src/web decides without a loop: origins, tokens,
 * problems, ids of entries, keys of handshakes. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "web/entry.h"
#include "web/files.h"
#include "web/origin.h"
#include "web/problem.h"
#include "web/tokens.h"
#include "web/ws.h"

/* ----------------------------------------------------------------- origins */

static const char *const shops[] = { "https://shop.example" };

static const struct {
    const char *origin, *host;
    bool allowed;
} origins[] = {
    { NULL, "a", true },
    { "http://a", "a", true },
    { "HTTPS://A:8", "a:8", true },
    { "https://shop.example", "a", true },
    { "http://shop.example", "a", false },
    { "https://shop.example.evil", "a", false },
    { "http://a:8", "a", false },
    { "http://a", "a:8", false },
    { "null", "null", false },
    { "", "", false },
    { "http://", "", true }, /* no page has this one */
    { "http://a", NULL, false },
};

START_TEST(test_pages_of_this_host_and_of_allowed_origins_may)
{
    const struct origin_rules rules = { shops, 1, false };

    ck_assert_int_eq(origin_is_allowed(&rules, origins[_i].origin,
                             origins[_i].host),
            origins[_i].allowed);
}
END_TEST

static const struct {
    const char *host;
    bool loopback, ours;
} hosts[] = {
    { "127.0.0.1", true, true },
    { "127.9.9.9:80", true, true },
    { "localhost:1", true, true },
    { "LOCALHOST", true, true },
    { "[::1]:80", true, true },
    { "[::1]", true, true },
    { "shop.example", false, true },
    { "127.evil.example", false, false },
    { "127.0.0.1.evil.example", false, false },
    { "localhost.evil.example", false, false },
    { "[::1].evil.example", false, false },
    { "[::2]", false, false },
    { "0.0.0.0", false, false },
    { "", false, false },
    { ":80", false, false },
};

START_TEST(test_a_name_pointed_at_a_loopback_address_is_not_ours)
{
    struct origin_rules rules = { shops, 1, true };

    ck_assert_int_eq(origin_is_loopback(hosts[_i].host), hosts[_i].loopback);
    ck_assert_int_eq(origin_host_is_ours(&rules, hosts[_i].host),
            hosts[_i].ours);
    ck_assert(!origin_host_is_ours(&rules, NULL));
    rules.loopback = false;
    ck_assert(origin_host_is_ours(&rules, hosts[_i].host));
}
END_TEST

/* ------------------------------------------------------------------ tokens */

#define ONE "0123456789abcdef"
#define TWO "ABCDEFGHIJKLMNOP-._~+/=="

static int parse(void *arg, crq_error *err)
{
    struct tokens *tokens = NULL;
    int rc = tokens_parse("f", arg, &tokens, err);

    tokens_free(tokens);
    return rc;
}

START_TEST(test_a_token_has_its_role)
{
    static char text[] = "# who\n\nread " ONE "\r\n  \noperate\t" TWO "  ";
    enum token_role role;
    char name[TOKEN_NAME_LEN + 1];
    struct tokens *tokens;
    crq_error err;

    unit_ok(tokens_parse("f", text, &tokens, &err), &err);
    ck_assert(tokens_find(tokens, ONE, &role, name));
    ck_assert_int_eq(role, TOKEN_READ);
    ck_assert_str_eq(name, "9f9f5111f7b2"); /* of its SHA-256 */
    ck_assert(tokens_find(tokens, TWO, &role, name));
    ck_assert_int_eq(role, TOKEN_OPERATE);
    ck_assert(!tokens_find(tokens, "", &role, name));
    ck_assert(!tokens_find(tokens, ONE "x", &role, name));
    ck_assert(!tokens_find(tokens, "0123456789abcde", &role, name));
    tokens_free(tokens);
    unit_fail_each_allocation(parse, text);
}
END_TEST

static const char *const no_tokens[] = { "", "\n", "# x", "read", "read ",
    "read 0123456789abcde", "Read " ONE, ONE, "read " ONE " x",
    "read " ONE "\xff", "readx " ONE, " read " ONE,
    "read " ONE "\noperate " ONE, "read " ONE "\nread " ONE };

START_TEST(test_a_line_that_is_no_token_is_refused_without_its_text)
{
    crq_error err;

    ck_assert_int_eq(parse((char *)(uintptr_t)no_tokens[_i], &err), CRQ_EINVAL);
    ck_assert_ptr_null(strstr(err.text, "0123456789"));
}
END_TEST

/* ---------------------------------------------------------------- problems */

#define HIDDEN                                                                 \
    "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","           \
    "\"status\":500,\"detail\":\"the job failed\",\"job\":\"j\"}"

static const struct {
    const char *text, *want;
} failures[] = {
    { "Traceback\n  x\ncrq.Refused: {\"status\":409,\"title\":\"t\","
      "\"detail\":\"d\",\"more\":[1]}\n\n",
            "{\"type\":\"about:blank\",\"title\":\"t\",\"status\":409,"
            "\"detail\":\"d\",\"more\":[1]}" },
    { "crq.Refused: {\"status\":418,\"type\":\"x\"}",
            "{\"type\":\"about:blank\",\"title\":\"Refused\","
            "\"status\":418}" },
    { NULL, HIDDEN },
    { "", HIDDEN },
    { "ValueError: secret", HIDDEN },
    { "crq.Refused: {\"status\":200}", HIDDEN },
    { "crq.Refused: {\"status\":500}", HIDDEN },
    { "crq.Refused: {\"status\":\"409\"}", HIDDEN },
    { "crq.Refused: {\"status\":99999999999999999999}", HIDDEN },
    { "crq.Refused: {}", HIDDEN },
    { "crq.Refused: [409]", HIDDEN },
    { "crq.Refused: secret", HIDDEN },
    { "crq.Refused: ", HIDDEN },
    { "crq.Refused: {\"status\":409}\nValueError: x", HIDDEN },
    { "xcrq.Refused: {\"status\":409}", HIDDEN },
};

START_TEST(test_a_failure_tells_strangers_what_the_task_meant_for_them)
{
    crq_value *problem = problem_of_failure(failures[_i].text, "j");
    char *text;
    crq_error err;

    unit_ok(crq_value_json(problem, &text, NULL, &err), &err);
    ck_assert_str_eq(text, failures[_i].want);
    crq_text_free(text);
    crq_value_free(problem);
}
END_TEST

static int make_problem(void *arg, crq_error *err)
{
    crq_value *problem = problem_of_failure(arg, "j");

    if (problem == NULL) {
        *err = (crq_error){ CRQ_ENOMEM, "" };
        return CRQ_ENOMEM;
    }
    crq_value_free(problem);
    return 0;
}

START_TEST(test_without_memory_there_is_no_problem)
{
    unit_fail_each_allocation(make_problem, NULL);
    ck_assert_int_eq(problem_status(NULL), 503);
}
END_TEST

/* -------------------------------------------------------------- the others */

static const struct {
    const char *text;
    bool valid;
    uint64_t ms, n;
} ids[] = {
    { "0-0", true, 0, 0 },
    { "5", true, 5, 0 },
    { "1795262400000-12", true, 1795262400000, 12 },
    { "18446744073709551615-18446744073709551615", true, UINT64_MAX,
            UINT64_MAX },
    { "", false, 0, 0 },
    { "-", false, 0, 0 },
    { "-1", false, 0, 0 },
    { "1-", false, 0, 0 },
    { "1--1", false, 0, 0 },
    { "1-1x", false, 0, 0 },
    { " 1", false, 0, 0 },
    { "+1", false, 0, 0 },
    { "$", false, 0, 0 },
    { "1-1-1", false, 0, 0 },
    { "111111111111111111111111111111111111111111", false, 0, 0 },
};

START_TEST(test_an_id_of_an_entry_is_two_numbers)
{
    struct entry_id id;

    ck_assert_int_eq(entry_id_read(ids[_i].text, &id), ids[_i].valid);
    if (ids[_i].valid) {
        ck_assert(id.ms == ids[_i].ms && id.n == ids[_i].n);
        ck_assert(!entry_id_is_behind(id, id));
    }
}
END_TEST

static const struct {
    const char *key, *accept;
} keys[] = {
    /* RFC 6455, 1.3 */
    { "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" },
    { NULL, NULL },
    { "", NULL },
    { "dGhlIHNhbXBsZSBub25jZQ=", NULL },
    { "dGhlIHNhbXBsZSBub25jZQ===", NULL },
    { "dGhlIHNhbXBsZSBub25jZ===", NULL },
    { "dGhlIHNhbXBsZSBub25jZ!==", NULL },
};

START_TEST(test_a_handshake_is_accepted_by_its_key)
{
    char accept[29];

    ck_assert_int_eq(ws_accept_key(keys[_i].key, accept),
            keys[_i].accept != NULL);
    if (keys[_i].accept != NULL)
        ck_assert_str_eq(accept, keys[_i].accept);
}
END_TEST

static const char *const files[][2] = {
    { "a.html", "text/html; charset=utf-8" },
    { "A.SVG", "image/svg+xml" },
    { "a.min.js", "text/javascript; charset=utf-8" },
    { "a", "application/octet-stream" },
    { "a.html.exe", "application/octet-stream" },
    { "a.", "application/octet-stream" },
};

START_TEST(test_the_type_of_a_file_is_in_its_name)
{
    ck_assert_str_eq(files_type(files[_i][0]), files[_i][1]);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("web");

    unit_add_rows(tc, test_pages_of_this_host_and_of_allowed_origins_may,
            origins);
    unit_add_rows(tc, test_a_name_pointed_at_a_loopback_address_is_not_ours,
            hosts);
    tcase_add_test(tc, test_a_token_has_its_role);
    unit_add_rows(tc, test_a_line_that_is_no_token_is_refused_without_its_text,
            no_tokens);
    unit_add_rows(tc,
            test_a_failure_tells_strangers_what_the_task_meant_for_them,
            failures);
    tcase_add_test(tc, test_without_memory_there_is_no_problem);
    unit_add_rows(tc, test_an_id_of_an_entry_is_two_numbers, ids);
    unit_add_rows(tc, test_a_handshake_is_accepted_by_its_key, keys);
    unit_add_rows(tc, test_the_type_of_a_file_is_in_its_name, files);
    return unit_run("web", tc);
}
