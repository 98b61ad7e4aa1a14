/*
 * api_list.c - jobs of one status, page by page.
 *
 * A page holds what fits a line: no arguments, no results, so it costs the
 * same whatever jobs carry, and does not grow with how many there are. Only a
 * filter by function has to look into the payload, one by error into the newest
 * result. With a filter a page may be short, or empty, and yet not the last:
 * one request looks at so many entries, then the caller goes on with the
 * cursor. That knows the order, too: a walk does not turn round.
 */
#include <fnmatch.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/call.h"
#include "model/failures.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "web/api_impl.h"
#include "web/many.h"

#define LIMIT_MAX   500
#define LOOK_MAX    1000 /* entries */
#define LOOK_ERRORS 300  /* entries of which the error is read, too */
#define DATA_PAGE   50   /* with payloads, which may be large ... */
#define DATA_BYTES  ((size_t)8 << 20) /* ... and stop the walk then */
#define PAGES_MAX   100 /* of several queues, most of them empty */
#define SHOWN_BYTES 300 /* of a description */

/* What a line shows, by RQ's names. The data is asked for last, if at all. */
static const char *const columns[] = { "status", "origin", "description",
    "created_at", "enqueued_at", "started_at", "ended_at", "worker_name",
    "group_id", "data" };
enum {
    STATUS,
    ORIGIN,
    DESCRIPTION,
    CREATED,
    ENQUEUED,
    STARTED,
    ENDED,
    WORKER,
    GROUP,
    DATA,
    COLUMNS
};

struct list {
    struct api_ask *ask;
    /* The query. */
    const char *queue, *func, *group, *error, *cursor;
    crq_status status;
    crq_order order;
    int64_t older_than_us, limit;
    /* The way. */
    const crq_page *page;
    bool fits[DATA_PAGE]; /* which of it have the error */
    int64_t now_us;
    size_t looked, pages, data_bytes;
    crq_value *jobs;
};

/* ---------------------------------------------------------------- the filter
 */

static int64_t time_in(const crq_reply *row, size_t column)
{
    const char *text = crq_text_of(crq_reply_item(row, column));
    int64_t us;

    if (text == NULL || crq_timetext_get(text, strlen(text), &us, NULL) < 0)
        return CRQ_UNSET;
    return us;
}

/* When it got its status, as far as that is known: as crq_jobs_apply(). */
static int64_t since(const struct list *l, const crq_reply *row)
{
    static const size_t first[] = {
        [CRQ_STATUS_STARTED] = STARTED,
        [CRQ_STATUS_FINISHED] = ENDED,
        [CRQ_STATUS_FAILED] = ENDED,
        [CRQ_STATUS_STOPPED] = ENDED,
        [CRQ_STATUS_DEFERRED] = CREATED,
        [CRQ_STATUS_SCHEDULED] = CREATED,
        [CRQ_STATUS_CANCELED] = ENQUEUED,
    };
    size_t column = l->status < CRQ_STATUS_OTHER && first[l->status] != 0
            ? first[l->status]
            : ENQUEUED;
    int64_t us = time_in(row, column);

    if (us == CRQ_UNSET)
        us = time_in(row, ENQUEUED);
    return us != CRQ_UNSET ? us : time_in(row, CREATED);
}

/* 1 or 0, or a failure. */
static int has_func(struct list *l, const crq_reply *row, crq_error *err)
{
    struct crq_buf func = CRQ_BUF_INIT;
    size_t len = 0;
    const char *data = crq_reply_text(crq_reply_item(row, DATA), &len);
    int rc = data != NULL ? crq_payload_func_peek(data, len, &func, NULL)
                          : CRQ_ECODEC;

    l->data_bytes += len;
    if (rc == CRQ_ENOMEM)
        rc = crq_fail_nomem(err);
    else
        rc = rc == 0 && fnmatch(l->func, crq_buf_text(&func), 0) == 0;
    crq_buf_fini(&func);
    return rc;
}

