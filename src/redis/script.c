/*
 * script.c - calling Lua scripts.
 *
 * EVALSHA goes out at once; the text follows only when Redis says NOSCRIPT,
 * which is once in the life of a server or after SCRIPT FLUSH. Because every
 * script can be repeated, a call whose outcome is unknown is made once more.
 *
 * When that second try is refused before it reached the script, the outcome of
 * the first one is as unknown as before, so the code is CRQ_ELOST and not the
 * CRQ_ECONNECT or CRQ_EREDIS that would say that nothing was done.
 */
#include "redis/script.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/conn_impl.h"

/* Loads of one script in one call: somebody may flush in between, but not
 * again and again. */
#define LOADS 3

static bool is_unknown(int code)
{
    return code == CRQ_ELOST || code == CRQ_ETIMEOUT;
}

static bool is_noscript(const crq_reply *reply)
{
    return crq_reply_kind(reply) == CRQ_REPLY_ERROR &&
            strncmp(crq_reply_text(reply, NULL), "NOSCRIPT", 8) == 0;
}

static void put_head(struct crq_args *head, const struct crq_script *script,
        size_t nkeys)
{
    crq_args_init(head);
    crq_args_puts(head, "EVALSHA");
    crq_args_puts(head, script->sha1);
    crq_args_puti(head, (int64_t)nkeys);
}

static int load(crq_conn *conn, const struct crq_script *script, crq_error *err)
{
    int rc =
            crq_conn_run(conn, NULL, err, "SCRIPT", "LOAD", script->text, NULL);

    return rc < 0 ? crq_fail_in(err, rc, "script '%s'", script->name) : 0;
}

/* The failure of the second try, when the outcome of the first is unknown. */
static int fail_again(int code, crq_error *err)
{
    if (code == CRQ_ESTATE || code == CRQ_ENOMEM || is_unknown(code))
        return code;
    return crq_fail_in(err, CRQ_ELOST,
            "the connection broke, and when tried again");
}

int crq_script_call(crq_conn *conn, const struct crq_script *script,
        size_t nkeys, const struct crq_args *args, crq_reply **out,
        crq_error *err)
{
    struct crq_args head;
    crq_reply *reply = NULL;
    bool unknown = false;
    int rc, loads = 0;

    assert(nkeys <= args->count || crq_args_check(args, NULL) < 0);
    put_head(&head, script, nkeys);
    for (;;) {
        rc = crq_conn_call(conn, &head, args, 0, &reply, err);
        if (rc == 0 && is_noscript(reply) && loads++ < LOADS) {
            crq_reply_free(reply);
            rc = load(conn, script, err);
            if (rc == 0)
                continue;
        }
        if (!is_unknown(rc) || unknown)
            break;
        unknown = true;
    }
    crq_args_fini(&head);
    if (rc == 0)
        rc = crq_conn_settle(conn, reply, out, err);
    return rc < 0 && unknown ? fail_again(rc, err) : rc;
}

/* ------------------------------------------------------------------ pipes */

/*
 * All calls that have no answer yet go out, then their replies are read: one
 * round. Calls that met NOSCRIPT, or whose reply was lost with the link, have
 * no answer still and go into the next round. Replies that are out of order
 * because of that wait in `replies` for their turn.
 */
struct run {
    struct crq_script_pipe *pipe;
    crq_script_reply *on_reply;
    void *arg;
    struct crq_args head;
    crq_reply **replies; /* of each call; NULL: none yet, or passed on */
    size_t passed;       /* calls that on_reply() has been called for */
    bool noscript;       /* the script is to be loaded first */
    int stop;            /* what on_reply() returned below 0 */
};

void crq_script_pipe_init(struct crq_script_pipe *pipe, crq_conn *conn,
        const struct crq_script *script, size_t nkeys)
{
    *pipe = (struct crq_script_pipe){ conn, script, nkeys, NULL, 0, 0, 0 };
}

void crq_script_pipe_fini(struct crq_script_pipe *pipe)
{
    for (size_t i = 0; i < pipe->cap; i++)
        crq_args_fini(&pipe->calls[i]);
    crq_free(pipe->calls);
    crq_script_pipe_init(pipe, pipe->conn, pipe->script, pipe->nkeys);
}

struct crq_args *crq_script_pipe_add(struct crq_script_pipe *pipe)
{
    struct crq_args *call;

    if (pipe->count == pipe->cap) {
        size_t cap = pipe->cap > 0 ? pipe->cap * 2 : 8;
        struct crq_args *calls =
                crq_reallocarray(pipe->calls, cap, sizeof(*calls));

        if (calls == NULL)
            return NULL;
        for (size_t i = pipe->cap; i < cap; i++)
            crq_args_init(&calls[i]);
        pipe->calls = calls;
        pipe->cap = cap;
    }
    if (pipe->count > 0)
        pipe->bytes += pipe->calls[pipe->count - 1].bytes.len;
    call = &pipe->calls[pipe->count++];
    crq_args_clear(call);
    return call;
}

