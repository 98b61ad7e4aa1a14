/*
 * conn.c - one synchronous connection.
 *
 * Commands are put into `out` in the form they have on the wire; replies are
 * read by hiredis's reader. A link that broke stays broken until all of the
 * pipeline that was under way has been accounted for; the next command then
 * opens a new one.
 *
 * Kept true here:
 *  - Whoever writes also reads. A client that only writes makes Redis keep all
 *    replies in its memory, and two sides that only write wait for each other.
 *  - The reader gets small pieces: it moves what it has not yet used to the
 *    front after each KiB, which is quadratic when megabytes are waiting.
 *  - Before a command goes out on a link that was idle, the link is looked at:
 *    a server that restarted meanwhile costs a reconnect, not a CRQ_ELOST.
 *  - Timeouts count silence. A large reply on a slow link may take as long as
 *    it likes while bytes keep coming.
 */
#include "redis/conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/error.h"
#include "base/mem.h"
#include "redis/conn_impl.h"
#include "redis/link.h"
#include "redis/refusal.h"
#include "redis/url.h"

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         10000
#define CHUNK              ((size_t)16 * 1024) /* for reads and the reader */
#define FULL               ((size_t)64 * 1024) /* unsent bytes that go out */
#define KEPT               ((size_t)1 << 20)   /* memory an idle buffer keeps */

struct crq_conn {
    struct crq_url url;
    struct crq_buf address, name;
    int64_t connect_timeout_ms, timeout_ms;
    const struct crq_clock *clock;

    struct crq_link link;
    redisReader *reader;
    struct crq_buf out; /* commands; the first `sent` bytes are gone */
    size_t sent;
    struct crq_buf in; /* replies; the reader has the first `fed` bytes */
    size_t fed;
    size_t due;        /* replies that the pipeline still owes */
    crq_error failure; /* why the last link broke; code 0: it didn't */
};

/* ---------------------------------------------------------- moving bytes */

static void drop_link(crq_conn *conn)
{
    crq_link_close(&conn->link);
    if (conn->reader != NULL)
        redisReaderFree(conn->reader);
    conn->reader = NULL;
    crq_buf_clear(&conn->out);
    crq_buf_clear(&conn->in);
    conn->sent = conn->fed = 0;
}

/* The link is of no more use. What has been read from it still is, so the
 * reader and `in` stay until the replies in them have been taken. */
static int break_link(crq_conn *conn, int code)
{
    crq_link_close(&conn->link);
    crq_buf_clear(&conn->out);
    conn->sent = 0;
    return code;
}

static int broke(crq_conn *conn)
{
    char text[128];
    int number = errno;

    if (number == 0)
        crq_fail(&conn->failure, CRQ_ELOST,
                "Redis at %s closed the connection before it replied",
                crq_conn_address(conn));
    else
        crq_fail(&conn->failure, CRQ_ELOST,
                "the connection to Redis at %s broke before the reply: %s",
                crq_conn_address(conn), strerror_r(number, text, sizeof(text)));
    return break_link(conn, CRQ_ELOST);
}

static int no_memory(crq_conn *conn)
{
    crq_fail_nomem(&conn->failure);
    return break_link(conn, CRQ_ENOMEM);
}

/* read_some() and write_some() return 1 when bytes moved, 0 when none could,
 * or the failure. */
static int read_some(crq_conn *conn)
{
    char *room = crq_buf_room(&conn->in, CHUNK);
    ssize_t n;

    if (room == NULL)
        return no_memory(conn);
    n = crq_link_read(&conn->link, room, CHUNK);
    if (n < 0)
        return broke(conn);
    conn->in.len += (size_t)n;
    return n > 0;
}

/* Make room in `out`, without moving any byte more than about once. */
static void forget_sent(crq_conn *conn)
{
    size_t left = conn->out.len - conn->sent;

    if (left == 0 && conn->out.cap > KEPT)
        crq_buf_fini(&conn->out);
    if (left > 0 && (conn->sent < FULL || left > conn->sent))
        return;
    if (left > 0)
        memmove(conn->out.data, conn->out.data + conn->sent, left);
    conn->out.len = left;
    conn->sent = 0;
}

static int write_some(crq_conn *conn)
{
    ssize_t n = crq_link_write(&conn->link, conn->out.data + conn->sent,
            conn->out.len - conn->sent);

    if (n < 0) {
        int number = errno;

        /* What the server said before it went may be here still. */
        while (read_some(conn) > 0)
            continue;
        errno = number;
        return conn->failure.code != 0 ? conn->failure.code : broke(conn);
    }
    conn->sent += (size_t)n;
    forget_sent(conn);
    return n > 0;
}

static bool has_unsent(const crq_conn *conn)
{
    return conn->sent < conn->out.len;
}

