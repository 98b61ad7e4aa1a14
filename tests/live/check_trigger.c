/* check_trigger.c - tests of app/declare.c, app/trigger.c and their scripts. */
#include "run_steps.h"

#include <stdio.h>
#include <string.h>

#include "app/declare.h"
#include "app/trigger.h"
#include "base/buf.h"
#include "redis/scripts.h"
#include "sched/schedule.h"

static const struct crq_scheduler_id me = { "me", "host", 7, AT_US, NULL, 0 };

/* ---- declaring ---- */

#define APP(name, more)                                                        \
    "{\"name\":\"" name "\",\"queues\":[\"q1\"],\"options\":{\"n\":3}" more "}"
#define TRIGGERS                                                               \
    ",\"triggers\":[{\"stream\":\"st\",\"match\":{\"type\":\"B\"},"            \
    "\"enqueue\":{\"task\":\"pet.b\",\"args\":[\"$event.x:int\"]}},"           \
    "{\"stream\":\"st\",\"match\":{\"y\":\"1\"},\"enqueue\":"                  \
    "{\"task\":\"pet.y\",\"args\":{\"a\":\"$event\"},\"at_front\":true}}]"
#define SCHEDULE(id)                                                           \
    "{\"id\":\"" id "\",\"every\":10,\"enqueue\":{\"task\":\"pet.s\","         \
    "\"args\":[\"$option.n\"]}}"

static struct crq_app *app_of(const char *text)
{
    struct crq_app *app;
    crq_error err;

    unit_ok(crq_app_parse(text, strlen(text), ".", NULL, NULL, &app, &err),
            &err);
    return app;
}

/* What crq-scheduler does with a file; removed and changed of the last step. */
static void declare(crq_conn *conn, const char *text, const char *source,
        int64_t *out_removed, int64_t *out_changed)
{
    struct crq_app *app = app_of(text);
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    int rc;

    crq_args_init(&words);
    for (size_t i = 0; i < app->schedule_count; i++) {
        rc = crq_app_schedule_words(app, i, source, AT_US, &words, &err);
        ck_assert_msg(rc == 3, "%s", err.text);
        crq_reply_free(steps_call(conn, &crq_script_sched_put, (size_t)rc,
                &words));
    }
    rc = crq_app_keep_words(app, source, &words, &err);
    ck_assert_int_eq(rc, 2);
    reply = steps_call(conn, &crq_script_sched_keep, (size_t)rc, &words);
    *out_removed = crq_reply_int(crq_reply_item(reply, 0), -1);
    *out_changed = crq_reply_int(crq_reply_item(reply, 1), -1);
    crq_reply_free(reply);
    crq_app_free(app);
}

/* What is there of two files' schedules and triggers, as text. */
static char *names_of(crq_conn *conn)
{
    static const char *const known[] = { ".version", "cat", "pet", NULL };
    crq_reply *ids, *apps;
    struct crq_buf text = CRQ_BUF_INIT;
    crq_error err;
    char *out;

    unit_ok(crq_conn_run(conn, &ids, &err, "ZRANGE", "crq:schedules", "0", "-1",
                    NULL),
            &err);
    unit_ok(crq_conn_run(conn, &apps, &err, "HKEYS", "crq:triggers", NULL),
            &err);
    for (size_t i = 0; i < crq_reply_count(ids); i++)
        crq_buf_printf(&text, "%s ",
                crq_reply_text(crq_reply_item(ids, i), NULL));
    crq_buf_puts(&text, "/");
    /* They come in no order. */
    for (const char *const *name = known; *name != NULL; name++)
        for (size_t i = 0; i < crq_reply_count(apps); i++)
            if (strcmp(crq_reply_text(crq_reply_item(apps, i), NULL), *name) ==
                    0)
                crq_buf_printf(&text, " %s", *name);
    unit_ok(crq_buf_steal(&text, &out, NULL, &err), &err);
    crq_reply_free(ids);
    crq_reply_free(apps);
    return out;
}

