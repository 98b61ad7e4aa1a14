/* check_trigger_put.c - tests of app/trigger_put.c and app/trigger_read.c. */
#include "live.h"

#include <string.h>

static crq_value *pair_of(const char *name, const char *text)
{
    crq_value *dict = crq_value_new_dict();

    ck_assert_int_eq(crq_value_set(dict, name, crq_value_new_text(text)), 0);
    return dict;
}

static crq_trigger_options options_of(const char *id)
{
    crq_trigger_options o = CRQ_TRIGGER_INIT;

    o.id = id;
    o.stream = "st";
    return o;
}

static crq_call call_of(const char *func)
{
    crq_call call = CRQ_CALL_INIT;

    call.func = func;
    return call;
}

/* How the dump shows what is kept of a trigger. */
#define TRIGGER(id, queue, match, more)                                        \
    "\"\\n{\\\"name\\\": \\\"" id "\\\", \\\"queues\\\": [\\\"" queue          \
    "\\\"], \\\"triggers\\\": [{\\\"stream\\\": \\\"st\\\", " match            \
    "\\\"enqueue\\\": {\\\"task\\\": \\\"pet.b\\\"" more "}}]}\"\n"

START_TEST(test_a_trigger_is_an_application_of_its_own)
{
    crq_conn *conn = live_conn();
    crq_trigger_options o = options_of("t");
    crq_call call = call_of("pet.b");
    crq_error err;

    unit_ok(crq_trigger_put(conn, &o, &call, &err), &err);
    live_expect(conn,
            "crq:triggers hash\n  .version 1\n  t " TRIGGER("t", "default", "",
                    ""));
    /* Once more changes nothing: nobody needs to read it again. */
    unit_ok(crq_trigger_put(conn, &o, &call, &err), &err);
    live_expect(conn,
            "crq:triggers hash\n  .version 1\n  t " TRIGGER("t", "default", "",
                    ""));
    unit_ok(crq_trigger_remove(conn, "t", &err), &err);
    live_expect(conn, "crq:triggers hash\n  .version 2\n");
    ck_assert_int_eq(crq_trigger_remove(conn, "t", &err), CRQ_ENOTFOUND);
    live_expect(conn, "crq:triggers hash\n  .version 2\n");
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_all_that_an_application_can_say_can_be_put)
{
    static const int64_t intervals[] = { 5, 10 };
    crq_conn *conn = live_conn();
    crq_trigger_options o = options_of("t");
    crq_call call = call_of("pet.b");
    crq_value *match = pair_of("type", "B");
    crq_value *kwargs = pair_of("n", "$event.n:int?");
    crq_error err;

    o.queue = "q1";
    o.match = match;
    call.kwargs = kwargs;
    call.description = "d";
    call.timeout_s = -1;
    call.result_ttl_s = 0;
    call.failure_ttl_s = 60;
    call.ttl_s = 70;
    call.retry_max = 2;
    call.retry_intervals_s = intervals;
    call.retry_intervals = 2;
    call.at_front = true;
    unit_ok(crq_trigger_put(conn, &o, &call, &err), &err);
    live_expect(conn,
            "crq:triggers hash\n  .version 1\n  t " TRIGGER("t", "q1",
                    "\\\"match\\\": {\\\"type\\\": \\\"B\\\"}, ",
                    ", \\\"args\\\": {\\\"n\\\": \\\"$event.n:int?\\\"}, "
                    "\\\"description\\\": \\\"d\\\", \\\"timeout\\\": -1, "
                    "\\\"result_ttl\\\": 0, \\\"failure_ttl\\\": 60, "
                    "\\\"ttl\\\": 70, \\\"retry\\\": {\\\"max\\\": 2, "
                    "\\\"intervals\\\": [5, 10]}, \\\"at_front\\\": true"));
    crq_value_free(match);
    crq_value_free(kwargs);
    crq_conn_free(conn);
}
END_TEST

#define FILES                                                                  \
    "HSET crq:triggers .version 7 pet \"/a/app.json\\n{}\" t " TRIGGER("t",    \
            "default", "", "")

