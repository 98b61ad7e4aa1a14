/*
 * task_redis.c - a task's own commands and scripts on the worker's Redis.
 *
 * The connection is kept for later runs in the same process, so a task may not
 * leave it in another state than it found it: what would do that is refused.
 *
 * Scripts of applications, unlike those of crq, need not be safe to repeat.
 * They are never run again when the outcome is unknown.
 */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <openssl/sha.h>

#include "base/error.h"
#include "codec/repr.h"
#include "codec/value.h"
#include "redis/conn.h"
#include "task/task_impl.h"

int crq_task_conn(crq_task *task, crq_conn **out, crq_error *err)
{
    const struct crq_run_hooks *hooks = task->hooks;
    int rc;

    if (task->conn == NULL) {
        if (hooks->conn == NULL)
            return crq_fail(err, CRQ_ECONNECT, "this run has no Redis");
        rc = hooks->conn(hooks->arg, &task->conn, err);
        if (rc < 0)
            return rc;
    }
    *out = task->conn;
    return 0;
}

/* ----------------------------------------------------------------- format */

/* The word that is being written, and the words so far. */
struct words {
    struct crq_args *args;
    struct crq_buf word;
    bool begun; /* also when it is empty: "%s" of "" is a word */
};

static void end_word(struct words *w)
{
    if (w->begun)
        crq_args_put(w->args, crq_buf_text(&w->word), w->word.len);
    crq_buf_clear(&w->word);
    w->begun = false;
}

enum conversion {
    CONV_PERCENT,
    CONV_TEXT,
    CONV_BYTES,
    CONV_INT,
    CONV_UINT,
    CONV_LONG,
    CONV_ULONG,
    CONV_LLONG,
    CONV_ULLONG,
    CONV_SIZE,
    CONV_DOUBLE
};

static const struct {
    const char *text;
    enum conversion is;
} conversions[] = {
    { "%", CONV_PERCENT },
    { "s", CONV_TEXT },
    { "b", CONV_BYTES },
    { "d", CONV_INT },
    { "i", CONV_INT },
    { "u", CONV_UINT },
    { "ld", CONV_LONG },
    { "lu", CONV_ULONG },
    { "lld", CONV_LLONG },
    { "llu", CONV_ULLONG },
    { "zu", CONV_SIZE },
    { "g", CONV_DOUBLE },
};

#define CONVERSIONS (sizeof(conversions) / sizeof(conversions[0]))

/* va_list may be an array, which a pointer to it would not survive. */
struct values {
    va_list ap;
};

static void put_bytes(struct words *w, struct values *values)
{
    const void *bytes = va_arg(values->ap, const void *);
    size_t len = va_arg(values->ap, size_t);

    if (len > 0)
        crq_buf_put(&w->word, bytes, len);
}

static void put_text(struct words *w, struct values *values)
{
    const char *text = va_arg(values->ap, const char *);

    crq_buf_puts(&w->word, text != NULL ? text : "");
}

static void convert(struct words *w, enum conversion is, struct values *values)
{
    struct crq_buf *word = &w->word;

    switch (is) {
    case CONV_PERCENT: crq_buf_putc(word, '%'); break;
    case CONV_TEXT: put_text(w, values); break;
    case CONV_BYTES: put_bytes(w, values); break;
    case CONV_INT: crq_buf_printf(word, "%d", va_arg(values->ap, int)); break;
    case CONV_UINT:
        crq_buf_printf(word, "%u", va_arg(values->ap, unsigned));
        break;
    case CONV_LONG:
        crq_buf_printf(word, "%ld", va_arg(values->ap, long));
        break;
    case CONV_ULONG:
        crq_buf_printf(word, "%lu", va_arg(values->ap, unsigned long));
        break;
    case CONV_LLONG:
        crq_buf_printf(word, "%lld", va_arg(values->ap, long long));
        break;
    case CONV_ULLONG:
        crq_buf_printf(word, "%llu", va_arg(values->ap, unsigned long long));
        break;
    case CONV_SIZE:
        crq_buf_printf(word, "%zu", va_arg(values->ap, size_t));
        break;
    /* Every digit that it takes to read the same number back. */
    case CONV_DOUBLE: crq_repr_float(va_arg(values->ap, double), word); break;
    }
}

