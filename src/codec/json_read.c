/*
 * json_read.c - JSON text to values, as Python's json.loads() reads it.
 *
 * Wider than the standard in Python's ways: NaN, Infinity and -Infinity are
 * numbers, and lone surrogates are characters, escaped or as three bytes.
 * Never narrower: an int keeps all its digits and \u0000 is a character.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/float.h"
#include "codec/json.h"

struct reader {
    const char *text;
    size_t len, at;
    size_t items, depth; /* how many may still be made, and be opened */
    bool unique_keys;
    struct crq_buf string;
    crq_error *err;
};

/* ---- looking at the text ---- */

static int peek(const struct reader *r)
{
    return r->at < r->len ? (unsigned char)r->text[r->at] : -1;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->len && memchr(" \t\n\r", r->text[r->at], 4) != NULL)
        r->at++;
}

/* What stands at `at`, for a message: the character, its byte, the end. */
static int unexpected(const struct reader *r, size_t at, const char *expected)
{
    size_t n;

    if (at >= r->len)
        return crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: expected %s, found the end", at, expected);
    if ((unsigned char)r->text[at] < 0x20 || r->text[at] == 0x7f)
        return crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: expected %s, found the byte 0x%02x", at, expected,
                (unsigned)r->text[at]);
    crq_utf8_next(r->text + at, r->len - at, &n);
    return crq_fail(r->err, CRQ_ECODEC, "offset %zu: expected %s, found '%.*s'",
            at, expected, (int)n, r->text + at);
}

static bool take(struct reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if (r->len - r->at < n || memcmp(r->text + r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static size_t take_digits(struct reader *r)
{
    size_t start = r->at;

    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at - start;
}

/* ---- numbers and words ---- */

static int made(const struct reader *r, crq_value *v, crq_value **out)
{
    if (v == NULL)
        return crq_fail_nomem(r->err);
    *out = v;
    return 0;
}

static const struct {
    const char *word;
    crq_type type;
    double d; /* of a float; else whether it is true */
} words[] = {
    { "null", CRQ_NONE, 0 },
    { "true", CRQ_BOOL, 1 },
    { "false", CRQ_BOOL, 0 },
    { "NaN", CRQ_FLOAT, (double)NAN },
    { "Infinity", CRQ_FLOAT, (double)INFINITY },
    { "-Infinity", CRQ_FLOAT, -(double)INFINITY },
};

static int read_word(struct reader *r, crq_value **out)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!take_word(r, words[i].word))
            continue;
        if (words[i].type == CRQ_NONE)
            return made(r, crq_value_new_none(), out);
        if (words[i].type == CRQ_BOOL)
            return made(r, crq_value_new_bool(words[i].d != 0), out);
        return made(r, crq_value_new_float(words[i].d), out);
    }
    return unexpected(r, r->at, "a value");
}

static int read_int(struct reader *r, size_t start, crq_value **out)
{
    size_t len = r->at - start;
    int64_t n = 0;
    int rc;

    /* Nearly all ints are short. */
    if (len < 18) {
        for (size_t i = start; i < r->at; i++)
            n = r->text[i] == '-' ? 0 : n * 10 + (r->text[i] - '0');
        return made(r, crq_value_new_int(r->text[start] == '-' ? -n : n), out);
    }
    rc = crq_value_new_int_text(r->text + start, len, out, r->err);
    return rc < 0 && rc != CRQ_ENOMEM
            ? crq_fail_in(r->err, rc, "offset %zu", start)
            : rc;
}

static int read_number(struct reader *r, crq_value **out)
{
    size_t start = r->at, n;
    bool whole = true;
    double d;

    take(r, '-');
    if (!take(r, '0') && take_digits(r) == 0)
        return unexpected(r, r->at, "a digit");
    if (take(r, '.')) {
        whole = false;
        n = take_digits(r);
        if (n == 0)
            return unexpected(r, r->at, "a digit");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        whole = false;
        r->at++;
        if (!take(r, '-'))
            take(r, '+');
        n = take_digits(r);
        if (n == 0)
            return unexpected(r, r->at, "a digit");
    }
    if (whole)
        return read_int(r, start, out);
    if (crq_float_get(r->text + start, r->at - start, &d) < 0)
        return crq_fail_nomem(r->err);
    return made(r, crq_value_new_float(d), out);
}

