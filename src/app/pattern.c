/* pattern.c - paths with variables: "/rooms/{code}/live". */
#include <string.h>

#include "app/read.h"
#include "base/mem.h"

#define SEGMENTS_MAX 32

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS  "0123456789"

/* One segment; what is wrong with it is told. */
static void read_segment(struct crq_app_reader *r, const char *text, size_t len,
        struct crq_app_pattern *pattern)
{
    struct crq_app_segment *s = &pattern->segments[pattern->count];
    bool variable = len > 2 && text[0] == '{' && text[len - 1] == '}';

    s->variable = variable;
    s->text = variable ? crq_memdup(text + 1, len - 2) : crq_memdup(text, len);
    if (s->text == NULL) {
        r->nomem = true;
        return;
    }
    pattern->count++;
    if (variable && strspn(s->text, LETTERS DIGITS) != len - 2)
        crq_app_wrong(r, "{%.60s} is no name of letters, digits and '_'",
                s->text);
    else if (variable &&
            crq_app_pattern_find(pattern, s->text) + 1 != (int)pattern->count)
        crq_app_wrong(r, "{%.60s} stands in it twice", s->text);
    else if (!variable && strpbrk(s->text, "{}?#% ") != NULL)
        crq_app_wrong(r,
                "'%.60s' must be a plain text, or a variable as {name}",
                s->text);
    else if (strcmp(s->text, ".") == 0 || strcmp(s->text, "..") == 0)
        crq_app_wrong(r, "'%s' is no part of a path", s->text);
}

void crq_app_read_pattern(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app_pattern *pattern = to;
    const char *at, *end;

    crq_app_text(r, v, &pattern->text);
    if (pattern->text == NULL)
        return;
    if (pattern->text[0] != '/') {
        crq_app_unexpected(r, v, "a path that begins with '/'");
        return;
    }
    pattern->segments = crq_calloc(SEGMENTS_MAX, sizeof(*pattern->segments));
    if (pattern->segments == NULL) {
        r->nomem = true;
        return;
    }
    /* "/" is one empty segment; a '/' at the end begins an empty one. */
    for (at = pattern->text; at != NULL; at = end) {
        end = strchr(++at, '/');
        if (pattern->count == SEGMENTS_MAX) {
            crq_app_wrong(r, "more than %d parts", SEGMENTS_MAX);
            return;
        }
        if (at == end)
            crq_app_wrong(r, "nothing between two slashes");
        read_segment(r, at, end != NULL ? (size_t)(end - at) : strlen(at),
                pattern);
    }
}

void crq_app_pattern_fini(struct crq_app_pattern *pattern)
{
    for (size_t i = 0; i < pattern->count; i++)
        crq_free(pattern->segments[i].text);
    crq_free(pattern->segments);
    crq_free(pattern->text);
}

bool crq_app_pattern_matches(const struct crq_app_pattern *pattern,
        const char *const *segments, size_t count)
{
    if (count != pattern->count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct crq_app_segment *s = &pattern->segments[i];

        if (s->variable ? segments[i][0] == '\0'
                        : strcmp(s->text, segments[i]) != 0)
            return false;
    }
    return true;
}

int crq_app_pattern_find(const struct crq_app_pattern *pattern,
        const char *name)
{
    for (size_t i = 0; i < pattern->count; i++)
        if (pattern->segments[i].variable &&
                strcmp(pattern->segments[i].text, name) == 0)
            return (int)i;
    return -1;
}

bool crq_app_pattern_same(const struct crq_app_pattern *a,
        const struct crq_app_pattern *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->segments[i].variable != b->segments[i].variable ||
                (!a->segments[i].variable &&
                        strcmp(a->segments[i].text, b->segments[i].text) != 0))
            return false;
    return true;
}
