/* check_page.c - tests of the pages of src/web that need no Redis, and of which
 * paths are pages. */
#include "unit.h"

#include <string.h>

#include "web/page.h"

static const struct {
    const char *path[4];
    bool known;
} paths[] = {
    { { "", NULL }, true },
    { { "queues", NULL }, true },
    { { "queues", "a/b <", NULL }, true },
    { { "queues", "", NULL }, false },
    { { "queues", "a", "b", NULL }, false },
    { { "jobs", "x", "log", NULL }, true },
    { { "jobs", "x", "logs", NULL }, false },
    { { "jobs", "x", "", NULL }, false },
    { { "job", NULL }, false },
    { { "jobss", NULL }, false },
    { { "", "jobs", NULL }, false },
    { { "api", NULL }, true },
    { { "api", "v1", NULL }, false },
    { { "{id}", NULL }, false },
    { { NULL }, false },
};

START_TEST(test_a_path_is_a_page_as_a_whole_or_not_at_all)
{
    size_t count = 0;

    while (paths[_i].path[count] != NULL)
        count++;
    ck_assert_int_eq(page_is_known(paths[_i].path, count), paths[_i].known);
}
END_TEST

START_TEST(test_the_login_shows_texts_as_texts)
{
    struct crq_buf out = CRQ_BUF_INIT;

    ck_assert_int_eq(page_login("/\"><script>", "<b>", &out), 0);
    ck_assert_ptr_nonnull(strstr(crq_buf_text(&out),
            "value=\"/&quot;&gt;&lt;script&gt;\""));
    ck_assert_ptr_nonnull(strstr(crq_buf_text(&out), ">&lt;b&gt;</p>"));
    ck_assert_ptr_null(strstr(crq_buf_text(&out), "<script"));
    crq_buf_clear(&out);
    ck_assert_int_eq(page_login("/", NULL, &out), 0);
    ck_assert_ptr_null(strstr(crq_buf_text(&out), "role=\"alert\""));
    crq_buf_fini(&out);
}
END_TEST

static int write_both(void *arg, crq_error *err)
{
    struct crq_buf out = CRQ_BUF_INIT;
    int rc = page_login("/", "why", &out);

    (void)arg;
    if (rc == 0)
        rc = page_notice(404, "Not there", "<gone>", &out);
    ck_assert_int_eq(rc, out.rc);
    rc = crq_buf_check(&out, err);
    crq_buf_fini(&out);
    return rc;
}

START_TEST(test_want_of_memory_is_told)
{
    unit_fail_each_allocation(write_both, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("page");

    unit_add_rows(tc, test_a_path_is_a_page_as_a_whole_or_not_at_all, paths);
    tcase_add_test(tc, test_the_login_shows_texts_as_texts);
    tcase_add_test(tc, test_want_of_memory_is_told);
    return unit_run("page", tc);
}