/* Call on_reply() for the next call: with its reply, or with `failure`. */
static void pass_on(struct run *run, const crq_error *failure, crq_error *err)
{
    crq_reply *reply = run->replies != NULL ? run->replies[run->passed] : NULL;
    crq_error refused;
    int rc;

    if (reply == NULL) {
        rc = run->on_reply(run->arg, run->passed, NULL, failure);
    } else if (crq_reply_kind(reply) == CRQ_REPLY_ERROR) {
        (void)crq_conn_refusal(run->pipe->conn, reply, &refused);
        failure = &refused;
        rc = run->on_reply(run->arg, run->passed, NULL, failure);
    } else {
        failure = NULL;
        rc = run->on_reply(run->arg, run->passed, reply, NULL);
    }
    if (reply != NULL)
        run->replies[run->passed] = NULL;
    crq_reply_free(reply);
    run->passed++;
    if (rc == 0)
        return;
    run->stop = rc;
    if (failure != NULL && failure->code == rc)
        (void)crq_fail(err, rc, "%s", failure->text);
    else
        (void)crq_fail(err, rc, "%s", crq_error_summary(rc));
}

/* Read the replies to the calls that were sent, those from `first` on. */
static int receive(struct run *run, size_t first, size_t sent, crq_error *err)
{
    for (size_t i = first; sent > 0; i++) {
        crq_reply *reply = NULL;
        int rc;

        if (run->replies[i] != NULL)
            continue;
        rc = crq_conn_next(run->pipe->conn, &reply, err);
        if (rc < 0)
            return rc;
        sent--;
        if (is_noscript(reply)) {
            run->noscript = true;
            crq_reply_free(reply);
            continue;
        }
        run->replies[i] = reply;
        while (run->stop == 0 && run->passed < run->pipe->count &&
                run->replies[run->passed] != NULL)
            pass_on(run, NULL, err);
    }
    return 0;
}

static int make_round(struct run *run, crq_error *err)
{
    struct crq_script_pipe *pipe = run->pipe;
    size_t first = run->passed, sent = 0;
    crq_error unread;
    int rc = 0, received;

    if (run->noscript)
        rc = load(pipe->conn, pipe->script, err);
    if (rc < 0)
        return rc;
    run->noscript = false;
    for (size_t i = first; i < pipe->count && rc == 0; i++) {
        if (run->replies[i] != NULL)
            continue;
        rc = crq_conn_append_words(pipe->conn, &run->head, &pipe->calls[i],
                err);
        if (rc == 0)
            sent++;
    }
    /* Those that were sent are answered, even if one could not be. */
    received = receive(run, first, sent, rc == 0 ? err : &unread);
    return rc < 0 ? rc : received;
}

static int make_rounds(struct run *run, crq_error *err)
{
    bool unknown = false;
    int rc, loads = 0;

    for (;;) {
        rc = make_round(run, err);
        if (run->stop != 0 || run->passed == run->pipe->count)
            return run->stop;
        if (rc == 0 && loads++ < LOADS)
            continue;
        if (rc == 0)
            rc = crq_fail(err, CRQ_EREDIS,
                    "Redis at %s forgets script '%s' at once",
                    crq_conn_address(run->pipe->conn), run->pipe->script->name);
        if (!is_unknown(rc) || unknown)
            return unknown ? fail_again(rc, err) : rc;
        unknown = true;
    }
}

static int prepare(struct run *run, crq_error *err)
{
    struct crq_script_pipe *pipe = run->pipe;
    int rc = 0;

    put_head(&run->head, pipe->script, pipe->nkeys);
    rc = crq_args_check(&run->head, err);
    for (size_t i = 0; i < pipe->count && rc == 0; i++)
        rc = crq_args_check(&pipe->calls[i], err);
    if (rc < 0)
        return rc;
    run->replies = crq_calloc(pipe->count, sizeof(*run->replies));
    return run->replies != NULL ? 0 : crq_fail_nomem(err);
}

int crq_script_pipe_run(struct crq_script_pipe *pipe,
        crq_script_reply *on_reply, void *arg, crq_error *err)
{
    struct run run = { .pipe = pipe, .on_reply = on_reply, .arg = arg };
    crq_error failure = { 0, "" };
    int rc = prepare(&run, &failure);

    if (rc == 0 && pipe->count > 0)
        rc = make_rounds(&run, &failure);
    if (rc < 0)
        (void)crq_fail(err, rc, "%s", failure.text);
    while (run.stop == 0 && run.passed < pipe->count)
        pass_on(&run, &failure, err);
    for (size_t i = run.passed; run.replies != NULL && i < pipe->count; i++)
        crq_reply_free(run.replies[i]);
    crq_free(run.replies);
    crq_args_fini(&run.head);
    pipe->count = 0;
    pipe->bytes = 0;
    return run.stop != 0 ? run.stop : rc;
}
