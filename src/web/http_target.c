/* http_target.c - see http_target.h. */
#include "web/http_target.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_unescape(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++, to++) {
        *to = *at;
        if (*at != '%')
            continue;
        if (hex(at[1]) < 0 || hex(at[2]) < 0)
            return false;
        *to = (char)(hex(at[1]) << 4 | hex(at[2]));
        if (*to == '\0')
            return false;
        at += 2;
    }
    *to = '\0';
    return crq_utf8_strict(text, (size_t)(to - text));
}

bool http_split(char *path, const char **out_segments, size_t max,
        size_t *out_count)
{
    char *at = path;
    size_t count = 0;

    if (*path != '/')
        return false;
    while (at != NULL) {
        char *slash = strchr(++at, '/');

        if (count == max)
            return false;
        if (slash != NULL)
            *slash = '\0';
        out_segments[count++] = at;
        at = slash;
    }
    /* Each by itself, now that all have their end. */
    for (size_t i = 0; i < count; i++)
        if (!http_unescape((char *)(uintptr_t)out_segments[i]))
            return false;
    *out_count = count;
    return true;
}

bool http_is_token(const char *text, size_t len)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++) {
        char c = text[i], lower = (char)(c | 0x20);

        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') &&
                memchr(marks, c, sizeof(marks) - 1) == NULL)
            return false;
    }
    return len > 0;
}

bool http_is_visible(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') ||
                text[i] == 0x7f)
            return false;
    return true;
}

bool http_has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (list != NULL && *list != '\0') {
        list += strspn(list, ", \t");
        if (strncasecmp(list, word, len) == 0 && strcspn(list, ", \t") == len)
            return true;
        list += strcspn(list, ", \t");
    }
    return false;
}
