/*
 * sockets_messages.c - what clients send: {"req": ..., "do": NAME, ...} becomes
 * the job of that name, and the client hears {"req", "ok", ...} when it ends.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "web/problem.h"
#include "web/sockets_impl.h"

#define ANSWER_S 30

/* One message that is not answered yet. */
struct asked {
    struct socket *socket;
    struct asked *next, **link;
    struct waiter *waiter;
    crq_value *req;
};

static int64_t now_ms(void)
{
    return crq_clock_wall_us(&crq_clock_system) / 1000;
}

/* ----------------------------------------------------- $socket.SOMETHING */

static const char sent_prefix[] = "sent_ms.";

void socket_find_sent(struct socket *s)
{
    for (size_t m = 0; m < s->def->message_count; m++) {
        const struct crq_app_call *call = &s->def->messages[m].call;

        for (size_t i = 0; i < call->count; i++)
            if (call->args[i].from == CRQ_APP_SOCKET &&
                    call->args[i].key != NULL && s->sent_count < SENT_MAX &&
                    strncmp(call->args[i].key, sent_prefix,
                            strlen(sent_prefix)) == 0)
                s->sent[s->sent_count++].type =
                        call->args[i].key + strlen(sent_prefix);
    }
}

static int put_trips(const struct socket *s, crq_value **out)
{
    int64_t trips_us[WS_ROUND_TRIPS];
    size_t count = s->ws != NULL ? ws_round_trips(s->ws, trips_us) : 0;
    crq_value *list = crq_value_new_list();
    int rc = list != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = crq_value_add(list,
                crq_value_new_float((double)trips_us[i] / 1e3));
    if (rc < 0)
        crq_value_free(list);
    else
        *out = list;
    return rc;
}

int socket_look_up(void *arg, const char *key, crq_value **out)
{
    const struct socket *s = arg;
    size_t i = 0;

    if (strcmp(key, "round_trips_ms") == 0)
        return put_trips(s, out);
    if (strcmp(key, "id") == 0) {
        *out = crq_value_new_text(s->id);
    } else if (strcmp(key, "identity") == 0) {
        if (s->identity == NULL)
            return 0;
        *out = crq_value_new_text(s->identity);
    } else if (strcmp(key, "arrived_ms") == 0) {
        if (s->arrived_ms == 0)
            return 0;
        *out = crq_value_new_int(s->arrived_ms);
    } else {
        while (i < s->sent_count &&
                strcmp(s->sent[i].type, key + strlen(sent_prefix)) != 0)
            i++;
        if (i == s->sent_count || s->sent[i].at_ms == 0)
            return 0;
        *out = crq_value_new_int(s->sent[i].at_ms);
    }
    return *out != NULL ? 0 : CRQ_ENOMEM;
}

/* ------------------------------------------------------------------ answers */

static void send_value(struct socket *s, crq_value *v)
{
    struct crq_buf text = CRQ_BUF_INIT;

    if (v != NULL && crq_json_encode(v, CRQ_JSON_SHOW, &text, NULL) == 0)
        socket_send(s, crq_buf_text(&text), text.len, NULL);
    else if (s->ws != NULL)
        ws_close(s->ws, WS_INTERNAL, "out of memory");
    crq_buf_fini(&text);
    crq_value_free(v);
}

static crq_value *answer_new(const crq_value *req, bool ok)
{
    crq_value *v = crq_value_new_dict();

    if (v != NULL && req != NULL &&
            crq_value_set(v, "req", crq_value_ref(req)) < 0)
        goto failed;
    if (v != NULL && crq_value_set(v, "ok", crq_value_new_bool(ok)) < 0)
        goto failed;
    return v;
failed:
    crq_value_free(v);
    return NULL;
}

/* The members of a problem but its type; it is taken over. */
static void send_problem(struct socket *s, const crq_value *req,
        crq_value *problem)
{
    crq_value *v = answer_new(req, false);

    for (size_t i = 0;
            v != NULL && problem != NULL && i < crq_value_count(problem); i++) {
        const char *name = crq_value_text(crq_value_key(problem, i));

        if (strcmp(name, "type") == 0 || strcmp(name, "req") == 0 ||
                strcmp(name, "ok") == 0 ||
                crq_value_set(v, name,
                        crq_value_ref(crq_value_item(problem, i))) == 0)
            continue;
        crq_value_free(v);
        v = NULL;
    }
    if (problem == NULL) {
        crq_value_free(v);
        v = NULL;
    }
    crq_value_free(problem);
    send_value(s, v);
}