/* Convert what stands behind '%'; returns its length, 0 when it is nothing. */
static size_t convert_at(struct words *w, const char *at, struct values *values)
{
    for (size_t i = 0; i < CONVERSIONS; i++) {
        size_t len = strlen(conversions[i].text);

        if (strncmp(at, conversions[i].text, len) == 0) {
            convert(w, conversions[i].is, values);
            return len;
        }
    }
    return 0;
}

/* Append the words of `format` to args. */
static int put_words(struct crq_args *args, const char *format,
        struct values *values, crq_error *err)
{
    struct words w = { args, CRQ_BUF_INIT, false };
    int rc = 0;

    for (const char *at = format; rc == 0 && *at != '\0'; at++) {
        if (*at == ' ' || *at == '\t' || *at == '\n') {
            end_word(&w);
            continue;
        }
        w.begun = true;
        if (*at == '%') {
            size_t len = convert_at(&w, at + 1, values);

            if (len == 0)
                rc = crq_fail(err, CRQ_EINVAL,
                        "'%.5s' in '%.200s' is none of %%s %%b %%d %%u %%ld "
                        "%%lu %%lld %%llu %%zu %%g %%%%",
                        at, format);
            at += len;
        } else {
            crq_buf_putc(&w.word, *at);
        }
        if (rc == 0)
            rc = crq_buf_check(&w.word, err);
    }
    end_word(&w);
    crq_buf_fini(&w.word);
    return rc < 0 ? rc : crq_args_check(args, err);
}

/* ---------------------------------------------------------------- replies */

static int text_value(const crq_reply *reply, crq_value **out, crq_error *err)
{
    size_t len, offset;
    const char *text = crq_reply_text(reply, &len);

    if (crq_utf8_valid(text, len, &offset))
        return crq_value_new_str(text, len, out, err);
    *out = crq_value_new_bytes(text, len);
    return *out != NULL ? 0 : crq_fail_nomem(err);
}

/* The depth is bounded by the reader of replies. */
static int reply_value(const crq_reply *reply, crq_value **out, crq_error *err)
{
    crq_value *v = NULL, *item = NULL;
    int rc = 0;

    switch (crq_reply_kind(reply)) {
    case CRQ_REPLY_ERROR: return crq_conn_reply_error(reply, err);
    case CRQ_REPLY_TEXT: return text_value(reply, out, err);
    case CRQ_REPLY_NIL: v = crq_value_new_none(); break;
    case CRQ_REPLY_INT: v = crq_value_new_int(crq_reply_int(reply, 0)); break;
    case CRQ_REPLY_ARRAY: v = crq_value_new_list(); break;
    }
    for (size_t i = 0; v != NULL && rc == 0 && i < crq_reply_count(reply);
            i++) {
        rc = reply_value(crq_reply_item(reply, i), &item, err);
        if (rc == 0)
            rc = crq_value_add(v, item);
    }
    if (v == NULL || rc == CRQ_ENOMEM)
        rc = crq_fail_nomem(err);
    if (rc < 0)
        crq_value_free(v);
    else
        *out = v;
    return rc;
}

/* --------------------------------------------------------------- commands */

/* What would leave the connection in another state for the next run. */
static const char *const refused[] = { "AUTH", "CLIENT", "HELLO", "MONITOR",
    "MULTI", "PSUBSCRIBE", "QUIT", "RESET", "SELECT", "SSUBSCRIBE", "SUBSCRIBE",
    "SYNC", "PSYNC", "WATCH" };

static int check_command(const struct crq_args *args, crq_error *err)
{
    const char *word;
    size_t len;

    if (args->count == 0)
        return crq_fail(err, CRQ_EINVAL, "there is no command");
    word = crq_args_word(args, 0, &len);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (strlen(refused[i]) == len &&
                strncasecmp(refused[i], word, len) == 0)
            return crq_fail(err, CRQ_EINVAL,
                    "%s would change the connection for later runs; what has "
                    "to happen at once goes into a script",
                    refused[i]);
    return 0;
}

static int run_command(crq_task *task, struct values *values,
        const char *format, crq_reply **out, crq_error *err)
{
    struct crq_args args;
    crq_conn *conn;
    int rc;

    crq_args_init(&args);
    rc = put_words(&args, format, values, err);
    if (rc == 0)
        rc = check_command(&args, err);
    if (rc == 0)
        rc = crq_task_conn(task, &conn, err);
    if (rc == 0)
        rc = crq_conn_command(conn, &args, out, err);
    crq_args_fini(&args);
    return rc;
}

