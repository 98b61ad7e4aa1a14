/*
 * literal.c - Python literals, as ast.literal_eval() takes them.
 *
 * One pass over the text without tokens in between. What Python's tokenizer
 * does to lines is kept: inside brackets a line break is white space and a
 * comment ends with its line; outside of them only blank lines and comments
 * may surround the value.
 *
 * Not here: names of characters (\N{...}), complex numbers and "...", which
 * no value of crq can hold.
 */
#include "codec/literal_impl.h"

#include <string.h>

#include "base/error.h"
#include "codec/value.h"

/* ---- white space ---- */

int crq_literal_peek(const struct literal *l)
{
    return l->at < l->len ? (unsigned char)l->text[l->at] : -1;
}

static bool take(struct literal *l, char c)
{
    if (crq_literal_peek(l) != c)
        return false;
    l->at++;
    return true;
}

/* A backslash at the end of a line continues it, if there is another one. */
static bool take_continuation(struct literal *l)
{
    size_t at = l->at + 1;

    if (crq_literal_peek(l) != '\\')
        return false;
    if (at < l->len && l->text[at] == '\r')
        at++;
    if (at < l->len && l->text[at] == '\n')
        at++;
    if (at == l->at + 1 || at >= l->len)
        return false;
    l->at = at;
    return true;
}

static bool take_blank(struct literal *l)
{
    return take(l, ' ') || take(l, '\t') || take(l, '\f') ||
            take_continuation(l);
}

static bool take_comment(struct literal *l)
{
    if (crq_literal_peek(l) != '#')
        return false;
    while (l->at < l->len && strchr("\r\n", l->text[l->at]) == NULL)
        l->at++;
    return true;
}

void crq_literal_skip(struct literal *l)
{
    while (take_blank(l) ||
            (l->brackets > 0 &&
                    (take(l, '\n') || take(l, '\r') || take_comment(l))))
        ;
}

/* ---- failing ---- */

int crq_literal_fail(const struct literal *l, size_t at, const char *reason)
{
    return crq_fail(l->err, CRQ_ECODEC, "offset %zu: %s", at, reason);
}

static int unexpected(const struct literal *l, const char *expected)
{
    int c = crq_literal_peek(l);
    size_t n;

    if (c < 0)
        return crq_fail(l->err, CRQ_ECODEC,
                "offset %zu: expected %s, found the end", l->at, expected);
    if (c < 0x20 || c == 0x7f)
        return crq_fail(l->err, CRQ_ECODEC,
                "offset %zu: expected %s, found the byte 0x%02x", l->at,
                expected, (unsigned)c);
    if (c == '+' || c == '-')
        return crq_fail(l->err, CRQ_ECODEC,
                "offset %zu: expected %s, found '%c': sums and complex "
                "numbers are not supported",
                l->at, expected, c);
    crq_utf8_next(l->text + l->at, l->len - l->at, &n);
    return crq_fail(l->err, CRQ_ECODEC, "offset %zu: expected %s, found '%.*s'",
            l->at, expected, (int)n, l->text + l->at);
}

/* ---- scalars ---- */

static int made(const struct literal *l, crq_value *v, crq_value **out)
{
    if (v == NULL)
        return crq_fail_nomem(l->err);
    *out = v;
    return 0;
}

static bool in_name(int c)
{
    return c == '_' || (c >= '0' && c <= '9') ||
            ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
}

static int read_empty_set(struct literal *l, crq_value **out)
{
    crq_literal_skip(l);
    if (!take(l, '('))
        return unexpected(l, "'(' behind set");
    l->brackets++;
    crq_literal_skip(l);
    if (!take(l, ')'))
        return unexpected(l, "')' behind set(");
    l->brackets--;
    return made(l, crq_value_new_set(), out);
}

static int read_name(struct literal *l, crq_value **out)
{
    const char *name = l->text + l->at;
    size_t start = l->at, n;

    while (in_name(crq_literal_peek(l)))
        l->at++;
    n = l->at - start;
    if (n == 4 && memcmp(name, "None", n) == 0)
        return made(l, crq_value_new_none(), out);
    if (n == 4 && memcmp(name, "True", n) == 0)
        return made(l, crq_value_new_bool(true), out);
    if (n == 5 && memcmp(name, "False", n) == 0)
        return made(l, crq_value_new_bool(false), out);
    if (n == 3 && memcmp(name, "set", n) == 0)
        return read_empty_set(l, out);
    return crq_fail(l->err, CRQ_ECODEC,
            "offset %zu: the name '%.*s' is not a literal", start,
            n > 40 ? 40 : (int)n, name);
}

