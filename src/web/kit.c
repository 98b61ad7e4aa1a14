/* kit.c - see kit.h. */
#include "web/kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "web/files.h"

static const struct {
    const char *path, *text;
    const size_t *len;
} kit[] = {
    { "/crq/live.js", kit_live_js, &kit_live_js_len },
    { "/crq/page.css", kit_page_css, &kit_page_css_len },
};

/* FNV-1a: another version of the gateway has another text. */
static uint64_t hash(const char *text, size_t len)
{
    uint64_t n = 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        n = (n ^ (unsigned char)text[i]) * 1099511628211u;
    return n;
}

static void send(struct http_request *request, const char *path,
        const char *text, size_t len)
{
    char etag[20];
    const struct http_field fields[] = { { "ETag", etag },
        { "Cache-Control", "no-cache" }, { NULL, NULL } };

    (void)snprintf(etag, sizeof(etag), "\"%016" PRIx64 "\"", hash(text, len));
    if (files_is_known(request, etag))
        http_answer(request, 304, NULL, "", 0, fields);
    else
        http_answer(request, 200, files_type(path), text, len, fields);
}

bool kit_answer(struct http_request *request)
{
    for (size_t i = 0; i < sizeof(kit) / sizeof(kit[0]); i++)
        if (strcmp(kit[i].path, http_path(request)) == 0) {
            send(request, kit[i].path, kit[i].text, *kit[i].len);
            return true;
        }
    return false;
}
