/* failures.c - causes: from error texts, into Redis and back. */
#include "model/failures.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/failures_impl.h"
#include "model/fields.h"
#include "redis/conn.h"
#include "redis/many.h"

/* ---- from error texts ---- */

void crq_cause_text(char out[CRQ_CAUSE_TEXT + 1], const char *text, size_t len)
{
    size_t bad;

    if (text == NULL)
        len = 0;
    if (len > CRQ_CAUSE_TEXT) {
        len = CRQ_CAUSE_TEXT;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
            out[i] = ' ';
    while (!crq_text_valid(out, len, &bad))
        out[bad] = '?';
}

struct line {
    const char *at;
    size_t len;
};

/* The line at `at`; where the next one begins, or NULL. */
static const char *line_at(const char *at, const char *end, struct line *out)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));

    out->at = at;
    out->len = (size_t)((stop != NULL ? stop : end) - at);
    return stop != NULL ? stop + 1 : NULL;
}

static bool begins(const struct line *line, const char *with)
{
    size_t len = strlen(with);

    return line->len >= len && memcmp(line->at, with, len) == 0;
}

static bool is_blank(const struct line *line)
{
    for (size_t i = 0; i < line->len; i++)
        if (strchr(" \t\r", line->at[i]) == NULL)
            return false;
    return true;
}

/* The line with the class: behind the last traceback the first one that is not
 * indented, else the last one. Messages may have lines of their own. */
static struct line telling_line(const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    struct line line, found = { text, 0 };
    bool traced = false, inside = false;

    while (at != NULL && at < end) {
        at = line_at(at, end, &line);
        if (begins(&line, "Traceback (most recent call last):")) {
            traced = inside = true;
        } else if (is_blank(&line)) {
            continue;
        } else if (inside ? line.at[0] != ' ' : !traced) {
            found = line;
            inside = false;
        }
    }
    return found;
}

static size_t name_length(const struct line *line)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    size_t n = 0;

    while (n < line->len &&
            (memchr(rest, line->at[n], sizeof(rest) - 1) != NULL ||
                    (unsigned char)line->at[n] >= 0x80))
        n++;
    /* A word at the beginning of a sentence is no class. */
    return n == line->len || line->at[n] == ':' ? n : 0;
}

/* What RQ writes without a class, by the beginning of its first line. */
static const struct {
    const char *text, *name;
} sentences[] = {
    { "Work-horse terminated unexpectedly", "rq.WorkHorseDied" },
    { "Moved to FailedJobRegistry, due to AbandonedJobError",
            "rq.exceptions.AbandonedJobError" },
    { "Job stopped by user", "rq.JobStopped" },
};

void crq_cause_read(struct crq_cause *cause, const char *text, size_t len)
{
    struct line line = { text, 0 }, last;
    size_t n;

    if (len > 0)
        line_at(text, text + len, &line);
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (begins(&line, sentences[i].text)) {
            crq_cause_text(cause->name, sentences[i].name,
                    strlen(sentences[i].name));
            crq_cause_text(cause->message, line.at, line.len);
            return;
        }
    last = telling_line(text, len);
    n = name_length(&last);
    crq_cause_text(cause->name, last.at, n);
    while (n < last.len && (last.at[n] == ':' || last.at[n] == ' '))
        n++;
    crq_cause_text(cause->message, last.at + n, last.len - n);
}

bool crq_cause_same(const struct crq_cause *a, const struct crq_cause *b)
{
    return strcmp(a->func, b->func) == 0 && strcmp(a->name, b->name) == 0;
}

void crq_cause_merge(struct crq_cause *cause, const struct crq_cause *from)
{
    int64_t times = cause->times + from->times;

    if (from->last_us >= cause->last_us)
        *cause = *from;
    cause->times = times;
}

/* ---- in Redis ---- */

void crq_cause_member(char out[CRQ_CAUSE_MEMBER], const struct crq_cause *cause)
{
    size_t len = strlen(cause->func);

    memcpy(out, cause->func, len);
    out[len] = '\n';
    strcpy(out + len + 1, cause->name);
}

