/* html.c - see html.h. */
#include "web/html.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ELLIPSIS    "\xe2\x80\xa6"

/* What a character is written as when it can't be written as it is. */
static const char *const escapes[128] = {
    ['&'] = "&amp;",
    ['<'] = "&lt;",
    ['>'] = "&gt;",
    ['"'] = "&quot;",
    ['\''] = "&#39;",
    [0x7f] = "\xe2\x90\xa1", /* U+2421 */
};

/* U+0080 to U+009F are controls, too; surrogates and U+FFFE are nothing. */
static bool is_unprintable(uint32_t c)
{
    return (c >= 0x80 && c < 0xa0) || (c >= 0xd800 && c < 0xe000) ||
            (c & 0xfffe) == 0xfffe;
}

static void put_control(struct crq_buf *out, unsigned char c)
{
    char picture[4];

    crq_buf_put(out, picture, crq_utf8_put(picture, 0x2400u + c));
}

/* Valid UTF-8. What needs no escape is put in one piece. */
static void put_valid(struct crq_buf *out, const char *text, size_t len)
{
    size_t from = 0, i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)text[i];
        size_t size = 1;
        uint32_t wide = c < 0x80 ? c : crq_utf8_next(text + i, len - i, &size);
        bool is_control = c < ' ' && c != '\t' && c != '\n';

        if (!is_control && !is_unprintable(wide) &&
                (c >= 0x80 || escapes[c] == NULL)) {
            i += size;
            continue;
        }
        crq_buf_put(out, text + from, i - from);
        if (is_control)
            put_control(out, c);
        else
            crq_buf_puts(out, c < 0x80 ? escapes[c] : REPLACEMENT);
        i += size;
        from = i;
    }
    crq_buf_put(out, text + from, len - from);
}

void html_text(struct crq_buf *out, const char *text, size_t len)
{
    size_t bad;

    while (len > 0 && !crq_utf8_valid(text, len, &bad)) {
        put_valid(out, text, bad);
        crq_buf_puts(out, REPLACEMENT);
        text += bad + 1;
        len -= bad + 1;
    }
    if (len > 0)
        put_valid(out, text, len);
}

void html_cut(struct crq_buf *out, const char *text, size_t len, size_t most)
{
    if (len <= most) {
        html_text(out, text, len);
        return;
    }
    /* No character has more than three bytes behind its first. */
    for (size_t i = 0; i < 3 && most > 0; i++, most--)
        if (((unsigned char)text[most] & 0xc0) != 0x80)
            break;
    html_text(out, text, most);
    crq_buf_puts(out, ELLIPSIS);
}

void html_url(struct crq_buf *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    while (*text != '\0') {
        size_t len = strspn(text, plain);

        crq_buf_put(out, text, len);
        text += len;
        if (*text != '\0')
            crq_buf_printf(out, "%%%02X", (unsigned char)*text++);
    }
}

/* One conversion; what is behind it. */
static const char *convert(struct crq_buf *out, const char *at, va_list *ap)
{
    const char *text;

    if (strncmp(at, "lld", 3) == 0) {
        crq_buf_puti(out, va_arg(*ap, long long));
        return at + 3;
    }
    if (strncmp(at, "zu", 2) == 0) {
        crq_buf_puti(out, (int64_t)va_arg(*ap, size_t));
        return at + 2;
    }
    switch (*at) {
    case 's':
        text = va_arg(*ap, const char *);
        if (text != NULL)
            html_text(out, text, strlen(text));
        break;
    case 'd': crq_buf_puti(out, va_arg(*ap, int)); break;
    default: assert(*at == '%'); crq_buf_putc(out, '%');
    }
    return at + 1;
}

void html(struct crq_buf *out, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    while (*format != '\0') {
        size_t len = strcspn(format, "%");

        crq_buf_put(out, format, len);
        format += len;
        if (*format == '%')
            format = convert(out, format + 1, &ap);
    }
    va_end(ap);
}
