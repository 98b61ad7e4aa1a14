/*
 * script.h - Lua scripts, called by their SHA-1.
 *
 * Each is a file src/redis/lua/NAME.lua, embedded at build time:
 * crq_script_NAME in the generated scripts.h. A line "-- include FILE.lua" is
 * replaced by that file. Both are listed in local.mk. Every script of crq is
 * safe to repeat: run twice with the same keys and arguments it leaves what it
 * left the first time. So a call whose outcome is unknown is repeated, once, on
 * a new link.
 */
#ifndef CRQ_REDIS_SCRIPT_H
#define CRQ_REDIS_SCRIPT_H

#include <crq.h>

#include "redis/conn.h"

struct crq_script {
    const char *name; /* of the file, without ".lua" */
    const char *text;
    const char *sha1; /* 40 hex digits */
};

/**
 * Run a script. `args` holds its keys first, then its arguments.
 *
 * NOSCRIPT loads it and runs it. After CRQ_ELOST or CRQ_ETIMEOUT it is run
 * once more. If Redis refuses or can't be reached that time, the code is
 * CRQ_ELOST, because what the first try did stays unknown: CRQ_ECONNECT,
 * CRQ_EAUTH and CRQ_EREDIS always mean that nothing was done. An error that
 * the script returns, error_reply("CRQ <text>"), is CRQ_ESTATE with that text.
 * `out` may be NULL.
 */
int crq_script_call(crq_conn *conn, const struct crq_script *script,
        size_t nkeys, const struct crq_args *args, crq_reply **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Many calls of one script in a pipeline: add them, then run all.
 *
 * Calls are kept until they have been answered, so that those whose outcome
 * is unknown can be repeated. Redis runs them in their order, except that a
 * call that met NOSCRIPT may run behind later ones. on_reply is called once
 * for each call, in the order of the calls: with the reply (borrowed) and err
 * NULL, or with reply NULL and err filled when the call failed. It must not
 * use the connection. What it returns below 0 stops the pipeline, without
 * unsending what was sent, and is returned.
 */
struct crq_script_pipe {
    crq_conn *conn;
    const struct crq_script *script;
    size_t nkeys;
    struct crq_args *calls;
    size_t count, cap; /* calls waiting, room in `calls` */
    size_t bytes;      /* of the words of all calls but the newest */
};

typedef int crq_script_reply(void *arg, size_t nth, const crq_reply *reply,
        const crq_error *err);

void crq_script_pipe_init(struct crq_script_pipe *pipe, crq_conn *conn,
        const struct crq_script *script, size_t nkeys);
void crq_script_pipe_fini(struct crq_script_pipe *pipe);
/** The args to fill for the next call, owned by the pipe. NULL: no memory. */
struct crq_args *crq_script_pipe_add(struct crq_script_pipe *pipe);
/**
 * Send what was added, read all replies; the pipe is empty afterwards.
 *
 * 0 when every call was answered, be it with an error that on_reply let pass;
 * what on_reply returned; or the failure that calls were left without an
 * answer for (on_reply has been called for each of them).
 */
int crq_script_pipe_run(struct crq_script_pipe *pipe,
        crq_script_reply *on_reply, void *arg, crq_error *err) CRQ_MUST_CHECK;

#endif
