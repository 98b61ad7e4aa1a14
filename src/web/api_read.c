/* api_read.c - see api_read.h; and the bodies that hold no call. */
#include "web/api_read.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/value.h"
#include "model/job_json.h"
#include "model/status.h"
#include "web/api_call.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define BODY_MAX  ((size_t)16 << 20)
#define DEPTH_MAX 64
#define ITEMS_MAX 1000000

bool api_is_short(struct crq_app_reader *r, const crq_value *v, size_t most)
{
    if (crq_value_type(v) != CRQ_LIST || crq_value_count(v) <= most)
        return true; /* no list: the reader of lists says so */
    crq_app_wrong(r, "there are %zu; %zu are the limit", crq_value_count(v),
            most);
    return false;
}

/* --------------------------------------------------------------- whole bodies
 */

struct body {
    struct crq_app_reader reader;
    crq_value *errors;
};

static void on_mistake(void *arg, const char *where, const char *what)
{
    struct body *b = arg;
    crq_value *error = crq_value_new_dict();
    crq_error cut;
    int rc = error != NULL && b->errors != NULL ? 0 : CRQ_ENOMEM;

    crq_fail(&cut, 0, "%s", where);
    crq_dict_put_text(error, "path", cut.text, &rc);
    crq_fail(&cut, 0, "%s", what);
    crq_dict_put_text(error, "detail", cut.text, &rc);
    if (rc == 0)
        rc = crq_value_add(b->errors, error);
    else
        crq_value_free(error);
    b->reader.nomem = b->reader.nomem || rc < 0;
}

static void body_init(struct body *b, crq_error *err)
{
    *b = (struct body){ .reader = { .mistake = on_mistake,
                                .arg = b,
                                .err = err,
                                .path = CRQ_BUF_INIT },
        .errors = crq_value_new_list() };
    crq_buf_puts(&b->reader.path, "$");
}

/* How the reading went. */
static int body_end(struct body *b, crq_value **out_errors)
{
    struct crq_app_reader *r = &b->reader;
    int rc = 0;

    if (r->nomem || r->path.rc < 0)
        rc = crq_fail_nomem(r->err);
    else if (r->mistakes > 0)
        rc = CRQ_EINVAL;
    crq_buf_fini(&r->path);
    if (rc == CRQ_EINVAL)
        *out_errors = b->errors;
    else
        crq_value_free(b->errors);
    return rc;
}

static int decode(const char *body, size_t len, crq_value **out, crq_error *err)
{
    static const struct crq_limits limits = { .max_bytes = BODY_MAX,
        .max_items = ITEMS_MAX,
        .max_depth = DEPTH_MAX,
        .unique_keys = true };

    if (!crq_utf8_strict(body, len))
        return crq_fail(err, CRQ_ECODEC, "it is not UTF-8");
    return crq_json_decode(body, len, &limits, out, err);
}

/* Takes the value over. */
static int read_value(crq_value *v, crq_app_read *read, void *to,
        crq_value **out_errors, crq_error *err)
{
    struct body b;

    body_init(&b, err);
    read(&b.reader, v, to);
    crq_value_free(v);
    return body_end(&b, out_errors);
}

int api_read_body(const char *body, size_t len, crq_app_read *read, void *to,
        crq_value **out_errors, crq_error *err)
{
    crq_value *v = NULL;
    int rc = decode(body, len, &v, err);

    return rc < 0 ? rc : read_value(v, read, to, out_errors, err);
}

/* The body may end without a '\0': no str...() here. */
static bool is_blank(const char *line, size_t len)
{
    while (len > 0 && (*line == ' ' || *line == '\t' || *line == '\r')) {
        line++;
        len--;
    }
    return len == 0;
}

