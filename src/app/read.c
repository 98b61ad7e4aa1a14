/* read.c - see read.h. */
#include "app/read.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/keys.h"
#include "sched/plan.h"

#define MISTAKES_MAX 50

/* ---------------------------------------------------------------- mistakes */

void crq_app_wrong(struct crq_app_reader *r, const char *format, ...)
{
    struct crq_buf what = CRQ_BUF_INIT;
    va_list ap;

    va_start(ap, format);
    crq_buf_vprintf(&what, format, ap);
    va_end(ap);
    if (what.rc < 0 || r->path.rc < 0)
        r->nomem = true;
    if (r->mistakes++ == 0)
        crq_fail(r->err, CRQ_EINVAL, "%s: %s", crq_buf_text(&r->path),
                crq_buf_text(&what));
    if (r->mistake != NULL && r->mistakes <= MISTAKES_MAX)
        r->mistake(r->arg, crq_buf_text(&r->path), crq_buf_text(&what));
    crq_buf_fini(&what);
}

void crq_app_unexpected(struct crq_app_reader *r, const crq_value *v,
        const char *expected)
{
    crq_error ignored;
    char *json;

    if (crq_value_json(v, &json, NULL, &ignored) < 0) {
        r->nomem = true;
        return;
    }
    crq_app_wrong(r, "expected %s, found %.40s%s", expected, json,
            strlen(json) > 40 ? "..." : "");
    crq_text_free(json);
}

/* ------------------------------------------------------------------- paths */

size_t crq_app_enter_key(struct crq_app_reader *r, const char *key)
{
    size_t mark = r->path.len;
    bool plain = key[0] != '\0' &&
            key[strspn(key,
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                    "0123456789-")] == '\0';

    crq_buf_printf(&r->path, plain ? ".%s" : "['%s']", key);
    return mark;
}

size_t crq_app_enter_item(struct crq_app_reader *r, size_t i)
{
    size_t mark = r->path.len;

    crq_buf_printf(&r->path, "[%zu]", i);
    return mark;
}

void crq_app_back(struct crq_app_reader *r, size_t mark)
{
    crq_buf_cut(&r->path, mark);
}

/* ---------------------------------------------------------------- containers
 */

static void list_keys(struct crq_app_reader *r, const struct crq_app_key *keys,
        size_t count)
{
    struct crq_buf names = CRQ_BUF_INIT;

    for (size_t i = 0; i < count; i++)
        crq_buf_printf(&names, "%s%s", i > 0 ? ", " : "", keys[i].name);
    crq_app_wrong(r, "there is no such key; known are %s",
            crq_buf_text(&names));
    crq_buf_fini(&names);
}

static void refuse_unknown(struct crq_app_reader *r, const crq_value *v,
        const struct crq_app_key *keys, size_t count)
{
    for (size_t i = 0; i < crq_value_count(v); i++) {
        size_t at = 0, mark, len;
        const char *name = crq_value_data(crq_value_key(v, i), &len);

        /* A name may have a NUL in it: "func\0" is not "func". */
        while (at < count &&
                (strlen(keys[at].name) != len ||
                        memcmp(keys[at].name, name, len) != 0))
            at++;
        if (at < count)
            continue;
        mark = crq_app_enter_key(r, name);
        list_keys(r, keys, count);
        crq_app_back(r, mark);
    }
}

void crq_app_object(struct crq_app_reader *r, const crq_value *v,
        const struct crq_app_key *keys, size_t count, void *base)
{
    if (crq_value_type(v) != CRQ_DICT) {
        crq_app_unexpected(r, v, "an object");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const crq_value *part = crq_value_get(v, keys[i].name);
        size_t mark;

        if (part == NULL && keys[i].required)
            crq_app_wrong(r, "'%s' is missing", keys[i].name);
        if (part == NULL)
            continue;
        mark = crq_app_enter_key(r, keys[i].name);
        keys[i].read(r, part, (char *)base + keys[i].offset);
        crq_app_back(r, mark);
    }
    refuse_unknown(r, v, keys, count);
}

void *crq_app_list(struct crq_app_reader *r, const crq_value *v, size_t size,
        size_t *out_count, crq_app_read *read)
{
    size_t count = 0;
    char *items;

    if (crq_value_type(v) != CRQ_LIST) {
        crq_app_unexpected(r, v, "a list");
        return NULL;
    }
    count = crq_value_count(v);
    if (count == 0)
        return NULL;
    items = crq_calloc(count, size);
    if (items == NULL) {
        r->nomem = true;
        return NULL;
    }
    *out_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t mark = crq_app_enter_item(r, i);

        read(r, crq_value_item(v, i), items + i * size);
        crq_app_back(r, mark);
    }
    return items;
}

/* ------------------------------------------------------------ single values */

char *crq_app_copy(struct crq_app_reader *r, const char *text)
{
    char *copy = crq_strdup(text);

    if (copy == NULL)
        r->nomem = true;
    return copy;
}

void crq_app_texts_free(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crq_free(texts[i]);
    crq_free(texts);
}