static bool at_number(const struct literal *l)
{
    size_t at = l->at + (crq_literal_peek(l) == '.');

    return at < l->len && l->text[at] >= '0' && l->text[at] <= '9';
}

/* A sign stands before a number only, which may be in parentheses. */
static int read_signed(struct literal *l, crq_value **out)
{
    bool negative = l->text[l->at++] == '-';
    size_t outside = l->brackets;
    crq_value *v = NULL;
    int rc = 0;

    crq_literal_skip(l);
    while (take(l, '(')) {
        l->brackets++;
        crq_literal_skip(l);
    }
    if (!at_number(l))
        return unexpected(l, "a number behind the sign");
    rc = crq_literal_number(l, &v);
    while (rc == 0 && l->brackets > outside) {
        crq_literal_skip(l);
        if (!take(l, ')'))
            rc = unexpected(l, "')'");
        l->brackets--;
    }
    if (rc == 0 && negative)
        rc = crq_literal_negate(l, &v);
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    *out = v;
    return 0;
}

/* ---- containers ---- */

static int read_value(struct literal *l, crq_value **out);

static int check_key(const struct literal *l, size_t at, crq_type type, int rc)
{
    if (rc == 0)
        return 0;
    if (rc == CRQ_ENOMEM)
        return crq_fail_nomem(l->err);
    return crq_fail(l->err, rc == CRQ_EINVAL ? CRQ_ECODEC : rc,
            "offset %zu: this %s cannot be a key or in a set", at,
            crq_type_name(type));
}

static int add(const struct literal *l, size_t at, crq_value *v,
        crq_value *item)
{
    crq_type type = crq_value_type(item);

    return check_key(l, at, type, crq_value_add(v, item));
}

/* Items up to the closing bracket, or to the end of the line (0). */
static int read_items(struct literal *l, crq_value *v, char close)
{
    crq_value *item;
    size_t at;
    int rc;

    for (;;) {
        crq_literal_skip(l);
        if (close == 0 ? strchr("\r\n#", crq_literal_peek(l)) != NULL ||
                                l->at == l->len
                       : take(l, close))
            return 0;
        at = l->at;
        rc = read_value(l, &item);
        if (rc == 0)
            rc = add(l, at, v, item);
        if (rc < 0)
            return rc;
        crq_literal_skip(l);
        if (take(l, ','))
            continue;
        if (close == 0)
            return 0;
        if (!take(l, close))
            return unexpected(l,
                    close == ']'           ? "',' or ']'"
                            : close == ')' ? "',' or ')'"
                                           : "',' or '}'");
        return 0;
    }
}

/* A first item was followed by a comma: it and the rest are a container. */
static int read_rest(struct literal *l, crq_value *v, size_t at,
        crq_value *first, char close, crq_value **out)
{
    int rc;

    if (v == NULL) {
        crq_value_free(first);
        return crq_fail_nomem(l->err);
    }
    rc = add(l, at, v, first);
    if (rc == 0)
        rc = read_items(l, v, close);
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    *out = v;
    return 0;
}

static int read_list(struct literal *l, crq_value **out)
{
    crq_value *v = crq_value_new_list();
    int rc = v != NULL ? read_items(l, v, ']') : crq_fail_nomem(l->err);

    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    *out = v;
    return 0;
}

/* Parentheses make a tuple when there is a comma, or nothing, in them. */
static int read_parens(struct literal *l, crq_value **out)
{
    crq_value *first;
    size_t at;
    int rc;

    crq_literal_skip(l);
    if (take(l, ')'))
        return made(l, crq_value_new_tuple(), out);
    at = l->at;
    rc = read_value(l, &first);
    if (rc < 0)
        return rc;
    crq_literal_skip(l);
    if (take(l, ','))
        return read_rest(l, crq_value_new_tuple(), at, first, ')', out);
    if (take(l, ')')) {
        *out = first;
        return 0;
    }
    crq_value_free(first);
    return unexpected(l, "',' or ')'");
}

/* From the value of the first pair on. */
static int read_pairs(struct literal *l, crq_value *dict, size_t at,
        crq_value *key)
{
    crq_value *val;
    crq_type type;
    int rc;

    for (;;) {
        rc = read_value(l, &val);
        if (rc < 0) {
            crq_value_free(key);
            return rc;
        }
        type = crq_value_type(key);
        rc = check_key(l, at, type, crq_value_put(dict, key, val));
        if (rc < 0)
            return rc;
        crq_literal_skip(l);
        if (take(l, '}'))
            return 0;
        if (!take(l, ','))
            return unexpected(l, "',' or '}'");
        crq_literal_skip(l);
        if (take(l, '}'))
            return 0;
        at = l->at;
        rc = read_value(l, &key);
        if (rc < 0)
            return rc;
        crq_literal_skip(l);
        if (!take(l, ':')) {
            crq_value_free(key);
            return unexpected(l, "':'");
        }
        crq_literal_skip(l);
    }
}