/* ---- strings ---- */

static int read_hex(struct reader *r, uint32_t *out)
{
    uint32_t c = 0;

    for (int i = 0; i < 4; i++, r->at++) {
        int digit = peek(r);

        if (digit >= '0' && digit <= '9')
            c = c << 4 | (uint32_t)(digit - '0');
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            c = c << 4 | (uint32_t)((digit | 0x20) - 'a' + 10);
        else
            return unexpected(r, r->at, "four hexadecimal digits");
    }
    *out = c;
    return 0;
}

/* \uXXXX, and the second one that makes it a pair. */
static int read_unicode(struct reader *r)
{
    size_t after;
    uint32_t c, low;
    char utf8[4];
    int rc = read_hex(r, &c);

    if (rc < 0)
        return rc;
    after = r->at;
    if (c >= 0xd800 && c < 0xdc00 && take_word(r, "\\u")) {
        rc = read_hex(r, &low);
        if (rc < 0)
            return rc;
        if (low >= 0xdc00 && low < 0xe000)
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        else
            r->at = after;
    }
    return crq_buf_put(&r->string, utf8, crq_utf8_put(utf8, c));
}

static int read_escape(struct reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);
    const char *at = c > 0 ? strchr(from, c) : NULL;

    if (at == NULL && c != 'u')
        return unexpected(r, r->at, "one of \"\\/bfnrtu");
    r->at++;
    return at != NULL ? crq_buf_putc(&r->string, to[at - from])
                      : read_unicode(r);
}

/* Up to what ends a run of characters that stand for themselves. */
static void skip_plain(struct reader *r)
{
    while (peek(r) >= 0x20 && peek(r) != '"' && peek(r) != '\\')
        r->at++;
}

static int read_string(struct reader *r, crq_value **out)
{
    size_t start = ++r->at;
    int rc;

    skip_plain(r);
    if (peek(r) == '"') { /* the common case: nothing to decode */
        r->at++;
        return crq_value_new_str(r->text + start, r->at - 1 - start, out,
                r->err);
    }
    crq_buf_clear(&r->string);
    for (;;) {
        crq_buf_put(&r->string, r->text + start, r->at - start);
        if (take(r, '"'))
            break;
        if (!take(r, '\\'))
            return unexpected(r, r->at,
                    peek(r) < 0 ? "the end of the string"
                                : "control characters to be escaped");
        rc = read_escape(r);
        if (rc < 0)
            return r->string.rc < 0 ? crq_buf_check(&r->string, r->err) : rc;
        start = r->at;
        skip_plain(r);
    }
    rc = crq_buf_check(&r->string, r->err);
    if (rc < 0)
        return rc;
    return crq_value_new_str(r->string.data, r->string.len, out, r->err);
}

/* ---- containers ---- */

static int read_value(struct reader *r, crq_value **out);

static int check_put(const struct reader *r, int rc)
{
    if (rc == CRQ_ENOMEM)
        return crq_fail_nomem(r->err);
    return rc == 0 ? 0
                   : crq_fail(r->err, rc, "offset %zu: too many keys", r->at);
}

static int read_items(struct reader *r, crq_value *list)
{
    crq_value *item;
    int rc;

    skip_space(r);
    if (take(r, ']'))
        return 0;
    for (;;) {
        rc = read_value(r, &item);
        if (rc == 0)
            rc = check_put(r, crq_value_add(list, item));
        if (rc < 0)
            return rc;
        skip_space(r);
        if (take(r, ']'))
            return 0;
        if (!take(r, ','))
            return unexpected(r, r->at, "',' or ']'");
    }
}