#define TWO ",\"schedules\":[" SCHEDULE("s1") "," SCHEDULE("s2") "]" TRIGGERS
#define ONE ",\"schedules\":[" SCHEDULE("s2") "]"

/* What is declared after app "pet" of file "a" with s1, s2 and triggers. */
static const struct {
    const char *text, *source;
    int64_t removed, changed;
    const char *left;
} keeps[] = {
    { APP("pet", TWO), "a", 0, 0, "s1 s2 / .version pet" },
    { APP("pet", ONE), "a", 1, 1, "s2 / .version" },
    { APP("pet", ""), "a", 2, 1, "/ .version" },
    { APP("cat", ONE TRIGGERS), "a", 1, 1, "s2 / .version cat" },
    { APP("cat", ONE), "a", 1, 1, "s2 / .version" },
    /* Another file takes its own away, and not those of others. */
    { APP("cat", ""), "b", 0, 0, "s1 s2 / .version pet" },
    { APP("cat", TRIGGERS), "b", 0, 1, "s1 s2 / .version cat pet" },
    { APP("pet", TRIGGERS), "b", 0, 1, "s1 s2 / .version pet" },
    { APP("pet", ""), "b", 0, 0, "s1 s2 / .version pet" },
    { APP("pet", ONE), "b", 0, 0, "s1 s2 / .version pet" },
};

START_TEST(test_what_a_file_declares_no_more_is_removed)
{
    crq_conn *conn = live_conn();
    int64_t removed, changed;
    char *left, *before;

    declare(conn, APP("pet", TWO), "a", &removed, &changed);
    ck_assert_int_eq(removed, 0);
    ck_assert_int_eq(changed, 1);
    declare(conn, keeps[_i].text, keeps[_i].source, &removed, &changed);
    ck_assert_int_eq(removed, keeps[_i].removed);
    ck_assert_int_eq(changed, keeps[_i].changed);
    left = names_of(conn);
    ck_assert_str_eq(left, keeps[_i].left);
    crq_text_free(left);

    before = live_dump(conn, LIVE_MASK_IDS);
    declare(conn, keeps[_i].text, keeps[_i].source, &removed, &changed);
    ck_assert_int_eq(removed + changed, 0);
    live_expect(conn, before);
    crq_text_free(before);
    crq_conn_free(conn);
}
END_TEST

/* ---- events ---- */

static void read_triggers(crq_conn *conn, struct crq_triggers *out)
{
    crq_reply *reply;
    crq_error err;

    unit_ok(crq_conn_run(conn, &reply, &err, "HGETALL", "crq:triggers", NULL),
            &err);
    unit_ok(crq_triggers_read(reply, NULL, NULL, out, &err), &err);
    crq_reply_free(reply);
}

/* The bit of the stream's name that ids of jobs have: sha1("st"). */
#define ST "9b02d997"