int crq_cause_sample(const struct crq_cause *cause, struct crq_buf *out)
{
    const struct {
        const char *key, *text;
    } members[] = {
        { "{\"job\":", cause->job },
        { ",\"queue\":", cause->queue },
        { ",\"message\":", cause->message },
    };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        crq_buf_puts(out, members[i].key);
        crq_json_put_string(out, members[i].text, strlen(members[i].text));
    }
    return crq_buf_putc(out, '}');
}

static bool read_member(struct crq_cause *cause, const char *member)
{
    const char *part = member != NULL ? strchr(member, '\n') : NULL;

    if (part == NULL)
        return false;
    crq_cause_text(cause->func, member, (size_t)(part - member));
    crq_cause_text(cause->name, part + 1, strlen(part + 1));
    return true;
}

/* A member that is a text, else NULL. */
static const char *text_in(const crq_value *sample, const char *key)
{
    const crq_value *v = crq_value_get(sample, key);

    return v != NULL && crq_value_type(v) == CRQ_STR ? crq_value_text(v) : NULL;
}

static void copy_name(char out[CRQ_NAME_MAX + 1], const crq_value *sample,
        const char *key)
{
    const char *text = text_in(sample, key);
    size_t bad;

    out[0] = '\0';
    if (text != NULL && strlen(text) <= CRQ_NAME_MAX &&
            crq_text_valid(text, strlen(text), &bad))
        strcpy(out, text);
}

/* Only CRQ_ENOMEM: what is no sample says nothing. */
static int read_sample(struct crq_cause *cause, const char *text)
{
    crq_value *sample = NULL;
    int rc;

    if (text == NULL)
        return 0;
    rc = crq_value_from_json(text, strlen(text), &sample, NULL);
    if (rc < 0)
        return rc == CRQ_ENOMEM ? rc : 0;
    if (crq_value_type(sample) == CRQ_DICT) {
        copy_name(cause->job, sample, "job");
        copy_name(cause->queue, sample, "queue");
        text = text_in(sample, "message");
        crq_cause_text(cause->message, text, text != NULL ? strlen(text) : 0);
    }
    crq_value_free(sample);
    return 0;
}

/* ---- lists of causes ---- */

struct crq_cause *crq_failures_add(struct crq_failures *f,
        const struct crq_cause *cause)
{
    struct crq_cause *grown;

    for (size_t i = 0; i < f->count; i++)
        if (crq_cause_same(&f->causes[i], cause)) {
            crq_cause_merge(&f->causes[i], cause);
            return &f->causes[i];
        }
    grown = crq_reallocarray(f->causes, f->count + 1, sizeof(*grown));
    if (grown == NULL)
        return NULL;
    f->causes = grown;
    f->causes[f->count] = *cause;
    return &f->causes[f->count++];
}

static int by_times(const void *a, const void *b)
{
    const struct crq_cause *x = a, *y = b;

    if (x->times != y->times)
        return x->times > y->times ? -1 : 1;
    if (x->last_us != y->last_us)
        return x->last_us > y->last_us ? -1 : 1;
    return strcmp(x->func, y->func);
}

void crq_failures_sort(struct crq_failures *f)
{
    if (f->count > 0)
        qsort(f->causes, f->count, sizeof(*f->causes), by_times);
}

/* ---- those that are kept ---- */

/* The times of a member that is none, until such are left out. */
#define NO_CAUSE (-1)

struct asked {
    crq_failures *failures;
    const crq_reply *newest; /* members and scores */
};

static int take_newest(crq_conn *conn, crq_reply **out, crq_error *err)
{
    char key[CRQ_KEY_MAX], last[CRQ_INT_LEN + 1];
    crq_error why;
    int rc;

    crq_key(key, CRQ_KEY_FAILURES, NULL);
    crq_int_put(last, CRQ_CAUSES_MAX - 1);
    rc = crq_conn_run(conn, out, &why, "ZREVRANGE", key, "0", last,
            "WITHSCORES", NULL);
    /* A key of a foreign type is as good as none. */
    if (rc == CRQ_EREDIS && strstr(why.text, "WRONGTYPE") != NULL)
        return 0;
    if (rc < 0 && err != NULL)
        *err = why;
    return rc;
}

