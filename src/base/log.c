/* log.c - one record, one line, one write(). */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Job data may be quoted in a message: what could break the line or the JSON
 * or speak to a terminal is escaped or replaced. */
static void put_quoted(struct line *line, const char *text, bool json)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (json && (c == '"' || c == '\\')) {
            /* Both or neither: a lone backslash would eat the end quote. */
            if (line->len + 1 >= sizeof(line->text) - 3)
                return;
            put(line, '\\');
        }
        put(line, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

/* A message may have been cut inside a UTF-8 sequence. */
static void drop_half_character(struct line *line)
{
    size_t len = line->len;

    while (len > 0 && ((unsigned char)line->text[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && (unsigned char)line->text[len - 1] >= 0xc0)
        line->len = len - 1;
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
    if ((size_t)wanted >= sizeof(message) || line.len >= sizeof(line.text) - 3)
        drop_half_character(&line);
    if (log->json) {
        line.text[line.len++] = '"';
        line.text[line.len++] = '}';
    }
    line.text[line.len++] = '\n';
    /* Nobody can be told when a log cannot be written. */
    while (write(log->fd, line.text, line.len) < 0 && errno == EINTR)
        ;
}
