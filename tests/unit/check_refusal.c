/* check_refusal.c - tests of redis/refusal.c. */
#include "unit.h"

#include <string.h>

#include "redis/refusal.h"

#define SHA "0123456789012345678901234567890123456789"

static const struct {
    const char *text;
    int code;
    const char *says;
} cases[] = {
    { "NOAUTH Authentication required.", CRQ_EAUTH,
            "Redis at h:1/0 wants a password: NOAUTH Authentication "
            "required." },
    { "WRONGPASS invalid username-password pair or user is disabled.",
            CRQ_EAUTH,
            "Redis at h:1/0 does not take this user and password: WRONGPASS "
            "invalid username-password pair or user is disabled." },
    { "NOPERM this user has no permissions to run the 'set' command", CRQ_EAUTH,
            "Redis at h:1/0 does not allow this user to do that: NOPERM this "
            "user has no permissions to run the 'set' command" },
    { "ERR invalid password", CRQ_EAUTH,
            "Redis at h:1/0 does not take this password: ERR invalid "
            "password" },
    { "READONLY You can't write against a read only replica.", CRQ_EREDIS,
            "Redis at h:1/0 is a read-only replica: READONLY You can't write "
            "against a read only replica." },
    { "MISCONF Redis is configured to save", CRQ_EREDIS,
            "Redis at h:1/0 takes no writes, because it cannot save them: "
            "MISCONF Redis is configured to save" },
    { "LOADING Redis is loading the dataset in memory", CRQ_EREDIS,
            "Redis at h:1/0 is still loading its data: LOADING Redis is "
            "loading the dataset in memory" },
    { "BUSY Redis is busy running a script.", CRQ_EREDIS,
            "Redis at h:1/0 is busy with somebody's script: BUSY Redis is "
            "busy running a script." },
    /* Words that only begin like one of the table's are something else. */
    { "BUSYGROUP Consumer Group name already exists", CRQ_EREDIS,
            "Redis at h:1/0 refused: BUSYGROUP Consumer Group name already "
            "exists" },
    { "OOMPH", CRQ_EREDIS, "Redis at h:1/0 refused: OOMPH" },
    { "", CRQ_EREDIS, "Redis at h:1/0 refused: " },
    { "ERR\nline", CRQ_EREDIS, "Redis at h:1/0 refused: ERR?line" },
    /* From inside scripts: Redis 6, then Redis 7. */
    { "ERR Error running script (call to f_" SHA "): @user_script:1: "
      "@user_script: 1: -OOM command not allowed when used memory > "
      "'maxmemory'.",
            CRQ_EREDIS,
            "Redis at h:1/0 is out of memory (maxmemory): OOM command not "
            "allowed when used memory > 'maxmemory'." },
    { "ERR Error running script (call to f_" SHA "): @user_script:12: "
      "@user_script: 12: -READONLY You can't write against a read only "
      "replica. ",
            CRQ_EREDIS,
            "Redis at h:1/0 is a read-only replica: READONLY You can't write "
            "against a read only replica. " },
    { "ERR Error running script (call to f_" SHA "): @user_script:2: CRQ no "
      "such job",
            CRQ_EREDIS,
            "Redis at h:1/0 refused: ERR Error running script (call to f_" SHA
            "): @user_script:2: CRQ no such job" },
    { "ERR Error running script (call to f_" SHA "): @user_script:2: "
      "user_script:2: attempt to index local 'x' (a nil value)",
            CRQ_EREDIS,
            "Redis at h:1/0 refused: ERR Error running script (call to f_" SHA
            "): @user_script:2: user_script:2: attempt to index local 'x' (a "
            "nil value)" },
    { "WRONGTYPE Operation against a key holding the wrong kind of value "
      "script: " SHA ", on @user_script:1.",
            CRQ_EREDIS,
            "Redis at h:1/0 holds another type of value in this key: WRONGTYPE "
            "Operation against a key holding the wrong kind of value" },
    { "ERR The user executing the script can't run this command or subcommand "
      "script: " SHA ", on @user_script:1.",
            CRQ_EAUTH,
            "Redis at h:1/0 does not allow this user to do that: ERR The user "
            "executing the script can't run this command or subcommand" },
    { "ERR Error running script (call to f_" SHA "): @user_script:7: "
      "@user_script: 7: The user executing the script can't run this command "
      "or subcommand",
            CRQ_EAUTH,
            "Redis at h:1/0 does not allow this user to do that: The user "
            "executing the script can't run this command or subcommand" },
    /* Redis 7.2 on. */
    { "NOPERM ACL failure in script: User joe has no permissions to run the "
      "'hset' command script: " SHA ", on @user_script:3.",
            CRQ_EAUTH,
            "Redis at h:1/0 does not allow this user to do that: NOPERM ACL "
            "failure in script: User joe has no permissions to run the 'hset' "
            "command" },
    /* Valkey 9 on. */
    { "ERR ACL failure in script: User joe has no permissions to run the "
      "'hset' command script: on @user_script:3.",
            CRQ_EAUTH,
            "Redis at h:1/0 does not allow this user to do that: ERR ACL "
            "failure in script: User joe has no permissions to run the 'hset' "
            "command" },
    { "CRQ no such job script: on @user_script:1.", CRQ_ESTATE, "no such job" },
    { "CRQ no such job script: " SHA ", on @user_script:1.", CRQ_ESTATE,
            "no such job" },
    /* Not the place of an error. */
    { "CRQ no such script: on", CRQ_ESTATE, "no such script: on" },
    { "CRQ no such script: " SHA, CRQ_ESTATE, "no such script: " SHA },
    { "CRQ no such script: " SHA ",", CRQ_ESTATE, "no such script: " SHA "," },
    { "ERR user_script:2: attempt to index local 'x' (a nil value) script: " SHA
      ", on @user_script:2.",
            CRQ_EREDIS,
            "Redis at h:1/0 refused: ERR user_script:2: attempt to index local "
            "'x' (a nil value) script: " SHA ", on @user_script:2." },
    { "CRQ", CRQ_ESTATE, "" },
    { "CRQ ", CRQ_ESTATE, "" },
    { "CRQ my script: is not that", CRQ_ESTATE, "my script: is not that" },
    { "CRQED", CRQ_EREDIS, "Redis at h:1/0 refused: CRQED" },
};

START_TEST(test_an_error_reply_is_told_in_words)
{
    const char *text = cases[_i].text;
    crq_error err;

    ck_assert_int_eq(crq_refusal("h:1/0", text, strlen(text), &err),
            cases[_i].code);
    ck_assert_int_eq(err.code, cases[_i].code);
    ck_assert_str_eq(err.text, cases[_i].says);
    ck_assert_int_eq(crq_refusal("h:1/0", text, strlen(text), NULL),
            cases[_i].code);
}
END_TEST

START_TEST(test_no_address_needs_to_be_known)
{
    crq_error err;

    crq_refusal(NULL, "LOADING yes", 11, &err);
    ck_assert_str_eq(err.text, "Redis is still loading its data: LOADING yes");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("refusal");

    unit_add_rows(tc, test_an_error_reply_is_told_in_words, cases);
    tcase_add_test(tc, test_no_address_needs_to_be_known);
    return unit_run("refusal", tc);
}
