/* check_queue_many.c - tests of crq_queue_enqueue_many(). */
#include "queue_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "redis/conn.h"

struct work {
    /* What is given. */
    size_t count;     /* calls in all */
    size_t wrong;     /* the nth call has no function (from 1; 0: none) */
    size_t taken;     /* the nth call has a unique id that is taken */
    size_t source_at; /* the source fails with CRQ_EIO before the nth */
    bool silent;      /* ... without a text */
    size_t size;      /* bytes of the argument */
    size_t kill_at;   /* all links are cut when the nth is told */
    size_t flush_at;  /* the scripts are dropped when the nth is asked for */
    int (*told)(struct work *work, size_t nth, int rc);

    /* What happened. */
    size_t given, done, failed, most; /* given and not told */
    crq_conn *other;
    crq_value *args;
    char id[24];
    crq_error last;
};

static int give(void *arg, crq_call *call, crq_error *err)
{
    struct work *work = arg;

    if (work->source_at == work->given + 1)
        return work->silent ? CRQ_EIO : crq_fail(err, CRQ_EIO, "no more lines");
    if (work->given == work->count)
        return 0;
    work->given++;
    if (work->flush_at == work->given)
        live_seed(work->other, "SCRIPT FLUSH");
    if (work->given - work->done > work->most)
        work->most = work->given - work->done;
    call->func = work->wrong == work->given ? NULL : "f";
    if (work->taken == work->given) {
        call->unique = true;
        call->job_id = "taken";
    } else {
        snprintf(work->id, sizeof(work->id), "job-%06zu", work->given);
        call->job_id = work->id;
    }
    call->args = work->args;
    return 1;
}

static int on_done(void *arg, size_t nth, const char *job_id, int rc,
        const crq_error *err)
{
    struct work *work = arg;

    ck_assert_uint_eq(nth, work->done);
    ck_assert_int_eq(job_id != NULL, rc == 0);
    work->done++;
    if (rc < 0) {
        work->failed++;
        work->last = *err;
        ck_assert_int_eq(err->code, rc);
    }
    if (work->kill_at == work->done)
        live_seed(work->other, "CLIENT KILL TYPE normal SKIPME yes");
    return work->told != NULL ? work->told(work, nth, rc) : 0;
}

static int enqueue_many(struct work *work, bool tell, size_t *written,
        crq_error *err)
{
    int rc;

    *err = (crq_error){ 0, "" };
    work->other = live_conn();
    if (work->size > 0) {
        char *bytes = calloc(1, work->size);

        srandom(2);
        for (size_t i = 0; i < work->size; i++)
            bytes[i] = (char)random();
        work->args = crq_value_new_list();
        ck_assert_int_eq(crq_value_add(work->args,
                                 crq_value_new_bytes(bytes, work->size)),
                0);
        free(bytes);
    }
    rc = crq_queue_enqueue_many(queue, give, tell ? on_done : NULL, work,
            written, err);
    crq_value_free(work->args);
    crq_conn_free(work->other);
    return rc;
}

/* The ids in the queue are those of calls 1..count, in their order and each
 * once, without number `but` (0: none). */
static void expect_ids(size_t count, size_t but)
{
    crq_reply *reply;
    crq_error err;
    size_t at = 0;

    unit_ok(crq_conn_run(conn, &reply, &err, "LRANGE", "rq:queue:q", "0", "-1",
                    NULL),
            &err);
    for (size_t i = 1; i <= count; i++) {
        char id[24];

        if (i == but)
            continue;
        snprintf(id, sizeof(id), "job-%06zu", i);
        ck_assert_uint_lt(at, crq_reply_count(reply));
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, at++), NULL), id);
    }
    ck_assert_uint_eq(crq_reply_count(reply), at);
    crq_reply_free(reply);
    unit_ok(crq_conn_run(conn, &reply, &err, "KEYS", "rq:job:job-*", NULL),
            &err);
    ck_assert_uint_eq(crq_reply_count(reply), at);
    crq_reply_free(reply);
}

