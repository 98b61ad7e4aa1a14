/*
 * fields.c - the table of a job's fields, between bytes and numbers.
 *
 * Source: RQ 2.10, rq/job.py: Job.to_dict() and Job.restore().
 */
#include "model/fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "codec/value.h"

/* What the scripts that create jobs are given of a field. */
enum sent {
    NAMED, /* its name and value, where it is set */
    BARE,  /* its value, in a place of its own */
    KNOWN, /* nothing: the script knows it */
    OLD    /* nothing: RQ stores results in streams since 1.12 */
};

static const struct {
    const char *name;
    enum crq_field_kind kind;
    enum sent sent;
} table[CRQ_FIELD_COUNT] = {
    [CRQ_FIELD_CREATED_AT] = { "created_at", CRQ_KIND_TIME, BARE },
    [CRQ_FIELD_DATA] = { "data", CRQ_KIND_BYTES, BARE },
    [CRQ_FIELD_STATUS] = { "status", CRQ_KIND_TEXT, KNOWN },
    [CRQ_FIELD_ORIGIN] = { "origin", CRQ_KIND_TEXT, BARE },
    [CRQ_FIELD_DESCRIPTION] = { "description", CRQ_KIND_TEXT, BARE },
    [CRQ_FIELD_ENQUEUED_AT] = { "enqueued_at", CRQ_KIND_TIME, KNOWN },
    [CRQ_FIELD_STARTED_AT] = { "started_at", CRQ_KIND_TIME, NAMED },
    [CRQ_FIELD_ENDED_AT] = { "ended_at", CRQ_KIND_TIME, NAMED },
    [CRQ_FIELD_LAST_HEARTBEAT] = { "last_heartbeat", CRQ_KIND_TIME, NAMED },
    [CRQ_FIELD_WORKER_NAME] = { "worker_name", CRQ_KIND_TEXT, NAMED },
    [CRQ_FIELD_GROUP_ID] = { "group_id", CRQ_KIND_TEXT, NAMED },
    [CRQ_FIELD_TIMEOUT] = { "timeout", CRQ_KIND_NUMBER, BARE },
    [CRQ_FIELD_RESULT_TTL] = { "result_ttl", CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_FAILURE_TTL] = { "failure_ttl", CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_TTL] = { "ttl", CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_META] = { "meta", CRQ_KIND_BYTES, NAMED },
    [CRQ_FIELD_DEPENDENCY_ID] = { "dependency_id", CRQ_KIND_TEXT, NAMED },
    [CRQ_FIELD_DEPENDENCY_IDS] = { "dependency_ids", CRQ_KIND_JSON, NAMED },
    [CRQ_FIELD_ALLOW_DEPENDENCY_FAILURES] = { "allow_dependency_failures",
            CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_ENQUEUE_AT_FRONT] = { "enqueue_at_front", CRQ_KIND_NUMBER,
            NAMED },
    [CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY] = { "enqueue_at_front_on_retry",
            CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_RETRIES_LEFT] = { "retries_left", CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_NUMBER_OF_RETRIES] = { "number_of_retries", CRQ_KIND_NUMBER,
            NAMED },
    [CRQ_FIELD_RETRY_INTERVALS] = { "retry_intervals", CRQ_KIND_JSON, NAMED },
    [CRQ_FIELD_REPEATS_LEFT] = { "repeats_left", CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_REPEAT_INTERVALS] = { "repeat_intervals", CRQ_KIND_JSON, NAMED },
    [CRQ_FIELD_SUCCESS_CALLBACK_NAME] = { "success_callback_name",
            CRQ_KIND_TEXT, NAMED },
    [CRQ_FIELD_SUCCESS_CALLBACK_TIMEOUT] = { "success_callback_timeout",
            CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_FAILURE_CALLBACK_NAME] = { "failure_callback_name",
            CRQ_KIND_TEXT, NAMED },
    [CRQ_FIELD_FAILURE_CALLBACK_TIMEOUT] = { "failure_callback_timeout",
            CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_STOPPED_CALLBACK_NAME] = { "stopped_callback_name",
            CRQ_KIND_TEXT, NAMED },
    [CRQ_FIELD_STOPPED_CALLBACK_TIMEOUT] = { "stopped_callback_timeout",
            CRQ_KIND_NUMBER, NAMED },
    [CRQ_FIELD_WEBHOOKS] = { "webhooks", CRQ_KIND_JSON, NAMED },
    [CRQ_FIELD_RESULT] = { "result", CRQ_KIND_BYTES, OLD },
    [CRQ_FIELD_EXC_INFO] = { "exc_info", CRQ_KIND_BYTES, OLD },
};

const char *crq_field_name(enum crq_field field)
{
    return table[field].name;
}

