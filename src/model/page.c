/*
 * page.c - registries and queues, page by page.
 *
 * A cursor is the last entry read, behind its score or its place in the list:
 * "1800000000:9:finished-1". So a page begins where the reader was, whatever
 * has come and gone before. It fits both orders: the reader goes on up or down
 * from there.
 *
 * Source: RQ 2.10, rq/registry.py.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/fields.h"
#include "model/job.h"
#include "model/queue.h"
#include "model/registry.h"
#include "model/run_impl.h"
#include "model/status.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"

#define LIMIT_MAX 10000

struct entry {
    char *id, *execution; /* one allocation */
    double score;
};

struct crq_page {
    struct entry *entries;
    size_t count;
    char *cursor; /* NULL: the last page */
};

void crq_page_free(crq_page *page)
{
    if (page == NULL)
        return;
    for (size_t i = 0; i < page->count; i++)
        crq_free(page->entries[i].id);
    crq_free(page->entries);
    crq_free(page->cursor);
    crq_free(page);
}

size_t crq_page_count(const crq_page *page)
{
    return page->count;
}

const char *crq_page_id(const crq_page *page, size_t i)
{
    return page->entries[i].id;
}

const char *crq_page_execution(const crq_page *page, size_t i)
{
    return page->entries[i].execution;
}

double crq_page_score(const crq_page *page, size_t i)
{
    return page->entries[i].score;
}

const char *crq_page_cursor(const crq_page *page)
{
    return page->cursor;
}

/* ---- reading ---- */

/* The key of a status' list; CRQ_EINVAL when there is none. */
static int key_of(const char *queue, crq_status status, bool *out_list,
        char key[CRQ_KEY_MAX], crq_error *err)
{
    enum crq_key which = crq_status_key(status);
    int rc = crq_queue_name_check(queue, err);

    if (rc < 0)
        return rc;
    if (which == CRQ_KEY_COUNT)
        return crq_fail(err, CRQ_EINVAL,
                "there is no list of jobs that are '%s'",
                status == CRQ_STATUS_OTHER ? "?" : crq_status_name(status));
    *out_list = which == CRQ_KEY_QUEUE;
    crq_key(key, which, queue);
    return 0;
}

/* An entry may be any bytes: those that a text can't be are escaped. */
static void escape(const char *bytes, size_t len, struct crq_buf *out)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '%')
            crq_buf_putc(out, bytes[i]);
        else
            crq_buf_printf(out, "%%%02X", (unsigned char)bytes[i]);
}

static void put_unescaped(const char *text, struct crq_args *args)
{
    struct crq_buf bytes = CRQ_BUF_INIT;

    for (; *text != '\0'; text++) {
        unsigned byte = (unsigned char)*text;

        if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1)
            text += text[2] != '\0' ? 2 : 1;
        crq_buf_putc(&bytes, (char)byte);
    }
    crq_args_put(args, crq_buf_text(&bytes), bytes.len);
    crq_buf_fini(&bytes);
}

/* The two words of a cursor, which came from us but through the user's hands:
 * a number, and the entry. */
static int put_cursor(struct crq_args *args, const char *cursor, bool list,
        crq_error *err)
{
    const char *colon;
    char *end;
    double score;

    if (cursor == NULL) {
        crq_args_list(args, "", "", NULL);
        return 0;
    }
    colon = strchr(cursor, ':');
    score = strtod(cursor, &end);
    if (colon == NULL || end != colon || end == cursor || score != score ||
            (list && strspn(cursor, "0123456789") != (size_t)(end - cursor)))
        return crq_fail(err, CRQ_EINVAL, "'%.80s' is not a cursor", cursor);
    crq_args_put(args, cursor, (size_t)(colon - cursor));
    put_unescaped(colon + 1, args);
    return 0;
}

static int add_entry(crq_page *page, const char *text, double score,
        crq_error *err)
{
    struct entry *entry = &page->entries[page->count];
    char *colon;

    entry->id = crq_strdup(text);
    if (entry->id == NULL)
        return crq_fail_nomem(err);
    entry->score = score;
    colon = strchr(entry->id, ':');
    if (colon != NULL) {
        *colon = '\0';
        entry->execution = colon + 1;
    }
    page->count++;
    return 0;
}

static int make_cursor(crq_page *page, const crq_reply *reply, bool list,
        crq_error *err)
{
    const crq_reply *entries = crq_reply_item(reply, 2);
    size_t count = crq_reply_count(entries), len = 0, score_len = 0;
    const char *last, *score;
    struct crq_buf text = CRQ_BUF_INIT;
    int64_t place = crq_reply_int(crq_reply_item(reply, 1), 0);

    if (crq_reply_int(crq_reply_item(reply, 0), 0) == 0 || count == 0)
        return 0;
    last = crq_reply_text(crq_reply_item(entries, count - (list ? 1 : 2)),
            &len);
    if (list)
        crq_buf_printf(&text, "%" PRId64, place);
    else {
        score = crq_reply_text(crq_reply_item(entries, count - 1), &score_len);
        crq_buf_put(&text, score != NULL ? score : "0", score_len);
    }
    crq_buf_putc(&text, ':');
    escape(last != NULL ? last : "", len, &text);
    return crq_buf_steal(&text, &page->cursor, &len, err);
}