static bool is(const crq_reply *row, size_t column, const char *want)
{
    const char *text = crq_text_of(crq_reply_item(row, column));

    return text != NULL && strcmp(text, want) == 0;
}

static int matches(struct list *l, const crq_reply *row, crq_error *err)
{
    int64_t us;

    /* These two share a registry. */
    if ((l->status == CRQ_STATUS_FAILED || l->status == CRQ_STATUS_STOPPED) &&
            !is(row, STATUS, crq_status_name(l->status)))
        return 0;
    if (l->group != NULL && !is(row, GROUP, l->group))
        return 0;
    if (l->older_than_us != CRQ_UNSET) {
        us = since(l, row);
        if (us == CRQ_UNSET || us > l->now_us - l->older_than_us)
            return 0;
    }
    return l->func == NULL ? 1 : has_func(l, row, err);
}

/* ------------------------------------------------------------------ the lines
 */

static void put_text(crq_value *line, const char *key, const crq_reply *row,
        size_t column, int *rc)
{
    const char *text = crq_text_of(crq_reply_item(row, column));

    crq_dict_put_text(line, key, text != NULL && text[0] != '\0' ? text : NULL,
            rc);
}

/* The beginning, up to a whole character. */
static void put_description(crq_value *line, const crq_reply *row, int *rc)
{
    const char *text = crq_text_of(crq_reply_item(row, DESCRIPTION));
    size_t len = text != NULL ? strnlen(text, SHOWN_BYTES) : 0;
    crq_value *v = NULL;

    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    if (text == NULL)
        crq_dict_put_text(line, "description", NULL, rc);
    else if (*rc == 0)
        *rc = crq_value_new_str(text, len, &v, NULL);
    if (v != NULL)
        crq_dict_put(line, "description", v, rc);
}

static void put_score(const struct list *l, crq_value *line, size_t i, int *rc)
{
    double score = crq_page_score(l->page, i);
    const char *key = l->status == CRQ_STATUS_SCHEDULED ? "scheduled_for"
            : l->status == CRQ_STATUS_STARTED           ? "lease_until"
                                                        : NULL;
    bool is_time = score > -6e10 && score < 2.5e11;

    if (key != NULL)
        crq_dict_put_time(line, key,
                is_time ? (int64_t)(score * 1e6) : CRQ_UNSET, rc);
}

static int add_line(struct list *l, size_t i, const crq_reply *row,
        crq_error *err)
{
    crq_value *line = crq_value_new_dict();
    int rc = line != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(line, "id", crq_page_id(l->page, i), &rc);
    put_text(line, "status", row, STATUS, &rc);
    put_text(line, "queue", row, ORIGIN, &rc);
    put_description(line, row, &rc);
    for (size_t c = CREATED; c <= ENDED; c++)
        crq_dict_put_time(line, columns[c], time_in(row, c), &rc);
    put_text(line, "worker_name", row, WORKER, &rc);
    put_text(line, "group_id", row, GROUP, &rc);
    put_score(l, line, i, &rc);
    if (rc == 0)
        rc = crq_value_add(l->jobs, line);
    else
        crq_value_free(line);
    return rc < 0 ? crq_fail_nomem(err) : 0;
}

static void ask_row(void *arg, size_t i, struct crq_args *args)
{
    const struct list *l = arg;
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_JOB, crq_page_id(l->page, i));
    crq_args_list(args, "HMGET", key, NULL);
    for (size_t c = 0; c < (l->func != NULL ? COLUMNS : DATA); c++)
        crq_args_puts(args, columns[c]);
}

/* An id whose job is gone has no created_at: RQ writes it first. */
static int take_row(void *arg, size_t i, const crq_reply *reply, crq_error *err)
{
    struct list *l = arg;
    int rc;

    if (crq_reply_kind(crq_reply_item(reply, CREATED)) != CRQ_REPLY_TEXT ||
            (l->error != NULL && !l->fits[i]))
        return 0;
    rc = matches(l, reply, err);
    return rc > 0 ? add_line(l, i, reply, err) : rc;
}

