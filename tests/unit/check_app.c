/* check_app.c - tests of app/: what is read, what is refused and where. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/declare.h"
#include "base/buf.h"

static int parse(const char *text, struct crq_app **out, crq_error *err)
{
    return crq_app_parse(text, strlen(text), "/srv/pet", NULL, NULL, out, err);
}

static const char full[] =
        "{\"name\": \"pet\", \"modules\": [\"pet\", \"./lib/x.so\"],"
        " \"options\": {\"sleep_seconds\": 1200, \"pace\": 0.5},"
        " \"queues\": [\"pet\", \"slow\"],"
        " \"schedules\": ["
        "  {\"id\": \"tick\", \"every\": 0.5, \"repeat\": 20,"
        "   \"catchup\": \"all:7\", \"overlap\": \"allow\","
        "   \"enqueue\": {\"task\": \"pet.tick\"}},"
        "  {\"id\": \"nine\", \"cron\": \"0 9 * * mon-fri\","
        "   \"tz\": \"Europe/Berlin\", \"start\": \"1970-01-02T00:00:00Z\","
        "   \"enqueue\": {\"task\": \"pet.nine\", \"queue\": \"slow\","
        "    \"args\": [1, \"$$x\", \"$option.pace\", null],"
        "    \"description\": \"Nine!\", \"timeout\": -1, \"result_ttl\": 0,"
        "    \"failure_ttl\": \"1d\", \"ttl\": \"2h\", \"at_front\": true,"
        "    \"retry\": {\"max\": 3, \"intervals\": [0, \"10s\"]}}}],"
        " \"triggers\": ["
        "  {\"stream\": \"pet:events\", \"match\": {\"type\": \"BORN\"},"
        "   \"enqueue\": {\"task\": \"pet.greet\", \"args\":"
        "    {\"name\": \"$event.name\", \"n\": \"$event.n:int?\","
        "     \"all\": \"$event\", \"secs\": \"$option.sleep_seconds\"}}}]}";

START_TEST(test_everything_that_may_be_declared_is_read)
{
    const struct crq_app_schedule *s;
    const struct crq_app_trigger *t;
    struct crq_app *app;
    crq_error err;

    unit_ok(parse(full, &app, &err), &err);
    ck_assert_str_eq(app->name, "pet");
    ck_assert_str_eq(app->folder, "/srv/pet");
    ck_assert_uint_eq(app->module_count, 2);
    ck_assert_str_eq(app->modules[1], "./lib/x.so");
    ck_assert_uint_eq(app->queue_count, 2);
    ck_assert_int_eq(crq_value_int(crq_value_get(app->options,
                             "sleep_seconds")),
            1200);

    ck_assert_uint_eq(app->schedule_count, 2);
    s = &app->schedules[0];
    ck_assert_str_eq(s->id, "tick");
    ck_assert_int_eq(s->every_us, 500000);
    ck_assert_int_eq(s->repeat, 20);
    ck_assert_int_eq(s->catchup, CRQ_CATCHUP_ALL);
    ck_assert_int_eq(s->catchup_max, 7);
    ck_assert(s->overlap);
    ck_assert_str_eq(s->call.queue, "pet");
    ck_assert_int_eq(s->call.timeout_s, CRQ_UNSET);
    s = &app->schedules[1];
    ck_assert_int_eq(s->every_us, 0);
    ck_assert_str_eq(s->cron, "0 9 * * mon-fri");
    ck_assert_str_eq(s->tz, "Europe/Berlin");
    ck_assert_int_eq(s->start_us, INT64_C(86400000000));
    ck_assert_int_eq(s->repeat, CRQ_UNSET);
    ck_assert_int_eq(s->catchup, CRQ_CATCHUP_SKIP);
    ck_assert(!s->overlap && s->call.at_front);
    ck_assert_str_eq(s->call.queue, "slow");
    ck_assert_str_eq(s->call.description, "Nine!");
    ck_assert_int_eq(s->call.timeout_s, -1);
    ck_assert_int_eq(s->call.result_ttl_s, 0);
    ck_assert_int_eq(s->call.failure_ttl_s, 86400);
    ck_assert_int_eq(s->call.ttl_s, 7200);
    ck_assert_int_eq(s->call.retry_max, 3);
    ck_assert_uint_eq(s->call.retry_intervals, 2);
    ck_assert_int_eq(s->call.retry_intervals_s[1], 10);

    ck_assert_uint_eq(app->trigger_count, 1);
    t = &app->triggers[0];
    ck_assert_str_eq(t->stream, "pet:events");
    ck_assert_uint_eq(t->matches, 1);
    ck_assert_str_eq(t->match[0].name, "type");
    ck_assert_str_eq(t->match[0].value, "BORN");
    ck_assert_uint_eq(t->call.count, 4);
    crq_app_free(app);
}
END_TEST

#define APP(more)      "{\"name\": \"a\", \"queues\": [\"q\"]" more "}"
#define SCHEDULE(more) APP(", \"schedules\": [{\"id\": \"s\"" more "}]")
#define RUN            ", \"enqueue\": {\"task\": \"m.f\"}"
#define ARGS(args)                                                             \
    APP(", \"options\": {\"o\": 1}, \"triggers\": [{\"stream\": \"s\", "       \
        "\"enqueue\": {\"task\": \"m.f\", \"args\": " args "}}]")

static const struct {
    const char *text, *says;
} wrong[] = {
    { "", "line 1, column 1: expected a value, found the end" },
    { "{\n  \"name\": \"a\",\n  nope }",
            "line 3, column 3: expected a key in double quotes, found 'n'" },
    { "{\"name\": \"a\",\n \"name\": \"b\"}",
            "line 2, column 2: this key stands here twice" },
    { "[]", "$: expected an object, found []" },
    { "{\"queues\": [\"q\"]}", "$: 'name' is missing" },
    { "{\"name\": \"a b\", \"queues\": [\"q\"]}",
            "$.name: expected a name of letters, digits, '-' and '_', found "
            "\"a b\"" },
    { "{\"name\": \"a\", \"queues\": []}",
            "$.queues: names no queue; jobs need one" },
    { "{\"name\": \"a\", \"queues\": \"q\"}",
            "$.queues: expected a list, found \"q\"" },
    { "{\"name\": \"a\", \"queues\": [\"q\", \"\"]}",
            "$.queues[1]: expected a text of 1 to 400 bytes without control "
            "characters, found \"\"" },
    /* The first mistake; what it leaves out is asked for by the others. */
    { "{\"name\": \"a\", \"queues\": [\"\"], \"schedules\": [{\"id\": \"s\", "
      "\"every\": 1" RUN "}]}",
            "$.queues[0]: expected a text of 1 to 400 bytes without control "
            "characters, found \"\"" },
    { "{\"name\": \"a\", \"queues\": [\"\"], \"schedules\": [{\"id\": \"s\", "
      "\"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"queue\": \"q\"}}]}",
            "$.queues[0]: expected a text of 1 to 400 bytes without control "
            "characters, found \"\"" },
    { APP(", \"option\": {}"),
            "$.option: there is no such key; known are name, modules, queues, "
            "options, schedules, triggers, routes, sockets, files" },
    { APP(", \"an'option\": 1"),
            "$['an'option']: there is no such key; known are name, modules, "
            "queues, options, schedules, triggers, routes, sockets, files" },
    { APP(", \"options\": []"), "$.options: expected an object, found []" },
    /* Without any options. */
    { APP(", \"triggers\": [{\"stream\": \"s\", \"enqueue\": "
          "{\"task\": \"a.b\", \"args\": [\"$option.x\"]}}]"),
            "$.triggers[0].enqueue.args[0]: there is no option 'x'" },
    { SCHEDULE(RUN), "$.schedules[0]: 'every' or 'cron' is missing" },
    { SCHEDULE(", \"every\": 1, \"cron\": \"* * * * *\"" RUN),
            "$.schedules[0]: has both 'every' and 'cron': take one" },
    { SCHEDULE(", \"every\": 1, \"tz\": \"UTC\"" RUN),
            "$.schedules[0]: 'tz' is for 'cron'; 'every' knows no time zone" },
    { SCHEDULE(", \"every\": 0" RUN),
            "$.schedules[0].every: expected a duration above 0, as 0.5, \"5m\" "
            "or \"2h\", found 0" },
    { SCHEDULE(", \"every\": \"5 m\"" RUN),
            "$.schedules[0].every: expected a duration above 0, as 0.5, \"5m\" "
            "or \"2h\", found \"5 m\"" },
    { SCHEDULE(", \"every\": 1"), "$.schedules[0]: 'enqueue' is missing" },
    { SCHEDULE(", \"every\": 1, \"repeat\": 0" RUN),
            "$.schedules[0].repeat: expected a whole number from 1 on, found "
            "0" },
    { SCHEDULE(", \"every\": 1, \"catchup\": \"all:0\"" RUN),
            "$.schedules[0].catchup: expected \"skip\", \"once\", \"all\" or "
            "\"all:N\", N up to 100, found \"all:0\"" },
    { SCHEDULE(", \"every\": 1, \"catchup\": \"all:101\"" RUN),
            "$.schedules[0].catchup: expected \"skip\", \"once\", \"all\" or "
            "\"all:N\", N up to 100, found \"all:101\"" },
    { SCHEDULE(", \"every\": 0.0001" RUN),
            "$.schedules[0].every: must be 0.001 or more, and end before the "
            "year 10000" },
    { SCHEDULE(", \"cron\": \"61 * * * *\"" RUN),
            "$.schedules[0].cron: cron '61 * * * *', character 1, minute: 0 to "
            "59 was expected, not '61'" },
    { SCHEDULE(", \"cron\": \"0 0 31 2 *\"" RUN),
            "$.schedules[0].cron: cron '0 0 31 2 *' is impossible: no year has "
            "such a day of the month" },
    { SCHEDULE(", \"cron\": \"@daily\", \"tz\": \"Mars/Base\"" RUN),
            "$.schedules[0].tz: there is no time zone 'Mars/Base'; zones are "
            "named like Europe/Berlin, as in /usr/share/zoneinfo" },
    { SCHEDULE(", \"every\": 1, \"overlap\": true" RUN),
            "$.schedules[0].overlap: expected \"skip\" or \"allow\", found "
            "true" },
    { SCHEDULE(", \"every\": 1, \"start\": \"soon\"" RUN),
            "$.schedules[0].start: expected a time, as "
            "\"2027-01-31T09:00:00+01:00\", found \"soon\"" },
    { APP(", \"schedules\": [{\"id\": \"s\", \"every\": 1" RUN
          "}, {\"id\": \"s\", \"every\": 2" RUN "}]"),
            "$.schedules[1]: the id 's' is that of schedule 0 too" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"nodot\"}"),
            "$.schedules[0].enqueue.task: expected a task, as "
            "\"module.function\", found \"nodot\"" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"queue\": "
               "\"other\"}"),
            "$.schedules[0].enqueue.queue: 'other' is not among the "
            "application's queues" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"timeout\": "
               "0}"),
            "$.schedules[0].enqueue.timeout: expected whole seconds from 1 on, "
            "as 5, \"5s\" or \"2h\"; -1: no limit, found 0" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"ttl\": "
               "0.5}"),
            "$.schedules[0].enqueue.ttl: expected whole seconds from 1 on, as "
            "5, \"5s\" or \"2h\", found 0.5" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"retry\": "
               "{\"intervals\": [1]}}"),
            "$.schedules[0].enqueue.retry: 'max' is missing" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"retry\": "
               "{\"max\": 1, \"intervals\": [-1]}}"),
            "$.schedules[0].enqueue.retry.intervals[0]: expected whole seconds "
            "from 1 on, as 5, \"5s\" or \"2h\", found -1" },
    { SCHEDULE(", \"every\": 1, \"enqueue\": {\"task\": \"m.f\", \"args\": "
               "{\"x\": \"$event.y\"}}"),
            "$.schedules[0].enqueue.args.x: '$event.y' is no source here; "
            "known are $option.NAME, and $$ for a text that begins with $" },
    { ARGS("3"),
            "$.triggers[0].enqueue.args: expected an object of arguments by "
            "name, or a list of them in order, found 3" },
    { ARGS("[\"$nothing.x\"]"),
            "$.triggers[0].enqueue.args[0]: '$nothing.x' is no source here; "
            "known are $option.NAME, $event, and $$ for a text that begins "
            "with $" },
    { ARGS("[\"$option\"]"),
            "$.triggers[0].enqueue.args[0]: '$option' needs a name, as "
            "$option.NAME" },
    { ARGS("[\"$event.\"]"),
            "$.triggers[0].enqueue.args[0]: '$event.' needs a name, as "
            "$event.NAME" },
    { ARGS("[\"$option.p\"]"),
            "$.triggers[0].enqueue.args[0]: there is no option 'p'" },
    { ARGS("[\"$event.x:number\"]"),
            "$.triggers[0].enqueue.args[0]: ':number' is no type; known are "
            "str, int, float and bool" },
    { APP(", \"triggers\": [{\"stream\": \"s\", \"match\": {\"type\": 1}" RUN
          "}]"),
            "$.triggers[0].match.type: expected a text of 1 to 400 bytes "
            "without control characters, found 1" },
};

