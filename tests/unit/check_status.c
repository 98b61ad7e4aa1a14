/* check_status.c - tests of model/status.c. */
#include "unit.h"

#include "model/status.h"

static const struct {
    const char *name;
    crq_status status;
    enum crq_key key;
} rows[] = {
    { "created", CRQ_STATUS_CREATED, CRQ_KEY_COUNT },
    { "queued", CRQ_STATUS_QUEUED, CRQ_KEY_QUEUE },
    { "started", CRQ_STATUS_STARTED, CRQ_KEY_STARTED },
    { "finished", CRQ_STATUS_FINISHED, CRQ_KEY_FINISHED },
    { "failed", CRQ_STATUS_FAILED, CRQ_KEY_FAILED },
    { "deferred", CRQ_STATUS_DEFERRED, CRQ_KEY_DEFERRED },
    { "scheduled", CRQ_STATUS_SCHEDULED, CRQ_KEY_SCHEDULED },
    { "stopped", CRQ_STATUS_STOPPED, CRQ_KEY_FAILED },
    { "canceled", CRQ_STATUS_CANCELED, CRQ_KEY_CANCELED },
};

START_TEST(test_a_status_has_rqs_name_and_place)
{
    ck_assert_int_eq(crq_status_parse(rows[_i].name), rows[_i].status);
    ck_assert_str_eq(crq_status_name(rows[_i].status), rows[_i].name);
    ck_assert_int_eq(crq_status_key(rows[_i].status), rows[_i].key);
}
END_TEST

static const char *const unknown[] = { "", "Queued", "queued ", "rate_limited",
    "cancelled" };

START_TEST(test_an_unknown_status_is_none_of_ours)
{
    ck_assert_int_eq(crq_status_parse(unknown[_i]), CRQ_STATUS_OTHER);
    ck_assert_ptr_null(crq_status_name(CRQ_STATUS_OTHER));
    ck_assert_int_eq(crq_status_key(CRQ_STATUS_OTHER), CRQ_KEY_COUNT);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("status");

    unit_add_rows(tc, test_a_status_has_rqs_name_and_place, rows);
    unit_add_rows(tc, test_an_unknown_status_is_none_of_ours, unknown);
    return unit_run("status", tc);
}