/* Lines of JSON as a list of what they hold; empty ones are passed over. */
static int decode_lines(const char *body, size_t len, size_t most,
        crq_value **out, crq_error *err)
{
    crq_value *list = crq_value_new_list();
    const char *at = body, *end = body + len;
    int rc = list != NULL ? 0 : crq_fail_nomem(err);

    for (size_t line = 1; rc == 0 && at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop != NULL ? stop : end) - at);
        crq_value *v = NULL;

        if (crq_value_count(list) > most)
            rc = crq_fail(err, CRQ_ELIMIT, "there are more than %zu lines",
                    most);
        if (rc == 0 && !is_blank(at, n)) {
            rc = decode(at, n, &v, err);
            if (rc < 0)
                rc = crq_fail_in(err, rc, "line %zu", line);
            else if (crq_value_add(list, v) < 0)
                rc = crq_fail_nomem(err);
        }
        at += n + (stop != NULL);
    }
    if (rc < 0)
        crq_value_free(list);
    else
        *out = list;
    return rc;
}

int api_read_lines(const char *body, size_t len, size_t most,
        crq_app_read *read, void *to, crq_value **out_errors, crq_error *err)
{
    crq_value *v = NULL;
    int rc;

    if (len > BODY_MAX)
        return crq_fail(err, CRQ_ELIMIT, "the body has %zu bytes", len);
    rc = decode_lines(body, len, most, &v, err);
    return rc < 0 ? rc : read_value(v, read, to, out_errors, err);
}

/* ----------------------------------------------------------------- filters */

static void read_operation(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    static const struct {
        const char *name;
        crq_operation operation;
    } rows[] = {
        { "cancel", CRQ_OPERATION_CANCEL },
        { "requeue", CRQ_OPERATION_REQUEUE },
        { "delete", CRQ_OPERATION_DELETE },
        { "stop", CRQ_OPERATION_STOP },
        { "move", CRQ_OPERATION_MOVE },
    };
    struct api_apply *apply = to;

    for (size_t i = 0; i < COUNT(rows) && crq_value_type(v) == CRQ_STR; i++)
        if (strcmp(rows[i].name, crq_value_text(v)) == 0) {
            apply->bulk.operation = rows[i].operation;
            return;
        }
    crq_app_unexpected(r, v,
            "\"cancel\", \"requeue\", \"delete\", \"stop\" or \"move\"");
}

static void read_status(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int *statuses = to;
    crq_status status = crq_value_type(v) == CRQ_STR
            ? crq_status_parse(crq_value_text(v))
            : CRQ_STATUS_OTHER;

    if (crq_status_key(status) == CRQ_KEY_COUNT)
        crq_app_unexpected(r, v,
                "\"queued\", \"started\", \"finished\", \"failed\", "
                "\"stopped\", \"deferred\", \"scheduled\" or \"canceled\"");
    else
        *statuses |= 1 << status;
}

/* One status or a list of them. */
static void read_statuses(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    if (crq_value_type(v) != CRQ_LIST) {
        read_status(r, v, to);
        return;
    }
    if (!api_is_short(r, v, 8))
        return;
    for (size_t i = 0; i < crq_value_count(v); i++) {
        size_t mark = crq_app_enter_item(r, i);

        read_status(r, crq_value_item(v, i), to);
        crq_app_back(r, mark);
    }
}

static void read_flag(struct crq_app_reader *r, const crq_value *v, void *to,
        unsigned flag)
{
    struct api_apply *apply = to;
    bool on = false;

    crq_app_bool(r, v, &on);
    apply->bulk.flags |= on ? flag : 0;
}

static void read_at_front(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    read_flag(r, v, to, CRQ_AT_FRONT);
}

static void read_enqueue_dependents(struct crq_app_reader *r,
        const crq_value *v, void *to)
{
    read_flag(r, v, to, CRQ_CANCEL_ENQUEUE_DEPENDENTS);
}

static void read_delete_dependents(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    read_flag(r, v, to, CRQ_DELETE_DEPENDENTS);
}

/* The name of a class, or "" for what can't be read. */
static void read_error(struct crq_app_reader *r, const crq_value *v, void *to)
{
    char **out = to;

    if (crq_value_type(v) == CRQ_STR && crq_value_text(v)[0] == '\0')
        *out = crq_app_copy(r, "");
    else
        crq_app_text(r, v, to);
}

