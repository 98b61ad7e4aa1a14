/*
 * literal_string.c - the strings and bytes of Python's source.
 *
 * A backslash that begins no escape stands for itself, as in Python. Line
 * breaks inside triple quotes become '\n' whatever they were.
 */
#include <string.h>

#include "base/error.h"
#include "codec/literal_impl.h"
#include "codec/value.h"

struct quoted {
    size_t start; /* of the prefix */
    char quote;
    bool triple, raw, bytes;
};

/* The letters in front of a quote: none, or one or two. */
static size_t prefix_len(const struct literal *l)
{
    size_t n = 0;

    while (n < 2 && l->at + n < l->len && l->text[l->at + n] != '\0' &&
            strchr("rRbBuUfFtT", l->text[l->at + n]) != NULL)
        n++;
    return n;
}

bool crq_literal_at_string(const struct literal *l)
{
    size_t at = l->at + prefix_len(l);

    return at < l->len && (l->text[at] == '\'' || l->text[at] == '"');
}

static int read_prefix(struct literal *l, struct quoted *q)
{
    static const struct {
        const char *letters; /* in lower case */
        bool raw, bytes;
    } prefixes[] = { { "", false, false }, { "r", true, false },
        { "u", false, false }, { "b", false, true }, { "br", true, true },
        { "rb", true, true } };
    char letters[3] = "";
    size_t n = prefix_len(l);

    for (size_t i = 0; i < n; i++)
        letters[i] = (char)(l->text[l->at + i] | 0x20);
    q->start = l->at;
    l->at += n;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strcmp(prefixes[i].letters, letters) == 0) {
            q->raw = prefixes[i].raw;
            q->bytes = prefixes[i].bytes;
            return 0;
        }
    return crq_literal_fail(l, q->start,
            strpbrk(letters, "ft") != NULL
                    ? "a string that is computed (f'...') is not a literal"
                    : "not a prefix of a string");
}

static void read_quotes(struct literal *l, struct quoted *q)
{
    q->quote = l->text[l->at];
    q->triple = l->len - l->at >= 3 && l->text[l->at + 1] == q->quote &&
            l->text[l->at + 2] == q->quote;
    l->at += q->triple ? 3 : 1;
}

/* Step over the end of the string when it is here. */
static bool take_end(struct literal *l, const struct quoted *q)
{
    size_t n = q->triple ? 3 : 1;

    if (l->len - l->at < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (l->text[l->at + i] != q->quote)
            return false;
    l->at += n;
    return true;
}

/* ---- escapes ---- */

static void put_char(struct literal *l, const struct quoted *q, uint32_t c)
{
    char utf8[4];

    if (q->bytes)
        crq_buf_putc(&l->string, (char)c);
    else
        crq_buf_put(&l->string, utf8, crq_utf8_put(utf8, c));
}

static void read_octal(struct literal *l, const struct quoted *q)
{
    uint32_t c = 0;

    for (int i = 0;
            i < 3 && crq_literal_peek(l) >= '0' && crq_literal_peek(l) <= '7';
            i++)
        c = c * 8 + (uint32_t)(l->text[l->at++] - '0');
    put_char(l, q, c);
}

static int read_hex(struct literal *l, const struct quoted *q, int digits)
{
    size_t start = l->at - 2;
    uint32_t c = 0;

    for (int i = 0; i < digits; i++, l->at++) {
        int d = crq_literal_peek(l);

        if (d >= '0' && d <= '9')
            c = c << 4 | (uint32_t)(d - '0');
        else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
            c = c << 4 | (uint32_t)((d | 0x20) - 'a' + 10);
        else
            return crq_literal_fail(l, start, "this escape is cut short");
    }
    if (c > 0x10ffff)
        return crq_literal_fail(l, start, "there is no such character");
    put_char(l, q, c);
    return 0;
}

/* A line break in any form; false when there is none. */
static bool take_line_break(struct literal *l)
{
    int c = crq_literal_peek(l);

    if (c != '\n' && c != '\r')
        return false;
    l->at++;
    if (c == '\r' && crq_literal_peek(l) == '\n')
        l->at++;
    return true;
}

static int read_escape(struct literal *l, const struct quoted *q)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    int c = crq_literal_peek(l);
    const char *at = c > 0 ? strchr(from, c) : NULL;

    if (take_line_break(l))
        return 0;
    if (c >= '0' && c <= '7')
        return read_octal(l, q), 0;
    if (at != NULL) {
        l->at++;
        crq_buf_putc(&l->string, to[at - from]);
        return 0;
    }
    if (c == 'x' || (!q->bytes && (c == 'u' || c == 'U'))) {
        l->at++;
        return read_hex(l, q, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    }
    if (c == 'N' && !q->bytes)
        return crq_literal_fail(l, l->at - 1,
                "characters by name (\\N{...}) are not supported");
    crq_buf_putc(&l->string, '\\');
    return 0;
}

/* ---- the whole ---- */

static int no_end(const struct literal *l, const struct quoted *q)
{
    return crq_literal_fail(l, q->start,
            "the string that begins here has no end");
}

/* What stands here is neither the end nor a plain character. */
static int read_special(struct literal *l, const struct quoted *q)
{
    int c = crq_literal_peek(l);

    if (c < 0)
        return no_end(l, q);
    if (c == '\n' || c == '\r') {
        if (!q->triple)
            return no_end(l, q);
        take_line_break(l);
        crq_buf_putc(&l->string, '\n');
        return 0;
    }
    if (c >= 0x80 && q->bytes)
        return crq_literal_fail(l, l->at,
                "bytes are written with ASCII characters only");
    l->at++;
    if (c != '\\') { /* a quote that does not end it, a character */
        crq_buf_putc(&l->string, (char)c);
        return 0;
    }
    if (!q->raw)
        return read_escape(l, q);
    crq_buf_putc(&l->string, '\\');
    c = crq_literal_peek(l);
    if (c == q->quote || c == '\\') {
        l->at++;
        crq_buf_putc(&l->string, (char)c);
    } else if (take_line_break(l)) /* may follow a backslash in one line */
        crq_buf_putc(&l->string, '\n');
    return 0;
}

static int read_one(struct literal *l, struct quoted *q)
{
    size_t start;
    int rc = read_prefix(l, q);

    if (rc < 0)
        return rc;
    read_quotes(l, q);
    while (!take_end(l, q)) {
        start = l->at;
        while (l->at < l->len && (signed char)l->text[l->at] >= 0x20 &&
                l->text[l->at] != '\\' && l->text[l->at] != q->quote)
            l->at++;
        crq_buf_put(&l->string, l->text + start, l->at - start);
        if (l->at > start)
            continue;
        rc = read_special(l, q);
        if (rc < 0)
            return rc;
    }
    return crq_buf_check(&l->string, l->err);
}

int crq_literal_string(struct literal *l, crq_value **out)
{
    struct quoted first, next;
    int rc;

    crq_buf_clear(&l->string);
    rc = read_one(l, &first);
    if (rc < 0)
        return rc;
    for (;;) {
        crq_literal_skip(l);
        if (!crq_literal_at_string(l))
            break;
        rc = read_one(l, &next);
        if (rc < 0)
            return rc;
        if (next.bytes != first.bytes)
            return crq_literal_fail(l, next.start,
                    "bytes and text cannot be joined");
    }
    if (!first.bytes)
        return crq_value_new_str(crq_buf_text(&l->string), l->string.len, out,
                l->err);
    *out = crq_value_new_bytes(crq_buf_text(&l->string), l->string.len);
    return *out != NULL ? 0 : crq_fail_nomem(l->err);
}
