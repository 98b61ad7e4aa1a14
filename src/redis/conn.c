/*
 * conn.c - one synchronous connection.
 *
 * A link that broke stays broken until all of the pipeline that was under way
 * has been accounted for; the next command then opens a new one. Before a
 * command goes out on a link that was idle, the link is looked at: a server
 * that restarted meanwhile costs a reconnect, not a CRQ_ELOST.
 */
#include "redis/conn.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/conn_impl.h"
#include "redis/refusal.h"
#include "redis/stream.h"
#include "redis/url.h"

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         10000

struct crq_conn {
    struct crq_url url;
    struct crq_buf address, name;
    int64_t connect_timeout_ms, timeout_ms;
    const struct crq_clock *clock;

    struct crq_stream stream;
    size_t due; /* replies that the pipeline still owes */
    bool past_types;
    size_t passed_types;
};

/* --------------------------------------------------------------- opening */

/* What is said to Redis on a new link. */
enum step { STEP_AUTH, STEP_SELECT, STEP_SETNAME, STEPS };

static const char *const step_names[STEPS] = { "AUTH", "SELECT",
    "CLIENT SETNAME" };

static void step_words(const crq_conn *conn, enum step step,
        struct crq_args *args)
{
    const struct crq_url *url = &conn->url;

    crq_args_clear(args);
    switch (step) {
    case STEP_AUTH:
        if (url->user == NULL && url->password == NULL)
            return;
        crq_args_puts(args, "AUTH");
        if (url->user != NULL)
            crq_args_puts(args, url->user);
        crq_args_puts(args, url->password != NULL ? url->password : "");
        return;
    case STEP_SELECT:
        /* Also for 0: a server that is no Redis, or that wants a password,
         * shows it now and not in the middle of work. */
        crq_args_puts(args, "SELECT");
        crq_args_puti(args, url->db);
        return;
    case STEP_SETNAME:
        if (conn->name.len > 0)
            crq_args_list(args, "CLIENT", "SETNAME", crq_buf_text(&conn->name),
                    NULL);
        return;
    case STEPS: break;
    }
}

static int step_refused(const crq_conn *conn, enum step step,
        const crq_reply *reply, crq_error *err)
{
    size_t len;
    const char *text = crq_reply_text(reply, &len);
    /* A server without AUTH (renamed, a proxy) quotes what it was sent. */
    const char *quote = strstr(text, ", with args beginning with");
    int code;

    if (quote != NULL)
        len = (size_t)(quote - text);
    code = crq_refusal(crq_conn_address(conn), text, len, err);

    /* A user who may not SELECT is at home in database 0 anyway. */
    if (step == STEP_SELECT && conn->url.db == 0 &&
            strncmp(text, "NOPERM", 6) == 0)
        return 0;
    /* "ERR AUTH <password> called without any password configured", "ERR wrong
     * number of arguments for 'auth' command" from before Redis 6 ... */
    if (step == STEP_AUTH && strcasestr(text, "auth") != NULL)
        code = CRQ_EAUTH;
    return crq_fail_in(err, code, "%s", step_names[step]);
}

/* Nothing of the caller's has been sent yet, so nothing is unknown. */
static int introduction_failed(const crq_conn *conn, int code, crq_error *err)
{
    if (code == CRQ_ETIMEOUT)
        return crq_fail(err, CRQ_ECONNECT,
                "cannot connect to Redis at %s: no answer within %lld ms",
                crq_conn_address(conn), (long long)conn->connect_timeout_ms);
    return crq_fail(err, code == CRQ_ENOMEM ? code : CRQ_ECONNECT, "%s",
            conn->stream.failure.text);
}

static int introduce(crq_conn *conn, int64_t deadline_us, crq_error *err)
{
    bool said[STEPS];
    struct crq_args args;
    int rc = 0;

    crq_args_init(&args);
    for (int step = 0; step < STEPS && rc == 0; step++) {
        step_words(conn, (enum step)step, &args);
        said[step] = args.count > 0;
        rc = crq_args_check(&args, err);
        if (rc == 0 && said[step])
            rc = crq_stream_put(&conn->stream, NULL, &args, err);
    }
    crq_args_fini(&args);
    for (int step = 0; step < STEPS && rc == 0; step++) {
        int64_t left_us = deadline_us - crq_clock_mono_us(&crq_clock_system);
        crq_reply *reply = NULL;

        if (!said[step])
            continue;
        rc = crq_stream_next(&conn->stream,
                left_us > 0 ? left_us / 1000 + 1 : 0, &reply);
        if (rc < 0)
            return introduction_failed(conn, rc, err);
        if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
            rc = step_refused(conn, (enum step)step, reply, err);
        crq_reply_free(reply);
    }
    return rc;
}

