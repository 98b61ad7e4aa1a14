/* check_queue_trouble.c - tests of model/queue.c: a Redis that refuses a job,
 * and links that break. */
#include "queue_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/conn.h"

static int64_t used_memory(crq_conn *on)
{
    crq_reply *reply;
    crq_error err;
    int64_t used;

    unit_ok(crq_conn_run(on, &reply, &err, "INFO", "memory", NULL), &err);
    used = strtoll(strstr(crq_reply_text(reply, NULL), "used_memory:") + 12,
            NULL, 10);
    crq_reply_free(reply);
    return used;
}

static void set_maxmemory(crq_conn *on, int64_t bytes)
{
    char line[60];

    snprintf(line, sizeof(line), "CONFIG SET maxmemory %lld", (long long)bytes);
    live_seed(on, line);
}

START_TEST(test_a_full_redis_refuses_a_job_or_takes_all_of_it)
{
    struct live_server *server = live_start(false, NULL);
    crq_conn *on = live_conn_to("%s", server->url);
    crq_queue *q = new_queue(on, "q");
    crq_call call = CRQ_CALL_INIT;
    size_t len = 4 << 20;
    char *noise = malloc(len);
    crq_value *args = crq_value_new_list();
    crq_error err;
    int64_t count;

    call.func = "f";
    unit_ok(crq_queue_enqueue(q, &call, NULL, &err), &err);
    live_seed(on, "FLUSHALL");
    set_maxmemory(on, 1);
    ck_assert_int_eq(crq_queue_enqueue(q, &call, NULL, &err), CRQ_EREDIS);
    ck_assert_msg(strstr(err.text, "maxmemory") != NULL, "%s", err.text);
    set_maxmemory(on, 0);
    live_expect(on, "");

    /* With as little as the call itself needs, HSET is what fills it, and SADD
     * and RPUSH come behind. */
    srandom(1);
    for (size_t i = 0; i < len; i++)
        noise[i] = (char)random();
    ck_assert_int_eq(crq_value_add(args, crq_value_new_bytes(noise, len)), 0);
    call.args = args;
    for (int64_t more = (int64_t)len / 4;; more += (int64_t)len / 4) {
        ck_assert_int_le(more, (int64_t)len * 4);
        set_maxmemory(on, used_memory(on) + more);
        if (crq_queue_enqueue(q, &call, NULL, &err) == 0)
            break;
        ck_assert_int_eq(err.code, CRQ_EREDIS);
        set_maxmemory(on, 0);
        live_expect(on, "");
    }
    unit_ok(crq_queue_count(q, &count, &err), &err);
    ck_assert_int_eq(count, 1);
    free(noise);
    crq_value_free(args);
    crq_queue_free(q);
    crq_conn_free(on);
}
END_TEST

/* A user who may not write hashes: which other jobs are there, and how the call
 * is placed. */
static const struct {
    const char *seed;
    bool at_front, scheduled;
    const char *depends_on, *group;
} forbidden[] = {
    { "", false, false, NULL, NULL },
    { "RPUSH rq:queue:q z\nSADD rq:queues rq:queue:q", false, false, NULL,
            NULL },
    { "RPUSH rq:queue:q z\nSADD rq:queues rq:queue:q", true, false, NULL,
            NULL },
    { "RPUSH rq:queue:q z", true, false, NULL, NULL },
    { "", false, true, NULL, NULL },
    { "HSET rq:job:b data D", false, false, "b", "g" },
};