static int read_pair(struct reader *r, crq_value *dict)
{
    size_t start, before = crq_value_count(dict);
    crq_value *key, *val;
    int rc;

    skip_space(r);
    start = r->at;
    if (peek(r) != '"')
        return unexpected(r, r->at, "a key in double quotes");
    rc = read_value(r, &key);
    if (rc < 0)
        return rc;
    skip_space(r);
    if (!take(r, ':'))
        rc = unexpected(r, r->at, "':'");
    if (rc == 0)
        rc = read_value(r, &val);
    if (rc < 0) {
        crq_value_free(key);
        return rc;
    }
    rc = check_put(r, crq_value_put(dict, key, val));
    if (rc == 0 && r->unique_keys && crq_value_count(dict) == before)
        rc = crq_fail(r->err, CRQ_ECODEC,
                "offset %zu: this key stands here "
                "twice",
                start);
    return rc;
}

static int read_pairs(struct reader *r, crq_value *dict)
{
    int rc;

    skip_space(r);
    if (take(r, '}'))
        return 0;
    for (;;) {
        rc = read_pair(r, dict);
        if (rc < 0)
            return rc;
        skip_space(r);
        if (take(r, '}'))
            return 0;
        if (!take(r, ','))
            return unexpected(r, r->at, "',' or '}'");
    }
}

static int read_container(struct reader *r, crq_value **out)
{
    bool is_list = r->text[r->at] == '[';
    crq_value *v;
    int rc;

    if (r->depth == 0)
        return crq_fail(r->err, CRQ_ELIMIT, "offset %zu: nested too deep",
                r->at);
    v = is_list ? crq_value_new_list() : crq_value_new_dict();
    if (v == NULL)
        return crq_fail_nomem(r->err);
    r->depth--;
    r->at++;
    rc = is_list ? read_items(r, v) : read_pairs(r, v);
    r->depth++;
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    *out = v;
    return 0;
}

/* Recursion goes as deep as the limit on nesting, no further. */
static int read_value(struct reader *r, crq_value **out)
{
    int c;

    skip_space(r);
    if (r->items-- == 0)
        return crq_fail(r->err, CRQ_ELIMIT, "offset %zu: too many values",
                r->at);
    c = peek(r);
    if (c == '"')
        return read_string(r, out);
    if (c == '[' || c == '{')
        return read_container(r, out);
    if ((c >= '0' && c <= '9') ||
            (c == '-' && (r->at + 1 == r->len || r->text[r->at + 1] != 'I')))
        return read_number(r, out);
    return read_word(r, out);
}

int crq_json_decode(const char *text, size_t len,
        const struct crq_limits *limits, crq_value **out, crq_error *err)
{
    struct crq_limits most = crq_limits_resolve(limits);
    struct reader r = { .text = text, .len = len, .err = err };
    crq_value *v = NULL;
    size_t bad;
    int rc;

    if (len > most.max_bytes)
        return crq_fail(err, CRQ_ELIMIT, "%zu bytes of JSON; %zu are the limit",
                len, most.max_bytes);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return crq_fail(err, CRQ_ECODEC,
                "offset 0: expected a value, found a byte order mark");
    if (!crq_utf8_valid(text, len, &bad))
        return crq_fail(err, CRQ_ECODEC,
                "offset %zu: expected UTF-8, found the byte 0x%02x", bad,
                (unsigned)(unsigned char)text[bad]);
    r.items = most.max_items;
    r.depth = most.max_depth;
    r.unique_keys = most.unique_keys;
    crq_buf_init(&r.string, most.max_bytes);
    rc = read_value(&r, &v);
    skip_space(&r);
    if (rc == 0 && r.at < len)
        rc = unexpected(&r, r.at, "the end");
    crq_buf_fini(&r.string);
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    *out = v;
    return 0;
}

int crq_value_from_json(const char *text, size_t len, crq_value **out,
        crq_error *err)
{
    return crq_json_decode(text, len, NULL, out, err);
}