static int open_link(crq_conn *conn, crq_error *err)
{
    int64_t deadline_us = crq_clock_mono_us(&crq_clock_system) +
            conn->connect_timeout_ms * 1000;
    int rc;

    rc = crq_stream_open(&conn->stream, &conn->url, deadline_us, err);
    if (rc == 0)
        rc = introduce(conn, deadline_us, err);
    if (rc < 0)
        crq_stream_close(&conn->stream);
    return rc;
}

/* A working link for the first command of a pipeline. */
static int begin(crq_conn *conn, crq_error *err)
{
    return crq_stream_is_good(&conn->stream) ? 0 : open_link(conn, err);
}

static int copy_options(crq_conn *conn, const crq_conn_options *options,
        crq_error *err)
{
    crq_conn_options o = CRQ_CONN_OPTIONS_INIT;

    /* A program built against an older crq.h has a shorter struct. */
    if (options != NULL)
        memcpy(&o, options,
                options->size < sizeof(o) ? options->size : sizeof(o));
    if (o.connect_timeout_ms < 0 || o.timeout_ms < 0)
        return crq_fail(err, CRQ_EINVAL, "a timeout is negative");
    conn->connect_timeout_ms = o.connect_timeout_ms > 0 ? o.connect_timeout_ms
                                                        : CONNECT_TIMEOUT_MS;
    conn->timeout_ms = o.timeout_ms > 0 ? o.timeout_ms : TIMEOUT_MS;
    if (o.name != NULL)
        crq_buf_puts(&conn->name, o.name);
    return crq_buf_check(&conn->name, err);
}

int crq_conn_new(const char *url, const crq_conn_options *options,
        crq_conn **out, crq_error *err)
{
    crq_conn *conn = crq_calloc(1, sizeof(*conn));
    int rc;

    if (conn == NULL)
        return crq_fail_nomem(err);
    crq_stream_init(&conn->stream, "");
    conn->clock = &crq_clock_system;
    crq_buf_init(&conn->address, CRQ_BUF_MAX);
    crq_buf_init(&conn->name, CRQ_BUF_MAX);
    rc = crq_url_parse(url != NULL ? url : "redis://localhost:6379/0",
            &conn->url, err);
    if (rc == 0)
        rc = copy_options(conn, options, err);
    if (rc == 0 && crq_url_describe(&conn->url, &conn->address) < 0)
        rc = crq_fail_nomem(err);
    conn->stream.address = crq_conn_address(conn);
    if (rc < 0) {
        crq_conn_free(conn);
        return rc;
    }
    *out = conn;
    return 0;
}

int crq_conn_open(const char *url, const crq_conn_options *options,
        crq_conn **out, crq_error *err)
{
    crq_conn *conn;
    int rc = crq_conn_new(url, options, &conn, err);

    if (rc < 0)
        return rc;
    rc = open_link(conn, err);
    if (rc < 0) {
        crq_conn_free(conn);
        return rc;
    }
    *out = conn;
    return 0;
}

void crq_conn_free(crq_conn *conn)
{
    if (conn == NULL)
        return;
    crq_stream_fini(&conn->stream);
    crq_url_fini(&conn->url);
    crq_buf_fini(&conn->address);
    crq_buf_fini(&conn->name);
    crq_free(conn);
}

const struct crq_clock *crq_conn_clock(const crq_conn *conn)
{
    return conn->clock;
}

void crq_conn_set_clock(crq_conn *conn, const struct crq_clock *clock)
{
    conn->clock = clock;
}

bool crq_conn_look_past_types(crq_conn *conn, bool on)
{
    bool was = conn->past_types;

    conn->past_types = on;
    return was;
}