START_TEST(test_a_mistake_is_told_with_its_path)
{
    struct crq_app *app = NULL;
    crq_error err;
    int rc = parse(wrong[_i].text, &app, &err);

    ck_assert_int_eq(rc,
            strstr(wrong[_i].says, "line ") == wrong[_i].says ? CRQ_ECODEC
                                                              : CRQ_EINVAL);
    ck_assert_str_eq(err.text, wrong[_i].says);
    ck_assert_ptr_null(app);
}
END_TEST

static void count_mistake(void *arg, const char *where, const char *what)
{
    struct crq_buf *all = arg;

    crq_buf_printf(all, "%s|%.12s\n", where, what);
}

START_TEST(test_one_run_tells_every_mistake)
{
    static const char text[] = "{\"name\": 1, \"queues\": [2, \"q\"], "
                               "\"schedules\": [{\"every\": 3}], \"x\": 4}";
    struct crq_buf all = CRQ_BUF_INIT;
    struct crq_app *app = NULL;
    crq_error err;

    ck_assert_int_eq(crq_app_parse(text, strlen(text), ".", count_mistake, &all,
                             &app, &err),
            CRQ_EINVAL);
    ck_assert_str_eq(crq_buf_text(&all),
            "$.name|expected a n\n$.queues[0]|expected a t\n"
            "$.schedules[0]|'id' is miss\n$.schedules[0]|'enqueue' is\n"
            "$.x|there is no \n");
    crq_buf_fini(&all);
}
END_TEST