enum crq_field_kind crq_field_kind(enum crq_field field)
{
    return table[field].kind;
}

void crq_fields_init(struct crq_fields *fields)
{
    memset(fields, 0, sizeof(*fields));
    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        fields->known[f].number = CRQ_UNSET;
}

void crq_fields_fini(struct crq_fields *fields)
{
    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        if (fields->known[f].bytes != NULL) /* most are not set */
            crq_free(fields->known[f].bytes);
    for (size_t i = 0; i < fields->others_count; i++) {
        crq_free(fields->others[i].name);
        crq_free(fields->others[i].bytes);
    }
    crq_free(fields->others);
    crq_fields_init(fields);
}

/* ---- setting ---- */

static int put(struct crq_fields *fields, enum crq_field field,
        const void *bytes, size_t len, int64_t number, crq_error *err)
{
    char *copy = crq_memdup(bytes, len);

    if (copy == NULL)
        return crq_fail_nomem(err);
    crq_free(fields->known[field].bytes);
    fields->known[field].bytes = copy;
    fields->known[field].len = len;
    fields->known[field].number = number;
    return 0;
}

int crq_fields_set(struct crq_fields *fields, enum crq_field field,
        const void *bytes, size_t len, crq_error *err)
{
    return put(fields, field, bytes, len, CRQ_UNSET, err);
}

int crq_fields_take(struct crq_fields *fields, enum crq_field field,
        struct crq_buf *from, crq_error *err)
{
    char *bytes;
    size_t len;
    int rc = crq_buf_steal(from, &bytes, &len, err);

    if (rc < 0)
        return rc;
    crq_free(fields->known[field].bytes);
    fields->known[field].bytes = bytes;
    fields->known[field].len = len;
    fields->known[field].number = CRQ_UNSET;
    return 0;
}

int crq_fields_set_text(struct crq_fields *fields, enum crq_field field,
        const char *text, crq_error *err)
{
    return put(fields, field, text, strlen(text), CRQ_UNSET, err);
}

int crq_fields_set_time(struct crq_fields *fields, enum crq_field field,
        int64_t when_us, crq_error *err)
{
    char text[CRQ_TIMETEXT_LEN + 1];

    crq_timetext_put(text, when_us);
    return put(fields, field, text, CRQ_TIMETEXT_LEN, when_us, err);
}

int crq_fields_set_number(struct crq_fields *fields, enum crq_field field,
        int64_t number, crq_error *err)
{
    char text[CRQ_INT_LEN + 1];
    size_t len = crq_int_put(text, number);

    return put(fields, field, text, len, number, err);
}

/* ---- reading ---- */

bool crq_text_valid(const char *bytes, size_t len, size_t *out_bad)
{
    size_t at = 0, size;

    while (at < len && (signed char)bytes[at] > 0) /* ASCII, mostly */
        at++;
    if (at == len)
        return true;
    if (!crq_utf8_valid(bytes, len, out_bad))
        return false;
    for (at = 0; at < len; at += size) {
        uint32_t c = crq_utf8_next(bytes + at, len - at, &size);

        if (c == 0 || (c >= 0xd800 && c <= 0xdfff)) {
            *out_bad = at;
            return false;
        }
    }
    return true;
}

const char *crq_text_of(const crq_reply *reply)
{
    size_t len, bad;
    const char *text = crq_reply_text(reply, &len);

    return text != NULL && crq_text_valid(text, len, &bad) ? text : NULL;
}

static int find(const char *name, size_t len)
{
    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        if (strlen(table[f].name) == len &&
                memcmp(table[f].name, name, len) == 0)
            return f;
    return -1;
}

/* RQ writes whole numbers only. Old versions wrote timeouts as "1h" or
 * "180.0"; both are read as what they mean. */
static int read_number(const char *text, size_t len, int64_t *out,
        crq_error *err)
{
    int64_t us;
    size_t bad;
    char *end;
    long long n;

    if (!crq_text_valid(text, len, &bad))
        return crq_fail(err, CRQ_ECODEC, "byte %zu is not text", bad);
    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text + len && errno == 0 && *text > ' ' && n != CRQ_UNSET) {
        *out = n;
        return 0;
    }
    if (crq_timetext_duration(text, &us, NULL) < 0)
        return crq_fail(err, CRQ_ECODEC, "'%.40s' is not a whole number", text);
    *out = us / 1000000;
    return 0;
}

static void note_problem(struct crq_fields *fields, const char *field,
        const crq_error *why)
{
    if (fields->problem.code == 0)
        crq_fail(&fields->problem, CRQ_ECODEC, "field '%s': %s", field,
                why->text);
}