START_TEST(test_a_user_who_may_not_write_a_job_leaves_no_id_either)
{
    struct live_server *server = live_start(false, NULL);
    const char *on_b[] = { forbidden[_i].depends_on };
    crq_conn *root = live_conn_to("%s", server->url);
    crq_conn *user = live_conn_to("%s", server->url);
    crq_queue *q = new_queue(user, "q");
    crq_call call = CRQ_CALL_INIT;
    crq_error err;
    char *before;
    int rc;

    call.func = "f";
    call.ttl_s = 60;
    call.at_front = forbidden[_i].at_front;
    call.depends_on = on_b;
    call.dependencies = on_b[0] != NULL;
    call.group_id = forbidden[_i].group;
    live_seed(root, forbidden[_i].seed);
    before = live_dump(root, LIVE_MASK_IDS);
    live_seed(root, "ACL SETUSER default -hset");
    if (forbidden[_i].scheduled)
        rc = crq_queue_enqueue_in(q, 1, &call, NULL, &err);
    else
        rc = crq_queue_enqueue(q, &call, NULL, &err);
    ck_assert_msg(rc == CRQ_EAUTH, "%s", err.text);
    ck_assert_msg(strstr(err.text, "does not allow this user to do that"), "%s",
            err.text);
    live_expect(root, before);

    live_seed(root, "ACL SETUSER default +hset");
    unit_ok(crq_queue_enqueue(q, &call, NULL, &err), &err);
    crq_queue_free(q);
    crq_conn_free(user);
    crq_conn_free(root);
    crq_text_free(before);
}
END_TEST

static const struct {
    unsigned drop, cut; /* before and after the script has run */
    bool scheduled, unique;
    int rc;
    int64_t count;
} cuts[] = {
    { 0, FIRST, false, false, 0, 1 },
    { FIRST, 0, false, false, 0, 1 },
    { 0, FIRST, false, true, 0, 1 },
    { FIRST, 0, false, true, 0, 1 },
    { 0, FIRST, true, false, 0, 1 },
    { FIRST, 0, true, true, 0, 1 },
    { 0, FIRST | SECOND, false, false, CRQ_ELOST, 1 },
    { FIRST, SECOND, false, true, CRQ_ELOST, 1 },
    { FIRST | SECOND, 0, false, false, CRQ_ELOST, 0 },
};

START_TEST(test_a_broken_link_makes_neither_none_nor_two)
{
    struct live_relay breaks = {
        .word = "EVALSHA", .drop = cuts[_i].drop, .cut = cuts[_i].cut
    };
    struct live_server *relay = live_start_relay(&breaks);
    crq_conn *through = live_conn_to("%s", relay->url);
    crq_queue *q = new_queue(through, "q");
    crq_call call = CRQ_CALL_INIT;
    crq_reply *reply;
    crq_error err = { 0, "" };
    int rc;

    /* Redis knows the scripts, so that the one call is all there is. */
    call.func = "f";
    unit_ok(crq_queue_enqueue(queue, &call, NULL, &err), &err);
    unit_ok(crq_queue_enqueue_in(queue, 1, &call, NULL, &err), &err);
    live_seed(conn, "FLUSHALL");

    call.job_id = "a";
    call.unique = cuts[_i].unique;
    if (cuts[_i].scheduled)
        rc = crq_queue_enqueue_in(q, 1, &call, NULL, &err);
    else
        rc = crq_queue_enqueue(q, &call, NULL, &err);
    ck_assert_msg(rc == cuts[_i].rc, "%s", err.text);
    if (cuts[_i].scheduled)
        rc = crq_conn_run(conn, &reply, &err, "ZCARD", "rq:scheduled:q", NULL);
    else
        rc = crq_conn_run(conn, &reply, &err, "LLEN", "rq:queue:q", NULL);
    unit_ok(rc, &err);
    ck_assert_int_eq(crq_reply_int(reply, -1), cuts[_i].count);
    crq_reply_free(reply);
    crq_queue_free(q);
    crq_conn_free(through);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("queue_trouble");

    tcase_add_test(tc, test_a_full_redis_refuses_a_job_or_takes_all_of_it);
    unit_add_rows(tc, test_a_user_who_may_not_write_a_job_leaves_no_id_either,
            forbidden);
    unit_add_rows(tc, test_a_broken_link_makes_neither_none_nor_two, cuts);
    return queue_run("queue_trouble", tc);
}
