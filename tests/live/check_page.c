/* check_page.c - tests of model/page.c and page.lua. */
#include "live.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static crq_conn *conn;

static void set_up(void)
{
    conn = live_conn();
}

static void tear_down(void)
{
    crq_conn_free(conn);
}

/* Read the page behind *cursor, which moves on; entries as text. */
static char *read(crq_status status, crq_order order, char *cursor,
        size_t limit)
{
    struct crq_buf text = CRQ_BUF_INIT;
    crq_page *page;
    crq_error err;
    char *line;

    unit_ok(crq_registry_page(conn, "q", status, order,
                    cursor[0] ? cursor : NULL, limit, &page, &err),
            &err);
    crq_buf_puts(&text, "");
    for (size_t i = 0; i < crq_page_count(page); i++)
        crq_buf_printf(&text, "%s%s%s%s@%g", i > 0 ? " " : "",
                crq_page_id(page, i),
                crq_page_execution(page, i) != NULL ? "/" : "",
                crq_page_execution(page, i) != NULL
                        ? crq_page_execution(page, i)
                        : "",
                crq_page_score(page, i));
    snprintf(cursor, 200, "%s",
            crq_page_cursor(page) != NULL ? crq_page_cursor(page) : "");
    crq_page_free(page);
    unit_ok(crq_buf_steal(&text, &line, NULL, &err), &err);
    return line;
}

#define EXPECT(status, order, cursor, limit, want)                             \
    do {                                                                       \
        char *got_ = read(status, order, cursor, limit);                       \
        ck_assert_str_eq(got_, want);                                          \
        crq_text_free(got_);                                                   \
    } while (0)

static const struct {
    const char *seed;
    crq_status status;
    const char *want;
} lists[] = {
    { "", CRQ_STATUS_QUEUED, "" },
    { "RPUSH rq:queue:q b a b", CRQ_STATUS_QUEUED, "b@0 a@0 b@0" },
    { "ZADD rq:wip:q 7 a:x 6 b:y 8 old", CRQ_STATUS_STARTED,
            "b/y@6 a/x@7 old@8" },
    { "ZADD rq:finished:q inf a 5 b 5 B", CRQ_STATUS_FINISHED,
            "B@5 b@5 a@inf" },
    { "ZADD rq:failed:q -1 a 5.5 b", CRQ_STATUS_FAILED, "a@-1 b@5.5" },
    { "ZADD rq:failed:q -1 a", CRQ_STATUS_STOPPED, "a@-1" },
    { "ZADD rq:deferred:q 1 a", CRQ_STATUS_DEFERRED, "a@1" },
    { "ZADD rq:scheduled:q 1.25 a", CRQ_STATUS_SCHEDULED, "a@1.25" },
    { "ZADD rq:canceled:q 1 a", CRQ_STATUS_CANCELED, "a@1" },
    { "ZADD rq:failed:q 1 \"a\\x00b\" 2 \"\\xff\" 3 c 4 :x", CRQ_STATUS_FAILED,
            "c@3" },
};

/* "a b c" as "c b a". */
static void turn_round(const char *words, char out[200])
{
    char left[200];
    char *blank;

    snprintf(left, sizeof(left), "%s", words);
    out[0] = '\0';
    for (blank = strrchr(left, ' '); blank != NULL;
            blank = strrchr(left, ' ')) {
        strcat(strcat(out, blank + 1), " ");
        *blank = '\0';
    }
    strcat(out, left);
}

static void expect_pages(crq_status status, crq_order order, size_t limit,
        const char *want)
{
    struct crq_buf all = CRQ_BUF_INIT;
    char cursor[200] = "";
    int pages = 0;

    do {
        char *page = read(status, order, cursor, limit);

        crq_buf_printf(&all, "%s%s", all.len > 0 && page[0] != '\0' ? " " : "",
                page);
        crq_text_free(page);
        ck_assert_int_lt(++pages, 10);
    } while (cursor[0] != '\0');
    ck_assert_str_eq(all.len > 0 ? crq_buf_text(&all) : "", want);
    crq_buf_fini(&all);
}