static void ask_more(void *arg, size_t i, struct crq_args *args)
{
    static const enum crq_key keys[] = { CRQ_KEY_FAILURE_COUNTS,
        CRQ_KEY_FAILURE_SAMPLES };
    const struct asked *a = arg;
    char key[CRQ_KEY_MAX];

    crq_key(key, keys[i], NULL);
    crq_args_list(args, "HMGET", key, NULL);
    for (size_t n = 0; n < crq_reply_count(a->newest); n += 2) {
        size_t len;
        const char *member = crq_reply_text(crq_reply_item(a->newest, n), &len);

        crq_args_put(args, member, len);
    }
}

static int take_more(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    const struct asked *a = arg;

    for (size_t n = 0; n < a->failures->count; n++) {
        struct crq_cause *cause = &a->failures->causes[n];
        const crq_reply *item = crq_reply_item(reply, n);

        if (i == 0 && cause->times != NO_CAUSE)
            cause->times = crq_reply_int(item, 0);
        else if (i == 1 && read_sample(cause, crq_text_of(item)) < 0)
            return crq_fail_nomem(err);
    }
    return 0;
}

static int take_members(struct asked *a, crq_error *err)
{
    crq_failures *f = a->failures;
    size_t count = crq_reply_count(a->newest) / 2;

    f->causes = crq_calloc(count + 1, sizeof(*f->causes));
    if (f->causes == NULL)
        return crq_fail_nomem(err);
    f->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *score =
                crq_reply_text(crq_reply_item(a->newest, 2 * i + 1), NULL);
        double s = score != NULL ? strtod(score, NULL) : 0;

        if (!read_member(&f->causes[i],
                    crq_text_of(crq_reply_item(a->newest, 2 * i))))
            f->causes[i].times = NO_CAUSE;
        f->causes[i].last_us = s > 0 && s < 1e12 ? (int64_t)(s * 1e6) : 0;
    }
    return 0;
}

/* Those that were met at all, at most `limit` of them. */
static void keep(crq_failures *f, size_t limit)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->count; i++)
        if (f->causes[i].times > 0)
            f->causes[kept++] = f->causes[i];
    f->count = kept;
    crq_failures_sort(f);
    f->count = kept < limit ? kept : limit;
}

int crq_failures_fetch(crq_conn *conn, size_t limit, crq_failures **out,
        crq_error *err)
{
    struct asked a = { crq_calloc(1, sizeof(*a.failures)), NULL };
    crq_reply *newest = NULL;
    int rc = 0;

    if (a.failures == NULL)
        return crq_fail_nomem(err);
    if (limit < 1 || limit > CRQ_CAUSES_MAX)
        rc = crq_fail(err, CRQ_EINVAL, "limit: 1 to %d", CRQ_CAUSES_MAX);
    if (rc == 0)
        rc = take_newest(conn, &newest, err);
    a.newest = newest;
    if (rc == 0)
        rc = take_members(&a, err);
    if (rc == 0 && a.failures->count > 0)
        rc = crq_many_ask(conn, 2, ask_more, take_more, &a, err);
    crq_reply_free(newest);
    if (rc < 0) {
        crq_failures_free(a.failures);
        return rc;
    }
    keep(a.failures, limit);
    *out = a.failures;
    return 0;
}

/* ---- what they hold ---- */

void crq_failures_free(crq_failures *failures)
{
    if (failures == NULL)
        return;
    crq_free(failures->causes);
    crq_free(failures);
}

size_t crq_failures_count(const crq_failures *failures)
{
    return failures->count;
}

const char *crq_failure_func(const crq_failures *failures, size_t i)
{
    return failures->causes[i].func;
}

const char *crq_failure_class(const crq_failures *failures, size_t i)
{
    return failures->causes[i].name;
}

int64_t crq_failure_times(const crq_failures *failures, size_t i)
{
    return failures->causes[i].times;
}

int64_t crq_failure_last_us(const crq_failures *failures, size_t i)
{
    return failures->causes[i].last_us;
}

const char *crq_failure_job(const crq_failures *failures, size_t i)
{
    return failures->causes[i].job;
}

const char *crq_failure_queue(const crq_failures *failures, size_t i)
{
    return failures->causes[i].queue;
}

const char *crq_failure_message(const crq_failures *failures, size_t i)
{
    return failures->causes[i].message;
}