static int read_page(const crq_reply *reply, bool list, crq_page *page,
        crq_error *err)
{
    const crq_reply *entries = crq_reply_item(reply, 2);
    size_t step = list ? 1 : 2;
    /* Nil: its key is of a foreign type, which was looked past. */
    int rc = crq_reply_kind(reply) == CRQ_REPLY_NIL
            ? 0
            : crq_run_check(reply, 3, "page", err);

    if (rc < 0)
        return rc;
    page->entries = crq_calloc(crq_reply_count(entries) / step + 1,
            sizeof(*page->entries));
    if (page->entries == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; rc == 0 && i + step <= crq_reply_count(entries);
            i += step) {
        const char *text = crq_text_of(crq_reply_item(entries, i));
        const char *score = list
                ? NULL
                : crq_reply_text(crq_reply_item(entries, i + 1), NULL);
        char id[CRQ_NAME_MAX + 1];

        /* What can be no job's id is passed over. */
        if (text == NULL || crq_job_id_cut(text, id, NULL) < 0)
            continue;
        rc = add_entry(page, text, score != NULL ? strtod(score, NULL) : 0,
                err);
    }
    return rc < 0 ? rc : make_cursor(page, reply, list, err);
}

int crq_registry_page(crq_conn *conn, const char *queue, crq_status status,
        crq_order order, const char *cursor, size_t limit, crq_page **out,
        crq_error *err)
{
    char key[CRQ_KEY_MAX];
    struct crq_args args;
    crq_reply *reply = NULL;
    crq_page *page = NULL;
    bool list = false;
    int rc = key_of(queue, status, &list, key, err);

    if (rc < 0)
        return rc;
    if (limit < 1 || limit > LIMIT_MAX)
        return crq_fail(err, CRQ_EINVAL, "a page has 1 to %d entries, not %zu",
                LIMIT_MAX, limit);
    crq_args_init(&args);
    crq_args_list(&args, key, list ? "list" : "zset", NULL);
    crq_args_puti(&args, (int64_t)limit);
    rc = put_cursor(&args, cursor, list, err);
    crq_args_puts(&args, order == CRQ_NEWEST_FIRST ? "newest" : "oldest");
    if (rc == 0)
        rc = crq_script_call(conn, &crq_script_page, 1, &args, &reply, err);
    if (rc == 0) {
        page = crq_calloc(1, sizeof(*page));
        rc = page != NULL ? read_page(reply, list, page, err)
                          : crq_fail_nomem(err);
    }
    if (rc == 0) {
        *out = page;
        page = NULL;
    }
    crq_page_free(page);
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

/* ---- counting, removing ---- */

int crq_registry_count(crq_conn *conn, const char *queue, crq_status status,
        int64_t *out, crq_error *err)
{
    static const struct {
        crq_status status;
        size_t at;
    } columns[] = {
        { CRQ_STATUS_QUEUED, offsetof(struct crq_counts, queued) },
        { CRQ_STATUS_STARTED, offsetof(struct crq_counts, started) },
        { CRQ_STATUS_FINISHED, offsetof(struct crq_counts, finished) },
        { CRQ_STATUS_FAILED, offsetof(struct crq_counts, failed) },
        { CRQ_STATUS_STOPPED, offsetof(struct crq_counts, failed) },
        { CRQ_STATUS_DEFERRED, offsetof(struct crq_counts, deferred) },
        { CRQ_STATUS_SCHEDULED, offsetof(struct crq_counts, scheduled) },
        { CRQ_STATUS_CANCELED, offsetof(struct crq_counts, canceled) },
    };
    char key[CRQ_KEY_MAX], name[CRQ_NAME_MAX + 1], *names[1] = { name };
    struct crq_counts counts;
    bool list;
    int rc = key_of(queue, status, &list, key, err);

    if (rc < 0)
        return rc;
    strcpy(name, queue); /* key_of() has looked at its length */
    rc = crq_registry_counts(conn, names, 1, &counts, err);
    for (size_t i = 0; rc == 0 && i < sizeof(columns) / sizeof(columns[0]); i++)
        if (columns[i].status == status)
            memcpy(out, (char *)&counts + columns[i].at, sizeof(*out));
    return rc;
}

int crq_registry_remove(crq_conn *conn, const char *queue, crq_status status,
        const char *id, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    bool list = false;
    int rc = key_of(queue, status, &list, key, err);

    if (rc < 0)
        return rc;
    if (list)
        return crq_fail(err, CRQ_EINVAL, "a queue is not a registry");
    rc = crq_conn_run(conn, &reply, err, "ZREM", key, id, NULL);
    if (rc == 0 && crq_reply_int(reply, 0) == 0)
        rc = crq_fail(err, CRQ_ENOTFOUND,
                "'%.80s' is not among the %s jobs of queue '%.80s'", id,
                crq_status_name(status), queue);
    crq_reply_free(reply);
    return rc;
}