START_TEST(test_every_list_is_read_whole_and_by_pages)
{
    live_seed(conn, lists[_i].seed);
    for (size_t limit = 1; limit < 5; limit++)
        expect_pages(lists[_i].status, CRQ_OLDEST_FIRST, limit, lists[_i].want);
}
END_TEST

START_TEST(test_newest_first_is_exactly_the_other_way_round)
{
    char want[200];

    live_seed(conn, lists[_i].seed);
    turn_round(lists[_i].want, want);
    for (size_t limit = 1; limit < 5; limit++)
        expect_pages(lists[_i].status, CRQ_NEWEST_FIRST, limit, want);
}
END_TEST

START_TEST(test_reading_changes_nothing)
{
    static const char *const state = "rq:failed:q zset\n"
                                     "  5 a\n"
                                     "  6 b\n"
                                     "rq:queue:q list\n"
                                     "  a\n"
                                     "  b\n";

    live_seed(conn, "ZADD rq:failed:q 5 a 6 b\nRPUSH rq:queue:q a b");
    for (int order = CRQ_OLDEST_FIRST; order <= CRQ_NEWEST_FIRST; order++)
        for (int i = 0; i < 2; i++) {
            char cursor[200] = "";

            crq_text_free(read(i == 0 ? CRQ_STATUS_QUEUED : CRQ_STATUS_FAILED,
                    (crq_order)order, cursor, 1));
            live_expect(conn, state);
        }
}
END_TEST

START_TEST(test_a_registry_may_change_between_two_pages)
{
    char cursor[200] = "";

    live_seed(conn, "ZADD rq:failed:q 5 a 5 c 5 e 6 g 7 i");
    EXPECT(CRQ_STATUS_FAILED, CRQ_OLDEST_FIRST, cursor, 2, "a@5 c@5");
    live_seed(conn, "ZREM rq:failed:q a c e\nZADD rq:failed:q 5 b 5 d 4 z");
    EXPECT(CRQ_STATUS_FAILED, CRQ_OLDEST_FIRST, cursor, 2, "d@5 g@6");
    live_seed(conn, "DEL rq:failed:q");
    EXPECT(CRQ_STATUS_FAILED, CRQ_OLDEST_FIRST, cursor, 2, "");
    ck_assert_str_eq(cursor, "");
}
END_TEST

START_TEST(test_a_registry_may_change_between_two_pages_newest_first)
{
    char cursor[200] = "";

    live_seed(conn, "ZADD rq:failed:q 5 a 5 c 5 e 6 g 7 i 4 z");
    EXPECT(CRQ_STATUS_FAILED, CRQ_NEWEST_FIRST, cursor, 3, "i@7 g@6 e@5");
    live_seed(conn,
            "ZREM rq:failed:q i e c\n"
            "ZADD rq:failed:q 9 new 5 d 5 f 5 b");
    EXPECT(CRQ_STATUS_FAILED, CRQ_NEWEST_FIRST, cursor, 2, "d@5 b@5");
    /* What was read last now ends later: it is not seen again. */
    live_seed(conn, "ZADD rq:failed:q 10 b");
    EXPECT(CRQ_STATUS_FAILED, CRQ_NEWEST_FIRST, cursor, 1, "a@5");
    EXPECT(CRQ_STATUS_FAILED, CRQ_NEWEST_FIRST, cursor, 1, "z@4");
    ck_assert_str_eq(cursor, "");
}
END_TEST

START_TEST(test_a_walk_may_turn_round)
{
    char cursor[200] = "";

    live_seed(conn, "ZADD rq:failed:q 5 a 5 b 5 c 6 d");
    EXPECT(CRQ_STATUS_FAILED, CRQ_OLDEST_FIRST, cursor, 3, "a@5 b@5 c@5");
    EXPECT(CRQ_STATUS_FAILED, CRQ_NEWEST_FIRST, cursor, 3, "b@5 a@5");
}
END_TEST