static const size_t counts[] = { 0, 1, 511, 512, 513, 1024, 20000 };

START_TEST(test_many_jobs_are_written_in_order_with_little_memory)
{
    struct work work = { .count = counts[_i] };
    size_t written = 77;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_eq(written, counts[_i]);
    ck_assert_uint_eq(work.done, counts[_i]);
    ck_assert_uint_eq(work.failed, 0);
    ck_assert_uint_le(work.most, 512);
    expect_ids(counts[_i], 0);
}
END_TEST

START_TEST(test_large_jobs_do_not_wait_for_many_others)
{
    struct work work = { .count = 40, .size = 300000 };
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_le(work.most, 4);
    expect_ids(40, 0);
}
END_TEST

START_TEST(test_a_failed_call_is_told_in_its_place)
{
    struct work wrong = { .count = 700, .wrong = 600 },
                taken = { .count = 700, .taken = 600 };
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&wrong, true, &written, &err), &err);
    ck_assert_uint_eq(written, 699);
    ck_assert_uint_eq(wrong.done, 700);
    ck_assert_uint_eq(wrong.failed, 1);
    ck_assert_str_eq(wrong.last.text, "func is missing: name a function");
    expect_ids(700, 600);
    live_seed(conn, "FLUSHALL\nHSET rq:job:taken status queued");
    unit_ok(enqueue_many(&taken, true, &written, &err), &err);
    ck_assert_uint_eq(written, 699);
    ck_assert_uint_eq(taken.failed, 1);
    ck_assert_int_eq(taken.last.code, CRQ_EEXIST);
    ck_assert_str_eq(taken.last.text, "there is a job 'taken' already");
    expect_ids(700, 600);
}
END_TEST