/* What each operation takes beside the filter. */
static void check_apply(struct crq_app_reader *r, const struct api_apply *a)
{
    static const struct {
        const char *name;
        unsigned flag;
        unsigned operations; /* 1 << CRQ_OPERATION_... */
    } rows[] = {
        { "at_front", CRQ_AT_FRONT,
                1 << CRQ_OPERATION_REQUEUE | 1 << CRQ_OPERATION_MOVE },
        { "enqueue_dependents", CRQ_CANCEL_ENQUEUE_DEPENDENTS,
                1 << CRQ_OPERATION_CANCEL },
        { "dependents", CRQ_DELETE_DEPENDENTS, 1 << CRQ_OPERATION_DELETE },
    };
    bool move = a->bulk.operation == CRQ_OPERATION_MOVE;

    for (size_t i = 0; i < COUNT(rows); i++)
        if ((a->bulk.flags & rows[i].flag) != 0 &&
                (rows[i].operations >> a->bulk.operation & 1) == 0)
            crq_app_wrong(r, "'%s' is not for this operation", rows[i].name);
    if (move != (a->to_queue != NULL))
        crq_app_wrong(r,
                move ? "'to_queue' is missing"
                     : "'to_queue' is for \"move\" only");
    if (!a->all && a->queue == NULL && a->func == NULL && a->group == NULL &&
            a->error == NULL && a->filter.statuses == 0 &&
            a->filter.older_than_us == CRQ_UNSET)
        crq_app_wrong(r,
                "it describes all jobs there are: say \"all\": true, or which");
}

static void read_apply(struct crq_app_reader *r, const crq_value *v, void *to)
{
#define AT(field) offsetof(struct api_apply, field)
    static const struct crq_app_key keys[] = {
        { "operation", read_operation, 0, true },
        { "queue", crq_app_text, AT(queue), false },
        { "status", read_statuses, AT(filter.statuses), false },
        { "func", crq_app_text, AT(func), false },
        { "group", crq_app_text, AT(group), false },
        { "error", read_error, AT(error), false },
        { "older_than", crq_app_interval, AT(filter.older_than_us), false },
        { "all", crq_app_bool, AT(all), false },
        { "dry_run", crq_app_bool, AT(bulk.dry_run), false },
        { "to_queue", crq_app_text, AT(to_queue), false },
        { "at_front", read_at_front, 0, false },
        { "enqueue_dependents", read_enqueue_dependents, 0, false },
        { "dependents", read_delete_dependents, 0, false },
    };
#undef AT
    struct api_apply *a = to;

    crq_app_object(r, v, keys, COUNT(keys), a);
    if (r->mistakes == 0)
        check_apply(r, a);
    a->filter.queue = a->queue;
    a->filter.func = a->func;
    a->filter.group = a->group;
    a->filter.error = a->error;
    a->bulk.to_queue = a->to_queue;
}

int api_read_apply(const char *body, size_t len, struct api_apply *out,
        crq_value **out_errors, crq_error *err)
{
    *out = (struct api_apply){ .filter = CRQ_FILTER_INIT,
        .bulk = CRQ_BULK_INIT };
    return api_read_body(body, len, read_apply, out, out_errors, err);
}

void api_apply_fini(struct api_apply *apply)
{
    crq_free(apply->queue);
    crq_free(apply->func);
    crq_free(apply->group);
    crq_free(apply->error);
    crq_free(apply->to_queue);
}

/* -------------------------------------------------------------- suspension */

static void read_suspension(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    static const struct crq_app_key keys[] = {
        { "seconds", crq_app_seconds, offsetof(struct api_suspension, seconds),
                false },
    };

    crq_app_object(r, v, keys, COUNT(keys), to);
}

int api_read_suspension(const char *body, size_t len,
        struct api_suspension *out, crq_value **out_errors, crq_error *err)
{
    out->seconds = CRQ_UNSET;
    if (len == 0)
        return 0;
    return api_read_body(body, len, read_suspension, out, out_errors, err);
}