int crq_fields_add(struct crq_fields *fields, const char *name,
        const void *bytes, size_t len, crq_error *err)
{
    struct crq_field_pair *others = crq_reallocarray(fields->others,
            fields->others_count + 1, sizeof(*others));
    struct crq_field_pair pair = { NULL, NULL, len };

    if (others == NULL)
        return crq_fail_nomem(err);
    fields->others = others;
    pair.name = crq_strdup(name);
    pair.bytes = crq_memdup(bytes, len);
    if (pair.name == NULL || pair.bytes == NULL) {
        crq_free(pair.name);
        crq_free(pair.bytes);
        return crq_fail_nomem(err);
    }
    others[fields->others_count++] = pair;
    return 0;
}

static int decode_known(struct crq_fields *fields, enum crq_field field,
        const char *bytes, size_t len, crq_error *err)
{
    int64_t number = CRQ_UNSET;
    size_t bad;
    crq_error why;
    int rc = 0;

    if (table[field].kind == CRQ_KIND_TIME)
        rc = crq_timetext_get(bytes, len, &number, &why);
    else if (table[field].kind == CRQ_KIND_NUMBER)
        rc = read_number(bytes, len, &number, &why);
    else if (table[field].kind == CRQ_KIND_TEXT &&
            !crq_text_valid(bytes, len, &bad))
        rc = crq_fail(&why, CRQ_ECODEC, "byte %zu is not text", bad);
    if (rc == CRQ_ENOMEM)
        return crq_fail_nomem(err);
    if (rc < 0)
        note_problem(fields, table[field].name, &why);
    /* What is no text is never handed out as one, only by the field's name. */
    if (rc < 0 && table[field].kind == CRQ_KIND_TEXT)
        return crq_fields_add(fields, table[field].name, bytes, len, err);
    return put(fields, field, bytes, len, rc < 0 ? CRQ_UNSET : number, err);
}

static int decode_field(struct crq_fields *fields, const crq_reply *name,
        const crq_reply *value, crq_error *err)
{
    size_t name_len, len, bad;
    const char *text = crq_reply_text(name, &name_len);
    const char *bytes = crq_reply_text(value, &len);
    crq_error why;
    int field;

    if (text == NULL || bytes == NULL)
        return crq_fail(err, CRQ_ECODEC, "the reply is not a hash");
    field = find(text, name_len);
    if (field >= 0) /* RQ writes "" for what is not set */
        return len > 0
                ? decode_known(fields, (enum crq_field)field, bytes, len, err)
                : 0;
    /* A name is a C string from here on: one that is none could pass for
     * another field. */
    if (crq_text_valid(text, name_len, &bad))
        return crq_fields_add(fields, text, bytes, len, err);
    crq_fail(&why, CRQ_ECODEC, "its name is not text");
    note_problem(fields, "?", &why);
    return 0;
}

int crq_fields_decode(struct crq_fields *fields, const crq_reply *reply,
        crq_error *err)
{
    if (crq_reply_kind(reply) != CRQ_REPLY_ARRAY ||
            crq_reply_count(reply) % 2 != 0)
        return crq_fail(err, CRQ_ECODEC, "the reply is not a hash");
    for (size_t i = 0; i + 1 < crq_reply_count(reply); i += 2) {
        int rc = decode_field(fields, crq_reply_item(reply, i),
                crq_reply_item(reply, i + 1), err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- writing ---- */

void crq_fields_encode(const struct crq_fields *fields, struct crq_args *out)
{
    for (int f = 0; f < CRQ_FIELD_COUNT; f++)
        if (table[f].sent == BARE)
            crq_args_put(out, fields->known[f].bytes, fields->known[f].len);
    for (int f = 0; f < CRQ_FIELD_COUNT; f++) {
        if (table[f].sent != NAMED || fields->known[f].bytes == NULL)
            continue;
        crq_args_put(out, table[f].name, strlen(table[f].name));
        crq_args_put(out, fields->known[f].bytes, fields->known[f].len);
    }
    for (size_t i = 0; i < fields->others_count; i++) {
        crq_args_puts(out, fields->others[i].name);
        crq_args_put(out, fields->others[i].bytes, fields->others[i].len);
    }
}

const char *crq_fields_find(const struct crq_fields *fields, const char *name,
        size_t *out_len)
{
    int f = find(name, strlen(name));
    const char *bytes = NULL;
    size_t len = 0;

    if (f >= 0) {
        bytes = fields->known[f].bytes;
        len = fields->known[f].len;
    }
    for (size_t i = 0; i < fields->others_count && bytes == NULL; i++)
        if (strcmp(fields->others[i].name, name) == 0) {
            bytes = fields->others[i].bytes;
            len = fields->others[i].len;
        }
    if (out_len != NULL)
        *out_len = len;
    return bytes;
}
