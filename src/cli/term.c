/* term.c - colours, widths, and text that can't take over a terminal. */
#include "cli/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "codec/value.h"

static const char *const codes[] = {
    [TERM_PLAIN] = "",
    [TERM_BOLD] = "\033[1m",
    [TERM_DIM] = "\033[2m",
    [TERM_RED] = "\033[31m",
    [TERM_GREEN] = "\033[32m",
    [TERM_YELLOW] = "\033[33m",
    [TERM_BLUE] = "\033[34m",
    [TERM_CYAN] = "\033[36m",
};

bool term_is_tty(void)
{
    return isatty(STDOUT_FILENO);
}

static bool coloured(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return term_is_tty() && (no == NULL || no[0] == '\0') &&
            (term == NULL || strcmp(term, "dumb") != 0);
}

int term_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

enum term_style term_status_style(crq_status status)
{
    static const enum term_style styles[] = {
        [CRQ_STATUS_CREATED] = TERM_DIM,
        [CRQ_STATUS_QUEUED] = TERM_BLUE,
        [CRQ_STATUS_STARTED] = TERM_YELLOW,
        [CRQ_STATUS_FINISHED] = TERM_GREEN,
        [CRQ_STATUS_FAILED] = TERM_RED,
        [CRQ_STATUS_DEFERRED] = TERM_CYAN,
        [CRQ_STATUS_SCHEDULED] = TERM_CYAN,
        [CRQ_STATUS_STOPPED] = TERM_RED,
        [CRQ_STATUS_CANCELED] = TERM_DIM,
        [CRQ_STATUS_OTHER] = TERM_PLAIN,
    };

    return styles[status];
}

static void begin(enum term_style style)
{
    if (style != TERM_PLAIN && coloured())
        fputs(codes[style], stdout);
}

static void end(enum term_style style)
{
    if (style != TERM_PLAIN && coloured())
        fputs("\033[0m", stdout);
}

void term_printf(enum term_style style, const char *format, ...)
{
    va_list ap;

    begin(style);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    end(style);
}

size_t term_columns(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* A character as it may be shown: itself, or \xNN for C0, DEL and C1. */
static size_t visible(const char *at, size_t left, char out[8], size_t *size)
{
    uint32_t c = crq_utf8_next(at, left, size);

    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return (size_t)snprintf(out, 8, "\\x%02x", (unsigned)c);
    if (c >= 0xd800 && c < 0xe000) /* a lone surrogate */
        c = 0xfffd;
    return crq_utf8_put(out, c);
}

void term_text(enum term_style style, const char *text, size_t width,
        size_t pad)
{
    size_t left = strlen(text), columns = 0, all = term_columns(text), size;
    char out[8];

    begin(style);
    for (; left > 0; text += size, left -= size) {
        size_t n = visible(text, left, out, &size);

        if (*text == '\n' || *text == '\t' || *text == '\r') {
            out[0] = ' ';
            n = 1;
        }
        if (width > 0 && columns + 1 >= width && all > width) {
            fputs("\xe2\x80\xa6", stdout); /* an ellipsis */
            columns++;
            break;
        }
        fwrite(out, 1, n, stdout);
        columns += n > 4 || out[0] == '\\' ? n : 1;
    }
    end(style);
    for (; columns < pad; columns++)
        putchar(' ');
}

void term_block(enum term_style style, const char *text, size_t len,
        const char *indent)
{
    size_t size;
    char out[8];
    bool fresh = true;

    while (len > 0 && text[len - 1] == '\n')
        len--;
    begin(style);
    for (; len > 0; text += size, len -= size) {
        size_t n = visible(text, len, out, &size);

        if (fresh)
            fputs(indent, stdout);
        fresh = *text == '\n';
        if (*text == '\n' || *text == '\t')
            putchar(*text);
        else
            fwrite(out, 1, n, stdout);
    }
    end(style);
    putchar('\n');
}

void term_duration(int64_t us)
{
    int64_t s = us / 1000000;

    if (us < 0)
        us = s = 0;
    if (us < 1000000)
        printf("%.1fms", (double)us / 1e3);
    else if (s < 60)
        printf("%.1fs", (double)us / 1e6);
    else if (s < 3600)
        printf("%dm %ds", (int)(s / 60), (int)(s % 60));
    else if (s < 86400)
        printf("%dh %dm", (int)(s / 3600), (int)(s / 60 % 60));
    else
        printf("%lldd %dh", (long long)(s / 86400), (int)(s / 3600 % 24));
}

void term_time(int64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    char text[64];

    if (localtime_r(&s, &tm) == NULL ||
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
        fputs("?", stdout);
    else
        fputs(text, stdout);
}