/* ----------------------------------------------------------------- binding */

/* An event of two fields. */
static int look_up(void *arg, enum crq_app_from from, const char *key,
        crq_value **out)
{
    (void)arg;
    ck_assert_int_eq(from, CRQ_APP_EVENT);
    *out = NULL;
    if (key == NULL)
        *out = crq_value_new_text("all of it");
    else if (strcmp(key, "n") == 0)
        *out = crq_value_new_text("7");
    else if (strcmp(key, "t") == 0)
        *out = crq_value_new_text("true");
    else
        return 0;
    return *out != NULL ? 0 : CRQ_ENOMEM;
}

static const struct {
    const char *args, *want; /* the repr of both, or what is wrong */
} bindings[] = {
    { "{}", "[] {}" },
    { "[1, \"x\", null, [2.5]]", "[1, 'x', None, [2.5]] {}" },
    { "[\"$$x\", \"$option.o\"]", "['$x', 1] {}" },
    { "{\"a\": \"$event.n\", \"b\": \"$event.n:int\"}",
            "[] {'a': '7', 'b': 7}" },
    { "{\"a\": \"$event.n:float\", \"b\": \"$event.t:bool\"}",
            "[] {'a': 7.0, 'b': True}" },
    { "{\"a\": \"$event\", \"b\": \"$event.no?\"}", "[] {'a': 'all of it'}" },
    { "[\"$event.no?\", \"$event.n:int?\", \"$option.p?\"]",
            "[None, 7, None] {}" },
    { "{\"a\": \"$event.no\"}", "argument 'a', $event.no, is missing" },
    { "[0, \"$event.no:int\"]", "argument 2, $event.no, is missing" },
    { "{\"a\": \"$event.t:int\"}",
            "argument 'a', $event.t, is not of the type int" },
    { "{\"a\": \"$event.t:int?\"}",
            "argument 'a', $event.t, is not of the type int" },
};

