/* check_story.c - tests of model/story.c and model/relations.c. */
#include "live.h"
#include "unit.h"

#include <string.h>

#include "model/story.h"

#define JOB(id, more)                                                          \
    "HSET rq:job:" id " data D created_at 2026-11-21T12:00:00Z origin q " more \
    "\n"

/* All that a story may have. */
static const char everything[] = JOB("a",
        "status started worker_name w dependency_ids [\"p\",\"gone\"]") JOB("p",
        "status finished") "SADD rq:job:a:dependents c d\n"
                           "ZADD rq:executions:a 5 x1\n"
                           "XADD rq:results:a 1-0 type 2 worker_name w";

static int tell(void *arg, crq_error *err)
{
    struct crq_story story = CRQ_STORY_INIT;
    crq_value *v = NULL;
    int rc = crq_story_fetch(arg, "a", &story, err);

    if (rc == 0)
        rc = crq_story_to_value(&story, &v, err);
    crq_value_free(v);
    crq_story_fini(&story);
    return rc;
}

START_TEST(test_every_failing_allocation_of_a_story_is_reported)
{
    crq_conn *conn = live_conn();

    live_seed(conn, everything);
    unit_fail_each_allocation(tell, conn);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_story_has_the_jobs_around_it_and_changes_nothing)
{
    static const char want[] =
            "{\"waits_on\":[{\"id\":\"p\",\"status\":\"finished\"},"
            "{\"id\":\"gone\",\"status\":null}],\"dependents\":[\"c\",\"d\"],"
            "\"executions\":[\"x1\"]}";
    static const char *const names[] = { "waits_on", "dependents",
        "executions" };
    crq_conn *conn = live_conn();
    struct crq_story story = CRQ_STORY_INIT;
    crq_value *v = NULL, *some = crq_value_new_dict();
    char *before, *text = NULL;
    crq_error err;

    live_seed(conn, everything);
    before = live_dump(conn, LIVE_MASK_IDS);
    unit_ok(crq_story_fetch(conn, "a", &story, &err), &err);
    live_expect(conn, before);
    ck_assert_int_eq(story.left_s, -1);
    ck_assert_uint_eq(story.results_count, 1);
    unit_ok(crq_story_to_value(&story, &v, &err), &err);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(crq_value_set(some, names[i],
                                 crq_value_ref(crq_value_get(v, names[i]))),
                0);
    unit_ok(crq_value_json(some, &text, NULL, &err), &err);
    ck_assert_str_eq(text, want);
    crq_text_free(text);
    crq_text_free(before);
    crq_value_free(some);
    crq_value_free(v);
    crq_story_fini(&story);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("story");

    tcase_add_test(tc, test_every_failing_allocation_of_a_story_is_reported);
    tcase_add_test(tc, test_a_story_has_the_jobs_around_it_and_changes_nothing);
    return live_run("story", tc);
}
