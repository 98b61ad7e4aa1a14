/* check_session.c - tests of src/web/session.c and form.c: signing in. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "web/form.h"
#include "web/session.h"

static struct crq_clock_manual now;

static struct sessions *begin(void)
{
    struct sessions *sessions = NULL;
    crq_error err;

    crq_clock_manual_init(&now, 1000000);
    unit_ok(sessions_new(&now.clock, &sessions, &err), &err);
    return sessions;
}

static const char *cookie(const char *id)
{
    static char text[200];

    snprintf(text, sizeof(text), "theme=dark; " SESSION_COOKIE "=%s; a=b", id);
    return text;
}

START_TEST(test_who_signs_in_is_known_by_the_cookie)
{
    struct sessions *sessions = begin();
    const struct session *session;
    char id[SESSION_ID_LEN + 1], other[SESSION_ID_LEN + 1];

    sessions_open(sessions, TOKEN_ENQUEUE, "abcdefabcdef", id);
    sessions_open(sessions, TOKEN_READ, "x", other);
    ck_assert_int_eq((int)strlen(id), SESSION_ID_LEN);
    ck_assert_str_ne(id, other);
    session = sessions_find(sessions, cookie(id));
    ck_assert_ptr_nonnull(session);
    ck_assert_int_eq(session->role, TOKEN_ENQUEUE);
    ck_assert_str_eq(session->caller, "abcdefabcdef");
    ck_assert_str_ne(session->csrf, id);
    ck_assert_str_ne(session->csrf, sessions_csrf(sessions));
    ck_assert_int_eq(sessions_find(sessions, cookie(other))->role, TOKEN_READ);
    sessions_free(sessions);
}
END_TEST

/* %s is the id of a session that there is. */
static const char *const strangers[] = {
    "",
    SESSION_COOKIE,
    SESSION_COOKIE "=",
    SESSION_COOKIE "=00000000000000000000000000000000",
    "x" SESSION_COOKIE "=%s",
    SESSION_COOKIE "=%s0",
    SESSION_COOKIE "=x; " SESSION_COOKIE "=%s",
    "a=\"" SESSION_COOKIE "=%s\"",
    ";;; ; ;",
};

START_TEST(test_another_cookie_is_nobody)
{
    struct sessions *sessions = begin();
    char id[SESSION_ID_LEN + 1], text[300];
    const char *at = strstr(strangers[_i], "%s");

    sessions_open(sessions, TOKEN_READ, "x", id);
    snprintf(text, sizeof(text), "%.*s%s%s",
            at != NULL ? (int)(at - strangers[_i]) : 300, strangers[_i],
            at != NULL ? id : "", at != NULL ? at + 2 : "");
    ck_assert_ptr_null(sessions_find(sessions, text));
    ck_assert_ptr_null(sessions_find(sessions, NULL));
    sessions_free(sessions);
}
END_TEST

START_TEST(test_a_session_ends_when_it_is_closed_and_after_its_time)
{
    struct sessions *sessions = begin();
    char id[SESSION_ID_LEN + 1], other[SESSION_ID_LEN + 1];

    sessions_open(sessions, TOKEN_READ, "x", id);
    sessions_open(sessions, TOKEN_READ, "x", other);
    sessions_close(sessions, cookie(id));
    sessions_close(sessions, cookie(id));
    sessions_close(sessions, NULL);
    ck_assert_ptr_null(sessions_find(sessions, cookie(id)));
    now.now_us += SESSION_S * INT64_C(1000000) - 1;
    ck_assert_ptr_nonnull(sessions_find(sessions, cookie(other)));
    now.now_us += 1;
    ck_assert_ptr_null(sessions_find(sessions, cookie(other)));
    sessions_free(sessions);
}
END_TEST