/* A str of 1 to CRQ_NAME_MAX bytes, none of them a control character. */
static bool is_text(const crq_value *v)
{
    const char *text;
    size_t len;

    if (crq_value_type(v) != CRQ_STR)
        return false;
    text = crq_value_data(v, &len);
    if (len == 0 || len > CRQ_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return true;
}

static void keep(struct crq_app_reader *r, const crq_value *v, void *to)
{
    char **out = to;

    *out = crq_app_copy(r, crq_value_text(v));
}

void crq_app_text(struct crq_app_reader *r, const crq_value *v, void *to)
{
    if (is_text(v))
        keep(r, v, to);
    else
        crq_app_unexpected(r, v,
                "a text of 1 to 400 bytes without control characters");
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

void crq_app_name(struct crq_app_reader *r, const crq_value *v, void *to)
{
    if (is_text(v) &&
            crq_value_text(v)[strspn(crq_value_text(v), LETTERS DIGITS "-_")] ==
                    '\0')
        keep(r, v, to);
    else
        crq_app_unexpected(r, v, "a name of letters, digits, '-' and '_'");
}

void crq_app_func(struct crq_app_reader *r, const crq_value *v, void *to)
{
    const char *text = is_text(v) ? crq_value_text(v) : "";
    const char *dot = strchr(text, '.');

    if (dot != NULL && dot != text && dot[1] != '\0' &&
            text[strspn(text, LETTERS DIGITS "_.")] == '\0')
        keep(r, v, to);
    else
        crq_app_unexpected(r, v, "a task, as \"module.function\"");
}

void crq_app_bool(struct crq_app_reader *r, const crq_value *v, void *to)
{
    bool *out = to;

    if (crq_value_type(v) == CRQ_BOOL)
        *out = crq_value_bool(v);
    else
        crq_app_unexpected(r, v, "true or false");
}

void crq_app_count(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to;

    if (crq_value_type(v) == CRQ_INT && crq_value_int_fits(v) &&
            crq_value_int(v) >= 1)
        *out = crq_value_int(v);
    else
        crq_app_unexpected(r, v, "a whole number from 1 on");
}

/* A number of seconds or a text like "5m", in microseconds. */
static bool is_duration(const crq_value *v, int64_t *out_us)
{
    crq_error ignored;

    switch (crq_value_type(v)) {
    case CRQ_STR:
        return crq_timetext_duration(crq_value_text(v), out_us, &ignored) == 0;
    case CRQ_INT:
        if (!crq_value_int_fits(v) ||
                __builtin_mul_overflow(crq_value_int(v), 1000000, out_us))
            return false;
        return true;
    case CRQ_FLOAT:
        if (!(crq_value_float(v) > -1e12 && crq_value_float(v) < 1e12))
            return false;
        *out_us = (int64_t)(crq_value_float(v) * 1e6);
        return true;
    default: return false;
    }
}

void crq_app_interval(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int64_t *out = to, us;

    if (is_duration(v, &us) && us > 0)
        *out = us;
    else
        crq_app_unexpected(r, v,
                "a duration above 0, as 0.5, \"5m\" or \"2h\"");
}

/* Whole seconds from `least` on, but not `hole`. */
static void whole_seconds(struct crq_app_reader *r, const crq_value *v,
        void *to, int64_t least, int64_t hole, const char *expected)
{
    int64_t *out = to, us;

    if (is_duration(v, &us) && us % 1000000 == 0 && us / 1000000 >= least &&
            us / 1000000 != hole)
        *out = us / 1000000;
    else
        crq_app_unexpected(r, v, expected);
}

void crq_app_seconds(struct crq_app_reader *r, const crq_value *v, void *to)
{
    whole_seconds(r, v, to, 1, 0,
            "whole seconds from 1 on, as 5, \"5s\" or \"2h\"");
}

void crq_app_ttl(struct crq_app_reader *r, const crq_value *v, void *to)
{
    whole_seconds(r, v, to, -1, INT64_MIN,
            "whole seconds, as 5, \"5s\" or \"2h\"; 0 keeps nothing, -1 for "
            "ever");
}

void crq_app_limit(struct crq_app_reader *r, const crq_value *v, void *to)
{
    whole_seconds(r, v, to, -1, 0,
            "whole seconds from 1 on, as 5, \"5s\" or \"2h\"; -1: no limit");
}

void crq_app_catchup(struct crq_app_reader *r, const crq_value *v,
        crq_catchup *out, int64_t *out_max)
{
    const char *text = crq_value_type(v) == CRQ_STR ? crq_value_text(v) : "";
    int64_t n = 0;
    size_t i = 4;

    if (strcmp(text, "skip") == 0) {
        *out = CRQ_CATCHUP_SKIP;
    } else if (strcmp(text, "once") == 0) {
        *out = CRQ_CATCHUP_ONCE;
    } else if (strcmp(text, "all") == 0) {
        *out = CRQ_CATCHUP_ALL;
    } else {
        if (strncmp(text, "all:", 4) == 0)
            for (; text[i] >= '0' && text[i] <= '9' && n < 1000000; i++)
                n = n * 10 + (text[i] - '0');
        if (n < 1 || n > CRQ_PLAN_MAX || text[i] != '\0') {
            crq_app_unexpected(r, v,
                    "\"skip\", \"once\", \"all\" or \"all:N\", N up to 100");
            return;
        }
        *out = CRQ_CATCHUP_ALL;
        *out_max = n;
    }
}

void crq_app_overlap(struct crq_app_reader *r, const crq_value *v, void *to)
{
    bool *out = to;
    const char *text = crq_value_type(v) == CRQ_STR ? crq_value_text(v) : "";

    *out = strcmp(text, "allow") == 0;
    if (!*out && strcmp(text, "skip") != 0)
        crq_app_unexpected(r, v, "\"skip\" or \"allow\"");
}