START_TEST(test_an_application_of_a_file_is_not_replaced_but_removed)
{
    crq_conn *conn = live_conn();
    crq_trigger_options o = options_of("pet");
    crq_call call = call_of("pet.b");
    crq_error err;
    char *before;

    live_seed(conn, FILES);
    before = live_dump(conn, LIVE_MASK_IDS);
    ck_assert_int_eq(crq_trigger_put(conn, &o, &call, &err), CRQ_EEXIST);
    ck_assert_str_eq(err.text, "'pet' is an application of /a/app.json");
    live_expect(conn, before);
    crq_text_free(before);
    unit_ok(crq_trigger_remove(conn, "pet", &err), &err);
    live_expect(conn,
            "crq:triggers hash\n  .version 8\n  t " TRIGGER("t", "default", "",
                    ""));
    crq_conn_free(conn);
}
END_TEST

static const struct {
    const char *id, *stream, *queue, *func, *arg, *says;
    int what;
} wrong[] = {
    { "", "st", NULL, "f.g", "1", "'' is not an id of a trigger", 0 },
    { "a#0", "st", NULL, "f.g", "1", "is not an id of a trigger", 0 },
    { ".version", "st", NULL, "f.g", "1", "is not an id of a trigger", 0 },
    { "t", NULL, NULL, "f.g", "1", "no stream is given", 0 },
    { "t", "", NULL, "f.g", "1", "stream: ", 0 },
    { "t", "st", "", "f.g", "1", "queue", 0 },
    { "t", "st", NULL, NULL, "1", "func", 0 },
    { "t", "st", NULL, "f.g", "$evnt.x",
            "enqueue.args.a: '$evnt.x' is no source here", 0 },
    { "t", "st", NULL, "f.g", "$option.x", "there is no option 'x'", 0 },
    { "t", "st", NULL, "f.g", "$event.x:set", "':set' is no type", 0 },
    { "t", "st", NULL, "f.g", "1", "can have no job_id", 1 },
    { "t", "st", NULL, "f.g", "1", "can have no serializer", 2 },
    { "t", "st", NULL, "f.g", "1", "either args or kwargs", 3 },
    { "t", "st", NULL, "f.g", "1", "type bytes is not JSON", 4 },
    { "t", "st", NULL, "f.g", "1", "match", 5 },
};

START_TEST(test_wrong_triggers_are_refused_and_nothing_is_written)
{
    crq_conn *conn = live_conn();
    crq_trigger_options o = options_of(wrong[_i].id);
    crq_call call = call_of(wrong[_i].func);
    crq_value *kwargs = pair_of("a", wrong[_i].arg);
    crq_value *list = crq_value_new_list();
    crq_error err;

    o.stream = wrong[_i].stream;
    o.queue = wrong[_i].queue;
    o.match = wrong[_i].what == 5 ? list : NULL;
    call.kwargs = wrong[_i].what == 4 ? NULL : kwargs;
    call.job_id = wrong[_i].what == 1 ? "j" : NULL;
    call.serializer = wrong[_i].what == 2 ? CRQ_JSON : CRQ_PICKLE;
    call.args = wrong[_i].what == 3 || wrong[_i].what == 4 ? list : NULL;
    if (wrong[_i].what != 5)
        ck_assert_int_eq(crq_value_add(list, crq_value_new_bytes("\xff", 1)),
                0);
    ck_assert_int_eq(crq_trigger_put(conn, &o, &call, &err), CRQ_EINVAL);
    ck_assert_msg(strstr(err.text, wrong[_i].says) != NULL, "%s", err.text);
    live_expect(conn, "");
    crq_value_free(kwargs);
    crq_value_free(list);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_a_foreign_key_is_left_alone)
{
    crq_conn *conn = live_conn();
    crq_trigger_options o = options_of("t");
    crq_call call = call_of("pet.b");
    crq_trigger **list;
    crq_error err;
    size_t count;

    live_seed(conn, "SET crq:triggers x");
    ck_assert_int_eq(crq_trigger_put(conn, &o, &call, &err), CRQ_EREDIS);
    ck_assert_int_eq(crq_trigger_remove(conn, "t", &err), CRQ_EREDIS);
    ck_assert_int_eq(crq_trigger_list(conn, &list, &count, &err), CRQ_EREDIS);
    live_expect(conn, "crq:triggers string\n  x\n");
    crq_conn_free(conn);
}
END_TEST