static int bind(const char *args, struct crq_buf *out, crq_error *err)
{
    crq_value *list = NULL, *dict = NULL;
    struct crq_buf text = CRQ_BUF_INIT;
    struct crq_app *app = NULL;
    char *a = NULL, *b = NULL;
    int rc;

    crq_buf_printf(&text, ARGS("%s"), args);
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = parse(crq_buf_text(&text), &app, err);
    if (rc == 0)
        rc = crq_app_call_bind(&app->triggers[0].call, look_up, NULL, &list,
                &dict, err);
    if (rc == 0)
        rc = crq_value_repr(list, &a, NULL, err);
    if (rc == 0)
        rc = crq_value_repr(dict, &b, NULL, err);
    if (rc == 0) {
        crq_buf_printf(out, "%s %s", a, b);
        rc = crq_buf_check(out, err);
    }
    crq_text_free(a);
    crq_text_free(b);
    crq_value_free(list);
    crq_value_free(dict);
    crq_app_free(app);
    crq_buf_fini(&text);
    return rc;
}

START_TEST(test_arguments_come_from_where_they_are_said_to)
{
    struct crq_buf got = CRQ_BUF_INIT;
    crq_error err;
    int rc = bind(bindings[_i].args, &got, &err);

    ck_assert_str_eq(rc == 0 ? crq_buf_text(&got) : err.text,
            bindings[_i].want);
    ck_assert(rc == 0 || rc == CRQ_EINVAL);
    crq_buf_fini(&got);
}
END_TEST