START_TEST(test_a_queue_may_move_on_between_two_pages)
{
    char cursor[200] = "";

    live_seed(conn, "RPUSH rq:queue:q a b c d e f");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_OLDEST_FIRST, cursor, 2, "a@0 b@0");
    live_seed(conn, "LPOP rq:queue:q\nRPUSH rq:queue:q g");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_OLDEST_FIRST, cursor, 2, "c@0 d@0");
    live_seed(conn, "LPUSH rq:queue:q y z");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_OLDEST_FIRST, cursor, 1, "e@0");
    /* All that stood before e has gone with it. */
    live_seed(conn, "LPOP rq:queue:q 6");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_OLDEST_FIRST, cursor, 1, "f@0");
}
END_TEST

START_TEST(test_a_queue_may_move_on_between_two_pages_newest_first)
{
    char cursor[200] = "";

    live_seed(conn, "RPUSH rq:queue:q a b c d e f");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_NEWEST_FIRST, cursor, 2, "f@0 e@0");
    live_seed(conn, "LPOP rq:queue:q\nRPUSH rq:queue:q g h");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_NEWEST_FIRST, cursor, 2, "d@0 c@0");
    /* Canceled: b still stands before it. */
    live_seed(conn, "LREM rq:queue:q 0 c");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_NEWEST_FIRST, cursor, 2, "b@0");
    ck_assert_str_eq(cursor, "");
}
END_TEST

START_TEST(test_a_queue_that_has_run_dry_ends_newest_first)
{
    char cursor[200] = "";

    live_seed(conn, "RPUSH rq:queue:q a b c d");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_NEWEST_FIRST, cursor, 1, "d@0");
    live_seed(conn, "DEL rq:queue:q");
    EXPECT(CRQ_STATUS_QUEUED, CRQ_NEWEST_FIRST, cursor, 1, "");
    ck_assert_str_eq(cursor, "");
}
END_TEST

static const struct {
    const char *queue, *cursor;
    crq_status status;
    size_t limit;
} wrong[] = {
    { "", NULL, CRQ_STATUS_QUEUED, 1 },
    { "q", NULL, CRQ_STATUS_CREATED, 1 },
    { "q", NULL, CRQ_STATUS_OTHER, 1 },
    { "q", NULL, CRQ_STATUS_QUEUED, 0 },
    { "q", NULL, CRQ_STATUS_QUEUED, 10001 },
    { "q", "", CRQ_STATUS_QUEUED, 1 },
    { "q", ":a", CRQ_STATUS_QUEUED, 1 },
    { "q", "1", CRQ_STATUS_QUEUED, 1 },
    { "q", "1.5:a", CRQ_STATUS_QUEUED, 1 },
    { "q", "-1:a", CRQ_STATUS_QUEUED, 1 },
    { "q", "x:a", CRQ_STATUS_FAILED, 1 },
    { "q", "nan:a", CRQ_STATUS_FAILED, 1 },
};

START_TEST(test_what_is_no_page_is_refused)
{
    crq_page *page = NULL;
    crq_error err;

    ck_assert_int_eq(crq_registry_page(conn, wrong[_i].queue, wrong[_i].status,
                             CRQ_OLDEST_FIRST, wrong[_i].cursor,
                             wrong[_i].limit, &page, &err),
            CRQ_EINVAL);
    ck_assert_ptr_null(page);
}
END_TEST

static const struct {
    const char *cursor;
    crq_status status;
} odd_cursors[] = {
    { "5:%", CRQ_STATUS_FAILED },
    { "5:%4", CRQ_STATUS_FAILED },
    { "5:%zz", CRQ_STATUS_FAILED },
    { "inf:a", CRQ_STATUS_FAILED },
    { "-inf:", CRQ_STATUS_FAILED },
    { "1e300:a", CRQ_STATUS_FAILED },
    { "5:\xff", CRQ_STATUS_FAILED },
    { "99999999999999999999:a", CRQ_STATUS_FAILED },
    { "0:", CRQ_STATUS_QUEUED },
    { "7:a", CRQ_STATUS_QUEUED },
    { "7:b", CRQ_STATUS_QUEUED },
    { "99999999999999999999:a", CRQ_STATUS_QUEUED },
    { "99999999999999999999:b", CRQ_STATUS_QUEUED },
};

