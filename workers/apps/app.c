/* app.c - see app.h. */
#include "apps/app.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int64_t app_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int no_memory(crq_error *err)
{
    if (err != NULL) {
        err->code = CRQ_ENOMEM;
        snprintf(err->text, sizeof(err->text), "out of memory");
    }
    return CRQ_ENOMEM;
}

/* --------------------------------------------------------------- arguments */

/* What nobody sees, or what turns the text around it: names made of these are
 * empty, or look like another's. Those that join emoji and letters (U+200C,
 * U+200D, U+FE00 to U+FE0F) have their use, but are not seen alone. */
static const struct {
    uint32_t from, to;
    bool joins;
} unseen[] = {
    { 0, 0x1f, false },
    { 0x7f, 0x9f, false },
    { 0xad, 0xad, false },
    { 0x34f, 0x34f, false },
    { 0x61c, 0x61c, false },
    { 0x115f, 0x1160, false },
    { 0x17b4, 0x17b5, false },
    { 0x180b, 0x180f, false },
    { 0x200b, 0x200b, false },
    { 0x200c, 0x200d, true },
    { 0x200e, 0x200f, false },
    { 0x2028, 0x202e, false },
    { 0x2060, 0x206f, false },
    { 0x2800, 0x2800, false },
    { 0x3164, 0x3164, false },
    { 0xfe00, 0xfe0f, true },
    { 0xfeff, 0xfeff, false },
    { 0xffa0, 0xffa0, false },
    { 0xfff0, 0xfffb, false },
    { 0xe0000, 0xe0fff, false },
};

static bool is_unseen(uint32_t c, bool *out_joins)
{
    *out_joins = false;
    for (size_t i = 0; i < COUNT(unseen); i++)
        if (c >= unseen[i].from && c <= unseen[i].to) {
            *out_joins = unseen[i].joins;
            return true;
        }
    return false;
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == 0xa0 || c == 0x1680 ||
            (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
            c == 0x3000;
}

/* The next character of a text, which is valid UTF-8 as all of crq's are. */
static uint32_t next_character(const char *text, size_t len, size_t *i)
{
    unsigned char c = (unsigned char)text[(*i)++];
    uint32_t wide = c < 0x80 ? c
            : c < 0xe0       ? c & 0x1f
            : c < 0xf0       ? c & 15
                             : c & 7;

    while (*i < len && ((unsigned char)text[*i] & 0xc0) == 0x80)
        wide = wide << 6 | ((unsigned char)text[(*i)++] & 0x3f);
    return wide;
}

int app_text(crq_task *task, const char *name, size_t max, const char **out,
        crq_error *err)
{
    const crq_value *v = crq_task_value(task, name);
    size_t len, characters = 0;
    bool blank = true;
    const char *text;

    if (crq_value_type(v) != CRQ_STR)
        return crq_task_refuse(task, err, 422, NULL, "Not a text",
                "%s must be a text", name);
    text = crq_value_data(v, &len);
    for (size_t i = 0; i < len; characters++) {
        uint32_t c = next_character(text, len, &i);
        bool joins, hidden = is_unseen(c, &joins);

        if (hidden && !joins)
            return crq_task_refuse(task, err, 422, NULL, "Not a plain text",
                    "%s must not have characters that can't be seen", name);
        blank = blank && (hidden || is_blank(c));
    }
    if (blank || characters > max)
        return crq_task_refuse(task, err, 422, NULL,
                blank ? "Empty" : "Too long",
                "%s must have 1 to %zu characters", name, max);
    *out = text;
    return 0;
}

int app_name(crq_task *task, const char *name, size_t max, const char **out,
        crq_error *err)
{
    const char *text;
    size_t len, i = 0;
    uint32_t first = 0, last = 0;
    int rc = app_text(task, name, max, &text, err);

    if (rc < 0)
        return rc;
    for (len = strlen(text); i < len;) {
        last = next_character(text, len, &i);
        first = first == 0 ? last : first;
    }
    if (is_blank(first) || is_blank(last))
        return crq_task_refuse(task, err, 422, NULL, "Not a name",
                "%s must not begin or end with a blank", name);
    *out = text;
    return 0;
}

static bool is_word(const char *text, size_t len, const char *others)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' ||
                (!isalnum((unsigned char)text[i]) &&
                        strchr(others, text[i]) == NULL))
            return false;
    return true;
}