/* Take the reply over, as a value; out may be NULL. */
static int give_value(crq_reply *reply, crq_value **out, crq_error *err)
{
    crq_value *v = NULL;
    int rc = reply_value(reply, &v, err);

    crq_reply_free(reply);
    if (rc < 0)
        return rc;
    if (out != NULL)
        *out = v;
    else
        crq_value_free(v);
    return 0;
}

int crq_task_redis(crq_task *task, crq_value **out, crq_error *err,
        const char *format, ...)
{
    crq_reply *reply = NULL;
    struct values values;
    int rc;

    va_start(values.ap, format);
    rc = run_command(task, &values, format, &reply, err);
    va_end(values.ap);
    return rc < 0 ? rc : give_value(reply, out, err);
}

int crq_task_redis_int(crq_task *task, int64_t *out, crq_error *err,
        const char *format, ...)
{
    crq_reply *reply = NULL;
    struct values values;
    int rc;

    va_start(values.ap, format);
    rc = run_command(task, &values, format, &reply, err);
    va_end(values.ap);
    if (rc == 0 && crq_reply_kind(reply) == CRQ_REPLY_INT)
        *out = crq_reply_int(reply, 0);
    else if (rc == 0)
        rc = crq_fail(err, CRQ_ECODEC,
                "the reply to '%.200s' is not an integer", format);
    crq_reply_free(reply);
    return rc;
}

/* ---------------------------------------------------------------- scripts */

/* EVALSHA or EVAL, with an error reply as a reply. */
static int eval(crq_conn *conn, const char *command, const char *script,
        int keys, const struct crq_args *words, crq_reply **out, crq_error *err)
{
    struct crq_args args;
    const char *word;
    size_t len;
    int rc;

    crq_args_init(&args);
    crq_args_list(&args, command, script, NULL);
    crq_args_puti(&args, keys);
    for (size_t i = 0; i < words->count; i++) {
        word = crq_args_word(words, i, &len);
        crq_args_put(&args, word, len);
    }
    rc = crq_args_check(&args, err);
    if (rc == 0)
        rc = crq_conn_append(conn, &args, err);
    if (rc == 0)
        rc = crq_conn_next(conn, out, err);
    crq_args_fini(&args);
    return rc;
}

static void sha1_hex(const char *text, char out[41])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[SHA_DIGEST_LENGTH];

    SHA1((const unsigned char *)text, strlen(text), sum);
    for (size_t i = 0; i < sizeof(sum); i++) {
        *out++ = digits[sum[i] >> 4];
        *out++ = digits[sum[i] & 15];
    }
    *out = '\0';
}

static bool is_noscript(const crq_reply *reply)
{
    return crq_reply_kind(reply) == CRQ_REPLY_ERROR &&
            strncmp(crq_reply_text(reply, NULL), "NOSCRIPT", 8) == 0;
}

static int run_script(crq_task *task, const char *lua, int keys,
        const struct crq_args *words, crq_reply **out, crq_error *err)
{
    char sha1[41];
    crq_conn *conn;
    int rc;

    if (keys < 0 || (size_t)keys > words->count)
        return crq_fail(err, CRQ_EINVAL, "%d keys, but %zu words", keys,
                words->count);
    rc = crq_task_conn(task, &conn, err);
    if (rc < 0)
        return rc;
    sha1_hex(lua, sha1);
    rc = eval(conn, "EVALSHA", sha1, keys, words, out, err);
    if (rc < 0 || !is_noscript(*out))
        return rc;
    crq_reply_free(*out);
    *out = NULL;
    return eval(conn, "EVAL", lua, keys, words, out, err);
}

int crq_task_script(crq_task *task, const char *lua, int keys, crq_value **out,
        crq_error *err, const char *format, ...)
{
    crq_reply *reply = NULL;
    struct values values;
    struct crq_args words;
    int rc;

    crq_args_init(&words);
    va_start(values.ap, format);
    rc = put_words(&words, format, &values, err);
    va_end(values.ap);
    if (rc == 0)
        rc = run_script(task, lua, keys, &words, &reply, err);
    crq_args_fini(&words);
    return rc < 0 ? rc : give_value(reply, out, err);
}
