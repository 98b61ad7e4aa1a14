/* log.c - one record, one line, one write(). */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

static const char *const level_names[] = { "error", "warning", "info",
    "debug" };

struct line {
    char text[2048];
    size_t len;
};

static void put(struct line *line, char c)
{
    /* Two bytes stay free for what ends the record. */
    if (line->len < sizeof(line->text) - 3)
        line->text[line->len++] = c;
}

static void puts_to(struct line *line, const char *text)
{
    for (; *text != '\0'; text++)
        put(line, *text);
}

/* What a terminal would obey, and what is no UTF-8, is replaced. */
static bool is_printable(uint32_t c)
{
    return c >= 0x20 && (c < 0x7f || c > 0x9f) && (c < 0xd800 || c > 0xdfff) &&
            c != 0xfffd;
}

/* Job data and addresses may be quoted in a message: what could break the line
 * or the JSON or speak to a terminal is escaped or replaced. */
static void put_quoted(struct line *line, const char *text, bool json)
{
    size_t left = strlen(text), n;

    for (; left > 0; text += n, left -= n) {
        bool escape = json && (*text == '"' || *text == '\\');

        if (!is_printable(crq_utf8_next(text, left, &n))) {
            put(line, '?');
            continue;
        }
        /* All or nothing: a lone backslash would eat the end quote. */
        if (line->len + n + escape > sizeof(line->text) - 3)
            return;
        if (escape)
            put(line, '\\');
        for (size_t i = 0; i < n; i++)
            put(line, text[i]);
    }
}

static void put_time(struct line *line, int64_t now_us)
{
    time_t s = (time_t)(now_us / 1000000);
    struct tm tm;
    char text[40];
    size_t n;

    gmtime_r(&s, &tm);
    n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof(text) - n, ".%03dZ",
            (int)(now_us % 1000000 / 1000));
    puts_to(line, text);
}

void crq_log_write(const struct crq_log *log, enum crq_log_level level,
        const char *format, ...)
{
    struct line line = { .len = 0 };
    char message[1800], pid[16];
    va_list ap;
    int wanted;

    if (log == NULL || log->fd < 0 || level > log->level)
        return;
    va_start(ap, format);
    wanted = vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    if (wanted < 0)
        return;
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());

    puts_to(&line, log->json ? "{\"time\":\"" : "");
    put_time(&line, crq_clock_wall_us(log->clock));
    puts_to(&line, log->json ? "\",\"level\":\"" : " ");
    puts_to(&line, level_names[level]);
    puts_to(&line, log->json ? "\",\"name\":\"" : " ");
    put_quoted(&line, log->name, log->json);
    puts_to(&line, log->json ? "\",\"pid\":" : "[");
    puts_to(&line, pid);
    puts_to(&line, log->json ? ",\"message\":\"" : "]: ");
    put_quoted(&line, message, log->json);
    if (log->json) {
        line.text[line.len++] = '"';
        line.text[line.len++] = '}';
    }
    line.text[line.len++] = '\n';
    /* Nobody can be told when a log cannot be written. */
    while (write(log->fd, line.text, line.len) < 0 && errno == EINTR)
        ;
}