int app_word(crq_task *task, const char *name, size_t min, size_t max,
        const char *others, const char **out, crq_error *err)
{
    const crq_value *v = crq_task_value(task, name);
    const char *text = "";
    size_t len = 0;

    if (crq_value_type(v) == CRQ_STR)
        text = crq_value_data(v, &len);
    if (len < min || len > max || !is_word(text, len, others))
        return crq_task_refuse(task, err, 422, NULL, "Not a valid name",
                "%s must be %zu to %zu letters, digits%s%s", name, min, max,
                others[0] != '\0' ? " or one of " : "", others);
    *out = text;
    return 0;
}

int app_get_code(crq_task *task, const char *what, const char **out,
        crq_error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const crq_value *v = crq_task_value(task, "code");
    const char *text = "";
    size_t len = 0;

    if (crq_value_type(v) == CRQ_STR)
        text = crq_value_data(v, &len);
    if (len != APP_CODE_SIZE - 1 || strspn(text, letters) != len)
        return crq_task_refuse(task, err, 404, NULL, "No such code",
                "There is no %s of this code.", what);
    *out = text;
    return 0;
}

const char *app_get_token(crq_task *task, const char *name)
{
    const crq_value *v = crq_task_value(task, name);
    const char *text;
    size_t len;

    if (crq_value_type(v) != CRQ_STR)
        return "";
    text = crq_value_data(v, &len);
    return len == APP_TOKEN_SIZE - 1 && is_word(text, len, "") ? text : "";
}

void app_socket_text(crq_task *task, bool opened, char out[APP_SOCKET_SIZE])
{
    const crq_value *v = crq_task_value(task, "socket");
    const char *id = "";
    size_t len = 0;

    if (crq_value_type(v) == CRQ_STR)
        id = crq_value_data(v, &len);
    if (len > APP_SOCKET_SIZE - 2 || !is_word(id, len, "-"))
        id = "";
    snprintf(out, APP_SOCKET_SIZE, "%c%s", opened ? '+' : '-', id);
}

void app_number_text(const crq_value *v, char out[APP_NUMBER_SIZE])
{
    crq_type type = crq_value_type(v);

    out[0] = '\0';
    if (type == CRQ_INT && crq_value_int_fits(v))
        snprintf(out, APP_NUMBER_SIZE, "%" PRId64, crq_value_int(v));
    else if (type == CRQ_FLOAT && isfinite(crq_value_float(v)))
        snprintf(out, APP_NUMBER_SIZE, "%.17g", crq_value_float(v));
}

/* ----------------------------------------------------------------- options */

/* HGETALL's list of names and values, as a dict. */
static int pairs(const crq_value *list, crq_value **out, crq_error *err)
{
    crq_value *dict = crq_value_new_dict();
    int rc = dict != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i + 1 < crq_value_count(list); i += 2)
        rc = crq_value_put(dict, crq_value_ref(crq_value_item(list, i)),
                crq_value_ref(crq_value_item(list, i + 1)));
    if (rc < 0) {
        crq_value_free(dict);
        return no_memory(err);
    }
    *out = dict;
    return 0;
}

int app_options(crq_task *task, const char *app, crq_value **out,
        crq_error *err)
{
    crq_value *list = NULL;
    int rc = crq_task_redis(task, &list, err, "HGETALL crq:app:%s", app);

    if (rc < 0)
        return rc;
    rc = pairs(list, out, err);
    crq_value_free(list);
    return rc;
}