START_TEST(test_without_a_listener_the_first_failure_stops)
{
    struct work wrong = { .count = 9, .wrong = 3 },
                taken = { .count = 9, .taken = 3 };
    size_t written;
    crq_error err;

    ck_assert_int_eq(enqueue_many(&wrong, false, &written, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func is missing: name a function");
    ck_assert_uint_eq(written, 2);
    expect_ids(2, 0);
    live_seed(conn, "FLUSHALL\nHSET rq:job:taken status queued");
    ck_assert_int_eq(enqueue_many(&taken, false, &written, &err), CRQ_EEXIST);
    ck_assert_int_eq(err.code, CRQ_EEXIST);
    ck_assert_str_eq(err.text, "there is a job 'taken' already");
}
END_TEST

static int stop_at_failure(struct work *work, size_t nth, int rc)
{
    (void)work;
    (void)nth;
    return rc;
}

static int stop_at_5(struct work *work, size_t nth, int rc)
{
    (void)work;
    (void)rc;
    return nth == 4 ? CRQ_EIO : 0;
}

static int go_on(struct work *work, size_t nth, int rc)
{
    (void)work;
    (void)rc;
    return (int)nth + 1;
}

START_TEST(test_the_listener_can_stop_the_work)
{
    struct work wrong = { .count = 9, .wrong = 3, .told = stop_at_failure },
                fifth = { .count = 2000, .told = stop_at_5 },
                early = { .count = 9, .wrong = 5, .told = stop_at_5 };
    size_t written;
    crq_error err;

    ck_assert_int_eq(enqueue_many(&wrong, true, &written, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, "func is missing: name a function");
    ck_assert_uint_eq(wrong.done, 3);
    ck_assert_int_eq(enqueue_many(&fifth, true, &written, &err), CRQ_EIO);
    ck_assert_int_eq(err.code, CRQ_EIO);
    ck_assert_str_eq(err.text, crq_error_summary(CRQ_EIO));
    ck_assert_uint_eq(fifth.done, 5);
    ck_assert_uint_le(fifth.given, 512);
    ck_assert_int_eq(enqueue_many(&early, true, &written, &err), CRQ_EIO);
    ck_assert_str_eq(err.text, crq_error_summary(CRQ_EIO));
}
END_TEST

START_TEST(test_only_a_negative_answer_stops)
{
    struct work work = { .count = 9, .wrong = 3, .told = go_on };
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_eq(work.done, 9);
    expect_ids(9, 3);
}
END_TEST

START_TEST(test_what_was_given_before_the_source_failed_is_written)
{
    struct work said = { .count = 9, .source_at = 6 },
                silent = { .count = 9, .source_at = 6, .silent = true };
    size_t written;
    crq_error err;

    ck_assert_int_eq(enqueue_many(&said, true, &written, &err), CRQ_EIO);
    ck_assert_str_eq(err.text, "no more lines");
    ck_assert_uint_eq(written, 5);
    expect_ids(5, 0);
    live_seed(conn, "FLUSHALL");
    ck_assert_int_eq(enqueue_many(&silent, true, &written, &err), CRQ_EIO);
    ck_assert_int_eq(err.code, CRQ_EIO);
    ck_assert_str_eq(err.text, crq_error_summary(CRQ_EIO));
}
END_TEST

static const struct work troubles[] = {
    { .count = 3000, .kill_at = 1 },
    { .count = 3000, .kill_at = 700 },
    { .count = 3000, .kill_at = 1024 },
    { .count = 1500, .flush_at = 1 },
    { .count = 1500, .flush_at = 700 },
    { .count = 1500, .flush_at = 600, .kill_at = 100 },
};

START_TEST(test_trouble_in_the_middle_loses_and_doubles_nothing)
{
    struct work work = troubles[_i];
    size_t written;
    crq_error err;

    unit_ok(enqueue_many(&work, true, &written, &err), &err);
    ck_assert_uint_eq(written, work.count);
    ck_assert_uint_eq(work.done, work.count);
    ck_assert_uint_eq(work.failed, 0);
    expect_ids(work.count, 0);
}
END_TEST

static const struct {
    unsigned drop, cut;
    int rc;
} pipe_cuts[] = { { 0, FIRST, 0 }, { FIRST, 0, 0 },
    { SECOND, FIRST, CRQ_ELOST } };

START_TEST(test_a_pipe_that_breaks_is_repeated_once)
{
    struct live_relay breaks = {
        .word = "EVALSHA", .drop = pipe_cuts[_i].drop, .cut = pipe_cuts[_i].cut
    };
    struct live_server *relay = live_start_relay(&breaks);
    struct work work = { .count = 100 };
    size_t written;
    crq_error err;

    crq_queue_free(queue);
    crq_conn_free(conn);
    conn = live_conn_to("%s", relay->url);
    queue = new_queue(conn, "q");
    ck_assert_int_eq(enqueue_many(&work, true, &written, &err),
            pipe_cuts[_i].rc);
    ck_assert_uint_eq(work.done, 100);
    if (pipe_cuts[_i].rc == 0)
        expect_ids(100, 0);
}
END_TEST

static int enqueue_three(void *arg, crq_error *err)
{
    struct work work = { .count = 3 };
    size_t written;

    (void)arg;
    return crq_queue_enqueue_many(queue, give, NULL, &work, &written, err);
}

START_TEST(test_every_failing_allocation_of_many_is_reported)
{
    unit_fail_each_allocation(enqueue_three, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("queue_many");

    unit_add_rows(tc, test_many_jobs_are_written_in_order_with_little_memory,
            counts);
    tcase_add_test(tc, test_large_jobs_do_not_wait_for_many_others);
    tcase_add_test(tc, test_a_failed_call_is_told_in_its_place);
    tcase_add_test(tc, test_without_a_listener_the_first_failure_stops);
    tcase_add_test(tc, test_the_listener_can_stop_the_work);
    tcase_add_test(tc, test_only_a_negative_answer_stops);
    tcase_add_test(tc, test_what_was_given_before_the_source_failed_is_written);
    unit_add_rows(tc, test_trouble_in_the_middle_loses_and_doubles_nothing,
            troubles);
    unit_add_rows(tc, test_a_pipe_that_breaks_is_repeated_once, pipe_cuts);
    tcase_add_test(tc, test_every_failing_allocation_of_many_is_reported);
    return queue_run("queue_many", tc);
}