#define APPS                                                                   \
    "HSET crq:triggers .version 7 bad x pet "                                  \
    "\"/a/app.json\\n{\\\"name\\\":\\\"pet\\\",\\\"queues\\\":[\\\"q1\\\"],"   \
    "\\\"triggers\\\":[{\\\"stream\\\":\\\"s1\\\",\\\"match\\\":"              \
    "{\\\"type\\\":\\\"B\\\"},\\\"enqueue\\\":{\\\"task\\\":\\\"pet.b\\\"}},"  \
    "{\\\"stream\\\":\\\"s2\\\",\\\"enqueue\\\":{\\\"task\\\":\\\"pet.c\\\"}}" \
    "]}\"\nXADD s1 1-0 a b\nXADD s1 2-0 a b\nSET s2 x\n"

START_TEST(test_triggers_are_listed_with_what_they_are_behind)
{
    crq_conn *conn = live_conn();
    crq_trigger_options o = options_of("another");
    crq_call call = call_of("f.g");
    crq_trigger **list, *one;
    crq_error err;
    size_t count;

    live_seed(conn, APPS);
    unit_ok(crq_trigger_put(conn, &o, &call, &err), &err);
    unit_ok(crq_trigger_list(conn, &list, &count, &err), &err);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(crq_trigger_id(list[0]), "another");
    ck_assert_ptr_null(crq_trigger_source(list[0]));
    ck_assert_uint_eq(crq_value_count(crq_trigger_match(list[0])), 0);
    ck_assert_int_eq(crq_trigger_lag(list[0]), CRQ_UNSET); /* no stream yet */
    ck_assert_str_eq(crq_trigger_id(list[1]), "pet#0");
    ck_assert_str_eq(crq_trigger_id(list[2]), "pet#1");
    ck_assert_int_eq(crq_trigger_lag(list[2]), CRQ_UNSET);
    crq_triggers_free(list, count);

    unit_ok(crq_trigger_fetch(conn, "pet#0", &one, &err), &err);
    ck_assert_str_eq(crq_trigger_stream(one), "s1");
    ck_assert_str_eq(crq_trigger_queue(one), "q1");
    ck_assert_str_eq(crq_trigger_func(one), "pet.b");
    ck_assert_str_eq(crq_trigger_source(one), "/a/app.json");
    ck_assert_str_eq(crq_value_text(crq_value_get(crq_trigger_match(one),
                             "type")),
            "B");
    ck_assert_int_eq(crq_trigger_lag(one), 2);
    crq_trigger_free(one);
    ck_assert_int_eq(crq_trigger_fetch(conn, "pet", &one, &err), CRQ_ENOTFOUND);
    ck_assert_int_eq(crq_trigger_fetch(conn, "bad", &one, &err), CRQ_ENOTFOUND);
    crq_conn_free(conn);
}
END_TEST

struct given {
    crq_conn *conn;
    crq_value *dict;
};

static int put_and_fetch(void *arg, crq_error *err)
{
    const struct given *given = arg;
    static const int64_t intervals[] = { 5, 10 };
    crq_trigger_options o = options_of("t");
    crq_call call = call_of("pet.b");
    crq_trigger *one = NULL;
    int rc;

    o.match = call.kwargs = given->dict;
    call.description = "d";
    call.timeout_s = call.retry_max = 3;
    call.retry_intervals_s = intervals;
    call.retry_intervals = 2;
    rc = crq_trigger_put(given->conn, &o, &call, err);
    if (rc == 0)
        rc = crq_trigger_fetch(given->conn, "t", &one, err);
    crq_trigger_free(one);
    if (rc == 0)
        rc = crq_trigger_remove(given->conn, "t", err);
    return rc == CRQ_ENOTFOUND ? 0 : rc;
}

START_TEST(test_memory_may_run_out_at_any_point)
{
    struct given given = { live_conn(), pair_of("a", "$event.b") };

    unit_fail_each_allocation(put_and_fetch, &given);
    crq_value_free(given.dict);
    crq_conn_free(given.conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("trigger_put");

    tcase_add_test(tc, test_a_trigger_is_an_application_of_its_own);
    tcase_add_test(tc, test_all_that_an_application_can_say_can_be_put);
    tcase_add_test(tc,
            test_an_application_of_a_file_is_not_replaced_but_removed);
    unit_add_rows(tc, test_wrong_triggers_are_refused_and_nothing_is_written,
            wrong);
    tcase_add_test(tc, test_a_foreign_key_is_left_alone);
    tcase_add_test(tc, test_triggers_are_listed_with_what_they_are_behind);
    tcase_add_test(tc, test_memory_may_run_out_at_any_point);
    return live_run("trigger_put", tc);
}