int app_option(crq_task *task, const crq_value *options,
        const struct app_option *option, double *out, crq_error *err)
{
    const crq_value *v = crq_value_get(options, option->name);
    const char *text;
    char *end;
    double d;

    if (v == NULL) {
        *out = option->otherwise;
        return 0;
    }
    text = crq_value_type(v) == CRQ_STR ? crq_value_text(v) : "";
    d = strtod(text, &end);
    if (end == text || *end != '\0' || !(d >= option->min && d <= option->max))
        return crq_task_fail(task, err, "ValueError",
                "the option %s is '%.40s', not a number from %g to %g",
                option->name, text, option->min, option->max);
    *out = d;
    return 0;
}

int app_option_of(crq_task *task, const char *app,
        const struct app_option *option, double *out, crq_error *err)
{
    crq_value *options = NULL;
    int rc = app_options(task, app, &options, err);

    if (rc == 0)
        rc = app_option(task, options, option, out, err);
    crq_value_free(options);
    return rc;
}

/* ----------------------------------------------------- answers of scripts */

const char *app_get_text(const crq_value *dict, const char *key)
{
    const crq_value *v = NULL;

    if (crq_value_type(dict) == CRQ_DICT)
        v = crq_value_get(dict, key);
    return crq_value_type(v) == CRQ_STR ? crq_value_text(v) : "";
}

int64_t app_get_int(const crq_value *dict, const char *key)
{
    const crq_value *v = NULL;

    if (crq_value_type(dict) == CRQ_DICT)
        v = crq_value_get(dict, key);
    return crq_value_type(v) == CRQ_INT && crq_value_int_fits(v)
            ? crq_value_int(v)
            : 0;
}

crq_value *app_args(size_t count, ...)
{
    crq_value *list = crq_value_new_list();
    bool good = list != NULL;
    va_list ap;

    va_start(ap, count);
    for (size_t i = 0; i < count; i++) {
        crq_value *v = va_arg(ap, crq_value *);

        if (!good)
            crq_value_free(v);
        else if (crq_value_add(list, v) < 0)
            good = false;
    }
    va_end(ap);
    if (!good) {
        crq_value_free(list);
        return NULL;
    }
    return list;
}

/* Fail as the script says. */
static int pass_refusal(crq_task *task, const crq_value *why, crq_error *err)
{
    return crq_task_refuse(task, err, (int)app_get_int(why, "status"), why,
            app_get_text(why, "title"), "%s", app_get_text(why, "detail"));
}

int app_read(crq_task *task, crq_value *reply, crq_value **out, crq_error *err)
{
    const crq_value *good = NULL, *why = NULL;
    crq_value *v = NULL;
    const char *text;
    size_t len;
    int rc = 0;

    if (crq_value_type(reply) == CRQ_STR) {
        text = crq_value_data(reply, &len);
        rc = crq_value_from_json(text, len, &v, err);
    }
    if (rc == 0 && crq_value_type(v) == CRQ_DICT) {
        good = crq_value_get(v, "ok");
        why = crq_value_get(v, "refused");
    }
    if (rc < 0)
        goto out;
    if (why != NULL)
        rc = pass_refusal(task, why, err);
    else if (good != NULL)
        *out = crq_value_ref(good);
    else
        rc = crq_task_fail(task, err, "RuntimeError",
                "a script's answer is not one");
out:
    crq_value_free(v);
    crq_value_free(reply);
    return rc;
}

int app_answer(crq_task *task, crq_value *reply, crq_error *err)
{
    crq_value *v = NULL;
    int rc = app_read(task, reply, &v, err);

    return rc < 0 ? rc : crq_task_return(task, v);
}

/* --------------------------------------------------------- jobs that follow */

/* Whether a job is there that will not be run any more. */
static int has_ended(crq_conn *conn, const char *id, bool *out, crq_error *err)
{
    crq_job *job = NULL;
    int rc = crq_job_fetch(conn, id, &job, err);

    if (rc < 0 && rc != CRQ_ENOTFOUND)
        return rc;
    switch (rc == 0 ? crq_job_status(job) : CRQ_STATUS_FINISHED) {
    case CRQ_STATUS_FINISHED:
    case CRQ_STATUS_FAILED:
    case CRQ_STATUS_STOPPED:
    case CRQ_STATUS_CANCELED: *out = true; break;
    default: *out = false; break;
    }
    crq_job_free(job);
    return 0;
}