/* ------------------------------------------------------------------- the walk
 */

static int find_errors(struct list *l, crq_error *err)
{
    size_t count = crq_page_count(l->page);
    char *ids[DATA_PAGE];

    if (l->error == NULL)
        return 0;
    for (size_t i = 0; i < count; i++)
        ids[i] = (char *)(uintptr_t)crq_page_id(l->page, i);
    return crq_failures_match(l->ask->conn, l->error, ids, count, l->fits, err);
}

/* One page of one queue, of no more than there is room for. *cursor is where it
 * begins, then where it ended; NULL at the end of the queue. */
static int walk_page(struct list *l, const char *queue, char **cursor)
{
    crq_error *err = l->ask->err;
    size_t limit = (size_t)l->limit - crq_value_count(l->jobs);
    crq_page *page = NULL;
    int rc;

    if ((l->func != NULL || l->error != NULL) && limit > DATA_PAGE)
        limit = DATA_PAGE;
    rc = crq_registry_page(l->ask->conn, queue, l->status, l->order, *cursor,
            limit, &page, err);
    if (rc < 0)
        return rc;
    l->page = page;
    l->looked += crq_page_count(page);
    l->pages++;
    rc = find_errors(l, err);
    if (rc == 0)
        rc = many_ask(l->ask->conn, crq_page_count(page), ask_row, take_row, l,
                err);
    crq_free(*cursor);
    *cursor = NULL;
    if (rc == 0 && crq_page_cursor(page) != NULL) {
        *cursor = crq_strdup(crq_page_cursor(page));
        if (*cursor == NULL)
            rc = crq_fail_nomem(err);
    }
    crq_page_free(page);
    return rc;
}

static bool is_enough(const struct list *l)
{
    return crq_value_count(l->jobs) == (size_t)l->limit ||
            l->looked >= (l->error != NULL ? LOOK_ERRORS : LOOK_MAX) ||
            l->pages >= PAGES_MAX || l->data_bytes >= DATA_BYTES;
}

/* What a page's cursor begins with when the newest come first: no number does,
 * and nothing else is the beginning of a queue. */
#define NEWEST '<'

/* cursor: NULL: at the beginning of the queue. */
static int put_next(const struct list *l, const char *queue, const char *cursor,
        char **out)
{
    struct crq_buf text = CRQ_BUF_INIT;
    int rc;

    if (l->order == CRQ_NEWEST_FIRST)
        crq_buf_putc(&text, NEWEST);
    crq_buf_puts(&text, cursor != NULL ? cursor : "");
    rc = crq_buf_check(&text, l->ask->err);
    if (rc == 0)
        rc = api_cursor_put(queue, crq_buf_text(&text), out, l->ask->err);
    crq_buf_fini(&text);
    return rc;
}

/* The same way back; *cursor becomes NULL at the beginning of the queue. */
static int read_cursor(struct list *l, char **queue, char **cursor)
{
    int rc = api_cursor_get(l->cursor, queue, cursor, l->ask->err);

    if (rc < 0)
        return rc;
    l->order = (*cursor)[0] == NEWEST ? CRQ_NEWEST_FIRST : CRQ_OLDEST_FIRST;
    if (l->order == CRQ_NEWEST_FIRST)
        memmove(*cursor, *cursor + 1, strlen(*cursor));
    if ((*cursor)[0] == '\0') {
        crq_free(*cursor);
        *cursor = NULL;
    }
    return 0;
}

/* From *cursor in the queue `from`, or, when that is gone, the next one. Where
 * to go on is left in *out_next. */
