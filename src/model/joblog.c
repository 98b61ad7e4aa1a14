/* joblog.c - the words of crq_script_joblog, and reading what it has kept. */
#include "model/joblog.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/job.h"
#include "model/keys.h"
#include "model/result.h"
#include "model/run_impl.h"
#include "redis/conn.h"

#define PAGE 1000

struct line {
    char id[48];
    int64_t time_us;
    char *execution_id, *text;
};

struct crq_lines {
    size_t count;
    struct line *lines;
};

/* ---- writing ---- */

/* Make it a text that every reader takes. */
static void clean(char *text, size_t len)
{
    size_t bad, at = 0;

    while (!crq_utf8_valid(text + at, len - at, &bad)) {
        at += bad;
        text[at] = '?';
    }
    for (at = 0; at < len; at++)
        if (text[at] == '\0')
            text[at] = '?';
}

void crq_joblog_line(struct crq_args *lines, int64_t number, int64_t time_us,
        const char *text, size_t len)
{
    crq_args_puti(lines, number);
    crq_run_put_unix(lines, time_us);
    crq_args_put(lines, text, len);
    if (crq_args_check(lines, NULL) == 0 && len > 0)
        clean(lines->bytes.data + lines->bytes.len - len, len);
}

size_t crq_joblog_start(struct crq_args *out, int64_t most_bytes,
        int64_t most_lines)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_args_puti(out, most_bytes);
    crq_args_puti(out, most_lines);
    return nkeys;
}

void crq_joblog_add(struct crq_args *out, const struct crq_runref *run,
        const struct crq_args *lines)
{
    crq_args_list(out, run->queue, run->id, run->execution, NULL);
    crq_args_puti(out, (int64_t)(lines->count / 3));
    for (size_t i = 0; i < lines->count; i++) {
        size_t len;
        const char *word = crq_args_word(lines, i, &len);

        crq_args_put(out, word, len);
    }
}

int crq_joblog_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count, "joblog", err);
}

int64_t crq_joblog_state(const crq_reply *reply, size_t i, const char **out_why)
{
    const crq_reply *item = crq_reply_item(reply, i);
    const char *why = crq_reply_text(crq_reply_item(item, 0), NULL);

    *out_why = why != NULL ? why : "no reason";
    return crq_reply_int(item, -2);
}

/* ---- reading ---- */

void crq_lines_free(crq_lines *lines)
{
    if (lines == NULL)
        return;
    for (size_t i = 0; i < lines->count; i++) {
        crq_free(lines->lines[i].execution_id);
        crq_free(lines->lines[i].text);
    }
    crq_free(lines->lines);
    crq_free(lines);
}

static int take_text(char **out, const char *bytes, size_t len)
{
    char *copy = crq_memdup(bytes, len);

    if (copy == NULL)
        return CRQ_ENOMEM;
    clean(copy, len);
    crq_free(*out);
    *out = copy;
    return 0;
}

/* An entry: [id, [field, value, ...]]. Fields that it hasn't stay empty. */
static int take_line(struct line *line, const crq_reply *entry)
{
    const char *id = crq_reply_text(crq_reply_item(entry, 0), NULL);
    const crq_reply *fields = crq_reply_item(entry, 1);
    int rc = take_text(&line->text, "", 0);

    line->time_us = CRQ_UNSET;
    if (id != NULL && strlen(id) < sizeof(line->id))
        strcpy(line->id, id);
    for (size_t i = 0; rc == 0 && i + 1 < crq_reply_count(fields); i += 2) {
        size_t len;
        const char *name = crq_reply_text(crq_reply_item(fields, i), NULL);
        const char *bytes = crq_reply_text(crq_reply_item(fields, i + 1), &len);

        if (name == NULL || bytes == NULL)
            continue;
        if (strcmp(name, "text") == 0)
            rc = take_text(&line->text, bytes, len);
        else if (strcmp(name, "execution_id") == 0)
            rc = take_text(&line->execution_id, bytes, len);
        else if (strcmp(name, "time") == 0)
            line->time_us = crq_result_unix_us(bytes);
    }
    return rc;
}

static int take_lines(const crq_reply *entries, bool newest_first,
        crq_lines **out, crq_error *err)
{
    size_t n = crq_reply_count(entries);
    crq_lines *lines = crq_calloc(1, sizeof(*lines));
    int rc = lines == NULL ? CRQ_ENOMEM : 0;

    if (rc == 0) {
        lines->lines = crq_calloc(n + 1, sizeof(*lines->lines));
        rc = lines->lines == NULL ? CRQ_ENOMEM : 0;
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        lines->count++; /* also when it fails: what it has is freed */
        rc = take_line(&lines->lines[i],
                crq_reply_item(entries, newest_first ? n - 1 - i : i));
    }
    if (rc < 0) {
        crq_lines_free(lines);
        return crq_fail_nomem(err);
    }
    *out = lines;
    return 0;
}

/* "<digits>-<digits>" */
static bool is_line_id(const char *text)
{
    size_t first = strspn(text, "0123456789");
    size_t second =
            text[first] == '-' ? strspn(text + first + 1, "0123456789") : 0;

    return first > 0 && second > 0 && text[first + 1 + second] == '\0' &&
            strlen(text) < sizeof(((struct line *)NULL)->id);
}

int crq_job_log(crq_job *job, const char *after, int64_t wait_ms,
        crq_lines **out, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    struct crq_args args;
    crq_reply *reply = NULL;
    int rc;

    if (after != NULL && !is_line_id(after))
        return crq_fail(err, CRQ_EINVAL, "'%.60s' is no line's id", after);
    crq_key(key, CRQ_KEY_LOG, job->id);
    crq_args_init(&args);
    crq_args_puts(&args, "XREAD");
    if (wait_ms > 0) {
        crq_args_puts(&args, "BLOCK");
        crq_args_puti(&args, wait_ms);
    }
    crq_args_puts(&args, "COUNT");
    crq_args_puti(&args, PAGE);
    crq_args_list(&args, "STREAMS", key, after != NULL ? after : "0-0", NULL);
    rc = crq_conn_command_wait(job->conn, &args, wait_ms > 0 ? wait_ms : 0,
            &reply, err);
    crq_args_fini(&args);
    /* [[key, [entry, ...]]], or nil */
    if (rc == 0)
        rc = take_lines(crq_reply_item(crq_reply_item(reply, 0), 1), false, out,
                err);
    crq_reply_free(reply);
    return rc;
}

int crq_job_log_tail(crq_job *job, size_t count, crq_lines **out,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    struct crq_args args;
    crq_reply *reply = NULL;
    int rc;

    crq_key(key, CRQ_KEY_LOG, job->id);
    crq_args_init(&args);
    crq_args_list(&args, "XREVRANGE", key, "+", "-", "COUNT", NULL);
    crq_args_puti(&args, count < PAGE ? (int64_t)count : PAGE);
    rc = crq_conn_command(job->conn, &args, &reply, err);
    crq_args_fini(&args);
    if (rc == 0)
        rc = take_lines(reply, true, out, err);
    crq_reply_free(reply);
    return rc;
}

size_t crq_lines_count(const crq_lines *lines)
{
    return lines->count;
}

const char *crq_lines_id(const crq_lines *lines, size_t i)
{
    return lines->lines[i].id;
}

const char *crq_lines_text(const crq_lines *lines, size_t i)
{
    return lines->lines[i].text;
}

int64_t crq_lines_time_us(const crq_lines *lines, size_t i)
{
    return lines->lines[i].time_us;
}

const char *crq_lines_execution_id(const crq_lines *lines, size_t i)
{
    return lines->lines[i].execution_id;
}