/* --------------------------------------------------------- for the gateway */

static const char web[] =
        "{\"name\": \"trivia\", \"queues\": [\"trivia\"],"
        " \"options\": {\"o\": 1},"
        " \"routes\": ["
        "  {\"on\": \"POST /rooms\", \"wait\": \"5s\", \"status\": 201,"
        "   \"enqueue\": {\"task\": \"trivia.create\", \"args\":"
        "    {\"title\": \"$body.title\", \"all\": \"$body\"}}},"
        "  {\"on\": \"GET /rooms/{code}/view\", \"wait\": 1,"
        "   \"enqueue\": {\"task\": \"trivia.view\", \"args\":"
        "    [\"$path.code\", \"$token?\", \"$query.n:int?\","
        "     \"$header.user-agent?\", \"$option.o\"]}},"
        "  {\"on\": \"DELETE /\", \"enqueue\": {\"task\": \"trivia.x\"}}],"
        " \"sockets\": ["
        "  {\"on\": \"/rooms/{code}/live\","
        "   \"authorise\": {\"task\": \"trivia.authorise\", \"args\":"
        "    {\"code\": \"$path.code\", \"token\": \"$token\","
        "     \"socket\": \"$socket.id\"}},"
        "   \"streams\": [\"trivia:{code}:events\"],"
        "   \"channels\": [\"trivia:{code}:{identity}\"],"
        "   \"messages\": {\"answer\": {\"task\": \"trivia.answer\", \"args\":"
        "    {\"q\": \"$message.question_id\", \"who\": \"$socket.identity\","
        "     \"sent\": \"$socket.sent_ms.QUESTION?\"}}},"
        "   \"leave\": {\"task\": \"trivia.leave\"}}],"
        " \"files\": {\"/trivia/\": \"www\", \"/img/\": \"www/img/\"}}";

