/*
 * json_write.c - values as JSON text.
 *
 * One writer for two purposes. What a Python process will read is byte for
 * byte what its own json.dumps() would give. What a person or a browser will
 * read is short, strict JSON in UTF-8, and has a form for every type.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "codec/timetext.h"

struct writer {
    struct crq_buf *out;
    enum crq_json_style style;
    crq_error *err;
};

/* ---- strings ---- */

/* The escape of a character that always has one, or NULL. */
static const char *short_escape(uint32_t c)
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return NULL;
    }
}

static size_t plain_run(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' &&
            text[n] != '\\')
        n++;
    return n;
}

static void put_ascii(struct crq_buf *out, uint32_t c)
{
    const char *escape = short_escape(c);

    if (escape != NULL)
        crq_buf_puts(out, escape);
    else if (c < 0x10000)
        crq_buf_printf(out, "\\u%04x", (unsigned)c);
    else
        crq_buf_printf(out, "\\u%04x\\u%04x",
                (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
                (unsigned)(0xdc00 + (c & 0x3ff)));
}

/* Not every reader of JSON takes a lone surrogate, not even escaped. */
static void put_utf8(struct crq_buf *out, uint32_t c)
{
    const char *escape = short_escape(c);
    char utf8[4];

    if (escape != NULL)
        crq_buf_puts(out, escape);
    else if (c < 0x20)
        crq_buf_printf(out, "\\u%04x", (unsigned)c);
    else
        crq_buf_put(out, utf8,
                crq_utf8_put(utf8, c >= 0xd800 && c < 0xe000 ? 0xfffd : c));
}

static int put_string(struct crq_buf *out, const char *text, size_t len,
        enum crq_json_style style)
{
    size_t at = 0, n;

    crq_buf_putc(out, '"');
    while (at < len && out->rc == 0) {
        n = plain_run(text + at, len - at);
        crq_buf_put(out, text + at, n);
        at += n;
        if (at == len)
            break;
        (style == CRQ_JSON_PYTHON ? put_ascii : put_utf8)(out,
                crq_utf8_next(text + at, len - at, &n));
        at += n;
    }
    return crq_buf_putc(out, '"');
}

int crq_json_put_string(struct crq_buf *out, const char *text, size_t len)
{
    return put_string(out, text, len, CRQ_JSON_SHOW);
}

static int put_repr(struct writer *w, const crq_value *v)
{
    struct crq_buf text;
    int rc;

    crq_buf_init(&text, w->out->max);
    rc = crq_repr(v, &text, w->err);
    if (rc == 0)
        put_string(w->out, crq_buf_text(&text), text.len, w->style);
    crq_buf_fini(&text);
    return rc;
}

/* ---- numbers and times ---- */

static void put_float(struct writer *w, double d)
{
    const char *quote = w->style == CRQ_JSON_SHOW ? "\"" : "";

    if (isfinite(d))
        crq_repr_float(d, w->out);
    else
        crq_buf_printf(w->out, "%s%s%s", quote,
                isnan(d)        ? "NaN"
                        : d > 0 ? "Infinity"
                                : "-Infinity",
                quote);
}

static void put_time(struct writer *w, const crq_value *v)
{
    crq_buf_putc(w->out, '"');
    crq_timetext_value(v, w->out);
    crq_buf_putc(w->out, '"');
}

/* ---- containers ---- */

static int put_value(struct writer *w, const crq_value *v);

static int put_items(struct writer *w, const crq_value *v)
{
    const char *between = w->style == CRQ_JSON_PYTHON ? ", " : ",";
    size_t count = crq_value_count(v);
    int rc = 0;

    crq_buf_putc(w->out, '[');
    for (size_t i = 0; i < count && rc == 0 && w->out->rc == 0; i++) {
        if (i > 0)
            crq_buf_puts(w->out, between);
        rc = put_value(w, crq_value_item(v, i));
    }
    crq_buf_putc(w->out, ']');
    return rc;
}

/* A type's name without its module, as Python's messages have it. */
static const char *class_name(crq_type type)
{
    const char *name = crq_type_name(type), *point = strrchr(name, '.');

    return point != NULL ? point + 1 : name;
}

/* As Python's module turns keys into strings, and refuses other types. */
static int put_key(struct writer *w, const crq_value *key)
{
    crq_type type = crq_value_type(key);
    int rc;

    if (type == CRQ_STR)
        return put_value(w, key);
    if (w->style == CRQ_JSON_SHOW)
        return put_repr(w, key);
    if (type != CRQ_INT && type != CRQ_FLOAT && type != CRQ_BOOL &&
            type != CRQ_NONE)
        return crq_fail(w->err, CRQ_EUNSUPPORTED,
                "keys must be str, int, float, bool or None, not %s",
                class_name(type));
    crq_buf_putc(w->out, '"');
    rc = put_value(w, key);
    crq_buf_putc(w->out, '"');
    return rc;
}

static int put_pairs(struct writer *w, const crq_value *v)
{
    bool spaced = w->style == CRQ_JSON_PYTHON;
    size_t count = crq_value_count(v);
    int rc = 0;

    crq_buf_putc(w->out, '{');
    for (size_t i = 0; i < count && rc == 0 && w->out->rc == 0; i++) {
        if (i > 0)
            crq_buf_puts(w->out, spaced ? ", " : ",");
        rc = put_key(w, crq_value_key(v, i));
        crq_buf_puts(w->out, spaced ? ": " : ":");
        if (rc == 0)
            rc = put_value(w, crq_value_item(v, i));
    }
    crq_buf_putc(w->out, '}');
    return rc;
}

/* What JSON itself has no form for. */
static int put_other(struct writer *w, const crq_value *v)
{
    crq_type type = crq_value_type(v);

    if (w->style == CRQ_JSON_PYTHON)
        return crq_fail(w->err, CRQ_EUNSUPPORTED,
                "Object of type %s is not JSON serializable", class_name(type));
    switch (type) {
    case CRQ_SET:
    case CRQ_FROZENSET: return put_items(w, v);
    case CRQ_DATETIME:
    case CRQ_DATE:
    case CRQ_TIME: put_time(w, v); return 0;
    default: return put_repr(w, v);
    }
}

static int put_value(struct writer *w, const crq_value *v)
{
    const char *text;
    size_t len;

    switch (crq_value_type(v)) {
    case CRQ_NONE: crq_buf_puts(w->out, "null"); return 0;
    case CRQ_BOOL:
        crq_buf_puts(w->out, crq_value_bool(v) ? "true" : "false");
        return 0;
    case CRQ_INT: return crq_value_int_text(v, w->out, w->err);
    case CRQ_FLOAT: put_float(w, crq_value_float(v)); return 0;
    case CRQ_STR:
        text = crq_value_data(v, &len);
        put_string(w->out, text, len, w->style);
        return 0;
    case CRQ_LIST:
    case CRQ_TUPLE: return put_items(w, v);
    case CRQ_DICT: return put_pairs(w, v);
    default: return put_other(w, v);
    }
}

int crq_json_encode(const crq_value *v, enum crq_json_style style,
        struct crq_buf *out, crq_error *err)
{
    struct writer w = { out, style, err };
    size_t start = out->len;
    int rc = crq_value_check(v, CRQ_MAX_DEPTH, err);

    if (rc == 0)
        rc = put_value(&w, v);
    if (rc == 0)
        rc = crq_buf_check(out, err);
    if (rc < 0)
        crq_buf_cut(out, start);
    return rc;
}

int crq_value_json(const crq_value *v, char **out, size_t *out_len,
        crq_error *err)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc = crq_json_encode(v, CRQ_JSON_SHOW, &buf, err);

    if (rc == 0)
        rc = crq_buf_steal(&buf, out, out_len, err);
    crq_buf_fini(&buf);
    return rc;
}
