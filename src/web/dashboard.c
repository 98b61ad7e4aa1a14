/*
 * dashboard.c - see dashboard.h.
 *
 * Three things stand between another site's page and what a visitor may do
 * here: Origin (gateway.c), cookies that are SameSite=Strict, and a secret of
 * the session in the header X-CSRF-Token, which only our pages can read.
 * Without tokens there is no session; then every browser's request needs the
 * gateway's own secret.
 */
#include "web/dashboard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "web/assets.h"
#include "web/files.h"
#include "web/form.h"
#include "web/guard.h"
#include "web/html.h"
#include "web/page.h"
#include "web/problem.h"
#include "web/rest.h"
#include "web/session.h"

#define PAGE_TYPE "text/html; charset=utf-8"

/* ------------------------------------------------------------------ viewers */

/* The token of "Authorization: Bearer TOKEN", or NULL. */
static const char *token_of(const struct http_request *request)
{
    const char *text = http_header(request, "Authorization");

    if (text == NULL || strncasecmp(text, "Bearer ", 7) != 0)
        return NULL;
    return text + 7 + strspn(text + 7, " ");
}

static void take_session(const struct gateway *g,
        const struct http_request *request, struct viewer *out)
{
    const struct session *session =
            sessions_find(g->sessions, http_header(request, "Cookie"));

    if (session == NULL)
        return;
    out->kind = VIEWER_SESSION;
    out->role = session->role;
    out->csrf = session->csrf;
    memcpy(out->caller, session->caller, sizeof(out->caller));
}

/* What a token that came with this request makes of who sent it. */
static enum viewer_kind verdict_of(const struct gateway *g,
        const struct http_request *request, const char *token,
        struct viewer *out)
{
    static const enum viewer_kind kinds[] = { [GUARD_KNOWN] = VIEWER_TOKEN,
        [GUARD_UNKNOWN] = VIEWER_NONE,
        [GUARD_LATER] = VIEWER_LATER };

    return kinds[guard_check(g->guard, http_peer(request), token,
            crq_clock_mono_us(&crq_clock_system), &out->role, out->caller,
            &out->retry_s)];
}

void viewer_of(const struct gateway *g, const struct http_request *request,
        struct viewer *out)
{
    const char *token = token_of(request);

    *out = (struct viewer){ .kind = VIEWER_NONE, .role = TOKEN_READ };
    if (g->tokens == NULL) {
        out->kind = VIEWER_ANYBODY;
        out->role = TOKEN_OPERATE;
        out->csrf = sessions_csrf(g->sessions);
    } else if (token == NULL) {
        take_session(g, request, out);
    } else {
        out->kind = verdict_of(g, request, token, out);
    }
}