#define LEAD          "SET crq:scheduler:leader me\n"
#define GROUP         "XGROUP CREATE st crq 0 MKSTREAM\n"
#define READ          "XREADGROUP GROUP crq crq STREAMS st >\n"
#define EVENT(fields) "XADD st 1-0 " fields "\n" READ
static const struct {
    const char *seed;
    int rc; /* below 0: an argument can't be bound */
    enum crq_ticked became;
    int64_t made, there;
    const char *jobs; /* ids in the queue, in order */
    int64_t pending;  /* events left in the group */
} events[] = {
    { LEAD GROUP EVENT("type B x 7"), 0, CRQ_TICK_DONE, 1, 0, "0", 0 },
    { LEAD GROUP EVENT("y 1"), 0, CRQ_TICK_DONE, 1, 0, "1", 0 },
    /* Both; the one of the front is made second. */
    { LEAD GROUP EVENT("y 1 type B x 7"), 0, CRQ_TICK_DONE, 2, 0, "1 0", 0 },
    /* None: it is acknowledged as well. */
    { LEAD GROUP EVENT("type b x 7"), 0, CRQ_TICK_DONE, 0, 0, "", 0 },
    { LEAD GROUP EVENT("type B2 x 7"), 0, CRQ_TICK_DONE, 0, 0, "", 0 },
    /* Of two fields of one name the last one counts. */
    { LEAD GROUP EVENT("type A type B x 7"), 0, CRQ_TICK_DONE, 1, 0, "0", 0 },
    { LEAD GROUP EVENT("type B type A x 7"), 0, CRQ_TICK_DONE, 0, 0, "", 0 },
    { LEAD GROUP EVENT("type B x 7") "HSET rq:job:pet-ST-0-1-0 a b\n", 0,
            CRQ_TICK_DONE, 0, 1, "", 0 },
    /* What can't be bound. */
    { LEAD GROUP EVENT("type B"), CRQ_EINVAL, 0, 0, 0, "", 1 },
    { LEAD GROUP EVENT("type B x \"\\xff\""), CRQ_EINVAL, 0, 0, 0, "", 1 },
    /* Not ours to do, or done. */
    { GROUP EVENT("type B x 7"), 0, CRQ_TICK_FOLLOWS, 0, 0, "", 1 },
    { "SET crq:scheduler:leader other\n" GROUP EVENT("type B x 7"), 0,
            CRQ_TICK_FOLLOWS, 0, 0, "", 1 },
    { LEAD GROUP EVENT("type B x 7") "XACK st crq 1-0\n", 0, CRQ_TICK_CHANGED,
            0, 0, "", 0 },
    { LEAD GROUP "XADD st 1-0 type B x 7\n", 0, CRQ_TICK_CHANGED, 0, 0, "", 0 },
    /* Keys that hold something else. */
    { LEAD GROUP EVENT("type B x 7") "SET rq:job:pet-ST-0-1-0 x\n", 0,
            CRQ_TICK_REFUSED, 0, 0, "", 1 },
    { LEAD GROUP EVENT("type B x 7") "SET rq:queues x\n", 0, CRQ_TICK_REFUSED,
            0, 0, "", 1 },
};

/* Seeds know it as ST. */
static void seed(crq_conn *conn, const char *lines, const char *st)
{
    struct crq_buf text = CRQ_BUF_INIT;

    for (const char *p = lines; *p != '\0'; p++)
        if (strncmp(p, "-ST-", 4) == 0) {
            crq_buf_printf(&text, "-%s-", st);
            p += 3;
        } else
            crq_buf_putc(&text, *p);
    live_seed(conn, crq_buf_text(&text));
    crq_buf_fini(&text);
}

/* Its words from what the stream holds. */
static int event_words(crq_conn *conn, struct crq_args *words, crq_error *err)
{
    struct crq_stream_event event;
    struct crq_triggers all;
    crq_reply *reply;
    crq_error why;
    int rc;

    read_triggers(conn, &all);
    unit_ok(crq_conn_run(conn, &reply, &why, "XRANGE", "st", "-", "+", NULL),
            &why);
    ck_assert(crq_event_read(crq_reply_item(reply, 0), "st", &event));
    rc = crq_event_words(&me, &all, &event, AT_US + 2000000, words, err);
    crq_reply_free(reply);
    crq_triggers_fini(&all);
    return rc;
}

/* The reason as a crq_error's text. */
static struct crq_event_end run_event_for(crq_conn *conn, size_t nkeys,
        struct crq_args *words, crq_error *reason)
{
    crq_reply *reply = steps_call(conn, &crq_script_sched_event, nkeys, words);
    struct crq_event_end end;
    crq_error err;

    unit_ok(crq_event_end_read(reply, &end, &err), &err);
    snprintf(reason->text, sizeof(reason->text), "%s", end.reason);
    end.reason = NULL;
    crq_reply_free(reply);
    return end;
}