size_t crq_conn_passed_types(const crq_conn *conn)
{
    return conn->passed_types;
}

const char *crq_conn_address(const crq_conn *conn)
{
    return crq_buf_text(&conn->address);
}

/* -------------------------------------------------------------- commands */

int crq_conn_append_words(crq_conn *conn, const struct crq_args *head,
        const struct crq_args *args, crq_error *err)
{
    int rc = head != NULL ? crq_args_check(head, err) : 0;

    if (rc == 0)
        rc = crq_args_check(args, err);
    if (rc == 0 && conn->due == 0)
        rc = begin(conn, err);
    if (rc < 0)
        return rc;
    /* After a break in the middle: crq_conn_next() will say so. */
    rc = crq_stream_put(&conn->stream, head, args, err);
    if (rc < 0)
        return rc;
    crq_stream_drain(&conn->stream, conn->timeout_ms);
    conn->due++;
    return 0;
}

int crq_conn_append(crq_conn *conn, const struct crq_args *args, crq_error *err)
{
    return crq_conn_append_words(conn, NULL, args, err);
}

static int take(crq_conn *conn, int64_t wait_ms, crq_reply **out,
        crq_error *err)
{
    int rc = CRQ_ELOST;

    if (conn->due > 0) {
        rc = crq_stream_next(&conn->stream, wait_ms, out);
        if (rc == 0) {
            conn->due--;
            if (conn->past_types && crq_reply_forget_type(*out))
                conn->passed_types++;
            return 0;
        }
        crq_stream_close(&conn->stream);
        conn->due = 0;
    }
    return crq_fail(err, rc, "%s",
            conn->stream.failure.code != 0 ? conn->stream.failure.text
                                           : "no reply is due");
}

int crq_conn_next(crq_conn *conn, crq_reply **out, crq_error *err)
{
    return take(conn, conn->timeout_ms, out, err);
}

int crq_conn_call(crq_conn *conn, const struct crq_args *head,
        const struct crq_args *args, int64_t wait_ms, crq_reply **out,
        crq_error *err)
{
    int rc;

    assert(conn->due == 0); /* a pipeline's replies come first */
    rc = crq_conn_append_words(conn, head, args, err);
    if (rc < 0)
        return rc;
    return take(conn, conn->timeout_ms + wait_ms, out, err);
}

int crq_conn_settle(const crq_conn *conn, crq_reply *reply, crq_reply **out,
        crq_error *err)
{
    int rc = 0;

    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        rc = crq_conn_refusal(conn, reply, err);
    if (rc < 0 || out == NULL)
        crq_reply_free(reply);
    else
        *out = reply;
    return rc;
}

int crq_conn_command_wait(crq_conn *conn, const struct crq_args *args,
        int64_t wait_ms, crq_reply **out, crq_error *err)
{
    crq_reply *reply;
    int rc = crq_conn_call(conn, NULL, args, wait_ms, &reply, err);

    return rc < 0 ? rc : crq_conn_settle(conn, reply, out, err);
}

int crq_conn_command(crq_conn *conn, const struct crq_args *args,
        crq_reply **out, crq_error *err)
{
    return crq_conn_command_wait(conn, args, 0, out, err);
}

int crq_conn_run(crq_conn *conn, crq_reply **out, crq_error *err, ...)
{
    struct crq_args args;
    const char *word;
    va_list ap;
    int rc;

    crq_args_init(&args);
    va_start(ap, err);
    for (word = va_arg(ap, const char *); word != NULL;
            word = va_arg(ap, const char *))
        crq_args_puts(&args, word);
    va_end(ap);
    rc = crq_conn_command(conn, &args, out, err);
    crq_args_fini(&args);
    return rc;
}

int crq_conn_refusal(const crq_conn *conn, const crq_reply *reply,
        crq_error *err)
{
    size_t len;
    const char *text = crq_reply_text(reply, &len);

    return crq_refusal(crq_conn_address(conn), text, len, err);
}

int crq_conn_reply_error(const crq_reply *reply, crq_error *err)
{
    size_t len;
    const char *text = crq_reply_text(reply, &len);

    assert(crq_reply_kind(reply) == CRQ_REPLY_ERROR);
    return crq_refusal(NULL, text, len, err);
}