static void send_result(struct socket *s, const crq_value *req,
        const crq_value *result)
{
    crq_value *v = answer_new(req, true);

    if (v != NULL &&
            crq_value_set(v, "result",
                    result != NULL ? crq_value_ref(result)
                                   : crq_value_new_none()) < 0) {
        crq_value_free(v);
        v = NULL;
    }
    send_value(s, v);
}

static void asked_free(struct asked *a)
{
    *a->link = a->next;
    if (a->next != NULL)
        a->next->link = a->link;
    a->socket->asked_count--;
    crq_value_free(a->req);
    crq_free(a);
}

static crq_value *problem_of(const struct job_outcome *outcome)
{
    const char *id = outcome->id;

    switch (outcome->end) {
    case JOB_FAILED: return problem_of_failure(outcome->text, id);
    case JOB_GONE:
        return problem_with(problem_new(410, "there is no result: %s",
                                    outcome->text),
                "job", id);
    case JOB_LATE:
        return problem_with(problem_new(504, "the job has not ended yet"),
                "job", id);
    default: return problem_new(503, "jobs can't be made now");
    }
}

static void on_done(void *arg, const struct job_outcome *outcome)
{
    struct asked *a = arg;

    if (outcome->end == JOB_DONE)
        send_result(a->socket, a->req, outcome->value);
    else
        send_problem(a->socket, a->req, problem_of(outcome));
    asked_free(a);
}

void socket_forget_asked(struct socket *s)
{
    while (s->asked != NULL) {
        jobs_forget(s->asked->waiter);
        asked_free(s->asked);
    }
}

/* ---------------------------------------------------------------- messages */

static const struct crq_app_message *find_message(const struct socket *s,
        const crq_value *message)
{
    const crq_value *name = crq_value_get(message, "do");

    for (size_t i = 0;
            crq_value_type(name) == CRQ_STR && i < s->def->message_count; i++)
        if (strcmp(s->def->messages[i].name, crq_value_text(name)) == 0)
            return &s->def->messages[i];
    return NULL;
}

static int ask(struct socket *s, const struct crq_app_call *call,
        const crq_value *message, crq_error *err)
{
    struct asked *a = crq_calloc(1, sizeof(*a));
    const crq_value *req = crq_value_get(message, "req");
    crq_value *args = NULL, *kwargs = NULL;
    int rc;

    if (a == NULL)
        return crq_fail_nomem(err);
    s->binding.message = message;
    rc = binding_bind(&s->binding, call, &args, &kwargs, err);
    s->binding.message = NULL;
    if (rc == 0)
        rc = jobs_call(s->sockets->g->jobs, call, args, kwargs,
                ANSWER_S * INT64_C(1000000), on_done, a, &a->waiter, err);
    crq_value_free(args);
    crq_value_free(kwargs);
    if (rc < 0) {
        crq_free(a);
        return rc;
    }
    a->socket = s;
    a->req = req != NULL ? crq_value_ref(req) : NULL;
    a->next = s->asked;
    a->link = &s->asked;
    if (a->next != NULL)
        a->next->link = &a->next;
    s->asked = a;
    s->asked_count++;
    return 0;
}

static void take_message(struct socket *s, const crq_value *message)
{
    const crq_value *req = crq_value_get(message, "req");
    const struct crq_app_message *known = find_message(s, message);
    crq_error err;
    int rc;

    if (known == NULL) {
        send_problem(s, req, problem_new(404, "there is no such message"));
        return;
    }
    if (s->asked_count == ASKED_MAX) {
        send_problem(s, req,
                problem_new(429, "%d messages wait for their answers",
                        ASKED_MAX));
        return;
    }
    if (gateway_wait_s(s->sockets->g, s->peer) > 0) {
        send_problem(s, req,
                problem_new(429, "too many requests came from this address"));
        return;
    }
    rc = ask(s, &known->call, message, &err);
    if (rc == CRQ_EINVAL || rc == CRQ_EUNSUPPORTED || rc == CRQ_ELIMIT)
        send_problem(s, req, problem_new(400, "%s", err.text));
    else if (rc < 0)
        send_problem(s, req, problem_new(503, "jobs can't be made now"));
}

void socket_take(struct socket *s, const char *text, size_t len)
{
    crq_value *message = NULL;
    crq_error err;

    s->arrived_ms = now_ms();
    if (crq_json_decode(text, len, NULL, &message, &err) < 0)
        send_problem(s, NULL, problem_new(400, "%s", err.text));
    else if (crq_value_type(message) != CRQ_DICT)
        send_problem(s, NULL, problem_new(400, "expected an object"));
    else
        take_message(s, message);
    crq_value_free(message);
}