static struct crq_event_end run_event(crq_conn *conn, size_t nkeys,
        struct crq_args *words)
{
    crq_error reason;
    struct crq_event_end end = run_event_for(conn, nkeys, words, &reason);

    ck_assert((reason.text[0] != '\0') == (end.became == CRQ_TICK_REFUSED));
    return end;
}

static void check_jobs(crq_conn *conn, const char *want)
{
    struct crq_buf got = CRQ_BUF_INIT;
    crq_reply *reply;
    crq_error err;

    unit_ok(crq_conn_run(conn, &reply, &err, "LRANGE", "rq:queue:q1", "0", "-1",
                    NULL),
            &err);
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        const char *id = crq_reply_text(crq_reply_item(reply, i), NULL);

        ck_assert_msg(strncmp(id, "pet-" ST "-", 13) == 0, "%s", id);
        ck_assert_str_eq(id + 14, "-1-0");
        crq_buf_printf(&got, "%s%c", i > 0 ? " " : "", id[13]);
    }
    ck_assert_str_eq(crq_buf_text(&got), want);
    crq_buf_fini(&got);
    crq_reply_free(reply);
}

static int64_t pending_of(crq_conn *conn)
{
    crq_reply *reply;
    crq_error err;
    int64_t n;

    unit_ok(crq_conn_run(conn, &reply, &err, "XPENDING", "st", "crq", NULL),
            &err);
    n = crq_reply_int(crq_reply_item(reply, 0), -1);
    crq_reply_free(reply);
    return n;
}

START_TEST(test_an_event_makes_a_job_for_each_trigger_once)
{
    crq_conn *conn = live_conn();
    struct crq_event_end end;
    int64_t removed, changed;
    struct crq_args words;
    crq_error err;
    char *before;
    int rc;

    declare(conn, APP("pet", TRIGGERS), "a", &removed, &changed);
    seed(conn, events[_i].seed, ST);
    crq_args_init(&words);
    before = live_dump(conn, LIVE_MASK_IDS);
    rc = event_words(conn, &words, &err);
    ck_assert_int_eq(rc < 0 ? rc : 0, events[_i].rc);
    if (rc < 0) {
        ck_assert_msg(strncmp(err.text, "pet: argument 1, $event.x", 25) == 0,
                "%s", err.text);
    } else {
        end = run_event(conn, (size_t)rc, &words);
        ck_assert_int_eq(end.became, events[_i].became);
        ck_assert_int_eq(end.made, events[_i].made);
        ck_assert_int_eq(end.there, events[_i].there);
    }
    if (events[_i].became != CRQ_TICK_REFUSED || rc < 0)
        check_jobs(conn, events[_i].jobs);
    ck_assert_int_eq(pending_of(conn), events[_i].pending);
    if (events[_i].pending > 0 || events[_i].became == CRQ_TICK_CHANGED)
        live_expect(conn, before);
    crq_text_free(before);

    /* Once more, as after a lost reply: nothing, though the jobs may be gone
     * already. */
    if (rc >= 0) {
        live_seed(conn, "DEL rq:job:pet-" ST "-0-1-0\n");
        before = live_dump(conn, LIVE_MASK_IDS);
        rc = event_words(conn, &words, &err);
        end = run_event(conn, (size_t)rc, &words);
        ck_assert(events[_i].pending > 0 || end.became == CRQ_TICK_CHANGED ||
                end.became == CRQ_TICK_FOLLOWS);
        if (events[_i].pending == 0)
            live_expect(conn, before);
        crq_text_free(before);
    }
    crq_args_fini(&words);
    crq_conn_free(conn);
}
END_TEST