START_TEST(test_routes_sockets_and_files_are_read)
{
    const struct crq_app_socket *s;
    struct crq_app *app;
    crq_error err;

    unit_ok(parse(web, &app, &err), &err);
    ck_assert_uint_eq(app->route_count, 3);
    ck_assert_str_eq(app->routes[0].method, "POST");
    ck_assert_int_eq(app->routes[0].wait_us, 5000000);
    ck_assert_int_eq(app->routes[0].status, 201);
    ck_assert_int_eq(app->routes[1].status, 200);
    ck_assert_uint_eq(app->routes[1].path.count, 3);
    ck_assert_uint_eq(app->routes[1].call.count, 5);
    ck_assert_int_eq(app->routes[1].call.args[3].from, CRQ_APP_HEADER);
    ck_assert_int_eq(app->routes[2].wait_us, 0);
    s = &app->sockets[0];
    ck_assert_str_eq(s->path.text, "/rooms/{code}/live");
    ck_assert_str_eq(s->authorise.task, "trivia.authorise");
    ck_assert_str_eq(s->streams[0], "trivia:{code}:events");
    ck_assert_str_eq(s->channels[0], "trivia:{code}:{identity}");
    ck_assert_str_eq(s->messages[0].name, "answer");
    ck_assert_str_eq(s->messages[0].call.args[2].key, "sent_ms.QUESTION");
    ck_assert_str_eq(s->leave.task, "trivia.leave");
    ck_assert_uint_eq(app->files_count, 2);
    ck_assert_str_eq(app->files[1].prefix, "/img/");
    ck_assert_str_eq(app->files[1].folder, "www/img/");
    crq_app_free(app);
}
END_TEST

#define ROUTE(on, more) APP(", \"routes\": [{\"on\": \"" on "\"" more "}]")
#define SOCKET(more)                                                           \
    APP(", \"sockets\": [{\"on\": \"/a/{b}\", \"authorise\": {\"task\": "      \
        "\"m.f\"}" more "}]")