START_TEST(test_of_too_many_the_one_used_longest_ago_ends)
{
    struct sessions *sessions = begin();
    char first[SESSION_ID_LEN + 1], second[SESSION_ID_LEN + 1];
    char id[SESSION_ID_LEN + 1];

    sessions_open(sessions, TOKEN_READ, "x", first);
    now.now_us++;
    sessions_open(sessions, TOKEN_READ, "x", second);
    for (int i = 2; i < SESSIONS_MAX; i++) {
        now.now_us++;
        sessions_open(sessions, TOKEN_READ, "x", id);
    }
    now.now_us++;
    ck_assert_ptr_nonnull(sessions_find(sessions, cookie(first)));
    sessions_open(sessions, TOKEN_READ, "x", id);
    ck_assert_ptr_nonnull(sessions_find(sessions, cookie(first)));
    ck_assert_ptr_nonnull(sessions_find(sessions, cookie(id)));
    ck_assert_ptr_null(sessions_find(sessions, cookie(second)));
    sessions_free(sessions);
}
END_TEST

START_TEST(test_a_secret_is_equal_to_itself_only)
{
    struct sessions *sessions = begin();
    const char *csrf = sessions_csrf(sessions);
    char other[SESSION_ID_LEN + 1];

    snprintf(other, sizeof(other), "%s", csrf);
    ck_assert(session_csrf_is(csrf, other));
    other[SESSION_ID_LEN - 1] ^= 1;
    ck_assert(!session_csrf_is(csrf, other));
    other[SESSION_ID_LEN - 1] = '\0';
    ck_assert(!session_csrf_is(csrf, other));
    ck_assert(!session_csrf_is(csrf, ""));
    ck_assert(!session_csrf_is(csrf, NULL));
    sessions_free(sessions);
}
END_TEST

static int make(void *arg, crq_error *err)
{
    struct sessions *sessions = NULL;
    int rc = sessions_new(&now.clock, &sessions, err);

    (void)arg;
    sessions_free(sessions);
    return rc;
}

START_TEST(test_want_of_memory_is_told)
{
    unit_fail_each_allocation(make, NULL);
}
END_TEST

/* ------------------------------------------------------------------- forms */

static const struct {
    const char *text, *token, *next; /* token NULL: it is no form */
} forms[] = {
    { "token=a&next=/", "a", "/" },
    { "next=%2Fjobs%3Fa%3Db&token=a%2b+%C3%A9", "a+ \xc3\xa9", "/jobs?a=b" },
    { "token=&next=", "", "" },
    { "token=a&token=b&next=", "a", "" },
    { "token=a=b&next=x", "a=b", "x" },
    { "token=%zz&next=", NULL, NULL },
    { "token=%4&next=", NULL, NULL },
    { "token=%00&next=", NULL, NULL },
    { "token=%ff&next=", NULL, NULL },
    { "token", NULL, NULL },
    { "a=&b=&c=&d=&e=&f=&g=&h=&i=", NULL, NULL },
};

START_TEST(test_a_form_is_read_or_refused)
{
    const char *text = forms[_i].text;
    struct form form;

    ck_assert_int_eq(form_parse(text, strlen(text), &form),
            forms[_i].token != NULL);
    if (forms[_i].token == NULL)
        return;
    ck_assert_str_eq(form_get(&form, "token"), forms[_i].token);
    ck_assert_str_eq(form_get(&form, "next"), forms[_i].next);
    ck_assert_ptr_null(form_get(&form, "nothing"));
    form_fini(&form);
}
END_TEST

START_TEST(test_a_form_with_zeros_or_without_end_is_refused)
{
    static char large[FORM_BYTES + 1];
    struct form form;

    memset(large, 'a', sizeof(large));
    large[1] = '=';
    ck_assert(!form_parse("a=\0b", 4, &form));
    ck_assert(!form_parse(large, sizeof(large), &form));
    ck_assert(form_parse(large, sizeof(large) - 1, &form));
    form_fini(&form);
    ck_assert(form_parse(NULL, 0, &form));
    form_fini(&form);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("session");

    tcase_add_test(tc, test_who_signs_in_is_known_by_the_cookie);
    unit_add_rows(tc, test_another_cookie_is_nobody, strangers);
    tcase_add_test(tc,
            test_a_session_ends_when_it_is_closed_and_after_its_time);
    tcase_add_test(tc, test_of_too_many_the_one_used_longest_ago_ends);
    tcase_add_test(tc, test_a_secret_is_equal_to_itself_only);
    tcase_add_test(tc, test_want_of_memory_is_told);
    unit_add_rows(tc, test_a_form_is_read_or_refused, forms);
    tcase_add_test(tc, test_a_form_with_zeros_or_without_end_is_refused);
    return unit_run("session", tc);
}