/* An event that matches both triggers, and what is wrong with one. */
static const struct {
    const char *seed, *job, *reason;
} halves[] = {
    { EVENT("y 1 type B"), "1", "pet: argument 1, $event.x, is missing" },
    { EVENT("y 1 type B x seven"), "1",
            "pet: argument 1, $event.x, is not of the type int" },
    { EVENT("y 1 type B x 7") "SET rq:job:pet-ST-0-1-0 x\n", "1",
            "pet: WRONGTYPE rq:job:pet-" ST "-0-1-0 is a string, not a hash" },
    { EVENT("y 1 type B x 7") "SET rq:job:pet-ST-1-1-0 x\n", "0",
            "pet: WRONGTYPE rq:job:pet-" ST "-1-1-0 is a string, not a hash" },
    /* There is no place to tell it: the other has its job, even so. */
    { EVENT("y 1 type B x seven") "SET crq:scheduler:quarantine x\n", "1",
            NULL },
};

START_TEST(test_a_trigger_without_a_job_takes_no_other_s_away)
{
    crq_conn *conn = live_conn();
    struct crq_event_end end;
    int64_t removed, changed;
    struct crq_args words;
    crq_reply *reply;
    crq_error err;
    char *before;
    int rc;

    declare(conn, APP("pet", TRIGGERS), "a", &removed, &changed);
    live_seed(conn, LEAD GROUP);
    seed(conn, halves[_i].seed, ST);
    crq_args_init(&words);
    for (int again = 0; again < 2; again++) {
        before = live_dump(conn, LIVE_MASK_IDS);
        rc = event_words(conn, &words, &err);
        ck_assert_msg(rc > 0, "%s", err.text);
        end = run_event_for(conn, (size_t)rc, &words, &err);
        if (again) { /* it waits no more */
            ck_assert_int_eq(end.became, CRQ_TICK_CHANGED);
            live_expect(conn, before);
        } else {
            ck_assert_int_eq(end.became, CRQ_TICK_DONE);
            ck_assert_int_eq(end.made, 1);
            ck_assert_str_ne(err.text, "");
        }
        crq_text_free(before);
        check_jobs(conn, halves[_i].job);
        ck_assert_int_eq(pending_of(conn), 0);
    }
    if (halves[_i].reason != NULL) {
        unit_ok(crq_conn_run(conn, &reply, &err, "HGET",
                        "crq:scheduler:quarantine", "st 1-0", NULL),
                &err);
        ck_assert_pstr_eq(crq_reply_text(reply, NULL), halves[_i].reason);
        crq_reply_free(reply);
    }
    crq_args_fini(&words);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_an_event_s_job_is_one_that_rq_could_have_made)
{
    crq_conn *conn = live_conn();
    int64_t removed, changed;
    struct crq_args words;
    crq_error err;
    crq_job *job;
    char *args;
    int rc;

    declare(conn, APP("pet", TRIGGERS), "a", &removed, &changed);
    live_seed(conn, LEAD GROUP EVENT("y 1 b \"\\xff\""));
    crq_args_init(&words);
    rc = event_words(conn, &words, &err);
    ck_assert_int_eq(run_event(conn, (size_t)rc, &words).made, 1);
    unit_ok(crq_job_fetch(conn, "pet-" ST "-1-1-0", &job, &err), &err);
    ck_assert_str_eq(crq_job_func(job), "pet.y");
    ck_assert_str_eq(crq_job_origin(job), "q1");
    ck_assert_int_eq(crq_job_timeout_s(job), 180);
    unit_ok(crq_value_repr(crq_job_kwargs(job), &args, NULL, &err), &err);
    ck_assert_str_eq(args, "{'a': {'y': '1', 'b': b'\\xff'}}");
    crq_text_free(args);
    crq_job_free(job);
    crq_conn_free(conn);
}
END_TEST

/* ---- what fails ---- */

static const struct {
    const char *seed;
    int tries;
    bool aside;
} poisons[] = {
    { LEAD, 1, false },
    { LEAD, 4, false },
    { LEAD, 5, true },
    { LEAD, 9, true },
    { "", 5, false },
    { LEAD "XACK st crq 1-0\n", 5, false },
    { LEAD "DEL st\n", 5, false },
    { LEAD "DEL st\nSET st x\n", 5, false },
};