static const struct {
    const char *text, *says;
} wrong_web[] = {
    { ROUTE("FETCH /a", RUN),
            "$.routes[0].on: expected GET, PUT, POST, PATCH or DELETE, a blank "
            "and a path, found \"FETCH /a\"" },
    { ROUTE("GET a", RUN),
            "$.routes[0].on: expected a path that begins with '/', found "
            "\"a\"" },
    { ROUTE("GET /a//b", RUN), "$.routes[0].on: nothing between two slashes" },
    { ROUTE("GET /a/{b-c}", RUN),
            "$.routes[0].on: {b-c} is no name of letters, digits and '_'" },
    { ROUTE("GET /{b}/{b}", RUN), "$.routes[0].on: {b} stands in it twice" },
    { ROUTE("GET /x{b}", RUN),
            "$.routes[0].on: 'x{b}' must be a plain text, or a variable as "
            "{name}" },
    { ROUTE("GET /a/..", RUN), "$.routes[0].on: '..' is no part of a path" },
    { ROUTE("GET /a", RUN ", \"status\": 201"),
            "$.routes[0]: 'status' is for a route that waits: others answer "
            "202" },
    { ROUTE("GET /a", RUN ", \"wait\": 1, \"status\": 404"),
            "$.routes[0].status: expected a status of success, 200 to 299, "
            "found 404" },
    { ROUTE("GET /{a}",
              ", \"enqueue\": {\"task\": \"m.f\", \"args\": "
              "[\"$path.b\"]}"),
            "$.routes[0].enqueue.args[0]: the path has no {b}" },
    { ROUTE("GET /a",
              ", \"enqueue\": {\"task\": \"m.f\", \"args\": "
              "[\"$header.User-Agent\"]}"),
            "$.routes[0].enqueue.args[0]: names of headers are written in "
            "lower case here" },
    { ROUTE("GET /a",
              ", \"enqueue\": {\"task\": \"m.f\", \"args\": "
              "[\"$message.x\"]}"),
            "$.routes[0].enqueue.args[0]: '$message.x' is no source here; "
            "known are $option.NAME, $path.NAME, $query.NAME, $header.NAME, "
            "$token, $body, and $$ for a text that begins with $" },
    { APP(", \"routes\": [{\"on\": \"GET /a/{b}\"" RUN
          "}, {\"on\": \"GET /a/{c}\"" RUN "}]"),
            "$.routes[1]: answers the same requests as route 0" },
    { APP(", \"sockets\": [{\"on\": \"/a\"}]"),
            "$.sockets[0]: 'authorise' is missing" },
    { SOCKET(", \"streams\": [\"k:{c}\"]"),
            "$.sockets[0].streams[0]: the path has no {c}" },
    { SOCKET(", \"messages\": {\"x\": {\"task\": \"m.f\", \"args\": "
             "[\"$socket.colour\"]}}"),
            "$.sockets[0].messages.x.args[0]: there is no $socket.colour; "
            "known are id, identity, arrived_ms, round_trips_ms and "
            "sent_ms.TYPE" },
    { APP(", \"files\": {\"/a\": \"www\"}"),
            "$.files['/a']: the path must begin and end with '/'" },
    { APP(", \"files\": {\"/a/\": \"/etc\"}"),
            "$.files['/a/']: expected a folder inside of the application's" },
    { APP(", \"files\": {\"/a/\": \"www/../..\"}"),
            "$.files['/a/']: '..' leads out of the application's folder" },
};

START_TEST(test_a_mistake_for_the_gateway_is_told_with_its_path)
{
    struct crq_app *app = NULL;
    crq_error err;

    ck_assert_int_eq(parse(wrong_web[_i].text, &app, &err), CRQ_EINVAL);
    ck_assert_str_eq(err.text, wrong_web[_i].says);
    ck_assert_ptr_null(app);
}
END_TEST

static const struct {
    const char *pattern, *path;
    bool matches;
} paths[] = {
    { "/", "", true },
    { "/", "a", false },
    { "/a", "a", true },
    { "/a", "b", false },
    { "/a", "a/", false },
    { "/a/", "a/", true },
    { "/a/{b}/c", "a/x/c", true },
    { "/a/{b}/c", "a//c", false },
    { "/a/{b}/c", "a/x/d", false },
    { "/a/{b}/c", "a/x/c/e", false },
    { "/{b}", "a", true },
};

START_TEST(test_a_path_matches_its_pattern_only)
{
    const char *segments[8];
    char path[40], text[200];
    size_t count = 0;
    struct crq_app *app;
    crq_error err;

    snprintf(text, sizeof(text), ROUTE("GET %s", RUN), paths[_i].pattern);
    unit_ok(parse(text, &app, &err), &err);
    strcpy(path, paths[_i].path);
    segments[count++] = path;
    for (char *at = path; *at != '\0'; at++)
        if (*at == '/') {
            *at = '\0';
            segments[count++] = at + 1;
        }
    ck_assert_int_eq(crq_app_pattern_matches(&app->routes[0].path, segments,
                             count),
            paths[_i].matches);
    crq_app_free(app);
}
END_TEST