static int walk(struct list *l, char *const *names, size_t count,
        const char *from, char **cursor, char **out_next)
{
    size_t i = 0;
    int rc = 0;

    while (i < count && strcmp(names[i], from) < 0)
        i++;
    if (i == count || strcmp(names[i], from) != 0) {
        crq_free(*cursor);
        *cursor = NULL;
    }
    while (rc == 0 && i < count) {
        if (crq_queue_name_check(names[i], NULL) == 0)
            rc = walk_page(l, names[i], cursor);
        if (rc == 0 && *cursor == NULL)
            i++;
        if (rc == 0 && i < count && is_enough(l))
            return put_next(l, names[i], *cursor, out_next);
    }
    return rc;
}

static int walk_from(struct list *l, const char *from, char **cursor,
        char **out_next)
{
    char **names = NULL, one[CRQ_NAME_MAX + 1], *only[1] = { one };
    size_t count = 0;
    int rc;

    if (l->queue != NULL) {
        rc = crq_queue_name_check(l->queue, l->ask->err);
        if (rc < 0)
            return rc;
        strcpy(one, l->queue);
        return walk(l, only, 1, from, cursor, out_next);
    }
    rc = crq_queue_names(l->ask->conn, &names, &count, l->ask->err);
    if (rc == 0)
        rc = walk(l, names, count, from, cursor, out_next);
    crq_names_free(names, count);
    return rc;
}

static int answer(struct list *l, const char *next)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put(v, "jobs", crq_value_ref(l->jobs), &rc);
    crq_dict_put_text(v, "next", next, &rc);
    return api_answer(l->ask, 200, v, rc);
}

/* 1: it has a mistake, which is answered. */
static int read_query(struct list *l)
{
    static const struct api_param params[] = {
        { "queue", API_PARAM_TEXT, offsetof(struct list, queue), 0 },
        { "status", API_PARAM_STATUS, offsetof(struct list, status), 0 },
        { "func", API_PARAM_TEXT, offsetof(struct list, func), CRQ_NAME_MAX },
        { "group", API_PARAM_TEXT, offsetof(struct list, group), CRQ_NAME_MAX },
        { "error", API_PARAM_TEXT, offsetof(struct list, error), CRQ_NAME_MAX },
        { "older_than", API_PARAM_DURATION,
                offsetof(struct list, older_than_us), 0 },
        { "order", API_PARAM_ORDER, offsetof(struct list, order), 0 },
        { "limit", API_PARAM_COUNT, offsetof(struct list, limit), LIMIT_MAX },
        { "cursor", API_PARAM_TEXT, offsetof(struct list, cursor), 0 },
    };
    int rc = api_query(l->ask, params, sizeof(params) / sizeof(params[0]), l);

    /* '*' is any text, as everywhere in crq; fnmatch() knows more. */
    if (rc == 0 && l->func != NULL && strpbrk(l->func, "?[\\") != NULL) {
        rc = api_problem(l->ask, 400, NULL,
                "parameter func: a name, in which * is any text");
        rc = rc < 0 ? rc : 1;
    }
    return rc;
}

int api_jobs_list(struct api_ask *ask)
{
    struct list l = { .ask = ask,
        .status = CRQ_STATUS_QUEUED,
        .order = CRQ_OLDEST_FIRST,
        .older_than_us = CRQ_UNSET,
        .limit = 50 };
    char *from = NULL, *cursor = NULL, *next = NULL;
    int rc = read_query(&l);

    if (rc == 0 && l.cursor != NULL)
        rc = read_cursor(&l, &from, &cursor);
    if (rc != 0)
        return rc;
    l.now_us = crq_clock_wall_us(crq_conn_clock(ask->conn));
    l.jobs = crq_value_new_list();
    rc = l.jobs != NULL
            ? walk_from(&l, from != NULL ? from : "", &cursor, &next)
            : crq_fail_nomem(ask->err);
    if (rc == 0)
        rc = answer(&l, next);
    crq_value_free(l.jobs);
    crq_free(from);
    crq_free(cursor);
    crq_free(next);
    return rc;
}