START_TEST(test_an_event_is_set_aside_after_its_last_try)
{
    static const struct crq_stream_event event = { "st", "1-0", NULL };
    crq_conn *conn = live_conn();
    struct crq_args words;
    crq_reply *reply;
    char *before;
    size_t nkeys;

    live_seed(conn, GROUP EVENT("a b"));
    for (int i = 1; i < poisons[_i].tries; i++)
        live_seed(conn, "XCLAIM st crq crq 0 1-0\n");
    live_seed(conn, poisons[_i].seed);
    before = live_dump(conn, LIVE_MASK_IDS);
    crq_args_init(&words);
    nkeys = crq_event_poison_words(&me, &event, "why", &words);
    reply = steps_call(conn, &crq_script_sched_poison, nkeys, &words);
    ck_assert_int_eq(crq_reply_int(reply, -1), poisons[_i].aside);
    crq_reply_free(reply);
    if (poisons[_i].aside)
        live_expect(conn,
                "crq:scheduler:leader string\n  me\n"
                "crq:scheduler:quarantine hash\n  \"st 1-0\" why\n"
                "st stream\n  * a b\n  group crq last=* pending=0\n");
    else
        live_expect(conn, before);
    crq_text_free(before);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_streams_and_groups_are_made_from_the_beginning_on)
{
    struct crq_triggers all = { .streams = (const char *[]){ "st", "su", "x" },
        .stream_count = 3 };
    crq_conn *conn = live_conn();

    live_seed(conn, "XADD st 1-0 a b\nSET x y\n");
    for (int i = 0; i < 2; i++) {
        struct crq_args words;
        crq_reply *reply;
        size_t nkeys;

        crq_args_init(&words);
        nkeys = crq_streams_words(&all, &words);
        reply = steps_call(conn, &crq_script_sched_streams, nkeys, &words);
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, 0), NULL), "");
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, 1), NULL), "");
        ck_assert_str_eq(crq_reply_text(crq_reply_item(reply, 2), NULL),
                "it is a string");
        crq_reply_free(reply);
        live_expect(conn,
                "st stream\n  * a b\n  group crq last=* pending=0\n"
                "su stream\n  group crq last=* pending=0\nx string\n  y\n");
    }
    crq_conn_free(conn);
}
END_TEST

static const char *const both[] = { "st", "su" };

static crq_reply *claim(crq_conn *conn)
{
    struct crq_args words;
    size_t nkeys;

    crq_args_init(&words);
    nkeys = crq_event_claim_words(&me, both, 2, 10, &words);
    return steps_call(conn, &crq_script_sched_claim, nkeys, &words);
}

