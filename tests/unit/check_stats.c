/* check_stats.c - tests of model/stats_times.c and model/stats_count.c. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/stats_count.h"
#include "reply.h"

#define MS     INT64_C(1000)
#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)

START_TEST(test_bounds_grow_from_a_millisecond_to_an_hour)
{
    ck_assert_int_eq(crq_stats_bound_us(0), MS);
    for (size_t i = 1; i < CRQ_STATS_BUCKETS; i++)
        ck_assert_int_gt(crq_stats_bound_us(i), crq_stats_bound_us(i - 1));
    ck_assert_int_eq(crq_stats_bound_us(CRQ_STATS_BUCKETS - 2), HOUR);
    ck_assert_int_eq(crq_stats_bound_us(CRQ_STATS_BUCKETS - 1), INT64_MAX);
    ck_assert_int_eq(crq_stats_bound_us(SIZE_MAX), INT64_MAX);
}
END_TEST

static const struct {
    int64_t us;
    size_t bucket;
    int64_t sum_us;
} times[] = {
    { INT64_MIN, 0, 0 },
    { -1, 0, 0 },
    { 0, 0, 0 },
    { 1000, 0, 1000 }, /* the bound belongs to its bucket */
    { 1001, 1, 1001 },
    { 2 * SECOND, 10, 2 * SECOND },
    { HOUR, CRQ_STATS_BUCKETS - 2, HOUR },
    { HOUR + 1, CRQ_STATS_BUCKETS - 1, HOUR + 1 },
    { INT64_MAX, CRQ_STATS_BUCKETS - 1, 365 * 24 * HOUR },
};

START_TEST(test_a_time_is_counted_in_its_bucket)
{
    struct crq_times t = { .sum_us = 0 };

    crq_times_add(&t, times[_i].us);
    ck_assert_int_eq(t.buckets[times[_i].bucket], 1);
    ck_assert_int_eq(crq_times_count(&t), 1);
    ck_assert_int_eq(t.sum_us, times[_i].sum_us);
}
END_TEST

/* So many times in bucket 0 (to 1 ms), 1 (2 ms), 2 (5 ms), the last but one
 * and the last. */
static const struct {
    int64_t counts[5];
    double p;
    int64_t want_us;
} percentiles[] = {
    { { 0 }, 0.5, CRQ_UNSET },
    { { 1 }, 0.5, 500 },
    { { 100 }, 0.5, 500 },
    { { 100 }, 0.99, 990 },
    { { 100 }, 1, 1000 },
    { { 100 }, 0, 0 },
    { { 0, 10 }, 0, 1000 }, /* nothing is below the bucket's lower bound */
    { { 50, 50 }, 0.5, 1000 },
    { { 50, 50 }, 0.75, 1500 },
    { { 50, 0, 50 }, 0.75, 3500 },       /* an empty bucket between */
    { { 50, 0, 0, 0, 50 }, 0.99, HOUR }, /* beyond counts as the hour */
    { { 0, 0, 0, 1, 0 }, 1, HOUR },
    { { 100 }, -1, 0 },
    { { 100 }, 7, 1000 },
    { { 100 }, NAN, 0 },
};

START_TEST(test_a_percentile_is_found_between_the_bounds)
{
    static const size_t buckets[] = { 0, 1, 2, CRQ_STATS_BUCKETS - 2,
        CRQ_STATS_BUCKETS - 1 };
    struct crq_times t = { .sum_us = 0 };

    for (size_t i = 0; i < 5; i++)
        t.buckets[buckets[i]] = percentiles[_i].counts[i];
    ck_assert_int_eq(crq_times_percentile_us(&t, percentiles[_i].p),
            percentiles[_i].want_us);
}
END_TEST

START_TEST(test_every_number_has_a_field_and_is_read_back)
{
    struct crq_numbers got;
    char field[CRQ_STATS_FIELD_MAX];
    crq_reply *reply;

    for (size_t i = 0; i < CRQ_STATS_FIELDS; i++) {
        crq_numbers_field(field, i);
        reply = reply_texts(field, "7", NULL);
        crq_numbers_decode(&got, reply);
        crq_reply_free(reply);
        for (size_t n = 0; n < CRQ_STATS_FIELDS; n++)
            ck_assert_msg(*crq_numbers_at(&got, n) == (n == i ? 7 : 0), "%s",
                    field);
    }
}
END_TEST

static const struct {
    const char *field, *value;
    int64_t finished, bucket, sum_us;
} hostile[] = {
    { "finished", "-3", 0, 0, 0 },
    { "finished", "x", 0, 0, 0 },
    { "finished", "", 0, 0, 0 },
    { "finished", "1e9", 0, 0, 0 },
    { "finished", "99999999999999999999", 0, 0, 0 },
    { "finished", "9223372036854775807", INT64_C(1000000000000000), 0, 0 },
    { "wait:5", "9223372036854775807", 0, INT64_C(1000000000000000), 0 },
    { "wait:us", "9223372036854775807", 0, 0, INT64_C(100000000000000000) },
    { "wait:", "1", 0, 0, 0 },
    { "wait:05x", "1", 0, 0, 0 },
    { "wait:4", "1", 0, 0, 0 },
    { "wait:-5", "1", 0, 0, 0 },
    { "wait:99999999999999999999", "1", 0, 0, 0 },
    { "wait", "1", 0, 0, 0 },
    { "\xff", "1", 0, 0, 0 },
};