/* Move bytes in whichever direction they go; wait at most wait_ms for that. */
static int pump(crq_conn *conn, int64_t wait_ms)
{
    int64_t deadline_us = crq_clock_mono_us(&crq_clock_system) + wait_ms * 1000;
    /* At first only the writing is tried: a reply to a command that is still
     * here can't have come. With a full buffer it can, from earlier ones. */
    int ready = conn->out.len - conn->sent >= FULL ? POLLIN | POLLOUT : POLLOUT;

    for (;;) {
        int moved = 0, rc;

        if (has_unsent(conn) && (ready & POLLOUT)) {
            rc = write_some(conn);
            if (rc < 0)
                return rc;
            moved |= rc;
        }
        if (ready & POLLIN) {
            rc = read_some(conn);
            if (rc < 0)
                return rc;
            moved |= rc;
        }
        if (moved)
            return 0;
        ready = crq_link_wait(&conn->link,
                has_unsent(conn) ? POLLIN | POLLOUT : POLLIN, deadline_us);
        if (ready == 0) {
            crq_fail(&conn->failure, CRQ_ETIMEOUT,
                    "no reply from Redis at %s within %lld ms",
                    crq_conn_address(conn), (long long)wait_ms);
            return break_link(conn, CRQ_ETIMEOUT);
        }
    }
}

/* The next reply among the bytes that are here: 1, 0 when there is none. */
static int parse(crq_conn *conn, void **out)
{
    for (;;) {
        size_t left = conn->in.len - conn->fed;

        *out = NULL;
        if (redisReaderGetReply(conn->reader, out) != REDIS_OK)
            break;
        if (*out != NULL)
            return 1;
        if (left == 0)
            return 0;
        left = left < CHUNK ? left : CHUNK;
        if (redisReaderFeed(conn->reader, conn->in.data + conn->fed, left) !=
                REDIS_OK)
            break;
        conn->fed += left;
        if (conn->fed == conn->in.len) {
            if (conn->in.cap > KEPT)
                crq_buf_fini(&conn->in);
            crq_buf_clear(&conn->in);
            conn->fed = 0;
        }
    }
    if (conn->reader->err == REDIS_ERR_OOM)
        return no_memory(conn);
    crq_fail(&conn->failure, CRQ_ELOST,
            "what came from Redis at %s is not its protocol: %s",
            crq_conn_address(conn), conn->reader->errstr);
    return break_link(conn, CRQ_ELOST);
}

/* --------------------------------------------------------------- opening */

/* What is said to Redis on a new link. */
enum step { STEP_AUTH, STEP_SELECT, STEP_SETNAME, STEPS };

static const char *const step_names[STEPS] = { "AUTH", "SELECT",
    "CLIENT SETNAME" };

static void step_words(
        const crq_conn *conn, enum step step, struct crq_args *args)
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
            crq_args_list(
                    args, "CLIENT", "SETNAME", crq_buf_text(&conn->name), NULL);
        return;
    case STEPS: break;
    }
}

static int step_refused(const crq_conn *conn, enum step step,
        const crq_reply *reply, crq_error *err)
{
    size_t len;
    const char *text = crq_reply_text(reply, &len);
    int code = crq_refusal(crq_conn_address(conn), text, len, err);

    /* A user who may not SELECT is at home in database 0 anyway. */
    if (step == STEP_SELECT && conn->url.db == 0 &&
            strncmp(text, "NOPERM", 6) == 0)
        return 0;
    if (step == STEP_AUTH && strncmp(text, "ERR", 3) == 0)
        code = CRQ_EAUTH;
    return crq_fail_in(err, code, "%s", step_names[step]);
}

static int next_reply(crq_conn *conn, int64_t wait_ms, crq_reply **out)
{
    void *reply;
    int rc;

    for (;;) {
        rc = parse(conn, &reply);
        if (rc == 0 && conn->failure.code != 0)
            rc = conn->failure.code;
        if (rc != 0)
            break;
        /* A failure shows in the next round, behind the replies read. */
        (void)pump(conn, wait_ms);
    }
    if (rc < 0)
        return rc;
    *out = reply;
    return 0;
}

/* Nothing of the caller's has been sent yet, so nothing is unknown. */
static int introduction_failed(const crq_conn *conn, int code, crq_error *err)
{
    if (code == CRQ_ETIMEOUT)
        return crq_fail(err, CRQ_ECONNECT,
                "cannot connect to Redis at %s: no answer within %lld ms",
                crq_conn_address(conn), (long long)conn->connect_timeout_ms);
    return crq_fail(err, code == CRQ_ENOMEM ? code : CRQ_ECONNECT, "%s",
            conn->failure.text);
}

