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

static const struct {
    const char *times, *want; /* name, and what led to it */
} times[] = {
    { "", "created" },
    { "enqueued_at 2026-11-21T12:00:01Z started_at 2026-11-21T12:00:03Z "
      "ended_at 2026-11-21T12:00:07Z",
            "created enqueued started,waited:2 ended,ran:4" },
    { "started_at 2026-11-21T12:00:03Z ended_at 2026-11-21T12:00:07Z",
            "created started ended,ran:4" },
    /* It waits to run again. */
    { "enqueued_at 2026-11-21T12:00:09Z started_at 2026-11-21T12:00:03Z "
      "ended_at 2026-11-21T12:00:07Z",
            "created started ended,ran:4 enqueued" },
    { "ended_at 2026-11-21T12:00:00Z started_at junk", "created ended" },
};

START_TEST(test_times_stand_in_their_order_with_what_led_to_them)
{
    crq_conn *conn = live_conn();
    struct crq_story story = CRQ_STORY_INIT;
    struct crq_story_point points[CRQ_STORY_POINTS];
    struct crq_buf seed = CRQ_BUF_INIT, got = CRQ_BUF_INIT;
    size_t count;
    crq_error err;

    crq_buf_printf(&seed, JOB("a", "status finished %s"), times[_i].times);
    live_seed(conn, crq_buf_text(&seed));
    unit_ok(crq_story_fetch(conn, "a", &story, &err), &err);
    count = crq_story_points(&story, points);
    for (size_t i = 0; i < count; i++) {
        crq_buf_printf(&got, "%s%s", i > 0 ? " " : "", points[i].name);
        if (points[i].took_what != NULL)
            crq_buf_printf(&got, ",%s:%lld", points[i].took_what,
                    (long long)points[i].took_us / 1000000);
    }
    ck_assert_str_eq(crq_buf_text(&got), times[_i].want);
    crq_buf_fini(&seed);
    crq_buf_fini(&got);
    crq_story_fini(&story);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("story");

    tcase_add_test(tc, test_every_failing_allocation_of_a_story_is_reported);
    tcase_add_test(tc, test_a_story_has_the_jobs_around_it_and_changes_nothing);
    unit_add_rows(tc, test_times_stand_in_their_order_with_what_led_to_them,
            times);
    return live_run("story", tc);
}