START_TEST(test_no_cursor_does_harm)
{
    crq_page *page;
    crq_error err;

    live_seed(conn, "ZADD rq:failed:q 5 a 6 b\nRPUSH rq:queue:q a");
    for (int order = CRQ_OLDEST_FIRST; order <= CRQ_NEWEST_FIRST; order++) {
        unit_ok(crq_registry_page(conn, "q", odd_cursors[_i].status,
                        (crq_order)order, odd_cursors[_i].cursor, 2, &page,
                        &err),
                &err);
        ck_assert_uint_le(crq_page_count(page), 2);
        crq_page_free(page);
    }
}
END_TEST

START_TEST(test_registries_are_counted_and_left)
{
    int64_t count;
    crq_error err;

    live_seed(conn,
            "ZADD rq:failed:q -1 a 5 b 9999999999 c\n"
            "RPUSH rq:queue:q a\nZADD rq:deferred:q 1 d");
    unit_ok(crq_registry_count(conn, "q", CRQ_STATUS_STOPPED, &count, &err),
            &err);
    ck_assert_int_eq(count, 2);
    unit_ok(crq_registry_count(conn, "q", CRQ_STATUS_QUEUED, &count, &err),
            &err);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(crq_registry_count(conn, "q", CRQ_STATUS_CREATED, &count,
                             &err),
            CRQ_EINVAL);
    unit_ok(crq_registry_remove(conn, "q", CRQ_STATUS_DEFERRED, "d", &err),
            &err);
    ck_assert_int_eq(crq_registry_remove(conn, "q", CRQ_STATUS_DEFERRED, "d",
                             &err),
            CRQ_ENOTFOUND);
    ck_assert_int_eq(crq_registry_remove(conn, "q", CRQ_STATUS_QUEUED, "a",
                             &err),
            CRQ_EINVAL);
    live_expect(conn,
            "rq:failed:q zset\n"
            "  -1 a\n"
            "  5 b\n"
            "  9999999999 c\n"
            "rq:queue:q list\n"
            "  a\n");
}
END_TEST

static int read_pages(void *arg, crq_error *err)
{
    crq_page *page = NULL;
    int rc = crq_registry_page(conn, "q", CRQ_STATUS_STARTED, CRQ_NEWEST_FIRST,
            NULL, 2, &page, err);

    (void)arg;
    crq_page_free(page);
    return rc;
}

START_TEST(test_memory_that_runs_out_is_told)
{
    live_seed(conn, "ZADD rq:wip:q 1 a:x 2 b:y 3 c:z");
    unit_fail_each_allocation(read_pages, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("page");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    unit_add_rows(tc, test_every_list_is_read_whole_and_by_pages, lists);
    unit_add_rows(tc, test_newest_first_is_exactly_the_other_way_round, lists);
    tcase_add_test(tc, test_reading_changes_nothing);
    tcase_add_test(tc, test_a_registry_may_change_between_two_pages);
    tcase_add_test(tc,
            test_a_registry_may_change_between_two_pages_newest_first);
    tcase_add_test(tc, test_a_walk_may_turn_round);
    tcase_add_test(tc, test_a_queue_may_move_on_between_two_pages);
    tcase_add_test(tc, test_a_queue_may_move_on_between_two_pages_newest_first);
    tcase_add_test(tc, test_a_queue_that_has_run_dry_ends_newest_first);
    unit_add_rows(tc, test_what_is_no_page_is_refused, wrong);
    unit_add_rows(tc, test_no_cursor_does_harm, odd_cursors);
    tcase_add_test(tc, test_registries_are_counted_and_left);
    tcase_add_test(tc, test_memory_that_runs_out_is_told);
    return live_run("page", tc);
}
