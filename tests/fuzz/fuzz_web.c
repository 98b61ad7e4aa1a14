/*
 * fuzz_web.c - web/ with whatever clients, and the file of tokens, say.
 *
 * The first byte says what it is. Held true: a path is split into parts of
 * UTF-8 without '\0', never more than there is room for; a pattern matches the
 * path that it is; what was taken is what it should be; a file of tokens that
 * was taken knows no empty one.
 */
#include "fuzz.h"

#include <string.h>

#include "app/app.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "web/entry.h"
#include "web/http.h"
#include "web/http_target.h"
#include "web/origin.h"
#include "web/tokens.h"
#include "web/ws.h"

#define PARTS 33

/* An application with one route of this pattern, or NULL: it is none. */
static struct crq_app *app_of(const char *pattern)
{
    struct crq_buf on = CRQ_BUF_INIT, text = CRQ_BUF_INIT;
    struct crq_app *app = NULL;
    crq_error err;

    crq_buf_printf(&on, "GET %s", pattern);
    crq_buf_puts(&text,
            "{\"name\": \"x\", \"queues\": [\"q\"], \"routes\": [{\"on\": ");
    crq_json_put_string(&text, crq_buf_text(&on), on.len);
    crq_buf_puts(&text, ", \"enqueue\": {\"task\": \"a.b\"}}]}");
    if (crq_app_parse(crq_buf_text(&text), text.len, ".", NULL, NULL, &app,
                &err) < 0)
        app = NULL;
    crq_buf_fini(&text);
    crq_buf_fini(&on);
    return app;
}

static bool split(char *path, const char **parts, size_t *count)
{
    size_t len = strlen(path), sum = 0;

    *count = 0;
    if (!http_split(path, parts, PARTS, count))
        return false;
    fuzz_check(*count > 0 && *count <= PARTS);
    for (size_t i = 0; i < *count; i++) {
        fuzz_check(crq_utf8_strict(parts[i], strlen(parts[i])));
        sum += 1 + strlen(parts[i]);
    }
    fuzz_check(sum <= len);
    return true;
}

/* "PATTERN\nPATH" */
static void match(char *text)
{
    const char *parts[PARTS], *own[PARTS];
    char *path = strchr(text, '\n');
    struct crq_app *app;
    size_t count, own_count;
    bool is_path;

    if (path == NULL)
        return;
    *path++ = '\0';
    app = app_of(text);
    is_path = split(path, parts, &count);
    if (app != NULL) {
        const struct crq_app_pattern *pattern = &app->routes[0].path;

        fuzz_check(crq_app_pattern_same(pattern, pattern));
        if (is_path && crq_app_pattern_matches(pattern, parts, count))
            fuzz_check(pattern->count == count);
        /* Variables are no escapes, and none is empty: it matches itself. */
        if (split(text, own, &own_count))
            fuzz_check(crq_app_pattern_matches(pattern, own, own_count));
        crq_app_free(app);
    }
}

static void read_tokens(const char *text)
{
    struct tokens *tokens;
    enum token_role role;
    char name[TOKEN_NAME_LEN + 1];
    crq_error err;

    if (tokens_parse("tokens", text, &tokens, &err) < 0) {
        fuzz_check(err.text[0] != '\0');
        return;
    }
    fuzz_check(!tokens_find(tokens, "", &role, name));
    tokens_free(tokens);
}

/* "ORIGIN\nHOST" */
static void judge_origin(char *text)
{
    static const struct origin_rules rules = { .loopback = true };
    char *host = strchr(text, '\n');

    if (host == NULL)
        return;
    *host++ = '\0';
    if (origin_is_allowed(&rules, text, host)) /* this host, or none */
        fuzz_check(strstr(text, "://") != NULL);
    if (origin_host_is_ours(&rules, host))
        fuzz_check(strncmp(host, "127.", 4) == 0 || strchr("lL[", *host));
}

static void read_entry_id(const char *text)
{
    struct entry_id id, again;
    char written[64];

    if (!entry_id_read(text, &id))
        return;
    (void)snprintf(written, sizeof(written), "%llu-%llu",
            (unsigned long long)id.ms, (unsigned long long)id.n);
    fuzz_check(entry_id_read(written, &again));
    fuzz_check(!entry_id_is_behind(id, again) &&
            !entry_id_is_behind(again, id));
}

static void read_address(const char *text)
{
    crq_error err;

    if (http_address_check(text, &err) < 0)
        fuzz_check(err.text[0] != '\0');
    else
        fuzz_check(strchr(text, ':') != NULL);
    (void)origin_is_loopback(text);
}

static void read_head(const char *text)
{
    char accept[29];

    if (ws_accept_key(text, accept))
        fuzz_check(strlen(text) == 24 && strlen(accept) == 28);
    if (http_has_word(text, "upgrade"))
        fuzz_check(strlen(text) >= 7);
    if (http_is_token(text, strlen(text)))
        fuzz_check(http_is_visible(text, strlen(text)) && *text != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    text = strndup((const char *)data + 1, size - 1);
    fuzz_check(text != NULL);
    switch (data[0]) {
    case 'p': match(text); break;
    case 't': read_tokens(text); break;
    case 'o': judge_origin(text); break;
    case 'e': read_entry_id(text); break;
    case 'a': read_address(text); break;
    default: read_head(text); break;
    }
    free(text);
    return 0;
}
