/* check_guard.c - web/guard.c: how often one may be wrong about a token. */
#include <stdio.h>

#include "base/mem.h"
#include "unit.h"
#include "web/guard.h"

#define S     INT64_C(1000000)
#define BEGIN (1000 * S)
#define RIGHT "operate-0123456789"
#define OTHER "readers-0123456789"
#define WRONG "wrong-0123456789ab"
#define FILE_TEXT                                                              \
    "operate " RIGHT "\n"                                                      \
    "read " OTHER "\n"

static struct tokens *tokens;
static struct guard *guard;

static void setup(void)
{
    crq_error err;

    unit_ok(tokens_parse("tokens", FILE_TEXT, &tokens, &err), &err);
    unit_ok(guard_new(tokens, &guard, &err), &err);
}

static void teardown(void)
{
    guard_free(guard);
    tokens_free(tokens);
}

static int retry_s;
static enum token_role role;
static char name[TOKEN_NAME_LEN + 1];

static enum guard_verdict check(const char *peer, const char *token,
        int64_t now_us)
{
    return guard_check(guard, peer, token, now_us, &role, name, &retry_s);
}

/* As many mistakes as are allowed at once. */
static void use_up(const char *peer, int64_t now_us)
{
    for (int i = 0; i < GUARD_MISTAKES; i++)
        ck_assert_int_eq(check(peer, WRONG, now_us), GUARD_UNKNOWN);
}

START_TEST(test_a_token_has_its_role_and_its_name)
{
    ck_assert_int_eq(check("1.2.3.4", OTHER, BEGIN), GUARD_KNOWN);
    ck_assert_int_eq(role, TOKEN_READ);
    ck_assert_uint_eq(strlen(name), TOKEN_NAME_LEN);
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_KNOWN);
    ck_assert_int_eq(role, TOKEN_OPERATE);
    ck_assert_int_eq(check("1.2.3.4", WRONG, BEGIN), GUARD_UNKNOWN);
    ck_assert_str_eq(name, "");
}
END_TEST

START_TEST(test_who_is_not_let_in_has_no_role_but_the_least)
{
    ck_assert_int_eq(check("1.2.3.4", NULL, BEGIN), GUARD_UNKNOWN);
    ck_assert_int_eq(role, TOKEN_READ);
    use_up("1.2.3.4", BEGIN);
    ck_assert_int_eq(role, TOKEN_READ);
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_LATER);
    ck_assert_int_eq(role, TOKEN_READ);
}
END_TEST

START_TEST(test_without_tokens_all_are_known)
{
    crq_error err;

    guard_free(guard);
    unit_ok(guard_new(NULL, &guard, &err), &err);
    ck_assert_int_eq(check("1.2.3.4", NULL, BEGIN), GUARD_KNOWN);
    ck_assert_int_eq(check("1.2.3.4", WRONG, BEGIN), GUARD_KNOWN);
    ck_assert_int_eq(role, TOKEN_OPERATE);
}
END_TEST

START_TEST(test_too_many_mistakes_are_refused_until_time_has_passed)
{
    use_up("1.2.3.4", BEGIN);
    ck_assert_int_eq(check("1.2.3.4", WRONG, BEGIN), GUARD_LATER);
    ck_assert_int_eq(retry_s, GUARD_PAUSE_S + 1);
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_LATER);
    ck_assert_str_eq(name, "");
    /* That was no mistake: it is not put off. */
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN + (GUARD_PAUSE_S + 1) * S),
            GUARD_KNOWN);
}
END_TEST

START_TEST(test_one_more_mistake_is_allowed_after_each_pause)
{
    int64_t now_us = BEGIN;

    use_up("1.2.3.4", now_us);
    for (int i = 0; i < 5; i++) {
        now_us += GUARD_PAUSE_S * S;
        ck_assert_int_eq(check("1.2.3.4", WRONG, now_us), GUARD_UNKNOWN);
        ck_assert_int_eq(check("1.2.3.4", WRONG, now_us), GUARD_LATER);
    }
    use_up("1.2.3.4", now_us + GUARD_MISTAKES * GUARD_PAUSE_S * S);
}
END_TEST

START_TEST(test_a_token_that_was_right_here_goes_on)
{
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_KNOWN);
    use_up("1.2.3.4", BEGIN);
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_KNOWN);
    ck_assert_int_eq(check("1.2.3.4", OTHER, BEGIN), GUARD_LATER);
}
END_TEST

START_TEST(test_no_token_is_no_mistake)
{
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(check("1.2.3.4", NULL, BEGIN), GUARD_UNKNOWN);
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_KNOWN);
}
END_TEST

static const struct {
    const char *wrong, *right;
    bool same;
} addresses[] = {
    { "1.2.3.4", "1.2.3.5", false },
    { "2001:db8::1", "2001:db8::ffff:1", true },
    { "2001:db8::1", "2001:db8:0:1::1", false },
    { "::1", "127.0.0.1", false },
    { "::ffff:1.2.3.4", "::ffff:1.2.3.5", false },
    { "", "unknown", false },
};

START_TEST(test_one_address_is_not_blamed_for_another)
{
    use_up(addresses[_i].wrong, BEGIN);
    ck_assert_int_eq(check(addresses[_i].right, RIGHT, BEGIN),
            addresses[_i].same ? GUARD_LATER : GUARD_KNOWN);
}
END_TEST

/* Places are fewer than addresses; who was wrong oftenest keeps his. */
START_TEST(test_a_flood_of_addresses_does_not_wash_away_a_guesser)
{
    char peer[32];

    use_up("1.2.3.4", BEGIN);
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(peer, sizeof(peer), "10.%d.%d.%d", i >> 16, i >> 8 & 255,
                i & 255);
        ck_assert_int_eq(check(peer, WRONG, BEGIN), GUARD_UNKNOWN);
    }
    ck_assert_int_eq(check("1.2.3.4", RIGHT, BEGIN), GUARD_LATER);
}
END_TEST

static int make(void *arg, crq_error *err)
{
    struct guard *made;
    int rc = guard_new(tokens, &made, err);

    (void)arg;
    if (rc == 0)
        guard_free(made);
    return rc;
}

START_TEST(test_no_memory_is_told)
{
    unit_fail_each_allocation(make, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("guard");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_a_token_has_its_role_and_its_name);
    tcase_add_test(tc, test_who_is_not_let_in_has_no_role_but_the_least);
    tcase_add_test(tc, test_without_tokens_all_are_known);
    tcase_add_test(tc,
            test_too_many_mistakes_are_refused_until_time_has_passed);
    tcase_add_test(tc, test_one_more_mistake_is_allowed_after_each_pause);
    tcase_add_test(tc, test_a_token_that_was_right_here_goes_on);
    tcase_add_test(tc, test_no_token_is_no_mistake);
    unit_add_rows(tc, test_one_address_is_not_blamed_for_another, addresses);
    tcase_add_test(tc, test_a_flood_of_addresses_does_not_wash_away_a_guesser);
    tcase_add_test(tc, test_no_memory_is_told);
    return unit_run("guard", tc);
}
