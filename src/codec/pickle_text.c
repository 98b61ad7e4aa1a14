/*
 * pickle_text.c - the texts of pickles: lines of protocol 0, and strings.
 *
 * A STRING and its binary forms are Python 2's str, which was text or bytes as
 * one liked. Here it is a str when it is ASCII, as for Python 3, and bytes when
 * it isn't, where Python 3 gives up.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "codec/pickle_impl.h"

int crq_unpickle_data(struct crq_unpickler *r, crq_type type, const char *bytes,
        size_t len, crq_value **out)
{
    crq_value *v = NULL;
    crq_error why;
    int rc = crq_unpickle_count_bytes(r, len);

    if (rc < 0)
        return rc;
    if (type == CRQ_STR) {
        rc = crq_value_new_str(bytes, len, &v, &why);
        if (rc < 0)
            return crq_unpickle_refused(r, rc, &why);
    } else {
        v = type == CRQ_BYTES ? crq_value_new_bytes(bytes, len)
                              : crq_value_new_bytearray(bytes, len);
        rc = crq_unpickle_made(r, v);
    }
    if (rc == 0)
        *out = v;
    return rc;
}

int crq_unpickle_8bit(struct crq_unpickler *r, const char *bytes, size_t len,
        crq_value **out)
{
    bool ascii = true;

    for (size_t i = 0; i < len && ascii; i++)
        ascii = (uint8_t)bytes[i] < 0x80;
    return crq_unpickle_data(r, ascii ? CRQ_STR : CRQ_BYTES, bytes, len, out);
}

/* ---- numbers ---- */

int crq_unpickle_long_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out)
{
    crq_error why;
    int rc;

    if (len > 0 && line[len - 1] == 'L')
        len--;
    rc = crq_value_new_int_text(line, len, out, &why);
    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

/* Before protocol 2 there were no opcodes for True and False. */
int crq_unpickle_int_line(struct crq_unpickler *r, const char *line, size_t len,
        crq_value **out)
{
    if (len == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1')) {
        *out = crq_value_new_bool(line[1] == '1');
        return crq_unpickle_made(r, *out);
    }
    return crq_unpickle_long_line(r, line, len, out);
}

/* strtod() knows more than Python writes: hexadecimal, NaN's payload. */
static bool is_float(const char *line, size_t len)
{
    static const char *const words[] = { "inf", "-inf", "+inf", "nan", "-nan",
        "+nan" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (len == strlen(words[i]) && memcmp(line, words[i], len) == 0)
            return true;
    for (size_t i = 0; i < len; i++)
        if (strchr("0123456789+-.eE", line[i]) == NULL || line[i] == '\0')
            return false;
    return len > 0;
}

int crq_unpickle_float_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out)
{
    /* A program may have chosen a locale with a decimal comma. */
    locale_t c;
    char *end;
    double d;

    if (!is_float(line, len))
        goto wrong;
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return crq_fail_nomem(r->err);
    d = strtod_l(line, &end, c); /* the '\n' behind the line stops it */
    freelocale(c);
    if (end != line + len)
        goto wrong;
    *out = crq_value_new_float(d);
    return crq_unpickle_made(r, *out);
wrong:
    return crq_unpickle_fail(r, CRQ_ECODEC, "'%.*s' is not a float",
            len > 40 ? 40 : (int)len, line);
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Read exactly `digits` hexadecimal digits; false when there are fewer. */
static bool hex_number(const char *text, size_t len, size_t digits,
        uint32_t *out)
{
    uint32_t n = 0;

    if (len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        n = n << 4 | (uint32_t)digit;
    }
    *out = n;
    return true;
}

/* One escape of a Python 2 string behind its backslash; returns the bytes
 * used, 0 when it is malformed. Unknown ones keep their backslash. */
static size_t unescape(const char *text, size_t len, struct crq_buf *out)
{
    static const char names[] = "\\'\"abfnrtv";
    static const char means[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = text[0] != '\0' ? strchr(names, text[0]) : NULL;
    uint32_t n = 0;
    size_t used = 0;

    if (known != NULL) {
        crq_buf_putc(out, means[known - names]);
        return 1;
    }
    if (text[0] == 'x') {
        if (!hex_number(text + 1, len - 1, 2, &n))
            return 0;
        crq_buf_putc(out, (char)n);
        return 3;
    }
    while (used < 3 && used < len && text[used] >= '0' && text[used] <= '7')
        n = n * 8 + (uint32_t)(text[used++] - '0');
    if (used > 0) {
        crq_buf_putc(out, (char)n);
        return used;
    }
    crq_buf_putc(out, '\\');
    return SIZE_MAX; /* nothing used, and nothing wrong */
}

static int unquote(struct crq_unpickler *r, const char *text, size_t len,
        struct crq_buf *out)
{
    for (size_t i = 0; i < len; i++) {
        size_t used;

        if (text[i] != '\\') {
            crq_buf_putc(out, text[i]);
            continue;
        }
        used = i + 1 < len ? unescape(text + i + 1, len - i - 1, out) : 0;
        if (used == 0)
            return crq_unpickle_fail(r, CRQ_ECODEC,
                    "a wrong escape in a string");
        i += used == SIZE_MAX ? 0 : used;
    }
    return crq_buf_check(out, r->err);
}

int crq_unpickle_string_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc;

    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len < 2 || (line[0] != '\'' && line[0] != '"') ||
            line[0] != line[len - 1])
        return crq_unpickle_fail(r, CRQ_ECODEC, "a string without quotes");
    rc = unquote(r, line + 1, len - 2, &buf);
    if (rc == 0)
        rc = crq_unpickle_8bit(r, crq_buf_text(&buf), buf.len, out);
    crq_buf_fini(&buf);
    return rc;
}

/* "raw-unicode-escape": Latin-1 with \uXXXX and \UXXXXXXXX. Any other
 * character behind a backslash stands for itself, the backslash too. */
int crq_unpickle_unicode_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc = 0;

    for (size_t i = 0; i < len && rc == 0; i++) {
        uint32_t c = (uint8_t)line[i];
        char utf8[4];

        if (c == '\\' && i + 1 < len) {
            char kind = line[++i];
            size_t digits = kind == 'u' ? 4 : 8;

            if (kind != 'u' && kind != 'U') {
                crq_buf_putc(&buf, '\\');
                c = (uint8_t)kind;
            } else if (hex_number(line + i + 1, len - i - 1, digits, &c) &&
                    c <= 0x10ffff)
                i += digits;
            else
                rc = crq_unpickle_fail(r, CRQ_ECODEC, "a wrong \\%c in a text",
                        kind);
        }
        if (rc == 0)
            crq_buf_put(&buf, utf8, crq_utf8_put(utf8, c));
    }
    if (rc == 0)
        rc = crq_buf_check(&buf, r->err);
    if (rc == 0)
        rc = crq_unpickle_data(r, CRQ_STR, crq_buf_text(&buf), buf.len, out);
    crq_buf_fini(&buf);
    return rc;
}