static const struct {
    const char *options, *words; /* between blanks */
} option_rows[] = {
    { "{}", "" },
    { "{\"s\": 1200, \"pace\": 0.5}", "HSET crq:app:pet s 1200 pace 0.5 " },
    { "{\"text\": \"a b\", \"yes\": true}",
            "HSET crq:app:pet text a b yes true " },
    { "{\"l\": [1, \"x\"], \"none\": null}",
            "HSET crq:app:pet l [1,\"x\"] none null " },
};

START_TEST(test_options_become_the_fields_of_a_hash)
{
    struct crq_buf text = CRQ_BUF_INIT, got = CRQ_BUF_INIT;
    struct crq_app *app;
    struct crq_args words;
    crq_error err;

    crq_args_init(&words);
    crq_buf_printf(&text,
            "{\"name\": \"pet\", \"queues\": [\"q\"], \"options\": %s}",
            option_rows[_i].options);
    unit_ok(parse(crq_buf_text(&text), &app, &err), &err);
    unit_ok(crq_app_options_words(app, &words, &err), &err);
    for (size_t i = 0; i < words.count; i++) {
        size_t len;
        const char *word = crq_args_word(&words, i, &len);

        crq_buf_printf(&got, "%.*s ", (int)len, word);
    }
    ck_assert_str_eq(crq_buf_text(&got), option_rows[_i].words);
    crq_args_fini(&words);
    crq_app_free(app);
    crq_buf_fini(&got);
    crq_buf_fini(&text);
}
END_TEST

static int read_and_bind(void *arg, crq_error *err)
{
    struct crq_buf got = CRQ_BUF_INIT;
    struct crq_app *app = NULL;
    struct crq_args words;
    int rc;

    (void)arg;
    crq_args_init(&words);
    rc = parse(full, &app, err);
    if (rc == 0)
        rc = crq_app_options_words(app, &words, err);
    crq_args_fini(&words);
    crq_app_free(app);
    app = NULL;
    if (rc == 0)
        rc = parse(web, &app, err);
    crq_app_free(app);
    if (rc == 0)
        rc = bind("{\"a\": \"$event.n:int\", \"b\": [1, 2]}", &got, err);
    crq_buf_fini(&got);
    return rc;
}

START_TEST(test_memory_may_run_out_at_any_point)
{
    unit_fail_each_allocation(read_and_bind, NULL);
}
END_TEST

START_TEST(test_a_file_that_is_not_there_is_named)
{
    struct crq_app *app = NULL;
    crq_error err;

    ck_assert_int_eq(crq_app_load("/nowhere/app.json", NULL, NULL, &app, &err),
            CRQ_EIO);
    ck_assert_str_eq(err.text,
            "can't read '/nowhere/app.json': No such file "
            "or directory");
    /* A folder means the app.json in it. */
    ck_assert_int_eq(crq_app_load("/", NULL, NULL, &app, &err), CRQ_EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "app.json'"));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("app");

    tcase_add_test(tc, test_everything_that_may_be_declared_is_read);
    unit_add_rows(tc, test_a_mistake_is_told_with_its_path, wrong);
    tcase_add_test(tc, test_one_run_tells_every_mistake);
    unit_add_rows(tc, test_arguments_come_from_where_they_are_said_to,
            bindings);
    tcase_add_test(tc, test_routes_sockets_and_files_are_read);
    unit_add_rows(tc, test_a_mistake_for_the_gateway_is_told_with_its_path,
            wrong_web);
    unit_add_rows(tc, test_a_path_matches_its_pattern_only, paths);
    unit_add_rows(tc, test_options_become_the_fields_of_a_hash, option_rows);
    tcase_add_test(tc, test_memory_may_run_out_at_any_point);
    tcase_add_test(tc, test_a_file_that_is_not_there_is_named);
    return unit_run("app", tc);
}