START_TEST(test_what_came_no_further_is_claimed_when_it_is_idle)
{
    crq_conn *conn = live_conn();
    const crq_reply *of;
    crq_reply *reply;

    live_seed(conn,
            GROUP "XADD st 1-0 a b\nXADD st 2-0 a c\nXADD st 3-0 a d\n" READ
                  "XCLAIM st crq crq 0 1-0 IDLE 1000\n"
                  "XCLAIM st crq other 0 2-0 IDLE 5000\n");
    reply = claim(conn);
    ck_assert_uint_eq(crq_reply_count(reply), 0); /* it does not lead */
    crq_reply_free(reply);
    live_seed(conn, LEAD);
    reply = claim(conn);
    ck_assert_uint_eq(crq_reply_count(reply), 2);
    of = crq_reply_item(reply, 0);
    ck_assert_int_eq(crq_reply_int(crq_reply_item(of, 0), -1), 3);
    ck_assert_uint_eq(crq_reply_count(crq_reply_item(of, 1)), 2);
    of = crq_reply_item(reply, 1); /* there is no such stream */
    ck_assert_int_eq(crq_reply_int(crq_reply_item(of, 0), -1), 0);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

/* ---- hostile bytes, and no memory ---- */

static void count_mistakes(void *arg, const char *name, const char *what)
{
    int *count = arg;

    ck_assert(name[0] != '\0' && what[0] != '\0');
    ++*count;
}

START_TEST(test_damaged_triggers_are_told_and_left_out)
{
    crq_conn *conn = live_conn();
    struct crq_triggers all;
    crq_reply *reply;
    crq_error err;
    int count = 0;

    live_seed(conn,
            "HSET crq:triggers .version 3 a x b \"s\\n{}\" \"\\xff\" x c "
            "\"src\\n{\\\"name\\\":\\\"c\\\",\\\"queues\\\":[\\\"q\\\"]}\"");
    unit_ok(crq_conn_run(conn, &reply, &err, "HGETALL", "crq:triggers", NULL),
            &err);
    unit_ok(crq_triggers_read(reply, count_mistakes, &count, &all, &err), &err);
    ck_assert_int_eq(count, 2);
    ck_assert_uint_eq(all.count, 1);
    ck_assert_str_eq(all.sources[0], "src");
    ck_assert_uint_eq(all.stream_count, 0);
    crq_triggers_fini(&all);
    crq_reply_free(reply);
    crq_conn_free(conn);
}
END_TEST

/* In `arg`: HGETALL's answer, and XRANGE's. */
static int read_and_bind(void *arg, crq_error *err)
{
    crq_reply *const *replies = arg;
    struct crq_stream_event event;
    struct crq_triggers all = { 0 };
    struct crq_args words;
    int rc = crq_triggers_read(replies[0], NULL, NULL, &all, err);

    crq_args_init(&words);
    if (rc == 0 && crq_event_read(crq_reply_item(replies[1], 0), "st", &event))
        rc = crq_event_words(&me, &all, &event, AT_US, &words, err);
    if (rc >= 0)
        rc = crq_app_schedule_words(all.apps[0], 0, "a", AT_US, &words, err);
    if (rc >= 0)
        rc = crq_app_keep_words(all.apps[0], "a", &words, err);
    crq_args_fini(&words);
    crq_triggers_fini(&all);
    return rc < 0 ? rc : 0;
}

START_TEST(test_memory_may_run_out_at_any_point)
{
    crq_conn *conn = live_conn();
    crq_reply *replies[2];
    struct crq_args words;
    crq_error err;

    crq_args_init(&words);
    crq_args_list(&words, "HSET", "crq:triggers", "pet", "a\n" APP("pet", TWO),
            NULL);
    unit_ok(crq_conn_command(conn, &words, &replies[0], &err), &err);
    crq_reply_free(replies[0]);
    crq_args_fini(&words);
    live_seed(conn, "XADD st 1-0 y 1 type B x 7\n");
    unit_ok(crq_conn_run(conn, &replies[0], &err, "HGETALL", "crq:triggers",
                    NULL),
            &err);
    unit_ok(crq_conn_run(conn, &replies[1], &err, "XRANGE", "st", "-", "+",
                    NULL),
            &err);
    unit_fail_each_allocation(read_and_bind, replies);
    crq_reply_free(replies[0]);
    crq_reply_free(replies[1]);
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("trigger");

    unit_add_rows(tc, test_what_a_file_declares_no_more_is_removed, keeps);
    unit_add_rows(tc, test_an_event_makes_a_job_for_each_trigger_once, events);
    unit_add_rows(tc, test_a_trigger_without_a_job_takes_no_other_s_away,
            halves);
    tcase_add_test(tc, test_an_event_s_job_is_one_that_rq_could_have_made);
    unit_add_rows(tc, test_an_event_is_set_aside_after_its_last_try, poisons);
    tcase_add_test(tc, test_streams_and_groups_are_made_from_the_beginning_on);
    tcase_add_test(tc, test_what_came_no_further_is_claimed_when_it_is_idle);
    tcase_add_test(tc, test_damaged_triggers_are_told_and_left_out);
    tcase_add_test(tc, test_memory_may_run_out_at_any_point);
    return live_run("trigger", tc);
}