static int introduce(crq_conn *conn, int64_t deadline_us, crq_error *err)
{
    bool said[STEPS];
    struct crq_args args;
    int rc = 0;

    crq_args_init(&args);
    for (int step = 0; step < STEPS; step++) {
        step_words(conn, (enum step)step, &args);
        said[step] = args.count > 0;
        rc = crq_args_check(&args, err);
        if (rc < 0 ||
                (said[step] && crq_args_encode(NULL, &args, &conn->out) < 0))
            break;
    }
    crq_args_fini(&args);
    if (rc == 0)
        rc = crq_buf_check(&conn->out, err);
    for (int step = 0; step < STEPS && rc == 0; step++) {
        int64_t left_us = deadline_us - crq_clock_mono_us(&crq_clock_system);
        crq_reply *reply = NULL;

        if (!said[step])
            continue;
        rc = next_reply(conn, left_us > 0 ? left_us / 1000 + 1 : 0, &reply);
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

    drop_link(conn);
    conn->failure = (crq_error){ 0, "" };
    conn->reader = redisReaderCreate();
    if (conn->reader == NULL)
        return crq_fail_nomem(err);
    rc = crq_link_open(
            &conn->link, &conn->url, crq_conn_address(conn), deadline_us, err);
    if (rc == 0)
        rc = introduce(conn, deadline_us, err);
    if (rc < 0)
        drop_link(conn);
    return rc;
}

/* Whether the idle link is dead, or has bytes that nobody asked for and that
 * would pass for the next reply. */
static bool is_stale(const crq_conn *conn)
{
    return conn->fed < conn->in.len || conn->reader->pos < conn->reader->len ||
           crq_link_is_stale(&conn->link);
}

/* A working link for the first command of a pipeline. */
static int begin(crq_conn *conn, crq_error *err)
{
    if (conn->link.fd >= 0 && is_stale(conn))
        drop_link(conn);
    return conn->link.fd >= 0 ? 0 : open_link(conn, err);
}

static int copy_options(
        crq_conn *conn, const crq_conn_options *options, crq_error *err)
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

int crq_conn_open(const char *url, const crq_conn_options *options,
        crq_conn **out, crq_error *err)
{
    crq_conn *conn = crq_calloc(1, sizeof(*conn));
    int rc;

    if (conn == NULL)
        return crq_fail_nomem(err);
    conn->link = (struct crq_link)CRQ_LINK_CLOSED;
    conn->clock = &crq_clock_system;
    crq_buf_init(&conn->address, CRQ_BUF_MAX);
    crq_buf_init(&conn->name, CRQ_BUF_MAX);
    crq_buf_init(&conn->out, SIZE_MAX / 2);
    crq_buf_init(&conn->in, SIZE_MAX / 2);
    rc = crq_url_parse(
            url != NULL ? url : "redis://localhost:6379/0", &conn->url, err);
    if (rc == 0)
        rc = copy_options(conn, options, err);
    if (rc == 0 && crq_url_describe(&conn->url, &conn->address) < 0)
        rc = crq_fail_nomem(err);
    if (rc == 0)
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
    drop_link(conn);
    crq_url_fini(&conn->url);
    crq_buf_fini(&conn->address);
    crq_buf_fini(&conn->name);
    crq_buf_fini(&conn->out);
    crq_buf_fini(&conn->in);
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
    if (conn->failure.code == 0) {
        if (crq_args_encode(head, args, &conn->out) < 0) {
            rc = crq_buf_check(&conn->out, err);
            conn->out.rc = 0; /* the commands before this one are whole */
            return rc;
        }
        while (conn->failure.code == 0 && conn->out.len - conn->sent >= FULL)
            (void)pump(conn, conn->timeout_ms);
    }
    conn->due++;
    return 0;
}

int crq_conn_append(crq_conn *conn, const struct crq_args *args, crq_error *err)
{
    return crq_conn_append_words(conn, NULL, args, err);
}

static int take(
        crq_conn *conn, int64_t wait_ms, crq_reply **out, crq_error *err)
{
    int rc = CRQ_ELOST;

    if (conn->due > 0) {
        rc = next_reply(conn, wait_ms, out);
        if (rc == 0) {
            conn->due--;
            return 0;
        }
        drop_link(conn);
        conn->due = 0;
    }
    return crq_fail(err, rc, "%s",
            conn->failure.code != 0 ? conn->failure.text : "no reply is due");
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

int crq_conn_command_wait(crq_conn *conn, const struct crq_args *args,
        int64_t wait_ms, crq_reply **out, crq_error *err)
{
    crq_reply *reply;
    int rc = crq_conn_call(conn, NULL, args, wait_ms, &reply, err);

    if (rc < 0)
        return rc;
    if (crq_reply_kind(reply) == CRQ_REPLY_ERROR)
        rc = crq_conn_refusal(conn, reply, err);
    if (rc < 0 || out == NULL)
        crq_reply_free(reply);
    else
        *out = reply;
    return rc;
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

int crq_conn_refusal(
        const crq_conn *conn, const crq_reply *reply, crq_error *err)
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