static int read_dict(struct literal *l, size_t at, crq_value *key,
        crq_value **out)
{
    crq_value *dict = crq_value_new_dict();
    int rc;

    if (dict == NULL) {
        crq_value_free(key);
        return crq_fail_nomem(l->err);
    }
    crq_literal_skip(l);
    rc = read_pairs(l, dict, at, key);
    if (rc < 0) {
        crq_value_free(dict);
        return rc;
    }
    *out = dict;
    return 0;
}

static int read_braces(struct literal *l, crq_value **out)
{
    crq_value *first;
    size_t at;
    int rc;

    crq_literal_skip(l);
    if (take(l, '}'))
        return made(l, crq_value_new_dict(), out);
    at = l->at;
    rc = read_value(l, &first);
    if (rc < 0)
        return rc;
    crq_literal_skip(l);
    if (take(l, ':'))
        return read_dict(l, at, first, out);
    if (crq_literal_peek(l) == '}' || take(l, ','))
        return read_rest(l, crq_value_new_set(), at, first, '}', out);
    crq_value_free(first);
    return unexpected(l, "',', ':' or '}'");
}

static int read_container(struct literal *l, crq_value **out)
{
    char open = l->text[l->at];
    int rc;

    if (l->depth == 0)
        return crq_fail(l->err, CRQ_ELIMIT, "offset %zu: nested too deep",
                l->at);
    l->at++;
    l->depth--;
    l->brackets++;
    rc = open == '['      ? read_list(l, out)
            : open == '(' ? read_parens(l, out)
                          : read_braces(l, out);
    l->brackets--;
    l->depth++;
    return rc;
}

static int read_value(struct literal *l, crq_value **out)
{
    int c = crq_literal_peek(l);

    if (l->items-- == 0)
        return crq_fail(l->err, CRQ_ELIMIT, "offset %zu: too many values",
                l->at);
    if (c == '[' || c == '(' || c == '{')
        return read_container(l, out);
    if (at_number(l))
        return crq_literal_number(l, out);
    if (c == '-' || c == '+')
        return read_signed(l, out);
    if (crq_literal_at_string(l))
        return crq_literal_string(l, out);
    if (in_name(c))
        return read_name(l, out);
    return unexpected(l, "a value");
}

/* ---- the whole text ---- */

/* Blank lines and comments; false when a line that is not blank is indented,
 * which Python refuses on all but the first. */
static bool skip_lines(struct literal *l, bool first)
{
    for (;;) {
        size_t start = l->at;

        crq_literal_skip(l);
        take_comment(l);
        if (take(l, '\n') || take(l, '\r')) {
            first = false;
            continue;
        }
        return first || l->at == start || l->at == l->len;
    }
}

static int read_whole(struct literal *l, crq_value **out)
{
    crq_value *v = NULL;
    size_t at;
    int rc;

    if (!skip_lines(l, true))
        return crq_literal_fail(l, l->at, "unexpected indent");
    at = l->at;
    rc = read_value(l, &v);
    if (rc < 0)
        return rc;
    crq_literal_skip(l);
    if (take(l, ',')) {
        rc = read_rest(l, crq_value_new_tuple(), at, v, 0, &v);
        if (rc < 0)
            return rc;
    }
    skip_lines(l, true);
    if (l->at < l->len) {
        crq_value_free(v);
        return unexpected(l, "the end");
    }
    *out = v;
    return 0;
}

int crq_literal_decode(const char *text, size_t len,
        const struct crq_limits *limits, crq_value **out, crq_error *err)
{
    struct crq_limits most = crq_limits_resolve(limits);
    struct literal l = { .text = text, .len = len, .err = err };
    const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
    size_t bad;
    int rc;

    if (len > most.max_bytes)
        return crq_fail(err, CRQ_ELIMIT,
                "a literal of %zu bytes; %zu are the limit", len,
                most.max_bytes);
    if (nul != NULL)
        return crq_fail(err, CRQ_ECODEC,
                "offset %zu: the text holds a null byte", (size_t)(nul - text));
    if (!crq_utf8_valid(text, len, &bad))
        return crq_fail(err, CRQ_ECODEC,
                "offset %zu: expected UTF-8, found the byte 0x%02x", bad,
                (unsigned)(unsigned char)text[bad]);
    l.items = most.max_items;
    l.depth = most.max_depth;
    crq_buf_init(&l.string, most.max_bytes);
    rc = read_whole(&l, out);
    crq_buf_fini(&l.string);
    return rc;
}