int app_follow_up(crq_task *task, const struct app_job *job, crq_value *args,
        crq_error *err)
{
    static const int64_t intervals_s[] = { 1, 2, 5, 15, 60 };
    crq_call call = CRQ_CALL_INIT;
    crq_queue *queue = NULL;
    bool ended = false;
    crq_conn *conn;
    int rc;

    rc = args != NULL ? crq_task_conn(task, &conn, err) : no_memory(err);
    if (rc == 0)
        rc = crq_queue_new(conn, job->queue, &queue, err);
    if (rc < 0)
        goto out;
    call.func = job->func;
    call.args = args;
    call.job_id = job->id;
    call.unique = true;
    call.result_ttl_s = 60;
    call.failure_ttl_s = 3600;
    call.retry_max = COUNT(intervals_s);
    call.retry_intervals_s = intervals_s;
    call.retry_intervals = COUNT(intervals_s);
    rc = crq_queue_enqueue_at(queue, job->when_us, &call, NULL, err);
    if (rc == CRQ_EEXIST)
        rc = has_ended(conn, job->id, &ended, err);
    if (rc == 0 && ended) {
        call.unique = false;
        rc = crq_queue_enqueue_at(queue, job->when_us, &call, NULL, err);
    }
out:
    crq_queue_free(queue);
    crq_value_free(args);
    return rc;
}

int app_withdraw(crq_task *task, const char *job_id, crq_error *err)
{
    crq_job *job = NULL;
    crq_status status;
    crq_conn *conn;
    int rc = crq_task_conn(task, &conn, err);

    if (rc < 0)
        return rc;
    rc = crq_job_fetch(conn, job_id, &job, err);
    if (rc < 0)
        return rc == CRQ_ENOTFOUND ? 0 : rc;
    status = crq_job_status(job);
    if (status == CRQ_STATUS_SCHEDULED || status == CRQ_STATUS_QUEUED)
        rc = crq_job_delete(job, 0, err);
    crq_job_free(job);
    return rc;
}

/* ------------------------------------------------------------------ secrets */

static int random_bytes(void *out, size_t len, crq_error *err)
{
    ssize_t n;

    /* Up to 256 bytes come whole or not at all. */
    do
        n = getrandom(out, len, 0);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len)
        return 0;
    if (err != NULL) {
        err->code = CRQ_EIO;
        snprintf(err->text, sizeof(err->text), "no random bytes: %s",
                strerror(errno));
    }
    return CRQ_EIO;
}

int app_random(uint32_t limit, uint32_t *out, crq_error *err)
{
    uint64_t n = 0;
    int rc = random_bytes(&n, sizeof(n), err);

    /* 64 bits for 32: what is uneven in it nobody notices. */
    if (rc == 0)
        *out = (uint32_t)(n % limit);
    return rc;
}

int app_token(char out[APP_TOKEN_SIZE], crq_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[(APP_TOKEN_SIZE - 1) / 2];
    int rc = random_bytes(bytes, sizeof(bytes), err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
    return 0;
}

int app_code(char out[APP_CODE_SIZE], crq_error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    unsigned char bytes[256];
    size_t n = 0;
    int rc;

    while (n < APP_CODE_SIZE - 1) {
        rc = random_bytes(bytes, sizeof(bytes), err);
        if (rc < 0)
            return rc;
        /* 252 is 7 times 36: above it some would come more often. */
        for (size_t i = 0; i < sizeof(bytes) && n < APP_CODE_SIZE - 1; i++)
            if (bytes[i] < 252)
                out[n++] = letters[bytes[i] % 36];
    }
    out[n] = '\0';
    return 0;
}