static bool is_reading(const struct http_request *request)
{
    const char *method = http_method(request);

    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* No browser's, or that of a page which was allowed by name. */
static bool needs_no_secret(const struct gateway *g,
        const struct http_request *request)
{
    const char *origin = http_header(request, "Origin");

    if (origin == NULL)
        return http_header(request, "Sec-Fetch-Site") == NULL;
    for (size_t i = 0; i < g->rules.count; i++)
        if (strcasecmp(g->rules.allowed[i], origin) == 0)
            return true;
    return false;
}

bool viewer_sent_it(const struct gateway *g, const struct viewer *viewer,
        const struct http_request *request)
{
    if (is_reading(request) || viewer->kind == VIEWER_TOKEN ||
            (viewer->kind == VIEWER_ANYBODY && needs_no_secret(g, request)))
        return true;
    return viewer->csrf != NULL &&
            session_csrf_is(viewer->csrf, http_header(request, "X-CSRF-Token"));
}

/* ------------------------------------------------------------------ answers */

static void answer_page(struct http_request *request, int status,
        const struct crq_buf *page)
{
    static const struct http_field fields[] = { DASHBOARD_FIELDS,
        { NULL, NULL } };

    if (page->rc < 0)
        problem_answer(request, NULL, NULL);
    else
        http_answer(request, status, PAGE_TYPE, crq_buf_text(page), page->len,
                fields);
}

static void see_other(struct http_request *request, const char *location,
        const char *cookie)
{
    const struct http_field fields[] = { { "Location", location },
        { "Cache-Control", "no-store" },
        { cookie != NULL ? "Set-Cookie" : NULL, cookie }, { NULL, NULL } };

    http_answer(request, 303, NULL, "", 0, fields);
}

static void refuse(struct http_request *request, int status, const char *title,
        const char *text)
{
    struct crq_buf page = CRQ_BUF_INIT;

    (void)page_notice(status, title, text, &page);
    answer_page(request, status, &page);
    crq_buf_fini(&page);
}

/* -------------------------------------------------------------- signing in */

/* A path of ours, and nothing that a browser takes for another host. */
static bool is_own_path(const char *text)
{
    if (text == NULL || text[0] != '/' || text[1] == '/' || text[1] == '\\')
        return false;
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static void show_login(struct http_request *request, const char *next,
        const char *why)
{
    struct crq_buf page = CRQ_BUF_INIT;

    (void)page_login(is_own_path(next) ? next : "/", why, &page);
    answer_page(request, why != NULL ? 403 : 200, &page);
    crq_buf_fini(&page);
}

/* Whether the browser has come by HTTPS: to us, or to a proxy in front of us.
 * It names its page's scheme itself in the Origin of each form that it sends,
 * and no page can make it lie. What others say there is about their own cookie
 * only. */
static bool came_by_https(const struct gateway *g,
        const struct http_request *request)
{
    const char *origin = http_header(request, "Origin");

    return g->options->tls_cert != NULL ||
            (origin != NULL && strncasecmp(origin, "https://", 8) == 0);
}

static void set_cookie(char out[200], const struct gateway *g,
        const struct http_request *request, const char *id, int max_age)
{
    (void)snprintf(out, 200,
            SESSION_COOKIE "=%s; Path=/; Max-Age=%d; HttpOnly; "
                           "SameSite=Strict%s",
            id, max_age, came_by_https(g, request) ? "; Secure" : "");
}

static void sign_in(struct gateway *g, struct http_request *request)
{
    struct form form;
    char id[SESSION_ID_LEN + 1], cookie[200];
    struct viewer viewer = { .kind = VIEWER_NONE, .role = TOKEN_READ };
    const char *next, *token;

    if (!form_read(request, &form)) {
        show_login(request, NULL, "That was not the form.");
        return;
    }
    next = form_get(&form, "next");
    token = form_get(&form, "token");
    /* Without one nobody has guessed: no guard bounds what it writes. */
    if (token != NULL)
        viewer.kind = verdict_of(g, request, token, &viewer);
    if (token == NULL) {
        show_login(request, next, "That was not the form.");
    } else if (viewer.kind == VIEWER_LATER) {
        show_login(request, next,
                "Too many unknown tokens came from here. "
                "Wait a minute.");
    } else if (viewer.kind != VIEWER_TOKEN) {
        crq_log_warn(g->log, "%s signs in with a token that is none",
                http_peer(request));
        show_login(request, next, "There is no such token.");
    } else {
        sessions_close(g->sessions, http_header(request, "Cookie"));
        sessions_open(g->sessions, viewer.role, viewer.caller, id);
        set_cookie(cookie, g, request, id, SESSION_S);
        crq_log_info(g->log, "%s signs in with token %s", http_peer(request),
                viewer.caller);
        see_other(request, is_own_path(next) ? next : "/", cookie);
    }
    form_fini(&form);
}

static void answer_login(struct gateway *g, struct http_request *request)
{
    struct viewer viewer;

    viewer_of(g, request, &viewer);
    if (g->tokens == NULL)
        see_other(request, "/", NULL);
    else if (!is_reading(request))
        sign_in(g, request);
    else if (viewer.kind == VIEWER_NONE || viewer.kind == VIEWER_LATER)
        show_login(request, http_query(request, "next"), NULL);
    else
        see_other(request, "/", NULL);
}

/* A form without a script has no headers of its own: the secret is in it. */
static void answer_logout(struct gateway *g, struct http_request *request)
{
    struct viewer viewer;
    struct form form;
    char cookie[200];
    bool ours = false;

    viewer_of(g, request, &viewer);
    if (!is_reading(request) && viewer.kind == VIEWER_SESSION &&
            form_read(request, &form)) {
        ours = session_csrf_is(viewer.csrf, form_get(&form, "csrf"));
        form_fini(&form);
    }
    if (viewer.kind == VIEWER_SESSION && !ours) {
        refuse(request, 403, "Not signed out",
                "Use the button on a page for that.");
        return;
    }
    sessions_close(g->sessions, http_header(request, "Cookie"));
    set_cookie(cookie, g, request, "", 0);
    see_other(request, g->tokens != NULL ? "/login" : "/", cookie);
}

/* ------------------------------------------------------------------- assets */

static bool not_modified(const struct http_request *request, const char *etag)
{
    const char *known = http_header(request, "If-None-Match");

    return known != NULL &&
            (strstr(known, etag) != NULL || strcmp(known, "*") == 0);
}

/* /assets/SUM/NAME */
static bool answer_asset(struct http_request *request)
{
    size_t count;
    const char *const *path = http_segments(request, &count);
    const struct asset *asset = assets;
    char etag[40];
    const struct http_field fields[] = { { "ETag", etag },
        { "Cache-Control", "public, max-age=31536000, immutable" },
        { NULL, NULL } };

    if (count != 3 || strcmp(path[0], "assets") != 0 ||
            strcmp(path[1], assets_sum) != 0 || !is_reading(request))
        return false;
    while (asset->name != NULL && strcmp(asset->name, path[2]) != 0)
        asset++;
    if (asset->name == NULL)
        return false;
    (void)snprintf(etag, sizeof(etag), "\"%s\"", assets_sum);
    if (not_modified(request, etag))
        http_answer(request, 304, NULL, "", 0, fields);
    else
        http_answer(request, 200, files_type(asset->name), asset->text,
                asset->len, fields);
    return true;
}

/* -------------------------------------------------------------------- pages */

/* To sign in, and back to what was asked for. */
static void lead_to_login(struct http_request *request)
{
    struct crq_buf location = CRQ_BUF_INIT;
    const char *name, *value;

    crq_buf_puts(&location, http_path(request));
    for (size_t i = 0; http_query_at(request, i, &name, &value); i++) {
        crq_buf_putc(&location, i == 0 ? '?' : '&');
        html_url(&location, name);
        crq_buf_putc(&location, '=');
        html_url(&location, value);
    }
    if (location.rc == 0) {
        struct crq_buf next = CRQ_BUF_INIT;

        crq_buf_puts(&next, "/login?next=");
        html_url(&next, crq_buf_text(&location));
        if (next.rc == 0)
            see_other(request, crq_buf_text(&next), NULL);
        else
            problem_answer(request, NULL, NULL);
        crq_buf_fini(&next);
    } else {
        problem_answer(request, NULL, NULL);
    }
    crq_buf_fini(&location);
}

static void answer_page_for(struct gateway *g, struct http_request *request)
{
    static const struct http_field get[] = { { "Allow", "GET" },
        { NULL, NULL } };
    struct viewer viewer;

    viewer_of(g, request, &viewer);
    if (!is_reading(request))
        problem_answer(request, problem_new(405, "it takes GET only"), get);
    else if (viewer.kind == VIEWER_NONE || viewer.kind == VIEWER_LATER)
        lead_to_login(request);
    else
        rest_page(g->rest, request, &viewer);
}

static const struct {
    const char *path;
    void (*answer)(struct gateway *g, struct http_request *request);
} own[] = {
    { "/login", answer_login },
    { "/logout", answer_logout },
};

bool dashboard_answer(struct gateway *g, struct http_request *request)
{
    size_t count;
    const char *const *path = http_segments(request, &count);

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i].path, http_path(request)) == 0) {
            own[i].answer(g, request);
            return true;
        }
    if (answer_asset(request))
        return true;
    if (!page_is_known(path, count))
        return false;
    answer_page_for(g, request);
    return true;
}