START_TEST(test_what_is_no_number_of_ours_counts_as_nothing)
{
    crq_reply *reply = reply_texts(hostile[_i].field, hostile[_i].value, NULL);
    struct crq_numbers got;

    crq_numbers_decode(&got, reply);
    crq_reply_free(reply);
    ck_assert_int_eq(got.stats[CRQ_STAT_FINISHED], hostile[_i].finished);
    ck_assert_int_eq(got.times[CRQ_TIMING_WAIT].buckets[2], hostile[_i].bucket);
    ck_assert_int_eq(got.times[CRQ_TIMING_WAIT].sum_us, hostile[_i].sum_us);
    ck_assert_int_eq(crq_times_count(&got.times[CRQ_TIMING_RUN]), 0);
}
END_TEST

START_TEST(test_the_largest_numbers_can_be_added_up)
{
    struct crq_times huge = { .sum_us = INT64_C(100000000000000000) }, sum;

    for (size_t i = 0; i < CRQ_STATS_BUCKETS; i++)
        huge.buckets[i] = INT64_C(1000000000000000);
    memset(&sum, 0, sizeof(sum));
    for (int i = 0; i < CRQ_STATS_MINUTES; i++)
        crq_times_merge(&sum, &huge);
    ck_assert_int_gt(crq_times_count(&sum), 0); /* UBSan looks, too */
    ck_assert_int_eq(crq_times_percentile_us(&sum, 1), HOUR);
}
END_TEST

/* ---- counting ---- */

START_TEST(test_what_is_counted_of_a_queue_is_counted_of_all)
{
    struct crq_tallies t, more;

    crq_tallies_init(&t);
    crq_tallies_init(&more);
    ck_assert(crq_tallies_empty(&t));
    crq_tallies_end(&t, "a", CRQ_STAT_FINISHED, 1);
    crq_tallies_end(&more, "b", CRQ_STAT_FINISHED, 2);
    crq_tallies_time(&more, "a", CRQ_TIMING_RUN, 5);
    crq_tallies_end(&more, NULL, CRQ_STAT_ABANDONED, 4);
    crq_tallies_merge(&t, &more);
    ck_assert(crq_tallies_empty(&more));
    ck_assert_uint_eq(t.count, 3);
    ck_assert_str_eq(t.queues[0].queue, "");
    ck_assert_int_eq(t.queues[0].numbers.stats[CRQ_STAT_FINISHED], 3);
    ck_assert_int_eq(t.queues[0].numbers.stats[CRQ_STAT_ABANDONED], 4);
    ck_assert_int_eq(t.queues[0].numbers.times[CRQ_TIMING_RUN].sum_us, 5);
    ck_assert_str_eq(t.queues[1].queue, "a");
    ck_assert_int_eq(t.queues[1].numbers.times[CRQ_TIMING_RUN].sum_us, 5);
    ck_assert_int_eq(t.queues[2].numbers.stats[CRQ_STAT_FINISHED], 2);
    crq_tallies_fini(&t);
    crq_tallies_fini(&more);
}
END_TEST

START_TEST(test_memory_is_bounded_whatever_is_counted)
{
    struct crq_cause cause = { .times = 1 };
    struct crq_tallies t;
    char name[32];

    crq_tallies_init(&t);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "q%d", i);
        crq_tallies_end(&t, name, CRQ_STAT_FINISHED, 1);
        strcpy(cause.func, name);
        crq_tallies_cause(&t, &cause);
    }
    ck_assert_uint_eq(t.count, CRQ_TALLIES_QUEUES + 1);
    ck_assert_uint_eq(t.causes_count, CRQ_TALLIES_CAUSES);
    ck_assert_int_eq(t.queues[0].numbers.stats[CRQ_STAT_FINISHED], 1000);
    crq_tallies_fini(&t);
}
END_TEST

START_TEST(test_without_memory_nothing_is_counted_by_half)
{
    struct crq_cause cause = { .times = 1 };

    for (long nth = 1; nth <= 3; nth++) {
        struct crq_tallies t;

        crq_tallies_init(&t);
        crq_mem_fail_at(nth);
        crq_tallies_end(&t, "q", CRQ_STAT_FINISHED, 1);
        crq_tallies_cause(&t, &cause);
        crq_mem_fail_at(0);
        ck_assert_uint_le(t.count, 2);
        for (size_t i = 1; i < t.count; i++)
            ck_assert_int_eq(t.queues[i].numbers.stats[CRQ_STAT_FINISHED],
                    t.queues[0].numbers.stats[CRQ_STAT_FINISHED]);
        crq_tallies_fini(&t);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("stats");

    tcase_add_test(tc, test_bounds_grow_from_a_millisecond_to_an_hour);
    unit_add_rows(tc, test_a_time_is_counted_in_its_bucket, times);
    unit_add_rows(tc, test_a_percentile_is_found_between_the_bounds,
            percentiles);
    tcase_add_test(tc, test_every_number_has_a_field_and_is_read_back);
    unit_add_rows(tc, test_what_is_no_number_of_ours_counts_as_nothing,
            hostile);
    tcase_add_test(tc, test_the_largest_numbers_can_be_added_up);
    tcase_add_test(tc, test_what_is_counted_of_a_queue_is_counted_of_all);
    tcase_add_test(tc, test_memory_is_bounded_whatever_is_counted);
    tcase_add_test(tc, test_without_memory_nothing_is_counted_by_half);
    return unit_run("stats", tc);
}
